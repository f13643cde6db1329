"""Every kind of answer and webhook of the Adyen simulator against Adyen's published documents and our own contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import jsonschema_rs
import pytest
import yaml

from tests.conformance.openapi_judge import ROOT, OpenApiJudge, spec_file
from tests.mocks.adyen_caller import AUTHENTICATED, KEY, MERCHANT, Caller, Server, items, served
from tests.mocks.webhook_listener import Heard, listening

Call = tuple[str, str, httpx.Response]
CONTRACT = ROOT / "mocks" / "adyen" / "contract.yaml"
STUBS = sorted((ROOT / "mocks" / "adyen" / "stubs").glob("*.json"))


def _drive(adyen: Caller, server: Server) -> None:
    """Call every operation, well and badly, and let every kind of webhook be sent."""
    for query in ({}, {"amount": {"value": 1, "currency": "EUR"}, "countryCode": "NL"}, {"countryCode": "Zz9"}):
        adyen.post("/paymentMethods", {"merchantAccount": MERCHANT, **query})
    for bad in ({"amount": None}, {"colour": "red"}, {"merchantAccount": "Other"}, {"paymentMethod": {"type": "x"}}):
        adyen.pay(**bad)
    adyen.post("/payments", b"{")
    for name in ("DECLINED", "ERROR", "FRAUD_CANCELLED", "PENDING", "UNKNOWN"):
        adyen.pay(100, method={"holderName": name}, key=f"key-{name}")
    for outcome in ("authorised", "refused", "cancelled"):
        sent = adyen.pay(300, "JPY", method={"number": AUTHENTICATED}).json()
        adyen.details(adyen.visit(sent["action"], outcome))
    for outcome in ("authorised", "pending"):
        adyen.details(adyen.visit(adyen.pay(300, paymentMethod={"type": "ideal"}).json()["action"], outcome))
    adyen.details("forged")
    adyen.pay(paymentMethod={"type": "sepadirectdebit", "iban": "DE89370400440532013000", "ownerName": "Z"})
    adyen.pay(paymentMethod={"type": "ideal"})
    for name in ("capture failed", "refund failed", "nobody"):
        payment = adyen.pay(900, reference=f"C-{name}", method={"holderName": name}).json()["pspReference"]
        for kind, value in (("refunds", 1), ("amountUpdates", 950), ("captures", 950), ("refunds", 950)):
            adyen.modify(payment, kind, value, reference="m")
            server.clock.settle()
        adyen.modify(payment, "cancels")
        adyen.modify(payment, "reversals")
        adyen.modify(payment, "refunds", 1, capturePspReference="C", merchantRefundReason="RETURN")
    adyen.modify(adyen.pay(5).json()["pspReference"], "reversals", reference="r")
    for known in ("A100001", "nobody"):
        adyen.post("/cancels", {"merchantAccount": MERCHANT, "paymentReference": known, "reference": "t"})
    for kind in ("captures", "refunds", "amountUpdates"):
        adyen.modify("NOPE", kind, 1)
    adyen.pay(77)
    server.clock.advance(hours=13)
    server.clock.advance(days=29)
    adyen.forget_key()
    adyen.pay()


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[Call], Heard]]:
    """The answers and webhooks of a walk through everything."""
    calls: list[Call] = []
    with served(tmp_path_factory.mktemp("adyen")) as server, listening() as heard:
        told = {"webhook_url": heard.url, "webhook_events": ["*", "REPORT_AVAILABLE"], "report_base_url": server.url}
        server.reset(capture_delay="manual", **told)
        adyen = Caller(server.url, witness=lambda method, path, answer: calls.append((method, path, answer)))
        _drive(adyen, server)
        adyen.close()
        yield calls, heard


def _is_checkout(path: str) -> bool:
    """Say whether Adyen's document of Checkout covers a path: of reports it publishes pages only."""
    return not path.startswith("/reports/")


def _violations(judge: OpenApiJudge, calls: list[Call]) -> list[str]:
    found = []
    for method, path, answer in calls:
        verdict = judge.judge(method, path, answer.status_code, answer.text)
        if not verdict.documented or verdict.problem:
            found.append(f"{method} {path} {answer.status_code}: {verdict.problem or 'not documented'}")
    return list(dict.fromkeys(found))


