"""Values of Edm types: from JSON, from literals of an address, to comparable Python values and back to literals.

Rows hold values as the JSON of OData V2 writes them: Decimal and Int64 as strings, DateTime as ``/Date(ms)/``,
DateTimeOffset as ``/Date(ms+0000)/``, Time as ``PT08H30M00S``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from assay.simkit.odata.edm import Property
from assay.simkit.odata.errors import malformed

_DATE = re.compile(r"^/Date\((-?\d{1,15})(?:[+-]\d{1,4})?\)/$")
_GUID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
_TIME = re.compile(r"^P(?:T(?:(\d{1,2})H)?(?:(\d{1,2})M)?(?:(\d{1,2})(?:\.\d+)?S)?)$")
_NUMBER = re.compile(r"^-?\d{1,40}(\.\d{1,40})?$")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS = 86_400_000
_LIMITS = {
    "Byte": (0, 255),
    "Int16": (-(2**15), 2**15 - 1),
    "Int32": (-(2**31), 2**31 - 1),
    "Int64": (-(2**63), 2**63 - 1),
}


class Unfit(ValueError):
    """A value that is not of its declared type; the message says what was expected."""


def from_json(prop: Property, value: Any) -> Any:
    """Return the wire value of a JSON value; raises `ODataFault` in SAP's words when it does not fit."""
    if value is None:
        # Gateway takes null for any property and stores the initial value, keys excepted.
        if prop.is_key:
            raise malformed(f"Property '{prop.name}' has invalid value 'null'", target=prop.name)
        return prop.blank
    try:
        return _JSON[prop.kind](prop, value)
    except Unfit as unfit:
        shown = str(value)[:40]
        raise malformed(f"Property '{prop.name}' has invalid value '{shown}': {unfit}", target=prop.name) from None


def is_number(text: str) -> bool:
    """Return whether a text is digits 0 to 9 and nothing else (`str.isdigit` takes ² and ٣ too)."""
    return text.isascii() and text.isdigit()


def strip_zeros(text: str) -> str:
    """Return a number without its padding (``0000004711`` → ``4711``); anything else unchanged."""
    return (text.lstrip("0") or "0") if is_number(text) else text


