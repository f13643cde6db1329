"""What happens to an order after payment: booked in SAP, labelled at UPS, refunded and withdrawn when cancelled."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from tests.apps.other_shop import backlog, order, parcel, payment, stock
from tests.apps.other_shop.backlog import Job
from tests.apps.other_shop.database import as_instant
from tests.apps.other_shop.erp import sales_order
from tests.apps.other_shop.trouble import VendorRefused, VendorUnclear

if TYPE_CHECKING:
    from tests.apps.other_shop.shop import Shop


def settle(shop: Shop, job: Job) -> None:
    """Try a payment again whose first attempt got no answer; a refusal has been noted and needs no more."""
    try:
        payment.settle(shop, job.order_number)
    except VendorRefused:
        return


def expire(shop: Shop, job: Job) -> None:
    """Cancel the order if it is still not paid."""
    payment.expire(shop, job.order_number)


def book(shop: Shop, job: Job) -> None:
    """Have SAP hold the paid order exactly once, then have it shipped; a cancelled one may have got there before."""
    bought = _load(shop, job)
    if bought.sap_document or bought.state not in (order.PAID, order.CANCELLED):
        return
    document = shop.sap.find(bought.number) if job.is_repeated else None
    if document is None and bought.state == order.PAID:
        document = shop.sap.create(sales_order(bought, shop.setting))
    if document is None:
        return
    now = shop.now()
    with shop.database.transaction() as connection:
        if order.load(connection, bought.number).state == order.CANCELLED:
            order.note(connection, bought.number, now, sap_document=document)
            backlog.queue(connection, backlog.WITHDRAW, bought.number, now)
            return
        order.advance(connection, bought.number, now, before=[order.PAID], after=order.BOOKED, sap_document=document)
        backlog.queue(connection, backlog.SHIP, bought.number, now)


def ship(shop: Shop, job: Job) -> None:
    """Buy exactly one label for the booked order and let its pieces leave the shelf."""
    bought = _load(shop, job)
    if bought.shipment or bought.state not in (order.BOOKED, order.CANCELLED):
        return
    label = parcel.find_label(shop.ups, bought.number) if job.is_repeated else None
    if label is None and bought.state == order.BOOKED:
        label = shop.ups.ship(parcel.shipment(bought, shop.setting))
    if label is None:
        return
    now = shop.now()
    facts = {"shipment": label.shipment, "tracking_number": label.tracking_number}
    with shop.database.transaction() as connection:
        _keep(connection, bought.number, label)
        if order.load(connection, bought.number).state == order.CANCELLED:
            order.note(connection, bought.number, now, **facts)
            backlog.queue(connection, backlog.WITHDRAW, bought.number, now)
            return
        order.advance(connection, bought.number, now, before=[order.BOOKED], after=order.SHIPPED, **facts)
        for line in bought.lines:
            stock.hand_out(connection, line.sku, line.quantity)


def refund(shop: Shop, job: Job) -> None:
    """Give the money of a cancelled order back, and keep asking until Stripe says it is done."""
    bought = _load(shop, job)
    if bought.refund is None or bought.payment is None or bought.payment.intent is None:
        return
    made, status = shop.stripe.refund(bought.refund, bought.payment.intent, bought.number)
    with shop.database.transaction() as connection:
        order.note_refund(connection, bought.number, shop.now(), refund=made, status=status)
    if status == "pending":
        raise VendorUnclear("Stripe", f"{made} is pending")
    if status != payment.SUCCEEDED:
        raise VendorRefused("Stripe", f"{made} is {status}", code=status)


def withdraw(shop: Shop, job: Job) -> None:
    """Tell Stripe, SAP and UPS that a cancelled order is off; each is told until it has understood, then no more."""
    bought = _load(shop, job)
    if bought.payment is not None and bought.payment.intent and bought.payment.status != payment.SUCCEEDED:
        intent = payment.close(shop, bought.payment)
        with shop.database.transaction() as connection:
            payment.receive(connection, bought.number, intent, shop.now())
    if bought.sap_document and not bought.sap_rejected_at:
        shop.sap.reject(bought.sap_document)
        _note(shop, bought.number, sap_rejected_at=as_instant(shop.now()))
    if bought.shipment and not bought.label_voided_at:
        shop.ups.void(bought.shipment)
        _note(shop, bought.number, label_voided_at=as_instant(shop.now()))


def _load(shop: Shop, job: Job) -> order.Order:
    with shop.database.transaction() as connection:
        return order.load(connection, job.order_number)


def _note(shop: Shop, number: str, **facts: str) -> None:
    with shop.database.transaction() as connection:
        order.note(connection, number, shop.now(), **facts)


def _keep(connection: sqlite3.Connection, number: str, label: parcel.Label) -> None:
    connection.execute("INSERT OR REPLACE INTO labels VALUES (?, ?, ?)", (number, label.image_format, label.image))


STEPS = {
    backlog.SETTLE: settle,
    backlog.EXPIRE: expire,
    backlog.BOOK: book,
    backlog.SHIP: ship,
    backlog.REFUND: refund,
    backlog.WITHDRAW: withdraw,
}
