"""Holds a contract, what we say we use of a vendor, against the vendor's own documents: by path, then by drawn values.

What the contract says a vendor answers must be allowed by the vendor's document: no other fields, types or values, and
whatever the document promises. What it says a vendor takes must be taken there: nothing the document refuses, and
whatever it requires. A contract may ask for less than the document offers: it holds what is used. A place of which one
of the two says nothing is undecided, unless values drawn from the contract were valid there by the vendor's document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

import orjson

from assay.contracts.comparing_paths import Place, Side, compare_fields, compare_parameters
from assay.contracts.comparing_values import Drawn, draw_and_judge
from assay.contracts.json_shape import JsonShape
from assay.contracts.known import COMPARE, Known
from assay.contracts.model import Answer, Deviation, Document, Operation, Problem, Shape, media_type
from assay.contracts.registry import Registry
from assay.contracts.results import ANSWER, REQUEST
from assay.errors import UsageError, did_you_mean

BY_PATH, BY_VALUES = "path", "values"
_LEAST_VALUES = 2  # of one message, however many messages there are


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """One place where the contract is not as the document. by: path or values. reason: '' where none is known."""

    operation: str
    direction: str
    status: str
    deviation: Deviation
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """One place of which neither fields nor drawn values decide whether the two agree, and why not."""

    operation: str
    direction: str
    status: str
    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What holding one contract against its vendor's documents came to.

    operations: of the contract; unknown: of those, the ones no document of the vendor has. places: paths of messages
    and parameters that were compared. limits_left: places whose lengths or patterns the document says and the contract
    does not. narrower: places where the contract takes less than the vendor. stale: reasons for what departs no more.
    """

    system: str
    contract: str
    documents: tuple[str, ...]
    operations: int
    unknown: int
    places: int
    values: int
    departures: tuple[Departure, ...]
    undecided: tuple[Undecided, ...]
    limits_left: int
    narrower: int
    stale: tuple[Known, ...]

    @property
    def unexplained(self) -> tuple[Departure, ...]:
        """The departures for which no reason is listed."""
        return tuple(each for each in self.departures if not each.reason)

    @property
    def undecided_share(self) -> float:
        """Which part of the places is undecided, from 0 to 1."""
        return len(self.undecided) / self.places if self.places else 0.0


@dataclass(frozen=True, slots=True)
class _Message:
    """One message both sides describe."""

    operation: str
    direction: str
    status: str
    mine: Shape
    theirs: Shape


def compare(registry: Registry, system: str, *, values: int = 200, seed: int = 1) -> Compared:
    """Compare a system's contract with its vendor's documents. `UsageError` where one of the two is missing.

    values: how many are drawn from the contract, over all its messages (of each at least two). seed: of the drawing.
    """
    contract, vendor = registry.contract(system), registry.vendor(system)
    if contract is None or not vendor:
        absent = registry.absent(system)
        raise UsageError(
            f"'{system}' has no contract to compare" if contract is None else f"no document of '{system}' is here",
            seen="; ".join(f"{each.name}: {each.problem}" for each in absent) or None,
            hint=absent[0].hint if absent else "name contract and documents of the system in assay.toml",
        )
    unreadable = [
        fault for each in (contract, *vendor) for fault in each.document.faults if not each.document.operations
    ]
    if not contract.document.operations:
        raise UsageError(
            "the contract has no operations", where=contract.source, seen=unreadable[0].problem if unreadable else None
        )
    comparison = _Comparison([each.document for each in vendor])
    for operation in contract.document.operations:
        comparison.operation(operation)
    drawn = comparison.draw(values, Random(seed))  # noqa: S311  # seeded on purpose
    known = registry.known(system, COMPARE)
    departures = tuple(_explained(each, known) for each in comparison.departures)
    covered = {
        id(one) for one in known for each in departures if one.covers(each.operation, each.direction, each.deviation)
    }
    stale = tuple(one for one in known if id(one) not in covered)
    return Compared(
        system=system,
        contract=contract.source,
        documents=tuple(each.document.title or each.path.name for each in vendor),
        operations=len(contract.document.operations),
        unknown=comparison.unknown,
        places=comparison.places,
        values=drawn,
        departures=departures,
        undecided=tuple(comparison.undecided.values()),
        limits_left=len(comparison.limits_left),
        narrower=len(comparison.narrower),
        stale=stale,
    )


def comparable(registry: Registry, names: Sequence[str] = ()) -> list[str]:
    """Return the systems that have a contract and a vendor's document. `UsageError` for a name that is no system."""
    for name in names:
        if name not in registry.systems:
            raise UsageError(f"no documents of '{name}'", hint=did_you_mean(name, registry.systems))
    return [each for each in names or registry.systems if registry.contract(each) and registry.vendor(each)]


