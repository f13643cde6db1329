"""Webhooks into a platform no vendor can reach: the vendor's own list of events, posted with a fresh signature.

A connector takes part by ``events(since)``, ``decode_event(object)`` and ``sign(body, secret, at)`` in its module.
Events are sent through the edge where one is up, so that the journal holds them and faults meet them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol
from urllib.parse import urlsplit

from assay.errors import InfrastructureError, UsageError, did_you_mean
from assay.http import Client, open_client
from assay.landscape import look_for_connector, open_landscape
from assay.local.clock import LandscapeClock
from assay.local.plan import EDGE, MERCHANT, PUBLIC, SIMULATORS, Plan
from assay.profile import System, read_credential
from assay.roles import Http
from assay.suites import enter, suite_roots

_SECRET = "webhook_secret"  # noqa: S105 (the name of the credential)


class Event(Protocol):
    """What a connector's ``events`` gives."""

    @property
    def ref(self) -> str:
        """The vendor's id of the event."""

    @property
    def kind(self) -> str:
        """What happened, in the vendor's word."""

    @property
    def body(self) -> bytes:
        """The event as the vendor sends it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one event: the platform's status, or why there was no answer."""

    event: Event
    status: int | None
    error: str = ""

    @property
    def taken(self) -> bool:
        """Whether the platform took it."""
        return self.status is not None and 200 <= self.status < 300


def listed(plan: Plan, system: str, span: timedelta) -> Sequence[Event]:
    """Return the vendor's own list of events of the last while, oldest first; no other system is asked or needed."""
    signing_connector(plan, system)
    declared = plan.environment.systems[system]
    if declared.mode in ("stub", "recorded"):
        raise UsageError(
            f"'{system}' is {declared.mode} in '{plan.name}', and stubs keep no list of events",
            hint="name an environment in which it is simulated or a sandbox with --env",
        )
    port = plan.home.read().port(SIMULATORS, system)
    addresses = {system: f"http://127.0.0.1:{port}"} if declared.mode == "simulated" and port else {}
    alone = plan.environment.model_copy(update={"systems": {system: declared}})
    clients: list[Client] = []

    def open_http(name: str, base_url: str) -> Http:
        way = plan.way_to(base_url)
        clients.append(open_client(base_url, system=name, proxy=way.proxy, ca_file=way.ca_file))
        return clients[-1]

    try:
        landscape = open_landscape(plan.name, alone, addresses, open_http)
        found: Sequence[Event] = landscape.connectors[system].events(now(plan) - span)
        return found
    finally:
        for client in clients:
            client.close()


def now(plan: Plan) -> datetime:
    """Return the instant of the platform's clock, by which it judges how old a signature is."""
    return LandscapeClock(plan.home.clock).read().now if plan.moves_time else datetime.now(UTC)


def send(plan: Plan, system: str, events: Sequence[Event], *, to: str | None) -> list[Sent]:
    """Post events to the platform in their order, each signed at its own instant with the local secret."""
    module = signing_connector(plan, system)
    secret = _secret(plan.environment.systems[system], system)
    url = to or target(plan, system)
    parts = urlsplit(url)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    client = open_client(f"{parts.scheme}://{parts.netloc}", system="the platform")
    done: list[Sent] = []
    try:
        for event in events:
            headers = module.sign(event.body, secret, now(plan))
            try:
                reply = client.request("POST", path, body=event.body, headers=headers)
            except InfrastructureError as error:
                done.append(Sent(event, None, error.message))
            else:
                done.append(Sent(event, reply.status))
    finally:
        client.close()
    return done


def signed(plan: Plan, system: str, body: bytes) -> tuple[bytes, Mapping[str, str]]:
    """Return a body as a vendor would deliver it now, and its headers: signed with the secret the platform has.

    A connector takes part by ``signed_webhook(body, credentials, at)`` in its module; `UsageError` where it does not,
    or where a credential that it needs is not set.
    """
    systems = plan.environment.systems
    if system not in systems:
        raise UsageError(f"no system '{system}' in environment '{plan.name}'", hint=did_you_mean(system, systems))
    enter(suite_roots(plan.profile.folder))
    sign = getattr(look_for_connector(system), "signed_webhook", None)
    if sign is None:
        raise UsageError(
            f"the connector of '{system}' signs nothing",
            expected=f"signed_webhook(body, credentials, at) in the connector {system}",
            hint="write its signature by hand, as `text` and `headers`, where it does not hang on a secret",
        )
    try:
        found: tuple[bytes, Mapping[str, str]] = sign(body, secrets_of(systems[system]), now(plan))
    except KeyError as error:
        raise UsageError(
            f"'{system}' has no {error}", where=f"systems.{system}.credentials", hint="add the line to assay.toml"
        ) from None
    return found


