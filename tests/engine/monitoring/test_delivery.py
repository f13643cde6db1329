"""Messages arrive, in their order and once; a route that fails is tried again, seen, and holds up nobody else."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InfrastructureError
from assay.monitor import AlertRule
from assay.profile import Profile
from assay.store import Store, open_store
from tests.engine.monitoring.night import APPRISE_IS_OLD, Ear, Night, listening, profile_of, watch

pytestmark = APPRISE_IS_OLD


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ear]:
    """The chat to which alerts go."""
    with listening() as server:
        monkeypatch.setenv("NIGHT_CHAT", server.apprise)
        yield server


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Store]:
    """A store of its own."""
    store = open_store(tmp_path / "store.sqlite", patience_s=0.2)
    yield store
    store.close()


@pytest.fixture
def night(kept: Store, tmp_path: Path, ear: Ear) -> Night:
    """An engine with one monitor that is silent for a day before anybody minds."""
    return Night(kept, profile_of(tmp_path), {"checkout": watch(interval_s=86_400.0)})


def eventually(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for something that threads bring about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def test_what_fails_is_tried_again_with_growing_pauses(
    night: Night, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    """A route that answers 500 is seen as undeliverable, is tried ever more rarely, and delivers when it is well."""
    ear.status = 500
    night.runs("failed", "failed", "failed")
    assert len(night.engine.undeliverable()) == 1
    assert "'checkout' (firing) by route 'chat' not delivered after 1 try" in night.engine.undeliverable()[0]
    assert "error=500" in night.engine.undeliverable()[0]
    pauses, last = [], night.at
    for _ in range(60):
        before = night.store.alerts.deliveries("production")[0].tries
        night.pass_time(5)
        if night.store.alerts.deliveries("production")[0].tries > before:
            pauses.append((night.at - last).total_seconds())
            last = night.at
    assert pauses == [5, 15, 30, 60, 120]
    ear.status = 200
    night.pass_time(300)
    assert ear.titles == [night.messages[0]["subject"]]
    assert night.engine.undeliverable() == ()
    assert night.engine.delivery_counts() == {("chat", "failed"): 6, ("chat", "delivered"): 1}
    assert "could not be delivered by route 'chat'" in caplog.text


def test_what_cannot_be_delivered_for_a_day_is_given_up_and_seen(night: Night, ear: Ear) -> None:
    """After a day a message is given up; for one more day that is still seen, then it is history."""
    ear.status = 500
    night.runs("failed", "failed", "failed")
    night.pass_time(86_400)
    assert "was given up after 2 tries" in night.engine.undeliverable()[-1]
    assert night.store.alerts.deliveries("production", states=("given up",))[0].kind == "firing"
    ear.status = 200
    night.pass_time(60)
    night.pass_time(86_400)
    assert not [each for each in night.engine.undeliverable() if "(firing)" in each]


def test_messages_of_one_alert_arrive_in_their_order(night: Night, ear: Ear) -> None:
    """What is over is not told before that it began, however long the route was away."""
    ear.status = 503
    night.runs("failed", "failed", "failed", "passed", "passed")
    ear.status = 200
    for _ in range(3):
        night.pass_time(300)
    assert [each.partition("]")[0] for each in ear.titles] == ["[PAGE", "[RESOLVED"]


def two_routes(tmp_path: Path, **more: Any) -> Profile:
    """Return a profile whose second route takes pages alone."""
    routes = {"chat": {"url": "env:NIGHT_CHAT"}, "pager": {"url": "env:NIGHT_PAGER", "severities": ["page"]}}
    return profile_of(tmp_path, routes=routes, **more)


def test_severities_choose_among_routes(kept: Store, tmp_path: Path, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticket goes to the chat alone, a page to both; a monitor that names its routes is told there alone."""
    with listening() as pager:
        monkeypatch.setenv("NIGHT_PAGER", pager.apprise)
        monitors = {
            "checkout": watch(interval_s=86_400.0),
            "rates": watch("rates", alert=AlertRule(severity="ticket"), interval_s=86_400.0),
            "stock": watch("stock", alert=AlertRule(severity="page", routes=("pager",)), interval_s=86_400.0),
        }
        night = Night(kept, two_routes(tmp_path), monitors)
        for name in monitors:
            night.runs("failed", "failed", "failed", name=name)
        assert [each.split()[-1] for each in ear.titles if "checkout" in each or "rates" in each]
        assert len(ear.heard) == 2
        assert sorted("checkout" in each for each in pager.titles) == [False, True]


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Answer one byte a second, for longer than anybody waits."""
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    for _ in range(20):
        try:
            handler.wfile.write(b".")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.5)


def test_a_route_that_drips_holds_up_nobody(
    kept: Store, tmp_path: Path, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pager that answers a byte at a time is given its seconds; the chat hears at once, and checks go on."""
    with listening() as pager:
        pager.act = drip
        monkeypatch.setenv("NIGHT_PAGER", pager.apprise)
        night = Night(kept, two_routes(tmp_path), {"checkout": watch(interval_s=86_400.0)})
        engine = night.another(send_s=2.0)
        engine.start()
        try:
            for _ in range(3):
                began = time.monotonic()
                night.run("failed", engine=engine)
                assert time.monotonic() - began < 1.0
            eventually(lambda: ear.heard)
            eventually(engine.undeliverable)
            assert "by route 'pager' not delivered after 1 try" in engine.undeliverable()[0]
            assert "no answer within 2 s" in engine.undeliverable()[0]
        finally:
            engine.close(patience_s=1.0)


