"""Worked requests with one place spoilt: what goes well must be refused once a single value is wrong.

Generated wrong data often comes together with something that is refused anyway (a currency nobody has, a key nobody
made), which hides whatever was wrong besides. Here all the rest of the request is known to go well.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from assay.contracts.model import Field
from assay.runners.conformance.engine import Asker, Written
from assay.runners.conformance.tally import Tally
from assay.runners.conformance.twin import Twin

CHECK = "negative_data_rejection"
MOST = 20
"""Places of one operation: a second of a simulator's time, four of a sandbox's at its usual rate."""

_LONGEST = 20_000
_ONCE = re.compile(r"(?i)(?:idempotency-key|request-id)")
"""Headers by which a vendor knows a request again and repeats its answer: each spoilt request has another value."""
_PLACE = tuple[str | int, ...]
Write = Callable[[Any, Mapping[str, str]], Written | None]
"""Builds a request out of a body and headers without sending it; None for a body its vendor could not sign."""


@dataclass(frozen=True, slots=True)
class Spoilt:
    """One place of a body and one way to spoil it. values: what to try there; the first the contract forbids is sent.

    way: wrong type, value outside the set, left out, null, or the limit. An empty `values`: the place is left out.
    """

    place: _PLACE
    path: str
    way: str
    values: tuple[Any, ...] = ()

    def bodies(self, body: Any) -> Iterator[Any]:
        """Yield the body with this place spoilt, once for each value."""
        if not self.values:
            yield _put(body, self.place, None, left_out=True)
        for value in self.values:
            yield _put(body, self.place, value)


class Spoiler:
    """Sends spoilt requests after worked ones that went well, so many of each operation, chosen by the seed.

    operations: those that are asked at all. Each place is spoilt in each way once, however often it was worked.
    """

    def __init__(
        self, asker: Asker, twin: Twin, tally: Tally, *, operations: frozenset[str], seed: int, most: int
    ) -> None:
        self._asker = asker
        self._twin = twin
        self._tally = tally
        self._operations = operations
        self._seed = seed
        self._most = min(most, MOST)
        self._sent: Counter[str] = Counter()
        self._tried: set[tuple[str, str, str]] = set()

    def spoil(self, operation: str, body: Any, headers: Mapping[str, str], write: Write) -> None:
        """Send an accepted request again and again, each time with one place of its body spoilt.

        headers: those of the request.
        """
        if operation not in self._operations or not isinstance(body, dict | list):
            return
        right = write(body, headers)
        if right is None:
            return
        fields = self._twin.fields(operation, right.media)
        if fields is None or self._twin.against(operation, right.media, right.body):
            return  # nothing is known of such a body, or it goes well although the contract forbids it
        found = [each for each in spoilt_places(body, fields) if (operation, each.path, each.way) not in self._tried]
        Random(f"{self._seed} {operation} {len(self._tried)}").shuffle(found)  # noqa: S311 - by the seed, no secret
        for each in found:
            if self._sent[operation] >= self._most:
                return
            self._tried.add((operation, each.path, each.way))
            self._send(operation, each, body, headers, write)

    def _send(self, operation: str, spoilt: Spoilt, body: Any, headers: Mapping[str, str], write: Write) -> None:
        """Send the first of a place's wrong values that is still wrong as it was written."""
        for wrong in spoilt.bodies(body):
            number = self._sent[operation] + 1
            own = {name: f"{value}-{number}" if _ONCE.search(name) else value for name, value in headers.items()}
            written = write(wrong, own)
            against = self._twin.against(operation, written.media, written.body) if written else ()
            if written is None or not against:
                continue
            self._sent[operation] += 1
            answer = self._asker.send_written(operation, written)
            if answer.status_code < 400:
                first = against[0]
                seen = f"expected {first.expected}, seen {first.seen}" if first.expected else f"seen {first.seen}"
                self._tally.failed(
                    operation,
                    CHECK,
                    status=answer.status_code,
                    title=f"Took a request that goes well with one place spoilt: {spoilt.path}, {spoilt.way}",
                    message=f"{first.path}: {first.problem.value}, {seen}; expected a refusal, 4xx or 5xx",
                    repeat=written.repeat,
                )
            return


