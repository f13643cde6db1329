"""Local times on the nights clocks are set: what was shown twice is either instant, and nobody is alarmed for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from assay.drift.pairs.engine import compare
from assay.drift.pairs.model import Field, Kind, Pair, Side
from assay.drift.pairs.rows import table_of
from tests.engine.drift.two_sides import classes

BERLIN = "Europe/Berlin"


def said(zone: str, rows: dict[str, tuple[str, str]], *, at: str, grace: timedelta = timedelta()) -> dict[str, str]:
    """Compare instants of a shop in UTC with what an ERP writes by the clock on its wall."""
    field = Field(
        name="placed", kind=Kind.INSTANT, left="placed", right="placed", right_zone=zone, skew=timedelta(seconds=2)
    )
    pair = Pair(
        name="orders",
        about="",
        left=Side(system="shop", source={}, key=("id",), placed="placed"),
        right=Side(system="ERP", source={}, key=("id",), placed="placed"),
        fields=(field,),
        grace=grace,
    )
    left = table_of([{"id": key, "placed": one} for key, (one, _) in rows.items()])
    right = table_of([{"id": key, "placed": two} for key, (_, two) in rows.items()])
    return classes(compare(pair, left, right, at=datetime.fromisoformat(at).replace(tzinfo=UTC), limit=None, threads=1))


@pytest.mark.parametrize(
    ("zone", "instants"),
    [
        (BERLIN, {"2026-10-25T00:30:00Z": "2026-10-25 02:30:00", "2026-10-25T01:30:01Z": "2026-10-25T02:30:00"}),
        (BERLIN, {"2027-03-28T00:59:59Z": "2027-03-28 01:59:59", "2027-03-28T01:00:00Z": "2027-03-28 03:00:00"}),
        ("America/New_York", {"2026-11-01T05:10:00Z": "2026-11-01 01:10", "2026-11-01T06:10:00Z": "2026-11-01 01:10"}),
        (
            "Australia/Lord_Howe",
            {"2027-04-03T14:40:00Z": "2027-04-04 01:40", "2027-04-03T15:10:00Z": "2027-04-04 01:40"},
        ),
    ],
)
def test_a_time_shown_twice_is_either_instant(zone: str, instants: dict[str, str]) -> None:
    """Both instants of a local time that came twice agree with it, in every zone, and those around a gap, too."""
    rows = {str(number): pair for number, pair in enumerate(instants.items())}
    assert said(zone, rows, at="2027-05-01T00:00") == {}
    assert said(zone, rows, at="2027-05-01T00:00", grace=timedelta(minutes=5)) == {}


def test_another_instant_of_that_night_is_still_told() -> None:
    """Only the two instants of that very time fit: an hour off on either side of the night, or two hours, do not."""
    wrong = {
        "hour before": ("2026-10-24T23:30:00Z", "2026-10-25 02:30:00"),
        "hour after": ("2026-10-25T02:30:00Z", "2026-10-25 02:30:00"),
        "next day": ("2026-10-26T00:30:00Z", "2026-10-26 02:30:00"),
        "with its offset": ("2026-10-25T00:30:00Z", "2026-10-25 02:30:00+01:00"),
    }
    assert said(BERLIN, wrong, at="2027-05-01T00:00") == dict.fromkeys(wrong, "differs")


def test_a_record_of_that_night_is_neither_late_nor_lost() -> None:
    """What arrived in time in the first of the two hours is not an hour late, and what is under way is in flight."""
    rows = {"in time": ("2026-10-25T00:20:00Z", "2026-10-25 02:20:01")}
    assert said(BERLIN, rows, at="2026-10-25T00:21", grace=timedelta(minutes=5)) == {}
    assert said(BERLIN, rows, at="2026-10-25T04:00", grace=timedelta(minutes=5)) == {}


def test_a_sides_zone_is_that_of_its_instants_whether_they_are_compared_or_not() -> None:
    """`zone` of a side is the one its `placed` is read in: a minute's way is no two hours, in summer and in winter."""
    pair = Pair(
        name="orders",
        about="",
        left=Side(system="shop", source={}, key=("id",), placed="placed"),
        right=Side(system="ERP", source={}, key=("id",), placed="created", zone=BERLIN),
        fields=(Field(name="paid", kind=Kind.FLAG, left="paid", right="paid"),),
        window=timedelta(days=300),
        grace=timedelta(minutes=15),
    )
    placed = {"summer": "2026-10-20T10:00:00Z", "winter": "2026-10-27T10:00:00Z", "late": "2026-10-27T11:00:00Z"}
    created = {"summer": "2026-10-20 12:01:00", "winter": "2026-10-27 11:01:00", "late": "2026-10-27 12:16:00"}
    left = table_of([{"id": key, "placed": at, "paid": True} for key, at in placed.items()])
    right = table_of([{"id": key, "created": at, "paid": True} for key, at in created.items()])
    outcome = compare(pair, left, right, at=datetime(2027, 5, 1, tzinfo=UTC), limit=None, threads=1)
    assert classes(outcome) == {"late": "late"}
