"""Calls of a journal as stubs: what is matched, what is masked, what is refused; no edge is needed to say so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.local.pseudonym import Pseudonyms
from assay.local.recording import record
from assay.records import Call

FORM = "application/x-www-form-urlencoded"
_AT = datetime(2026, 11, 22, tzinfo=UTC)


def call(method: str, path: str, answer: object = None, **more: Any) -> Call:
    """One call of a platform; each is a second later than the one before."""
    number = more.pop("number", 0)
    body = more.pop("body", "")
    sent = more.pop("sent", "application/json")
    text = answer if isinstance(answer, str) else json.dumps(answer)
    fields: dict[str, Any] = {
        "id": f"{method}{path}{number}",
        "at": _AT + timedelta(seconds=number),
        "system": "pay",
        "way": "proxy",
        "method": method,
        "host": "pay.example",
        "path": path,
        "query": "",
        "status": 200,
        "duration_ms": 3,
        "refused": False,
        "request_headers": {"content-type": sent},
        "request_body": body,
        "response_headers": {"content-type": "application/json", "date": "now"},
        "response_body": text,
    }
    return Call(**{**fields, **more})


def made(*calls: Call) -> dict[str, Any]:
    """The stubs of these calls by name."""
    return dict(record(calls, system="pay", host="pay.example", origin="https://box.pay.example").stubs)


def test_one_call_is_one_stub() -> None:
    """Method, path and query are matched, the answer keeps status, type and body; the sandbox's address is replaced."""
    answer = {"next": "https://box.pay.example/a?page=2", "n": 1}
    stubs = made(call("GET", "/v1/charges", answer, query="limit=2&limit=3&x=1"))
    assert stubs == {
        "get-v1-charges": {
            "name": "pay get-v1-charges",
            "priority": 500,
            "request": {
                "method": "GET",
                "urlPath": "/v1/charges",
                "queryParameters": {
                    "limit": {"includes": [{"equalTo": "2"}, {"equalTo": "3"}]},
                    "x": {"equalTo": "1"},
                },
            },
            "response": {
                "status": 200,
                "headers": {"content-type": "application/json"},
                "jsonBody": {"next": "https://pay.example/a?page=2", "n": 1},
            },
        }
    }


def test_bodies_are_matched_where_they_differ() -> None:
    """Two different requests to one place are told apart by their bodies, without what was masked in them."""
    first = call("POST", "/pay", {"id": 1}, body="amount=1&key=***&email=a%40b.example", sent=FORM)
    second = call("POST", "/pay", {"id": 2}, body="amount=2&key=***", sent=FORM, number=1)
    third = call("POST", "/buy", {"id": 3}, body='{"amount": 1, "email": "a@b.example"}')
    fourth = call("POST", "/buy", {"id": 4}, body='{"amount": 2.50, "email": "b@b.example"}', number=1)
    stubs = made(first, second, third, fourth)
    assert [stubs[name]["request"]["formParameters"] for name in ("post-pay", "post-pay-2")] == [
        {"amount": {"equalTo": "1"}},
        {"amount": {"equalTo": "2"}},
    ]
    wanted = [stubs[name]["request"]["bodyPatterns"][0]["equalToJson"] for name in ("post-buy", "post-buy-2")]
    assert '"amount":1,' in wanted[0] and '"${json-unit.any-string}"' in wanted[0]


def test_a_single_request_takes_any_body() -> None:
    """Where only one body went to a place, the stub answers whatever is sent there."""
    assert "bodyPatterns" not in made(call("POST", "/pay", {}, body='{"a": 1}'))["post-pay"]["request"]


def test_changing_answers_come_in_their_order() -> None:
    """Equal requests with different answers become a chain; the last answer stays."""
    answers = [{"state": "new"}, {"state": "new"}, {"state": "paid"}]
    stubs = made(*(call("GET", "/orders/1", answer, number=number) for number, answer in enumerate(answers)))
    first, second = stubs["get-orders-1"], stubs["get-orders-1.2"]
    assert (first["requiredScenarioState"], first["newScenarioState"]) == ("Started", "answer 2")
    assert second["requiredScenarioState"] == "answer 2"
    assert "newScenarioState" not in second


