"""The plan: what is read of every row, and what makes two rows alike without looking at them whole.

Of each row the engine reads a hash of its key, a hash of all that must be equal (the key among it, so that two keys
with one hash are not taken for one), and one whole number for each field that may lie a little apart. Rows that are
alike by those are done with; only the others are looked at whole (`suspects`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from assay.drift.pairs.allowed import Measures, apart, converted, measures_of, other_currency, pair_key, same_currency
from assay.drift.pairs.canonical import NO_NUMBER, NOTHING, Column, Form, forms, identifier, instant
from assay.drift.pairs.model import Field, Kind, Pair, SideName
from assay.drift.pairs.rows import named
from assay.money import EXPONENTS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Input:
    """One side as the plan sees it: what stands after FROM, and its columns."""

    system: str
    source: str
    columns: Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class Compared:
    """A field whose columns are there, with both sides' forms."""

    field: Field
    left: Form
    right: Form

    def form(self, side: SideName) -> Form:
        """Return one side's form."""
        return self.left if side == "left" else self.right

    @property
    def fixed_codes(self) -> tuple[str | None, str | None]:
        """The currencies that all amounts of a side have, where they are declared."""
        mine, theirs = self.field.left_amounts, self.field.right_amounts
        return (mine.currency if mine else None, theirs.currency if theirs else None)


@dataclass(frozen=True, slots=True)
class Cut:
    """Which rows are compared, in microseconds since 1970: those placed since then, until then.

    Young are rows placed or changed after `young`; not those of a future that no clock's skew explains.
    """

    since: int | None
    until: int | None
    young: int
    latest: int


@dataclass(frozen=True, slots=True)
class Digest:
    """What is read of every row of both sides, as SQL, and the condition under which two rows are alike."""

    left: str
    right: str
    alike: str
    count_left: str
    count_right: str
    left_whole: str
    """The left's query, with the columns of the row itself as w0, w1 …"""
    left_keys: str
    right_keys: str
    """Only the hashes of the keys that are there."""


def microseconds(moment: datetime) -> int:
    """Return an instant as whole microseconds since 1970 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def cut_of(pair: Pair, at: datetime) -> Cut:
    """Return the window that ends now; without one, all rows are compared."""
    now, grace = microseconds(at), pair.grace // _MICROSECOND
    if pair.window is None:
        return Cut(None, None, now - grace, now + grace)
    return Cut(now - pair.window // _MICROSECOND, now, now - grace, now + grace)


def compared(pair: Pair, left: Input, right: Input) -> list[Compared]:
    """Return the pair's fields that can be compared: those whose columns both sides have."""
    found = []
    for field in pair.fields:
        if not absent(field, left, right):
            found.append(Compared(field, *forms(field, left.columns, right.columns)))
    return found


def absent(field: Field, left: Input, right: Input) -> list[tuple[Input, str]]:
    """Return the columns a field needs that a side has not, with the side."""
    wanted: list[tuple[Input, str | None]] = [(left, field.left), (right, field.right)]
    wanted += [(left, field.below), (left, field.above)]
    if field.kind is Kind.MONEY:
        wanted += [(left, each) for each in (field.quantity, field.lines, field.rate)]
        wanted += [
            (side, amounts.currency_column)
            for side, amounts in ((left, field.left_amounts), (right, field.right_amounts))
            if amounts is not None
        ]
    return [(side, name) for side, name in wanted if name is not None and name not in side.columns]


def key_forms(pair: Pair, left: Input, right: Input) -> list[tuple[Form, Form]]:
    """Return both sides' forms of the key's columns, in order."""
    pairs = zip(pair.left.key, pair.right.key, strict=True)
    columns = [(left.columns[mine], right.columns[theirs]) for mine, theirs in pairs]
    return [(identifier(mine, theirs), identifier(theirs, mine)) for mine, theirs in columns]


def key_hash(keys: Sequence[Form]) -> str:
    """Return the SQL of a key's hash; NULL where a column of it is, so that it joins with nothing."""
    there = " AND ".join(f"{form.column.raw} IS NOT NULL" for form in keys)
    return f"CASE WHEN {there} THEN hash({', '.join(form.value for form in keys)}) END"


def moment_of(column: str | None, side: Input, zone: str = "UTC") -> str:
    """Return the SQL of a row's instant in microseconds; NULL where the side keeps none."""
    return "CAST(NULL AS BIGINT)" if column is None else instant(side.columns[column], zone).value


