"""The plan of `assay.drift.pairs.plan`, written for an engine elsewhere: which keys are not alike, and their rows.

Of each row the engine reckons a hash of the key, a hash of all that must be equal (the key among it), the numbers that
may lie a little apart, and whether it is sure of all of them. Rows are grouped by the hash of their key, so that copies
are told in the same pass; a key of which both sides have one row, sure and alike, is done with. The rows of all other
keys are asked for whole, and are judged here by the same code as ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa

from assay.drift.pairs.elsewhere import values
from assay.drift.pairs.elsewhere.amounts import alike, money_of
from assay.drift.pairs.elsewhere.dialects import Dialect
from assay.drift.pairs.elsewhere.values import Stages, Value
from assay.drift.pairs.model import Field, Kind, Pair, Side, SideName
from assay.drift.pairs.plan import cut_of, microseconds, zone_of
from assay.errors import UsageError, did_you_mean

_MICROSECOND = timedelta(microseconds=1)
_OUT, _IN, _UNSURE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Relation:
    """One side as an engine holds it: what stands after FROM, and the columns with Arrow's types."""

    system: str
    source: str
    columns: Mapping[str, pa.DataType]


@dataclass(frozen=True, slots=True)
class Asked:
    """What an engine is asked, as SQL of its dialect.

    looked: the hashes of the keys that are not alike. totals: of each side, how many rows surely belong to it, and how
    many of these are surely in the window. rows: of each side, the rows of those keys (of the query or table named
    `looked`, by `rows_of`), the last column saying whether it is left to be told here if a row belongs.
    """

    looked: str
    totals: tuple[str, str]
    _rows: tuple[str, str]
    samples: tuple[str, str]

    def rows_of(self, looked: str) -> tuple[str, str]:
        """Return the queries of both sides' rows; looked: what stands after FROM for the keys' hashes."""
        left, right = (each.replace(_LOOKED, looked) for each in self._rows)
        return left, right


_LOOKED = "assay~looked"
_SAMPLE = 4_000
"""Orders of the left of which policies are proposed, or so."""


def ask(pair: Pair, left: Relation, right: Relation, dialect: Dialect, at: datetime) -> Asked:
    """Return what is asked of an engine to compare a pair as of an instant.

    `UsageError` for a column that is not there and for a field that this engine cannot compare, with the reason.
    """
    sides = SidePlan(pair, "left", left, dialect, at), SidePlan(pair, "right", right, dialect, at)
    one, two = sides
    conditions = ["l.c = 1", "r.c = 1", "l.sure = 1", "r.sure = 1"]
    for mine, theirs in zip(pair.left.key, pair.right.key, strict=True):
        _key(one, two, mine, theirs)
    for field in pair.fields:
        if _are_there(field, left, right):
            conditions += _field(field, one, two)
    conditions += _late(pair, one, two)
    same = " AND ".join([*conditions, "l.h = r.h"])
    joined = (
        f"(SELECT COALESCE(l.k, r.k) AS k, CASE WHEN {same} THEN 1 ELSE 0 END AS same "  # noqa: S608
        f"FROM ({one.grouped()}) AS l FULL OUTER JOIN ({two.grouped()}) AS r ON l.k = r.k)"
    )
    return Asked(
        looked=f"SELECT k FROM {joined} AS j WHERE same = 0",  # noqa: S608 (names are quoted)
        totals=(one.totals(), two.totals()),
        _rows=(one.rows(), two.rows()),
        samples=(one.sample(), two.sample()),
    )


def _are_there(field: Field, left: Relation, right: Relation) -> bool:
    """Whether both sides have the columns of a field; of one that is gone, the comparison here says so."""
    wanted = [(left, field.left), (right, field.right)]
    wanted += [(left, each) for each in (field.below, field.above) if each is not None]
    if field.kind is Kind.MONEY:
        wanted += [(left, each) for each in (field.quantity, field.lines, field.rate) if each is not None]
        for side, said in ((left, field.left_amounts), (right, field.right_amounts)):
            if said is not None and said.currency_column is not None:
                wanted.append((side, said.currency_column))
    return all(column in side.columns for side, column in wanted)


