"""Version 5: what vendors' live answers were learned to be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Add the table; everything else stays as it is."""
    op.create_table(
        "learned",
        sa.Column("environment", sa.String(64), primary_key=True),
        sa.Column("system", sa.String(64), primary_key=True),
        sa.Column("operation", sa.String(255), primary_key=True),
        sa.Column("status", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("memory", sa.JSON, nullable=False),
        sa.Column("changed_us", sa.BigInteger, nullable=False),
    )
