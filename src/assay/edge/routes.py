"""The route table as data, and the WireMock mappings it becomes: two ways in, one way out, everything else refused.

A call comes in by forward proxy (its host is the vendor's) or by base URL (the host is this machine and the path
begins with the route's prefix, which is removed towards the target). Every mapping is pinned to its host: a
base-URL mapping never answers a foreign host, a host mapping never answers this machine. What no mapping knows is
answered 502 with a JSON body and is marked in the journal as refused.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from assay.errors import UsageError

RouteMode = Literal["stub", "recorded", "simulator", "sandbox", "live"]
ANSWERED_HERE = ("stub", "recorded")
Way = Literal["proxy", "base", "reverse"]

FAULT_PRIORITY = 10
STUB_PRIORITY = 1000
ROUTE_PRIORITY = 100_000
EMPTY_STUB_PRIORITY = 200_000
REFUSAL_PRIORITY = 1_000_000
_NAMESPACE = uuid.UUID("6f9f3f0e-55a1-4d7c-9f7e-0c3c1a5f6b11")
_PATH_KEYS = ("url", "urlPath", "urlPattern", "urlPathPattern", "urlPathTemplate")


@dataclass(frozen=True, slots=True)
class Route:
    """One outside system.

    ``host`` is the vendor's production host (``*.`` in front takes its sub-domains; None: base URL only), ``hosts``
    are further hosts of the same vendor. ``target``
    is the address calls go to: the simulator's or sandbox's, for ``live`` the vendor's own unless given, for ``stub``
    and ``recorded`` none. ``prefix`` is the first path segment by base URL, the system's id unless given, empty for a
    host that has no base URL of its own. ``stubs`` are WireMock mappings answered before the target is asked.
    """

    system: str
    host: str | None = None
    mode: RouteMode = "simulator"
    target: str | None = None
    prefix: str | None = None
    stubs: tuple[Mapping[str, Any], ...] = ()
    hosts: tuple[str, ...] = ()

    @property
    def all_hosts(self) -> tuple[str, ...]:
        """Return every host of the vendor, in lower case."""
        return tuple(host.lower() for host in ((self.host,) if self.host else ()) + self.hosts)

    @property
    def base_prefix(self) -> str:
        """Return the path prefix of the base-URL way without slashes; empty for none."""
        return self.system if self.prefix is None else self.prefix.strip("/")

    @property
    def destination(self) -> str | None:
        """Return where calls go; None where the edge itself answers."""
        if self.mode in ANSWERED_HERE:
            return None
        return self.target

    def destination_of(self, host: str) -> str | None:
        """Return where calls to ``host`` go: for a live route without target the host itself."""
        if self.mode == "live" and self.target is None and "*" not in host:
            return f"https://{host}"
        return self.destination


@dataclass(frozen=True, slots=True)
class ReverseRoute:
    """Calls from outside to the platform: ``http://EDGE/<name>/…`` goes to ``target`` with ``/<name>`` removed."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Everything the edge lets through. ``local_names`` are the names this machine is called by with a base URL."""

    routes: tuple[Route, ...]
    reverse: tuple[ReverseRoute, ...] = ()
    local_names: tuple[str, ...] = ("127.0.0.1", "localhost")
    environment: str = "local"

    def __post_init__(self) -> None:
        _check(self)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return the routed hosts, each once."""
        return tuple(host for route in self.routes for host in route.all_hosts)


@dataclass(frozen=True, slots=True)
class Entrance:
    """One way into one route: how a request is recognised there and what comes off its path."""

    system: str
    way: Way
    mode: RouteMode | Literal["platform"]
    host: Mapping[str, Any]
    prefix: str
    target: str | None
    forwarded: Mapping[str, str] = field(default_factory=dict)

    def request(self, *, path: str | None = None, method: str | None = None) -> dict[str, Any]:
        """Return the request part of a mapping; ``path`` is a regular expression over the vendor's own path."""
        if path is None:
            matcher = {"urlPathPattern": f"/{re.escape(self.prefix)}(/.*)?"} if self.prefix else {"urlPattern": ".*"}
        else:
            matcher = {"urlPathPattern": self._head + path}
        return {"host": dict(self.host), "method": method or "ANY", **matcher}

    def proxy(self) -> dict[str, Any]:
        """Return the response part that passes a call on to the target."""
        response: dict[str, Any] = {"proxyBaseUrl": self.target}
        if self.prefix:
            response["proxyUrlPrefixToRemove"] = "/" + self.prefix
        if self.mode == "simulator" and self.forwarded:
            response["additionalProxyRequestHeaders"] = dict(self.forwarded)
        return response

    @property
    def mark(self) -> dict[str, Any]:
        """Return what a mapping's metadata says of this entrance; the journal reads it back."""
        return {"system": self.system, "way": self.way, "mode": self.mode, "prefix": self.prefix}

    @property
    def _head(self) -> str:
        return "/" + re.escape(self.prefix) if self.prefix else ""


