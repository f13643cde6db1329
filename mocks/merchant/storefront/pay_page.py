"""The page on which an order placed unpaid, on invoice, is paid by card: its own amount in its own currency."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mocks.merchant.clients.gateway import Declined
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.database import unpack
from mocks.merchant.errors import Refusal
from mocks.merchant.ids import digest
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.cart import text
from mocks.merchant.storefront.order import order_view, save_body
from mocks.merchant.storefront.payment import charge_card, record_payment
from mocks.merchant.storefront.pricing import usable_rate
from mocks.merchant.storefront.progress import find_order, move_payment


@seam("payments")
def pay_page_amount(total: Decimal, order_currency: str, requested: str) -> tuple[Decimal, str]:
    """Return what an unpaid order's page asks for after its visitor chose a currency: what was ordered, as it was."""
    return total, order_currency


def amount_asked(shop: Shop, order: sqlite3.Row, requested: str | None) -> tuple[Decimal, str]:
    """Return what the page of an order asks for. Raises `Refusal` 409 for an order that is not open."""
    if order["payment_status"] != "pending" or unpack(order["body"])["paid_by"] != "invoice":
        raise Refusal(
            409, "not_open", f"Order {order['number']} is {order['payment_status']}; there is nothing to pay."
        )
    if requested:
        usable_rate(shop, requested)
    return pay_page_amount(Decimal(order["total"]), order["currency"], requested or order["currency"])


def pay(shop: Shop, order: sqlite3.Row, content: Mapping[str, Any]) -> dict[str, Any]:
    """Charge a card over what the page asks for and return the order, paid. Raises `Refusal` where it is not."""
    method = text(content, "payment_method", most=20_000)
    requested = text(content, "currency", most=3) if content.get("currency") else None
    amount, currency = amount_asked(shop, order, requested)
    key = f"pay-{order['id']}-{currency}-{digest(method)[:12]}"
    try:
        state = charge_card(shop, order, amount, currency, method, "", key)
    except (Declined, Refused, Unreachable, ValueError) as error:
        raise Refusal(402, "payment_declined", f"The payment was not made: {error}") from error
    if state.status != "succeeded":
        raise Refusal(402, "payment_declined", "The card wants its owner's word, and was not charged.")
    with shop.database.write() as connection:
        record_payment(connection, shop, {"id": order["checkout_id"], "order_id": order["id"]}, state, "card")
        current = find_order(connection, order["id"])
        save_body(
            connection, shop, order["id"], {**unpack(current["body"]), "total": current["total"], "paid_by": "card"}
        )
        move_payment(connection, shop, order["id"], "paid", "paid by card on the order's page")
    return order_view(shop, find_order(shop.database.read(), order["id"]))
