"""What GraphQL messages must be: a query by the schema, an answer by what its query selected.

An answer says nothing by itself: names are aliases, and what is there is what was asked for. So an answer is judged
exactly by `GraphqlRequest.answered`, and without its query only for its envelope.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

import orjson
from graphql import (
    ArgumentNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNonNull,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    parse,
    type_from_ast,
    validate,
    visit,
)
from graphql.validation import (
    FieldsOnCorrectTypeRule,
    KnownArgumentNamesRule,
    ProvidedRequiredArgumentsRule,
    ScalarLeafsRule,
    ValuesOfCorrectTypeRule,
    specified_rules,
)

from assay.contracts.graphql_selection import data_schema
from assay.contracts.graphql_type import input_schema
from assay.contracts.json_places import shown
from assay.contracts.json_shape import Definitions, JsonShape
from assay.contracts.model import Deviation, Field, Problem, Shape
from assay.masking import MASK

JSON = "application/json"
_MOST_TOKENS = 20_000
_MOST_KNOWN = 500
# The rules of validation that say more than that a query is against the schema.
_SAYING = (
    (FieldsOnCorrectTypeRule, Problem.SCHEMA, "a field of its type"),
    (KnownArgumentNamesRule, Problem.SCHEMA, "a documented argument"),
    (ProvidedRequiredArgumentsRule, Problem.MISSING, "a required argument"),
    (ScalarLeafsRule, Problem.SCHEMA, "a selection where the type has fields, none where it has not"),
    (ValuesOfCorrectTypeRule, Problem.TYPE, "a value of the argument's type"),
)


def envelope(data: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """Return the schema of an answer whose `data` has these members."""
    located = {"type": "object", "properties": {"line": {"type": "integer"}, "column": {"type": "integer"}}}
    error = {
        "type": "object",
        "required": ["message"],
        "properties": {
            "message": {"type": "string"}, "locations": {"type": ["array", "null"], "items": located},
            "path": {"type": ["array", "null"]},
            "extensions": {"type": ["object", "null"], "additionalProperties": True},
        },
        "additionalProperties": True,
    }  # fmt: skip
    return {
        "type": "object",
        "minProperties": 1,
        "properties": {
            "data": {"type": ["object", "null"], "required": [*required], "properties": {**data}},
            "errors": {"type": "array", "items": error},
            "extensions": {"type": ["object", "null"], "additionalProperties": True},
        },
    }


class AnsweredByRequest(Protocol):
    """A shape of requests that says what its answer must be: of GraphQL, where an answer alone says nothing."""

    def answered(self, request: bytes) -> Shape | None:
        """Return the shape of the answer to a request; None where the request cannot be read."""


class Messages:
    """The queries that were seen of one schema, each parsed and validated once."""

    def __init__(self, schema: GraphQLSchema, named: Definitions) -> None:
        self.schema = schema
        self._named = named
        self._none = Definitions({})
        self.parsed = lru_cache(maxsize=_MOST_KNOWN)(self._parsed)
        self.faults = lru_cache(maxsize=_MOST_KNOWN)(self._faults)
        self.variables = lru_cache(maxsize=_MOST_KNOWN)(self._variables)
        self.answer = lru_cache(maxsize=_MOST_KNOWN)(self._answer)

    def _parsed(self, query: str) -> DocumentNode:
        return parse(query, max_tokens=_MOST_TOKENS)

    def _faults(self, query: str) -> tuple[tuple[Deviation, ...], tuple[Deviation, ...]]:
        """Return what of a query is against the schema, and what it uses that is deprecated."""
        document = self.parsed(query)
        places = dict(_places(document))
        errors = validate(self.schema, document, specified_rules)
        found: dict[tuple[str, ...], Deviation] = {}
        if errors:
            for rule, problem, expected in _SAYING:
                for error in validate(self.schema, document, [rule]):
                    found[_key(error)] = _deviation(error, problem, expected, places)
            for error in errors:
                found.setdefault(_key(error), _deviation(error, Problem.SCHEMA, "a valid query", places))
        old: list[Deviation] = []
        if not errors:
            types = TypeInfo(self.schema)
            visit(document, TypeInfoVisitor(types, _Deprecated(types, places, old)))
        return tuple(found.values()), tuple(dict.fromkeys(old))

    def _variables(self, query: str, name: str) -> JsonShape | None:
        """Return the shape of a request as far as its variables go; None where it declares none."""
        operation = chosen(self.parsed(query), name)
        if operation is None or not operation.variable_definitions:
            return None
        properties: dict[str, Any] = {}
        required = []
        for each in operation.variable_definitions:
            kind = type_from_ast(self.schema, each.type)
            properties[each.variable.name.value] = input_schema(kind) if kind is not None else {}
            if isinstance(kind, GraphQLNonNull) and each.default_value is None:
                required.append(each.variable.name.value)
        # Variables that are not declared are let pass by servers.
        held = {"type": "object", "required": required, "properties": properties, "additionalProperties": True}
        schema = {"type": "object", "properties": {"variables": held}, "additionalProperties": True}
        if required:
            schema["required"] = ["variables"]
        return JsonShape(schema, self._named, request=True)

    def _answer(self, query: str, name: str) -> Shape | None:
        operation = chosen(self.parsed(query), name)
        if operation is None or self.faults(query)[0]:
            return None
        found = data_schema(self.schema, self.parsed(query), operation)
        if found is None:
            return None
        return JsonShape(envelope(found.get("properties", {}), found.get("required", ())), self._none)


class _Deprecated(Visitor):
    """Notes every use of what the schema calls deprecated; graphql-core's own rule needs the SDL."""

    def __init__(self, types: TypeInfo, places: Mapping[int, str], found: list[Deviation]) -> None:
        super().__init__()
        self._types = types
        self._places = places
        self._found = found

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self._note(node, self._types.get_field_def(), node.name.value)

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        self._note(node, self._types.get_argument(), node.name.value)

    def enter_enum_value(self, node: EnumValueNode, *_: Any) -> None:
        self._note(node, self._types.get_enum_value(), node.value)

    def _note(self, node: Node, known: Any, name: str) -> None:
        if known is not None and known.deprecation_reason is not None:
            self._found.append(
                Deviation(Problem.DEPRECATED, self._places.get(id(node), "query"), "not to be used any more", name)
            )