def test_every_answer_validates_against_adyens_document(driven: tuple[list[Call], Heard]) -> None:
    """Every answer, successes and refusals, is one Adyen's Checkout 72 describes, with no field it does not name."""
    calls, _ = driven
    assert _violations(OpenApiJudge(spec_file("adyen/CheckoutService-v72.json")), calls) == []
    assert len(calls) > 50


def test_every_answer_validates_against_our_contract(driven: tuple[list[Call], Heard]) -> None:
    """contract.yaml describes every answer, and every operation it names was called."""
    calls, _ = driven
    judge = OpenApiJudge(CONTRACT)
    assert _violations(judge, calls) == []
    called = {judge.judge(method, path, answer.status_code, answer.text).operation for method, path, answer in calls}
    assert called == {
        f"POST /v72{path}" for path in yaml.safe_load(CONTRACT.read_text())["paths"] if _is_checkout(path)
    }


def test_every_webhook_validates_against_adyens_document(driven: tuple[list[Call], Heard]) -> None:
    """Each kind of webhook was heard, and each is one of Adyen's Webhooks v1 and of our contract."""
    _, heard = driven
    document = json.loads(spec_file("adyen/Webhooks-v1.json").read_text())
    ours = yaml.safe_load(CONTRACT.read_text())["components"]
    kinds = set(ours["schemas"]["notification"]["properties"]["notificationItems"]["items"]["properties"][
        "NotificationRequestItem"]["properties"]["eventCode"]["enum"])  # fmt: skip
    assert {each["eventCode"] for each in items(heard)} == kinds
    reference = {"$ref": "#/components/schemas/notification", "components": ours}
    contract = jsonschema_rs.Draft202012Validator(reference)
    validators = {}
    for kind in kinds:
        content = document["webhooks"][f"/{kind}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        validators[kind] = jsonschema_rs.Draft202012Validator({**content, "components": document["components"]})
    problems = []
    for body, _headers in heard.messages:
        message = json.loads(body)
        kind = message["notificationItems"][0]["NotificationRequestItem"]["eventCode"]
        problems += [f"{kind}: {error.message}" for error in contract.iter_errors(message)]
        if (
            kind == "OFFER_CLOSED"
        ):  # signed like all, says Adyen's page on signatures; its schema alone forgot the field
            del message["notificationItems"][0]["NotificationRequestItem"]["additionalData"]["hmacSignature"]
        problems += [f"{kind}: {error.message}" for error in validators[kind].iter_errors(message)]
    assert problems == []


def test_reports_and_refusals_of_them_fit_our_contract(driven: tuple[list[Call], Heard]) -> None:
    """A report that was told of is there, and what is not there is refused as the contract says."""
    _, heard = driven
    url = next(item["reason"] for item in items(heard) if item["eventCode"] == "REPORT_AVAILABLE")
    judge = OpenApiJudge(CONTRACT)
    for address, key, status in ((url, KEY, 200), (url, "other", 401), (url + "x", KEY, 404)):
        answer = httpx.get(address, headers={"X-API-Key": key}, trust_env=False)
        assert answer.status_code == status
        verdict = judge.judge("GET", urlsplit(address).path, status, answer.text)
        assert verdict.documented and not verdict.problem, verdict


def test_the_contract_names_only_what_adyen_has() -> None:
    """Each operation of our contract, its id, its success status and its fields are in Adyen's document."""
    theirs = json.loads(spec_file("adyen/CheckoutService-v72.json").read_text())

    def fields(document: dict[str, Any], operation: dict[str, Any]) -> set[str]:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return set(schema["properties"])

    for path, methods in yaml.safe_load(CONTRACT.read_text())["paths"].items():
        if not _is_checkout(path):
            continue
        operation, published = methods["post"], theirs["paths"][path]["post"]
        assert operation["operationId"] == published["operationId"]
        assert fields({}, operation) == fields(theirs, published), path
        assert {"200", "201"} & set(operation["responses"]) == {"200", "201"} & set(published["responses"])


@pytest.mark.parametrize("path", STUBS, ids=lambda path: path.stem)
def test_stubs_validate_against_our_contract(path: Any) -> None:
    """Each stub answers as the contract says for a payment, or for a modification."""
    response = json.loads(path.read_text())["response"]
    called = "/v72/payments/X/captures" if path.stem == "unknown_payment" else "/v72/payments"
    verdict = OpenApiJudge(CONTRACT).judge("POST", called, response["status"], json.dumps(response["jsonBody"]))
    assert verdict.documented and not verdict.problem, verdict
