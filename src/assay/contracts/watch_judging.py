"""What has changed in live answers (O-D1), read from what was learned of them; nothing is asked and nothing is kept.

A vanished field is told from an ordinary absence by its presence rate. With k of n answers that had it, the chance that
none of the next r has it is, whatever its true rate may be, beta-binomial (Jeffreys' prior):

    P(r) = B(k + 1/2, n - k + 1/2 + r) / B(k + 1/2, n - k + 1/2)

It has vanished where P(r) is below one in a million and r is more than twice the longest absence that was ever ended.
The second condition makes the sum over all time small: for independent answers at most 2 false alarms in 1,000 fields
(`p * alpha` an answer at first; twice the longest gap of N answers has a chance of about `(N p)^-2` later on). A field
that was in a quarter of the answers is missed within 100 answers, one that was always there after five.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from assay.contracts.model import Problem
from assay.contracts.watch_answer import path_of
from assay.contracts.watch_header import SUNSET
from assay.contracts.watch_memory import CALM, FORMAT, WINDOW
from assay.store.learned import LearnedKey, LearnedRow
from assay.store.schema import at as instant

BREAKING, ADDITIVE = "breaking", "additive"
LEVELS = (BREAKING, ADDITIVE)
KINDS = ("added", "removed", "type", "required", "enum", "deprecated")
"""In which ways answers change, as the metric of changes tells them apart."""
ALPHA, NULL_ALPHA = 1e-6, 1e-8
"""How small the chance of an absence, or of so many nulls, must be before it is a change."""
ENOUGH = 30
"""So many answers must have had a place, or its container, before anything of it counts as learned."""
ENOUGH_CODES, OFTEN = 200, 3
"""A set of codes is known after so many answers in which each came so often."""
_NULLS_BY, _NULL_WINDOWS = 0.25, (20, 50, WINDOW)
_KIND = {
    Problem.FIELD: "added", Problem.PARAMETER: "added", Problem.MISSING: "required", Problem.ENUM: "enum",
    Problem.DEPRECATED: "deprecated",
}  # fmt: skip
_MILD = (Problem.LIMIT, Problem.PRECISION)
"""Departures from a document that break nobody who reads by it: vendors' own limits are the first thing they forget."""
_LEARNED = "as it was learned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is not as documented, or not as it was learned.

    level: BREAKING or ADDITIVE. kind: of KINDS. path: of a place, or a header's name. since: when it was first seen.
    until: the day an API ends, where one is announced. news: whether an additive one is still to be told.
    """

    key: LearnedKey
    level: str
    kind: str
    problem: str
    path: str
    expected: str
    seen: str
    since: datetime
    last: datetime
    count: int
    cause: str = ""
    until: datetime | None = None
    news: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """By what is judged. learn: only what was known so long counts as learned. news: how long what is additive is told.

    urgent: so long before an API ends, what announced it is breaking.
    """

    now: datetime
    learn: timedelta = timedelta(days=1)
    news: timedelta = timedelta(days=1)
    urgent: timedelta = timedelta(days=14)


def changes_in(rows: Sequence[LearnedRow], by: Judgement) -> list[Change]:
    """Return what has changed, the breaking first; what was accepted, or is over, is not among it."""
    found = [change for row in rows if row.memory.get("format") == FORMAT for change in _changes(row, by)]
    return sorted(found, key=lambda each: (LEVELS.index(each.level), each.key, each.path, each.problem))


def is_gone(known: int, answers: int, absent: int, longest: int) -> bool:
    """Whether a field that `known` of `answers` had has vanished, `absent` in a row without it; see above."""
    if answers < ENOUGH or absent <= 2 * longest:
        return False
    a, b = known + 0.5, answers - known + 0.5
    return _log_beta(a, b + absent) - _log_beta(a, b) < math.log(ALPHA)


def has_more_nulls(before: tuple[int, int], lately: tuple[int, int]) -> bool:
    """Whether nulls became more frequent: (nulls, values) before, and of the last ones; by the same prior."""
    (nulls, values), (late, size) = before, lately
    if values < ENOUGH or late / size - nulls / values < _NULLS_BY:
        return False
    a, b = nulls + 0.5, values - nulls + 0.5
    first = _log_beta(a, b)
    tail = (
        math.exp(_log_choose(size, number) + _log_beta(a + number, b + size - number) - first)
        for number in range(late, size + 1)
    )
    return math.fsum(tail) < NULL_ALPHA


def _changes(row: LearnedRow, by: Judgement) -> Iterator[Change]:
    memory = row.memory
    yield from _departures(row.key, memory, by)
    departed = {each["path"] for each in memory["departures"].values()}
    for container, kept in memory["places"].items():
        for name, stat in kept["members"].items():
            path = path_of(container, name)
            if path not in departed:  # the document says it better
                yield from _place(row.key, path, stat, instant(memory["first"]), by)
    yield from _notices(row.key, memory, by)
    yield from _versions(row.key, memory, by)


def _departures(key: LearnedKey, memory: Mapping[str, Any], by: Judgement) -> Iterator[Change]:
    for name, each in memory["departures"].items():
        problem = Problem(each["problem"])
        additive = problem.is_additive or problem in _MILD
        since = instant(each["first"])
        if name in memory["accepted"] or (not additive and memory["answers"] - each["number"] >= CALM):
            continue
        yield Change(
            key=key,
            level=ADDITIVE if additive else BREAKING,
            kind=_KIND.get(problem, "type"),
            problem=problem.value,
            path=each["path"],
            expected=each["expected"] or ("nothing there" if additive else "as the document has it"),
            seen=each["seen"] or problem.value,
            since=since,
            last=instant(each["last"]),
            count=each["count"],
            cause="the vendor's answers are not as its document has them: another version, or a document that is wrong",
            news=by.now - since < by.news,
        )


def _place(key: LearnedKey, path: str, stat: Mapping[str, Any], began: datetime, by: Judgement) -> Iterator[Change]:
    first, last = instant(stat["first"]), instant(stat["last"])

    def made(problem: str, kind: str, expected: str, seen: str, **more: Any) -> Change:
        given = {"level": BREAKING, "since": last, "last": last, "count": 1, "cause": _CAUSES[kind], **more}
        return Change(key=key, kind=kind, problem=problem, path=path, expected=expected, seen=seen, **given)

    if stat["came"] > ENOUGH and by.now - first < by.news and first - began >= by.learn:
        yield made(
            Problem.FIELD.value, "added", "nothing there, " + _LEARNED, "a new field", level=ADDITIVE, since=first,
            count=stat["k"], news=True,
        )  # fmt: skip
    if by.now - first < by.learn:
        return
    settled = stat["n"] - stat["run"]
    if is_gone(stat["k"], settled, stat["run"], stat["gap"]):
        rate = f"in {stat['k']} of {settled} answers, {_LEARNED}"
        yield made("field gone", "removed", rate, f"in none of the last {stat['run']}", count=stat["run"])
    nulls = _more_nulls(stat)
    if nulls is not None:
        yield made("more nulls", "type", f"null in {nulls[0]}, {_LEARNED}", f"in {nulls[1]}")
    for value, (count, came, latest, at) in stat["types"].items():
        if came > ENOUGH and stat["k"] - latest < CALM and instant(at) - first >= by.learn:
            known = ", ".join(sorted(each for each, told in stat["types"].items() if told[1] <= came and each != value))
            yield made(
                Problem.TYPE.value, "type", f"{known or 'null'}, {_LEARNED}", value, since=instant(at), count=count
            )
    yield from _codes(stat, first, by, made)


def _codes(stat: Mapping[str, Any], first: datetime, by: Judgement, made: Any) -> Iterator[Change]:
    codes: Mapping[str, Sequence[int]] = stat["codes"] or {}
    for value, (count, came, latest, at) in codes.items():
        earlier = {each: told[0] for each, told in codes.items() if told[1] < came}
        settled = came > ENOUGH_CODES and instant(at) - first >= by.learn and earlier
        if settled and stat["k"] - latest < CALM and min(earlier.values()) >= OFTEN:
            known = ", ".join(sorted(earlier))
            yield made("new value", "enum", f"{known}, {_LEARNED}", value, since=instant(at), count=count)


def _more_nulls(stat: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the shares of nulls before and lately where they became more."""
    window = int(stat["window"], 16)
    if not window:
        return None
    for size in _NULL_WINDOWS:
        late = (window & ((1 << size) - 1)).bit_count()
        inside = min(stat["k"], WINDOW)
        before = (stat["nulls"] - window.bit_count(), stat["k"] - inside)
        if stat["k"] >= size and has_more_nulls(before, (late, size)):
            return f"{before[0] / before[1]:.0%} of {before[1]}", f"{late / size:.0%} of the last {size}"
    return None


