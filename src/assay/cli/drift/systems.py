"""The systems of an environment as the commands of `assay drift` read them: connectors, landing, clock and key.

A connector's module is imported and its client opened when a listing is read, so that pairs of files need no
environment at all.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.drift.extracting import Systems
    from assay.drift.pairs.sources.options import ListingOptions
    from assay.local.plan import Plan


def systems_of(environment: str, profile_path: Path | None) -> Systems:
    """Return what reads the listings of an environment; clients are closed when the command ends."""
    from assay.cli.shared import plan_for
    from assay.drift.extracting.lending import lend
    from assay.local.webhooks import now

    plan = plan_for(environment, profile_path)
    return lend(_connectors(plan), home=plan.home.path, project=plan.profile.folder, now=lambda: now(plan))


def _connectors(plan: Plan) -> Callable[[str, ListingOptions], Any]:
    from assay.http import RateBudget, open_client
    from assay.landscape import open_landscape
    from assay.suites import enter, suite_roots

    def connector(system: str, options: ListingOptions) -> Any:
        declared = plan.environment.systems.get(system)
        if declared is None:
            raise UsageError(
                f"environment '{plan.name}' has no system '{system}'",
                expected=", ".join(plan.environment.systems) or "[environments.….systems.…] in assay.toml",
                hint="a side's system is the name it has in assay.toml, where its source is a listing",
            )
        enter(suite_roots(plan.profile.folder))
        budget = RateBudget(per_second=options.per_second, max_wait_s=options.wait)

        def open_http(name: str, base_url: str) -> Any:
            way = plan.way_to(base_url)
            client = open_client(base_url, system=name, proxy=way.proxy, ca_file=way.ca_file, budget=budget)
            click.get_current_context().call_on_close(client.close)
            return client

        alone = plan.environment.model_copy(update={"systems": {system: declared}})
        found = open_landscape(plan.name, alone, _addresses(plan), open_http, plan.way_to).connectors.get(system)
        if found is None:
            raise UsageError(
                f"'{system}' cannot be asked what it holds in environment '{plan.name}'",
                seen=f"mode {declared.mode}",
                hint=f"connectors/{system}.py of your project reads it; stubs hold nothing",
            )
        return found

    return connector


def _addresses(plan: Plan) -> dict[str, str]:
    """Return where the systems are that run on this machine."""
    from assay.local.plan import MERCHANT, SIMULATORS

    running = plan.home.read().processes
    parts = [running[name] for name in (SIMULATORS, MERCHANT) if name in running]
    ports = {system: port for part in parts for system, port in part.ports.items()}
    if plan.shop and MERCHANT in ports:
        ports.setdefault(plan.shop, ports[MERCHANT])  # a project may call the reference merchant otherwise
    return {system: f"http://127.0.0.1:{port}" for system, port in ports.items()}
