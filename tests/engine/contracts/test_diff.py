"""`assay contracts diff` names each kind of change, says how bad it is, and shows what is used before the rest."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from assay.cli import cli
from assay.contracts.diff_rules import RULES
from assay.records import Call
from assay.store import open_store

Edit = Callable[[dict[str, Any]], object]
SPECS = Path(os.environ.get("ASSAY_SPECS", Path(__file__).parents[3].parent / "shared" / "specs"))
ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "state"],
    "properties": {
        "id": {"type": "integer", "format": "int32"},
        "state": {"type": "string", "enum": ["open", "paid"]},
        "note": {"type": "string", "maxLength": 50},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
    },
}
BASKET: dict[str, Any] = {
    "type": "object",
    "required": ["sku"],
    "properties": {
        "sku": {"type": "string", "maxLength": 20},
        "colour": {"type": "string", "enum": ["red", "blue"]},
        "gift": {"type": "boolean"},
    },
}
PLACE, READ = "POST /v1/orders", "GET /v1/orders/{id}"
OLD: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Shop", "version": "1"},
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
    "security": [{"key": []}],
    "paths": {
        "/v1/orders": {
            "post": {
                "parameters": [
                    {"name": "dry", "in": "query", "schema": {"type": "boolean"}},
                    {"name": "page_size", "in": "query", "schema": {"type": "integer", "default": 10}},
                ],
                "requestBody": {"content": {"application/json": {"schema": BASKET}}},
                "responses": {
                    "201": {
                        "description": "",
                        "headers": {"Location": {"schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": ORDER}, "application/xml": {}},
                    },
                    "409": {"description": ""},
                },
            }
        },
        "/v1/orders/{id}": {
            "get": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "responses": {"200": {"description": "", "content": {"application/json": {"schema": ORDER}}}},
            }
        },
    },
}


def place(document: dict[str, Any]) -> dict[str, Any]:
    """Return the operation that places an order."""
    found: dict[str, Any] = document["paths"]["/v1/orders"]["post"]
    return found


def basket(document: dict[str, Any]) -> dict[str, Any]:
    """Return what is sent to place an order."""
    found: dict[str, Any] = place(document)["requestBody"]["content"]["application/json"]["schema"]
    return found


def order(document: dict[str, Any]) -> dict[str, Any]:
    """Return what is answered when an order is read."""
    answer = document["paths"]["/v1/orders/{id}"]["get"]["responses"]["200"]
    found: dict[str, Any] = answer["content"]["application/json"]["schema"]
    return found


def renamed(fields: dict[str, Any], old: str, new: str) -> None:
    """Give a field another name."""
    fields[new] = fields.pop(old)


# What is done to the document, and the one change that must be reported: rule, operation, place, path.
CASES: list[tuple[Edit, str, str, str, str]] = [
    (lambda d: d["paths"].pop("/v1/orders"), "operation-gone", PLACE, "", ""),
    (lambda d: renamed(d["paths"], "/v1/orders", "/2026-01/orders"), "operation-moved", PLACE, "", ""),
    (lambda d: d["paths"].update({"/v1/x": {"get": {"responses": {}}}}), "operation-new", "GET /v1/x", "", ""),
    (lambda d: place(d).update(deprecated=True), "operation-deprecated", PLACE, "", ""),
    (lambda d: place(d)["requestBody"].update(required=True), "sent-body-required", PLACE, "body", ""),
    (lambda d: place(d).pop("requestBody"), "sent-body-gone", PLACE, "body", ""),
    (lambda d: renamed(place(d)["requestBody"]["content"], "application/json", "application/xml"),
     "sent-content-type-gone", PLACE, "body", ""),
    (lambda d: place(d)["parameters"].pop(0), "parameter-gone", PLACE, "query", "dry"),
    (lambda d: place(d)["parameters"].append({"name": "shop", "in": "query", "required": True, "schema": {}}),
     "parameter-required-new", PLACE, "query", "shop"),
    (lambda d: place(d)["parameters"].append({"name": "X-Trace", "in": "header", "schema": {}}),
     "parameter-new", PLACE, "header", "X-Trace"),
    (lambda d: place(d)["parameters"][0].update(**{"in": "header"}), "parameter-moved", PLACE, "query", "dry"),
    (lambda d: place(d)["parameters"][1].update(name="pageSize"), "parameter-renamed", PLACE, "query", "page_size"),
    (lambda d: place(d)["parameters"][0].update(required=True), "sent-became-required", PLACE, "query", "dry"),
    (lambda d: place(d)["parameters"][0].update(schema={"type": "string"}), "sent-type-widened", PLACE, "query", "dry"),
    (lambda d: place(d)["parameters"][1]["schema"].update(default=20),
     "sent-default-changed", PLACE, "query", "page_size"),
    (lambda d: basket(d)["required"].append("gift"), "sent-became-required", PLACE, "body", "gift"),
    (lambda d: basket(d)["required"].clear(), "sent-became-optional", PLACE, "body", "sku"),
    (lambda d: (basket(d)["properties"].update(vat={"type": "string"}), basket(d)["required"].append("vat")),
     "sent-required-new", PLACE, "body", "vat"),
    (lambda d: basket(d)["properties"].update(vat={"type": "string"}), "sent-field-new", PLACE, "body", "vat"),
    (lambda d: basket(d)["properties"].pop("gift"), "sent-field-gone", PLACE, "body", "gift"),
    (lambda d: basket(d)["properties"]["colour"].update(enum=["red"]), "sent-value-gone", PLACE, "body", "colour"),
    (lambda d: basket(d)["properties"]["colour"]["enum"].append("green"), "sent-value-new", PLACE, "body", "colour"),
    (lambda d: basket(d)["properties"]["sku"].update(enum=["A1"]), "sent-values-closed", PLACE, "body", "sku"),
    (lambda d: basket(d)["properties"]["sku"].update(maxLength=10), "sent-limit-tightened", PLACE, "body", "sku"),
    (lambda d: basket(d)["properties"]["sku"].update(maxLength=30), "sent-limit-loosened", PLACE, "body", "sku"),
    (lambda d: basket(d)["properties"]["gift"].update(type="string"), "sent-type-narrowed", PLACE, "body", "gift"),
    (lambda d: basket(d)["properties"]["gift"].update(nullable=True), "sent-type-widened", PLACE, "body", "gift"),
    (lambda d: renamed(place(d)["responses"], "201", "200"), "success-status-changed", PLACE, "", ""),
    (lambda d: place(d)["responses"].pop("409"), "error-status-gone", PLACE, "", ""),
    (lambda d: place(d)["responses"].update({"202": {"description": ""}}), "success-status-new", PLACE, "", ""),
    (lambda d: place(d)["responses"]["201"]["content"].pop("application/xml"),
     "received-content-type-gone", PLACE, "201", ""),
    (lambda d: place(d)["responses"]["201"].pop("content"), "received-body-gone", PLACE, "201", ""),
    (lambda d: place(d)["responses"]["201"].pop("headers"), "header-gone", PLACE, "201", "location"),
    (lambda d: (order(d)["properties"].pop("state"), order(d)["required"].remove("state")),
     "received-required-gone", READ, "200", "state"),
    (lambda d: order(d)["properties"].pop("note"), "received-optional-gone", READ, "200", "note"),
    (lambda d: order(d)["properties"].update(tax={"type": "number"}), "received-field-new", READ, "200", "tax"),
    (lambda d: order(d)["required"].remove("id"), "received-became-optional", READ, "200", "id"),
    (lambda d: order(d)["required"].append("note"), "received-became-required", READ, "200", "note"),
    (lambda d: order(d)["properties"]["state"]["enum"].append("lost"), "received-value-new", READ, "200", "state"),
    (lambda d: order(d)["properties"]["state"].pop("enum"), "received-values-opened", READ, "200", "state"),
    (lambda d: order(d)["properties"]["state"].update(enum=["open"]), "received-value-gone", READ, "200", "state"),
    (lambda d: order(d)["properties"]["id"].update(type="string"), "received-type-changed", READ, "200", "id"),
    (lambda d: order(d)["properties"]["id"].update(type="number"), "received-type-widened", READ, "200", "id"),
    (lambda d: order(d)["properties"]["note"].update(nullable=True), "received-null-new", READ, "200", "note"),
    (lambda d: order(d)["properties"]["note"].update(maxLength=500),
     "received-limit-loosened", READ, "200", "note"),
    (lambda d: order(d)["properties"]["note"].update(maxLength=5), "received-limit-tightened", READ, "200", "note"),
    (lambda d: order(d)["properties"]["id"].update(format="int64"), "received-limit-loosened", READ, "200", "id"),
    (lambda d: order(d)["properties"]["note"].update(deprecated=True), "received-deprecated", READ, "200", "note"),
    (lambda d: renamed(order(d)["properties"], "note", "No_te"), "received-field-renamed", READ, "200", "note"),
    (lambda d: order(d)["properties"]["lines"]["items"]["properties"].pop("sku"),
     "received-optional-gone", READ, "200", "lines[].sku"),
]  # fmt: skip


def diff(folder: Path, edit: Edit, *more: str) -> Result:
    """Compare the old document with an edited copy."""
    new = json.loads(json.dumps(OLD))  # no part of it shared, as a copy would
    edit(new)
    (folder / "old.json").write_text(json.dumps(OLD))
    (folder / "new.json").write_text(json.dumps(new))
    return CliRunner().invoke(cli, ["contracts", "diff", str(folder / "old.json"), str(folder / "new.json"), *more])


@pytest.mark.parametrize(("edit", "rule", "operation", "place_", "path"), CASES, ids=[each[1] for each in CASES])
def test_each_change_is_named(tmp_path: Path, edit: Edit, rule: str, operation: str, place_: str, path: str) -> None:
    """One edit is one change: its rule, its severity by the table, its operation, and where; exit 1 where it breaks."""
    done = diff(tmp_path, edit, "--json", "--all")
    (change,) = json.loads(done.stdout)["changes"]
    assert (change["rule"], change["operations"], change["place"], change["path"]) == (rule, [operation], place_, path)
    assert change["severity"] == RULES[rule].severity
    assert done.exit_code == (1 if change["severity"] == "breaking" else 0)


def test_nothing_changed(tmp_path: Path) -> None:
    """A document and its copy differ in nothing."""
    done = diff(tmp_path, lambda document: None)
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "nothing changed")


def contract(folder: Path) -> str:
    """Write what the integration uses, reading an order's id alone."""
    used = json.loads(json.dumps(OLD))
    used["paths"].pop("/v1/orders")
    order(used)["properties"] = {"id": {"type": "integer"}}
    (folder / "contract.json").write_text(json.dumps(used))
    return str(folder / "contract.json")


