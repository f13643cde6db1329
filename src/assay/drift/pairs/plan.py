"""The plan: what is read of every row, and what makes two rows alike without looking at them whole.

Of each row the engine reads a hash of its key, a hash of all that must be equal (the key's hash among it), and one
whole number for each field that may lie a little apart. Rows that are alike by those are done with; only the others are
looked at whole (`suspects`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from assay.drift.pairs.allowed import Measures, apart, converted, measures_of, other_currency, pair_key, same_currency
from assay.drift.pairs.canonical import NO_NUMBER, NOTHING, Column, Form, forms, identifier, instant
from assay.drift.pairs.model import Field, Kind, Pair, SideName
from assay.drift.pairs.rows import named
from assay.money import EXPONENTS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_THERE = {"there": "true"}


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
    """What is read of every row of both sides, as SQL, and under which condition two rows of one `h` are alike.

    k: the key's hash. h: that of all that must be equal, the key among it. there: the left's, true. Rows of the right
    that have no key are left out, so that no row without one meets another.
    """

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
    """Return the SQL of a key's hash; 0 where a column of it is NULL, as it is no key then."""
    return f"CASE WHEN {_is_key(keys)} THEN {_hash([form.value for form in keys])} ELSE 0 END"


def _is_key(keys: Sequence[Form]) -> str:
    return " AND ".join(f"{form.column.raw} IS NOT NULL" for form in keys)


def _hash(values: Sequence[str]) -> str:
    return f"hash({', '.join(values)})"


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


def digest(
    pair: Pair,
    left: Input,
    right: Input,
    fields: Sequence[Compared],
    *,
    cut: Cut,
    as_written: Collection[str] = (),
) -> Digest:
    """Return what is read of every row, and when two of them are alike.

    Whatever cannot be told from this little makes the two rows unlike: they are then looked at whole. as_written: names
    of fields of text that are taken byte for byte here, as hardly a value of them has another normal form.
    """
    keys = key_forms(pair, left, right)
    reads = _Reads([form for form, _ in keys], [form for _, form in keys])
    for each in fields:
        if each.field.name in as_written:
            reads.equal(each.left.column.text, each.right.column.text)
        else:
            _add(each, left, reads)
    _add_late(pair, left, right, fields, reads)
    windows = (within(cut, placed_of(pair, left, "left")), within(cut, placed_of(pair, right, "right")))
    there = [f"{window} AND {_is_key(own)}" for window, own in zip(windows, reads.keys.values(), strict=True)]
    return Digest(
        left=reads.query(left, "left", windows[0], _THERE),
        right=reads.query(right, "right", there[1]),
        left_whole=reads.query(left, "left", windows[0], _THERE | whole_columns(left)),
        left_keys=f"SELECT k FROM ({reads.query(left, 'left', there[0])})",  # noqa: S608 (names are quoted)
        right_keys=f"SELECT k FROM ({reads.query(right, 'right', there[1])})",  # noqa: S608 (names are quoted)
        alike=" AND ".join(["l.k = r.k", *reads.conditions]),
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
        self.keys: dict[SideName, Sequence[Form]] = {"left": left_keys, "right": right_keys}
        # The key stands in it by its own hash, which is worked out once for both.
        self.hashed = {name: [_hash([form.value for form in own])] for name, own in self.keys.items()}
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
        hashes = f"{self.hashed[name][0]} AS k, {_hash(self.hashed[name])} AS h"
        return f"SELECT {hashes}{numbers} FROM {side.source}{where}"  # noqa: S608 (names are quoted)


def _add(each: Compared, left: Input, reads: _Reads) -> None:
    field = each.field
    if field.kind is Kind.INSTANT and field.skew:
        _add_near(each.left, each.right, field.skew // _MICROSECOND, reads)
    elif field.kind is Kind.MONEY:
        _add_money(each, left, reads)
    elif field.bounded:
        _add_between(each, left, reads)
    else:
        _add_equal(each, reads)


def _add_equal(each: Compared, reads: _Reads) -> None:
    left, right = each.left, each.right
    reads.equal(left.value, right.value)
    if not (left.certain and right.certain):
        # What is there and could not be read is like nothing, and not like what the other side could not read either:
        # (no value, nothing there) of the left must be (nothing there, no value) of the right.
        reads.equal(f"({left.value}) IS NULL", f"{right.column.raw} IS NULL")
        reads.equal(f"{left.column.raw} IS NULL", f"({right.value}) IS NULL")


def _add_near(left: Form, right: Form, slack: int | str, reads: _Reads) -> None:
    """Let two numbers lie so far apart at most. Nothing twice is alike; what is unreadable is NULL, so never."""
    if not isinstance(slack, int) and not slack.isdigit():
        slack = reads.number("left", slack)
    mine, theirs = reads.number("left", left.or_nothing(NOTHING)), reads.number("right", right.or_nothing(NOTHING))
    reads.conditions.append(f"abs({mine} - {theirs}) <= {slack}")


def _add_between(each: Compared, left: Input, reads: _Reads) -> None:
    """Let the right's number lie below the left's, or above, as far as columns of the left say."""
    below, above = (reads.number("left", slack) if slack != "0" else slack for slack in apart(each.field, left.columns))
    mine = reads.number("left", each.left.or_nothing(NO_NUMBER))
    theirs = reads.number("right", each.right.or_nothing(NO_NUMBER))
    reads.conditions.append(f"{mine} - {theirs} BETWEEN -{above} AND {below}")


def _add_money(each: Compared, left: Input, reads: _Reads) -> None:
    measures = measures_of(each.field, left.columns)
    mine, theirs = each.left.currency, each.right.currency
    fixed_left, fixed_right = each.fixed_codes
    slack = same_currency(each.field, mine or theirs, fixed_right or fixed_left, measures)
    if currency_tied(each) and fixed_right is not None:
        assert mine is not None and theirs is not None
        value, slack = tied(each, mine, theirs, each.left.value, slack, measures)
        _add_near(replace(each.left, value=value, checked=None), each.right, slack, reads)
        return
    if mine is not None and theirs is not None:
        reads.equal(mine, theirs)
    if slack == 0:
        _add_equal(each, reads)
    else:
        _add_near(each.left, each.right, slack, reads)


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


def _add_late(pair: Pair, left: Input, right: Input, fields: Sequence[Compared], reads: _Reads) -> None:
    """Let the right have got the record within the grace, where both sides say when they did."""
    if pair.left.placed is None or pair.right.placed is None or not pair.grace:
        return
    theirs = f"coalesce({placed_of(pair, right, 'right')}, {NOTHING})"
    for each in fields:
        field = each.field
        if field.kind is not Kind.INSTANT or field.left != pair.left.placed or field.skew > pair.grace:
            continue
        if field.right != pair.right.placed:
            # The right holds the left's instant, too, or is unlike: by its own two it is surely in time, or looked at.
            surely = (pair.grace - field.skew) // _MICROSECOND
            reads.equal("true", f"coalesce({theirs} - {each.right.value} <= {surely}, false)")
        return  # of one instant, what is further apart than the grace is further apart than the skew
    mine = f"coalesce({placed_of(pair, left, 'left')}, {NOTHING})"
    delay = f"{reads.number('right', theirs)} - {reads.number('left', mine)}"
    reads.conditions.append(f"{delay} <= {pair.grace // _MICROSECOND}")
