"""The carrier: UPS rating, shipping, void, tracking and Track Alert, with OAuth client credentials.

Follows UPS's published Rating, Shipping, Tracking, UPSTrackAlert and OAuthClientCredentials documents.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from mocks.merchant.clients.oauth import Authorized, TokenPlace
from mocks.merchant.clients.transport import UNREPEATABLE_S, Logger, Refused, Transport, Unreachable, json_of

_VENDOR = "ups"
_VERSION = "v2409"
_UNDER_WAY_S = 1.0  # real time


class UpsClient:
    """Makes calls with a kept token; answers are plain dictionaries as UPS writes them."""

    def __init__(
        self,
        vendor: Mapping[str, Any],
        credentials: tuple[str, str],
        context: ssl.SSLContext,
        log: Logger,
        *,
        limit_s: float,
        now_s: Callable[[], float],
    ) -> None:
        self.vendor = vendor
        self.account: str = vendor["account_number"]
        self._transport = Transport(_VENDOR, vendor["base_url"], context, log)
        place = TokenPlace("/security/v1/oauth/token", credentials, _checked, limit_s)
        self._authorized = Authorized(self._transport, place, now_s)
        self._limit_s = limit_s

    def rates(self, shipment: Mapping[str, Any], *, limit_s: float) -> list[dict[str, Any]]:
        """Return every service offered for a shipment, with its charges."""
        request = {"RateRequest": {"Request": {"RequestOption": "Shop"}, "Shipment": shipment}}
        answer = self._call("rate", "POST", f"/api/rating/{_VERSION}/Shop", request, limit_s=limit_s, repeatable=True)
        return _several(answer["RateResponse"]["RatedShipment"])

    def ship(self, shipment: Mapping[str, Any], label_format: str) -> dict[str, Any]:
        """Buy the labels of a shipment. Raises `Unreachable` when it may have been bought all the same."""
        request = {
            "ShipmentRequest": {
                "Request": {"RequestOption": "nonvalidate"},
                "Shipment": shipment,
                "LabelSpecification": {
                    "LabelImageFormat": {"Code": label_format},
                    "LabelStockSize": {"Height": "6", "Width": "4"},
                },
            }
        }
        limit_s = max(UNREPEATABLE_S, self._limit_s)
        try:
            answer = self._call("ship", "POST", f"/api/shipments/{_VERSION}/ship", request, limit_s=limit_s)
        except Unreachable:
            # It may be under way still: who looks for it at once does not find it, and buys it a second time.
            time.sleep(_UNDER_WAY_S)
            raise
        return dict(answer["ShipmentResponse"]["ShipmentResults"])

    def void(self, shipment_id: str) -> None:
        """Cancel a shipment whose parcels were not handed over."""
        self._call(
            "void", "DELETE", f"/api/shipments/{_VERSION}/void/cancel/{quote(shipment_id)}", None, repeatable=True
        )

    def track(self, tracking: str) -> dict[str, Any] | None:
        """Return one parcel's tracking, or None for a number UPS does not know."""
        return self._track("track", f"/api/track/v1/details/{quote(tracking)}", {"locale": "en_US"})

    def find_by_reference(self, reference: str) -> dict[str, Any] | None:
        """Return the parcel shipped under one of our references, or None."""
        params = {"locale": "en_US", "shipperNum": self.account}
        return self._track("track_reference", f"/api/track/v1/reference/details/{quote(reference, safe='')}", params)

    def recover_label(self, tracking: str) -> dict[str, Any]:
        """Return the label of a parcel bought before."""
        request = {"LabelRecoveryRequest": {"Request": {}, "TrackingNumber": tracking}}
        answer = self._call("recover", "POST", f"/api/labels/{_VERSION}/recovery", request, repeatable=True)
        return dict(answer["LabelRecoveryResponse"])

    def subscribe(self, trackings: Sequence[str]) -> list[str]:
        """Ask for tracking events of up to 100 parcels to be sent to us; return the numbers taken."""
        request = {"locale": "en_US", "countryCode": "US", "trackingNumberList": list(trackings)}
        answer = self._call(
            "subscribe", "POST", "/api/track/v2/subscription/standard/package", request, repeatable=True
        )
        return list(answer.get("validTrackingNumbers") or [])

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _track(self, operation: str, path: str, params: Mapping[str, str]) -> dict[str, Any] | None:
        query = "&".join(f"{name}={quote(value)}" for name, value in params.items())
        try:
            answer = self._call(operation, "GET", f"{path}?{query}", None, repeatable=True)
        except Refused as refused:
            if refused.status in (400, 404):
                return None
            raise
        shipments = (answer.get("trackResponse") or {}).get("shipment") or []
        packages = [package for shipment in shipments for package in shipment.get("package") or []]
        return packages[0] if packages else None

    def _call(
        self,
        operation: str,
        method: str,
        path: str,
        request: Mapping[str, Any] | None,
        *,
        limit_s: float | None = None,
        repeatable: bool = False,
    ) -> dict[str, Any]:
        content = None if request is None else orjson.dumps(request)
        return self._authorized.call(
            operation,
            method,
            path,
            headers={
                "Content-Type": "application/json",
                "transId": f"{time.monotonic_ns():x}"[-16:],
                "transactionSrc": "merchant",
            },
            content=content,
            limit_s=limit_s or self._limit_s,
            repeatable=repeatable,
        )


def _checked(operation: str, answer: httpx.Response) -> dict[str, Any]:
    """Return the object of a good answer. Raises `Refused` with UPS's code and message."""
    content = json_of(answer)
    if answer.status_code == 200 and isinstance(content, dict):
        return content
    errors = (content.get("response") or {}).get("errors") if isinstance(content, dict) else None
    detail = "; ".join(f"{error.get('code')} {error.get('message')}" for error in errors or []) or answer.text[:200]
    raise Refused(_VENDOR, operation, answer.status_code, detail)


def _several(value: Any) -> list[dict[str, Any]]:
    """Return a list where UPS writes one element without its list."""
    return list(value) if isinstance(value, list) else [value]
