"""GraphQL: a query is judged by the schema, an answer by what its query selected."""

from __future__ import annotations

import json
from typing import Any

import graphql
import orjson
import pytest

from assay.contracts.graphql import served_at
from assay.contracts.graphql_message import root_fields
from assay.contracts.model import Document, Problem
from assay.contracts.reading import read_document
from assay.errors import UsageError

SDL = """
scalar Money
interface Node { id: ID! }
enum Status { OPEN CLOSED LOST @deprecated(reason: "never used") }
type Line implements Node { id: ID!, sku: String!, quantity: Int!, price: Money }
type Order implements Node {
  id: ID!
  status: Status!
  name: String
  lines(first: Int!): [Line!]!
  oldName: String @deprecated(reason: "use name")
}
union Found = Order | Line
input LineInput { sku: String!, quantity: Int = 1, note: String }
type Query { order(id: ID!): Order, find(text: String!): [Found!]!, node(id: ID!): Node }
type Mutation { orderCreate(lines: [LineInput!]!, status: Status): Order }
type Subscription { changed: Order! }
"""
QUERY = """
query Q($id: ID!, $n: Int = 3) {
  mine: order(id: $id) { ...Head lines(first: $n) { sku quantity price } }
}
fragment Head on Order { id status name @include(if: true) }
"""
GOOD: dict[str, Any] = {
    "id": "1", "status": "OPEN", "name": None, "lines": [{"sku": "A", "quantity": 2, "price": "1.00"}],
}  # fmt: skip


@pytest.fixture(scope="module", params=["sdl", "introspection"])
def document(request: pytest.FixtureRequest) -> Document:
    """The same schema, read as SDL and as introspection."""
    if request.param == "sdl":
        return read_document(SDL.encode(), source="shop.graphql")
    schema = graphql.build_schema(SDL)
    held = graphql.introspection_from_schema(schema)
    return read_document(json.dumps({"data": held}).encode(), source="shop.json")


def _asked(query: str, **variables: Any) -> bytes:
    return orjson.dumps({"query": query, "variables": variables})


def _request(document: Document, body: bytes) -> list[tuple[Problem, str]]:
    operation = document.find("POST", "/graphql", root_fields(body)[0]) or document.operations[0]
    shape = operation.requests["application/json"]
    assert shape is not None
    return [(each.problem, each.path) for each in shape.deviations(body)]


def test_every_root_field_is_an_operation(document: Document) -> None:
    """Queries, mutations and subscriptions are operations told apart by their root field, at any path."""
    names = ["query order", "query find", "query node", "mutation orderCreate", "subscription changed"]
    assert [each.name for each in document.operations] == names
    assert document.find("POST", "/graphql", "orderCreate") is document.operations[3]
    moved = served_at(document, "/admin/api/2026-10/graphql.json")
    found = moved.find("POST", "/admin/api/2026-10/graphql.json", "find")
    assert found is not None and found.name == "query find"


