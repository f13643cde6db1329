"""Where suites lie: the user's project first, the shipped reference suite second, as runners put them on sys.path."""

from __future__ import annotations

import sys
from pathlib import Path

from assay.errors import UsageError

_PACKAGE = Path(__file__).resolve().parent
_FOLDERS = ("mocks", "scenarios", "load", "monitors", "connectors")


def reference_suite() -> Path:
    """Return the shipped suite: inside the installed package, or the checkout this package is installed from."""
    installed = _PACKAGE / "reference"
    return installed if installed.is_dir() else _PACKAGE.parents[1]


def suite_roots(project: Path) -> list[Path]:
    """Return the folders to search; `UsageError` for an ``__init__.py`` that would hide the shipped suite."""
    for folder in _FOLDERS:
        if (project / folder / "__init__.py").exists():
            raise UsageError(
                f"{folder}/__init__.py hides everything Assay ships under '{folder}'",
                where=str(project / folder / "__init__.py"),
                hint="delete that file; the folders inside keep theirs",
            )
    roots = [project.resolve(), reference_suite()]
    return list(dict.fromkeys(roots))


def enter(roots: list[Path]) -> None:
    """Put suite roots at the head of sys.path, in order."""
    for root in reversed(roots):
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
