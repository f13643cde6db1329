"""What a run held against documents, fit to print: by system and operation, in every way it was looked at.

One verdict is an operation looked at in one way. Page, Markdown and JUnit are made from the same verdicts, so that none
of them says more or less than another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from assay.contracts.model import Deviation
from assay.contracts.results import Contracts, Counted, Failed, HeldStub, Observed, Tested
from assay.reporting.text import clip, instant, plural

NOTHING = (
    "Nothing was held against a document in this run. `assay gate` does so, and `assay contracts check`, `traffic` and"
    " `stubs` each by itself."
)
NOTE = (
    "Simulator: generated requests, and whether the answers are as documented. Platform: what your platform and its"
    " vendors said to each other. Live: what the connectors read. ✓ as documented · ✗ violations · ! known failures"
    " only · – not looked at."
)
LEFT_OUT, UNDECIDED, EXCUSED = "not looked at", "undecided", "on record"
UNKNOWN = "(no operation of the document)"
_SEVERAL = re.compile(r".* and (\d[\d,]*) more")
_NAME, _TEXT, _EXAMPLE = 120, 240, 600


class Way(StrEnum):
    """How an operation was looked at."""

    SIMULATOR = "simulator"
    SANDBOX = "sandbox"
    PLATFORM = "platform"
    LOAD = "load"
    LIVE = "live"
    STUBS = "stubs"


COLUMNS = (
    ("Simulator", (Way.SIMULATOR, Way.SANDBOX)),
    ("Platform", (Way.PLATFORM, Way.LOAD)),
    ("Live", (Way.LIVE,)),
    ("Stubs", (Way.STUBS,)),
)
"""The columns of the page after the document's own, and the ways that stand in each."""


@dataclass(frozen=True, slots=True)
class Departure:
    """One way in which something is not as documented, and how often. known: who answers for it, and until when."""

    system: str
    operation: str
    way: Way
    direction: str
    path: str
    problem: str
    expected: str
    seen: str
    count: int
    example: str = ""
    span: str = ""
    known: str = ""
    is_additive: bool = False

    @property
    def is_violation(self) -> bool:
        """Whether it makes a run red."""
        return not self.known and not self.is_additive

    def sentence(self) -> str:
        """It in one sentence, without where it was seen."""
        place = " ".join(part for part in (self.direction, self.path) if part)
        told = f"{self.problem}{f' at {place}' if place else ''}"
        if self.expected:
            told += f": expected {self.expected}"
        if self.seen:
            told += f"{', ' if self.expected else ': '}seen {self.seen}"
        times = f" ({self.count:,} times)" if self.count > 1 else ""
        return f"{told}{times}{f' [known: {self.known}]' if self.known else ''}"


@dataclass(frozen=True, slots=True)
class Held:
    """One operation, looked at in one way: what was done, and what came of it."""

    system: str
    operation: str
    way: Way
    done: str
    departures: tuple[Departure, ...] = ()
    statuses: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()
    amount: int = 0
    judged_by: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """fail, known where nothing but excused failures came, else pass."""
        if any(each.is_violation for each in self.departures):
            return "fail"
        return "known" if any(each.known for each in self.departures) else "pass"


