"""Every answer of the Stripe simulator against Stripe's published document and against our own contract."""

from __future__ import annotations

import copy
import json
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import yaml

from tests.mocks.stripe_caller import Caller, Reply
from tests.mocks.stripe_server import StripeServer

ROOT = Path(__file__).parents[2]
SPECS = Path(os.environ.get("ASSAY_SPECS", ROOT.parent / "shared" / "specs"))
SPEC = SPECS / "stripe" / "spec3.yaml"
CONTRACT = ROOT / "mocks" / "stripe" / "contract.yaml"
STUBS = sorted((ROOT / "mocks" / "stripe" / "stubs").glob("*.json"))
INTENTS = "/v1/payment_intents"
# Stripe added these after the version of the document; its current clients send them.
NEWER = {"final_capture", "allow_redisplay"}


class Judge:
    """One OpenAPI document: validates answers by operation and status, closed against fields it does not name."""

    def __init__(self, document: dict[str, Any], *, closed: bool) -> None:
        self.document = _readable(document, closed)
        self._validators: dict[str, Any] = {}
        self._paths = [
            (re.compile(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path)) + r"\Z"), path) for path in document["paths"]
        ]

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """Return the operation a call was, fixed paths before templates."""
        matching = [template for pattern, template in self._paths if pattern.match(path)]
        for template in sorted(matching, key=lambda template: template.count("{")):
            found: dict[str, Any] | None = self.document["paths"][template].get(method.lower())
            if found is not None:
                return found
        return None

    def faults(self, method: str, path: str, reply: Reply) -> list[str]:
        """Return what is wrong with an answer; nothing for a call the document does not know."""
        operation = self.operation(method, path)
        if operation is None:
            return []
        responses = operation["responses"]
        answer = responses.get(str(reply.status)) or responses.get("default")
        if answer is None:
            return [f"{method} {path}: status {reply.status} is not documented"]
        if "$ref" in answer:
            answer = self.document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        return self.wrong(answer["content"]["application/json"]["schema"], reply.body, f"{method} {path}")

    def wrong(self, schema: dict[str, Any], body: Any, where: str) -> list[str]:
        """Return what is wrong with a body of this schema."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {**schema, "components": self.document["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        return [
            f"{where}: {list(error.instance_path)}: {error.message[:300]}"
            for error in self._validators[key].iter_errors(body)
        ]


def _readable(node: Any, closed: bool) -> Any:
    """Rewrite OpenAPI 3.0's `nullable` as JSON Schema, and close objects that name their fields."""
    if isinstance(node, list):
        return [_readable(item, closed) for item in node]
    if not isinstance(node, dict):
        return node
    result = {name: _readable(value, closed) for name, value in node.items() if name != "nullable"}
    if node.get("nullable") is True:
        if isinstance(node.get("type"), str):
            result["type"] = [node["type"], "null"]
        if "enum" in node:
            result["enum"] = [*node["enum"], None]
        if "anyOf" in node:
            result["anyOf"] = [*result["anyOf"], {"type": "null"}]
    if closed and isinstance(node.get("properties"), dict) and node.get("type") == "object":
        result.setdefault("additionalProperties", False)
    return result


class Witness:
    """Collects what both documents say of every answer."""

    def __init__(self, vendor: Judge, contract: Judge) -> None:
        self.vendor = vendor
        self.contract = contract
        self.faults: list[str] = []
        self.operations: Counter[str] = Counter()

    def __call__(self, method: str, path: str, reply: Reply) -> None:
        """Judge one answer; the object inside an event is judged as what it says it is."""
        if not path.startswith("/v1/"):
            return
        self.faults += self.vendor.faults(method, path, reply) + self.contract.faults(method, path, reply)
        operation = self.contract.operation(method, path)
        assert operation is not None, path
        self.operations[operation["operationId"]] += 1
        if path == "/v1/events" and reply.status == 200:
            for event in reply.body["data"]:
                inner = event["data"]["object"]
                reference = {"$ref": f"#/components/schemas/{inner['object']}"}
                for judge in (self.vendor, self.contract):
                    self.faults += judge.wrong(reference, inner, f"event {event['type']}")


@pytest.fixture(scope="module")
def vendor() -> Judge:
    """Stripe's published document."""
    if not SPEC.exists():
        pytest.skip(f"Stripe's document is not at {SPEC}; set ASSAY_SPECS to the folder of the vendors' documents")
    return Judge(yaml.load(SPEC.read_text(), Loader=yaml.CSafeLoader), closed=True)


@pytest.fixture(scope="module")
def contract() -> Judge:
    """Our contract."""
    return Judge(yaml.safe_load(CONTRACT.read_text()), closed=False)


