"""The rows that are not alike by their hashes, looked at whole: which key is wrong, in which way and in which fields.

Everything is decided again here, exactly and by the real keys: a collision of hashes, a row that lies just outside the
window on one side, or an amount the digest could not judge, all end as suspects of which nothing is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from assay.drift.pairs.allowed import Measures, apart, measures_of, same_currency
from assay.drift.pairs.canonical import Form, first_reading
from assay.drift.pairs.model import Class, Kind, Pair, SideName
from assay.drift.pairs.plan import (
    Compared,
    Cut,
    Input,
    currency_tied,
    key_forms,
    key_hash,
    moment_of,
    placed_of,
    tied,
    whole_columns,
    within,
    zone_of,
)

if TYPE_CHECKING:
    import duckdb

LOOKED = "looked"
"""The table of key hashes to look at; 0 stands for rows without a key."""
OVER = "left_over"
"""The table of the left's rows that are like none of the right, where the join could carry them whole."""
MOMENTS = ("placed", "changed", "placed_first", "changed_first")
"""By which a row is young; the last two are other readings of local times that a clock showed twice."""
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Case:
    """What both steps need: the pair, its sides as the plan sees them, its fields, and which rows count."""

    pair: Pair
    left: Input
    right: Input
    fields: Sequence[Compared]
    cut: Cut

    @property
    def keys(self) -> int:
        """How many columns a key has."""
        return len(self.pair.left.key)


def land(connection: duckdb.DuckDBPyConnection, case: Case, *, carried: bool) -> None:
    """Write the rows of the looked-at keys, whole, with their values in the common form: `left_rows`, `right_rows`.

    carried: whether the left's are in `left_over` already, so that its source is not read again. Otherwise rows outside
    the window are written, too: the partner of a row at its edge may lie just behind it.
    """
    keys = key_forms(case.pair, case.left, case.right)
    sides: tuple[tuple[SideName, Input, list[Form]], ...] = (
        ("left", case.left, [mine for mine, _ in keys]),
        ("right", case.right, [theirs for _, theirs in keys]),
    )
    for name, side, forms in sides:
        columns = dict(_computed(case, side, name))
        columns |= {f"~k{place}": form.value for place, form in enumerate(forms)}
        written = ", ".join(f'{expression} AS "{alias}"' for alias, expression in columns.items())
        if carried and name == "left":
            names = ", ".join(f"{alias} AS {column}" for alias, column in whole_columns(side).items())
            source = f"(SELECT {names} FROM {OVER} WHERE there)"  # noqa: S608 (names are quoted)
        else:
            looked = f"{key_hash(forms)} IN (SELECT k FROM {LOOKED})"  # noqa: S608
            source = f"{side.source} WHERE {looked}"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name}_rows AS SELECT *, {written} FROM {source}")  # noqa: S608


def judge(connection: duckdb.DuckDBPyConnection, case: Case) -> None:
    """Write one row a looked-at key into `found`: its class (NULL for none), whether it is in flight, and its fields.

    A field is 0 where the sides agree, 1 where they differ, 2 where it could not be compared.
    """
    keys = [f"~k{place}" for place in range(case.keys)]
    on = " AND ".join(f'l."{key}" = r."{key}"' for key in keys)
    both = 'l."~row" IS NOT NULL AND r."~row" IS NOT NULL'
    columns = [f'coalesce(l."{key}", r."{key}") AS "{key}"' for key in keys]
    columns += [f'coalesce({side}."~copies", 0) AS {side}_copies, {side}."~row" AS {side}_row' for side in "lr"]
    columns.append(f"{_any(f'coalesce({_both_sides(key)}) IS NULL' for key in keys)} AS keyless")
    columns.append(f"{_young(case.cut)} AS young")
    arrived = 'coalesce(r."~placed_first", r."~placed")'
    columns.append(f'coalesce({arrived} - l."~placed" > {case.pair.grace // _MICROSECOND}, false) AS late')
    columns += [
        f"CASE WHEN {both} THEN {_verdict(connection, case, each, place)} ELSE 0 END AS f{place}"
        for place, each in enumerate(case.fields)
    ]
    left, right = (_first(connection, name, keys) for name in ("left", "right"))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE judged AS SELECT {', '.join(columns)} "  # noqa: S608
        f"FROM ({left}) AS l FULL JOIN ({right}) AS r ON {on} "
        'WHERE coalesce(l."~in", false) OR coalesce(r."~in", false)'
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE found AS {_classed(case)}")


