"""Finishes checkouts nobody finished: a lost reply, a crash, a browser that never came back."""

from __future__ import annotations

from typing import Any

from mocks.merchant.clients.gateway import Declined
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.database import unpack
from mocks.merchant.errors import Refusal
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront import checkout


@seam("completion")
def completes_alone(status: str) -> bool:
    """Say whether a checkout in this status is finished without the customer's browser."""
    return status in ("paying", "requires_action", "superseded")


def next_checkout(shop: Shop) -> str | None:
    """Return when the next unfinished checkout is looked at, or None."""
    row = shop.database.one("SELECT MIN(due_at) AS due FROM checkouts WHERE due_at IS NOT NULL")
    return row["due"] if row else None


def recover(shop: Shop) -> None:
    """Make the checkouts a crash left in the middle of paying due at once: at a start nobody else is at them."""
    with shop.database.write() as connection:
        connection.execute("UPDATE checkouts SET due_at = ? WHERE status = 'paying'", (shop.now_iso(),))


def finish_checkouts(shop: Shop) -> int:
    """Finish every checkout that is due; return how many were looked at."""
    rows = shop.database.all(
        "SELECT * FROM checkouts WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT 100", shop.now_iso()
    )
    for row in map(dict, rows):
        _postpone(shop, row)
        if not completes_alone(row["status"]):
            continue
        try:
            _finish(shop, row)
        except (Unreachable, Refused, Refusal, Declined) as error:
            shop.log.write("checkout_unfinished", checkout=row["id"], error=str(error))
    return len(rows)


def _finish(shop: Shop, row: dict[str, Any]) -> None:
    body = unpack(row["body"])
    if row["status"] == "paying":
        # The same key and parameters: the gateway answers what it answered then, or does it now.
        checkout.pay(shop, row, body)
        return
    if not body.get("intent"):
        checkout.abandon(shop, row, "never reached the gateway")
        return
    gateway = shop.gateway(body["intent_at"])
    if body.get("brought_back") and not gateway.can_be_asked:
        # The customer came back and the answer was lost: the same again gets the same answer.
        checkout.come_back(shop, row, body, body["brought_back"])
        return
    state = gateway.give_up(body["intent"], f"cancel-{row['id']}")
    if state.status == "canceled":
        checkout.abandon(shop, row, "time is up")
    else:
        checkout.settle(shop, row["id"], state)


def _postpone(shop: Shop, row: dict[str, Any]) -> None:
    due = shop.later_iso(shop.settings["reconcile_interval_s"])
    with shop.database.write() as connection:
        connection.execute("UPDATE checkouts SET due_at = ? WHERE id = ? AND due_at IS NOT NULL", (due, row["id"]))
