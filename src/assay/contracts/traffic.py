"""Traffic held against the documents: what a platform and its vendors said to each other, aggregated by path.

Nothing is asked anew: exchanges come from the edge's journal, a simulator's access log or the connectors' own
exchanges (`traffic_said`). Each is judged by the vendor's documents where there are any, and by the contract besides,
which holds rules that a vendor states in prose alone; where there are none, by the contract. A call that the edge
refused or put a fault in front of is left out and counted. Memory does not grow with the number of exchanges.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from assay.contracts.known import Known
from assay.contracts.model import Deviation, Document, Operation, Problem
from assay.contracts.registry import CONTRACT, VENDOR, Held, Registry
from assay.contracts.results import ANSWER, REQUEST, Counted, Observed
from assay.contracts.traffic_judging import Departed, Unjudged, judge
from assay.contracts.traffic_said import SOURCES, Said, of_call, of_exchange
from assay.contracts.traffic_selector import selector_of
from assay.events import Exchange
from assay.masking import mask_personal
from assay.records import Call

_MOST_ROUTES = 20_000
_MOST_PATHS = 200
_MOST_COUNTED = 300
_MORE = "(more)"
_UNPLACED = ("wsdl", "xsd", "dtd")  # the address of these is nowhere, or another in each environment
_EXAMPLE = 240
_IDENTIFIER = re.compile(r"\d|^[A-Za-z_-]{25,}$|%[0-9A-Fa-f]{2}")
_VERSION = re.compile(r"v\d{1,4}(\.\d+)*$", re.IGNORECASE)
_KEYS = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Judged:
    """An operation an exchange is for, in one document. whole: whether it decides alone what is documented at all."""

    held: Held
    operation: Operation
    whole: bool


class Documented:
    """Finds the operations that calls are for in the documents of a registry; shared by all who judge by the same.

    quick: judge by the contract, which is read in no time, and by the vendor's documents only where there is none; what
    is undocumented is not looked for then, since a contract has but what is used.
    """

    def __init__(self, registry: Registry, *, quick: bool = False) -> None:
        self._registry = registry
        self.quick = quick
        self._documents: dict[str, tuple[Held, ...]] = {}
        self._routes: OrderedDict[tuple[str, str, str, str], tuple[Judged, ...]] = OrderedDict()
        self._selecting: dict[str, bool] = {}
        self._hooks: dict[str, list[tuple[Held, list[Operation]]]] = {}
        self._known: dict[str, tuple[Known, ...]] = {}

    def documents(self, system: str) -> Sequence[Held]:
        """Return what a system is judged by: documents that could be read and know at least one operation."""
        if system not in self._documents:
            contracts, vendors = (
                [each for each in self._registry.documents(system, role) if each.document.operations]
                for role in (CONTRACT, VENDOR if not self.quick else "")
            )
            if self.quick and not contracts:
                vendors = [each for each in self._registry.documents(system, VENDOR) if each.document.operations]
            self._documents[system] = (*vendors, *contracts)
        return self._documents[system]

    def known(self, system: str) -> Sequence[Known]:
        """Return where a system's documents are known to be wrong, and why."""
        if system not in self._known:
            self._known[system] = tuple(self._registry.known(system))
        return self._known[system]

    def operations(self, said: Said) -> tuple[Judged, ...]:
        """Return the operations an exchange is for, one a document; none where no document knows it."""
        if said.webhook:
            return self._webhooks(said)
        selector = selector_of(said) if self._is_selecting(said.system) else ""
        key = (said.system, said.method, said.path, selector)
        found = self._routes.get(key)
        if found is None:
            found = self._found(said, selector)
            self._routes[key] = found
            if len(self._routes) > _MOST_ROUTES:
                self._routes.popitem(last=False)
        return found

    def _found(self, said: Said, selector: str) -> tuple[Judged, ...]:
        found: list[Judged] = []
        for held in self.documents(said.system):
            operation = _find(held.document, said, selector)
            if operation is not None and (held.role == CONTRACT or not found):  # of two vendor's documents the first
                found.append(Judged(held, operation, whole=not found))
        return tuple(found)

    def _webhooks(self, said: Said) -> tuple[Judged, ...]:
        """Return the documented webhook a message is, one a document."""
        if said.system not in self._hooks:
            hooks = [
                (held, [operation for operation in held.document.operations if operation.webhook])
                for held in self.documents(said.system)
            ]
            self._hooks[said.system] = [(held, operations) for held, operations in hooks if operations]
        found: list[Judged] = []
        for held, operations in self._hooks[said.system]:
            if held.role == CONTRACT or not found:
                found.append(Judged(held, _nearest(said, operations), whole=not found))
        return tuple(found)

    def _is_selecting(self, system: str) -> bool:
        if system not in self._selecting:
            held = self.documents(system)
            self._selecting[system] = any(op.selector for each in held for op in each.document.operations)
        return self._selecting[system]


