"""Prices of sales orders: what each condition type does, and the amounts it gives in the document's currency.

Net value = prices + discounts + surcharges + freight; taxes and the rounding line (DIFF) stand beside it. A rate with a
currency is an amount (a price per quantity, anything else once), a rate without one (or with ``%``) a percentage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from assay.simkit import World
from assay.simkit.odata import EntitySet, ODataFault, Row
from assay.simkit.odata.errors import malformed
from assay.simkit.odata.values import decimal_text, is_number


@dataclass(frozen=True, slots=True)
class ConditionType:
    """One condition type: its part in the price (`role`), class, default calculation, step of the procedure."""

    role: str
    calculation: str
    step: str


_CLASS = {"price": "B", "discount": "A", "freight": "A", "surcharge": "A", "tax": "D", "rounding": "A", "cost": ""}
_ROLES = frozenset(_CLASS)
# Types of SAP's own pricing procedures (RVAA01 and its S/4HANA Cloud successor); more by the setting `condition_types`.
CONDITION_TYPES: Mapping[str, ConditionType] = {
    **dict.fromkeys(("PPR0", "PMP0", "PR00", "PB00"), ConditionType("price", "C", "20")),
    **dict.fromkeys(("K004", "K005", "K007", "RA00", "RA01", "DRP1"), ConditionType("discount", "A", "105")),
    **dict.fromkeys(("RB00", "DRV1"), ConditionType("discount", "B", "110")),
    **dict.fromkeys(("RC00", "DRQ1"), ConditionType("discount", "C", "115")),
    "HA00": ConditionType("discount", "A", "210"),
    "HB00": ConditionType("discount", "B", "215"),
    **dict.fromkeys(("HD00", "YBHD", "HF00"), ConditionType("freight", "B", "815")),
    "ZSUR": ConditionType("surcharge", "B", "820"),
    **dict.fromkeys(("MWST", "TTX1"), ConditionType("tax", "A", "915")),
    "DIFF": ConditionType("rounding", "B", "932"),
    **dict.fromkeys(("VPRS", "PCIP"), ConditionType("cost", "C", "940")),
}
# ISO 4217 (list one, 2024-06-25): currencies with other than two decimals; the setting `currency_decimals` overrides.
_DECIMALS: Mapping[str, int] = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),  # noqa: SIM905
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),  # noqa: SIM905
}
_MAX_AMOUNT = Decimal(10) ** 13


@dataclass(frozen=True, slots=True)
class Priced:
    """What conditions come to: rows with their amounts, the net value, the tax."""

    rows: tuple[Row, ...]
    net: Decimal
    tax: Decimal | None


def decimals(world: World, currency: str) -> int:
    """Return how many decimals amounts of a currency have in this system."""
    configured: Mapping[str, int] = world.settings.get("currency_decimals", {})
    return configured.get(currency, _DECIMALS.get(currency, 2))


def money(world: World, amount: Decimal, currency: str) -> str:
    """Return an amount as it stands in a document: rounded half up to the currency's decimals."""
    rounded = amount.quantize(Decimal(1).scaleb(-decimals(world, currency)), ROUND_HALF_UP)
    if abs(rounded) >= _MAX_AMOUNT:
        raise ODataFault(400, "V1/555", "Amount is too large for the field length of the document currency")
    return format(rounded, "f")


def condition_type(world: World, name: str) -> ConditionType:
    """Return a condition type; raises `ODataFault` for one the pricing procedure does not know."""
    known = CONDITION_TYPES.get(name)
    extra = world.settings.get("condition_types", {}).get(name)
    if extra is not None and extra[0] in _ROLES:
        known = ConditionType(extra[0], extra[1], extra[2] if len(extra) > 2 else "300")
    if known is None:
        raise ODataFault(400, "VK/204", f"Condition type {name} is not allowed in the pricing procedure")
    return known


