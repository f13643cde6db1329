"""One alert for a system that is down: those who suffer are listed, and fire by themselves if they stay bad."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.monitor import AlertRule
from assay.store import open_store
from tests.engine.monitoring.night import APPRISE_IS_OLD, Night, profile_of, watch

pytestmark = APPRISE_IS_OLD
AWAY: dict[str, Any] = {"unreachable": ("stripe",), "trouble": ("stripe did not answer: no answer within 10 s",)}


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    """Two monitors that need stripe, one that needs another vendor, and a flow."""
    store = open_store(tmp_path / "store.sqlite")
    monitors = {
        "checkout": watch(systems=("shop", "stripe")),
        "census": watch("census", systems=("stripe",), alert=AlertRule(severity="ticket")),
        "parcels": watch("parcels", systems=("ups",)),
        "order": watch("order", check=None, flow="F01"),
    }
    # Silence is another test's matter.
    monitors = {name: watch(name, **_of(each, interval_s=86_400.0)) for name, each in monitors.items()}
    yield Night(store, profile_of(tmp_path), monitors)
    store.close()


def _of(monitor: object, **more: object) -> dict[str, object]:
    kept = ("systems", "alert", "check", "flow")
    return {**{name: getattr(monitor, name) for name in kept}, **more}


def everybody(night: Night, times: int) -> None:
    """Let both monitors that need stripe fail to reach it so often."""
    for _ in range(times):
        night.run("error", "checkout", **AWAY)
        night.run("error", "census", after=1, **AWAY)


def test_one_alert_for_a_system_that_is_down(night: Night) -> None:
    """Two monitors that do not reach stripe are one alert, as severe as the worst of them, with both listed."""
    everybody(night, 5)
    assert night.said == ["firing system stripe"]
    message = night.messages[0]
    assert (message["severity"], message["labels"]["alertname"]) == ("page", "AssayUnreachable")
    assert "stripe does not answer" in message["subject"]
    assert "census (Title of census)" in message["text"]
    view = night.view("system stripe")
    assert (view.monitor, view.children, view.state) == (None, ("census", "checkout"), "failing")
    assert night.view("census").suppressed_by == "system stripe"
    assert night.view("checkout").state == "unknown"


def test_who_is_well_again_with_the_system_is_never_told(night: Night) -> None:
    """Stripe is back and both pass: one resolved, of the system."""
    everybody(night, 4)
    for _ in range(3):
        night.run("passed", "checkout")
        night.run("passed", "census", after=1)
    assert night.said == ["firing system stripe", "resolved system stripe"]
    assert night.view("census").suppressed_by is None


def test_who_is_still_bad_when_the_system_is_back_fires_by_itself(night: Night) -> None:
    """After the system's return a child fires with the first run that began after it, and not before."""
    everybody(night, 4)
    for _ in range(2):
        night.run("passed", "checkout")
        night.run("passed", "checkout", after=1)
        night.run("failed", "census", after=1)
    assert night.said[:2] == ["firing system stripe", "resolved system stripe"]
    assert night.said[2:] == ["firing census"]


def test_an_old_run_says_nothing_of_a_system_that_is_back(night: Night) -> None:
    """A child whose last run was made while the system was away waits for its next one."""
    everybody(night, 3)
    del night.monitors["census"]  # only checkout runs on, but the census's row stays bad
    night.monitors["census"] = watch("census", systems=("stripe",), interval_s=86_400.0)
    night.runs("passed", "passed")
    sources = night.store.alerts.load("production", names=["system stripe"])[0].memory.get("sources", {})
    assert "checkout" not in sources
    night.pass_time(60)
    assert night.said == ["firing system stripe"]
    night.run("failed", "census")
    night.run("failed", "census")
    assert "firing census" in night.said


def test_one_that_fails_for_want_of_a_system_is_suppressed_though_it_does_not_say_so(night: Night) -> None:
    """A monitor that names a down system among its own is listed below it, whatever its run says."""
    for _ in range(4):
        night.run("error", "census", **AWAY)
        night.run("failed", "checkout", after=1)
    assert night.said == ["firing system stripe"]
    assert night.view("system stripe").children == ("census", "checkout")


def test_others_are_told_meanwhile(night: Night) -> None:
    """A monitor that needs nothing of what is down fires as ever."""
    everybody(night, 3)
    night.runs("failed", "failed", "failed", name="parcels")
    assert night.said == ["firing system stripe", "firing parcels"]


def test_what_was_told_before_the_system_went_down_is_told_to_be_over(night: Night) -> None:
    """A child that fired before keeps its alert, without reminders, and its end is told."""
    night.runs("failed", "failed", "failed")
    for _ in range(3):
        night.run("error", "census", **AWAY)
    night.pass_time(5 * 3600)
    assert night.said == ["firing checkout", "firing system stripe", "reminder system stripe"]
    night.runs("passed", "passed")
    assert night.said[-1] == "resolved checkout"


def test_the_edge_stands_before_every_vendor(night: Night) -> None:
    """With the edge down there is one alert: of the edge, over flows and over vendors that are not reached either."""
    for _ in range(3):
        night.run("error", "order", unreachable=("edge",))
        night.run("error", "census", unreachable=("edge", "stripe"), after=1)
    assert night.said == ["firing system edge"]
    assert night.view("system stripe").suppressed_by == "system edge"
    night.runs("passed", "passed", name="order")
    for _ in range(2):
        night.run("error", "census", **AWAY)
    assert night.said == ["firing system edge"]
    night.run("error", "census", **AWAY)


def test_refused_runs_are_one_alert(night: Night) -> None:
    """The kill switch refuses every flow: one alert says so, and is over when they run again."""
    for _ in range(3):
        for name in ("checkout", "order"):
            night.run("refused", name, trouble=("the kill switch is on (file stop)",), after=1)
    assert night.said == ["firing safety"]
    assert "kill switch is on" in night.messages[0]["text"]
    assert night.view("order").suppressed_by == "safety"
    for _ in range(2):
        for name in ("checkout", "order"):
            night.run("passed", name, after=1)
    assert night.said == ["firing safety", "resolved safety"]


def test_a_worse_child_makes_it_worse(night: Night) -> None:
    """A ticket for a system becomes a page when a monitor that pages suffers from it too."""
    for _ in range(3):
        night.run("error", "census", **AWAY)
    for _ in range(2):
        night.run("error", "checkout", **AWAY)
    said = [(each["kind"], each["severity"]) for each in night.messages]
    assert said == [("firing", "ticket"), ("firing", "page")]


def test_a_system_whose_sufferers_are_all_silenced_wakes_nobody(night: Night) -> None:
    """Silencing every monitor that suffers silences what takes their place; one that is not breaks it."""
    until = night.at + timedelta(days=1)
    night.store.alerts.silence("production", "c*", "stripe moves", "zoe", until, now=night.at)
    everybody(night, 4)
    assert night.said == []
    assert "stripe moves" in night.view("system stripe").quiet
    for _ in range(3):
        night.run("error", "order", **AWAY)
    assert night.said == ["firing system stripe"]
