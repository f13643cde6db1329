"""The Stripe simulator's protocol: keys, idempotency, errors, lists, expansion, webhooks, the vendor's client."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import stripe as vendor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mocks.stripe_caller import Caller
from tests.mocks.stripe_server import StripeServer
from tests.mocks.webhook_listener import Heard, listening

INTENTS = "/v1/payment_intents"
PAID: dict[str, Any] = {"amount": 2599, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}


@pytest.fixture
def heard() -> Iterator[Heard]:
    """A webhook listener."""
    with listening() as heard:
        yield heard


def test_keys_open_what_they_may(stripe: Caller, stripe_server: StripeServer) -> None:
    """No key and a wrong one are 401, a publishable key is 403 outside its operations, Basic works as Bearer does."""
    anonymous = httpx.get(f"{stripe.url}{INTENTS}", trust_env=False)
    assert (anonymous.status_code, anonymous.json()["error"]["type"]) == (401, "invalid_request_error")
    with Caller(stripe.url, key="sk_test_4eC39HqLyjWD") as wrong:
        reply = wrong.get(INTENTS)
    assert reply.status == 401 and "4eC39HqLyjWD" not in reply.error["message"]
    with Caller(stripe.url, key="pk_test_assay") as shop:
        reply = shop.get(INTENTS)
    assert (reply.status, reply.error["code"]) == (403, "secret_key_required")
    assert httpx.get(f"{stripe.url}{INTENTS}", auth=("sk_test_assay", ""), trust_env=False).status_code == 200
    stripe_server.configure(secret_keys=["sk_test_other"])
    assert stripe.get(INTENTS).status == 401


def test_a_shopper_reads_and_confirms_with_the_client_secret(stripe: Caller) -> None:
    """A publishable key reads and confirms an intent only with its client secret."""
    intent = stripe.post(INTENTS, amount=900, currency="eur").body
    path, secret = f"{INTENTS}/{intent['id']}", intent["client_secret"]
    with Caller(stripe.url, key="pk_test_assay") as shop:
        assert shop.get(path).status == 400
        assert shop.get(path, client_secret="wrong").error["code"] == "payment_intent_invalid_parameter"
        assert shop.get(path, client_secret=secret).body["id"] == intent["id"]
        done = shop.post(f"{path}/confirm", client_secret=secret, payment_method="pm_card_visa")
    assert done.body["status"] == "succeeded"


def test_an_idempotency_key_is_acted_on_once(stripe: Caller, stripe_server: StripeServer) -> None:
    """The same key and parameters give the first answer again and no second charge, for 24 hours."""
    first = stripe.post(INTENTS, "checkout-1", **PAID)
    again = stripe.post(INTENTS, "checkout-1", **PAID)
    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"] != again.headers["request-id"]
    assert again.headers["idempotency-key"] == "checkout-1"
    assert len(stripe.get("/v1/charges").body["data"]) == 1
    stripe_server.advance(hours=25)
    assert stripe.post(INTENTS, "checkout-1", **PAID).body["id"] != first.body["id"]


def test_an_idempotency_key_belongs_to_its_parameters(stripe: Caller) -> None:
    """Other parameters or another operation under a used key are an idempotency_error and change nothing."""
    intent = stripe.post(INTENTS, "checkout-1", **PAID).body
    for reply in (
        stripe.post(INTENTS, "checkout-1", **{**PAID, "amount": 2600}),
        stripe.post("/v1/refunds", "checkout-1", payment_intent=intent["id"]),
    ):
        assert (reply.status, reply.error["type"]) == (400, "idempotency_error")
    assert len(stripe.get(INTENTS).body["data"]) == 1


def test_declines_are_replayed_and_bad_parameters_are_not(stripe: Caller) -> None:
    """A decline executed, so its key repeats it; a refused parameter did not, so its key is free."""
    declined = {**PAID, "payment_method": "pm_card_chargeDeclined"}
    first, again = stripe.post(INTENTS, "k-1", **declined), stripe.post(INTENTS, "k-1", **declined)
    assert first.status == again.status == 402 and first.body == again.body
    assert len(stripe.get("/v1/charges").body["data"]) == 1
    assert stripe.post(INTENTS, "k-2", amount=1, currency="eur").status == 400
    assert stripe.post(INTENTS, "k-2", **PAID).status == 200


def test_every_answer_is_labelled(stripe: Caller) -> None:
    """Answers carry a fresh Request-Id and the version asked for."""
    reply = stripe.send("GET", INTENTS, headers={"Stripe-Version": "2024-06-20"})
    assert reply.headers["stripe-version"] == "2024-06-20"
    assert reply.headers["request-id"].startswith("req_")
    assert stripe.get(INTENTS).headers["request-id"] != reply.headers["request-id"]
    assert stripe.send("GET", INTENTS, headers={"Stripe-Version": "soon"}).status == 400


@pytest.mark.parametrize(
    ("form", "param", "code"),
    [
        ({"amount": 1000, "currency": "eur", "amonut": 1}, "amonut", "parameter_unknown"),
        ({"amount": 1000, "currency": "eur", "shipping": {"colour": "red"}}, "shipping[colour]", "parameter_unknown"),
        ({"currency": "eur"}, "amount", "parameter_missing"),
        ({"amount": "12.50", "currency": "eur"}, "amount", "parameter_invalid_integer"),
        ({"amount": 10**30, "currency": "eur"}, "amount", "parameter_invalid_integer"),
        ({"amount": "", "currency": "eur"}, "amount", "parameter_invalid_empty"),
        ({"amount": 1000, "currency": "eur", "confirm": "yes"}, "confirm", None),
        ({"amount": 1000, "currency": "eur", "capture_method": "later"}, "capture_method", None),
        ({"amount": 1000, "currency": "eur", "metadata": {"k" * 41: "v"}}, "metadata", None),
        ({"amount": 1000, "currency": "eur", "metadata": "text"}, "metadata", None),
        ({"amount": 1000, "currency": "eur", "statement_descriptor": "x" * 23}, "statement_descriptor", None),
        ({"amount": 1000, "currency": "eur", "customer": "cus_none"}, "customer", "resource_missing"),
        ({"amount": 1000, "currency": "eur", "expand": ["colour"]}, "expand", None),
        ({"amount": {"eur": 1}, "currency": "eur"}, "amount", "parameter_invalid_integer"),
        ({"amount": 1000, "currency": "eur", "return_url": "https://x.example"}, "return_url", None),
    ],
)
def test_bad_parameters_are_named(stripe: Caller, form: dict[str, Any], param: str, code: str | None) -> None:
    """A refused parameter is 400 with its name, and nothing is created."""
    reply = stripe.post(INTENTS, **form)
    assert (reply.status, reply.error["type"], reply.error["param"]) == (400, "invalid_request_error", param)
    assert reply.error.get("code") == code
    assert stripe.get(INTENTS).body["data"] == []


def test_unknown_things_are_404_in_stripes_shape(stripe: Caller) -> None:
    """Unknown ids, paths and methods get an error object, and a JSON body is refused."""
    unknown = (
        "payment_intents/pi", "refunds/re", "charges/ch", "events/evt", "customers/cus", "payment_methods/pm",
        "balance_transactions/txn",
    )  # fmt: skip
    for path in (f"/v1/{start}_none" for start in unknown):
        reply = stripe.get(path)
        assert (reply.status, reply.error["code"]) == (404, "resource_missing")
    assert stripe.get("/v1/nothing").status == 404
    assert stripe.send("DELETE", INTENTS).error["type"] == "invalid_request_error"
    json_body = stripe.send("POST", INTENTS, content=b'{"amount": 1}', headers={"Content-Type": "application/json"})
    assert (json_body.status, json_body.error["type"]) == (400, "invalid_request_error")


NAMES = [
    "amount", "currency", "metadata", "metadata[a]", "card[number]", "card", "type", "a[", "]", "[]", "expand[]",
    "limit", "payment_method", "shipping[address][city]", "amount[x][]", "a" + "[b]" * 300,
]  # fmt: skip
VALUES = ["eur", "card", "-1", "9" * 40, "true", "pm_card_visa"]
PATHS = [
    INTENTS, f"{INTENTS}/pi_x/confirm", "/v1/refunds", "/v1/payment_methods", "/v1/customers", "/v1/charges/ch_x",
    "/3d_secure_2/hosted",
]  # fmt: skip
FORMS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.one_of(st.text(max_size=8), st.sampled_from(VALUES))), max_size=6
).map(lambda pairs: urlencode(pairs).encode())


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(PATHS), content=st.one_of(st.binary(max_size=60), FORMS))
def test_garbage_is_never_a_server_error(stripe: Caller, path: str, content: bytes) -> None:
    """Whatever bytes arrive as a form, the answer is Stripe's or a page, and never a 5xx."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = stripe.send("POST", path, content=content, headers=headers)
    assert reply.status < 500, (path, content, reply.body)
    if reply.status >= 400 and path.startswith("/v1"):
        assert reply.error["type"] in ("invalid_request_error", "card_error")


