"""Reads Google's discovery documents: https://developers.google.com/discovery/v1/reference/apis."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from assay.contracts.model import Answer, Document, Operation, Parameter, Shape
from assay.contracts.rest import Reading, base_and_hosts, path_on_the_wire

_RESERVED = re.compile(r"\{\+([^{}]+)\}")  # a parameter that may hold slashes
_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "object", "additionalProperties": True}},
    "additionalProperties": True,
}


def read(content: Mapping[str, Any], *, source: str, fetch: Callable[[str], bytes] | None = None) -> Document:
    """Return the document; its methods are the operations, resources within resources too."""
    reading = Reading(_rewritten(content), source=source, fetch=fetch)
    operations = _Discovery(reading).operations(content, "#")
    return reading.document(
        "discovery", operations, about=content, schemas="#/schemas", where="#/resources", kind="method"
    )


class _Discovery:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        content = reading.content
        self._base = str(content.get("servicePath") or "")
        _, self._hosts = base_and_hosts([str(content["rootUrl"])] if content.get("rootUrl") else [])
        self._shared = content.get("parameters")

    def operations(self, holder: Any, where: str) -> Iterator[Operation]:
        for name, each in self._reading.parts(holder.get("methods"), f"{where}/methods"):
            method, _ = self._reading.part(each, f"{where}/methods/{name}")
            if method:
                yield self._operation(method, f"{where}/methods/{name}")
        for name, each in self._reading.parts(holder.get("resources"), f"{where}/resources"):
            resource, _ = self._reading.part(each, f"{where}/resources/{name}")
            yield from self.operations(resource, f"{where}/resources/{name}")

    def _operation(self, method: Mapping[str, Any], where: str) -> Operation:
        verb = str(method.get("httpMethod", "GET")).upper()
        # `path` writes {+name}; `flatPath` spells such a name out: accounts/{accountsId}/products.
        template = str(method.get("flatPath") or method.get("path") or "")
        wire = path_on_the_wire(_RESERVED.sub(r"{\1}", template), self._base)
        requests: dict[str, Shape | None] = {}
        if isinstance(method.get("request"), Mapping):
            requests["application/json"] = self._shape(method["request"], f"{where}/request", request=True)
        answer: dict[str, Shape | None] = {}
        if isinstance(method.get("response"), Mapping):
            answer["application/json"] = self._shape(method["response"], f"{where}/response", request=False)
        error = self._reading.shape(_ERROR, where, "", request=False)
        scopes = method.get("scopes")
        return Operation(
            name=f"{verb} {wire}",
            method=verb,
            path=wire,
            parameters=tuple(self._parameters(method, where, template)),
            requests=requests,
            body_required=bool(requests),
            responses={
                "2XX": Answer(shapes=answer),
                "default": Answer(shapes={"application/json": error}),
            },
            deprecated=method.get("deprecated") is True,
            hosts=self._hosts,
            auth=tuple(sorted(f"oauth2 {each}" for each in scopes)) if isinstance(scopes, list) else (),
        )

    def _shape(self, said: Mapping[str, Any], where: str, *, request: bool) -> Shape:
        schema = _schema({key: each for key, each in said.items() if key != "parameterName"})
        return self._reading.shape(schema, where, "", request=request)

    def _parameters(self, method: Mapping[str, Any], where: str, template: str) -> Iterator[Parameter]:
        own = dict(self._reading.parts(method.get("parameters"), f"{where}/parameters"))
        for name, said in {**dict(self._reading.parts(self._shared, "#/parameters")), **own}.items():
            if not isinstance(said, Mapping):
                self._reading.fault(f"{where}/parameters/{name}", "a parameter is an object")
                continue
            place = "path" if said.get("location") == "path" else "query"
            if place == "path" and f"{{{name}}}" not in template:
                continue  # the one that `flatPath` spells out
            yield Parameter(
                name=name,
                place=place,
                required=said.get("required") is True,
                deprecated=said.get("deprecated") is True,
                shape=self._reading.shape(
                    _schema(_repeated(said)), f"{where}/parameters/{name}", "", request=True
                ),
            )  # fmt: skip


def _repeated(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of a parameter that may come several times as the array it is."""
    if said.get("repeated") is not True:
        return said
    return {"type": "array", "items": {key: each for key, each in said.items() if key not in ("repeated", "required")}}


def _rewritten(content: Mapping[str, Any]) -> Mapping[str, Any]:
    schemas = content.get("schemas")
    if not isinstance(schemas, Mapping):
        return content
    return {**content, "schemas": {name: _schema(each) for name, each in schemas.items()}}


def _schema(said: Any) -> Any:
    """Return a discovery schema as JSON Schema: references by id, `required` is the object's, 64 bits are text."""
    if not isinstance(said, Mapping):
        return said
    made: dict[str, Any] = {}
    for key, each in said.items():
        if key == "$ref" and isinstance(each, str):
            made["$ref"] = each if "#" in each else f"#/schemas/{each}"
        elif key in ("properties", "patternProperties") and isinstance(each, Mapping):
            made[key] = {name: _schema(one) for name, one in each.items()}
        elif key in ("items", "additionalProperties"):
            made[key] = _schema(each)
        elif key in ("minimum", "maximum") and said.get("type") == "string":
            continue  # of the number that the text stands for
        elif key not in ("required", "id", "annotations", "enumDescriptions", "enumDeprecated"):
            made[key] = each
    properties = made.get("properties")
    if isinstance(properties, dict):
        required = [
            name for name, each in said["properties"].items()
            if isinstance(each, Mapping) and each.get("required") is True
        ]  # fmt: skip
        if required:
            made["required"] = required
    return made