class SidePlan:
    """One side's part: what is hashed, what is exported to the join, and of what it must be sure."""

    def __init__(self, pair: Pair, name: SideName, relation: Relation, dialect: Dialect, at: datetime) -> None:
        self.own: Side = pair.left if name == "left" else pair.right
        self.pair, self.name, self.dialect, self.relation = pair, name, dialect, relation
        self.stages = Stages(dialect, relation.columns, relation.source, at)
        self._refuse_columns()
        self.keys: list[Value] = []
        self.equal: list[str] = []
        self.sure: list[str] = []
        self.exports: dict[str, str] = {}
        chosen, valid = self._chosen(), self._valid(at)
        self.placed = self._placed()
        self.belongs = _three(chosen, valid)
        self.member = _three(chosen, valid, self._windowed(at))

    def _refuse_columns(self) -> None:
        columns = self.relation.columns
        for column in (*self.own.key, self.own.placed, self.own.changed, *self.own.only, *(self.own.valid or ())):
            if column is not None and column not in columns:
                raise UsageError(
                    f"the rows of {self.relation.system} have no column '{column}'",
                    where=f"pair '{self.pair.name}', {self.name}",
                    expected=", ".join(columns),
                    seen=column,
                    hint=did_you_mean(column, columns),
                )

    def export(self, sql: str) -> str:
        """Make a value part of the join; return what it is called there."""
        return f"{self.name[0]}.{self.exports.setdefault(sql, f'n{len(self.exports)}')}"

    def compare(self, value: Value) -> None:
        """Let a value be equal to the other side's."""
        self.equal.append(value.sql)
        self.judge(value)

    def judge(self, value: Value) -> None:
        """Call a row alike only where this value is sure."""
        if not value.certain:
            self.sure.append(value.sure)

    def _placed(self) -> Value | None:
        if self.own.placed is None:
            return None
        zone = zone_of(self.pair, self.name, self.own.placed)
        return values.instant(self.stages, self.own.placed, zone, "the instant a record is placed")

    def _chosen(self) -> list[tuple[str, str]]:
        """Return the conditions by which a row is chosen; a condition is SQL, and when it is sure."""
        return [(_one_of(self.stages, column, listed), "TRUE") for column, listed in self.own.only.items()]

    def _valid(self, at: datetime) -> list[tuple[str, str]]:
        """Return the conditions by which a row is valid at an instant."""
        found = []
        now = microseconds(at)
        for column, holds in zip(self.own.valid or (), (f"<= {now}", f"> {now}"), strict=False):
            value = values.instant(self.stages, column, self.own.zone, "a validity")
            empty = f" OR {value.raw} = ''" if values.is_text(self.relation.columns[column]) else ""
            nothing = f"({value.raw} IS NULL{empty})"
            found.append((f"({nothing} OR {value.sql} {holds})", f"({nothing} OR {value.sql} IS NOT NULL)"))
        return found

    def _windowed(self, at: datetime) -> list[tuple[str, str]]:
        cut = cut_of(self.pair, at)
        if cut.since is None or cut.until is None or self.placed is None:
            return []
        within = f"({self.placed.raw} IS NULL OR {self.placed.sql} BETWEEN {cut.since} AND {cut.until})"
        return [(within, self.placed.sure)]

    def _each(self, columns: str) -> str:
        return f"SELECT {columns} FROM {self.stages.source()} AS side"  # noqa: S608 (names are quoted)

    def key(self) -> str:
        """Return the hash of a row's key; NULL where a column of it is."""
        there = " AND ".join(f"{each.raw} IS NOT NULL" for each in self.keys)
        return f"CASE WHEN {there} THEN {self._hash([each.sql for each in self.keys])} END"

    def _hash(self, texts: Sequence[str]) -> str:
        string = self.dialect.text
        parts = [f"COALESCE({string(f'LENGTH({each})')} || ':' || {each}, '-')" for each in texts]
        return self.dialect.hashed(" || ".join(parts))

    def grouped(self) -> str:
        """Return one row a key: how many there are, whether all is sure, and what is held against the other side."""
        sure = " AND ".join([f"{self.member} = {_IN}", *self.sure])
        exports = "".join(f", {sql} AS {name}" for sql, name in self.exports.items())
        hashed = self._hash([each.sql for each in self.keys] + self.equal)
        inner = self._each(
            f"{self.key()} AS k, {hashed} AS h, {self.member} AS m, CASE WHEN {sure} THEN 1 ELSE 0 END AS sure{exports}"
        )
        least = "".join(f", MIN({name}) AS {name}" for name in self.exports.values())
        return (
            f"SELECT k, COUNT(*) AS c, MIN(h) AS h, MIN(sure) AS sure{least} FROM ({inner}) AS rows_of_key "  # noqa: S608
            f"WHERE k IS NOT NULL AND m <> {_OUT} GROUP BY k"
        )

    def totals(self) -> str:
        """Return the query of how many rows surely belong, and how many of them are surely in the window."""
        counted = self._each(f"{self.belongs} AS b, {self.member} AS m")
        return (
            f"SELECT COUNT(CASE WHEN b = {_IN} AND m <> {_UNSURE} THEN 1 END) AS belonging, "  # noqa: S608
            f"COUNT(CASE WHEN m = {_IN} THEN 1 END) AS windowed FROM ({counted}) AS counted"
        )

    def _whole(self) -> str:
        return ", ".join(f"whole.{self.dialect.named(name)}" for name in self.relation.columns)

    def rows(self) -> str:
        """Return the query of the rows of the looked-at keys, those behind the window, too, and those without a key."""
        names = ", ".join(self.dialect.named(name) for name in self.relation.columns)
        inner = self._each(f"{names}, {self.key()} AS assay_k, {self.member} AS assay_m")
        return (
            f"SELECT {self._whole()}, CASE WHEN assay_m = {_UNSURE} THEN 1 ELSE 0 END AS assay_unsure "  # noqa: S608
            f"FROM ({inner}) AS whole LEFT JOIN {_LOOKED} AS looked ON assay_k = looked.k "
            f"WHERE looked.k IS NOT NULL OR (assay_k IS NULL AND assay_m <> {_OUT})"
        )

    def population(self, columns: Sequence[str], since: datetime | None, until: datetime | None) -> Counted:
        """Return how the rows placed since then, until then, are counted by columns and by time."""
        return Counted(self, tuple(columns), since, until)

    def sample(self) -> str:
        """Return the query of a fair draw of rows, the same keys of both sides: so many in ten thousand, at `{}`."""
        names = ", ".join(self.dialect.named(name) for name in self.relation.columns)
        inner = self._each(f"{names}, {self.key()} AS assay_k, {self.member} AS assay_m")
        lot = "MOD(ABS(MOD(assay_k, 1000003)), 10000)"
        return f"SELECT {self._whole()} FROM ({inner}) AS whole WHERE assay_m = {_IN} AND {lot} < {{}}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows that surely belong and are surely placed in a span, counted."""

    plan: SidePlan
    columns: tuple[str, ...]
    since: datetime | None
    until: datetime | None

    @property
    def shape(self) -> str:
        """The query of how many there are, how many microseconds they span, and how many values each column has."""
        placed = self.plan.placed
        width = "0" if placed is None else "MAX(placed) - MIN(placed)"
        words = "".join(f", COUNT(DISTINCT d{place}) AS n{place}" for place in range(len(self.columns)))
        return f"SELECT COUNT(*) AS n, {width} AS width{words} FROM ({self._rows()}) AS counted"  # noqa: S608

    def cells(self, columns: Sequence[str], step: int) -> str:
        """Return the query of the cells: each column's values, the number of the stretch, and how many rows."""
        place = self.columns.index
        chosen = [f"d{place(each)}" for each in columns]
        started = "0" if self.plan.placed is None else self.plan.dialect.quotient("placed", str(step))
        named = [*(f"{each} AS v{number}" for number, each in enumerate(chosen)), f"{started} AS started"]
        inner = f"SELECT {', '.join(named)} FROM ({self._rows()}) AS placed_rows"  # noqa: S608 (names are quoted)
        groups = ", ".join([*(f"v{number}" for number in range(len(chosen))), "started"])
        return f"SELECT {groups}, COUNT(*) AS counted FROM ({inner}) AS cells GROUP BY {groups}"  # noqa: S608

    def _rows(self) -> str:
        plan = self.plan
        words = "".join(f", {plan.dialect.named(each)} AS d{place}" for place, each in enumerate(self.columns))
        bounds = [f"{plan.belongs} = {_IN}"]
        if plan.placed is not None:
            bounds.append(f"{plan.placed.sql} IS NOT NULL")
            bounds += [] if self.since is None else [f"{plan.placed.sql} >= {microseconds(self.since)}"]
            bounds += [] if self.until is None else [f"{plan.placed.sql} <= {microseconds(self.until)}"]
        value = "0" if plan.placed is None else plan.placed.sql
        return f"SELECT {value} AS placed{words} FROM {plan.stages.source()} AS side WHERE {' AND '.join(bounds)}"  # noqa: S608


