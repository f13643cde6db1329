"""Disputes of the Stripe simulator: money taken back with a fee, evidence, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mocks.stripe_caller import Caller
from tests.mocks.stripe_server import StripeServer
from tests.mocks.test_stripe_money import REFUNDS, paid

DISPUTES = "/v1/disputes"


def disputed(stripe: Caller, server: StripeServer, amount: int = 10_000, currency: str = "eur") -> dict[str, Any]:
    """Pay with a card that disputes, and return the dispute."""
    intent = paid(stripe, amount, currency, "pm_card_createDispute")
    server.advance(seconds=1)
    [dispute] = stripe.get(DISPUTES, payment_intent=intent["id"]).body["data"]
    found: dict[str, Any] = dispute
    return found


def events(stripe: Caller) -> list[str]:
    """Return the types of the dispute's events, sorted."""
    return sorted(row["type"] for row in stripe.get("/v1/events", type="charge.dispute.*", limit=100).body["data"])


def test_a_dispute_takes_the_money_and_a_fee(stripe: Caller, stripe_server: StripeServer) -> None:
    """The whole charge leaves the balance with the dispute's fee, and can no longer be refunded."""
    dispute = disputed(stripe, stripe_server)
    assert (dispute["status"], dispute["reason"], dispute["amount"]) == ("needs_response", "fraudulent", 10_000)
    [entry] = dispute["balance_transactions"]
    assert (entry["type"], entry["reporting_category"], entry["source"]) == ("adjustment", "dispute", dispute["id"])
    assert (entry["amount"], entry["fee"], entry["net"]) == (-10_000, 2_000, -12_000)
    assert stripe.get(f"/v1/charges/{dispute['charge']}").body["disputed"] is True
    refused = stripe.post(REFUNDS, charge=dispute["charge"])
    assert (refused.status, refused.error["code"]) == (400, "charge_disputed")
    assert events(stripe) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    source = stripe.get(f"/v1/balance_transactions/{entry['id']}", expand=["source"]).body["source"]
    assert source["id"] == dispute["id"]


@pytest.mark.parametrize(
    ("words", "status", "entries"), [("winning_evidence", "won", 2), ("losing_evidence", "lost", 1)]
)
def test_evidence_decides(stripe: Caller, stripe_server: StripeServer, words: str, status: str, entries: int) -> None:
    """Winning evidence brings the amount back without the fee; losing evidence closes the dispute."""
    dispute = disputed(stripe, stripe_server)
    path = f"{DISPUTES}/{dispute['id']}"
    assert stripe.post(path, evidence="").error["param"] == "evidence"
    kept = stripe.post(path, evidence={"customer_name": "Zoë"}, submit=False).body
    assert (kept["status"], kept["evidence_details"]["has_evidence"]) == ("needs_response", True)
    assert stripe.post(path, evidence={"uncategorized_text": words}).body["status"] == "under_review"
    stripe_server.advance(seconds=1)
    closed = stripe.get(path).body
    assert (closed["status"], len(closed["balance_transactions"])) == (status, entries)
    assert closed["evidence"]["customer_name"] == "Zoë"
    if status == "won":
        back = closed["balance_transactions"][1]
        assert (back["reporting_category"], back["net"]) == ("dispute_reversal", 10_000)
        assert "charge.dispute.funds_reinstated" in events(stripe)
    assert "charge.dispute.closed" in events(stripe)
    assert stripe.post(path, evidence={"uncategorized_text": "more"}).error["code"] == "dispute_already_closed"


def test_what_nobody_answers_is_lost(stripe: Caller, stripe_server: StripeServer) -> None:
    """Past its day an unanswered dispute is lost, one under review waits, one given up is lost at once."""
    unanswered, reviewed, given_up = (disputed(stripe, stripe_server) for _ in range(3))
    stripe.post(f"{DISPUTES}/{reviewed['id']}", evidence={"receipt": "file_1"})
    assert stripe.post(f"{DISPUTES}/{given_up['id']}/close").body["status"] == "lost"
    stripe_server.advance(days=10)
    assert stripe.get(f"{DISPUTES}/{unanswered['id']}").body["status"] == "lost"
    assert stripe.get(f"{DISPUTES}/{reviewed['id']}").body["status"] == "under_review"


def test_only_what_is_left_is_disputed(stripe: Caller, stripe_server: StripeServer) -> None:
    """A part refunded before counts no more, and a charge refunded whole is not disputed at all."""
    stripe_server.configure(dispute_s=3_600)
    part, whole = (paid(stripe, 8_000, "jpy", "pm_card_createDisputeProductNotReceived") for _ in range(2))
    stripe.post(REFUNDS, payment_intent=part["id"], amount=3_000)
    stripe.post(REFUNDS, payment_intent=whole["id"])
    stripe_server.advance(hours=1)
    [dispute] = stripe.get(DISPUTES).body["data"]
    assert (dispute["payment_intent"], dispute["amount"]) == (part["id"], 5_000)
    assert dispute["reason"] == "product_not_received"
    [entry] = dispute["balance_transactions"]
    assert (entry["currency"], entry["exchange_rate"] is not None, len(entry["fee_details"])) == ("eur", True, 1)
    assert stripe.get(DISPUTES, charge=whole["latest_charge"]).body["data"] == []


def test_a_capture_can_be_disputed_and_unknown_ones_are_refused(stripe: Caller, stripe_server: StripeServer) -> None:
    """A hold is disputed once it is captured; an unknown dispute is 404."""
    wish: dict[str, Any] = {"amount": 900, "currency": "eur", "confirm": True, "capture_method": "manual"}
    held = stripe.post("/v1/payment_intents", **wish, payment_method="pm_card_createDispute").body
    stripe_server.advance(seconds=1)
    assert stripe.get(DISPUTES).body["data"] == []
    stripe.post(f"/v1/payment_intents/{held['id']}/capture")
    stripe_server.advance(seconds=1)
    assert len(stripe.get(DISPUTES).body["data"]) == 1
    assert stripe.get(f"{DISPUTES}/dp_none").error["code"] == "resource_missing"