class GraphqlRequest:
    """What a request must be. Implements `assay.contracts.model.Shape` and `AnsweredByRequest`."""

    def __init__(self, messages: Messages, arguments: JsonShape) -> None:
        self._messages = messages
        self._arguments = arguments

    @property
    def fields(self) -> Mapping[str, Field]:
        """The arguments of the root field, as paths below it."""
        return self._arguments.fields

    def deviations(self, body: bytes, *, additive: bool = True) -> Sequence[Deviation]:
        """Return where a request departs from the schema: the query's text, and its variables' values."""
        try:
            held = orjson.loads(body)
        except orjson.JSONDecodeError as trouble:
            return [Deviation(Problem.MALFORMED, "", "JSON with a query", trouble.msg)]
        found: list[Deviation] = []
        for asked in held if isinstance(held, list) else [held]:
            if not isinstance(asked, dict):
                return [Deviation(Problem.TYPE, "", "an object with a query", shown("", asked))]
            found += self._judged(asked, additive=additive)
        return list(dict.fromkeys(found))

    def answered(self, request: bytes) -> Shape | None:
        """Return the shape of the answer to a request; see `AnsweredByRequest`."""
        try:
            asked = orjson.loads(request)
            return self._messages.answer(asked["query"], asked.get("operationName") or "")
        except (orjson.JSONDecodeError, GraphQLError, TypeError, KeyError, RecursionError):
            return None

    def _judged(self, asked: Mapping[str, Any], *, additive: bool) -> Iterator[Deviation]:
        query = asked.get("query")
        if query is None and "extensions" in asked:
            return  # a persisted query: the server has its text
        if not isinstance(query, str):
            problem = Problem.MISSING if query is None else Problem.TYPE
            yield Deviation(problem, "query", "string", "nothing" if query is None else shown("query", query))
            return
        try:
            against, deprecated = self._messages.faults(query)
        except GraphQLError as error:
            if MASK not in query:  # what was masked within it may have been part of its syntax
                yield Deviation(Problem.MALFORMED, "query", "a GraphQL document", error.message[:120])
            return
        except RecursionError:
            yield Deviation(Problem.MALFORMED, "query", "a GraphQL document", "nested too deep")
            return
        yield from against
        if additive:
            yield from deprecated
        variables = self._messages.variables(query, str(asked.get("operationName") or "")) if not against else None
        if variables is not None:
            for each in variables.deviations(orjson.dumps({"variables": asked.get("variables") or {}})):
                # A server refuses the whole request for an input field it does not know.
                each = replace(each, problem=Problem.SCHEMA) if each.problem is Problem.FIELD else each
                if additive or not each.problem.is_additive:
                    yield each