def test_a_field_that_is_not_read_may_go(tmp_path: Path) -> None:
    """By the contract of who uses it, a vanished optional field breaks where it is read and nowhere else."""
    (tmp_path / "uses.json").write_text(json.dumps({"uses": {READ: {"reads": ["note"]}}}))
    for used, severity, code in ((contract(tmp_path), "additive", 0), (str(tmp_path / "uses.json"), "breaking", 1)):
        done = diff(tmp_path, lambda d: order(d)["properties"].pop("note"), "--used", used, "--json", "--all")
        (change,) = json.loads(done.stdout)["changes"]
        assert (change["severity"], done.exit_code) == (severity, code)


PROFILE = """\
[systems.shopping]
role = "other"
host = "shop.example"
contract = "contract.json"
[environments.box.systems]
shopping = { mode = "sandbox", base_url = "http://127.0.0.1:9" }
"""


def placed(**more: str) -> Call:
    """Return a call of the platform that places an order, as the edge's journal holds it."""
    usual: dict[str, Any] = {"request_headers": {"content-type": "application/json"}, "request_body": '{"sku": "A"}'}
    return Call(
        id="1", at=datetime.now(UTC), system="shopping", way="proxy", method="POST", host="shop.example",
        path="/v1/orders", query="dry=1", status=201, duration_ms=1, refused=False, response_headers={},
        response_body="", **{**usual, **more},
    )  # fmt: skip


