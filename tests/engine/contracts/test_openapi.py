"""OpenAPI 3.0 and 3.1 are read into operations; a part that is broken is a fault, and the rest is read."""

from __future__ import annotations

from typing import Any

import pytest

from assay.contracts.json_shape import JsonShape
from assay.contracts.model import Document, Operation, Problem
from assay.contracts.openapi import read

PET = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}


def document(paths: Any, **more: Any) -> Document:
    """Read a small document."""
    content = {"openapi": "3.0.3", "info": {"title": "Shop", "version": "7"}, "paths": paths, **more}
    return read(content, source="shop.json")


def answering(schema: Any, **more: Any) -> dict[str, Any]:
    """Return an operation that answers so."""
    return {"responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}, **more}


def only(found: Document) -> Operation:
    """Return the one operation of a document."""
    (operation,) = found.operations
    return operation


@pytest.mark.parametrize(
    ("servers", "path", "expected", "hosts"),
    [
        ([{"url": "https://a.example/v1"}], "/x", "/v1/x", ("a.example",)),
        ([{"url": "https://a.example/v1/"}], "/x", "/v1/x", ("a.example",)),
        ([{"url": "https://a.example/v1"}], "/v1/x", "/v1/x", ("a.example",)),
        ([{"url": "https://a.example"}, {"url": "https://b.example"}], "/x", "/x", ("a.example", "b.example")),
        ([{"url": "https://{store}.example/s/{hash}"}], "/x", "/s/{hash}/x", ()),
        ([{"url": "/api"}], "x", "/api/x", ()),
        ([{"url": "https://a.example/v1"}], "/", "/v1/", ("a.example",)),
        (None, "/x", "/x", ()),
    ],
)
def test_a_path_is_as_on_the_wire(servers: Any, path: str, expected: str, hosts: tuple[str, ...]) -> None:
    """The server's base path stands before it, unless the vendor wrote it there already."""
    operation = only(document({path: {"get": answering(PET)}}, servers=servers))
    assert (operation.name, operation.path, operation.hosts) == (f"GET {expected}", expected, hosts)


def test_an_operation_has_its_own_server() -> None:
    """As where one operation of a vendor lives on another host."""
    own = {"servers": [{"url": "https://files.example/up"}]}
    found = document({"/x": {"get": answering(PET, **own)}}, servers=[{"url": "https://a.example/v1"}])
    assert found.find("GET", "/up/x", host="files.example") is only(found)
    assert found.find("GET", "/v1/x") is None


def test_parameters_of_the_path_and_of_the_operation() -> None:
    """The path's hold for each operation, unless one says them anew; references are followed."""
    found = document(
        {
            "/x/{id}": {
                "parameters": [
                    {"$ref": "#/components/parameters/Id"},
                    {"name": "limit", "in": "query", "schema": {"type": "integer"}},
                ],
                "get": answering(
                    PET, parameters=[{"name": "limit", "in": "query", "required": True, "deprecated": True}]
                ),
            }
        },
        components={"parameters": {"Id": {"name": "id", "in": "path", "schema": {"type": "string"}}}},
    )
    said = {each.name: each for each in only(found).parameters}
    assert said["id"].required and said["id"].place == "path"
    assert isinstance(said["id"].shape, JsonShape) and said["id"].shape.fields[""].types == {"string"}
    assert said["limit"].required and said["limit"].deprecated and said["limit"].shape is None
    assert not found.faults


def test_bodies_by_content_type() -> None:
    """JSON and forms are judged, other types only named; parameters of a content type do not count."""
    content = {
        "application/json; charset=utf-8": {"schema": PET},
        "application/x-www-form-urlencoded": {"schema": PET},
        "application/vnd.shop+json": {"schema": PET},
        "application/pdf": {"schema": {"type": "string", "format": "binary"}},
    }
    operation = only(document({"/x": {"post": answering(PET, requestBody={"required": True, "content": content})}}))
    assert operation.body_required
    assert {media: shape is not None for media, shape in operation.requests.items()} == {
        "application/json": True,
        "application/x-www-form-urlencoded": True,
        "application/vnd.shop+json": True,
        "application/pdf": False,
    }
    form = operation.requests["application/x-www-form-urlencoded"]
    assert form is not None and [each.problem for each in form.deviations(b"id=five")] == [Problem.TYPE]


def test_answers_by_status_with_their_headers() -> None:
    """References to answers and headers are followed; 4XX and default are found for a status they cover."""
    found = document(
        {
            "/x": {
                "get": {
                    "responses": {
                        "200": {"$ref": "#/components/responses/Good"},
                        "4xx": {"description": ""},
                        "default": {"description": ""},
                    }
                }
            }
        },
        components={
            "responses": {
                "Good": {
                    "headers": {"X-Rate-Limit": {"$ref": "#/components/headers/Rate"}},
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}},
                }
            },
            "headers": {"Rate": {"schema": {"type": "integer"}, "required": True}},
            "schemas": {"Pet": PET},
        },
    )
    operation = only(found)
    good = operation.answer(200)
    assert good is not None and good.headers["x-rate-limit"].required
    shape = good.shapes["application/json"]
    assert shape is not None and [each.path for each in shape.deviations(b'{"id": "a"}')] == ["id"]
    assert operation.answer(404) is operation.responses["4XX"]
    assert operation.answer(500) is operation.responses["default"]


