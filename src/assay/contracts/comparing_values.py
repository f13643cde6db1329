"""Draws values from one description of a message and has the other judge them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import urlencode

import orjson

from assay.contracts.comparing_paths import Side
from assay.contracts.drawing import Drawing
from assay.contracts.json_shape import JSON, Definitions, JsonShape
from assay.contracts.model import Deviation, Problem, Shape

_TRIES = 5
_DEEPEST = 3  # what is wrong deep within alternatives of alternatives takes a validator seconds to name
_BY_NAME = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})
_LIMITS = frozenset(
    {
        *("minLength", "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        *("multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "propertyNames"),
    }
)
_IGNORED = frozenset({Problem.DEPRECATED, Problem.PRECISION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What drawn values came to. held: paths that values had where they were as the document has them."""

    values: int = 0
    deviations: tuple[Deviation, ...] = ()
    held: frozenset[str] = frozenset()


def draw_and_judge(mine: Shape, theirs: Shape, side: Side, count: int, random: Random) -> Drawn:
    """Draw values that the contract allows and judge them by the vendor's document.

    Of requests, too, a value with nothing but what the vendor requires: the contract must know all of it. Lengths,
    ranges and patterns are left to the document. Of messages that are no JSON nothing is drawn.
    """
    if not (isinstance(mine, JsonShape) and isinstance(theirs, JsonShape)):
        return Drawn()
    found: dict[tuple[Problem, str], Deviation] = {}
    held: set[str] = set()
    values = 0
    judge = _without_limits(theirs)
    for value in _valid(mine, random, count, least=False):
        values += 1
        there = set(paths_of(value, mine))
        for each in judge.deviations(_written(value, theirs.media)):
            # An empty object has no pair in a form: that it is missing there is the form's way of writing it.
            unwritten = each.problem is Problem.MISSING and each.path in there
            there.discard(each.path)
            if each.problem in _IGNORED or unwritten:
                continue
            field = mine.fields.get(each.path)
            says_nothing = field is None or (not field.types and field.enum is None)
            if says_nothing and each.problem not in (Problem.MISSING, Problem.FIELD):
                continue  # whatever was drawn there is nobody's word
            found.setdefault((each.problem, each.path), each)
        held |= there
    if side is Side.REQUEST:
        for value in _valid(theirs, random, 1, least=True):
            values += 1
            for each in mine.deviations(_written(value, mine.media)):
                field = theirs.fields.get(each.path)
                if each.problem is Problem.FIELD and field is not None and field.required and field.decided:
                    needed = Deviation(Problem.MISSING, each.path, "always there", "not in the contract")
                    found.setdefault((needed.problem, needed.path), needed)
    return Drawn(values=values, deviations=tuple(found.values()), held=frozenset(held))


def _without_limits(shape: JsonShape) -> JsonShape:
    """Return what a message must be but for lengths, ranges and patterns."""
    schema = _relaxed(shape.schema)
    return JsonShape(schema, Definitions(schema), media=shape.media)


def _relaxed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_relaxed(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _BY_NAME and isinstance(value, Mapping):
            made[key] = {name: _relaxed(each) for name, each in value.items()}
        elif key in ("enum", "const", "required"):
            made[key] = value
        elif key not in _LIMITS:
            made[key] = _relaxed(value)
    return made


def paths_of(value: Any, shape: JsonShape) -> Iterator[str]:
    """Give the paths of a value, as the fields of its shape name them."""
    yield from _walked(value, "", shape.fields)


def _walked(value: Any, path: str, fields: Mapping[str, Any]) -> Iterator[str]:
    yield path
    if isinstance(value, list):
        for each in value:
            yield from _walked(each, f"{path}[]", fields)
    elif isinstance(value, dict):
        for name, each in value.items():
            below = f"{path}.{name}" if path else name
            if fields.get(below) is None:
                below = f"{path}.{{}}" if path else "{}"
            yield from _walked(each, below, fields)


def _valid(shape: JsonShape, random: Random, count: int, *, least: bool) -> Iterator[Any]:
    drawing = Drawing(shape.schema, random, deepest=_DEEPEST)
    for _ in range(count):
        for _ in range(_TRIES):
            value = drawing.value(least=least)
            if shape.is_valid(value):
                yield value
                break


def _written(value: Any, media: str) -> bytes:
    return orjson.dumps(value) if media == JSON else urlencode(list(_pairs(value, ""))).encode()


def _pairs(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Give the pairs of a form: `a[b][0]=x`."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _pairs(each, f"{name}[{key}]" if name else str(key))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _pairs(each, f"{name}[{place}]")
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif value is not None:
        yield name, str(value)
