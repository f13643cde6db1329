"""What the status page asks of the process that serves it: `assay monitor` implements `StatusSource`.

Everything is asked from a thread of its own, at any time and by several readers at once, and must answer quickly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from assay.monitor import Monitor
from assay.reporting.status.live import Recent
from assay.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class KillSwitch:
    """Whether nothing may be created. `where` says what holds it (a file, a variable, this page), or how to throw it.

    can_change: False where this process cannot change it, as with an environment variable.
    """

    on: bool
    where: str = ""
    can_change: bool = True


class AlertLine(Protocol):
    """What is shown of one alert; `assay.alerts`' own view has these, and is not imported here."""

    @property
    def name(self) -> str:
        """The alert's name: the monitor's, or what it stands for (``system stripe``)."""

    @property
    def monitor(self) -> str | None:
        """The monitor it is of; None where it is of no single one."""

    @property
    def state(self) -> str:
        """One of passing, degraded, failing and unknown."""

    @property
    def since(self) -> datetime:
        """Since when it is in that state."""

    @property
    def severity(self) -> str:
        """One of page, ticket and info."""

    @property
    def told(self) -> bool:
        """Whether it was fired, so that people know of it."""

    @property
    def flapping(self) -> bool:
        """Whether it changes so often that it is told only once."""

    @property
    def suppressed_by(self) -> str | None:
        """The alert that takes its place."""

    @property
    def children(self) -> Sequence[str]:
        """The alerts whose place it takes."""

    @property
    def quiet(self) -> str:
        """Why nobody is woken although it is not well (a silence, a maintenance); empty where somebody would be."""

    @property
    def summary(self) -> str:
        """Its sentence."""


class StatusSource(Protocol):
    """The running process, as its status page sees it."""

    @property
    def environment(self) -> str:
        """The environment that is watched."""

    @property
    def location(self) -> str:
        """Where this process watches from."""

    @property
    def project(self) -> Path:
        """The user's folder, for templates and runbooks."""

    @property
    def runbooks(self) -> str:
        """The profile's ``alerts.runbooks``: an address, or a folder of the project."""

    @property
    def started_at(self) -> datetime:
        """When the process began, real UTC."""

    @property
    def store(self) -> Store:
        """The open store."""

    @property
    def recent(self) -> Recent:
        """What the process heard lately; the service gives it to its listeners."""

    def now(self) -> datetime:
        """Return the real instant, in UTC."""

    def monitors(self) -> Mapping[str, Monitor]:
        """Return the monitors as last loaded, by name, those of other locations too."""

    def next_due(self) -> Mapping[str, datetime]:
        """Return when each is due next here; a monitor that this process does not run is absent."""

    def store_away_since(self) -> datetime | None:
        """Return since when the store cannot be used, None while it can."""

    def problems(self) -> Sequence[str]:
        """Return what is not well with this process (clock, store, edge, lateness), in sentences; empty when ready."""

    def alerts(self) -> Sequence[AlertLine]:
        """Return every alert this process knows of, from memory, those that are well too."""

    def undeliverable(self) -> Sequence[str]:
        """Return what could not be delivered and still waits or was given up, a sentence each."""

    def kill_switch(self) -> KillSwitch:
        """Return whether the kill switch is thrown, as this process knows it."""

    def throw_kill_switch(self, on: bool, by: str) -> None:
        """Throw it or put it back, for every process that shares the store; `AssayError` where that failed."""

    def metrics(self, accept: str) -> tuple[str, str]:
        """Return content type and text of the metrics, OpenMetrics where the Accept header asks for it."""
