"""Payments: which gateway takes them, what is asked of it, and what its answer means for a checkout."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mocks.merchant.audit import stored_gateway_answer
from mocks.merchant.clients.gateway import Declined, PaymentState, Purchase, Taken
from mocks.merchant.database import pack, unpack
from mocks.merchant.errors import Refusal
from mocks.merchant.ids import next_id
from mocks.merchant.policy.money import (
    card_gateways,
    from_minor_units,
    gateway_granularity,
    gateway_least,
    gateway_takes,
    plain,
    to_minor_units,
)
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.breakdown import breakdown_of

_MOST_FORMS = 1000
AT_GATEWAY = ("card", "sepa", "paypal")
"""Ways to pay that a gateway carries out."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The gateway's answer to one try: how the payment stands, and why it was declined where it was."""

    state: PaymentState | None
    declined: str | None = None
    message: str | None = None


@seam("payments")
def charged_amount(total: Decimal, base_total: Decimal) -> Decimal:
    """Return the amount asked of the gateway: what the customer was shown, in the order's currency."""
    return total


@seam("payments")
def payment_key(checkout_id: str, attempt: int) -> str:
    """Return the idempotency key of a checkout's payment: one for every try to create it."""
    return f"checkout-{checkout_id}"


@seam("payments")
def is_supported(kind: str, currency: str, gateway: str) -> bool:
    """Say whether a way to pay can take the currency: the gateway's own list has it, and direct debit takes euros."""
    return gateway_takes(gateway, currency) and (kind != "sepa" or currency == "EUR")


def gateway_of(kind: str, method: str | None) -> str:
    """Return the gateway whose form a payment method is of. Raises `Refusal` 422 for one of nobody's."""
    if kind == "paypal":
        return "paypal"
    if isinstance(method, str) and method.startswith("pm_"):
        return "stripe"
    if kind == "card" and isinstance(method, str) and _is_of_adyen(method):
        return "adyen"
    raise Refusal(
        422,
        "invalid",
        "'payment.payment_method' must be what the gateway's own form handed over: Stripe's pm_…, or Adyen's JSON.",
        field="payment.payment_method",
    )


def held_method(shop: Shop, gateway: str, method: str | None) -> str | None:
    """Return what the shop may write down of a payment method: Adyen's card fields stay in memory under a name."""
    if gateway != "adyen" or method is None:
        return method
    while len(shop.forms) >= _MOST_FORMS:  # of checkouts that were refused before a gateway was asked
        shop.forms.pop(next(iter(shop.forms)), None)
    name = f"form_{shop.new_secret()}"
    shop.forms[name] = method
    return name


def refuse_unsupported(shop: Shop, kind: str, gateway: str, currency: str) -> None:
    """Raise `Refusal` 422 where the shop does not take the currency this way."""
    settings = shop.settings
    chosen = gateway in card_gateways(settings, currency) if kind == "card" else True
    listed = settings["paypal_currencies"]
    if kind == "paypal":
        chosen = listed is None or currency in listed
    if not (is_supported(kind, currency, gateway) and (chosen or not gateway_takes(gateway, currency))):
        raise Refusal(422, "not_supported", f"'{kind}' at {gateway} does not take {currency}.", field="payment.kind")


def methods_for(shop: Shop, currency: str, amount: Decimal) -> list[dict[str, str | None]]:
    """Return the ways to pay that take this amount of the currency, each with its gateway, the preferred first."""
    offered: list[dict[str, str | None]] = []
    for kind in shop.settings["payment_methods"]:
        for gateway in _gateways(shop, kind, currency):
            if gateway is None or (is_supported(kind, currency, gateway) and _can_charge(gateway, currency, amount)):
                offered.append({"kind": kind, "gateway": gateway})
    return offered


def start_payment(shop: Shop, checkout: Mapping[str, Any], body: Mapping[str, Any]) -> Attempt:
    """Ask the gateway to take what a checkout has left to pay. Raises `Unreachable` when the outcome is unknown."""
    attempt, gateway = body["attempt"], shop.gateway(body["payment"]["gateway"])
    purchase, key = purchase_of(shop, checkout, body), payment_key(checkout["id"], attempt)
    try:
        if attempt > 1 and body.get("intent") and body.get("intent_at") == gateway.name and gateway.confirms_again:
            state = gateway.confirm(body["intent"], purchase, f"{key}-confirm-{attempt}")
        else:
            state = gateway.create(purchase, key if attempt == 1 else f"{key}-{attempt}")
    except Declined as declined:
        shop.forms.pop(body["payment"]["payment_method"] or "", None)
        return Attempt(declined.state, declined.code, declined.message)
    shop.forms.pop(body["payment"]["payment_method"] or "", None)
    return Attempt(state)