def _computed(case: Case, side: Input, name: SideName) -> Iterator[tuple[str, str]]:
    """Yield what is worked out of each row: alias and SQL."""
    own = case.pair.left if name == "left" else case.pair.right
    placed = placed_of(case.pair, side, name)
    yield "~in", within(case.cut, placed)
    yield "~placed", placed
    yield "~changed", moment_of(own.changed, side, zone_of(case.pair, name, own.changed))
    for alias, column in (("~placed_first", own.placed), ("~changed_first", own.changed)):
        zone = zone_of(case.pair, name, column)
        yield alias, "CAST(NULL AS BIGINT)" if column is None else first_reading(side.columns[column], zone)
    for place, each in enumerate(case.fields):
        form = each.form(name)
        yield f"~v{place}", form.value
        yield f"~u{place}", form.unreadable
        if each.field.kind is Kind.INSTANT:
            zone = each.field.left_zone if name == "left" else each.field.right_zone
            yield f"~t{place}", first_reading(form.column, zone)
        if each.field.bounded and name == "left":
            yield from zip((f"~b{place}", f"~a{place}"), apart(each.field, side.columns), strict=True)
        if each.field.kind is Kind.MONEY:
            yield f"~c{place}", form.currency or "CAST(NULL AS VARCHAR)"
            if name == "left":
                measures = measures_of(each.field, side.columns)
                yield f"~q{place}", measures.quantity
                yield f"~l{place}", measures.lines
                yield f"~r{place}", f"CAST({measures.rate} AS HUGEINT)"


def _first(connection: duckdb.DuckDBPyConnection, name: str, keys: Sequence[str]) -> str:
    """Return one row a key, with how many copies there are; rows without a key are each by themselves."""
    rows, again, key = f"{name}_rows", f"{name}_again", ", ".join(f'"{key}"' for key in keys)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {again} AS SELECT {key} FROM {rows} GROUP BY {key} HAVING count(*) > 1"  # noqa: S608
    )
    # A copy in the window counts before one outside it, and of two the one that was changed last. Not by a window over
    # the copies: of a key that is none, that takes seconds for each ten thousand.
    earliest = "-9223372036854775807"
    # Then by what they hold: in which order rows are read says nothing.
    order = f"""{{'a': NOT "~in", 'b': -coalesce("~changed", {earliest}), 'c': hash({rows}), 'd': {rows}.rowid}}"""
    copies = (
        f'SELECT count(*) FILTER (WHERE "~in") AS "~copies", min({order})[\'d\'] AS "~row" '  # noqa: S608
        f"FROM {rows} SEMI JOIN {again} USING ({key}) GROUP BY {key}"
    )
    return (
        f"""SELECT COLUMNS('^~'), CAST("~in" AS BIGINT) AS "~copies", whole.rowid AS "~row" """  # noqa: S608
        f"FROM {rows} AS whole ANTI JOIN {again} USING ({key}) UNION ALL BY NAME "
        f"""SELECT COLUMNS('^~') FROM {rows} AS whole JOIN ({copies}) AS one ON whole.rowid = one."~row\""""
    )


def _both_sides(key: str) -> str:
    return f'l."{key}", r."{key}"'


def _young(cut: Cut) -> str:
    moments = [f'{side}."~{moment}"' for side in "lr" for moment in MOMENTS]
    return _any(f"coalesce({moment} > {cut.young} AND {moment} <= {cut.latest}, false)" for moment in moments)


def _any(conditions: Iterator[str]) -> str:
    return "(" + " OR ".join(conditions) + ")"


