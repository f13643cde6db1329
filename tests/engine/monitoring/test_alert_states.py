"""When an alert fires, is told again, flaps and is over; over both kinds of store, by one process and by several."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from assay.alerts.states import Memory
from assay.monitor import AlertRule, Objective
from assay.store import Store, open_store
from tests.engine.monitoring.night import APPRISE_IS_OLD, MIDNIGHT, Ear, Night, listening, profile_of, watch

pytestmark = APPRISE_IS_OLD


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ear]:
    """The chat to which alerts go."""
    with listening() as server:
        monkeypatch.setenv("NIGHT_CHAT", server.apprise)
        yield server


@pytest.fixture
def night(tmp_path: Path, ear: Ear) -> Iterator[Night]:
    """An engine with one monitor, over SQLite."""
    store = open_store(tmp_path / "store.sqlite")
    yield Night(store, profile_of(tmp_path), {"checkout": watch()})
    store.close()


@pytest.fixture
def shared(store: Store, tmp_path: Path, ear: Ear) -> Night:
    """The same over each kind of store."""
    return Night(store, profile_of(tmp_path), {"checkout": watch()})


def test_three_in_a_row_fire_and_two_end_it(shared: Night, ear: Ear) -> None:
    """Two bad runs wake nobody, the third does, one good run ends nothing, the second does; each is told once."""
    shared.runs("passed", "failed", "failed")
    assert (shared.said, shared.view().state) == ([], "degraded")
    shared.run("failed")
    assert (shared.said, shared.view().state, shared.view().told) == (["firing checkout"], "failing", True)
    assert shared.view().since == MIDNIGHT + timedelta(minutes=2)
    shared.runs("failed", "passed")
    assert (shared.said, shared.view().state) == (["firing checkout"], "failing")
    shared.run("passed")
    assert (shared.said, shared.view().state) == (["firing checkout", "resolved checkout"], "passing")
    assert [each["title"].partition("]")[0] for each in ear.heard] == ["[PAGE", "[RESOLVED"]
    assert "4 of 6 runs did not pass" in ear.heard[1]["message"]


def test_the_monitors_own_rule_wins(night: Night) -> None:
    """A monitor that fires after one and is over after one does so whatever the profile says."""
    night.monitors["checkout"] = watch(alert=AlertRule(severity="ticket", fire_after=1, resolve_after=1))
    night.runs("failed", "passed")
    assert night.said == ["firing checkout", "resolved checkout"]


@pytest.mark.parametrize("result", ["error", "stuck", "missed"])
def test_runs_without_a_verdict_are_an_alert_of_their_own(night: Night, result: str) -> None:
    """What could not be judged three times in a row is unknown, said so, and never called failing."""
    night.runs(result, result)
    assert night.said == []
    night.run(result, trouble=("sap did not answer: no answer within 10 s",))
    assert (night.said, night.view().state) == (["firing checkout"], "unknown")
    message = night.messages[0]
    assert "no verdict" in message["subject"]
    assert message["labels"]["alertname"] == "AssayUnknown"
    assert "not known; it may be: customers of checkout cannot buy" in message["text"]


def test_a_verdict_among_runs_without_one_counts(night: Night) -> None:
    """Error, error, failed is failing: since the last good run the only verdict was a bad one."""
    night.runs("error", "error", "failed")
    assert (night.said, night.view().state) == (["firing checkout"], "failing")


def test_unknown_that_turns_out_failing_is_told_again(night: Night) -> None:
    """Whoever heard that nothing is known hears when it is known to be broken; not the other way round."""
    night.runs("error", "error", "error", "failed", "error", "error", "error")
    assert night.said == ["firing checkout", "firing checkout"]
    assert [each["labels"]["alertname"] for each in night.messages] == ["AssayUnknown", "AssayFailing"]
    assert night.messages[1]["replaces"]["alertname"] == "AssayUnknown"


def test_a_case_that_always_fails_shows_itself_in_rotation(night: Night) -> None:
    """Of three cases in turn the one in yen fails each time: three in a row of it, though never of the monitor."""
    night.monitors["checkout"] = watch(check=None, flow="F01", rotate=True)
    for _ in range(3):
        for case, result in (("JPY", "failed"), ("KWD", "passed"), ("INR", "passed")):
            night.run(result, cases=(case,))
    assert night.said == ["firing checkout"]
    assert "case JPY" in night.messages[0]["text"]
    for _ in range(2):
        night.run("passed", cases=("JPY",))
    assert night.said == ["firing checkout", "resolved checkout"]


def test_a_place_that_always_fails_shows_itself_beside_one_that_passes(night: Night) -> None:
    """Two locations are counted each by itself: one bad place is enough to fire, and must be well again to end it."""
    for _ in range(3):
        night.run("failed", location="paris")
        night.run("passed", location="tokyo", after=1)
    assert night.said == ["firing checkout"]
    night.runs("passed", "passed", location="tokyo")
    assert night.said == ["firing checkout"]
    night.runs("passed", "passed", location="paris")
    assert night.said == ["firing checkout", "resolved checkout"]


def test_silence_of_a_monitor_is_unknown_and_then_fires(night: Night) -> None:
    """Not heard of for two intervals it is unknown; after as many as make it fire somebody is told, once."""
    night.run("passed")
    night.pass_time(100)
    assert night.view().state == "passing"
    night.pass_time(30)
    assert (night.view().state, night.said) == ("unknown", [])
    for _ in range(4):
        night.pass_time(30)
    assert night.said == ["firing checkout"]
    assert "not run since 00:01 UTC" in night.messages[0]["subject"]
    night.runs("passed", "passed")
    assert night.said == ["firing checkout", "resolved checkout"]


def test_a_monitor_that_never_ran_is_told_too(night: Night) -> None:
    """A process that begins gives every monitor its intervals, then says which never ran."""
    night.pass_time(0)
    night.pass_time(130)
    night.pass_time(60)
    assert night.said == ["firing checkout"]
    assert "never run" in night.messages[0]["subject"]


def test_a_jump_of_the_clock_makes_nothing_silent(night: Night) -> None:
    """The wall clock leaps six hours forward and back while real seconds pass: nobody is told anything."""
    night.run("passed")
    for hours in (6, -6):
        night.at += timedelta(hours=hours)
        night.pass_time(1)
    assert (night.said, night.view().state) == ([], "passing")


def test_reminders_come_as_often_as_agreed(night: Night) -> None:
    """What still fires is told again every so often, by the monitor's own span, and says that it is a reminder."""
    night.monitors["checkout"] = watch(alert=AlertRule(severity="page", remind_every_s=600))
    night.runs(*["failed"] * 25)
    assert night.said == ["firing checkout", "reminder checkout", "reminder checkout"]
    assert night.messages[1]["subject"].startswith("[STILL PAGE]")