def spoilt_places(body: Any, fields: Mapping[str, Field]) -> list[Spoilt]:
    """Return what can be spoilt in a body, each path in each way once: where it stands first in a list."""
    found: dict[tuple[str, str], Spoilt] = {}
    for place, path, value, field in _walk(body, fields):
        for way, values in _ways(value, field) if place else ():
            found.setdefault((path, way), Spoilt(place, path, way, values))
        if isinstance(value, dict):
            for name in value:
                below = _below(path, name, fields)
                known = fields.get(below)
                if known is not None and known.required:
                    found.setdefault((below, "left out"), Spoilt((*place, name), below, "left out"))
    return list(found.values())


def _walk(body: Any, fields: Mapping[str, Field]) -> Iterator[tuple[_PLACE, str, Any, Field]]:
    """Yield every place of a body that the contract knows, with its path and its value."""
    todo: list[tuple[_PLACE, str, Any]] = [((), "", body)]
    while todo:
        place, path, value = todo.pop()
        field = fields.get(path)
        if field is None:
            continue
        yield place, path, value, field
        if isinstance(value, dict):
            todo += [((*place, name), _below(path, name, fields), each) for name, each in value.items()]
        elif isinstance(value, list):
            todo += [((*place, number), f"{path}[]", each) for number, each in reversed(list(enumerate(value)))]


def _below(path: str, name: str, fields: Mapping[str, Field]) -> str:
    named, free = (f"{path}.{name}", f"{path}.{{}}") if path else (name, "{}")
    return named if named in fields or free not in fields else free


def _ways(value: Any, field: Field) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield ways to spoil one value, as far as the contract may forbid them: whether it does is told when written."""
    if field.enum is not None:
        yield "value outside the set", ("no_such_value", 424_242)
    if field.types:
        other: dict[str, Any] = {"string": "AAA", "integer": 7, "object": {"wrong": "type"}, "array": ["wrong type"]}
        if "number" in field.types:
            other.pop("integer")
        wrong = tuple(each for kind, each in other.items() if kind not in field.types)
        if wrong:
            yield "wrong type", wrong
        if "integer" in field.types and "number" not in field.types:
            yield "fraction", (1.5,)
        if "null" not in field.types:
            yield "null", (None,)
    limits = dict(field.limits)
    for name, bound in limits.items():
        beyond = _beyond(name, bound, value)
        if beyond is not None:
            yield name, (beyond,)


def _beyond(name: str, bound: str, value: Any) -> Any:
    """Return a value just beyond a documented limit; None where the value is of another kind, or it would be huge."""
    if isinstance(value, str):
        if name == "maxLength" and int(bound) < _LONGEST:
            return value + (value[-1:] or "x") * (int(bound) + 1 - len(value))
        if name == "minLength" and int(bound) > 0:
            return value[: int(bound) - 1]
        return "~ ~" if name == "pattern" else None
    if isinstance(value, list):
        if name == "maxItems" and value and int(bound) < _LONGEST:
            return [value[number % len(value)] for number in range(int(bound) + 1)]
        return value[: int(bound) - 1] if name == "minItems" and int(bound) > 0 else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        step = {"minimum": -1, "exclusiveMinimum": 0, "maximum": 1, "exclusiveMaximum": 0}.get(name)
        return None if step is None else json.loads(bound) + step
    return None


def _put(body: Any, place: _PLACE, value: Any, *, left_out: bool = False) -> Any:
    """Return a body with another value at one place, or without that member; the body itself is left as it is."""
    if not place:
        return value
    step, rest = place[0], place[1:]
    if isinstance(body, list):
        return [_put(each, rest, value, left_out=left_out) if at == step else each for at, each in enumerate(body)]
    if left_out and not rest:
        return {name: each for name, each in body.items() if name != step}
    return {name: _put(each, rest, value, left_out=left_out) if name == step else each for name, each in body.items()}
