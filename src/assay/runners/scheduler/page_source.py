"""What the status page and its API are told by the process that runs monitors; see `StatusSource`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from assay.alerts import AlertEngine
from assay.local.plan import Plan
from assay.monitor import Monitor
from assay.reporting.metrics import Metrics
from assay.reporting.status.live import Recent
from assay.reporting.status.source import AlertLine, KillSwitch
from assay.runners.kill_switch import KillSwitch as Switch
from assay.runners.scheduler.backlog import Backlog
from assay.runners.scheduler.self_check import Health
from assay.runners.scheduler.service import Service
from assay.runners.scheduler.telling import utc_now
from assay.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSource:
    """The running process, asked from the threads of the server."""

    plan: Plan
    service: Service
    store: Store
    recent: Recent
    backlog: Backlog
    health: Health
    engine: AlertEngine
    counted: Metrics
    started_at: datetime
    switch: Switch

    @property
    def environment(self) -> str:
        """The environment that is watched."""
        return self.plan.name

    @property
    def location(self) -> str:
        """Where this process watches from."""
        return self.service.location

    @property
    def project(self) -> Path:
        """The user's folder."""
        return self.plan.profile.folder

    @property
    def runbooks(self) -> str:
        """The profile's ``alerts.runbooks``."""
        return self.plan.profile.alerts.runbooks

    def now(self) -> datetime:
        """Return the real instant, in UTC."""
        return utc_now()

    def monitors(self) -> Mapping[str, Monitor]:
        """Return the monitors as last loaded, those of other locations too."""
        return self.service.monitors()

    def next_due(self) -> Mapping[str, datetime]:
        """Return when each is due next here."""
        return self.service.next_due()

    def store_away_since(self) -> datetime | None:
        """Return since when the store cannot be used."""
        return self.backlog.away_since

    def problems(self) -> Sequence[str]:
        """Return what is not well with this process."""
        return self.health.problems()

    def alerts(self) -> Sequence[AlertLine]:
        """Return every alert this process knows of."""
        return self.engine.view()

    def undeliverable(self) -> Sequence[str]:
        """Return what could not be delivered."""
        return self.engine.undeliverable()

    def kill_switch(self) -> KillSwitch:
        """Return whether the kill switch is thrown."""
        thrown = self.switch.thrown()
        return KillSwitch(on=thrown is not None, where=thrown or f"Throw it here, or by {self.switch.place}.")

    def throw_kill_switch(self, on: bool, by: str) -> None:
        """Throw it or put it back, for every process that shares the store."""
        self.switch.throw(on, by)

    def metrics(self, accept: str) -> tuple[str, str]:
        """Return content type and text of the metrics."""
        page = self.counted.page(accept)
        return page.content_type, page.text
