"""Puts the process of monitors together: what runs them, who hears of it, and what it serves."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from assay.alerts import AlertEngine
from assay.errors import UsageError
from assay.events import Listener
from assay.flow import Flow
from assay.local.plan import Plan
from assay.local.sole import sole_watcher
from assay.local.store_place import store_of
from assay.monitor import Monitor
from assay.reporting.metric_labels import Known
from assay.reporting.metrics import Metrics
from assay.reporting.status.app import guard_of, status_app
from assay.reporting.status.live import Recent
from assay.reporting.traces import Traces
from assay.runners.kill_switch import KillSwitch
from assay.runners.scheduler.backlog import Backlog
from assay.runners.scheduler.contract_watch import EVERY_S as LEARN_EVERY_S
from assay.runners.scheduler.contract_watch import last_learned
from assay.runners.scheduler.declared import chosen_of, monitor_roots, monitors_of
from assay.runners.scheduler.edge_calls import EdgeCalls
from assay.runners.scheduler.edge_watch import EdgeWatch
from assay.runners.scheduler.heartbeat import heartbeat_of
from assay.runners.scheduler.memory import EVERY_S as MEMORY_EVERY_S
from assay.runners.scheduler.memory import give_back
from assay.runners.scheduler.page_source import PageSource
from assay.runners.scheduler.probing import Prober
from assay.runners.scheduler.reload import Reload
from assay.runners.scheduler.self_check import Health
from assay.runners.scheduler.server import serving
from assay.runners.scheduler.service import MOST_STUCK, Service
from assay.runners.scheduler.sweeping import Sweeper
from assay.runners.scheduler.telling import Log, Task, utc_now
from assay.runners.scheduler.turns import Turns
from assay.runners.session import Session
from assay.store import Store, open_store

LOCATION = "ASSAY_LOCATION"
_RETAIN_EVERY_S, _EDGE_CALLS_EVERY_S = 3600.0, 10.0
_LOCATION = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What one process is to do: names: only these monitors. port: of its status page, None for none. once: and end."""

    location: str
    names: tuple[str, ...] = ()
    port: int | None = None
    once: bool = False

    def runs_here(self, plan: Plan, monitor: Monitor) -> bool:
        """Whether this process runs a monitor."""
        return monitor.runs_at(plan.name, self.location) and (not self.names or monitor.name in self.names)


@dataclass(frozen=True, slots=True)
class Watch:
    """A process that is ready to run: its service, and what to say of it. address: of its page, None without."""

    service: Service
    address: str | None = None
    store: str = "nothing is kept"
    kill_switch: str = ""


def location_of(plan: Plan, given: str | None) -> str:
    """Return where this process stands: as it was told, else ``ASSAY_LOCATION``, else as the profile says."""
    location = given or os.environ.get(LOCATION) or plan.profile.monitoring.location
    if not _LOCATION.fullmatch(location):
        raise UsageError(
            "that is no name for a location", expected="a-z, 0-9, - and _, at most 32", seen=repr(location)
        )
    return location


@contextmanager
def open_watch(
    plan: Plan,
    session: Session,
    flows: Mapping[str, Flow],
    monitors: Mapping[str, Monitor],
    wanted: Wanted,
    *,
    listeners: Sequence[Listener] = (),
    log: Log,
) -> Iterator[Watch]:
    """Make the service of an environment that is open, with everything around it, and end all of it afterwards.

    plan: as the profile says; the session's may lie in a folder of its own. With `once` nothing is kept and nobody is
    told: it may be run beside a process that watches.
    """
    with ExitStack() as ending:
        made = _Parts(plan, session, flows, wanted, log, ending)
        if wanted.once:
            service = made.service(monitors, listeners, None)
            ending.enter_context(made.health.asked())
            yield Watch(service)
            return
        where = store_of(plan)
        ending.enter_context(sole_watcher(where, plan.name))
        store = open_store(where)
        ending.callback(store.close)
        service = made.service(monitors, listeners, made.taking(store))
        ending.enter_context(made.health.asked())
        source = made.keep(store)
        address = None
        if wanted.port is not None:
            monitoring = plan.profile.monitoring
            app = status_app(source, guard_of(monitoring))
            address = ending.enter_context(serving(app, monitoring.bind, wanted.port))
        yield Watch(service, address, store.address, made.switch.place)


