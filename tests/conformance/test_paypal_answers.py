"""Every kind of answer of the PayPal simulator against PayPal's published documents and against our own contract."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import jsonschema_rs
import pytest

from tests.conformance.openapi_judge import ROOT, OpenApiJudge, spec_file
from tests.mocks.conftest import SimulatedClock, serving
from tests.mocks.paypal_caller import WHOLE, PaypalCaller, basket, money, unit
from tests.mocks.webhook_listener import listening

Seen = tuple[str, str, httpx.Response]
DOCUMENTS = ("checkout_orders_v2", "payments_payment_v2", "notifications_webhooks_v1", "reporting_transactions_v1")
FOLDER = ROOT / "mocks" / "paypal"
# PayPal's error reference (https://developer.paypal.com/api/errors/overview/) lists it for the Orders API, its OpenAPI
# document only for Payments.
KNOWN_GAP = "DECIMALS_NOT_SUPPORTED"


def _pay(caller: PaypalCaller) -> None:
    """Pay in every way and give back."""
    for whole in ({}, WHOLE):
        order = caller.approved(basket(), intent="CAPTURE")
        paid = caller.post(f"/v2/checkout/orders/{order}/capture", **whole)
        capture = paid.json()["purchase_units"][0]["payments"]["captures"][0]["id"]
        caller.get(f"/v2/payments/captures/{capture}")
        part = {"amount": money("1.50"), "note_to_payer": "sorry", "invoice_id": f"R-{bool(whole)}", "custom_id": "7"}
        refund = caller.refund(capture, part, PayPal_Request_Id="r1", **whole).json()["id"]
        caller.refund(capture, part, PayPal_Request_Id="r1")
        caller.get(f"/v2/payments/refunds/{refund}")
        caller.refund(capture)
        caller.refund(capture)
        caller.order(order)
        caller.post(f"/v2/checkout/orders/{order}/capture")
        held = caller.held(unit("40.00", custom_id="A-1"))["id"]
        caller.get(f"/v2/payments/authorizations/{held}")
        caller.capture(held, {"amount": money("10.00")}, **whole)
        caller.capture(held, {"amount": money("10.00", "USD")})
        caller.capture(held, {"amount": money("99.00")})
        caller.post(f"/v2/payments/authorizations/{held}/void", **whole)
        caller.post(f"/v2/payments/authorizations/{held}/void")
        caller.capture(held)
    caller.captured(unit("1200", "JPY"))
    foreign = caller.captured(unit("12.00", "USD"))["id"]
    caller.refund(foreign, **WHOLE)
    pending = caller.approved(unit(), instrument="echeck")
    caller.post(f"/v2/checkout/orders/{pending}/capture", **WHOLE)


def _refuse(caller: PaypalCaller) -> None:
    """Ask for what PayPal refuses."""
    caller.post("/v2/checkout/orders", {})
    caller.post("/v2/checkout/orders", {"intent": "BUY"})
    caller.post("/v2/checkout/orders", {"intent": "CAPTURE"})
    caller.call("POST", "/v2/checkout/orders", content=b"{", headers={"Content-Type": "application/json"})
    caller.create(unit("1.234"), unit("5"))
    caller.create(unit("-1.00"), unit("5.00", "USD"))
    caller.create(unit("0.00"))
    caller.create(unit("5.00", "KWD"))
    caller.create(unit("9" * 16))
    caller.create(basket(item_total="19.99"))
    caller.create(basket(item_total="", tax_total=""))
    caller.create(basket(total="25.41"))
    caller.create(unit(reference_id="x" * 257), intent="CAPTURE")
    caller.create(unit("1,00"))
    caller.create({"description": "no amount"})
    caller.create(unit(reference_id="a"), unit(reference_id="a"), intent="AUTHORIZE")
    caller.create(unit(reference_id="a"), unit(reference_id="b"), intent="AUTHORIZE")
    caller.create(unit(), payment_source={"card": {"number": "4111111111111111"}})
    caller.create(unit(), payment_source={"blik": {}})
    order = caller.created()
    caller.post(f"/v2/checkout/orders/{order}/capture")
    caller.post(f"/v2/checkout/orders/{order}/authorize")
    caller.approve(order, instrument="declined")
    caller.post(f"/v2/checkout/orders/{order}/capture")
    mock = {"PayPal_Mock_Response": '{"mock_application_codes": "INSTRUMENT_DECLINED"}'}
    caller.post(f"/v2/checkout/orders/{order}/capture", **mock)
    caller.get("/v2/checkout/orders/NONE")
    for kind, action in (("authorizations", "capture"), ("captures", "refund")):
        caller.get(f"/v2/payments/{kind}/NONE")
        caller.post(f"/v2/payments/{kind}/NONE/{action}")
    caller.get("/v2/payments/refunds/NONE")
    capture = caller.captured(unit("500", "HUF"))["id"]
    for wish in (money("5.5", "HUF"), money("0", "HUF"), money("501", "HUF"), money("5", "XXX"), {"value": "5"}):
        caller.refund(capture, {"amount": wish})
    caller.call("GET", f"/v2/payments/captures/{capture}", headers={"Authorization": "Bearer stranger"})


def _search(caller: PaypalCaller, clock: SimulatedClock) -> None:
    """Read the account's history, well and badly."""
    span = {"start_date": "2026-03-01T00:00:00Z", "end_date": "2026-03-30T00:00:00Z"}
    path = "/v1/reporting/transactions"
    caller.get(path, **span)
    clock.advance(hours=4)
    for more in (
        {"fields": "all", "page_size": 3},
        {"page": 2, "page_size": 3, "balance_affecting_records_only": "N"},
        {"transaction_status": "V"},
        {"transaction_type": "T9999"},
        {"transaction_id": "short"},
        {"page_size": 501},
    ):
        caller.get(path, **{**span, **more})
    caller.get(path, start_date="2026-03-01T00:00:00Z", end_date="2026-05-01T00:00:00Z")
    caller.get(path, start_date="2026-03-01")
    caller.get(path, start_date="2026-12-01T00:00:00Z", end_date="2026-12-02T00:00:00Z")
    caller.call("GET", path, headers={"Authorization": "Bearer stranger"})