@dataclass(frozen=True, slots=True)
class Cell:
    """One operation in one column: state is fail, known, pass or empty."""

    label: str
    state: str = "empty"
    text: str = ""


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One operation: whether the document has it, and what each way came to."""

    name: str
    cells: tuple[Cell, ...]

    @property
    def state(self) -> str:
        """The worst that any way came to; that a document has it says nothing of that."""
        return _worst(cell.state for cell in self.cells[1:])


@dataclass(frozen=True, slots=True)
class SystemRows:
    """One system: how much of its document was looked at, by which ways, and its operations, those that fail first."""

    name: str
    state: str
    facts: tuple[str, ...]
    rows: tuple[OperationRow, ...]


def held_of(contracts: Contracts) -> list[Held]:
    """Return every verdict of a run, by system, operation and way."""
    found = [_tested(each) for each in contracts.tested]
    found += [_observed(each) for each in contracts.observed]
    stubs: dict[tuple[str, str], list[HeldStub]] = {}
    for stub in contracts.stubs:
        stubs.setdefault((stub.system, stub.operation), []).append(stub)
    found += [_stubs(*key, group) for key, group in stubs.items()]
    order = list(Way)
    return sorted(found, key=lambda each: (each.system, each.operation, order.index(each.way)))


def departures_of(held: Iterable[Held]) -> list[Departure]:
    """Return every departure: violations before known failures before information, the most frequent first."""
    found = [departure for each in held for departure in each.departures]
    return sorted(found, key=lambda each: (not each.is_violation, not each.known, -each.count))


def systems_of(contracts: Contracts, held: Sequence[Held]) -> list[SystemRows]:
    """Return the systems with their operations, those with a violation first."""
    names = sorted({*contracts.documented, *(each.system for each in held)})
    found = [_system(name, contracts, [each for each in held if each.system == name]) for name in names]
    return sorted(found, key=lambda each: each.state != "fail")


def open_of(contracts: Contracts) -> list[tuple[str, str, str]]:
    """Return (system, kind, reason) of what was not looked at, could not be decided, or departs for a known reason."""
    kinds = ((LEFT_OUT, contracts.left_out), (UNDECIDED, contracts.undecided), (EXCUSED, contracts.excused))
    return [
        (clip(system, _NAME), kind, clip(reason, _EXAMPLE))
        for kind, reasons in kinds
        for system, reason in sorted(reasons.items())
    ]


def headline_of(contracts: Contracts, held: Sequence[Held]) -> str:
    """Return in a sentence how much was looked at and how much of it breaks a document."""
    looked = {(each.system, each.operation) for each in held if _is_one(each.operation)}
    documented = {(name, each) for name, operations in contracts.documented.items() for each in operations}
    share = plural(len(looked), "operation")
    if documented:
        share = f"{len(looked):,} of {plural(len(documented | looked), 'operation')}"
    excused = sum(bool(each.known) for one in held for each in one.departures)
    additive = sum(each.is_additive for one in held for each in one.departures)
    told = [f"{share} looked at", plural(contracts.violations, "violation")]
    if excused:
        told.append(plural(excused, "known failure"))
    if additive:
        told.append(f"{additive:,} for information")
    return ", ".join(told)


def _tested(tested: Tested) -> Held:
    local = urlsplit(tested.base_url).hostname in ("127.0.0.1", "localhost", "::1")
    way = Way.SIMULATOR if local else Way.SANDBOX
    covered = tested.covered
    came = f"{len(covered)} of {plural(len(tested.documented), 'status', 'statuses')}"
    came += f" ({len(tested.provoked):,} provoked)" if tested.provoked else ""
    return Held(
        system=tested.system,
        operation=tested.operation,
        way=way,
        done=f"{plural(tested.cases, 'request')}, {came}",
        departures=tuple(_failed(tested, way, each) for each in tested.failed),
        statuses=tested.documented,
        covered=covered,
        amount=tested.cases,
    )


def _failed(tested: Tested, way: Way, failed: Failed) -> Departure:
    return Departure(
        system=tested.system,
        operation=tested.operation,
        way=way,
        direction="answer",
        path="" if failed.status is None else str(failed.status),
        problem=failed.check,
        expected="",
        seen=failed.message,
        count=1,
        example=failed.repeat,
        known=failed.known,
    )


def _observed(observed: Observed) -> Held:
    statuses = ", ".join(f"{code} ×{count:,}" for code, count in sorted(observed.statuses.items()))
    way = Way(observed.where)
    return Held(
        system=observed.system,
        operation=observed.operation or f"{UNKNOWN} {observed.path}".rstrip(),
        way=way,
        done=plural(observed.exchanges, "exchange") + (f": {statuses}" if statuses else ""),
        departures=tuple(_counted(observed, way, each) for each in observed.counted),
        amount=observed.exchanges,
        judged_by=tuple(dict.fromkeys(each.partition(":")[0] for each in observed.judged_by)),
    )


def _counted(observed: Observed, way: Way, counted: Counted) -> Departure:
    span = f"{instant(counted.first)} to {instant(counted.last)}" if counted.first and counted.last else ""
    return _departure(
        counted.deviation,
        system=observed.system,
        operation=observed.operation or f"{UNKNOWN} {observed.path}".rstrip(),
        way=way,
        direction=counted.direction,
        count=counted.count,
        example=counted.example,
        span=span,
    )


def _stubs(system: str, operation: str, stubs: Sequence[HeldStub]) -> Held:
    several = _SEVERAL.fullmatch(operation)
    name = f"(any of {int(several[1]) + 1:,} operations)" if several else operation or UNKNOWN
    return Held(
        system=system,
        operation=name,
        way=Way.STUBS,
        done=plural(len(stubs), "stub"),
        departures=tuple(
            _departure(
                each,
                system=system,
                operation=name,
                way=Way.STUBS,
                direction="",
                count=1,
                example=f"in {stub.file}",
            )
            for stub in stubs
            for each in stub.deviations
        ),
        amount=len(stubs),
    )


def _departure(
    deviation: Deviation,
    *,
    system: str,
    operation: str,
    way: Way,
    direction: str,
    count: int,
    example: str,
    span: str = "",
) -> Departure:
    return Departure(
        system=system,
        operation=operation,
        way=way,
        direction=direction,
        path=deviation.path,
        problem=str(deviation.problem),
        expected=deviation.expected,
        seen=deviation.seen,
        count=count,
        example=example,
        span=span,
        is_additive=deviation.problem.is_additive,
    )


def _system(name: str, contracts: Contracts, held: Sequence[Held]) -> SystemRows:
    documented = contracts.documented.get(name, ())
    operations = dict.fromkeys([*documented, *(each.operation for each in held)])
    known = {*documented, *(each.operation for each in held if each.way in (Way.SIMULATOR, Way.SANDBOX))}
    rows = [_row(each, each in known, [one for one in held if one.operation == each]) for each in operations]
    worst = ("fail", "known", "pass", "empty")
    rows.sort(key=lambda row: worst.index(row.state))
    return SystemRows(
        name=clip(name, _NAME),
        state=_worst(row.state for row in rows),
        facts=tuple(_facts(sum(_is_one(each) for each in operations), held)),
        rows=tuple(rows),
    )


def _is_one(operation: str) -> bool:
    """Whether that is the name of an operation, and not said of several or of none."""
    return not operation.startswith("(")


def _facts(operations: int, held: Sequence[Held]) -> Iterator[str]:
    """Yield how much of a system was looked at, a part for each way that was taken."""
    yield plural(operations, "operation")
    tested = [each for each in held if each.way in (Way.SIMULATOR, Way.SANDBOX)]
    if tested:
        covered = sum(len(each.covered) for each in tested)
        statuses = sum(len(each.statuses) for each in tested)
        requests = sum(each.amount for each in tested)
        yield f"{len(tested):,} asked, {requests:,} requests, {covered:,} of {statuses:,} documented statuses came"
    for way, noun in ((Way.PLATFORM, "seen from the platform"), (Way.LOAD, "seen under load"), (Way.LIVE, "seen live")):
        seen = [each for each in held if each.way is way]
        if seen:
            named = sum(_is_one(each.operation) for each in seen)
            yield f"{named:,} {noun} in {plural(sum(each.amount for each in seen), 'exchange')}"
    if kinds := sorted({kind for each in held for kind in each.judged_by}):
        yield f"traffic judged by {' and '.join(kinds)}"
    stubs = sum(each.amount for each in held if each.way is Way.STUBS)
    if stubs:
        yield plural(stubs, "stub")
    yield plural(sum(departure.is_violation for each in held for departure in each.departures), "violation")


def _row(operation: str, is_documented: bool, held: Sequence[Held]) -> OperationRow:
    # An operation seen in traffic is named by the document that has it; only those without a name are in none.
    has = is_documented or not operation.startswith(UNKNOWN)
    document = Cell("Document", "pass" if has else "fail", "yes" if has else "not documented")
    cells = [document]
    for label, ways in COLUMNS:
        there = [each for each in held if each.way in ways]
        text = "; ".join(_told(each, ways) for each in there)
        cells.append(Cell(label, _worst(each.state for each in there), clip(text, _TEXT)))
    return OperationRow(clip(operation, _NAME), tuple(cells))


def _told(held: Held, ways: Sequence[Way]) -> str:
    where = f"{held.way}: " if held.way is not ways[0] else ""
    broken = sum(each.is_violation for each in held.departures)
    known = sum(bool(each.known) for each in held.departures)
    more = f"{plural(broken, 'violation')}, " if broken else ""
    more += f"{plural(known, 'known failure')}, " if known else ""
    return f"{where}{more}{held.done}"


def _worst(states: Iterable[str]) -> str:
    found = set(states)
    return next((state for state in ("fail", "known", "pass") if state in found), "empty")


def clipped(departure: Departure) -> dict[str, str]:
    """Return a departure as a page shows it: every text bounded."""
    return {
        "system": clip(departure.system, _NAME),
        "operation": clip(departure.operation, _NAME),
        "way": str(departure.way),
        "direction": departure.direction,
        "path": clip(departure.path, _NAME),
        "problem": clip(departure.problem, _NAME),
        "expected": clip(departure.expected, _TEXT),
        "seen": clip(departure.seen, _TEXT),
        "count": f"{departure.count:,}",
        "example": clip(departure.example, _EXAMPLE),
        "span": departure.span,
        "known": clip(departure.known, _TEXT),
        "state": "fail" if departure.is_violation else "known" if departure.known else "info",
    }
