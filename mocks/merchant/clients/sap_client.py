"""The ERP: SAP S/4HANA's OData V2 services for sales orders, outbound deliveries, stock and business partners.

Follows the published metadata of API_SALES_ORDER_SRV, API_OUTBOUND_DELIVERY_SRV;v=0002, API_MATERIAL_STOCK_SRV and
API_BUSINESS_PARTNER, and SAP's CSRF handshake: a GET with ``X-CSRF-Token: Fetch`` gives the token and the session.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from mocks.merchant.clients.transport import UNREPEATABLE_S, Logger, Refused, Transport, Unreachable, json_of
from mocks.merchant.seams import seam

_VENDOR = "sap_s4hana"
ROOT = "/sap/opu/odata/sap"
ORDERS = f"{ROOT}/API_SALES_ORDER_SRV"
DELIVERIES = f"{ROOT}/API_OUTBOUND_DELIVERY_SRV;v=0002"
STOCK = f"{ROOT}/API_MATERIAL_STOCK_SRV"
MATERIALS = f"{ROOT}/API_PRODUCT_SRV"
PARTNERS = f"{ROOT}/API_BUSINESS_PARTNER"


@seam("polling and paging")
def next_page(rows_read: int, rows_on_page: int, page_size: int, total: int | None) -> bool:
    """Say whether another page of a list is to be read."""
    if total is not None:
        return rows_on_page > 0 and rows_read < total
    return rows_on_page >= page_size


@seam("formatting and parsing")
def encode_body(document: Any) -> bytes:
    """Return a document as the bytes sent to the ERP: JSON in UTF-8."""
    return orjson.dumps(document)


def text_literal(value: str) -> str:
    """Return a string as an OData V2 literal."""
    return "'" + value.replace("'", "''") + "'"


class SapClient:
    """Reads pages and writes with the CSRF handshake. Documents are plain dictionaries, amounts decimal strings."""

    def __init__(
        self,
        vendor: Mapping[str, Any],
        credentials: tuple[str, str],
        context: ssl.SSLContext,
        log: Logger,
        *,
        limit_s: float,
    ) -> None:
        self.vendor = vendor
        self._transport = Transport(_VENDOR, vendor["base_url"], context, log)
        token = base64.b64encode(":".join(credentials).encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Accept": "application/json"}
        self._limit_s = limit_s
        self._token: str | None = None
        self._lock = Lock()

    def create(self, service: str, entity_set: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Create a document with everything nested in it and return it as the ERP holds it."""
        answer = self._write("create", "POST", f"{service}/{entity_set}", document)
        return dict(self._checked("create", answer, 201)["d"])

    def patch(self, service: str, key: str, change: Mapping[str, Any]) -> None:
        """Change fields of a document, guarded by its current ETag."""
        path = f"{service}/{key}"
        current = self._get("read", path, {"$format": "json"})
        content = self._checked("read", current, 200)["d"]
        tag = current.headers.get("etag") or content.get("__metadata", {}).get("etag") or "*"
        answer = self._write("patch", "PATCH", path, change, {"If-Match": tag})
        if answer.status_code != 204:
            self._checked("patch", answer, 204)

    def read(self, service: str, key: str, *, expand: str | None = None) -> dict[str, Any] | None:
        """Return one document, or None where the ERP knows none of this key."""
        params = {"$format": "json", **({"$expand": expand} if expand else {})}
        answer = self._get("read", f"{service}/{key}", params)
        if answer.status_code == 404:
            return None
        return dict(self._checked("read", answer, 200)["d"])

    def pages(
        self,
        service: str,
        entity_set: str,
        *,
        filter_: str,
        order: str,
        page_size: int,
        select: str = "",
        expand: str = "",
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield a filtered list page by page, to its end."""
        read = 0
        while True:
            params = {
                "$orderby": order,
                "$top": str(page_size),
                "$skip": str(read),
                "$inlinecount": "allpages",
                "$format": "json",
            }
            params |= {"$filter": filter_} if filter_ else {}
            params |= {"$select": select} if select else {}
            params |= {"$expand": expand} if expand else {}
            content = self._checked("list", self._get("list", f"{service}/{entity_set}", params), 200)["d"]
            rows = list(content["results"])
            yield rows
            read += len(rows)
            total = int(content["__count"]) if "__count" in content else None
            if not next_page(read, len(rows), page_size, total):
                return

    def send_xml(self, operation: str, path: str, content: bytes) -> bytes:
        """Post an XML document to a SOAP service, which wants no CSRF token; return the answer, refusals included."""
        headers = {**self._headers, "Accept": "text/xml", "Content-Type": "text/xml; charset=utf-8"}
        answer = self._transport.call(operation, "POST", path, headers=headers, content=content, limit_s=self._limit_s)
        if answer.status_code != 200 and b"Envelope" not in answer.content:
            raise Refused(_VENDOR, operation, answer.status_code, answer.text[:200])
        return answer.content

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _get(self, operation: str, path: str, params: Mapping[str, str]) -> httpx.Response:
        query = "&".join(f"{quote(name, safe='$')}={quote(value, safe='')}" for name, value in params.items())
        return self._transport.call(
            operation, "GET", f"{path}?{query}", headers=self._headers, limit_s=self._limit_s, repeatable=True
        )

    def _write(
        self,
        operation: str,
        method: str,
        path: str,
        document: Mapping[str, Any],
        extra: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        content = encode_body(document)
        for last in (False, True):
            token = self._csrf_token(path, renew=last)
            headers = {**self._headers, "Content-Type": "application/json", "X-CSRF-Token": token, **(extra or {})}
            limit_s = max(UNREPEATABLE_S, self._limit_s)
            answer = self._transport.call(operation, method, path, headers=headers, content=content, limit_s=limit_s)
            if answer.status_code != 403 or answer.headers.get("x-csrf-token", "").lower() != "required":
                break
        return answer

    def _csrf_token(self, path: str, *, renew: bool) -> str:
        with self._lock:
            if self._token is None or renew:
                service = "/".join(path.split("/")[:6]) + "/"
                headers = {**self._headers, "X-CSRF-Token": "Fetch"}
                answer = self._transport.call(
                    "token", "GET", service, headers=headers, limit_s=self._limit_s, repeatable=True
                )
                token = answer.headers.get("x-csrf-token")
                if answer.status_code >= 500:
                    raise Unreachable(f"{_VENDOR} token: {answer.status_code}")
                if token is None:
                    raise Refused(_VENDOR, "token", answer.status_code, "the answer holds no x-csrf-token")
                self._token = token
            return self._token

    def _checked(self, operation: str, answer: httpx.Response, expected: int) -> Any:
        content = json_of(answer)
        if answer.status_code == expected and isinstance(content, dict):
            return content
        error = content.get("error", {}) if isinstance(content, dict) else {}
        message = error.get("message", {}) if isinstance(error, dict) else {}
        detail = message.get("value") if isinstance(message, dict) else str(message)
        raise Refused(_VENDOR, operation, answer.status_code, detail or answer.text[:200])
