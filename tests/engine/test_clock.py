"""The landscape's clock: moved forwards alone, every due job run in order and at its own instant."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.cli.clock import parse_span
from assay.errors import InfrastructureError, UsageError
from assay.local.clock import LandscapeClock
from assay.simkit import SimClock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def clock(tmp_path: Path) -> LandscapeClock:
    """A clock that stands at START."""
    micros = (START - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    (tmp_path / "clock.json").write_text(json.dumps({"mode": "frozen", "at_us": micros}))
    return LandscapeClock(tmp_path / "clock.json")


@dataclass
class Part:
    """A process with jobs: (due, name, what else it does); `ran` notes what ran when, by the clock it sees."""

    clock: SimClock
    ran: list[tuple[str, datetime]]
    jobs: list[tuple[datetime, str, Callable[[], None]]] = field(default_factory=list)

    def at(self, due: datetime, name: str, effect: Callable[[], None] = lambda: None) -> None:
        """Plan a job."""
        self.jobs.append((due, name, effect))

    def settle(self) -> datetime | None:
        """Run what is due; return when the next is."""
        while self.jobs and (first := min(self.jobs, key=lambda job: job[0]))[0] <= self.clock.now():
            self.jobs.remove(first)
            self.ran.append((first[1], self.clock.now()))
            first[2]()
        return min((job[0] for job in self.jobs), default=None)


@dataclass
class World:
    """Two processes that share the clock."""

    ran: list[tuple[str, datetime]]
    one: Part
    other: Part

    @property
    def settle(self) -> list[Callable[[], datetime | None]]:
        """What `advance` asks."""
        return [self.one.settle, self.other.settle]


@pytest.fixture
def world(clock: LandscapeClock, tmp_path: Path) -> World:
    """Two processes without a job yet."""
    ran: list[tuple[str, datetime]] = []
    read = [SimClock(tmp_path / "clock.json") for _ in range(2)]
    return World(ran, Part(read[0], ran), Part(read[1], ran))


def test_jobs_of_all_processes_run_in_order_at_their_own_instant(clock: LandscapeClock, world: World) -> None:
    """Each job sees exactly its due instant, whichever process it lives in; what lies beyond the target waits."""
    world.other.at(START + 2 * HOUR, "b")
    world.one.at(START + 1 * HOUR, "a")
    world.one.at(START + 3 * HOUR, "c")
    world.other.at(START + 5 * HOUR, "too late")
    clock.advance(4 * HOUR, world.settle)
    assert world.ran == [("a", START + HOUR), ("b", START + 2 * HOUR), ("c", START + 3 * HOUR)]
    assert clock.read().now == START + 4 * HOUR


def test_a_job_due_at_the_target_runs(clock: LandscapeClock, world: World) -> None:
    """The target instant belongs to the span."""
    world.one.at(START + HOUR, "on time")
    clock.advance(HOUR, world.settle)
    assert world.ran == [("on time", START + HOUR)]


def test_a_job_that_plans_itself_again_runs_each_time(clock: LandscapeClock, world: World) -> None:
    """A periodic job runs once a period over the whole span, not once."""

    def again() -> None:
        world.one.at(world.one.clock.now() + HOUR, "tick", again)

    world.one.at(START + HOUR, "tick", again)
    clock.advance(timedelta(days=1), world.settle)
    assert [at for _, at in world.ran] == [START + n * HOUR for n in range(1, 25)]


def test_what_one_process_causes_in_another_runs_before_time_moves_on(clock: LandscapeClock, world: World) -> None:
    """A webhook posted by a job is handled at the job's instant, also by a process that was asked before."""
    world.other.at(START + HOUR, "post", lambda: world.one.at(START + HOUR, "handled"))
    world.one.at(START + 2 * HOUR, "later")
    clock.advance(3 * HOUR, world.settle)
    assert world.ran == [("post", START + HOUR), ("handled", START + HOUR), ("later", START + 2 * HOUR)]


def test_what_is_overdue_runs_now(clock: LandscapeClock, world: World) -> None:
    """A job due in the past runs at the present instant; the clock does not go back for it."""
    world.one.at(START - HOUR, "overdue")
    clock.advance(timedelta(0), world.settle)
    assert world.ran == [("overdue", START)]
    assert clock.read().now == START


def test_a_standing_clock_stands_and_a_running_one_runs_on(clock: LandscapeClock) -> None:
    """After `advance` the clock is in the mode it was in; freeze and run change the mode and not the instant."""
    clock.advance(HOUR, [])
    assert clock.read().mode == "frozen"
    clock.run()
    running = clock.read()
    assert running.mode == "real"
    assert START + HOUR <= running.now < START + HOUR + timedelta(seconds=5)
    clock.advance(HOUR, [])
    moved = clock.read()
    assert moved.mode == "real"
    assert timedelta(0) <= moved.now - running.now - HOUR < timedelta(seconds=5)
    time.sleep(0.01)
    assert clock.read().now > moved.now
    clock.freeze()
    stood = clock.read().now
    time.sleep(0.01)
    assert clock.read().now == stood


