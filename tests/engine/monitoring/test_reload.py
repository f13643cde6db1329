"""Changed files of monitors are noticed and read once they stand still; what only looks changed is passed over."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.errors import UsageError
from assay.monitor import Monitor
from assay.profile import load_profile
from assay.runners.scheduler.reload import Files, Reload
from assay.suite_monitors import load_monitors
from tests.engine.monitoring.stand_ins import Hands

CHECK = 'check = "order_census"\ninterval = "10m"'
CODE = '''
from assay.monitor import AlertRule, monitor


@monitor(name="coded", title="{title}", owner="me", runbook="x.md", interval="5m", alert=AlertRule())
def coded(look):
    """Hold nothing."""
'''


class Watched:
    """A project's files, looked at as often as a test says."""

    def __init__(self, project: Path, hands: Hands) -> None:
        import assay.drift.census  # noqa: F401 (registers the check)

        self._hands, profile = hands, load_profile(project / "assay.toml")
        self.load: Callable[[], Mapping[str, Monitor]] = lambda: load_monitors([project], profile, {})
        self.reload = Reload([project], self.load, monotonic=lambda: hands.runs)

    def look(self, times: int = 3) -> list[Any]:
        """Look a few times, a second apart, and return what was found."""
        found = []
        for _ in range(times):
            self._hands.passes(1.01)
            if (seen := self.reload.look()) is not None:
                found.append(seen)
        return found


@pytest.fixture
def watched(project: Path, hands: Hands, write: Callable[..., Path]) -> Watched:
    """A project with one monitor."""
    write(census=CHECK)
    return Watched(project, hands)


def test_nothing_is_read_while_nothing_changes(watched: Watched) -> None:
    """Files that stay as they are, and one that was only touched or written as it was, are passed over."""
    assert watched.look() == []
    (path,) = (each for each in watched.reload._stamps)
    path.write_text(path.read_text())
    os.utime(path, (1, 1))
    assert watched.look() == []


def test_a_change_is_read_once(watched: Watched, write: Callable[..., Path]) -> None:
    """A changed file brings the new monitors, once; so does a new one, and one that went away."""
    write(census=CHECK, second=CHECK)
    (found,) = watched.look()
    assert found.keys() == {"census", "second"}
    write("more.toml", third=CHECK)
    (found,) = watched.look()
    assert found.keys() == {"census", "second", "third"}
    write("more.toml").unlink()
    (found,) = watched.look()
    assert found.keys() == {"census", "second"}


def test_a_file_in_the_middle_of_being_written_is_given_a_moment(watched: Watched, write: Callable[..., Path]) -> None:
    """While a file changes from look to look it is not read; when it stands still it is."""
    found = []
    for length in (40, 80, 120):
        path = write(census=CHECK, second=CHECK)
        path.write_text(path.read_text()[:length])
        found += watched.look(1)
    write(census=CHECK, second=CHECK)
    assert found == []
    assert [each.keys() for each in watched.look()] == [{"census", "second"}]


def test_a_bad_file_is_an_error_until_it_is_mended(watched: Watched, write: Callable[..., Path]) -> None:
    """The error names the file; it comes once, not at every look; mending brings the monitors."""
    write(census='check = "order_censu"\ninterval = "10m"')
    (error,) = watched.look(6)
    assert isinstance(error, UsageError)
    assert "did you mean 'order_census'" in str(error)
    assert "own.toml: monitors.census.check" in str(error)
    write(census=CHECK)
    assert [each.keys() for each in watched.look()] == [{"census"}]


def test_changed_code_is_imported_again(watched: Watched, write: Callable[..., Path]) -> None:
    """A changed .py brings its new monitor, also within one second; a broken one leaves the old module in its place."""
    write("coded.py", CODE.format(title="first"))
    assert watched.look()[0]["coded"].title == "first"
    write("coded.py", CODE.format(title="other"))
    assert watched.look()[0]["coded"].title == "other"
    path = write("coded.py", CODE.format(title="broken") + "\nraise RuntimeError('half done')\n")
    (error,) = watched.look()
    assert f"{path}:9" in str(error)
    assert "RuntimeError: half done" in str(error)
    write("coded.py", CODE.format(title="mended"))
    assert watched.look()[0]["coded"].title == "mended"


def test_an_import_that_never_ends_is_said_once(hands: Hands) -> None:
    """What reads files may hang in somebody's code; another thread says so, with what to do, and says it once."""
    said: list[Exception] = []
    files: Files

    def endless() -> None:
        for _ in range(4):
            hands.passes(10)
            files.say_slow()

    files = Files(endless, lambda monitors: None, said.append, monotonic=lambda: hands.runs)
    files.look()
    (error,) = said
    assert "gone on for more than 15s" in str(error)
    assert "start this process anew" in str(error)
    files.say_slow()
    assert len(said) == 1
