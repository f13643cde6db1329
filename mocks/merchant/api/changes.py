"""Operations that change a placed order: cancel, refund, return, edit, label."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from mocks.merchant.api.handling import Call
from mocks.merchant.api.orders import reachable_order, require_operator
from mocks.merchant.errors import Refusal
from mocks.merchant.shop import Shop
from mocks.merchant.storefront import cancel, change, refund, returns
from mocks.merchant.storefront.checkout import Reply
from mocks.merchant.storefront.order import order_view, refund_view
from mocks.merchant.storefront.progress import find_order

_MEDIA = {"GIF": "image/gif", "PNG": "image/png", "ZPL": "text/plain"}


def cancel_order(shop: Shop, call: Call) -> dict[str, Any]:
    """Cancel an order, or with `lines` a part of it, before it ships."""
    row, content = reachable_order(shop, call, write=True), call.json()
    reason = content.get("reason", "")
    if not isinstance(reason, str):
        raise Refusal(422, "invalid", "'reason' must be a text.", field="reason", seen=reason)
    if "lines" in content:  # whatever is wrong with them: a part that cannot be read is not the whole order
        change.cancel_lines(shop, row["id"], content)
    else:
        cancel.cancel_order(shop, row["id"], (reason or "asked for by the customer")[:200])
    _carry_out(shop, row["id"])
    return order_view(shop, find_order(shop.database.read(), row["id"]))


def create_refund(shop: Shop, call: Call) -> Reply:
    """Refund an amount or lines of an order; the operator's, as money leaves the shop."""
    require_operator(shop, call)
    row = find_order(shop.database.read(), call.params["id"])
    made = refund.request_refund(shop, row, call.json(), call.idempotency_key)
    for refund_id in made:
        refund.carry_out(shop, refund_id)
    rows = [shop.database.one("SELECT * FROM refunds WHERE id = ?", refund_id) for refund_id in made]
    return Reply(201, {"refunds": [refund_view(entry) for entry in rows if entry is not None]})


def create_return(shop: Shop, call: Call) -> Reply:
    """Announce a return of shipped lines."""
    row = reachable_order(shop, call, write=True)
    return Reply(201, returns.request_return(shop, row, call.json()))


def edit_order(shop: Shop, call: Call) -> dict[str, Any]:
    """Add lines to an order with an extra charge; an agent's operation."""
    require_operator(shop, call)
    change.add_lines(shop, call.params["id"], call.json())
    return order_view(shop, find_order(shop.database.read(), call.params["id"]))


def get_label(shop: Shop, call: Call) -> Response:
    """Return a label's image."""
    row = reachable_order(shop, call)
    label = shop.database.one(
        "SELECT l.* FROM labels l JOIN shipments s ON s.id = l.shipment_id WHERE l.id = ? AND s.order_id = ?",
        call.params["label"],
        row["id"],
    )
    if label is None:
        raise Refusal(404, "unknown_label", f"The order has no label '{call.params['label']}'.")
    return Response(label["image"], 200, media_type=_MEDIA.get(label["format"], "application/octet-stream"))


def _carry_out(shop: Shop, order_id: str) -> None:
    for row in shop.database.all("SELECT id FROM refunds WHERE order_id = ? AND status = 'queued'", order_id):
        refund.carry_out(shop, row["id"])
