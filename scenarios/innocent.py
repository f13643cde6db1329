"""The innocent variations in one table: legal behaviour that must leave every oracle silent.

Numbers are those of the specification. The flow of each has the same id; where to look is in its module.
"""

from __future__ import annotations

from scenarios import (
    innocent_charge,
    innocent_money,
    innocent_order,
    innocent_parcel,
    innocent_payment,
    innocent_rates,
    innocent_stock,
    innocent_time,
)
from scenarios.innocent_steps import Innocent

_MODULES = (
    innocent_money,
    innocent_charge,
    innocent_rates,
    innocent_payment,
    innocent_order,
    innocent_stock,
    innocent_parcel,
    innocent_time,
)

INNOCENT: tuple[Innocent, ...] = tuple(each for module in _MODULES for each in module.TABLE)
"""Every variation, in the order of the specification."""
FLOWS = tuple(flow for module in _MODULES for flow in module.FLOWS)
"""The flow of each, in the same order."""
