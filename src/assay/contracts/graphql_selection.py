"""What the answer to a query must hold, as a JSON schema: the fields it selected, with the types of the schema."""

from __future__ import annotations

from collections.abc import Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLAbstractType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    is_abstract_type,
    is_composite_type,
)

from assay.contracts.graphql_type import Schema, leaf_schema, or_null

_CONDITIONS = {"skip", "include", "defer"}


def data_schema(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
) -> Schema | None:
    """Return the schema of `data` for an operation of a valid document; None where the schema has no such root."""
    root = schema.get_root_type(operation.operation)
    if root is None:
        return None
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    return _Selection(schema, fragments).object(root, [operation.selection_set])


class _Selection:
    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> None:
        self._schema = schema
        self._fragments = fragments

    def object(self, kind: GraphQLNamedType, selections: list[SelectionSetNode]) -> Schema:
        """Return what an object of a type holds by what was selected of it."""
        found: dict[str, list[tuple[GraphQLNamedType, FieldNode, bool]]] = {}
        for each in selections:
            self._collect(kind, each, False, found, frozenset())
        properties: Schema = {}
        for name, nodes in found.items():
            by_parent: dict[str, tuple[GraphQLNamedType, list[FieldNode]]] = {}
            for parent, node, _ in nodes:
                by_parent.setdefault(parent.name, (parent, []))[1].append(node)
            schemas: list[Schema] = []
            for parent, same in by_parent.values():
                made = self._field(parent, same)
                if made not in schemas:
                    schemas.append(made)
            properties[name] = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        required = [name for name, nodes in found.items() if any(not sometimes for _, _, sometimes in nodes)]
        return {"type": "object", "required": required, "properties": properties}

    def _collect(
        self,
        kind: GraphQLNamedType,
        selection: SelectionSetNode,
        sometimes: bool,
        found: dict[str, list[tuple[GraphQLNamedType, FieldNode, bool]]],
        above: frozenset[str],
    ) -> None:
        for node in selection.selections:
            conditional = sometimes or any(each.name.value in _CONDITIONS for each in node.directives or ())
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias is not None else node.name.value
                found.setdefault(key, []).append((kind, node, conditional))
                continue
            part: InlineFragmentNode | FragmentDefinitionNode
            if isinstance(node, FragmentSpreadNode):
                if node.name.value in above:
                    continue
                part = self._fragments[node.name.value]
                inside = above | {node.name.value}
            else:
                assert isinstance(node, InlineFragmentNode)
                part, inside = node, above
            condition = part.type_condition
            wanted = self._schema.get_type(condition.name.value) if condition is not None else kind
            if wanted is not None:
                other = conditional or not self._always(kind, wanted)
                self._collect(wanted, part.selection_set, other, found, inside)

    def _always(self, kind: GraphQLNamedType, wanted: GraphQLNamedType) -> bool:
        """Whether everything of a type is of the type a fragment asks for."""
        if kind is wanted:
            return True
        if not is_abstract_type(wanted):
            return False
        abstract: GraphQLAbstractType = wanted
        return self._schema.is_sub_type(abstract, kind)

    def _field(self, parent: GraphQLNamedType, nodes: list[FieldNode]) -> Schema:
        name = nodes[0].name.value
        if name == "__typename":
            return {"type": "string"}
        fields = getattr(parent, "fields", {})
        if name not in fields:  # __schema and __type
            return {}
        return self._typed(fields[name].type, [each.selection_set for each in nodes if each.selection_set is not None])

    def _typed(self, kind: GraphQLType, selections: list[SelectionSetNode]) -> Schema:
        if isinstance(kind, GraphQLNonNull):
            return self._not_null(kind.of_type, selections)
        return or_null(self._not_null(kind, selections))

    def _not_null(self, kind: GraphQLType, selections: list[SelectionSetNode]) -> Schema:
        if isinstance(kind, GraphQLList):
            return {"type": "array", "items": self._typed(kind.of_type, selections)}
        if is_composite_type(kind):
            composite: GraphQLObjectType = kind  # type: ignore[assignment]
            return self.object(composite, selections)
        return leaf_schema(kind)
