"""Getting paid: what an order costs at the gateway, and what the gateway's word does to the order."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.apps.other_shop import backlog, money, order
from tests.apps.other_shop.stripe_wire import Intent
from tests.apps.other_shop.trouble import VendorRefused, VendorUnclear

if TYPE_CHECKING:
    from tests.apps.other_shop.shop import Shop

SUCCEEDED = "succeeded"
ASKED_BACK = "angefordert"


def charge_terms(bought: order.Order) -> tuple[int, str]:
    """Return what to charge for an order: minor units, and the currency as Stripe writes it."""
    return money.to_minor(bought.total, bought.currency), bought.currency.lower()


def open_payment(connection: sqlite3.Connection, bought: order.Order, *, key: str, method: str) -> None:
    """Write down what will be charged, before Stripe is asked."""
    amount, currency = charge_terms(bought)
    connection.execute(
        "INSERT INTO payments (order_number, key, method, status, amount, currency) VALUES (?, ?, ?, 'neu', ?, ?)",
        (bought.number, key, method, amount, currency),
    )


def settle(shop: Shop, number: str) -> None:
    """Charge an open order; a refusal cancels it and is raised, no answer leaves it open for a later try."""
    with shop.database.transaction() as connection:
        bought = order.load(connection, number)
    charge = bought.payment
    if bought.state != order.OPEN or charge is None:
        return
    try:
        if charge.intent is None:
            created = shop.stripe.create(charge, number)
            charge = replace(charge, intent=created.id, client_secret=created.client_secret)
            with shop.database.transaction() as connection:
                order.note_payment(connection, number, intent=created.id, client_secret=created.client_secret)
        intent = shop.stripe.confirm(charge)
    except VendorRefused as refusal:
        with shop.database.transaction() as connection:
            abandon(connection, number, shop.now(), reason=f"Zahlung abgelehnt: {refusal.code}", status="declined")
        raise
    with shop.database.transaction() as connection:
        receive(connection, number, intent, shop.now())


def receive(connection: sqlite3.Connection, number: str, intent: Intent, now: datetime) -> None:
    """Take the gateway's word on a payment, however often and from wherever it comes."""
    bought = order.load(connection, number)
    payment = bought.payment
    if payment is None or payment.intent != intent.id or payment.status == SUCCEEDED:
        return
    if intent.status == SUCCEEDED and (intent.amount_received, intent.currency) != (payment.amount, payment.currency):
        seen = f"{intent.amount_received} {intent.currency}"
        order.complain(connection, number, f"Stripe: {payment.amount} {payment.currency} erwartet, {seen} erhalten")
        return
    order.note_payment(connection, number, status=intent.status)
    if intent.status == SUCCEEDED:
        accept(connection, bought, now)


def accept(connection: sqlite3.Connection, bought: order.Order, now: datetime) -> None:
    """Make an open order paid and have it booked; money for a cancelled one goes back."""
    if bought.state == order.OPEN:
        order.advance(connection, bought.number, now, before=[order.OPEN], after=order.PAID)
        backlog.strike(connection, backlog.EXPIRE, bought.number)
        backlog.queue(connection, backlog.BOOK, bought.number, now)
    elif bought.state == order.CANCELLED:
        ask_back(connection, bought, now)


def ask_back(connection: sqlite3.Connection, bought: order.Order, now: datetime) -> None:
    """Have the money of an order given back, once."""
    payment = bought.payment
    assert payment is not None
    connection.execute(
        "INSERT INTO refunds (order_number, key, status, amount, currency) VALUES (?, ?, ?, ?, ?)",
        (bought.number, payment.key, ASKED_BACK, payment.amount, payment.currency),
    )
    backlog.queue(connection, backlog.REFUND, bought.number, now)


def abandon(connection: sqlite3.Connection, number: str, now: datetime, *, reason: str, status: str) -> None:
    """Cancel an order that is still open: its pieces can be sold again, its cart can be changed and ordered again."""
    bought = order.load(connection, number)
    if bought.state != order.OPEN:
        return
    order.note_payment(connection, number, status=status)
    order.advance(connection, number, now, before=[order.OPEN], after=order.CANCELLED, cancel_reason=reason)
    order.return_stock(connection, bought)
    backlog.strike(connection, backlog.EXPIRE, number)
    connection.execute("UPDATE carts SET order_number = NULL WHERE order_number = ?", (number,))


def expire(shop: Shop, number: str) -> None:
    """Cancel an order nobody paid in time, after asking the gateway for the last word."""
    with shop.database.transaction() as connection:
        bought = order.load(connection, number)
    payment = bought.payment
    if bought.state == order.OPEN and payment is not None and payment.intent is not None:
        intent = close(shop, payment)
        if intent.status == SUCCEEDED:
            with shop.database.transaction() as connection:
                receive(connection, number, intent, shop.now())
            return
    with shop.database.transaction() as connection:
        abandon(connection, number, shop.now(), reason="nicht rechtzeitig bezahlt", status="canceled")


def close(shop: Shop, payment: order.Payment) -> Intent:
    """Close an intent at Stripe unless it is already paid; return it as it is then."""
    assert payment.intent is not None
    intent = shop.stripe.retrieve(payment.intent)
    if intent.status in (SUCCEEDED, "canceled"):
        return intent
    if intent.status == "processing":
        raise VendorUnclear("Stripe", f"{intent.id}: payment is still under way")
    return shop.stripe.cancel(payment)


def plan_expiry(connection: sqlite3.Connection, number: str, now: datetime, *, reserve_s: float) -> None:
    """Have an order looked at when its reservation ends."""
    backlog.queue(connection, backlog.EXPIRE, number, now + timedelta(seconds=reserve_s))
