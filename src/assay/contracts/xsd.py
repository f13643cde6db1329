"""Reads XML Schemas: the elements that are requests as operations, and every message judged by the compiled schemas.

What a schema imports or includes is got from beside it and nowhere else; what is missing there is a fault.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cached_property
from typing import Any, cast
from xml.sax.saxutils import quoteattr

from lxml import etree

from assay.contracts import xml_safe
from assay.contracts.model import Answer, Deviation, Document, Fault, Field, Operation, Problem
from assay.contracts.xml_safe import Element
from assay.contracts.xsd_field import XsdFields
from assay.contracts.xsd_finding import found_in

XS = "http://www.w3.org/2001/XMLSchema"
MEDIA = ("text/xml", "application/xml", "application/soap+xml")
ENVELOPES = ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
_MOST_FILES = 200
_SMALL = 600_000  # bytes, which take a tenth of a second
_MEMORY = "memory:/"
_TAG = f"{{{XS}}}"
# Schemas as they were compiled last, by the sums of their files: NetSuite's forty refer to each other, and what was
# compiled of a whole is good for each of its parts.
_COMPILED: deque[tuple[frozenset[bytes], etree.XMLSchema]] = deque(maxlen=4)
_REFERRING = (f"{_TAG}import", f"{_TAG}include", f"{_TAG}redefine")


def read(content: bytes, *, source: str, fetch: Callable[[str], bytes]) -> Document:
    """Return the document of a schema.

    Of a service's schema each element with a counterpart `…Response` is an operation; a schema of messages alone has
    none, and its outermost elements are among `.shapes`.
    """
    root = xml_safe.parse(content)
    schemas = SchemaSet([root], fetch)
    schemas.check()
    space = root.get("targetNamespace", "")
    names = [each.get("name", "") for each in root if each.tag == f"{_TAG}element"]
    pairs = [each for each in names if f"{each}Response" in names]
    if 4 * len(pairs) < len(names):  # records that happen to be named so
        pairs = []
    operations = tuple(
        Operation(
            name=each,
            method="POST",
            path="/",
            selector=each,
            requests=dict.fromkeys(MEDIA, XmlShape(schemas, space, each)),
            body_required=True,
            responses={
                "200": Answer(shapes=dict.fromkeys(MEDIA, XmlShape(schemas, space, f"{each}Response"))),
                "5XX": Answer(shapes=dict.fromkeys(MEDIA, XmlShape(schemas, "", ""))),
            },
        )
        for each in pairs
    )
    return Document(
        source=source,
        format="xsd",
        title=space,
        version=root.get("version", ""),
        operations=operations,
        faults=tuple(schemas.faults),
        shapes={each: XmlShape(schemas, space, each) for each in _outermost(root, names)},
    )


class SchemaSet:
    """Schemas with everything they refer to, compiled when the first message is judged. faults: what is wrong there."""

    def __init__(self, roots: Sequence[Element], fetch: Callable[[str], bytes]) -> None:
        self.faults: list[Fault] = []
        self._fetch = fetch
        self._files: dict[str, Element] = {}
        self._sums: set[bytes] = set()
        inline = {each.get("targetNamespace", ""): f"{_MEMORY}inline{at}" for at, each in enumerate(roots)}
        self._roots = []
        for at, each in enumerate(roots):
            name = f"{_MEMORY}inline{at}"
            self._files[name] = _alone(each)
            self._sums.add(_sum(each))
            self._roots.append(name)
        for name in list(self._roots):
            self._load(name, "", inline)

    @property
    def schemas(self) -> Sequence[Element]:
        """Every schema that was loaded."""
        return list(self._files.values())

    def check(self) -> None:
        """Compile now, so that what is wrong is among the faults; large schemas when their first message comes."""
        if sum(len(etree.tostring(each)) for each in self._files.values()) < _SMALL:
            _ = self.compiled

    @cached_property
    def compiled(self) -> etree.XMLSchema | None:
        """The compiled schemas; None where they cannot be, and a fault says why."""
        files = {name: etree.tostring(each) for name, each in self._files.items()}
        by_space: dict[str, list[str]] = {}
        for name in self._roots:
            by_space.setdefault(self._files[name].get("targetNamespace", ""), []).append(name)
        # One schema that has them all; libxml2 takes one import of a namespace, so those of one are included together.
        parts = []
        for at, (space, names) in enumerate(sorted(by_space.items())):
            included = "".join(f'<xs:include schemaLocation="{each}"/>' for each in names)
            if not space:
                parts.append(included)
                continue
            location = names[0] if len(names) == 1 else f"{_MEMORY}space{at}"
            files.setdefault(location, _schema(included, f" targetNamespace={quoteattr(space)}"))
            parts.append(f'<xs:import namespace={quoteattr(space)} schemaLocation="{location}"/>')
        whole = _schema("".join(sorted(parts, reverse=True)))
        known = next((each for sums, each in _COMPILED if self._sums <= sums), None)
        if known is not None and not self._includes and not self.faults:
            return known
        parser = etree.XMLParser(no_network=True, resolve_entities=False, load_dtd=False)
        parser.resolvers.add(_Loaded(files))
        try:
            compiled = etree.XMLSchema(etree.fromstring(whole, parser))
        except etree.XMLSchemaParseError as problem:
            last = next(iter(problem.error_log), None)
            text = re.sub(r"\{[^{}]*\}", "", last.message if last is not None else str(problem))
            self.faults.append(Fault("", f"cannot be compiled, its messages are not judged: {text[:200]}"))
            return None
        _COMPILED.appendleft((frozenset(self._sums), compiled))
        return compiled

    @property
    def _includes(self) -> bool:
        """Whether a schema becomes part of another, so that its own content does not say what it means."""
        return any(each.tag in _REFERRING[1:] for schema in self._files.values() for each in schema)

    def _load(self, name: str, folder: str, inline: Mapping[str, str]) -> None:
        """Load what a schema refers to and let it refer to what was loaded."""
        for each in [child for child in self._files[name] if child.tag in _REFERRING]:
            location, space = each.get("schemaLocation"), each.get("namespace", "")
            if location is None:
                if space in inline:
                    each.set("schemaLocation", inline[space])
                continue
            path = _joined(folder, location)
            known = f"{_MEMORY}{path}"
            if known not in self._files and not self._loaded(known, path, location, each):
                del each.attrib["schemaLocation"]
                if each.tag != f"{_TAG}import":
                    each.getparent().remove(each)  # type: ignore[union-attr]
                continue
            each.set("schemaLocation", known)

    def _loaded(self, known: str, path: str, location: str, element: Element) -> bool:
        where = f"line {element.sourceline}"
        if len(self._files) >= _MOST_FILES:
            self.faults.append(Fault(where, f"refers to more than {_MOST_FILES} files; {location} is not read"))
            return False
        try:
            root = xml_safe.parse(self._fetch(path))
        except (OSError, ValueError) as problem:
            self.faults.append(Fault(where, f"refers to {location}, which cannot be read: {problem}"))
            return False
        self._sums.add(_sum(root))
        self._files[known] = root
        self._load(known, path.rpartition("/")[0], {})
        return True


class XmlShape:
    """What an XML message must be: one element of a schema. Implements `assay.contracts.model.Shape`.

    A SOAP envelope round it is taken off. name: '' where nothing says which element it is.
    """

    def __init__(self, schemas: SchemaSet, space: str, name: str) -> None:
        self._schemas = schemas
        self._space = space
        self._name = name

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """What the schemas say of each element and attribute below the message's own."""
        return XsdFields(self._schemas.schemas, self._space, self._name) if self._name else {}

    def compile(self) -> None:
        """Compile now rather than with the first message."""
        _ = self._schemas.compiled

    def deviations(self, body: bytes, *, additive: bool = True) -> Sequence[Deviation]:
        """Return where a message departs from the schema; entities are refused, never resolved."""
        try:
            root = xml_safe.parse(body)
        except xml_safe.UnreadableXml as problem:
            return [Deviation(Problem.MALFORMED, "", "well-formed XML without entities", str(problem))]
        found: list[Deviation] = []
        for each in _payload(root):
            found += self._judged(each)
        return [each for each in dict.fromkeys(found) if additive or not each.problem.is_additive]

    def _judged(self, element: Element) -> Iterator[Deviation]:
        name = xml_safe.local(element)
        if name == "Fault" and xml_safe.namespace(element) in ENVELOPES:
            return  # what went wrong, in SOAP's own words
        if self._name and (name != self._name or xml_safe.namespace(element) != self._space):
            seen = f"{{{xml_safe.namespace(element)}}}{name}" if name == self._name else name
            expected = f"{{{self._space}}}{self._name}" if name == self._name else self._name
            yield Deviation(Problem.SCHEMA, "", f"element {expected}", seen)
            return
        compiled = self._schemas.compiled
        if compiled is not None and self._name:
            yield from found_in(compiled, element)


