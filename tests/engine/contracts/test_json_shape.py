"""A JSON body is held against its schema: every departure is named once, where it is, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.contracts.json_shape import Definitions, JsonShape
from assay.contracts.model import Deviation, Problem

MONEY = {
    "type": "object",
    "required": ["value", "currency"],
    "properties": {"value": {"type": "integer"}, "currency": {"type": "string", "enum": ["EUR", "JPY"]}},
}
DEFINED = {
    "Money": MONEY,
    "Card": {"type": "object", "required": ["kind"], "properties": {"kind": {"enum": ["card"]}, "last4": {}}},
    "Bank": {"type": "object", "required": ["kind"], "properties": {"kind": {"enum": ["bank"]}, "iban": {}}},
    "Anything": {"type": "object"},
}


def shape(schema: Any, **more: Any) -> JsonShape:
    """Return the shape of a schema that may refer to the definitions above."""
    return JsonShape(schema, Definitions({"$defs": DEFINED}), **more)


def found(schema: Any, body: Any, **more: Any) -> list[tuple[Problem, str]]:
    """Return what departs, and where."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return [(each.problem, each.path) for each in shape(schema, **more).deviations(text)]


ORDER = {
    "type": "object",
    "required": ["id", "total"],
    "properties": {
        "id": {"type": "string", "pattern": "^o_", "maxLength": 8},
        "total": {"$ref": "#/$defs/Money"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"price": {"$ref": "#/$defs/Money"}}}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "paid": {"type": "boolean"},
        "by": {"oneOf": [{"$ref": "#/$defs/Card"}, {"$ref": "#/$defs/Bank"}]},
    },
}
GOOD = {"id": "o_1", "total": {"value": 1, "currency": "EUR"}, "labels": {"a": "b"}, "by": {"kind": "bank", "iban": 1}}


@pytest.mark.parametrize(
    ("change", "problem", "path"),
    [
        ({"id": 7}, Problem.TYPE, "id"),
        ({"paid": None}, Problem.NULL, "paid"),
        ({"id": "x_1"}, Problem.LIMIT, "id"),
        ({"total": {"value": 1}}, Problem.MISSING, "total.currency"),
        ({"total": {"value": 1, "currency": "CHF"}}, Problem.ENUM, "total.currency"),
        ({"new": 1}, Problem.FIELD, "new"),
        ({"lines": [{"price": {"value": "1", "currency": "EUR"}}]}, Problem.TYPE, "lines[].price.value"),
        ({"labels": {"a": 1}}, Problem.TYPE, "labels.{}"),
        ({"by": {"kind": "card", "new": 1}}, Problem.FIELD, "by.new"),
        ({"by": {"kind": "cash"}}, Problem.ENUM, "by.kind"),
        ({"by": 5}, Problem.TYPE, "by"),
        ({"by": None}, Problem.NULL, "by"),
    ],
)  # fmt: skip
def test_a_departure_is_named_where_it_is(change: dict[str, Any], problem: Problem, path: str) -> None:
    """Each way of departing has its own name, at the path as the document has it; a good body has none."""
    assert found(ORDER, GOOD) == []
    assert found(ORDER, {**GOOD, **change}) == [(problem, path)]


def test_each_place_is_named_once_however_often_it_departs() -> None:
    """A hundred lines with the same fault are one deviation."""
    lines = [{"price": {"value": "1", "currency": "EUR"}, "new": 1}] * 100
    assert sorted(found(ORDER, {**GOOD, "lines": lines})) == [
        (Problem.FIELD, "lines[].new"), (Problem.TYPE, "lines[].price.value"),
    ]  # fmt: skip


def test_what_was_seen_is_masked_and_short() -> None:
    """A report may show it: no secret, no card, no mail address, no long text."""
    body = {**GOOD, "client_secret": "sk_9", "card": "4111111111111111", "mail": "jo@shop.example", "note": "x" * 500}
    seen = {each.path: each.seen for each in shape(ORDER).deviations(json.dumps(body).encode())}
    assert seen["client_secret"] == '"***"' and "411111******1111" in seen["card"]
    assert seen["mail"] == '"j***@shop.example"' and len(seen["note"]) <= 60


@pytest.mark.parametrize(
    "body",
    [
        {**GOOD, "id": "***"},
        {**GOOD, "total": {"value": "***", "currency": "EUR"}},
        {**GOOD, "total": {"value": 1, "currency": "411111******1111"}},
        {**GOOD, "by": {"kind": "***"}},
        b'{"id": "o_1", "total": {"value": 411111******1111, "currency": "EUR"}}',
    ],
)
def test_a_masked_value_is_never_judged(body: Any) -> None:
    """Journals hold masks where secrets and cards were: what stood there is not known."""
    assert found(ORDER, body) == []


