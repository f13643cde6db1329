"""Compares two descriptions of one message path by path: what the one says there against what the other says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from assay.contracts.model import Deviation, Field, Parameter, Problem
from assay.contracts.results import ANSWER, REQUEST

_SHOWN = 6
# What every HTTP client and server may send, whether a document says so or not; and what authentication brings.
_PLAIN_HEADERS = frozenset({"accept", "content-type", "content-length", "authorization", "user-agent"})


class Side(StrEnum):
    """Whose message it is: what a vendor answers, or what it is asked."""

    ANSWER = ANSWER
    REQUEST = REQUEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What comparing one path came to: nothing where both agree."""

    path: str
    deviations: tuple[Deviation, ...] = ()
    undecided: str = ""
    narrower: bool = False
    looser: bool = False  # the document limits lengths, ranges or forms here that the contract leaves open


def compare_fields(mine: Mapping[str, Field], theirs: Mapping[str, Field], side: Side) -> Iterator[Place]:
    """Compare every path of the contract's message with the vendor's; of what they do not know the top is named."""
    known = _Known(theirs)
    parents = {_parent(path) for path in mine if path}
    gone: set[str] = set()
    for path, field in mine.items():
        above = _parent(path)
        if path and above in gone:
            gone.add(path)
            continue
        other = known.at(path)
        if other is not None:
            yield _compared(path, field, other, side, is_leaf=path not in parents)
            continue
        gone.add(path)
        if known.lists_members(above, [each for each in mine if each and _parent(each) == above and each != path]):
            yield Place(path=path, deviations=(Deviation(Problem.FIELD, path, "no such field", field.words),))
        else:
            yield Place(path=path, undecided="the vendor's document says nothing of what is in there")
    for path, other in theirs.items():
        if other.required and other.decided and path not in mine and _parent(path) in parents:
            yield Place(
                path=path, deviations=(Deviation(Problem.MISSING, path, "always there", "not in the contract"),)
            )


def compare_parameters(mine: Sequence[Parameter], theirs: Sequence[Parameter]) -> Iterator[Place]:
    """Compare the parameters of two operations; those in the path by their place alone."""
    known = {(each.place, _folded(each)): each for each in theirs if each.place != "path"}
    own = {(each.place, _folded(each)) for each in mine}
    for each in mine:
        if each.place == "path" or (each.place == "header" and each.name.lower() in _PLAIN_HEADERS):
            continue
        path, other = f"{each.place} {each.name}", known.get((each.place, _folded(each)))
        if other is None:
            yield Place(path=path, deviations=(Deviation(Problem.PARAMETER, path, f"no such {each.place} parameter"),))
            continue
        found = []
        if other.required and not each.required:
            found.append(Deviation(Problem.MISSING, path, "required", "may be left out"))
        place = Place(path=path)
        if each.shape is not None and other.shape is not None:
            place = _compared(path, each.shape.fields[""], other.shape.fields[""], Side.REQUEST, is_leaf=True)
        yield Place(
            path=path,
            deviations=(*found, *place.deviations),
            undecided=place.undecided if not found else "",
            narrower=place.narrower or (each.required and not other.required),
        )
    for key, other in known.items():
        if other.required and key not in own and not (key[0] == "header" and key[1] in _PLAIN_HEADERS):
            path = f"{other.place} {other.name}"
            yield Place(path=path, deviations=(Deviation(Problem.MISSING, path, "required", "no such parameter"),))


def _compared(path: str, mine: Field, theirs: Field, side: Side, *, is_leaf: bool) -> Place:
    if not mine.types and mine.enum is None:
        return Place(path=path, undecided="the contract says nothing of its type")
    found = []
    if theirs.types and mine.types:
        beyond = _beyond(mine.types, theirs.types)
        if beyond:
            problem = Problem.NULL if beyond == {"null"} else Problem.TYPE
            found.append(Deviation(problem, path, theirs.words, mine.words))
    if theirs.enum is not None and mine.types != {"null"} and not any(each.problem is Problem.TYPE for each in found):
        more = None if mine.enum is None else mine.enum - theirs.enum
        if more is None or more:
            found.append(Deviation(Problem.ENUM, path, _listed(theirs.enum), "any" if more is None else _listed(more)))
    if path and theirs.required and not mine.required and mine.decided:
        found.append(Deviation(Problem.MISSING, path, "always there", "may be left out"))
    why = ""
    if not found:
        why = _why_open(mine, theirs, is_leaf=is_leaf)
    narrower = side is Side.REQUEST and (
        (mine.required and not theirs.required)
        or (mine.enum is not None and (theirs.enum is None or bool(theirs.enum - mine.enum)))
        or bool(mine.types and theirs.types and _beyond(theirs.types, mine.types) - {"null"})
    )
    looser = bool(dict(theirs.limits).keys() - dict(mine.limits).keys())
    return Place(path=path, deviations=tuple(found), undecided=why, narrower=narrower, looser=looser)


def _why_open(mine: Field, theirs: Field, *, is_leaf: bool) -> str:
    if not theirs.types and theirs.enum is None:
        return "the vendor's document says nothing of its type"
    if is_leaf and mine.types & {"object", "array"}:
        return "the contract says nothing of what is in there"
    if not (mine.decided and theirs.decided):
        return "required in some of its alternatives only"
    return ""


class _Known:
    """Looks paths of one document up in another, where members of a map have other names."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._fields = fields
        self._names: dict[str, str | None] = {"": ""}
        self._listing: frozenset[str] | None = None

    def at(self, path: str) -> Field | None:
        """Return what the document says of a path, None where it knows none."""
        name = self._name(path)
        return None if name is None else self._fields.get(name)

    def lists_members(self, path: str, siblings: Sequence[str]) -> bool:
        """Whether the document says what a place may hold: it knows a sibling, or lists something below."""
        if any(self.at(each) is not None for each in siblings):
            return True
        if self._listing is None:
            self._listing = frozenset(_parent(each) for each in self._fields if each)
        name = self._name(path)
        field = self.at(path)
        scalar = field is not None and bool(field.types) and not field.types & {"object", "array"}
        return name is not None and (name in self._listing or scalar or (field is not None and field.closed))

    def _name(self, path: str) -> str | None:
        if path not in self._names:
            parent = _parent(path)
            above = self._name(parent)
            step = path[len(parent) :].removeprefix(".")
            found = None
            for each in () if above is None else (step, "{}"):
                name = each if not above else f"{above}{each}" if each == "[]" else f"{above}.{each}"
                if self._fields.get(name) is not None:
                    found = name
                    break
            self._names[path] = found
        return self._names[path]


def _parent(path: str) -> str:
    # Ours are messages of JSON, where `@` is a letter of a name as any other: `image@2x`.
    return path[:-2] if path.endswith("[]") else path.rpartition(".")[0]


def _beyond(mine: frozenset[str], theirs: frozenset[str]) -> frozenset[str]:
    """Return the types of the one that the other does not have; every integer is a number."""
    return mine - theirs - ({"integer"} if "number" in theirs else frozenset())


def _listed(values: frozenset[str]) -> str:
    names = sorted(values)
    return ", ".join(names[:_SHOWN]) + (f", … ({len(names)})" if len(names) > _SHOWN else "")


def _folded(parameter: Parameter) -> str:
    return parameter.name.lower() if parameter.place == "header" else parameter.name.removesuffix("[]")
