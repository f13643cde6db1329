"""The ten calls: from an article's page to the payment that was captured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One call, the status it must answer with, and one text its answer must hold (`member`, `value`)."""

    name: str
    method: str
    path: str
    body: dict[str, Any] | None
    status: int
    member: str
    value: str

    @property
    def answer(self) -> dict[str, Any]:
        """What the server answers: the text that is looked for among about 400 bytes of the usual members."""
        lines = [{"sku": "0017", "name": "Linen shirt, navy", "quantity": 2, "unit_price": "39.90", "total": "79.80"}]
        return {
            self.member: self.value,
            "currency": "EUR",
            "total": "84.75",
            "tax": "13.53",
            "shipping": {"service": "standard", "price": "4.95", "carrier": "ups"},
            "lines": lines,
            "created_at": "2026-03-01T09:30:00Z",
            "links": {"self": self.path, "shop": "/"},
            "note": "Delivered between Tuesday and Thursday; a signature may be asked for at the door.",
        }


_ADDRESS = {"name": "Zoë Müller", "line1": "12 rue des Lilas", "postcode": "75011", "city": "Paris", "country": "FR"}
CALLS = (
    Call("look at the article", "GET", "/articles/0017", None, 200, "sku", "0017"),
    Call("open a cart", "POST", "/carts", {"currency": "EUR"}, 201, "id", "cart_1"),
    Call("put it in", "POST", "/carts/1/lines", {"sku": "0017", "quantity": 2}, 200, "state", "open"),
    Call("say where it goes", "PUT", "/carts/1/address", _ADDRESS, 200, "address", "complete"),
    Call("see how it is sent", "GET", "/carts/1/offers", None, 200, "cheapest", "standard"),
    Call("choose", "POST", "/carts/1/shipping", {"service": "standard"}, 200, "service", "standard"),
    Call("read the cart", "GET", "/carts/1", None, 200, "state", "ready"),
    Call("order", "POST", "/carts/1/order", {"payment": "pm_visa", "email": "zoe@example.com"}, 201, "number", "A-1"),
    Call("read the order", "GET", "/orders/1", None, 200, "status", "paid"),
    Call("read the payment", "GET", "/payments/1", None, 200, "status", "captured"),
)
