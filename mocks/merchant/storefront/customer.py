"""Registered customers: one for each e-mail address, whatever its letters' case; tokens are stored as digests."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Mapping
from typing import Any

from mocks.merchant.database import pack
from mocks.merchant.errors import Refusal
from mocks.merchant.ids import digest, next_id
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.cart import email_of, text

_SHORTEST = 8


@seam("authorisation")
def email_key(email: str) -> str:
    """Return the form in which an e-mail address identifies a customer."""
    return email.lower()


def register(shop: Shop, content: Mapping[str, Any]) -> dict[str, Any]:
    """Register a customer and return the token of their session. Raises `Refusal` 409 for a known address."""
    email, name, password = email_of(content), text(content, "name", most=80), text(content, "password", most=200)
    if len(password) < _SHORTEST:
        raise Refusal(422, "invalid", f"'password' must have at least {_SHORTEST} characters.", field="password")
    salt = os.urandom(16)
    hashed = hashlib.scrypt(password.encode(), salt=salt, n=2**12, r=8, p=1)
    token = shop.new_secret()
    with shop.database.write() as connection:
        customer_id = next_id(connection, "cus", shop.config.seed)
        try:
            connection.execute(
                "INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?)",
                (
                    customer_id, email_key(email), email, name, f"{salt.hex()}:{hashed.hex()}", digest(token),
                    shop.now_iso(), pack({}),
                ),
            )  # fmt: skip
        except sqlite3.IntegrityError as error:
            raise Refusal(409, "known_customer", "This e-mail address is registered already.", field="email") from error
    return {"id": customer_id, "email": email, "name": name, "token": token}


def customer_of(shop: Shop, token: str | None) -> str | None:
    """Return the customer a token belongs to, or None."""
    if token is None:
        return None
    row = shop.database.one("SELECT id FROM customers WHERE token_hash = ?", digest(token))
    return row["id"] if row else None
