"""Where a system is asked: a simulator started alone for it, its time standing, or a sandbox; production never."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from assay.errors import SafetyError, UsageError
from assay.http import open_client
from assay.landscape import look_for_connector, open_landscape
from assay.local import webhooks
from assay.local.clock import LandscapeClock
from assay.local.plan import MERCHANT, SIMULATORS, Plan
from assay.local.processes import admin
from assay.local.state import Home, Running
from assay.local.uninterrupted import uninterrupted
from assay.local.up import bring_up, settlers, take_down
from assay.roles import Authenticates

_START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday; the same for every check, so that answers are, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a system is asked. ours: what can be done to a simulator that was started for it."""

    base_url: str
    headers_for: Callable[[str, str], Mapping[str, str]]
    ours: _Simulator | None = None

    @property
    def simulated(self) -> bool:
        """Whether it was started for this check."""
        return self.ours is not None


class _Simulator:
    """A system that was started for a check: its time and settings are ours, and so are its pages."""

    def __init__(self, plan: Plan, running: Running, port: int, credentials: _Credentials) -> None:
        self._plan = plan
        self._clock = LandscapeClock(plan.home.clock)
        self._running = running
        self._port = port
        self._credentials = credentials

    def wait(self, seconds: float) -> None:
        """Move the landscape's time and return when all that was due has run."""
        self._clock.advance(timedelta(seconds=seconds), settlers(self._running))
        self._credentials.renew()

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Change settings of the system."""
        admin(self._port, "POST", "settings", dict(settings))

    def signed(self, system: str, body: bytes) -> tuple[bytes, Mapping[str, str]]:
        """Return a body as a vendor would deliver it now, and its headers."""
        return webhooks.signed(self._plan, system, body)

    def credentials(self) -> Mapping[str, str]:
        """Return every credential of the landscape that is set, as `system.name`."""
        systems = self._plan.environment.systems.items()
        return {f"{id_}.{name}": secret for id_, one in systems for name, secret in webhooks.secrets_of(one).items()}

    def visit(self, method: str, address: str, form: Mapping[str, str]) -> Mapping[str, str]:
        """Call a page at a path, or at an address of the vendor's that this simulator stands for."""
        parts = urlsplit(address)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        with open_client(f"http://127.0.0.1:{self._port}") as client:
            return client.request(method, path, form=tuple(form.items()) if form else None).headers


@contextmanager
def opened(plan: Plan, system: str, base_url: str | None) -> Iterator[Place]:
    """Say where a system is asked; a simulated one is started alone and removed afterwards."""
    one = plan.environment.systems[system]
    if base_url is not None or one.mode in ("sandbox", "live"):
        _refuse_production(plan, system, base_url)
        base_url = base_url or one.base_url
        if base_url is None:
            raise UsageError(f"nobody knows where '{system}' is", hint="add base_url to the profile, or --base-url URL")
        yield Place(base_url=base_url.rstrip("/"), headers_for=_Credentials(plan, system, base_url).headers_for)
        return
    if one.mode != "simulated":
        raise UsageError(
            f"'{system}' is in mode {one.mode} in environment '{plan.name}': stubs answer what they were written for",
            hint="name an environment where it is simulated or a sandbox, or --base-url URL",
        )
    with _started(_alone(plan, system)) as (own, running):
        role = MERCHANT if own.shop == system else SIMULATORS
        port = running.port(role, system) or running.port(role, MERCHANT)
        assert port is not None
        address = f"http://127.0.0.1:{port}"
        credentials = _Credentials(own, system, address)
        yield Place(
            base_url=address,
            headers_for=credentials.headers_for,
            ours=_Simulator(own, running, port, credentials),
        )


@contextmanager
def _started(plan: Plan) -> Iterator[tuple[Plan, Running]]:
    """Bring a landscape up in a folder of its own, its clock standing, and remove both at the end."""
    folder = Path(tempfile.mkdtemp(prefix="assay-check-"))
    own = replace(plan, home=Home(folder, plan.name))
    own.home.path.mkdir(parents=True)
    clock = LandscapeClock(own.home.clock)
    clock.start_at(_START - timedelta(minutes=1))
    clock.freeze()  # some microseconds later, which are never the same
    clock.set(_START, ())
    try:
        yield own, bring_up(own, lambda progress: None)
    finally:
        with uninterrupted():
            take_down(own.home, lambda progress: None)
            shutil.rmtree(folder, ignore_errors=True)


def _alone(plan: Plan, system: str) -> Plan:
    """Return the plan of a landscape of this system alone; the shop needs its vendors, which it calls directly."""
    systems = plan.environment.systems
    chosen = (
        {name: each for name, each in systems.items() if each.mode == "simulated"}
        if systems[system].role == "shop"
        else {system: systems[system]}
    )
    # Ports of the profile belong to the landscape that may be up.
    moved = {name: each.model_copy(update={"port": 0}) for name, each in chosen.items()}
    return replace(plan, environment=plan.environment.model_copy(update={"view": "witness", "systems": moved}))


class _Credentials:
    """What a system's connector sends by way of credentials; none where it has no connector, or that says nothing."""

    def __init__(self, plan: Plan, system: str, base_url: str) -> None:
        self._plan = plan
        self._system = system
        self._base_url = base_url
        self._connector: Any = None
        self.renew()

    def renew(self) -> None:
        """Forget tokens: simulated time has moved on, which no connector's own clock knows."""
        environment = self._plan.environment
        systems = {self._system: environment.systems[self._system]}
        way = self._plan.way_to(self._base_url)
        landscape = open_landscape(
            self._plan.name,
            environment.model_copy(update={"systems": systems}),
            {self._system: self._base_url},
            lambda name, url: open_client(url, system=name, proxy=way.proxy, ca_file=way.ca_file),
        )
        self._connector = landscape.connectors.get(self._system)

    def headers_for(self, method: str, path: str) -> Mapping[str, str]:
        """Return the headers by which the system knows a call as ours."""
        if not isinstance(self._connector, Authenticates):
            return {}
        return self._connector.headers_for(method, path)


def _refuse_production(plan: Plan, system: str, base_url: str | None) -> None:
    """Refuse a live system, and an address given by hand that is the vendor's live host or any production's."""
    one = plan.environment.systems[system]
    if base_url is None:
        if one.mode == "live":
            raise SafetyError(
                f"'{system}' is live in environment '{plan.name}': generated requests are never sent there",
                where=f"environments.{plan.name}.systems.{system}",
                hint="check its simulator (--env local) or a sandbox",
            )
        return
    host = urlsplit(base_url).hostname
    if host is None:
        raise UsageError("that is no base URL", expected="http(s)://host…", seen=base_url)
    module = look_for_connector(system)
    live = {urlsplit(module.HEAD.live).hostname} if module is not None and one.role != "shop" else set()
    for environment in plan.profile.environments.values():
        if environment.production:
            live |= {urlsplit(each.base_url).hostname for each in environment.systems.values() if each.base_url}
    if host in live and not (one.mode == "sandbox" and one.base_url and urlsplit(one.base_url).hostname == host):
        raise SafetyError(
            f"{host} is production: generated requests are never sent there",
            where="--base-url",
            hint="name a sandbox; one that shares its host with production is declared in the profile",
        )
