"""Version 3: what synthetic orders in production spend."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Add the table; everything else stays as it is."""
    op.create_table(
        "spendings",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("environment", sa.String(64), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("orders", sa.Integer, nullable=False),
        sa.Column("minor", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_spendings_at_us", "spendings", ["at_us"])