def drawn(rows: int) -> int:
    """Return how many in ten thousand are drawn of so many."""
    return max(1, min(10_000, 10_000 * _SAMPLE // max(1, rows)))


def _three(*conditions: Sequence[tuple[str, str]]) -> str:
    """Return 1 where all of several lists of conditions surely hold, 2 where it is not sure, 0 where one does not hold.

    A list counts only where those before it hold; within one, what is not sure weighs more than what does not hold:
    how many rows say nothing readable of their validity is told.
    """
    cases = ""
    for each in conditions:
        if each:
            unsure = " OR ".join(f"NOT {sure}" for _, sure in each)
            out = " OR ".join(f"NOT COALESCE({holds}, FALSE)" for holds, _ in each)
            cases += f" WHEN {unsure} THEN {_UNSURE} WHEN {out} THEN {_OUT}"
    return f"CASE{cases} ELSE {_IN} END" if cases else str(_IN)


def _one_of(stages: Stages, column: str, listed: Sequence[bool | int | str]) -> str:
    """Return whether a column has one of these values; "" stands for none, too."""
    raw, kind = stages.raw(column), stages.columns[column]
    words = [
        stages.dialect.quoted(each) if isinstance(each, str) else str(each).upper() for each in listed if each != ""
    ]
    for each in listed:
        fits = (
            values.is_text(kind)
            if isinstance(each, str)
            else pa.types.is_boolean(kind)
            if isinstance(each, bool)
            else pa.types.is_integer(kind) or pa.types.is_decimal(kind) or values.is_double(kind)
        )
        if not fits and each != "":
            raise values.refused(stages, f"only: {each!r}", column, "write a value of the column's type")
    found = [f"{raw} IN ({', '.join(words)})"] if words else []
    if "" in listed:
        found.append(f"{raw} IS NULL" + (f" OR {raw} = ''" if values.is_text(kind) else ""))
    return f"({' OR '.join(found)})"


def _key(one: SidePlan, two: SidePlan, mine: str, theirs: str) -> None:
    kinds = one.relation.columns[mine], two.relation.columns[theirs]
    one.keys.append(values.written(one.stages, mine, kinds[1], "the key"))
    two.keys.append(values.written(two.stages, theirs, kinds[0], "the key"))


def _field(field: Field, one: SidePlan, two: SidePlan) -> list[str]:
    """Add a field to both sides; return the conditions of the join that it needs."""
    what = f"field '{field.name}'"
    ours, theirs = one.stages, two.stages
    if field.kind is Kind.MONEY:
        money = money_of(field, ours, theirs, what)
        one.judge(money.left)
        two.judge(money.right)
        return alike(money, one.dialect, one.export, two.export)
    if field.kind is Kind.INSTANT:
        mine = values.instant(ours, field.left, field.left_zone, what)
        other = values.instant(theirs, field.right, field.right_zone, what)
        one.judge(mine)
        two.judge(other)
        left, right = one.export(mine.sql), two.export(other.sql)
        return [f"(({left} IS NULL AND {right} IS NULL) OR ABS({left} - {right}) <= {field.skew // _MICROSECOND})"]
    if field.bounded:
        return _between(field, one, two, what)
    for plan, value in zip((one, two), _values(field, one, two, what), strict=True):
        plan.compare(value)
    return []


def _between(field: Field, one: SidePlan, two: SidePlan, what: str) -> list[str]:
    """Let the right's number lie below the left's, or above, as far as columns of the left say."""
    mine = values.counted(one.stages, field.left, field.scale, what)
    other = values.counted(two.stages, field.right, field.scale, what)
    one.judge(mine)
    two.judge(other)
    left, right = one.export(mine.sql), two.export(other.sql)
    below, above = (
        "0"
        if column is None
        else f"COALESCE({one.export(values.counted(one.stages, column, field.scale, what).sql)}, 0)"
        for column in (field.below, field.above)
    )
    least, most = (f"CASE WHEN {each} > 0 THEN {each} ELSE 0 END" for each in (below, above))
    apart = f"{left} - {right}"
    return [f"(({left} IS NULL AND {right} IS NULL) OR ({apart} <= {least} AND {apart} >= -({most})))"]


def _values(field: Field, one: SidePlan, two: SidePlan, what: str) -> tuple[Value, Value]:
    """Return the values of a field that must be equal."""
    ours, theirs = one.stages, two.stages
    kinds = ours.columns[field.left], theirs.columns[field.right]
    match field.kind:
        case Kind.TEXT:
            return (
                values.composed(ours, field.left, kinds[1], what),
                values.composed(theirs, field.right, kinds[0], what),
            )
        case Kind.STATUS:
            right = {word: word for word in field.statuses.values()}
            return (
                values.mapped(ours, field.left, field.statuses, what),
                values.mapped(theirs, field.right, right, what),
            )
        case Kind.NUMBER:
            return (
                values.number(ours, field.left, field.scale, what),
                values.number(theirs, field.right, field.scale, what),
            )
        case Kind.DATE:
            return (
                values.day(ours, field.left, field.left_zone, what),
                values.day(theirs, field.right, field.right_zone, what),
            )
        case Kind.FLAG:
            return values.flag(ours, field.left, what), values.flag(theirs, field.right, what)
        case Kind.LINES:
            return (
                values.lines(ours, field.left, field.members, what),
                values.lines(theirs, field.right, field.members, what),
            )
        case Kind.IDENTIFIER:
            return (
                values.written(ours, field.left, kinds[1], what),
                values.written(theirs, field.right, kinds[0], what),
            )
    raise AssertionError(field.kind)  # money and instants are not held equal


def _late(pair: Pair, one: SidePlan, two: SidePlan) -> list[str]:
    """Let the right have got the record within the grace, where both sides say when they did."""
    if one.placed is None or two.placed is None or not pair.grace:
        return []
    one.judge(one.placed)
    two.judge(two.placed)
    left, right = one.export(one.placed.sql), two.export(two.placed.sql)
    return [f"({left} IS NULL OR {right} IS NULL OR {right} - {left} <= {pair.grace // _MICROSECOND})"]
