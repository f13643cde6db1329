"""Stripe's balance and payouts, read in the shape of Stripe's own document."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import pytest

from assay.connectors.stripe import Stripe
from assay.records import MinorAmount
from assay.roles import CapturesInPart, Http, RefundsInPart, Settles, UndoRefused

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)
AT = 1772323200


def listed(*entries: dict[str, Any]) -> dict[str, Any]:
    """One whole page of a list."""
    return {"object": "list", "data": list(entries), "has_more": False}


def booking(
    ref: str = "txn_1", kind: str = "charge", amount: int = 4938, fee: int = 173, **more: Any
) -> dict[str, Any]:
    """A balance transaction in euros."""
    own = {"id": ref, "type": kind, "amount": amount, "fee": fee, "net": amount - fee, "currency": "eur"}
    return {**own, "created": AT, "available_on": AT + 172800, "reporting_category": kind, "source": None, **more}


def charge(amount: int = 8000, currency: str = "jpy") -> dict[str, Any]:
    """A charge as a balance transaction shows its source."""
    own = {"object": "charge", "id": "ch_1", "amount": amount, "currency": currency, "payment_intent": "pi_1"}
    return {**own, "metadata": {"order_id": "R-1001"}}


def payout(ref: str = "po_1", **more: Any) -> dict[str, Any]:
    """A payout in euros."""
    own = {"id": ref, "amount": 4765, "currency": "eur", "status": "paid", "automatic": True, "created": AT}
    return {**own, "arrival_date": AT + 86400, **more}


@pytest.fixture
def stripe(http: Http) -> Stripe:
    """The connector under test."""
    return Stripe(http, {"api_key": "sk_test_canary"})


def settle(vendor: Any, *entries: dict[str, Any], payouts: tuple[dict[str, Any], ...] = ()) -> None:
    """Let the vendor list these bookings, all of them in the payouts listed."""
    vendor.on("GET", "/v1/balance_transactions", lambda asked: (200, listed(*entries)))
    vendor.on("GET", "/v1/payouts", listed(*payouts))


@pytest.mark.parametrize("told", [0.61725, 0.0061725])
def test_a_converted_charge_carries_both_amounts_and_the_rate(vendor: Any, stripe: Stripe, told: float) -> None:
    """A charge of 8,000 yen settles in euros with the rate between whole units, however Stripe counts it."""
    settle(vendor, booking(exchange_rate=told, source=charge()), payouts=(payout(),))
    (entry,) = stripe.balance_entries(SINCE, UNTIL)
    assert isinstance(stripe, Settles)
    assert (entry.kind, entry.payment_ref, entry.order_ref) == ("charge", "pi_1", "R-1001")
    assert (entry.gross, entry.fee, entry.net) == tuple(MinorAmount(each, "EUR") for each in (4938, 173, 4765))
    assert (entry.presented, entry.rate) == (MinorAmount(8000, "JPY"), Decimal("0.0061725"))
    assert entry.payout_ref == "po_1"
    assert entry.available_at == datetime.fromtimestamp(AT + 172800, UTC)


def test_what_was_not_converted_has_neither_rate_nor_second_amount(vendor: Any, stripe: Stripe) -> None:
    """A charge in the settlement's own currency carries its gross alone."""
    settle(vendor, booking(source=charge(4938, "eur")))
    (entry,) = stripe.balance_entries(SINCE, UNTIL)
    assert (entry.presented, entry.rate, entry.payout_ref) == (None, None, None)


@pytest.mark.parametrize(
    ("kind", "category", "said"),
    [
        ("payment", "charge", "charge"),
        ("payment_refund", "refund", "refund"),
        ("adjustment", "dispute", "chargeback"),
        ("adjustment", "other_adjustment", "adjustment"),
        ("stripe_fee", "fee", "fee"),
        ("reserved_funds", "risk_reserved_funds", "reserve"),
        ("payout", "payout", "payout"),
        ("topup", "topup", "other"),
    ],
)
def test_every_type_has_a_kind_of_ours(vendor: Any, stripe: Stripe, kind: str, category: str, said: str) -> None:
    """Disputes are told by the reporting category, everything else by the type; what is unknown is other."""
    settle(vendor, booking(kind=kind, reporting_category=category, source="obj_1"))
    (entry,) = stripe.balance_entries(SINCE, UNTIL)
    assert entry.kind == said
    assert entry.payout_ref == ("obj_1" if said == "payout" else None)


