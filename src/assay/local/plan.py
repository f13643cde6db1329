"""What one landscape consists of: the processes, their configuration files, the edge's route table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from assay.local.state import Home, Running
from assay.profile import Environment, Profile, System, read_credential
from assay.suites import suite_roots

EDGE, SIMULATORS, MERCHANT, KEEPER, DOOR = "edge", "simulators", "merchant", "keeper", "door"
PUBLIC = "platform"
"""Name of the reverse route by which vendors' webhooks reach the platform."""
_NEAR = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one `up` needs to know."""

    profile: Profile
    name: str
    environment: Environment
    home: Home
    defects: tuple[str, ...] = ()
    defect_folders: tuple[Path, ...] = ()
    capture: Path | None = None

    @property
    def simulated(self) -> list[str]:
        """Ids of the vendors we stand in for."""
        return [
            name for name, each in self.environment.systems.items() if each.mode == "simulated" and each.role != "shop"
        ]

    @property
    def shop(self) -> str | None:
        """Id of the reference merchant, where it is the platform of this environment."""
        shops = self.environment.with_role("shop").items()
        return next((name for name, system in shops if system.mode == "simulated"), None)

    @property
    def own_shop(self) -> str | None:
        """Address of the platform under test where it is somebody's own and not the reference merchant."""
        shops = self.environment.with_role("shop").values()
        return next((shop.base_url.rstrip("/") for shop in shops if shop.mode != "simulated" and shop.base_url), None)

    @property
    def has_edge(self) -> bool:
        """Whether an edge stands between the platform and its vendors."""
        return self.environment.view != "witness"

    @property
    def moves_time(self) -> bool:
        """Whether the landscape's clock may be moved: everybody's own shop follows the clock on the wall."""
        return bool(self.simulated) and self.own_shop is None

    def hook_path(self, system: str) -> str | None:
        """Return the path at which the platform takes a vendor's webhooks; None where it takes none."""
        said = self.environment.systems[system].webhook
        return None if said == "none" else said or f"/webhooks/{system}"

    def way_to(self, base_url: str) -> WayOut:
        """Return how a witness reaches an address: what runs on this machine is never asked by way of a proxy."""
        environment = self.environment
        near = (urlsplit(base_url).hostname or "") in _NEAR
        ca_file = str(self.profile.folder / environment.ca_file) if environment.ca_file else None
        return WayOut(proxy=None if near else environment.proxy, ca_file=ca_file)


class WayOut(NamedTuple):
    """By which proxy a witness is read, and which further CA it is trusted by."""

    proxy: str | None
    ca_file: str | None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Ports that others must know before their owner listens; 0 where there is none, or nobody needs it yet."""

    edge: int = 0
    shop: int = 0


def processes_of(plan: Plan) -> list[str]:
    """Return the names of the processes this landscape must have."""
    wanted = (
        (EDGE, plan.has_edge),
        (SIMULATORS, bool(plan.simulated)),
        (MERCHANT, plan.shop is not None),
        (KEEPER, plan.has_edge and plan.environment.edge.journal),
        (DOOR, plan.has_edge and plan.environment.edge.bind is not None),
    )
    return [name for name, present in wanted if present]


def made_of(plan: Plan, name: str) -> str:
    """Return a digest of what the profile says of a process: where it changes, the process must start anew."""
    environment = plan.environment
    said: dict[str, Any] = {"view": environment.view}
    if name == DOOR:
        said["edge"] = (environment.edge.bind, environment.edge.allow)
    elif name == EDGE:
        said["edge"] = environment.edge.model_dump(exclude={"allow"})
        said["shop"] = plan.own_shop
        said["systems"] = {
            id_: (each.mode, each.all_hosts, each.base_url, stubs_of(plan, id_))
            for id_, each in environment.systems.items()
            if each.role != "shop"
        }
    elif name == SIMULATORS:
        said["shop"], said["seed"] = plan.own_shop, environment.seed
        said["systems"] = {
            id_: (each.settings, each.test_credentials, each.webhook)
            for id_ in plan.simulated
            for each in (environment.systems[id_],)
        }
    elif name == MERCHANT and plan.shop is not None:
        said["seed"], said["settings"] = environment.seed, environment.systems[plan.shop].settings
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:16]


def stubs_of(plan: Plan, system: str) -> tuple[Mapping[str, Any], ...]:
    """Return the stubs a system is answered by: the project's own, else the shipped ones; none where it is not."""
    folder = {"stub": "stubs", "recorded": "recorded"}.get(plan.environment.systems[system].mode or "")
    if folder is None:
        return ()
    from assay.edge.stubs import load_stubs  # most landscapes have none, and a quick command loads nothing of the edge

    for root in suite_roots(plan.profile.folder):
        place = root / "mocks" / system / folder
        if place.is_dir():
            return load_stubs(place)
    return ()


