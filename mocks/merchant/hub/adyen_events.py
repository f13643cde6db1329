"""Adyen's standard webhooks: each item's signature checked, handled once; they are all that says what became of it.

Follows https://docs.adyen.com/development-resources/webhooks and, for event codes and ``originalReference``,
https://docs.adyen.com/development-resources/webhooks/webhook-types.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from mocks.merchant.clients.adyen_client import adyen_is_authentic
from mocks.merchant.clients.gateway import PaymentState, RefundState
from mocks.merchant.errors import Refusal
from mocks.merchant.hub.payment_news import payment_seen
from mocks.merchant.hub.webhook import answer_to_unknown, is_repeated, note_event
from mocks.merchant.policy.money import to_minor_units
from mocks.merchant.settings import secret
from mocks.merchant.shop import Shop
from mocks.merchant.storefront import checkout
from mocks.merchant.storefront.refund import cancellation_seen, gateway_refund_seen

_NAME = "adyen"
_YES_OR_NO = ("true", "false")  # texts, as Adyen writes them
_OF_PAYMENTS = ("CAPTURE", "CAPTURE_FAILED", "CANCELLATION", "TECHNICAL_CANCEL", "EXPIRE", "REFUND", "REFUND_FAILED")


def adyen_webhook(shop: Shop, raw: bytes) -> str:
    """Take a message of items; return what came of the last. Raises `Refusal` for a forged or unreadable one."""
    key = secret(shop.config.vendors[_NAME], "hmac_key_env")
    items = _items(raw)
    if not items or not all(adyen_is_authentic(item, key) for item in items):
        raise Refusal(401, "bad_signature", "The signature does not fit the item.")
    account, outcome = shop.config.vendors[_NAME]["merchant_account"], ""
    for item in items:
        # One key may sign for every account of a company; another's order numbers may be the same as ours.
        if item.get("merchantAccountCode") != account:
            shop.log.write("not_our_account", vendor=_NAME, account=item.get("merchantAccountCode"), expected=account)
            outcome = "not ours"
            continue
        outcome = _handle(shop, item)
    return outcome


def _handle(shop: Shop, item: Mapping[str, Any]) -> str:
    # Adyen gives events no id of their own: reference, code and success name one.
    id_ = f"adyen:{item.get('pspReference')}:{item['eventCode']}:{item.get('success')}"
    known = shop.database.one("SELECT outcome FROM events WHERE id = ?", id_)
    if is_repeated(known is not None):
        return "repeated"
    outcome = on_item(shop, item)
    if outcome == "unknown":
        raise Refusal(answer_to_unknown(item["eventCode"]), "unknown_subject", "Not known yet; deliver it again.")
    note_event(shop, _NAME, id_, item["eventCode"], outcome)
    return outcome


def on_item(shop: Shop, item: Mapping[str, Any]) -> str:
    """Handle one item and return what came of it; `unknown` asks Adyen to deliver it again."""
    code, good = item["eventCode"], str(item.get("success")).lower() == "true"
    if code == "AUTHORISATION":
        return _authorised(shop, item, good)
    if code == "OFFER_CLOSED":
        return _offer_closed(shop, item)
    if code not in _OF_PAYMENTS:
        return "not needed"
    payment = shop.database.one(
        "SELECT * FROM payments WHERE reference = ?", item.get("originalReference") or item["pspReference"]
    )
    if payment is None:
        return "unknown"
    if code in ("REFUND", "REFUND_FAILED"):
        return _refunded(shop, item, good and code == "REFUND")
    if code in ("CANCELLATION", "TECHNICAL_CANCEL") and cancellation_seen(shop, payment, item["pspReference"], good):
        return "released" if good else "not released"
    if code == "CAPTURE" and not good:
        shop.log.write("capture_refused", payment=payment["reference"], reason=item.get("reason"), alarm=True)
        with shop.database.write() as connection:
            connection.execute(
                "UPDATE payments SET status = 'requires_capture' WHERE id = ? AND status = 'capturing'",
                (payment["id"],),
            )
        return "not captured"
    if good and code in ("CAPTURE", "CANCELLATION", "EXPIRE"):
        status, amount = ("succeeded" if code == "CAPTURE" else "canceled"), item["amount"]
        state = PaymentState(
            gateway=_NAME,
            reference=payment["reference"],
            status=status,
            units=to_minor_units(Decimal(payment["amount"]), payment["currency"], _NAME),
            currency=amount["currency"],
            received=int(amount["value"]) if status == "succeeded" else 0,
        )
        return payment_seen(shop, payment["checkout_id"], state)
    if code == "CAPTURE_FAILED":
        shop.log.write("capture_failed_later", payment=payment["reference"], alarm=True)
    return "not needed"


def _authorised(shop: Shop, item: Mapping[str, Any], good: bool) -> str:
    row = shop.database.one("SELECT * FROM checkouts WHERE number = ?", item["merchantReference"])
    if row is None:
        order = str(item["merchantReference"]).rsplit("-E", 1)[0]
        return "extra charge" if shop.database.one("SELECT 1 FROM orders WHERE number = ?", order) else "unknown"
    _, body = checkout.load_checkout(shop.database.read(), row["id"])
    units, reference = int(item["amount"]["value"]), str(item["pspReference"])
    manual = body["payment"].get("manual")
    status = ("requires_capture" if manual else "succeeded") if good else "requires_payment_method"
    state = PaymentState(
        gateway=_NAME,
        reference=reference,
        status=status,
        units=units,
        currency=str(item["amount"]["currency"]),
        received=units if status == "succeeded" else 0,
        answer={"id": reference, "status": "Authorised" if good else "Refused"},
    )
    if body["payment"].get("gateway") != _NAME:
        return "noted"  # the customer has chosen another way since
    return payment_seen(shop, row["id"], state)


def _offer_closed(shop: Shop, item: Mapping[str, Any]) -> str:
    row = shop.database.one(
        "SELECT * FROM checkouts WHERE number = ? AND status = 'requires_action'", item["merchantReference"]
    )
    if row is None or row["intent"] != item["pspReference"]:
        return "not needed"
    checkout.abandon(shop, dict(row), "the customer never came back")
    return "abandoned"


def _refunded(shop: Shop, item: Mapping[str, Any], good: bool) -> str:
    amount = item["amount"]
    refund = RefundState(
        gateway=_NAME,
        reference=str(item["pspReference"]),
        status="succeeded" if good else "failed",
        units=int(amount["value"]),
        currency=str(amount["currency"]),
        payment=str(item["originalReference"]),
    )
    return gateway_refund_seen(shop, refund)


def _items(raw: bytes) -> list[dict[str, Any]]:
    try:
        content = orjson.loads(raw)
        items = [each["NotificationRequestItem"] for each in content["notificationItems"]]
        if content.get("live", "false") in _YES_OR_NO and all(_is_whole(item) for item in items):
            return items
    except (orjson.JSONDecodeError, KeyError, TypeError):
        pass
    raise Refusal(400, "not_an_event", "The body is no notification.")


def _is_whole(item: Mapping[str, Any]) -> bool:
    """Say whether an item names an event, what it is about and, in whole minor units, an amount of a currency."""
    amount, more = item["amount"], item.get("additionalData")
    names = ("eventCode", "pspReference", "merchantReference", "merchantAccountCode")
    texts = (amount["currency"], *(item[name] for name in names))
    return (
        type(amount["value"]) is int
        and item.get("success", "true") in _YES_OR_NO
        and all(isinstance(each, str) for each in texts)
        and (more is None or isinstance(more, dict))
    )
