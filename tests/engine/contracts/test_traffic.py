"""Traffic is judged by path in both directions, whatever stands in a journal, and never stops the judging."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from assay.cli import cli
from assay.contracts.registry import CONTRACT, VENDOR, Held, Registry
from assay.contracts.results import Observed
from assay.contracts.traffic import Traffic, templated
from assay.contracts.traffic_findings import findings
from assay.contracts.traffic_said import access_log, of_call
from assay.contracts.traffic_selector import selector_of
from assay.edge.journal import read_exchange
from assay.events import Exchange, Result
from assay.local.project import plan_for
from assay.records import Call
from assay.runners.contract_traffic import RunTraffic
from assay.store import open_store

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
ORDER = {
    "type": "object",
    "required": ["amount", "currency"],
    "properties": {
        "amount": {"type": "integer"},
        "currency": {"enum": ["EUR", "JPY"]},
        "note": {"type": ["string", "null"]},
        "phone": {"type": "string"},
        "old": {"type": "string", "deprecated": True},
        "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
    },
}
PLACED = {
    "type": "object",
    "required": ["id", "amount"],
    "properties": {"id": {"type": "string"}, "amount": {"type": "integer"}, "state": {"enum": ["new", "paid"]}},
}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Orders", "version": "1"},
    "paths": {
        "/v1/orders": {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        JSON: {"schema": ORDER},
                        FORM: {"schema": ORDER},
                        "multipart/form-data": {"schema": ORDER},
                        "application/xml": {"schema": {"type": "object"}},
                    },
                },
                "responses": {
                    "201": {"description": "", "content": {JSON: {"schema": PLACED}}},
                    "422": {"description": "", "content": {JSON: {"schema": {"type": "object"}}}},
                },
            },
            "get": {
                "deprecated": True,
                "parameters": [
                    {"name": "limit", "in": "query", "required": True, "schema": {"type": "integer"}},
                    {"name": "state", "in": "query", "schema": {"type": "array", "items": {"enum": ["new", "paid"]}}},
                    {
                        "name": "created",
                        "in": "query",
                        "style": "deepObject",
                        "schema": {"type": "object", "properties": {"gte": {"type": "integer"}}},
                    },
                    {"name": "Trace", "in": "header", "required": True, "schema": {"type": "string"}},
                ],
                "responses": {"200": {"description": "", "content": {JSON: {"schema": {"type": "object"}}}}},
            },
        },
        "/v1/orders/{id}": {
            "get": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"enum": ["o1", "o2"]}}],
                "responses": {"200": {"description": "", "content": {JSON: {"schema": PLACED}}}},
            }
        },
    },
    "webhooks": {
        "paid": {"post": {"requestBody": {"content": {JSON: {"schema": PLACED}}}, "responses": {"200": {}}}},
    },
}


def held(folder: Path, document: Mapping[str, Any] = DOCUMENT, role: Any = CONTRACT) -> Held:
    """Write a document and return it as held of the system `shopping`."""
    path = folder / f"{role}.json"
    path.write_text(json.dumps(document))
    return Held("shopping", role, "test", path)


@pytest.fixture
def traffic(tmp_path: Path) -> Traffic:
    """Traffic with a system that has one document, its webhooks taken at /hooks."""
    return Traffic(Registry({"shopping": [held(tmp_path)]}), webhooks={"/hooks": "shopping"})


def call(**more: Any) -> Call:
    """Return a call as the journal holds it: by default a right one that places an order."""
    usual: dict[str, Any] = {
        "id": "1", "at": AT, "system": "shopping", "way": "proxy", "method": "POST", "host": "api.example",
        "path": "/v1/orders", "query": "", "status": 201, "duration_ms": 1, "refused": False,
        "request_headers": {"content-type": JSON}, "request_body": '{"amount": 5, "currency": "EUR"}',
        "response_headers": {"content-type": f"{JSON};charset=utf-8"}, "response_body": '{"id": "o1", "amount": 5}',
    }  # fmt: skip
    return Call(**{**usual, **more})


def asked(body: str, media: str = JSON) -> Call:
    """Return a call with another request."""
    return call(request_body=body, request_headers={"content-type": media})


def answered(body: str, status: int = 201, media: str = JSON) -> Call:
    """Return a call with another answer."""
    return call(response_body=body, status=status, response_headers={"content-type": media})


def got(query: str = "limit=1", headers: Mapping[str, str] = {"trace": "t"}, path: str = "/v1/orders") -> Call:
    """Return a call that lists orders."""
    return call(
        method="GET", path=path, query=query, status=200, request_headers=dict(headers), request_body="",
        response_body="{}",
    )  # fmt: skip


def own_exchange(answer: str) -> Exchange:
    """Return an exchange of a connector's, with this answer."""
    return Exchange(
        system="shopping", method="GET", url="http://127.0.0.1:9/v1/orders/o1", request_headers={}, request_body="",
        status=200, response_headers={"Content-Type": JSON}, response_body=answer, started_at=AT, seconds=0.1,
    )  # fmt: skip


