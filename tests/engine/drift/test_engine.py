"""Which keys are missing, too many, twice, late or in flight, and that every row of both sides is accounted for."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from assay.drift.pairs.engine import Comparison, both_rows, compare
from assay.drift.pairs.model import Amounts, Class, Field, Kind, Side
from assay.drift.pairs.rows import OnlyKeys, ParquetRows, TableRows, table_of
from assay.errors import InfrastructureError, UsageError
from assay.money import Money
from benchmarks.reconcile_data import AT as SEEDED_AT
from benchmarks.reconcile_data import PAIR, SEEDED, write
from tests.engine.drift.two_sides import AT, ago, amounts, classes, compared, field, pair_of

TEXT = field(Kind.TEXT)
GRACE = timedelta(minutes=15)


def _seeded(folder: Path, rows: int, **more: Any) -> tuple[Any, Any]:
    """Compare the seeded files and return what was found and what is true, by key: class and field that differs."""
    files = write(folder, rows)
    with Comparison(PAIR, ParquetRows(str(files.left)), ParquetRows(str(files.right)), at=SEEDED_AT, **more) as it:
        names = [each.name for each in PAIR.fields]
        columns = ", ".join(f"f{place}" for place in range(len(names)))
        query = f'SELECT "~k0", classed, {columns} FROM found WHERE classed IS NOT NULL'
        found = {
            row[0]: (row[1], {name for name, verdict in zip(names, row[2:], strict=True) if verdict})
            for row in it.connection.execute(query).fetchall()
        }
        truth = it.connection.execute(f"SELECT key, classed, field FROM '{files.truth}'").fetchall()
        assert it.counts.balances
        assert it.outcome(limit=0).found == len(found)
    return found, {key: (classed, name) for key, classed, name in truth}


def test_every_seeded_discrepancy_is_found_and_none_is_invented(tmp_path: Path) -> None:
    """Twelve kinds of discrepancy under legal noise: exactly those keys, each by its class and field."""
    found, truth = _seeded(tmp_path, 20_000)
    assert len(truth) > 15 * len(SEEDED)
    assert found.keys() == truth.keys()
    for key, (classed, name) in truth.items():
        assert found[key][0] == classed
        # An amount in another currency is another amount, too.
        assert found[key][1] == ({"currency", "total", "tax"} if name == "currency" else {name} - {None})


@pytest.mark.full
def test_a_comparison_that_spills_to_disk_finds_the_same(tmp_path: Path) -> None:
    """With less memory than the join would take, its tables go to disk, and nothing else changes."""
    found, truth = _seeded(tmp_path, 3_000_000, memory_mb=180)
    assert {key: each[0] for key, each in found.items()} == {key: each[0] for key, each in truth.items()}


def test_missing_extra_and_copies_are_told_apart_and_add_up() -> None:
    """Every row of both sides is in one of the counts; a key that is there twice is one finding."""
    left = [{"id": key, "value": "x"} for key in ("a", "b", "b", "c", "c", "gone", "gone", "d")]
    right = [{"id": key, "value": "x"} for key in ("a", "b", "c", "c", "c", "d", "new")]
    outcome = compared(pair_of(TEXT), left, right)
    assert classes(outcome) == {"b": "duplicate", "c": "duplicate", "gone": "missing", "new": "extra"}
    assert {each.key[0]: each.copies for each in outcome.differences} == {
        "b": (2, 1),
        "c": (2, 3),
        "gone": (2, 0),
        "new": (0, 1),
    }
    counts = outcome.counts
    assert counts.balances
    assert (counts.matched, counts.only_left, counts.only_right) == (4, 2, 1)
    assert (counts.extra_copies_left, counts.extra_copies_right) == (2, 2)


@pytest.mark.parametrize("windowed", [False, True], ids=["carried whole", "read again"])
@pytest.mark.parametrize("words", ["xx", "xy", "yx", "yy", "yz", "xyz"])
def test_copies_of_the_left_are_found_whatever_each_of_them_says(words: str, *, windowed: bool) -> None:
    """The right has the key once, and says x: one copy is like it, or more are, or none is."""
    pair = pair_of(TEXT, placed=windowed, **({"window": timedelta(days=1)} if windowed else {}))
    moments = {"placed": ago(hours=3), "changed": ago(hours=3)}
    left = [{"id": "a", "value": word, **moments} for word in words] + [{"id": "b", "value": "x", **moments}]
    right = [{"id": key, "value": "x", **moments} for key in "ab"]
    outcome = compared(pair, left, right)
    assert [(each.key, each.classed.value, each.copies) for each in outcome.differences] == [
        (("a",), "duplicate", (len(words), 1))
    ]
    assert outcome.counts.balances
    assert outcome.counts.matched == 2


def test_another_normal_form_far_behind_plain_texts_is_no_difference() -> None:
    """Texts whose first thousands are ASCII are taken byte for byte first: what then differs is looked at whole."""
    left = [{"id": str(number), "value": "Koeln"} for number in range(60_000)]
    right = [dict(row) for row in left]
    left[50_000]["value"], right[50_000]["value"] = "K\u00f6ln", "Ko\u0308ln"
    left[50_001]["value"], right[50_001]["value"] = "K\u00f6ln", "Ko\u0308lner"
    outcome = compared(pair_of(TEXT), left, right)
    assert classes(outcome) == {"50001": "differs"}
    assert outcome.counts.balances


def test_a_row_without_a_key_is_listed_and_matches_nothing() -> None:
    """Rows without a key, or with half of one, are each a finding by themselves; two of them are no pair."""
    pair = pair_of(TEXT, left_key=("shop", "id"), right_key=("shop", "id"))
    left: list[dict[str, Any]] = [{"shop": "1", "id": None, "value": "x"}, {"shop": None, "id": None, "value": "x"}]
    right: list[dict[str, Any]] = [{"shop": "1", "id": None, "value": "x"}, {"shop": "1", "id": "b", "value": "x"}]
    left.append({"shop": "1", "id": "b", "value": "x"})
    outcome = compared(pair, left, right)
    assert [each.classed for each in outcome.differences] == [Class.UNREADABLE] * 3
    assert sorted(each.why for each in outcome.differences) == [
        "a row of ERP without a key",
        "a row of shop without a key",
        "a row of shop without a key",
    ]
    assert outcome.counts.balances
    assert (outcome.counts.matched, outcome.counts.only_left, outcome.counts.only_right) == (1, 2, 1)


def test_the_columns_of_a_key_do_not_run_together() -> None:
    """`1`, `23` and `12`, `3` are two keys; and a key of numbers meets one of text by its digits."""
    pair = pair_of(TEXT, left_key=("shop", "id"), right_key=("shop", "id"))
    left = [{"shop": 1, "id": "23", "value": "x"}, {"shop": 12, "id": "3", "value": "y"}]
    right = [{"shop": "1", "id": 23, "value": "x"}, {"shop": "12", "id": 3, "value": "z"}]
    assert classes(compared(pair, left, right)) == {"12|3": "differs"}


@pytest.mark.parametrize("empty", ["left", "right", "both"])
def test_from_an_empty_side_nothing_is_concluded(empty: str) -> None:
    """An outage is not a loss of all orders: the side is named, and no record is called missing."""
    rows = [{"id": "a", "value": "x"}]
    outcome = compared(pair_of(TEXT), [] if empty != "right" else rows, [] if empty != "left" else rows)
    who = {"left": "shop", "right": "ERP", "both": "shop nor from ERP"}[empty]
    assert list(outcome.unread) == [f"nothing was read from {who}"]
    assert (outcome.found, list(outcome.differences)) == (0, [])
    assert outcome.counts.balances


def test_of_a_side_that_ended_half_way_nothing_missing_is_concluded() -> None:
    """What was read is compared, and what is not there may have come later."""
    left = [{"id": key, "value": "x"} for key in "abc"]
    half = TableRows(
        pyarrow.Table.from_pylist([{"id": "a", "value": "y"}, {"id": "new", "value": "x"}]), ["page 2 of 9"]
    )
    outcome = compare(pair_of(TEXT), table_of(left), half, at=AT)
    assert classes(outcome) == {"a": "differs", "new": "extra"}
    assert list(outcome.unread) == ["ERP: page 2 of 9"]
    assert outcome.counts.only_left == 2


def test_young_records_are_in_flight_and_old_ones_late() -> None:
    """Within the grace nothing is said; a record that took longer is late, though both sides have it now."""
    pair = pair_of(TEXT, placed=True, grace=GRACE)

    def row(key: str, value: str, placed: datetime, changed: datetime | None = None) -> dict[str, Any]:
        return {"id": key, "value": value, "placed": placed, "changed": changed or placed}

    old = ago(hours=5)
    left = [
        row("young missing", "x", ago(minutes=14)),
        row("old missing", "x", ago(minutes=16)),
        row("just changed", "new", old, ago(minutes=5)),
        row("changed long ago", "new", old, ago(minutes=50)),
        row("late", "x", old),
        row("in time", "x", old),
        row("ahead of its time", "x", ago(days=-900)),
    ]
    right = [
        row("just changed", "old", old),
        row("changed long ago", "old", old),
        row("late", "x", old + timedelta(minutes=15, microseconds=1)),
        row("in time", "x", old + timedelta(minutes=15)),
        row("young extra", "x", ago(minutes=1)),
    ]
    outcome = compared(pair, left, right)
    assert classes(outcome) == {
        "old missing": "missing",
        "changed long ago": "differs",
        "late": "late",
        "ahead of its time": "missing",  # no clock is three years fast: it is not in flight for ever
    }
    assert outcome.counts.in_flight == 3
    late = next(each for each in outcome.differences if each.classed is Class.LATE)
    assert late.why == "ERP got it 15 min after shop, 15 min allowed"
    assert late.right_at == old + timedelta(minutes=15, microseconds=1)


@pytest.mark.parametrize("arrived", [True, False], ids=["right says when", "right does not"])
def test_lateness_is_told_to_the_microsecond_beside_a_clock_that_is_off(*, arrived: bool) -> None:
    """The ERP keeps the shop's instant by its own clock, up to two seconds off, and when it got the order."""
    skew, one = timedelta(seconds=2), timedelta(microseconds=1)
    ordered = Field(name="ordered", kind=Kind.INSTANT, left="placed", right="dated", skew=skew)
    pair = pair_of(ordered, placed=True, grace=GRACE)
    placed = ago(days=1)
    left: list[dict[str, Any]] = []
    right: list[dict[str, Any]] = []
    late: set[str] = set()
    for off in (-skew, timedelta(0), skew):
        for delay in (timedelta(0), GRACE - skew - one, GRACE - skew, GRACE - one, GRACE, GRACE + one, GRACE + skew):
            key = str(len(left))
            left.append({"id": key, "placed": placed, "changed": placed})
            got = placed + delay if arrived else None
            right.append({"id": key, "dated": placed + off, "placed": got, "changed": got})
            if arrived and delay > GRACE:
                late.add(key)
    outcome = compared(pair, left, right)
    assert classes(outcome) == dict.fromkeys(late, "late")
    assert outcome.counts.matched == len(left)


