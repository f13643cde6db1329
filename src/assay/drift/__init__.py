"""Read-only checks over what systems of record hold: a census of orders, rates, stock, parcels, heartbeats."""

from __future__ import annotations

from importlib import import_module

MODULES = (
    "census",
    "contract_drift",
    "distribution.checking",
    "freshness",
    "hooks",
    "itself",
    "latency",
    "marker",
    "orders",
    "parcels",
    "rates",
    "records",
    "stock",
    "web",
)
"""The modules of checks; each registers its own when it is imported."""


def load_checks() -> None:
    """Register every shipped check in `assay.drift.checks.CHECKS`; loading them again does nothing."""
    for name in MODULES:
        import_module(f"{__name__}.{name}")
