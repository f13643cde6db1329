"""The reference merchant's storefront as a customer and an operator see it: buy, read an order, list orders.

Follows the merchant's own OpenAPI document (``GET /api/openapi.json``); orders are read with the operator's token.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from assay.errors import InfrastructureError
from assay.money import Money
from assay.records import Address, Line, Order
from assay.roles import ConnectorHead, Http, Purchase, Reply, UndoRefused

HEAD = ConnectorHead(
    vendor="merchant",
    role="shop",
    live="http://127.0.0.1",
    credentials=("operator_token",),
    documents=("mocks/merchant/openapi.yaml",),
)
_PAGE_SIZE = 100


class Merchant:
    """The shop of the reference merchant."""

    def __init__(self, http: Http, credentials: Mapping[str, str]) -> None:
        self._http = http
        self._operator = {"Authorization": f"Bearer {credentials['operator_token']}"}

    def place(self, purchase: Purchase) -> str:
        """Buy as a guest: cart, lines, coupon, address, checkout; return the order's id."""
        cart = self._call("POST", "/api/carts", {"currency": purchase.currency})["id"]
        for sku, quantity in purchase.lines:
            self._call("POST", f"/api/carts/{cart}/lines", {"sku": sku, "quantity": quantity})
        if purchase.coupon:
            self._call("POST", f"/api/carts/{cart}/coupon", {"code": purchase.coupon})
        lines = (*purchase.address_lines, None)
        address = {
            "name": purchase.name,
            "line1": lines[0],
            "line2": lines[1],
            "city": purchase.city,
            "region": purchase.region,
            "postcode": purchase.postcode,
            "country": purchase.country,
            "phone": purchase.phone,
        }
        customer = {"email": purchase.email, "name": purchase.name, "address": address}
        self._call("PUT", f"/api/carts/{cart}/customer", customer)
        payment = {"kind": "card", "payment_method": purchase.payment_method}
        order: str = self._call("POST", f"/api/carts/{cart}/checkout", {"payment": payment})["id"]
        return order

    def order(self, ref: str) -> Order:
        """Return the order; `LookupError` when the shop does not know it."""
        return _order(self._call("GET", f"/api/orders/{ref}", headers=self._operator))

    def orders(self, since: datetime, until: datetime) -> Sequence[Order]:
        """Return all orders placed in [since, until), page after page."""
        return [_order(each) for each in self._listed(("since", since.isoformat()), ("until", until.isoformat()))]

    def cancel_order(self, ref: str, reason: str) -> None:
        """Cancel the whole order; the shop stops it everywhere and gives the money back.

        Nothing happens to one already cancelled. Raises `LookupError` when the shop does not know it, `UndoRefused`
        when a parcel has left.
        """
        path = f"/api/orders/{ref}/cancel"
        reply = self._http.request("POST", path, json={"reason": reason}, headers=self._operator)
        if reply.status == 409:
            raise UndoRefused(_seen(reply))
        _accepted(reply, "POST", path)

    def find_by_marker(self, marker: str, since: datetime) -> Sequence[str]:
        """Return the references of all orders placed since then under that e-mail address, oldest first."""
        wanted = marker.casefold()
        listed = self._listed(("since", since.isoformat()))
        return [each["id"] for each in listed if str(each.get("customer", {}).get("email")).casefold() == wanted]

    def _listed(self, *span: tuple[str, str]) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            params = [*span, ("page", str(page)), ("page_size", str(_PAGE_SIZE))]
            answer = self._call("GET", "/api/orders", params=params, headers=self._operator)
            yield from answer["orders"]
            if len(answer["orders"]) < _PAGE_SIZE:
                return
            page += 1

    def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        reply = self._http.request(method, path, json=body, params=params, headers=headers)
        _accepted(reply, method, path)
        return reply.json()


def _accepted(reply: Reply, method: str, path: str) -> None:
    if reply.status == 404:
        raise LookupError(f"the shop does not know {path}")
    if reply.status >= 400:
        raise InfrastructureError(f"the shop refused {method} {path}", expected="2xx", seen=_seen(reply))


def _seen(reply: Reply) -> str:
    return f"{reply.status} {reply.text[:300]}"


def _order(seen: dict[str, Any]) -> Order:
    address, erp = seen.get("address"), seen.get("erp", {})
    return Order(
        system="merchant",
        ref=seen["id"],
        number=seen["number"],
        status=seen["status"],
        total=_money(seen["total"]),
        placed_at=datetime.fromisoformat(seen["placed_at"]),
        lines=tuple(_line(line) for line in seen["lines"]),
        payment_status=seen.get("payment_status"),
        shipping=_money(seen["shipping"]["total"]) if seen.get("shipping") else None,
        discount=_money(seen["discount"]) if seen.get("discount") else None,
        tax=_money(seen["tax"]) if seen.get("tax") else None,
        email=seen.get("customer", {}).get("email"),
        address=_address(address) if address else None,
        payment_refs=tuple(each["reference"] for each in seen.get("payments", ()) if each.get("reference")),
        document_refs=tuple(
            each["number"]
            for kind in ("sales_orders", "deliveries")
            for each in erp.get(kind, ())
            if each.get("number")
        ),
        tracking_numbers=tuple(
            each["tracking_number"] for each in seen.get("shipments", ()) if each.get("tracking_number")
        ),
    )


def _line(seen: dict[str, Any]) -> Line:
    return Line(
        sku=seen["sku"],
        quantity=Decimal(seen["quantity"]),
        name=seen.get("name"),
        unit_price=_money(seen["unit_price"]),
        total=_money(seen["total"]),
        tax_rate=Decimal(seen["tax_rate"]) if seen.get("tax_rate") is not None else None,
    )


def _address(seen: dict[str, Any]) -> Address:
    lines = tuple(seen[key] for key in ("line1", "line2") if seen.get(key))
    return Address(
        name=seen["name"],
        lines=lines,
        city=seen["city"],
        postcode=seen["postcode"],
        country=seen["country"],
        region=seen.get("region"),
        phone=seen.get("phone"),
    )


def _money(seen: dict[str, str]) -> Money:
    return Money.of(seen["amount"], seen["currency"])
