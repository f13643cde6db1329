"""One round over all alerts of an environment: runs are counted, systems weighed, and what is to be told is written.

It works on copies and touches no store: a round whose change came second is taken back and done again.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from assay.alerts import suppression
from assay.alerts.maintenance import in_maintenance
from assay.alerts.routes import routes_for
from assay.alerts.states import (
    FAILING,
    PASSING,
    RESOLVED,
    Heard,
    Limits,
    Memory,
    decide,
    drop_unheard,
    fall_silent,
    forget_episode,
    hear,
    hear_contact,
    reckon,
)
from assay.alerts.text import Message, Setting, message, summary_of
from assay.monitor import SEVERITIES, AlertRule, Monitor, Severity, matches
from assay.profile_watch import Alerts
from assay.store.alerts import KeptSilence

_GONE_AFTER = timedelta(minutes=15)
_FORGET_S = 600.0
_CASES = 50
RUNBOOKS = {"system": "system_unreachable.md", "safety": "safety_refused.md"}


def _own(name: str, title: str, customers: str, severity: Severity = "ticket") -> Monitor:
    rule = AlertRule(severity=severity, fire_after=1, resolve_after=1)
    return Monitor(name=name, title=title, owner="", runbook=f"{name}.md", alert=rule, customers=customers)


OWN: Mapping[str, Monitor] = {
    each.name: each
    for each in (
        _own(
            "assay_configuration", "Assay's monitors could not be read anew", "nothing: the monitors read before run on"
        ),
        _own("assay_undo", "Synthetic orders were left behind", "somebody may pick, book or pay a test order"),
        _own("assay_self", "Assay itself is not well", "nothing yet: but nobody may be watching", "page"),
    )
}
"""The alerts of the process itself, where no monitor of that name says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """A monitor that has not been heard of: since when, and for how many of its intervals."""

    since: datetime
    intervals: float


@dataclass(slots=True)
class Round:
    """What a round came to: alerts that changed, those to be forgotten, and messages with the routes they go to."""

    memories: dict[str, Memory]
    changed: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    messages: list[tuple[Message, tuple[str, ...]]] = field(default_factory=list)


