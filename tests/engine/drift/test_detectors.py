"""Detectors of distributions: each names its own cause within days, and sixty healthy days are silent."""

from __future__ import annotations

import json
import math
import statistics
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from assay.drift.distribution.alarm import ALL, Alarm, Feature, Shift
from assay.drift.distribution.amounts import CHANCE, _tail
from assay.drift.distribution.course import middle
from assay.drift.distribution.history import History, remembered
from assay.drift.distribution.judging import judge
from assay.drift.distribution.sums import sum_calls, sum_orders
from assay.drift.distribution.window import closed_windows, windows_of
from assay.drift.distribution.words import finding_of
from tests.engine.drift.distribution_scenarios import AFTER, KNOWN, SCENARIOS, Scenario, delay, judged
from tests.engine.drift.order_streams import BERLIN, DAYS, FIRST, LEARNING, drawn, times, windows


def alarms_of(history: History, since: int = LEARNING) -> list[Alarm]:
    """Return every alarm of every day from a day on."""
    said = judge(history)
    return [alarm for day in range(since, said.days) for alarm in said.alarms(day)]


def healthy(seed: int, daily: int) -> list[Alarm]:
    """Return what is said of sixty days of a shop in which nothing is wrong."""
    orders, calls = drawn(seed, daily=daily)
    return [*alarms_of(sum_orders(orders, windows())), *alarms_of(sum_calls(calls, windows()))]


@pytest.mark.parametrize("seed", range(2))
def test_a_healthy_shop_is_silent(seed: int) -> None:
    """Season, weekends, a promotion, Black Friday x20, the end of summer time, a night without orders: no alarm."""
    assert healthy(seed, 2_000) == []


@pytest.mark.full
@pytest.mark.parametrize("daily", [200, 2_000, 20_000])
def test_many_healthy_shops_are_silent(daily: int) -> None:
    """The same over many seeds, and for small and large shops: not one alarm in hundreds of days each."""
    seeds = range(100, 110 if daily > 10_000 else 140)
    assert [alarm for seed in seeds for alarm in healthy(seed, daily)] == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_each_fault_is_named_by_its_own_detector(scenario: Scenario) -> None:
    """A fault is found within twelve days, by the detector, the feature and the currency or system it is in alone."""
    found, others = delay(scenario, 1_002)
    assert found is not None and found <= AFTER
    assert others == 0


@pytest.mark.full
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_each_fault_is_named_whatever_the_seed(scenario: Scenario) -> None:
    """Over twenty seeds at least four of five are found, and nothing else is said on one day of fifty."""
    said = [delay(scenario, 2_000 + seed) for seed in range(20)]
    assert sum(found is not None for found, _ in said) >= 16
    assert sum(others for _, others in said) <= 20 * AFTER // 50


def test_gross_faults_are_named_on_their_first_day() -> None:
    """What is a hundred times too much is told when two half days have shown it."""
    for scenario in SCENARIOS:
        if scenario.shift in (Shift.POWER, Shift.PART):
            assert delay(scenario, 1_003)[0] == 1


def test_a_finding_says_where_since_when_and_how_much() -> None:
    """The alarm names currency, market, factor and begin, and carries the points of its chart."""
    scenario = next(each for each in SCENARIOS if each.name == "JPY x100")
    said = judged(scenario, 1_001)
    (alarm,) = said.alarms()
    began = windows(KNOWN + 1)[-2].since
    assert (alarm.stream.segment, alarm.markets, alarm.factor, alarm.since) == ("JPY", ("JP",), 100.0, began)
    assert len(alarm.points) == 28 and alarm.points[-1].seen - alarm.points[-1].usual == pytest.approx(2, abs=0.2)
    finding = finding_of(alarm, ["shop"])
    assert finding.order_ref == "order value: JPY in market JP" and finding.systems == ("shop",)
    assert "100 times too much" in finding.seen and f"since {began:%Y-%m-%d %H:%M} UTC" in finding.seen
    assert len(finding.evidence) == 28


def test_what_moved_everywhere_is_told_once() -> None:
    """A value that moved in every currency is one alarm, and one market's is told of its currency and market."""
    (alarm,) = judged(Scenario("", times(1.2), Shift.LEVEL, Feature.BASKET_VALUE), 5).alarms(KNOWN + 4)
    assert alarm.stream.segment == ALL and alarm.factor == pytest.approx(1.2, abs=0.05)
    (alarm,) = judged(Scenario("", times(1.4, market="FR"), Shift.LEVEL, Feature.BASKET_VALUE), 5).alarms(KNOWN + 5)
    assert (alarm.stream.segment, alarm.markets) == ("EUR", ("FR",))
    (alarm,) = judged(next(each for each in SCENARIOS if "points" in each.name), 1_002).alarms()
    assert {alarm.stream.segment, *(name for name, _, _ in alarm.others)} >= {"EUR", "USD"}


