"""The differing keys that `suspects` found, as records: both rows side by side, as each side wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from assay.drift.pairs.canonical import SUBUNITS, Column
from assay.drift.pairs.model import Apart, Class, Difference, Field, Kind
from assay.drift.pairs.rows import named
from assay.drift.pairs.suspects import Case
from assay.errors import UsageError
from assay.money import Money

if TYPE_CHECKING:
    import duckdb

Record = dict[str, Any]
"""A row as the side wrote it: text, whole numbers, decimals, truth values and None; instants and lines are text."""
_EACH = 1000
"""So many of each class are among those that are kept, or a tenth of them, before chance decides."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN = ("VARCHAR", "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT")
_WHY = {
    Kind.STATUS: "no status that this pair maps",
    Kind.MONEY: "no amount that can be read exactly",
    Kind.NUMBER: "no decimal that can be read exactly",
    Kind.INSTANT: "no instant of the years 1 to 9999",
    Kind.DATE: "no date of the years 1 to 9999",
    Kind.FLAG: "neither yes nor no",
    Kind.LINES: "no list of lines",
}


def differences(connection: duckdb.DuckDBPyConnection, case: Case, limit: int | None) -> list[Difference]:
    """Return the differing keys, by class and key; of more than the limit, the first of each class and a fair draw.

    The draw is by the key's hash: it says nothing about the records, and is the same the next time.
    """
    return [_difference(case, row) for row in _rows(connection, case, limit)]


def _rows(connection: duckdb.DuckDBPyConnection, case: Case, limit: int | None) -> Iterator[dict[str, Any]]:
    keys = ", ".join(f'"~k{place}"' for place in range(case.keys))
    chosen = "SELECT * FROM found WHERE classed IS NOT NULL"
    if limit is not None:
        chosen = (
            f"SELECT * FROM (SELECT *, hash({keys}) AS lot, row_number() OVER (PARTITION BY classed "  # noqa: S608
            f"ORDER BY hash({keys})) AS turn FROM found WHERE classed IS NOT NULL) "
            f"ORDER BY turn > {min(_EACH, limit // 10)}, lot LIMIT {int(limit)}"
        )
    columns = [f"f.{name}" for name in ("classed", "keyless", "l_copies", "r_copies", "l_row", "r_row")]
    columns += [f'f."~k{place}" AS key{place}' for place in range(case.keys)]
    columns += [f"f.f{place}" for place in range(len(case.fields))]
    for side, name in (("l", "left"), ("r", "right")):
        columns += [f'{side}."~placed" AS {name}_placed', f'{side}."~changed" AS {name}_changed']
        for place, each in enumerate(case.fields):
            if each.field.name == case.pair.worth:
                columns += [f'{side}."~v{place}" AS {name}_worth', f'{side}."~c{place}" AS {name}_code']
    columns += [f"{shown} AS l{place}" for place, shown in enumerate(shown_columns("l", case.left.columns))]
    columns += [f"{shown} AS r{place}" for place, shown in enumerate(shown_columns("r", case.right.columns))]
    cursor = connection.execute(
        f"SELECT {', '.join(columns)} FROM ({chosen}) AS f "  # noqa: S608 (names are quoted)
        "LEFT JOIN left_rows AS l ON l.rowid = f.l_row LEFT JOIN right_rows AS r ON r.rowid = f.r_row "
        f"ORDER BY f.classed, {', '.join(f'key{place}' for place in range(case.keys))}, f.l_row, f.r_row"
    )
    names = [each[0] for each in cursor.description or ()]
    while batch := cursor.fetchmany(10_000):
        for values in batch:
            yield dict(zip(names, values, strict=True))


def shown_columns(side: str, columns: Mapping[str, Column]) -> list[str]:
    """Return the SQL of a row's values as Python is handed them; `side` is what the table is called in the query."""
    return [_shown(side, each) for each in columns.values()]


def _shown(side: str, column: Column) -> str:
    """Return the SQL of a value as Python is handed it: text, whole numbers, decimals and truth values only."""
    raw = f"{side}.{named(column.name)}"
    if column.type in _PLAIN or column.type.startswith("DECIMAL("):
        return raw
    if column.type.endswith("]") or column.type.startswith(("STRUCT(", "MAP(")):
        return f"CAST(to_json({raw}) AS VARCHAR)"
    return f"({raw} ->> '$')" if column.type == "JSON" else f"CAST({raw} AS VARCHAR)"


