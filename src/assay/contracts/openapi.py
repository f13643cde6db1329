"""Reads OpenAPI 3.0 and 3.1, webhooks too: https://spec.openapis.org/oas/v3.1.1.html.

A document with faults is read as far as it goes: each part that is broken becomes a fault, and the rest counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

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
    within,
)


def read(content: Mapping[str, Any], *, source: str, fetch: Callable[[str], bytes] | None = None) -> Document:
    """Return the document; schemas are compiled when an operation's are first asked."""
    reading = Reading(content, source=source, fetch=fetch)
    reader = _OpenApi(reading)
    return reading.document(
        "openapi-3.0" if str(content.get("openapi", "")).startswith("3.0") else "openapi-3.1",
        [*reader.operations(), *reader.webhooks()],
        about=content.get("info", {}),
        schemas="#/components/schemas",
    )


class _OpenApi:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._schemes = within(reading.content, "components", "securitySchemes")

    def operations(self) -> Iterator[Operation]:
        for path, found in self._reading.parts(self._reading.content.get("paths"), "#/paths"):
            if not path.startswith("x-"):
                yield from self._of_path(path, found, f"#/paths/{escaped(path)}", webhook=False)

    def webhooks(self) -> Iterator[Operation]:
        for key in ("webhooks", "x-webhooks"):
            for name, found in self._reading.parts(self._reading.content.get(key), f"#/{key}"):
                yield from self._of_path(name, found, f"#/{key}/{escaped(name)}", webhook=True)

    def _of_path(self, path: str, found: Any, where: str, *, webhook: bool) -> Iterator[Operation]:
        item, base = self._reading.part(found, where)
        for method, each in item.items():
            if str(method).lower() not in METHODS:
                continue
            place = f"{where}/{method}"
            operation, its_base = self._reading.part(each, place, base)
            if operation or each == {}:
                yield self._operation(str(method).upper(), path, item, operation, place, its_base, webhook=webhook)

    def _operation(
        self,
        method: str,
        path: str,
        item: Mapping[str, Any],
        operation: Mapping[str, Any],
        where: str,
        base: str,
        *,
        webhook: bool,
    ) -> Operation:
        reading = self._reading
        prefix, hosts = self._servers(item, operation, where)
        wire = "" if webhook else path_on_the_wire(path, prefix)
        parameters = self._parameters(item, operation, where, base)
        if not webhook:
            check_path_parameters(reading, where, path, parameters)
        requests, required = self._request(operation, where, base)
        security = operation["security"] if "security" in operation else reading.content.get("security")
        return Operation(
            name=f"webhook {path}" + ("" if method == "POST" else f" {method}") if webhook else f"{method} {wire}",
            method=method,
            path=wire,
            selector=path if webhook else "",
            parameters=parameters,
            requests=requests,
            body_required=required,
            responses=dict(self._responses(operation, where, base)),
            deprecated=operation.get("deprecated") is True,
            webhook=webhook,
            hosts=() if webhook else hosts,
            auth=auth_of(reading, security, self._schemes, where),
        )

    def _servers(
        self, item: Mapping[str, Any], operation: Mapping[str, Any], where: str
    ) -> tuple[str, tuple[str, ...]]:
        servers = operation.get("servers") or item.get("servers") or self._reading.content.get("servers")
        listed = self._reading.listed(servers, where)
        return base_and_hosts([str(each["url"]) for each in listed if isinstance(each, Mapping) and "url" in each])

    def _parameters(
        self, item: Mapping[str, Any], operation: Mapping[str, Any], where: str, base: str
    ) -> tuple[Parameter, ...]:
        """Return the parameters of the path and of the operation, which may say one of them anew."""
        kept: dict[tuple[str, str], Parameter] = {}
        for holder in (item, operation):
            for place, each in enumerate(self._reading.listed(holder.get("parameters"), f"{where}/parameters")):
                at = f"{where}/parameters/{place}"
                found, its_base = self._reading.part(each, at, base)
                if not isinstance(found.get("name"), str) or found.get("in") not in PLACES:
                    if found:
                        self._reading.fault(at, "a parameter needs a name, and `in`: path, query, header or cookie")
                    continue
                kept[found["name"], found["in"]] = self._parameter(found["name"], found["in"], found, at, its_base)
        return tuple(kept.values())

    def _parameter(self, name: str, place: str, found: Mapping[str, Any], where: str, base: str) -> Parameter:
        schema = found.get("schema")
        if schema is None and isinstance(found.get("content"), Mapping):
            schema = next((each.get("schema") for each in found["content"].values() if isinstance(each, Mapping)), None)
        return Parameter(
            name=name,
            place=place,
            required=found.get("required") is True or place == "path",
            deprecated=found.get("deprecated") is True,
            shape=None if schema is None else self._reading.shape(schema, f"{where}/schema", base, request=True),
        )

    def _request(self, operation: Mapping[str, Any], where: str, base: str) -> tuple[dict[str, Shape | None], bool]:
        if operation.get("requestBody") is None:
            return {}, False
        at = f"{where}/requestBody"
        body, base = self._reading.part(operation["requestBody"], at, base)
        return self._content(body, at, base, request=True), body.get("required") is True

    def _responses(self, operation: Mapping[str, Any], where: str, base: str) -> Iterator[tuple[str, Answer]]:
        for status, each in self._reading.statuses(operation.get("responses"), f"{where}/responses"):
            at = f"{where}/responses/{status}"
            found, its_base = self._reading.part(each, at, base)
            headers = {}
            for name, header in self._reading.parts(found.get("headers"), f"{at}/headers"):
                said, header_base = self._reading.part(header, f"{at}/headers/{escaped(name)}", its_base)
                headers[name.lower()] = self._parameter(
                    name, "header", said, f"{at}/headers/{escaped(name)}", header_base
                )
            yield status, Answer(shapes=self._content(found, at, its_base, request=False), headers=headers)

    def _content(self, holder: Mapping[str, Any], where: str, base: str, *, request: bool) -> dict[str, Shape | None]:
        shapes: dict[str, Shape | None] = {}
        for written, each in self._reading.parts(holder.get("content"), f"{where}/content"):
            at = f"{where}/content/{escaped(written)}"
            found, its_base = self._reading.part(each, at, base)
            media = media_type(written)
            if "/" not in media:
                self._reading.fault(at, f"{written!r} is no content type")
                continue
            schema = found.get("schema", {})
            shapes[media] = self._reading.body(media, schema, f"{at}/schema", its_base, request=request)
        return shapes
