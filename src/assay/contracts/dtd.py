"""Reads DTDs of messages: cXML's requests and messages, Worldpay's orders; other DTDs come to shapes of their roots.

A message is judged by the DTD as it stands; what a DTD would load from elsewhere is left out and listed as a fault.
"""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, cast

from lxml import etree

from assay.contracts import xml_safe
from assay.contracts.json_places import shown
from assay.contracts.model import Answer, Deviation, Document, Fault, Field, Operation, Problem
from assay.contracts.xml_safe import Element
from assay.contracts.xsd_finding import path_of
from assay.errors import UsageError
from assay.masking import MASK

MEDIA = ("text/xml", "application/xml")
_MOST_PATHS = 5_000
_EXTERNAL = re.compile(rb"<!ENTITY\s+(%\s+)?([\w.:-]+)\s+(?:SYSTEM|PUBLIC)\b[^>]*>")
_VERSION = re.compile(rb"\bVersion\s+(\d+(?:\.\d+)+)")
_CXML = "cXML"
_WORLDPAY, _REPLY, _NOTIFY = "paymentService", "reply", "notify"
_IN_ATTRIBUTE = re.compile(r"attribute (\S+?)(?: of|$)")
_NAMED = re.compile(r"(?:does not carry attribute|attribute) (\S+)")


def read(content: bytes, *, source: str, fetch: object = None) -> Document:
    """Return the document of a DTD; `fetch` is not asked, nothing outside it is loaded.

    Raises UsageError where it cannot be parsed.
    """
    dtd = _Dtd(content, source)
    operations = tuple(dtd.operations())
    written = _VERSION.search(content[:20_000])
    return Document(
        source=source,
        format="dtd",
        title=dtd.root,
        version=dtd.version or (written[1].decode() if written else ""),
        operations=operations,
        faults=tuple(dtd.faults),
        shapes={dtd.root: DtdShape(dtd, ())} if dtd.root else {},
    )


def selected(root: Element) -> str:
    """Return which operation a message is for: cXML's request or message element, Worldpay's order or inquiry."""
    if root.tag == _WORLDPAY:
        kind = next(iter(root), root)
        return xml_safe.local(next(iter(kind), kind))
    inner = next((each for each in root if xml_safe.local(each) in ("Request", "Message")), root)
    return next((xml_safe.local(each) for each in inner if xml_safe.local(each) != "Status"), xml_safe.local(root))


class _Dtd:
    def __init__(self, content: bytes, source: str) -> None:
        self.faults: list[Fault] = []
        for match in _EXTERNAL.finditer(content):
            line = content.count(b"\n", 0, match.start()) + 1
            self.faults.append(Fault(f"line {line}", f"loads entity '{match[2].decode()}' from elsewhere: left out"))
        held = _EXTERNAL.sub(lambda match: b'<!ENTITY %s%s "">' % (match[1] or b"", match[2]), content)
        try:
            self.compiled = cast(Any, etree.DTD(io.BytesIO(held)))
        except (etree.DTDParseError, etree.XMLSyntaxError) as problem:
            last = next(iter(cast(Any, problem).error_log), None)
            line = last.line if last is not None else 0
            cut = line >= content.rstrip().count(b"\n") + 1 and "amplification" not in str(last and last.message)
            raise UsageError(
                "This DTD ends in the middle: it is cut short." if cut else "This DTD cannot be read.",
                where=f"{source}, line {line}" if line else source, expected="element and attribute declarations",
                seen=str(last.message if last is not None else problem)[:200],
                hint="Fetch the file again and compare its size or checksum with what is published.",
            ) from None  # fmt: skip
        self.elements: dict[str, Any] = _elements(self.compiled)
        self.children = {name: dict(_children(each.content, True)) for name, each in self.elements.items()}
        self.root = self._root()

    def operations(self) -> Iterator[Operation]:
        """Yield what can be sent: of cXML each request and message, of Worldpay each kind of call."""
        if self.root == _WORLDPAY:
            for kind in self.children[self.root]:
                for name in self.children[kind] if kind != _REPLY else ():
                    yield self._operation(f"{kind} {name}", (kind, name), (_REPLY,), webhook=kind == _NOTIFY)
            return
        for name in self.children.get("Request", ()):
            answer = f"{name.removesuffix('Request')}Response"
            known = answer in self.children.get("Response", ())
            yield self._operation(
                name, ("Request", name), ("Response", answer) if known else ("Response",), webhook=False
            )
        for name in self.children.get("Message", ()):
            if name != "Status":
                yield self._operation(name, ("Message", name), ("Response",), webhook=True)

    def _operation(self, name: str, sent: Sequence[str], told: Sequence[str], *, webhook: bool = False) -> Operation:
        failed = Answer(shapes=dict.fromkeys(MEDIA))
        answer = Answer(shapes=dict.fromkeys(MEDIA, DtdShape(self, told[:1])))
        return Operation(
            name=name,
            method="POST",
            path="/",
            selector=sent[-1],
            requests=dict.fromkeys(MEDIA, DtdShape(self, tuple(sent))),
            body_required=True,
            responses={"200": answer, "4XX": failed, "5XX": failed},
            webhook=webhook,
        )

    def _root(self) -> str:
        """Return the outermost element: of those within no other the one that most can stand in."""
        known = next((each for each in (_CXML, _WORLDPAY) if each in self.elements), "")
        if known:
            return known
        inner = {name for each in self.children.values() for name in each}
        outer = [name for name in self.elements if name not in inner]
        return max(outer or list(self.elements), key=lambda name: len(self._reach(name)), default="")

    @property
    def version(self) -> str:
        """The version that the root's attribute stands at unless said, as cXML has it."""
        attributes = self.elements[self.root].iterattributes() if self.root in self.elements else ()
        written = next((str(each.default_value or "") for each in attributes if each.name == "version"), "")
        entities = {f"&{each.name};": each.content for each in self.compiled.iterentities()}
        return str(entities.get(written, written))

    def _reach(self, name: str) -> set[str]:
        found, todo = {name}, [name]
        while todo:
            for each in self.children.get(todo.pop(), ()):
                if each not in found:
                    found.add(each)
                    todo.append(each)
        return found


