"""Reads the purchase units of an order: their form first (400), then whether their amounts add up (422).

Follows the published Orders v2 document: what a breakdown must equal, which totals items make necessary, and one
currency for the whole order. All that is wrong is told at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from mocks.paypal.account import Document
from mocks.paypal.currency import money_of, syntax_errors, value_errors
from mocks.paypal.issue import Problem, detail

_LONGEST = {
    "reference_id": 256,
    "description": 127,
    "custom_id": 127,
    "invoice_id": 127,
    "soft_descriptor": 22,
}
_ADDED = ("item_total", "tax_total", "shipping", "handling", "insurance")
_TAKEN_OFF = ("shipping_discount", "discount")
_MOST_UNITS = 10
_KEPT = (*_LONGEST, "payee", "shipping")
_CATEGORIES = ("DIGITAL_GOODS", "PHYSICAL_GOODS", "DONATION")


def read_units(body: Mapping[str, Any]) -> list[Document]:
    """Return the purchase units as PayPal keeps them; raises `Problem` with everything that is wrong."""
    units = body.get("purchase_units")
    field = "/purchase_units"
    if units is None:
        raise Problem(400, detail("MISSING_REQUIRED_PARAMETER", field))
    if not isinstance(units, list):
        raise Problem(400, detail("INVALID_PARAMETER_SYNTAX", field))
    if not units:
        raise Problem(400, detail("INVALID_ARRAY_MIN_ITEMS", field))
    if len(units) > _MOST_UNITS:
        raise Problem(400, detail("INVALID_ARRAY_MAX_ITEMS", field))
    wrong = [each for index, unit in enumerate(units) for each in _form_errors(unit, _where(units, index))]
    if wrong:
        raise Problem(400, *wrong)
    wrong = [*_order_errors(units), *(each for n, unit in enumerate(units) for each in _sums(unit, _where(units, n)))]
    if wrong:
        raise Problem(422, *wrong)
    return [_kept(unit) for unit in units]


def _where(units: Sequence[Any], index: int) -> str:
    unit = units[index]
    given = unit.get("reference_id") if isinstance(unit, Mapping) else None
    if given is None and len(units) > 1:
        return f"/purchase_units/{index}"
    return f"/purchase_units/@reference_id=='{given or 'default'}'"


def _form_errors(unit: Any, where: str) -> Iterator[Document]:
    if not isinstance(unit, Mapping):
        yield detail("INVALID_PARAMETER_SYNTAX", where)
        return
    for name, longest in _LONGEST.items():
        value = unit.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            yield detail("INVALID_PARAMETER_SYNTAX", f"{where}/{name}", value)
        elif not 1 <= len(value) <= longest:
            yield detail("INVALID_STRING_LENGTH", f"{where}/{name}", value)
    for name in ("payee", "shipping"):
        if unit.get(name) is not None and not isinstance(unit[name], Mapping):
            yield detail("INVALID_PARAMETER_SYNTAX", f"{where}/{name}", unit[name])
    yield from _amount_errors(unit.get("amount"), f"{where}/amount")
    items = unit.get("items")
    if items is not None and not isinstance(items, list):
        yield detail("INVALID_PARAMETER_SYNTAX", f"{where}/items")
        return
    for index, item in enumerate(items or []):
        yield from _item_errors(item, f"{where}/items/{index}")


def _amount_errors(amount: Any, where: str) -> Iterator[Document]:
    if amount is None:
        yield detail("MISSING_REQUIRED_PARAMETER", where)
        return
    yield from syntax_errors(amount, where)
    breakdown = amount.get("breakdown") if isinstance(amount, Mapping) else None
    if breakdown is not None and not isinstance(breakdown, Mapping):
        yield detail("INVALID_PARAMETER_SYNTAX", f"{where}/breakdown")
    elif breakdown:
        for name in (*_ADDED, *_TAKEN_OFF):
            if breakdown.get(name) is not None:
                yield from syntax_errors(breakdown[name], f"{where}/breakdown/{name}")


def _item_errors(item: Any, where: str) -> Iterator[Document]:
    if not isinstance(item, Mapping):
        yield detail("INVALID_PARAMETER_SYNTAX", where)
        return
    for name, longest in (("name", 127), ("quantity", 10), ("sku", 127), ("description", 4000)):
        value = item.get(name)
        if value is None:
            if name in ("name", "quantity"):
                yield detail("MISSING_REQUIRED_PARAMETER", f"{where}/{name}")
        elif not isinstance(value, str):
            yield detail("INVALID_PARAMETER_SYNTAX", f"{where}/{name}", value)
        elif len(value) > longest or (name == "name" and not value):
            yield detail("INVALID_STRING_LENGTH", f"{where}/{name}", value)
        elif name == "quantity" and not (value.isascii() and value.isdigit() and value[0] != "0"):
            yield detail("INVALID_PARAMETER_SYNTAX", f"{where}/{name}", value)
    category = item.get("category")
    if category is not None and category not in _CATEGORIES:
        yield detail("INVALID_PARAMETER_VALUE", f"{where}/category", category)
    if item.get("unit_amount") is None:
        yield detail("MISSING_REQUIRED_PARAMETER", f"{where}/unit_amount")
    else:
        yield from syntax_errors(item["unit_amount"], f"{where}/unit_amount")
    if item.get("tax") is not None:
        yield from syntax_errors(item["tax"], f"{where}/tax")


def _order_errors(units: Sequence[Mapping[str, Any]]) -> Iterator[Document]:
    currencies = {money["currency_code"] for unit in units for _, money, _ in _moneys(unit, "")}
    if len(currencies) > 1:
        yield detail("MULTI_CURRENCY_ORDER", "/purchase_units")
    if len(units) == 1:
        return
    references = Counter(unit.get("reference_id") for unit in units)
    for index, unit in enumerate(units):
        reference = unit.get("reference_id")
        if reference is None:
            yield detail("REFERENCE_ID_REQUIRED", f"/purchase_units/{index}/reference_id")
        elif references[reference] > 1:
            yield detail("DUPLICATE_REFERENCE_ID", f"/purchase_units/{index}/reference_id", reference)


def _moneys(unit: Mapping[str, Any], where: str) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Give every amount of a unit with its field and whether it must be positive."""
    yield f"{where}/amount", unit["amount"], True
    for name, money in (unit["amount"].get("breakdown") or {}).items():
        if name in (*_ADDED, *_TAKEN_OFF) and money is not None:
            yield f"{where}/amount/breakdown/{name}", money, False
    for index, item in enumerate(unit.get("items") or []):
        for name in ("unit_amount", "tax"):
            if item.get(name) is not None:
                yield f"{where}/items/{index}/{name}", item[name], False


