"""Stripe's connector against answers in the shape of Stripe's own document."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from assay.connectors.stripe import HEAD, Stripe
from assay.errors import InfrastructureError, UsageError
from assay.records import MinorAmount
from assay.roles import Card, Http, Payments, Tokeniser

SPECS = Path(__file__).parents[2].parent / "shared" / "specs" / "stripe"
SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


def intent(ref: str = "pi_1", **changes: Any) -> dict[str, Any]:
    """A captured payment intent with its charge expanded, trimmed to what is asserted."""
    return {
        "id": ref,
        "object": "payment_intent",
        "amount": 8000,
        "amount_received": 8000,
        "currency": "jpy",
        "created": 1772323200,
        "status": "succeeded",
        "metadata": {"order_id": "R-1001"},
        "latest_charge": {"id": "ch_1", "object": "charge", "amount_captured": 8000, "amount_refunded": 500},
        **changes,
    }


def listed(*entries: dict[str, Any], more: bool = False) -> dict[str, Any]:
    """A page of a list."""
    return {"object": "list", "url": "/v1/payment_intents", "data": list(entries), "has_more": more}


@pytest.fixture
def stripe(http: Http) -> Stripe:
    """The connector under test."""
    return Stripe(http, {"api_key": "sk_test_canary"})


def test_reads_a_payment_with_raw_minor_units(vendor: Any, stripe: Stripe) -> None:
    """Amounts are handed on in Stripe's own smallest unit, with the charge's refunds, and the key goes as a bearer."""
    vendor.on("GET", "/v1/payment_intents/pi_1", intent())
    payment = stripe.payment("pi_1")
    assert payment.amount == payment.captured == MinorAmount(8000, "JPY")
    assert payment.refunded == MinorAmount(500, "JPY")
    assert (payment.order_ref, payment.status) == ("R-1001", "succeeded")
    assert payment.created_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert vendor.asked[0].headers["authorization"] == "Bearer sk_test_canary"
    assert vendor.asked[0].query == {"expand[]": "latest_charge"}
    assert isinstance(stripe, Payments)


def test_an_uncharged_payment_has_no_refund_and_no_order(vendor: Any, stripe: Stripe) -> None:
    """A payment nobody confirmed yet is read, its missing order reference as None."""
    fresh = intent(latest_charge=None, amount_received=0, metadata={}, status="requires_payment_method")
    vendor.on("GET", "/v1/payment_intents/pi_1", fresh)
    payment = stripe.payment("pi_1")
    assert payment.order_ref is None
    assert payment.captured.minor == payment.refunded.minor == 0


def test_walks_every_page_and_returns_oldest_first(vendor: Any, stripe: Stripe) -> None:
    """Stripe lists newest first in pages; the connector follows `starting_after` to the end and turns them round."""

    def pages(asked: Any) -> tuple[int, Any]:
        after = asked.query.get("starting_after")
        if after is None:
            return 200, listed(intent("pi_5"), intent("pi_4"), more=True)
        if after == "pi_4":
            return 200, listed(intent("pi_3"), intent("pi_2", metadata={"order_id": "R-7"}), more=True)
        return 200, listed(intent("pi_1"))

    vendor.on("GET", "/v1/payment_intents", pages)
    assert [payment.ref for payment in stripe.payments(SINCE, UNTIL)] == ["pi_1", "pi_2", "pi_3", "pi_4", "pi_5"]
    assert vendor.asked[0].query["created[gte]"] == "1772323200"
    assert vendor.asked[0].query["created[lt]"] == "1772409600"
    assert [payment.ref for payment in stripe.payments_of("R-7", SINCE)] == ["pi_2"]


def test_a_page_that_repeats_is_refused(vendor: Any, stripe: Stripe) -> None:
    """A list that never ends is an error, not an endless loop."""
    vendor.on("GET", "/v1/payment_intents", listed(intent(), more=True))
    with pytest.raises(InfrastructureError, match="shape") as refused:
        stripe.payments(SINCE, UNTIL)
    assert "the same page again" in str(refused.value)


def test_reads_refunds(vendor: Any, stripe: Stripe) -> None:
    """Refunds are read with their amounts raw."""
    refund = {"id": "re_1", "object": "refund", "amount": 500, "currency": "jpy", "status": "pending"}
    vendor.on(
        "GET", "/v1/refunds", listed({**refund, "payment_intent": "pi_1", "charge": "ch_1", "created": 1772323200})
    )
    (found,) = stripe.refunds("pi_1")
    assert (found.amount, found.status, found.payment_ref) == (MinorAmount(500, "JPY"), "pending", "pi_1")
    assert vendor.asked[0].query["payment_intent"] == "pi_1"


def test_errors_carry_stripes_code_and_message(vendor: Any, stripe: Stripe) -> None:
    """An unknown payment is a LookupError, a refused key an InfrastructureError, both in Stripe's own words."""
    missing = {"error": {"code": "resource_missing", "message": "No such payment_intent: 'pi_9'", "type": "x"}}
    vendor.on("GET", "/v1/payment_intents/pi_9", missing, status=404)
    with pytest.raises(LookupError, match=r"resource_missing: No such payment_intent"):
        stripe.payment("pi_9")
    denied = {"error": {"message": "Invalid API Key provided: sk_test_****", "type": "invalid_request_error"}}
    vendor.on("GET", "/v1/payment_intents/pi_8", denied, status=401)
    with pytest.raises(InfrastructureError, match="invalid_request_error: Invalid API Key") as refused:
        stripe.payment("pi_8")
    assert "api_key" in str(refused.value)