class DtdShape:
    """What an XML message must be by a DTD. Implements `assay.contracts.model.Shape`.

    way: the elements that must stand within the root one below the other, such as Request, OrderRequest.
    """

    def __init__(self, dtd: _Dtd, way: Sequence[str]) -> None:
        self._dtd = dtd
        self._way = tuple(way)

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """What the DTD says of each path, breadth first; at the elements that lead to the message, only their way."""
        found: dict[str, Field] = {}
        todo = deque([("", self._dtd.root, True, 0, frozenset[str]())])
        while todo and len(found) < _MOST_PATHS:
            path, name, required, depth, above = todo.popleft()
            if path in found or name not in self._dtd.elements:
                continue
            element = self._dtd.elements[name]
            text = element.type in ("mixed", "any") and not self._dtd.children[name]
            found[path] = Field(types=frozenset({"string" if text else "object"}), required=required, closed=not text)
            for attribute in element.iterattributes():
                found[f"{path}@{attribute.name}"] = _attribute(attribute)
            if name in above:
                continue
            ahead = self._way[depth] if depth < len(self._way) else ""
            for child, needed in self._dtd.children[name].items():
                if ahead and child != ahead and ahead in self._dtd.children[name] and child in self._aside():
                    continue
                deeper = f"{path}.{child}" if path else child
                todo.append((deeper, child, needed, depth + (child == ahead), above | {name}))
        return found

    def deviations(self, body: bytes, *, additive: bool = True) -> Sequence[Deviation]:
        """Return where a message departs from the DTD; its own DOCTYPE is not loaded, its entities are refused."""
        try:
            root = xml_safe.parse(body)
        except xml_safe.UnreadableXml as problem:
            return [Deviation(Problem.MALFORMED, "", "well-formed XML without entities", str(problem))]
        if root.tag != self._dtd.root:
            return [Deviation(Problem.SCHEMA, "", f"element {self._dtd.root}", str(root.tag))]
        found = [*self._missing_way(root)]
        if not self._dtd.compiled.validate(root):
            for error in self._dtd.compiled.error_log:
                places = root.xpath(error.path) if error.path else []
                place = places[0] if isinstance(places, list) and places else root
                found += self._deviations(place, error.message)
        return [each for each in dict.fromkeys(found) if additive or not each.problem.is_additive]

    def _aside(self) -> set[str]:
        return {
            name for each in ("Request", "Response", "Message") for name in (each, *self._dtd.children.get(each, ()))
        }

    def _missing_way(self, root: Element) -> Iterator[Deviation]:
        here, path = root, ""
        for step in self._way:
            below = here.find(step)
            path = f"{path}.{step}" if path else step
            if below is None:
                yield Deviation(Problem.MISSING, path, step, "nothing")
                return
            here = below

    def _deviations(self, element: Any, message: str) -> Iterator[Deviation]:
        name, path = _tag(element), path_of(element)
        if "content does not follow" in message or "was declared" in message or "not expected" in message:
            yield from self._content(element, name, path)
            return
        if "No declaration for element" in message:
            if _tag(element.getparent()) not in self._dtd.elements:
                yield Deviation(Problem.FIELD, path, "no such element", f"<{name}>")
            return  # its parent's content model says it already
        attribute = _IN_ATTRIBUTE.search(message) or _NAMED.search(message)
        key = attribute[1] if attribute else ""
        value = next((str(each) for at, each in element.attrib.items() if at.rpartition("}")[2] == key), "")
        if MASK in value:
            return
        where = f"{path}@{key}"
        if "does not carry attribute" in message:
            yield Deviation(Problem.MISSING, where, "an attribute", "nothing")
        elif "No declaration for attribute" in message:
            yield Deviation(Problem.FIELD, where, "no such attribute", shown(key, value))
        elif "enumerated set" in message:
            known = {each.name: ", ".join(each.values()) for each in self._dtd.elements[name].iterattributes()}
            yield Deviation(Problem.ENUM, where, known.get(key, ""), shown(key, value))
        elif key:
            yield Deviation(Problem.TYPE, where, "", shown(key, value))
        else:
            yield Deviation(Problem.SCHEMA, path, message[:120], f"<{name}>")

    def _content(self, element: Any, name: str, path: str) -> Iterator[Deviation]:
        """Yield what an element lacks and what it has too much; where neither, the order or number is wrong."""
        allowed = self._dtd.children.get(name, {})
        seen = [xml_safe.local(each) for each in element]  # content models are told without prefixes
        below = f"{path}." if path else ""
        lacking = (each for each, needed in allowed.items() if needed and each not in seen)
        found = [Deviation(Problem.MISSING, f"{below}{each}", each, "nothing") for each in lacking]
        beyond = (each for each in dict.fromkeys(seen) if each not in allowed)
        found += [Deviation(Problem.FIELD, f"{below}{each}", "no such element", f"<{each}>") for each in beyond]
        content = self._dtd.elements[name].content if name in self._dtd.elements else None
        if not found and name in self._dtd.elements:
            found.append(Deviation(Problem.SCHEMA, path, _written(content)[:200], ", ".join(seen)[:80] or "nothing"))
        yield from found


