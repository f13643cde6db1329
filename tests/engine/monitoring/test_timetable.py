"""Due times lie on a grid that every process computes alike, whatever the wall clock does in between."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import UsageError
from assay.runners.scheduler.timetable import Clock, Due, Timetable, turn_of, upcoming
from assay.suite_monitors import cron_in_utc, interval_of
from tests.engine.monitoring.stand_ins import NOON, Hands, watching


def handed_out(table: Timetable, hands: Hands, seconds: float, step: float = 0.5) -> list[Due]:
    """Let time pass in small steps and return what was handed out."""
    found: list[Due] = []
    for _ in range(round(seconds / step)):
        hands.passes(step)
        found += table.due(hands.now)
    return found


def test_a_monitor_comes_once_each_interval(hands: Hands) -> None:
    """Ten minutes of a one-minute monitor are ten turns, a minute apart to the microsecond."""
    table = Timetable({"a": watching("a")}, hands.now)
    found = [each.due_at for each in handed_out(table, hands, 600)]
    assert len(found) == 10
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=1)}


@given(st.floats(0, 1e7), st.sampled_from([1.0, 7.5, 30.0, 3600.0]), st.floats(0, 5))
def test_every_process_computes_the_same_due_times(later_s: float, interval_s: float, jitter_s: float) -> None:
    """A process that starts at any other time meets the same due times, jitter included."""
    monitor = watching("a", interval_s=interval_s, jitter_s=min(jitter_s, 0.1 * interval_s))
    start = NOON + timedelta(seconds=later_s)
    first = upcoming(monitor, NOON - timedelta(seconds=interval_s), 3)
    assert all(at in upcoming(monitor, at - timedelta(microseconds=1), 1) for at in first)
    assert upcoming(monitor, start, 4)[1:] == upcoming(monitor, upcoming(monitor, start, 1)[0], 3)


def test_monitors_of_one_interval_do_not_all_begin_at_once(hands: Hands) -> None:
    """A thousand monitors at one minute are spread over the minute."""
    table = Timetable({f"m{number}": watching(f"m{number}") for number in range(1_000)}, hands.now)
    seconds = Counter(at.second for at in table.next_due().values())
    assert len(seconds) == 60
    assert max(seconds.values()) < 50


def test_a_clock_set_on_runs_each_monitor_once(hands: Hands) -> None:
    """After a jump of five hours every monitor runs once, and the turns between are counted as missed."""
    names = {
        "fast": watching("fast"),
        "slow": watching("slow", interval_s=3600.0),
        "cron": watching("cron", cron="0 * * * *"),
    }
    table = Timetable(names, hands.now)
    hands.is_set(5 * 3600)
    found = {each.monitor.name: each for each in table.due(hands.now)}
    assert found.keys() == names.keys()
    assert found["fast"].missed == 299
    assert found["slow"].missed == found["cron"].missed == 4
    assert table.missed == 299 + 4 + 4
    assert all(each.due_at <= hands.now for each in found.values())
    assert not list(table.due(hands.now))


def test_a_clock_put_back_leaves_nobody_silent_and_runs_no_turn_twice(hands: Hands) -> None:
    """After a jump back of two hours all are due again within their intervals, under due times of their own."""
    names = {"fast": watching("fast"), "cron": watching("cron", cron="*/2 * * * *")}
    table = Timetable(names, hands.now)
    before = handed_out(table, hands, 3600)
    hands.is_set(-7200)
    table.put_back(hands.now)
    after = handed_out(table, hands, 130)
    assert Counter(each.monitor.name for each in after) == {"fast": 2, "cron": 1}
    after += handed_out(table, hands, 2 * 7200)
    turns = [(each.monitor.name, each.due_at) for each in before + after]
    assert len(turns) == len(set(turns))
    assert len(after) == pytest.approx((2 * 7200 + 130) / 60 * 1.5, abs=3)


def test_an_unchanged_monitor_keeps_its_due_times(hands: Hands) -> None:
    """A reload that adds one monitor and changes another leaves the third's next turn where it was."""
    table = Timetable({"a": watching("a"), "b": watching("b")}, hands.now)
    before = table.next_due()
    table.replace(
        {"a": watching("a", title="new words"), "b": watching("b", interval_s=30.0), "c": watching("c")}, hands.now
    )
    after = table.next_due()
    assert after["a"] == before["a"]
    assert after.keys() == {"a", "b", "c"}
    assert after["b"] <= hands.now + timedelta(seconds=30)
    table.replace({"c": watching("c")}, hands.now)
    assert {each.monitor.name for each in handed_out(table, hands, 60)} == {"c"}


