"""The query options of a request and the address of a resource, read as OData V2 writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.simkit.odata.edm import EntitySet, Model, Property
from assay.simkit.odata.errors import ODataFault, bad_request
from assay.simkit.odata.filter import Filter, parse_filter
from assay.simkit.odata.values import comparable, from_json, is_number

_KNOWN = frozenset("$filter $expand $select $orderby $top $skip $skiptoken $inlinecount $format $search".split())  # noqa: SIM905
_SEGMENT = re.compile(r"^([A-Za-z_$][A-Za-z0-9_$.]*)(?:\((.*)\))?$", re.DOTALL)
_KEY_PART = re.compile(r"\s*(?:([A-Za-z_]\w*)\s*=\s*)?((?:[A-Za-z]+)?'(?:[^']|'')*'|[^',=]+)\s*(?:,|$)")
Tree = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What a reader asked for: rows kept, their order, how many, and which parts of each."""

    filter: Filter | None = None
    order: tuple[tuple[Callable[[Any], Any], str, bool], ...] = ()
    top: int | None = None
    skip: int = 0
    token: int = 0
    count: bool = False
    expand: Tree = field(default_factory=dict)
    select: Tree | None = None
    search: str = ""


def parse_options(query: Sequence[tuple[str, str]], entity: EntitySet, model: Model) -> Options:
    """Read the system query options; options without ``$`` are the caller's own and ignored."""
    given: dict[str, str] = {}
    for name, value in query:
        if name.startswith("$"):
            if name not in _KNOWN:
                raise bad_request(f"Invalid system query option '{name}'")
            if name in given:
                raise bad_request(f"System query option '{name}' is specified more than once")
            given[name] = value
        elif name == "search":
            given["$search"] = value
    if not given:
        return _EMPTY
    if given.get("$format", "json") not in ("json", "xml", "atom") and "json" not in given["$format"]:
        raise bad_request(f"Invalid value '{given['$format']}' of system query option '$format'")
    if given.get("$inlinecount", "none") not in ("none", "allpages"):
        raise bad_request(f"Invalid value '{given['$inlinecount']}' of system query option '$inlinecount'")
    expand = _tree(given.get("$expand", ""), entity, model, ways_only=True)
    return Options(
        parse_filter(given["$filter"], entity) if given.get("$filter", "").strip() else None,
        _order(given.get("$orderby", ""), entity),
        _whole(given, "$top"),
        _whole(given, "$skip") or 0,
        _whole(given, "$skiptoken") or 0,
        given.get("$inlinecount") == "allpages",
        expand,
        _tree(given["$select"], entity, model, ways_only=False) if given.get("$select", "*") != "*" else None,
        given.get("$search", ""),
    )


_EMPTY = Options()


def _whole(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not is_number(text) or len(text) > 9:
        raise bad_request(f"Invalid value '{text[:40]}' of system query option '{name}'")
    return int(text)


def _order(text: str, entity: EntitySet) -> tuple[tuple[Callable[[Any], Any], str, bool], ...]:
    keys = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, _, direction = part.partition(" ")
        prop = entity.by_name.get(name)
        if prop is None or direction.strip() not in ("", "asc", "desc"):
            raise bad_request(f"Invalid value '{part[:60]}' of system query option '$orderby'")
        keys.append((_natural(prop), name, direction.strip() == "desc"))
    return tuple(keys)


def _natural(prop: Property) -> Callable[[Any], Any]:
    convert = comparable(prop)
    if prop.alpha:
        return lambda wire: wire.rjust(20) if is_number(wire) else wire
    blank: Any = "" if prop.kind in ("Guid", "Time") else 0
    return lambda wire: blank if wire is None else convert(wire)


def _tree(text: str, entity: EntitySet, model: Model, *, ways_only: bool) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in filter(None, (each.strip() for each in text.split(","))):
        level, here = tree, entity
        for step in path.split("/"):
            way = here.ways.get(step)
            if way is None:
                if ways_only or (step != "*" and step not in here.by_name):
                    raise ODataFault(400, "/IWFND/CM_MGW_RT/022", f"Resource not found for segment '{step[:60]}'")
                level[step] = {}
                break
            level = level.setdefault(step, {})
            here = model.sets[way.target]
    return tree


def split_path(path: str) -> list[tuple[str, str | None]]:
    """Split a decoded path into (name, key predicate) segments; slashes inside quotes belong to the key."""
    segments, current, quoted = [], "", False
    for letter in path.strip("/"):
        if letter == "'":
            quoted = not quoted
        if letter == "/" and not quoted:
            segments.append(current)
            current = ""
        else:
            current += letter
    if current or segments:
        segments.append(current)
    found: list[tuple[str, str | None]] = []
    for segment in segments:
        match = _SEGMENT.match(segment)
        if match is None:
            raise ODataFault(404, "/IWFND/CM_MGW_RT/022", f"Resource not found for segment '{segment[:60]}'")
        found.append((match[1], match[2]))
    return found


def parse_key(entity: EntitySet, predicate: str) -> dict[str, Any]:
    """Read a key predicate (``'1'`` or ``SalesOrder='1',SalesOrderItem='10'``) into wire values."""
    values: dict[str, Any] = {}
    at = 0
    while at < len(predicate):
        match = _KEY_PART.match(predicate, at)
        if match is None or match.end() == at:
            raise bad_request(f"Malformed key predicate ({predicate[:60]}) of '{entity.name}'")
        name = match[1] or (entity.keys[0].name if len(entity.keys) == 1 else "")
        prop = entity.by_name.get(name)
        if prop is None or not prop.is_key or name in values:
            raise bad_request(f"Invalid key predicate ({predicate[:60]}) of '{entity.name}'")
        values[name] = read_literal(prop, match[2].strip())
        at = match.end()
    if missing := [each.name for each in entity.keys if each.name not in values]:
        raise bad_request(f"Key property '{missing[0]}' of '{entity.name}' is missing in ({predicate[:60]})")
    return values


_PREFIX = {"DateTime": "datetime", "DateTimeOffset": "datetimeoffset", "Guid": "guid", "Time": "time"}


def read_literal(prop: Property, literal: str) -> Any:
    """Read a literal of an address (``'x'``, ``guid'…'``, ``12M``) as a wire value of a property."""
    prefix = _PREFIX.get(prop.kind, "")
    text: Any = literal
    if prop.kind == "String" or prefix:
        if not (literal.startswith(prefix + "'") and literal.endswith("'") and len(literal) > len(prefix) + 1):
            raise bad_request(f"Invalid literal {literal[:60]} of property '{prop.name}'")
        text = literal[len(prefix) + 1 : -1].replace("''", "'")
    elif prop.kind == "Boolean":
        text = {"true": True, "false": False}.get(literal, literal)
    elif prop.kind in ("Decimal", "Double"):
        text = literal.rstrip("mMdDfF")
    elif is_number(literal.rstrip("lL").lstrip("-")):
        text = int(literal.rstrip("lL"))
    try:
        return from_json(prop, text)
    except ODataFault as fault:
        raise bad_request(fault.message) from None
