"""Telling a receiver of `order.changed`: an outbox in the order's own transaction, signed deliveries with retry."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
import uuid
from datetime import datetime, timedelta

import requests

from tests.apps.other_shop.database import Database, as_instant
from tests.apps.other_shop.setting import Setting

LONGEST_TRY = 8


def announce(connection: sqlite3.Connection, number: str, now: datetime) -> None:
    """Put an event about the order as it is at the end of this statement into the outbox."""
    row = connection.execute("SELECT * FROM orders WHERE number = ?", (number,)).fetchone()
    event = str(uuid.uuid4())
    body = {
        "id": event,
        "type": "order.changed",
        "created": as_instant(now),
        "order": {
            "number": number,
            "state": row["state"],
            "currency": row["currency"],
            "total": row["total"],
            "sapDocument": row["sap_document"],
            "trackingNumber": row["tracking_number"],
            "changedAt": row["changed_at"],
        },
    }
    connection.execute(
        "INSERT INTO notices VALUES (?, ?, 'wartet', 0, ?)",
        (event, json.dumps(body, ensure_ascii=False, separators=(",", ":")), as_instant(now)),
    )


def sign(secret: str, second: int, body: bytes) -> str:
    """Return the header X-Shop-Signature: HMAC-SHA256 over `second`, a colon and the body's bytes."""
    digest = hmac.new(secret.encode(), b"%d:%s" % (second, body), hashlib.sha256).hexdigest()
    return f"t={second},v1={digest}"


def deliver_due(database: Database, setting: Setting, session: requests.Session, now: datetime) -> None:
    """Send every notice that is due, oldest first; what the receiver does not take waits longer each time."""
    with database.transaction() as connection:
        due = connection.execute(
            "SELECT id, body, attempts FROM notices WHERE state = 'wartet' AND due <= ? ORDER BY rowid LIMIT 50",
            (as_instant(now),),
        ).fetchall()
    for row in due:
        taken = _post(setting, session, row["body"].encode(), now)
        attempts = row["attempts"] + 1
        state = "fertig" if taken else "aufgegeben" if attempts >= LONGEST_TRY else "wartet"
        later = now + timedelta(seconds=setting.retry_s * 2**attempts)
        with database.transaction() as connection:
            connection.execute(
                "UPDATE notices SET state = ?, attempts = ?, due = ? WHERE id = ?",
                (state, attempts, as_instant(later), row["id"]),
            )


def _post(setting: Setting, session: requests.Session, body: bytes, now: datetime) -> bool:
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "X-Shop-Signature": sign(setting.hook_secret, int(now.timestamp()), body),
    }
    try:
        answer = session.post(
            setting.hook_url, data=body, headers=headers, timeout=setting.timeout_s, allow_redirects=False
        )
    except requests.RequestException:
        return False
    return answer.ok
