"""Watches live answers: hears what connectors are told, learns from it in the store, and says what has changed (O-D1).

Whoever calls a vendor lends its exchanges (`Watch.hear`, quick and never in the way); `learn` adds them to what the
store knows, where several processes add up; `changes` reads what all of them learned. Answers of 500 and above, and
refusals for too many calls, are a vendor's bad day and not its contract: they are not learned.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from assay.capture import Capture
from assay.contracts.known import Known
from assay.contracts.model import Answer, Deviation, Document, Field, Operation, Problem, Shape, media_type
from assay.contracts.registry import CONTRACT, VENDOR, Registry
from assay.contracts.results import ANSWER
from assay.contracts.traffic_body import fitting
from assay.contracts.watch_answer import body_of, label_of
from assay.contracts.watch_header import notices_in, versions_in
from assay.contracts.watch_judging import Change, Judgement, changes_in
from assay.contracts.watch_memory import Sighting, accept, learn, paths_of
from assay.errors import UsageError, did_you_mean
from assay.events import Exchange
from assay.profile import System
from assay.store import Store
from assay.store.learned import LearnedKey, LearnedRow

ORACLE = "O-D1"
FORMULA = "every exchange is as the document has it, and live answers are as they were learned"
_MOST_WAITING, _MOST_BYTES = 1_000, 32 * 1024 * 1024
_MOST_OPERATIONS = 500
"""Of a system so many operations and statuses are learned: an address with a word in it may be another each time."""
_NO_BODY = frozenset({204, 205, 304})
_NOT_LEARNED = frozenset({408, 429})
_LEFT_OUT = re.compile(r"<\d+ bytes")
_JUDGED = frozenset(
    {Problem.FIELD, Problem.MISSING, Problem.TYPE, Problem.NULL, Problem.ENUM, Problem.LIMIT, Problem.PRECISION}
    | {Problem.MALFORMED, Problem.SCHEMA}
)


@dataclass(frozen=True, slots=True)
class Judge:
    """One document by which a system's answers are judged. strict: whether what it does not know is told, too.

    known: where it is known to be wrong.
    """

    document: Document
    strict: bool = False
    known: Sequence[Known] = ()


Judges = Callable[[str], Sequence[Judge]]


def judges_of(registry: Registry, systems: Mapping[str, System]) -> Judges:
    """Return by which documents each system's answers are judged, the first that knows the operation.

    A live system or sandbox by the vendor's own, a simulated one by its contract. What is used of a system need not
    name everything it answers: only a vendor's own document says what is undocumented.
    """

    def judges(system: str) -> Sequence[Judge]:
        simulated = system in systems and systems[system].mode == "simulated"
        roles = (CONTRACT,) if simulated else (VENDOR, CONTRACT)
        known = registry.known(system)
        return [
            Judge(held.document, role == VENDOR, known) for role in roles for held in registry.documents(system, role)
        ]

    return judges


class Watch:
    """What one environment's systems answer. Safe for threads, and for several processes over one store.

    missed: how many answers were let go because nobody learned from them in time, or of too many operations.
    """

    def __init__(self, environment: str, store: Callable[[], Store], judges: Judges) -> None:
        self.missed = 0
        self._environment = environment
        self._store = store
        self._judges = judges
        self._heard: deque[Capture] = deque()
        self._bytes = 0
        self._known: set[LearnedKey] = set()
        self._waiting: list[tuple[LearnedKey, Sighting]] = []
        self._hearing, self._learning = threading.Lock(), threading.Lock()

    def hear(self, capture: Capture) -> None:
        """Take one exchange to learn from later; the oldest go where too many wait."""
        if not capture.status or capture.status >= 500 or capture.status in _NOT_LEARNED:
            return
        with self._hearing:
            self._heard.append(capture)
            self._bytes += capture.size
            while len(self._heard) > _MOST_WAITING or (self._bytes > _MOST_BYTES and len(self._heard) > 1):
                self._bytes -= self._heard.popleft().size
                self.missed += 1

    def learn(self) -> int:
        """Add what was heard to what is known and return how many answers; what the store does not take, waits."""
        with self._learning:
            with self._hearing:
                heard, self._heard, self._bytes = self._heard, deque(), 0
            self._waiting += [self.sighting(capture.masked()) for capture in heard]
            waiting = self._waiting
            if not waiting:
                return 0
            by_key: dict[LearnedKey, list[Sighting]] = {}
            try:
                for key, sighting in waiting:
                    if self._has_room(key):
                        by_key.setdefault(key, []).append(sighting)
                self._store().learned.change(
                    self._environment, by_key, lambda key, memory: _learned(memory, by_key[key]), now=_now()
                )
            except Exception:
                self._waiting = waiting[-_MOST_WAITING:]
                raise
            self._waiting = []
            return sum(map(len, by_key.values()))

    def sighting(self, exchange: Exchange) -> tuple[LearnedKey, Sighting]:
        """Return what is learned of one masked exchange, and of which operation it is."""
        judge, operation = self._operation(exchange)
        answer = operation.answer(exchange.status or 0) if operation is not None else None
        content_type = exchange.response_headers.get("content-type", "")
        shape = _shape(answer, content_type)
        text = "" if _LEFT_OUT.match(exchange.response_body) else exchange.response_body
        key = LearnedKey(
            exchange.system, label_of(exchange, operation.name if operation else None), exchange.status or 0
        )
        documented = _fields(shape)
        deviations = _deviations(exchange, text, answer, shape, judge.strict) if judge is not None else ()
        return key, Sighting(
            at=exchange.started_at,
            body=body_of(text, content_type, documented),
            deviations=[each for each in deviations if not _is_known(each, judge, operation)],
            notices=notices_in(exchange.response_headers, exchange.started_at),
            versions=versions_in(exchange.response_headers),
            documented=documented,
        )

    def changes(self, by: Judgement, rows: Sequence[LearnedRow] | None = None) -> list[Change]:
        """Return what is not as documented or not as learned, the breaking first; see `changes_in`. rows: as read."""
        return changes_in(self.rows() if rows is None else rows, by)

    def rows(self, system: str | None = None) -> list[LearnedRow]:
        """Return what is known, of one system where one is named."""
        return self._store().learned.load(self._environment, system)

    def forget(self, system: str) -> int:
        """Forget what was learned of a system and return of how many operations; `UsageError` where none was."""
        forgotten = self._store().learned.forget(self._environment, system)
        if not forgotten:
            known = sorted({row.key.system for row in self.rows()})
            raise UsageError(
                f"nothing was learned of '{system}' on '{self._environment}'",
                expected=f"one of {', '.join(known)}" if known else None,
                hint=did_you_mean(system, known) if known else "`assay monitor` learns from what its monitors read",
            )
        return forgotten

    def accept(self, path: str, system: str | None = None) -> list[LearnedKey]:
        """Take what a path, or a header, is now as normal and return where; `UsageError` where nobody knows it."""
        rows = self.rows(system)
        keys = [row.key for row in rows if path in paths_of(dict(row.memory))]
        if not keys:
            near = difflib.get_close_matches(path, {each for row in rows for each in paths_of(dict(row.memory))}, n=1)
            raise UsageError(
                f"no answer has '{path}'",
                where=system,
                expected="a path such as data[].amount, or the name of a header",
                hint=f"did you mean '{near[0]}'?" if near else "`assay contracts watch --paths` shows what was learned",
            )
        accepted: list[LearnedKey] = []

        def take(key: LearnedKey, memory: dict[str, Any]) -> dict[str, Any]:
            if accept(memory, path):
                accepted.append(key)
            return memory

        self._store().learned.change(self._environment, keys, take, now=_now())
        return accepted

    def _has_room(self, key: LearnedKey) -> bool:
        """Whether an operation is known, or its system has not too many yet."""
        if key in self._known:
            return True
        if not self._known:
            self._known = set(self._store().learned.keys(self._environment))
        if key not in self._known and sum(each.system == key.system for each in self._known) >= _MOST_OPERATIONS:
            self.missed += 1
            return False
        self._known.add(key)
        return True

    def _operation(self, exchange: Exchange) -> tuple[Judge | None, Operation | None]:
        path = urlsplit(exchange.url).path
        for judge in self._judges(exchange.system):
            found = judge.document.find(exchange.method, path)
            if found is not None:
                return judge, found
        return None, None


def _learned(memory: dict[str, Any], sightings: Sequence[Sighting]) -> dict[str, Any]:
    for sighting in sorted(sightings, key=lambda each: each.at):
        memory = learn(memory, sighting)
    return memory


def _deviations(
    exchange: Exchange, text: str, answer: Answer | None, shape: Shape | None, strict: bool
) -> Sequence[Deviation]:
    """Return where an answer departs from its document; one without a body departs from nothing."""
    if answer is None or not text or exchange.method == "HEAD" or exchange.status in _NO_BODY:
        return ()
    if shape is None:
        media = media_type(exchange.response_headers.get("content-type", ""))
        if not answer.shapes or not media or media in map(media_type, answer.shapes):
            return ()
        return (Deviation(Problem.CONTENT_TYPE, "", ", ".join(answer.shapes), media),)
    return [each for each in shape.deviations(text.encode(), additive=strict) if each.problem in _JUDGED]


def _is_known(deviation: Deviation, judge: Judge | None, operation: Operation | None) -> bool:
    if judge is None or operation is None:
        return False
    return any(each.covers(operation.name, ANSWER, deviation) for each in judge.known)


def _shape(answer: Answer | None, content_type: str) -> Shape | None:
    """Return the shape a document has for a content type: its own, else that of a type or range which holds it."""
    if answer is None:
        return None
    key = fitting(answer.shapes, media_type(content_type))
    return None if key is None else answer.shapes[key]


def _fields(shape: Shape | None) -> Mapping[str, Field]:
    return {} if shape is None else shape.fields


def _now() -> datetime:
    return datetime.now(UTC)