def _cards(stripe: Caller) -> None:
    """Walk through cards: paid, declined, held, cancelled, authenticated, refused."""
    shipping = {"name": "Zoë", "phone": "+331", "address": {"line1": "1 rue", "city": "Paris", "country": "FR"}}
    intent = stripe.post(
        INTENTS, "k-1", amount=8_000, currency="jpy", payment_method="pm_card_jp", confirm=True, shipping=shipping,
        metadata={"order_id": "1"}, expand=["latest_charge.balance_transaction", "payment_method"],
    ).body  # fmt: skip
    stripe.post(INTENTS, "k-1", amount=9_000, currency="jpy")
    open_intent = stripe.post(INTENTS, amount=1_000, currency="eur").body["id"]
    stripe.post(f"{INTENTS}/{open_intent}", description="later", setup_future_usage="off_session")
    for name in ("chargeDeclined", "radarBlock", "cvcCheckFail"):
        stripe.post(f"{INTENTS}/{open_intent}/confirm", payment_method=f"pm_card_{name}")
    stripe.post(f"{INTENTS}/{open_intent}/cancel")
    held: dict[str, Any] = {
        "amount": 5_000,
        "currency": "usd",
        "payment_method": "pm_card_us",
        "confirm": True,
        "capture_method": "manual",
    }
    first, second = (stripe.post(INTENTS, **held).body["id"] for _ in range(2))
    stripe.post(f"{INTENTS}/{first}/capture", amount_to_capture=9_999)
    stripe.post(f"{INTENTS}/{first}/capture", amount_to_capture=2_000)
    stripe.post(f"{INTENTS}/{second}/cancel", cancellation_reason="duplicate")
    secure: dict[str, Any] = {
        "amount": 700,
        "currency": "eur",
        "payment_method": "pm_card_threeDSecure2Required",
        "confirm": True,
    }
    stripe.post(INTENTS, **secure)
    for outcome in ("complete", "fail"):
        waiting = stripe.post(INTENTS, **secure, return_url="https://shop.example/").body
        address = waiting["next_action"]["redirect_to_url"]["url"].replace("https://hooks.stripe.com", stripe.url)
        httpx.post(address, data={"outcome": outcome}, trust_env=False)
        stripe.get(f"{INTENTS}/{waiting['id']}", expand=["latest_charge"])
    refund = stripe.post("/v1/refunds", payment_intent=intent["id"], amount=3_000, reason="duplicate").body["id"]
    stripe.post(f"/v1/refunds/{refund}", metadata={"a": "b"})
    stripe.get(f"/v1/refunds/{refund}", expand=["charge.refunds", "balance_transaction.source", "payment_intent"])
    stripe.post("/v1/refunds", payment_intent=intent["id"], amount=9_000)
    charge = intent["latest_charge"]["id"]
    stripe.post(f"/v1/charges/{charge}", description="seen", fraud_details={"user_report": "safe"})
    stripe.get(f"/v1/charges/{charge}", expand=["customer", "payment_intent", "refunds"])
    stripe.get(f"/v1/charges/{charge}/refunds")
    stripe.get(f"/v1/balance_transactions/{intent['latest_charge']['balance_transaction']['id']}")


def _banks(stripe: Caller, stripe_server: StripeServer) -> None:
    """Walk through bank debits and refunds that end days later."""
    for iban in ("DE89370400440532013000", "FR8420041010050500013M02607"):
        method = stripe.post(
            "/v1/payment_methods",
            type="sepa_debit",
            sepa_debit={"iban": iban},
            billing_details={"name": "Z", "email": "z@x.example"},
        ).body["id"]
        debit: dict[str, Any] = {
            "amount": 900,
            "currency": "eur",
            "payment_method": method,
            "mandate_data": {"customer_acceptance": {"type": "offline"}},
        }
        intent = stripe.post(INTENTS, **debit, confirm=True).body["id"]
        stripe.get(f"{INTENTS}/{intent}", expand=["latest_charge"])
        stripe_server.advance(days=5)
        stripe.get(f"{INTENTS}/{intent}", expand=["latest_charge.balance_transaction"])
        stripe.post("/v1/refunds", payment_intent=intent)
    for name in ("refundFail", "pendingRefund"):
        card: dict[str, Any] = {"amount": 900, "currency": "eur", "payment_method": f"pm_card_{name}", "confirm": True}
        refund = stripe.post("/v1/refunds", payment_intent=stripe.post(INTENTS, **card).body["id"]).body["id"]
        stripe_server.advance(days=3)
        stripe.get(f"/v1/refunds/{refund}", expand=["balance_transaction"])


