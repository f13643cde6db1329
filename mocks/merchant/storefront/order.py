"""Orders: made once from a paid checkout, released to the ERP, read by owner, key holder or operator."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mocks.merchant.database import pack, unpack
from mocks.merchant.hub.analytics import tell_purchase
from mocks.merchant.hub.message import write_message
from mocks.merchant.hub.outbox import enqueue_order
from mocks.merchant.policy.money import plain
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.progress import find_order, move, record
from mocks.merchant.storefront.refund import worth_of_lines

Row = sqlite3.Row


def insert_order(
    connection: sqlite3.Connection,
    shop: Shop,
    checkout: Mapping[str, Any],
    body: Mapping[str, Any],
    *,
    status: str,
    payment_status: str,
    hold: str | None,
) -> str:
    """Write the order of a checkout with its first history, inside the caller's transaction; return its id."""
    now = shop.now_iso()
    order_id = checkout["order_id"]
    snapshot = body["quote"]
    content = {
        **snapshot,
        "customer": body["customer"],
        "address": body["address"],
        "channel": body["channel"],
        "paid_by": body["payment"]["kind"],
        "edits": [],
        "cancelled_lines": {},
        "weight_g": body["weight_g"],
    }
    connection.execute(
        "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            order_id, checkout["number"], checkout["id"], status, payment_status, snapshot["currency"],
            snapshot["total"], body["customer"]["email"].lower(),
            body["customer_id"], body["access_hash"], hold, now, now, pack(content),
        ),
    )  # fmt: skip
    tell_purchase(connection, order_id, snapshot, now)
    record(connection, order_id, now, "status", status, "placed")
    record(connection, order_id, now, "payment_status", payment_status, "placed")
    return str(order_id)


def save_body(connection: sqlite3.Connection, shop: Shop, order_id: str, body: Mapping[str, Any]) -> None:
    """Store an order's changed content and total."""
    connection.execute(
        "UPDATE orders SET body = ?, total = ?, updated_at = ? WHERE id = ?",
        (pack(dict(body)), body["total"], shop.now_iso(), order_id),
    )


def confirm(connection: sqlite3.Connection, shop: Shop, order_id: str, cause: str) -> None:
    """Release an order to the ERP: status confirmed, outbox entry and confirmation message, each once."""
    row = find_order(connection, order_id)
    if row["hold"] or not move(connection, shop, order_id, "confirmed", cause):
        return
    enqueue_order(connection, shop, row)
    write_message(connection, shop, row, "order_confirmed")


def money(amount: str, currency: str) -> dict[str, str]:
    """Return an amount in the API's form."""
    return {"amount": amount, "currency": currency}


@seam("formatting and parsing")
def order_answer(order: dict[str, Any]) -> dict[str, Any]:
    """Return an order as this version of the API writes it: with every field of its document."""
    return order


def order_view(shop: Shop, row: Row) -> dict[str, Any]:
    """Return an order as the API shows it."""
    connection = shop.database.read()
    body = unpack(row["body"])
    return order_answer(
        {
            "id": row["id"],
            "number": row["number"],
            "status": row["status"],
            "hold": row["hold"],
            "payment_status": row["payment_status"],
            **priced_view({**body, "total": row["total"]}),
            "channel": body["channel"],
            "paid_by": body.get("paid_by"),
            "customer": body["customer"],
            "address": body["address"],
            "weight_g": body["weight_g"],
            "cancelled_lines": body["cancelled_lines"],
            "edits": body["edits"],
            "payments": [payment_view(entry) for entry in _rows(connection, "payments", row["id"])],
            "refunds": [refund_view(entry) for entry in _rows(connection, "refunds", row["id"])],
            "returns": [return_view(connection, entry) for entry in _rows(connection, "returns", row["id"])],
            "erp": _erp_view(connection, row["id"]),
            "shipments": [shipment_view(entry) for entry in _rows(connection, "shipments", row["id"])],
            "placed_at": row["placed_at"],
            "updated_at": row["updated_at"],
            "history": [
                {"at": entry["at"], "field": entry["field"], "value": entry["value"], "cause": entry["cause"]}
                for entry in _rows(connection, "history", row["id"])
            ],
        }
    )


