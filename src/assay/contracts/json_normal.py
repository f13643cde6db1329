"""Reads JSON schemas of every dialect into one: JSON Schema 2020-12, as vendors mean it rather than as they wrote it.

What is rewritten once: `nullable` (with or without `type`, beside `$ref` or `anyOf`), drafts 4 to 7, other languages'
words for types, `oneOf` (read as `anyOf`: vendors list alternatives that overlap), and keywords whose value cannot be
one, each of which becomes a fault. What says nothing about a message is left out: descriptions, examples,
discriminators, XML names. The result always compiles.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urldefrag, urljoin

import jsonschema_rs

from assay.contracts.model import Fault
from assay.contracts.neighbour import is_same_file, load
from assay.contracts.pointer import escaped, names_of

Schema = dict[str, Any] | bool
Fetch = Callable[[str], bytes]

_TYPES = {
    "null", "boolean", "object", "array", "number", "string", "integer",
}  # fmt: skip
_MEANT = {
    "bool": "boolean", "int": "integer", "int32": "integer", "int64": "integer", "long": "integer", "short": "integer",
    "float": "number", "double": "number", "decimal": "number", "str": "string", "text": "string", "date": "string",
    "datetime": "string", "date-time": "string", "uuid": "string", "map": "object", "dict": "object", "list": "array",
    "none": "null",
}  # fmt: skip
_ANYTHING = {"any", "file"}  # a file in a form is text or bytes, whatever it holds
_COUNTS = (
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains",
)  # fmt: skip
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_NODES = (
    "not", "if", "then", "else", "contains", "propertyNames", "additionalProperties", "unevaluatedProperties",
    "unevaluatedItems",
)  # fmt: skip
_NODES_BY_NAME = ("properties", "patternProperties", "dependentSchemas")
_NODE_LISTS = ("allOf", "anyOf", "prefixItems")
_FLAGS = ("uniqueItems", "readOnly", "writeOnly", "deprecated")


class Definitions:
    """The schemas that others refer to: of one document, and of those it refers to.

    source: the whole document. address: its file or address, which relative references are read against. fetch:
    returns what another address holds and raises OSError or ValueError where it cannot; without it such a reference is
    a fault and stands for anything.
    """

    def __init__(self, source: Mapping[str, Any], *, address: str = "", fetch: Fetch | None = None) -> None:
        self._documents: dict[str, Any] = {"": source}
        self._address = address
        self._fetch = fetch
        self._faults: dict[tuple[str, str], Fault] = {}
        self._targets: dict[str, Schema] = {}
        self._loops: dict[tuple[str, str], bool] = {}
        self.views: dict[tuple[str, bool], Any] = {}  # kept by `assay.contracts.json_view`, as is
        self.together: dict[tuple[int | bool, ...], Any] = {}
        version = str(source.get("openapi") or source.get("swagger") or "")
        draft = str(source.get("$schema", ""))
        self._alone = version.startswith(("2", "3.0")) or any(f"draft-0{each}" in draft for each in "34567")

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What was wrong in the schemas read so far, each place once."""
        return tuple(self._faults.values())

    def fault(self, where: str, problem: str) -> None:
        """Note something wrong with the document."""
        self._faults.setdefault((where, problem), Fault(where or "#", problem))

    def resolve(self, reference: str, base: str = "") -> tuple[Any, str]:
        """Return what a reference means and its full name; KeyError says why where it means nothing."""
        address, pointer = urldefrag(reference)
        address = self._joined(base, address)
        if address not in self._documents:
            self._documents[address] = self._load(address)
        found = self._documents[address]
        if isinstance(found, Exception):
            raise KeyError(f"{address} cannot be read: {found}")
        name = f"{address}#{pointer}"
        if pointer and not pointer.startswith("/"):
            return self._by_id(pointer, found), name
        for part in names_of(pointer):
            if isinstance(found, Mapping) and part in found:
                found = found[part]
            elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
                found = found[int(part)]
            else:
                raise KeyError(f"{reference} refers to nothing: there is no {part!r}")
        return found, name

    def target(self, name: str) -> Schema:
        """Return the normalised schema of a full name that `normal` left in a `$ref`."""
        if name not in self._targets:
            self._targets[name] = True  # should it refer to itself while it is read
            address = name.partition("#")[0]
            found, _ = self.resolve(name)
            self._targets[name] = self.normal(found, name, base=address)
        return self._targets[name]

    def normal(self, raw: Any, where: str = "", *, base: str = "") -> Schema:
        """Return a schema of the document as JSON Schema 2020-12; its references are full names."""
        if isinstance(raw, bool):
            return raw
        if not isinstance(raw, Mapping):
            if raw is not None:
                self.fault(where, f"a schema is an object, this is {type(raw).__name__}")
            return True
        nullable = any(raw.get(each) is True for each in ("nullable", "x-nullable"))
        made: dict[str, Any]
        if isinstance(raw.get("$ref"), str):
            made = self._reference(raw, where, base)
            if not self._alone and len(raw) > 1:
                made |= self._keywords(raw, where, base)
        else:
            made = self._keywords(raw, where, base)
        return _or_null(made) if nullable else made

    def reach(self, node: Schema) -> set[str]:
        """Return the full names of everything a normalised schema leads to."""
        found, todo = set[str](), [node]
        while todo:
            each = todo.pop()
            if isinstance(each, dict):
                name = each.get("$ref")
                if isinstance(name, str) and name not in found:
                    found.add(name)
                    todo.append(self.target(name))
                todo.extend(_below(each))
        return found

    def in_place(self, name: str) -> frozenset[str]:
        """Return the names a definition applies to the very value it is applied to itself."""
        return frozenset(_in_place(self.target(name)))

    def loops(self, start: str, name: str) -> bool:
        """Return whether `start`, which applies `name` in place, is thereby applied to the same value for ever."""
        if (start, name) not in self._loops:
            seen, todo = set[str](), [name]
            while todo:
                each = todo.pop()
                if each not in seen:
                    seen.add(each)
                    todo.extend(self.in_place(each))
            self._loops[start, name] = start in seen
            if start in seen:
                self.fault(start, "refers to itself without an end: read as anything there")
        return self._loops[start, name]

    def _joined(self, base: str, address: str) -> str:
        """Return the key of another document; the one everything started from is ''."""
        if not address:
            return base
        joined = urljoin(base or self._address, address)
        return "" if self._address and (joined == self._address or is_same_file(joined, self._address)) else joined

    def _load(self, address: str) -> Any:
        try:
            return load(address, self._fetch)
        except (OSError, ValueError) as trouble:
            return trouble

    def _by_id(self, name: str, document: Any) -> Any:
        """Return the schema that calls itself so: by `$anchor`, `$id`, `id`, or as Google's discovery names them."""
        schemas = document.get("schemas") if isinstance(document, Mapping) else None
        if isinstance(schemas, Mapping) and name in schemas:
            return schemas[name]
        todo = [document]
        while todo:
            each = todo.pop()
            if isinstance(each, Mapping):
                if name in (each.get("$anchor"), str(each.get("$id")).lstrip("#"), str(each.get("id")).lstrip("#")):
                    return each
                todo.extend(each.values())
            elif isinstance(each, list):
                todo.extend(each)
        raise KeyError(f"#{name} refers to nothing: no schema is called so")

    def _reference(self, raw: Mapping[str, Any], where: str, base: str) -> dict[str, Any]:
        reference = raw["$ref"]
        try:
            found, name = self.resolve(reference, base)
        except KeyError as trouble:
            self.fault(where, str(trouble.args[0]))
            return {}
        if not isinstance(found, Mapping | bool):
            self.fault(where, f"{reference} refers to something that is no schema")
            return {}
        return {"$ref": name}

    def _keywords(self, raw: Mapping[str, Any], where: str, base: str) -> dict[str, Any]:
        made: dict[str, Any] = {}
        self._put_types(made, raw, where)
        self._put_values(made, raw)
        self._put_limits(made, raw, where)
        self._put_items(made, raw, where, base)
        for key in _NODES:
            if isinstance(raw.get(key), Mapping | bool):
                made[key] = self.normal(raw[key], f"{where}/{key}", base=base)
        for key in _NODES_BY_NAME:
            if isinstance(raw.get(key), Mapping):
                made[key] = {
                    str(name): self.normal(each, f"{where}/{key}/{escaped(name)}", base=base)
                    for name, each in raw[key].items()
                    if key != "patternProperties" or self._pattern(name, where)
                }
            elif key in raw:
                self.fault(where, f"{key} must be an object of schemas")
        self._put_lists(made, raw, where, base)
        self._put_required(made, raw, where, base)
        for key in _FLAGS:
            if raw.get(key) is True:
                made[key] = True
        if "default" in raw:
            made["default"] = raw["default"]
        return made

    def _put_lists(self, made: dict[str, Any], raw: Mapping[str, Any], where: str, base: str) -> None:
        for key in (*_NODE_LISTS, "oneOf"):
            if isinstance(raw.get(key), list) and raw[key]:
                branches = [
                    self.normal(each, f"{where}/{key}/{place}", base=base) for place, each in enumerate(raw[key])
                ]
                meant = "anyOf" if key == "oneOf" else key
                if meant in made:
                    made.setdefault("allOf", []).append({meant: branches})
                else:
                    made[meant] = branches
            elif key in raw and raw[key] is not None:
                self.fault(where, f"{key} must be a list of schemas with at least one in it")

    def _put_types(self, made: dict[str, Any], raw: Mapping[str, Any], where: str) -> None:
        written = raw.get("type")
        if written is None:
            return
        names = []
        for each in written if isinstance(written, list) else [written]:
            name = each.lower() if isinstance(each, str) else "null" if each is None else str(each)
            if name in _ANYTHING:
                return
            if name not in _TYPES or name != each:
                self.fault(where, f"type {each!r} is none of JSON's")
                if name not in _TYPES and name not in _MEANT:
                    return
            names.append(_MEANT.get(name, name))
        if names:
            made["type"] = names[0] if len(names) == 1 else sorted(set(names))

    @staticmethod
    def _put_values(made: dict[str, Any], raw: Mapping[str, Any]) -> None:
        """Take over enum and const; a value that is not of the type stands for its text, as YAML mistook it."""
        if isinstance(raw.get("enum"), list) and raw["enum"]:
            values = list(raw["enum"])
            if made.get("type") == "string":
                values += [str(each).lower() if isinstance(each, bool) else str(each) for each in values
                           if isinstance(each, int | float)]  # fmt: skip
            elif made.get("type") in ("integer", "number"):
                values += [int(each) for each in values if isinstance(each, str) and re.fullmatch(r"-?\d{1,15}", each)]
            made["enum"] = values
        if "const" in raw:
            made["const"] = raw["const"]

    def _put_limits(self, made: dict[str, Any], raw: Mapping[str, Any], where: str) -> None:
        for key in _COUNTS:
            if key in raw:
                count = _number(raw[key])
                if count is None or count < 0 or count != int(count):
                    self.fault(where, f"{key} must be a whole number, this is {raw[key]!r}")
                else:
                    made[key] = min(int(count), 2**62)
        for key in _NUMBERS:
            if key not in raw or isinstance(raw[key], bool):
                continue
            number = _number(raw[key])
            if number is None or (key == "multipleOf" and number <= 0):
                self.fault(where, f"{key} must be a number, this is {raw[key]!r}")
                continue
            other = f"exclusive{key.capitalize()}"
            made[other if raw.get(other) is True else key] = number
        pattern = raw.get("pattern")
        if isinstance(pattern, str):
            meant = pattern[1:-1] if len(pattern) > 2 and pattern[0] == pattern[-1] == "/" else pattern
            if meant != pattern:
                self.fault(where, f"pattern {pattern!r} stands between slashes")
            if self._pattern(meant, where):
                made["pattern"] = meant
        if isinstance(raw.get("format"), str):
            made["format"] = raw["format"]

    def _pattern(self, pattern: Any, where: str) -> bool:
        if isinstance(pattern, str) and _is_pattern(pattern):
            return True
        self.fault(where, f"pattern {pattern!r} is no regular expression of JSON Schema")
        return False

    def _put_items(self, made: dict[str, Any], raw: Mapping[str, Any], where: str, base: str) -> None:
        items = raw.get("items")
        if isinstance(items, list):  # up to draft 7: by position
            if items:
                made["prefixItems"] = [
                    self.normal(each, f"{where}/items/{place}", base=base) for place, each in enumerate(items)
                ]
            items = raw.get("additionalItems")
        if isinstance(items, Mapping | bool):
            made["items"] = self.normal(items, f"{where}/items", base=base)

    def _put_required(self, made: dict[str, Any], raw: Mapping[str, Any], where: str, base: str) -> None:
        required = raw.get("required")
        if isinstance(required, list):
            names = list(dict.fromkeys(each for each in required if isinstance(each, str)))
            if names:
                made["required"] = names
            if len(names) != len(required):
                self.fault(where, "required must be a list of different names")
        elif required is not None and not isinstance(required, bool):
            self.fault(where, "required must be a list of names")
        if isinstance(raw.get("dependentRequired"), Mapping):
            made["dependentRequired"] = {
                str(name): [each for each in names if isinstance(each, str)]
                for name, names in raw["dependentRequired"].items()
                if isinstance(names, list)
            }
        if isinstance(raw.get("dependencies"), Mapping):  # up to draft 7
            for name, each in raw["dependencies"].items():
                if isinstance(each, list):
                    made.setdefault("dependentRequired", {})[str(name)] = [str(one) for one in each]
                else:
                    made.setdefault("dependentSchemas", {})[str(name)] = self.normal(each, where, base=base)


