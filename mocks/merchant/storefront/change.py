"""Changes to a placed order: an agent adds lines with an extra charge, or lines are cancelled before they ship."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mocks.merchant.clients.gateway import Declined, PaymentState
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.database import unpack
from mocks.merchant.errors import Refusal
from mocks.merchant.hub.message import write_message
from mocks.merchant.hub.outbox import enqueue
from mocks.merchant.hub.stock import commit_reservation, release_reservation, reserve, shelf_needs
from mocks.merchant.ids import digest
from mocks.merchant.policy.money import plain
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.cart import quantity_of, text
from mocks.merchant.storefront.catalogue import components
from mocks.merchant.storefront.order import save_body
from mocks.merchant.storefront.payment import charge_card, record_payment
from mocks.merchant.storefront.pricing import quote_cart
from mocks.merchant.storefront.progress import find_order, record
from mocks.merchant.storefront.refund import request_refund

_OPEN = ("pending", "held", "confirmed", "processing")


@seam("ERP documents and tax")
def quantity_to_ship(ordered: int, cancelled: int) -> int:
    """Return how many of a line the warehouse is told to ship."""
    return ordered - cancelled


def add_lines(shop: Shop, order_id: str, content: Mapping[str, Any]) -> None:
    """Add lines to an order before it ships: priced now, charged on top, booked as a further ERP document."""
    reason, method = text(content, "reason", most=200), text(content, "payment_method", most=4000)
    added = content.get("add")
    if not isinstance(added, list) or not added or not all(isinstance(entry, Mapping) for entry in added):
        raise Refusal(422, "invalid", "'add' must be [{'sku': …, 'quantity': n}].", field="add", seen=added)
    wanted = [(text(entry, "sku", most=40), quantity_of(entry)) for entry in added]
    order = find_order(shop.database.read(), order_id)
    if order["status"] not in _OPEN:
        raise Refusal(409, "too_late", f"Order {order['number']} is {order['status']}.")
    body = unpack(order["body"])
    number = len(body["edits"]) + 1
    first = max(int(line["id"]) for line in body["lines"]) + 1
    cart = {
        "currency": order["currency"],
        "store": body.get("store"),
        "lines": [{"id": str(first + place), "sku": sku, "quantity": n} for place, (sku, n) in enumerate(wanted)],
        "address": body["address"],
        "customer": body["customer"],
        "shipping": {"id": "none", "name": "with the order", "amount": "0", "source": "agent"},
    }
    quote = quote_cart(shop, cart, None).body
    holder = f"{order['checkout_id']}/edit-{number}"
    with shop.database.write() as connection:
        release_reservation(connection, holder, "tried again")
        reserve(connection, shop, shelf_needs(shop, quote["lines"]), holder, None)
    state = _charge(shop, order, quote, method, number, holder)
    with shop.database.write() as connection:
        _book_edit(connection, shop, order_id, quote, number, holder, reason, state)


def cancel_lines(shop: Shop, order_id: str, content: Mapping[str, Any]) -> None:
    """Cancel part of an order before it ships: stock, ERP and money follow. Raises `Refusal` when too late."""
    wanted = content.get("lines")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(entry, Mapping) for entry in wanted):
        raise Refusal(422, "invalid", "'lines' must be [{'line': id, 'quantity': n}].", field="lines", seen=wanted)
    with shop.database.write() as connection:
        order = find_order(connection, order_id)
        if order["status"] not in _OPEN:
            raise Refusal(409, "too_late", f"Order {order['number']} is {order['status']}.")
        body = unpack(order["body"])
        freed = _mark_cancelled(shop, body, wanted)
        save_body(connection, shop, order_id, body)
        _release_part(connection, order["checkout_id"], freed)
        left = {
            line["id"]: quantity_to_ship(line["quantity"], body["cancelled_lines"].get(line["id"], 0))
            for line in body["lines"]
        }
        documents = connection.execute(
            "SELECT part, body FROM outbox WHERE kind = 'order' AND order_id = ? AND state != 'cancelled'", (order_id,)
        ).fetchall()
        turn = sum(body["cancelled_lines"].values())
        for document in documents:
            part = str(document["part"])
            enqueue(connection, shop, "change", order_id, f"{part}#{turn}", {"reference": part, "lines": left})
        record(
            connection,
            order_id,
            shop.now_iso(),
            "lines",
            "cancelled in part",
            str(content.get("reason") or "asked for"),
        )
        captured = order["payment_status"] in ("paid", "partially_refunded")
    if captured:
        request = {"lines": [dict(entry) for entry in wanted], "reason": "cancelled before shipping"}
        request_refund(shop, find_order(shop.database.read(), order_id), request, f"cancel-{turn}")


def _charge(
    shop: Shop, order: sqlite3.Row, quote: Mapping[str, Any], method: str, number: int, holder: str
) -> PaymentState:
    key = f"edit-{order['id']}-{number}-{digest(method)[:12]}"
    try:
        state = charge_card(shop, order, Decimal(quote["total"]), order["currency"], method, str(number), key)
    except (Declined, Refused, Unreachable) as error:
        if not isinstance(error, Unreachable):
            with shop.database.write() as connection:
                release_reservation(connection, holder, "payment failed")
        raise Refusal(402, "payment_declined", f"The extra charge was not made: {error}") from error
    if state.status != "succeeded":
        raise Refusal(402, "payment_declined", "The extra charge needs the customer and was not made.")
    return state


def _book_edit(
    connection: sqlite3.Connection,
    shop: Shop,
    order_id: str,
    quote: Mapping[str, Any],
    number: int,
    holder: str,
    reason: str,
    state: PaymentState,
) -> None:
    order = find_order(connection, order_id)
    body = unpack(order["body"])
    if any(edit["number"] == number for edit in body["edits"]):
        return
    checkout = {"id": order["checkout_id"], "order_id": order_id}
    payment = record_payment(connection, shop, checkout, state, "card")
    commit_reservation(connection, holder)
    connection.execute("UPDATE reservations SET holder = ? WHERE holder = ?", (order["checkout_id"], holder))
    for name in ("goods", "tax", "rounding", "total"):
        body[name] = plain(Decimal(body[name]) + Decimal(quote[name]), order["currency"])
    body["lines"] += quote["lines"]
    edit = {"number": number, "at": shop.now_iso(), "reason": reason, "payment": payment, "extra": quote["total"]}
    body["edits"].append({**edit, "lines": [line["id"] for line in quote["lines"]]})
    save_body(connection, shop, order_id, body)
    reference = f"{order['number']}-E{number}"
    part = {"reference": reference, "lines": edit_lines(body, number), "first": False}
    enqueue(connection, shop, "order", order_id, reference, part)
    record(connection, order_id, edit["at"], "total", body["total"], f"edited by an agent: {reason}")
    write_message(connection, shop, find_order(connection, order_id), "order_edited", occasion=str(number))


def edit_lines(body: Mapping[str, Any], number: int) -> list[str]:
    """Return the line ids an edit added."""
    return [line for edit in body["edits"] if edit["number"] == number for line in edit["lines"]]


def _mark_cancelled(shop: Shop, body: dict[str, Any], wanted: list[Any]) -> dict[str, int]:
    by_id = {line["id"]: line for line in body["lines"]}
    freed: dict[str, int] = {}
    for entry in wanted:
        line, part = by_id.get(str(entry.get("line"))), entry.get("quantity")
        already = body["cancelled_lines"].get(str(entry.get("line")), 0)
        if line is None or not isinstance(part, int) or not 0 < part <= line["quantity"] - already:
            raise Refusal(422, "invalid", "Each line needs its id and a quantity still ordered.", seen=dict(entry))
        body["cancelled_lines"][line["id"]] = already + part
        for sku, quantity in components(shop.catalogue.product(line["sku"]), part).items():
            freed[sku] = freed.get(sku, 0) + quantity
    if all(body["cancelled_lines"].get(line["id"], 0) == line["quantity"] for line in body["lines"]):
        raise Refusal(409, "cancel_all", "That is the whole order: cancel it without 'lines'.")
    return freed


def _release_part(connection: sqlite3.Connection, holder: str, freed: Mapping[str, int]) -> None:
    for sku, quantity in freed.items():
        left = quantity
        for row in connection.execute(
            "SELECT id, quantity FROM reservations WHERE holder = ? AND sku = ? AND state = 'committed'", (holder, sku)
        ).fetchall():
            used = min(left, row["quantity"])
            left -= used
            if used == row["quantity"]:
                connection.execute("UPDATE reservations SET state = 'released' WHERE id = ?", (row["id"],))
            else:
                connection.execute("UPDATE reservations SET quantity = quantity - ? WHERE id = ?", (used, row["id"]))
