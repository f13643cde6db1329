"""Amounts the shop's people name in a request: more than nothing, in a sold currency, with no digit too many."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mocks.merchant.errors import Refusal
from mocks.merchant.policy.money import quantum
from mocks.merchant.shop import Shop

_MOST = Decimal("1e12")


def worth_of(shop: Shop, content: Mapping[str, Any], name: str) -> tuple[Decimal, str]:
    """Return an amount and its currency from a field of a request. Raises `Refusal` 422 naming the field."""
    value = content.get(name)
    try:
        if not isinstance(value["amount"], str):  # type: ignore[index]  # a number may have lost digits on its way
            raise TypeError("an amount is a text")
        amount, currency = Decimal(value["amount"]), str(value["currency"])  # type: ignore[index]
    except (TypeError, KeyError, ValueError, ArithmeticError):  # a list of no digits is a ValueError
        told = f"'{name}' must be {{'amount': …, 'currency': …}}."
        raise Refusal(422, "invalid", told, field=name, seen=value) from None
    sold = shop.settings["currencies"]
    if currency not in sold:
        raise Refusal(422, "unknown_currency", f"{currency} is not sold here.", field=name, known=sold)
    if not amount.is_finite() or not 0 < amount <= _MOST or amount % quantum(currency):
        told = f"'{name}' must be more than nothing, with no more decimals than {currency} has."
        raise Refusal(422, "invalid", told, field=name, seen=value)
    return amount, currency
