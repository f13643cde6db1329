"""The types of an OData document as JSON schemas, in the JSON of version 2 and of version 4.

After the JSON formats of OData 2.0 (verbose: `__metadata`, `/Date(…)/`, decimals as text) and OData JSON 4.01.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assay.contracts import xml_safe
from assay.contracts.xml_safe import Element

Schema = dict[str, Any]

_COLLECTION = re.compile(r"Collection\((.+)\)")
_RANGES = {
    "Edm.Byte": (0, 255), "Edm.SByte": (-128, 127), "Edm.Int16": (-(2**15), 2**15 - 1),
    "Edm.Int32": (-(2**31), 2**31 - 1),
}  # fmt: skip
_GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_FLOAT = r"^(-?\d+(\.\d+)?([eE][+-]?\d+)?|NaN|-?INF)$"
_V2_TEXTS = {
    "Edm.DateTime": r"^/Date\(-?\d+\)/$",
    "Edm.DateTimeOffset": r"^/Date\(-?\d+([+-]\d{4})?\)/$",
    "Edm.Time": r"^-?P(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$",
    "Edm.Int64": r"^-?\d+$",
    "Edm.Guid": _GUID,
}
_V4_TEXTS = {
    "Edm.Date": r"^-?\d{4,}-\d{2}-\d{2}$",
    "Edm.DateTimeOffset": r"^-?\d{4,}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$",
    "Edm.TimeOfDay": r"^\d{2}:\d{2}(:\d{2}(\.\d+)?)?$",
    "Edm.Duration": r"^-?P(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$",
    "Edm.Guid": _GUID,
}
METADATA: Schema = {
    "type": "object",
    "required": ["type"],
    "properties": {
        name: {"type": "string"} for name in ("id", "uri", "type", "etag", "content_type", "media_src", "edit_media")
    },
    "additionalProperties": True,
}
DEFERRED: Schema = {
    "type": "object",
    "required": ["__deferred"],
    "properties": {
        "__deferred": {"type": "object", "required": ["uri"], "properties": {"uri": {"type": "string"}}},
    },
}


def local_name(qualified: str) -> str:
    """Return a type's name without its namespace or alias."""
    return qualified.rpartition(".")[2]


def collected(kind: str) -> tuple[str, bool]:
    """Return a type, and whether it stands as `Collection(…)` of it."""
    match = _COLLECTION.fullmatch(kind)
    return (match[1], True) if match else (kind, False)


def reference(name: str, *, request: bool = False) -> Schema:
    """Return the schema that refers to a named type, as it is sent or as it is answered."""
    return {"$ref": f"#/{'requests' if request else 'definitions'}/{local_name(name)}"}