def test_the_partner_of_a_row_at_the_windows_edge_is_found_behind_it() -> None:
    """Older records are not compared, and a clock that is a second off does not lose one at the edge."""
    pair = pair_of(TEXT, placed=True, window=timedelta(hours=24))

    def row(key: str, placed: datetime, value: str = "x") -> dict[str, Any]:
        return {"id": key, "value": value, "placed": placed, "changed": None}

    left = [row("in", ago(hours=2)), row("edge", ago(hours=24)), row("old", ago(hours=25)), row("other", ago(hours=30))]
    right = [
        row("in", ago(hours=2)),
        row("edge", ago(hours=24, seconds=1)),
        row("older", ago(hours=26)),
        row("other", ago(hours=23), "y"),
    ]
    outcome = compared(pair, left, right)
    assert classes(outcome) == {"other": "differs"}
    assert outcome.counts.balances
    assert (outcome.counts.left, outcome.counts.right, outcome.counts.matched) == (3, 3, 3)
    assert (outcome.since, outcome.until) == (ago(hours=24), AT)


def test_a_key_that_is_none_does_not_meet_itself_in_millions() -> None:
    """60,000 rows a side with one key, and a few others: one finding, and an end."""
    left = [{"id": "same", "value": "x"}] * 60_000 + [{"id": "a", "value": "x"}, {"id": "b", "value": "x"}]
    right = [{"id": "same", "value": "x"}] * 60_000 + [{"id": "a", "value": "x"}]
    outcome = compared(pair_of(TEXT), left, right)
    assert classes(outcome) == {"same": "duplicate", "b": "missing"}
    assert outcome.counts.balances


