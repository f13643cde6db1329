"""The judges: pure functions over the dossier of one order or over a set of orders, one id of the specification each.

Importing this package registers every judge of the families below.
"""

from __future__ import annotations

from importlib import import_module

from assay.oracles.judge import (
    ATTEMPT_ORACLES,
    ORACLES,
    POPULATION_ORACLES,
    AttemptJudge,
    AttemptOracle,
    Judge,
    Oracle,
    PopulationJudge,
    PopulationOracle,
    attempt_oracle,
    failed,
    oracle,
    passed,
    population_oracle,
    unjudged,
)
from assay.oracles.judging import UNDECLARED, Judging

FAMILIES = (
    "access",
    "address",
    "attempts",
    "books",
    "breakdown",
    "capability",
    "census",
    "composition",
    "content",
    "conversion",
    "currency",
    "delivery",
    "display",
    "figures",
    "ledger",
    "money",
    "orders",
    "payment",
    "promotion",
    "rate_table",
    "refund",
    "states",
    "stock",
    "weight",
)
"""The modules of judges; each registers its own when it is imported."""
for _family in FAMILIES:
    import_module(f"{__name__}.{_family}")

__all__ = [
    "ATTEMPT_ORACLES",
    "FAMILIES",
    "ORACLES",
    "POPULATION_ORACLES",
    "UNDECLARED",
    "AttemptJudge",
    "AttemptOracle",
    "Judge",
    "Judging",
    "Oracle",
    "PopulationJudge",
    "PopulationOracle",
    "attempt_oracle",
    "failed",
    "oracle",
    "passed",
    "population_oracle",
    "unjudged",
]
