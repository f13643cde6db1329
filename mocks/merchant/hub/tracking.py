"""Tracking: parcels are announced for events, polled as a fall-back, and make their order delivered."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from mocks.merchant import times
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.database import pack, unpack
from mocks.merchant.hub.delivery import is_fully_issued
from mocks.merchant.hub.message import write_message
from mocks.merchant.policy.shipping import closes_order, may_track_move, track_status
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.progress import find_order, move

_WAITING = "state = 'labelled' AND tracking IS NOT NULL AND status != 'delivered'"
_MOST = 100


def has_unannounced(shop: Shop) -> bool:
    """Say whether a labelled parcel is not announced for events yet."""
    if not shop.config.public_url:
        return False
    return shop.database.one(f"SELECT 1 FROM shipments WHERE {_WAITING} AND alerted = 0 LIMIT 1") is not None  # noqa: S608


def announce(shop: Shop) -> int:
    """Ask the carrier for events of every parcel not announced yet; return how many were asked for."""
    rows = shop.database.all(f"SELECT id, tracking FROM shipments WHERE {_WAITING} AND alerted = 0 LIMIT {_MOST}")  # noqa: S608
    try:
        taken = set(shop.ups.subscribe([row["tracking"] for row in rows]))
    except (Unreachable, Refused) as error:
        shop.log.write("announce_failed", parcels=len(rows), error=str(error))
        return 0
    with shop.database.write() as connection:
        for row in rows:
            if row["tracking"] in taken:
                connection.execute("UPDATE shipments SET alerted = 1 WHERE id = ?", (row["id"],))
    return len(taken)


def next_poll(shop: Shop) -> str | None:
    """Return when the next parcel's tracking is read, or None."""
    row = shop.database.one(f"SELECT MIN(polled_at) AS last FROM shipments WHERE {_WAITING}")  # noqa: S608
    if row is None or row["last"] is None:
        return None
    return times.later(times.parse(row["last"]), shop.settings["tracking_interval_s"])


def poll(shop: Shop) -> int:
    """Read the tracking of every parcel not read for an interval; return how many were read."""
    before = shop.later_iso(-shop.settings["tracking_interval_s"])
    rows = shop.database.all(
        f"SELECT id, tracking FROM shipments WHERE {_WAITING} AND polled_at <= ? LIMIT {_MOST}",  # noqa: S608
        before,
    )
    return sum(shop.for_each(lambda row: _poll_one(shop, row), rows))


def _poll_one(shop: Shop, row: sqlite3.Row) -> int:
    with shop.database.write() as connection:
        connection.execute("UPDATE shipments SET polled_at = ? WHERE id = ?", (shop.now_iso(), row["id"]))
    try:
        package = shop.ups.track(row["tracking"])
    except (Unreachable, Refused) as error:
        shop.log.write("tracking_failed", tracking=row["tracking"], error=str(error))
        return 1
    for activity in reversed((package or {}).get("activity") or []):
        status = activity.get("status") or {}
        apply(shop, row["tracking"], status, _instant(activity.get("gmtDate"), activity.get("gmtTime")))
    return 1


def apply_event(shop: Shop, event: Mapping[str, Any]) -> bool:
    """Take over one pushed tracking event; return whether the parcel is ours."""
    at = _instant(event.get("gmtActivityDate"), event.get("gmtActivityTime"))
    return apply(shop, event["trackingNumber"], event["activityStatus"], at)


def apply(shop: Shop, tracking: str, status: Mapping[str, Any], at: str | None) -> bool:
    """Bring a parcel, and with it its order, forward by one piece of news; late and repeated news changes nothing."""
    kind, code = str(status.get("type") or ""), str(status.get("code") or status.get("statusCode") or "")
    new = track_status(kind, code)
    with shop.database.write() as connection:
        row = connection.execute("SELECT * FROM shipments WHERE tracking = ?", (tracking,)).fetchone()
        if row is None:
            return False
        body = unpack(row["body"])
        entry = {"type": kind, "code": code, "text": str(status.get("description") or ""), "at": at}
        if entry in body["events"]:
            return True
        body["events"].append(entry)
        moved = may_track_move(row["status"], new) and row["state"] == "labelled"
        shown = new if moved else row["status"]
        connection.execute("UPDATE shipments SET status = ?, body = ? WHERE id = ?", (shown, pack(body), row["id"]))
        if moved and new == "delivered":
            _delivered(connection, shop, row)
    if new == "unknown":
        shop.log.write("tracking_unknown", tracking=tracking, type=kind, code=code, alarm=True)
    return True


def close_untracked(connection: sqlite3.Connection, shop: Shop, order_id: str) -> None:
    """Close an order whose parcels all go without tracking, as far as the shop can know."""
    _close(connection, shop, order_id, "handed to the post")


def _delivered(connection: sqlite3.Connection, shop: Shop, row: sqlite3.Row) -> None:
    order = find_order(connection, row["order_id"])
    write_message(connection, shop, order, "delivered", occasion=row["tracking"], tracking=row["tracking"])
    _close(connection, shop, order["id"], f"delivered {row['tracking']}")


def _close(connection: sqlite3.Connection, shop: Shop, order_id: str, cause: str) -> None:
    order = find_order(connection, order_id)
    rows = connection.execute(
        "SELECT status FROM shipments WHERE order_id = ? AND state != 'voided'", (order_id,)
    ).fetchall()
    complete = is_fully_issued(connection, shop, order_id, unpack(order["body"]))
    if closes_order([row["status"] for row in rows], complete):
        move(connection, shop, order_id, "delivered", cause)


def _instant(date: Any, time: Any) -> str | None:
    """Return a stored instant of UPS's GMT date (YYYYMMDD) and time (HHMMSS, with or without colons)."""
    day, clock = str(date or ""), str(time or "").replace(":", "")
    if len(day) != 8 or not day.isdecimal():
        return None
    clock = clock.ljust(6, "0")[:6] if clock.isdecimal() else "000000"
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}.000000Z"