def test_lists_are_paged_both_ways(stripe: Caller, stripe_server: StripeServer) -> None:
    """Pages follow each other without gap or repetition in both directions, and filters by time hold."""
    ids, instants = [], []
    for number in range(7):
        intent = stripe.post(INTENTS, amount=1000 + number, currency="eur").body
        ids.append(intent["id"])
        instants.append(intent["created"])
        stripe_server.advance(seconds=10)
    newest_first = ids[::-1]
    first = stripe.get(INTENTS, limit=3).body
    assert (first["object"], first["url"], first["has_more"]) == ("list", INTENTS, True)
    second = stripe.get(INTENTS, limit=3, starting_after=first["data"][-1]["id"]).body
    third = stripe.get(INTENTS, limit=3, starting_after=second["data"][-1]["id"]).body
    walked = [row["id"] for page in (first, second, third) for row in page["data"]]
    assert walked == newest_first and third["has_more"] is False
    before = stripe.get(INTENTS, limit=2, ending_before=newest_first[4]).body
    assert [row["id"] for row in before["data"]] == newest_first[2:4] and before["has_more"] is True
    between = stripe.get(INTENTS, created={"gt": instants[1], "lte": instants[4]}).body["data"]
    assert [row["id"] for row in between] == ids[2:5][::-1]
    assert [row["id"] for row in stripe.get(INTENTS, created=instants[3]).body["data"]] == [ids[3]]
    assert stripe.get(INTENTS, limit=101).error["param"] == "limit"
    assert stripe.get(INTENTS, starting_after="pi_none").error["code"] == "resource_missing"