def places(observed: Sequence[Observed]) -> list[str]:
    """Return every deviation as text."""
    return [
        f"{counted.direction} {counted.deviation.problem} {counted.deviation.path}".strip()
        for each in observed
        for counted in each.counted
    ]


DEPRECATED = "request deprecated"
_PART = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
PARTS = f"{_PART.format('amount', 5)}{_PART.format('currency', 'EUR')}--b--\r\n"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (call(), []),
        (asked('{"amount": 5.5, "currency": "EUR"}'), ["request wrong type amount"]),
        (asked('{"amount": 7000.0, "currency": "EUR"}'), ["request wrong type amount"]),
        (asked('{"amount": null, "currency": "EUR"}'), ["request null where none is allowed amount"]),
        (asked('{"currency": "EUR"}'), ["request required field missing amount"]),
        (asked('{"amount": 5, "currency": "XXX"}'), ["request value outside the documented set currency"]),
        (asked('{"amount": 5, "currency": "EUR", "tip": 1}'), ["request undocumented field tip"]),
        (asked('{"amount": 5, "currency": "EUR", "old": "x"}'), ["request deprecated old"]),
        (asked('{"amount": 5, "currency": "***"}'), []),
        (asked("amount=5", "text/csv"), ["request wrong content type"]),
        (asked('{"amount": 5, "curr'), ["request cannot be read"]),
        (asked(""), ["request required field missing"]),
        (asked("amount=5&currency=EUR&metadata[a]=1&lines[0][sku]=x", FORM), []),
        (asked("amount=952.381&currency=EUR", FORM), ["request wrong type amount"]),
        (asked("amount=5&currency=EUR&lines[0][colour]=x", FORM), ["request undocumented field lines[].colour"]),
        (asked(PARTS, "multipart/form-data; boundary=b"), []),
        (asked("--b\r\nContent-Disp", "multipart/form-data; boundary=b"), ["request cannot be read"]),
        (asked('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "application/xml"),
         ["request cannot be read"]),
        (asked("<a><b></a>", "application/xml"), ["request cannot be read"]),
        (asked("<a><b/></a>", "application/xml"), []),
        (answered('{"id": "o1", "amount": 5}', 418), ["answer undocumented status"]),
        (answered('{"id": "o1"}'), ["answer required field missing amount"]),
        (answered('{"id": "o1", "amount": 5, "state": "lost"}'), ["answer value outside the documented set state"]),
        (answered("<html>", media="text/html"), ["answer wrong content type"]),
        (got(), [DEPRECATED]),
        (got("limit=x"), [DEPRECATED, "request wrong type query limit"]),
        (got(""), [DEPRECATED, "request required field missing query limit"]),
        (got("limit=1&odd=1"), ["request undocumented parameter query odd", DEPRECATED]),
        (got("limit=1&state=new,paid&created[gte]=17"), [DEPRECATED]),
        (got("limit=1&state=lost"), [DEPRECATED, "request value outside the documented set query state[]"]),
        (got("limit=1&created[gte]=soon"), [DEPRECATED, "request wrong type query created.gte"]),
        (got(headers={}), [DEPRECATED, "request required field missing header trace"]),
        (got("", path="/v1/orders/o9"), ["answer required field missing amount", "answer required field missing id",
                                         "request value outside the documented set path id"]),
        (got(path="/v1/carts/17/lines"), ["request undocumented operation"]),
        (call(way="reverse", path="/hooks", request_body='{"id": "o1", "amount": "5"}', status=200, response_body=""),
         ["request wrong type amount"]),
    ],
)  # fmt: skip
def test_a_call_departs_where_the_document_says(traffic: Traffic, said: Call, expected: list[str]) -> None:
    """Each way of departing is one place with its direction and path; what is right or masked is none."""
    traffic.take([said])
    assert sorted(places(traffic.observed())) == sorted(expected)
    assert traffic.judged == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (call(refused=True), "1 refused by the edge"),
        (call(fault="status"), "1 with a fault in its way"),
        (answered(f"<20000 bytes, the first 16384 of them with sha256 {'0' * 64}>"), "too long to be kept"),
        (answered("<9 bytes, no UTF-8 text>"), "its body is binary"),
        (call(system="other"), "of a system without a document"),
        (call(way="reverse", path="/elsewhere"), "takes no webhooks"),
        (asked("amount=5\x00", JSON), ""),
    ],
)
def test_what_cannot_be_judged_is_counted_with_the_reason(traffic: Traffic, said: Call, reason: str) -> None:
    """A refused or faulted call, a body nobody kept and a stranger break nothing, and are named."""
    traffic.take([said])
    told = " ".join(traffic.left_out.values())
    assert reason in told
    if reason:
        assert not places(traffic.observed())


