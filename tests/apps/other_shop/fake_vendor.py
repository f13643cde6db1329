"""Tiny stand-ins for Stripe, SAP and UPS in one local server, just enough for the shop's own tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

STRIPE_SECRET = "whsec_own_tests"
HOOK_SECRET = "hook secret of the tests"
SETTING = {
    "STRIPE_API_KEY": "sk_test_own",
    "STRIPE_WEBHOOK_SECRET": STRIPE_SECRET,
    "SAP_USER": "WERKLADEN",
    "SAP_PASSWORD": "own password",
    "UPS_CLIENT_ID": "own client",
    "UPS_CLIENT_SECRET": "own secret",
    "UPS_ACCOUNT": "A1B2C3",
    "OTHER_SHOP_KEY": "own key",
    "OTHER_SHOP_HOOK_SECRET": HOOK_SECRET,
    "OTHER_SHOP_RETRY_S": "0.02",
}
Answer = tuple[int, Mapping[str, str], Any]
_GIF = base64.b64encode(b"GIF89a of a label").decode()


class FakeVendors:
    """All vendors behind one URL. `lose` names paths whose next answer is lost after the work was done."""

    def __init__(self) -> None:
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: list[dict[str, Any]] = []
        self.documents: dict[str, dict[str, Any]] = {}
        self.rejected: list[str] = []
        self.labels: list[dict[str, Any]] = []
        self.voided: list[str] = []
        self.hooks: list[tuple[Mapping[str, str], bytes]] = []
        self.lose: list[str] = []
        self.can_recover = True
        self._replies: dict[str, Answer] = {}
        self._lock = threading.Lock()
        vendors = self

        class Handler(BaseHTTPRequestHandler):
            """Hands every request to the stand-ins."""

            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with vendors._lock:
                    status, headers, content = vendors.answer(self.command, self.path, dict(self.headers.items()), body)
                    lost = [each for each in vendors.lose if self.command == "POST" and self.path.endswith(each)]
                    if lost:
                        vendors.lose.remove(lost[0])
                        self.close_connection = True
                        return
                data = b"" if content is None else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                if data:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815 - names the base class looks for

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Do what a request asks for; a repeated idempotency key gets the first answer again."""
        route = urlsplit(path).path
        if route.startswith("/v1/"):
            key = headers.get("Idempotency-Key")
            if key in self._replies:
                return self._replies[key]
            reply = self._stripe(method, route, dict(parse_qsl(body.decode())))
            if key:
                self._replies[key] = reply
            return reply
        if route.startswith("/sap/"):
            return self._sap(method, path, headers, body)
        if route == "/receiver":
            self.hooks.append((dict(headers), body))
            return 200, {}, {}
        return self._ups(method, route, headers, body)

    def _stripe(self, method: str, route: str, form: Mapping[str, str]) -> Answer:
        if route == "/v1/payment_intents":
            metadata = {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")}
            name = f"pi_{len(self.intents) + 1}"
            intent: dict[str, Any] = {"id": name, "status": "requires_payment_method", "amount_received": 0}
            intent |= {"amount": int(form["amount"]), "currency": form["currency"], "metadata": metadata}
            self.intents[name] = intent | {"client_secret": "pi_secret"}
            return 200, {}, dict(self.intents[name])
        if route == "/v1/payment_methods":
            return 200, {}, {"id": form["card[token]"].replace("tok_", "pm_card_")}
        if route == "/v1/refunds":
            self.refunds.append({"id": f"re_{len(self.refunds) + 1}", "status": "succeeded", **form})
            return 200, {}, self.refunds[-1]
        _, _, _, name, *verb = route.split("/")
        intent = self.intents[name]
        if verb == ["confirm"]:
            if form["payment_method"] == "pm_declined":
                return 402, {}, {"error": {"type": "card_error", "code": "card_declined", "message": "Declined."}}
            needs_more = form["payment_method"] == "pm_3ds"
            intent["status"] = "requires_action" if needs_more else "succeeded"
            intent["amount_received"] = 0 if needs_more else intent["amount"]
        elif verb == ["cancel"]:
            intent["status"] = "canceled"
        return 200, {}, dict(intent)

    def _sap(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        route, _, query = path.partition("?")
        if headers.get("x-csrf-token") == "Fetch":
            return 200, {"x-csrf-token": "token 1"}, {"d": {}}
        if method != "GET" and headers.get("x-csrf-token") != "token 1":
            return 403, {"x-csrf-token": "Required"}, {"error": {"code": "403", "message": {"value": "CSRF"}}}
        if method == "POST":
            number = str(len(self.documents) + 1)
            self.documents[number] = json.loads(body)
            return 201, {}, {"d": {"SalesOrder": number}}
        if method == "PATCH":
            self.rejected.append(route.rpartition("/")[2])
            return 204, {}, None
        if route.endswith("/to_Item"):
            number = route.split("'")[1]
            items = self.documents[number]["to_Item"]
            return 200, {}, {"d": {"results": [{"SalesOrderItem": item["SalesOrderItem"]} for item in items]}}
        asked = parse_qs(query)["$filter"][0]
        wanted = asked.split("'")[1]
        found = [no for no, each in self.documents.items() if each["PurchaseOrderByCustomer"] == wanted]
        if "OverallSDProcessStatus eq 'C'" in asked:
            found = []
        return 200, {}, {"d": {"results": [{"SalesOrder": number} for number in found]}}

    def _ups(self, method: str, route: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if route.endswith("/oauth/token"):
            return 200, {}, {"access_token": "ups token", "expires_in": "14399"}
        if headers.get("Authorization") != "Bearer ups token":
            return 401, {}, {"response": {"errors": [{"code": "250003", "message": "Invalid Access License number"}]}}
        if method == "DELETE":
            self.voided.append(route.rpartition("/")[2])
            return 200, {}, {"VoidShipmentResponse": {}}
        if method == "GET":
            labels = [each for each in self.labels if each["ReferenceNumber"][0]["Value"] == route.rpartition("/")[2]]
            parcels = [{"trackingNumber": f"1Z{self.labels.index(each) + 1:06d}"} for each in labels]
            return 200, {}, {"trackResponse": {"shipment": [{"package": parcels}] if parcels else []}}
        asked = json.loads(body)
        picture = {"ImageFormat": {"Code": "GIF"}, "GraphicImage": _GIF}
        if route.endswith("/recovery"):
            wanted = asked["LabelRecoveryRequest"]["ReferenceValues"]["ReferenceNumber"]["Value"]
            for position, each in enumerate(self.labels, start=1):
                if each["ReferenceNumber"][0]["Value"] == wanted and self.can_recover:
                    parcel = {"TrackingNumber": f"1Z{position:06d}", "LabelImage": picture}
                    found = {"ShipmentIdentificationNumber": f"1Z{position:06d}", "LabelResults": parcel}
                    return 200, {}, {"LabelRecoveryResponse": found}
            return 400, {}, {"response": {"errors": [{"code": "300100", "message": "No shipment found"}]}}
        self.labels.append(asked["ShipmentRequest"]["Shipment"])
        number = f"1Z{len(self.labels):06d}"
        results = {"ShipmentIdentificationNumber": number}
        results["PackageResults"] = [{"TrackingNumber": number, "ShippingLabel": picture}]  # type: ignore[assignment]
        return 200, {}, {"ShipmentResponse": {"ShipmentResults": results}}


def signed_event(content: Mapping[str, Any], second: int, *, event: str = "evt_1", secret: str = STRIPE_SECRET) -> Any:
    """Return the body and headers of Stripe's webhook about a payment intent."""
    body = json.dumps({"id": event, "type": "payment_intent.succeeded", "data": {"object": content}}).encode()
    digest = hmac.new(secret.encode(), b"%d." % second + body, hashlib.sha256).hexdigest()
    return body, {"Content-Type": "application/json", "Stripe-Signature": f"t={second},v1={digest}"}


def street_on(label: Mapping[str, Any]) -> str:
    """Return the street on a label in one piece."""
    return re.sub(r"\s+", " ", " ".join(label["ShipTo"]["Address"]["AddressLine"]))
