"""What one landscape consists of: the processes, their configuration files, the edge's route table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.local.state import Home, Running
from assay.profile import Environment, Profile, System, read_credential
from assay.suites import suite_roots

EDGE, SIMULATORS, MERCHANT, KEEPER = "edge", "simulators", "merchant", "keeper"
PUBLIC = "platform"
"""Name of the reverse route by which vendors' webhooks reach the platform."""


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


def processes_of(plan: Plan) -> list[str]:
    """Return the names of the processes this landscape must have."""
    optional = (
        (SIMULATORS, bool(plan.simulated)),
        (MERCHANT, plan.shop is not None),
        (KEEPER, plan.environment.edge.journal),
    )
    return [EDGE, *(name for name, present in optional if present)]


def simulators_config(plan: Plan, running: Running, edge_port: int) -> dict[str, Any]:
    """Return what `assay.simkit.serve` reads: every simulated vendor, where its webhooks go, its settings."""
    systems = []
    for name in plan.simulated:
        system = plan.environment.systems[name]
        hook = f"http://127.0.0.1:{edge_port}/{PUBLIC}/webhooks/{name}"
        settings = {"webhook_url": hook, **system.test_credentials, **system.settings}
        systems.append({"vendor": name, "port": running.port(SIMULATORS, name) or system.port, "settings": settings})
    return {
        **_common(plan),
        "dir": str(plan.home.path / "simulators"),
        "capture": str(plan.capture) if plan.capture else None,
        "systems": systems,
    }


def merchant_config(plan: Plan, running: Running, edge_port: int) -> dict[str, Any]:
    """Return what the reference merchant reads."""
    shop = plan.environment.systems[plan.shop] if plan.shop else None
    return {
        **_common(plan),
        "dir": str(plan.home.path / "merchant"),
        "port": running.port(MERCHANT, MERCHANT) or (shop.port if shop else 0),
        # Before the edge knows its routes, the merchant's first calls would be refused.
        "jobs": "when_told",
        "public_url": f"http://127.0.0.1:{edge_port}/{PUBLIC}",
        "defects": list(plan.defects),
        "defect_dirs": [str(folder) for folder in plan.defect_folders],
        "settings": {"operator_token_env": "SHOP_OPERATOR_TOKEN", **(shop.settings if shop else {})},
        "vendors": {},
    }


def platform_variables(environment: Environment, edge_port: int, bundle: Path) -> dict[str, str]:
    """Return what the platform finds in its environment: proxy, CA bundle, and its vendors' secrets by name."""
    proxy = f"http://127.0.0.1:{edge_port}"
    variables = {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": "localhost,127.0.0.1",
        "no_proxy": "localhost,127.0.0.1",
        "SSL_CERT_FILE": str(bundle),
        "REQUESTS_CA_BUNDLE": str(bundle),
    }
    for system in environment.systems.values():
        variables |= _secrets(system)
    return variables


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