def secrets_of(system: System) -> dict[str, str]:
    """Return every credential of a system that is set; of a simulated one, the published ones where it is not."""
    published = system.test_credentials if system.mode == "simulated" else {}
    found = {name: read_credential(source) for name, source in system.credentials.items()}
    return {name: value or published.get(name, "") for name, value in found.items() if value or name in published}


def target(plan: Plan, system: str) -> str:
    """Return where the platform takes this vendor's webhooks: through the edge where it is up, else directly."""
    running = plan.home.read()
    path = plan.hook_path(system)
    if path is None:
        raise UsageError(
            f"the platform of '{plan.name}' takes no webhooks of {system}",
            where=f"systems.{system}.webhook",
            seen='webhook = "none"',
            hint="name its path there, or give --to URL",
        )
    port = running.port(EDGE, EDGE)
    if plan.has_edge and port and running.alive(EDGE):
        return f"http://127.0.0.1:{port}/{PUBLIC}{path}"
    if plan.own_shop:
        return plan.own_shop + path
    port = running.port(MERCHANT, MERCHANT)
    if port and running.alive(MERCHANT):
        return f"http://127.0.0.1:{port}{path}"
    raise UsageError(
        f"nobody knows where the platform of '{plan.name}' takes webhooks",
        hint="give --to URL, or declare a system of role shop with base_url",
    )


def signing_connector(plan: Plan, system: str) -> ModuleType:
    """Return the connector's module of a vendor that lists and signs events; `UsageError` where it does neither."""
    systems = plan.environment.systems
    if system not in systems:
        raise UsageError(f"no system '{system}' in environment '{plan.name}'", hint=did_you_mean(system, systems))
    enter(suite_roots(plan.profile.folder))
    module = look_for_connector(system)
    if module is None or not hasattr(module, "sign") or not hasattr(module, "decode_event"):
        raise UsageError(
            f"'{system}' offers no list of events that could be signed anew",
            expected=f"a connector {system} with events(since), decode_event(object) and sign(body, secret, at)",
            hint="let the vendor's webhooks in by a tunnel; README, Webhooks into a laptop",
        )
    return module


def save(events: Iterable[Event], system: str, file: Path) -> None:
    """Write events to a file that `read` takes."""
    lines = [json.dumps({"system": system, "event": json.loads(event.body)}, ensure_ascii=False) for event in events]
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read(plan: Plan, file: Path, *, system: str | None) -> tuple[str, list[Event]]:
    """Return the vendor and the events of a file: what `save` wrote, or one event, a list or lines as the vendor has.

    `UsageError` names the line that is no event, and asks for the vendor where the file does not say it.
    """
    found: list[Event] = []
    for place, content in _objects(file):
        named = content.get("system") if "event" in content else None
        if named is not None and system not in (None, named):
            raise UsageError("the file holds another vendor's events", where=place, expected=system, seen=str(named))
        system = system or named
        if system is None:
            raise UsageError("the file does not say whose events these are", where=place, hint="give --system NAME")
        event = content["event"] if named is not None else content
        try:
            found.append(signing_connector(plan, system).decode_event(event))
        except InfrastructureError as error:
            raise UsageError(
                f"that is no event of {system}", where=place, expected=error.expected, seen=error.seen
            ) from None
    if system is None:
        raise UsageError("the file holds no event", where=str(file))
    signing_connector(plan, system)
    return system, found


def _objects(file: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError("the file cannot be read", where=str(file), seen=str(error.strerror)) from None
    try:
        whole = json.loads(text)
    except ValueError:
        numbered = [(f"{file}:{number}", line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        contents = [(place, _decoded(place, line)) for place, line in numbered]
    else:
        if isinstance(whole, dict) and isinstance(whole.get("data"), list) and whole.get("object") == "list":
            whole = whole["data"]
        items = whole if isinstance(whole, list) else [whole]
        contents = [(f"{file}: event {number}", item) for number, item in enumerate(items, 1)]
    for place, content in contents:
        if not isinstance(content, dict):
            raise UsageError("that is no event", where=place, expected="a JSON object")
        yield place, content


def _decoded(place: str, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise UsageError("that is no event", where=place, expected="JSON", seen=str(error)) from None


def _secret(system: System, name: str) -> str:
    source = system.credentials.get(_SECRET, "")
    secret = read_credential(source) if source else None
    if secret is None and system.mode == "simulated":
        secret = system.test_credentials.get(_SECRET)
    if secret is None:
        raise UsageError(
            f"the secret your platform checks {name}'s webhooks with is not set",
            where=f"systems.{name}.credentials.{_SECRET}",
            expected=source or f'{_SECRET} = "env:{name.upper()}_WEBHOOK_SECRET"',
            hint=f"set {source.partition(':')[2]}" if source else "add the line to assay.toml",
        )
    return secret