def test_names_do_not_depend_on_the_order_of_calls() -> None:
    """The same requests in another order give the same files."""
    calls = [call("GET", "/b", {"n": 1}), call("GET", "/a", {"n": 2}), call("GET", "/a", {"n": 3}, query="q=1")]
    assert made(*calls) == made(*reversed(calls))


def test_personal_data_is_replaced_and_people_stay_apart() -> None:
    """Names, e-mails, phones, streets, birthdays, IP addresses and IBANs are made up, one for each person."""
    answer = {
        "customer": {"name": "Zoë Blanc", "email": "zoe@shop.example", "phone": "+33 1 23"},
        "other": {"email": "max@shop.example", "first_name": "Max"},
        "again": "write to zoe@shop.example",
        "shipping": {"address": {"line1": "5 rue X", "postal_code": "75001", "city": "Paris"}},
        "product": {"name": "T-shirt"},
        "ip": "203.0.113.9",
        "iban": "DE89370400440532013000",
        "birth_date": "1990-02-03",
        "price": 1.10,
    }
    said = made(call("GET", "/c", answer))["get-c"]["response"]["body"]
    told = json.loads(said)
    assert '"price":1.1' in said
    assert told["customer"] == {"name": "Person 1", "email": "person1@example.com", "phone": "+999000000001"}
    assert told["other"] == {"email": "person2@example.com", "first_name": "Person 2"}
    assert told["again"] == "write to person1@example.com"
    assert told["shipping"]["address"] == {"line1": "Street 1", "postal_code": "75001", "city": "Paris"}
    assert told["product"]["name"] == "T-shirt"
    assert (told["ip"], told["iban"][:7], told["birth_date"]) == ("192.0.2.1", "XX00ASS", "1970-01-01")


def test_personal_data_in_forms_and_xml() -> None:
    """The same holds for form fields with brackets and for XML elements."""
    masked = Pseudonyms()
    form = masked.body("billing_details%5Bname%5D=Zo%C3%AB&amount=3", FORM)
    assert form == "billing_details%5Bname%5D=Person+1&amount=3"
    xml = masked.body("<a:AttentionName>Zoë</a:AttentionName><Email>z@x.example</Email><Code>7</Code>", "text/xml")
    assert xml == "<a:AttentionName>Person 1</a:AttentionName><Email>person1@example.com</Email><Code>7</Code>"


def test_a_person_in_a_path_is_anybody() -> None:
    """An e-mail address in a path is replaced, and the stub answers for every address."""
    ((name, stub),) = made(call("GET", "/people/zoe@shop.example/orders", {})).items()
    assert name == "get-people-person1-example.com-orders"
    assert stub["request"]["urlPathPattern"] == "/people/[^/]+/orders"


def test_whoever_has_an_email_address_is_a_person() -> None:
    """A field `name` beside an e-mail address or a telephone is a person's, in JSON and in forms; else it is none."""
    assert '"name":"Person 1"' in Pseudonyms().body('{"email": "z@x.example", "name": "Zoë"}', "application/json")
    assert "name=Person+1" in Pseudonyms().body("email=z@x.example&name=Zoe", FORM)
    assert "T-shirt" in Pseudonyms().body('{"sku": "1", "name": "T-shirt"}', "application/json")


def test_a_card_number_that_was_sent_is_refused_with_its_place() -> None:
    """A request in which masking found a card number is not recorded; its place is told, the number is not."""
    body = json.dumps({"card": {"pan": "424242******4242"}})
    recording = record([call("POST", "/pay", {}, body=body)], system="pay", host=None, origin=None)
    assert recording.stubs == {}
    assert list(recording.cards) == ["POST /pay, request body card.pan"]


def test_what_cannot_be_recorded_says_why() -> None:
    """A long or binary answer, a fault's answer and a refused call are left out with the reason."""
    calls = [
        call("GET", "/long", "<40000 bytes, the first 16384 of them with sha256 ab>"),
        call("GET", "/fault", {}, fault="status pay"),
        call("GET", "/hung", {}, status=0),
    ]
    recording = record(calls, system="pay", host=None, origin=None)
    assert recording.stubs == {}
    assert [sentence.split(":")[0] for sentence in recording.left_out] == ["GET /long", "GET /fault", "GET /hung"]