def test_what_the_platform_was_seen_to_call_is_used(tmp_path: Path) -> None:
    """Until something was journalled the contract says what is used; then the calls do, down to fields."""
    contract(tmp_path)
    (tmp_path / "assay.toml").write_text(PROFILE)
    used = ("--used-by", "box", "--profile", str(tmp_path / "assay.toml"), "--json")

    def edit(document: dict[str, Any]) -> None:
        basket(document)["properties"]["colour"].update(enum=["red"])
        basket(document)["properties"]["sku"].update(maxLength=3)
        place(document)["parameters"].pop(0)

    before = diff(tmp_path, edit, *used)
    assert (before.exit_code, json.loads(before.stdout)["changes"]) == (0, [])
    store = open_store(tmp_path / ".assay" / "box" / "store.sqlite")
    store.add_calls("box", [placed()])
    store.close()
    after = diff(tmp_path, edit, *used)
    seen = [(each["rule"], each["path"]) for each in json.loads(after.stdout)["changes"]]
    assert (after.exit_code, seen) == (1, [("sent-limit-tightened", "sku"), ("parameter-gone", "dry")])


def test_what_is_not_used_is_counted_alone(tmp_path: Path) -> None:
    """Of an operation nobody uses the text has numbers and no names, and it does not make the command fail."""
    used = contract(tmp_path)

    def edit(document: dict[str, Any]) -> None:
        basket(document)["properties"]["colour"].update(enum=["red"])

    done = diff(tmp_path, edit, "--used", used)
    assert (done.exit_code, PLACE in done.stdout) == (0, False)
    assert "not used: 1 breaking, 0 risky, 0 additive in 1 operations" in done.stdout
    assert PLACE in diff(tmp_path, edit, "--used", used, "--all").stdout