def entrances(table: RouteTable, *, port: int) -> list[Entrance]:
    """Return every way into every route of ``table`` for an edge on ``port``."""
    local = {"matches": "|".join(re.escape(name) for name in table.local_names)}
    found: list[Entrance] = []
    for route in table.routes:
        for host in route.all_hosts:
            seen = {} if "*" in host else {"X-Forwarded-Host": host, "X-Forwarded-Proto": "https"}
            target = route.destination_of(host)
            found.append(Entrance(route.system, "proxy", route.mode, _host_matcher(host), "", target, seen))
        if route.base_prefix:
            seen = {
                "X-Forwarded-Host": f"{table.local_names[0]}:{port}",
                "X-Forwarded-Proto": "http",
                "X-Forwarded-Prefix": "/" + route.base_prefix,
            }
            target = route.destination_of(route.host or "*")
            found.append(Entrance(route.system, "base", route.mode, local, route.base_prefix, target, seen))
    for back in table.reverse:
        found.append(Entrance(back.name, "reverse", "platform", local, back.name, back.target))
    return found


def route_mappings(table: RouteTable, *, port: int) -> list[dict[str, Any]]:
    """Return the mappings of ``table``: stubs, routes and the refusal of everything else."""
    mappings: list[dict[str, Any]] = []
    for entrance in entrances(table, port=port):
        mark = entrance.mark
        name = f"{entrance.way} {entrance.system} {entrance.host} {entrance.prefix}"
        if entrance.target is not None:
            mappings.append(
                _mapping(
                    f"route {name}", ROUTE_PRIORITY, entrance.request(), entrance.proxy(), {**mark, "kind": "route"}
                )
            )
        elif entrance.mode in ANSWERED_HERE:
            answer = _no_stub(entrance.system, entrance.mode)
            mark_refused = {**mark, "kind": "refusal", "refused": True}
            mappings.append(_mapping(f"no stub {name}", EMPTY_STUB_PRIORITY, entrance.request(), answer, mark_refused))
    for route in table.routes:
        mappings.extend(_stub_mappings(route, table, port))
    mappings.append(_refusal(table))
    return mappings


def base_stub(stub: Mapping[str, Any], entrance: Entrance) -> dict[str, Any]:
    """Return ``stub``, written over the vendor's own paths, as it must be for this entrance."""
    request = {key: value for key, value in stub.get("request", {}).items() if key not in ("host", "scheme", "port")}
    head = "/" + entrance.prefix if entrance.prefix else ""
    for key in _PATH_KEYS:
        if key in request:
            pattern = key in ("urlPattern", "urlPathPattern")
            request[key] = (re.escape(head) if pattern else head) + request[key].removeprefix("^" if pattern else "")
    if head and not any(key in request for key in _PATH_KEYS):
        request["urlPathPattern"] = f"{re.escape(head)}(/.*)?"
    request["host"] = dict(entrance.host)
    return {**stub, "request": request}


def mapping_id(name: str) -> str:
    """Return the same id for the same name for ever, so that a reload replaces and does not add."""
    return str(uuid.uuid5(_NAMESPACE, name))


def _mapping(
    name: str, priority: int, request: dict[str, Any], response: dict[str, Any], mark: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": mapping_id(name),
        "name": name,
        "priority": priority,
        "request": request,
        "response": response,
        "metadata": {"assay": mark},
    }


