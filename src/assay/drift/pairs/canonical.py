"""One form for the values of both sides, as SQL of DuckDB, by the kind of the field.

`value` is NULL where the source holds nothing and where what it holds could not be read; those two are told apart by
the raw column. Amounts are ten-thousandths of a minor unit, so that a side that keeps more decimals than its currency
has is compared as it is; instants are microseconds since 1970 UTC. Both are 64-bit whole numbers, of which a difference
never overflows: amounts beyond 400,000,000,000,000 minor units are read as no amount.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assay.drift.pairs.model import Amounts, Field, Kind, SideName
from assay.drift.pairs.rows import named, quoted
from assay.errors import UsageError
from assay.money import EXPONENTS

if TYPE_CHECKING:
    import duckdb

SUBUNITS = 10_000
"""Of a minor unit: amounts are compared this fine."""
MOST = 4 * 10**18
NOTHING = -45 * 10**17
"""Stands for NULL among 64-bit numbers: further from every amount and instant than any bound, without overflow."""
NO_NUMBER = -(10**38)
"""Stands for NULL among 128-bit numbers, of which those that are read have 26 digits."""
RATE_SCALE = 10**10
"""Rates are read to ten decimals."""

_INTEGERS = frozenset(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT")
)
_SMALL = _INTEGERS - {"UBIGINT", "HUGEINT", "UHUGEINT"}
_FIRST_DAY, _LAST_INSTANT = -62_135_596_800_000_000, 253_402_300_799_999_999
_OFFSET = r"\d{2}:\d{2}.*([zZ]|[+-]\d{2}(:?\d{2})?)$"
_SET_BACK = ("INTERVAL 1 HOUR", "INTERVAL 30 MINUTE")
"""By so much clocks are set back; the half hour is Lord Howe's."""
_TRUE, _FALSE = ("true", "t", "yes", "y", "1", "x"), ("false", "f", "no", "n", "0")
_MINOR_UNITS = "assay_minor_units"
_FREQUENT = ("EUR", "USD", "GBP", "JPY")
_LIST_OF_RECORDS = "STRUCT("


@dataclass(frozen=True, slots=True)
class Column:
    """A column of one side: its name and its type in DuckDB's words."""

    name: str
    type: str

    @property
    def raw(self) -> str:
        """The column itself, as SQL; JSON is opened, so that a JSON string is its text."""
        return f"({named(self.name)} ->> '$')" if self.type == "JSON" else named(self.name)

    @property
    def text(self) -> str:
        """The column as text, as the side wrote it."""
        return self.raw if self.type in {"VARCHAR", "JSON"} else f"CAST({self.raw} AS VARCHAR)"

    @property
    def is_text(self) -> bool:
        """Whether the values are text, which may hold anything."""
        return self.type in {"VARCHAR", "JSON"}


@dataclass(frozen=True, slots=True)
class Form:
    """One side's value of a field in the common form.

    certain: whether every value that is there can be read, so that none needs to be told apart from nothing. currency:
    SQL of an amount's currency, None where nobody says. checked: of a value that is a number where it fits, the SQL of
    both.
    """

    column: Column
    value: str
    certain: bool = False
    currency: str | None = None
    checked: tuple[str, str] | None = None

    @classmethod
    def fitting(cls, column: Column, fits: str, number: str, currency: str | None = None) -> Form:
        """Return the form of a number that could be read where it fits."""
        return cls(column, _where(fits, number), currency=currency, checked=(fits, number))

    def or_nothing(self, nothing: int) -> str:
        """Return SQL of the value with a number that stands for nothing; NULL where it could not be read."""
        absent = f"WHEN {self.column.raw} IS NULL THEN {nothing} END"
        if self.checked is None:
            return f"coalesce({self.value}, CASE {absent})"
        # One CASE, which costs less than two.
        fits, number = self.checked
        return f"CASE WHEN {fits} THEN {number} {absent}"

    @property
    def unreadable(self) -> str:
        """SQL that is true where there is a value that could not be read."""
        return "false" if self.certain else f"({self.column.raw} IS NOT NULL AND ({self.value}) IS NULL)"


