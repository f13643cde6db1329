"""What a pair declares, and what comparing its two sides gives: the words all of `assay.drift.pairs` shares.

A pair has two sides, `left` (the master, by convention) and `right`. A side's rows come from a source as columns of
whatever type the source has; `Field` says how a column of the left and one of the right are brought into one form and
held against each other. Amounts are whole minor units, instants microseconds since 1970 UTC, both as 64-bit integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any, Literal

from assay.money import Money
from assay.rounding import Rounding

SideName = Literal["left", "right"]
Part = Literal["total", "net", "tax"]
"""What of an order an amount is: what is paid, what is left of it without tax, or the tax."""
Plain = bool | int | str
"""A value by which rows are chosen."""


class Kind(StrEnum):
    """How the two values of a field are held against each other."""

    IDENTIFIER = "identifier"
    """Byte for byte: `0012` is not `12`, and a trailing space is a difference."""
    TEXT = "text"
    """Equal after Unicode normalisation (NFC)."""
    STATUS = "status"
    """The left's word mapped to the right's; a word that nobody mapped is a difference by itself."""
    MONEY = "money"
    """Minor units of one currency, within the bound that both sides' rounding allows."""
    NUMBER = "number"
    """Decimals, equal as numbers: 1.50 is 1.5; or as far apart as another column of the left says."""
    INSTANT = "instant"
    """Points in time within the allowed skew."""
    DATE = "date"
    FLAG = "flag"
    LINES = "lines"
    """A multiset: the order of its members says nothing, their number does."""


class Class(StrEnum):
    """What is wrong with one key."""

    MISSING = "missing"
    """The left has it, the right has not, though it had its time."""
    EXTRA = "extra"
    DUPLICATE = "duplicate"
    """One side holds the key more than once."""
    LATE = "late"
    """Both have it now; the right got it after its time was over."""
    DIFFERS = "differs"
    UNREADABLE = "unreadable"
    """A value that could not be compared: no number, no known status, an instant outside the calendar."""