def test_the_same_schema_is_one_shape() -> None:
    """It is compiled once, however many operations answer with it."""
    reference = {"$ref": "#/components/schemas/Pet"}
    found = document(
        {"/x": {"get": answering(reference)}, "/y": {"get": answering(reference)}}, components={"schemas": {"Pet": PET}}
    )
    one, other = (each.responses["200"].shapes["application/json"] for each in found.operations)
    assert one is other


def test_a_document_of_webhooks_alone() -> None:
    """What a vendor sends is read, too; no path is needed."""
    content = {
        "openapi": "3.1.0",
        "webhooks": {"PAID": {"post": {"requestBody": {"content": {"application/json": {"schema": PET}}},
                                       "responses": {"200": {}}}}},
        "components": {"schemas": {"Unused": PET}},
    }  # fmt: skip
    found = read(content, source="hooks.json")
    operation = only(found)
    assert operation.webhook and operation.name == "webhook PAID" and operation.selector == "PAID"
    shape = operation.requests["application/json"]
    assert shape is not None and shape.deviations(b'{"id": 1}') == []
    assert list(found.shapes) == ["Unused"] and found.format == "openapi-3.1"


def test_who_may_call_is_said_in_words() -> None:
    """One text for each way of proving who one is; schemes that hold together are joined."""
    schemes = {
        "b": {"type": "http", "scheme": "Bearer"},
        "k": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "o": {"type": "oauth2", "flows": {}},
    }
    security = [{"b": []}, {"k": [], "o": ["write", "read"]}, {}]
    found = document({"/x": {"get": answering(PET)}}, security=security, components={"securitySchemes": schemes})
    assert only(found).auth == ("", "apiKey header X-API-Key + oauth2 read write", "http bearer")


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        ({"/y": "text"}, "#/paths/~1y"),
        ({"/y": {"get": 5}}, "#/paths/~1y/get"),
        ({"/y": {"$ref": "#/components/absent"}}, "#/paths/~1y"),
        ({"/y": {"get": {"parameters": {"name": "a"}, "responses": {"200": {}}}}}, "#/paths/~1y/get/parameters"),
        ({"/y": {"get": {"parameters": [{"in": "query"}], "responses": {"200": {}}}}}, "#/paths/~1y/get/parameters/0"),
        ({"/y": {"get": {}}}, "#/paths/~1y/get/responses"),
        ({"/y": {"get": {"responses": {"ok": {}}}}}, "#/paths/~1y/get/responses/ok"),
        ({"/y": {"get": {"responses": {"200": {"content": {"an example": {}}}}}}},
         "#/paths/~1y/get/responses/200/content/an example"),
        ({"/y/{id}": {"get": {"responses": {"200": {}}}}}, "#/paths/~1y~1{id}/get"),
        ({"/y": {"get": {"responses": {"200": {}}, "security": [{"absent": []}]}}}, "#/paths/~1y/get"),
        ({"/y": {"get": answering({"$ref": "#/components/schemas/Absent"})}},
         "#/paths/~1y/get/responses/200/content/application~1json/schema"),
        ({"/y": {"get": answering({"type": "frob"})}},
         "#/paths/~1y/get/responses/200/content/application~1json/schema"),
        ({"/y": {"get": {"requestBody": {"$ref": "#/paths/~1y/get/requestBody"}, "responses": {"200": {}}}}},
         "#/paths/~1y/get/requestBody"),
    ],
    ids=str,
)  # fmt: skip
def test_a_broken_part_is_a_fault_and_the_rest_is_read(broken: Any, where: str) -> None:
    """The fault says where; the sound operation beside it is there and judges."""
    found = document({**broken, "/x": {"get": answering(PET)}})
    assert where in [each.where for each in found.faults]
    sound = found.find("GET", "/x")
    assert sound is not None
    shape = sound.responses["200"].shapes["application/json"]
    assert shape is not None and [each.path for each in shape.deviations(b'{"id": "a"}')] == ["id"]
    for each in found.operations:  # and what is left of the broken one can be asked
        for answer in each.responses.values():
            for one in answer.shapes.values():
                assert one is None or one.deviations(b'{"id": 1}') is not None


@pytest.mark.parametrize("paths", [None, [], "text", {}])
def test_a_document_without_operations_says_so(paths: Any) -> None:
    """No exception: an empty document with a fault."""
    found = document(paths)
    assert not found.operations and any(each.where == "#/paths" for each in found.faults)


def test_other_files_are_read_by_what_gets_them() -> None:
    """Paths, parameters and schemas of a neighbouring file; what it refers to itself lies beside it."""
    held = {
        "paths.json": b'{"X": {"get": {"parameters": [{"$ref": "#/limit"}], "responses": {"200": {"content":'
        b'{"application/json": {"schema": {"$ref": "#/Pet"}}}}}}},'
        b'"limit": {"name": "limit", "in": "query"}, "Pet": {"properties": {"id": {"type": "integer"}}}}'
    }

    def fetch(address: str) -> bytes:
        return held[address.rpartition("/")[2]]

    content = {"openapi": "3.0.0", "paths": {"/x": {"$ref": "paths.json#/X"}}}
    operation = only(read(content, source="https://v.example/shop.json", fetch=fetch))
    assert [each.name for each in operation.parameters] == ["limit"]
    shape = operation.responses["200"].shapes["application/json"]
    assert shape is not None and [each.path for each in shape.deviations(b'{"id": "a"}')] == ["id"]
