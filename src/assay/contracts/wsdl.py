"""Reads WSDL 1.1: each operation of a binding, told by SOAPAction or body element, with its XML Schema messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

from assay.contracts import xml_safe
from assay.contracts.model import Answer, Document, Fault, Operation
from assay.contracts.xml_safe import Element
from assay.contracts.xsd import MEDIA, SchemaSet, XmlShape

_SOAP = ("http://schemas.xmlsoap.org/wsdl/soap/", "http://schemas.xmlsoap.org/wsdl/soap12/")


def read(content: bytes, *, source: str, fetch: Callable[[str], bytes]) -> Document:
    """Return the document of a service; its schemas are loaded from beside it, and compiled with the first message."""
    root = xml_safe.parse(content)
    inline = [each for types in _all(root, "types") for each in types if xml_safe.local(each) == "schema"]
    schemas = SchemaSet(inline, fetch)
    schemas.check()
    service = _Service(root, schemas)
    operations = tuple(service.operations())
    faults = [*schemas.faults, *service.faults]
    if not operations:
        faults.append(Fault("", "has no binding to SOAP: nothing can be called"))
    return Document(
        source=source,
        format="wsdl",
        title=next((each.get("name", "") for each in _all(root, "service")), root.get("name", "")),
        version=root.get("targetNamespace", ""),
        operations=operations,
        faults=tuple(faults),
    )


class _Service:
    def __init__(self, root: Element, schemas: SchemaSet) -> None:
        self.faults: list[Fault] = []
        self._root = root
        self._schemas = schemas
        self._messages = {each.get("name", ""): each for each in _all(root, "message")}
        self._ports = {each.get("name", ""): each for each in _all(root, "portType")}

    def operations(self) -> Iterator[Operation]:
        """Yield the operations of every SOAP binding; of two bindings with the same operations, the first's."""
        known: set[str] = set()
        addresses = self._addresses()
        for binding in _all(self._root, "binding"):
            if not any(xml_safe.namespace(each) in _SOAP for each in binding):
                continue
            port = self._ports.get(_local(binding.get("type", "")))
            if port is None:
                self._fault(binding, f"binds '{binding.get('type')}', which is not in the document")
                continue
            by_name = {each.get("name", ""): each for each in _all(port, "operation")}
            for each in _all(binding, "operation"):
                name = each.get("name", "")
                if name in known:
                    continue
                known.add(name)
                if name not in by_name:
                    self._fault(each, f"binds operation '{name}', which its port type does not have")
                    continue
                yield self._operation(name, each, by_name[name], addresses.get(binding.get("name", ""), ""))

    def _operation(self, name: str, bound: Element, declared: Element, address: str) -> Operation:
        action = next((each.get("soapAction", "") for each in bound if xml_safe.namespace(each) in _SOAP), "")
        space, element = self._element(declared, "input")
        answer = self._element(declared, "output")
        sent, told = XmlShape(self._schemas, space, element), XmlShape(self._schemas, *answer)
        failed = Answer(shapes=dict.fromkeys(MEDIA, XmlShape(self._schemas, "", "")))
        parts = urlsplit(address)
        return Operation(
            name=name,
            method="POST",
            path=parts.path or "/",
            selector=action or element or name,
            requests=dict.fromkeys(MEDIA, sent),
            body_required=True,
            responses={"200": Answer(shapes=dict.fromkeys(MEDIA, told)), "5XX": failed, "4XX": failed},
            hosts=(parts.netloc,) if parts.netloc else (),
        )

    def _element(self, operation: Element, way: str) -> tuple[str, str]:
        """Return the namespace and name of a message's body element; both '' where it has none (RPC's typed parts)."""
        said = next(iter(_all(operation, way)), None)
        if said is None:
            return "", ""
        message = self._messages.get(_local(said.get("message", "")))
        if message is None:
            self._fault(said, f"names message '{said.get('message')}', which is not in the document")
            return "", ""
        part = next((each for each in _all(message, "part") if each.get("element")), None)
        if part is None:
            return "", ""
        prefix, _, local = part.get("element", "").rpartition(":")
        return part.nsmap.get(prefix or None) or "", local

    def _addresses(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for service in _all(self._root, "service"):
            for port in _all(service, "port"):
                location = next((each.get("location", "") for each in port if xml_safe.local(each) == "address"), "")
                found.setdefault(_local(port.get("binding", "")), location)
        return found

    def _fault(self, element: Element, problem: str) -> None:
        self.faults.append(Fault(f"line {element.sourceline}", problem))


def _all(element: Element, name: str) -> list[Element]:
    return [each for each in element if xml_safe.local(each) == name]


def _local(name: str) -> str:
    return name.rpartition(":")[2]
