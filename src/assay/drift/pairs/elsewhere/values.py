"""One side's values in a form that an engine elsewhere can compare, by the kind of the field: SQL, and when it is sure.

What is called alike there must be alike here. So a value is reckoned there only where its form leaves no doubt (a text
like 19.90 is an amount, 1e3 is left alone), and a row of which one value is not sure comes back and is judged here.
`canonical` says what the forms are; this module says which part of them every engine agrees on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from assay.drift.pairs.canonical import MOST, SUBUNITS
from assay.drift.pairs.elsewhere.dialects import DAY, Dialect
from assay.drift.pairs.elsewhere.zones import offset_of_instant, offset_of_local
from assay.errors import UsageError
from assay.money import EXPONENTS

YES, NO = ("true", "t", "yes", "y", "1", "x"), ("false", "f", "no", "n", "0")
_YEAR = "(19[0-9]{2}|2[0-9]{3})"
_DAY = _YEAR + "-[0-9]{2}-[0-9]{2}"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?"
_LOCAL = f"{_DAY}[T ]{_TIME}"
_OFFSET = "[+-][0-9]{2}:[0-5][0-9]"
_AMOUNT = "-?[0-9]{1,13}([.][0-9]{1,8})?"
_NUMBER = "-?[0-9]{1,18}([.][0-9]{1,12})?"
_MOST_MAJOR = 10**13
_MOST_ROUNDED = 10**13
SECOND, MINUTE = 1_000_000, 60_000_000


@dataclass
class Stages:
    """Expressions of a side that are worked out once, each by a name: `assay_0_3`. A later stage may use an earlier.

    dialect: of the engine; columns: the side's, with Arrow's types; at: as of when records are compared.
    """

    dialect: Dialect
    columns: Mapping[str, pa.DataType]
    relation: str
    at: datetime
    names: list[dict[str, str]] = field(default_factory=lambda: [{} for _ in range(4)])

    def named(self, stage: int, sql: str) -> str:
        """Return the name of an expression in a stage."""
        return self.names[stage].setdefault(sql, f"assay_{stage}_{len(self.names[stage])}")

    def source(self) -> str:
        """Return what stands after FROM: the rows, with all that was named."""
        made = self.relation
        for number, expressions in enumerate(self.names):
            if expressions:
                more = ", ".join(f"{sql} AS {name}" for sql, name in expressions.items())
                made = f"(SELECT s{number}.*, {more} FROM {made} AS s{number})"  # noqa: S608 (names are quoted)
        return made

    def raw(self, name: str) -> str:
        """Return a column."""
        return self.dialect.named(name)


@dataclass(frozen=True, slots=True)
class Value:
    """A value: its SQL, NULL where it is none or not sure; and the column. certain: whatever is there is sure."""

    sql: str
    raw: str
    certain: bool = False

    @property
    def sure(self) -> str:
        """SQL that is true where the value is sure."""
        return "TRUE" if self.certain else f"({self.raw} IS NULL OR {self.sql} IS NOT NULL)"


def refused(stages: Stages, what: str, column: str, hint: str = "") -> UsageError:
    """Return why a column cannot be compared there; nothing is left out in silence."""
    kind = stages.columns[column]
    return UsageError(
        f"{what} cannot be compared on {stages.dialect.shown}: '{column}' is {kind}",
        hint=hint or "compare this pair here, without --on, or hand the column over as text",
    )


def is_text(kind: pa.DataType) -> bool:
    """Whether values are texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_double(kind: pa.DataType) -> bool:
    """Whether values are floating-point numbers."""
    return bool(pa.types.is_floating(kind))


def written(stages: Stages, column: str, other: pa.DataType, what: str) -> Value:
    """Return a value as the side wrote it; only what all engines write alike, or both sides of one type."""
    kind, raw, dialect = stages.columns[column], stages.raw(column), stages.dialect
    if is_text(kind):
        return Value(raw, raw, certain=True)
    plain = pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_date32(kind)
    scaled = pa.types.is_decimal(kind) and (dialect.keeps_scale or kind == other)
    if plain or scaled or (kind == other and is_double(kind)):
        return Value(stages.named(0, dialect.text(raw)), raw, certain=True)
    if pa.types.is_timestamp(kind) and kind == other:
        micros = dialect.micros(raw, zoned=kind.tz is not None)
        return Value(stages.named(0, dialect.text(micros)), raw, certain=True)
    raise refused(stages, what, column)


def composed(stages: Stages, column: str, other: pa.DataType, what: str) -> Value:
    """Return a text in Unicode's composed form, or as it is where the engine knows none."""
    value = written(stages, column, other, what)
    return Value(stages.named(1, stages.dialect.composed(value.sql)), value.raw, certain=True)