@dataclass(slots=True)
class _Parts:
    """The parts of one process, as they are made one after the other."""

    plan: Plan
    session: Session
    flows: Mapping[str, Flow]
    wanted: Wanted
    log: Log
    ending: ExitStack
    health: Health = field(init=False)
    edge: EdgeWatch = field(init=False)
    metrics: Metrics = field(init=False)
    running: Service = field(init=False)
    prober: Prober = field(init=False)
    switch: KillSwitch = field(init=False)
    turns: Turns | None = None
    backlog: Backlog | None = None
    store: Store | None = None

    def taking(self, store: Store) -> Turns:
        """Take part in the turns of all processes that share the store, and in what stops all of them."""
        self.store = store
        self.switch = KillSwitch(self.plan, store)
        self.turns = Turns(store, self.plan.name, log=self.log)
        self.turns.start()
        self.ending.callback(self.turns.close)
        # The session may be lent by whoever goes on with it.
        guard, before = self.session.guard, self.session.guard.switch
        guard.switch = self.switch
        guard.brakes.append(self.turns.brake)

        def release() -> None:
            guard.switch = before
            guard.brakes.clear()

        self.ending.callback(release)
        return self.turns

    def service(self, monitors: Mapping[str, Monitor], listeners: Sequence[Listener], turns: Turns | None) -> Service:
        """Make what runs monitors, and what looks after the process itself."""
        monitoring, wanted = self.plan.profile.monitoring, self.wanted
        self.prober = prober = Prober(self.session, self.flows, location=wanted.location, keeps=not wanted.once)
        self.ending.callback(prober.close)
        self.running = Service(
            self.plan.name,
            monitors,
            probe=prober.probe,
            location=wanted.location,
            runs_here=lambda monitor: wanted.runs_here(self.plan, monitor),
            turns=turns,
            listeners=listeners,
            changing=None if wanted.once else Reload(monitor_roots(self.plan), self._load),
            workers=monitoring.workers,
            undo_budget_s=monitoring.undo_budget,
            # Where time is moved one run at a time has the landscape: one that hangs keeps it from all others.
            most_stuck=1 if self.plan.moves_time else MOST_STUCK,
            log=self.log,
        )
        self.edge = EdgeWatch(self.session.plan)
        self.health = Health(
            monitors=self.running.monitors_here,
            store=self._store_trouble,
            edge=self.edge.trouble,
            next_due=self.running.next_due,
            kept=self._kept,
        )
        self.running.hear(self.health)
        return self.running

    def keep(self, store: Store) -> PageSource:
        """Keep what runs come to, count it, wake whom it concerns; return what the status page is told."""
        plan, service = self.plan, self.running
        self.backlog = Backlog(store, plan.name, plan.home.path, log=self.log)
        self.backlog.start()
        self.ending.callback(self.backlog.close)
        known = Known.of(
            plan.profile,
            monitors=service.monitors,
            here=service.monitors_here,
            flows=self.flows,
            location=self.wanted.location,
        )
        self.metrics = Metrics(known, plan.name)
        self.metrics.restore(store.probes.latest(plan.name))
        engine = AlertEngine(plan.profile, plan.name, self._alerting, store)
        engine.start()
        self.ending.callback(engine.close)
        recent = Recent()
        heard: list[Listener] = [self.metrics, recent, engine, self.backlog, *self._traced()]
        for listener in heard:
            service.hear(listener)
        self._sweep(store)
        service.beside(Task(name="retention", act=lambda: self._retain(store), every_s=_RETAIN_EVERY_S))
        service.beside(Task(name="live answers", act=self.prober.watch.learn, every_s=LEARN_EVERY_S, at_once=False))
        self.ending.callback(lambda: last_learned(self.prober.watch, self.log))
        if (trim := give_back()) is not None:
            service.beside(Task(name="memory", act=trim, every_s=MEMORY_EVERY_S))
        self._watch_figures(engine, self.backlog)
        self._time_edge()
        self._beat()
        return PageSource(
            plan=plan,
            service=service,
            store=store,
            recent=recent,
            backlog=self.backlog,
            health=self.health,
            engine=engine,
            counted=self.metrics,
            started_at=utc_now(),
            switch=self.switch,
        )

    def _sweep(self, store: Store) -> None:
        """Take back what crashes left, at once and again and again, beside what runs."""
        every_s = self.plan.profile.monitoring.sweep_every
        sweeper = Sweeper(
            self.session,
            store,
            location=self.wanted.location,
            every_s=every_s,
            turns=self.turns,
            runs=self.prober.runs,
            tell=self.running.tell,
            log=self.log,
        )
        self.ending.callback(sweeper.close)
        self.running.beside(Task(name="sweep", act=sweeper.sweep, every_s=every_s))
        self.metrics.watch("assay_undo_leaks", lambda: sweeper.leaks)
        self.metrics.watch("assay_undo_open", lambda: sweeper.open)

    def _beat(self) -> None:
        """Call the outside heartbeat, where one is declared."""
        beat = heartbeat_of(
            self.plan,
            self.health.problems,
            count=lambda result: self.metrics.count("assay_heartbeats_total", result=result),
            say=self.log,
        )
        if beat is None:
            return
        self.ending.callback(beat.close)
        every_s = self.plan.profile.monitoring.heartbeat_every
        self.running.beside(Task(name="heartbeat", act=beat.beat, every_s=every_s, at_once=False))
        self.metrics.watch(
            "assay_heartbeat_last_success_timestamp_seconds",
            lambda: [({}, beat.last_success)] if beat.last_success else [],
        )

    def _traced(self) -> Sequence[Listener]:
        """Return the listener that hands traces to a collector, where one is declared."""
        endpoint = self.plan.profile.monitoring.otlp
        if endpoint is None:
            return ()
        way = self.plan.way_to(endpoint)
        traces = Traces(endpoint, say=self.log, proxy=way.proxy, ca_file=way.ca_file)
        self.ending.callback(traces.close)
        self.metrics.watch("assay_trace_spans_lost_total", lambda: traces.lost)
        return (traces,)

    def _time_edge(self) -> None:
        """Have the metrics time what crosses the edge, where one keeps a journal."""
        if not (self.plan.has_edge and self.plan.environment.edge.journal):
            return
        store, name = self.session.store, self.plan.name
        calls = EdgeCalls(
            lambda since: store.calls(name, since=since),
            lambda system, seconds: self.metrics.observe("assay_edge_call_seconds", seconds, system=system),
            began=utc_now(),
        )
        self.running.beside(Task(name="edge calls", act=calls.read, every_s=_EDGE_CALLS_EVERY_S))

    def _watch_figures(self, engine: AlertEngine, backlog: Backlog) -> None:
        watch, health = self.metrics.watch, self.health
        watch("assay_store_up", lambda: float(backlog.store_up))
        watch("assay_backlog_probes", lambda: backlog.waiting)
        watch("assay_kill_switch", lambda: float(self.switch.thrown() is not None))
        watch("assay_self_problems", lambda: len(health.problems()))
        watch("assay_clock_jumps_total", lambda: self.running.clock.jumps)
        watch("assay_alerts_undeliverable", lambda: len(engine.undeliverable()))
        watch(
            "assay_alert_deliveries_total",
            lambda: [
                ({"route": route, "result": result}, count)
                for (route, result), count in engine.delivery_counts().items()
            ],
        )
        watch(
            "assay_alert_state",
            lambda: [
                ({"monitor": each.name, "state": state}, float(each.state == state))
                for each in engine.view()
                for state in _STATES
            ],
        )
        if self.plan.has_edge:
            watch("assay_edge_up", lambda: float(self.edge.trouble() is None))

    def _retain(self, store: Store) -> None:
        monitoring = self.plan.profile.monitoring
        store.probes.retain(
            utc_now(), probes_s=monitoring.keep_probes, bad_s=monitoring.keep_bad, hours_s=monitoring.keep_hours
        )
        store.alerts.retain(utc_now(), keep_s=monitoring.keep_bad)

    def _store_trouble(self) -> str | None:
        trouble = self.backlog.trouble if self.backlog is not None else None
        return (self.turns.cut_off if self.turns is not None else None) or (trouble.message if trouble else None)

    def _kept(self) -> Mapping[str, datetime]:
        if self.store is None:
            return {}
        return {name: kept.due_at for name, kept in self.store.probes.latest(self.plan.name).items()}

    def _load(self) -> Mapping[str, Monitor]:
        return chosen_of(monitors_of(self.plan, self.flows), (), self.plan.name)

    def _alerting(self) -> Mapping[str, Monitor]:
        """Return the monitors whose silence is one: with some chosen by name the others are somebody else's."""
        monitors = self.running.monitors()
        return {name: monitors[name] for name in self.wanted.names if name in monitors} or monitors


_STATES = ("passing", "degraded", "failing", "unknown")
