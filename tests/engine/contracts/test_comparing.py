"""A contract is held against its vendor's document by path and by drawn values; what departs is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner, Result

from assay.cli import cli
from assay.contracts.comparing_paths import Side
from assay.contracts.comparing_values import draw_and_judge
from assay.contracts.drawing import Drawing
from assay.contracts.json_shape import Definitions, JsonShape
from assay.contracts.pattern import draw_text

PROFILE = """
[systems.pay]
role = "payments"
host = "pay.example"
contract = "mine.json"
documents = ["theirs.json"]
[environments.local.systems]
pay = "simulated"
"""
ANSWER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "status"],
    "properties": {
        "id": {"type": "string"},
        "status": {"type": "string", "enum": ["open", "paid"]},
        "amount": {"type": "integer"},
        "note": {"type": "string"},
        "more": {"type": "object"},
    },
}
REQUEST: dict[str, Any] = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "integer"}, "kind": {"type": "string", "enum": ["card", "bank"]}},
}
TEXT = {"type": "string"}
Compare = Callable[..., Result]


def document(answer: Any = ANSWER, request: Any = REQUEST, path: str = "/pay/{id}", **more: Any) -> str:
    """Return an OpenAPI document with one operation."""
    operation = {
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
        "responses": {"200": {"description": "", "content": {"application/json": {"schema": answer}}}},
        **more,
    }
    content = {"openapi": "3.1.0", "info": {"title": "Pay", "version": "1"}, "paths": {path: {"post": operation}}}
    return json.dumps(content)


def changed(schema: dict[str, Any], name: str, value: Any, **more: Any) -> dict[str, Any]:
    """Return a schema with another property; None takes it away."""
    properties = {**schema["properties"], name: value}
    return {**schema, "properties": {key: each for key, each in properties.items() if each is not None}, **more}


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    """A function that compares two documents with the command."""

    def run(mine: str, theirs: str, *arguments: str, reasons: str = "") -> Result:
        (tmp_path / "assay.toml").write_text(PROFILE)
        (tmp_path / "mine.json").write_text(mine)
        (tmp_path / "theirs.json").write_text(theirs)
        if reasons:
            (tmp_path / "mine.deviations.toml").write_text(reasons)
        command = ["contracts", "compare", "--profile", str(tmp_path / "assay.toml"), *arguments]
        return CliRunner().invoke(cli, command, catch_exceptions=False)

    return run


def departures(result: Result) -> set[tuple[str, str, str]]:
    """Return (direction, problem, path) of everything that departs."""
    (system,) = json.loads(result.output)["systems"]
    return {(each["direction"], each["problem"], each["path"]) for each in system["departures"]}


def test_the_same_document_agrees_with_itself(compare: Compare) -> None:
    """Nothing departs, hundreds of values are drawn, and only what neither says anything of is undecided."""
    result = compare(document(), document(), "--json")
    (system,) = json.loads(result.output)["systems"]
    assert (result.exit_code, system["departures"]) == (0, [])
    assert system["values"] >= 200
    assert [each["path"] for each in system["undecided_places"]] == ["more"]


@pytest.mark.parametrize(
    ("mine", "theirs", "found"),
    [
        (changed(ANSWER, "colour", {"type": "string"}), ANSWER, ("undocumented field", "colour")),
        (changed(ANSWER, "amount", {"type": "string"}), ANSWER, ("wrong type", "amount")),
        (changed(ANSWER, "note", {"type": ["string", "null"]}), ANSWER, ("null where none is allowed", "note")),
        (changed(ANSWER, "status", {"type": "string"}), ANSWER, ("value outside the documented set", "status")),
        ({**ANSWER, "required": ["id"]}, ANSWER, ("required field missing", "status")),
        (changed(ANSWER, "status", None, required=["id"]), ANSWER, ("required field missing", "status")),
    ],
)
def test_what_an_answer_may_not_be_is_found(
    compare: Compare, mine: dict[str, Any], theirs: dict[str, Any], found: tuple[str, str]
) -> None:
    """A field, type, null or value the document does not have, and what it promises and the contract does not."""
    result = compare(document(mine), document(theirs), "--json")
    assert result.exit_code == 1
    assert departures(result) == {("answer", *found)}


def test_an_answer_may_be_narrower_than_the_document(compare: Compare) -> None:
    """Fewer values, one type of two, and an optional field left out are what a contract of the used part is."""
    mine = changed(changed(ANSWER, "status", {"type": "string", "enum": ["paid"]}), "note", None)
    theirs = changed(ANSWER, "amount", {"type": ["integer", "null"]})
    assert compare(document(mine), document(theirs)).exit_code == 0


@pytest.mark.parametrize(
    ("mine", "theirs", "found"),
    [
        ({**REQUEST, "required": []}, REQUEST, ("required field missing", "amount")),
        (REQUEST, changed(REQUEST, "key", TEXT, required=["amount", "key"]), ("required field missing", "key")),
        (changed(REQUEST, "tip", {"type": "integer"}), REQUEST, ("undocumented field", "tip")),
        (changed(REQUEST, "kind", {"type": "string"}), REQUEST, ("value outside the documented set", "kind")),
    ],
)  # fmt: skip
def test_what_a_request_may_not_be_is_found(
    compare: Compare, mine: dict[str, Any], theirs: dict[str, Any], found: tuple[str, str]
) -> None:
    """What the vendor requires must be required and known; what it does not take may not be taken."""
    result = compare(document(request=mine), document(request=theirs), "--json")
    assert ("request", *found) in departures(result)


def test_operations_parameters_statuses_and_content_types_are_held_too(compare: Compare) -> None:
    """An operation the vendor does not know, a parameter, a status and a content type that it does not document."""
    query = {"name": "deep", "in": "query", "schema": {"type": "boolean"}}
    answers = {
        "200": {"description": "", "content": {"application/xml": {"schema": {"type": "string"}}}},
        "418": {"description": ""},
    }
    result = compare(document(parameters=[query], responses=answers), document(), "--json")
    assert departures(result) == {
        ("request", "undocumented parameter", "query deep"),
        ("answer", "undocumented status", ""),
        ("answer", "wrong content type", ""),
    }
    unknown = compare(document(path="/refund/{id}"), document(), "--json")
    assert departures(unknown) == {("", "undocumented operation", "")}


def test_values_find_what_paths_cannot(compare: Compare) -> None:
    """Alternatives that depend on each other agree path by path; drawn values show what is refused."""

    def alternatives(*pairs: tuple[str, str]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["kind", "code"],
            "anyOf": [{"properties": {"kind": {"const": kind}, "code": {"const": code}}} for kind, code in pairs],
        }

    crossed = compare(
        document(alternatives(("a", "y"), ("b", "x"))), document(alternatives(("a", "x"), ("b", "y"))), "--json"
    )
    (system,) = json.loads(crossed.output)["systems"]
    assert {each["by"] for each in system["departures"]} == {"values"}


def test_a_reason_excuses_and_an_idle_reason_is_an_error(compare: Compare) -> None:
    """What is listed with its reason is told and green; a reason for what departs no more is exit 1 with its place."""
    reasons = """[[deviation]]