def test_a_refund_is_signed_and_names_itself(vendor: Any, stripe: Stripe) -> None:
    """What a customer got back counts below nothing in both currencies, whether its payment is shown whole or not."""
    source = {"object": "refund", "id": "re_1", "amount": 800, "currency": "jpy", "payment_intent": {"id": "pi_1"}}
    settle(vendor, booking(kind="refund", amount=-494, fee=0, exchange_rate=0.61725, source=source))
    (entry,) = stripe.balance_entries(SINCE, UNTIL)
    assert (entry.kind, entry.refund_ref, entry.payment_ref) == ("refund", "re_1", "pi_1")
    assert (entry.presented, entry.gross) == (MinorAmount(-800, "JPY"), MinorAmount(-494, "EUR"))


def test_payouts_are_read_in_our_words(vendor: Any, stripe: Stripe) -> None:
    """A payout has amount, status and the day it reaches the bank."""
    settle(vendor, payouts=(payout("po_2", status="canceled"), payout()))
    first, second = stripe.payouts(SINCE, UNTIL)
    assert (first.ref, first.amount, first.status) == ("po_1", MinorAmount(4765, "EUR"), "paid")
    assert first.arrives_on == date(2026, 3, 2)
    assert second.status == "cancelled"


def test_a_manual_payout_is_not_asked_for_its_bookings(vendor: Any, stripe: Stripe) -> None:
    """Stripe tells the bookings of automatic payouts alone."""
    settle(vendor, booking(), payouts=(payout(automatic=False),))
    assert stripe.balance_entries(SINCE, UNTIL)[0].payout_ref is None
    assert not [asked for asked in vendor.asked if "payout" in asked.query]


def test_part_of_a_payment_is_given_back(vendor: Any, stripe: Stripe) -> None:
    """A partial refund goes with amount and key; another currency is refused before anything is sent."""
    intent = {"id": "pi_1", "amount": 8000, "amount_received": 8000, "currency": "jpy", "status": "succeeded"}
    vendor.on("GET", "/v1/payment_intents/pi_1", {**intent, "created": AT, "metadata": {}})
    vendor.on("POST", "/v1/refunds", {"id": "re_1"})
    assert isinstance(stripe, RefundsInPart)
    stripe.refund_part("pi_1", MinorAmount(800, "JPY"), "console-1")
    sent = vendor.asked[-1]
    assert parse_qs(sent.body.decode())["amount"] == ["800"]
    assert sent.headers["idempotency-key"] == "console-1"
    with pytest.raises(UndoRefused, match="EUR is to be given back"):
        stripe.refund_part("pi_1", MinorAmount(800, "EUR"), "console-2")
    assert [asked.method for asked in vendor.asked].count("POST") == 1


def test_part_of_an_authorisation_is_taken(vendor: Any, stripe: Stripe) -> None:
    """A capture of less goes with amount and key; what Stripe will not do is told in its words."""
    vendor.on("POST", "/v1/payment_intents/pi_1/capture", {"id": "pi_1"})
    assert isinstance(stripe, CapturesInPart)
    stripe.capture_part("pi_1", MinorAmount(1, "EUR"), "console-1")
    assert parse_qs(vendor.asked[-1].body.decode()) == {"amount_to_capture": ["1"]}
    late = {"error": {"code": "payment_intent_unexpected_state", "message": "too late", "type": "x"}}
    vendor.on("POST", "/v1/payment_intents/pi_1/capture", late, status=400)
    with pytest.raises(UndoRefused, match="payment_intent_unexpected_state: too late"):
        stripe.capture_part("pi_1", MinorAmount(1, "EUR"), "console-2")


@pytest.mark.parametrize(
    ("status", "captured", "told", "refunded"),
    [
        ("canceled", 0, 8000, 0),
        ("succeeded", 4000, 4000, 0),
        ("succeeded", 4000, 5000, 1000),
        ("succeeded", 8000, 800, 800),
    ],
)
def test_a_release_is_no_refund(
    vendor: Any, stripe: Stripe, status: str, captured: int, told: int, refunded: int
) -> None:
    """What a cancelled or partly captured authorisation lets go counts as refunded at Stripe, and not here."""
    latest = {"id": "ch_1", "amount": 8000, "amount_captured": captured, "amount_refunded": told}
    intent = {"id": "pi_1", "amount": 8000, "amount_received": captured, "currency": "jpy", "status": status}
    vendor.on("GET", "/v1/payment_intents/pi_1", {**intent, "created": AT, "metadata": {}, "latest_charge": latest})
    own = {"id": "re_0", "amount": 8000 - captured, "currency": "jpy", "status": "succeeded", "created": AT}
    back = {**own, "id": "re_1", "amount": refunded, "balance_transaction": "txn_1"}
    vendor.on(
        "GET", "/v1/refunds", listed(back, {**own, "balance_transaction": None}) if captured < 8000 else listed(back)
    )
    payment = stripe.with_refunds(stripe.payment("pi_1"))
    assert payment.refunded.minor == refunded
    assert [each.ref for each in payment.refunds] == (["re_1"] if refunded else [])
