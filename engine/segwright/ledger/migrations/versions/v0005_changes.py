"""Changes of mappings: what people are asked to approve, and what they said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _texts_or_empty(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), server_default="", nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "change",
        sa.Column("id", _key(), autoincrement=True, nullable=False),
        *_texts("environment", "digest", "proposer", "because", "base", "revision", "severity"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
    )
    op.create_table(
        "change_part",
        sa.Column("id", _key(), autoincrement=True, nullable=False),
        sa.Column("change_id", _key(), nullable=False),
        *_texts("org", "environment"),
        *_texts_or_empty("group_", "severity", "binding"),
        sa.Column("needs", sa.Integer(), server_default="0", nullable=False),
        sa.Column("items", sa.String(), server_default="{}", nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["change_id"], ["change.id"], name=op.f("fk_change_part_change_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_part")),
        sa.UniqueConstraint("change_id", "org", name=op.f("uq_change_part_change_id_org")),
    )
    op.create_index("ix_change_part_org", "change_part", ["org", "environment", "change_id"])
    op.create_table(
        "verdict",
        sa.Column("id", _key(), autoincrement=True, nullable=False),
        sa.Column("change_id", _key(), nullable=False),
        *_texts("org", "environment", "binding", "kind"),
        sa.Column("account_id", _key(), nullable=False),
        *_texts("account", "because"),
        *_texts_or_empty("line"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), server_default="0", nullable=False),
        *_texts_or_empty("withdrawn", "undone"),
        sa.Column("fetched_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["change_id"], ["change.id"], name=op.f("fk_verdict_change_id")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_verdict_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict")),
    )
    op.create_index("ix_verdict_org", "verdict", ["org", "environment", "binding"])
    op.create_index("ix_verdict_change", "verdict", ["change_id"])
    installing = sa.text("kind = 'installed'")
    op.create_index(
        "ix_event_installed", "event", ["chain", "number"], sqlite_where=installing, postgresql_where=installing
    )


def downgrade() -> None:
    for index, table in (
        ("ix_event_installed", "event"), ("ix_verdict_change", "verdict"), ("ix_verdict_org", "verdict"),
        ("ix_change_part_org", "change_part"),
    ):  # fmt: skip
        op.drop_index(index, table_name=table)
    for table in ("verdict", "change_part", "change"):
        op.drop_table(table)
