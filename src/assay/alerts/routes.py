"""Where alerts go: services by their apprise address, and Alertmanagers by the API of their version 2.

apprise is imported when the first message goes out: it costs more than a command's start. What came back is told
without the address, which holds the secret.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from assay.alerts.evidence import clean
from assay.alerts.states import FLAPPING, RESOLVED, TEST
from assay.alerts.text import Message
from assay.errors import AssayError, UsageError, did_you_mean
from assay.masking import MASK
from assay.monitor import Monitor
from assay.profile import read_credential
from assay.profile_watch import Alerts, Route

TIMEOUT_S = 10.0
EXPIRES_S = 900.0
"""An Alertmanager ends an alert that nobody tells it again for so long."""
_LONGEST_BODY = 6000
_SAID = 300


class Undeliverable(Exception):
    """A message was not taken; the text says why, without secrets. lasting: trying again soon will not help."""

    def __init__(self, said: str, *, lasting: bool = False) -> None:
        super().__init__(said)
        self.lasting = lasting


class Sender(Protocol):
    """Takes messages to one route."""

    def send(self, message: Message, now: datetime) -> str:
        """Send one message and return what came back; `Undeliverable` where it was not taken."""


def routes_for(alerts: Alerts, wanted: Sequence[str], severity: str) -> tuple[str, ...]:
    """Return the routes that take an alert of this severity: those wanted, all where none is named."""
    names = tuple(wanted) or tuple(alerts.routes)
    return tuple(
        name
        for name in names
        # One that does not exist is kept: that it is undeliverable must be seen.
        if name not in alerts.routes or not (takes := alerts.routes[name].severities) or severity in takes
    )


def check_routes(alerts: Alerts, monitors: Mapping[str, Monitor]) -> None:
    """Raise `UsageError` where a monitor names a route that the profile does not have."""
    for monitor in monitors.values():
        for route in monitor.alert.routes:
            if route not in alerts.routes:
                raise UsageError(
                    f"monitor '{monitor.name}' wants to be told by route '{route}', which does not exist",
                    where=f"{monitor.source}: [monitors.{monitor.name}.alert] routes",
                    expected="a table of [alerts.routes] in assay.toml",
                    seen=route,
                    hint=did_you_mean(route, alerts.routes),
                )


def open_route(name: str, alerts: Alerts) -> Sender:
    """Return a route's sender; `Undeliverable` where it cannot be one, and says what to mend."""
    if name not in alerts.routes:
        hint = did_you_mean(name, alerts.routes)
        raise Undeliverable(f"there is no [alerts.routes.{name}] in assay.toml; {hint}", lasting=True)
    route = alerts.routes[name]
    return _Alertmanager(route.alertmanager) if route.alertmanager else _Apprise(name, route)


@dataclass(frozen=True, slots=True)
class _Apprise:
    name: str
    route: Route

    def send(self, message: Message, now: datetime) -> str:
        source = self.route.url or ""
        address = read_credential(source)
        if not address:
            variable = source.removeprefix("env:")
            raise Undeliverable(f"{variable} is not set; export it with an apprise address", lasting=True)
        services = _services(address, source)
        with _Said() as said:
            try:
                # One by one and in this thread: only so it is known what was said of this message.
                answers = [each.notify(message.text, message.subject, _mood(message)) for each in services]
            except Exception as error:  # a service of apprise may raise what its library does
                raise Undeliverable(_without(f"{type(error).__name__}: {error}", address)) from None
        words = _without("; ".join(said.lines), address)
        if not all(answers):
            raise Undeliverable(words or "the service did not take it and did not say why")
        return words or "delivered"


def warm_up() -> None:
    """Import what takes messages to services by their apprise address."""
    import apprise

    apprise.Apprise().add("json://localhost")  # its services are found when the first one is asked for


def _services(address: str, source: str) -> Any:
    """Return the services of an address: several where it names several."""
    import apprise

    services = apprise.Apprise()
    with _Said() as said:
        good = services.add(address)
    if not good or not len(services):
        scheme = address.partition("://")[0] if "://" in address else ""
        why = _without("; ".join(said.lines), address)
        known = f"'{scheme}://' begins it" if scheme.isalnum() else "it does not begin with a service such as json://"
        raise Undeliverable(f"{source} holds no address that apprise understands: {known}. {why}".strip(), lasting=True)
    for service in services:
        if "overflow=" not in address and hasattr(service, "overflow_mode"):
            # A pager that takes 160 letters gets the first 160, not fifteen messages.
            service.overflow_mode = apprise.OverflowMode.TRUNCATE
    return services


def _mood(message: Message) -> Any:
    from apprise import NotifyType

    if message.kind in (RESOLVED, TEST):
        return NotifyType.SUCCESS if message.kind == RESOLVED else NotifyType.INFO
    return NotifyType.WARNING if message.kind == FLAPPING or message.severity != "page" else NotifyType.FAILURE


class _Said(logging.Handler):
    """What apprise says of a message in this thread: it hands back only whether it went well."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._thread = threading.get_ident()
        self._logger = logging.getLogger("apprise")

    def __enter__(self) -> _Said:
        self._logger.addHandler(self)
        # Its own lines, in nobody's form, would stand on stderr between ours.
        self._logger.propagate = False
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.lines.append(record.getMessage())


def _without(text: str, address: str) -> str:
    """Return what a service said without anything of its address that may be secret."""
    parts = urlsplit(address) if "://" in address else None
    pieces = {address}
    if parts is not None:
        pieces |= {parts.password or "", parts.username or "", parts.query}
        pieces |= {piece for piece in parts.path.split("/") if len(piece) > 5}
        if parts.port is None and "." not in (parts.hostname or ""):
            pieces.add(parts.netloc.rpartition("@")[2])  # many services put a token where a host would stand
    secrets = {each for piece in pieces for each in (piece, unquote(piece)) if len(each) > 2}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return clean(text, _SAID)


@dataclass(frozen=True, slots=True)
class _Alertmanager:
    address: str

    def send(self, message: Message, now: datetime) -> str:
        from assay.http import open_client

        alerts = [_posted(message, message.labels, message.ends_at or now + timedelta(seconds=EXPIRES_S))]
        if message.replaces:
            alerts.append(_posted(message, message.replaces, now))
        parts = urlsplit(self.address)
        try:
            base = f"{parts.scheme}://{parts.netloc}"
            with open_client(base, system="Alertmanager", timeout_s=TIMEOUT_S) as client:
                reply = client.request("POST", f"{parts.path.rstrip('/')}/api/v2/alerts", json=alerts)
        except AssayError as error:
            raise Undeliverable(clean(error.message, _SAID), lasting=isinstance(error, UsageError)) from None
        if not 200 <= reply.status < 300:
            said = clean(reply.body[:1000].decode("utf-8", "replace"), _SAID)
            raise Undeliverable(f"Alertmanager answered {reply.status}: {said}")
        return f"Alertmanager answered {reply.status}"


def _posted(message: Message, labels: Mapping[str, str], ends_at: datetime) -> dict[str, Any]:
    """Return one alert as the API of version 2 takes it (OpenAPI document of Alertmanager, `postableAlert`)."""
    alert: dict[str, Any] = {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {name: value[:_LONGEST_BODY] for name, value in message.annotations.items()},
        "startsAt": _stamp(min(message.starts_at, ends_at)),
        "endsAt": _stamp(ends_at),
    }
    if message.link:
        alert["generatorURL"] = message.link
    return alert


def _stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