def test_of_a_large_document_what_is_not_used_is_not_taken_apart(tmp_path: Path) -> None:
    """Beyond 150 operations an unused one is said to have another message; with --all it is said what in it is."""
    more: dict[str, Any] = {f"/v1/things/{number}": {"get": {"responses": {}}} for number in range(150)}

    def edit(document: dict[str, Any]) -> None:
        document["paths"].update(more)
        basket(document)["properties"]["colour"].update(enum=["red"])

    (tmp_path / "large.json").write_text(json.dumps({**OLD, "paths": {**OLD["paths"], **more}}))
    used = contract(tmp_path)
    diff(tmp_path, edit)
    command = ["contracts", "diff", str(tmp_path / "large.json"), str(tmp_path / "new.json"), "--used", used, "--json"]
    counts = json.loads(CliRunner().invoke(cli, command).stdout)["counts"]
    assert counts["rest"] == {"breaking": 0, "risky": 1, "additive": 0}
    (change,) = json.loads(CliRunner().invoke(cli, [*command, "--all"]).stdout)["changes"]
    assert (change["rule"], change["used"]) == ("sent-value-gone", False)


def test_a_new_version_of_all_addresses_is_one_change(tmp_path: Path) -> None:
    """Where every address got another version, that is said once, with how many operations it holds for."""

    def edit(document: dict[str, Any]) -> None:
        document["paths"] = {path.replace("/v1/", "/v2/"): each for path, each in document["paths"].items()}

    done = diff(tmp_path, edit, "--json")
    (change,) = json.loads(done.stdout)["changes"]
    assert (change["old"], change["new"], len(change["operations"])) == ("/v1/…", "/v2/…", 2)


def test_another_way_to_authenticate_breaks(tmp_path: Path) -> None:
    """A key in another header breaks every operation and is said once; one more way that is enough breaks none."""

    def edit(document: dict[str, Any]) -> None:
        document["components"]["securitySchemes"]["key"]["name"] = "X-Other"

    def add(document: dict[str, Any]) -> None:
        document["components"]["securitySchemes"]["token"] = {"type": "http", "scheme": "bearer"}
        document["security"].append({"token": []})

    for how, rule, code in ((edit, "auth-changed", 1), (add, "auth-added", 0)):
        done = diff(tmp_path, how, "--json")
        (change,) = json.loads(done.stdout)["changes"]
        assert (change["rule"], len(change["operations"]), done.exit_code) == (rule, 2, code)


def test_markdown_and_fail_on(tmp_path: Path) -> None:
    """Markdown is a table a pull request shows; --fail-on says from which severity on the command fails."""

    def edit(document: dict[str, Any]) -> None:
        place(document)["deprecated"] = True

    done = diff(tmp_path, edit, "--format", "markdown", "--fail-on", "risky")
    assert f"| `{PLACE}` | operation | the operation is deprecated |" in done.stdout
    assert (done.exit_code, diff(tmp_path, edit).exit_code) == (1, 0)
    assert diff(tmp_path, lambda d: d["paths"].clear(), "--fail-on", "none").exit_code == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<html><body>sign in</body></html>", "new.json"),
        ('{"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {}}', "without any operation"),
        ('{"openapi": "3.1.0", "paths": {"/x": {"get"', "new.json"),
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, content: str, said: str) -> None:
    """A web page, an empty document and half a document are exit 2, with the file named."""
    (tmp_path / "old.json").write_text(json.dumps(OLD))
    (tmp_path / "new.json").write_text(content)
    done = CliRunner().invoke(cli, ["contracts", "diff", str(tmp_path / "old.json"), str(tmp_path / "new.json")])
    assert (done.exit_code, said in done.output, "new.json" in done.output) == (2, True, True)


def test_an_unknown_use_is_refused(tmp_path: Path) -> None:
    """A use of an operation that the older document does not have is exit 2, with the nearest name."""
    (tmp_path / "uses.json").write_text(json.dumps({"uses": {"GET /v1/order/{id}": {}}}))
    done = diff(tmp_path, lambda document: None, "--used", str(tmp_path / "uses.json"))
    assert (done.exit_code, READ in done.output) == (2, True)


@pytest.mark.skipif(not (SPECS / "frankfurter").is_dir(), reason="the vendors' documents are not here")
def test_two_versions_of_a_vendor() -> None:
    """From Frankfurter's version 1 to 2 four operations are gone, one has moved and answers a list instead of a map."""
    old, new = (str(SPECS / "frankfurter" / f"v{version}-openapi.json") for version in (1, 2))
    found = json.loads(CliRunner().invoke(cli, ["contracts", "diff", old, new, "--json"]).stdout)
    seen = [(each["rule"], each["operations"][0]) for each in found["changes"] if each["severity"] == "breaking"]
    gone = ("GET /v1/latest", "GET /v1/{date}", "GET /v1/{start_date}..", "GET /v1/{start_date}..{end_date}")
    moved = [(rule, "GET /v1/currencies") for rule in ("operation-moved", "received-type-changed")]
    assert sorted(seen) == sorted([*moved, *(("operation-gone", each) for each in gone)])