def _difference(case: Case, row: Mapping[str, Any]) -> Difference:
    classed = Class(row["classed"])
    left = _record(case.left.columns, row, "l")
    right = _record(case.right.columns, row, "r")
    return Difference(
        key=tuple(_text(row[f"key{place}"]) or "" for place in range(case.keys)),
        classed=classed,
        fields=tuple(_apart(case, row, left, right)),
        left=left,
        right=right,
        copies=(row["l_copies"], row["r_copies"]),
        left_at=_moment(row["left_changed"]),
        right_at=_moment(row["right_changed"]),
        left_placed=_moment(row["left_placed"]),
        right_placed=_moment(row["right_placed"]),
        at_risk=_at_risk(case, classed, row),
        why=_why(case, classed, row),
    )


def _record(columns: Mapping[str, Column], row: Mapping[str, Any], side: str) -> Record | None:
    if row[f"{side}_row"] is None:
        return None
    return {name: row[f"{side}{place}"] for place, name in enumerate(columns)}


def _apart(
    case: Case, row: Mapping[str, Any], left: Mapping[str, Any] | None, right: Mapping[str, Any] | None
) -> Iterator[Apart]:
    for place, each in enumerate(case.fields):
        verdict = row[f"f{place}"]
        if not verdict or left is None or right is None:
            continue
        field = each.field
        mine, theirs = _text(left[field.left]), _text(right[field.right])
        why = "" if verdict == 1 else _unreadable(case, field, mine, theirs)
        yield Apart(field=field.name, left=mine, right=theirs, why=why)


def _unreadable(case: Case, field: Field, mine: str | None, theirs: str | None) -> str:
    """Return what could not be read, in words."""
    what = _WHY.get(field.kind, "could not be compared")
    if field.kind is Kind.STATUS:
        if mine is not None and mine not in field.statuses:
            return f"{case.left.system} says {mine!r}: {what}"
        return f"{case.right.system} says {theirs!r}: {what}"
    return f"{mine!r} of {case.left.system} and {theirs!r} of {case.right.system}: one is {what}"


def _why(case: Case, classed: Class, row: Mapping[str, Any]) -> str:
    if row["keyless"]:
        return f"a row of {(case.left if row['r_row'] is None else case.right).system} without a key"
    if classed is Class.LATE:
        late = timedelta(microseconds=row["right_placed"] - row["left_placed"])
        return f"{case.right.system} got it {_span(late)} after {case.left.system}, {_span(case.pair.grace)} allowed"
    if classed is Class.DUPLICATE:
        counts = ((case.left.system, row["l_copies"]), (case.right.system, row["r_copies"]))
        return ", ".join(f"{count} times in {system}" for system, count in counts if count > 1)
    return ""


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def _at_risk(case: Case, classed: Class, row: Mapping[str, Any]) -> Money | None:
    """Return what a key is worth: the whole amount of one missing or too many, the distance of two that differ.

    A refund that is missing is money at risk as a charge is: it is never below nothing, and takes nothing off another.
    """
    if "left_worth" not in row or classed in {Class.LATE, Class.UNREADABLE}:
        return None
    left, right = (_money(row[f"{side}_worth"], row[f"{side}_code"]) for side in ("left", "right"))
    if classed is Class.DUPLICATE:
        extra = max(row["l_copies"], row["r_copies"]) - 1
        one = left if row["l_copies"] > row["r_copies"] else right
        return None if one is None else abs(Money(one.minor * extra, one.currency))
    if left is None or right is None or left.currency != right.currency:
        one = right if left is None else left
        return None if one is None else abs(one)
    apart = abs(left.minor - right.minor)
    return Money(apart, left.currency) if apart else None


def _money(subunits: int | None, code: str | None) -> Money | None:
    if subunits is None or code is None:
        return None
    try:
        return Money((2 * subunits + SUBUNITS) // (2 * SUBUNITS), code)
    except UsageError:
        return None  # a code that is no currency is a finding of its own


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
