"""The profile's sections for production: how monitors run (``[monitoring]``) and whom they wake (``[alerts]``)."""

from __future__ import annotations

from datetime import datetime, time
from ipaddress import ip_network
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from assay.errors import UsageError
from assay.span import seconds_of


class Table(BaseModel):
    """A table of the profile: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _seconds(value: object) -> object:
    if not isinstance(value, str | int | float):
        return value
    try:
        return seconds_of(value)
    except UsageError as error:
        raise ValueError(f"{error.message}: expected {error.expected}, seen {error.seen}") from None


Span = Annotated[float, BeforeValidator(_seconds), Field(gt=0, description="a span such as 30s, 5m, 1h")]
Severity = Literal["page", "ticket", "info"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Monitoring(Table):
    """How `assay monitor` runs."""

    location: str = Field(
        "default", pattern="^[a-z0-9][a-z0-9_-]{0,31}$", description="where this process stands; ASSAY_LOCATION wins"
    )
    workers: int = Field(16, ge=1, le=256, description="how many monitors may run at once in one process")
    undo_budget: Span = Field(120.0, description="how long taking back what one run created may take")
    sweep_every: Span = Field(300.0, description="how often what crashes left is taken back")
    bind: str = Field("127.0.0.1", description="address of status page, API and metrics")
    port: int = Field(9464, ge=0, le=65535, description="their port; 0 takes a free one")
    token: str | None = Field(None, description="'env:VARIABLE' with the token that lets readers in from elsewhere")
    user_header: str | None = Field(None, description="header in which a trusted proxy names the user it let in")
    trusted_proxies: tuple[str, ...] = Field((), description="networks whose user_header is believed")
    public_url: str | None = Field(None, description="address under which people reach the status page, for links")
    heartbeat: str | None = Field(None, description="'env:VARIABLE' with the address called after every healthy round")
    heartbeat_every: Span = Field(60.0, description="how often it is called")
    otlp: str | None = Field(None, description="address of an OpenTelemetry collector, e.g. http://127.0.0.1:4318")
    keep_probes: Span = Field(3 * 86_400.0, description="how long every single run of a monitor is kept")
    keep_bad: Span = Field(90 * 86_400.0, description="how long runs that did not pass are kept, with their findings")
    keep_hours: Span = Field(400 * 86_400.0, description="how long hourly summaries are kept")

    @field_validator("token", "heartbeat")
    @classmethod
    def _by_name(cls, value: str | None) -> str | None:
        return _secret_by_name(value)

    @model_validator(mode="after")
    def _guarded(self) -> Monitoring:
        for network in self.trusted_proxies:
            try:
                ip_network(network)
            except ValueError as error:
                raise ValueError(f"trusted_proxies: {error}; write for example 10.0.0.0/8") from None
        if (self.user_header is None) != (not self.trusted_proxies):
            raise ValueError("user_header and trusted_proxies belong together: whose header is believed?")
        if self.bind not in ("127.0.0.1", "::1", "localhost") and not (self.token or self.user_header):
            raise ValueError(f"bind = '{self.bind}' lets others in: set token, or user_header and trusted_proxies")
        return self


class Route(Table):
    """Where alerts go: one service by its apprise address, or an Alertmanager."""

    url: str | None = Field(None, description="'env:VARIABLE' with an apprise address: mailto://…, slack://…, json://…")
    alertmanager: str | None = Field(None, description="address of an Alertmanager, e.g. http://127.0.0.1:9093")
    severities: tuple[Severity, ...] = Field((), description="only these; all when absent")

    @field_validator("url")
    @classmethod
    def _by_name(cls, value: str | None) -> str | None:
        return _secret_by_name(value)

    @model_validator(mode="after")
    def _one_way(self) -> Route:
        if (self.url is None) == (self.alertmanager is None):
            raise ValueError("a route has either url or alertmanager")
        return self


class Maintenance(Table):
    """A span in which these monitors run but wake nobody: once (from, until) or weekly (days, at, for)."""

    name: str
    monitors: tuple[str, ...] = Field(("*",), min_length=1, description="names, with * for any letters")
    zone: str = Field("UTC", description="IANA time zone of the instants below")
    start: datetime | None = Field(None, description="once: local date and time of the zone")
    end: datetime | None = None
    days: tuple[Day, ...] = Field((), description="weekly: on these days of the zone")
    at: time | None = Field(None, description="weekly: local time it begins")
    lasts: Span | None = Field(None, description="weekly: for how long")

    @model_validator(mode="after")
    def _bounded(self) -> Maintenance:
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone '{self.zone}'; write for example Europe/Paris") from None
        once = self.start is not None and self.end is not None and not (self.days or self.at or self.lasts)
        weekly = bool(self.days and self.at and self.lasts) and self.start is None and self.end is None
        if not once and not weekly:
            raise ValueError("a maintenance has start and end, or days, at and lasts")
        if self.start is not None and self.end is not None:
            if self.start.tzinfo is not None or self.end.tzinfo is not None:
                raise ValueError("start and end are local times of the zone: write them without offset")
            if self.end <= self.start:
                raise ValueError("the maintenance ends before it begins")
        return self


class Alerts(Table):
    """Whom to wake, and when."""

    routes: dict[str, Route] = Field(default_factory=dict, description="where alerts go, by name")
    maintenance: tuple[Maintenance, ...] = ()
    runbooks: str = Field("monitors/runbooks", description="address or folder before the runbook's file name")
    fire_after: int = Field(3, ge=1, description="bad runs in a row until an alert fires")
    resolve_after: int = Field(2, ge=1, description="good runs in a row until it is over")
    remind_every: Span = Field(4 * 3600.0, description="how often one that still fires is told again")
    flaps: int = Field(5, ge=2, description="changes within flap_window that make a monitor flap")
    flap_window: Span = Field(3600.0)


def _secret_by_name(value: str | None) -> str | None:
    if value is not None and not value.startswith("env:"):
        # The value is never repeated: it may be the secret itself.
        raise ValueError("must be 'env:VARIABLE': the address may hold a secret")
    return value
