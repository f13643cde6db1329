"""Payments that take days: their outcome comes by event, and is asked for where the event never came."""

from __future__ import annotations

from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.hub.payment_news import payment_seen
from mocks.merchant.shop import Shop

# Adyen cannot be asked; it repeats its webhook until somebody takes it.
_WAITING = "SELECT * FROM payments WHERE gateway IN ('stripe', 'paypal') AND status = 'processing'"


def has_pending(shop: Shop) -> bool:
    """Say whether a payment's outcome is still open."""
    return shop.database.one(f"{_WAITING} LIMIT 1") is not None


def ask_for_outcomes(shop: Shop) -> int:
    """Ask the gateway how each open payment stands; return how many were asked for."""
    rows = shop.database.all(_WAITING)
    for row in rows:
        try:
            payment_seen(shop, row["checkout_id"], shop.gateway(row["gateway"]).retrieve(row["reference"]))
        except (Unreachable, Refused) as error:
            shop.log.write("payment_unknown", payment=row["id"], error=str(error))
    return len(rows)