def zone_of(pair: Pair, side: SideName, column: str | None) -> str:
    """Return the zone a column of instants is read in: that of the field that compares it, else the side's."""
    for field in pair.fields:
        if field.kind in {Kind.INSTANT, Kind.DATE} and column == (field.left if side == "left" else field.right):
            return field.left_zone if side == "left" else field.right_zone
    return (pair.left if side == "left" else pair.right).zone


def within(cut: Cut, placed: str) -> str:
    """Return the SQL of whether a row is in the window; one that does not say when it is from always is."""
    if cut.since is None or cut.until is None:
        return "true"
    return f"coalesce({placed} BETWEEN {cut.since} AND {cut.until}, true)"


def currency_tied(each: Compared) -> bool:
    """Whether the right may hold the amount in another currency, by the order's rate."""
    return each.field.rate is not None and each.left.currency is not None and each.right.currency is not None


def digest(pair: Pair, left: Input, right: Input, fields: Sequence[Compared], *, cut: Cut) -> Digest:
    """Return what is read of every row, and when two of them are alike.

    Whatever cannot be told from this little makes the two rows unlike: they are then looked at whole.
    """
    keys = key_forms(pair, left, right)
    reads = _Reads([form for form, _ in keys], [form for _, form in keys])
    for each in fields:
        _add(each, left, reads)
    _add_late(pair, left, right, reads)
    windows = (within(cut, placed_of(pair, left, "left")), within(cut, placed_of(pair, right, "right")))
    return Digest(
        left=reads.query(left, "left", windows[0]),
        right=reads.query(right, "right", windows[1]),
        left_whole=reads.query(left, "left", windows[0], whole_columns(left)),
        left_keys=f"SELECT k FROM ({reads.query(left, 'left', windows[0])}) WHERE k IS NOT NULL",  # noqa: S608
        right_keys=f"SELECT k FROM ({reads.query(right, 'right', windows[1])}) WHERE k IS NOT NULL",  # noqa: S608
        alike=" AND ".join(["l.h = r.h", *reads.conditions]),
        count_left=f"SELECT count(*) FROM {left.source} WHERE {windows[0]}",  # noqa: S608
        count_right=f"SELECT count(*) FROM {right.source} WHERE {windows[1]}",  # noqa: S608
    )


def whole_columns(side: Input) -> dict[str, str]:
    """Return the columns of a row under names that no other column has."""
    return {f"w{place}": named(name) for place, name in enumerate(side.columns)}


def placed_of(pair: Pair, side: Input, name: SideName) -> str:
    """Return the SQL of the instant a row is from, in microseconds."""
    column = (pair.left if name == "left" else pair.right).placed
    return moment_of(column, side, zone_of(pair, name, column))


class _Reads:
    """Collects what both sides' digests read; the same expression is read once."""

    def __init__(self, left_keys: Sequence[Form], right_keys: Sequence[Form]) -> None:
        self.keys = {"left": left_keys, "right": right_keys}
        self.hashed = {"left": [form.value for form in left_keys], "right": [form.value for form in right_keys]}
        self.numbers: dict[str, dict[str, str]] = {"left": {}, "right": {}}
        self.conditions: list[str] = []

    def equal(self, left: str, right: str) -> None:
        """Let these two be equal, by the row's hash."""
        if (left, right) not in zip(self.hashed["left"], self.hashed["right"], strict=True):
            self.hashed["left"].append(left)
            self.hashed["right"].append(right)

    def number(self, side: SideName, expression: str) -> str:
        """Read a whole number, and return what it is called in the join."""
        known = self.numbers[side]
        name = known.setdefault(expression, f"n{len(known)}")
        return f"{side[0]}.{name}"

    def query(self, side: Input, name: SideName, window: str, more: Mapping[str, str] | None = None) -> str:
        """Return the digest of one side, and more columns by their alias."""
        read = {alias: expression for expression, alias in self.numbers[name].items()} | dict(more or {})
        numbers = "".join(f", {expression} AS {alias}" for alias, expression in read.items())
        where = "" if window == "true" else f" WHERE {window}"
        hashes = f"{key_hash(self.keys[name])} AS k, hash({', '.join(self.hashed[name])}) AS h"
        return f"SELECT {hashes}{numbers} FROM {side.source}{where}"  # noqa: S608 (names are quoted)


