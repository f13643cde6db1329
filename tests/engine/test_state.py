"""What runs where is remembered by pid and instant of creation, written whole, and changed by one command at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from assay.errors import InfrastructureError
from assay.local.processes import last_words, stop
from assay.local.state import Home, Process, Running


def _started(code: str) -> tuple[subprocess.Popen[bytes], Process]:
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    child.stdout.close()
    return child, Process("part", child.pid, psutil.Process(child.pid).create_time(), {"part": 1}, "part.log")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """A landscape reads back as it was written; one never written has no process."""
    home = Home(tmp_path, "local")
    assert home.read() == Running("local")
    running = Running("local", {"edge": Process("edge", 17, 1.5, {"edge": 8080}, "edge.log")})
    home.write(running)
    assert home.read() == running
    assert (home.read().port("edge", "edge"), home.read().port("edge", "x"), home.read().port("x", "x")) == (
        8080,
        None,
        None,
    )
    assert Home.at(home.path, "local").read() == running


def test_two_environments_do_not_share_a_folder(tmp_path: Path) -> None:
    """Each environment of a project keeps its own processes, clock and store."""
    one, other = Home(tmp_path, "local"), Home(tmp_path, "ci")
    one.write(Running("local", {"edge": Process("edge", 17, 1.5)}))
    assert other.read().processes == {}
    assert len({one.clock, other.clock, one.store, other.store}) == 4


def test_a_pid_given_to_somebody_else_is_not_ours() -> None:
    """A process is recognised by pid and creation instant together."""
    mine = Process("me", os.getpid(), psutil.Process().create_time())
    assert mine.alive
    assert not replace(mine, created=mine.created - 10).alive
    assert not Process("gone", 2**22 - 3, 0.0).alive


def test_stop_never_touches_a_stranger() -> None:
    """Stopping a process whose pid now belongs to somebody else leaves that one alone."""
    child, process = _started("import time; print('ready', flush=True); time.sleep(60)")
    stop(replace(process, created=process.created - 10))
    assert child.poll() is None
    child.kill()
    child.wait()


@pytest.mark.parametrize("stubborn", [False, True])
def test_stop_ends_a_process(monkeypatch: pytest.MonkeyPatch, stubborn: bool) -> None:
    """A process ends when asked, and is made to end when it does not listen; an ended one is no trouble."""
    monkeypatch.setattr("assay.local.processes._STOP_AFTER_S", 0.2)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" if stubborn else ""
    child, process = _started(f"import time;{deaf} print('ready', flush=True); time.sleep(60)")
    stop(process)
    assert not process.alive
    child.wait(5)
    stop(process)


def test_one_command_at_a_time(tmp_path: Path) -> None:
    """While one command changes a landscape another is told so at once; afterwards it may."""
    home = Home(tmp_path, "local")
    with home.locked(), pytest.raises(InfrastructureError, match="another assay command"), home.locked():
        pass
    with home.locked():
        pass


def test_last_words(tmp_path: Path) -> None:
    """An error shows the end of a log, or says that it is empty or missing."""
    log = tmp_path / "x.log"
    assert "there is no log" in last_words(log)
    log.write_text("")
    assert "is empty" in last_words(log)
    log.write_text("\n".join(str(number) for number in range(100)))
    assert last_words(log, 2) == "its log ends: 98 | 99"
