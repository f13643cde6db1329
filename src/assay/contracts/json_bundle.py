"""Makes one schema of its own out of a schema and all it refers to, as it stands or as its strict twin.

The strict twin forbids what no validator of the document sees: members that the document does not list. It closes
every object that lists properties and says nothing of others (`additionalProperties: false`); where several schemas
describe one object, only what none of them lists is forbidden (`unevaluatedProperties: false`). Inside `not`, `if` and
`contains` nothing is closed: stricter there would mean laxer elsewhere.

It is asked of every body, so that it is made quick: limits of LONG_TEXT characters and more are left to the plain
schema, which is asked beside it where a body may hold so long a text. Numbers are bound to what a double holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from assay.contracts.json_normal import Definitions, Schema

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_COMPOSED = ("allOf", "anyOf", "then", "else", "dependentSchemas")
_BESIDE = {"$ref", "readOnly", "writeOnly", "deprecated", "default"}
_SAYS_ENOUGH = ("additionalProperties", "unevaluatedProperties")


LONG_TEXT = 4096
_EXACT = 2**53
_LONG = 2**63 - 1


class _Mode(StrEnum):
    """How strict a schema is made: not at all; closed; closed but for its own object, which another one closes."""

    PLAIN = "plain"
    CLOSED = "closed"
    OPEN = "open"


def bundle(definitions: Definitions, schema: Schema, *, strict: bool, request: bool) -> dict[str, Any]:
    """Return the schema with everything it refers to under `$defs`, ready to be compiled.

    request: what only an answer must have (`readOnly`) is not required then, and the other way round (`writeOnly`).
    """
    return _Bundler(definitions, request).whole(schema, _Mode.CLOSED if strict else _Mode.PLAIN)


class _Bundler:
    def __init__(self, definitions: Definitions, request: bool) -> None:
        self._definitions = definitions
        self._request = request
        self._names: dict[tuple[str, _Mode], str] = {}
        self._taken: set[str] = set()
        self._todo: list[tuple[str, _Mode]] = []

    def whole(self, schema: Schema, mode: _Mode) -> dict[str, Any]:
        made = self._node(schema, mode, "")
        root = made if isinstance(made, dict) else {} if made else {"not": {}}
        defined = {}
        while self._todo:
            key = self._todo.pop()
            name, its_mode = key
            defined[self._names[key]] = self._node(self._definitions.target(name), its_mode, name)
        return {"$schema": _DIALECT, **root} | ({"$defs": defined} if defined else {})

    def _name(self, name: str, mode: _Mode) -> str:
        key = name, mode
        if key not in self._names:
            short = re.sub(r"[^A-Za-z0-9_.-]", "_", re.split(r"[/#]", name)[-1]) or "root"
            short += f"+{mode}" if mode is _Mode.OPEN else ""
            while short in self._taken:
                short += "_"
            self._taken.add(short)
            self._names[key] = short
            self._todo.append(key)
        return self._names[key]

    def _node(self, node: Schema, mode: _Mode, inside: str) -> Schema:
        """Return a node in the mode asked; inside: the definition that applies it to its own value, '' where none."""
        if not isinstance(node, dict):
            return node
        closes = mode is _Mode.CLOSED and not any(key in node for key in _SAYS_ENOUGH)
        composed = self._is_composed(node)
        inner = _Mode.OPEN if composed and mode is _Mode.CLOSED else mode
        below = _Mode.PLAIN if mode is _Mode.PLAIN else _Mode.CLOSED
        made = {key: self._value(key, value, inner, below, inside) for key, value in node.items()}
        if made.get("$ref") is True:  # a reference that would never end
            del made["$ref"]
        if "required" in made:
            made["required"] = required_of(self._definitions, node, request=self._request)
        if closes and composed and lists(self._definitions, node):
            if "anyOf" in made and not node.get("properties"):
                made["anyOf"] = [
                    self._opened(each, raw) for each, raw in zip(made["anyOf"], node["anyOf"], strict=True)
                ]
            made["unevaluatedProperties"] = False
        elif closes and node.get("properties"):
            made["additionalProperties"] = False
        if mode is not _Mode.PLAIN:
            _quicken(made)
        return made

    @staticmethod
    def _is_composed(node: dict[str, Any]) -> bool:
        """Return whether several schemas describe one object together.

        Alternatives and nothing beside them do not: each is closed by itself, which costs a fifth of
        `unevaluatedProperties`. What one alternative lists and another does not is let pass when findings are made.
        """
        if "$ref" in node:
            return not node.keys() <= _BESIDE
        parts = [key for key in _COMPOSED if key in node]
        return bool(parts) and (parts != ["anyOf"] or bool(node.get("properties")))

    def _value(self, key: str, value: Any, inner: _Mode, below: _Mode, inside: str) -> Any:
        """Return what a keyword holds, its schemas in the mode that holds where they stand."""
        if key == "$ref":
            return True if inside and self._definitions.loops(inside, value) else f"#/$defs/{self._name(value, inner)}"
        place: Callable[[Schema], Schema] = lambda each: self._node(each, inner, inside)  # noqa: E731
        if key in ("not", "if"):
            return self._node(value, _Mode.PLAIN, inside)
        if key in ("allOf", "anyOf"):
            return [place(each) for each in value]
        if key in ("then", "else"):
            return place(value)
        if key == "dependentSchemas":
            return {name: place(each) for name, each in value.items()}
        if key == "prefixItems":
            return [self._node(each, below, "") for each in value]
        if key in ("properties", "patternProperties"):
            return {name: self._node(each, below, "") for name, each in value.items()}
        if key in ("items", "additionalProperties", "unevaluatedProperties", "unevaluatedItems"):
            return self._node(value, below, "")
        if key in ("contains", "propertyNames"):
            return self._node(value, _Mode.PLAIN, "")
        return value

    def _opened(self, made: Schema, raw: Schema) -> Schema:
        """Let an alternative that lists nothing hold anything: it is an object of any kind, or none at all."""
        if made is False or lists(self._definitions, raw):
            return made
        return {"additionalProperties": True} | (made if isinstance(made, dict) else {})


def _quicken(made: dict[str, Any]) -> None:
    """Make a twin's schema quicker to ask, and let it complain of whole numbers whose digits a double cannot hold."""
    types = made.get("type")
    if types in ("integer", "number") or (isinstance(types, list) and {"integer", "number"} & set(types)):
        made.setdefault("maximum", _LONG if made.get("format") in ("int64", "uint64") else _EXACT)
    if made.get("maxLength", 0) >= LONG_TEXT:
        del made["maxLength"]
    if len(made.get("enum", ())) == 1:
        made["const"] = made.pop("enum")[0]
    if "anyOf" in made:
        made["anyOf"] = sorted(made["anyOf"], key=_cost)