def price(
    world: World,
    entity: EntitySet,
    conditions: Sequence[Mapping[str, Any]],
    *,
    currency: str,
    quantity: Decimal = Decimal(1),
    base: Decimal | None = None,
    unit: str = "",
) -> Priced:
    """Return conditions with their amounts; `base` is what header percentages apply to, else the item's own price."""
    ordered = sorted(
        ((condition_type(world, str(each.get("ConditionType", ""))), each) for each in conditions),
        key=lambda pair: _step(pair[0], pair[1]),
    )
    rows: list[Row] = []
    gross, net, tax, counters = base, Decimal(0), None, dict[str, int]()
    for kind, given in ordered:
        amount, basis = _amount(world, kind, given, currency, quantity, gross if gross is not None else net, net)
        if kind.role == "tax":
            tax = (tax or Decimal(0)) + amount
        elif kind.role not in ("rounding", "cost"):
            net += amount
            if kind.role == "price" and base is None:
                gross = net
        rows.append(_row(world, entity, kind, given, amount, basis, currency, unit, counters))
    return Priced(tuple(rows), net, tax)


def _step(kind: ConditionType, given: Mapping[str, Any]) -> int:
    step = str(given.get("PricingProcedureStep") or kind.step)
    if not is_number(step):
        raise malformed(f"Property 'PricingProcedureStep' has invalid value '{step}'", target="PricingProcedureStep")
    return int(step)


def _amount(
    world: World,
    kind: ConditionType,
    given: Mapping[str, Any],
    currency: str,
    quantity: Decimal,
    gross: Decimal,
    net: Decimal,
) -> tuple[Decimal, Decimal]:
    """Return the amount of one condition and the basis it was computed from."""
    rate = Decimal(given.get("ConditionRateValue", "0"))
    unit = given.get("ConditionCurrency", "")
    if unit not in ("", "%", currency):
        raise ODataFault(
            400,
            "VK/032",
            f"Condition currency {unit} differs from document currency {currency}",
            target="ConditionCurrency",
        )
    if kind.calculation == "C":
        per = Decimal(given.get("ConditionQuantity") or "1") or Decimal(1)
        basis, amount = quantity, rate * quantity / per
    elif unit in ("", "%") and kind.calculation == "A":
        basis = net if kind.role == "tax" else gross
        amount = basis * rate / 100
    else:
        basis, amount = Decimal(0), rate
    if kind.role == "discount":
        amount = -abs(amount)
    return Decimal(money(world, amount, currency)), basis


def _row(
    world: World,
    entity: EntitySet,
    kind: ConditionType,
    given: Mapping[str, Any],
    amount: Decimal,
    basis: Decimal,
    currency: str,
    unit: str,
    counters: dict[str, int],
) -> Row:
    step = given.get("PricingProcedureStep") or kind.step
    counters[step] = counters.get(step, 0) + 1
    row = entity.row(**given)
    is_quantity = kind.calculation == "C"
    row.update(
        PricingProcedureStep=step,
        PricingProcedureCounter=given.get("PricingProcedureCounter") or str(counters[step]),
        ConditionCalculationType="B"
        if kind.calculation == "A" and row["ConditionCurrency"] not in ("", "%")
        else kind.calculation,
        ConditionBaseValue=format(basis.quantize(Decimal("1.000000000")), "f"),
        ConditionAmount=money(world, amount, currency),
        TransactionCurrency=currency,
        ConditionClass=_CLASS[kind.role],
        ConditionCategory="D" if kind.role == "tax" else "",
        ConditionIsForStatistics=kind.role == "cost",
        ConditionOrigin="C",
        ConditionIsManuallyChanged=True,
    )
    if is_quantity:
        row["ConditionQuantity"] = decimal_text(Decimal(given.get("ConditionQuantity") or "1"))
        row["ConditionQuantityUnit"] = given.get("ConditionQuantityUnit") or unit
    return row