def test_more_differences_than_the_limit_are_counted_and_fairly_drawn() -> None:
    """The counts are of all; what is kept holds each class, and is the same the next time."""
    left = [{"id": str(number), "value": "x"} for number in range(5000)]
    right = [{"id": str(number), "value": "y"} for number in range(4990)]
    outcomes = [compare(pair_of(TEXT), table_of(left), table_of(right), at=AT, limit=200) for _ in range(2)]
    assert outcomes[0].classes == {Class.MISSING: 10, Class.DIFFERS: 4990}
    assert outcomes[0].fields == {"value": 4990}
    assert (len(outcomes[0].differences), outcomes[0].cut) == (200, True)
    assert {each.classed for each in outcomes[0].differences} == {Class.MISSING, Class.DIFFERS}
    assert outcomes[0].differences == outcomes[1].differences


def test_a_difference_holds_both_records_as_each_side_wrote_them() -> None:
    """Both rows whole, the values apart as text, what is at risk, and why a value could not be read."""
    pair = pair_of(
        field(Kind.MONEY, "total", left_amounts=amounts("minor"), right_amounts=Amounts(unit="major", currency="EUR")),
        field(Kind.STATUS, "state", statuses={"paid": "10"}),
        worth="total",
    )
    left = [{"id": "a", "total": 1990, "currency": "EUR", "state": "paid", "note": [1, 2], "kept": True}]
    left += [{"id": "b", "total": 500, "currency": "EUR", "state": "paid", "note": [], "kept": False}]
    right = [{"id": "a", "total": "19.05", "state": "77", "at": AT}]
    first, second = compared(pair, left, right).differences
    assert (first.key, first.classed, first.at_risk) == (("a",), Class.DIFFERS, Money(85, "EUR"))
    assert first.left == {**left[0], "note": "[1,2]"}
    assert first.right == {"id": "a", "total": "19.05", "state": "77", "at": "2026-11-20 12:00:00+00"}
    assert [(each.field, each.left, each.right) for each in first.fields] == [
        ("total", "1990", "19.05"),
        ("state", "paid", "77"),
    ]
    assert first.fields[1].why == "ERP says '77': no status that this pair maps"
    assert (second.classed, second.right, second.at_risk) == (Class.MISSING, None, Money(500, "EUR"))