def test_flapping_is_told_once_and_ends_when_it_calms_down(night: Night) -> None:
    """Five changes within the hour are told as flapping; then nothing until it is calm, then that it is over."""
    for _ in range(6):
        night.runs("failed", "failed", "failed", "passed", "passed")
    assert night.said == [
        "firing checkout",
        "resolved checkout",
        "firing checkout",
        "resolved checkout",
        "flapping checkout",
    ]
    assert night.view().flapping
    for _ in range(60):
        night.run("passed")
    assert night.said[5:] == ["resolved checkout"]
    assert not night.view().flapping


def test_flapping_that_ends_broken_is_told_as_firing(night: Night) -> None:
    """What calms down by failing for good wakes somebody again."""
    for _ in range(3):
        night.runs("failed", "failed", "failed", "passed", "passed")
    for _ in range(60):
        night.run("failed")
    assert night.said[4:6] == ["flapping checkout", "firing checkout"]


def test_a_broken_promise_of_latency_is_degraded_and_wakes_nobody(night: Night) -> None:
    """Runs that pass too slowly show as degraded, and as passing when they are quick again."""
    night.monitors["checkout"] = watch(objective=Objective(latency_s=1.0, latency_share=0.9))
    for number in range(12):
        night.run("passed", seconds=3.0 if number % 3 == 0 else 0.2)
    assert night.view().state == "degraded"
    night.runs(*["passed"] * 20)
    assert (night.view().state, night.said) == ("passing", [])


