"""A process of the landscape that dies while cases ran is named, and nothing is judged without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from assay.errors import InfrastructureError
from assay.local.state import Home, Process, Running
from assay.runners import gate
from assay.runners.verdict import Verdict
from assay.runners.vitals import Vitals


def test_what_died_is_named_with_its_last_words(tmp_path: Path) -> None:
    """Name, pid, the end of its log and the command that repairs it; before it died there was nothing to say."""
    log = tmp_path / "edge.log"
    log.write_text("all well\nout of memory\n")
    home = Home(tmp_path, "local")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        edge = Process("edge", child.pid, psutil.Process(child.pid).create_time(), log=str(log))
        home.write(Running("local", {"edge": edge, "keeper": Process("keeper", 1, 0.0)}))
        vitals = Vitals(home)
        vitals.check()  # the keeper was dead before: its loss is nothing new
        child.kill()
        child.wait()
    with pytest.raises(InfrastructureError, match=r"^edge died while cases ran") as told:
        vitals.check()
    assert str(edge.pid) in str(told.value.where)
    assert "out of memory" in str(told.value.seen)
    assert "assay up --env local" in str(told.value.hint)


def test_where_nothing_is_ours_nothing_can_be_lost(tmp_path: Path) -> None:
    """An environment of real systems has no process of ours."""
    assert Vitals(Home(tmp_path, "staging")).loss() is None


def test_what_dies_under_load_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edge that dies while Locust runs is trouble of the gate, in place of a load that merely found nothing."""
    (tmp_path / "load").mkdir()
    (tmp_path / "load" / "peak.py").write_text("")
    home = Home(tmp_path, "local")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    home.write(Running("local", {"edge": Process("edge", child.pid, psutil.Process(child.pid).create_time())}))

    def killing(*_: object) -> subprocess.CompletedProcess[str]:
        child.kill()
        child.communicate()
        return subprocess.CompletedProcess([], 1, "", "")

    monkeypatch.setattr(gate, "_locust", killing)
    monkeypatch.setattr(gate, "is_disposable", lambda _: True)
    profile = SimpleNamespace(gate=SimpleNamespace(load="load/peak.py", users=1), folder=tmp_path)
    session: Any = SimpleNamespace(plan=SimpleNamespace(profile=profile, home=home, name="local"))
    log: Any = SimpleNamespace(verdict=Verdict())
    gate.run_load(session, log, seconds=1)
    assert [each.code for each in log.verdict.trouble] == [3]
    assert "load: edge died" in log.verdict.trouble[0].text