def test_what_is_at_risk_is_never_below_nothing() -> None:
    """A refund that is missing, too many or there twice is at risk as a charge is, and takes nothing off another."""
    pair = pair_of(field(Kind.MONEY, left_amounts=amounts("minor"), right_amounts=amounts("minor")), worth="value")
    left = [{"id": key, "value": worth, "currency": "EUR"} for key, worth in (("a", -500), ("b", -300), ("c", 200))]
    right = [*left[1:], left[1], {"id": "d", "value": -100, "currency": "EUR"}]
    outcome = compared(pair, left, right)
    assert {each.key[0]: each.at_risk.minor for each in outcome.differences if each.at_risk} == {
        "a": 500, "b": 300, "d": 100
    }  # fmt: skip


def test_a_column_that_vanished_is_named_and_the_others_are_compared() -> None:
    """A field without its column is listed; without the key nothing can be compared, and that is refused."""
    pair = pair_of(field(Kind.TEXT, "name"), field(Kind.TEXT, "city"))
    left = [{"id": "a", "name": "x", "city": "Rome"}]
    outcome = compared(pair, left, [{"id": "a", "names": "x", "city": "Bari"}])
    assert list(outcome.unread) == [
        "name was not compared: the rows of ERP have no column 'name' (did you mean 'names'?)"
    ]
    assert outcome.fields == {"city": 1}
    with pytest.raises(UsageError, match="the rows of ERP have no column 'id'"):
        compared(pair, left, [{"ids": "a", "name": "x", "city": "Rome"}])


def test_names_and_values_with_quotes_are_only_names_and_values() -> None:
    """A column called `a"b` and a status called `o'k` end no string of SQL."""
    pair = pair_of(
        field(Kind.STATUS, 'a"b', statuses={"o'k": "d'accord"}), left_key=("it's",), right_key=('the "key"',)
    )
    left = [{"it's": "1", 'a"b': "o'k"}, {"it's": "2", 'a"b': "o'k"}]
    right = [{'the "key"': "1", 'a"b': "d'accord"}, {'the "key"': "2", 'a"b': "';--"}]
    assert classes(compared(pair, left, right)) == {"2": "unreadable"}


