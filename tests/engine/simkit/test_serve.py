"""Several simulators in one process: their ports, admin routes apart from the vendor's API, and what SIGKILL leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assay.errors import InfrastructureError
from assay.local.clock import LandscapeClock

from .conftest import START, SUITE, Demo

ROOT = Path(__file__).resolve().parents[3]


def test_health(demo: Demo) -> None:
    """Health names system, process, simulated instant, next due entry and calls."""
    before = demo.admin("GET", "health")
    assert demo.process is not None
    assert (before["system"], before["pid"], before["now"]) == ("demo", demo.process.pid, START.isoformat())
    assert before["next_due"] is None
    demo.plan(60, "note", "x")
    after = demo.admin("GET", "health")
    assert after["calls"] == before["calls"] + 1
    assert after["next_due"].startswith("2026-03-02T09:01:00")


def test_reset_starts_again_from_the_seed(demo: Demo) -> None:
    """A reset forgets documents and jobs; the same seed gives the same world, another seed another."""
    first = demo.things()
    demo.call("POST", "/things", "a=1")
    demo.plan(60, "note", "x")
    answer = demo.admin("POST", "reset", {})
    assert answer["next_due"] is None
    assert demo.things() == first
    demo.admin("POST", "reset", {"seed": 2})
    assert demo.things() != first
    demo.admin("POST", "reset", {"seed": 1})
    assert demo.things() == first


def test_a_reset_holds_after_a_restart(serve: Callable[..., Demo]) -> None:
    """What was forgotten does not come back from disk."""
    demo = serve()
    for _ in range(3):
        demo.call("POST", "/things", "a=1")
    demo.admin("POST", "reset", {})
    demo.call("POST", "/things", "b=2")
    kept = demo.things()
    demo.end(signal.SIGKILL)
    demo.start()
    assert demo.things() == kept
    assert len(kept) == 2


def test_unknown_admin_routes(demo: Demo) -> None:
    """An admin route nobody knows is 404 and names those there are."""
    with pytest.raises(InfrastructureError, match="was refused") as refused:
        demo.admin("POST", "resett", {})
    assert "404" in str(refused.value.seen)
    assert "POST reset" in str(refused.value.seen)


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b"{'seed': 2}"])
def test_garbage_to_an_admin_route(demo: Demo, body: bytes) -> None:
    """A body that is no JSON object is refused with 400 and changes nothing; it is never a 500."""
    demo.call("POST", "/things", "a=1")
    before = demo.things()
    for route in ("reset", "settings"):
        assert demo.call("POST", f"/__admin/{route}", body).status == 400
    assert demo.things() == before
    assert "Traceback" not in demo.log


def test_answered_means_kept(serve: Callable[..., Demo]) -> None:
    """Whatever was answered before kill -9, under parallel load, is there after the restart: nothing else is lost."""
    demo = serve()
    acknowledged: list[str] = []
    guard, enough = threading.Lock(), threading.Event()

    def order(number: int) -> None:
        try:
            key = demo.call("POST", "/things", f"number={number}").json()["id"]
        except (OSError, ValueError):
            return
        with guard:
            acknowledged.append(key)
            if len(acknowledged) >= 60:
                enough.set()

    with ThreadPoolExecutor(8) as customers:
        sent = [customers.submit(order, number) for number in range(400)]
        assert enough.wait(20)
        demo.end(signal.SIGKILL)
        for each in sent:
            each.cancel()
    demo.start()
    held = {thing["id"] for thing in demo.things()}
    assert set(acknowledged) <= held
    assert len(held) <= len(acknowledged) + 8 + 1


def test_a_restart_goes_on_where_it_was(serve: Callable[..., Demo]) -> None:
    """Ids count on after a restart instead of repeating."""
    demo = serve()
    keys = [demo.call("POST", "/things", "a=1").json()["id"] for _ in range(3)]
    demo.end(signal.SIGKILL)
    demo.start()
    keys += [demo.call("POST", "/things", "a=1").json()["id"] for _ in range(3)]
    assert len(set(keys)) == 6


def test_it_ends_cleanly_when_asked(serve: Callable[..., Demo]) -> None:
    """SIGTERM and Ctrl-C end the process with 0 and without a traceback, idle connections or not."""
    for number in (signal.SIGTERM, signal.SIGINT):
        demo = serve()
        demo.call("GET", "/things")
        assert demo.end(number) == 0
        assert "Traceback" not in demo.log


def test_capture_keeps_whole_answers(tmp_path: Path, clock: LandscapeClock) -> None:
    """With `capture` every answer is written whole, for conformance checks."""
    demo = Demo(tmp_path / "captured", tmp_path / "clock.json", capture=tmp_path / "capture")
    demo.start()
    demo.call("POST", "/things", "a=1")
    demo.call("GET", "/things/none")
    demo.end()
    (file,) = (tmp_path / "capture").glob("demo-*.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["status"], "id" in json.loads(line["response"])) for line in lines] == [(201, True), (404, False)]
    assert lines[0]["media_type"] == "application/json"


@pytest.mark.parametrize(
    ("vendor", "port", "said"),
    [("nobody", 0, "mocks.nobody"), ("headless", 0, "SIMULATOR must be"), ("demo", None, "in use")],
)
def test_what_cannot_start_ends(demo: Demo, tmp_path: Path, vendor: str, port: int | None, said: str) -> None:
    """An unknown simulator, one without a head and a taken port end the process at once, and the log says why."""
    (tmp_path / "mocks" / "headless").mkdir(parents=True)
    (tmp_path / "mocks" / "headless" / "simulator.py").write_text("SIMULATOR = None\n")
    config = {
        "suite_roots": [str(tmp_path), str(SUITE)],
        "dir": str(tmp_path / "state"),
        "ready": str(tmp_path / "ready.json"),
        "systems": [{"vendor": vendor, "port": demo.port if port is None else port}],
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "assay.simkit.serve", str(tmp_path / "config.json")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert ended.returncode != 0
    assert said in ended.stderr
    assert not (tmp_path / "ready.json").exists()


def test_a_setting_that_nobody_reads_is_refused(demo: Demo, tmp_path: Path) -> None:
    """A misspelt setting ends the start with 2 and names the nearest; told at run time it gets 400."""
    path = tmp_path / "config.json"
    system = {"vendor": "ecb", "settings": {"fozen_at": "2026-01-02"}}
    path.write_text(json.dumps({"suite_roots": [str(ROOT)], "dir": str(tmp_path), "ready": "", "systems": [system]}))
    ended = subprocess.run([sys.executable, "-m", "assay.simkit.serve", str(path)], capture_output=True, timeout=30)
    said = "systems.ecb.settings: the simulator has no setting 'fozen_at'; did you mean 'frozen_at'?"
    assert (ended.returncode, ended.stderr.decode().strip()) == (2, said)
    answer = demo.call("POST", "/__admin/settings", json.dumps({"nobody_reads_it": 1}))
    assert (answer.status, answer.json()["error"]) == (
        400,
        "the simulator has no setting 'nobody_reads_it'; known: none",
    )
