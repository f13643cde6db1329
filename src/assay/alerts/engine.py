"""Hears every run of a monitor, decides whom to wake, and says what is not well; shared by all who share a store.

A change of an alert and its messages are kept in one transaction, made from the version last seen: two processes never
tell the same twice. While the store is away the engine goes on from memory, and writes when it is back.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from assay.alerts import suppression
from assay.alerts.delivery import Courier
from assay.alerts.evidence import heard
from assay.alerts.reckoning import Reckoner, Round, Silent, interval_of
from assay.alerts.routes import Undeliverable, warm_up
from assay.alerts.states import FIRING, PASSING, RESOLVED, Heard, Memory
from assay.alerts.text import Message, Setting
from assay.alerts.view import AlertView, view_of
from assay.errors import InfrastructureError
from assay.events import Probe
from assay.monitor import Monitor
from assay.profile import Profile
from assay.store import Store
from assay.store.alerts import DELIVERED, Change, Delivery, KeptAlert, KeptSilence

_log = logging.getLogger("assay.alerts")
_SLACK_S = 5.0
_TRIES = 5
_STORE_AGAIN_S = 5.0
_ALL_AGAIN_S = 60.0
_SKEW = timedelta(seconds=10)
_STAND_S = 240.0
_PAUSE_S = 0.2
_TIDY_S = 3600.0
_KEEP_S = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class _Known:
    """One alert as this process knows it: never changed, only replaced. version: the store's, 0 for none yet."""

    version: int
    memory: Memory


