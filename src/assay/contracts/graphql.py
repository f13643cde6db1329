"""Reads GraphQL schemas, as introspection or as SDL: every root field is an operation, its messages judged by query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    build_ast_schema,
    build_client_schema,
    parse,
    validate_schema,
)

from assay.contracts.graphql_message import (
    JSON,
    GraphqlAnswer,
    GraphqlRequest,
    Messages,
    envelope,
)
from assay.contracts.graphql_type import Named, input_schema, is_required, output_schema
from assay.contracts.json_shape import Definitions, JsonShape
from assay.contracts.model import Answer, Document, Fault, Operation
from assay.errors import UsageError

PATH = "/graphql"
_MOST_TOKENS = 500_000  # some ten seconds; a vendor's largest schema has a third of it
_MOST_FAULTS = 50


def read(content: bytes | Mapping[str, Any], *, source: str, fetch: object = None) -> Document:
    """Return the document of a schema; `fetch` is not asked, a schema stands alone.

    No schema says where it is served: its operations have the path `/graphql`, see `served_at`. Raises UsageError for
    SDL that cannot be parsed and for an introspection without types.
    """
    schema, faults = _sdl(content, source) if isinstance(content, bytes) else _introspection(content, source)
    named = Definitions({"definitions": Named(schema)})
    messages = Messages(schema, named)
    operations = tuple(_operations(schema, named, messages))
    if not operations:
        faults = [*faults, Fault("#", "has no root field: nothing can be asked")]
    return Document(
        source=source,
        format="graphql-sdl" if isinstance(content, bytes) else "graphql-introspection",
        title=schema.description or "",
        operations=operations,
        faults=tuple(faults[:_MOST_FAULTS]),
    )


def served_at(document: Document, path: str) -> Document:
    """Return the document with its operations at a path, such as `/admin/api/2026-10/graphql.json`."""
    return replace(document, operations=tuple(replace(each, path=path) for each in document.operations))


def _sdl(content: bytes, source: str) -> tuple[GraphQLSchema, list[Fault]]:
    try:
        text = content.decode()
    except UnicodeDecodeError as problem:
        raise UsageError(
            "This schema is no UTF-8 text.", where=f"{source}, byte {problem.start}", expected="GraphQL SDL in UTF-8",
            seen=f"the byte {content[problem.start]:#04x}", hint="Save it as UTF-8.",
        ) from None  # fmt: skip
    try:
        tree = parse(text, max_tokens=_MOST_TOKENS)
        schema = build_ast_schema(tree, assume_valid=True, assume_valid_sdl=True)
    except GraphQLSyntaxError as problem:
        place = problem.locations[0] if problem.locations else None
        cut = "<EOF>" in problem.message
        if "tokens" in problem.message:
            raise UsageError(
                "This schema is too large.", where=source, expected=f"at most {_MOST_TOKENS:,} words and signs",
                seen=f"{len(content):,} bytes", hint="Give the schema's introspection, as JSON.",
            ) from None  # fmt: skip
        raise UsageError(
            "This schema ends in the middle: it is cut short." if cut else "This GraphQL schema cannot be read.",
            where=f"{source}, line {place.line} column {place.column}" if place else source,
            expected="GraphQL SDL", seen=problem.message, hint="Fetch the schema again, or mend the line.",
        ) from None  # fmt: skip
    except (GraphQLError, TypeError, KeyError, ValueError) as problem:
        raise _unbuilt(source, problem) from None
    return schema, _faults(schema)


def _introspection(content: Mapping[str, Any], source: str) -> tuple[GraphQLSchema, list[Fault]]:
    data = content.get("data")
    held = data if isinstance(data, dict) else content
    try:
        schema = build_client_schema(held, assume_valid=True)  # type: ignore[arg-type]
    except (GraphQLError, TypeError, KeyError, ValueError, AttributeError) as problem:
        raise _unbuilt(source, problem) from None
    faults = _faults(schema)
    for at, error in enumerate(content.get("errors") or ()):
        faults.append(Fault(f"#/errors/{at}", f"the introspection itself failed: {str(error)[:120]}"))
    return schema, faults


def _unbuilt(source: str, problem: Exception) -> UsageError:
    return UsageError(
        "This GraphQL schema does not hold together.", where=source, expected="every type that is named is there",
        seen=str(problem).splitlines()[0][:200] or type(problem).__name__,
        hint="Ask the server again with the full introspection query; a shortened answer lacks types.",
    )  # fmt: skip


def _faults(schema: GraphQLSchema) -> list[Fault]:
    """Return what is wrong with a schema by the specification; such a schema is read all the same."""
    schema._validation_errors = None  # it was assumed valid, so that it was built in any case
    faults = []
    for error in validate_schema(schema):
        line = error.locations[0].line if error.locations else 0
        faults.append(Fault(f"line {line}" if line else "#", error.message))
    schema._validation_errors = []
    return faults


def _operations(schema: GraphQLSchema, named: Definitions, messages: Messages) -> Iterator[Operation]:
    roots = (
        ("query", schema.query_type),
        ("mutation", schema.mutation_type),
        ("subscription", schema.subscription_type),
    )
    for word, root in roots:
        for name, found in (root.fields if root is not None else {}).items():
            sent = JsonShape(_asked(found.args), named, request=True)
            answered = JsonShape(envelope({name: output_schema(found.type)}), named)
            yield Operation(
                name=f"{word} {name}",
                method="POST",
                path=PATH,
                selector=name,
                requests={JSON: GraphqlRequest(messages, sent)},
                body_required=True,
                responses={
                    "200": Answer(shapes={JSON: GraphqlAnswer(found, name, answered)}),
                    "4XX": Answer(shapes={JSON: JsonShape(_error(), named), "text/html": None, "text/plain": None}),
                    "5XX": Answer(shapes={JSON: None, "text/html": None, "text/plain": None}),
                },
                deprecated=found.deprecation_reason is not None,
            )


def _error() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": True}


def _asked(arguments: Mapping[str, GraphQLArgument]) -> dict[str, Any]:
    """Return what a root field takes, as members by argument; messages are judged by the query instead."""
    return {
        "type": "object",
        "required": [name for name, each in arguments.items() if is_required(each)],
        "properties": {name: input_schema(each.type, each.deprecation_reason) for name, each in arguments.items()},
    }