class GraphqlAnswer:
    """What an answer must be whatever was asked: the envelope. Implements `assay.contracts.model.Shape`."""

    def __init__(self, field: GraphQLField, name: str, documented: JsonShape) -> None:
        self._documented = documented
        self._any = JsonShape(envelope({}) | {"title": name}, Definitions({}))
        self._field = field

    @property
    def fields(self) -> Mapping[str, Field]:
        """Everything that can be selected, as the document has it."""
        return self._documented.fields

    def deviations(self, body: bytes, *, additive: bool = True) -> Sequence[Deviation]:
        """Return where an answer is none of GraphQL; what `data` holds is judged by `GraphqlRequest.answered`."""
        return self._any.deviations(body, additive=False)


def chosen(document: DocumentNode, name: str) -> OperationDefinitionNode | None:
    """Return the operation of a document that runs: the one that is named, else the first."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    named = [each for each in operations if name and each.name is not None and each.name.value == name]
    return next(iter(named or operations), None)


def root_fields(request: bytes) -> tuple[str, ...]:
    """Return the root fields that a request's body selects, in its order; none where it cannot be read."""
    try:
        asked = orjson.loads(request)
        document = parse(asked["query"], max_tokens=_MOST_TOKENS)
    except (orjson.JSONDecodeError, GraphQLError, TypeError, KeyError, RecursionError):
        return ()
    operation = chosen(document, str(asked.get("operationName") or ""))
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    found: dict[str, None] = {}
    todo: list[Any] = list(operation.selection_set.selections) if operation is not None else []
    open_fragments: set[str] = set()
    while todo:
        node = todo.pop(0)
        if isinstance(node, FieldNode):
            found[node.name.value] = None
            continue
        if isinstance(node, FragmentSpreadNode):
            if node.name.value in open_fragments or node.name.value not in fragments:
                continue
            open_fragments.add(node.name.value)
            node = fragments[node.name.value]
        todo = [*node.selection_set.selections, *todo]
    return tuple(found)


def _places(document: DocumentNode) -> Iterator[tuple[int, str]]:
    """Yield the path of every node: the fields it stands within, then its own name."""
    todo: list[tuple[Any, str]] = [(each, "query") for each in document.definitions]
    while todo:
        node, path = todo.pop()
        name = getattr(getattr(node, "name", None), "value", "")
        if isinstance(node, FieldNode) or node.kind in ("argument", "object_field"):
            path = f"{path}.{name}"
        yield id(node), path
        for key in node.keys:
            child = getattr(node, key, None)
            for each in child if isinstance(child, (tuple, list)) else (child,):
                if hasattr(each, "kind") and each is not getattr(node, "name", None):
                    todo.append((each, path))


def _key(error: GraphQLError) -> tuple[str, ...]:
    return (error.message, *(f"{each.line}:{each.column}" for each in error.locations or ()))


def _deviation(error: GraphQLError, problem: Problem, expected: str, places: Mapping[int, str]) -> Deviation:
    node = error.nodes[0] if error.nodes else None
    path = places.get(id(node), "query")
    message = error.message.split(" Did you mean")[0]
    if problem is Problem.TYPE and "enum" in message:
        problem = Problem.ENUM
    return Deviation(problem, path, expected, shown("", message).strip('"'))
