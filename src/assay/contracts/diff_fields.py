"""What changed between the fields of two messages, path by path, seen from whoever sends or receives them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from assay.contracts.model import Field, parent_of

_NULL, _DEFAULT = "null", "default"
_SCALARS = frozenset({"integer", "number", "boolean"})
_CUT = 5_000  # fields of one message from which on a reader may have left some out
_MOST = 6  # values or names written out in one change
_LONGEST = 60
_UPPER = frozenset(
    {
        *("maxlength", "maximum", "exclusivemaximum", "maxitems", "maxproperties"),
        *("maxinclusive", "maxexclusive", "totaldigits", "fractiondigits", "precision", "scale", "maxoccurs"),
    }
)
_LOWER = frozenset(
    {
        *("minlength", "minimum", "exclusiveminimum", "minitems", "minproperties"),
        *("mininclusive", "minexclusive", "minoccurs"),
    }
)
_WIDER_FORMATS = {("int32", "int64"), ("float", "double")}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One difference. what: `gone`, `new`, `renamed`, or the end of a rule's id; required: of a field gone or new."""

    what: str
    path: str
    old: str = ""
    new: str = ""
    required: bool = False
    closed: bool = False  # of a field that is gone: its parent now refuses what it does not list
    decided: bool = True
    beneath: int = 0


def changes(old: Mapping[str, Field], new: Mapping[str, Field]) -> Iterator[FieldChange]:
    """Give every difference, a field that went or came without what lies beneath it."""
    while renamed := dict(_renamed(_tops(old, new), _tops(new, old), old, new)):
        for before, after in sorted(renamed.items()):
            is_required, decided = old[before].required or new[after].required, old[before].decided
            yield FieldChange(
                what="renamed", path=before, old=_leaf(before), new=_leaf(after), required=is_required, decided=decided
            )
        back = {after: before for before, after in renamed.items()}
        new = {_under(path, back): each for path, each in new.items()}
    other: set[str] = set()
    for path in sorted(old.keys() & new.keys()):
        found = list(of_field(path, old[path], new[path])) if old[path] != new[path] else []
        other.update(each.path for each in found if each.what == "type-changed")
        yield from found
    for path, beneath in sorted(_tops(old, new).items()):
        each, parent = old[path], new.get(parent_of(path))
        closed = parent is not None and parent.closed and parent.decided
        if not _is_beneath(path, other) and (closed or not path.endswith("{}")):  # another type says it all
            yield FieldChange(
                what="gone", path=path, old=each.words, required=each.required, closed=closed, decided=each.decided,
                beneath=beneath,
            )  # fmt: skip
    for path, beneath in sorted(_tops(new, old).items()):
        each = new[path]
        if not _is_beneath(path, other) and not path.endswith("{}"):
            yield FieldChange(
                what="new", path=path, new=each.words, required=each.required, decided=each.decided, beneath=beneath
            )


def of_field(path: str, old: Field, new: Field) -> Iterator[FieldChange]:
    """Give every difference between what two documents say of one place."""
    decided = old.decided and new.decided

    def change(what: str, before: object = "", after: object = "") -> FieldChange:
        return FieldChange(what=what, path=path, old=_short(before), new=_short(after), decided=decided)

    if path and old.required != new.required:
        yield change("became-required" if new.required else "became-optional")
    if new.deprecated and not old.deprecated:
        yield change("deprecated")
    widened, narrowed = types_apart(old.types, new.types)
    if _NULL in widened:
        yield change("null-new", old.words, new.words)
    if _NULL in narrowed:
        yield change("null-gone", old.words, new.words)
    widened, narrowed = widened - {_NULL}, narrowed - {_NULL}
    if widened or narrowed:
        what = "type-changed" if widened and narrowed else "type-widened" if widened else "type-narrowed"
        yield change(what, old.words, new.words)
        if what == "type-changed":
            return  # its values and limits are another type's
    yield from _values(path, old, new)
    for what, name, before, after in limits_apart(dict(old.limits), dict(new.limits)):
        yield change(what, f"{name} {before or 'none'}", f"{name} {after or 'none'}")


def on_the_wire(fields: Mapping[str, Field]) -> dict[str, Field]:
    """Return what a parameter may be as text: nothing is null there, and what a text may be, a number may."""
    made = {}
    for path, each in fields.items():
        kinds = each.types - {_NULL}
        made[path] = replace(each, types=kinds | _SCALARS if "string" in kinds else kinds)
    return made


