"""What an alert remembers and when it fires, is told again and is over: a pure machine, no clock and no store.

An alert has sources: the places a monitor runs at, the cases it takes in turn, or the monitors that need a system. Runs
in a row are counted by source, so that a case that always fails shows itself between others that pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from assay.monitor import SEVERITIES, Objective, Severity
from assay.store.schema import at, us

PASSING, DEGRADED, FAILING, UNKNOWN = "passing", "degraded", "failing", "unknown"
STATES = (PASSING, DEGRADED, FAILING, UNKNOWN)
UNREACHABLE, REFUSED = "unreachable", "refused"
FIRING, REMINDER, RESOLVED, FLAPPING, TEST = "firing", "reminder", "resolved", "flapping", "test"
SILENCE = "(silence)"
"""The source that stands for a monitor that is not heard of any more."""
_PACE, _PACE_LEAST = 20, 10
_ORDERS = 50
_CHANGES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many runs in a row fire and resolve, how often it is told again, and how many changes are flapping."""

    fire_after: int
    resolve_after: int
    remind_every_s: float
    flaps: int
    flap_window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One run as alerts see it: masked, cut, and without what only reports need.

    source is where it counts. good is None where no verdict was reached. at is when it was heard, began when it began;
    facts are for the text.
    """

    monitor: str
    source: str
    good: bool | None
    result: str
    began: datetime
    at: datetime
    seconds: float
    unreachable: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    orders: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Source:
    """Runs in a row of one source. failed: how many of the bad ones were verdicts."""

    heard: datetime
    bad: int = 0
    failed: int = 0
    good: int = 0
    fired: bool = False
    since: datetime | None = None
    result: str = ""

    def count(self, good: bool | None, result: str, began: datetime, at: datetime, limits: Limits) -> None:
        """Count one more run."""
        self.heard, self.result = at, result
        if good:
            self.good += 1
            if not self.fired or self.good >= limits.resolve_after:
                self.bad, self.failed, self.fired, self.since = 0, 0, False, None
            return
        if self.bad == 0:
            self.since = began
        self.good = 0
        self.bad += 1
        self.failed += good is False
        self.fired = self.fired or self.bad >= limits.fire_after


@dataclass(slots=True)
class Told:
    """What people were told last of an alert that is not over: as what, since when, when last, how severe."""

    kind: str
    at: datetime
    last: datetime
    severity: Severity
    routes: tuple[str, ...] = ()


@dataclass(slots=True)
class Memory:
    """Everything one alert remembers; the store keeps it as JSON.

    heard_at: when its last run was heard, due again every_s later. changes: when it fired and was over. runs and bad:
    since it went bad. pace: the last runs that passed, a letter each, ! for late. ended_at: when it was last over.
    suppressed_by: the alert that takes its place. quiet: why nobody is woken.
    """

    sources: dict[str, Source] = field(default_factory=dict)
    heard_at: datetime | None = None
    state_since: datetime | None = None
    state: str = UNKNOWN
    kind: str = ""
    since: datetime | None = None
    told: Told | None = None
    changes: list[datetime] = field(default_factory=list)
    flapping: bool = False
    ended_at: datetime | None = None
    runs: int = 0
    bad: int = 0
    pace: str = ""
    slow: bool = False
    suppressed_by: str = ""
    quiet: str = ""
    episode: int = 0
    every_s: int = 0
    children: tuple[str, ...] = ()
    severity: str = ""
    summary: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    orders: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def firing(self) -> bool:
        """Whether its condition holds, told or not."""
        return bool(self.kind)

    @property
    def at_rest(self) -> bool:
        """Whether there is nothing to tell, to end or to wait for."""
        return not (self.kind or self.told or self.flapping or self.quiet or self.suppressed_by)

    def to_json(self) -> dict[str, Any]:
        """Return it as the store keeps it; what is empty is left out."""
        content: dict[str, Any] = {
            "sources": {name: _plain(source) for name, source in self.sources.items()},
            "told": _plain(self.told) if self.told else None,
            "changes": [us(each) for each in self.changes],
            "children": list(self.children),
        }
        for name in _INSTANTS:
            instant = getattr(self, name)
            content[name] = None if instant is None else us(instant)
        for name in _PLAIN:
            content[name] = getattr(self, name)
        return {name: value for name, value in content.items() if value not in (None, "", 0, False, [], {})}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Memory:
        """Read what `to_json` wrote."""
        memory = cls(**{name: content[name] for name in _PLAIN if name in content})
        for name in _INSTANTS:
            setattr(memory, name, at(content[name]) if name in content else None)
        memory.sources = {name: Source(**_instants(each)) for name, each in content.get("sources", {}).items()}
        memory.told = Told(**_instants(content["told"])) if "told" in content else None
        if memory.told:
            memory.told.routes = tuple(memory.told.routes)
        memory.changes = [at(each) for each in content.get("changes", ())]
        memory.children = tuple(content.get("children", ()))
        return memory


_INSTANTS = ("heard_at", "state_since", "since", "ended_at")
_PLAIN = (
    "state", "kind", "flapping", "runs", "bad", "pace", "slow", "suppressed_by", "quiet", "episode", "every_s",
    "severity",    "summary", "facts", "orders",
)  # fmt: skip


def hear(memory: Memory, run: Heard, limits: Limits, *, objective: Objective | None = None) -> None:
    """Count one run of a monitor in its alert."""
    memory.heard_at = run.at if memory.heard_at is None else max(memory.heard_at, run.at)
    if not run.good and _is_well(memory):
        forget_episode(memory)
    if run.good is not None:
        for name, source in memory.sources.items():
            # A verdict, whatever it says, ends a row of runs without one, and a silence where it is a good one.
            blind = (
                name != SILENCE and not source.failed and source.bad and name.partition("/")[0] == _place(run.source)
            )
            if name != run.source and (blind or (name == SILENCE and run.good)):
                source.count(True, run.result, run.began, run.at, limits)
    source = memory.sources.setdefault(run.source, Source(heard=run.at))
    source.count(run.good, run.result, run.began, run.at, limits)
    _forget_healed(memory, keep=run.source)
    if run.good and objective is not None and objective.latency_s is not None:
        memory.pace = (memory.pace + ("." if run.seconds <= objective.latency_s else "!"))[-_PACE:]
        memory.slow = is_slow(memory.pace, objective)
    _count_episode(memory, run)


def hear_contact(memory: Memory, run: Heard, limits: Limits, *, reached: bool | None) -> None:
    """Count in a system's alert whether a run reached the system; None where the run does not say."""
    if reached is None or (reached and run.monitor not in memory.sources):
        return
    memory.heard_at = run.at if memory.heard_at is None else max(memory.heard_at, run.at)
    source = memory.sources.setdefault(run.monitor, Source(heard=run.at))
    source.count(True if reached else None, run.result, run.began, run.at, limits)
    _forget_healed(memory)
    if not reached:
        # What else was wrong with the run is not this alert's.
        memory.facts = {name: run.facts[name] for name in ("trouble", "location") if name in run.facts}
    memory.runs += 1
    memory.bad += not reached