def identifier(column: Column, other: Column) -> Form:
    """Byte for byte; whole numbers of both sides are compared as numbers, which is the same and cheaper."""
    if column.type in _INTEGERS and other.type in _INTEGERS:
        return Form(column, _whole(column, other), certain=True)
    return Form(column, column.text, certain=True)


def forms(field: Field, left: Mapping[str, Column], right: Mapping[str, Column]) -> tuple[Form, Form]:
    """Return both sides' forms of a field whose columns are there."""
    mine, other = left[field.left], right[field.right]
    match field.kind:
        case Kind.IDENTIFIER:
            return identifier(mine, other), identifier(other, mine)
        case Kind.TEXT:
            return _alike(lambda each: Form(each, f"nfc_normalize({each.text})", certain=True), mine, other)
        case Kind.STATUS:
            return _status(mine, field.statuses, "left"), _status(other, field.statuses, "right")
        case Kind.MONEY:
            return _money(mine, field, left, "left"), _money(other, field, right, "right")
        case Kind.NUMBER:
            if field.bounded:
                return in_steps(mine, field.scale), in_steps(other, field.scale)
            return _number(mine, other, field.scale), _number(other, mine, field.scale)
        case Kind.INSTANT:
            return instant(mine, field.left_zone), instant(other, field.right_zone)
        case Kind.DATE:
            return _date(mine, field.left_zone), _date(other, field.right_zone)
        case Kind.FLAG:
            return _alike(_flag, mine, other)
        case Kind.LINES:
            return _alike(lambda each: _lines(each, field.members), mine, other)


def _alike(form: Callable[[Column], Form], mine: Column, other: Column) -> tuple[Form, Form]:
    return form(mine), form(other)


def _whole(column: Column, other: Column) -> str:
    if column.type in _SMALL and other.type in _SMALL:
        return f"CAST({column.raw} AS BIGINT)"
    return f"CAST({column.raw} AS HUGEINT)"


def _status(column: Column, statuses: Mapping[str, str], side: SideName) -> Form:
    """Map the left's words to the right's; of the right, keep the words that something is mapped to."""
    words = dict(statuses) if side == "left" else {word: word for word in statuses.values()}
    if not words:
        return Form(column, "CAST(NULL AS VARCHAR)")
    members = ", ".join(f"{quoted(one)}: {quoted(two)}" for one, two in words.items())
    # A map is looked up once for each different word of a block of rows, a CASE once for each row.
    return Form(column, f"map_extract_value(MAP {{{members}}}, {column.text})")


def _money(column: Column, field: Field, columns: Mapping[str, Column], side: SideName) -> Form:
    amounts = (field.left_amounts if side == "left" else field.right_amounts) or Amounts()
    currency = currency_of(amounts, columns)
    if amounts.unit == "minor":
        return Form.fitting(column, *_counted(column, str(SUBUNITS), 0), currency)
    if currency is None:
        raise UsageError(
            f"nobody says in which currency the {side}'s amounts are",
            where=f"field '{field.name}'",
            expected="currency, or currency_column, where amounts are written as 19.90",
            hint="without a currency the number of decimals is not known",
        )
    if amounts.currency is not None:
        digits = EXPONENTS.get(amounts.currency)
        if digits is None:
            raise UsageError(f"'{amounts.currency}' is no ISO 4217 currency", where=f"field '{field.name}'")
        return Form.fitting(column, *_counted(column, str(SUBUNITS * 10**digits), digits), currency)
    return Form.fitting(column, *_counted(column, f"({SUBUNITS} * {minor_units(currency)})", None), currency)


