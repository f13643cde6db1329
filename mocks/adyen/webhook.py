"""Standard webhooks: one item a message, signed, sent again until the shop answers 2xx.

Items: Adyen's Webhooks v1 document. Signature: https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures
(HMAC-SHA256, hex key, base64, over eight fields joined by colons). Retry queue:
https://docs.adyen.com/development-resources/webhooks/troubleshoot, for 30 days.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import orjson

from mocks.adyen.account import Account, Document

_EVERY_8_H = 28_800
RETRIES_S = (120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, _EVERY_8_H, *(_EVERY_8_H,) * 87)
HMAC_KEY = "A55A" * 16
_SIGNED = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")


def emit(
    account: Account,
    payment: Document,
    event: str,
    *,
    amount: Document,
    success: bool = True,
    reason: str = "",
    modification: Document | None = None,
    additional: Document | None = None,
    operations: list[str] | None = None,
) -> None:
    """Tell the shop's endpoint what became of a payment, or of one modification of it."""
    wanted = account.setting("webhook_events", ["*"])
    if "*" not in wanted and event not in wanted:
        return
    item: Document = {
        "amount": amount,
        "eventCode": event,
        "eventDate": account.world.now().isoformat(timespec="seconds"),
        "merchantAccountCode": account.setting("merchant_account", "AssayECOM"),
        "merchantReference": payment["reference"],
        "paymentMethod": payment["brand"],
        "pspReference": payment["pspReference"],
        "reason": reason,
        "success": "true" if success else "false",
    }
    if modification is not None:
        item["pspReference"] = modification["pspReference"]
        item["originalReference"] = payment["pspReference"]
    if operations is not None:
        item["operations"] = operations
    _send(account, item, additional or {})


def tell_report(account: Account, name: str, url: str) -> None:
    """Tell the shop's endpoint of a report, if `webhook_events` names REPORT_AVAILABLE (``*`` is payments alone)."""
    if "REPORT_AVAILABLE" not in account.setting("webhook_events", ["*"]):
        return
    item: Document = {
        "amount": {"currency": "EUR", "value": 0},
        "eventCode": "REPORT_AVAILABLE",
        "eventDate": account.world.now().isoformat(timespec="seconds"),
        "merchantAccountCode": account.setting("merchant_account", "AssayECOM"),
        "merchantReference": "",
        "pspReference": name,
        "reason": url,
        "success": "true",
    }
    _send(account, item, {})


def _send(account: Account, item: Document, additional: Document) -> None:
    url = account.setting("webhook_url", None)
    if not url:
        return
    key = str(account.setting("hmac_key", HMAC_KEY))
    item["additionalData"] = {**additional, "hmacSignature": signature(key, item)}
    message = {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}
    retries = tuple(int(wait) for wait in account.setting("webhook_retries_s", RETRIES_S))
    account.world.post(str(url), orjson.dumps(message), _headers(account), retries_s=retries)


def signature(key: str, item: Document) -> str:
    """Return the signature of an item under a hexadecimal key."""
    fields: list[Any] = [item.get(name, "") for name in _SIGNED]
    fields += [item["amount"]["value"], item["amount"]["currency"], item["eventCode"], item["success"]]
    signed = ":".join(str(field) for field in fields)
    return base64.b64encode(hmac.new(bytes.fromhex(key), signed.encode(), hashlib.sha256).digest()).decode()


def _headers(account: Account) -> dict[str, str]:
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Adyen HttpClient 1.0"}
    user = account.setting("webhook_username", None)
    if user:
        pair = f"{user}:{account.setting('webhook_password', '')}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    return headers
