"""Writes declared OData V2 services as one OpenAPI 3.1 document, by the OASIS rules for mapping OData to OpenAPI.

Differences the protocol's version makes: payloads stand in ``d``, collections in ``d.results``, decimals and 64-bit
numbers are strings, dates are ``/Date(milliseconds)/``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.simkit.odata.edm import EntitySet, Function, Model, Navigation, Property

Json = dict[str, Any]
_PATTERNS = {
    "Decimal": r"^-?\d+(\.\d+)?$",
    "Double": r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$",
    "Int64": r"^-?\d+$",
    "DateTime": r"^/Date\(-?\d+\)/$",
    "DateTimeOffset": r"^/Date\(-?\d+([+-]\d{4})?\)/$",
    "Time": r"^PT\d{1,2}H\d{1,2}M\d{1,2}S$",
}
_OPTIONS = ("top", "skip", "filter", "inlinecount", "orderby", "select", "expand")


def openapi_document(
    title: str, server: str, services: Mapping[str, Model], required: Mapping[str, Sequence[str]]
) -> Json:
    """Return the document of several services by path; `required` names by entity set what a creation must bring."""
    paths: Json = {}
    schemas: Json = {"Error": _error_schema(), "Deferred": _deferred_schema(), "Metadata": _metadata_schema()}
    for path, model in services.items():
        paths.update(_service_paths(path, model))
        for entity in model.sets.values():
            schemas.update(_schemas(model, entity, required.get(entity.name, ())))
        for name, parts in model.complex_types.items():
            schemas[f"{model.namespace}.{name}"] = {
                "type": "object",
                "properties": {each.name: _value(each) for each in parts},
            }
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1.0.0", "description": "Only the operations the simulator offers."},
        "servers": [{"url": server}],
        "security": [{"basic": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": _parameters(),
            "responses": _responses(),
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
        },
    }


# ── paths ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _service_paths(path: str, model: Model) -> Iterator[tuple[str, Json]]:
    plain = {"schema": {"type": "string"}}
    sets = {"type": "object", "properties": {"EntitySets": {"type": "array", "items": {"type": "string"}}}}
    yield f"{path}/", {"get": _operation("Read the service document", _ok(_wrapped(sets)))}
    metadata = {"200": {"description": "EDMX", "content": {"application/xml": plain}}}
    yield f"{path}/$metadata", {"get": _operation("Read the metadata", metadata)}
    batch = _operation(
        "Send several requests in one", {"202": {"description": "Answers", "content": {"multipart/mixed": plain}}}
    )
    batch["requestBody"] = {"required": True, "content": {"multipart/mixed": plain}}
    yield f"{path}/$batch", {"post": _write(batch)}
    for function in model.functions.values():
        yield f"{path}/{function.name}", _function(model, function)
    for entity in model.sets.values():
        yield f"{path}/{entity.name}", _collection(model, entity, entity.name)
        yield f"{path}/{entity.name}/$count", {"get": _count()}
        key = f"{path}/{entity.name}({_key(entity)})"
        yield key, _single(model, entity)
        for way in entity.navigations:
            yield f"{key}/{way.name}", _way(model, entity, way)


def _key(entity: EntitySet) -> str:
    quoted = {"String": "'{%s}'", "Guid": "guid'{%s}'", "DateTime": "datetime'{%s}'", "Time": "time'{%s}'"}
    parts = [quoted.get(each.kind, "{%s}") % each.name for each in entity.keys]
    return (
        parts[0]
        if len(parts) == 1
        else ",".join(f"{k.name}={part}" for k, part in zip(entity.keys, parts, strict=True))
    )


def _key_parameters(entity: EntitySet) -> list[Json]:
    return [
        {"name": each.name, "in": "path", "required": True, "schema": _value(each, nullable=False)}
        for each in entity.keys
    ]


def _collection(model: Model, entity: EntitySet, tag: str) -> Json:
    listed = _operation(f"Read entities of {tag}", _ok(_results(model, entity)), _OPTIONS)
    item: Json = {"get": listed}
    if "create" in entity.operations:
        item["post"] = _creation(model, entity)
    return item


def _creation(model: Model, entity: EntitySet) -> Json:
    created = {"description": "Created", "content": _content(_wrapped(_ref(model, entity)))}
    created["headers"] = {"Location": {"schema": {"type": "string"}}}
    operation = _operation(f"Create an entity of {entity.name}", {"201": created})
    operation["requestBody"] = {"required": True, "content": _content(_ref(model, entity, "-create"))}
    return _write(operation)


def _count() -> Json:
    return _operation(
        "Count entities",
        {"200": {"description": "A number", "content": {"text/plain": {"schema": {"type": "string"}}}}},
        ("filter",),
    )


def _single(model: Model, entity: EntitySet) -> Json:
    item: Json = {"parameters": _key_parameters(entity)}
    item["get"] = _operation(
        f"Read one entity of {entity.name}", _ok(_wrapped(_ref(model, entity))), ("select", "expand")
    )
    changed = {"204": {"description": "Done"}}
    if "update" in entity.operations:
        operation = _operation(f"Change an entity of {entity.name}", dict(changed))
        operation["requestBody"] = {"required": True, "content": _content(_ref(model, entity, "-update"))}
        item["patch"] = _write(operation, has_etag=entity.etag is not None)
    if "delete" in entity.operations:
        operation = _operation(f"Delete an entity of {entity.name}", dict(changed))
        item["delete"] = _write(operation, has_etag=entity.etag is not None)
    return item


def _way(model: Model, entity: EntitySet, way: Navigation) -> Json:
    target = model.sets[way.target]
    if way.many:
        return {"parameters": _key_parameters(entity), **_collection(model, target, f"{entity.name}.{way.name}")}
    read = _operation(f"Read {entity.name}.{way.name}", _ok(_wrapped(_ref(model, target))), ("select", "expand"))
    return {"parameters": _key_parameters(entity), "get": read}


def _function(model: Model, function: Function) -> Json:
    result: Json = {"$ref": f"#/components/schemas/{model.namespace}.{function.returns}"}
    if function.many:
        body = _wrapped({"type": "object", "required": ["results"], "properties": {"results": _array(result)}})
    else:
        body = _wrapped({"type": "object", "required": [function.name], "properties": {function.name: result}})
    operation = _operation(f"Call {function.name}", _ok(body))
    operation["parameters"] = [
        {"name": each.name, "in": "query", "required": True, "schema": {"type": "string"}, "example": "'1'"}
        for each in function.parameters
    ]
    return {function.method.lower(): _write(operation)}


def _operation(summary: str, responses: Json, options: Sequence[str] = ()) -> Json:
    errors = {
        "401": {"$ref": "#/components/responses/Unauthorized"},
        "4XX": {"$ref": "#/components/responses/Error"},
    }
    operation: Json = {"summary": summary, "responses": {**responses, **errors}}
    if options:
        operation["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in options]
    return operation


def _write(operation: Json, *, has_etag: bool = False) -> Json:
    names = ["token", *(["ifMatch"] if has_etag else [])]
    wanted = [{"$ref": f"#/components/parameters/{name}"} for name in names]
    responses = {**operation["responses"], "403": {"$ref": "#/components/responses/TokenRequired"}}
    return {**operation, "parameters": [*operation.get("parameters", ()), *wanted], "responses": responses}


# ── schemas ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _schemas(model: Model, entity: EntitySet, required: Sequence[str]) -> Iterator[tuple[str, Json]]:
    name = f"{model.namespace}.{entity.type_name}"
    ways = {way.name: _way_schema(model, way) for way in entity.navigations}
    metadata = {"$ref": "#/components/schemas/Metadata"}
    read: Json = {"__metadata": metadata, **{each.name: _value(each) for each in entity.properties}, **ways}
    yield name, {"type": "object", "required": ["__metadata"], "properties": read}
    if "create" in entity.operations or _is_nested(model, entity):
        fields: Json = {each.name: _value(each) for each in entity.properties if each.creatable or each.is_key}
        fields.update({way.name: _nested_schema(model, way) for way in entity.navigations if way.many})
        yield (
            f"{name}-create",
            {"type": "object", **({"required": list(required)} if required else {}), "properties": fields},
        )
    if "update" in entity.operations:
        fields = {each.name: _value(each) for each in entity.properties if each.updatable and not each.is_key}
        yield f"{name}-update", {"type": "object", "properties": fields}


def _is_nested(model: Model, entity: EntitySet) -> bool:
    return any(way.target == entity.name and way.many for each in model.sets.values() for way in each.navigations)


def _way_schema(model: Model, way: Navigation) -> Json:
    target = _ref(model, model.sets[way.target])
    inline: Json = {"type": "object", "required": ["results"], "properties": {"results": _array(target)}}
    choices = [{"$ref": "#/components/schemas/Deferred"}, inline if way.many else target]
    return {"anyOf": choices if way.many else [*choices, {"type": "null"}]}


def _nested_schema(model: Model, way: Navigation) -> Json:
    target = _array(_ref(model, model.sets[way.target], "-create"))
    return {"anyOf": [target, {"type": "object", "required": ["results"], "properties": {"results": target}}]}


def _value(prop: Property, *, nullable: bool | None = None) -> Json:
    """Return the schema of one value; a nullable one may be null on the wire."""
    kind = {"Boolean": "boolean", "Byte": "integer", "Int16": "integer", "Int32": "integer"}.get(prop.kind, "string")
    may_be_null = prop.nullable if nullable is None else nullable
    schema: Json = {"type": [kind, "null"] if may_be_null else kind}
    if prop.max_length is not None:
        schema["maxLength"] = prop.max_length
    if prop.kind == "Guid":
        schema["format"] = "uuid"
    if prop.kind == "Decimal":
        schema.update({"format": "decimal", "x-precision": prop.precision, "x-scale": prop.scale})
    if prop.kind in _PATTERNS:
        schema["pattern"] = _PATTERNS[prop.kind]
    return schema


def _ref(model: Model, entity: EntitySet, suffix: str = "") -> Json:
    return {"$ref": f"#/components/schemas/{model.namespace}.{entity.type_name}{suffix}"}


def _array(items: Json) -> Json:
    return {"type": "array", "items": items}


def _results(model: Model, entity: EntitySet) -> Json:
    text = {"type": "string"}
    fields = {"__count": text, "results": _array(_ref(model, entity)), "__next": text}
    return _wrapped({"type": "object", "required": ["results"], "properties": fields})


def _wrapped(schema: Json) -> Json:
    return {"type": "object", "required": ["d"], "properties": {"d": schema}}


def _content(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _ok(schema: Json) -> Json:
    return {"200": {"description": "Success", "content": _content(schema)}}


def _error_schema() -> Json:
    text = {"type": "string"}
    message = {"type": "object", "required": ["lang", "value"], "properties": {"lang": text, "value": text}}
    error = {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": text, "message": message, "innererror": {"type": "object"}},
    }
    return {"type": "object", "required": ["error"], "properties": {"error": error}}


def _deferred_schema() -> Json:
    uri = {"type": "object", "required": ["uri"], "properties": {"uri": {"type": "string"}}}
    return {"type": "object", "required": ["__deferred"], "properties": {"__deferred": uri}}


def _metadata_schema() -> Json:
    text = {"type": "string"}
    fields = dict.fromkeys(("id", "uri", "type", "etag"), text)
    return {"type": "object", "required": ["uri", "type"], "properties": fields}


def _responses() -> Json:
    page, text = {"text/html": {"schema": {"type": "string"}}}, {"text/plain": {"schema": {"type": "string"}}}
    error = {"$ref": "#/components/schemas/Error"}
    required = {"x-csrf-token": {"schema": {"type": "string", "const": "Required"}}}
    return {
        "Error": {"description": "Refused, with SAP's code and message", "content": _content(error)},
        "Unauthorized": {"description": "Credentials missing or wrong", "content": page},
        "TokenRequired": {"description": "CSRF token missing or wrong", "headers": required, "content": text},
    }


def _parameters() -> Json:
    number, text = {"type": "integer", "minimum": 0}, {"type": "string"}
    found: Json = {
        name: {"name": f"${name}", "in": "query", "schema": number if name in ("top", "skip") else text}
        for name in _OPTIONS
    }
    found["inlinecount"]["schema"] = {"type": "string", "enum": ["allpages", "none"]}
    found["token"] = {"name": "X-CSRF-Token", "in": "header", "required": True, "schema": text}
    found["ifMatch"] = {"name": "If-Match", "in": "header", "required": True, "schema": text}
    return found
