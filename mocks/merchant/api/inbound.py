"""What comes from outside the shop: vendors' events, and the browser back from its bank."""

from __future__ import annotations

from typing import Any

from mocks.merchant.api.handling import Call
from mocks.merchant.errors import Refusal
from mocks.merchant.hub import webhook
from mocks.merchant.hub.adyen_events import adyen_webhook
from mocks.merchant.hub.paypal_events import paypal_webhook
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront import checkout
from mocks.merchant.storefront.cancel import cancel_order
from mocks.merchant.storefront.checkout import Reply

_BROUGHT = ("payment_intent", "redirectResult", "token")  # what Stripe, Adyen and PayPal send a browser back with


@seam("3DS")
def cancels_on_return(has_intent: bool, already_ordered: bool) -> bool:
    """Say whether a browser's return without the bank's data cancels what was ordered: never."""
    return False


def stripe_events(shop: Shop, call: Call) -> dict[str, Any]:
    """Take one payment event."""
    return {"outcome": webhook.stripe_webhook(shop, call.raw, call.headers.get("stripe-signature"))}


def adyen_events(shop: Shop, call: Call) -> dict[str, Any]:
    """Take a message of payment events."""
    return {"outcome": adyen_webhook(shop, call.raw)}


def paypal_events(shop: Shop, call: Call) -> dict[str, Any]:
    """Take one payment event."""
    return {"outcome": paypal_webhook(shop, call.raw, call.headers)}


def ups_events(shop: Shop, call: Call) -> dict[str, Any]:
    """Take one tracking event."""
    return {"outcome": webhook.ups_webhook(shop, call.raw, call.headers)}


def browser_return(shop: Shop, call: Call) -> Reply | dict[str, Any]:
    """Take up a checkout whose customer comes back from the bank; repeating it changes nothing."""
    checkout_id = call.query.get("checkout")
    if not checkout_id:
        raise Refusal(400, "invalid", "'checkout' is missing.", field="checkout")
    row, body = checkout.load_checkout(shop.database.read(), checkout_id)
    if cancels_on_return(any(name in call.query for name in _BROUGHT), row["status"] == "ordered"):
        cancel_order(shop, row["order_id"], "the browser came back without data")
    if row["status"] == "ordered":
        return checkout.order_reply(shop, row["order_id"], body, 200)
    if not body.get("intent"):
        raise Refusal(409, "checkout_in_progress", "This payment has not begun.")
    return checkout.come_back(shop, row, body, call.query)