def _sums(unit: Mapping[str, Any], where: str) -> Iterator[Document]:
    wrong = [
        each
        for field, money, positive in _moneys(unit, where)
        for each in value_errors(money, field, positive=positive)
    ]
    if wrong:
        yield from wrong
        return
    breakdown = unit["amount"].get("breakdown") or {}
    items = unit.get("items") or []
    totals = (("item_total", "unit_amount", "ITEM_TOTAL"), ("tax_total", "tax", "TAX_TOTAL"))
    for total, part, issue in totals:
        priced = [item for item in items if item.get(part) is not None]
        if not priced:
            continue
        field = f"{where}/amount/breakdown/{total}"
        if breakdown.get(total) is None:
            yield detail(f"{issue}_REQUIRED", field)
            continue
        expected = sum((_value(item[part]) * int(item["quantity"]) for item in priced), Decimal(0))
        if _value(breakdown[total]) != expected:
            yield detail(f"{issue}_MISMATCH", f"{field}/value", breakdown[total]["value"])
    if breakdown:
        expected = sum((_value(breakdown[name]) for name in _ADDED if breakdown.get(name)), Decimal(0))
        expected -= sum((_value(breakdown[name]) for name in _TAKEN_OFF if breakdown.get(name)), Decimal(0))
        if _value(unit["amount"]) != expected:
            yield detail("AMOUNT_MISMATCH", f"{where}/amount/value", unit["amount"]["value"])


def _value(money: Mapping[str, Any]) -> Decimal:
    return Decimal(money["value"])


def _kept(unit: Mapping[str, Any]) -> Document:
    amount: Document = money_of(unit["amount"]).shown()
    breakdown = unit["amount"].get("breakdown") or {}
    parts = {name: money_of(breakdown[name]).shown() for name in (*_ADDED, *_TAKEN_OFF) if breakdown.get(name)}
    if parts:
        amount["breakdown"] = parts
    kept: Document = {"reference_id": "default", "amount": amount}
    kept |= {name: unit[name] for name in _KEPT if unit.get(name) is not None}
    if unit.get("items"):
        kept["items"] = [_kept_item(item) for item in unit["items"]]
    return kept


def _kept_item(item: Mapping[str, Any]) -> Document:
    kept: Document = {
        name: item[name] for name in ("name", "quantity", "description", "sku", "category") if item.get(name)
    }
    return kept | {name: money_of(item[name]).shown() for name in ("unit_amount", "tax") if item.get(name) is not None}
