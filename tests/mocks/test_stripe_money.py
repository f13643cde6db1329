"""Money in the Stripe simulator: currencies, refunds, fees, conversion and balance, asked over HTTP."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from tests.mocks.stripe_caller import Caller
from tests.mocks.stripe_server import StripeServer

INTENTS = "/v1/payment_intents"
REFUNDS = "/v1/refunds"


def paid(stripe: Caller, amount: int = 10_000, currency: str = "eur", method: str = "pm_card_fr") -> dict[str, Any]:
    """Return an intent that was paid."""
    reply = stripe.post(INTENTS, amount=amount, currency=currency, payment_method=method, confirm=True)
    assert reply.status == 200, reply.body
    body: dict[str, Any] = reply.body
    return body


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [
        ("jpy", 8000, None),
        ("jpy", 49, "amount_too_small"),
        ("krw", 100, "amount_too_small"),
        ("kwd", 5120, None),
        ("kwd", 5124, "step"),
        ("isk", 100_000, None),
        ("isk", 1050, "step"),
        ("ugx", 1_000_000, None),
        ("ugx", 10_000, "amount_too_small"),
        ("huf", 123_450, None),
        ("idr", 99_999_999_999, None),
        ("eur", 100_000_000, "amount_too_large"),
        ("eur", 49, "amount_too_small"),
        ("eur", 0, "parameter_invalid_integer"),
        ("gbp", 30, None),
    ],
)
def test_amounts_are_counted_as_stripe_counts_them(
    stripe: Caller, currency: str, amount: int, code: str | None
) -> None:
    """Exponents, granularity, least and largest amount follow Stripe's table, not ISO 4217."""
    reply = stripe.post(INTENTS, amount=amount, currency=currency)
    if code is None:
        assert (reply.status, reply.body["amount"]) == (200, amount)
        return
    assert (reply.status, reply.error["param"]) == (400, "amount")
    if code == "step":
        assert "evenly divisible" in reply.error["message"]
    else:
        assert reply.error["code"] == code


def test_unknown_currencies_are_refused(stripe: Caller) -> None:
    """A code Stripe does not take is named in the refusal."""
    reply = stripe.post(INTENTS, amount=1000, currency="xxx")
    assert (reply.status, reply.error["param"]) == (400, "currency")
    assert "xxx" in reply.error["message"]


def test_refunds_add_up_and_never_exceed_the_charge(stripe: Caller) -> None:
    """Part refunds leave a rest, more than the rest is refused, and a fully refunded charge says so."""
    intent = paid(stripe)
    first = stripe.post(REFUNDS, payment_intent=intent["id"], amount=4_000, reason="requested_by_customer").body
    assert (first["status"], first["amount"], first["charge"]) == ("succeeded", 4_000, intent["latest_charge"])
    refused = stripe.post(REFUNDS, payment_intent=intent["id"], amount=6_001)
    assert (refused.status, refused.error["param"]) == (400, "amount")
    second = stripe.post(REFUNDS, charge=intent["latest_charge"], metadata={"return": "R-1"}).body
    assert (second["amount"], second["metadata"]) == (6_000, {"return": "R-1"})
    again = stripe.post(REFUNDS, payment_intent=intent["id"])
    assert (again.status, again.error["code"]) == (400, "charge_already_refunded")
    charge = stripe.get(f"/v1/charges/{intent['latest_charge']}", expand=["refunds"]).body
    assert (charge["amount_refunded"], charge["refunded"]) == (10_000, True)
    assert [row["id"] for row in charge["refunds"]["data"]] == [second["id"], first["id"]]
    for query in ({"payment_intent": intent["id"]}, {"charge": charge["id"]}, {}):
        assert [row["id"] for row in stripe.get(REFUNDS, **query).body["data"]] == [second["id"], first["id"]]
    assert (
        stripe.get(f"{REFUNDS}/{first['id']}", expand=["charge.payment_intent"]).body["charge"]["payment_intent"]["id"]
        == (intent["id"])
    )


def test_what_was_not_paid_cannot_be_refunded(stripe: Caller) -> None:
    """Intents without a captured charge, unknown ids and missing ids are refused in Stripe's words."""
    open_intent = stripe.post(INTENTS, amount=1000, currency="eur").body
    assert stripe.post(REFUNDS, payment_intent=open_intent["id"]).error["code"] == "payment_intent_unexpected_state"
    assert stripe.post(REFUNDS, charge="ch_none").error["code"] == "resource_missing"
    assert stripe.post(REFUNDS).error["code"] == "parameter_missing"
    assert stripe.post(REFUNDS, payment_intent=paid(stripe)["id"], amount=0).error["param"] == "amount"