def _payouts(stripe: Caller, stripe_server: StripeServer) -> None:
    """Walk through payouts: made, arrived, returned by the bank, and what they consist of."""
    stripe_server.advance(days=8)
    newest = stripe.get("/v1/payouts", expand=["data.balance_transaction"]).body["data"][0]
    stripe.get(f"/v1/payouts/{newest['id']}", expand=["destination", "balance_transaction.source"])
    stripe.get("/v1/payouts", status="in_transit", arrival_date={"gt": newest["created"]})
    stripe.get("/v1/balance_transactions", payout=newest["id"], limit=100)
    stripe.get("/v1/payouts/po_none")
    stripe_server.advance(days=4)
    stripe_server.configure(payout_failure_code="no_account")
    stripe.post(INTENTS, amount=900, currency="eur", payment_method="pm_card_bypassPending", confirm=True)
    stripe_server.advance(days=1)
    stripe_server.advance(days=4)
    stripe.get("/v1/payouts", status="failed", expand=["data.failure_balance_transaction"])
    stripe.get("/v1/balance")


def _disputes(stripe: Caller, stripe_server: StripeServer) -> None:
    """Walk through disputes: opened, won, lost, given up."""
    for name, currency in (
        ("createDispute", "eur"),
        ("createDisputeProductNotReceived", "jpy"),
        ("createDispute", "usd"),
    ):
        charged: dict[str, Any] = {"amount": 5_000, "currency": currency, "confirm": True}
        intent = stripe.post(INTENTS, **charged, payment_method=f"pm_card_{name}").body["id"]
        stripe_server.advance(seconds=1)
        stripe.post("/v1/refunds", payment_intent=intent)
    third, second, first = (each["id"] for each in stripe.get("/v1/disputes", limit=3).body["data"])
    stripe.post(f"/v1/disputes/{first}", evidence={"customer_name": "Zoë"}, submit=False, metadata={"case": "1"})
    stripe.post(f"/v1/disputes/{first}", evidence={"uncategorized_text": "winning_evidence"})
    stripe.post(f"/v1/disputes/{second}/close", expand=["charge"])
    stripe.post(f"/v1/disputes/{second}", evidence={"uncategorized_text": "late"})
    stripe_server.advance(days=10)
    stripe.get(f"/v1/disputes/{first}", expand=["payment_intent", "charge.balance_transaction"])
    stripe.get(f"/v1/disputes/{third}")
    stripe.get("/v1/disputes/dp_none")
    stripe.get("/v1/balance_transactions", type="adjustment", expand=["data.source"])


def _people(stripe: Caller) -> None:
    """Walk through customers and their payment methods."""
    customer = stripe.post(
        "/v1/customers", email="a@x.example", name="A", address={"city": "Lyon"}, metadata={"crm": "7"}
    ).body["id"]
    stripe.post(f"/v1/customers/{customer}", phone="+33", shipping={"name": "A", "address": {"city": "Lyon"}})
    stripe.get(f"/v1/customers/{customer}")
    card = {"number": "4242424242424242", "exp_month": 1, "exp_year": 2031, "cvc": "123"}
    method = stripe.post(
        "/v1/payment_methods", type="card", card=card, billing_details={"address": {"postal_code": "1"}}
    ).body["id"]
    stripe.post("/v1/payment_methods", type="card", card={**card, "number": "4242424242424241"})
    stripe.post(f"/v1/payment_methods/{method}/attach", customer=customer, expand=["customer"])
    stripe.post(f"/v1/payment_methods/{method}", metadata={"a": "b"}, card={"exp_year": 2032})
    stripe.get(f"/v1/payment_methods/{method}")
    stripe.get("/v1/payment_methods", customer=customer)
    stripe.post(
        INTENTS, amount=900, currency="chf", customer=customer, payment_method=method, confirm=True, expand=["customer"]
    )
    stripe.post(f"/v1/payment_methods/{method}/detach")


def _lists(stripe: Caller) -> None:
    """Read every list, the balance, one event, and some refusals."""
    for kind in (
        "payment_intents",
        "charges",
        "refunds",
        "customers",
        "balance_transactions",
        "payouts",
        "disputes",
        "events",
        "payment_methods",
    ):
        assert stripe.get(f"/v1/{kind}", limit=100).status == 200
        stripe.get(f"/v1/{kind}", limit=0)
    stripe.get(INTENTS, limit=3, expand=["data.latest_charge", "data.payment_method"])
    stripe.get("/v1/balance_transactions", expand=["data.source"])
    stripe.get(f"/v1/events/{stripe.get('/v1/events').body['data'][0]['id']}")
    stripe.get("/v1/balance")
    stripe.get(f"{INTENTS}/search", query="metadata['order_id']:'1' AND status:'succeeded'", expand=["data.customer"])
    stripe.get("/v1/charges/search", query="refunded:true OR amount>800", limit=2)
    stripe.get("/v1/customers/search", query="email~'X.EXAMPLE'")
    stripe.get("/v1/customers/search", query="colour:'red'")
    stripe.get(f"{INTENTS}/pi_none")
    stripe.post(INTENTS, amount=10, currency="eur")
    stripe.key = "sk_wrong"
    stripe.get("/v1/balance")


