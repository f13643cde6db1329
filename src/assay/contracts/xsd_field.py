"""What XML Schemas say of each path of a message, worked out when asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from assay.contracts import xml_safe
from assay.contracts.model import Field
from assay.contracts.xml_safe import Element

_XS = "{http://www.w3.org/2001/XMLSchema}"
_MOST_PATHS = 5_000
_TYPES = {
    "boolean": "boolean", "decimal": "number", "float": "number", "double": "number", "integer": "integer",
    "int": "integer", "long": "integer", "short": "integer", "byte": "integer", "nonNegativeInteger": "integer",
    "positiveInteger": "integer", "unsignedInt": "integer", "unsignedLong": "integer", "unsignedShort": "integer",
    "unsignedByte": "integer", "negativeInteger": "integer", "nonPositiveInteger": "integer",
}  # fmt: skip
_GROUPS = {"sequence", "all", "choice"}


class _Place(NamedTuple):
    path: str
    declared: Element
    schema: Element
    required: bool
    above: frozenset[str]


class XsdFields(Mapping[str, Field]):
    """What schemas say of each path below one element, breadth first, down to where a type repeats itself."""

    def __init__(self, schemas: Sequence[Element], space: str, name: str) -> None:
        self._named: dict[tuple[str, str, str], tuple[Element, Element]] = {}
        for schema in schemas:
            target = schema.get("targetNamespace", "")
            for each in schema:
                if each.get("name"):
                    kind = xml_safe.local(each).replace("complexType", "type").replace("simpleType", "type")
                    self._named.setdefault((kind, target, each.get("name", "")), (each, schema))
        self._start = self._named.get(("element", space, name))

    def __getitem__(self, path: str) -> Field:
        return self._known[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    @cached_property
    def _known(self) -> Mapping[str, Field]:
        found: dict[str, Field] = {}
        if self._start is None:
            return found
        todo = deque([_Place("", *self._start, True, frozenset())])
        while todo and len(found) < _MOST_PATHS:
            place = todo.popleft()
            if place.path in found:
                continue
            kind, schema = self._type(place.declared, place.schema)
            found[place.path] = self._field(place, kind, schema)
            name = kind.get("name", "") if kind is not None else ""
            if kind is None or (name and name in place.above):
                continue
            above = place.above | {name}
            for each, where, required in self._children(kind, schema, True, frozenset()):
                if xml_safe.local(each) == "attribute":
                    attribute = f"{place.path}@{each.get('name') or _local(each.get('ref', ''))}"
                    inner, at = self._type(each, where)
                    needed = each.get("use") == "required"
                    found[attribute] = self._field(_Place(attribute, each, where, needed, above), inner, at)
                    continue
                declared, at = self._declared(each, where)
                step = declared.get("name", "")
                path = f"{place.path}.{step}" if place.path else step
                todo.append(_Place(path, each if each.get("name") else declared, at, required, above))
        return found

    def _declared(self, element: Element, schema: Element) -> tuple[Element, Element]:
        reference = element.get("ref")
        if reference is None:
            return element, schema
        return self._named.get(("element", *_qualified(reference, element)), (element, schema))

    def _type(self, element: Element, schema: Element) -> tuple[Element | None, Element]:
        name = element.get("type")
        if name is not None:
            space, local = _qualified(name, element)
            found = self._named.get(("type", space, local))
            return found or (None, schema)
        inner = next((each for each in element if xml_safe.local(each) in ("complexType", "simpleType")), None)
        return inner, schema

    def _children(
        self, kind: Element, schema: Element, required: bool, seen: frozenset[str]
    ) -> Iterator[tuple[Element, Element, bool]]:
        """Yield the elements and attributes of a complex type, those it extends first."""
        for each in kind:
            name = xml_safe.local(each)
            here = required and each.get("minOccurs", "1") != "0"
            if name in ("element", "attribute"):
                yield each, schema, here
            elif name in _GROUPS:
                yield from self._children(each, schema, here and name != "choice", seen)
            elif name in ("complexContent", "simpleContent"):
                yield from self._children(each, schema, required, seen)
            elif name in ("extension", "restriction"):
                base = self._named.get(("type", *_qualified(each.get("base", ""), each)))
                key = each.get("base", "")
                if name == "extension" and base is not None and key not in seen:
                    yield from self._children(base[0], base[1], required, seen | {key})
                yield from self._children(each, schema, required, seen)
            elif name in ("group", "attributeGroup") and each.get("ref"):
                group = self._named.get((name, *_qualified(each.get("ref", ""), each)))
                if group is not None and each.get("ref", "") not in seen:
                    yield from self._children(group[0], group[1], here, seen | {each.get("ref", "")})

    def _field(self, place: _Place, kind: Element | None, schema: Element) -> Field:
        types, enum, limits = self._simple(place.declared, kind, schema)
        most = place.declared.get("maxOccurs", "1")
        if most != "1":
            limits.append(("maxOccurs", most))
        if place.declared.get("nillable") == "true":
            types = types | {"null"}
        return Field(
            types=types,
            required=place.required,
            enum=frozenset(enum) if enum else None,
            closed="object" in types,
            limits=tuple(sorted(limits)),
        )

    def _simple(
        self, declared: Element, kind: Element | None, schema: Element
    ) -> tuple[frozenset[str], list[str], list[tuple[str, str]]]:
        """Return the types, the allowed values and the limits of an element or attribute."""
        enum: list[str] = []
        limits: list[tuple[str, str]] = []
        if kind is not None and xml_safe.local(kind) == "complexType":
            return frozenset({"object"}), enum, limits
        base = declared.get("type", "")
        seen: set[str] = set()
        while kind is not None and kind.get("name", "") not in seen:
            seen.add(kind.get("name", "") or str(id(kind)))
            restriction = next((each for each in kind if xml_safe.local(each) == "restriction"), None)
            if restriction is None:
                return frozenset({"string"}), enum, limits
            for facet in restriction:
                if xml_safe.local(facet) == "enumeration":
                    enum.append(facet.get("value", ""))
                else:
                    limits.append((xml_safe.local(facet), facet.get("value", "")))
            base = restriction.get("base", "")
            found = self._named.get(("type", *_qualified(base, restriction)))
            kind = found[0] if found is not None else None
        return frozenset({_TYPES.get(_local(base), "string")}), enum, limits


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _qualified(name: str, element: Element) -> tuple[str, str]:
    prefix, _, local = name.rpartition(":")
    return (element.nsmap.get(prefix or None) or ""), local
