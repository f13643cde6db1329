"""Schemas of every dialect, and schemas that are wrong, become one that compiles and means what the vendor meant."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from assay.contracts.json_shape import Definitions, JsonShape


def allows(schema: Any, value: Any, **source: Any) -> bool:
    """Return whether a value is no departure, new fields let pass."""
    body = json.dumps(value).encode()
    return not JsonShape(schema, Definitions(source)).deviations(body, additive=False)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "nullable": True},
        {"type": "string", "enum": ["a"], "nullable": True},
        {"enum": ["a"], "nullable": True},
        {"nullable": True, "anyOf": [{"type": "string"}, {"type": "integer"}]},
        {"nullable": True, "allOf": [{"type": "string"}]},
        {"nullable": True, "oneOf": [{"$ref": "#/definitions/S"}]},
        {"$ref": "#/definitions/S", "nullable": True},
        {"type": "string", "x-nullable": True},
        {"type": ["string", "null"]},
    ],
)
def test_null_is_allowed_however_it_is_written(schema: Any) -> None:
    """With and without a type, beside a reference or alternatives: what is nullable may be null, and still a text."""
    assert allows(schema, None, definitions={"S": {"type": "string"}})
    assert allows(schema, "a", definitions={"S": {"type": "string"}})


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"minimum": 1, "exclusiveMinimum": True}, 2, 1),
        ({"maximum": 9, "exclusiveMaximum": False}, 9, 10),
        ({"items": [{"type": "string"}], "additionalItems": {"type": "integer"}}, ["a", 1], ["a", "b"]),
        ({"dependencies": {"a": ["b"]}}, {"a": 1, "b": 1}, {"a": 1}),
        ({"dependencies": {"a": {"required": ["b"]}}}, {"a": 1, "b": 1}, {"a": 1}),
        ({"type": "string", "enum": [True, False, 12]}, "true", "maybe"),
        ({"type": "integer", "enum": ["1", "2"]}, 2, 3),
        ({"type": "long"}, 5, "5"),
        ({"type": "String"}, "a", 5),
        ({"pattern": "/^a+$/"}, "aa", "b"),
        ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, 5, "5"),
        ({"minLength": "2"}, "ab", "a"),
        ({"discriminator": {"propertyName": "a"}, "xml": {}, "example": 3, "type": "string"}, "a", 1),
    ],
)
def test_other_dialects_mean_what_they_say(schema: Any, good: Any, bad: Any) -> None:
    """Drafts 4 to 7, OpenAPI 3.0, and the slips that vendors' documents are full of."""
    assert allows(schema, good)
    assert not allows(schema, bad)


BROKEN: list[Any] = [
    {"type": "frob"}, {"type": 5}, {"properties": []}, {"properties": {"a": "text"}}, {"required": "a"},
    {"required": ["a", "a", 3]}, {"pattern": "(["}, {"patternProperties": {"([": {}}}, {"minLength": -1},
    {"maxLength": 1.5}, {"minimum": "low"}, {"multipleOf": 0}, {"allOf": []}, {"anyOf": "x"}, {"items": 3},
    {"$ref": "#/definitions/Absent"}, {"$ref": "#/info"}, {"$ref": "https://elsewhere.example/a.json#/b"}, "text",
]  # fmt: skip


@pytest.mark.parametrize("schema", BROKEN, ids=str)
def test_a_broken_schema_is_a_fault_and_allows_anything(schema: Any) -> None:
    """What cannot be meant is listed with its place and left out; the rest compiles, and nothing is rejected for it."""
    definitions = Definitions({"definitions": {}, "info": "text"})
    shape = JsonShape({"properties": {"here": schema}}, definitions, where="#/x")
    assert shape.deviations(b'{"here": "text"}') == []
    jsonschema_rs.Draft202012Validator(dict(shape.schema))
    if schema != {"items": 3}:
        assert all(each.where.startswith("#/x/properties/here") for each in definitions.faults)
        assert definitions.faults


@pytest.mark.parametrize(
    "defined",
    [
        {"A": {"$ref": "#/definitions/A"}},
        {"A": {"$ref": "#/definitions/B"}, "B": {"$ref": "#/definitions/A"}},
        {
            "A": {"allOf": [{"$ref": "#/definitions/B"}]},
            "B": {"anyOf": [{"$ref": "#/definitions/A"}, {"type": "null"}]},
        },
        {"A": {"not": {"$ref": "#/definitions/A"}}},
    ],
)
def test_a_reference_without_an_end_is_a_fault(defined: Any) -> None:
    """A type that is applied to the same value for ever is read as anything, with a fault; nothing hangs or breaks."""
    definitions = Definitions({"definitions": defined})
    shape = JsonShape({"$ref": "#/definitions/A"}, definitions)
    shape.deviations(b'{"a": [1, {"b": null}]}')
    assert len(shape.fields) >= 1
    assert any("without an end" in each.problem for each in definitions.faults)


def test_a_type_within_itself_is_judged_to_any_depth() -> None:
    """Trees are no fault: their references end where the value does."""
    tree = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "sub": {"type": "array", "items": {"$ref": "#"}}},
    }
    definitions = Definitions(tree)
    (deviation,) = JsonShape(tree, definitions).deviations(b'{"sub": [{"sub": [{"name": 5}]}]}')
    assert deviation.path == "sub[].sub[].name"
    assert not definitions.faults


def test_other_files_are_read_by_what_gets_them() -> None:
    """References into other documents are followed, those within them too; what is not there is a fault."""
    held = {
        "https://v.example/b.json": b'{"B": {"type": "object", "properties": {"c": {"$ref": "c.yaml#/C"}}}}',
        "https://v.example/c.yaml": b"C: {type: integer}\n",
    }

    def fetch(address: str) -> bytes:
        if address not in held:
            raise FileNotFoundError(f"{address} is not there")
        return held[address]

    definitions = Definitions({}, address="https://v.example/a.json", fetch=fetch)
    shape = JsonShape({"properties": {"b": {"$ref": "b.json#/B"}, "d": {"$ref": "d.json#/D"}}}, definitions)
    assert [each.path for each in shape.deviations(b'{"b": {"c": "x"}, "d": 5}')] == ["b.c"]
    (fault,) = definitions.faults
    assert "https://v.example/d.json is not there" in fault.problem