class _Comparison:
    """Gathers what comparing one operation after the other comes to."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        # Many operations share a message: each pair of descriptions is compared once, and told of each of them.
        self._messages: dict[bytes, list[_Message]] = {}
        self._compared: dict[bytes, list[Place]] = {}
        self.departures: list[Departure] = []
        self._told: set[tuple[str, str, str, Problem, str]] = set()
        self.undecided: dict[tuple[str, str, str, str], Undecided] = {}
        self.limits_left: set[tuple[str, str, str, str]] = set()
        self.narrower: set[tuple[str, str, str, str]] = set()
        self.places = 0
        self.unknown = 0

    def operation(self, mine: Operation) -> None:
        """Compare one operation of the contract."""
        theirs = self._counterpart(mine)
        if theirs is None:
            self.unknown += 1
            kind = "webhook" if mine.webhook else "operation"
            self._departs(
                mine.name, "", "", Deviation(Problem.OPERATION, "", f"a documented {kind}", mine.path), BY_PATH
            )
            return
        for place in compare_parameters(mine.parameters, theirs.parameters):
            self._place(mine.name, REQUEST, "", place)
        self._bodies(mine.name, REQUEST, "", mine.requests, theirs.requests)
        for status, answer in mine.responses.items():
            found = _answer(status, theirs.responses)
            self.places += 1
            if found is None:
                seen = ", ".join(theirs.responses) or "none"
                deviation = Deviation(Problem.STATUS, "", f"one of {seen}", status)
                self._departs(mine.name, ANSWER, status, deviation, BY_PATH)
            elif not found.shapes and answer.shapes:
                self._leave(mine.name, ANSWER, status, "", "the vendor's document says nothing of the body")
            else:
                self._bodies(mine.name, ANSWER, status, answer.shapes, found.shapes)

    def draw(self, values: int, random: Random) -> int:
        """Draw values from every message and judge them by the other side; return how many were drawn."""
        each_of = max(_LEAST_VALUES, -(-values // max(len(self._messages), 1)))
        drawn = 0
        for same in self._messages.values():
            found = draw_and_judge(same[0].mine, same[0].theirs, Side(same[0].direction), each_of, random)
            drawn += found.values
            for message in same:
                self._judged(message, found)
        return drawn

    def _judged(self, message: _Message, found: Drawn) -> None:
        place = (message.operation, message.direction, message.status)
        for deviation in found.deviations:
            if (*place, deviation.problem, deviation.path) not in self._told:
                self._departs(*place, deviation, BY_VALUES)
        for path in found.held:
            self.undecided.pop((*place, path), None)

    def _bodies(
        self,
        name: str,
        direction: str,
        status: str,
        mine: Mapping[str, Shape | None],
        theirs: Mapping[str, Shape | None],
    ) -> None:
        known = {media_type(media): shape for media, shape in theirs.items()}
        for media, shape in mine.items():
            self.places += 1
            other = known.get(media_type(media), known.get("*/*"))
            if media_type(media) not in known and "*/*" not in known:
                deviation = Deviation(Problem.CONTENT_TYPE, "", " or ".join(known) or "no body", media)
                self._departs(name, direction, status, deviation, BY_PATH)
            elif shape is None or other is None:
                whose = "the contract" if shape is None else "the vendor's document"
                self._leave(name, direction, status, "", f"{whose} says nothing of the body")
            else:
                key = _key(shape, other, direction)
                self._messages.setdefault(key, []).append(_Message(name, direction, status, shape, other))
                if key not in self._compared:
                    self._compared[key] = list(compare_fields(shape.fields, other.fields, Side(direction)))
                for place in self._compared[key]:
                    self._place(name, direction, status, place)

    def _place(self, name: str, direction: str, status: str, place: Place) -> None:
        self.places += 1
        for deviation in place.deviations:
            self._departs(name, direction, status, deviation, BY_PATH)
        if place.undecided:
            self._leave(name, direction, status, place.path, place.undecided)
        if place.looser:
            self.limits_left.add((name, direction, status, place.path))
        if place.narrower:
            self.narrower.add((name, direction, status, place.path))

    def _departs(self, name: str, direction: str, status: str, deviation: Deviation, by: str) -> None:
        self._told.add((name, direction, status, deviation.problem, deviation.path))
        self.departures.append(
            Departure(operation=name, direction=direction, status=status, deviation=deviation, by=by)
        )

    def _leave(self, name: str, direction: str, status: str, path: str, why: str) -> None:
        key = (name, direction, status, path)
        self.undecided[key] = Undecided(operation=name, direction=direction, status=status, path=path, why=why)

    def _counterpart(self, mine: Operation) -> Operation | None:
        for document in self._documents:
            if mine.webhook:
                found = next((each for each in document.operations if each.webhook and each.path == mine.path), None)
            else:
                found = document.find(mine.method, mine.path, mine.selector)
            if found is not None:
                return found
        return None


def _explained(departure: Departure, known: Sequence[Known]) -> Departure:
    for each in known:
        if each.covers(departure.operation, departure.direction, departure.deviation):
            return replace(departure, reason=each.reason)
    return departure


def _answer(status: str, theirs: Mapping[str, Answer]) -> Answer | None:
    """Return what the other document has for a status of ours, which may stand for many of them."""
    return next((theirs[key] for key in _keys(status, theirs) if key in theirs), None)


def _keys(status: str, theirs: Mapping[str, Answer]) -> Iterator[str]:
    yield status
    if status.isdecimal():
        yield from (f"{status[0]}XX", f"{status[0]}xx", "default")
    elif status[:1].isdecimal():
        yield from (f"{status[0]}xx", f"{status[0]}XX")
        yield from (key for key in theirs if key[:1] == status[0])
        yield "default"
    else:
        yield from (key for key in theirs if key[:1] in "45")


def _key(mine: Shape, theirs: Shape, direction: str) -> bytes:
    """Return a digest that two pairs of descriptions share only where both are the same."""
    digest = hashlib.sha256(direction.encode())
    for each in (mine, theirs):
        said = (
            orjson.dumps(each.schema) + each.media.encode() if isinstance(each, JsonShape) else str(id(each)).encode()
        )
        digest.update(said)
    return digest.digest()
