"""Payments: what is asked of the gateway, and what its answer means for a checkout."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mocks.merchant.audit import stored_gateway_answer
from mocks.merchant.clients.stripe_client import Declined
from mocks.merchant.database import pack
from mocks.merchant.ids import next_id
from mocks.merchant.policy.money import from_minor_units, plain, to_minor_units
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop

CARD_LIKE = ("card", "sepa")


@dataclass(frozen=True, slots=True)
class Attempt:
    """The gateway's answer to one try: an intent, and why it was declined where it was."""

    intent: dict[str, Any]
    declined: str | None = None
    message: str | None = None


@seam("payments")
def charged_amount(total: Decimal, base_total: Decimal) -> Decimal:
    """Return the amount asked of the gateway: what the customer was shown, in the order's currency."""
    return total


@seam("payments")
def payment_key(checkout_id: str, attempt: int) -> str:
    """Return the idempotency key of a checkout's intent: one for every try to create it."""
    return f"checkout-{checkout_id}"


@seam("payments")
def is_supported(kind: str, currency: str) -> bool:
    """Say whether a way to pay can take the currency: direct debit takes euros alone."""
    return kind != "sepa" or currency == "EUR"


def start_payment(shop: Shop, checkout: Mapping[str, Any], body: Mapping[str, Any]) -> Attempt:
    """Ask the gateway to take what a checkout has left to pay. Raises `Unreachable` when the outcome is unknown."""
    attempt = body["attempt"]
    method = body["payment"]["payment_method"]
    try:
        if body.get("intent") and attempt > 1:
            key = f"{payment_key(checkout['id'], attempt)}-confirm-{attempt}"
            intent = shop.stripe.confirm_intent(
                body["intent"], {"payment_method": method, "expand": ["latest_charge"], **_mandate(body)}, key
            )
        else:
            intent = shop.stripe.create_intent(_parameters(shop, checkout, body), payment_key(checkout["id"], attempt))
    except Declined as declined:
        return Attempt(declined.intent, declined.code, declined.message)
    return Attempt(intent)


def record_payment(
    connection: sqlite3.Connection, shop: Shop, checkout: Mapping[str, Any], intent: Mapping[str, Any], kind: str
) -> str:
    """Write or update the payment of an intent and return its id."""
    currency = str(intent["currency"]).upper()
    amount = from_minor_units(int(intent["amount"]), currency, "stripe")
    captured = from_minor_units(int(intent.get("amount_received") or 0), currency, "stripe")
    known = connection.execute("SELECT id FROM payments WHERE reference = ?", (intent["id"],)).fetchone()
    stored = pack(stored_gateway_answer(dict(intent)))
    if known:
        connection.execute(
            "UPDATE payments SET status = ?, captured = ?, body = ? WHERE id = ?",
            (intent["status"], plain(captured, currency), stored, known["id"]),
        )
        return str(known["id"])
    payment_id = next_id(connection, "pay", shop.config.seed)
    connection.execute(
        "INSERT INTO payments VALUES (?, ?, ?, 'stripe', ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            payment_id, checkout["order_id"], checkout["id"], intent["id"], kind, intent["status"], currency,
            plain(amount, currency), plain(captured, currency), plain(Decimal(0), currency), stored,
        ),
    )  # fmt: skip
    return payment_id


@seam("payments")
def payment_status_of(intent_status: str) -> str:
    """Return the order's payment status for a gateway's intent status."""
    return {"succeeded": "paid", "requires_capture": "authorised", "processing": "pending", "canceled": "voided"}.get(
        intent_status, "failed"
    )


@seam("payments")
def matches_order(units: int, currency: str, expected_units: int, expected_currency: str) -> bool:
    """Say whether a payment notification is over the order's amount and in its currency."""
    return units == expected_units and currency.upper() == expected_currency.upper()


@seam("3DS")
def return_url(public_url: str, checkout_id: str) -> str:
    """Return where the bank sends the browser after authentication."""
    return f"{public_url}/checkout/return?checkout={checkout_id}"


def expected_units(body: Mapping[str, Any]) -> int:
    """Return what the gateway is to take for a checkout, in its smallest unit."""
    due, currency = Decimal(body["due"]), body["quote"]["currency"]
    return to_minor_units(charged_amount(due, _base_amount(due, body)), currency, "stripe")


def _base_amount(due: Decimal, body: Mapping[str, Any]) -> Decimal:
    rate = body["quote"]["rate"]["rate"]
    return due / Decimal(rate) if rate else due


def _parameters(shop: Shop, checkout: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    currency, kind = body["quote"]["currency"], body["payment"]["kind"]
    manual = shop.settings["capture"] == "on_shipment" and kind == "card"
    parameters: dict[str, Any] = {
        "amount": expected_units(body),
        "currency": currency.lower(),
        "payment_method": body["payment"]["payment_method"],
        "payment_method_types": ["sepa_debit" if kind == "sepa" else "card"],
        "capture_method": "manual" if manual else "automatic",
        "confirm": "true",
        "description": f"Order {checkout['number']}",
        "receipt_email": body["customer"]["email"],
        "metadata": {
            "order_id": checkout["order_id"],
            "checkout_id": checkout["id"],
            "order_number": checkout["number"],
        },
        "shipping": _shipping(body),
        "expand": ["latest_charge"],
        **_mandate(body),
    }
    if kind == "card":
        parameters["return_url"] = return_url(shop.config.public_url or "http://127.0.0.1", checkout["id"])
    return parameters


def _shipping(body: Mapping[str, Any]) -> dict[str, Any]:
    address = body["address"]
    fields = {
        "line1": address["line1"],
        "line2": address["line2"],
        "city": address["city"],
        "state": address["region"],
        "postal_code": address["postcode"],
        "country": address["country"],
    }
    shipping: dict[str, Any] = {
        "name": address["name"],
        "address": {name: value for name, value in fields.items() if value},
    }
    return {**shipping, "phone": address["phone"]} if address["phone"] else shipping


def _mandate(body: Mapping[str, Any]) -> dict[str, Any]:
    if body["payment"]["kind"] != "sepa":
        return {}
    online = {"ip_address": body["payment"].get("ip", "127.0.0.1"), "user_agent": "storefront"}
    return {"mandate_data": {"customer_acceptance": {"type": "online", "online": online}}}
