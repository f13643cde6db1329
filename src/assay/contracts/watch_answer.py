"""One live answer, reduced to what is learned of it: which places it has, of which types, and codes; no other value.

A place is a member of a container: the container is the path of an object (`''` is the body, `data[]` every element of
that list), so that a field's absence is told from the absence of what it stands in. The unit is the answer: a member of
a list's elements is there where any element has it.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from assay.events import Exchange
from assay.masking import MASK

MOST_PLACES = 2_000
"""So many places of one answer are learned, and of one operation; what is more is not watched."""
_MOST_ELEMENTS, _DEEPEST, _MOST_MEMBERS = 200, 12, 64
_CODE = re.compile(r"[a-z][a-z0-9]*(?:[_.-][a-z0-9]+)+|[a-z]{2,30}|[A-Z][A-Z0-9]*(?:[_-][A-Z0-9]+)*")
_LONGEST_CODE, _MOST_DIGITS = 40, 4
# What is named so holds somebody's data, or another value in every answer, whatever it looks like.
_PERSONAL = re.compile(
    r"name|mail|phone|street|city|town|address|line_?\d|postal|zip|region|province|state_province|person|contact|title"
    r"|text|note|comment|message|descri|token|secret|key|url|uri|link|iban|bic|vat|tax_?id|birth|gender|company"
    r"|(?:^|_)(?:id|ref|sku|number|user|login|customer)$|Id$|Number$",
    re.IGNORECASE,
)
# A member that is a key and no name: a date, a number, an id.
_KEY = re.compile(r"\d{4}-\d\d-\d\d.*|\d+|(?=.*\d.*\d.*\d)[\w-]{12,}|.*@.*\..*|[0-9a-f]{8}-[0-9a-f-]{27}")
_SELECTS = frozenset(
    {"$select", "$expand", "select", "expand", "expand[]", "fields", "fields[]", "include", "embed", "projection"}
)
_VARIABLE = re.compile(r"(?!v\d{1,3}$)(?:.*\d.*|.{25,}|.*[@:'(].*)")


@dataclass(frozen=True, slots=True)
class Place:
    """What one answer has at one member. null: most of its values are. codes: its texts where all look like codes."""

    types: frozenset[str]
    null: bool = False
    codes: frozenset[str] | None = None


Containers = Mapping[str, Mapping[str, Place]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What one answer has: members by container."""

    containers: Containers = field(default_factory=dict)
    cut: bool = False  # it has more places than are learned


def path_of(container: str, member: str) -> str:
    """Return the path of a member, as documents name it; of a container that ends with `@`, an attribute of XML."""
    if container.endswith("@"):
        return container + member
    return f"{container}.{member}" if container else member


def body_of(text: str, content_type: str = "", documented: Container[str] = ()) -> Body | None:
    """Read an answer's body; None where it is neither JSON nor XML, or empty.

    documented: the paths a document knows: where it has a map (`metadata.{}`) the members are keys and no names.
    """
    if not text.strip():
        return None
    if text.lstrip()[:1] == "<":
        return None if "html" in content_type else _of_xml(text)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    reader = _Reader(documented)
    reader.read(value)
    return Body(containers=reader.made(), cut=reader.cut)


def label_of(exchange: Exchange, operation: str | None) -> str:
    """Return what an answer is counted under: the document's operation, else method and path; and what was selected.

    Which fields an answer has depends on what was asked for: `$select`, `expand` and their like stand behind it.
    """
    parts = urlsplit(exchange.url)
    if operation is None:
        path = "/".join("{}" if _VARIABLE.fullmatch(part) else part for part in parts.path.split("/"))
        operation = f"{exchange.method} {path}"
    selected = sorted(f"{name}={value}" for name, value in parse_qsl(parts.query) if name.lower() in _SELECTS)
    label = f"{operation} ({', '.join(selected)})" if selected else operation
    return label if len(label) <= 255 else label[:252] + "..."


