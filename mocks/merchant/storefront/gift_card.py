"""Gift cards: a balance in one currency, taken with the checkout in one transaction and given back when it fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mocks.merchant.errors import Refusal
from mocks.merchant.policy.money import plain
from mocks.merchant.seams import seam


def seed_gift_cards(connection: sqlite3.Connection, cards: Any) -> None:
    """Store the catalogue's gift cards where they are not stored."""
    for card in cards:
        connection.execute(
            "INSERT OR IGNORE INTO gift_cards VALUES (?, ?, ?)", (card["code"], card["currency"], card["balance"])
        )


@seam("pricing and promotions")
def gift_card_pays(card_currency: str, order_currency: str) -> bool:
    """Say whether a gift card's balance may pay an order: in its own currency alone."""
    return card_currency == order_currency


def hold_gift_card(connection: sqlite3.Connection, body: dict[str, Any]) -> None:
    """Take what a gift card can pay off its balance and note it in the checkout's content. Raises `Refusal`."""
    code, currency = body["payment"]["gift_card"], body["quote"]["currency"]
    row = connection.execute("SELECT currency, balance FROM gift_cards WHERE code = ?", (code,)).fetchone()
    if row is None:
        raise Refusal(404, "unknown_gift_card", "There is no such gift card.")
    if not gift_card_pays(row["currency"], currency):
        raise Refusal(422, "wrong_currency", f"The gift card is in {row['currency']}, the cart in {currency}.")
    total = Decimal(body["quote"]["total"])
    used = min(Decimal(row["balance"]), total)
    if used == 0:
        raise Refusal(409, "gift_card_empty", "The gift card holds nothing any more.")
    if body["payment"]["kind"] == "gift_card" and used < total:
        raise Refusal(
            409, "gift_card_too_small", f"The gift card holds {row['balance']} {currency}; add a card for the rest."
        )
    balance = plain(Decimal(row["balance"]) - used, row["currency"])
    connection.execute("UPDATE gift_cards SET balance = ? WHERE code = ?", (balance, code))
    body["gift"] = {"code": code, "amount": plain(used, currency)}
    body["due"] = plain(total - used, currency)


def release_gift_card(connection: sqlite3.Connection, holder: str, body: Mapping[str, Any]) -> None:
    """Give a held amount back to its card; what was given back already is noted in the checkout and not given twice."""
    gift = body.get("gift")
    if not gift:
        return
    taken = connection.execute(
        "UPDATE checkouts SET body = json_remove(body, '$.gift')"
        " WHERE id = ? AND json_extract(body, '$.gift') IS NOT NULL",
        (holder,),
    )
    if taken.rowcount:
        credit_gift_card(connection, gift["code"], Decimal(gift["amount"]))


def credit_gift_card(connection: sqlite3.Connection, code: str, amount: Decimal) -> None:
    """Put an amount on a gift card."""
    row = connection.execute("SELECT currency, balance FROM gift_cards WHERE code = ?", (code,)).fetchone()
    balance = plain(Decimal(row["balance"]) + amount, row["currency"])
    connection.execute("UPDATE gift_cards SET balance = ? WHERE code = ?", (balance, code))
