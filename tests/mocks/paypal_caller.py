"""Calls the PayPal simulator over HTTP as a shop would, stands in for its buyers, and hears its webhooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

Json = dict[str, Any]
WHOLE = {"Prefer": "return=representation"}
RETURN = {"return_url": "https://shop.example/paid?cart=1", "cancel_url": "https://shop.example/cancelled"}


def money(value: str, currency: str = "EUR") -> Json:
    """Return an amount as PayPal writes it."""
    return {"currency_code": currency, "value": value}


def unit(value: str = "15.40", currency: str = "EUR", **more: Any) -> Json:
    """Return a purchase unit."""
    return {"amount": money(value, currency), **more}


def basket(currency: str = "EUR", total: str = "25.40", **breakdown: str) -> Json:
    """Return a purchase unit of two goods with tax and shipping; `breakdown` overrules its parts."""
    parts = {"item_total": "20.00", "tax_total": "3.80", "shipping": "2.60", "discount": "1.00", **breakdown}
    items = [
        {"name": "Mug", "quantity": "2", "unit_amount": money("7.50", currency), "tax": money("1.43", currency)},
        {"name": "Book", "quantity": "1", "unit_amount": money("5.00", currency), "tax": money("0.94", currency)},
    ]
    shown = {name: money(value, currency) for name, value in parts.items() if value}
    return {"amount": {**money(total, currency), "breakdown": shown}, "items": items}


class PaypalCaller:
    """A client with a bearer token; `witness` sees (method, path, answer) of every call."""

    def __init__(self, url: str, witness: Callable[[str, str, httpx.Response], None] | None = None) -> None:
        self.url = url
        self._witness = witness
        self.http = httpx.Client(base_url=url, trust_env=False)
        self.authorize()

    def __enter__(self) -> PaypalCaller:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def authorize(self, secret: str = "assay-secret") -> httpx.Response:
        """Ask for a token, use it from now on, and return the answer."""
        answer = self.call(
            "POST", "/v1/oauth2/token", auth=("assay-client", secret), data={"grant_type": "client_credentials"}
        )
        if answer.status_code == 200:
            self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send any request."""
        answer = self.http.request(method, path, **options)
        if self._witness is not None:
            self._witness(method, path.partition("?")[0], answer)
        return answer

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """POST JSON, or an empty JSON body as PayPal's own client does."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", path, json=body, headers={"Content-Type": "application/json", **named})

    def get(self, path: str, **query: Any) -> httpx.Response:
        """GET."""
        return self.call("GET", path, params=query or None)

    def create(self, *units: Json, intent: str = "CAPTURE", **more: Any) -> httpx.Response:
        """Create an order of these purchase units."""
        headers = more.pop("headers", {})
        body = {"intent": intent, "purchase_units": list(units) or [unit()], **more}
        return self.post("/v2/checkout/orders", body, **headers)

    def created(self, *units: Json, intent: str = "CAPTURE", **more: Any) -> str:
        """Create an order and return its id."""
        more.setdefault("application_context", RETURN)
        answer = self.create(*units, intent=intent, **more)
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])

    def approve(self, order: str, outcome: str = "approve", instrument: str = "wallet") -> httpx.Response:
        """Stand in for the buyer on PayPal's page."""
        form = {"token": order, "outcome": outcome, "instrument": instrument}
        return self.http.post("/checkoutnow", data=form)

    def approved(self, *units: Json, intent: str = "CAPTURE", instrument: str = "wallet") -> str:
        """Create an order, have it approved and return its id."""
        order = self.created(*units, intent=intent)
        assert self.approve(order, instrument=instrument).status_code == 303
        return order

    def captured(self, *units: Json) -> Json:
        """Pay an order and return its first capture."""
        order = self.approved(*units)
        answer = self.post(f"/v2/checkout/orders/{order}/capture")
        assert answer.status_code == 201, answer.text
        found: Json = answer.json()["purchase_units"][0]["payments"]["captures"][0]
        return found

    def held(self, *units: Json) -> Json:
        """Authorise an order and return the authorisation."""
        order = self.approved(*units, intent="AUTHORIZE")
        answer = self.post(f"/v2/checkout/orders/{order}/authorize")
        assert answer.status_code == 201, answer.text
        found: Json = answer.json()["purchase_units"][0]["payments"]["authorizations"][0]
        return found

    def order(self, id_: str) -> Json:
        """Read an order."""
        found: Json = self.get(f"/v2/checkout/orders/{id_}").json()
        return found

    def capture(self, id_: str, body: Any = None, **headers: str) -> httpx.Response:
        """Capture an authorisation."""
        return self.post(f"/v2/payments/authorizations/{id_}/capture", body, **headers)

    def refund(self, id_: str, body: Any = None, **headers: str) -> httpx.Response:
        """Refund a capture."""
        return self.post(f"/v2/payments/captures/{id_}/refund", body, **headers)


def issues(answer: httpx.Response) -> tuple[int, list[str]]:
    """Return status and issues of PayPal's error body, which it must be."""
    body = answer.json()
    assert body["name"] and body["message"] and body["debug_id"] == answer.headers["paypal-debug-id"], body
    return answer.status_code, [each["issue"] for each in body.get("details", [])]