class _Reader:
    """Gathers the places of one JSON value."""

    def __init__(self, documented: Container[str]) -> None:
        self.cut = False
        self._documented = documented
        self._seen: dict[str, dict[str, list[Any]]] = {}
        self._places = 0

    def read(self, value: Any, at: str = "", depth: int = 0) -> None:
        if isinstance(value, dict):
            container = self._seen.setdefault(at, {})
            keyed = len(value) > _MOST_MEMBERS or path_of(at, "{}") in self._documented
            for name, each in value.items():
                known = path_of(at, name) in self._documented
                member = name if known or not (keyed or _KEY.fullmatch(name)) else "{}"
                if self._note(container, member, each) and depth < _DEEPEST:
                    self._into(each, path_of(at, member), depth)
        elif isinstance(value, list):
            self._into(value, at, depth)

    def made(self) -> Containers:
        """Return the places, values left out."""
        return {
            at: {name: _place(name, values) for name, values in members.items()} for at, members in self._seen.items()
        }

    def _into(self, value: Any, at: str, depth: int) -> None:
        if isinstance(value, dict):
            self.read(value, at, depth + 1)
        elif isinstance(value, list):
            for each in value[:_MOST_ELEMENTS]:
                if isinstance(each, dict | list):
                    self.read(each, f"{at}[]", depth + 1)

    def _note(self, container: dict[str, list[Any]], member: str, value: Any) -> bool:
        values = container.get(member)
        if values is None:
            if self._places >= MOST_PLACES:
                self.cut = True
                return False
            self._places += 1
            values = container[member] = []
        values.append(value)
        return True


def _place(name: str, values: Sequence[Any]) -> Place:
    types = frozenset(_type_of(value) for value in values if value != MASK)
    null = 2 * sum(value is None for value in values) > len(values)
    texts = {value for value in values if isinstance(value, str)}
    return Place(types - {"null"}, null, _codes(name, texts) if texts else None)


def _codes(name: str, texts: set[str]) -> frozenset[str] | None:
    return frozenset(texts) if not _PERSONAL.search(name) and all(map(_is_code, texts)) else None


def _is_code(text: str) -> bool:
    digits = sum(letter.isdigit() for letter in text)
    return len(text) <= _LONGEST_CODE and digits <= _MOST_DIGITS and _CODE.fullmatch(text) is not None


def _type_of(value: Any) -> str:
    """Return JSON's name of a type; a whole number is a number: 10 and 10.5 are amounts of one kind."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _of_xml(text: str) -> Body | None:
    """Read XML's elements and attributes; what declares entities is not read."""
    from assay.contracts.xml_safe import UnreadableXml, parse

    try:
        root = parse(text.encode())
    except UnreadableXml:
        return None
    seen: dict[str, dict[str, set[str]]] = {"": {_local(root): {"object"}}}
    places, cut = 0, False
    for at, element in _elements(root, _local(root)):
        members = [(f"{at}@", _named(str(name)), "string") for name in element.attrib]
        members += [(at, _local(child), "object" if len(child) else "string") for child in element.iterchildren("*")]
        seen.setdefault(at, {})
        seen.setdefault(f"{at}@", {})
        for container, name, kind in members:
            known = seen[container]
            places += name not in known
            cut = cut or places > MOST_PLACES
            if not cut or name in known:
                known.setdefault(name, set()).add(kind)
    made = {at: {name: Place(frozenset(kinds)) for name, kinds in members.items()} for at, members in seen.items()}
    return Body(containers=made, cut=cut)


def _elements(root: Any, at: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    yield at, root
    if depth < _DEEPEST:
        for child in root.iterchildren("*"):
            if len(child) or child.attrib:
                yield from _elements(child, path_of(at, _local(child)), depth + 1)


def _local(element: Any) -> str:
    return _named(element.tag)


def _named(name: str) -> str:
    return name.rpartition("}")[2]
