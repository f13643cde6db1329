"""Months of a healthy shop raise no alarm of records or rates; each fault is told: `benchmarks/drift_sixty_days.py`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from assay.drift.distribution.judging import judge
from assay.drift.distribution.sums import sum_orders
from tests.engine.drift.order_streams import BERLIN, DAYS, FIRST, LEARNING, SPRING, drawn, windows
from tests.engine.drift.sixty_days import DAY, FAULTS, HOUR, Fault, Healthy, Watcher, healthy, hours, is_named, pairs_of
from tests.engine.drift.sixty_days_rates import RATE_FAULTS, RateFault, alarms, is_told, looked, publications

BEGINS = {"autumn": FIRST + timedelta(days=LEARNING), "spring": SPRING + timedelta(days=LEARNING)}
FALL_BACK, NO_ORDERS, BLACK_FRIDAY = 6.0, 12.3, 39.5
"""Days after the first: the midnight before clocks are set back, a morning after a night without orders, that day."""


@pytest.fixture(scope="module")
def autumn() -> Healthy:
    """A small shop over the sixty days."""
    return healthy(3, daily=60)


def red(world: Healthy, folder: Path, name: str, instants: list[int]) -> list[str]:
    """Return what a monitor that looks at these instants tells."""
    watcher = Watcher(pairs_of(folder)[name], world, folder)
    said = []
    for at in instants:
        found = watcher.look(at)
        assert found.outcome.counts.left and found.outcome.counts.right
        if found.open.found or found.outcome.unread:
            said.append(f"{datetime.fromtimestamp(at / 1e6, UTC)}: {found.outcome.crowds} {found.outcome.unread}")
    return said


def test_healthy_records_are_quiet_where_it_is_hard(autumn: Healthy, tmp_path: Path) -> None:
    """The night clocks are set back, a morning after no orders, and Black Friday: no alarm, hour by hour."""
    hard = [*hours(autumn, FALL_BACK, 0.17), *hours(autumn, NO_ORDERS, 0.04), *hours(autumn, BLACK_FRIDAY, 0.04)]
    assert red(autumn, tmp_path, "orders", hard) == []
    assert red(autumn, tmp_path, "postings", hard[3::3]) == []


@pytest.mark.full
@pytest.mark.parametrize(("season", "first"), [("autumn", FIRST), ("spring", SPRING)])
def test_sixty_days_of_healthy_records_are_quiet(season: str, first: date, tmp_path: Path) -> None:
    """No comparison of sixty days alarms, over a change of the clock in each direction."""
    world = healthy(4, daily=60, first=first)
    assert red(world, tmp_path, "orders", list(hours(world, 0, DAYS, 5 * HOUR))) == []
    assert red(world, tmp_path, "postings", list(hours(world, 0, DAYS, 11 * HOUR))) == []


@pytest.mark.full
def test_sixty_days_of_spring_raise_no_alarm_of_distributions() -> None:
    """What is sold looks as it always did when clocks are set forward, too: as in `test_detectors` for the autumn."""
    orders, _ = drawn(5, daily=400, first=SPRING)
    said = judge(sum_orders(orders, windows(first=SPRING)))
    assert [each.stream for day in range(LEARNING, said.days) for each in said.alarms(day)] == []


@pytest.mark.parametrize("season", BEGINS)
def test_sixty_days_of_healthy_rates_are_quiet(season: str) -> None:
    """Weekends, TARGET's holidays over Easter, late publications and a store that follows at night: no alarm."""
    plan = publications(2, BEGINS[season], DAYS)
    midnight = datetime.combine(BEGINS[season], time(), tzinfo=BERLIN).astimezone(UTC)
    looks = [looked(plan, midnight + timedelta(hours=hour, minutes=7)) for hour in range(0, 24 * DAYS, 11)]
    assert [alarms(look) for look in looks if alarms(look)] == []
    assert all(len(look.findings) == 7 for look in looks)  # the feed, four currencies, two stores


@pytest.mark.parametrize("fault", RATE_FAULTS, ids=lambda each: each.name)
def test_each_fault_of_rates_is_told(fault: RateFault) -> None:
    """A wrong rate within the hour, one that is left behind within three days: by what it is, and the store's name."""
    plan = publications(2, BEGINS["autumn"], DAYS)
    since = datetime(2026, 11, 3, 9, tzinfo=UTC)
    change, stuck = fault.change(plan, since), since if fault.stuck else None
    delay = next(
        hour
        for hour in range(120)
        if is_told(fault, looked(plan, since + timedelta(hours=hour, minutes=7), change=change, stuck=stuck))
    )
    assert delay <= (72 if "takes" in fault.name or fault.stuck else 0)


def first_told(fault: Fault, folder: Path) -> float | None:
    """Return after how many hours a fault is told by what it is; within two days."""
    world = healthy(1, daily=400, days=18)
    begins = world.begins + 15 * DAY + 10 * HOUR
    fault.act(world, begins)
    watcher = Watcher(pairs_of(folder)[fault.pair], world, folder)
    looks = hours(world, 15 + 11 / 24, 2)
    return next(((at - begins) / HOUR for at in looks if is_named(fault, watcher.look(at))), None)


@pytest.mark.full
@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.name)
def test_each_fault_of_records_is_told(fault: Fault, tmp_path: Path) -> None:
    """Lost, doubled or changed records are told within the day, as what they are."""
    told = first_told(fault, tmp_path)
    assert told is not None and told < 26