def _cost(branch: Schema) -> int:
    """Return how long an alternative takes to be ruled out: null and text less than an object."""
    types = branch.get("type") if isinstance(branch, dict) else None
    return 0 if types == "null" else 1 if types in ("string", "integer", "number", "boolean") else 2


def required_of(definitions: Definitions, node: dict[str, Any], *, request: bool) -> list[str]:
    """Return the members a schema requires of a request or of an answer: not those that only go the other way."""
    mark = "readOnly" if request else "writeOnly"
    properties = node.get("properties", {})
    return [each for each in node.get("required", ()) if not _is_marked(definitions, properties.get(each), mark)]


def _is_marked(definitions: Definitions, node: Any, mark: str) -> bool:
    """Return whether a property goes only one way, by its own word or by that of what it refers to."""
    if not isinstance(node, dict):
        return False
    if node.get(mark):
        return True
    target = definitions.target(node["$ref"]) if "$ref" in node else None
    return isinstance(target, dict) and bool(target.get(mark))


def lists(definitions: Definitions, node: Schema, _seen: frozenset[str] = frozenset()) -> bool:
    """Return whether a schema, or one that it applies to the same value, lists properties."""
    if not isinstance(node, dict):
        return False
    if node.get("properties"):
        return True
    parts = [*node.get("allOf", ()), *node.get("anyOf", ()), node.get("then"), node.get("else")]
    parts += node.get("dependentSchemas", {}).values()
    reference = node.get("$ref")
    if (
        reference is not None
        and reference not in _seen
        and lists(definitions, definitions.target(reference), _seen | {reference})
    ):
        return True
    return any(lists(definitions, each, _seen) for each in parts)