operation = "POST /pay/{id}"
direction = "answer"
problem = "undocumented field"
path = "colour"
reason = "newer than the document"
"""
    mine = document(changed(ANSWER, "colour", {"type": "string"}))
    listed = compare(mine, document(), "--all", reasons=reasons)
    assert listed.exit_code == 0, listed.output
    assert "newer than the document" in listed.output
    idle = compare(document(), document(), reasons=reasons)
    assert idle.exit_code == 1
    assert "deviation 1: nothing departs at POST /pay/{id} colour any more" in idle.output


def test_what_cannot_be_compared_is_said(compare: Compare, tmp_path: Path) -> None:
    """A contract that is no document, and a vendor's that is not there, are misuse with the file and what to do."""
    broken = compare("<html><body>Sign in</body></html>", document())
    assert broken.exit_code == 2
    assert "web page" in broken.output
    (tmp_path / "theirs.json").unlink()
    gone = CliRunner().invoke(cli, ["contracts", "compare", "pay", "--profile", str(tmp_path / "assay.toml")])
    assert gone.exit_code == 2
    assert f"there is no {tmp_path / 'theirs.json'}" in gone.output


def test_an_empty_object_of_a_form_is_not_missing() -> None:
    """A form has no way to write an empty object, so that one drawn where it is required departs from nothing."""
    address = {"type": "object", "properties": {"line": {"type": "string"}}, "additionalProperties": False}
    wish = {"type": "object", "required": ["address"], "properties": {"address": address}}
    shape = JsonShape(wish, Definitions({}), media="application/x-www-form-urlencoded", request=True)
    for seed in range(10):
        assert draw_and_judge(shape, shape, Side.REQUEST, 5, Random(seed)).deviations == ()


def test_drawn_values_fit_their_schema() -> None:
    """Values are valid with references, alternatives, patterns, limits and maps, the same for the same seed."""
    schema = {
        "type": "object",
        "required": ["a", "c", "d"],
        "properties": {
            "a": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3,5}$", "maxLength": 7},
            "b": {"anyOf": [{"type": "integer", "minimum": 3, "maximum": 9}, {"type": "null"}]},
            "c": {"$ref": "#/$defs/c"},
            "d": {"type": "array", "minItems": 1, "items": {"enum": ["x", 1, None]}},
            "e": {"type": "object", "additionalProperties": {"type": "number", "exclusiveMinimum": 0}},
        },
        "$defs": {
            "c": {
                "type": "object",
                "required": ["s"],
                "properties": {"c": {"$ref": "#/$defs/c"}, "s": {"type": "string", "format": "date"}},
            }
        },
    }  # fmt: skip
    shape = JsonShape(schema, Definitions(schema))
    values = [Drawing(shape.schema, Random(seed)).value() for seed in range(100)]
    assert all(shape.is_valid(value) for value in values)
    assert values == [Drawing(shape.schema, Random(seed)).value() for seed in range(100)]
    assert {"b" in value for value in values} == {True, False}
    assert Drawing(shape.schema, Random(1)).value(least=True).keys() == {"a", "c", "d"}


@pytest.mark.parametrize(
    "pattern",
    [r"^[A-Z]{3}$", r"^((-?[0-9]+)|(-?([0-9]+)?[.][0-9]+))$", r"^(?!0$)\d{1,4}$", r"^\S+@\S+\.\w{2,}$", r"\d"],
)
def test_a_drawn_text_matches_its_pattern(pattern: str) -> None:
    """Texts drawn for a pattern match it and keep the lengths asked for."""
    import re

    for seed in range(30):
        text = draw_text(pattern, Random(seed), least=1, most=40)
        assert text is not None
        assert re.search(pattern, text)