def mapped(stages: Stages, column: str, words: Mapping[str, str], what: str) -> Value:
    """Return a word as it is mapped; NULL for one that nobody mapped."""
    value = written(stages, column, pa.null(), what)
    quoted = stages.dialect.quoted
    cases = "".join(f" WHEN {quoted(one)} THEN {quoted(two)}" for one, two in words.items())
    nothing = f"CAST(NULL AS {stages.dialect.string})"
    return Value(stages.named(1, f"CASE {value.sql}{cases} END" if cases else nothing), value.raw)


def flag(stages: Stages, column: str, what: str) -> Value:
    """Return `T` or `F`."""
    kind, raw = stages.columns[column], stages.raw(column)
    if pa.types.is_boolean(kind):
        return Value(stages.named(0, f"CASE WHEN {raw} THEN 'T' WHEN NOT {raw} THEN 'F' END"), raw, certain=True)
    word = f"LOWER({written(stages, column, pa.null(), what).sql})"
    true, false = (", ".join(stages.dialect.quoted(each) for each in words) for words in (YES, NO))
    return Value(stages.named(1, f"CASE WHEN {word} IN ({true}) THEN 'T' WHEN {word} IN ({false}) THEN 'F' END"), raw)


def number(stages: Stages, column: str, scale: int | None, what: str) -> Value:
    """Return a decimal as text, rounded to the scale."""
    value = counted(stages, column, scale, what, most=10**18 if scale is None else _MOST_ROUNDED)
    return Value(stages.named(3, stages.dialect.text(value.sql)), value.raw)


def counted(stages: Stages, column: str, scale: int | None, what: str, *, most: int = _MOST_ROUNDED) -> Value:
    """Return a decimal, rounded to the scale; a half, and what is larger than `most`, are left to be judged here."""
    raw, dialect = stages.raw(column), stages.dialect
    value = stages.named(1, _decimal(stages, column, _NUMBER, most, (38, 12), what))
    if scale is not None and scale < 12:
        rounded, half = f"ROUND({value}, {scale})", dialect.constant("0." + "0" * scale + "5")
        cast = dialect.decimal(rounded, 38, 12)
        value = stages.named(2, f"CASE WHEN ABS({value} - {rounded}) < {half} THEN {cast} END")
    return Value(value, raw)


def _decimal(stages: Stages, column: str, pattern: str, most: int, size: tuple[int, int], what: str) -> str:
    """Return the SQL of a column's exact decimal, NULL where it is not sure."""
    kind, raw, dialect = stages.columns[column], stages.raw(column), stages.dialect
    if pa.types.is_integer(kind):
        return f"CASE WHEN {raw} BETWEEN -{most} AND {most} THEN {dialect.decimal(dialect.text(raw), *size)} END"
    if pa.types.is_decimal(kind):
        cast = dialect.decimal(raw, *size)
        same = "" if kind.scale <= size[1] else f" AND {cast} = {raw}"
        return f"CASE WHEN ABS({raw}) < {most}{same} THEN {cast} END"
    if is_double(kind):
        if kind.bit_width < 64:
            raise refused(stages, what, column, "a number of 32 bits has another shortest form in each engine")
        # A decimal of 15 digits that reads back as the same number is the shortest there is.
        short = dialect.of_double(raw, 15, 4)
        return f"CASE WHEN CAST({short} AS {dialect.double}) = {raw} THEN {dialect.decimal(short, *size)} END"
    if is_text(kind):
        cast = dialect.decimal(raw, *size)
        return f"CASE WHEN {dialect.matches(raw, pattern)} AND ABS({cast}) < {most} THEN {cast} END"
    raise refused(stages, what, column)


def thousandths(stages: Stages, column: str | None, what: str) -> str:
    """Return a count in thousandths; 0 where it is not sure, so that less is allowed."""
    if column is None:
        return "0"
    dialect = stages.dialect
    exact = stages.named(0, _decimal(stages, column, "-?[0-9]{1,9}([.][0-9]{1,3})?", 10**9, (15, 3), what))
    return stages.named(1, f"COALESCE(CAST(ABS({exact}) * 1000 AS {dialect.whole}), 0)")


def rate(stages: Stages, column: str, what: str) -> str:
    """Return the order's rate in units of 10^-10; NULL for none, for nought and for a negative one."""
    dialect = stages.dialect
    exact = stages.named(0, _decimal(stages, column, "[0-9]{1,5}([.][0-9]{1,10})?", 10**5, (27, 10), what))
    units = f"CAST({exact} * 10000000000 AS {dialect.whole})"
    return stages.named(1, f"CASE WHEN {exact} > 0 THEN {units} END")


