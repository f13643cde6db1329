"""Version 6: what windows of time were summed up to, for whoever watches distributions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "6"
down_revision = "5"


def upgrade() -> None:
    """Add the table; everything else stays as it is."""
    op.create_table(
        "windows",
        sa.Column("environment", sa.String(64), primary_key=True),
        sa.Column("source", sa.String(64), primary_key=True),
        sa.Column("since_us", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("memory", sa.JSON, nullable=False),
    )
