"""Draws values that a JSON schema allows: seeded, small, and of every kind the schema has.

A value is made to fit and is then the validator's to judge: what conditions of a schema make impossible (`not`, `if`,
alternatives that overlap) is drawn again by whoever needs a valid one. Of what a schema says nothing nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from assay.contracts.pattern import draw_text
from assay.contracts.pointer import unescaped

_FORMATS = {
    "date-time": "2026-03-14T09:26:53Z",
    "date": "2026-03-14",
    "time": "09:26:53Z",
    "email": "a.person@shop.example",
    "uri": "https://shop.example/a",
    "url": "https://shop.example/a",
    "uuid": "3f2b8c1e-5d4a-4e6f-8a7b-9c0d1e2f3a4b",
    "ipv4": "192.0.2.7",
    "ipv6": "2001:db8::7",
    "hostname": "shop.example",
}
_WORDS = ("A1", "blue", "0042", "Zoë", "north-7", "x", "EUR", "Ordinary text, of some words")
_LEAST_LENGTH = 12
_SAYS_NOTHING = frozenset({"description", "title", "readOnly", "writeOnly", "deprecated", "default"})
_CONSTRAINS_OBJECTS = ("properties", "required", "additionalProperties", "patternProperties", "anyOf", "allOf", "$ref")


class Drawing:
    """Draws from one schema that stands alone, its definitions under `$defs` (as `JsonShape.schema`).

    deepest: below this depth only what is required is drawn, and below twice of it nothing that can be left out.
    """

    def __init__(self, schema: Mapping[str, Any], random: Random, *, deepest: int = 5) -> None:
        self._schema = schema
        self._random = random
        self._deepest = deepest

    def value(self, *, least: bool = False) -> Any:
        """Draw one value. least: with what is required and nothing else."""
        return self._value(self._schema, 2 * self._deepest - 2 if least else 0, least)

    def _value(self, schema: Any, depth: int, least: bool) -> Any:
        node = self._merged(schema, plain=depth >= self._deepest)
        if node is None or depth > 40:
            return None
        if "const" in node:
            return node["const"]
        if node.get("enum"):
            fitting = [each for each in node["enum"] if fits_type(each, node.get("type"))]
            return self._random.choice(fitting or node["enum"])
        kind = self._kind(node, depth)
        if kind == "object":
            return self._object(node, depth, least)
        if kind == "array":
            return self._array(node, depth, least)
        if kind == "string":
            return self._string(node)
        if kind in ("integer", "number"):
            return self._number(node, kind)
        return self._random.random() < 0.5 if kind == "boolean" else None

    def _kind(self, node: Mapping[str, Any], depth: int) -> str:
        types = node.get("type")
        if isinstance(types, str):
            return types
        if types:
            # Null now and then, so that both ways of a nullable field are seen.
            plain = [each for each in types if each != "null"]
            if "null" in types and (not plain or self._random.random() < 0.25 or depth > 2 * self._deepest):
                return "null"
            return str(self._random.choice(plain))
        if any(key in node for key in ("properties", "required", "additionalProperties", "patternProperties")):
            return "object"
        return "array" if "items" in node or "prefixItems" in node else "string"

    def _object(self, node: Mapping[str, Any], depth: int, least: bool) -> dict[str, Any]:
        properties = node.get("properties", {})
        required = [*node.get("required", ())]
        made: dict[str, Any] = {}
        for name, schema in properties.items():
            if name in required or self._wants(schema, depth, least):
                made[name] = self._value(schema, depth + 1, least)
        more = node.get("additionalProperties")
        for name in required:
            if name not in made:
                made[name] = self._value(more if isinstance(more, dict) else {}, depth + 1, least)
        for trigger, names in node.get("dependentRequired", {}).items():
            for name in names if trigger in made else ():
                if name not in made and name in properties:
                    made[name] = self._value(properties[name], depth + 1, least)
        short = max(node.get("minProperties", 0) - len(made), 0)
        if isinstance(more, dict) and says_something(more) and not least and depth < self._deepest:
            short = max(short, self._random.randrange(2))
        for number in range(short):
            absent = [name for name in properties if name not in made]
            if absent:
                made[absent[0]] = self._value(properties[absent[0]], depth + 1, least)
            elif more is not False:
                made[f"key_{number}"] = self._value(more if isinstance(more, dict) else {}, depth + 1, least)
        return made

    def _wants(self, schema: Any, depth: int, least: bool) -> bool:
        if least or schema is False or not says_something(self._merged(schema)):
            return False
        if depth >= self._deepest:
            return False
        return self._random.random() < (0.6, 0.5, 0.4, 0.3, 0.2)[min(depth, 4)]

    def _array(self, node: Mapping[str, Any], depth: int, least: bool) -> list[Any]:
        fewest, most = node.get("minItems", 0), node.get("maxItems", 3)
        count = fewest
        if not least and depth < self._deepest:
            count = min(max(self._random.choice((0, 1, 1, 2)), fewest), max(most, fewest))
        first = node.get("prefixItems", ())
        items = node.get("items", {})
        made = []
        for place in range(count):
            schema = first[place] if place < len(first) else items
            value = self._value(schema, depth + 1, least)
            if node.get("uniqueItems") and value in made:
                continue
            made.append(value)
        return made

    def _string(self, node: Mapping[str, Any]) -> str:
        shortest, longest = node.get("minLength", 0), node.get("maxLength")
        if "pattern" in node:
            text = draw_text(node["pattern"], self._random, least=shortest, most=longest)
            if text is not None:
                return text
        text = _FORMATS.get(node.get("format", "")) or self._random.choice(_WORDS)
        while len(text) < shortest:
            text += self._random.choice("abcdefgh0123456789")
        if longest is not None and len(text) > longest:
            text = "".join(self._random.choice("ABCDEFGH") for _ in range(max(shortest, min(longest, _LEAST_LENGTH))))
        return text

    def _number(self, node: Mapping[str, Any], kind: str) -> int | float:
        low = node.get("minimum", node.get("exclusiveMinimum", None))
        high = node.get("maximum", node.get("exclusiveMaximum", None))
        if low is None:
            low = 0 if high is None or high >= 0 else high - 1000
        if "exclusiveMinimum" in node and low <= node["exclusiveMinimum"]:
            low = node["exclusiveMinimum"] + 1
        high = low + 1000 if high is None else min(high, low + 100_000)
        if "exclusiveMaximum" in node and high >= node["exclusiveMaximum"]:
            high = node["exclusiveMaximum"] - 1
        step = node.get("multipleOf")
        if step and step >= 1:
            first = -(-int(low) // int(step))
            return int(step) * self._random.randint(first, max(first, int(high // step)))
        whole = self._random.randint(int(-(-low // 1)), max(int(high // 1), int(-(-low // 1))))
        return whole if kind == "integer" or step or whole + 0.5 > high else whole + 0.5

    def _merged(self, schema: Any, *, plain: bool = False) -> dict[str, Any] | None:
        """Return a schema with its references, `allOf` and one of its alternatives put together; None for `false`.

        plain: an alternative that is no object where there is one, so that what holds itself comes to an end.
        """
        if schema is False:
            return None
        if not isinstance(schema, dict):
            return {}
        parts = list(self._parts(schema, 0, plain))
        if any(each is None for each in parts):
            return None
        merged: dict[str, Any] = {}
        for part in parts:
            merged = _both(merged, part or {})
        return merged

    def _parts(self, schema: Any, depth: int, plain: bool) -> Iterator[dict[str, Any] | None]:
        if schema is False or depth > 30:
            yield None if schema is False else {}
            return
        if not isinstance(schema, dict):
            return
        yield {key: value for key, value in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf", "$defs")}
        if "$ref" in schema:
            yield from self._parts(self._target(schema["$ref"]), depth + 1, plain)
        for each in schema.get("allOf", ()):
            yield from self._parts(each, depth + 1, plain)
        for key in ("anyOf", "oneOf"):
            branches = [each for each in schema.get(key, ()) if each is not False]
            flat = [each for each in branches if plain and not self._is_object(each)]
            if branches:
                yield from self._parts(self._random.choice(flat or branches), depth + 1, plain)

    def _is_object(self, schema: Any) -> bool:
        node = self._target(schema["$ref"]) if isinstance(schema, dict) and "$ref" in schema else schema
        return not isinstance(node, dict) or not node.get("type") or "object" in node["type"] or "array" in node["type"]

    def _target(self, reference: str) -> Any:
        found: Any = self._schema
        for part in reference.removeprefix("#").split("/")[1:]:
            found = found[unescaped(part)]
        return found


def says_something(node: Any) -> bool:
    """Whether a merged schema constrains a value: an object of any members does not."""
    if not isinstance(node, dict):
        return False
    said = set(node) - _SAYS_NOTHING
    if node.get("type") == "object" or (isinstance(node.get("type"), list) and "object" in node["type"]):
        return any(node.get(key) for key in _CONSTRAINS_OBJECTS)
    return bool(said)


def fits_type(value: Any, types: Any) -> bool:
    """Whether a value is of one of JSON Schema's types; of any where none is said."""
    if types is None:
        return True
    for each in (types,) if isinstance(types, str) else types:
        if each == "null" and value is None:
            return True
        if each == "boolean" and isinstance(value, bool):
            return True
        if each == "integer" and isinstance(value, int) and not isinstance(value, bool):
            return True
        if each == "number" and isinstance(value, int | float) and not isinstance(value, bool):
            return True
        kinds: Mapping[str, type] = {"string": str, "array": list, "object": dict}
        if each in kinds and isinstance(value, kinds[each]):
            return True
    return False


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return what two schemas of one value ask together, as far as a drawing needs it."""
    made = {**one, **other}
    for name in {"properties", "dependentRequired", "patternProperties"} & one.keys() & other.keys():
        made[name] = {key: _of_both(one[name].get(key), other[name].get(key)) for key in {**one[name], **other[name]}}
    if "required" in one and "required" in other:
        made["required"] = list(dict.fromkeys([*one["required"], *other["required"]]))
    if "type" in one and "type" in other:
        made["type"] = _common(one["type"], other["type"])
    if "enum" in one and "enum" in other:
        made["enum"] = [each for each in one["enum"] if each in other["enum"]]
    for name in ("minimum", "exclusiveMinimum", "minLength", "minItems"):
        if name in one and name in other:
            made[name] = max(one[name], other[name])
    for name in ("maximum", "exclusiveMaximum", "maxLength", "maxItems"):
        if name in one and name in other:
            made[name] = min(one[name], other[name])
    return made


def _of_both(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    if isinstance(one, list):
        return [*one, *other]
    return {"allOf": [one, other]}


def _common(one: str | Sequence[str], other: str | Sequence[str]) -> list[str]:
    mine = {one} if isinstance(one, str) else set(one)
    theirs = {other} if isinstance(other, str) else set(other)
    common = mine & theirs
    if ("number" in mine and "integer" in theirs) or ("integer" in mine and "number" in theirs):
        common.add("integer")
    return sorted(common) or sorted(theirs)
