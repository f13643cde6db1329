"""The judges: pure functions over the dossier of one order or over a set of orders, one id of the specification each.

Importing this package registers every judge of the families below.
"""

from __future__ import annotations

from assay.oracles import access, books, conversion, money, orders
from assay.oracles.judge import (
    ORACLES,
    POPULATION_ORACLES,
    Judge,
    Oracle,
    PopulationJudge,
    PopulationOracle,
    failed,
    oracle,
    passed,
    population_oracle,
    unjudged,
)
from assay.oracles.judging import UNDECLARED, Judging

FAMILIES = (access, books, conversion, money, orders)

__all__ = [
    "FAMILIES",
    "ORACLES",
    "POPULATION_ORACLES",
    "UNDECLARED",
    "Judge",
    "Judging",
    "Oracle",
    "PopulationJudge",
    "PopulationOracle",
    "failed",
    "oracle",
    "passed",
    "population_oracle",
    "unjudged",
]
