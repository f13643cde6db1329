"""Finds where a body departs from a schema, once a compiled validator has said that it does.

Separate from the validators, whose lists of errors grow with the power of the depth where alternatives lie within
alternatives: here each value is held against each schema once, so that the work grows with the body alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import jsonschema_rs
import orjson

from assay.contracts.json_bundle import bundle, required_of
from assay.contracts.json_normal import Definitions, Schema
from assay.contracts.json_places import joined, listed, shown
from assay.contracts.json_view import text, view
from assay.contracts.model import Deviation, Problem
from assay.masking import MASK

_LIMITS = (
    "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
)  # fmt: skip
_RARE = (("not",), ("contains", "minContains", "maxContains"), ("propertyNames",))
_UNFIT = (Problem.TYPE, Problem.NULL)
Validators = dict[int, tuple[Any, jsonschema_rs.Draft202012Validator]]


@dataclass(slots=True)
class _Result:
    """What one schema says of one value. Paths begin at the value.

    unfit: the value is of another type altogether. names: the members the schema lists; opened: it allows any others;
    closed: it forbids others itself.
    """

    found: list[Deviation] = field(default_factory=list)
    unfit: bool = False
    names: set[str] = field(default_factory=set)
    opened: bool = False
    closed: bool = False

    def add(self, other: _Result) -> None:
        """Hold what another schema of the same value says, too."""
        self.found += other.found
        self.unfit = self.unfit or other.unfit
        self.names |= other.names
        self.opened = self.opened or other.opened
        self.closed = self.closed or other.closed


class Judging:
    """One body held against one schema. validators: a cache that outlives it, of the rare keywords' own validators."""

    def __init__(self, definitions: Definitions, validators: Validators, *, request: bool, additive: bool) -> None:
        self._definitions = definitions
        self._validators = validators
        self._request = request
        self._additive = additive
        self._known: dict[tuple[int, int], _Result] = {}
        self._active: set[tuple[int, str]] = set()

    def deviations(self, value: Any, node: Schema) -> list[Deviation]:
        """Return where the value departs; additive: at undocumented fields, too, that the document does not forbid."""
        try:
            return self._whole(value, node).found
        except RecursionError:
            return [Deviation(Problem.SCHEMA, "", "a body that can be read", "nested too deep to be judged")]

    def _whole(self, value: Any, node: Schema) -> _Result:
        """Return what a schema, and no other beside it, says of a value: now its unlisted members are known."""
        if isinstance(value, str) and MASK in value:
            return _Result()
        key = id(value), id(node)
        if key in self._known and isinstance(value, dict | list):
            return self._known[key]
        result = self._part(value, node)
        forbids = result.closed or (self._additive and bool(result.names) and not result.opened)
        if isinstance(value, dict) and forbids and not result.unfit:
            extra = [
                Deviation(Problem.FIELD, name, "no such field", shown(name, each))
                for name, each in value.items()
                if name not in result.names
            ]
            result = replace(result, found=result.found + extra)
        if isinstance(value, dict | list):
            self._known[key] = result
        return result

    def _part(self, value: Any, node: Schema) -> _Result:
        """Return what a schema says of a value that others may describe, too."""
        if node is False:
            return _Result([Deviation(Problem.FIELD, "", "no such field", shown("", value))])
        if not isinstance(node, dict):
            return _Result(opened=True)
        result = _Result()
        own = list(self._type_and_set(value, node))
        if any(each.problem in _UNFIT for each in own):
            return _Result(own, unfit=True)
        result.found += own
        result.found += self._limits(value, node)
        if isinstance(value, dict):
            self._object(value, node, result)
        elif isinstance(value, list):
            self._array(value, node, result)
        for each in self._in_place(value, node):
            result.add(each)
        return result

    def _in_place(self, value: Any, node: dict[str, Any]) -> Iterator[_Result]:
        if "$ref" in node:
            key = id(value), node["$ref"]
            if key not in self._active:  # else it refers to itself without an end
                self._active.add(key)
                yield self._part(value, self._definitions.target(node["$ref"]))
                self._active.discard(key)
        for each in node.get("allOf", ()):
            yield self._part(value, each)
        if "anyOf" in node:
            yield self._alternatives(value, node)
        if "if" in node:
            branch = node.get("then" if self._holds({"allOf": [node["if"]]}, node["if"], value) else "else", True)
            if branch is not True:
                yield self._part(value, branch)
        if isinstance(value, dict):
            for name, each in node.get("dependentSchemas", {}).items():
                if name in value:
                    yield self._part(value, each)

    def _type_and_set(self, value: Any, node: dict[str, Any]) -> Iterator[Deviation]:
        types = node.get("type")
        allowed = () if types is None else (types,) if isinstance(types, str) else types
        if allowed and not any(_is(value, each) for each in allowed):
            problem = Problem.NULL if value is None else Problem.TYPE
            yield Deviation(problem, "", " or ".join(sorted(allowed)), shown("", value))
            return
        options = node["enum"] if "enum" in node else [node["const"]] if "const" in node else None
        if options is not None and not any(_same(value, each) for each in options):
            problem = Problem.NULL if value is None else Problem.ENUM
            yield Deviation(problem, "", listed(options), shown("", value))

    def _limits(self, value: Any, node: dict[str, Any]) -> Iterator[Deviation]:
        for key in _LIMITS:
            if key in node and not _limit(key, orjson.dumps(node[key])).is_valid(value):
                yield Deviation(Problem.LIMIT, "", f"{key} {text(node[key])}", shown("", value))
        for keys in _RARE:
            if keys[0] in node:
                alone = {key: node[key] for key in keys if key in node}
                if not self._holds(alone, node[keys[0]], value):
                    yield Deviation(Problem.SCHEMA, "", keys[0], shown("", value))

    def _object(self, value: dict[str, Any], node: dict[str, Any], result: _Result) -> None:
        properties = node.get("properties", {})
        for name in required_of(self._definitions, node, request=self._request):
            if name not in value:
                result.found.append(self._missing(name, properties.get(name)))
        for name, names in node.get("dependentRequired", {}).items():
            if name in value:
                result.found += [self._missing(each, properties.get(each)) for each in names if each not in value]
        more = node.get("additionalProperties")
        patterns = node.get("patternProperties", {})
        for name, each in value.items():
            matching = [schema for pattern, schema in patterns.items() if _matches(pattern, name)] if patterns else ()
            if name in properties:
                result.found += _below(name, self._whole(each, properties[name]).found, name, each)
            for schema in matching:
                result.found += _below("{}", self._whole(each, schema).found, name, each)
                result.names.add(name)
            if isinstance(more, dict) and name not in properties and not matching:
                result.found += _below("{}", self._whole(each, more).found, name, each)
        result.names.update(properties)
        beyond = node.get("unevaluatedProperties")
        result.opened = more is True or isinstance(more, dict) or beyond is True or isinstance(beyond, dict)
        result.closed = more is False or beyond is False

    def _array(self, value: list[Any], node: dict[str, Any], result: _Result) -> None:
        first = node.get("prefixItems", ())
        items = node.get("items", True)
        for place, each in enumerate(value):
            schema = first[place] if place < len(first) else items
            if schema is not True:
                result.found += _below("[]", self._whole(each, schema).found, "", each)
        result.found = list({(each.problem, each.path): each for each in reversed(result.found)}.values())[::-1]

    def _alternatives(self, value: Any, node: dict[str, Any]) -> _Result:
        """Return what is wrong by the alternative that the value comes nearest to; any may list its members."""
        results = [self._part(value, each) for each in node["anyOf"]]
        lone = not node.get("properties")
        ranked = min(range(len(results)), key=lambda place: (*_distance(results[place], value), place))
        nearest = results[ranked]
        names = set[str]().union(*(each.names for each in results))
        if nearest.unfit and len(results) > 1:
            return _Result([self._of_none(value, node)], unfit=True)
        opened = nearest.opened or (lone and not nearest.names and not nearest.unfit)
        return _Result(list(nearest.found), nearest.unfit, names, opened, nearest.closed)

    def _of_none(self, value: Any, node: dict[str, Any]) -> Deviation:
        """Return what is wrong with a value that is of the type of no alternative."""
        here = view(self._definitions, {"anyOf": node["anyOf"]}, request=self._request)
        expected = " or ".join(sorted(here.types or ()))
        if value is None:
            return Deviation(Problem.NULL, "", expected, "null")
        return Deviation(Problem.TYPE, "", expected, shown("", value))

    def _missing(self, name: str, node: Schema | None) -> Deviation:
        types = view(self._definitions, node).types if isinstance(node, dict) else None
        return Deviation(Problem.MISSING, name, " or ".join(sorted(types or ())), "nothing")

    def _holds(self, schema: dict[str, Any], owner: Any, value: Any) -> bool:
        """Return whether a value is as a schema of its own has it. owner: what the compiled form is kept by."""
        if id(owner) not in self._validators:
            whole = bundle(self._definitions, schema, strict=False, request=self._request)
            compiled = jsonschema_rs.Draft202012Validator(whole, validate_formats=False, offline=True)
            self._validators[id(owner)] = owner, compiled
        return self._validators[id(owner)][1].is_valid(value)