class Cause(StrEnum):
    """Why the two records differ, as far as their values tell. Each word has one meaning everywhere."""

    EXPONENT = "exponent"
    MISSING_CONVERSION = "missing conversion"
    DOUBLE_CONVERSION = "double conversion"
    INVERSE_RATE = "inverse rate"
    OTHER_DAYS_RATE = "other day's rate"
    TAX = "tax in or out"
    ROUNDING = "rounding level"
    TIME_ZONE = "time zone"
    TRUNCATED = "truncated"
    LEADING_ZEROS = "leading zeros"
    ENCODING = "encoding"
    STALE = "stale"
    STATUS_MAP = "status map"
    UNIT = "unit"
    FIRST_PAGE = "first page only"
    ONE_STORE = "one store only"
    SHIFTED_WINDOW = "shifted window"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """How one side writes amounts. unit: `minor` counts cents, `major` is 19.90; currency: a column, or a fixed code.

    rounding: how this side rounds, None where nobody declared it: then it must be exact.
    """

    unit: Literal["minor", "major"] = "minor"
    currency_column: str | None = None
    currency: str | None = None
    rounding: Rounding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing both sides say: the column of each, and how they are held against each other.

    left_amounts, right_amounts: of money. quantity: the left's column with the number of units, which a bound of
    rounding per unit grows with; lines: the one with the number of lines. rate: the left's column with the order's
    rate, where the right may hold the amount in another currency: right = left x rate. statuses: from the left's word
    to the right's. skew: of instants. scale: of numbers, decimals beyond which both are rounded half to even, None for
    exact. below, above: the left's columns with how far the right's number may lie below the left's, and above; without
    one it may not. members: the columns of each line, of lines. zone: of instants and dates without one, an IANA name.
    """

    name: str
    kind: Kind
    left: str
    right: str
    left_amounts: Amounts | None = None
    right_amounts: Amounts | None = None
    quantity: str | None = None
    lines: str | None = None
    rate: str | None = None
    statuses: Mapping[str, str] = field(default_factory=dict)
    skew: timedelta = timedelta()
    scale: int | None = None
    below: str | None = None
    above: str | None = None
    members: tuple[str, ...] = ()
    left_zone: str = "UTC"
    right_zone: str = "UTC"
    part: Part = "total"
    extras: tuple[str, ...] = ("shipping", "discount")

    @property
    def bounded(self) -> bool:
        """Whether it is a number that may lie apart as far as columns say."""
        return self.below is not None or self.above is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a pair: what it is called, where its rows come from, and the columns every row has.

    system: the name in the profile or the words for it in findings. source: kind of source and its options, read by
    `assay.drift.pairs.sources`. key: its columns of the key, in the order of the other side's. placed: the column with
    the instant the record is from, by which a window is cut. changed: with that of its last change, None where it
    keeps none. only: rows of which a column has none of these values are not of the side's population; "" stands for
    none, too. valid: the columns from and until when a row is of it, read in `zone` where they name none. query: a
    SELECT over those rows, called `rows`, whose answer is the side's records.
    """

    system: str
    source: Mapping[str, Any]
    key: tuple[str, ...]
    placed: str | None = None
    changed: str | None = None
    only: Mapping[str, tuple[Plain, ...]] = field(default_factory=dict)
    valid: tuple[str, str] | None = None
    query: str | None = None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Where the left says what its orders were priced from: what the proposal of rounding policies is reckoned with.

    lines: the column with an order's lines, a list of structures or JSON text of one; the rest are their members.
    tax_included: whether these prices hold tax. tax_rate is in per cent. Shipping is a line like any other.
    """

    lines: str
    unit_price: str
    quantity: str
    tax_rate: str
    tax_included: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two sides that should hold the same records.

    window: how far back is compared; grace: how long a record may take from one side to the other, younger ones are in
    flight and nothing is said of them. dimensions: the left's columns that the search for a common cause may name.
    worth: the field whose amount is at risk where a record is missing. ignored: columns not compared, with the reason.
    prices: for the proposal of policies alone. may_lack: sides that need not hold every record of the other.
    """

    name: str
    about: str
    left: Side
    right: Side
    fields: tuple[Field, ...]
    window: timedelta | None = None
    grace: timedelta = timedelta()
    dimensions: tuple[str, ...] = ()
    worth: str | None = None
    ignored: Mapping[str, str] = field(default_factory=dict)
    may_lack: tuple[SideName, ...] = ()
    declared_in: str = ""
    prices: Prices | None = None

    def field(self, name: str) -> Field:
        """Return a field by its name; `KeyError` where there is none."""
        for each in self.fields:
            if each.name == name:
                return each
        raise KeyError(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """How far two amounts may lie apart because both sides round: `fixed + per_unit x quantity + per_line x lines`.

    In minor units of the amount's currency, exact; what is compared is the whole number below.
    """

    fixed: Fraction = Fraction(0)
    per_unit: Fraction = Fraction(0)
    per_line: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """One field of one record on which the sides differ; values as each side wrote them, as text."""

    field: str
    left: str | None
    right: str | None
    cause: Cause = Cause.UNKNOWN
    why: str = ""


class Trace(StrEnum):
    """What one station of a record's way shows of what is wrong."""

    RIGHT = "right"
    """What the left says stands here, too."""
    WRONG = "wrong"
    """What the right says stands here already."""
    GONE = "gone"
    """The record did not get here, or was refused."""
    UNSEEN = "unseen"
    """Nothing here tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One station of a record's way, in order: a system, or a call from one to the next.

    name: `merchant`, `merchant to sap_s4hana`, `answer of sap_s4hana`. at: when it got there, by that system's own
    word; of calls when they crossed the edge. said: what stands there, in words.
    """

    name: str
    trace: Trace
    said: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a record went from the left to the right, and where it first was wrong. field: None for the whole record.

    first: the first station that shows it, None where none does; after: the last one before it at which all was well.
    What lies between the two, where nothing was seen, may be at fault as well. sentence: all that in words.
    """

    hops: tuple[Hop, ...]
    sentence: str
    field: str | None = None
    first: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One key on which the sides differ, with both records side by side, as each side wrote them.

    key: its columns' values. left, right: the rows; None where that side has none. copies: how often each side holds
    the key. left_placed, right_placed: when each side's record is from; left_at, right_at: when each side last changed
    it. at_risk: what it is worth. cause: the cause of the worst field, or of the whole record. way: where it first went
    wrong, of the few records that were asked for.
    """

    key: tuple[str, ...]
    classed: Class
    fields: tuple[Apart, ...] = ()
    left: Mapping[str, Any] | None = None
    right: Mapping[str, Any] | None = None
    copies: tuple[int, int] = (1, 1)
    left_at: datetime | None = None
    right_at: datetime | None = None
    at_risk: Money | None = None
    cause: Cause = Cause.UNKNOWN
    why: str = ""
    left_placed: datetime | None = None
    right_placed: datetime | None = None
    way: Way | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """What many differences have in common: one sentence, and the figures it rests on.

    sentence: `all 412 differ by exactly +2 h: a time zone`. of: how many differences it holds for, among: out of how
    many of that class and field. dimension, value: `store = B2B`. support: of the differences, the share it explains;
    lift: how much more often it differs there than elsewhere.
    """

    sentence: str
    cause: Cause
    classed: Class
    field: str | None
    of: int
    among: int
    dimension: str | None = None
    value: str | None = None
    support: float = 1.0
    lift: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many rows each side gave, and where they went. left == matched + only_left + copies beyond the first.

    in_flight: younger than the grace, and not counted as a difference.
    """

    left: int
    right: int
    matched: int
    only_left: int
    only_right: int
    in_flight: int
    extra_copies_left: int = 0
    extra_copies_right: int = 0

    @property
    def balances(self) -> bool:
        """Whether every row of both sides is accounted for."""
        return (
            self.left == self.matched + self.only_left + self.extra_copies_left
            and self.right == self.matched + self.only_right + self.extra_copies_right
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What comparing a pair gave. classes and fields count all differences; `differences` may hold fewer (`cut`).

    unread: sides or parts of them that could not be read, as sentences; with any, nothing missing is concluded of them.
    crowded: of each crowd the places of its members among `differences`.
    """

    pair: Pair
    at: datetime
    since: datetime | None
    until: datetime | None
    counts: Counts
    classes: Mapping[Class, int]
    fields: Mapping[str, int]
    differences: Sequence[Difference]
    crowds: Sequence[Crowd] = ()
    unread: Sequence[str] = ()
    crowded: Sequence[Sequence[int]] = ()

    @property
    def found(self) -> int:
        """How many keys differ."""
        return sum(self.classes.values())

    @property
    def cut(self) -> bool:
        """Whether not all differences are held here."""
        return len(self.differences) < self.found
