"""How an older store becomes one of today: one alembic revision for each version, in ``versions/``.

`meta.version` alone says which version a store has, so that an older Assay, too, sees that a store is too new for it.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory


def upgrade(connection: sa.Connection, version: int, target: int) -> None:
    """Run every revision after `version` up to `target`, oldest first, inside the caller's transaction."""
    scripts = ScriptDirectory(str(Path(__file__).parent))
    revisions = list(scripts.iterate_revisions(str(target), str(version)))
    with Operations.context(MigrationContext.configure(connection)):
        for revision in reversed(revisions):
            revision.module.upgrade()