def test_two_processes_share_one_alert(shared: Night) -> None:
    """Runs that two processes hear in turn count as one row, and each change is told once, by whoever was first."""
    other = shared.another()
    engines = (shared.engine, other)
    for number in range(4):
        shared.run("failed", engine=engines[number % 2])
    for engine in engines:
        shared.pass_time(1, engine=engine)
    assert shared.said == ["firing checkout"]
    for number in range(2):
        shared.run("passed", engine=engines[number % 2])
    for engine in engines:
        shared.pass_time(1, engine=engine)
    assert shared.said == ["firing checkout", "resolved checkout"]


def test_nothing_is_lost_between_state_and_delivery(shared: Night, ear: Ear) -> None:
    """A process killed after the state changed and before it sent: the next one sends, once."""
    shared.engine.courier.work_off = lambda *_, **__: None  # type: ignore[method-assign]
    shared.runs("failed", "failed", "failed")
    assert (shared.said, ear.heard) == (["firing checkout"], [])
    heir = shared.another()
    shared.pass_time(1, engine=heir)
    shared.pass_time(1, engine=heir)
    assert len(ear.heard) == 1


def test_a_message_taken_by_a_dead_process_is_sent_by_the_next(shared: Night, ear: Ear) -> None:
    """What a process took for delivery and never settled is free again when its time is over, and not before."""
    shared.engine.courier.work_off = lambda *_, **__: None  # type: ignore[method-assign]
    shared.runs("failed", "failed", "failed")
    taken = shared.store.alerts.claim(
        "production", holder="dead", now=shared.at, until=shared.at + timedelta(seconds=100)
    )
    assert len(taken) == 1
    heir = shared.another()
    shared.pass_time(1, engine=heir)
    assert ear.heard == []
    shared.pass_time(100, engine=heir)
    assert len(ear.heard) == 1


def test_a_restart_in_the_middle_tells_nothing_twice(shared: Night) -> None:
    """A new process takes over the row of bad runs as it stands, and does not tell again what was told."""
    shared.runs("failed", "failed")
    shared.engine = shared.another()
    shared.run("failed")
    shared.engine = shared.another()
    shared.runs("failed", "failed")
    assert shared.said == ["firing checkout"]


def test_a_monitor_taken_away_ends_its_alert(night: Night) -> None:
    """A firing monitor whose table is deleted is told to be over, after a while, and forgotten."""
    night.runs("failed", "failed", "failed")
    del night.monitors["checkout"]
    night.pass_time(60)
    assert night.said == ["firing checkout"]
    night.pass_time(900)
    night.pass_time(1)
    assert night.said == ["firing checkout", "resolved checkout"]
    assert "no longer watched" in night.messages[1]["subject"]
    assert night.store.alerts.load("production") == []


def test_a_process_that_runs_only_some_leaves_the_others_alone(night: Night) -> None:
    """Another process's hourly monitor, unknown here, keeps its alert while it may still be run there."""
    other = night.another()
    night.monitors["checkout"] = watch(interval_s=3600.0)
    night.runs("failed", "failed", "failed")
    other._monitors = lambda: {"rates": watch("rates", interval_s=86_400.0)}
    for _ in range(3):
        night.pass_time(3600, engine=other)
    assert night.said == ["firing checkout"]
    night.pass_time(3700, engine=other)
    assert night.said == ["firing checkout", "resolved checkout"]


def test_the_process_itself_raises_alerts(night: Night) -> None:
    """Runs of assay_configuration, assay_undo and assay_self need no monitor: one bad run fires, one good ends it."""
    night.monitors.clear()
    for name in ("assay_configuration", "assay_undo", "assay_self"):
        night.run("failed", name)
        night.run("passed", name)
    kinds = [
        f"{kind} {name}"
        for name in ("assay_configuration", "assay_undo", "assay_self")
        for kind in ("firing", "resolved")
    ]
    assert night.said == kinds
    assert "assay_undo.md" in night.messages[2]["text"]


def test_what_an_alert_remembers_survives_the_store(night: Night) -> None:
    """Written and read again, a memory is the same; what is well takes little room."""
    night.runs("passed", "passed")
    row = night.store.alerts.load("production")[0]
    assert len(str(row.memory)) < 220
    night.runs("failed", "failed", "failed", cases=("EUR",))
    row = night.store.alerts.load("production")[0]
    assert Memory.from_json(row.memory).to_json() == row.memory
    assert (row.told, row.kind, row.severity) == (True, "failing", "page")
    assert row.since == night.view().since