def _notices(key: LearnedKey, memory: Mapping[str, Any], by: Judgement) -> Iterator[Change]:
    for name, each in memory["notices"].items():
        if f"{name}={each['value']}" in memory["accepted"] or memory["answers"] - each["number"] >= CALM:
            continue
        date, since = None if each["date"] is None else instant(each["date"]), instant(each["first"])
        until = date if each["kind"] == SUNSET else None
        urgent = until is not None and until - by.now < by.urgent
        seen = f"{each['header']}: {each['value']}"
        if each["doubt"]:
            seen += f" (not trusted: {each['doubt']})"
        elif date is not None:
            seen += f" ({_told(each['kind'], date, by.now)})"
        yield Change(
            key=key,
            level=BREAKING if urgent else ADDITIVE,
            kind="deprecated",
            problem=f"{each['kind']} announced",
            path=each["header"],
            expected="no announcement that it ends",
            seen=seen,
            since=since,
            last=instant(each["last"]),
            count=each["count"],
            cause="the vendor ends this version of its API: read its notes, and move to the next one before that day",
            until=until,
            news=by.now - since < by.news,
        )


def _told(kind: str, date: datetime, now: datetime) -> str:
    days = math.floor((date - now).total_seconds() / 86_400)
    day = f"{date:%Y-%m-%d}"
    if kind != SUNSET:
        return f"deprecated since {day}" if days < 0 else f"deprecated from {day} on"
    return f"it was to end on {day}, and still answers" if days < 0 else f"it ends on {day}, in {days} days"


def _versions(key: LearnedKey, memory: Mapping[str, Any], by: Judgement) -> Iterator[Change]:
    for header, values in memory["versions"].items():
        for value, (count, came, latest, at) in values.items():
            earlier = [each for each, told in values.items() if told[1] < came]
            if came > ENOUGH and earlier and memory["answers"] - latest < CALM:
                yield Change(
                    key=key,
                    level=ADDITIVE,
                    kind="deprecated",
                    problem="another version answers",
                    path=header,
                    expected=f"{', '.join(earlier)}, {_LEARNED}",
                    seen=f"{value} since {instant(at):%Y-%m-%d}",
                    since=instant(at),
                    last=instant(memory["last"]),
                    count=count,
                    cause="the vendor, or a setting of the account, moved the API to another version",
                    news=by.now - instant(at) < by.news,
                )


_CAUSES = {
    "added": "the vendor added a field: nothing breaks",
    "removed": "the vendor no longer sends the field, or the account no longer has what it tells of",
    "type": "the vendor sends another type or null where there was a value: whoever reads it fails, or reads nothing",
    "enum": "the vendor introduced a value that nobody here knows",
}


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