def step(dialect: Dialect, currency: str) -> str:
    """Return the SQL of how many minor units a major one has; NULL for no currency."""
    groups: dict[int, list[str]] = {}
    for code, digits in EXPONENTS.items():
        groups.setdefault(digits, []).append(code)
    cases = "".join(
        f" WHEN {currency} IN ({', '.join(map(dialect.quoted, codes))}) THEN {10**digits}"
        for digits, codes in groups.items()
    )
    return f"CASE{cases} END"


def amount(stages: Stages, column: str, factor: str, what: str) -> Value:
    """Return an amount in subunits, a whole number of 64 bits. factor: subunits of what the side counts in, as SQL."""
    raw, dialect = stages.raw(column), stages.dialect
    by = f"CAST({factor} AS {dialect.whole})"
    if pa.types.is_integer(stages.columns[column]):
        own = f"CAST({raw} AS {dialect.whole})"
        fits = f"{own} BETWEEN -{dialect.quotient(str(MOST), by)} AND {dialect.quotient(str(MOST), by)}"
        return Value(stages.named(2, f"CASE WHEN {fits} THEN {own} * {by} END"), raw)
    exact = stages.named(0, _decimal(stages, column, _AMOUNT, _MOST_MAJOR, (22, 8), what))
    units = stages.named(2, f"{exact} * {by}")
    whole = f"{units} = FLOOR({units}) AND ABS({units}) <= {dialect.constant(str(MOST))}"
    return Value(stages.named(3, f"CASE WHEN {whole} THEN CAST({units} AS {dialect.whole}) END"), raw)


def subunits(dialect: Dialect, unit: str, currency: str | None) -> str:
    """Return how many subunits a unit of the side is."""
    return str(SUBUNITS) if unit == "minor" or currency is None else f"{SUBUNITS} * ({step(dialect, currency)})"


def instant(stages: Stages, column: str, zone: str, what: str) -> Value:
    """Return microseconds since 1970 UTC."""
    kind, raw, dialect = stages.columns[column], stages.raw(column), stages.dialect
    if zone in {"epoch", "epoch_ms"}:
        factor, most = (SECOND, 253_402_300_799) if zone == "epoch" else (1_000, 253_402_300_799_999)
        if pa.types.is_integer(kind):
            count = f"CAST({raw} AS {dialect.whole})"
        elif is_text(kind):
            count = dialect.number(f"CASE WHEN {dialect.matches(raw, '-?[0-9]{1,15}')} THEN {raw} END")
        else:
            raise refused(stages, what, column)
        count = stages.named(0, count)
        return Value(stages.named(1, f"CASE WHEN {count} BETWEEN -{most} AND {most} THEN {count} * {factor} END"), raw)
    local, shift = _local(stages, column, what)
    local_of_zone = local if zone == "UTC" else f"{local} - {offset_of_local(zone, local, stages.at)}"
    if shift is None:
        return Value(stages.named(3, local_of_zone), raw)
    return Value(stages.named(3, f"CASE WHEN {shift} IS NOT NULL THEN {local} - {shift} ELSE {local_of_zone} END"), raw)


def _local(stages: Stages, column: str, what: str) -> tuple[str, str | None]:
    """Return a column's time as its clock showed it, in microseconds, and how far it was ahead of UTC if it says."""
    kind, raw, dialect = stages.columns[column], stages.raw(column), stages.dialect
    if pa.types.is_timestamp(kind):
        micros = stages.named(0, dialect.micros(raw, zoned=kind.tz is not None))
        return micros, None if kind.tz is None else stages.named(0, f"CASE WHEN {raw} IS NOT NULL THEN 0 END")
    if pa.types.is_date32(kind):
        return stages.named(0, f"{dialect.days(raw)} * {DAY}"), None
    if not is_text(kind):
        raise refused(stages, what, column)
    forms = (
        (_LOCAL, raw, "NULL"),
        (_LOCAL + "[Zz]", f"SUBSTR({raw}, 1, LENGTH({raw}) - 1)", "0"),
        (_LOCAL + _OFFSET, f"SUBSTR({raw}, 1, LENGTH({raw}) - 6)", _ahead(dialect, raw)),
        (_DAY, raw, "NULL"),
    )
    clock = "".join(f" WHEN {dialect.matches(raw, pattern)} THEN {body}" for pattern, body, _ in forms)
    ahead = "".join(f" WHEN {dialect.matches(raw, pattern)} THEN {shift}" for pattern, _, shift in forms[1:3])
    body = stages.named(0, f"CASE{clock} END")
    return stages.named(1, _clock(dialect, body)), stages.named(0, f"CASE{ahead} END")


