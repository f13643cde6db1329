"""The account's history: every movement of its balances, as transaction search will report it.

Event codes: https://developer.paypal.com/reports/reference/t-codes. A payment in a currency the account does not hold
is converted at once, which shows as two further movements; what is held goes to the bank each midnight, currency by
currency, unless the setting `auto_transfer` is ``manual``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from mocks.paypal.account import Business, Document
from mocks.paypal.currency import Money, money_of

PAYMENT, REFUND = "T0006", "T1107"
CONVERSION, COVERING_CONVERSION = "T0200", "T0202"
TRANSFER = "T0401"
_DAY_S = 86_400


def book_capture(business: Business, capture: Document) -> None:
    """Note a capture: pending ones leave the balance alone until they clear."""
    origin = business.origins[capture["id"]]
    known = business.movements.get(capture["id"])
    gross = money_of(capture["amount"])
    movement = {
        "id": capture["id"],
        "code": PAYMENT,
        "at": known["at"] if known else business.timestamp(),
        "updated": business.timestamp(),
        "amount": gross.shown(),
        "fee": None,
        "status": "P",
        "reference": origin["authorization"],
        "order": origin["order"],
        "texts": _texts(capture),
    }
    breakdown = capture.get("seller_receivable_breakdown")
    if breakdown is None:
        business.movements[capture["id"]] = movement
        return
    fee = money_of(breakdown["paypal_fee"])
    net = money_of(breakdown["net_amount"])
    movement |= {"fee": fee.shown() if fee.value else None, "status": "S"}
    _keep(business, movement, net)
    received = breakdown.get("receivable_amount")
    if received is not None:
        _convert(business, capture["id"], net, money_of(received), CONVERSION)


def book_refund(business: Business, refund: Document, capture: Document) -> None:
    """Note a refund and, where nothing of the capture is left, that the capture was reversed."""
    gross = money_of(refund["amount"])
    gone = Money(gross.currency, -gross.value)
    movement = {
        "id": refund["id"],
        "code": REFUND,
        "at": business.timestamp(),
        "updated": business.timestamp(),
        "amount": gone.shown(),
        "fee": None,
        "status": "S",
        "reference": capture["id"],
        "order": business.origins[capture["id"]]["order"],
        "texts": _texts(refund),
    }
    _keep(business, movement, gone)
    for part in refund["seller_payable_breakdown"].get("net_amount_breakdown", []):
        paid = money_of(part["payable_amount"])
        _convert(business, refund["id"], gone, Money(paid.currency, -paid.value), COVERING_CONVERSION)
    paid_movement = business.movements.get(capture["id"])
    if paid_movement is not None and capture["status"] == "REFUNDED":
        business.movements[capture["id"]] = {**paid_movement, "status": "V", "updated": business.timestamp()}


def transfer(business: Business, payload: Mapping[str, Any]) -> None:
    """Send what the account holds of one currency to its bank."""
    currency = payload["currency"]
    business.transfers.pop(payload["day"], None)
    held = Decimal(business.balances.get(currency, "0"))
    if held <= 0 or business.setting("auto_transfer", "daily") != "daily":
        return
    gone = Money(currency, -held)
    _keep(business, _own(business, TRANSFER, gone, None, business.new_id("transfer")), gone)


def _convert(business: Business, payment: str, given: Money, taken: Money, code: str) -> None:
    """Note both sides of a conversion: the first currency is made up for, the second moves in its place."""
    for money in (Money(given.currency, -given.value), taken):
        _keep(business, _own(business, code, money, payment, business.new_id("conversion")), money)


def _own(business: Business, code: str, money: Money, reference: str | None, id_: str) -> Document:
    now = business.timestamp()
    return {
        "id": id_,
        "code": code,
        "at": now,
        "updated": now,
        "amount": money.shown(),
        "fee": None,
        "status": "S",
        "reference": reference,
        "order": None,
        "texts": {},
    }


def _keep(business: Business, movement: Document, net: Money) -> None:
    """Store a movement that changes a balance by its net, with the balance after it."""
    balance = Decimal(business.balances.get(net.currency, "0")) + net.value
    business.balances[net.currency] = str(balance)
    business.movements[movement["id"]] = {**movement, "balance": Money(net.currency, balance).shown()}
    midnight = (business.timestamp() // _DAY_S + 1) * _DAY_S
    day = f"{midnight}:{net.currency}"
    if movement["code"] != TRANSFER and day not in business.transfers:
        business.transfers[day] = True
        due = datetime.fromtimestamp(midnight, UTC)
        business.world.at(due, "transfer", {"currency": net.currency, "day": day})


def _texts(resource: Document) -> Document:
    names = {"invoice_id": "invoice_id", "custom_id": "custom_field", "note_to_payer": "transaction_note"}
    return {shown: resource[name] for name, shown in names.items() if name in resource}
