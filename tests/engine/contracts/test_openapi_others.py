"""Swagger 2.0, Google's discovery and JSON Schema come to the same operations and shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.contracts import discovery, json_schema, kept, swagger, yaml_safe
from assay.contracts.model import Problem, Shape

SWAGGER = {
    "swagger": "2.0",
    "info": {"title": "Shop", "version": "2"},
    "host": "api.shop.example",
    "basePath": "/v2",
    "consumes": ["application/json"],
    "produces": ["application/json; charset=utf-8"],
    "securityDefinitions": {"b": {"type": "basic"}},
    "security": [{"b": []}],
    "definitions": {
        "Order": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "x-nullable": True}}},
        "Unused": {"type": "object"},
    },
    "parameters": {"Id": {"name": "id", "in": "path", "type": "string", "required": True}},
    "paths": {
        "/orders/{id}": {
            "parameters": [{"$ref": "#/parameters/Id"}],
            "get": {
                "parameters": [{"name": "limit", "in": "query", "type": "integer", "collectionFormat": "csv"}],
                "responses": {
                    "200": {"schema": {"$ref": "#/definitions/Order"}, "headers": {"X-Left": {"type": "integer"}}}
                },
            },
            "put": {
                "parameters": [
                    {"name": "body", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Order"}}
                ],
                "responses": {"204": {"description": ""}},
            },
        },
        "/files": {
            "post": {
                "parameters": [
                    {"name": "file", "in": "formData", "type": "file", "required": True},
                    {"name": "count", "in": "formData", "type": "integer"},
                ],
                "responses": {"200": {"schema": {"type": "file"}}},
            }
        },
        "/broken": {"get": {"parameters": [5], "responses": {"200": {"schema": {"$ref": "#/definitions/Absent"}}}}},
    },
}


def judged(shape: Shape | None, body: bytes) -> list[tuple[Problem, str]]:
    """Return what departs in a body."""
    assert shape is not None
    return [(each.problem, each.path) for each in shape.deviations(body)]


def test_swagger_is_read_into_operations() -> None:
    """Base path, shared parameters, bodies, answers and their headers; a broken part is a fault."""
    found = swagger.read(SWAGGER, source="shop.json")
    get = found.find("GET", "/v2/orders/7")
    assert get is not None and get.name == "GET /v2/orders/{id}" and get.hosts == ("api.shop.example",)
    assert [(each.name, each.place, each.required) for each in get.parameters] == [
        ("id", "path", True), ("limit", "query", False),
    ]  # fmt: skip
    assert get.auth == ("http basic",)
    answer = get.responses["200"]
    assert "x-left" in answer.headers
    assert judged(answer.shapes["application/json"], b'{"id": null}') == []
    assert judged(answer.shapes["application/json"], b'{"id": 5, "new": 1}') == [
        (Problem.TYPE, "id"), (Problem.FIELD, "new"),
    ]  # fmt: skip
    assert {each.where for each in found.faults} == {
        "#/paths/~1broken/get/parameters/0", "#/paths/~1broken/get/responses/200/schema",
    }  # fmt: skip
    assert list(found.shapes) == ["Unused"]


def test_swagger_bodies_and_forms() -> None:
    """A body in JSON, and a form with a file: multipart, its fields put together from their parameters."""
    found = swagger.read(SWAGGER, source="shop.json")
    put, post = found.find("PUT", "/v2/orders/7"), found.find("POST", "/v2/files")
    assert put is not None and put.body_required and not put.responses["204"].shapes
    assert judged(put.requests["application/json"], b"{}") == [(Problem.MISSING, "id")]
    assert post is not None and list(post.requests) == ["multipart/form-data"]
    form = b'--z\r\nContent-Disposition: form-data; name="count"\r\n\r\nfive\r\n--z--\r\n'
    assert judged(post.requests["multipart/form-data"], form) == [(Problem.MISSING, "file"), (Problem.TYPE, "count")]
    assert post.responses["200"].shapes == {"application/json": None}


DISCOVERY = {
    "kind": "discovery#restDescription",
    "title": "Content API",
    "version": "v2.1",
    "rootUrl": "https://shop.example/",
    "servicePath": "content/v2.1/",
    "parameters": {"alt": {"type": "string", "location": "query", "enum": ["json"]}},
    "schemas": {
        "Product": {
            "id": "Product",
            "type": "object",
            "properties": {
                "id": {"type": "string", "format": "int64", "required": True},
                "price": {"$ref": "Price"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "any": {"type": "any"},
            },
        },
        "Price": {"id": "Price", "type": "object", "properties": {"value": {"type": "string"}}},
    },
    "resources": {
        "products": {
            "methods": {
                "insert": {
                    "httpMethod": "POST",
                    "path": "{merchantId}/products",
                    "parameters": {
                        "merchantId": {"type": "string", "location": "path", "required": True},
                        "labels": {"type": "string", "location": "query", "repeated": True},
                    },
                    "request": {"$ref": "Product"},
                    "response": {"$ref": "Product"},
                }
            },
            "resources": {"deep": {"methods": {"get": {"httpMethod": "GET", "path": "v1/{+name}"}}}},
        }
    },
}


def test_discovery_is_read_into_operations() -> None:
    """References by id, resources within resources, repeated parameters, the service's path."""
    found = discovery.read(DISCOVERY, source="content.json")
    insert = found.find("POST", "/content/v2.1/55/products")
    assert insert is not None and insert.body_required
    places: dict[str, Any] = {each.name: each for each in insert.parameters}
    assert places["merchantId"].place == "path" and places["alt"].place == "query"
    assert places["labels"].shape.fields[""].types == {"array"}
    assert judged(insert.requests["application/json"], b'{"price": {"value": 5}, "any": [1], "new": 1}') == [
        (Problem.MISSING, "id"), (Problem.TYPE, "price.value"), (Problem.FIELD, "new"),
    ]  # fmt: skip
    assert found.find("GET", "/content/v2.1/v1/x") is not None
    assert not found.faults


def test_json_schema_is_a_shape_of_its_own() -> None:
    """The document itself under '', its definitions under their names."""
    content = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Order changed",
        "definitions": {"Id": {"type": "string"}},
        "properties": {"id": {"$ref": "#/definitions/Id"}},
    }
    found = json_schema.read(content, source="change.json")
    assert judged(found.shapes[""], b'{"id": 5}') == [(Problem.TYPE, "id")]
    assert judged(found.shapes["Id"], b"5") == [(Problem.TYPE, "")]
    assert found.title == "Order changed" and not found.operations


def test_large_yaml_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second reading of the same bytes comes from the cache and is the same; a broken cache is done without."""
    content = b"a: {twice: 1, twice: 2}\nlist:\n" + b"- {name: x, day: 2026-01-01, no: NO}\n" * 4000
    expected = yaml_safe.parse(content)
    assert kept.parse(content, tmp_path) == expected
    with monkeypatch.context() as patched:
        patched.setattr(yaml_safe, "parse", lambda content: pytest.fail("it was parsed before"))
        assert kept.parse(content, tmp_path) == expected
    (file,) = tmp_path.glob("*.json")
    file.write_bytes(b'{"document": ')
    assert kept.parse(content, tmp_path) == expected
    (tmp_path / "a file").touch()
    assert kept.parse(content, tmp_path / "a file" / "below") == expected