class Traffic:
    """Takes exchanges one after the other and keeps what they came to. Not safe for threads."""

    def __init__(self, documents: Registry | Documented, *, webhooks: Mapping[str, str] | None = None) -> None:
        """Judge by these documents. webhooks: the system by the platform's path that takes its webhooks."""
        self._documented = documents if isinstance(documents, Documented) else Documented(documents)
        self._webhooks = dict(webhooks or {})
        self._seen: dict[tuple[str, str, str, str], _Seen] = {}
        self._paths: Counter[str] = Counter()
        self._left: dict[str, Counter[str]] = {}
        self._excused: dict[str, Counter[str]] = {}
        self._sources: set[str] = set()
        self._taken = 0
        self._judged = 0

    def take(self, exchanges: Iterable[Call | Exchange | Said]) -> None:
        """Judge and count more exchanges, of whatever source."""
        for each in exchanges:
            if isinstance(each, Call):
                each = of_call(each, self._webhooks)
            elif isinstance(each, Exchange):
                each = of_exchange(each)
            self._take(each)

    @property
    def exchanges(self) -> int:
        """How many were taken, those left out included."""
        return self._taken

    @property
    def judged(self) -> int:
        """How many of them were for a system with a document, and not left out."""
        return self._judged

    def news(self) -> tuple[Observed, ...]:
        """Return what was counted since this was last asked, with the counts since then."""
        found = []
        for key, seen in sorted(self._seen.items(), key=lambda each: each[0]):
            counted = seen.news()
            if counted:
                found.append(replace(seen.observed(*key), counted=counted))
        return tuple(found)

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the exchanges came from, in words."""
        return tuple(words for where, words in SOURCES.items() if where in self._sources)

    @property
    def left_out(self) -> Mapping[str, str]:
        """What could not be judged and why, with counts, by system."""
        return {
            system: "; ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
            for system, reasons in sorted(self._left.items())
        }

    @property
    def excused(self) -> Mapping[str, Mapping[str, int]]:
        """How often traffic departed where the documents are known to be wrong, by system and reason."""
        return {system: dict(reasons) for system, reasons in sorted(self._excused.items())}

    def observed(self) -> tuple[Observed, ...]:
        """Return what was seen of each operation, by system; what no document knows by its path."""
        return tuple(seen.observed(*key) for key, seen in sorted(self._seen.items(), key=lambda each: each[0]))

    def _take(self, said: Said) -> None:
        self._taken += 1
        self._sources.add(said.where)
        if said.left_out:
            self._leave(said.system, said.left_out)
            return
        if not self._documented.documents(said.system):
            self._leave(said.system, "of a system without a document")
            return
        operations = self._documented.operations(said)
        if not operations and said.webhook:
            self._leave(said.system, "webhooks, of which no document speaks")
            return
        self._judged += 1
        if not operations:
            self._unknown(said)
            return
        seen = self._seen_of(said, operations[0].operation.name, operations[0].operation.path)
        seen.note(said, operations)
        names = [each.operation.name for each in operations]
        already: set[tuple[str, Problem, str]] = set()
        for departed in self._departed(said, operations):
            place = (departed.direction, departed.deviation.problem, departed.deviation.path)
            if place in already:
                continue
            already.add(place)
            if not self._is_excused(said.system, names, departed):
                seen.count(departed, said)

    def _departed(self, said: Said, operations: Sequence[Judged]) -> Iterator[Departed]:
        for each in operations:
            additive = each.whole and not self._documented.quick  # a contract has but what is used
            for found in judge(said, each.operation, additive=additive, format=each.held.document.format):
                if isinstance(found, Unjudged):
                    if each.whole:
                        self._leave(said.system, f"{found.direction}s of which {found.reason}")
                elif each.whole or found.deviation.problem not in (Problem.STATUS, Problem.CONTENT_TYPE):
                    yield found

    def _is_excused(self, system: str, operations: Sequence[str], departed: Departed) -> bool:
        """Whether a document is known to be wrong there; counted by the reason, if so."""
        for known in self._documented.known(system):
            if any(known.covers(each, departed.direction, departed.deviation) for each in operations):
                self._excused.setdefault(system, Counter())[known.reason] += 1
                return True
        return False

    def _unknown(self, said: Said) -> None:
        path = f"{said.method} {templated(said.path)}"
        if (said.system, "", said.where, path) not in self._seen:
            if self._paths[said.system] >= _MOST_PATHS:
                path = _MORE
            self._paths[said.system] += 1
        seen = self._seen_of(said, "", path)
        seen.note(said, ())
        departed = Departed(REQUEST, Deviation(Problem.OPERATION, "", "a documented operation", path))
        if not self._is_excused(said.system, [path], departed):
            seen.count(departed, said)

    def _seen_of(self, said: Said, operation: str, path: str) -> _Seen:
        key = (said.system, operation, said.where, path)
        if key not in self._seen:
            self._seen[key] = _Seen()
        return self._seen[key]

    def _leave(self, system: str, reason: str) -> None:
        self._left.setdefault(system, Counter())[reason] += 1


@dataclass(slots=True)
class _Count:
    deviation: Deviation
    count: int
    example: str
    first: datetime
    last: datetime
    told: int = 0

    def counted(self, direction: str, count: int) -> Counted:
        return Counted(
            direction=direction,
            deviation=self.deviation,
            count=count,
            example=self.example,
            first=self.first,
            last=self.last,
        )


@dataclass(slots=True)
class _Seen:
    """What was seen of one operation so far."""

    exchanges: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    counted: dict[tuple[str, Problem, str, str], _Count] = field(default_factory=dict)
    judged_by: dict[str, None] = field(default_factory=dict)

    def note(self, said: Said, operations: Sequence[Judged]) -> None:
        self.exchanges += 1
        self.statuses[str(said.status) if said.status is not None else "none"] += 1
        for each in operations:
            self.judged_by[f"{each.held.role}: {each.held.source}"] = None

    def count(self, departed: Departed, said: Said) -> None:
        deviation = departed.deviation
        key = (departed.direction, deviation.problem, deviation.path, deviation.expected)
        held = self.counted.get(key)
        if held is not None:
            held.count += 1
            held.first, held.last = min(held.first, said.at), max(held.last, said.at)
            return
        if len(self.counted) >= _MOST_COUNTED:  # a body with a new name of a field each time
            key = (departed.direction, deviation.problem, _MORE, "")
            deviation = Deviation(deviation.problem, _MORE, "", deviation.seen)
            if key in self.counted:
                self.counted[key].count += 1
                return
        self.counted[key] = _Count(deviation, 1, _example(said, departed.direction), said.at, said.at)

    def news(self) -> tuple[Counted, ...]:
        found = []
        for key, each in sorted(self.counted.items()):
            if each.count > each.told:
                found.append(each.counted(key[0], each.count - each.told))
                each.told = each.count
        return tuple(found)

    def observed(self, system: str, operation: str, where: str, path: str) -> Observed:
        counted = tuple(each.counted(key[0], each.count) for key, each in sorted(self.counted.items()))
        return Observed(
            system=system,
            operation=operation,
            where=where,
            exchanges=self.exchanges,
            path=path,
            statuses=dict(sorted(self.statuses.items())),
            counted=counted,
            judged_by=tuple(self.judged_by),
        )


def templated(path: str) -> str:
    """Return a path with what looks like an id in it as `{}`, so that calls of one operation are one."""
    parts = _KEYS.sub("({})", path).split("/")
    return "/".join("{}" if _IDENTIFIER.search(each) and not _VERSION.match(each) else each for each in parts)


def _find(document: Document, said: Said, selector: str) -> Operation | None:
    if document.format.startswith("graphql") and "graphql" in said.path:  # no schema says where it is served
        return next((each for each in document.operations if each.selector == selector), None)
    found = document.find(said.method, said.path, selector)
    if found is None and document.format in _UNPLACED:
        return document.find(said.method, "/", selector) if selector else None
    if found is None and said.method == "HEAD":
        found = document.find("GET", said.path, selector)
    if found is None and said.path.endswith("/") and said.path != "/":
        found = document.find(said.method, said.path.rstrip("/"), selector)
    return found if found is None or not found.webhook else None


def _nearest(said: Said, webhooks: list[Operation]) -> Operation:
    """Return the webhook that a message departs from least; what was found last is looked at first next time."""
    if len(webhooks) == 1:
        return webhooks[0]
    best = next((each for each in webhooks if not _departures(said, each, additive=True)), None)
    if best is None:  # most are told apart by what they must hold, the rest by what they may
        best = min(webhooks, key=lambda each: tuple(_departures(said, each, additive=more) for more in (False, True)))
    webhooks.remove(best)
    webhooks.insert(0, best)
    return best


def _departures(said: Said, operation: Operation, *, additive: bool) -> int:
    found = judge(said, operation, additive=additive)
    return sum(isinstance(each, Departed) and each.direction == REQUEST for each in found)


def _example(said: Said, direction: str) -> str:
    message = said.request if direction == REQUEST else said.answer
    line = f"{said.method} {said.path}" + (f" {said.status}" if direction == ANSWER else "")
    text = mask_personal(f"{line} {(message.body or '')[: 4 * _EXAMPLE]}".strip())
    return text if len(text) <= _EXAMPLE else text[: _EXAMPLE - 1] + "…"