def fall_silent(memory: Memory, now: datetime, *, since: datetime, intervals: float, limits: Limits) -> None:
    """Note that a monitor has not been heard of for so many of its intervals (more than two)."""
    if _is_well(memory):
        forget_episode(memory)
    source = memory.sources.setdefault(SILENCE, Source(heard=now, since=since))
    source.result, source.good = "silent", 0
    source.bad = max(source.bad, int(intervals))
    source.fired = source.fired or intervals > max(2, limits.fire_after)


def drop_unheard(memory: Memory, after_s: Callable[[str], float]) -> None:
    """Forget sources that were not heard of for so long while others were: a place or a case that is no more."""
    heard = {name: source.heard for name, source in memory.sources.items() if name != SILENCE}
    for name in heard:
        if (max(heard.values()) - heard[name]).total_seconds() > after_s(name):
            del memory.sources[name]


def reckon(memory: Memory, now: datetime, limits: Limits, *, kind: str | None = None) -> None:
    """Work out from the sources whether it fires, and its state. kind: what it fires as, where not by its sources."""
    fired = [source for source in memory.sources.values() if source.fired]
    was = memory.kind
    if not fired:
        memory.kind = ""
    elif kind is not None:
        memory.kind = kind
    else:
        memory.kind = FAILING if any(source.failed for source in fired) else UNKNOWN
    if memory.kind and not was:
        memory.since = min((source.since for source in fired if source.since), default=now)
        memory.episode += 1
    if was and not memory.kind:
        memory.ended_at = now
    if bool(was) != bool(memory.kind):
        memory.changes = [*memory.changes, now][-_CHANGES:]
    window = now - timedelta(seconds=limits.flap_window_s)
    memory.changes = [each for each in memory.changes if each > window]
    count = len(memory.changes)
    memory.flapping = count >= limits.flaps or (memory.flapping and count > limits.flaps // 2)
    _set_state(memory, now)


def is_slow(pace: str, objective: Objective) -> bool:
    """Whether the last runs that passed broke the promise of latency: at least ten of them, two of them late."""
    late = pace.count("!")
    return len(pace) >= _PACE_LEAST and late >= 2 and (len(pace) - late) / len(pace) < objective.latency_share


def decide(memory: Memory, now: datetime, limits: Limits, severity: Severity, routes: Sequence[str]) -> str | None:
    """Return what is to be told now (firing, reminder, resolved, flapping) and remember it as told, or None."""
    told, muted = memory.told, bool(memory.quiet or memory.suppressed_by)
    if memory.flapping:
        if muted or (told is not None and told.kind == FLAPPING):
            return None
        return _tell(memory, FLAPPING, FLAPPING, now, severity, routes)
    if told is not None and not memory.firing:
        # Good news is told in spite of a silence or a maintenance: whoever was woken may sleep again.
        memory.told = None
        return RESOLVED
    if not memory.firing or muted:
        return None
    if told is None or told.kind == FLAPPING:
        return _tell(memory, memory.kind, FIRING, now, severity, routes)
    worse = SEVERITIES.index(severity) < SEVERITIES.index(told.severity)
    if worse or (told.kind != memory.kind and memory.kind == FAILING):
        return _tell(memory, memory.kind, FIRING, now, severity, routes)
    if (now - told.last).total_seconds() >= limits.remind_every_s:
        told.last = now
        return REMINDER
    return None


def forget_episode(memory: Memory) -> None:
    """Forget what was gathered of an alert that is over."""
    memory.runs = memory.bad = 0
    memory.since = None
    memory.facts, memory.orders, memory.children = {}, {}, ()
    memory.summary = memory.suppressed_by = ""


def _tell(memory: Memory, kind: str, what: str, now: datetime, severity: Severity, routes: Sequence[str]) -> str:
    first = memory.told.at if memory.told else now
    memory.told = Told(kind=kind, at=first, last=now, severity=severity, routes=tuple(routes))
    return what


def _is_well(memory: Memory) -> bool:
    return not (memory.kind or memory.told or any(source.bad for source in memory.sources.values()))


def _place(source: str) -> str:
    return source.partition("/")[0]


def _forget_healed(memory: Memory, *, keep: str = "") -> None:
    for name, source in list(memory.sources.items()):
        if name != keep and not source.bad and not source.fired:
            del memory.sources[name]


def _count_episode(memory: Memory, run: Heard) -> None:
    """Gather since it went bad: runs, bad runs, what the last bad one saw, orders with the money at risk."""
    if _is_well(memory):
        return
    memory.runs += 1
    if run.good:
        return
    memory.bad += 1
    # What a verdict saw is worth more than that a later run reached none.
    if run.good is False or not memory.facts.get("verdict"):
        memory.facts = dict(run.facts)
    for ref, amounts in run.orders.items():
        if ref in memory.orders or len(memory.orders) < _ORDERS:
            memory.orders[ref] = dict(amounts)


def _set_state(memory: Memory, now: datetime) -> None:
    sources = memory.sources.values()
    if memory.kind in (FAILING, UNREACHABLE):
        state = FAILING
    elif memory.kind or SILENCE in memory.sources or memory.heard_at is None:
        state = UNKNOWN
    elif any(source.bad for source in sources) or memory.slow:
        state = DEGRADED
    else:
        state = PASSING
    if state != memory.state or memory.state_since is None:
        memory.state_since = memory.since if memory.kind and memory.since else now
    memory.state = state


def _plain(value: Source | Told) -> dict[str, Any]:
    content = {name: getattr(value, name) for name in value.__slots__}
    plain = {name: us(each) if isinstance(each, datetime) else each for name, each in content.items()}
    return {
        name: list(each) if isinstance(each, tuple) else each
        for name, each in plain.items()
        if each not in (None, "", 0, False, ())
    }


def _instants(content: Mapping[str, Any]) -> dict[str, Any]:
    instants = ("heard", "since", "at", "last")
    return {name: at(value) if name in instants else value for name, value in content.items()}