@pytest.mark.parametrize(
    ("body", "where"),
    [(b"", "empty"), (b'{"id": ', "line 1"), (b"<html>", "line 1"), (b"\xff\xfe", "line 1"), (b'{"a": NaN}', "line 1")],
)
def test_a_body_that_is_no_json_says_where(body: bytes, where: str) -> None:
    """Half a body, HTML or binary is one deviation with the line, and never an exception."""
    (deviation,) = shape(ORDER).deviations(body)
    assert deviation.problem is Problem.MALFORMED and where in deviation.seen


NUMBERS = {
    "properties": {
        "amount": {"type": "number"}, "count": {"type": "integer"}, "id": {"type": "integer", "format": "int64"},
    }
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"amount": 12345678901234567.89}', [(Problem.PRECISION, "amount")]),
        ('{"count": 12345678901234567891}', [(Problem.PRECISION, "count")]),
        ('{"id": 9223372036854775807}', []),
        ('{"amount": 0.30000000000000004, "count": 9007199254740992}', []),
        ('{"note": "a, 12345678901234567890"}', [(Problem.FIELD, "note")]),
        ('{"count": 7000.0}', [(Problem.TYPE, "count")]),
        ('{"count": 7e+3 }', [(Problem.TYPE, "count")]),
        ('{"count": 7000.0000001}', [(Problem.TYPE, "count")]),
        ('{"amount": 7000.0}', []),
    ],
)
def test_numbers_are_judged_as_they_are_written(text: str, expected: list[tuple[Problem, str]]) -> None:
    """Digits that a double drops, and a fraction where a whole number is documented; ids in text are neither."""
    assert found(NUMBERS, text.encode()) == expected


@pytest.mark.parametrize(
    ("schema", "good", "bad", "path"),
    [
        ({"allOf": [{"$ref": "#/$defs/Money"}, {"properties": {"note": {}}}]},
         {"value": 1, "currency": "EUR", "note": 1}, {"value": 1, "currency": "EUR", "new": 1}, "new"),
        ({"properties": {"a": {}}, "anyOf": [{"required": ["a"]}, {"properties": {"b": {}}}]},
         {"a": 1, "b": 1}, {"a": 1, "c": 1}, "c"),
        ({"anyOf": [{"$ref": "#/$defs/Card"}, {"$ref": "#/$defs/Bank"}]},
         {"kind": "card", "iban": 1}, {"kind": "card", "c": 1}, "c"),
        ({"properties": {"a": {"allOf": [{"$ref": "#/$defs/Money"}], "nullable": True}}},
         {"a": None}, {"a": {"value": 1, "currency": "EUR", "new": 1}}, "a.new"),
        ({"if": {"properties": {"a": {"const": 1}}}, "then": {"properties": {"b": {}}}, "properties": {"a": {}}},
         {"a": 1, "b": 2}, {"a": 2, "b": 2}, None),
    ],
)  # fmt: skip
def test_the_strict_twin_sees_new_fields_of_composed_objects(schema: Any, good: Any, bad: Any, path: str) -> None:
    """What any of the schemas of one object lists is documented, what none of them lists is new."""
    assert found(schema, good) == []
    assert path is None or found(schema, bad) == [(Problem.FIELD, path)]


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ({"properties": {"a": {}}, "additionalProperties": True}, {"b": 1}),
        ({"type": "object"}, {"b": 1}),
        ({"anyOf": [{"$ref": "#/$defs/Card"}, {"$ref": "#/$defs/Anything"}]}, {"b": 1}),
        ({"allOf": [{"$ref": "#/$defs/Card"}], "anyOf": [{"type": "object", "additionalProperties": True}]},
         {"kind": "card", "b": 1}),
        ({"properties": {"a": {}}, "patternProperties": {"^x-": {}}}, {"x-b": 1}),
        ({"not": {"properties": {"a": {"type": "string"}}, "required": ["a"]}}, {"a": 1, "b": 2}),
    ],
)  # fmt: skip
def test_what_a_document_leaves_open_stays_open(schema: Any, body: Any) -> None:
    """The twin closes what lists properties and says nothing of others, and only that."""
    assert found(schema, body) == []


def test_additive_departures_can_be_left_out() -> None:
    """By the document alone a new field is no departure."""
    body = json.dumps({**GOOD, "new": 1, "paid": "yes"}).encode()
    assert [each.problem for each in shape(ORDER).deviations(body, additive=False)] == [Problem.TYPE]


