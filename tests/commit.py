"""The commit under test, as a number: what is chosen by it is another choice for each commit, and the same again."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def seed_of_commit() -> int:
    """Return a number below a million that follows from the commit; 1 where there is none."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return int(done.stdout.strip() or "1", 16) % 1_000_000
