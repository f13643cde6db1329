"""The judges: pure functions over the dossier of one order or over a set of orders, one id of the specification each.

Importing this package registers every judge of the families below.
"""

from __future__ import annotations

from assay.oracles import (
    access,
    address,
    books,
    census,
    content,
    conversion,
    delivery,
    money,
    orders,
    payment,
    states,
    stock,
    weight,
)
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

FAMILIES = (
    access,
    address,
    books,
    census,
    content,
    conversion,
    delivery,
    money,
    orders,
    payment,
    states,
    stock,
    weight,
)

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
