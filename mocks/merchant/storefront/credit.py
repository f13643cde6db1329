"""Store credit: what a customer holds, one balance a currency; taken with the checkout, given back when it fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mocks.merchant.database import pack
from mocks.merchant.ids import next_id
from mocks.merchant.policy.money import plain
from mocks.merchant.policy.rounding import round_amount
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.pricing import total_step

TENDER = "store_credit"


@seam("pricing and promotions")
def credit_takes(balances: Mapping[str, Decimal], currency: str, due: Decimal) -> list[tuple[str, Decimal]]:
    """Return what each balance gives to an order: that of its own currency alone, as far as it goes."""
    used = min(balances.get(currency, Decimal(0)), due)
    return [(currency, used)] if used > 0 else []


def give_credit(shop: Shop, email: str, currency: str, amount: Decimal, reason: str) -> None:
    """Credit a customer, known by e-mail address in any case."""
    with shop.database.write() as connection:
        _move(connection, email.lower(), currency, amount, "", reason, shop.now_iso())


def balances(connection: sqlite3.Connection, email_key: str) -> dict[str, Decimal]:
    """Return what a customer holds, by currency."""
    rows = connection.execute("SELECT * FROM credits WHERE email_key = ? ORDER BY currency", (email_key,)).fetchall()
    return {row["currency"]: Decimal(row["balance"]) for row in rows if Decimal(row["balance"])}


def hold_credit(connection: sqlite3.Connection, shop: Shop, row: Mapping[str, Any], body: dict[str, Any]) -> None:
    """Take what a checkout's customer may pay with credit off the balance, and note it in the checkout's content.

    What is left to pay stays an amount gateways can charge.
    """
    cart = connection.execute(
        "SELECT json_extract(body, '$.use_credit') AS used FROM carts WHERE id = ?", (row["cart_id"],)
    ).fetchone()
    owner = _email_key(connection, body["customer_id"])
    if not cart["used"] or owner is None or body["payment"]["kind"] == "invoice":
        return
    currency, due = body["quote"]["currency"], Decimal(body["due"])
    taken = credit_takes(balances(connection, owner), currency, due)
    used = sum((amount for _, amount in taken), Decimal(0))
    if used < due and len(taken) == 1:
        used = round_amount(used, total_step(shop, currency), "down")
        taken = [(currency, used)] if used else []
    if not taken:
        return
    for wallet, amount in taken:
        _move(connection, owner, wallet, -amount, row["order_id"], "paid an order", shop.now_iso())
    body["credit"] = {"amount": plain(used, currency), "taken": [[wallet, f"{part:f}"] for wallet, part in taken]}
    body["due"] = plain(due - used, currency)


def release_credit(connection: sqlite3.Connection, row: Mapping[str, Any], body: Mapping[str, Any], at: str) -> None:
    """Give back what a failed checkout held; what was given back already is noted in it and not given twice."""
    held = body.get("credit")
    if not held:
        return
    freed = connection.execute(
        "UPDATE checkouts SET body = json_remove(body, '$.credit')"
        " WHERE id = ? AND json_extract(body, '$.credit') IS NOT NULL",
        (row["id"],),
    )
    owner = _email_key(connection, body["customer_id"])
    if freed.rowcount and owner is not None:
        for wallet, amount in held["taken"]:
            _move(connection, owner, wallet, Decimal(amount), row["order_id"], "the payment failed", at)


def record_credit(connection: sqlite3.Connection, shop: Shop, row: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """Write the payment of an order by credit, where there is one."""
    held, currency = body.get("credit"), body["quote"]["currency"]
    if not held:
        return
    connection.execute(
        "INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, 'succeeded', ?, ?, ?, ?, ?)",
        (
            next_id(connection, "pay", shop.config.seed), row["order_id"], row["id"], TENDER, f"credit-{row['id']}",
            TENDER, currency, held["amount"], held["amount"], plain(Decimal(0), currency), pack({}),
        ),
    )  # fmt: skip


def give_back_credit(connection: sqlite3.Connection, shop: Shop, refund: sqlite3.Row) -> None:
    """Put a refund on its customer's balance in the order's currency."""
    order = connection.execute("SELECT customer_id FROM orders WHERE id = ?", (refund["order_id"],)).fetchone()
    owner = _email_key(connection, order["customer_id"])
    if owner is None:
        raise ValueError(f"order {refund['order_id']} was paid by credit and has no customer")
    amount = Decimal(refund["amount"])
    _move(connection, owner, refund["currency"], amount, refund["order_id"], "refunded", shop.now_iso())


def movements(shop: Shop, order_id: str) -> list[sqlite3.Row]:
    """Return the credit an order took and got back, oldest first."""
    return shop.database.all("SELECT * FROM credit_movements WHERE holder = ? ORDER BY id", order_id)


def _email_key(connection: sqlite3.Connection, customer_id: str | None) -> str | None:
    row = connection.execute("SELECT email_key FROM customers WHERE id = ?", (customer_id,)).fetchone()
    return str(row["email_key"]) if row else None


def _move(
    connection: sqlite3.Connection, owner: str, currency: str, amount: Decimal, holder: str, reason: str, at: str
) -> None:
    row = connection.execute(
        "SELECT balance FROM credits WHERE email_key = ? AND currency = ?", (owner, currency)
    ).fetchone()
    balance = plain((Decimal(row["balance"]) if row else Decimal(0)) + amount, currency)
    connection.execute("INSERT OR REPLACE INTO credits VALUES (?, ?, ?)", (owner, currency, balance))
    connection.execute(
        "INSERT INTO credit_movements (email_key, currency, amount, holder, reason, at) VALUES (?, ?, ?, ?, ?, ?)",
        (owner, currency, plain(amount, currency), holder, reason, at),
    )