class Types:
    """The named types of a document. `definitions` and `requests` hold their schemas, `ways` what leads from each.

    v4: whether the document is of version 4. faults: notes (place, problem) of what could not be read.
    """

    def __init__(self, schemas: list[Element], *, v4: bool) -> None:
        self.v4 = v4
        self.faults: list[tuple[str, str]] = []
        self.elements: dict[str, Element] = {}
        self._associations: dict[str, Mapping[str, tuple[str, str]]] = {}
        for element in (each for schema in schemas for each in schema):
            kind, name = xml_safe.local(element), element.get("Name")
            if kind in ("EntityType", "ComplexType", "EnumType", "TypeDefinition") and name:
                self.elements[name] = element
            elif kind == "Association" and name:
                self._associations[name] = {
                    end.get("Role", ""): (end.get("Type", ""), end.get("Multiplicity", ""))
                    for end in element
                    if xml_safe.local(end) == "End"
                }
        self.definitions: dict[str, Schema] = {}
        self.requests: dict[str, Schema] = {}
        for name in self.elements:
            self.definitions[name] = self._named(name, request=False)
            self.requests[name] = self._named(name, request=True)

    def keys(self, name: str) -> tuple[str, ...]:
        """Return the names of an entity type's key, its own or of the type it is made from."""
        for element in self._line(name):
            key = next((each for each in element if xml_safe.local(each) == "Key"), None)
            if key is not None:
                return tuple(each.get("Name", "") for each in key)
        return ()

    def ways(self, name: str) -> Mapping[str, tuple[str, bool]]:
        """Return an entity type's navigation properties: the type each leads to, and whether to many of it."""
        found: dict[str, tuple[str, bool]] = {}
        for element in self._line(name):
            for each in element:
                if xml_safe.local(each) != "NavigationProperty":
                    continue
                way = self._way(each)
                if way is not None:
                    found[each.get("Name", "")] = way
                else:
                    self._note(each, f"navigation '{each.get('Name')}' leads to no type of the document")
        return found

    def value(self, element: Element, *, request: bool = False) -> Schema:
        """Return the schema of a property, parameter or return type by its Type and facets."""
        kind, many = collected(element.get("Type", "Edm.String"))
        schema = self._single(kind, element, request=request)
        if many:
            array: Schema = {"type": "array", "items": schema}
            return (
                array if self.v4 else {"type": ["array", "object"], "items": schema, "properties": {"results": array}}
            )
        return schema if element.get("Nullable", "true") == "false" else _or_null(schema)

    def _line(self, name: str) -> list[Element]:
        """Return a type's element and those it is made from; a circle ends where it closes."""
        found: list[Element] = []
        here: str | None = local_name(name)
        while here:
            element = self.elements.get(here)
            if element is None or element in found:
                if element is not None:
                    self._note(element, f"type '{here}' is made from itself (circular)")
                elif found:
                    self._note(found[-1], f"is made from '{here}', which is not in the document")
                break
            found.append(element)
            here = local_name(element.get("BaseType", ""))
        return found

    def _way(self, element: Element) -> tuple[str, bool] | None:
        if self.v4:
            name, many = collected(element.get("Type", ""))
        else:
            ends = self._associations.get(local_name(element.get("Relationship", "")), {})
            name, multiplicity = ends.get(element.get("ToRole", ""), ("", ""))
            many = multiplicity == "*"
        return (local_name(name), many) if local_name(name) in self.elements else None

    def _named(self, name: str, *, request: bool) -> Schema:
        element = self.elements[name]
        kind = xml_safe.local(element)
        if kind == "EnumType":
            members = [each.get("Name", "") for each in element if xml_safe.local(each) == "Member"]
            if element.get("IsFlags") == "true":
                return {"type": "string"}  # several names with commas between
            return {"type": "string", "enum": members}
        if kind == "TypeDefinition":
            return self._single(element.get("UnderlyingType", "Edm.String"), element, request=request)
        properties: Schema = {}
        for each in (each for parent in reversed(self._line(name)) for each in parent):
            if xml_safe.local(each) == "Property":
                properties[each.get("Name", "")] = self.value(each, request=request)
        if kind == "EntityType":
            for way, (target, many) in self.ways(name).items():
                properties[way] = self._expanded(target, many, request=request)
        schema: Schema = {"type": "object", "properties": properties}
        if self.v4:
            schema["patternProperties"] = {"@": True}  # control information and annotations
        elif kind == "EntityType":
            properties["__metadata"] = METADATA
            if not request:
                schema["required"] = ["__metadata"]
        else:
            properties["__metadata"] = METADATA
        if any(each.get("OpenType") == "true" for each in self._line(name)):
            schema["additionalProperties"] = True
        return schema

    def _expanded(self, target: str, many: bool, *, request: bool) -> Schema:
        to = reference(target, request=request)
        if self.v4:
            return {"type": "array", "items": to} if many else _or_null(to)
        if not many:
            return {"anyOf": [{"type": "null"}, DEFERRED, to]}
        # One schema rather than alternatives, so that what is wrong within is told by its own path.
        results: Schema = {"type": "array", "items": to}
        if request:  # how an entity is created with its parts: a list, with or without `results`
            return {"type": ["array", "object"], "items": to, "properties": {"results": results}}
        properties = {**DEFERRED["properties"], "results": results, "__count": {"type": "string"}}
        return {"type": "object", "minProperties": 1, "properties": properties}

    def _single(self, kind: str, element: Element, *, request: bool) -> Schema:
        if not kind.startswith("Edm."):
            if local_name(kind) in self.elements:
                return reference(kind, request=request)
            self._note(element, f"type '{kind}' is not in the document")
            return {}
        texts = _V4_TEXTS if self.v4 else _V2_TEXTS
        if kind in texts:
            return {"type": "string", "pattern": texts[kind]}
        if kind in ("Edm.Decimal", "Edm.Int64", "Edm.Double", "Edm.Single"):
            return self._number(kind, element)
        if kind in _RANGES:
            least, most = _RANGES[kind]
            return {"type": "integer", "minimum": least, "maximum": most}
        if kind == "Edm.Boolean":
            return {"type": "boolean"}
        if kind.startswith(("Edm.Geography", "Edm.Geometry", "Edm.ComplexType", "Edm.EntityType", "Edm.Untyped")):
            return {}
        schema: Schema = {"type": "string"}
        if kind == "Edm.String" and element.get("MaxLength", "").isdecimal():
            schema["maxLength"] = int(element.get("MaxLength", ""))
        return schema

    def _number(self, kind: str, element: Element) -> Schema:
        pattern = _decimal(element) if kind == "Edm.Decimal" else _FLOAT
        if kind == "Edm.Int64":
            pattern = r"^-?\d+$"
        if self.v4:  # text where the client asks for IEEE754Compatible, or a value is no finite number
            return {"type": ["integer" if kind == "Edm.Int64" else "number", "string"], "pattern": pattern}
        if kind == "Edm.Decimal":
            return {"type": "string", "pattern": pattern}
        return {"type": ["string", "number"], "pattern": pattern}

    def _note(self, element: Element, problem: str) -> None:
        note = (f"line {element.sourceline}, {element.get('Name', xml_safe.local(element))}", problem)
        if note not in self.faults:
            self.faults.append(note)


def _decimal(element: Element) -> str:
    """Return the pattern of a decimal by its Precision and Scale, where both are numbers."""
    precision, scale = element.get("Precision", ""), element.get("Scale", "")
    if not (precision.isdecimal() and scale.isdecimal()) or int(scale) > int(precision):
        return r"^-?\d+(\.\d+)?$"
    whole, parts = max(int(precision) - int(scale), 1), int(scale)
    return rf"^-?\d{{1,{whole}}}(\.\d{{1,{parts}}})?$" if parts else rf"^-?\d{{1,{whole}}}$"


def _or_null(schema: Schema) -> Schema:
    if not schema:
        return schema
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema:
        return {**schema, "type": [kind, "null"]}
    if isinstance(kind, list):
        return {**schema, "type": [*kind, "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
