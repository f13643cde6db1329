"""Reads Swagger 2.0: https://swagger.io/specification/v2/."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from assay.contracts.forms import MULTIPART, URLENCODED
from assay.contracts.model import Answer, Document, Operation, Parameter, Shape, media_type
from assay.contracts.pointer import escaped
from assay.contracts.rest import (
    METHODS,
    PLACES,
    Reading,
    auth_of,
    base_and_hosts,
    check_path_parameters,
    path_on_the_wire,
)

_JSON = ["application/json"]
_OF_PARAMETERS = ("name", "in", "description", "required", "allowEmptyValue", "collectionFormat", "example")


def read(content: Mapping[str, Any], *, source: str, fetch: Callable[[str], bytes] | None = None) -> Document:
    """Return the document; schemas are compiled when an operation's are first asked."""
    reading = Reading(content, source=source, fetch=fetch)
    operations = _Swagger(reading).operations()
    return reading.document("swagger-2.0", operations, about=content.get("info", {}), schemas="#/definitions")


class _Swagger:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        content = reading.content
        host = content.get("host")
        base = content.get("basePath")
        self._base = base if isinstance(base, str) else ""
        _, self._hosts = base_and_hosts([f"https://{host}"] if isinstance(host, str) and host else [])

    def operations(self) -> Iterator[Operation]:
        reading = self._reading
        for path, found in reading.parts(reading.content.get("paths"), "#/paths"):
            if path.startswith("x-"):
                continue
            where = f"#/paths/{escaped(path)}"
            item, base = reading.part(found, where)
            for method, each in item.items():
                if str(method).lower() in METHODS:
                    operation, its_base = reading.part(each, f"{where}/{method}", base)
                    if operation:
                        yield self._operation(str(method).upper(), path, item, operation, f"{where}/{method}", its_base)

    def _operation(
        self, method: str, path: str, item: Mapping[str, Any], operation: Mapping[str, Any], where: str, base: str
    ) -> Operation:
        reading = self._reading
        wire = path_on_the_wire(path, self._base)
        said = self._said(item, operation, where, base)
        parameters = tuple(
            self._parameter(name, place, found, at, its_base)
            for (name, place), (found, at, its_base) in said.items()
            if place in PLACES
        )
        check_path_parameters(reading, where, path, parameters)
        requests, required = self._request(operation, said)
        security = operation["security"] if "security" in operation else reading.content.get("security")
        return Operation(
            name=f"{method} {wire}",
            method=method,
            path=wire,
            parameters=parameters,
            requests=requests,
            body_required=required,
            responses=dict(self._responses(operation, where, base)),
            deprecated=operation.get("deprecated") is True,
            hosts=self._hosts,
            auth=auth_of(reading, security, reading.content.get("securityDefinitions"), where),
        )

    def _said(
        self, item: Mapping[str, Any], operation: Mapping[str, Any], where: str, base: str
    ) -> dict[tuple[str, str], tuple[Mapping[str, Any], str, str]]:
        """Return what is said of each parameter, by name and place; the operation's own word counts."""
        said: dict[tuple[str, str], tuple[Mapping[str, Any], str, str]] = {}
        for holder in (item, operation):
            for place, each in enumerate(self._reading.listed(holder.get("parameters"), f"{where}/parameters")):
                at = f"{where}/parameters/{place}"
                found, its_base = self._reading.part(each, at, base)
                if not isinstance(found.get("name"), str) or found.get("in") not in (*PLACES, "body", "formData"):
                    if found:
                        self._reading.fault(
                            at, "a parameter needs a name, and `in`: path, query, header, formData, body"
                        )
                    continue
                said[found["name"], found["in"]] = found, at, its_base
        return said

    def _parameter(self, name: str, place: str, found: Mapping[str, Any], where: str, base: str) -> Parameter:
        return Parameter(
            name=name,
            place=place,
            required=found.get("required") is True or place == "path",
            deprecated=found.get("deprecated") is True or found.get("x-deprecated") is True,
            shape=self._reading.shape(_schema(found), where, base, request=True),
        )

    def _request(
        self, operation: Mapping[str, Any], said: Mapping[tuple[str, str], tuple[Mapping[str, Any], str, str]]
    ) -> tuple[dict[str, Shape | None], bool]:
        medias = self._medias(operation, "consumes")
        fields = {name: found for (name, place), (found, _, _) in said.items() if place == "formData"}
        if fields:
            files = any(found.get("type") == "file" for found in fields.values())
            schema = {
                "type": "object",
                "properties": {name: _schema(found) for name, found in fields.items()},
                "required": [name for name, found in fields.items() if found.get("required") is True],
            }
            forms = [each for each in medias if each in (URLENCODED, MULTIPART)] or [MULTIPART if files else URLENCODED]
            where, base = next((at, its_base) for (_, place), (_, at, its_base) in said.items() if place == "formData")
            shapes = {each: self._reading.body(each, schema, where, base, request=True) for each in forms}
            return shapes, bool(schema["required"])
        for (_, place), (found, at, base) in said.items():
            if place == "body":
                schema = found.get("schema", {})
                shapes = {each: self._reading.body(each, schema, f"{at}/schema", base, request=True) for each in medias}
                return shapes, found.get("required") is True
        return {}, False

    def _responses(self, operation: Mapping[str, Any], where: str, base: str) -> Iterator[tuple[str, Answer]]:
        medias = self._medias(operation, "produces")
        for status, each in self._reading.statuses(operation.get("responses"), f"{where}/responses"):
            at = f"{where}/responses/{status}"
            found, its_base = self._reading.part(each, at, base)
            shapes: dict[str, Shape | None] = {}
            if isinstance(found.get("schema"), Mapping) and found["schema"].get("type") != "file":
                for media in medias:
                    shapes[media] = self._reading.body(media, found["schema"], f"{at}/schema", its_base, request=False)
            elif "schema" in found:
                shapes = dict.fromkeys(medias)
            headers = {
                name.lower(): self._parameter(name, "header", said, f"{at}/headers/{escaped(name)}", its_base)
                for name, said in self._reading.parts(found.get("headers"), f"{at}/headers")
                if isinstance(said, Mapping)
            }
            yield status, Answer(shapes=shapes, headers=headers)

    def _medias(self, operation: Mapping[str, Any], key: str) -> list[str]:
        """Return the content types of an operation, else the document's, else JSON."""
        written = operation[key] if key in operation else self._reading.content.get(key)
        listed = self._reading.listed(written, f"#/{key}")
        return [media_type(each) for each in listed if isinstance(each, str)] or _JSON


def _schema(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a parameter's own words as the schema they are."""
    return {key: each for key, each in found.items() if key not in _OF_PARAMETERS}