def test_packed_bodies_are_judged_and_cut_ones_named(traffic: Traffic) -> None:
    """A gzip answer is judged as what it says; one that ends in the middle is binary, and no crash."""

    def entry(body: bytes) -> dict[str, Any]:
        headers = {"Content-Type": JSON, "Content-Encoding": "gzip"}
        request = {
            "url": "/v1/orders", "absoluteUrl": "https://api.example/v1/orders", "method": "POST", "loggedDate": 1,
            "headers": {"Content-Type": JSON}, "browserProxyRequest": True, "host": "api.example",
            "bodyAsBase64": base64.b64encode(b'{"amount":5,"currency":"EUR"}').decode(),
        }  # fmt: skip
        response = {"status": 201, "headers": headers, "bodyAsBase64": base64.b64encode(body).decode()}
        stub = {"metadata": {"assay": {"system": "shopping", "way": "proxy"}}}
        return {"id": "x", "request": request, "response": response, "stubMapping": stub, "timing": {"totalTime": 1}}

    packed = gzip.compress(b'{"id":"o1","amount":"5"}')
    for body in (packed, packed[:12]):
        seen = read_exchange(entry(body))
        traffic.take([call(response_headers=dict(seen.response_headers), response_body=str(seen.response_body))])
    assert places(traffic.observed()) == ["answer wrong type amount"]
    assert "1 answers of which its body is binary" in traffic.left_out["shopping"]


def test_deviations_are_counted_by_path_with_one_masked_example(traffic: Traffic) -> None:
    """The same place in many calls is one entry with count, first, last and one example without secrets."""
    for minute in range(3):
        body = '{"amount": "5", "currency": "EUR", "note": "to jane.doe@example.com"}'
        traffic.take([call(at=AT + timedelta(minutes=minute), request_body=body)])
    (observed,) = traffic.observed()
    (counted,) = observed.counted
    assert (observed.exchanges, observed.statuses, counted.count) == (3, {"201": 3}, 3)
    assert (counted.first, counted.last) == (AT, AT + timedelta(minutes=2))
    assert "POST /v1/orders" in counted.example
    assert "jane.doe" not in counted.example
    assert observed.judged_by == ("contract: test",)