def test_payments_are_found_by_what_was_said_of_them(stripe: Caller, stripe_server: StripeServer) -> None:
    """Search understands equality, substrings, comparison, negation, AND and OR, pages, and refuses what it cannot."""
    path = f"{INTENTS}/search"
    for number in range(4):
        stripe.post(INTENTS, **{**PAID, "amount": 1000 + number}, metadata={"order_id": f"A'{number}", "shop": "Zoë"})
    stripe.post(INTENTS, amount=5000, currency="eur", metadata={"order_id": "B"})

    def amounts(query: str, **more: Any) -> list[int]:
        return [row["amount"] for row in stripe.get(path, query=query, **more).body["data"]]

    assert amounts("""metadata["order_id"]:"A'2\"""") == [1002]
    assert amounts("metadata['shop']:'zoË' AND amount>=1002") == [1003, 1002]
    assert amounts("status:'succeeded' AND -amount:1000 AND amount<1002") == [1001]
    assert amounts("status:'requires_payment_method' OR amount:1000") == [5000, 1000]
    assert amounts("metadata['shop']~'zoë' ", limit=1) == [1003]
    first = stripe.get(path, query="currency:'eur'", limit=3).body
    rest = stripe.get(path, query="currency:'eur'", limit=3, page=first["next_page"]).body
    assert [row["amount"] for row in first["data"] + rest["data"]] == [5000, 1003, 1002, 1001, 1000]
    assert (first["has_more"], rest["has_more"], rest["next_page"]) == (True, False, None)
    for query in ("amount", "amount:x", "colour:'red'", "amount:1 AND amount:2 OR amount:3", "status:'a' status:'b'"):
        assert stripe.get(path, query=query).error["param"] == "query"
    stripe_server.configure(search_delay_s=30)
    assert amounts("currency:'eur'") == []


def test_ids_expand_to_objects(stripe: Caller) -> None:
    """Named ids are replaced, nested and in lists; what cannot be expanded is refused."""
    customer = stripe.post("/v1/customers", email="a@example.com").body
    intent = stripe.post(INTENTS, **PAID, customer=customer["id"], expand=["customer", "payment_method"]).body
    assert (intent["customer"]["email"], intent["payment_method"]["type"]) == ("a@example.com", "card")
    path = f"{INTENTS}/{intent['id']}"
    nested = stripe.get(path, expand=["latest_charge.balance_transaction.source"]).body["latest_charge"]
    assert nested["balance_transaction"]["source"]["id"] == nested["id"]
    listed = stripe.get(INTENTS, expand=["data.latest_charge"]).body["data"][0]
    assert listed["latest_charge"]["paid"] is True
    assert isinstance(stripe.get(path).body["latest_charge"], str)
    for expand in (
        "latest_charge.colour",
        "amount",
        "latest_charge.payment_intent.latest_charge.payment_intent.customer",
    ):
        assert stripe.get(path, expand=[expand]).error["param"] == "expand"
    assert "data.customer" in stripe.get(INTENTS, expand=["customer"]).error["message"]


