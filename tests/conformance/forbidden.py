"""Finds where a vendor's document forbids something of one answer, and does it: one mutation at a place.

Reads the document as it stands, by rules of its own: it shares no line with what it is to catch out. Where alternatives
of the document disagree, or it says nothing, a place counts as open and is left alone.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

KINDS = ("new field", "required gone", "wrong type", "outside the set", "null")
_OTHERS: tuple[tuple[str, Any], ...] = (
    ("object", {"zz": 1}), ("string", "zz"), ("integer", 1234), ("boolean", True), ("array", ["zz"]), ("number", 1.5),
)  # fmt: skip
_NEW = "zz_not_documented"
_OUTSIDE = "zz_outside"
Node = Mapping[str, Any]


@dataclass(frozen=True)
class Mutation:
    """One thing the document forbids: what, where (as the engine names places), and the answer with it done."""

    kind: str
    path: str
    body: Any


@dataclass
class Forbidden:
    """The places of answers that a document decides, and those it leaves open, by kind."""

    document: Mapping[str, Any]
    decided: Counter[str] = field(default_factory=Counter)
    left_open: Counter[str] = field(default_factory=Counter)

    def mutations(self, schema: Any, body: Any, random: Random) -> Iterator[Mutation]:
        """Yield one mutation of each kind that the document forbids somewhere in this answer."""
        places: dict[str, list[tuple[str, tuple[str | int, ...], Any]]] = {kind: [] for kind in KINDS}
        for kind, path, keys, value in self._places([schema], body, "", ()):
            places[kind].append((path, keys, value))
        for kind, found in places.items():
            if found:
                path, keys, value = random.choice(found)
                yield Mutation(kind, path, _done(kind, body, keys, value))

    def _places(
        self, schemas: list[Any], value: Any, path: str, keys: tuple[str | int, ...]
    ) -> Iterator[tuple[str, str, tuple[str | int, ...], Any]]:
        nodes = [each for schema in schemas for each in self._together(schema)]
        types = self._types(nodes)
        other = next((each for name, each in _OTHERS if types and not _fits(name, types)), None)
        yield from self._place("wrong type", other is not None, path, keys, other)
        yield from self._place(
            "null", bool(types) and "null" not in types and not _may_be_null(nodes), path, keys, None
        )
        texts = [
            each for each in nodes if each.get("enum") and all(isinstance(one, str | None) for one in each["enum"])
        ]
        yield from self._place("outside the set", bool(texts) and isinstance(value, str), path, keys, _OUTSIDE)
        nodes, alone = self._chosen(nodes, value)
        if isinstance(value, dict):
            yield from self._in_object(nodes, alone, value, path, keys)
        elif isinstance(value, list):
            items = [each["items"] for each in nodes if isinstance(each.get("items"), dict)]
            if items:
                for place, each in enumerate(value):
                    yield from self._places(items, each, f"{path}[]", (*keys, place))

    def _in_object(
        self, nodes: list[Node], alone: bool, value: dict[str, Any], path: str, keys: tuple[str | int, ...]
    ) -> Iterator[tuple[str, str, tuple[str | int, ...], Any]]:
        lists = any(each.get("properties") for each in nodes)
        opened = any(each.get("additionalProperties", False) is not False for each in nodes)
        opened = opened or any("patternProperties" in each for each in nodes)
        where = f"{path}.{_NEW}" if path else _NEW
        yield from self._place("new field", lists and not opened and alone, where, (*keys, _NEW), 1)
        required = {name for each in nodes for name in each.get("required", ()) if isinstance(each["required"], list)}
        for name, each in value.items():
            said = [node["properties"][name] for node in nodes if name in node.get("properties", {})]
            below = f"{path}.{name}" if path else name
            one_way = any(
                isinstance(node, dict) and node.get("writeOnly") for one in said for node in self._together(one)
            )
            yield from self._place("required gone", name in required and not one_way, below, (*keys, name), None)
            if said and alone:
                yield from self._places(said, each, below, (*keys, name))
            elif not said:
                more = [node["additionalProperties"] for node in nodes if node.get("additionalProperties")]
                if len(more) == 1 and isinstance(more[0], dict):
                    yield from self._places(more, each, f"{path}.{{}}" if path else "{}", (*keys, name))

    def _place(
        self, kind: str, forbidden: bool, path: str, keys: tuple[str | int, ...], value: Any
    ) -> Iterator[tuple[str, str, tuple[str | int, ...], Any]]:
        if forbidden:
            self.decided[kind] += 1
            yield kind, path, keys, value
        else:
            self.left_open[kind] += 1

    def _together(self, schema: Any) -> list[Node]:
        """Return the schemas that all hold of one value: references followed, `allOf` and lone alternatives opened."""
        if not isinstance(schema, dict):
            return []
        if isinstance(schema.get("$ref"), str):
            beside = [{"nullable": True}] if schema.get("nullable") else []
            return [*beside, *self._together(self._target(schema["$ref"]))]
        found: list[Node] = [schema]
        for each in schema.get("allOf", ()):
            found += self._together(each)
        for key in ("anyOf", "oneOf"):
            if len(schema.get(key, ())) == 1:
                found += self._together(schema[key][0])
        return found

    def _alternatives(self, node: Node) -> list[list[Node]]:
        return [self._together(each) for key in ("anyOf", "oneOf") if len(node.get(key, ())) > 1 for each in node[key]]

    def _types(self, nodes: list[Node]) -> set[str]:
        """Return the types allowed; none where that cannot be said."""
        allowed: set[str] | None = None
        for each in nodes:
            own = each.get("type")
            these = set(own) if isinstance(own, list) else {own} if isinstance(own, str) else None
            if these is None:
                branches = [self._types(branch) for branch in self._alternatives(each)]
                these = set().union(*branches) if branches and all(branches) else None
            if these is not None:
                allowed = these if allowed is None else allowed & these
        return allowed or set()

    def _chosen(self, nodes: list[Node], value: Any) -> tuple[list[Node], bool]:
        """Return the schemas with the one alternative that a value can be, and whether nothing else was possible."""
        chosen, alone = list(nodes), True
        for each in nodes:
            branches = self._alternatives(each)
            fitting = [one for one in branches if not self._types(one) or _fits(_type(value), self._types(one))]
            if len(fitting) == 1:
                deeper, sure = self._chosen(fitting[0], value)
                chosen += deeper
                alone = alone and sure
            elif branches:
                alone = False
            alone = alone and not any(key in each for key in ("not", "if", "dependentSchemas"))
        return chosen, alone

    def _target(self, reference: str) -> Any:
        found: Any = self.document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return found


def _done(kind: str, body: Any, keys: tuple[str | int, ...], value: Any) -> Any:
    if not keys:
        return value
    changed = copy.deepcopy(body)
    here = changed
    for key in keys[:-1]:
        here = here[key]
    if kind == "required gone":
        del here[keys[-1]]
    else:
        here[keys[-1]] = value
    return changed


def _may_be_null(nodes: list[Node]) -> bool:
    if any(each.get("nullable") is True or each.get("x-nullable") is True for each in nodes):
        return True
    return any(
        isinstance(branch, dict) and ("$ref" in branch or branch.get("nullable") or branch.get("type") == "null")
        for each in nodes
        for key in ("anyOf", "oneOf")
        for branch in each.get(key, ())
    ) or any(None in each.get("enum", ()) for each in nodes)


def _type(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    kinds: tuple[tuple[Any, str], ...] = ((str, "string"), (int, "integer"), (float, "number"), (list, "array"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "object")


def _fits(name: str, types: set[str]) -> bool:
    return name in types or (name == "integer" and "number" in types)
