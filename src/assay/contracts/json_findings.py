"""Turns what compiled validators complain of into deviations: one a place, with the path as the document has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import jsonschema_rs
import orjson

from assay.contracts.json_normal import Definitions, Schema
from assay.contracts.json_view import View, text, views
from assay.contracts.model import Deviation, Problem
from assay.masking import MASK, mask_personal

_LONGEST = 60
_MOST_KNOWN = 10_000
_LIMITS = {
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
    "format", "minItems", "maxItems", "minProperties", "maxProperties", "uniqueItems", "minContains", "maxContains",
}  # fmt: skip
_EXTRA = {"additionalProperties", "unevaluatedProperties"}
_ALTERNATIVES = {"anyOf", "oneOf"}
Error = jsonschema_rs.ValidationError


class Findings:
    """What departs from one schema in one body."""

    def __init__(self, definitions: Definitions, schema: Schema, *, request: bool) -> None:
        self._definitions = definitions
        self._schema = schema
        self._request = request
        self._paths: dict[tuple[str, ...], tuple[str, View]] = {}

    def of(self, errors: Iterable[Error]) -> list[Deviation]:
        """Return the deviations that the errors of a validator come to; those of masked values are none."""
        return [each for error in errors for each in self._deviations(error)]

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

    def _deviations(self, error: Error) -> Iterator[Deviation]:
        keyword, value = error.kind.name, error.instance
        if _is_masked(value):
            return
        if keyword in _ALTERNATIVES:
            yield from self._alternatives(error)
            return
        path, here = self.path(error.instance_path)
        last = str(error.instance_path[-1]) if error.instance_path else ""
        if keyword == "type":
            expected = " or ".join(sorted(here.types or error.kind.value))
            problem = Problem.NULL if value is None else Problem.TYPE
            yield Deviation(problem, path, expected, _sort(value) if value is None else shown(last, value))
        elif keyword == "required":
            name = error.kind.value
            yield Deviation(Problem.MISSING, joined(path, name), self._types(here, name), "nothing")
        elif keyword in ("enum", "const"):
            options = error.kind.value if keyword == "enum" else [error.kind.value]
            if value is None and None not in options:
                yield Deviation(Problem.NULL, path, listed(options), "null")
            else:
                yield Deviation(Problem.ENUM, path, listed(options), shown(last, value))
        elif keyword in _EXTRA:
            for name in error.kind.value:
                if name not in here.members:  # another alternative's member is documented, whichever it was meant for
                    yield Deviation(Problem.FIELD, joined(path, name), "no such field", shown(name, value.get(name)))
        elif keyword in _LIMITS:
            yield Deviation(Problem.LIMIT, path, f"{keyword} {text(error.kind.value)}", shown(last, value))
        elif keyword == "falseSchema":
            yield Deviation(Problem.FIELD, path, "no such field", shown(last, value))
        else:
            yield Deviation(Problem.SCHEMA, path, keyword, shown(last, value))

    def _types(self, here: View, name: str) -> str:
        nodes = here.members.get(name)
        return " or ".join(sorted(self._views(nodes).types or ())) if nodes else ""

    def _alternatives(self, error: Error) -> Iterator[Deviation]:
        """Yield what is wrong by the alternative that the value comes nearest to."""
        value, depth = error.instance, len(error.instance_path)
        ranked = []
        for place, branch in enumerate(error.kind.value):
            unfit = any(_is_unfit(each, depth) for each in branch)
            named = sum(_is_other_kind(each, depth) for each in branch)
            found = list(dict.fromkeys(self.of(branch)))
            severe = sum(not each.problem.is_additive for each in found)
            ranked.append((unfit, named, severe, len(found), place, found))
        unfit, *_, found = min(ranked)
        if not unfit:
            yield from found
            return
        path, here = self.path(error.instance_path)
        last = str(error.instance_path[-1]) if error.instance_path else ""
        expected = " or ".join(sorted(here.types or ()))
        if value is None:
            yield Deviation(Problem.NULL, path, expected, "null")
        elif here.enum is not None and _sort(value) in (here.types or ()):
            yield Deviation(Problem.ENUM, path, listed(here.enum), shown(last, value))
        else:
            yield Deviation(Problem.TYPE, path, expected, shown(last, value))


def joined(path: str, name: str) -> str:
    """Return the path of a member of what a path leads to."""
    return f"{path}.{name}" if path else name


def shown(name: str, value: Any) -> str:
    """Return a value as a report may show it: what is secret or personal replaced, and cut short."""
    if isinstance(value, Mapping | list) and value:
        return _sort(value)
    whole = orjson.dumps({name or "value": value}, default=str).decode()
    seen = mask_personal(whole).partition(":")[2].removesuffix("}") if ":" not in name else _sort(value)
    return seen if len(seen) <= _LONGEST else seen[: _LONGEST - 1] + "…"


def listed(options: Iterable[Any]) -> str:
    """Return the allowed values on one line, the first of them where they are many."""
    names = list(dict.fromkeys(text(each) for each in options))
    return ", ".join(names[:8]) + (f", … ({len(names)})" if len(names) > 8 else "")


def _sort(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, dict):
        return f"an object of {len(value)} members"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    return "string" if isinstance(value, str) else "integer" if isinstance(value, int) else "number"


def _is_masked(value: Any) -> bool:
    return isinstance(value, str) and MASK in value


def _is_unfit(error: Error, depth: int) -> bool:
    """Return whether an alternative is none at all for a value: it asks for another type."""
    return len(error.instance_path) == depth and error.kind.name == "type"


def _is_other_kind(error: Error, depth: int) -> bool:
    """Return whether a value says itself that it is of another kind: by a member with fixed values."""
    return len(error.instance_path) == depth + 1 and error.kind.name in ("enum", "const")
