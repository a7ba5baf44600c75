"""What the board asks: whose a case is, control ids and names by their value, figures, what waits for a second person.

Orders that are there already are remembered by their patients' numbers as new ones are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from segwright.ledger.people import digests

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TOGETHER = 1000
_OPEN = sa.text("state = 'open'")


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "person",
        sa.Column("org", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("case_id", _key(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_person_case_id")),
        sa.PrimaryKeyConstraint("org", "digest", "case_id", name=op.f("pk_person")),
    )
    op.create_table(
        "proposal",
        sa.Column("id", _key(), autoincrement=True, nullable=False),
        sa.Column("org", sa.String(), nullable=False),
        sa.Column("act", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("second", sa.String(), server_default="", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    op.create_table(
        "tally",
        sa.Column("org", sa.String(), nullable=False),
        sa.Column("lane_id", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("within", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org", "lane_id", "slot", "what", "within", name=op.f("pk_tally")),
    )
    op.create_table(
        "tallied",
        sa.Column("chain", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_tallied")),
    )
    _remember()
    op.create_index("ix_person_case", "person", ["case_id"])
    op.create_index("ix_proposal_open", "proposal", ["org", "state", "id"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("ix_proposal_org", "proposal", ["org", "id"])
    op.create_index("ix_alias_value", "alias", ["org", "value"])
    op.create_index("ix_inbox_control", "inbox", ["org", "control_id"])
    op.create_index("ix_suppressed_recent", "suppressed", ["org", "id"])


def _remember() -> None:
    """The patients of the orders that are there."""
    order = sa.table("order_", *map(sa.column, ("id", "org", "case_id", "patient")))
    person = sa.table("person", *map(sa.column, ("org", "digest", "case_id")))
    connection = op.get_bind()
    last = 0
    while True:
        rows = connection.execute(sa.select(order).where(order.c.id > last).order_by(order.c.id).limit(_TOGETHER)).all()
        if not rows:
            return
        last = rows[-1].id
        found = {(row.org, one, row.case_id) for row in rows for one in digests(row.org, bytes(row.patient))}
        known = {
            tuple(row)
            for row in connection.execute(
                sa.select(person).where(person.c.case_id.in_(sorted({row.case_id for row in rows})))
            )
        }
        new = [dict(zip(("org", "digest", "case_id"), one, strict=True)) for one in sorted(found - known)]
        if new:
            connection.execute(sa.insert(person), new)


def downgrade() -> None:
    for index, table in (
        ("ix_suppressed_recent", "suppressed"), ("ix_inbox_control", "inbox"), ("ix_alias_value", "alias"),
        ("ix_proposal_org", "proposal"),
        ("ix_proposal_open", "proposal"), ("ix_person_case", "person"),
    ):  # fmt: skip
        op.drop_index(index, table_name=table)
    for name in ("tallied", "tally", "proposal", "person"):
        op.drop_table(name)