def test_without_a_file_the_clock_is_real_time(tmp_path: Path) -> None:
    """A landscape whose clock was never touched shows the machine's UTC time."""
    reading = LandscapeClock(tmp_path / "none.json").read()
    assert abs(reading.now - datetime.now(UTC)) < timedelta(seconds=5)
    assert (reading.mode, reading.now.tzinfo) == ("real", UTC)


def test_going_backwards_is_refused(clock: LandscapeClock, world: World) -> None:
    """An instant before now is a UsageError that names both, and nothing has moved or run."""
    world.one.at(START, "due")
    with pytest.raises(UsageError, match="never goes backwards") as refused:
        clock.set(START - HOUR, world.settle)
    assert START.isoformat() in str(refused.value.expected)
    with pytest.raises(UsageError, match="never goes backwards"):
        clock.advance(-HOUR, world.settle)
    assert (clock.read().now, world.ran) == (START, [])


def test_the_calendar_has_an_end(clock: LandscapeClock) -> None:
    """A span beyond the year 9999 is refused and moves nothing."""
    with pytest.raises(UsageError, match="9999"):
        clock.advance(timedelta(days=5_000_000), [])
    assert clock.read().now == START


def test_set_moves_to_an_instant_in_any_zone(clock: LandscapeClock, world: World) -> None:
    """An instant is an instant: a local time with its offset is the same as that in UTC."""
    world.one.at(START + HOUR, "due")
    clock.set(datetime.fromisoformat("2026-03-02T12:00:00+01:00"), world.settle)
    assert clock.read().now == START + 2 * HOUR
    assert world.ran == [("due", START + HOUR)]


def test_a_process_that_dies_on_the_way_leaves_the_clock_running(clock: LandscapeClock) -> None:
    """When a process cannot be settled the error comes out, and a clock that ran does not stand for ever."""
    clock.run()

    def gone() -> datetime | None:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        clock.advance(HOUR, [gone])
    assert clock.read().mode == "real"


def test_two_who_move_it_take_turns(clock: LandscapeClock, tmp_path: Path) -> None:
    """Two processes that move one clock at the same time add up, and it never goes backwards."""
    seen: list[datetime] = []

    def move() -> None:
        mine = LandscapeClock(tmp_path / "clock.json")
        for _ in range(20):
            mine.advance(HOUR, [lambda: seen.append(clock.read().now)])

    with ThreadPoolExecutor(2) as movers:
        for each in [movers.submit(move) for _ in range(2)]:
            each.result()
    assert clock.read().now == START + 40 * HOUR
    assert seen == sorted(seen)


@dataclass
class Broken:
    """A process whose job fails for ever, or as often as `fails` says."""

    fails: float = float("inf")

    def __call__(self) -> datetime | None:
        """Fail once more."""
        self.fails -= 1
        return START if self.fails > 0 else None

    def __str__(self) -> str:
        return "shop: job 'labels' fails: ZeroDivisionError()"


def test_a_job_that_fails_for_ever_ends_the_wait(clock: LandscapeClock) -> None:
    """Time does not stand for ever: the error names the process, the job, the instant and what to do."""
    clock.run()
    with pytest.raises(InfrastructureError, match="time stands still") as refused:
        clock.advance(HOUR, [lambda: None, Broken()])
    assert refused.value.where == "shop: job 'labels' fails: ZeroDivisionError()"
    assert START.isoformat() in str(refused.value.seen)
    assert "assay logs" in str(refused.value.hint)
    assert clock.read().mode == "real"


def test_a_job_that_fails_a_few_times_does_not(clock: LandscapeClock) -> None:
    """A neighbour that was busy for a moment is waited for, and time goes on."""
    clock.advance(HOUR, [Broken(fails=8)])
    assert clock.read().now == START + HOUR


def test_processes_that_never_come_to_rest(clock: LandscapeClock) -> None:
    """Two processes that give each other work without end are told, not followed."""
    later = (START + number * HOUR for number in itertools.count(1))
    with pytest.raises(InfrastructureError, match="never comes to rest"):
        clock.advance(HOUR, [lambda: next(later)])


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30m", timedelta(minutes=30)),
        ("25h", timedelta(hours=25)),
        ("1h30m", timedelta(hours=1.5)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
        ("90s", timedelta(seconds=90)),
        ("0s", timedelta(0)),
    ],
)
def test_spans(text: str, span: timedelta) -> None:
    """Spans are written in weeks, days, hours, minutes and seconds, alone or together."""
    assert parse_span(text) == span


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1.5h", "1h 30m", "1y", "one hour", "99999999999999w"])
def test_no_span(text: Any) -> None:
    """Anything else is refused with an example."""
    with pytest.raises(UsageError, match="no span of time"):
        parse_span(text)
