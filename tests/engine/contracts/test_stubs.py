"""`assay contracts stubs` finds what a stub answers that its vendor cannot, and judges nothing it cannot know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from assay.cli import cli
from assay.contracts.model import Problem

ROOT = Path(__file__).parents[3]
JSON = {"Content-Type": "application/json"}
PROFILE = """\
[systems.pay]
role = "payments"
host = "pay.example"
contract = "pay.yaml"
[environments.local.systems]
pay = "stub"
"""
CONTRACT = """\
openapi: 3.1.0
info: {title: Pay, version: "1"}
servers: [{url: https://pay.example/api}]
paths:
  /payments/{id}:
    get:
      parameters:
        - {name: id, in: path, required: true, schema: {type: string, pattern: "^p_"}}
        - {name: expand, in: query, required: true, schema: {type: string}}
      responses:
        "200":
          description: One.
          content:
            application/json:
              schema:
                type: object
                required: [id, amount]
                properties: {id: {type: string}, amount: {type: integer}, state: {enum: [open, paid]}}
        "404": {description: None, content: {application/json: {schema: {type: object}}}}
  /payments:
    post:
      requestBody:
        content: {application/json: {schema: {type: object, properties: {card: {type: string}}}}}
      responses:
        "201": {description: Made, content: {application/json: {schema: {type: object, required: [id]}}}}
"""
GET = {"method": "GET", "urlPath": "/api/payments/p_1"}
PAID = {"id": "p_1", "amount": 100, "state": "paid"}


def answering(body: object, request: Mapping[str, Any] = GET, status: int = 200, **more: Any) -> dict[str, Any]:
    """Return a mapping that answers this JSON."""
    return {"request": dict(request), "response": {"status": status, "jsonBody": body, **more}}


def held(folder: Path, mapping: Mapping[str, Any] | str, *more: str) -> Result:
    """Write a project with one stub, and hold it."""
    place = folder / "mocks" / "pay" / "stubs"
    place.mkdir(parents=True, exist_ok=True)
    (folder / "assay.toml").write_text(PROFILE)
    (folder / "pay.yaml").write_text(CONTRACT)
    (place / "one.json").write_text(mapping if isinstance(mapping, str) else json.dumps(mapping))
    profile = ["--profile", str(folder / "assay.toml"), "--system", "pay"]
    return CliRunner().invoke(cli, ["contracts", "stubs", *profile, *more])


def found(folder: Path, mapping: Mapping[str, Any] | str) -> tuple[list[tuple[str, str]], dict[str, Any], int]:
    """Return the deviations of one stub, its row, and the exit code."""
    done = held(folder, mapping, "--json")
    (row,) = json.loads(done.stdout)["stubs"]
    return [(each["problem"], each["path"]) for each in row["deviations"]], row, done.exit_code


WRONG: list[tuple[dict[str, Any], str, str]] = [
    (answering({**PAID, "amount": "100"}), "wrong type", "amount"),
    (answering({"id": "p_1"}), "required field missing", "amount"),
    (answering({**PAID, "state": "lost"}), "value outside the documented set", "state"),
    (answering(PAID, status=202), "undocumented status", ""),
    (answering(PAID, {"method": "GET", "urlPath": "/payments/p_1"}), "undocumented operation", ""),
    (answering(PAID, {"method": "PUT", "urlPathPattern": "/api/payments/.*"}), "undocumented operation", ""),
    (answering("x", headers={"Content-Type": "text/html"}), "wrong content type", ""),
    (answering({}, {"method": "POST", "urlPathTemplate": "/api/payments"}, 201), "required field missing", "id"),
]


@pytest.mark.parametrize(("mapping", "problem", "path"), WRONG, ids=[f"{each[1]}-{each[2]}" for each in WRONG])
def test_what_a_vendor_cannot_answer(tmp_path: Path, mapping: dict[str, Any], problem: str, path: str) -> None:
    """A wrong field, status, content type or address is named with its place, and is exit 1."""
    deviations, _, code = found(tmp_path, mapping)
    assert (deviations, code) == ([(problem, path)], 1)


RIGHT: list[dict[str, Any]] = [
    answering(PAID),
    answering(PAID, {"method": "GET", "urlPathPattern": "/api/payments/(p_[a-z0-9]+|q)"}),
    answering(PAID, {"method": "GET", "urlPattern": r"/api/payments/p_1\?expand=.*"}),
    answering(PAID, {"urlPathTemplate": "/api/payments/{any}", "pathParameters": {"any": {"equalTo": "p_1"}}}),
    answering({"id": "{{randomValue}}", "amount": "{{request.query.amount}}"}),
    {"request": GET, "response": {"body": '{"id": "p_1", "amount": {{now}} }', "headers": JSON}},
]  # fmt: skip


@pytest.mark.parametrize(
    "mapping", RIGHT, ids=["path", "pattern", "with query", "template", "filled in", "filled text"]
)
def test_what_a_vendor_can_answer(tmp_path: Path, mapping: dict[str, Any]) -> None:
    """Every way to write an address is understood, and what is filled in when it is answered is not judged."""
    deviations, row, code = found(tmp_path, mapping)
    assert (deviations, row["operation"], code) == ([], "GET /api/payments/{id}", 0)


def test_a_body_file_is_judged(tmp_path: Path) -> None:
    """What `bodyFileName` names is held like a body in the mapping; one that is not there is the stub's trouble."""
    (tmp_path / "mocks" / "pay" / "__files").mkdir(parents=True)
    mapping = {
        "request": GET,
        "response": {"bodyFileName": "paid.json", "headers": {"Content-Type": "application/json"}},
    }
    assert found(tmp_path, mapping)[0] == [("cannot be read", "")]
    (tmp_path / "mocks" / "pay" / "__files" / "paid.json").write_text(json.dumps({**PAID, "amount": None}))
    assert found(tmp_path, mapping)[0] == [("null where none is allowed", "amount")]


def test_what_no_document_can_say_is_undecided(tmp_path: Path) -> None:
    """An outage that the document leaves out is no mistake of the stub and is told; so are faults and proxies."""
    for mapping in (
        answering({}, status=503),
        {"request": GET, "response": {"fault": "EMPTY_RESPONSE"}},
        {"request": GET, "response": {"proxyBaseUrl": "http://127.0.0.1:1"}},
        answering(PAID, {"urlPathPattern": "/api/payments/(("}),
    ):
        deviations, row, _ = found(tmp_path, mapping)
        assert deviations == []
        assert len(row["undecided"]) == 1


def test_a_stub_may_be_wrong_on_purpose_and_must_then_be_wrong(tmp_path: Path) -> None:
    """A reason in its metadata excuses a stub; where the document allows what it answers, the reason is the mistake."""
    reason = {"metadata": {"outside_contract": "a proxy answers so"}}
    wrong = {**answering("x", headers={"Content-Type": "text/html"}), **reason}
    deviations, row, code = found(tmp_path, wrong)
    assert (deviations, row["excused"], code) == ([], "a proxy answers so", 0)
    deviations, _, code = found(tmp_path, {**answering(PAID), **reason})
    assert (deviations, code) == ([("against the schema", "metadata")], 1)


def test_new_fields_and_waiting_for_what_nobody_sends_are_information(tmp_path: Path) -> None:
    """A field the document does not list, and a request no caller by the document makes, are told and break nothing."""
    request = {
        "method": "POST",
        "urlPath": "/api/payments",
        "queryParameters": {"colour": {"equalTo": "red"}},
        "bodyPatterns": [{"matchesJsonPath": "$.wallet.kind"}, {"matchesJsonPath": "$.card"}],
    }
    deviations, _, code = found(tmp_path, answering({"id": "p_1"}, request, 201))
    expected = [("undocumented parameter", "request query colour"), ("undocumented field", "request wallet.kind")]
    assert (deviations, code) == (expected, 0)


def test_a_file_that_is_no_mapping_is_named_and_the_rest_is_judged(tmp_path: Path) -> None:
    """Half a file and a file with many mappings lie in one folder: the first is named, each of the others judged."""
    folder = tmp_path / "wiremock"
    folder.mkdir()
    (folder / "half.json").write_text('{"request": ')
    many = {"mappings": [answering(PAID), answering({**PAID, "id": 7})]}
    (folder / "many.json").write_text(json.dumps(many))
    done = held(tmp_path, answering(PAID), "--json", str(folder))
    rows = json.loads(done.stdout)["stubs"]
    assert [[each["problem"] for each in row["deviations"]] for row in rows] == [["cannot be read"], [], ["wrong type"]]
    assert rows[2]["file"].endswith("many.json[1]")
    assert done.exit_code == 1


def test_no_stub_or_place_at_all(tmp_path: Path) -> None:
    """A place that is not there is exit 2; a folder without a stub is exit 5, as nothing was judged."""
    (tmp_path / "empty").mkdir()
    assert held(tmp_path, answering(PAID), str(tmp_path / "nowhere")).exit_code == 2
    assert held(tmp_path, answering(PAID), str(tmp_path / "empty")).exit_code == 5


def test_every_stub_of_ours_is_one_its_vendor_could_answer() -> None:
    """Each shipped stub is held against the contract, and the vendor's documents where they are; none is broken."""
    done = CliRunner().invoke(cli, ["contracts", "stubs", "--profile", str(ROOT / "assay.toml"), "--json"])
    rows = json.loads(done.stdout)["stubs"]
    additive = {problem.value for problem in Problem if problem.is_additive}
    seen = [(row["file"], each) for row in rows for each in row["deviations"] if each["problem"] not in additive]
    files = {str(file.relative_to(ROOT)) for file in ROOT.glob("mocks/*/stubs/*.json")}
    assert {row["file"] for row in rows} == files
    assert (done.exit_code, seen) == (0, [])
    assert all(row["operation"] for row in rows)