def types_apart(old: frozenset[str], new: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the types the newer allows beyond the older, and the other way round; no type at all is any type."""
    if old == new:
        return frozenset(), frozenset()
    if not old:
        return frozenset(), frozenset({"any other type"})
    if not new:
        return frozenset({"any other type"}), frozenset()
    widened, narrowed = new - old, old - new
    widened -= {"integer"} if "number" in old else frozenset()
    narrowed -= {"integer"} if "number" in new else frozenset()
    return widened, narrowed


def limits_apart(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """Give (`limit-tightened`, `-loosened`, `-changed`, `format-new` or `default-changed`, name, older, newer)."""
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        yield _limit(name, before, after), name, before or "", after or ""


def _limit(name: str, before: str | None, after: str | None) -> str:
    kind = name.casefold()
    if kind == _DEFAULT:
        return "default-changed"
    if after is None or (kind == "format" and (before, after) in _WIDER_FORMATS):
        return "limit-loosened"
    if before is None:
        return "format-new" if kind == "format" else "limit-tightened"
    if kind == "format":
        return "limit-changed"
    if kind in _UPPER | _LOWER:
        with suppress(InvalidOperation):
            grew = Decimal(after) > Decimal(before)
            return "limit-loosened" if grew == (kind in _UPPER) else "limit-tightened"
    return "limit-changed"


def _values(path: str, old: Field, new: Field) -> Iterator[FieldChange]:
    decided = old.decided and new.decided
    if old.enum == new.enum:
        return
    if old.enum is None and new.enum is not None:
        yield FieldChange(what="values-closed", path=path, new=_named(new.enum), decided=decided)
    elif old.enum is not None and new.enum is None:
        yield FieldChange(what="values-opened", path=path, old=_named(old.enum), decided=decided)
    elif old.enum is not None and new.enum is not None:
        if new.enum - old.enum:
            yield FieldChange(what="value-new", path=path, new=_named(new.enum - old.enum), decided=decided)
        if old.enum - new.enum:
            yield FieldChange(what="value-gone", path=path, old=_named(old.enum - new.enum), decided=decided)


def _tops(here: Mapping[str, Field], there: Mapping[str, Field]) -> dict[str, int]:
    """Return the paths that only `here` has and whose parents both have, each with how many lie beneath it."""
    reach = _reach(there)
    alone = {path for path in here if path not in there and _depth(path) <= reach}
    tops = dict.fromkeys((path for path in alone if path and parent_of(path) not in alone), 0)
    for path in alone - tops.keys():
        above = parent_of(path)
        while above in alone and above not in tops:
            above = parent_of(above)
        if above in tops:
            tops[above] += 1
    return tops


def _reach(fields: Mapping[str, Field]) -> float:
    """Return how deep all fields are known: what is too wide to be listed whole was cut, the deepest first."""
    if not isinstance(fields, dict) or len(fields) < _CUT:  # JSON's answers for any path, listed or not
        return math.inf
    return max(map(_depth, fields)) - 1


def _depth(path: str) -> int:
    return path.count(".") + path.count("@") + path.count("[]")


def _renamed(
    gone: Mapping[str, int], came: Mapping[str, int], old: Mapping[str, Field], new: Mapping[str, Field]
) -> Iterator[tuple[str, str]]:
    """Give (older path, newer path) where two fields of one parent differ in case and `_` alone, and say the same."""
    by_words: dict[tuple[str, str], list[str]] = {}
    for path in came:
        by_words.setdefault((parent_of(path), _bare(path)), []).append(path)
    for path in gone:
        alike = by_words.get((parent_of(path), _bare(path)), [])
        if len(alike) == 1 and old[path].types == new[alike[0]].types:
            yield path, alike[0]


def _under(path: str, renamed: Mapping[str, str]) -> str:
    """Return a path with the one of its steps that has another name renamed."""
    above = path
    while above:
        if above in renamed:
            return renamed[above] + path[len(above) :]
        above = parent_of(above)
    return path


def _is_beneath(path: str, tops: set[str]) -> bool:
    while path:
        path = parent_of(path)
        if path in tops:
            return True
    return False


def _leaf(path: str) -> str:
    return path[len(parent_of(path)) :].lstrip(".")


def _bare(path: str) -> str:
    return re.sub(r"[_-]", "", _leaf(path)).casefold()


def _named(values: frozenset[str]) -> str:
    names = sorted(values)
    return ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
