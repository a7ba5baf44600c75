"""Studies: the clinicians' worklist, who has one open, and how clinicians sign."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WAITING = sa.text("state = 'waiting'")
_SIGNED = sa.text("state = 'signed'")


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "study",
        sa.Column("id", _key(), autoincrement=True, nullable=False),
        sa.Column("org", sa.String(), nullable=False),
        sa.Column("result_id", sa.String(), nullable=False),
        sa.Column("case_id", _key(), nullable=False),
        sa.Column("revision_id", _key(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("signed_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("signer", sa.String(), server_default="", nullable=False),
        sa.Column("holder", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held_since", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_study_case_id")),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_study_revision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("org", "result_id", name=op.f("uq_study_org_result_id")),
    )
    for name, columns, condition in (
        ("ix_study_waiting", ["org", "state", "urgency", "id"], _WAITING),
        ("ix_study_signed", ["org", "state", "signed_at", "id"], _SIGNED),
    ):
        op.create_index(name, "study", columns, sqlite_where=condition, postgresql_where=condition)
    op.create_index("ix_study_case", "study", ["case_id"])
    op.create_index("ix_draft_account", "draft", ["account_id", "seen_at"])
    op.create_table(
        "signer",
        sa.Column("account_id", _key(), nullable=False),
        sa.Column("org", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_signer_account_id")),
        sa.PrimaryKeyConstraint("account_id", "org", name=op.f("pk_signer")),
    )
    op.get_bind().execute(sa.text(_FILL))
    _urgencies()


_FILL = """
INSERT INTO study (org, result_id, case_id, revision_id, state, urgency, at, signed_at, signer)
SELECT r.org, r.result_id, r.case_id, r.id,
       CASE WHEN s.id IS NOT NULL THEN 'signed'
            WHEN EXISTS (SELECT 1 FROM order_ o WHERE o.case_id = r.case_id)
             AND NOT EXISTS (SELECT 1 FROM order_ o WHERE o.case_id = r.case_id AND o.state <> 'cancelled') THEN 'done'
            WHEN r.kind = 'preliminary'
             AND NOT EXISTS (SELECT 1 FROM revision f WHERE f.case_id = r.case_id AND f.kind <> 'preliminary') THEN 'waiting'
            WHEN r.pathway = 'sign-off' OR EXISTS (
                 SELECT 1 FROM delivery d WHERE d.case_id = r.case_id AND d.revision_id = r.id AND d.state = 'held'
                    AND d.reason = 'awaiting sign-off') THEN 'waiting'
            ELSE 'done' END,
       2, (SELECT min(b.at) FROM revision b WHERE b.org = r.org AND b.result_id = r.result_id),
       COALESCE(s.at, 0), COALESCE(s.actor, '')
  FROM revision r
  LEFT JOIN signoff s ON s.id = (SELECT max(l.id) FROM signoff l WHERE l.revision_id = r.id AND l.withdrawn_at = 0)
 WHERE NOT EXISTS (SELECT 1 FROM revision n WHERE n.org = r.org AND n.result_id = r.result_id
                      AND (n.version > r.version OR (n.version = r.version AND n.id > r.id)))
 ORDER BY r.id
"""
_URGENT = {"stat": 0, "urgent": 1}


def _urgencies() -> None:
    """Of what waits: what its orders say."""
    connection = op.get_bind()
    found = connection.execute(
        sa.text(
            "SELECT s.id, o.document FROM study s JOIN order_ o ON o.case_id = s.case_id"
            " WHERE s.state = 'waiting' AND o.state <> 'cancelled'"
        )
    )
    urgencies: dict[int, int] = {}
    for number, document in found:
        try:
            said = json.loads(bytes(document)).get("priority")
        except ValueError:
            continue
        urgencies[number] = min(urgencies.get(number, 2), _URGENT.get(said, 2) if isinstance(said, str) else 2)
    for number, urgency in urgencies.items():
        connection.execute(
            sa.text("UPDATE study SET urgency = :urgency WHERE id = :id"), {"urgency": urgency, "id": number}
        )


def downgrade() -> None:
    op.drop_table("signer")
    op.drop_index("ix_draft_account", table_name="draft")
    for index in ("ix_study_case", "ix_study_signed", "ix_study_waiting"):
        op.drop_index(index, table_name="study")
    op.drop_table("study")
