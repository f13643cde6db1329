"""Ids and secrets the shop gives out: ids repeat for the same seed, secrets never do."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3

_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"


def next_number(connection: sqlite3.Connection, name: str, start: int = 1) -> int:
    """Return the next number of a counter, inside the caller's write transaction."""
    row = connection.execute(
        "INSERT INTO counters (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
        (name, start),
    ).fetchone()
    return int(row[0])


def next_id(connection: sqlite3.Connection, prefix: str, seed: int) -> str:
    """Return the next id of a kind, for example ``ord_5t0e…``: not countable, the same for the same seed."""
    number = next_number(connection, f"id:{prefix}")
    value = int.from_bytes(hashlib.blake2b(f"{seed}:{prefix}:{number}".encode(), digest_size=12).digest())
    letters = []
    for _ in range(18):
        value, rest = divmod(value, 32)
        letters.append(_BASE32[rest])
    return f"{prefix}_{''.join(letters)}"


def new_secret(origin: str | None = None) -> str:
    """Return a token nobody can guess; with an origin, the one that follows from it."""
    if origin is not None:
        return hashlib.blake2b(f"secret:{origin}".encode(), digest_size=16).hexdigest()
    return secrets.token_urlsafe(24)


def digest(text: str) -> str:
    """Return the form in which a token is stored."""
    return hashlib.sha256(text.encode()).hexdigest()