def test_an_alarm_ends_with_its_fault() -> None:
    """Three days after a fault was mended nothing is said any more, and the days it lasted were not learned."""

    def for_a_week(made: object, rows: np.ndarray) -> None:
        times(1.3)(made, rows[made.day[rows] < KNOWN + 5])  # type: ignore[arg-type,attr-defined]

    said = judged(Scenario("", for_a_week, Shift.LEVEL, Feature.BASKET_VALUE), 3)
    told = [bool(said.alarms(day)) for day in range(KNOWN, said.days)]
    assert any(told[:3]) and all(told[2:5]) and not any(told[8:])


def test_too_few_orders_say_nothing() -> None:
    """At twenty orders a day nothing is judged of a level, and nothing is alarmed."""
    said = judged(None, 1, daily=20)
    assert all(not said.alarms(day) for day in range(said.days))
    assert Feature.CURRENCY_MIX not in said.judged_features()


def test_this_morning_tells_too() -> None:
    """A gross fault that began yesterday at noon is told when today's first half is over."""
    days = KNOWN + 2
    noon = windows(days)[2 * KNOWN].until

    def from_noon(made: object, rows: np.ndarray) -> None:
        times(100, currency="JPY")(made, rows[made.at_us[rows] >= noon.timestamp() * 1e6])  # type: ignore[arg-type,attr-defined]

    orders, _ = drawn(4, days=days, fault=from_noon, since=KNOWN, events=False)
    said = judge(sum_orders(orders, windows(days)[:-1]))
    assert [alarm.shift for alarm in said.alarms()] == [Shift.POWER]
    assert said.alarms()[0].since == noon


def test_what_is_kept_says_the_same() -> None:
    """Histories read back from their JSON, whole or from any window on, give the same alarms."""
    scenario = next(each for each in SCENARIOS if each.name == "10 % of JPY x100")
    history = judged(scenario, 1_000).history
    kept = [json.loads(json.dumps(each)) for each in history.memories()]
    again = judge(remembered(history.windows, kept)).alarms()
    assert [(each.shift, each.stream, each.since, each.part) for each in again] == [
        (each.shift, each.stream, each.since, each.part) for each in judge(history).alarms()
    ]
    assert judge(remembered(history.windows[1:], kept[1:])).alarms()[0].stream.segment == "JPY"
    absent = [None if row in (8, 9) else each for row, each in enumerate(kept)]
    assert judge(remembered(history.windows, absent)).alarms()[0].stream.segment == "JPY"


def test_windows_are_halves_of_a_local_day() -> None:
    """Windows follow each other without a gap; the half in which the clock is set has eleven or thirteen hours."""
    plan = windows_of(FIRST, FIRST + timedelta(days=DAYS), BERLIN)
    assert all(one.until == other.since for one, other in pairwise(plan))
    hours = {round((each.until - each.since) / timedelta(hours=1)) for each in plan}
    assert hours == {12, 13}
    spring = windows_of(FIRST.replace(year=2027, month=3), FIRST.replace(year=2027, month=4), ZoneInfo("Europe/Berlin"))
    assert {round((each.until - each.since) / timedelta(hours=1)) for each in spring} == {11, 12}
    assert closed_windows(FIRST, plan[2].until, BERLIN) == plan[:3]


def test_a_median_leaves_out_what_is_not_there() -> None:
    """The median over an axis is that of the values that are there, and none where there are too few."""
    random = np.random.default_rng(3)
    values = np.where(random.random((9, 4, 5)) < 0.3, np.nan, random.normal(size=(9, 4, 5)))
    values[:, 0, 0] = np.nan
    found = middle(values, 0, least=2)
    for row, column in np.ndindex(4, 5):
        known = [each for each in values[:, row, column] if not math.isnan(each)]
        expected = statistics.median(known) if len(known) > 1 else math.nan
        assert found[row, column] == pytest.approx(expected, nan_ok=True)


def test_chance_is_that_of_a_drawn_rate() -> None:
    """The chance of so many far amounts is what drawing the rate and then the count gives, and falls with the count."""
    random = np.random.default_rng(5)
    drawn_counts = random.poisson(random.gamma(2.5, 1 / 4_000, 400_000) * 2_000)
    for seen in (1, 3, 5):
        assert _tail(seen, 2.5, 4_000, 2_000) == pytest.approx(float((drawn_counts >= seen).mean()), rel=0.03)
    tails = [_tail(seen, 0.5, 50_000, 2_000) for seen in range(1, 60)]
    assert all(one > other > 0 for one, other in pairwise(tails))
    assert tails[1] > CHANCE > tails[7]
    assert _tail(3, 1_000.0, 2_000.0, 2_600.0) == 1.0