class Reckoner:
    """Does rounds by the rules of a profile and its monitors."""

    def __init__(self, alerts: Alerts, setting: Setting, monitors: Mapping[str, Monitor]) -> None:
        self._alerts = alerts
        self._setting = setting
        self.monitors = monitors
        self._plain = self.limits(AlertRule())

    def limits(self, rule: AlertRule) -> Limits:
        """Return a monitor's rule filled up from the profile."""
        return Limits(
            fire_after=rule.fire_after or self._alerts.fire_after,
            resolve_after=rule.resolve_after or self._alerts.resolve_after,
            remind_every_s=rule.remind_every_s or self._alerts.remind_every,
            flaps=self._alerts.flaps,
            flap_window_s=self._alerts.flap_window,
        )

    def monitor(self, name: str) -> Monitor | None:
        """Return the monitor of an alert, also of the process itself; None for a shared or an unknown one."""
        return self.monitors.get(name) or OWN.get(name)

    def round(
        self,
        known: Mapping[str, Memory],
        runs: Sequence[Heard],
        *,
        now: datetime,
        silent: Mapping[str, Silent],
        silences: Sequence[KeptSilence],
    ) -> Round:
        """Count the runs and silent monitors, and decide for every alert that may have something to tell."""
        awake = {name for name, memory in known.items() if not memory.at_rest or suppression.is_shared(name)}
        touched = awake | {run.monitor for run in runs} | set(silent)
        before = {name: memory.to_json() for name, memory in known.items() if name in touched}
        done = Round({**known, **{name: Memory.from_json(copy.deepcopy(content)) for name, content in before.items()}})
        for run in runs:
            self._hear(done, run)
        for name, gap in silent.items():
            memory = done.memories.setdefault(name, Memory())
            fall_silent(memory, now, since=gap.since, intervals=gap.intervals, limits=self._limit(name))
        touched |= {name for name in done.memories if suppression.is_shared(name)}
        self._weigh_shared(done, now)
        mine = sorted(name for name in touched if name in done.memories)
        for name in mine:
            if self.monitor(name) is not None:
                reckon(done.memories[name], now, self._limit(name))
        # Shared ones first: who is told that a system is back hears next who is still bad.
        for name in sorted(mine, key=lambda each: not suppression.is_shared(each)):
            decide_it = self._decide_shared if suppression.is_shared(name) else self._decide_one
            decide_it(done, name, now, silences)
        done.changed |= {
            name for name in touched if name in done.memories and before.get(name) != done.memories[name].to_json()
        }
        done.changed -= done.gone
        return done

    def standing(self, name: str, memories: Mapping[str, Memory], now: datetime) -> Message | None:
        """Return the message of an alert that people were told of, as of now; None where it is over."""
        memory = memories[name]
        if memory.told is None:
            return None
        monitor = self._stand_in(name, memory, memories)
        what = "flapping" if memory.told.kind == "flapping" else "firing"
        return message(what, name, memory, monitor, self._setting, now=now, children=self._children(memory))

    def _limit(self, name: str) -> Limits:
        monitor = self.monitor(name)
        return self.limits(monitor.alert) if monitor else self._plain

    def _hear(self, done: Round, run: Heard) -> None:
        monitor = self.monitor(run.monitor)
        if monitor is None:  # a file took it away while it ran
            return
        limits = self._limit(run.monitor)
        memory = done.memories.setdefault(run.monitor, Memory())
        hear(memory, run, limits, objective=monitor.objective)
        memory.every_s = round(interval_of(monitor, run.at)) if monitor.name in self.monitors else 0
        drop_unheard(memory, lambda _: _forget_after(monitor))
        shared = {name for name in done.memories if suppression.is_shared(name)}
        for name in sorted(shared | {suppression.alert_of(system) for system in run.unreachable}):
            contact = done.memories.setdefault(name, Memory())
            hear_contact(contact, run, limits, reached=suppression.reached(name.removeprefix(suppression.SYSTEM), run))

    def _weigh_shared(self, done: Round, now: datetime) -> None:
        for name, memory in done.memories.items():
            if suppression.is_shared(name):
                suppression.drop_gone(memory, (*self.monitors, *OWN))
                drop_unheard(memory, lambda each: _forget_after(self.monitor(each)))
                reckon(memory, now, self._plain, kind=suppression.kind_of(name))

    def _decide_one(self, done: Round, name: str, now: datetime, silences: Sequence[KeptSilence]) -> None:
        memory, monitor = done.memories[name], self.monitor(name)
        if monitor is None:
            self._end_unknown(done, name, memory, now)
            return
        shared = {each: done.memories[each] for each in done.memories if suppression.is_shared(each)}
        memory.suppressed_by = "" if memory.state == PASSING else suppression.parent_of(name, memory, monitor, shared)
        self._tell(done, name, monitor, self._limit(name), now, self._quiet(name, memory, now, silences))

    def _decide_shared(self, done: Round, name: str, now: datetime, silences: Sequence[KeptSilence]) -> None:
        memory = done.memories[name]
        if memory.firing or memory.told:
            memory.children = suppression.children_of(name, done.memories, self.monitors)
        shared = {each: done.memories[each] for each in done.memories if suppression.is_shared(each)}
        monitor = self._stand_in(name, memory, done.memories)
        memory.suppressed_by = suppression.parent_of(name, memory, monitor, shared) if memory.firing else ""
        quiet = self._quiet(name, memory, now, silences)
        muted = [self._quiet(each, done.memories[each], now, silences) for each in memory.children]
        if muted and all(muted):
            quiet = quiet or muted[0]
        self._tell(done, name, monitor, self._plain, now, quiet)
        if not memory.sources and memory.told is None and not memory.flapping:
            forget_episode(memory)

    def _tell(self, done: Round, name: str, monitor: Monitor, limits: Limits, now: datetime, quiet: str) -> None:
        memory = done.memories[name]
        memory.quiet = quiet
        told = memory.told
        severity = _found_severity(memory) or monitor.alert.severity
        if told:  # whoever was woken by a page hears by the same way how it goes on, and that it is over
            severity = min(severity if memory.firing else told.severity, told.severity, key=SEVERITIES.index)
        memory.severity = severity if memory.firing or told else ""
        routes = routes_for(self._alerts, monitor.alert.routes, severity)
        if told:
            routes = tuple(dict.fromkeys((*told.routes, *routes))) if memory.firing else told.routes
        memory.summary = summary_of(name, memory, monitor) if memory.firing else ""
        was = (told.kind, told.severity) if told else None
        what = decide(memory, now, limits, severity, routes)
        if what is not None:
            children = self._children(memory)
            written = message(what, name, memory, monitor, self._setting, now=now, children=children, was=was)
            done.messages.append((written, routes))
        if what == RESOLVED and not memory.firing:
            forget_episode(memory)

    def _quiet(self, name: str, memory: Memory, now: datetime, silences: Sequence[KeptSilence]) -> str:
        if memory.state == PASSING and memory.told is None:
            return ""
        for silence in silences:
            if silence.ended_at is None and silence.until > now and matches(name, silence.monitors):
                return f"silence {silence.number} by {silence.by} until {_minute(silence.until)}: {silence.reason}"
        window = in_maintenance(name, self._alerts.maintenance, now)
        return f"maintenance '{window[0]}' until {_minute(window[1])}" if window else ""

    def _children(self, memory: Memory) -> list[Monitor]:
        return [self.monitors[each] for each in memory.children if each in self.monitors]

    def _stand_in(self, name: str, memory: Memory, memories: Mapping[str, Memory]) -> Monitor:
        if not suppression.is_shared(name):
            return self.monitor(name) or Monitor(name=name, title=name, owner="", runbook="", alert=AlertRule())
        sufferers: Iterable[str] = memory.children or memory.sources
        concerned = [self.monitors[each] for each in sufferers if each in self.monitors]
        return suppression.shared_monitor(name, concerned, RUNBOOKS)

    def _end_unknown(self, done: Round, name: str, memory: Memory, now: datetime) -> None:
        """End the alert of a monitor that is no more; another process may know it still, so not at once."""
        if memory.heard_at is not None and now - memory.heard_at < max(
            _GONE_AFTER, timedelta(seconds=4 * memory.every_s)
        ):
            return
        done.gone.add(name)
        if memory.told is None:
            return
        told, routes = memory.told, memory.told.routes
        memory.sources.clear()
        memory.kind, memory.told, memory.severity = "", None, told.severity
        monitor = Monitor(name=name, title=f"{name} (no longer watched)", owner="", runbook="", alert=AlertRule())
        written = message(RESOLVED, name, memory, monitor, self._setting, now=now, was=(told.kind, told.severity))
        done.messages.append((written, routes))


def interval_of(monitor: Monitor, now: datetime) -> float:
    """Return the seconds between two runs of a monitor, those that are next where a cron says when."""
    if monitor.interval_s is not None:
        return monitor.interval_s
    from apscheduler.triggers.cron import CronTrigger

    trigger = CronTrigger.from_crontab(monitor.cron, timezone=UTC)
    first = trigger.get_next_fire_time(None, now)
    second = trigger.get_next_fire_time(first, first + timedelta(seconds=1)) if first else None
    return (second - first).total_seconds() if first and second else 7 * 86_400.0


def _forget_after(monitor: Monitor | None) -> float:
    """Return after how long a source that is heard of no more is one that is gone."""
    if monitor is None:
        return _FORGET_S
    turns = (len(monitor.cases) or _CASES) if monitor.rotate else 1
    return max(_FORGET_S, 4 * turns * (monitor.interval_s or 86_400.0))


def _found_severity(memory: Memory) -> Severity | None:
    """Return how severe what was found last is, where the check decided that; None where the monitor does."""
    said = memory.facts.get("severity") if memory.kind == FAILING else None
    known: tuple[Severity, ...] = ("page", "ticket", "info")
    return next((each for each in known if each == said), None)


def _minute(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
