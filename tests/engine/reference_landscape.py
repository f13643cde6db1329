"""The reference landscape in a project that holds the reference profile and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.local.up import bring_up, take_down
from assay.runners.session import Session

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def reference_landscape(folder: Path) -> Iterator[tuple[Plan, Session]]:
    """Bring it up in a folder, with a session as monitors have one, and take it down at the end."""
    (folder / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    plan = plan_for("local", folder / "assay.toml")
    try:
        running = bring_up(plan, lambda _: None)
        with Session(plan, running, runner="monitor") as session:
            yield plan, session
    finally:
        take_down(plan.home, lambda _: None)
