"""What is no good input, by the command line: each is said with its place, nothing is guessed or called missing.

The same records come as separated values, JSON lines, Parquet and SQLite; databases and listings have modules of their
own, which docs/drift.md names.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.conftest import Project

COLUMNS = ("number", "total", "status", "placed", "quantity")
PAIR = """
[pairs.orders]
about = "Every order of the shop stands in the ERP"
window = "3d"
grace = "15m"
[pairs.orders.left]
system = "shop"
source = {{ {left} }}
key = "number"
placed = "placed"
amounts = {{ currency = "EUR" }}
[pairs.orders.right]
system = "erp"
source = {{ {right} }}
key = "number"
placed = "placed"
zone = "Europe/Berlin"
amounts = {{ currency = "EUR", unit = "major" }}
[pairs.orders.fields]
total = {{ kind = "money" }}
status = {{ kind = "status", statuses = {{ paid = "A", shipped = "C" }} }}
placed = {{ kind = "instant", skew = "2s" }}
quantity = {{ kind = "number" }}
"""
SHOP = {"number": "R-1", "total": "1990", "status": "paid", "placed": "2026-11-01T10:00:00Z", "quantity": "1"}
ERP = SHOP | {"total": "19.90", "status": "A", "placed": "2026-11-01 11:00:00"}
Rows = Sequence[Mapping[str, Any]]


def _csv(rows: Rows, place: Path) -> str:
    lines = [",".join(COLUMNS).encode()]
    for row in rows:
        values = (row.get(name) for name in COLUMNS)
        lines.append(b",".join(each if isinstance(each, bytes) else str(each or "").encode() for each in values))
    place.write_bytes(b"\n".join(lines) + b"\n")
    return f'kind = "csv", path = "{place.name}"'


def _jsonl(rows: Rows, place: Path) -> str:
    lines = []
    for row in rows:
        fields = [
            json.dumps(name).encode()
            + b":"
            + (b'"' + value + b'"' if isinstance(value, bytes) else json.dumps(value).encode())
            for name, value in row.items()
        ]
        lines.append(b"{" + b",".join(fields) + b"}\n")
    place.write_bytes(b"".join(lines))
    return f'kind = "jsonl", path = "{place.name}"'


def _parquet(rows: Rows, place: Path) -> str:
    table = (
        pa.Table.from_pylist([dict(row) for row in rows])
        if rows
        else pa.table({c: pa.nulls(0, pa.string()) for c in COLUMNS})
    )
    parquet.write_table(table, place)
    return f'kind = "parquet", path = "{place.name}"'


def _sqlite(rows: Rows, place: Path) -> str:
    place.unlink(missing_ok=True)
    with sqlite3.connect(place) as database:
        database.execute(f"CREATE TABLE orders ({', '.join(COLUMNS)})")
        for row in rows:
            marks = ("CAST(? AS TEXT)" if isinstance(row.get(name), bytes) else "?" for name in COLUMNS)
            database.execute(f"INSERT INTO orders VALUES ({', '.join(marks)})", [row.get(name) for name in COLUMNS])
    database.close()
    return f'kind = "sqlite", path = "{place.name}", table = "orders"'


FULL = pytest.mark.full
KINDS: Mapping[str, Callable[[Rows, Path], str]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "sqlite": _sqlite,
}


def said(
    project: Project, kind: str, left: Rows, right: Rows, *, at: str = "2026-11-02T10:00Z"
) -> tuple[int, dict[str, Any], str]:
    """Compare both sides by the command; return its exit code, what it says of the pair, and the sentences of it."""
    sides = {
        name: KINDS[kind](rows, project.path / f"{name}.{kind}") for name, rows in (("left", left), ("right", right))
    }
    file = project.path / "monitors" / "drift" / "orders.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(PAIR.format(**sides))
    done = project.type("drift", "records", "orders", "--at", at, "--json", "--show", "50")
    assert not done.stderr, done.stderr
    (pair,) = json.loads(done.stdout)["pairs"]
    told = [*pair["unread"], *pair["ahead"], *(each["why"] for each in pair["differences"])]
    return done.returncode, pair, "; ".join(told)


PLAIN = "one is no decimal that can be read exactly"
AMOUNT = "one is no amount that can be read exactly"
INSTANT = "one is no instant of the years 1 to 9999"
UNREADABLE: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, str]]] = {
    "10^400": (
        {"total": "1e400", "quantity": "1e400"},
        {"total": "1e400", "quantity": "1e400"},
        {"total": AMOUNT, "quantity": PLAIN},
    ),
    "no number": (
        {"total": "NaN", "quantity": "Infinity"},
        {"total": "NaN", "quantity": "-inf"},
        {"total": AMOUNT, "quantity": PLAIN},
    ),
    "a word among numbers": ({"quantity": "two"}, {"quantity": "2"}, {"quantity": PLAIN}),
    "30 digits": (
        {"total": "1990.123456789012345678901234567890", "quantity": "0.123456789012345678901234567890"},
        {"total": "19.90123456789012345678901234567890", "quantity": "0.123456789012345678901234567891"},
        {"total": AMOUNT, "quantity": PLAIN},
    ),
    "the year 0": ({"placed": "0000-01-01T00:00:00Z"}, {"placed": "0000-00-00 00:00:00"}, {"placed": INSTANT}),
    "a day that is none": ({}, {"placed": "2026-02-30 11:00:00"}, {"placed": INSTANT}),
    "a status nobody mapped": (
        {"status": "refunded"},
        {"status": "Z"},
        {"status": "`Z`, and nobody mapped shop's `refunded`"},
    ),
}


@pytest.mark.parametrize("kind", [pytest.param(each, marks=[] if each == "csv" else FULL) for each in KINDS])
def test_values_that_cannot_be_compared_are_listed_with_the_reason(project: Project, kind: str) -> None:
    """Each is one unreadable record with both values as they were written; the other record is compared; exit 1."""
    left = [SHOP, *(SHOP | {"number": name, **each} for name, (each, _, _) in UNREADABLE.items())]
    right = [ERP, *(ERP | {"number": name, **each} for name, (_, each, _) in UNREADABLE.items())]
    code, pair, _ = said(project, kind, left, right)
    assert (code, pair["classes"], pair["matched"]) == (1, {"unreadable": len(UNREADABLE)}, len(left))
    told = {each["key"][0]: {one["field"]: one["why"] for one in each["fields"]} for each in pair["differences"]}
    for name, (_, _, expected) in UNREADABLE.items():
        assert told[name].keys() == expected.keys(), name
        assert all(told[name][field].endswith(why) for field, why in expected.items()), told[name]


@pytest.mark.parametrize("kind", [pytest.param(each, marks=FULL) for each in KINDS])
def test_keys_that_are_doubled_or_lacking_are_named(project: Project, kind: str) -> None:
    """A key on both sides twice is one finding, and a row without a key one each; the others are compared."""
    twice = [SHOP, SHOP, SHOP | {"number": "R-2"}], [ERP, ERP, ERP | {"number": "R-2"}]
    code, pair, text = said(project, kind, *twice)
    assert (code, pair["classes"]) == (1, {"duplicate": 1})
    assert "2 times in shop, 2 times in erp" in text
    code, pair, text = said(project, kind, [SHOP, SHOP | {"number": None}], [ERP, ERP | {"number": None}])
    assert (code, pair["classes"]) == (1, {"unreadable": 2})
    assert "a row of shop without a key" in text and "a row of erp without a key" in text


@pytest.mark.parametrize("kind", [pytest.param(each, marks=[] if each == "jsonl" else FULL) for each in KINDS])
def test_an_empty_side_is_an_outage(project: Project, kind: str) -> None:
    """Nothing read from one side is exit 3 with its name; of both it is exit 5; nothing is missing in either case."""
    code, pair, text = said(project, kind, [SHOP], [])
    assert (code, pair["classes"]) == (3, {}) and "nothing was read from erp" in text
    code, pair, text = said(project, kind, [], [])
    assert (code, pair["classes"]) == (5, {}) and "nothing was read from shop nor from erp" in text


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("csv", "left.csv, record 1: no UTF-8"),
        ("jsonl", "left.jsonl, line 1: no UTF-8"),
        pytest.param("sqlite", "row 1: 'quantity' is no UTF-8", marks=FULL),
    ],
)
def test_text_that_is_no_utf_8_is_named_by_its_place(project: Project, kind: str, where: str) -> None:
    """The row is named, the rest is compared, and what the other side has of it is not called extra: exit 3."""
    code, pair, text = said(
        project, kind, [SHOP | {"quantity": b"\xff"}, SHOP | {"number": "R-2"}], [ERP, ERP | {"number": "R-2"}]
    )
    assert (code, pair["classes"]) == (3, {})
    assert where in text


@FULL
def test_bytes_of_parquet_that_are_no_utf_8_are_a_value_that_cannot_be_read(project: Project) -> None:
    """A column of bytes is compared as far as it can be, and the bytes are shown by their numbers."""
    code, pair, _ = said(project, "parquet", [SHOP | {"quantity": b"\xff"}], [ERP])
    (apart,) = pair["differences"][0]["fields"]
    assert (code, pair["classes"], apart["field"], apart["left"]) == (1, {"unreadable": 1}, "quantity", "\\xFF")


def test_a_clock_that_is_ahead_is_in_flight_and_the_far_future_is_listed(project: Project) -> None:
    """Seconds ahead wait for the next look; a record of next year is in no window, and that is said, exit as before."""
    soon = [SHOP | {"placed": "2026-11-02T10:00:20Z", "number": "R-2"}, SHOP]
    code, pair, text = said(project, "csv", soon, [ERP])
    assert (code, pair["classes"], pair["ahead"]) == (0, {}, [])
    assert said(project, "csv", soon, [ERP], at="2026-11-02T10:30Z")[1]["classes"] == {"missing": 1}
    code, pair, text = said(project, "csv", [SHOP, SHOP | {"placed": "2027-11-01T10:00:00Z", "number": "R-2"}], [ERP])
    assert (code, pair["classes"]) == (0, {})
    assert "1 record is dated after 2026-11-02 12:00 UTC in shop, by `placed`" in text


@FULL
def test_a_window_over_a_change_of_the_clock_compares_every_hour(project: Project) -> None:
    """Both hours of the night in October, and those around the one that March lacks, agree with local time."""
    nights = {
        "2026-10-26T10:00Z": {
            "2026-10-24T23:59:59Z": "2026-10-25 01:59:59",
            "2026-10-25T00:30:00Z": "2026-10-25 02:30:00",
            "2026-10-25T01:30:00Z": "2026-10-25 02:30:00",
            "2026-10-25T02:00:00Z": "2026-10-25 03:00:00",
        },
        "2027-03-29T10:00Z": {
            "2027-03-28T00:59:59Z": "2027-03-28 01:59:59",
            "2027-03-28T01:00:00Z": "2027-03-28 03:00:00",
        },
    }
    for at, hours in nights.items():
        left = [SHOP | {"number": f"R-{number}", "placed": placed} for number, placed in enumerate(hours)]
        right = [ERP | {"number": f"R-{number}", "placed": placed} for number, placed in enumerate(hours.values())]
        code, pair, text = said(project, "csv", left, right, at=at)
        assert (code, pair["classes"], pair["matched"]) == (0, {}, len(hours)), text


@FULL
def test_a_column_that_vanished_is_named_and_the_others_are_compared(project: Project) -> None:
    """A field without its column is exit 3, and the rest is compared; a key without its column is exit 2."""
    without = [
        {name: value for name, value in row.items() if name != "quantity"}
        for row in (ERP, ERP | {"number": "R-2", "total": "1.00"})
    ]
    code, pair, text = said(project, "jsonl", [SHOP, SHOP | {"number": "R-2"}], without)
    assert (code, pair["classes"]) == (3, {"differs": 1})
    assert "quantity was not compared: the rows of erp have no column 'quantity'" in text
    (project.path / "right.jsonl").write_text('{"nummer": "R-1"}\n')
    done = project.type("drift", "records", "orders", "--at", "2026-11-02T10:00Z")
    assert done.returncode == 2
    assert "the rows of erp have no column 'number'" in done.stdout and "did you mean 'nummer'" in done.stdout
