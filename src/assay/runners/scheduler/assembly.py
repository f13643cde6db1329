"""Puts the process of monitors together: what runs them, who hears of it, and what it serves."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from assay.errors import UsageError
from assay.events import Listener
from assay.flow import Flow
from assay.local.plan import Plan
from assay.local.store_place import store_of
from assay.monitor import Monitor
from assay.reporting.metric_labels import Known
from assay.reporting.metrics import Metrics
from assay.runners.scheduler.declared import chosen_of, monitor_roots, monitors_of
from assay.runners.scheduler.probing import Prober
from assay.runners.scheduler.reload import Reload
from assay.runners.scheduler.server import serving
from assay.runners.scheduler.service import Service
from assay.runners.scheduler.telling import Log
from assay.runners.session import Session
from assay.store import open_store

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
    address: str | None
    store: str
    kill_switch: str


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

    plan: as the profile says; the session's may lie in a folder of its own.
    """
    monitoring = plan.profile.monitoring
    with ExitStack() as ending:
        store = open_store(store_of(plan))
        ending.callback(store.close)
        prober = Prober(session, flows, location=wanted.location)
        ending.callback(prober.close)

        def load() -> Mapping[str, Monitor]:
            return chosen_of(monitors_of(plan, flows), (), plan.name)

        service = Service(
            plan.name,
            monitors,
            probe=prober.probe,
            location=wanted.location,
            runs_here=lambda monitor: wanted.runs_here(plan, monitor),
            listeners=listeners,
            changing=None if wanted.once else Reload(monitor_roots(plan), load),
            workers=monitoring.workers,
            undo_budget_s=monitoring.undo_budget,
            log=log,
        )
        known = Known.of(plan.profile, monitors=service.monitors, flows=flows, location=wanted.location)
        metrics = Metrics(known, plan.name)
        service.hear(metrics)
        address = None
        if wanted.port is not None:
            address = ending.enter_context(serving(_plain_app(metrics), monitoring.bind, wanted.port))
        yield Watch(service, address, store.address, _switch(plan))


def _switch(plan: Plan) -> str:
    safety = plan.environment.safety
    return safety.kill_switch if safety else "none is declared: nothing here is production"


def _plain_app(metrics: Metrics) -> Any:
    def scraped(request: Request) -> PlainTextResponse:
        page = metrics.page(request.headers.get("accept", ""))
        return PlainTextResponse(page.text, media_type=page.content_type)

    routes = [Route("/metrics", scraped), Route("/healthz", _well)]
    return Starlette(routes=routes)


def _well(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok\n")
