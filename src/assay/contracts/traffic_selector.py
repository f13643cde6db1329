"""Tells which operation a message is for where all operations share one path: GraphQL, SOAP and cXML."""

from __future__ import annotations

from assay.contracts.traffic_said import Said

_ENVELOPE = "Envelope"


def selector_of(said: Said) -> str:
    """Return the root field, the SOAPAction or body element, or the request element; '' where the message says none."""
    action = (said.request.headers or {}).get("soapaction", "").strip('" ')
    if action:
        return action
    body = (said.request.body or "").lstrip()
    if body.startswith("<"):
        return _of_xml(body)
    return _of_graphql(body)


def _of_xml(body: str) -> str:
    from assay.contracts import xml_safe
    from assay.contracts.dtd import selected

    try:
        root = xml_safe.parse(body.encode())
    except xml_safe.UnreadableXml:
        return ""
    if xml_safe.local(root) != _ENVELOPE:
        return selected(root)
    body_element = next((each for each in root if xml_safe.local(each) == "Body"), None)
    first = next(iter(body_element), None) if body_element is not None else None
    return xml_safe.local(first) if first is not None else ""


def _of_graphql(body: str) -> str:
    from assay.contracts.graphql_message import root_fields

    return next(iter(root_fields(body.encode())), "")