def test_memory_does_not_grow_with_names_and_paths(traffic: Traffic) -> None:
    """A thousand paths nobody documented and a thousand new fields are a few hundred entries."""
    odd = {f"field{number}": 1 for number in range(1_000)}
    traffic.take([asked(json.dumps({"amount": 1, "currency": "EUR", **odd}))])
    traffic.take(
        call(path=f"/{chr(97 + number % 26)}{'abcdefghij'[number // 100]}{number // 26 * 'x'}/y")
        for number in range(1_000)
    )
    observed = traffic.observed()
    assert len(observed) <= 202
    assert sum(len(each.counted) for each in observed) <= 600
    assert sum(each.exchanges for each in observed) == 1_001


def test_paths_nobody_documented_lose_their_ids() -> None:
    """Calls of one operation are one, whatever order they are about."""
    assert templated("/v1/orders/ord_8J2k/lines/7") == "/v1/orders/{}/lines/{}"
    assert templated("/odata/A_Order('17')") == "/odata/A_Order({})"


def test_the_vendors_document_decides_and_the_contract_holds_besides(tmp_path: Path) -> None:
    """What the vendor documents is documented; a rule that only the contract has is held, too, and both are named."""
    narrow = json.loads(json.dumps(DOCUMENT))
    narrow["paths"]["/v1/orders"]["post"]["responses"].pop("422")
    rule = {"if": {"properties": {"currency": {"const": "JPY"}}}, "then": {"required": ["phone"]}}
    schema = narrow["paths"]["/v1/orders"]["post"]["requestBody"]["content"][JSON]["schema"]
    schema["allOf"] = [rule]
    schema["properties"].pop("note")
    documents = [held(tmp_path, narrow), held(tmp_path, DOCUMENT, VENDOR)]
    traffic = Traffic(Registry({"shopping": documents}))
    traffic.take([answered("{}", 422), asked('{"amount": 5, "currency": "EUR", "note": "x"}')])
    assert not places(traffic.observed())
    traffic.take([asked('{"amount": 5, "currency": "JPY"}')])
    (observed,) = traffic.observed()
    assert places([observed]) == ["request required field missing phone"]
    assert observed.judged_by == ("vendor: test", "contract: test")


def test_a_refusal_of_what_the_document_allows_is_a_deviation(traffic: Traffic) -> None:
    """Whoever asks for a field the document leaves out freely breaks it; whoever names what was wrong does not."""
    refusal = '{"error": {"field": "phone", "message": "\'phone\' is missing."}}'
    traffic.take([answered(refusal, 422)])
    (observed,) = traffic.observed()
    assert places([observed]) == ["answer against the schema phone"]
    assert "phone" in observed.counted[0].deviation.seen
    wrong = call(status=422, response_body=refusal, request_body='{"amount": "5", "currency": "EUR"}')
    fresh = [answered('{"error": "the amount is too high"}', 422), wrong]
    traffic.take(fresh)
    assert sum(each.count for each in traffic.observed()[0].counted) == 2


def test_places_known_to_be_wrong_are_excused_and_counted(tmp_path: Path) -> None:
    """An entry of deviations.toml excuses its place, with its reason; another place stays a deviation."""
    contract = held(tmp_path)
    entry = '[[deviation]]\noperation = "POST /v1/orders"\npath = "amount"\nreason = "seen so"\nonly = "traffic"\n'
    (tmp_path / "contract.deviations.toml").write_text(entry)
    traffic = Traffic(Registry({"shopping": [contract]}))
    traffic.take([asked('{"amount": "5", "currency": "XXX"}')])
    assert places(traffic.observed()) == ["request value outside the documented set currency"]
    assert traffic.excused == {"shopping": {"seen so": 1}}