def _stub_mappings(route: Route, table: RouteTable, port: int) -> Iterable[dict[str, Any]]:
    ways = [way for way in entrances(table, port=port) if way.system == route.system and way.way != "reverse"]
    for index, stub in enumerate(route.stubs):
        for entrance in ways:
            pinned = base_stub(stub, entrance)
            name = f"stub {entrance.way} {route.system} {entrance.host} {index}"
            pinned["id"] = mapping_id(name)
            pinned.setdefault("name", name)
            pinned.pop("uuid", None)
            pinned["priority"] = STUB_PRIORITY + min(int(stub.get("priority", 5)), 1000)
            mode = "recorded" if route.mode == "recorded" else "stub"
            mark = {**entrance.mark, "mode": mode, "kind": "stub"}
            pinned["metadata"] = {**stub.get("metadata", {}), "assay": mark}
            yield pinned


def _no_stub(system: str, mode: str) -> dict[str, Any]:
    remedy = {
        "stub": f"add a stub under mocks/{system}/stubs/",
        "recorded": f"record this call with `assay record {system}` in an environment where {system} is sandbox",
    }[mode]
    body = {
        "error": "no stub matches",
        "system": system,
        "explanation": f"System '{system}' is in mode {mode} and none of its stubs matches this call.",
        "do": f"{remedy}, or give the system another mode in assay.toml",
    }
    return {"status": 502, "headers": {"Content-Type": "application/json"}, "jsonBody": body}


def _refusal(table: RouteTable) -> dict[str, Any]:
    body = {
        "error": "host not routed",
        "host": "{{request.host}}",
        "explanation": "Assay's edge passes on only the hosts and prefixes of its route table; this call went nowhere.",
        "routes": [
            {
                "system": route.system,
                "hosts": list(route.all_hosts),
                "base_url": f"/{route.base_prefix}" if route.base_prefix else None,
                "mode": route.mode,
            }
            for route in table.routes
        ],
        "do": "add to assay.toml [systems.NAME] host = '{{request.host}}' "
        f"and to [environments.{table.environment}.systems] NAME = 'stub' (or simulated, recorded, sandbox, live)",
    }
    response = {
        "status": 502,
        "headers": {"Content-Type": "application/json"},
        "jsonBody": body,
        "transformers": ["response-template"],
    }
    mark = {"kind": "refusal", "refused": True}
    return _mapping("refusal", REFUSAL_PRIORITY, {"method": "ANY", "urlPattern": ".*"}, response, mark)


def _host_matcher(host: str) -> dict[str, Any]:
    host = host.lower()
    if host.startswith("*."):
        return {"matches": r"(?i)[^.]+\." + re.escape(host[2:])}
    return {"equalTo": host, "caseInsensitive": True}


def _check(table: RouteTable) -> None:
    prefixes: dict[str, str] = {back.name: f"reverse route '{back.name}'" for back in table.reverse}
    hosts: dict[str, str] = {}
    for route in table.routes:
        here = f"route '{route.system}'"
        if route.mode not in ANSWERED_HERE:
            for host in route.all_hosts or ("*",):
                _check_target(route.destination_of(host), here)
        if route.base_prefix:
            _take(prefixes, route.base_prefix, here, "base-URL prefix")
        for host in route.all_hosts:
            _take(hosts, host, here, "host")
        if not route.all_hosts and not route.base_prefix:
            raise UsageError("A route has neither host nor prefix; nothing can reach it.", where=here)
    for back in table.reverse:
        _check_target(back.target, f"reverse route '{back.name}'")


def _take(taken: dict[str, str], name: str, here: str, what: str) -> None:
    if name in taken:
        raise UsageError(
            f"Two routes share one {what}.",
            where=f"{here} and {taken[name]}",
            seen=name,
            hint=f"give each its own {what}",
        )
    taken[name] = here


def _check_target(target: str | None, where: str) -> None:
    parts = urlsplit(target or "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            "A route has no usable target.",
            where=where,
            expected="an http or https address",
            seen=str(target),
            hint="give the simulator's, sandbox's or platform's address, or mode stub",
        )
