"""The process that watches looks at itself: clock, store, edge, timetable, and monitors that fell silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from assay.drift import load_checks
from assay.drift.checks import check_named
from assay.drift.look import Look
from assay.errors import InfrastructureError
from assay.events import Exchange, Finding, Outcome, Probe, ProbeResult, Result
from assay.monitor import AlertRule, Monitor
from assay.runners.scheduler.self_check import Health
from tests.engine.monitoring.test_metrics import ORDERS

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EVERY_MINUTE = Monitor(
    name="feed", title="", owner="", runbook="", alert=AlertRule(), check="rates", interval_s=60, timeout_s=20
)


class World:
    """Clocks and parts of a process that a test moves and breaks."""

    def __init__(self) -> None:
        self.wall = NOON.timestamp()
        self.running = 5000.0
        self.monitors = {"feed": EVERY_MINUTE, "orders": replace(ORDERS, timeout_s=60)}
        self.store: str | None = None
        self.edge: str | None = None
        self.next_due: dict[str, datetime] = {}
        self.kept: dict[str, datetime] = {}
        self.health = Health(
            monitors=lambda: self.monitors,
            store=lambda: self.store,
            edge=lambda: self.edge,
            next_due=lambda: self.next_due,
            kept=lambda: self.kept,
            wall=lambda: self.wall,
            monotonic=lambda: self.running,
        )

    def passes(self, seconds: float, *, ran: tuple[str, ...] = ("feed", "orders")) -> None:
        """Let time pass evenly, at whose end these monitors run."""
        self.wall += seconds
        self.running += seconds
        self.health.tick()
        for name in ran:
            self.health(self.run(name))

    def run(self, monitor: str, *, late_s: float = 0.0, **more: Any) -> Probe:
        """Return a run of now."""
        at = datetime.fromtimestamp(self.wall, UTC)
        due = at - timedelta(seconds=late_s)
        parts: dict[str, Any] = {"result": ProbeResult.PASSED, "subject": monitor, "seconds": 1.0, **more}
        return Probe(id="", monitor=monitor, environment="shop", location="default", due_at=due, started_at=at, **parts)

    def checked(self) -> list[Finding]:
        """Return what the check `self` finds, asked as a monitor asks it."""
        load_checks()
        look = Look(
            environment="shop", landscape=cast(Any, None), gatherer=cast(Any, None), judging=cast(Any, None),
            now=lambda: NOON, deadline=float("inf"), options=check_named("self").options,
        )  # fmt: skip
        with self.health.asked():
            check_named("self").act(look)
        return look.findings


@pytest.fixture
def world() -> World:
    """A process that began a moment ago."""
    return World()


def test_all_is_well_at_the_start_and_while_monitors_run(world: World) -> None:
    """A process that has just begun is healthy before its first run, and stays so while runs come in."""
    assert world.health.problems() == []
    for _ in range(30):
        world.passes(60)
        assert world.health.problems() == []
    assert [each.result for each in world.checked()] == [Result.PASS]


def test_a_silent_monitor_is_found_and_the_others_are_not(world: World) -> None:
    """A monitor without a run for two intervals is one finding that names it; the process itself stays healthy."""
    for _ in range(3):
        world.passes(60, ran=("orders",))
    assert world.health.problems() == []
    [finding] = world.checked()
    assert (finding.result, finding.oracle) == (Result.FAIL, "O-T3")
    assert finding.sentence().startswith("O-T3: monitor feed in assay: expected a run within")
    world.passes(1, ran=("feed",))
    assert [each.result for each in world.checked()] == [Result.PASS]


def test_a_missed_run_is_none(world: World) -> None:
    """What is counted as missed does not break the silence."""
    for _ in range(4):
        world.passes(60, ran=("orders",))
        world.health(world.run("feed", result=ProbeResult.MISSED))
    assert [each.about for each in world.checked()] == ["monitor feed"]


def test_what_another_process_ran_is_no_silence(world: World) -> None:
    """Where processes share a store, a monitor that another one runs all the time is not silent."""
    for _ in range(10):
        world.passes(60, ran=())
    assert "no monitor has finished a run for 10m" in world.health.problems()
    world.kept = dict.fromkeys(world.monitors, datetime.fromtimestamp(world.wall - 5, UTC))
    assert world.health.problems() == []
    assert [each.result for each in world.checked()] == [Result.PASS]


def test_a_new_monitor_is_given_time(world: World) -> None:
    """A monitor that a reload brought is not silent before it was due; one that is gone is not missed."""
    for _ in range(10):
        world.passes(60)
    world.monitors["new"] = replace(EVERY_MINUTE, name="new")
    del world.monitors["orders"]
    world.passes(60, ran=("feed",))
    assert [each.result for each in world.checked()] == [Result.PASS]
    for _ in range(3):
        world.passes(60, ran=("feed",))
    assert [each.about for each in world.checked()] == ["monitor new"]


@pytest.mark.parametrize(("by", "way"), [(7200, "forward by 2h"), (-7200, "back by 2h")])
def test_a_clock_that_jumps_is_not_well(world: World, by: float, way: str) -> None:
    """After a jump either way nothing calls itself healthy until the clock has run evenly for a while."""
    world.passes(60)
    world.wall += by
    world.passes(1)
    assert world.health.problems() == [f"the clock jumped {way}, 1s ago"]
    assert {each.systems for each in world.checked()} == {("assay",)}
    world.passes(60)
    assert world.health.problems() != []
    world.passes(60)
    assert world.health.problems() == []


def test_a_clock_that_was_never_set_is_not_well(world: World) -> None:
    """A wall clock in the past of this very program is told as such."""
    world.wall = 1000.0
    assert "the clock says 1970-01-01 00:16 UTC" in world.health.problems()


def test_the_shops_clock_is_a_second_opinion(world: World) -> None:
    """Where every system that answers dates its answers otherwise, ours is wrong; where one agrees, theirs is."""
    ahead = "Fri, 20 Nov 2026 11:50:00 GMT"
    world.health(world.run("orders", outcomes=(_heard(("shop", {"date": ahead})),)))
    assert world.health.problems() == ["the clock is 10m ahead of that of shop"]
    agrees = ("stripe", {"Date": "Fri, 20 Nov 2026 12:00:01 GMT"})
    world.health(world.run("orders", outcomes=(_heard(agrees),)))
    assert world.health.problems() == []


def test_an_answer_out_of_a_cache_is_as_old_as_it_says(world: World) -> None:
    """The age a cache gives an answer is part of its date, and what is no date says nothing."""
    cached = ("shop", {"date": "Fri, 20 Nov 2026 11:50:00 GMT", "age": "600"})
    world.health(world.run("orders", outcomes=(_heard(cached, ("sap", {"date": "yesterday"})),)))
    assert world.health.problems() == []


def test_store_and_edge_are_asked(world: World) -> None:
    """What store and edge say of themselves is said, and who is asked and fails to answer is not well."""
    world.store = "the disk is full"
    world.edge = "WireMock does not answer"
    assert world.health.problems() == [
        "the store is not well: the disk is full",
        "the edge is not well: WireMock does not answer",
    ]
    assert [each.systems for each in world.checked()] == [("assay",), ("edge",)]

    def away() -> str | None:
        raise InfrastructureError("the store is away")

    health = Health(monitors=lambda: world.monitors, store=away)
    assert health.problems() == ["the store is not well: the store is away"]


def test_a_timetable_that_stands_still_is_seen(world: World) -> None:
    """A turn that nobody begins, or most runs beginning late, is not healthy; one late run is."""
    world.next_due = {"feed": NOON - timedelta(seconds=90), "orders": NOON + timedelta(seconds=90)}
    assert world.health.problems() == ["the timetable stands still: feed has been due for 90s"]
    world.next_due = {}
    world.health(world.run("orders", late_s=120))
    assert world.health.problems() == []
    for _ in range(3):
        world.health(world.run("feed", late_s=40))
    assert world.health.problems() == ["4 of the last 4 runs began up to 2m late"]
    world.passes(301)
    assert world.health.problems() == []


def test_a_schedule_in_local_time_is_found(world: World) -> None:
    """A monitor whose cron is no UTC cron, or that has no schedule at all, is a violation that names it."""
    local = replace(EVERY_MINUTE, name="nightly", interval_s=None, cron="CRON_TZ=Europe/Paris 30 2 * * *")
    world.monitors |= {"nightly": local, "never": replace(local, name="never", cron=None)}
    found = world.checked()
    assert [each.about for each in found] == ["monitor never", "monitor nightly"]
    assert found[0].seen == "neither an interval nor a cron"
    assert "a cron runs in UTC" in found[1].seen


def test_a_process_without_monitors_watches_nothing(world: World) -> None:
    """Where no monitor runs, nothing is healthy."""
    world.monitors.clear()
    assert world.health.problems() == ["no monitor runs here"]


def test_the_check_without_a_process_is_not_evaluated() -> None:
    """Where no monitoring process runs, nothing was judged, and the reason says so."""
    load_checks()
    look = Look(
        environment="shop", landscape=cast(Any, None), gatherer=cast(Any, None), judging=cast(Any, None),
        now=lambda: NOON, deadline=float("inf"),
    )  # fmt: skip
    check_named("self").act(look)
    [finding] = look.findings
    assert (finding.result, finding.oracle) == (Result.NOT_EVALUATED, "O-T3")


def _heard(*answers: tuple[str, dict[str, str]]) -> Outcome:
    exchanges = tuple(
        Exchange(
            system=system, method="GET", url="http://x/", request_headers={}, request_body="", status=200,
            response_headers=headers, response_body="", started_at=NOON, seconds=0.1,
        )
        for system, headers in answers
    )  # fmt: skip
    return Outcome(flow="F01", case="eur", environment="shop", exchanges=exchanges)
