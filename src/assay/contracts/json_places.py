"""Names the places of a body as the document does, and says what a report may show of what stands there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from assay.contracts.json_normal import Definitions, Schema
from assay.contracts.json_view import View, text, views
from assay.contracts.model import Deviation, Problem
from assay.masking import mask_personal

_LONGEST = 60
_MOST_KNOWN = 10_000


class Places:
    """The places of bodies that one schema describes."""

    def __init__(self, definitions: Definitions, schema: Schema, *, request: bool) -> None:
        self._definitions = definitions
        self._schema = schema
        self._request = request
        self._paths: dict[tuple[str, ...], tuple[str, View]] = {}

    def deprecated(self, body: Any) -> Iterator[Deviation]:
        """Yield the members of a body whose use the document calls deprecated."""
        todo: list[tuple[str, Any, View]] = [("", body, self._views([self._schema]))]
        while todo:
            path, value, here = todo.pop()
            if isinstance(value, list):
                below = self._views(here.items) if here.items else None
                todo.extend((f"{path}[]", each, below) for each in value if below is not None)
            if not isinstance(value, dict):
                continue
            for name, each in value.items():
                if name not in here.members:
                    continue
                member, where = self._views(here.members[name]), joined(path, name)
                if "deprecated" in member.marks:
                    yield Deviation(Problem.DEPRECATED, where, "not to be used any more", shown(name, each))
                todo.append((where, each, member))

    def path(self, places: Sequence[str | int]) -> tuple[str, View]:
        """Return the path of a place in a body, and what the document says of it."""
        key = tuple("[]" if isinstance(each, int) else each for each in places)
        if key not in self._paths:
            if len(self._paths) > _MOST_KNOWN:
                self._paths.clear()
            self._paths[key] = self._looked_up(places)
        return self._paths[key]

    def _looked_up(self, places: Sequence[str | int]) -> tuple[str, View]:
        here, path = self._views([self._schema]), ""
        for place in places:
            if isinstance(place, int):
                path, here = f"{path}[]", self._views(here.items) if here.items else View()
            elif place in here.members:
                path, here = joined(path, place), self._views(here.members[place])
            else:
                path, here = joined(path, "{}"), self._views(here.more) if here.more else View()
        return path, here

    def _views(self, nodes: Sequence[Schema]) -> View:
        return views(self._definitions, nodes, request=self._request)


def joined(path: str, below: str) -> str:
    """Return the path of what lies below a path: a member, an array's elements, or a path from there on."""
    if not path or not below:
        return path or below
    return f"{path}{below}" if below.startswith("[]") else f"{path}.{below}"


def shown(name: str, value: Any) -> str:
    """Return a value as a report may show it: what is secret or personal replaced, and cut short."""
    if isinstance(value, Mapping | list) and value:
        return sort_of(value)
    whole = orjson.dumps({name or "value": value}, default=str).decode()
    seen = mask_personal(whole).partition(":")[2].removesuffix("}") if ":" not in name else sort_of(value)
    return seen if len(seen) <= _LONGEST else seen[: _LONGEST - 1] + "…"


def listed(options: Iterable[Any]) -> str:
    """Return the allowed values on one line, the first of them where they are many."""
    names = list(dict.fromkeys(text(each) for each in options))
    return ", ".join(names[:8]) + (f", … ({len(names)})" if len(names) > 8 else "")


def sort_of(value: Any) -> str:
    """Return what sort of value it is, in JSON's words, without its content."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, dict):
        return f"an object of {len(value)} members"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    return "string" if isinstance(value, str) else "integer" if isinstance(value, int) else "number"
