"""Coupons: found by code, claimed with the checkout in one transaction, given back when the checkout fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from mocks.merchant.database import pack, unpack
from mocks.merchant.errors import Refusal
from mocks.merchant.seams import seam


def seed_coupons(connection: sqlite3.Connection, coupons: Any) -> None:
    """Store the catalogue's coupons where they are not stored."""
    for coupon in coupons:
        connection.execute("INSERT OR IGNORE INTO coupons VALUES (?, 0, ?)", (coupon["code"], pack(coupon)))


def find_coupon(connection: sqlite3.Connection, code: str, *, even_used_up: bool = False) -> Mapping[str, Any]:
    """Return a coupon. Raises `Refusal` for an unknown one and, unless told otherwise, for one used up."""
    row = connection.execute("SELECT uses, body FROM coupons WHERE code = ?", (code,)).fetchone()
    if row is None:
        raise Refusal(404, "unknown_coupon", f"There is no coupon '{code}'.", code_given=code)
    coupon: Mapping[str, Any] = unpack(row["body"])
    if not even_used_up and is_used_up(row["uses"], coupon["limit"]):
        raise Refusal(409, "coupon_used_up", f"Coupon '{code}' is used up.")
    return {**coupon, "uses": row["uses"]}


@seam("pricing and promotions")
def is_used_up(uses: int, limit: int | None) -> bool:
    """Say whether a coupon has been used as often as it may be."""
    return limit is not None and uses >= limit


@seam("pricing and promotions")
def claim_coupon(connection: sqlite3.Connection, code: str, checkout_id: str, at: str) -> None:
    """Count one use for a checkout, inside its write transaction; refused when the limit is reached."""
    find_coupon(connection, code)
    connection.execute("INSERT INTO coupon_uses VALUES (?, ?, 'claimed', ?)", (checkout_id, code, at))
    connection.execute("UPDATE coupons SET uses = uses + 1 WHERE code = ?", (code,))


def give_back_coupon(connection: sqlite3.Connection, checkout_id: str) -> None:
    """Take back the use a failed checkout had claimed; once."""
    row = connection.execute(
        "UPDATE coupon_uses SET state = 'returned' WHERE checkout_id = ? AND state = 'claimed' RETURNING code",
        (checkout_id,),
    ).fetchone()
    if row:
        connection.execute("UPDATE coupons SET uses = uses - 1 WHERE code = ?", (row["code"],))
