"""The heartbeat: an outside address is called while the process is healthy, and its secrets are told to nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.local.plan import Plan
from assay.local.state import Home
from assay.profile import load_profile
from assay.runners.scheduler.heartbeat import Heartbeat, heartbeat_of
from tests.serving import Quiet, serving

ROOT = Path(__file__).parents[3]
SECRET = "/ping/8f3c-top-secret?token=hush"


class Outside:
    """A dead man's switch of the test's own."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.status = 200
        self.url = ""


@pytest.fixture
def outside() -> Iterator[Outside]:
    """Serve one that notes its calls and answers as it is told to."""
    it = Outside()

    class Handler(Quiet):
        def do_GET(self) -> None:
            it.calls.append(self.path)
            self.send_response(it.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler) as address:
        it.url = address + SECRET
        yield it


def test_it_is_called_only_while_all_is_well(outside: Outside) -> None:
    """Each healthy round is a call; a round with a problem is none, and the sentence says why, once."""
    problems: list[str] = []
    counted: list[str] = []
    said: list[str] = []
    beat = Heartbeat(outside.url, lambda: problems, count=counted.append, say=said.append, wall=lambda: 1000.0)
    beat.beat()
    assert (outside.calls, beat.last_success) == ([SECRET], 1000.0)
    problems += ["the clock jumped back by 2h, 3s ago", "the store is not well: disk full"]
    beat.beat()
    beat.beat()
    assert len(outside.calls) == 1
    problems.clear()
    beat.beat()
    assert len(outside.calls) == 2
    assert counted == ["answered", "withheld", "withheld", "answered"]
    assert said[1] == "heartbeat withheld: the clock jumped back by 2h, 3s ago (and 1 more)"
    assert len(said) == 3
    beat.close()


def test_trouble_outside_is_said_and_harms_nobody(outside: Outside) -> None:
    """An address that refuses, redirects or is gone is counted and said without its path; nothing is raised."""
    counted: list[str] = []
    said: list[str] = []
    beat = Heartbeat(outside.url, list, count=counted.append, say=said.append)
    for status in (500, 302):
        outside.status = status
        beat.beat()
    beat.close()
    gone = Heartbeat("http://127.0.0.1:9" + SECRET, list, count=counted.append, say=said.append)
    gone.beat()
    gone.close()
    assert counted == ["failed"] * 3
    assert "answered 500" in said[0]
    assert "127.0.0.1:9" in said[-1]
    assert "secret" not in " ".join(said)
    assert "hush" not in " ".join(said)


def test_who_cannot_say_how_it_is_is_not_healthy(outside: Outside) -> None:
    """Where asking for problems fails, the call is withheld."""

    def broken() -> list[str]:
        raise RuntimeError("dictionary changed size")

    beat = Heartbeat(outside.url, broken)
    beat.beat()
    beat.close()
    assert outside.calls == []


def test_a_slow_address_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that never answers ends in a failed beat, not in a thread that hangs."""
    monkeypatch.setattr("assay.runners.scheduler.heartbeat._TIMEOUT_S", 0.2)
    release = threading.Event()

    class Silent(Quiet):
        def do_GET(self) -> None:
            release.wait(30)

    counted: list[str] = []
    with serving(Silent) as address:
        beat = Heartbeat(address, list, count=counted.append)
        beat.beat()
        release.set()
        beat.close()
    assert counted == ["failed"]


def test_the_profile_names_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address comes from the environment; unset it is an error that names the variable, absent there is none."""
    text = (ROOT / "assay.toml").read_text(encoding="utf-8")
    (tmp_path / "assay.toml").write_text(text)
    assert heartbeat_of(_plan(tmp_path), list) is None
    (tmp_path / "assay.toml").write_text(f'{text}\n[monitoring]\nheartbeat = "env:DEAD_MAN"\n')
    monkeypatch.delenv("DEAD_MAN", raising=False)
    with pytest.raises(UsageError, match="DEAD_MAN is not set"):
        heartbeat_of(_plan(tmp_path), list)
    monkeypatch.setenv("DEAD_MAN", "http://127.0.0.1:9/secret")
    beat = heartbeat_of(_plan(tmp_path), list)
    assert beat is not None
    assert beat.host == "127.0.0.1:9"
    monkeypatch.setenv("DEAD_MAN", "hush-hush")
    with pytest.raises(UsageError, match="address is none") as refused:
        heartbeat_of(_plan(tmp_path), list)
    assert "hush" not in str(refused.value)


def _plan(folder: Path) -> Plan:
    profile = load_profile(folder / "assay.toml")
    return Plan(profile=profile, name="local", environment=profile.environment("local"), home=Home(folder, "local"))