def simulators_config(plan: Plan, running: Running, addresses: Addresses) -> dict[str, Any]:
    """Return what `assay.simkit.serve` reads: every simulated vendor, where its webhooks go, its settings."""
    systems = []
    public = _public_url(plan, addresses)
    for name in plan.simulated:
        system = plan.environment.systems[name]
        path = plan.hook_path(name)
        hook = {"webhook_url": public + path} if public and path else {}
        given = {**hook, **system.test_credentials}
        port = running.port(SIMULATORS, name) or system.port
        systems.append({"vendor": name, "port": port, "settings": system.settings, "given": given})
    return {
        **_common(plan),
        "dir": str(plan.home.path / "simulators"),
        "capture": str(plan.capture) if plan.capture else None,
        "systems": systems,
    }


def merchant_config(plan: Plan, running: Running, addresses: Addresses) -> dict[str, Any]:
    """Return what the reference merchant reads."""
    shop = plan.environment.systems[plan.shop] if plan.shop else None
    return {
        **_common(plan),
        "dir": str(plan.home.path / "merchant"),
        "port": addresses.shop,
        # Before the edge knows its routes, the merchant's first calls would be refused.
        "jobs": "when_told",
        "public_url": _public_url(plan, addresses),
        "defects": list(plan.defects),
        "defect_dirs": [str(folder) for folder in plan.defect_folders],
        "settings": {"operator_token_env": "SHOP_OPERATOR_TOKEN", **(shop.settings if shop else {})},
        "vendors": {name: {"base_url": url} for name, url in _vendor_addresses(plan, running, addresses).items()},
    }


def platform_variables(plan: Plan, edge_port: int, bundle: Path | None) -> dict[str, str]:
    """Return what the platform finds in its environment: its vendors' secrets by name; by proxy, that and the CA."""
    variables: dict[str, str] = {}
    if plan.environment.view == "forward_proxy":
        proxy = f"http://127.0.0.1:{edge_port}"
        variables = {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": "localhost,127.0.0.1",
            "no_proxy": "localhost,127.0.0.1",
            "SSL_CERT_FILE": str(bundle),
            "REQUESTS_CA_BUNDLE": str(bundle),
        }
    for system in plan.environment.systems.values():
        variables |= _secrets(system)
    return variables


def _public_url(plan: Plan, addresses: Addresses) -> str | None:
    """Return where vendors' webhooks and customers' browsers reach the platform; None where nobody knows."""
    if plan.has_edge:
        return f"http://127.0.0.1:{addresses.edge}/{PUBLIC}"
    return plan.own_shop or (f"http://127.0.0.1:{addresses.shop}" if addresses.shop else None)


def _vendor_addresses(plan: Plan, running: Running, addresses: Addresses) -> dict[str, str]:
    """Return by vendor what the reference merchant calls instead of the vendor's own address; empty by proxy."""
    vendors = [name for name, each in plan.environment.systems.items() if each.role not in ("shop", "other")]
    if plan.environment.view == "base_url":
        return {name: f"http://127.0.0.1:{addresses.edge}/{name}" for name in vendors}
    if plan.environment.view == "witness":
        ports = {name: running.port(SIMULATORS, name) for name in vendors}
        return {name: f"http://127.0.0.1:{port}" for name, port in ports.items() if port}
    return {}


def _secrets(system: System) -> dict[str, str]:
    found = {}
    for name, source in system.credentials.items():
        published = system.test_credentials.get(name) if system.mode == "simulated" else None
        secret = read_credential(source) or published
        if source.startswith("env:") and secret:
            found[source.removeprefix("env:")] = secret
    return found


def _common(plan: Plan) -> Mapping[str, Any]:
    roots = [str(root) for root in suite_roots(plan.profile.folder)]
    return {"suite_roots": roots, "clock": str(plan.home.clock), "seed": plan.environment.seed}