def currency_of(amounts: Amounts, columns: Mapping[str, Column]) -> str | None:
    """Return the SQL of an amount's currency: a column's, or a fixed one; None where nobody declared it."""
    if amounts.currency_column is not None:
        return columns[amounts.currency_column].text
    return quoted(amounts.currency) if amounts.currency is not None else None


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Set what the SQL of this module looks up: how many minor units each currency's major unit has; and UTC."""
    # As two texts, which are parsed for less than 150 members written out.
    codes, units = ",".join(EXPONENTS), ",".join(str(10**digits) for digits in EXPONENTS.values())
    made = f"MAP(string_split('{codes}', ','), CAST(string_split('{units}', ',') AS BIGINT[]))"
    connection.execute(f"SET VARIABLE {_MINOR_UNITS} = {made}")
    connection.execute("SET TimeZone = 'UTC'")


def minor_units(currency: str) -> str:
    """Return the SQL of how many minor units a major one has; NULL for no currency. The connection is prepared."""
    return f"CAST(map_extract_value(getvariable('{_MINOR_UNITS}'), {currency}) AS BIGINT)"


def by_currency(currency: str, numbers: Mapping[str, int] | Mapping[str, int | str]) -> str:
    """Return the SQL of a number, or of what SQL says, that depends on the currency; NULL for a code without one."""
    groups: dict[int | str, list[str]] = {}
    for code, number in numbers.items():
        groups.setdefault(number, []).append(code)
    first = " ".join(f"WHEN {quoted(code)} THEN {numbers[code]}" for code in _FREQUENT if code in numbers)
    rest = " ".join(
        f"WHEN {currency} IN ({', '.join(quoted(code) for code in codes)}) THEN {number}"
        for number, codes in groups.items()
    )
    # Few codes are on nearly all orders: they are told by one comparison each, not by a list of 150.
    return f"CASE {currency} {first} ELSE CASE {rest} END END" if first else f"CASE {rest} END"


def _counted(column: Column, step: str, digits: int | None) -> tuple[str, str]:
    """Return whether an amount can be counted in subunits, not too fine, too large or no number; and how many it is."""
    raw = column.raw
    if column.type in _SMALL:
        # Divided, not multiplied, to see what fits: a product might not.
        return f"{raw} BETWEEN -({MOST} // ({step})) AND {MOST} // ({step})", f"{raw} * ({step})"
    precision, scale = _decimal_of(column.type)
    if precision and precision + scale <= 18 and scale <= 4 + (digits or 0):
        fits = f"CAST({raw} AS BIGINT) BETWEEN -({MOST} // ({step})) + 1 AND {MOST} // ({step}) - 1"
        return fits, f"CAST({raw} * {10**scale} AS BIGINT) * (({step}) // {10**scale})"
    exact = f"(CAST({decimal(column, 28, 8)} * 100000000 AS HUGEINT) * ({step}))"
    fits = f"{exact} % 100000000 = 0 AND {exact} // 100000000 BETWEEN -{MOST} AND {MOST}"
    return fits, f"CAST({exact} // 100000000 AS BIGINT)"


def _decimal_of(type_: str) -> tuple[int, int]:
    """Return precision and scale of a DECIMAL type, zeros for another."""
    if not type_.startswith("DECIMAL("):
        return 0, 0
    precision, scale = type_[len("DECIMAL(") : -1].split(",")
    return int(precision), int(scale)


def decimal(column: Column, precision: int, scale: int) -> str:
    """Return the SQL of a decimal of this size; NULL for what is none or does not fit it exactly.

    A floating-point number stands for the shortest decimal that reads back as the same number.
    """
    target = f"DECIMAL({precision}, {scale})"
    if column.type in _INTEGERS:
        return f"TRY_CAST({column.raw} AS {target})"
    if column.type in {"DOUBLE", "FLOAT"}:
        return f"TRY_CAST({column.text} AS {target})"
    if column.type.startswith("DECIMAL("):
        if _decimal_of(column.type)[1] <= scale:
            return f"TRY_CAST({column.raw} AS {target})"
        cast = f"TRY_CAST({column.raw} AS {target})"
        return f"CASE WHEN {cast} = {column.raw} THEN {cast} END"
    if column.is_text:
        # A cast rounds what is too fine, takes 1_000 for a number, and needs no digit of a thousand: only so much.
        finer = rf"_|\.\d{{{scale}}}\d*[1-9]|[eE]-"
        text = column.text
        return f"CASE WHEN NOT regexp_matches({text}, {quoted(finer)}) THEN TRY_CAST({text} AS {target}) END"
    return f"CAST(NULL AS {target})"


