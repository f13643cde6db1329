"""Opens an environment for a runner: the landscape that is up, or one started for it and removed afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.errors import InfrastructureError
from assay.events import Listener
from assay.local.plan import Plan
from assay.local.state import Home
from assay.local.status import inspect, is_healthy
from assay.local.uninterrupted import uninterrupted
from assay.local.up import bring_up, take_down
from assay.runners.session import Session


def seeded(plan: Plan, seed: int | None) -> Plan:
    """Return the plan with another seed for what its simulators draw."""
    return plan if seed is None else replace(plan, environment=plan.environment.model_copy(update={"seed": seed}))


@contextmanager
def open_environment(plan: Plan, listen: Listener, *, fresh: bool = False, **session: Any) -> Iterator[Session]:
    """Open a session on the landscape that is up, or on one of its own; what was started is stopped and removed.

    fresh: start one in any case where the shop is the reference merchant. session: further arguments of `Session`.
    """
    running = plan.home.read()
    parts = inspect(plan, running)
    if plan.own_shop and plan.simulated and not is_healthy(parts):
        raise InfrastructureError(
            f"the landscape '{plan.name}' is not up, and {plan.own_shop} calls its vendors there",
            where=str(plan.home.path),
            seen=", ".join(f"{part.name} {part.state}" for part in parts if part.state != "up"),
            hint=f"assay up --env {plan.name}; a shop of your own cannot follow a landscape started for one run",
        )
    if plan.own_shop or (not fresh and (not plan.simulated or is_healthy(parts))):
        with Session(plan, running, **session) as opened:
            yield opened
        return
    with own_landscape(plan, listen) as (own, running), Session(own, running, **session) as opened:
        yield opened


@contextmanager
def own_landscape(plan: Plan, listen: Listener) -> Iterator[tuple[Plan, Any]]:
    """Bring a landscape up in a folder of its own and remove both at the end, whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="assay-run-"))
    own = replace(plan, home=Home(folder, plan.name))
    try:
        yield own, bring_up(own, listen)
    finally:
        with uninterrupted():
            take_down(own.home, listen)
            shutil.rmtree(folder, ignore_errors=True)
