"""What the platform tells others of its orders: an event for each purchase, and figures added up by currency."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mocks.merchant.database import unpack
from mocks.merchant.policy.money import plain
from mocks.merchant.policy.rounding import round_line
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop


@seam("money conversion and exponents")
def event_value(total: Decimal, base_total: Decimal | None, currency: str) -> tuple[Decimal, str]:
    """Return the value and currency an event tells: what was ordered, in the order's currency."""
    return total, currency


@seam("money conversion and exponents")
def revenue(amounts: list[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Return what was ordered, by currency; amounts of different currencies are never added."""
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    return sums


def tell_purchase(connection: sqlite3.Connection, order_id: str, quote: Mapping[str, Any], at: str) -> None:
    """Write the event of a purchase into the outbox of analytics, inside the caller's transaction."""
    base = quote.get("base_total")
    value, currency = event_value(Decimal(quote["total"]), Decimal(base) if base else None, quote["currency"])
    connection.execute(
        "INSERT INTO analytics (order_id, name, amount, currency, at) VALUES (?, 'purchase', ?, ?, ?)",
        (order_id, plain(value, currency), currency, at),
    )


def events_of(shop: Shop, order_id: str) -> list[sqlite3.Row]:
    """Return what was told of an order, oldest first."""
    return shop.database.all(
        "SELECT name, amount, currency, at FROM analytics WHERE order_id = ? ORDER BY id", order_id
    )


def figures(shop: Shop, since: str, until: str) -> list[dict[str, Any]]:
    """Return the figures of orders placed in [since, until) that were not cancelled: what was ordered.

    One for each currency, and one of everything in the base currency, at each order's own rate, where all have one.
    """
    rows = shop.database.all(
        "SELECT currency, total, body FROM orders WHERE placed_at >= ? AND placed_at < ? AND status != 'cancelled'",
        since,
        until,
    )
    sums = revenue([(row["currency"], Decimal(row["total"])) for row in rows])
    shown = {currency: _money(amount, currency) for currency, amount in sorted(sums.items())}
    told = [
        {"name": f"revenue {currency}", "total": amount, "per_currency": [amount]} for currency, amount in shown.items()
    ]
    base = shop.catalogue.base_currency
    worth = [_in_base(row, base) for row in rows]
    known = [each for each in worth if each is not None]
    if rows and len(known) == len(rows):
        total = _money(sum(known, Decimal(0)), base)
        told.append({"name": "revenue", "total": total, "per_currency": list(shown.values())})
    return told


def _in_base(row: sqlite3.Row, base: str) -> Decimal | None:
    rate = (unpack(row["body"]).get("rate") or {}).get("rate")
    if rate is None:
        return Decimal(row["total"]) if row["currency"] == base else None
    return round_line(Decimal(row["total"]) / Decimal(rate), base, "half_up")


def _money(amount: Decimal, currency: str) -> dict[str, str]:
    return {"amount": plain(amount, currency), "currency": currency}