def _add(each: Compared, left: Input, reads: _Reads) -> None:
    field = each.field
    if field.kind is Kind.INSTANT and field.skew:
        _add_near(each, each.left.value, str(field.skew // _MICROSECOND), reads)
    elif field.kind is Kind.MONEY:
        _add_money(each, left, reads)
    elif field.bounded:
        _add_between(each, left, reads)
    else:
        _add_equal(each, reads)


def _add_equal(each: Compared, reads: _Reads) -> None:
    if each.left.hashed is not None and each.right.hashed is not None:
        reads.equal(each.left.hashed, each.right.hashed)
        return
    reads.equal(each.left.value, each.right.value)
    if each.field.kind is Kind.LINES:
        # DuckDB hashes an empty list as it does none.
        reads.equal(f"({each.left.value}) IS NULL", f"({each.right.value}) IS NULL")
    if not (each.left.certain and each.right.certain):
        # What could not be read is like nothing, and not like what the other side could not read either.
        reads.equal(*(f"CASE WHEN {form.unreadable} THEN {n} END" for n, form in enumerate((each.left, each.right))))


def _add_near(each: Compared, left_value: str, slack: int | str, reads: _Reads) -> None:
    """Let two numbers lie so far apart at most. Nothing twice is alike; what is unreadable is NULL, so never."""
    mine, theirs = (
        f"coalesce({value}, CASE WHEN {form.column.raw} IS NULL THEN {NOTHING} END)"
        for form, value in ((each.left, left_value), (each.right, each.right.value))
    )
    if not isinstance(slack, int) and not slack.isdigit():
        slack = reads.number("left", slack)
    reads.conditions.append(f"abs({reads.number('left', mine)} - {reads.number('right', theirs)}) <= {slack}")


def _add_between(each: Compared, left: Input, reads: _Reads) -> None:
    """Let the right's number lie below the left's, or above, as far as columns of the left say."""
    below, above = (reads.number("left", slack) if slack != "0" else slack for slack in apart(each.field, left.columns))
    mine, theirs = (
        f"coalesce({form.value}, CASE WHEN {form.column.raw} IS NULL THEN {NO_NUMBER} END)"
        for form in (each.left, each.right)
    )
    apart_by = f"{reads.number('left', mine)} - {reads.number('right', theirs)}"
    reads.conditions.append(f"{apart_by} BETWEEN -{above} AND {below}")


def _add_money(each: Compared, left: Input, reads: _Reads) -> None:
    measures = measures_of(each.field, left.columns)
    mine, theirs = each.left.currency, each.right.currency
    fixed_left, fixed_right = each.fixed_codes
    slack = same_currency(each.field, mine or theirs, fixed_right or fixed_left, measures)
    if currency_tied(each) and fixed_right is not None:
        assert mine is not None and theirs is not None
        value, slack = tied(each, mine, theirs, each.left.value, slack, measures)
        _add_near(each, value, slack, reads)
        return
    if mine is not None and theirs is not None:
        reads.equal(mine, theirs)
    if slack == 0:
        _add_equal(each, reads)
    else:
        _add_near(each, each.left.value, slack, reads)


def tied(
    each: Compared,
    mine: str,
    theirs: str,
    amount: str,
    slack: int | str,
    measures: Measures,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> tuple[str, str]:
    """Return the left's amount in the right's currency, and the bound, where the order's rate ties the two."""
    fixed_left, fixed_right = each.fixed_codes
    if pairs is None:
        assert fixed_right is not None
        pairs = [(code, fixed_right) for code in ([fixed_left] if fixed_left else EXPONENTS)]
    same = f"{mine} IS NOT DISTINCT FROM {theirs}"
    value = f"CASE WHEN {same} THEN {amount} ELSE {converted(amount, mine, theirs, measures)} END"
    bound = other_currency(each.field, pairs, pair_key(mine, theirs), measures)
    return value, f"CASE WHEN {same} THEN {slack} ELSE {bound} END"


def _add_late(pair: Pair, left: Input, right: Input, reads: _Reads) -> None:
    """Let the right have got the record within the grace, where both sides say when they did."""
    if pair.left.placed is None or pair.right.placed is None or not pair.grace:
        return
    for field in pair.fields:
        same = (field.left, field.right) == (pair.left.placed, pair.right.placed)
        if field.kind is Kind.INSTANT and same and field.skew <= pair.grace:
            return  # further apart than the grace is further apart than the skew
    mine = f"coalesce({placed_of(pair, left, 'left')}, {NOTHING})"
    theirs = f"coalesce({placed_of(pair, right, 'right')}, {NOTHING})"
    delay = f"{reads.number('right', theirs)} - {reads.number('left', mine)}"
    reads.conditions.append(f"{delay} <= {pair.grace // _MICROSECOND}")