def test_threads_deliver_within_a_second_or_two(night: Night, ear: Ear) -> None:
    """From the run that makes it fire to the message that has arrived, real time, with threads of its own."""
    engine = night.another()
    engine.start()
    try:
        for _ in range(3):
            night.run("failed", engine=engine)
        assert ear.arrived.wait(10)
    finally:
        engine.close()
    assert night.said == ["firing checkout"]
    eventually(lambda: not [each for each in threading.enumerate() if each.name.startswith("assay-alerts")])


HOLD = """
import sqlite3, sys
holder = sqlite3.connect(sys.argv[1], isolation_level=None)
holder.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def away(night: Night) -> Iterator[None]:
    """Take the store away: every question to it is answered as PostgreSQL's end would be."""
    kept, database = night.store.alerts, night.store.alerts._database

    class Gone:
        def __getattr__(self, name: str) -> Any:
            raise InfrastructureError("the store cannot be reached", where="postgresql://…")

    kept._database = Gone()  # type: ignore[assignment]
    try:
        yield
    finally:
        kept._database = database
        night.pass_time(10)


def test_alerts_go_on_without_the_store_and_are_told_once(night: Night, ear: Ear) -> None:
    """The store is away while a monitor breaks: somebody is woken, and when it is back nothing is told again."""
    night.run("passed")
    with away(night):
        night.runs("failed", "failed", "failed", "failed")
        assert len(ear.heard) == 1
        assert "alerts are kept in memory alone" in night.engine.problems()[0]
        assert night.view().state == "failing"
    assert night.engine.problems() == ()
    assert night.said == ["firing checkout"]
    assert night.store.alerts.deliveries("production")[0].state == "delivered"
    night.runs("failed", "passed", "passed")
    assert [each.partition("]")[0] for each in ear.titles] == ["[PAGE", "[RESOLVED"]


def test_a_row_of_bad_runs_crosses_the_gap(night: Night, ear: Ear) -> None:
    """Two bad runs before the store went away and one after it came back are three in a row."""
    night.run("failed")
    with away(night):
        night.run("failed")
        assert ear.heard == []
    night.run("failed")
    assert night.said == ["firing checkout"]


def test_what_broke_and_healed_without_the_store_is_told_both(night: Night, ear: Ear) -> None:
    """Both messages go out from memory, in their order, and are kept as delivered afterwards."""
    with away(night):
        night.runs("failed", "failed", "failed", "passed", "passed")
        night.pass_time(30)
        assert [each.partition("]")[0] for each in ear.titles] == ["[PAGE", "[RESOLVED"]
    assert night.said == ["firing checkout", "resolved checkout"]
    assert {each.state for each in night.store.alerts.deliveries("production")} == {"delivered"}


def test_what_another_process_told_meanwhile_is_not_told_again(night: Night, ear: Ear) -> None:
    """Cut off with a route that fails too, a process finds on its return that the other has told: it drops its own."""
    night.run("passed")
    other = night.another()
    night.pass_time(1, engine=other)
    ear.status = 500
    with away(night):
        night.runs("failed", "failed", "failed")
        assert ear.heard == []
        cut_off, night.engine = night.engine, other
        night.engine = cut_off
        # The other process reaches the store: stand aside for it, then take it away again.
        gone, night.store.alerts._database = night.store.alerts._database, _database_of(night)
        ear.status = 200
        night.runs("failed", "failed", "failed", engine=other)
        night.store.alerts._database = gone
    assert len(ear.heard) == 1
    night.pass_time(600)
    assert len(ear.heard) == 1


def _database_of(night: Night) -> Any:
    return night.store.intents._database


def test_a_locked_store_blocks_no_listener(night: Night, tmp_path: Path) -> None:
    """While another process holds the store the listener returns at once, and what it heard is kept afterwards."""
    engine = night.another()
    engine.start()
    command = [sys.executable, "-c", HOLD, str(tmp_path / "store.sqlite")]
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            began = time.monotonic()
            for _ in range(3):
                night.run("failed", engine=engine)
            assert time.monotonic() - began < 1.0
            holder.communicate(timeout=10)
        night.mono += 60
        eventually(lambda: night.said == ["firing checkout"])
    finally:
        engine.close()


def test_old_messages_and_silences_are_removed(night: Night) -> None:
    """What is settled and older than it is kept goes; what still waits stays, however old."""
    night.runs("failed", "failed", "failed", "passed", "passed")
    night.store.alerts.silence("production", "checkout", "x", "zoe", night.at + timedelta(minutes=1), now=night.at)
    assert night.store.alerts.retain(night.at + timedelta(days=3), keep_s=86_400.0) == 3
    assert night.store.alerts.deliveries("production") == []


def test_no_route_at_all_is_said(kept: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where no route takes an alert it is seen on the page and said on the log."""
    night = Night(kept, profile_of(tmp_path, routes={}), {"checkout": watch()})
    with caplog.at_level(logging.WARNING):
        night.runs("failed", "failed", "failed")
    assert night.view().told
    assert "alert 'checkout' fires and no route takes it" in caplog.text