def test_the_rate_limit_is_off_until_set(stripe: Caller, stripe_server: StripeServer) -> None:
    """Over the limit of a simulated second requests get 429; the next second is free again."""
    stripe_server.configure(rate_limit_per_s=3)
    replies = [stripe.get("/v1/balance") for _ in range(5)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
    assert replies[-1].error["code"] == "rate_limit"
    stripe_server.advance(seconds=1)
    assert stripe.get("/v1/balance").status == 200


def test_events_tell_who_asked_and_are_found_by_type(stripe: Caller) -> None:
    """An event names its request and key, holds the object as it was then, and lists filter by type."""
    intent = stripe.post(INTENTS, "checkout-9", **PAID)
    [event] = stripe.get("/v1/events", type="payment_intent.succeeded").body["data"]
    assert event["request"] == {"id": intent.headers["request-id"], "idempotency_key": "checkout-9"}
    assert event["data"]["object"]["id"] == intent.body["id"]
    assert stripe.get(f"/v1/events/{event['id']}").body == event
    assert len(stripe.get("/v1/events", type="payment_intent.*").body["data"]) == 2
    assert len(stripe.get("/v1/events", types=["charge.succeeded", "charge.failed"]).body["data"]) == 1
    created = stripe.get("/v1/events", type="payment_intent.created").body["data"][0]
    assert created["data"]["object"]["status"] == "requires_confirmation"


def test_webhooks_are_signed_over_the_raw_body(stripe: Caller, stripe_server: StripeServer, heard: Heard) -> None:
    """Every event is posted once, signed by HMAC over timestamp and body; the vendor's library accepts it."""
    stripe_server.configure(webhook_url=heard.url, webhook_secret="whsec_test")
    intent = stripe.post(INTENTS, **PAID, metadata={"name": "Zoë"}).body
    stripe_server.settle()
    types = {json.loads(body)["type"] for body, _ in heard.messages}
    assert types == {"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}
    for body, headers in heard.messages:
        parts = dict(part.split("=", 1) for part in headers["stripe-signature"].split(","))
        assert int(parts["t"]) == int(stripe_server.now.timestamp())
        expected = hmac.new(b"whsec_test", parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        assert parts["v1"] == expected
        construct: Any = vendor.Webhook.construct_event
        event = construct(body, headers["stripe-signature"], "whsec_test", tolerance=None)
        assert event.data.object["id"] in (intent["id"], intent["latest_charge"])


def test_webhooks_nobody_takes_are_sent_again_signed_anew(
    stripe: Caller, stripe_server: StripeServer, heard: Heard
) -> None:
    """A refused webhook comes again after the waits of the schedule, each time signed at its own instant."""
    heard.status = 500
    stripe_server.configure(
        webhook_url=heard.url, webhook_retries_s=[60, 600], webhook_events=["payment_intent.succeeded"]
    )
    stripe.post(INTENTS, **PAID)
    stripe_server.settle()
    assert len(heard.messages) == 1
    stripe_server.advance(seconds=60)
    assert len(heard.messages) == 2
    heard.status = 200
    stripe_server.advance(seconds=600)
    stripe_server.advance(days=3)
    assert len(heard.messages) == 3
    bodies = {body for body, _ in heard.messages}
    instants = [int(headers["stripe-signature"].split(",")[0][2:]) for _, headers in heard.messages]
    assert len(bodies) == 1
    assert [after - before for before, after in pairwise(instants)] == [60, 600]


def test_the_vendors_client_works_unchanged(stripe: Caller) -> None:
    """stripe-python creates, captures, refunds, pages and reads errors against the simulator."""
    client = vendor.StripeClient("sk_test_assay", base_addresses={"api": stripe.url})
    intent = client.v1.payment_intents.create(
        {
            "amount": 5000,
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "capture_method": "manual",
        },
        {"idempotency_key": "sdk-1"},
    )
    captured = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 4000})
    assert captured.amount_received == 4000
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 1500})
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"
    for _ in range(3):
        client.v1.customers.create({"email": "a@example.com"})
    assert len(list(client.v1.customers.list({"limit": 2}).auto_paging_iter())) == 3
    with pytest.raises(vendor.CardError) as declined:
        client.v1.payment_intents.create(
            {"amount": 900, "currency": "eur", "payment_method": "pm_card_chargeDeclined", "confirm": True}
        )
    assert declined.value.code == "card_declined"
    with pytest.raises(vendor.IdempotencyError):
        client.v1.payment_intents.create({"amount": 1, "currency": "eur"}, {"idempotency_key": "sdk-1"})
    with pytest.raises(vendor.AuthenticationError):
        vendor.StripeClient("sk_test_no", base_addresses={"api": stripe.url}).v1.balance.retrieve()
