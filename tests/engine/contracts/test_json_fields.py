"""What a schema says of each path can be asked: types, requiredness, values, whatever it is put together from."""

from __future__ import annotations

from typing import Any

import pytest

from assay.contracts.json_shape import Definitions, JsonShape
from assay.contracts.model import Field, parent_of

DEFINED = {
    "Node": {"type": "object", "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/Node"}}},
    "Base": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "maxLength": 9}}},
}


def fields(schema: Any, **more: Any) -> dict[str, Field]:
    """Return the fields of a schema, walked through."""
    return dict(JsonShape(schema, Definitions({"$defs": DEFINED}), **more).fields)


def test_every_kind_of_place_has_a_path() -> None:
    """Members, arrays, arrays of arrays, maps of any key, names with dots."""
    schema = {
        "type": "object",
        "properties": {
            "a.b": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
            "map": {"additionalProperties": {"properties": {"x": {"type": ["string", "null"]}}}},
        },
    }
    said = fields(schema)
    assert set(said) == {"", "a.b", "a.b[]", "a.b[][]", "map", "map.{}", "map.{}.x"}
    assert said["a.b[][]"].types == {"integer"} and said["map.{}.x"].types == {"string", "null"}
    assert said[""].types == {"object"}


@pytest.mark.parametrize(
    ("path", "parent"),
    [
        ("a.b.c", "a.b"),
        ("a[].b", "a[]"),
        ("a.b[]", "a.b"),
        ("a[][]", "a[]"),
        ("a.b@c", "a.b"),  # an attribute of XML
        ("a.@c", "a"),  # a member of JSON whose name begins so
        ("@c", ""),
        ("a", ""),
        ("[]", ""),
        ("", ""),
    ],
)
def test_every_path_has_one_above_it(path: str, parent: str) -> None:
    """A member's is its object's, an element's its list's, an attribute's its element's; the body's own is ''."""
    assert parent_of(path) == parent


def test_schemas_of_one_value_are_put_together() -> None:
    """What `allOf` asks holds everywhere; what only some alternatives ask is not decided."""
    schema = {
        "allOf": [{"$ref": "#/$defs/Base"}, {"required": ["kind"], "properties": {"kind": {"enum": ["a", "b"]}}}],
        "anyOf": [
            {"required": ["x"], "properties": {"x": {"type": "integer"}}},
            {"properties": {"x": {"type": "string"}}, "additionalProperties": False},
        ],
    }
    said = fields(schema)
    assert said["id"].required and said["kind"].required and said["kind"].enum == frozenset(("a", "b"))
    assert dict(said["id"].limits) == {"maxLength": "9"}
    assert said["x"].types == {"integer", "string"}
    assert not said["x"].required and not said["x"].decided


def test_a_type_within_itself_is_shown_once_and_can_be_asked_to_any_depth() -> None:
    """Walking ends; asking does not."""
    shape = JsonShape({"$ref": "#/$defs/Node"}, Definitions({"$defs": DEFINED}))
    assert set(shape.fields) == {"", "name", "next"}
    assert shape.fields["next.next.next.name"].types == {"string"}
    assert "next.other" not in shape.fields


def test_types_that_all_refer_to_each_other_come_to_an_end() -> None:
    """Twenty types of twenty members each, all of all: every type is shown, and the list stays short."""
    names = [f"T{number}" for number in range(20)]
    defined = {each: {"properties": {f"m{one}": {"$ref": f"#/$defs/{one}"} for one in names}} for each in names}
    shape = JsonShape({"$ref": "#/$defs/T0"}, Definitions({"$defs": defined}))
    assert 20 <= len(shape.fields) <= 20 * 21 + 1


def test_what_goes_only_one_way_is_required_only_there() -> None:
    """`readOnly` is not required of a request, `writeOnly` not of an answer."""
    schema = {"required": ["id"], "properties": {"id": {"type": "string", "readOnly": True, "deprecated": True}}}
    assert fields(schema)["id"].required and fields(schema)["id"].deprecated
    assert not fields(schema, request=True)["id"].required


def test_a_closed_object_says_so() -> None:
    """`additionalProperties: false` of the document itself."""
    assert fields({"properties": {"a": {}}, "additionalProperties": False})[""].closed
    assert not fields({"properties": {"a": {}}})[""].closed
