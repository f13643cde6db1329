"""Parses XML that others wrote: entities are refused, never resolved, and nothing outside is loaded.

Separate because documents and messages of every XML format pass through here, and none may read XML in another way.
"""

from __future__ import annotations

import re
from typing import Any, cast

from lxml import etree

Element = etree._Element  # lxml's only name for it

_DECLARES = re.compile(rb"<!ENTITY\b")
_EXTERNAL = re.compile(rb"\b(?:SYSTEM|PUBLIC)\b")
_ROOT = re.compile(rb"<(?![!?])")


class UnreadableXml(ValueError):
    """XML that cannot or may not be read. line: where, 0 where nothing says. at_end: it is cut short there."""

    def __init__(self, reason: str, line: int = 0, *, at_end: bool = False) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.reason = reason
        self.line = line
        self.at_end = at_end


def parse(content: bytes) -> Element:
    """Return the root of a well-formed XML text; comments and processing instructions are left out.

    A DOCTYPE may stand there (every cXML message has one) and is not loaded. Raises UnreadableXml for what is not
    well-formed and for any declared entity, external or not.
    """
    _refuse_entities(content)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, attribute_defaults=False,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as problem:
        line, column = problem.lineno or 0, problem.offset or 0
        lines = content.rstrip().count(b"\n") + 1
        width = len(content.rstrip()) - content.rstrip().rfind(b"\n") - 1
        at_end = "Premature end" in problem.msg or (line >= lines and column >= width)
        raise UnreadableXml(problem.msg.split(", line ")[0], line, at_end=at_end) from None
    except ValueError as problem:  # such as text that declares an encoding it is not in
        raise UnreadableXml(str(problem)) from None
    subset = root.getroottree().docinfo.internalDTD
    if subset is not None and any(
        True for _ in cast(Any, subset).iterentities()
    ):  # in an encoding that was not searched
        raise UnreadableXml("declares an entity: refused, never resolved")
    return root


def _refuse_entities(content: bytes) -> None:
    """Refuse entity declarations before a parser sees them: it would expand them in attributes."""
    at = content.find(b"<!DOCTYPE")
    if at < 0:
        return
    match = _DECLARES.search(content, at)
    if match is None:
        return
    end = content.find(b">", match.start())
    root = _ROOT.search(content, at)
    if root is not None and root.start() < match.start() and content.rfind(b"]>", at, match.start()) >= 0:
        return  # after the DOCTYPE has ended: text in a CDATA section that speaks of entities
    kind = "an external entity" if _EXTERNAL.search(content, match.start(), end) else "an entity"
    raise UnreadableXml(f"declares {kind}: refused, never resolved", content.count(b"\n", 0, match.start()) + 1)


def local(element: Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def namespace(element: Element) -> str:
    """Return an element's namespace, '' where it has none."""
    return element.tag[1:].partition("}")[0] if element.tag.startswith("{") else ""