def _or_null(made: dict[str, Any]) -> dict[str, Any]:
    """Let a schema allow null, too, whatever it is made of."""
    if None not in made.get("enum", [None]):
        made = made | {"enum": [*made["enum"], None]}
    if any(key in made for key in ("$ref", "allOf", "not", "const")):
        marks = {key: made.pop(key) for key in _FLAGS if key in made}
        return {"anyOf": [made, {"type": "null"}], **marks}
    if "anyOf" in made:
        made = made | {"anyOf": [*made["anyOf"], {"type": "null"}]}
    if "type" in made:
        types = [made["type"]] if isinstance(made["type"], str) else made["type"]
        made = made | {"type": sorted({*types, "null"})}
    return made


def _below(node: dict[str, Any]) -> Iterator[Schema]:
    """Yield the schemas directly within a normalised one."""
    for key in (*_NODES, "items"):
        if key in node:
            yield node[key]
    for key in _NODES_BY_NAME:
        yield from node.get(key, {}).values()
    for key in _NODE_LISTS:
        yield from node.get(key, ())


def _in_place(node: Any) -> set[str]:
    found, todo = set[str](), [node]
    while todo:
        each = todo.pop()
        if not isinstance(each, dict):
            continue
        if "$ref" in each:
            found.add(each["$ref"])
        for key in ("allOf", "anyOf"):
            todo.extend(each.get(key, ()))
        todo.extend(each.get(key) for key in ("not", "if", "then", "else"))
        todo.extend(each.get("dependentSchemas", {}).values())
    return found


def _number(value: Any) -> int | float | None:
    if isinstance(value, str):
        try:
            value = float(value) if re.search(r"[.eE]", value) else int(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


@lru_cache(maxsize=4096)
def _is_pattern(pattern: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (ValueError, jsonschema_rs.ValidationError):
        return False
    return True
