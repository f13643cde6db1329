"""The documents of an environment's systems: the registry, told where the suites lie."""

from __future__ import annotations

from assay.contracts.registry import Registry, held
from assay.local.plan import Plan
from assay.suites import suite_roots


def documents_of(plan: Plan) -> Registry:
    """Return the registry of an environment's documents; nothing is read or fetched yet."""
    return held(plan.environment.systems, plan.profile.folder, roots=suite_roots(plan.profile.folder))
