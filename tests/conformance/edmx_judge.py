"""Judges OData V2 answers and metadata by a vendor's published EDMX document.

Shared by tests of simulators that speak OData; the document is read from the specs folder, never copied.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from lxml import etree

ROOT = Path(__file__).resolve().parents[2]
SPECS = Path(os.environ.get("ASSAY_SPECS", ROOT.parent / "shared" / "specs"))
_PATTERNS = {
    "Edm.DateTime": re.compile(r"^/Date\(-?\d+\)/$"),
    "Edm.DateTimeOffset": re.compile(r"^/Date\(-?\d+(?:[+-]\d{4})?\)/$"),
    "Edm.Time": re.compile(r"^PT\d{1,2}H\d{1,2}M\d{1,2}S$"),
    "Edm.Guid": re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"),
    "Edm.Decimal": re.compile(r"^-?\d+(\.\d+)?$"),
    "Edm.Double": re.compile(r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$"),
    "Edm.Int64": re.compile(r"^-?\d+$"),
}


@dataclass
class DocumentedType:
    """One entity or complex type of the document: properties by name (their facets), keys, navigation targets."""

    name: str
    properties: dict[str, dict[str, str]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    ways: dict[str, tuple[str, str]] = field(default_factory=dict)


def _local(element: Any) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _facets(element: Any) -> dict[str, str]:
    return {etree.QName(name).localname: value for name, value in element.attrib.items()}


class Document:
    """An EDMX document read into types and entity sets."""

    def __init__(self, content: bytes) -> None:
        root: Any = etree.fromstring(content)
        schema = next(each for each in root.iter() if _local(each) == "Schema")
        self.namespace = schema.get("Namespace")
        self.types: dict[str, DocumentedType] = {}
        self.sets: dict[str, dict[str, str]] = {}
        self.functions: dict[str, dict[str, str]] = {}
        ends: dict[str, dict[str, tuple[str, str]]] = {
            association.get("Name"): {
                end.get("Role"): (end.get("Type").rpartition(".")[2], end.get("Multiplicity"))
                for end in association
                if _local(end) == "End"
            }
            for association in root.iter()
            if _local(association) == "Association"
        }
        for element in root.iter():
            kind = _local(element)
            if kind in ("EntityType", "ComplexType"):
                self.types[element.get("Name")] = self._type(element, ends)
            elif kind == "EntitySet":
                self.sets[element.get("Name")] = _facets(element)
            elif kind == "FunctionImport":
                self.functions[element.get("Name")] = _facets(element)

    @staticmethod
    def _type(element: Any, ends: dict[str, dict[str, tuple[str, str]]]) -> DocumentedType:
        found = DocumentedType(element.get("Name"))
        for child in element:
            kind = _local(child)
            if kind == "Property":
                found.properties[child.get("Name")] = _facets(child)
            elif kind == "Key":
                found.keys = [each.get("Name") for each in child]
            elif kind == "NavigationProperty":
                association = ends[child.get("Relationship").rpartition(".")[2]]
                found.ways[child.get("Name")] = association[child.get("ToRole")]
        return found


class EdmxJudge:
    """Checks every entity of an answer; `answers`, `entities` and `problems` count what it saw."""

    def __init__(self, path: Path) -> None:
        self.document = Document(path.read_bytes())
        self.answers = 0
        self.entities = 0
        self.problems: list[str] = []

    def see(self, body: Any) -> list[str]:
        """Judge one answer's JSON and return its problems."""
        self.answers += 1
        found: list[str] = []
        if isinstance(body, dict) and "error" in body:
            found = _error_problems(body["error"])
        elif isinstance(body, dict) and "d" in body:
            self._walk(body["d"], found)
        self.problems.extend(found)
        return found

    def _walk(self, value: Any, found: list[str]) -> None:
        if isinstance(value, list):
            for each in value:
                self._walk(each, found)
        elif isinstance(value, dict):
            if "type" in value.get("__metadata", {}):
                self._entity(value, found)
            else:
                for each in value.values():
                    self._walk(each, found)

    def _entity(self, entity: dict[str, Any], found: list[str]) -> None:
        self.entities += 1
        namespace, _, name = entity["__metadata"]["type"].rpartition(".")
        known = self.document.types.get(name)
        if namespace != self.document.namespace or known is None:
            found.append(f"type {namespace}.{name} is not in the document")
            return
        for key, value in entity.items():
            if key == "__metadata":
                continue
            if key in known.properties:
                problem = value_problem(known.properties[key], value)
                if problem:
                    found.append(f"{name}.{key}: {problem}")
            elif key in known.ways:
                self._way(name, key, known.ways[key][1], value, found)
            else:
                found.append(f"{name}.{key} is not in the document")

    def _way(self, name: str, key: str, multiplicity: str, value: Any, found: list[str]) -> None:
        if isinstance(value, dict) and "__deferred" in value:
            return
        if multiplicity == "*" and not (isinstance(value, dict) and isinstance(value.get("results"), list)):
            found.append(f"{name}.{key}: a collection is expected")
            return
        self._walk(value, found)


def _error_problems(error: Any) -> list[str]:
    message = error.get("message")
    if not isinstance(error.get("code"), str) or not isinstance(message, dict):
        return ["error has no code or message"]
    return [] if {"lang", "value"} <= set(message) and message["value"] else ["error message has no lang or value"]


def value_problem(facets: dict[str, str], value: Any) -> str:
    """Return why a JSON value does not fit the facets of its property, or an empty text."""
    kind = facets["Type"]
    if value is None:
        return "null, but not nullable" if facets.get("Nullable") == "false" else ""
    if kind == "Edm.Boolean":
        return "" if isinstance(value, bool) else f"{value!r} is no boolean"
    if kind in ("Edm.Int16", "Edm.Int32", "Edm.Byte"):
        return "" if isinstance(value, int) and not isinstance(value, bool) else f"{value!r} is no number"
    if not isinstance(value, str):
        return f"{value!r} is no string"
    if kind in _PATTERNS and not _PATTERNS[kind].match(value):
        return f"{value!r} is no {kind}"
    if kind == "Edm.String" and len(value) > int(facets.get("MaxLength", "1000000")):
        return f"{value!r} is longer than {facets['MaxLength']}"
    if kind == "Edm.Decimal":
        whole, _, fraction = format(Decimal(value), "f").lstrip("-").partition(".")
        scale, precision = int(facets.get("Scale", "0")), int(facets["Precision"])
        if len(fraction.rstrip("0")) > scale or len(whole.lstrip("0")) > precision - scale:
            return f"{value!r} is beyond Decimal({precision},{scale})"
    return ""