def test_a_valid_query_and_its_answer_are_as_documented(document: Document) -> None:
    """Aliases, fragments, variables with defaults and nulls where they are allowed are no deviation."""
    body = _asked(QUERY, id="1")
    assert _request(document, body) == []
    shape = document.operations[0].requests["application/json"].answered(body)  # type: ignore[union-attr]
    assert shape.deviations(orjson.dumps({"data": {"mine": GOOD}})) == []
    assert shape.deviations(orjson.dumps({"data": None, "errors": [{"message": "no"}]})) == []


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ("{ order(id: 1) { titel } }", {}, (Problem.SCHEMA, "query.order.titel")),
        ("{ ordre { id } }", {}, (Problem.SCHEMA, "query.ordre")),
        ("{ order { id } }", {}, (Problem.MISSING, "query.order")),
        ("{ order(id: 1, more: 2) { id } }", {}, (Problem.SCHEMA, "query.order.more")),
        ("{ order(id: 1) }", {}, (Problem.SCHEMA, "query.order")),
        ("{ order(id: 1) { lines(first: true) { sku } } }", {}, (Problem.TYPE, "query.order.lines.first")),
        ("{ order(id: 1) { oldName } }", {}, (Problem.DEPRECATED, "query.order.oldName")),
        ("{ order(id: 1) { id ", {}, (Problem.MALFORMED, "query")),
        (QUERY, {}, (Problem.MISSING, "variables.id")),
        (QUERY, {"id": "1", "n": "x"}, (Problem.TYPE, "variables.n")),
        (
            "mutation ($l: [LineInput!]!) { orderCreate(lines: $l) { id } }",
            {"l": [{"sku": "A", "colour": "red"}]},
            (Problem.SCHEMA, "variables.l[].colour"),
        ),
        (
            "mutation ($s: Status) { orderCreate(lines: [], status: $s) { id } }",
            {"s": "SENT"},
            (Problem.ENUM, "variables.s"),
        ),
    ],
)
def test_a_query_against_the_schema_is_told_with_its_place(
    document: Document, query: str, variables: dict[str, Any], expected: tuple[Problem, str]
) -> None:
    """Unknown and deprecated fields, arguments, values and variables are found at their place in the query."""
    body = _asked(query, **variables)
    shape = document.operations[0].requests["application/json"]
    assert shape is not None
    assert expected in [(each.problem, each.path) for each in shape.deviations(body)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"status": "SENT"}, (Problem.ENUM, "data.mine.status")),
        ({"id": None}, (Problem.NULL, "data.mine.id")),
        ({"more": 1}, (Problem.FIELD, "data.mine.more")),
        ({"lines": [{"sku": "A", "quantity": "2", "price": 1}]}, (Problem.TYPE, "data.mine.lines[].quantity")),
        ({"lines": [{"sku": "A", "price": 1}]}, (Problem.MISSING, "data.mine.lines[].quantity")),
    ],
)
def test_an_answer_is_held_against_what_was_selected(
    document: Document, change: dict[str, Any], expected: tuple[Problem, str]
) -> None:
    """A field that was selected and is missing, of another type, null or not selected is a deviation of the answer."""
    shape = document.operations[0].requests["application/json"].answered(_asked(QUERY, id="1"))  # type: ignore[union-attr]
    found = shape.deviations(orjson.dumps({"data": {"mine": GOOD | change}}))
    assert [(each.problem, each.path) for each in found] == [expected]


def test_what_only_some_types_have_is_not_required_of_all(document: Document) -> None:
    """Of a union each member answers the fragments of its type alone."""
    body = _asked('{ find(text: "x") { __typename ... on Order { status } ... on Line { sku } ... on Node { id } } }')
    assert root_fields(body) == ("find",)
    shape = document.operations[1].requests["application/json"].answered(body)  # type: ignore[union-attr]
    good = [{"__typename": "Order", "status": "OPEN", "id": "1"}, {"__typename": "Line", "sku": "A", "id": "2"}]
    assert shape.deviations(orjson.dumps({"data": {"find": good}})) == []
    assert shape.deviations(orjson.dumps({"data": {"find": [{"sku": 1}]}})) != []


def test_masked_values_and_persisted_queries_are_not_judged(document: Document) -> None:
    """What was masked before it was kept is no deviation, nor a query whose text only the server has."""
    assert _request(document, _asked(QUERY, id="***")) == []
    shape = document.operations[0].requests["application/json"]
    assert shape is not None
    assert shape.deviations(b'{"extensions": {"persistedQuery": {"sha256Hash": "ab"}}}') == []
    assert [each.problem for each in shape.deviations(b"\xff\x00")] == [Problem.MALFORMED]


def test_a_schema_that_breaks_the_rules_is_read_with_its_faults() -> None:
    """A type that does not implement its interface is a fault; a circular fragment ends; a missing type is refused."""
    document = read_document(b"interface A { a: Int }\ntype B implements A { b: Int }\ntype Query { b: B }", source="x")
    assert len(document.operations) == 1 and "B does not provide it" in document.faults[0].problem
    circular = _asked("{ b { ...F } } fragment F on B { b ...F }")
    shape = document.operations[0].requests["application/json"]
    assert shape is not None and [each.problem for each in shape.deviations(circular)] == [Problem.SCHEMA]
    with pytest.raises(UsageError, match="hold together"):
        read_document(b"type Query { b: Missing }", source="x")