def _below(step: str, found: Iterable[Deviation], name: str, value: Any) -> list[Deviation]:
    """Return what was found of a member or element as found of its holder; only now a secret is known by its name."""
    made = []
    for each in found:
        seen = shown(name, value) if name and not each.path.strip("[]") else each.seen
        made.append(Deviation(each.problem, joined(step, each.path), each.expected, seen))
    return made


def _distance(result: _Result, value: Any) -> tuple[bool, int, int, int]:
    """Return how far a value is from an alternative: of another type, saying itself it is another kind, how wrong."""
    kinds = sum(
        each.problem is Problem.ENUM and isinstance(value, dict) and each.path in value for each in result.found
    )
    severe = sum(not each.problem.is_additive for each in result.found)
    return result.unfit, kinds, severe, len(result.found)


def _is(value: Any, name: str) -> bool:
    if name in ("integer", "number"):
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return not isinstance(value, bool) and (whole if name == "integer" else isinstance(value, int | float))
    kinds: dict[str, Any] = {"string": str, "object": dict, "array": list, "boolean": bool, "null": type(None)}
    return isinstance(value, kinds[name])


def _same(value: Any, other: Any) -> bool:
    """Return whether two values are equal in JSON, where true is not 1."""
    if isinstance(value, bool) or isinstance(other, bool):
        return value is other
    return bool(value == other)


@lru_cache(maxsize=4096)
def _limit(key: str, limit: bytes) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({key: orjson.loads(limit)})


def _matches(pattern: str, name: str) -> bool:
    return _limit("pattern", orjson.dumps(pattern)).is_valid(name)