def _number(column: Column, other: Column, scale: int | None) -> Form:
    if column.type in _INTEGERS and other.type in _INTEGERS:
        return Form(column, _whole(column, other), certain=True)
    if scale is None:
        return Form(column, decimal(column, 38, 12))
    return in_steps(column, scale)


def in_steps(column: Column, scale: int | None) -> Form:
    """Return a number as a whole one of 128 bits: how many steps of its scale it is, of 10^-12 without one."""
    step = 10 ** (12 - min(12 if scale is None else scale, 12))
    units = f"CAST({decimal(column, 26, 12)} * CAST(1000000000000 AS DECIMAL(13, 0)) AS HUGEINT)"
    rest, whole = f"(abs({units}) % {step}) * 2", f"(abs({units}) // {step})"
    up = f"CASE WHEN {rest} > {step} OR ({rest} = {step} AND {whole} % 2 = 1) THEN 1 ELSE 0 END"
    return Form(column, f"CAST(sign({units}) AS HUGEINT) * ({whole} + {up})")


def instant(column: Column, zone: str) -> Form:
    """Return microseconds since 1970 UTC; a time without a zone is read in the declared one.

    zone: an IANA name, or `epoch` and `epoch_ms` for whole seconds and milliseconds since 1970.
    """
    return Form.fitting(column, *_within_calendar(_microseconds(column, zone)))


def first_reading(column: Column, zone: str) -> str:
    """Return the SQL of the earlier instant of a local time that a clock set back showed twice; NULL for any other.

    `instant` reads the later one. Nobody can tell which of the two a time without its offset means.
    """
    nothing = "CAST(NULL AS BIGINT)"
    if zone in {"UTC", "epoch", "epoch_ms"} or column.type == "TIMESTAMP WITH TIME ZONE":
        return nothing
    if column.type == "DATE" or column.type.startswith("TIMESTAMP"):
        local = f"{'TRY_CAST' if column.type == 'DATE' else 'CAST'}({column.raw} AS TIMESTAMP)"
    elif column.is_text:
        offset = f"regexp_matches({column.text}, {quoted(_OFFSET)})"
        local = f"CASE WHEN NOT {offset} THEN TRY_CAST({column.text} AS TIMESTAMP) END"
    else:
        return nothing
    cases = ""
    for back in _SET_BACK:
        earlier = f"({_zoned(local, zone)} - {back})"
        cases += f" WHEN {_zoned(earlier, zone)} = {local} THEN epoch_us({earlier})"
    return _where(*_within_calendar(f"(CASE{cases} END)"))


def _microseconds(column: Column, zone: str) -> str:
    raw = column.raw
    if zone in {"epoch", "epoch_ms"}:
        factor, most = (1_000_000, 253_402_300_799) if zone == "epoch" else (1_000, 253_402_300_799_999)
        number = raw if column.type in _SMALL else f"TRY_CAST({column.text} AS BIGINT)"
        return f"CASE WHEN {number} BETWEEN -{most} AND {most} THEN {number} * {factor} END"
    if column.type == "TIMESTAMP WITH TIME ZONE":
        return f"epoch_us({raw})"
    if column.type == "DATE" or column.type.startswith("TIMESTAMP"):
        # A database's infinite date is a day that no timestamp has.
        cast = "TRY_CAST" if column.type == "DATE" else "CAST"
        return f"epoch_us({_zoned(f'{cast}({raw} AS TIMESTAMP)', zone)})"
    if column.is_text:
        offset = f"regexp_matches({column.text}, {quoted(_OFFSET)})"
        bare = _zoned(f"TRY_CAST({column.text} AS TIMESTAMP)", zone)
        return (
            f"CASE WHEN {offset} THEN epoch_us(TRY_CAST({column.text} AS TIMESTAMP WITH TIME ZONE)) "
            f"ELSE epoch_us({bare}) END"
        )
    return "CAST(NULL AS BIGINT)"


