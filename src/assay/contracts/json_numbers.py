"""Finds numbers in JSON that some readers get wrong: too long for a double, or whole ones written with a fraction."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

_FEWEST = 16  # every decimal number of up to fifteen digits survives a double
_STEP = 5
_ZERO = b"0"[0]
_DIGITS = bytes(48 if each in b"0123456789." else 32 for each in range(256))
_NEEDED = b"0" * (_FEWEST // _STEP)
_LONG = 2**63
_BEFORE = b":[, \t\r\n-"  # what a number follows
_AFTER = b",]} \t\r\n"
_FRACTION = re.compile(r"[.eE]")

Places = tuple[str | int, ...]


def may_lose(body: bytes) -> bool:
    """Return whether a body may have so long a number at all, at a fraction of the cost of reading it.

    Every run of sixteen digits covers three in a row of every fifth byte; most of those stand in ids, which are text.
    """
    sample = body[::_STEP].translate(_DIGITS)
    at = sample.find(_NEEDED)
    while at >= 0:
        start = end = at * _STEP
        while start > 0 and body[start - 1] in b"0123456789.":
            start -= 1
        while end < len(body) and body[end] in b"0123456789.":
            end += 1
        if end - start >= _FEWEST and body[start - 1 : start] in _BEFORE:
            return True
        at = sample.find(_NEEDED, end // _STEP + 1)
    return False


def has_odd_fraction(body: bytes) -> bool:
    """Return whether a body may hold a number with a point or an exponent that is whole, as `7000.0`, or too long."""
    return _has_odd_point(body) or _has_exponent(body)


def _has_odd_point(body: bytes) -> bool:
    at = body.find(b".")
    while at >= 0:
        end = at + 1
        while body[end : end + 1].isdigit():
            end += 1
        if end > at + 1 and _ends_number(body, end) and (body[at + 1] == _ZERO or _begins(body, at) <= end - _FEWEST):
            return True
        at = body.find(b".", end)
    return False


def _has_exponent(body: bytes) -> bool:
    at = body.find(b"+")
    while at >= 0:
        end = at + 1
        while body[end : end + 1].isdigit():
            end += 1
        if body[at - 1 : at] in (b"e", b"E") and _ends_number(body, end) and body[at - 2 : at - 1].isdigit():
            return True
        at = body.find(b"+", end)
    return False


def _begins(body: bytes, at: int) -> int:
    while at > 0 and body[at - 1 : at].isdigit():
        at -= 1
    return at


def _ends_number(body: bytes, end: int) -> bool:
    return end == len(body) or body[end] in _AFTER


def lossy(body: bytes) -> Iterator[tuple[Places, str]]:
    """Yield the place and the digits of every number that a double cannot hold."""
    yield from ((places, str(each)) for places, each in _written(body) if each.is_lossy())


def made_whole(body: bytes) -> Iterator[tuple[Places, str]]:
    """Yield the place and the digits of every whole number that is written with a fraction or an exponent."""
    yield from ((places, str(each)) for places, each in _written(body, lambda digits: None) if each.is_made_whole())


def _written(body: bytes, whole: Callable[[str], Any] | None = None) -> Iterator[tuple[Places, _Written]]:
    try:
        found = json.loads(body, parse_int=whole or _Written, parse_float=_Written)
    except (ValueError, RecursionError):
        return
    todo: list[tuple[Places, Any]] = [((), found)]
    while todo:
        places, value = todo.pop()
        if isinstance(value, _Written):
            yield places, value
        elif isinstance(value, dict):
            todo.extend(((*places, name), each) for name, each in value.items())
        elif isinstance(value, list):
            todo.extend(((*places, place), each) for place, each in enumerate(value))


def is_long(digits: str) -> bool:
    """Return whether a number is an integer of 64 bits, which a document may promise."""
    return digits.lstrip("-").isdecimal() and -_LONG <= int(digits[:21]) < _LONG


class _Written(str):
    """A number as it is written."""

    __slots__ = ()

    def is_lossy(self) -> bool:
        if len(self) < _FEWEST:
            return False
        try:
            return Decimal(self) != Decimal(repr(float(self)))
        except (InvalidOperation, OverflowError):
            return True

    def is_made_whole(self) -> bool:
        return _FRACTION.search(self) is not None and float(self).is_integer()
