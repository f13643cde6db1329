"""Suites are found in the user's project first and in the shipped one second."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.suites import enter, reference_suite, suite_roots


def test_the_reference_suite_holds_simulators_and_flows() -> None:
    """What is shipped has the folders of a suite, and no top package that would hide a user's own."""
    for folder in ("mocks", "scenarios", "load", "monitors"):
        assert (reference_suite() / folder).is_dir()
        assert not (reference_suite() / folder / "__init__.py").exists()


def test_the_users_project_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's root precedes the shipped one, on sys.path too, and each stands there once."""
    monkeypatch.setattr(sys, "path", ["/somewhere"])
    roots = suite_roots(tmp_path)
    assert roots == [tmp_path.resolve(), reference_suite()]
    enter(roots)
    enter(roots)
    assert sys.path == [str(tmp_path.resolve()), str(reference_suite()), "/somewhere"]


def test_in_the_shipped_suite_itself_the_root_is_one() -> None:
    """Working in the reference suite does not list it twice."""
    assert suite_roots(reference_suite()) == [reference_suite()]


@pytest.mark.parametrize("folder", ["mocks", "scenarios", "load", "monitors", "connectors"])
def test_an_init_that_hides_the_shipped_suite_is_refused(tmp_path: Path, folder: str) -> None:
    """A user's mocks/__init__.py would make ours invisible: refused, with the file to delete."""
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "__init__.py").touch()
    with pytest.raises(UsageError, match=f"{folder}/__init__.py hides") as refused:
        suite_roots(tmp_path)
    assert refused.value.where == str(tmp_path / folder / "__init__.py")