class AlertEngine:
    """A listener of `assay.events.Probe`. Started, it works in two threads and never blocks; else inline, by `tick`.

    monitors: those of this environment, as last loaded. now: real UTC; monotonic: for silences, which no jump of the
    clock may bring about.
    """

    def __init__(
        self,
        profile: Profile,
        environment: str,
        monitors: Callable[[], Mapping[str, Monitor]],
        store: Store,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        send_s: float = 30.0,
    ) -> None:
        self._alerts = profile.alerts
        self._setting = Setting(
            environment=environment, public_url=profile.monitoring.public_url, runbooks=profile.alerts.runbooks
        )
        self._environment = environment
        self._monitors = monitors
        self._kept = store.alerts
        self._now = now
        self._monotonic = monotonic
        self._runs: deque[Heard] = deque(maxlen=100_000)
        # Replaced as a whole, never changed, so that whoever reads needs no lock.
        self._known: Mapping[str, _Known] = {}
        self._silences: Sequence[KeptSilence] = ()
        self._dirty: set[str] = set()
        self._began_at = now()
        self._last: dict[str, tuple[datetime | None, float]] = {}
        self._loaded_at: datetime | None = None
        self._all_at = self._asked_at = self._stood_at = self._away_until = self._looked_at = float("-inf")
        self._tidied_at = monotonic()
        self._away: InfrastructureError | None = None
        self._trouble, self._stumbled = "", False
        self._rounds = threading.Lock()
        self._wake, self._delivery_due = threading.Event(), threading.Event()
        self._ending = False
        self._threads: list[threading.Thread] = []
        self.courier = Courier(
            profile.alerts, self._kept, environment, holder=uuid.uuid4().hex[:12], now=now, send_s=send_s
        )

    def __call__(self, event: object) -> None:
        """Hear an event; every event but a Probe of this environment is ignored."""
        if not isinstance(event, Probe) or event.environment != self._environment:
            return
        monitor = self._monitors().get(event.monitor)
        self._runs.append(heard(event, rotates=bool(monitor and monitor.rotate), at=self._now()))
        self._wake.set()

    def start(self) -> None:
        """Begin to work in threads of its own."""
        for name, act in (("states", self._run_states), ("delivery", self._run_delivery)):
            thread = threading.Thread(target=act, name=f"assay-alerts-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def tick(self, now: datetime | None = None) -> None:
        """Do what is due: silences, reminders, ends of maintenance, delivery. Returns at once where it was started."""
        if self._threads:
            self._wake.set()
            return
        now = now or self._now()
        self._round(now)
        self._deliver(now, inline=True)

    def close(self, *, patience_s: float = 5.0) -> None:
        """Work off what was heard and try what is due, for so long at most; what is left stays in the store."""
        self._ending = True
        self._wake.set()
        self._delivery_due.set()
        for thread in self._threads:
            thread.join(patience_s)
        if self._threads:
            self._guarded(lambda: self._round(self._now()))
            self._guarded(lambda: self._deliver(self._now(), inline=False))
        self._threads.clear()
        self.courier.close(patience_s)

    def view(self) -> tuple[AlertView, ...]:
        """Return every alert, those of monitors that are well too; what fires first."""
        known, monitors = self._known, self._monitors()
        memories = {name: Memory() for name in monitors} | {name: each.memory for name, each in known.items()}
        views = [
            view_of(
                name,
                None if suppression.is_shared(name) else name,
                memory,
                severity=monitors[name].alert.severity if name in monitors else "",
                otherwise_since=self._began_at,
            )
            for name, memory in memories.items()
            if memory.kind or memory.told or not suppression.is_shared(name)
        ]
        return tuple(sorted(views, key=lambda each: (not each.kind, each.state == PASSING, each.name)))

    def undeliverable(self) -> tuple[str, ...]:
        """Return a sentence for each message that failed and waits, or was given up within a day."""
        return self.courier.undeliverable()

    def delivery_counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many tries came to what in this process, by (route, delivered or failed)."""
        return self.courier.counts

    def problems(self) -> tuple[str, ...]:
        """Return what keeps alerts from working as they should, in sentences."""
        problems = [self._trouble] if self._trouble else []
        if self._away is not None:
            problems.append(f"alerts are kept in memory alone: {self._away.message}")
        return (*problems, *self.undeliverable())

    def _run_states(self) -> None:
        while not self._ending:
            self._wake.wait(1.0)
            self._wake.clear()
            self._guarded(lambda: self._round(self._now()))
            time.sleep(_PAUSE_S)

    def _run_delivery(self) -> None:
        if any(route.url for route in self._alerts.routes.values()):
            self._guarded(warm_up)  # so that the first alert does not wait for an import
        while not self._ending:
            self._guarded(lambda: self._deliver(self._now(), inline=False))
            self._delivery_due.wait(1.0)
            self._delivery_due.clear()

    def _guarded(self, act: Callable[[], None]) -> None:
        """Run a round; whatever goes wrong in it is said once, and the next one is begun."""
        try:
            act()
        except Exception as error:  # a mistake here must not end the alerts of everything else
            said = f"a round of alerts failed: {type(error).__name__}: {error}"
            if said != self._trouble:
                _log.exception("a round of alerts failed; it is tried again")
            self._trouble = said
        else:
            self._trouble = ""

    def _round(self, now: datetime) -> None:
        with self._rounds:
            runs = [self._runs.popleft() for _ in range(len(self._runs))]
            reckoner = Reckoner(self._alerts, self._setting, self._monitors())
            if self._monotonic() >= self._away_until:
                try:
                    self._refresh(now)
                    if not self._commit(reckoner, runs, now):
                        self._runs.extendleft(reversed(runs))  # others change the same alerts: again in a moment
                    self._came_back()
                except InfrastructureError as error:
                    self._went_away(error)
                except Exception:
                    # What was heard is not lost to a mistake, unless it is what brings it about.
                    if not self._stumbled:
                        self._runs.extendleft(reversed(runs))
                    self._stumbled = not self._stumbled
                    raise
                else:
                    self._stumbled = False
                    return
            done = self._reckoned(reckoner, runs, now)
            self._publish(done, bump=0)
            self._dirty |= done.changed
            self.courier.add_unkept(self._deliveries(done, now))
            self._delivery_due.set()

    def _reckoned(self, reckoner: Reckoner, runs: Sequence[Heard], now: datetime) -> Round:
        known = {name: each.memory for name, each in self._known.items()}
        silent = self._silent(reckoner, {run.monitor: run.at for run in runs}, now)
        return reckoner.round(known, runs, now=now, silent=silent, silences=self._silences)

    def _commit(self, reckoner: Reckoner, runs: Sequence[Heard], now: datetime) -> bool:
        """Do a round and keep what came of it; done again from what somebody else kept meanwhile."""
        for _ in range(_TRIES):
            done = self._reckoned(reckoner, runs, now)
            names = done.changed | done.gone
            if not names and not done.messages:
                return True
            changes = [self._change(name, done.memories[name]) for name in sorted(names)]
            deliveries = self._deliveries(done, now)
            refused = self._kept.change(self._environment, changes, deliveries, now=now)
            if not refused:
                self._publish(done, bump=1)
                if done.gone:
                    self._kept.remove(self._environment, sorted(done.gone))
                if deliveries:
                    self._delivery_due.set()
                return True
            rows = self._kept.load(self._environment, names=refused)
            self._known = {
                **{name: each for name, each in self._known.items() if name not in refused},
                **{row.name: _known_of(row) for row in rows},
            }
        return False

    def _change(self, name: str, memory: Memory) -> Change:
        version = self._known[name].version if name in self._known else 0
        return Change(name=name, state=memory.state, memory=memory.to_json(), version=version)

    def _publish(self, done: Round, *, bump: int) -> None:
        """Take over what a round came to; bump: by how much the store's versions rose."""
        known = dict(self._known)
        for name in done.changed:
            version = known[name].version if name in known else 0
            known[name] = _Known(version + bump, done.memories[name])
        for name in done.gone:
            known.pop(name, None)
        self._known = known

    def _deliveries(self, done: Round, now: datetime) -> list[Delivery]:
        deliveries = []
        for message, routes in done.messages:
            _log.info("%s", message.subject)
            if not routes and message.kind == FIRING:
                _log.warning("alert '%s' fires and no route takes it (severity %s)", message.alert, message.severity)
            deliveries += [
                Delivery(alert=message.alert, route=route, kind=message.kind, message=message.to_json(), created_at=now)
                for route in routes
            ]
        return deliveries

    def _refresh(self, now: datetime) -> None:
        """Read what others changed: everything now and then, else what is younger than the last look."""
        if self._dirty or self.courier.has_unkept:
            self._reconcile(now)
        mono = self._monotonic()
        if self._threads and mono - self._asked_at < 1.0:
            return
        whole = self._loaded_at is None or mono - self._all_at >= _ALL_AGAIN_S
        since = None if whole or self._loaded_at is None else min(self._loaded_at, now) - _SKEW
        versions = self._kept.versions(self._environment, changed_since=since)
        known = {name: each for name, each in self._known.items() if not whole or name in versions}
        others = [name for name, version in versions.items() if name not in known or known[name].version != version]
        if others:
            known |= {row.name: _known_of(row) for row in self._kept.load(self._environment, names=others)}
        self._known = known
        self._silences = self._kept.silences(self._environment, now)
        self._loaded_at, self._asked_at = now, mono
        if whole:
            self._all_at = mono

    def _reconcile(self, now: datetime) -> None:
        """Write what happened while the store was away, beside what others wrote meanwhile."""
        rows = {row.name: row for row in self._kept.load(self._environment)}
        known = {name: _known_of(row) for name, row in rows.items()}
        waiting = self.courier.take_unkept()
        told_by_others: set[str] = set()
        changes = []
        for name in sorted(self._dirty & set(self._known)):
            ours, theirs = self._known[name], known.get(name)
            memory = ours.memory
            if theirs is not None and theirs.version != ours.version:
                memory = merged(ours.memory, theirs.memory)
                told_by_others |= {name} if theirs.memory.told else set()
            version = theirs.version if theirs else 0
            changes.append(Change(name=name, state=memory.state, memory=memory.to_json(), version=version))
            known[name] = _Known(version + 1, memory)
        messages = [
            each
            for each in waiting
            if each.state == DELIVERED or each.kind == RESOLVED or each.alert not in told_by_others
        ]
        try:
            refused = self._kept.change(self._environment, changes, messages, now=now)
        except InfrastructureError:
            self.courier.add_unkept(waiting)
            raise
        if refused:  # somebody was quicker: looked at again in the next round
            self.courier.add_unkept(waiting)
            return
        self._dirty.clear()
        self._known = known

    def _went_away(self, error: InfrastructureError) -> None:
        if self._away is None:
            _log.warning("the store is away: alerts go on from memory (%s)", error.message)
        self._away = error
        self._away_until = self._monotonic() + _STORE_AGAIN_S

    def _came_back(self) -> None:
        if self._away is not None:
            _log.warning("the store is back: alerts are kept again")
        self._away = None

    def _silent(self, reckoner: Reckoner, just: Mapping[str, datetime], now: datetime) -> dict[str, Silent]:
        """Return the monitors that were not heard of for more than two of their intervals."""
        mono = self._monotonic()
        silent: dict[str, Silent] = {}
        if self._threads and mono - self._looked_at < 1.0:  # many monitors, and a round for each run
            return silent
        self._looked_at = mono
        for name, monitor in reckoner.monitors.items():
            if monitor.environments and self._environment not in monitor.environments:
                continue
            known = self._known.get(name)
            heard_at = just.get(name) or (known.memory.heard_at if known else None)
            last = self._last.get(name)
            every = interval_of(monitor, now)
            if last is None and name not in just:
                # What was silent while no process ran is given one more interval from our start.
                before = 0.0 if heard_at is None else min(max((now - heard_at).total_seconds(), 0.0), every)
                last = self._last[name] = (heard_at, mono - before)
            elif last is None or last[0] != heard_at:
                last = self._last[name] = (heard_at, mono)
            gone = mono - last[1]
            if gone > 2 * every + monitor.jitter_s + _SLACK_S:
                silent[name] = Silent(since=now - timedelta(seconds=gone), intervals=gone / every)
        return silent

    def _deliver(self, now: datetime, *, inline: bool) -> None:
        self._stand(now, inline=inline)
        if self._away is None and self._monotonic() - self._tidied_at >= _TIDY_S:
            self._tidied_at = self._monotonic()
            self._kept.retain(now, keep_s=_KEEP_S)
        if inline:
            self.courier.work_off(now, store_away=self._away is not None)
        else:
            self.courier.round(now, store_away=self._away is not None)

    def _stand(self, now: datetime, *, inline: bool) -> None:
        """Tell Alertmanagers again what still fires: they end what they do not hear of."""
        if self._monotonic() - self._stood_at < _STAND_S:
            return
        self._stood_at = self._monotonic()
        managers = {name for name, route in self._alerts.routes.items() if route.alertmanager}
        known = self._known
        if self._away is None and managers:
            # What another process ended a moment ago must not be raised again.
            known = {row.name: _known_of(row) for row in self._kept.load(self._environment)}
        memories = {name: each.memory for name, each in known.items()}
        reckoner = Reckoner(self._alerts, self._setting, self._monitors())
        told = [
            (route, message)
            for name, memory in memories.items()
            if memory.told and memory.told.last < now
            for route in memory.told.routes
            if route in managers and (message := reckoner.standing(name, memories, now)) is not None
        ]
        if inline:
            self._send_standing(told)
        elif told:
            threading.Thread(
                target=self._send_standing, args=(told,), name="assay-alerts-standing", daemon=True
            ).start()

    def _send_standing(self, told: Sequence[tuple[str, Message]]) -> None:
        for route, message in told:
            try:
                self.courier.send_unnoted(route, message)
            except Undeliverable as error:
                _log.warning("alert '%s' could not be told again to route '%s': %s", message.alert, route, error)


def merged(ours: Memory, theirs: Memory) -> Memory:
    """Return one memory of two that went apart while the store was away: the younger, and what either has told."""
    least = datetime.min.replace(tzinfo=UTC)
    younger, older = (ours, theirs) if (ours.heard_at or least) >= (theirs.heard_at or least) else (theirs, ours)
    merged = Memory.from_json(younger.to_json())
    told = theirs.told or ours.told
    if told is not None and (younger.told is not None or younger.firing or older.told is told):
        merged.told = told
    return merged


def _known_of(row: KeptAlert) -> _Known:
    return _Known(row.version, Memory.from_json(row.memory))