class _Loaded(etree.Resolver):
    """Gives the schemas that were loaded, and nothing for any other address: no disk is read, no network asked."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__()
        self._held = files

    def resolve(self, system_url: str | None, public_id: object, context: object) -> Any:  # type: ignore[override]
        """Return what was loaded under an address."""
        url = _MEMORY + (system_url or "").rpartition(_MEMORY)[2]
        if url not in self._held:
            return cast(Any, self).resolve_empty(context)
        return cast(Any, self).resolve_string(self._held[url], context, base_url=url)


def _sum(schema: Element) -> bytes:
    """Return a checksum of a schema as it was written."""
    return hashlib.sha256(etree.tostring(schema, method="c14n")).digest()


def _schema(inside: str, attributes: str = "") -> bytes:
    return f'<xs:schema xmlns:xs="{XS}"{attributes}>{inside}</xs:schema>'.encode()


def _alone(schema: Element) -> Element:
    """Return a schema that stands within another document by itself, with the prefixes that are in scope there."""
    attributes = {str(name): str(value) for name, value in schema.attrib.items()}
    root = etree.Element(schema.tag, attributes, nsmap=cast(Any, schema.nsmap))
    root.extend(deepcopy(each) for each in schema)
    return root


def _payload(root: Element) -> list[Element]:
    if xml_safe.local(root) != "Envelope" or xml_safe.namespace(root) not in ENVELOPES:
        return [root]
    body = next((each for each in root if xml_safe.local(each) == "Body"), None)
    return list(body) if body is not None else []


def _joined(folder: str, location: str) -> str:
    """Return a location relative to the first document; an address stays one."""
    if "://" in location:
        return location
    steps: list[str] = []
    for step in f"{folder}/{location}".split("/"):
        if step == ".." and steps and steps[-1] != "..":
            steps.pop()
        elif step not in ("", "."):
            steps.append(step)
    return "/".join(steps)


def _outermost(root: Element, names: Sequence[str]) -> list[str]:
    """Return the elements that no other refers to, all where each is within another."""
    referred = {each.get("ref", "").rpartition(":")[2] for each in root.iter(f"{_TAG}element")}
    return [each for each in names if each not in referred] or list(names)