def priced_view(quote: Mapping[str, Any]) -> dict[str, Any]:
    """Return a quote, or what an order keeps of it, as the API shows it."""
    currency = quote["currency"]
    shipping = quote["shipping"]
    return {
        "currency": currency,
        "lines": [line_view(line, currency) for line in quote["lines"]],
        "goods": money(quote["goods"], currency),
        "shipping": {**shipping, **{name: money(shipping[name], currency) for name in ("total", "tax")}},
        "discount": money(quote["discount"], currency),
        "coupon": quote["coupon"],
        "tax": money(quote["tax"], currency),
        "tax_included": quote["tax_included"],
        "tax_treatment": quote["tax_treatment"],
        "rounding": money(quote["rounding"], currency),
        "total": money(quote["total"], currency),
        "rate": quote["rate"],
        "store": quote.get("store"),
    }


def line_view(line: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """Return an order line as the API shows it."""
    shown = {name: line[name] for name in ("id", "sku", "name", "quantity", "tax_class", "tax_rate", "tax_code")}
    return {
        **shown,
        **{name: money(line[name], currency) for name in ("unit_price", "gross", "discount", "total", "tax")},
    }


def payment_view(row: Row) -> dict[str, Any]:
    """Return a payment as the API shows it."""
    currency = row["currency"]
    return {
        "id": row["id"],
        "gateway": row["gateway"],
        "kind": row["kind"],
        "reference": row["reference"],
        "status": row["status"],
        "amount": money(row["amount"], currency),
        "captured": money(row["captured"], currency),
        "refunded": money(row["refunded"], currency),
        "gateway_answer": unpack(row["body"]),
    }


def refund_view(row: Row) -> dict[str, Any]:
    """Return a refund as the API shows it."""
    return {
        "id": row["id"],
        "payment": row["payment_id"],
        "reference": row["reference"],
        "status": row["status"],
        "amount": money(row["amount"], row["currency"]),
        "reason": row["reason"],
        "at": row["at"],
        **unpack(row["body"]),
    }


def return_view(connection: sqlite3.Connection, row: Row) -> dict[str, Any]:
    """Return a return as the API shows it; what it credits is an estimate until it has come in."""
    body = unpack(row["body"])
    key = f"{row['order_id']}:{row['id']}"
    refunds = connection.execute(
        "SELECT amount FROM refunds WHERE key = ? OR key LIKE ? || '#%'", (key, key)
    ).fetchall()
    credited = sum((Decimal(entry["amount"]) for entry in refunds), Decimal(0))
    if not refunds:
        credited = worth_of_lines(connection, find_order(connection, row["order_id"]), body["lines"])
    return {
        "id": row["id"],
        "status": row["status"],
        "at": row["at"],
        "lines": body["lines"],
        "reason": body["reason"],
        "credited": money(plain(credited, body["currency"]), body["currency"]),
    }


def shipment_view(row: Row) -> dict[str, Any]:
    """Return a shipment as the API shows it."""
    body = unpack(row["body"])
    return {
        "id": row["id"],
        "delivery": row["delivery"],
        "parcel": row["parcel"],
        "state": row["state"],
        "carrier": row["carrier"],
        "tracking_number": row["tracking"],
        "label_id": row["label_id"],
        "status": row["status"],
        "error": row["error"],
        **{
            name: body[name]
            for name in ("weight_g", "service", "lines", "charge", "events", "voided", "taken_over")
            if name in body
        },
    }


def outstanding(row: Row, captured: Decimal) -> str:
    """Return what of an order is not yet paid."""
    return plain(Decimal(row["total"]) - captured, row["currency"])


def _rows(connection: sqlite3.Connection, table: str, order_id: str) -> list[Row]:
    return connection.execute(f"SELECT * FROM {table} WHERE order_id = ? ORDER BY rowid", (order_id,)).fetchall()  # noqa: S608


def _erp_view(connection: sqlite3.Connection, order_id: str) -> dict[str, Any]:
    documents = connection.execute(
        "SELECT * FROM erp_documents WHERE order_id = ? ORDER BY kind, part, number", (order_id,)
    ).fetchall()
    entries = connection.execute("SELECT * FROM outbox WHERE order_id = ? ORDER BY id", (order_id,)).fetchall()
    return {
        "sales_orders": [
            {"number": entry["number"], "reference": entry["part"], "status": entry["status"]}
            for entry in documents
            if entry["kind"] == "sales_order"
        ],
        "deliveries": [
            {"number": entry["number"], "sales_order": entry["part"], "status": entry["status"]}
            for entry in documents
            if entry["kind"] == "delivery"
        ],
        "outbox": [
            {"kind": entry["kind"], "reference": entry["part"], "state": entry["state"], "attempts": entry["attempts"]}
            for entry in entries
        ],
    }
