"""Fixtures for tests of monitoring: clocks moved by hand, and a project whose monitors a test writes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.monitoring.stand_ins import Hands

ROOT = Path(__file__).resolve().parents[3]
TABLE = """
[monitors.{name}]
title = "{name}"
{what}
owner = "me"
runbook = "x.md"
alert = {{ severity = "page" }}
"""


@pytest.fixture
def hands() -> Hands:
    """Clocks moved by hand."""
    return Hands()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project's folder: the reference shop's profile, the thread as its flow, a runbook, no monitor."""
    folder = tmp_path / "project"
    (folder / "monitors" / "runbooks").mkdir(parents=True)
    (folder / "monitors" / "runbooks" / "x.md").write_text("# What to do\n")
    text = (ROOT / "assay.toml").read_text()
    (folder / "assay.toml").write_text(text.replace("[policies]\n", "[scenarios]\nshipped = false\n\n[policies]\n", 1))
    (folder / "scenarios").mkdir()
    shutil.copy(ROOT / "scenarios" / "thread.py", folder / "scenarios")
    return folder


@pytest.fixture
def write(project: Path) -> Callable[..., Path]:
    """Return what writes monitors/FILE: the text given, or a table for each name with these lines."""

    def written(file: str = "own.toml", text: str | None = None, **monitors: str) -> Path:
        path = project / "monitors" / file
        if text is None:
            text = "".join(TABLE.format(name=name, what=what) for name, what in monitors.items())
        path.write_text(text)
        return path

    return written