def _later(caller: PaypalCaller, clock: SimulatedClock) -> None:
    """Wait for what time brings."""
    held = caller.held(unit("40.00"))["id"]
    caller.post(f"/v2/payments/authorizations/{held}/reauthorize")
    clock.advance(days=4)
    caller.authorize()
    again = caller.post(f"/v2/payments/authorizations/{held}/reauthorize", {"amount": money("41.00")}, **WHOLE)
    caller.post(f"/v2/payments/authorizations/{again.json()['id']}/void")
    caller.post(f"/v2/payments/authorizations/{held}/reauthorize")
    capture = caller.captured()["id"]
    clock.advance(days=181)
    caller.authorize()
    caller.capture(held)
    caller.refund(capture)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[Seen]:
    """Every operation called, well and badly."""
    folder = tmp_path_factory.mktemp("paypal")
    sim_clock = SimulatedClock(folder / "clock.json")
    found: list[Seen] = []
    with listening() as heard, serving(folder, sim_clock) as serve:
        url = serve("paypal", {"webhook_url": heard.url})
        with PaypalCaller(url, lambda method, path, answer: found.append((method, path, answer))) as caller:
            _pay(caller)
            _refuse(caller)
            _search(caller, sim_clock)
            _later(caller, sim_clock)
            sim_clock.settle()
            body, headers = heard.messages[0]
            told = {
                "auth_algo": headers["paypal-auth-algo"],
                "cert_url": headers["paypal-cert-url"],
                "transmission_id": headers["paypal-transmission-id"],
                "transmission_sig": headers["paypal-transmission-sig"],
                "transmission_time": headers["paypal-transmission-time"],
                "webhook_id": "9ASSAY00HOOK00001",
                "webhook_event": json.loads(body),
            }
            caller.post("/v1/notifications/verify-webhook-signature", told)
            caller.post("/v1/notifications/verify-webhook-signature", {})
            event = caller.get("/v1/notifications/webhooks-events", page_size=300).json()["events"][0]["id"]
            caller.get(f"/v1/notifications/webhooks-events/{event}")
            caller.post(f"/v1/notifications/webhooks-events/{event}/resend", {})
    return found


