"""Critical values first on the worklist, certificates that receivers show, and proposals that are done with."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CRITICAL = ("critical_high", "critical_low")


def upgrade() -> None:
    texts = [
        sa.Column(name, sa.String(), nullable=False)
        for name in ("org", "destination", "address", "fingerprint", "names")
    ]
    times = [sa.Column(name, sa.BigInteger(), nullable=False) for name in ("begins", "ends", "at")]
    op.create_table(
        "presented", *texts, *times, sa.PrimaryKeyConstraint("org", "destination", name=op.f("pk_presented"))
    )
    op.add_column("change", sa.Column("pruned_at", sa.BigInteger(), server_default="0", nullable=False))
    connection = op.get_bind()
    connection.execute(sa.text("UPDATE study SET urgency = urgency + 1"))
    waiting = connection.execute(
        sa.text(
            "SELECT s.id, r.document FROM study s JOIN revision r ON r.id = s.revision_id WHERE s.state = 'waiting'"
        )
    )
    for number in [row.id for row in waiting if _critical(bytes(row.document))]:
        connection.execute(sa.text("UPDATE study SET urgency = 0 WHERE id = :id"), {"id": number})


def _critical(document: bytes) -> bool:
    try:
        found: Any = json.loads(document)
    except ValueError:
        return False
    measured = found.get("measurements") if isinstance(found, dict) else None
    return isinstance(measured, list) and any(
        isinstance(one, dict) and one.get("flag") in _CRITICAL for one in measured
    )


def downgrade() -> None:
    # What was critical becomes the most urgent that there was.
    op.get_bind().execute(sa.text("UPDATE study SET urgency = CASE WHEN urgency > 0 THEN urgency - 1 ELSE 0 END"))
    op.drop_column("change", "pruned_at")
    op.drop_table("presented")