def _ahead(dialect: Dialect, raw: str) -> str:
    """Return the microseconds of an offset like +02:00 at the end of a text."""
    hours, minutes = (dialect.number(f"SUBSTR({raw}, LENGTH({raw}) - {back}, 2)") for back in (4, 1))
    sign = f"CASE SUBSTR({raw}, LENGTH({raw}) - 5, 1) WHEN '-' THEN -1 ELSE 1 END"
    return f"({sign}) * ({hours} * 60 + {minutes}) * {MINUTE}"


def _clock(dialect: Dialect, body: str) -> str:
    """Return the microseconds that a text like 2026-12-24T18:00:00.5 stands for; a day alone is its midnight."""
    parts = [f"{dialect.day_of(f'SUBSTR({body}, 1, 10)')} * {DAY}"]
    for start, least, unit in ((12, 16, 60 * MINUTE), (15, 16, MINUTE), (18, 19, SECOND)):
        digits = dialect.number(f"SUBSTR({body}, {start}, 2)")
        parts.append(f"CASE WHEN LENGTH({body}) >= {least} THEN {digits} * {unit} ELSE 0 END")
    fraction = dialect.number(dialect.padded(f"SUBSTR({body}, 21)"))
    parts.append(f"CASE WHEN LENGTH({body}) > 20 THEN {fraction} ELSE 0 END")
    return " + ".join(parts)


def day(stages: Stages, column: str, zone: str, what: str) -> Value:
    """Return a day, in days since 1970, as text; before 1970 it is left to be judged here."""
    kind, raw, dialect = stages.columns[column], stages.raw(column), stages.dialect
    if pa.types.is_date32(kind):
        return Value(stages.named(1, dialect.text(dialect.days(raw))), raw, certain=True)
    basic = None
    if is_text(kind):
        dashed = f"SUBSTR({raw}, 1, 4) || '-' || SUBSTR({raw}, 5, 2) || '-' || SUBSTR({raw}, 7, 2)"
        of_digits = dialect.day_of(dashed)
        basic = stages.named(0, f"CASE WHEN {dialect.matches(raw, _YEAR + '[0-9]{4}')} THEN {of_digits} END")
    local, shift = _local(stages, column, what)
    if shift is not None:
        utc = stages.named(2, f"{local} - {shift}")
        ahead = "0" if zone == "UTC" else offset_of_instant(zone, utc, stages.at)
        local = f"CASE WHEN {shift} IS NOT NULL THEN {utc} + ({ahead}) ELSE {local} END"
    local = stages.named(3, local)
    days = f"CASE WHEN {local} >= 0 THEN {dialect.quotient(local, str(DAY))} END"
    return Value(dialect.text(f"COALESCE({basic}, {days})" if basic else days), raw)


def lines(stages: Stages, column: str, members: tuple[str, ...], what: str) -> Value:
    """Return the members of all lines as one text, in an order of its own."""
    kind, raw, dialect = stages.columns[column], stages.raw(column), stages.dialect
    json = is_text(kind)
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not dialect.has_lines or (json and not dialect.opens_json):
        raise refused(stages, what, column, f"compare this pair here, without --on: {dialect.shown} opens no such list")
    if not json and not (listed and pa.types.is_struct(kind.value_type)):
        raise refused(stages, what, column)
    line = " || ".join(_member(stages, column, each, json, what) for each in members)
    return Value(stages.named(1, dialect.sorted_lines(raw, line, json=json)), raw)


def _member(stages: Stages, column: str, member: str, json: bool, what: str) -> str:
    """Return one member of a line with its length before it, so that no two lines are written alike."""
    name, _, wanted = member.partition(":")
    dialect = stages.dialect
    value = dialect.member(name, json=json)
    double = False
    if not json:
        struct = stages.columns[column].value_type
        if struct.get_field_index(name) < 0:
            return "'-'"
        kind = struct.field(name).type
        double = is_double(kind)
        if not (double or is_text(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
            raise refused(stages, f"{what}, member '{name}',", column)
        value = value if is_text(kind) else dialect.text(value)
    if wanted == "number":
        exact = dialect.text(dialect.decimal(value, 38, 12))
        value = f"CASE WHEN {dialect.matches(value, _NUMBER)} THEN {exact} ELSE {value} || '?' END"
    elif double:
        value = f"'~' || {value}"  # a text that looks alike is another thing
    else:
        value = dialect.composed(value)
    return f"COALESCE({dialect.text(f'LENGTH({value})')} || ':' || {value}, '-')"