def test_a_file_that_cannot_be_read_is_said_with_the_pair(tmp_path: Path) -> None:
    """A broken file is this pair's trouble, not a finding; a missing one is named."""
    broken = tmp_path / "right.parquet"
    broken.write_bytes(b"PAR1 and nothing more")
    rows = table_of([{"id": "a", "value": "x"}])
    with pytest.raises(InfrastructureError, match="the records of 'orders' could not be compared"):
        compare(pair_of(TEXT), rows, ParquetRows(str(broken)), at=AT)
    with pytest.raises(UsageError, match="no such Parquet file"):
        compare(pair_of(TEXT), rows, ParquetRows(str(tmp_path / "*.csv")), at=AT)


def test_rows_of_both_sides_can_be_asked_for_by_key() -> None:
    """Of keys one by one, whether they differ or not; else a fair draw of keys that both sides have."""
    left = [{"id": str(number), "value": "x"} for number in range(300)]
    right = [{"id": str(number), "value": "x"} for number in range(100, 400)]
    found = both_rows(pair_of(TEXT), table_of(left), table_of(right), keys=[("5",), ("150",), ("no",)])
    assert found == [(("5",), left[5], None), (("150",), left[150], right[50]), (("no",), None, None)]
    drawn = both_rows(pair_of(TEXT), table_of(left), table_of(right), limit=20)
    assert len({key for key, _, _ in drawn}) == 20
    assert all(mine == theirs is not None for _, mine, theirs in drawn)
    one = [("150",)]
    cut = compare(pair_of(TEXT), OnlyKeys(table_of(left), ("id",), one), OnlyKeys(table_of(right), ("id",), one), at=AT)
    assert (cut.counts.matched, cut.found) == (1, 0)


def _judged(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> dict[str, str]:
    """Classify the keys one by one, as a person would."""
    mine, theirs = (Counter(row["id"] for row in side) for side in (left, right))
    found = {}
    for key in mine.keys() | theirs.keys():
        a, b = ([row for row in side if row["id"] == key] for side in (left, right))
        if not b:
            found[key] = "missing"
        elif not a:
            found[key] = "extra"
        elif len(a) > 1 or len(b) > 1:
            found[key] = "duplicate"
        elif None not in (a[0]["total"], b[0]["total"]):
            if abs(a[0]["total"] - b[0]["total"]) > 0 or a[0]["value"] != b[0]["value"]:
                found[key] = "differs"
        elif a[0]["total"] != b[0]["total"] or a[0]["value"] != b[0]["value"]:
            found[key] = "differs"
    return found


def test_drawn_populations_are_judged_as_key_by_key() -> None:
    """Over many small populations with copies, gaps and nothings, the plan finds what a loop over keys finds."""
    pair = pair_of(TEXT, field(Kind.MONEY, "total"))
    for seed in range(8):
        draw = random.Random(seed)
        keys = [str(number) for number in range(draw.randint(1, 40))]
        sides = [
            [
                {"id": key, "value": draw.choice(["x", "x", "x", "y", None]), "total": draw.choice([1, 1, 1, 2, None])}
                for key in keys
                for _ in range(draw.choice([0, 1, 1, 1, 1, 2]))
            ]
            or [{"id": "0", "value": "x", "total": 1}]
            for _ in range(2)
        ]
        schema = pyarrow.schema([("id", "string"), ("value", "string"), ("total", "int64")])
        tables = [TableRows(pyarrow.Table.from_pylist(side, schema)) for side in sides]
        outcome = compare(pair, *tables, at=AT, threads=1)
        assert classes(outcome) == _judged(*sides), f"seed {seed}"
        assert outcome.counts.balances


def test_an_instant_without_a_zone_is_no_time_of_a_comparison() -> None:
    """What is young and what is in the window depends on it."""
    with pytest.raises(UsageError, match="has a zone"):
        compare(pair_of(TEXT), table_of([]), table_of([]), at=datetime(2026, 11, 20))
    assert Side(system="x", source={}, key=("id",)).placed is None


def test_a_side_that_is_empty_while_all_else_is_on_its_way_is_no_outage() -> None:
    """A shop's first orders, younger than the grace, are in flight; once one is older the empty side is named."""
    pair = pair_of(field(Kind.TEXT), placed=True, grace=timedelta(minutes=15))
    young = {"id": "1", "value": "a", "placed": ago(minutes=2), "changed": ago(minutes=1)}
    outcome = compared(pair, [young], [])
    assert (list(outcome.unread), outcome.counts.in_flight, outcome.found) == ([], 1, 0)
    old = {**young, "id": "2", "placed": ago(minutes=20), "changed": ago(minutes=20)}
    outcome = compared(pair, [], [young, old])
    assert list(outcome.unread) == ["nothing was read from shop"]
