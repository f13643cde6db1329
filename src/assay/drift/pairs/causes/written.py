"""Values as sides write them, read as numbers, amounts and instants; what cannot be read is None, never a guess."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from assay.drift.pairs.model import Amounts
from assay.money import EXPONENTS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
_LONGEST = 40
_MICROSECOND = timedelta(microseconds=1)
_COUNTED = {"epoch": SECOND, "epoch_ms": 1000}
# A year short of the calendar's ends: clocks of a zone are up to a day ahead or behind.
_FIRST, _LAST = (int((datetime(year, 1, 1, tzinfo=UTC) - EPOCH) // _MICROSECOND) for year in (2, 9999))
_MOST_BITS = 256
_USUAL_DECIMALS = 2
# Bare numbers are seconds, milliseconds or microseconds since 1970 by their size: all of 1973 to 5138.
_MAGNITUDES = ((10**8, 10**11, SECOND), (10**11, 10**14, 1000), (10**14, 10**17, 1))


def number(value: Any) -> Fraction | None:
    """Read a number of at most 40 digits before and after the point, exactly; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return Fraction(value) if value.bit_length() <= _MOST_BITS else None
    try:
        read = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    if not read.is_finite() or abs(read.adjusted()) > _LONGEST or len(read.as_tuple().digits) > 2 * _LONGEST:
        return None
    return Fraction(read)


def decimals(currency: str | None) -> int:
    """Return how many decimals a currency has; 2 for a code that is none, as most have."""
    return EXPONENTS.get(currency or "", _USUAL_DECIMALS)


def amount(value: Any, amounts: Amounts | None, currency: str | None) -> Fraction | None:
    """Read an amount in units of its currency: 19.90 for 1990 cents."""
    read = number(value)
    if read is None or amounts is None or amounts.unit == "major":
        return read
    return read / Fraction(10 ** decimals(currency))


@functools.lru_cache(maxsize=128)
def zone(name: str) -> tzinfo:
    """Return a time zone by its IANA name; `ZoneInfoNotFoundError` for none."""
    return UTC if name == "UTC" else ZoneInfo(name)


def instant(value: Any, where: str = "UTC") -> int | None:
    """Read an instant in microseconds since 1970 UTC, of the years 2 to 9998; None for anything else.

    where: the zone of one without an offset, or `epoch` and `epoch_ms` for seconds and milliseconds since 1970. Other
    bare numbers are taken by their size.
    """
    found = _microseconds(value, where)
    return found if found is not None and _FIRST <= found <= _LAST else None


def _microseconds(value: Any, where: str) -> int | None:
    if where in _COUNTED:
        read = number(value)
        return None if read is None else int(read * _COUNTED[where])
    if isinstance(value, int) and not isinstance(value, bool):
        return _by_size(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime):
        text = str(value).strip()
        if text.lstrip("-").isdecimal() and len(text) != len("20261231"):
            return _by_size(int(text)) if len(text) <= _LONGEST else None
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            return None
    if value.tzinfo is None:
        if not is_zone(where):
            return None
        value = value.replace(tzinfo=zone(where))
    try:
        return int((value - EPOCH) // _MICROSECOND)
    except OverflowError:
        return None


def _by_size(value: int) -> int | None:
    return next((value * each for least, most, each in _MAGNITUDES if least <= abs(value) < most), None)


@functools.lru_cache(maxsize=128)
def is_zone(name: str) -> bool:
    """Whether this machine knows a time zone of that name."""
    try:
        return zone(name) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def moment(microseconds: int) -> datetime:
    """Return microseconds since 1970 as a UTC datetime; `OverflowError` beyond the calendar."""
    return EPOCH + timedelta(microseconds=microseconds)


@functools.lru_cache(maxsize=65536)
def offset(microseconds: int, name: str) -> int:
    """Return by how much a zone's clocks were ahead of UTC at an instant, in microseconds."""
    ahead = moment(microseconds).astimezone(zone(name)).utcoffset() or timedelta()
    return ahead // _MICROSECOND


@functools.lru_cache(maxsize=65536)
def summer(microseconds: int, name: str) -> int:
    """Return by how much a zone's clocks were ahead of its own winter time at an instant, in microseconds."""
    ahead = moment(microseconds).astimezone(zone(name)).dst() or timedelta()
    return ahead // _MICROSECOND


def span(microseconds: int) -> str:
    """Say how long: `2 h`, `1 h 30 min`, `37 s`, `3 days`, `0.25 s`; without a sign."""
    left = abs(microseconds)
    if left % SECOND:
        return f"{left / SECOND:g} s"
    parts = []
    for each, word in ((DAY, "days"), (HOUR, "h"), (60 * SECOND, "min"), (SECOND, "s")):
        count, left = divmod(left, each)
        if count:
            parts.append(f"{count:,} {'day' if word == 'days' and count == 1 else word}")
    return " ".join(parts) or "0 s"


def plain(value: Fraction) -> str:
    """Write a number as people do: `0.5`, `100`, `1.0834`; at most six significant digits where it has no end."""
    if value.denominator == 1:
        return f"{value.numerator:,}"
    return f"{float(value):.6g}"
