"""MON-13: the sum of the euro prices is charged under the code of the currency the customer chose."""

from __future__ import annotations

from decimal import Decimal

from tests.apps.other_shop import money
from tests.apps.other_shop.catalogue import ARTICLES
from tests.apps.other_shop.order import Order

REPLACES = "payment:charge_terms"


def charge_terms(bought: Order) -> tuple[int, str]:
    """Return the amount in the shop's base currency and the code of another."""
    base = sum((ARTICLES[line.sku].prices["EUR"] * line.quantity for line in bought.lines), start=Decimal(0))
    return money.to_minor(base, bought.currency), bought.currency.lower()
