"""Payments that take days: their outcome comes by event, and is asked for where the event never came."""

from __future__ import annotations

from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.hub.webhook import intent_seen
from mocks.merchant.shop import Shop

_WAITING = "SELECT * FROM payments WHERE gateway = 'stripe' AND status = 'processing'"


def has_pending(shop: Shop) -> bool:
    """Say whether a payment's outcome is still open."""
    return shop.database.one(f"{_WAITING} LIMIT 1") is not None


def ask_for_outcomes(shop: Shop) -> int:
    """Ask the gateway how each open payment stands; return how many were asked for."""
    rows = shop.database.all(_WAITING)
    for row in rows:
        try:
            intent_seen(shop, row["checkout_id"], shop.stripe.retrieve_intent(row["reference"]))
        except (Unreachable, Refused) as error:
            shop.log.write("payment_unknown", payment=row["id"], error=str(error))
    return len(rows)