def _string(prop: Property, value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit("a string is expected")
    # Gateway looks at the length of what was sent, before it strips the padding.
    if prop.max_length is not None and len(value) > prop.max_length:
        raise Unfit(f"violates facet information 'MaxLength={prop.max_length}'")
    return strip_zeros(value) if prop.alpha else value


def decimal_text(number: Decimal) -> str:
    """Return plain digits without exponent and without trailing zeros of the fraction."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("", "-0") else text


def _decimal(prop: Property, value: Any) -> str:
    if not isinstance(value, str) or not _NUMBER.match(value):
        raise Unfit("a decimal number in quotes is expected")
    number, scale, precision = Decimal(value), prop.scale or 0, prop.precision or 31
    text = decimal_text(number)
    if len(text.partition(".")[2]) > scale or len(text.lstrip("-").partition(".")[0].lstrip("0")) > precision - scale:
        raise Unfit(f"violates facet information 'Precision={precision}, Scale={scale}'")
    return text if prop.unit else format(number.quantize(Decimal(1).scaleb(-scale)), "f")


def _date_ms(value: Any) -> int:
    if not isinstance(value, str):
        raise Unfit("a date in quotes is expected")
    match = _DATE.match(value)
    return int(match[1]) if match else _iso_ms(value)


def _iso_ms(text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Unfit("/Date(milliseconds)/ is expected") from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def _date(prop: Property, value: Any) -> str:
    milliseconds = _bounded(_date_ms(value))
    return f"/Date({milliseconds - milliseconds % _DAY_MS if prop.is_day else milliseconds})/"


def _instant(_: Property, value: Any) -> str:
    return f"/Date({_bounded(_date_ms(value))}+0000)/"


def _bounded(milliseconds: int) -> int:
    if not -62_135_596_800_000 <= milliseconds < 253_402_300_800_000:
        raise Unfit("a date between the years 1 and 9999 is expected")
    return milliseconds


def _time(_: Property, value: Any) -> str:
    match = _TIME.match(value) if isinstance(value, str) else None
    if match is None:
        raise Unfit("a duration such as PT08H30M00S is expected")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    if hours > 23 or minutes > 59 or seconds > 59:
        raise Unfit("a time of day is expected")
    return f"PT{hours:02}H{minutes:02}M{seconds:02}S"


def _boolean(_: Property, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unfit("true or false is expected")
    return value


def _guid(_: Property, value: Any) -> str:
    if not isinstance(value, str) or not _GUID.match(value):
        raise Unfit("a GUID is expected")
    return value.lower()


def _integer(prop: Property, value: Any) -> Any:
    text = value if isinstance(value, str) and prop.kind == "Int64" else None
    if text is not None and re.fullmatch(r"-?\d{1,19}", text):
        value = int(text)
    low, high = _LIMITS[prop.kind]
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Unfit(f"a whole number from {low} to {high} is expected")
    return str(value) if prop.kind == "Int64" else value


def _double(_: Property, value: Any) -> str:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Unfit("a number is expected") from None
    if isinstance(value, bool) or not number.is_finite():
        raise Unfit("a number is expected")
    return decimal_text(number)


_JSON: dict[str, Callable[[Property, Any], Any]] = {
    "String": _string,
    "Decimal": _decimal,
    "DateTime": _date,
    "DateTimeOffset": _instant,
    "Time": _time,
    "Boolean": _boolean,
    "Guid": _guid,
    "Double": _double,
    **dict.fromkeys(_LIMITS, _integer),
}


def wire_date(instant: datetime | date) -> str:
    """Return ``/Date(ms)/`` of a day (its midnight) or of an aware instant."""
    if not isinstance(instant, datetime):
        instant = datetime(instant.year, instant.month, instant.day, tzinfo=UTC)
    return f"/Date({(instant - _EPOCH) // timedelta(milliseconds=1)})/"


def wire_instant(instant: datetime) -> str:
    """Return ``/Date(ms+0000)/`` of an aware instant."""
    return f"/Date({(instant - _EPOCH) // timedelta(milliseconds=1)}+0000)/"


def wire_time(instant: datetime) -> str:
    """Return the time of day of an instant as SAP prints Edm.Time."""
    return instant.strftime("PT%HH%MM%SS")


def wire_ms(wire: str) -> int:
    """Return the milliseconds since 1970 of a stored DateTime or DateTimeOffset."""
    return _date_ms(wire)


def wire_datetime(wire: str) -> datetime:
    """Return the UTC instant of a stored DateTime or DateTimeOffset."""
    return _EPOCH + timedelta(milliseconds=_date_ms(wire))


def comparable(prop: Property) -> Callable[[Any], Any]:
    """Return the function that turns a stored value of this property into one that orders as its type does."""
    return _COMPARABLE.get(prop.kind, _same)


def _same(wire: Any) -> Any:
    return wire


def _number(wire: Any) -> Any:
    return None if wire is None else Decimal(wire)


def _day_number(wire: Any) -> Any:
    return None if wire is None else int(wire[6:-2])  # between "/Date(" and ")/"


def _instant_number(wire: Any) -> Any:
    return None if wire is None else int(wire[6:-7])  # between "/Date(" and "+0000)/"


_COMPARABLE: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("Decimal", "Double", "Byte", "Int16", "Int32", "Int64"), _number),
    "DateTime": _day_number,
    "DateTimeOffset": _instant_number,
}


def key_literal(prop: Property, wire: Any) -> str:
    """Return a key value as it stands in an address: quoted by its type, percent-encoded."""
    match prop.kind:
        case "String":
            text = str(wire)
            plain = text.isascii() and text.isalnum()
            return f"'{text}'" if plain else "'" + quote(text.replace("'", "''"), safe="") + "'"
        case "Guid":
            return f"guid'{wire}'"
        case "DateTime":
            return "datetime'" + quote(wire_datetime(wire).strftime("%Y-%m-%dT%H:%M:%S"), safe="") + "'"
        case "DateTimeOffset":
            return "datetimeoffset'" + quote(wire_datetime(wire).strftime("%Y-%m-%dT%H:%M:%SZ"), safe="") + "'"
        case "Time":
            return f"time'{wire}'"
        case "Boolean":
            return "true" if wire else "false"
        case _:
            return str(wire)


def etag_of(prop: Property, wire: Any) -> str:
    """Return the weak entity tag SAP derives from the property with ConcurrencyMode Fixed."""
    if prop.kind == "DateTimeOffset":
        stamp = "" if wire is None else wire_datetime(wire).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
        return f"W/\"datetimeoffset'{quote(stamp, safe='')}'\""
    return f"W/\"'{quote(str(wire), safe='')}'\""