def test_a_jump_of_the_clock_is_seen_whichever_way(hands: Hands) -> None:
    """Setting the wall clock is told with its seconds and counted; time that passes is no jump."""
    clock: Clock = hands.clock()
    assert clock.jumped() is None
    hands.passes(100)
    assert clock.jumped() is None
    hands.is_set(3600)
    assert clock.jumped() == pytest.approx(3600)
    hands.is_set(-60)
    assert clock.jumped() == pytest.approx(-60)
    assert clock.jumps == 2


def test_a_cron_is_in_utc_on_both_days_of_the_change() -> None:
    """02:30 comes once on each of the days on which local clocks change, as on any other day."""
    for day in (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        start = day - timedelta(seconds=1)
        found = upcoming(watching("a", cron="30 2 * * *"), start, 2)
        assert found == [day + timedelta(hours=2, minutes=30), day + timedelta(days=1, hours=2, minutes=30)]


@pytest.mark.parametrize(
    ("cron", "weekdays"),
    [
        ("0 3 * * 0", {6}),
        ("0 3 * * 7", {6}),
        ("0 3 * * 1-5", {0, 1, 2, 3, 4}),
        ("0 3 * * sat", {5}),
        ("0 3 * * */2", {6, 1, 3, 5}),
    ],
)
def test_numbers_of_weekdays_mean_what_cron_means(cron: str, weekdays: set[int]) -> None:
    """0 and 7 are Sunday, 1 is Monday."""
    assert {at.weekday() for at in upcoming(watching("a", cron=cron), NOON, 14)} == weekdays


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("@daily", "0 0 * * *"),
        ("0 30 2 * * *", "30 2 * * *"),
        ("TZ=Europe/Paris 30 2 * * *", "01:30 UTC in January, 00:30 UTC in July"),
        ("30 2 * * * Europe/Paris", "01:30 UTC in January"),
        ("30 2 * * * UTC", "write cron = '30 2 * * *'"),
        ("CRON_TZ=Nowhere 30 2 * * *", "take Nowhere out"),
        ("0 0 31 2 *", "no month has that day"),
        ("0 0 1 * 1", "two monitors"),
        ("61 * * * *", "'15 2 * * *'"),
        ("hourly", "'15 2 * * *'"),
    ],
)
def test_what_is_no_cron_in_utc_is_refused_with_what_to_write(cron: str, said: str) -> None:
    """Local time, seconds, nicknames and nonsense are refused, each with the line to write instead."""
    with pytest.raises(UsageError, match="cron") as caught:
        cron_in_utc(cron)
    assert said in str(caught.value)


def test_a_run_that_confirms_is_of_the_same_turn() -> None:
    """So that the same case of a rotation is bought again; the next turn is another one's."""
    monitor = watching("a", interval_s=300.0)
    first, second = upcoming(monitor, NOON, 2)
    assert turn_of(monitor, first + timedelta(seconds=130)) == turn_of(monitor, first)
    assert turn_of(monitor, second) == turn_of(monitor, first) + 1


def test_the_interval_of_a_cron_is_its_longest_gap() -> None:
    """On weekdays only it is silent from Friday to Monday, and nobody is to be woken for that."""
    assert interval_of(watching("a", cron="0 3 * * 1-5")) == 3 * 86_400
