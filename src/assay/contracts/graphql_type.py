"""The types of a GraphQL schema as JSON schemas: what fields answer, and what arguments take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLType,
    GraphQLUnionType,
    Undefined,
)

Schema = dict[str, Any]

_SCALARS: Mapping[str, Schema] = {
    "Int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "Float": {"type": "number"},
    "String": {"type": "string"},
    "ID": {"type": "string"},
    "Boolean": {"type": "boolean"},
}


def leaf_schema(kind: GraphQLType) -> Schema:
    """Return the JSON schema of an enum or scalar; a scalar of the vendor's own may be anything."""
    if isinstance(kind, GraphQLEnumType):
        return {"type": "string", "enum": list(kind.values)}
    if isinstance(kind, GraphQLScalarType):
        return dict(_SCALARS.get(kind.name, {}))
    return {}


def or_null(schema: Schema) -> Schema:
    """Return a schema that lets null pass, too."""
    if not schema:
        return schema
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def is_required(argument: Any) -> bool:
    """Return whether an argument or input field must be given."""
    return isinstance(argument.type, GraphQLNonNull) and argument.default_value is Undefined


def output_schema(kind: GraphQLType) -> Schema:
    """Return the JSON schema of what a field answers; its named types are referred to."""
    if isinstance(kind, GraphQLNonNull):
        return _inner(kind.of_type, output_schema)
    return or_null(_inner(kind, output_schema))


def input_schema(kind: GraphQLType, deprecated: str | None = None) -> Schema:
    """Return the JSON schema of what an argument or input field takes."""
    schema = (
        _inner(kind.of_type, input_schema) if isinstance(kind, GraphQLNonNull) else or_null(_inner(kind, input_schema))
    )
    return {**schema, "deprecated": True} if deprecated is not None else schema


def _inner(kind: GraphQLType, of: Callable[[GraphQLType], Schema], *, sent: bool = False) -> Schema:
    if isinstance(kind, GraphQLList):
        array: Schema = {"type": "array", "items": of(kind.of_type)}
        return {"anyOf": [array, of(kind.of_type)]} if sent else array  # one value stands for a list of it
    if sent and isinstance(kind, GraphQLScalarType) and kind.name == "ID":
        return {"type": ["string", "integer"]}
    if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType, GraphQLUnionType, GraphQLInputObjectType)):
        return {"$ref": f"#/definitions/{kind.name}"}
    return leaf_schema(kind)


class Named(Mapping[str, Any]):
    """The named types of a schema as JSON schemas, each made when it is first referred to."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._types = schema.type_map
        self._schema = schema

    def __getitem__(self, name: str) -> Schema:
        return self._made(self._types[name])

    def __contains__(self, name: object) -> bool:
        return name in self._types

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)

    def _made(self, kind: GraphQLNamedType) -> Schema:
        if isinstance(kind, GraphQLInputObjectType):
            fields = kind.fields
            return {
                "type": "object",
                "required": [name for name, each in fields.items() if is_required(each)],
                "properties": {name: input_schema(each.type, each.deprecation_reason) for name, each in fields.items()},
            }
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            return {"type": "object", "properties": {name: _field(each) for name, each in kind.fields.items()}}
        if isinstance(kind, GraphQLUnionType):
            return {"anyOf": [{"$ref": f"#/definitions/{each.name}"} for each in self._schema.get_possible_types(kind)]}
        assert isinstance(kind, GraphQLNamedType)
        return leaf_schema(kind) if not isinstance(kind, GraphQLEnumType) else {"enum": list(kind.values)}


def _field(found: GraphQLField) -> Schema:
    schema = output_schema(found.type)
    return {**schema, "deprecated": True} if found.deprecation_reason is not None else schema