@pytest.mark.parametrize(
    ("path", "broken"),
    [
        ("amount", intent(amount="8000")),
        ("amount", intent(amount=80.0)),
        ("created", intent(created=None)),
        ("latest_charge.amount_refunded", intent(latest_charge="ch_1")),
    ],
)
def test_an_undocumented_shape_names_the_field(vendor: Any, stripe: Stripe, path: str, broken: dict[str, Any]) -> None:
    """What Stripe's document does not have is refused with vendor, operation and path of the field."""
    vendor.on("GET", "/v1/payment_intents/pi_1", broken)
    with pytest.raises(InfrastructureError) as refused:
        stripe.payment("pi_1")
    assert f"GET /v1/payment_intents/pi_1: {path}" in str(refused.value)
    assert "stripe" in str(refused.value)


def test_a_page_of_html_is_refused(vendor: Any, stripe: Stripe) -> None:
    """A proxy's login page is no answer of Stripe's."""
    vendor.on("GET", "/v1/payment_intents/pi_1", b"<html>log in</html>")
    with pytest.raises(InfrastructureError, match="JSON object"):
        stripe.payment("pi_1")


def test_a_hostile_reference_stays_in_its_path_segment(vendor: Any, stripe: Stripe) -> None:
    """A reference that looks like a path cannot reach another operation."""
    vendor.on("GET", "/v1/payment_intents/../refunds", {"error": {"code": "resource_missing"}}, status=404)
    with pytest.raises(LookupError):
        stripe.payment("../refunds")


def test_reads_stripes_own_published_examples(vendor: Any, stripe: Stripe) -> None:
    """The examples that Stripe ships with its document decode unchanged."""
    if not (SPECS / "fixtures3.json").exists():
        pytest.skip("Stripe's published examples are not on this machine (../shared/specs/stripe)")
    examples = json.loads((SPECS / "fixtures3.json").read_text())["resources"]
    vendor.on("GET", "/v1/payment_intents", listed({**examples["payment_intent"], "latest_charge": examples["charge"]}))
    vendor.on("GET", "/v1/refunds", listed(examples["refund"]))
    vendor.on("GET", "/v1/balance_transactions", listed(examples["balance_transaction"]))
    vendor.on("GET", "/v1/payouts", listed(examples["payout"]))
    (payment,) = stripe.payments(SINCE, UNTIL)
    assert payment.amount == MinorAmount(examples["payment_intent"]["amount"], "USD")
    assert stripe.refunds("pi_1")[0].status == "succeeded"
    assert stripe.balance_entries(SINCE, UNTIL)[0].net.minor == 100
    assert stripe.payouts(SINCE, UNTIL)[0].amount == MinorAmount(examples["payout"]["amount"], "USD")