def test_every_answer_is_what_stripe_and_our_contract_document(
    stripe_server: StripeServer, vendor: Judge, contract: Judge, record_property: Callable[[str, object], None]
) -> None:
    """No answer of any operation breaks, or adds fields to, Stripe's document, nor breaks our contract."""
    witness = Witness(vendor, contract)
    with Caller(stripe_server.url, witness=witness) as stripe:
        _cards(stripe)
        _banks(stripe, stripe_server)
        _payouts(stripe, stripe_server)
        _disputes(stripe, stripe_server)
        _people(stripe)
        _lists(stripe)
    record_property("stripe_answers", witness.operations.total())
    record_property("stripe_operations", len(witness.operations))
    record_property("stripe_violations", len(witness.faults))
    assert not witness.faults, "\n".join(witness.faults[:20])
    offered = {each["operationId"] for path in contract.document["paths"].values() for each in path.values()}
    assert set(witness.operations) == offered


def _parameters(judge: Judge, operation: dict[str, Any]) -> set[str]:
    names = set()
    for parameter in operation.get("parameters", []):
        if "$ref" in parameter:
            parameter = judge.document["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
        if parameter["in"] == "query":
            names.add(parameter["name"])
    content = operation.get("requestBody", {}).get("content", {})
    return names | set(content.get("application/x-www-form-urlencoded", {}).get("schema", {}).get("properties", {}))


def test_the_contract_names_only_operations_and_parameters_stripe_has(vendor: Judge, contract: Judge) -> None:
    """Each operation and parameter of our contract is in Stripe's document, but for named later additions."""
    for path, methods in contract.document["paths"].items():
        for method, operation in methods.items():
            theirs = vendor.operation(method, path.replace("{", "").replace("}", ""))
            assert theirs is not None, (method, path)
            assert theirs["operationId"] == operation["operationId"]
            strangers = _parameters(contract, operation) - _parameters(vendor, theirs) - NEWER
            assert not strangers, (path, method, strangers)


def test_the_simulator_takes_what_the_contract_names(stripe_server: StripeServer, contract: Judge) -> None:
    """A request with every parameter of the contract and one stranger is refused for the stranger alone."""
    with Caller(stripe_server.url) as stripe:
        for path, methods in contract.document["paths"].items():
            for method, operation in methods.items():
                form = dict.fromkeys(sorted(_parameters(contract, operation)), "")
                where: dict[str, Any] = (
                    {"query": {**form, "zzz": "1"}} if method == "get" else {"form": {**form, "zzz": "1"}}
                )
                reply = stripe.send(method.upper(), re.sub(r"\{.+?\}", "x", path), **where)
                assert (reply.status, reply.error["message"]) == (400, "Received unknown parameter: zzz"), (
                    method,
                    path,
                )


@pytest.mark.parametrize("path", STUBS, ids=lambda path: path.stem)
def test_stubs_answer_as_the_contract_says(path: Path, contract: Judge) -> None:
    """Each stub's body is an error of the contract, with a status the contract documents or a server failure."""
    stub = copy.deepcopy(json.loads(path.read_text()))
    body, status = stub["response"]["jsonBody"], stub["response"]["status"]
    assert not contract.wrong({"$ref": "#/components/schemas/error"}, body, path.stem)
    refusals = {"400", "401", "402", "403", "404", "429", "500"}
    assert str(status) in refusals


def test_a_broken_answer_is_seen(stripe_server: StripeServer, vendor: Judge, contract: Judge) -> None:
    """An answer with a missing, a wrong and an invented field is faulted by the documents."""
    with Caller(stripe_server.url) as stripe:
        good = stripe.post(INTENTS, amount=900, currency="eur")
    assert not vendor.faults("POST", INTENTS, good) and not contract.faults("POST", INTENTS, good)
    for change in ({"status": "paid"}, {"amount": "9.00"}, {"colour": "red"}):
        assert vendor.faults("POST", INTENTS, Reply(200, {**good.body, **change}, {}))
    less = {name: value for name, value in good.body.items() if name != "amount"}
    assert vendor.faults("POST", INTENTS, Reply(200, less, {})) and contract.faults(
        "POST", INTENTS, Reply(200, less, {})
    )