def _violations(judge: OpenApiJudge, seen: list[Seen], *, only_v2: bool) -> list[str]:
    found = []
    for method, path, answer in seen:
        if only_v2 and (path == "/v1/oauth2/token" or KNOWN_GAP in answer.text):
            continue
        verdict = judge.judge(method, path, answer.status_code, answer.text)
        if not verdict.documented or verdict.problem:
            found.append(f"{method} {path} {answer.status_code}: {verdict.problem or 'not documented'}: {answer.text}")
    return list(dict.fromkeys(found))


def test_every_answer_validates_against_paypals_documents(seen: list[Seen]) -> None:
    """Every answer to every operation, successes and refusals, is one PayPal's own documents describe."""
    judge = OpenApiJudge(*(spec_file(f"paypal/{name}.json") for name in DOCUMENTS))
    assert _violations(judge, seen, only_v2=True) == []
    assert len(seen) > 100


def test_every_answer_validates_against_our_contract(seen: list[Seen]) -> None:
    """contract.yaml describes every answer the simulator gives, the token and the known gap too."""
    assert _violations(OpenApiJudge(FOLDER / "contract.yaml"), seen, only_v2=False) == []


def test_stubs_validate_against_our_contract() -> None:
    """Each WireMock mapping in stubs/ answers as the contract says for its path and status."""
    judge = OpenApiJudge(FOLDER / "contract.yaml")
    stubs = sorted((FOLDER / "stubs").glob("*.json"))
    assert len(stubs) >= 4
    for path in stubs:
        stub = json.loads(path.read_text())
        request, response = stub["request"], stub["response"]
        called = request["urlPathTemplate"].replace("{", "").replace("}", "")
        verdict = judge.judge(request["method"], called, response["status"], json.dumps(response["jsonBody"]))
        assert verdict.documented and not verdict.problem, f"{path.name}: {verdict}"


def test_stub_errors_validate_against_paypals_documents() -> None:
    """Each stub of Orders and Payments answers as PayPal's own documents say."""
    judge = OpenApiJudge(*(spec_file(f"paypal/{name}.json") for name in DOCUMENTS))
    for path in sorted((FOLDER / "stubs").glob("*.json")):
        stub = json.loads(path.read_text())
        request, response = stub["request"], stub["response"]
        if request["urlPathTemplate"].startswith("/v1/") or response["status"] == 429:
            continue
        called = request["urlPathTemplate"].replace("{", "").replace("}", "")
        verdict = judge.judge(request["method"], called, response["status"], json.dumps(response["jsonBody"]))
        assert verdict.documented and not verdict.problem, f"{path.name}: {verdict}"


def test_every_event_validates_against_paypals_document(
    serve_simulator: Callable[..., str], sim_clock: SimulatedClock
) -> None:
    """Each webhook is an event of PayPal's document, around a resource of Orders v2 or Payments v2."""
    published = {name: json.loads(spec_file(f"paypal/{name}.json").read_text("utf-8")) for name in DOCUMENTS}
    with listening() as heard:
        url = serve_simulator("paypal", {"webhook_url": heard.url})
        with PaypalCaller(url) as caller:
            caller.refund(caller.captured(basket())["id"])
            caller.post(f"/v2/payments/authorizations/{caller.held()['id']}/void")
        sim_clock.settle()
    events = [json.loads(body) for body, _ in heard.messages]
    assert {event["resource_type"] for event in events} == {"checkout-order", "authorization", "capture", "refund"}
    for event in events:
        assert list(_errors(published["notifications_webhooks_v1"], "event", event)) == []
        name = {"checkout-order": "order", "authorization": "authorization-2", "capture": "capture-2"}
        kind = name.get(event["resource_type"], "refund")
        document = published["checkout_orders_v2" if kind == "order" else "payments_payment_v2"]
        assert list(_errors(document, kind, event["resource"])) == []


def _errors(document: dict[str, object], name: str, value: object) -> list[str]:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    validator = jsonschema_rs.Draft4Validator(schema)
    return [error.message for error in validator.iter_errors(value)]