def test_a_condition_names_what_it_asks() -> None:
    """What `then` requires is reported at its own place."""
    schema = {
        "properties": {"kind": {"type": "string"}, "iban": {"type": "string"}},
        "if": {"properties": {"kind": {"const": "bank"}}, "required": ["kind"]},
        "then": {"required": ["iban"]},
    }
    assert found(schema, {"kind": "bank"}) == [(Problem.MISSING, "iban")]
    assert found(schema, {"kind": "card"}) == []


def test_what_goes_only_one_way_is_asked_only_there() -> None:
    """`readOnly` and required binds answers, `writeOnly` and required binds requests."""
    schema = {
        "required": ["id", "secret"],
        "properties": {"id": {"readOnly": True}, "secret": {"writeOnly": True}},
    }
    assert found(schema, {"secret": 1}, request=True) == []
    assert found(schema, {"id": 1}) == []
    assert found(schema, {"secret": 1}) == [(Problem.MISSING, "id")]


def test_deprecated_members_of_requests_are_named() -> None:
    """Whoever sends a member that is called deprecated is told; whoever receives one cannot help it."""
    schema = {"properties": {"old": {"deprecated": True}, "in": {"properties": {"old": {"deprecated": True}}}}}
    assert found(schema, {"in": {"old": 1}}, request=True) == [(Problem.DEPRECATED, "in.old")]
    assert found(schema, {"in": {"old": 1}}) == []


def test_expected_is_said_in_the_documents_words() -> None:
    """A finding says what was expected: the types, the set, the limit."""
    said = {each.path: each for each in shape(ORDER).deviations(
        json.dumps({"id": "o_123456789", "total": {"value": "x", "currency": "CHF"}}).encode()
    )}  # fmt: skip
    assert said["total.value"] == Deviation(Problem.TYPE, "total.value", "integer", '"x"')
    assert said["total.currency"].expected == "EUR, JPY"
    assert said["id"].expected == "maxLength 8"


def test_alternatives_within_alternatives_are_each_looked_at_once() -> None:
    """Ten levels of three alternatives: the place is found without going through every combination of them."""
    kinds = ("a", "b", "c")
    defined = {
        name: {
            "required": ["kind"],
            "properties": {
                "kind": {"enum": list(kinds)},
                "below": {"anyOf": [{"type": "string"}, *({"$ref": f"#/$defs/{each}"} for each in kinds)]},
                "leaf": {"type": "integer"},
            },
        }
        for name in kinds
    }
    body: dict[str, Any] = {"kind": "c", "leaf": "no number", "token": "tok_5"}
    for _ in range(9):
        body = {"kind": "b", "below": body}
    held = JsonShape({"$ref": "#/$defs/a"}, Definitions({"$defs": defined}))
    deep = ".".join(["below"] * 9)
    assert list(held.deviations(json.dumps(body).encode())) == [
        Deviation(Problem.TYPE, f"{deep}.leaf", "integer", '"no number"'),
        Deviation(Problem.FIELD, f"{deep}.token", "no such field", '"***"'),
    ]


def test_a_body_nested_deeper_than_can_be_judged_says_so() -> None:
    """Hundreds of levels are one deviation, no exception."""
    tree = {"type": "object", "properties": {"sub": {"$ref": "#"}, "name": {"type": "string"}}}
    body = b'{"sub": ' * 900 + b'{"name": 5}' + b"}" * 900
    (deviation,) = JsonShape(tree, Definitions(tree)).deviations(body)
    assert deviation.problem is Problem.SCHEMA and "too deep" in deviation.seen


@pytest.mark.parametrize("filler", ["", '"a": "\\"",', '"a": "' + "é" * 3000 + '",'])
@pytest.mark.parametrize(("length", "fits"), [(5000, True), (5001, False)])
def test_long_texts_are_measured_too(filler: str, length: int, fits: bool) -> None:
    """A limit of thousands of characters holds as one of ten does, whatever else the body holds."""
    schema = {"properties": {"a": {"type": "string"}, "note": {"type": "string", "maxLength": 5000}}}
    body = f'{{{filler}"b": 1, "note": "{"x" * length}"}}'.encode()
    assert found(schema, body) == ([] if fits else [(Problem.LIMIT, "note")]) + [(Problem.FIELD, "b")]
    assert found({**schema, "additionalProperties": True}, body) == ([] if fits else [(Problem.LIMIT, "note")])
