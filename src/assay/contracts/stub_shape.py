"""Two answers to one request held against each other by their shape: which members there are, and of what type.

Values change from one day to the next; that a member is gone, or is a text where it was a number, is what makes a
recorded answer an untrue one. What one of the answers leaves open is not judged: null, an empty list, a masked value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.contracts import xml_safe
from assay.contracts.model import Deviation, Problem, media_type, parent_of
from assay.contracts.stubs import answer_of
from assay.contracts.traffic_body import is_json, is_xml
from assay.masking import MASK

_TYPES = ((bool, "boolean"), ((int, float), "number"), (str, "string"), (list, "array"), (dict, "object"))
# A member named by an id or a date is one of a map's, and tomorrow's has another name.
_KEY = re.compile(r"\d{4}|[0-9a-f]{8}-|_[A-Za-z0-9]*\d[A-Za-z0-9]{6,}$")


def apart(recorded: Mapping[str, Any], fresh: Mapping[str, Any]) -> Sequence[Deviation]:
    """Return how a fresh answer departs from the recorded one; both as the response of a WireMock mapping."""
    before, headers, body = answer_of(recorded)
    after, new_headers, new_body = answer_of(fresh)
    if before != after:
        return [Deviation(Problem.STATUS, "", f"{before} as recorded", str(after))]
    media, new_media = (media_type(each.get("content-type", "")) for each in (headers, new_headers))
    if media != new_media:
        return [Deviation(Problem.CONTENT_TYPE, "", f"{media or 'none'} as recorded", new_media or "none")]
    old, new = _shape(body, media), _shape(new_body, media)
    return list(_between(old, new)) if old is not None and new is not None else []


def _between(old: Mapping[str, set[str]], new: Mapping[str, set[str]]) -> Iterator[Deviation]:
    for path in sorted(old.keys() | new.keys()):
        above = parent_of(path)
        if path and not (above in old and above in new):
            continue  # said of what lies above, or nobody can know: a list was empty
        if path not in new and not (path.endswith("[]") or path.endswith("{}")):
            yield Deviation(Problem.MISSING, path, f"{_words(old[path])} as recorded", "nothing")
        elif path not in old and not (path.endswith("[]") or path.endswith("{}")):
            yield Deviation(Problem.FIELD, path, "nothing as recorded", _words(new[path]))
        elif path in old and path in new and old[path] and new[path] and not old[path] & new[path]:
            yield Deviation(Problem.TYPE, path, f"{_words(old[path])} as recorded", _words(new[path]))


def _shape(body: str | None, media: str) -> dict[str, set[str]] | None:
    """Return the types at each path of a body; None where it cannot be read or is neither JSON nor XML."""
    if not body:
        return {} if body == "" else None
    found: dict[str, set[str]] = {}
    if is_json(media):
        try:
            _walk(json.loads(body), "", found)
        except ValueError:
            return None
        return found
    if is_xml(media):
        try:
            root = xml_safe.parse(body.encode())
        except xml_safe.UnreadableXml:
            return None
        _elements(root, xml_safe.local(root), found)
        return found
    return None


def _walk(value: Any, path: str, found: dict[str, set[str]]) -> None:
    types = found.setdefault(path, set())
    if value is None or (isinstance(value, str) and MASK in value):
        return
    types.add(next(name for kind, name in _TYPES if isinstance(value, kind)))
    if isinstance(value, dict):
        for name, each in value.items():
            step = "{}" if _KEY.search(name) else name
            _walk(each, f"{path}.{step}" if path else step, found)
    elif isinstance(value, list):
        for each in value:
            _walk(each, f"{path}[]", found)


def _elements(element: Any, path: str, found: dict[str, set[str]]) -> None:
    found.setdefault(path, set()).add("element")
    for name in element.attrib:
        found.setdefault(f"{path}@{name}", set()).add("attribute")
    for each in element:
        if isinstance(each.tag, str):
            _elements(each, f"{path}.{xml_safe.local(each)}", found)


def _words(types: set[str]) -> str:
    return " or ".join(sorted(types)) or "null"
