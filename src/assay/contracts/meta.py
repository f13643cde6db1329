"""Reads Meta's specification of one Graph API node, from which its SDKs are made: fields, and edges as operations.

Meta publishes no other document. A node is read and changed at `/{version}/{id}`, its edges below it; an edge answers
pages of `data`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from assay.contracts.json_shape import Definitions, JsonShape
from assay.contracts.model import Answer, Document, Fault, Operation, Parameter
from assay.errors import UsageError

Schema = dict[str, Any]

HOSTS = ("graph.facebook.com",)
JSON = "application/json"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", JSON)
_SCALARS: Mapping[str, Schema] = {
    "string": {"type": "string"},
    "int": {"type": "integer"},
    "unsigned int": {"type": "integer", "minimum": 0},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "datetime": {"type": ["string", "integer"]},  # ISO text in answers; seconds since 1970 are taken, too
    "map": {"type": "object", "additionalProperties": True},
    "Object": {"type": "object", "additionalProperties": True},
    "file": {},
}
_LIST = re.compile(r"list<(.+)>")
_MAP = re.compile(r"map<.*?,\s*(.+)>")
_NODE = re.compile(r"[A-Z]\w*")
_ENUM = re.compile(r".*_enum_param|[A-Z]\w*_[a-z]\w*")
_ALWAYS = ("fields", "limit", "after", "before", "summary", "access_token", "appsecret_proof", "locale")
_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "code"],
            "properties": {
                "message": {"type": "string"}, "type": {"type": "string"}, "code": {"type": "integer"},
                "error_subcode": {"type": "integer"}, "fbtrace_id": {"type": "string"},
            },
            "additionalProperties": True,
        }
    },
}  # fmt: skip


def read(content: Mapping[str, Any], *, source: str, fetch: Callable[[str], bytes]) -> Document:
    """Return the document of one node; the nodes its edges lead to are read from beside it, where they are."""
    name = source.replace("\\", "/").rpartition("/")[2].removesuffix(".json") or "node"
    node = _Node(name, content, fetch)
    operations = tuple(node.operations())
    return Document(
        source=source, format="meta-graph-spec", title=name, operations=operations, faults=tuple(node.faults),
        shapes={name: node.shape({"$ref": f"#/definitions/{name}"})},
    )  # fmt: skip


class _Node:
    def __init__(self, name: str, content: Mapping[str, Any], fetch: Callable[[str], bytes]) -> None:
        self.name = name
        self.faults: list[Fault] = []
        self._apis = [each for each in content["apis"] if self._is_api(each)]
        self._fetch = fetch
        self._schemas: dict[str, Schema] = {}
        self._schemas[name] = self._node_schema(content, name)
        for wanted in {str(each.get("return", "")) for each in self._apis} - {name, "Object", ""}:
            neighbour = self._neighbour(wanted)
            if neighbour is not None:
                self._schemas[wanted] = self._node_schema(neighbour, wanted)
        self._definitions = Definitions({"definitions": self._schemas})
        self._error = Answer(shapes={JSON: self.shape(_ERROR)})

    def shape(self, schema: Schema, *, media: str = JSON, request: bool = False) -> JsonShape:
        return JsonShape(schema, self._definitions, media=media, request=request)

    def operations(self) -> Iterator[Operation]:
        """Yield the edges' operations and the node's own."""
        for each in self._apis:
            method, endpoint = str(each["method"]).upper(), str(each.get("endpoint") or "").strip("/")
            path = "/{version}/{id}" + (f"/{endpoint}" if endpoint else "")
            asked = tuple(_parameter(param) for param in each.get("params", ()))
            always = tuple(Parameter(name=name, place="query") for name in _ALWAYS)
            is_read = method in ("GET", "DELETE")
            yield Operation(
                name=f"{method} {endpoint or self.name}",
                method=method,
                path=path,
                parameters=always + (asked if is_read else ()),
                requests={} if is_read else self._sent(each),
                body_required=False,
                responses={"200": self._answer(each, method, endpoint), "4XX": self._error, "5XX": self._error},
                hosts=HOSTS,
            )

    def _answer(self, api: Mapping[str, Any], method: str, endpoint: str) -> Answer:
        returned = str(api.get("return", "Object"))
        if method != "GET":  # an id, `success` or more: what a write returns is documented for none
            return Answer(shapes={JSON: self.shape({"type": "object", "additionalProperties": True})})
        schema = self._page(returned) if endpoint else self._type(returned)
        return Answer(shapes={JSON: self.shape(schema)})

    def _sent(self, api: Mapping[str, Any]) -> Mapping[str, JsonShape | None]:
        params = [each for each in api.get("params", ()) if isinstance(each, Mapping)]
        schema: Schema = {
            "type": "object",
            "required": [str(each["name"]) for each in params if each.get("required")],
            "properties": {str(each["name"]): self._type(str(each.get("type", ""))) for each in params}
            | {name: {"type": "string"} for name in ("access_token", "appsecret_proof")},
        }
        return {media: self.shape(schema, media=media, request=True) for media in _FORMS}

    def _node_schema(self, content: Mapping[str, Any], name: str) -> Schema:
        """Return the schema of a node: its fields, and its edges where they are asked for as fields."""
        properties: Schema = {"id": {"type": "string"}}
        for each in content.get("apis", ()):
            if isinstance(each, Mapping) and each.get("method") == "GET" and each.get("endpoint"):
                properties[str(each["endpoint"])] = {"type": "object", "additionalProperties": True}
        for at, each in enumerate(content.get("fields", ())):
            if isinstance(each, Mapping) and "name" in each:
                properties[str(each["name"])] = self._type(str(each.get("type", "")))
            else:
                self.faults.append(Fault(f"#/fields/{at}", f"a field of {name} without a name"))
        return {"type": "object", "properties": properties}

    def _page(self, returned: str) -> Schema:
        anything: Schema = {"type": "object", "additionalProperties": True}
        return {
            "type": "object",
            "required": ["data"],
            "properties": {
                "data": {"type": "array", "items": self._type(returned)}, "paging": anything, "summary": anything,
            },
        }  # fmt: skip

    def _type(self, kind: str) -> Schema:
        if kind in _SCALARS:
            return dict(_SCALARS[kind])
        if match := _LIST.fullmatch(kind):
            return {"type": "array", "items": self._type(match[1])}
        if match := _MAP.fullmatch(kind):
            return {"type": "object", "additionalProperties": self._type(match[1])}
        if kind in self._schemas:
            return {"$ref": f"#/definitions/{kind}"}
        if _ENUM.fullmatch(kind):
            return {"type": "string"}  # which values it has is in none of Meta's files
        if _NODE.fullmatch(kind):
            return {"type": "object", "additionalProperties": True}  # a node whose file is not here
        return {}

    def _neighbour(self, name: str) -> Mapping[str, Any] | None:
        from assay.contracts.reading import as_mapping

        try:
            return as_mapping(self._fetch(f"{name}.json"), source=f"{name}.json")
        except FileNotFoundError:
            return None
        except UsageError as problem:
            self.faults.append(Fault(f"{name}.json", problem.message))
            return None

    def _is_api(self, api: Any) -> bool:
        if isinstance(api, Mapping) and "method" in api:
            return True
        self.faults.append(Fault("#/apis", "an entry without a method"))
        return False


def _parameter(param: Mapping[str, Any]) -> Parameter:
    return Parameter(name=str(param.get("name", "")), place="query", required=bool(param.get("required")))
