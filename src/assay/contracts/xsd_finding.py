"""Turns what libxml2 says of a message into deviations, each at the path of its element."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from assay.contracts import xml_safe
from assay.contracts.json_places import shown
from assay.contracts.model import Deviation, Problem
from assay.contracts.xml_safe import Element
from assay.masking import MASK

_EXPECTED = re.compile(r"Expected is (?:one of )?\( (.+?) \)")
_ATTRIBUTE = re.compile(r"[Tt]he attribute '(?:\{[^{}]*\})?([^']+)'")
_TYPE = re.compile(r"(?:atomic|union|list|simple|local atomic) type '(?:\{[^{}]*\})?([^']+)'")
_SPACE = re.compile(r"\{[^{}]*\}")
_FACET = re.compile(r"\[facet '(\w+)'\]")
_SET = re.compile(r"an element of the set \{(.+)\}")
_LIMITS = {"pattern", "length", "minLength", "maxLength", "totalDigits", "fractionDigits", "minInclusive",
           "maxInclusive", "minExclusive", "maxExclusive"}  # fmt: skip


def found_in(compiled: etree.XMLSchema, element: Element) -> Iterator[Deviation]:
    """Yield where an element departs from compiled schemas; what is masked is not judged."""
    if compiled.validate(element):
        return
    top = element.getroottree()
    seen: set[tuple[object, str]] = set()
    for error in compiled.error_log:  # type: ignore[attr-defined]
        place = _element(element, error.path)
        deviation = _deviation(place, error.message)
        key = (place, deviation.path)
        # A wrong value is complained of twice: by its facet, then as no value of its type.
        if deviation.problem is Problem.TYPE and key in seen:
            continue
        seen.add(key)
        text = f"{place.text or ''} {' '.join(map(str, place.attrib.values()))}"
        if MASK not in text:
            yield deviation
    del top


def path_of(element: Element) -> str:
    """Return the path of an element below the outermost: names joined by dots."""
    names: list[str] = []
    here: Element | None = element
    while here is not None:
        names.append(xml_safe.local(here))
        here = here.getparent()
    if names and names[-1] == "Envelope":
        del names[-2:]
    return ".".join(reversed(names[:-1]))


def _element(root: Element, path: str) -> Element:
    """Return the element that an error's path names; the root where it names none."""
    here = root
    for step in path.split("/")[2:]:
        match = re.fullmatch(r"(?:([\w.-]+):)?([\w.*-]+)(?:\[(\d+)\])?", step)
        if match is None:
            return here
        prefix, name, at = match[1], match[2], int(match[3] or 1)
        children = [each for each in here if name == "*" or _is_named(each, prefix, name)]
        if at > len(children):
            return here
        here = children[at - 1]
    return here


def _is_named(element: Element, prefix: str | None, name: str) -> bool:
    return xml_safe.local(element) == name and element.prefix == prefix


def _deviation(element: Element, message: str) -> Deviation:
    path, name = path_of(element), xml_safe.local(element)
    text = (element.text or "").strip()
    attribute = _ATTRIBUTE.search(message)
    expected = _EXPECTED.search(message)
    wanted = _SPACE.sub("", expected[1]) if expected else ""
    if "not expected" in message:
        problem = Problem.FIELD if not _is_needed(message) else Problem.SCHEMA
        return Deviation(problem, path, wanted or "no such element", f"<{name}>")
    if "Missing child element" in message:
        first = wanted.split(",")[0].strip()
        return Deviation(Problem.MISSING, f"{path}.{first}" if path else first, wanted, "nothing")
    if "is required but missing" in message and attribute:
        return Deviation(Problem.MISSING, f"{path}@{attribute[1]}", "an attribute", "nothing")
    if "is not allowed" in message and attribute:
        value = element.get(attribute[1], "")
        return Deviation(Problem.FIELD, f"{path}@{attribute[1]}", "no such attribute", shown(attribute[1], value))
    if attribute:
        path, name, text = f"{path}@{attribute[1]}", attribute[1], element.get(attribute[1], "")
    facet = _FACET.search(message)
    if facet and facet[1] == "enumeration":
        options = _SET.search(message)
        return Deviation(Problem.ENUM, path, options[1].replace("'", "")[:200] if options else "", shown(name, text))
    if facet and facet[1] in _LIMITS:
        return Deviation(Problem.LIMIT, path, _limit(facet[1], message), shown(name, text))
    kind = _TYPE.search(message)
    if "not a valid value" in message or "not nillable" in message:
        problem = Problem.NULL if "nillable" in message else Problem.TYPE
        return Deviation(problem, path, kind[1] if kind else "", shown(name, text))
    if "No matching global" in message:
        return Deviation(Problem.SCHEMA, path, "an element of the schema", f"<{name}>")
    reason = _SPACE.sub("", re.sub(r"^Element '[^']*'(?:, attribute '[^']*')?: ", "", message))
    return Deviation(Problem.SCHEMA, path, reason[:120], shown(name, text))


def _is_needed(message: str) -> bool:
    """Whether something else had to stand where an unexpected element stands, rather than nothing more."""
    return "Expected is" in message


def _limit(facet: str, message: str) -> str:
    values = re.findall(r"'([^']*)'", _SPACE.sub("", message))
    return f"{facet} {values[-1]}" if values else facet
