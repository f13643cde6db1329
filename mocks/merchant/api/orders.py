"""Operations on orders, for their owner, the holder of their key, and operators."""

from __future__ import annotations

import hmac
import os
import sqlite3
from typing import Any

from mocks.merchant.api.handling import Call
from mocks.merchant.errors import Refusal
from mocks.merchant.hub.message import messages_view
from mocks.merchant.ids import digest
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.order import order_view
from mocks.merchant.storefront.progress import find_order


@seam("authorisation")
def may_read(is_operator: bool, is_owner: bool, holds_key: bool) -> bool:
    """Say whether a caller may read an order."""
    return is_operator or is_owner or holds_key


@seam("authorisation")
def may_write(is_operator: bool, is_owner: bool, holds_key: bool) -> bool:
    """Say whether a caller may change an order."""
    return is_operator or is_owner or holds_key


def is_operator(shop: Shop, call: Call) -> bool:
    """Say whether the call carries the operator's token."""
    name = shop.settings["operator_token_env"]
    expected = os.environ.get(name, "") if name else shop.settings["operator_token"]
    return bool(expected) and hmac.compare_digest((call.bearer or "").encode(), expected.encode())


def require_operator(shop: Shop, call: Call) -> None:
    """Raise `Refusal` 401 unless the call carries the operator's token."""
    if not is_operator(shop, call):
        raise Refusal(401, "operator_only", "This needs the operator's token in 'Authorization: Bearer …'.")


def reachable_order(shop: Shop, call: Call, *, write: bool = False) -> sqlite3.Row:
    """Return the order of the call if its caller may see or change it; else `Refusal` 404, as for no order."""
    row = find_order(shop.database.read(), call.params["id"])
    key = call.query.get("key") or call.headers.get("x-access-key") or ""
    owner = _customer_of(shop, call)
    allowed = (may_write if write else may_read)(
        is_operator(shop, call),
        owner is not None and owner == row["customer_id"],
        hmac.compare_digest(digest(key), row["access_hash"]),
    )
    if not allowed:
        raise Refusal(404, "unknown_order", f"There is no order '{call.params['id']}'.")
    return row


def get_order(shop: Shop, call: Call) -> dict[str, Any]:
    """Return one order."""
    return order_view(shop, reachable_order(shop, call))


def list_orders(shop: Shop, call: Call) -> dict[str, Any]:
    """Return the orders placed from `since` to before `until`, oldest first, one page."""
    require_operator(shop, call)
    page, size = call.number("page", 1, most=100_000), call.number("page_size", 50, most=200)
    since, until = call.query.get("since", ""), call.query.get("until", "9999")
    total = shop.database.one("SELECT COUNT(*) AS n FROM orders WHERE placed_at >= ? AND placed_at < ?", since, until)
    rows = shop.database.all(
        "SELECT * FROM orders WHERE placed_at >= ? AND placed_at < ? ORDER BY placed_at, id LIMIT ? OFFSET ?",
        since,
        until,
        size,
        (page - 1) * size,
    )
    return {
        "orders": [order_view(shop, row) for row in rows],
        "page": page,
        "page_size": size,
        "total": total["n"] if total else 0,
    }


def get_messages(shop: Shop, call: Call) -> dict[str, Any]:
    """Return what was written to the customer of an order."""
    row = reachable_order(shop, call)
    return {"messages": messages_view(shop, row["id"])}


def _customer_of(shop: Shop, call: Call) -> str | None:
    if call.bearer is None:
        return None
    row = shop.database.one("SELECT id FROM customers WHERE token_hash = ?", digest(call.bearer))
    return row["id"] if row else None