def _elements(compiled: Any) -> dict[str, Any]:
    """Return the declared elements by name; a DTD knows no namespaces, `xades:Name` is another element than `Name`.

    Content models are told without prefixes, so that a name without one stands for the prefixed where it is alone.
    """
    declared = list(compiled.iterelements())
    found = {f"{each.prefix}:{each.name}" if each.prefix else each.name: each for each in declared}
    for each in declared:
        found.setdefault(each.name, each)
    return found


def _tag(element: Element) -> str:
    return f"{element.prefix}:{xml_safe.local(element)}" if element.prefix else xml_safe.local(element)


def _children(content: Any, required: bool) -> Iterator[tuple[str, bool]]:
    """Yield the elements of a content model, and whether each must be there."""
    if content is None:
        return
    must = required and content.occur in ("once", "plus")
    if content.type == "element":
        yield content.name, must
    elif content.type in ("seq", "or"):
        # Left to right, the right one nested: walked in a loop, since a choice may have hundreds.
        inside = must and content.type == "seq"
        here = content
        while here is not None and here.type == content.type and (here is content or here.occur == "once"):
            yield from _children(here.left, inside)
            here = here.right
        yield from _children(here, inside)


def _written(content: Any) -> str:
    """Return a content model as a DTD writes it."""
    if content is None:
        return "nothing"
    mark = {"opt": "?", "mult": "*", "plus": "+"}.get(content.occur, "")
    if content.type in ("element", "pcdata"):
        return f"{content.name or '#PCDATA'}{mark}"
    join = ", " if content.type == "seq" else " | "
    return f"({join.join(_parts(content, content.type))}){mark}"


def _parts(content: Any, kind: str) -> Iterable[str]:
    here = content
    while here is not None and here.type == kind and (here is content or here.occur == "once"):
        yield _written(here.left)
        here = here.right
    if here is not None:
        yield _written(here)


def _attribute(attribute: Any) -> Field:
    values = attribute.values()
    fixed = [attribute.default_value] if attribute.default == "fixed" else []
    return Field(
        types=frozenset({"string"}),
        required=attribute.default == "required",
        enum=frozenset(values or fixed) if values or fixed else None,
    )
