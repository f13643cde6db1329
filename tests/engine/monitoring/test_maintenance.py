"""Maintenance: checks go on, alerts wait; local times hold on the days a clock is changed too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.alerts.maintenance import in_maintenance, window_of
from assay.profile_watch import Maintenance
from assay.store import Store, open_store
from tests.engine.monitoring.night import APPRISE_IS_OLD, MIDNIGHT, Night, profile_of, watch

pytestmark = APPRISE_IS_OLD


def weekly(**more: Any) -> Maintenance:
    """Return a maintenance of Sundays at 02:30 in Paris, for an hour."""
    return Maintenance(
        **{"name": "night", "zone": "Europe/Paris", "days": ["sun"], "at": "02:30", "lasts": "1h", **more}
    )


def utc(text: str) -> datetime:
    """Return an instant written in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("begins", "why"),
    [
        ("2026-03-22 01:30", "winter: one hour before UTC's own"),
        ("2026-03-29 01:00", "02:30 does not come that day: it begins when the clock is put forward"),
        ("2026-04-05 00:30", "summer: two hours"),
        ("2026-10-25 00:30", "02:30 comes twice: the first"),
        ("2026-11-01 01:30", "winter again"),
    ],
)
def test_a_weekly_time_holds_on_days_the_clock_is_changed(begins: str, why: str) -> None:
    """The span begins once at its local time, lasts its real hour, and holds at neither end's other side."""
    begin = utc(begins)
    end = begin + timedelta(hours=1)
    assert window_of(weekly(), begin) == (begin, end), why
    assert window_of(weekly(), end - timedelta(seconds=1)) == (begin, end)
    assert window_of(weekly(), begin - timedelta(seconds=1)) is None
    assert window_of(weekly(), end) is None


@pytest.mark.parametrize(("day", "starts", "ends"), [("29", "01:00", "01:15"), ("22", "01:30", "02:15")])
def test_a_single_span_is_local_too(day: str, starts: str, ends: str) -> None:
    """A start in the hour that is left out is the end of that hour; the end is its local time."""
    span = Maintenance(name="move", zone="Europe/Paris", start=f"2026-03-{day}T02:30:00", end=f"2026-03-{day}T03:15:00")
    assert window_of(span, utc(f"2026-03-{day} 01:14:00" if day == "29" else f"2026-03-{day} 02:00")) == (
        utc(f"2026-03-{day} {starts}"),
        utc(f"2026-03-{day} {ends}"),
    )


def test_a_span_over_midnight_and_over_days_holds_to_its_end() -> None:
    """A weekly span that began days ago holds still, in a zone on the other side of the day."""
    long = weekly(zone="Pacific/Auckland", days=["fri"], at="22:00", lasts="60h")
    begin = utc("2026-06-05 10:00")
    for hours in (0, 1, 30, 59):
        assert window_of(long, begin + timedelta(hours=hours)) == (begin, begin + timedelta(hours=60))
    assert window_of(long, begin + timedelta(hours=60)) is None


def test_of_several_the_longest_is_named() -> None:
    """A monitor in two maintenances is quiet until the later end; one that no pattern names is in none."""
    both = (weekly(), weekly(name="longer", lasts="3h", monitors=["check*"]))
    now = utc("2026-03-22 01:45")
    assert in_maintenance("checkout", both, now) == ("longer", utc("2026-03-22 04:30"))
    assert in_maintenance("rates", both, now) == ("night", utc("2026-03-22 02:30"))
    assert in_maintenance("rates", both[1:], now) is None


def test_what_still_fails_at_the_end_fires_then(tmp_path: Path, night_store: Store) -> None:
    """During a maintenance runs are counted and nobody is woken; at its end what is bad is told, what healed not."""
    end = MIDNIGHT + timedelta(minutes=30)
    planned = {"name": "move", "zone": "UTC", "start": MIDNIGHT.replace(tzinfo=None), "end": end.replace(tzinfo=None)}
    profile = profile_of(tmp_path, maintenance=[planned])
    night = Night(night_store, profile, {"checkout": watch(), "rates": watch("rates")})
    for _ in range(10):
        night.run("failed", after=30)
        night.run("failed", "rates", after=30)
    assert (night.said, night.view().state) == ([], "failing")
    assert night.view().quiet == "maintenance 'move' until 2026-03-02 00:30 UTC"
    for _ in range(20):
        night.run("failed", after=30)
        night.run("passed", "rates", after=30)
    assert night.at == end
    assert night.said == ["firing checkout"]
    assert night.messages[0]["starts_at"].startswith("2026-03-02T00:00:30")


def test_a_silence_has_reason_author_and_end(tmp_path: Path, night_store: Store) -> None:
    """A silenced monitor wakes nobody, says by whom and why, and fires when the silence ends, by itself or by hand."""
    monitors = {"checkout": watch(interval_s=3600.0), "rates": watch("rates", interval_s=3600.0)}
    night = Night(night_store, profile_of(tmp_path), monitors)
    kept = night_store.alerts
    until = night.at + timedelta(hours=1)
    number = kept.silence("production", ("check*",), "deploy of the shop", "zoe", until, now=night.at)
    night.runs("failed", "failed", "failed", "failed")
    assert night.said == []
    assert night.view().quiet == f"silence {number} by zoe until 2026-03-02 01:00 UTC: deploy of the shop"
    assert [each.reason for each in kept.silences("production", night.at)] == ["deploy of the shop"]
    assert kept.unsilence(number, night.at)
    night.run("failed")
    assert night.said == ["firing checkout"]
    assert (kept.unsilence(number, night.at), kept.silences("production", night.at)) == (False, [])
    kept.silence("production", "rates", "known", "zoe", night.at + timedelta(minutes=5), now=night.at)
    night.runs(*["failed"] * 7, name="rates")
    assert night.said.count("firing rates") == 1


def test_who_was_woken_hears_that_it_is_over_in_spite_of_a_silence(tmp_path: Path, night_store: Store) -> None:
    """A silence keeps reminders away, not the good news."""
    night = Night(night_store, profile_of(tmp_path, remind_every="5m"), {"checkout": watch()})
    night.runs("failed", "failed", "failed")
    until = night.at + timedelta(hours=1)
    night_store.alerts.silence("production", "checkout", "seen", "zoe", until, now=night.at)
    night.runs(*["failed"] * 8, "passed", "passed")
    assert night.said == ["firing checkout", "resolved checkout"]


@pytest.fixture
def night_store(tmp_path: Path) -> Iterator[Store]:
    """A store of its own."""
    store = open_store(tmp_path / "store.sqlite")
    yield store
    store.close()
