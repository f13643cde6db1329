"""Errors of an OData V2 service in the JSON shape of SAP Gateway: code, message in a language, inner error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from assay.simkit.call import Answer


class ODataFault(Exception):
    """A request the service refuses: HTTP status, the vendor's code, a message, the property it is about."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.headers = headers or {}


def malformed(message: str, *, target: str = "") -> ODataFault:
    """Return the fault of a payload that does not fit its declaration."""
    return ODataFault(400, "CX_SXML_PARSE_ERROR", message, target=target)


def bad_request(message: str) -> ODataFault:
    """Return the fault of an address or query option nobody can read."""
    return ODataFault(400, "/IWFND/CM_MGW_RT/022", message)


def not_found(segment: str) -> ODataFault:
    """Return the fault of an address that leads nowhere."""
    return ODataFault(404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for segment '{segment}'")


def not_allowed(method: str, segment: str) -> ODataFault:
    """Return the fault of a method the document does not allow on this resource."""
    return ODataFault(405, "/IWFND/CM_MGW/092", f"Method '{method}' not allowed for '{segment}'")


def error_answer(fault: ODataFault, *, service: str, transaction: str, now: datetime) -> Answer:
    """Return the answer of a fault; `now` is the simulated instant, printed as SAP prints time stamps."""
    detail = {
        "code": fault.code,
        "message": fault.message,
        "propertyref": fault.target,
        "severity": "error",
        "target": fault.target,
    }
    inner: dict[str, Any] = {
        "application": {
            "component_id": "",
            "service_namespace": "/SAP/",
            "service_id": service,
            "service_version": "0001",
        },
        "transactionid": transaction,
        "timestamp": now.strftime("%Y%m%d%H%M%S.%f0"),
        "Error_Resolution": {"SAP_Transaction": "", "SAP_Note": "", "Batch_SAP_Note": ""},
        "errordetails": [detail],
    }
    message = {"lang": "en", "value": fault.message}
    body = {"error": {"code": fault.code, "message": message, "innererror": inner}}
    return Answer(body, fault.status, {"DataServiceVersion": "1.0", **fault.headers})
