"""Which documented operations a WireMock mapping answers, by its method and the way it says its address.

A fixed address is looked up as a call's would be. A pattern is tried on every operation's address, whose parameters
are filled with what the pattern itself spells out: where none of that fits, the mapping answers nothing documented.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from assay.contracts.model import Operation

_PARAMETER = re.compile(r"\{([^{}]*)\}")
_WORD = re.compile(r"[\w-]+")
_PLAIN = ("0", "a", "A", "A1", "1Z999AA10123456784", "2026-01-01")
_ANY_METHOD = "ANY"
_MOST_TRIES = 3_000


class NoAddress(ValueError):
    """A mapping whose address cannot be read; its text says why."""


def method_of(request: Mapping[str, Any]) -> str:
    """Return a mapping's method in capitals, '' for any."""
    method = str(request.get("method", _ANY_METHOD)).upper()
    return "" if method == _ANY_METHOD else method


def fixed_address(request: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]]] | None:
    """Return path and query where a mapping answers one path alone, else None."""
    for key in ("url", "urlPath"):
        if isinstance(request.get(key), str):
            parts = urlsplit(str(request[key]))
            return parts.path, parse_qsl(parts.query, keep_blank_values=True)
    return None


def answered(request: Mapping[str, Any], operations: Sequence[Operation]) -> Iterator[tuple[Operation, str]]:
    """Give each operation a mapping answers, with a path by which it is met. Webhooks have no path of the vendor's.

    Raises `NoAddress` for a pattern that is none.
    """
    method = method_of(request)
    fits = _fitting(request)
    for operation in operations:
        if operation.webhook or (method and operation.method.upper() != method):
            continue
        path = fits(operation.path)
        if path is not None:
            yield operation, path


def _fitting(request: Mapping[str, Any]) -> Any:
    """Return what gives the path by which a documented one is met, or None."""
    if isinstance(request.get("urlPathTemplate"), str):
        template = str(request["urlPathTemplate"])
        values = {
            name: str(wanted["equalTo"])
            for name, wanted in request.get("pathParameters", {}).items()
            if isinstance(wanted, Mapping) and isinstance(wanted.get("equalTo"), str)
        }
        pattern = "[^/]+".join(re.escape(part) for part in _PARAMETER.split(template)[::2])
        example = _PARAMETER.sub(lambda found: values.get(found[1], "0"), template)
        return _by_pattern(pattern, [example, *values.values()])
    for key in ("urlPathPattern", "urlPattern"):
        if isinstance(request.get(key), str):
            return _by_pattern(str(request[key]).partition(r"\?")[0], [])  # of a whole URL what stands before the query
    if fixed_address(request) is not None:
        raise AssertionError("a fixed address is looked up")
    return lambda path: _filled(path, itertools.repeat("0"))


def _by_pattern(pattern: str, known: Sequence[str]) -> Any:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise NoAddress(f"its pattern cannot be read here: {error}") from None
    words = _WORD.findall(pattern.replace("\\", " "))
    values = list(dict.fromkeys([*known, *words, *_PLAIN, *(f"{word}0" for word in words)]))

    def fits(path: str) -> str | None:
        count = len(_PARAMETER.findall(path))
        if len(values) ** count <= _MOST_TRIES:
            tries: Iterator[tuple[str, ...]] = itertools.product(values, repeat=count)
        else:
            tries = ((value,) * count for value in values)
        return next((made for each in tries if compiled.fullmatch(made := _filled(path, iter(each)))), None)

    return fits


def _filled(path: str, values: Iterator[str]) -> str:
    return _PARAMETER.sub(lambda _: next(values), path)