def _zoned(timestamp: str, zone: str) -> str:
    return timestamp if zone == "UTC" else f"timezone({quoted(zone)}, {timestamp})"


def _within_calendar(microseconds: str) -> tuple[str, str]:
    return f"{microseconds} BETWEEN {_FIRST_DAY} AND {_LAST_INSTANT}", microseconds


def _where(fits: str, number: str) -> str:
    return f"CASE WHEN {fits} THEN {number} END"


def _date(column: Column, zone: str) -> Form:
    raw, text = column.raw, column.text
    if column.type == "TIMESTAMP WITH TIME ZONE":
        day = f"CAST(timezone({quoted(zone)}, {raw}) AS DATE)"
    elif column.type == "DATE" or column.type.startswith("TIMESTAMP"):
        day = f"TRY_CAST({raw} AS DATE)"
    elif column.is_text:
        offset = f"regexp_matches({text}, {quoted(_OFFSET)})"
        zoned = f"CAST(timezone({quoted(zone)}, TRY_CAST({text} AS TIMESTAMP WITH TIME ZONE)) AS DATE)"
        basic = f"regexp_full_match({text}, '\\d{{8}}')"
        day = (
            f"CASE WHEN {offset} THEN {zoned} WHEN {basic} THEN CAST(try_strptime({text}, '%Y%m%d') AS DATE) "
            f"ELSE CAST(TRY_CAST({text} AS TIMESTAMP) AS DATE) END"
        )
    else:
        day = "CAST(NULL AS DATE)"
    return Form(column, f"CASE WHEN {day} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN {day} END")


def _flag(column: Column) -> Form:
    if column.type == "BOOLEAN":
        return Form(column, column.raw, certain=True)
    word = f"lower({column.text})"
    true, false = (", ".join(quoted(each) for each in words) for words in (_TRUE, _FALSE))
    return Form(column, f"CASE WHEN {word} IN ({true}) THEN true WHEN {word} IN ({false}) THEN false END")


def _lines(column: Column, members: tuple[str, ...]) -> Form:
    """Return the sorted list of the lines' members as text; a line is a record of a list, or an object of JSON."""
    if not members:
        raise UsageError("lines are compared by their members, and none is declared", where=f"column '{column.name}'")
    if column.type.startswith(_LIST_OF_RECORDS) and column.type.endswith("[]"):
        document = f"to_json({named(column.name)})"
    elif column.is_text:
        document = f"TRY_CAST({named(column.name)} AS JSON)"
    else:
        return Form(column, "CAST(NULL AS VARCHAR[])")
    line = f"concat_ws(chr(31), {', '.join(_member(each) for each in members)})"
    sort = f"list_sort(list_transform(CAST({document} AS JSON[]), lambda line: {line}))"
    readable = f"{document} IS NOT NULL AND json_type({document}) = 'ARRAY'"
    return Form(replace(column, type="VARCHAR"), f"CASE WHEN {readable} THEN {sort} END")


def _member(member: str) -> str:
    name, _, kind = member.partition(":")
    value = f"""(line ->> {quoted('$."' + name + '"')})"""
    if kind == "number":
        value = f"coalesce(CAST(TRY_CAST({value} AS DECIMAL(38, 12)) AS VARCHAR), {value} || '?')"
    else:
        value = f"nfc_normalize({value})"
    return f"coalesce({value}, chr(30))"