def test_other_sources_are_taken_and_named(traffic: Traffic, tmp_path: Path) -> None:
    """A simulator's access log and the connectors' own exchanges are judged, and the source is said."""
    lines = [
        {"at_us": 1, "method": "GET", "path": "/v1/orders", "query": "limit=x", "status": 500, "us": 1, "bytes": 2},
        {"at_us": 2, "method": "POST", "path": "/v1/orders", "query": "", "status": 201, "request": '{"amount": 1}',
         "response": '{"id": 1, "amount": 1}'},
        {"at_us": 3, "method": "GET", "path": "/v1/orders", "status": 503, "fault": "status"},
    ]  # fmt: skip
    log = b"".join(json.dumps(line).encode() + b"\n" for line in lines) + b'{"at_us": 4, "met'
    (tmp_path / "shopping.access.jsonl").write_bytes(log)
    traffic.take(access_log(tmp_path, ["shopping", "silent"]))
    assert sorted(places(traffic.observed())) == [
        "answer undocumented status",
        "answer wrong type id",
        DEPRECATED,
        "request required field missing currency",
        "request wrong type query limit",
    ]
    traffic.take([own_exchange('{"id": "o1", "amount": true}')])
    live = [each for each in traffic.observed() if each.where == "live"]
    assert places(live) == ["answer wrong type amount"]
    assert [each.split(" ")[1] for each in traffic.sources] == ["simulators'", "connectors'"]


def test_findings_tell_what_broke_and_leave_out_what_was_added(traffic: Traffic) -> None:
    """Each violated place is a finding of O-D1 with operation, path and example, told once; additions are none."""
    traffic.take([asked('{"amount": "5", "currency": "EUR", "tip": 1}')])
    (finding,) = findings(traffic.news())
    assert (finding.oracle, finding.result) == ("O-D1", Result.FAIL)
    assert "amount" in finding.expected
    assert "POST /v1/orders" in finding.expected
    assert finding.evidence
    assert not findings(traffic.news())
    traffic.take([asked('{"amount": "5", "currency": "EUR"}')])
    assert len(findings(traffic.news())) == 1


def command(folder: Path, *arguments: str) -> Any:
    """Run `assay contracts traffic` in a project of one system."""
    return CliRunner().invoke(cli, ["contracts", "traffic", "--profile", str(folder / "assay.toml"), *arguments])


PROFILE = """
name = "one system"
[systems.shopping]
role = "other"
host = "api.example"
contract = "contract.json"
[environments.local.systems]
shopping = { mode = "sandbox", base_url = "http://127.0.0.1:9" }
"""


def test_the_command_judges_the_stored_journal(tmp_path: Path) -> None:
    """Exit 1 with the place, 0 where nothing broke, 5 where nothing could be judged, 2 for an unknown system or run."""
    (tmp_path / "assay.toml").write_text(PROFILE)
    held(tmp_path)
    assert command(tmp_path).exit_code == 5
    store = open_store(tmp_path / ".assay" / "local" / "store.sqlite")
    now = datetime.now(UTC)
    store.add_calls("local", [call(id=str(number), at=now) for number in range(3)])
    good = command(tmp_path)
    assert good.exit_code == 0, good.output
    assert "3 exchanges, from the edge's journal; 3 judged, 1 operations seen" in good.output
    store.add_calls("local", [call(id="old", at=now - timedelta(hours=2), request_body="[]")])
    store.close()
    assert command(tmp_path, "--since", "1h").exit_code == 0
    told = command(tmp_path)
    assert told.exit_code == 1
    assert "violation: request: wrong type: expected object" in told.output
    content = json.loads(command(tmp_path, "shopping", "--json").output)
    assert (content["violations"], content["exchanges"]) == (1, 4)
    assert command(tmp_path, "shoping").exit_code == 2
    assert command(tmp_path, "--run", "nothing").exit_code == 2
    assert command(tmp_path, "--run", "x", "--since", "1h").exit_code == 2