def _verdict(connection: duckdb.DuckDBPyConnection, case: Case, each: Compared, place: int) -> str:
    """Return the SQL of 0, 1 or 2 for a field of two rows that both are there."""
    left, right = f'l."~v{place}"', f'r."~v{place}"'
    unreadable = f'l."~u{place}" OR r."~u{place}"'
    if each.field.kind is Kind.INSTANT:
        skew = str(each.field.skew // _MICROSECOND)
        # A local time that a clock showed twice is either instant: the one that fits counts.
        first = f'coalesce(l."~t{place}", {left})', f'coalesce(r."~t{place}", {right})'
        readings = ((left, right), (first[0], right), (left, first[1]), first)
        same = _any(_near(mine, theirs, skew) for mine, theirs in readings)
    elif each.field.kind is Kind.MONEY:
        mine, theirs = f'l."~c{place}"', f'r."~c{place}"'
        measures = Measures(f'l."~q{place}"', f'l."~l{place}"', f'l."~r{place}"')
        fixed_left, fixed_right = each.fixed_codes
        known = each.left.currency or each.right.currency
        currency = None if known is None else f"coalesce({mine}, {theirs})"
        slack: int | str = same_currency(each.field, currency, fixed_right or fixed_left, measures)
        if currency_tied(each):
            left, slack = tied(each, mine, theirs, left, slack, measures, pairs=_codes(connection, place))
            unreadable += f' OR (l."~v{place}" IS NOT NULL AND {left} IS NULL)'
            same = _near(left, right, str(slack))
        else:
            same = _near(left, right, str(slack))
            if each.left.currency is not None and each.right.currency is not None:
                same = f"({mine} IS NOT DISTINCT FROM {theirs} AND {same})"
    elif each.field.bounded:
        between = f'coalesce({left} - {right} BETWEEN -l."~a{place}" AND l."~b{place}", false)'
        same = f"(({left} IS NULL AND {right} IS NULL) OR {between})"
    else:
        same = f"{left} IS NOT DISTINCT FROM {right}"
    return f"CASE WHEN {unreadable} THEN 2 WHEN {same} THEN 0 ELSE 1 END"


def _near(left: str, right: str, slack: str) -> str:
    both = f"({left} IS NULL AND {right} IS NULL)"
    return f"({both} OR coalesce(abs(({left}) - {right}) <= {slack}, false))"


def _codes(connection: duckdb.DuckDBPyConnection, place: int) -> list[tuple[str, str]]:
    """Return the pairs of currencies that the suspects can have."""
    query = (
        f'SELECT l.c, r.c FROM (SELECT DISTINCT "~c{place}" AS c FROM left_rows) AS l, '  # noqa: S608
        f'(SELECT DISTINCT "~c{place}" AS c FROM right_rows) AS r WHERE l.c IS NOT NULL AND r.c IS NOT NULL'
    )
    return [(str(left), str(right)) for left, right in connection.execute(query).fetchall()]


def _classed(case: Case) -> str:
    """Return the SQL of `found`: differences of young records are in flight, and so are young missing ones."""
    fields = [f"f{place}" for place in range(len(case.fields))]
    differs = _any(f"{name} = 1" for name in fields) if fields else "false"
    unreadable = _any(f"{name} = 2" for name in fields) if fields else "false"
    words = {each: f"'{each.value}'" for each in Class}
    alone = "l_row IS NULL OR r_row IS NULL"
    classed = f"""CASE
        WHEN keyless THEN {words[Class.UNREADABLE]}
        WHEN ({alone}) AND young THEN NULL
        WHEN r_row IS NULL THEN {words[Class.MISSING]}
        WHEN l_row IS NULL THEN {words[Class.EXTRA]}
        WHEN l_copies > 1 OR r_copies > 1 THEN {words[Class.DUPLICATE]}
        WHEN {differs} AND NOT young THEN {words[Class.DIFFERS]}
        WHEN {unreadable} THEN {words[Class.UNREADABLE]}
        WHEN {differs} OR NOT late THEN NULL
        ELSE {words[Class.LATE]} END"""
    flight = f"NOT keyless AND young AND (({alone}) OR {differs})"
    kept = ", ".join(
        f"CASE WHEN l_copies > 1 OR r_copies > 1 OR (young AND {name} = 1) THEN 0 ELSE {name} END AS {name}"
        for name in fields
    )
    keys = ", ".join(f'"~k{place}"' for place in range(case.keys))
    return (
        f"SELECT {keys}, l_copies, r_copies, l_row, r_row, keyless, {classed} AS classed, {flight} AS flight"  # noqa: S608
        f"{', ' + kept if kept else ''} FROM judged"
    )


def totals(connection: duckdb.DuckDBPyConnection, case: Case) -> tuple[Mapping[Class, int], Mapping[str, int]]:
    """Return how many keys there are of each class, and of each field how many differ or could not be compared."""
    sums = "".join(f", count(*) FILTER (WHERE f{place} > 0)" for place in range(len(case.fields)))
    query = f"SELECT classed{sums} FROM found WHERE classed IS NOT NULL GROUP BY classed"  # noqa: S608
    rows = connection.execute(query).fetchall()
    classes = {each: count for each in Class if (count := _count(connection, each))}
    fields = {each.field.name: sum(row[1 + place] for row in rows) for place, each in enumerate(case.fields)}
    return classes, {name: count for name, count in fields.items() if count}


def _count(connection: duckdb.DuckDBPyConnection, classed: Class) -> int:
    query = "SELECT count(*) FROM found WHERE classed = ?"
    return int(connection.execute(query, [classed.value]).fetchall()[0][0])
