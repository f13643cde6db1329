"""Puts the process of monitors together: what runs them, who hears of it, and what it serves."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from assay.alerts import AlertEngine
from assay.errors import UsageError
from assay.events import Listener, Probe
from assay.flow import Flow
from assay.local.plan import EDGE, Plan
from assay.local.store_place import store_of
from assay.monitor import Monitor
from assay.reporting.metric_labels import Known
from assay.reporting.metrics import Metrics
from assay.reporting.status.live import Recent
from assay.runners.scheduler.declared import chosen_of, monitor_roots, monitors_of
from assay.runners.scheduler.heartbeat import heartbeat_of
from assay.runners.scheduler.probing import Prober
from assay.runners.scheduler.reload import Reload
from assay.runners.scheduler.self_check import Health
from assay.runners.scheduler.server import serving
from assay.runners.scheduler.service import Service
from assay.runners.scheduler.telling import Log, Task
from assay.runners.session import Session
from assay.store import Store, open_store

LOCATION = "ASSAY_LOCATION"
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
        service = made.service(monitors, listeners)
        ending.enter_context(made.health.asked())
        if wanted.once:
            yield Watch(service)
            return
        store = open_store(store_of(plan))
        ending.callback(store.close)
        made.keep(store)
        address = None
        if wanted.port is not None:
            address = ending.enter_context(serving(_plain_app(made), plan.profile.monitoring.bind, wanted.port))
        yield Watch(service, address, store.address, _switch(plan))


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
    metrics: Metrics = field(init=False)
    running: Service = field(init=False)
    recent: Recent = field(default_factory=Recent)

    def service(self, monitors: Mapping[str, Monitor], listeners: Sequence[Listener]) -> Service:
        """Make what runs monitors, and what looks after the process itself."""
        monitoring, wanted = self.plan.profile.monitoring, self.wanted
        prober = Prober(self.session, self.flows, location=wanted.location)
        self.ending.callback(prober.close)
        self.running = Service(
            self.plan.name,
            monitors,
            probe=prober.probe,
            location=wanted.location,
            runs_here=lambda monitor: wanted.runs_here(self.plan, monitor),
            listeners=listeners,
            changing=None if wanted.once else Reload(monitor_roots(self.plan), self._load),
            workers=monitoring.workers,
            undo_budget_s=monitoring.undo_budget,
            log=self.log,
        )
        self.health = Health(
            monitors=self.running.monitors_here,
            store=lambda: None,
            edge=self._edge_trouble,
            next_due=self.running.next_due,
        )
        self.running.hear(self.health)
        return self.running

    def keep(self, store: Store) -> None:
        """Keep what runs come to, count it, wake whom it concerns, and call the outside heartbeat."""
        plan, service = self.plan, self.running
        known = Known.of(plan.profile, monitors=service.monitors, flows=self.flows, location=self.wanted.location)
        self.metrics = Metrics(known, plan.name)
        self.metrics.restore(store.probes.latest(plan.name))
        engine = AlertEngine(plan.profile, plan.name, self._alerting, store)
        engine.start()
        self.ending.callback(engine.close)
        for listener in (self.metrics, self.recent, engine, _keeping(store)):
            service.hear(listener)
        self._watch_figures(engine)
        beat = heartbeat_of(
            plan,
            self.health.problems,
            count=lambda result: self.metrics.count("assay_heartbeats_total", result=result),
            say=self.log,
        )
        if beat is not None:
            self.ending.callback(beat.close)
            every_s = plan.profile.monitoring.heartbeat_every
            service.beside(Task(name="heartbeat", act=beat.beat, every_s=every_s, at_once=False))
            self.metrics.watch(
                "assay_heartbeat_last_success_timestamp_seconds",
                lambda: [({}, beat.last_success)] if beat.last_success else [],
            )

    def _watch_figures(self, engine: AlertEngine) -> None:
        watch, health = self.metrics.watch, self.health
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
            watch("assay_edge_up", lambda: float(self._edge_trouble() is None))

    def _load(self) -> Mapping[str, Monitor]:
        return chosen_of(monitors_of(self.plan, self.flows), (), self.plan.name)

    def _alerting(self) -> Mapping[str, Monitor]:
        """Return the monitors whose silence is one: with some chosen by name the others are somebody else's."""
        monitors = self.running.monitors()
        return {name: monitors[name] for name in self.wanted.names if name in monitors} or monitors

    def _edge_trouble(self) -> str | None:
        home = self.session.plan.home
        if not self.plan.has_edge or home.read().alive(EDGE):
            return None
        return f"its process is gone; assay up --env {self.plan.name} repairs it"


_STATES = ("passing", "degraded", "failing", "unknown")


def _keeping(store: Store) -> Callable[[object], None]:
    def keep(event: object) -> None:
        if isinstance(event, Probe):
            store.probes.keep([event])

    return keep


def _switch(plan: Plan) -> str:
    safety = plan.environment.safety
    return safety.kill_switch if safety else "none is declared: nothing here is production"


def _plain_app(made: _Parts) -> Any:
    def scraped(request: Request) -> PlainTextResponse:
        page = made.metrics.page(request.headers.get("accept", ""))
        return PlainTextResponse(page.text, media_type=page.content_type)

    def ready(_: Request) -> PlainTextResponse:
        problems = made.health.problems()
        return PlainTextResponse("\n".join([*problems, ""]) or "ok\n", status_code=503 if problems else 200)

    routes = [Route("/metrics", scraped), Route("/healthz", _well), Route("/readyz", ready)]
    return Starlette(routes=routes)


def _well(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok\n")
