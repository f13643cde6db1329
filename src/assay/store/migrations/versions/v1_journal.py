"""Version 1: the edge's journal, as the first Assay made it."""

from __future__ import annotations

revision = "1"
down_revision = None


def upgrade() -> None:
    """Change nothing: every store there is has at least this version."""