def charge_card(
    shop: Shop, order: sqlite3.Row, amount: Decimal, currency: str, method: str, purpose: str, key: str
) -> PaymentState:
    """Charge a card for an order that exists, at the gateway its form is of.

    `purpose` says what for beside the order itself (the number of an edit), `key` makes it happen once. Raises
    `Declined`, `Refused`, `Unreachable`.
    """
    gateway = gateway_of("card", method)
    refuse_unsupported(shop, "card", gateway, currency)
    purchase = Purchase(
        units=to_minor_units(amount, currency, gateway),
        currency=currency,
        kind="card",
        method=method,
        manual=False,
        checkout_id=order["checkout_id"],
        order_id=order["id"],
        number=order["number"],
        email=unpack(order["body"])["customer"]["email"],
        return_url=return_url(shop.config.public_url or "http://127.0.0.1", order["checkout_id"]),
        purpose=purpose,
    )
    return shop.gateway(gateway).create(purchase, key)


def record_payment(
    connection: sqlite3.Connection, shop: Shop, checkout: Mapping[str, Any], state: PaymentState, kind: str
) -> str:
    """Write or update the payment a gateway tells of and return its id."""
    currency, gateway = state.currency, state.gateway
    amount = from_minor_units(state.units, currency, gateway)
    captured = from_minor_units(state.received, currency, gateway)
    known = connection.execute("SELECT id, body FROM payments WHERE reference = ?", (state.reference,)).fetchone()
    stored = stored_gateway_answer(dict(state.answer))
    if known:
        connection.execute(
            "UPDATE payments SET status = ?, captured = ?, body = ? WHERE id = ?",
            (state.status, plain(captured, currency), pack({**unpack(known["body"]), **stored}), known["id"]),
        )
        return str(known["id"])
    payment_id = next_id(connection, "pay", shop.config.seed)
    connection.execute(
        "INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            payment_id, checkout["order_id"], checkout["id"], gateway, state.reference, kind, state.status, currency,
            plain(amount, currency), plain(captured, currency), plain(Decimal(0), currency), pack(stored),
        ),
    )  # fmt: skip
    return payment_id


def taken(payment: sqlite3.Row) -> Taken:
    """Return a recorded payment as its gateway's client wants it."""
    return Taken(payment["reference"], payment["currency"], unpack(payment["body"]))


@seam("payments")
def payment_status_of(intent_status: str) -> str:
    """Return the order's payment status for a gateway's intent status."""
    return {
        "succeeded": "paid",
        "requires_capture": "authorised",
        "capturing": "authorised",
        "processing": "pending",
        "canceled": "voided",
    }.get(intent_status, "failed")


@seam("payments")
def matches_order(units: int, currency: str, expected_units: int, expected_currency: str) -> bool:
    """Say whether a payment notification is over the order's amount and in its currency."""
    return units == expected_units and currency.upper() == expected_currency.upper()


@seam("3DS")
def return_url(public_url: str, checkout_id: str) -> str:
    """Return where the bank sends the browser after authentication."""
    return f"{public_url}/checkout/return?checkout={checkout_id}"


def expected_units(body: Mapping[str, Any], gateway: str) -> int:
    """Return what the gateway is to take for a checkout, in its smallest unit."""
    due, currency = Decimal(body["due"]), body["quote"]["currency"]
    return to_minor_units(charged_amount(due, _base_amount(due, body)), currency, gateway)


def purchase_of(shop: Shop, checkout: Mapping[str, Any], body: Mapping[str, Any]) -> Purchase:
    """Return what a checkout asks its gateway for."""
    payment, currency = body["payment"], body["quote"]["currency"]
    gateway, units = payment["gateway"], expected_units(body, payment["gateway"])
    breakdown = None
    if gateway == "paypal":
        amount = from_minor_units(units, currency, gateway)
        breakdown = breakdown_of(body["quote"], amount, gateway_granularity(gateway, currency))
    return Purchase(
        units=units,
        currency=currency,
        kind=payment["kind"],
        method=shop.forms.get(payment["payment_method"]) if gateway == "adyen" else payment["payment_method"],
        manual=bool(payment.get("manual")),
        checkout_id=checkout["id"],
        order_id=checkout["order_id"],
        number=checkout["number"],
        email=body["customer"]["email"],
        return_url=return_url(shop.config.public_url or "http://127.0.0.1", checkout["id"]),
        address=body["address"],
        ip=payment.get("ip", "127.0.0.1"),
        breakdown=breakdown,
    )


def _is_of_adyen(method: str) -> bool:
    try:
        content = json.loads(method)
    except ValueError:
        return False
    return isinstance(content, dict) and content.get("type") == "scheme"


def _gateways(shop: Shop, kind: str, currency: str) -> list[str | None]:
    if kind == "card":
        return list(card_gateways(shop.settings, currency))
    if kind == "paypal":
        listed = shop.settings["paypal_currencies"]
        return ["paypal"] if listed is None or currency in listed else []
    return ["stripe"] if kind == "sepa" else [None]


def _can_charge(gateway: str, currency: str, amount: Decimal) -> bool:
    return amount % gateway_granularity(gateway, currency) == 0 and amount >= gateway_least(gateway, currency)


def _base_amount(due: Decimal, body: Mapping[str, Any]) -> Decimal:
    rate = body["quote"]["rate"]["rate"]
    return due / Decimal(rate) if rate else due
