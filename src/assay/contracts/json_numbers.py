"""Finds numbers in JSON that some readers get wrong: too long for a double, or whole ones written with a fraction."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

_FEWEST = 16  # every decimal number of up to fifteen digits survives a double
_STEP = 5
_DIGITS = bytes(48 if each in b"0123456789." else 32 for each in range(256))
_NEEDED = b"0" * (_FEWEST // _STEP)
_LONG = 2**63
_MADE_WHOLE = re.compile(rb"[0-9](?:\.0+|(?:\.[0-9]+)?[eE][+-]?[0-9]+)\s*[,}\]]")
_FRACTION = re.compile(r"[.eE]")

Places = tuple[str | int, ...]


def may_lose(body: bytes) -> bool:
    """Return whether a body has so long a run of digits at all, at a fraction of the cost of reading it.

    Every run of sixteen covers three in a row of every fifth byte.
    """
    return _NEEDED in body[::_STEP].translate(_DIGITS)


def may_be_made_whole(body: bytes) -> bool:
    """Return whether a body may hold a whole number with a fraction or an exponent: `7000.0`, `7e3`."""
    return (b".0" in body or b"e+" in body or b"E" in body) and _MADE_WHOLE.search(body) is not None


def lossy(body: bytes) -> Iterator[tuple[Places, str]]:
    """Yield the place and the digits of every number that a double cannot hold."""
    yield from ((places, str(each)) for places, each in _written(body) if each.is_lossy())


def made_whole(body: bytes) -> Iterator[tuple[Places, str]]:
    """Yield the place and the digits of every whole number that is written with a fraction or an exponent."""
    yield from ((places, str(each)) for places, each in _written(body) if each.is_made_whole())


def _written(body: bytes) -> Iterator[tuple[Places, _Written]]:
    try:
        found = json.loads(body, parse_int=_Written, parse_float=_Written)
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
