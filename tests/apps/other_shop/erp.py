"""SAP S/4HANA Cloud: one sales order per shop order, by the OData service API_SALES_ORDER_SRV.

Prices go out as net prices of one piece, and beside them each line's tax, as the customer was shown it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import requests

from tests.apps.other_shop.money import as_text
from tests.apps.other_shop.order import Line, Order
from tests.apps.other_shop.setting import Setting
from tests.apps.other_shop.vendor import Wire

_SERVICE = "/sap/opu/odata/sap/API_SALES_ORDER_SRV"
_ZONE = ZoneInfo("Europe/Berlin")


def sales_order(order: Order, setting: Setting) -> dict[str, Any]:
    """Return the sales order to be created; its date is the day of the purchase where the shop is."""
    day = _day(order.created_at)
    return {
        "SalesOrderType": setting.sap_order_type,
        "SalesOrganization": setting.sap_organization,
        "DistributionChannel": setting.sap_channel,
        "OrganizationDivision": setting.sap_division,
        "SoldToParty": setting.sap_sold_to,
        "PurchaseOrderByCustomer": order.number,
        "PurchaseOrderByShipToParty": order.recipient.name,
        "CustomerPurchaseOrderDate": day,
        "SalesOrderDate": day,
        "TransactionCurrency": order.currency,
        "to_Item": [_item(n, line, order.currency, setting) for n, line in enumerate(order.lines, start=1)],
    }


def _item(position: int, line: Line, currency: str, setting: Setting) -> dict[str, Any]:
    price = {
        "ConditionType": setting.sap_condition,
        "ConditionRateValue": as_text(net_price(line), currency),
        "ConditionCurrency": currency,
        "ConditionQuantity": "1",
        "ConditionQuantityUnit": setting.sap_unit,
    }
    tax = {
        "ConditionType": setting.sap_tax_condition,
        "ConditionRateValue": as_text(line.tax, currency),
        "ConditionCurrency": currency,
    }
    return {
        "SalesOrderItem": str(position * 10),
        "Material": line.sku,
        "RequestedQuantity": str(line.quantity),
        "RequestedQuantityUnit": setting.sap_unit,
        "to_PricingElement": [price, tax],
    }


def net_price(line: Line) -> Decimal:
    """Return the price of one piece without the tax it contains."""
    return line.unit_price - line.unit_tax


def encode(document: Mapping[str, Any]) -> bytes:
    """Return a document as JSON in UTF-8."""
    return json.dumps(document, ensure_ascii=False).encode()


def same_order_filter(number: str) -> str:
    """Return the OData filter that finds what an earlier attempt for this order left in SAP, in whatever status."""
    return f"PurchaseOrderByCustomer eq {_quoted(number)}"


class SapWire:
    """The calls the shop makes; writing ones carry the session's CSRF token, fetched when SAP asks for one."""

    def __init__(self, setting: Setting) -> None:
        self._wire = Wire("SAP", setting.sap_base, timeout_s=setting.timeout_s)
        self._auth = (setting.sap_user, setting.sap_password)
        self._rejection = setting.sap_rejection
        self._token = ""
        self._lock = threading.Lock()
        self.close = self._wire.close

    def create(self, document: Mapping[str, Any]) -> str:
        """Create a sales order; return its number."""
        answer = self._write("POST", "/A_SalesOrder", encode(document))
        return str(self._read(answer)["SalesOrder"])

    def find(self, number: str) -> str | None:
        """Return the sales order that already carries the shop's order number, if there is one."""
        found = self._get("/A_SalesOrder", {"$filter": same_order_filter(number), "$top": "1"})["results"]
        return str(found[0]["SalesOrder"]) if found else None

    def reject(self, document: str) -> None:
        """Reject every item of a sales order that is not rejected yet: SAP's way to cancel it."""
        items = self._get(f"/A_SalesOrder({_quoted(document)})/to_Item", {})["results"]
        for item in items:
            if item.get("SalesDocumentRjcnReason"):
                continue
            key = f"SalesOrder={_quoted(document)},SalesOrderItem={_quoted(item['SalesOrderItem'])}"
            change = encode({"SalesDocumentRjcnReason": self._rejection})
            etag = item.get("__metadata", {}).get("etag", "*")
            answer = self._write("PATCH", f"/A_SalesOrderItem({key})", change, {"If-Match": etag})
            if not answer.ok:
                self._read(answer)

    def _get(self, path: str, query: Mapping[str, str]) -> Any:
        headers = {"Accept": "application/json"}
        return self._read(self._wire.send("GET", _SERVICE + path, params=dict(query), auth=self._auth, headers=headers))

    def _write(self, method: str, path: str, body: bytes, extra: Mapping[str, str] | None = None) -> requests.Response:
        with self._lock:
            answer = self._write_once(method, path, body, extra or {})
            if answer.status_code == requests.codes.forbidden and _wants_token(answer):
                self._token = ""
                answer = self._write_once(method, path, body, extra or {})
            return answer

    def _write_once(self, method: str, path: str, body: bytes, extra: Mapping[str, str]) -> requests.Response:
        if not self._token:
            fetch = {"x-csrf-token": "Fetch", "Accept": "application/json"}
            answer = self._wire.send("GET", _SERVICE + "/", auth=self._auth, headers=fetch)
            self._token = answer.headers.get("x-csrf-token", "")
            if not answer.ok:
                self._read(answer)
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "x-csrf-token": self._token,
            **extra,
        }
        return self._wire.send(method, _SERVICE + path, data=body, auth=self._auth, headers=headers)

    def _read(self, answer: requests.Response) -> Any:
        if answer.ok:
            return self._wire.read(answer)["d"]
        try:
            error = answer.json()["error"]
            raise self._wire.refused(answer, f"{error['code']} {error['message']['value']}", code=error["code"])
        except (requests.JSONDecodeError, KeyError, TypeError):
            raise self._wire.refused(answer, "no OData error in the answer") from None


def _wants_token(answer: requests.Response) -> bool:
    return answer.headers.get("x-csrf-token", "").lower() == "required"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _day(instant: str) -> str:
    """Return the local day of an instant as OData V2 writes an Edm.DateTime in JSON."""
    local = datetime.fromisoformat(instant).astimezone(_ZONE)
    midnight = datetime(local.year, local.month, local.day, tzinfo=UTC)
    return f"/Date({int(midnight.timestamp()) * 1000})/"