def test_some_refunds_end_days_later(stripe: Caller, stripe_server: StripeServer) -> None:
    """The pending test card's refund succeeds later; the failing one's money comes back to the balance."""
    pending = stripe.post(REFUNDS, payment_intent=paid(stripe, method="pm_card_pendingRefund")["id"]).body
    failing_intent = paid(stripe, method="pm_card_refundFail")
    failing = stripe.post(REFUNDS, payment_intent=failing_intent["id"]).body
    assert (pending["status"], failing["status"]) == ("pending", "succeeded")
    stripe_server.advance(days=4)
    assert stripe.get(f"{REFUNDS}/{pending['id']}").body["status"] == "succeeded"
    failed = stripe.get(f"{REFUNDS}/{failing['id']}").body
    assert (failed["status"], failed["failure_reason"]) == ("failed", "unknown")
    assert stripe.get(f"/v1/charges/{failing_intent['latest_charge']}").body["amount_refunded"] == 0
    back = stripe.get(f"/v1/balance_transactions/{failed['failure_balance_transaction']}").body
    assert (back["type"], back["amount"]) == ("refund_failure", 10_000)


def test_fees_follow_the_table(stripe: Caller, stripe_server: StripeServer) -> None:
    """A card of the account's own region pays the low fee, another the high one; the table is a setting."""
    stripe_server.configure(fees={"card": {"percent": "1.4", "fixed": 20}})
    domestic, foreign = paid(stripe), paid(stripe, method="pm_card_us")
    rows = stripe.get("/v1/balance_transactions", type="charge").body["data"]
    fees = {row["source"]: row["fee"] for row in rows}
    assert fees == {domestic["latest_charge"]: 160, foreign["latest_charge"]: 350}
    for row in rows:
        assert row["net"] == row["amount"] - row["fee"]
        assert sum(detail["amount"] for detail in row["fee_details"]) == row["fee"]


@pytest.mark.parametrize(("currency", "amount"), [("jpy", 8_000), ("kwd", 5_120), ("isk", 100_000), ("usd", 1_999)])
def test_other_currencies_are_converted(stripe: Caller, currency: str, amount: int) -> None:
    """The booked amount is the charge's amount times exchange_rate, in minor units of the settlement currency."""
    intent = paid(stripe, amount, currency)
    [row] = stripe.get("/v1/balance_transactions", source=intent["latest_charge"]).body["data"]
    assert row["currency"] == "eur"
    converted = Decimal(amount) * Decimal(str(row["exchange_rate"]))
    assert row["amount"] == int(converted.to_integral_value(ROUND_HALF_UP))
    assert [detail["currency"] for detail in row["fee_details"]] == ["eur", "eur"]


def test_stated_rates_and_settlement_currency_are_settings(stripe: Caller, stripe_server: StripeServer) -> None:
    """With rates and settlement currency stated, the books hold exactly what they say."""
    stripe_server.configure(settlement_currency="usd", exchange_rates={"eur": "1", "usd": "1.25", "jpy": "160"})
    for currency, amount, booked in (("eur", 1_000, 1_250), ("jpy", 1_600, 1_250), ("usd", 1_250, 1_250)):
        charge = paid(stripe, amount, currency)["latest_charge"]
        [row] = stripe.get("/v1/balance_transactions", source=charge).body["data"]
        assert (row["amount"], row["currency"]) == (booked, "usd")
        assert (row["exchange_rate"] is None) == (currency == "usd")


def test_the_balance_is_the_sum_of_its_transactions(stripe: Caller, stripe_server: StripeServer) -> None:
    """Money is pending first and available after its days; refunds and fees are part of the sum."""
    stripe_server.configure(payout_interval="manual")
    stripe.post(REFUNDS, payment_intent=paid(stripe)["id"], amount=2_500)
    net = sum(row["net"] for row in stripe.get("/v1/balance_transactions").body["data"])
    assert net == 10_000 - 175 - 2_500
    balance = stripe.get("/v1/balance").body
    assert (balance["available"][0]["amount"], balance["pending"][0]["amount"]) == (0, net)
    stripe_server.advance(days=8)
    balance = stripe.get("/v1/balance").body
    assert (balance["available"][0]["amount"], balance["pending"][0]["amount"]) == (net, 0)
    assert {row["status"] for row in stripe.get("/v1/balance_transactions").body["data"]} == {"available"}