@pytest.mark.parametrize("name", ["stripe", "sap_s4hana", "ups", "ecb"])
def test_every_head_is_complete_and_its_rules_compile(name: str) -> None:
    """A head names its vendor, credentials and hosts, and each rule's path groups exist in its pattern."""
    head = importlib.import_module(f"assay.connectors.{name}").HEAD
    assert head.vendor == name
    assert head.live.startswith("https://")
    for rule in head.references:
        groups = re.compile(rule.path).groupindex
        assert all(field.partition(":")[2] in groups for field in rule.strong if field.startswith("path:")), rule


def test_importing_connectors_loads_no_http_library() -> None:
    """A connector's import costs no HTTP library."""
    names = ("stripe", "sap_s4hana", "ups", "ecb")
    probe = f"import sys; import {', '.join(f'assay.connectors.{name}' for name in names)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.split()
    assert not {"httpx", "httpcore", "gevent", "geventhttpclient", "ssl"} & set(loaded)
    assert HEAD.credentials == ("api_key",)


def test_a_card_goes_to_the_gateway_with_the_publishable_key(vendor: Any, http: Http) -> None:
    """The customer's stand-in sends what was typed in under the publishable key, and gets the payment method's id."""
    vendor.on("POST", "/v1/payment_methods", {"id": "pm_1", "object": "payment_method"})
    stripe = Stripe(http, {"api_key": "sk_test_canary", "publishable_key": "pk_test_canary"})
    assert isinstance(stripe, Tokeniser)
    card = Card(number="4242424242424242", holder="run-7")
    assert stripe.tokenise(card, postcode="04101", country="US") == "pm_1"
    asked = vendor.asked[0]
    assert asked.headers["authorization"] == "Bearer pk_test_canary"
    assert dict(parse_qsl(asked.body.decode())) == {
        "type": "card",
        "card[number]": "4242424242424242",
        "card[exp_month]": "12",
        "card[exp_year]": "2034",
        "card[cvc]": "314",
        "billing_details[name]": "run-7",
        "billing_details[address][postal_code]": "04101",
        "billing_details[address][country]": "US",
    }


def test_without_a_publishable_key_no_card_is_sent(vendor: Any, stripe: Stripe) -> None:
    """A profile without publishable key is told which line it lacks, and no card data leave."""
    with pytest.raises(UsageError, match="publishable key") as refused:
        stripe.tokenise(Card(number="4242424242424242", holder="run-7"))
    assert "STRIPE_PUBLISHABLE_KEY" in str(refused.value.expected)
    assert vendor.asked == []


def test_a_refused_card_is_told_with_stripes_code(vendor: Any, http: Http) -> None:
    """A number Stripe does not take in test mode is refused with Stripe's own code."""
    error = {"error": {"type": "card_error", "code": "incorrect_number", "message": "Your card number is incorrect."}}
    vendor.on("POST", "/v1/payment_methods", error, status=402)
    stripe = Stripe(http, {"api_key": "sk", "publishable_key": "pk"})
    with pytest.raises(InfrastructureError, match="incorrect_number"):
        stripe.tokenise(Card(number="4242424242424241", holder="run-7"))


def test_a_bank_page_that_leads_nowhere_is_told(vendor: Any, stripe: Stripe) -> None:
    """A page whose button a program cannot press is named, without the secret in its address."""
    vendor.on("POST", "/3d_secure", {"page": "no buttons"})
    with pytest.raises(InfrastructureError, match="led nowhere") as refused:
        stripe.authenticate("https://hooks.stripe.com/3d_secure?client_secret=canary", passes=True)
    assert "canary" not in str(refused.value)
