"""Reads OData's metadata, versions 2 and 4: entity sets, what leads from them, functions and actions as operations.

A document says which sets there are; which calls a set takes is OData's protocol, less what the document's own
annotations (`sap:creatable`, capabilities of version 4) take away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from assay.contracts import xml_safe
from assay.contracts.edm_type import Schema, Types, collected, local_name, reference
from assay.contracts.json_shape import Definitions, JsonShape
from assay.contracts.model import Answer, Document, Fault, Operation, Parameter
from assay.contracts.xml_safe import Element
from assay.errors import UsageError

JSON = "application/json"
_SAP = "{http://www.sap.com/Protocols/SAPData}"
_HTTP_METHOD = "{http://schemas.microsoft.com/ado/2007/08/dataservices/metadata}HttpMethod"
_OPTIONS = ("$top", "$skip", "$filter", "$orderby", "$expand", "$select", "$format", "$skiptoken", "$search",
            "search", "search-focus", "$inlinecount", "$count", "$apply", "sap-client", "sap-language",
            "saml2")  # fmt: skip
_LISTED = tuple(Parameter(name=each, place="query") for each in _OPTIONS)
_ONE = tuple(Parameter(name=each, place="query") for each in ("$expand", "$select", "$format", "sap-client",
                                                              "sap-language", "saml2"))  # fmt: skip
_RESTRICTIONS = {"Insertable": "creatable", "Updatable": "updatable", "Deletable": "deletable", "Readable": "readable"}
_TEXT: Schema = {"type": "string"}
_V2_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": _TEXT,
                "message": {
                    "type": "object", "required": ["value"], "properties": {"lang": _TEXT, "value": _TEXT},
                },
                "innererror": {"type": "object", "additionalProperties": True},
            },
        }
    },
}  # fmt: skip
_V4_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": _TEXT,
                "message": _TEXT,
                "target": {"type": ["string", "null"]},
                "details": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
                "innererror": {"type": "object", "additionalProperties": True},
            },
            "patternProperties": {"@": True},
        }
    },
}


def read(content: bytes, *, source: str, fetch: object = None) -> Document:
    """Return the document of an OData service's metadata; `fetch` is not asked, vocabularies say nothing of messages.

    Raises UsageError where it has no Schema at all.
    """
    root = xml_safe.parse(content)
    schemas = [each for each in root.iter() if xml_safe.local(each) == "Schema"]
    if not schemas:
        raise UsageError(
            "This EDMX has no Schema.", where=source, expected="edmx:DataServices with a Schema",
            seen=f"<{xml_safe.local(root)}> of {sum(1 for _ in root.iter())} elements",
            hint="Fetch the service's $metadata again, signed in.",
        )  # fmt: skip
    v4 = root.get("Version", "").startswith("4") or "oasis-open" in xml_safe.namespace(schemas[0])
    service = _Service(root, schemas, v4=v4)
    operations = tuple(service.operations())
    if not any(each.name.split(" ")[1] not in ("/", "$metadata", "$batch") for each in operations):
        service.types.faults.append(("", "has no entity set, function or action: nothing can be called"))
    faults = tuple(Fault(where, problem) for where, problem in service.types.faults)
    names = service.types.definitions
    return Document(
        source=source,
        format="odata-edmx",
        title=service.namespace,
        version="OData 4.0" if v4 else "OData 2.0",
        operations=operations,
        faults=faults,
        shapes={name: service.shape(reference(name)) for name in names},
    )


class _Service:
    def __init__(self, root: Element, schemas: list[Element], *, v4: bool) -> None:
        self.v4 = v4
        self.types = Types(schemas, v4=v4)
        self.namespace = schemas[0].get("Namespace", "")
        self._definitions = Definitions({"definitions": self.types.definitions, "requests": self.types.requests})
        self._shapes: dict[tuple[str, bool], JsonShape] = {}
        self._error = self.shape(_V4_ERROR if v4 else _V2_ERROR)
        links = (each for each in root.iter() if xml_safe.local(each) == "link")
        address = next((each.get("href", "") for each in links if each.get("rel") == "self"), "")
        parts = urlsplit(address)
        self.base = parts.path.removesuffix("$metadata").rstrip("/")
        self._hosts = (parts.netloc,) if parts.netloc and ":port" not in parts.netloc else ()
        containers = [each for schema in schemas for each in schema if xml_safe.local(each) == "EntityContainer"]
        self._sets: list[Element] = [each for container in containers for each in container]
        self._refused = _restrictions(schemas)
        self._callables: dict[str, list[Element]] = {}
        for each in (each for schema in schemas for each in schema if xml_safe.local(each) in ("Function", "Action")):
            self._callables.setdefault(each.get("Name", ""), []).append(each)

    def shape(self, schema: Schema, *, request: bool = False) -> JsonShape:
        """Return the shape of a schema; one and the same where several calls have it, so that it is compiled once."""
        key = (json.dumps(schema, sort_keys=True), request)
        if key not in self._shapes:
            self._shapes[key] = JsonShape(schema, self._definitions, request=request)
        return self._shapes[key]

    def operations(self) -> Iterator[Operation]:
        """Yield every operation; a set of a type that is not there is a fault and left out."""
        yield self._operation("GET", "/", {"200": Answer(shapes={JSON: None, "application/atomsvc+xml": None})})
        yield self._operation("GET", "/$metadata", {"200": Answer(shapes={"application/xml": None})})
        yield self._operation(
            "POST", "/$batch", {"202": _mixed(), "200": _mixed()}, requests={"multipart/mixed": None}, body=True
        )
        for element in self._sets:
            kind = xml_safe.local(element)
            if kind in ("EntitySet", "Singleton"):
                yield from self._set(element, single=kind == "Singleton")
            elif kind == "FunctionImport" and not self.v4:
                yield self._function_v2(element)
            elif kind in ("FunctionImport", "ActionImport"):
                yield from self._import_v4(element)

    def _set(self, element: Element, *, single: bool) -> Iterator[Operation]:
        name = element.get("Name", "")
        kind = local_name(element.get("Type" if single else "EntityType", ""))
        if kind not in self.types.elements:
            self.types.faults.append(
                (f"line {element.sourceline}, {name}", f"entity set of '{kind}', which is not in the document")
            )
            return
        keys = self.types.keys(kind)
        one = f"/{name}" if single else f"/{name}({_key(keys)})"
        path = () if single else tuple(Parameter(name=each, place="path", required=True) for each in _key_names(keys))
        if not single:
            if self._may(element, "addressable") and self._may(element, "readable"):
                yield self._operation("GET", f"/{name}", {"200": self._many(kind)}, parameters=_LISTED)
                yield self._operation("GET", f"/{name}/$count", {"200": _text()}, parameters=_LISTED)
            if self._may(element, "creatable"):
                yield self._create(f"/{name}", kind)
        if self._may(element, "readable"):
            yield self._operation("GET", one, {"200": self._single(kind)}, parameters=path + _ONE)
        if self._may(element, "updatable"):
            for method in ("PATCH", "PUT") if self.v4 else ("PATCH", "PUT", "MERGE"):
                answers = {"204": Answer(), "200": self._single(kind)}
                yield self._operation(method, one, answers, path, requests=self._sent(kind), body=True)
        if self._may(element, "deletable") and not single:
            yield self._operation("DELETE", one, {"204": Answer()}, path)
        yield from self._ways(one, kind, path)
        yield from self._bound(f"/{name}", one, kind, path)

    def _ways(self, one: str, kind: str, path: tuple[Parameter, ...]) -> Iterator[Operation]:
        """Yield what leads from an entity: read, count, and create in a list."""
        for way, (target, many) in self.types.ways(kind).items():
            answer = self._many(target) if many else self._single(target)
            read = self._operation("GET", f"{one}/{way}", {"200": answer}, path + (_LISTED if many else _ONE))
            if not many:
                read = _with(read, "204", Answer())
            yield read
            if many:
                yield self._operation("GET", f"{one}/{way}/$count", {"200": _text()}, path + _LISTED)
                yield self._create(f"{one}/{way}", target, path)

    def _create(self, path: str, kind: str, parameters: tuple[Parameter, ...] = ()) -> Operation:
        answers = {"201": self._single(kind), "204": Answer()}
        return self._operation("POST", path, answers, parameters, requests=self._sent(kind), body=True)

    def _function_v2(self, element: Element) -> Operation:
        name, method = element.get("Name", ""), element.get(_HTTP_METHOD, "GET")
        returned = element.get("ReturnType", "")
        if not returned:
            answers = {"204": Answer(), "200": Answer(shapes={JSON: None})}
        else:
            answers = {"200": Answer(shapes={JSON: self.shape(self._result_v2(name, returned, element))})}
        arguments = [each for each in element if xml_safe.local(each) == "Parameter"]
        parameters = tuple(
            Parameter(name=each.get("Name", ""), place="query", required=each.get("Nullable") == "false")
            for each in arguments
        )
        return self._operation(method, f"/{name}", answers, parameters + _ONE)

    def _result_v2(self, name: str, returned: str, element: Element) -> Schema:
        kind, many = collected(returned)
        known = self.types.elements.get(local_name(kind))
        if known is None and not kind.startswith("Edm."):
            self.types.faults.append((f"line {element.sourceline}, {name}", f"returns '{kind}', which is not here"))
            return {"type": "object", "required": ["d"], "properties": {"d": {}}}
        is_entity = known is not None and xml_safe.local(known) == "EntityType"
        one = reference(kind) if known is not None else {}
        if many:
            inner = _object({"results": {"type": "array", "items": one}})
        elif is_entity:
            inner = one
        else:
            inner = _object({name: one})
        return _object({"d": inner})

    def _import_v4(self, element: Element) -> Iterator[Operation]:
        kind = xml_safe.local(element).removesuffix("Import")
        wanted = local_name(element.get(kind, ""))
        found = [each for each in self._callables.get(wanted, ()) if each.get("IsBound") != "true"]
        if not found:
            self.types.faults.append((f"line {element.sourceline}", f"imports '{wanted}', which is not here"))
        for each in found:
            yield self._call(f"/{element.get('Name', '')}", each, ())

    def _bound(self, many: str, one: str, kind: str, path: tuple[Parameter, ...]) -> Iterator[Operation]:
        """Yield the functions and actions that are bound to the entities of a set, or to the set."""
        for each in (each for all_of in self._callables.values() for each in all_of if each.get("IsBound") == "true"):
            first = next((child for child in each if xml_safe.local(child) == "Parameter"), None)
            to, collection = collected(first.get("Type", "") if first is not None else "")
            if local_name(to) == kind:
                start = many if collection else one
                yield self._call(f"{start}/{self.namespace}.{each.get('Name')}", each, () if collection else path)

    def _call(self, path: str, element: Element, before: tuple[Parameter, ...]) -> Operation:
        arguments = [each for each in element if xml_safe.local(each) == "Parameter"]
        arguments = arguments[1:] if element.get("IsBound") == "true" else arguments
        returned = next((each for each in element if xml_safe.local(each) == "ReturnType"), None)
        answers: dict[str, Answer] = {"204": Answer()}
        if returned is not None:
            kind, many = collected(returned.get("Type", ""))
            named = local_name(kind) in self.types.elements
            inner: Schema = reference(kind) if named and not many else _annotated({"value": self.types.value(returned)})
            answers = {"200": Answer(shapes={JSON: self.shape(inner)}), "204": Answer()}
        if xml_safe.local(element) == "Function":
            inside = ",".join(f"{each.get('Name')}={{{each.get('Name')}}}" for each in arguments)
            parameters = tuple(Parameter(name=each.get("Name", ""), place="path", required=True) for each in arguments)
            return self._operation("GET", f"{path}({inside})", answers, before + parameters)
        sent: Schema = {"type": "object", "patternProperties": {"@": True}}
        sent["properties"] = {each.get("Name", ""): self.types.value(each, request=True) for each in arguments}
        sent["required"] = [each.get("Name", "") for each in arguments if each.get("Nullable") == "false"]
        requests = {JSON: self.shape(sent, request=True)} if arguments else {}
        return self._operation("POST", path, answers, before, requests=requests, body=bool(sent["required"]))

    def _sent(self, kind: str) -> Mapping[str, JsonShape | None]:
        return {JSON: self.shape(reference(kind, request=True), request=True), "application/atom+xml": None}

    def _many(self, kind: str) -> Answer:
        items: Schema = {"type": "array", "items": reference(kind)}
        if self.v4:
            schema = _annotated({"value": items})
        else:
            inner = _object({"results": items})
            inner["properties"] |= {"__count": _TEXT, "__next": _TEXT}
            schema = _object({"d": inner})
        return Answer(shapes={JSON: self.shape(schema), "application/atom+xml": None})

    def _single(self, kind: str) -> Answer:
        schema = reference(kind) if self.v4 else _object({"d": reference(kind)})
        return Answer(shapes={JSON: self.shape(schema), "application/atom+xml": None})

    def _may(self, element: Element, what: str) -> bool:
        name = element.get("Name", "")
        return element.get(f"{_SAP}{what}", "true") != "false" and what not in self._refused.get(name, ())

    def _operation(
        self, method: str, path: str, answers: Mapping[str, Answer], parameters: tuple[Parameter, ...] = (), *,
        requests: Mapping[str, JsonShape | None] | None = None, body: bool = False,
    ) -> Operation:  # fmt: skip
        error = Answer(shapes={JSON: self._error, "application/xml": None})
        return Operation(
            name=f"{method} {re.sub('{[^{}]*}', 'key', path).lstrip('/') or '/'}",
            method=method,
            path=self.base + path,
            parameters=parameters,
            requests=requests or {},
            body_required=body,
            responses={**answers, "4XX": error, "5XX": error},
            hosts=self._hosts,
        )


def _restrictions(schemas: list[Element]) -> Mapping[str, set[str]]:
    """Return what capabilities of version 4 forbid, by the entity set's name."""
    found: dict[str, set[str]] = {}
    for block in (each for schema in schemas for each in schema if xml_safe.local(each) == "Annotations"):
        target = block.get("Target", "").rpartition("/")[2]
        for value in block.iter():
            forbids = _RESTRICTIONS.get(value.get("Property", ""))
            parent = value.getparent()
            term = parent.getparent() if parent is not None else None
            direct = term is not None and "Capabilities" in term.get("Term", "")
            if forbids and direct and value.get("Bool", (value.findtext("{*}Bool") or "")).strip() == "false":
                found.setdefault(target, set()).add(forbids)
    return found


def _key_names(keys: tuple[str, ...]) -> tuple[str, ...]:
    return keys if len(keys) == 1 else ("key",)


def _key(keys: tuple[str, ...]) -> str:
    """Return what stands for a key in a path: one template, since its parts may be sent in any order."""
    return f"{{{_key_names(keys)[0]}}}"


def _object(properties: dict[str, Any]) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _annotated(properties: dict[str, Any]) -> Schema:
    return {**_object(properties), "patternProperties": {"@": True}}


def _mixed() -> Answer:
    return Answer(shapes={"multipart/mixed": None})


def _text() -> Answer:
    return Answer(shapes={"text/plain": None})


def _with(operation: Operation, status: str, answer: Answer) -> Operation:
    return replace(operation, responses={**operation.responses, status: answer})