def test_a_run_tells_each_thing_once_by_the_contracts(tmp_path: Path) -> None:
    """Traffic of a run is judged as it comes: broken, then nothing new, then kept; strangers alone say why not."""
    (tmp_path / "assay.toml").write_text(PROFILE)
    held(tmp_path)
    run = RunTraffic(plan_for("local", tmp_path / "assay.toml"))
    assert run.findings([], journalled=True) == []
    (blind,) = run.findings([call(system="other")], journalled=True)
    assert (blind.result, "other: 1 of a system without a document" in blind.reason) == (Result.NOT_EVALUATED, True)
    (broken,) = run.findings([call(), call(request_body="[]")], journalled=True)
    assert (broken.result, broken.systems) == (Result.FAIL, ("platform", "shopping"))
    assert [each.result for each in run.findings([call()], journalled=True)] == [Result.PASS]
    run.note([own_exchange('{"id": "o1", "amount": 1.5}')])
    assert run.findings([], journalled=True) == []  # the shop alone is judged where a journal has the rest
    run.note([own_exchange('{"id": "o1", "amount": 1.5}')])
    assert [each.result for each in run.findings([], journalled=False)] == [Result.FAIL]


SCHEMA = "type Query { order(id: ID!): Order }\ntype Order { id: ID!\n total: Int }\n"


@pytest.mark.parametrize(
    ("query", "answer", "expected"),
    [
        ("{ order(id: 1) { id total } }", {"data": {"order": {"id": "1", "total": 5}}}, []),
        (
            "{ order(id: 1) { id total } }",
            {"data": {"order": {"id": "1", "total": "5"}}},
            ["answer wrong type data.order.total"],
        ),
        ("{ parcels { id } }", {"data": None}, ["request undocumented operation"]),
        ("{ order(id: 1) { id", {"data": None}, ["request undocumented operation"]),
    ],
)
def test_graphql_is_judged_by_what_the_query_selected(
    tmp_path: Path, query: str, answer: dict[str, Any], expected: list[str]
) -> None:
    """All operations share one path: the root field says which, and the selection what the answer must be."""
    path = tmp_path / "schema.graphql"
    path.write_text(SCHEMA)
    traffic = Traffic(Registry({"shopping": [Held("shopping", VENDOR, "test", path)]}))
    body, said = json.dumps({"query": query}), json.dumps(answer)
    traffic.take([call(path="/admin/api/graphql.json", request_body=body, response_body=said, status=200)])
    assert places(traffic.observed()) == expected


@pytest.mark.parametrize(
    ("body", "headers", "selector"),
    [
        (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><addList/></e:Body></e:Envelope>',
            {},
            "addList",
        ),
        ("<x/>", {"soapaction": '"urn:add"'}, "urn:add"),
        ("<cXML><Header/><Request><OrderRequest/></Request></cXML>", {}, "OrderRequest"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', {}, ""),
        ("<cut", {}, ""),
    ],
)
def test_xml_says_its_operation_itself(body: str, headers: dict[str, str], selector: str) -> None:
    """SOAP by its action or body element, cXML by its request element; what cannot be read says none."""
    assert selector_of(of_call(call(request_body=body, request_headers=headers), {})) == selector


def test_xml_is_judged_by_a_dtd_wherever_it_is_served(tmp_path: Path) -> None:
    """A message of XML is held against the declarations of its root, and the path of the address does not matter."""
    path = tmp_path / "order.dtd"
    path.write_text(
        "<!ELEMENT cXML (Request)><!ELEMENT Request (OrderRequest)>"
        "<!ELEMENT OrderRequest EMPTY><!ATTLIST OrderRequest id CDATA #REQUIRED>"
    )
    traffic = Traffic(Registry({"shopping": [Held("shopping", VENDOR, "test", path)]}))
    for order in ('<OrderRequest id="1"/>', "<OrderRequest/>"):
        body = f"<cXML><Request>{order}</Request></cXML>"
        headers = {"content-type": "text/xml; charset=UTF-8"}
        traffic.take([call(path="/punchout", request_body=body, request_headers=headers, response_body="", status=200)])
    assert places(traffic.observed()) == ["request required field missing Request.OrderRequest@id"]
