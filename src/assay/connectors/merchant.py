"""The reference merchant's storefront as a customer and an operator see it: buy, read an order, list orders.

Follows the merchant's own OpenAPI document (``GET /api/openapi.json``); orders are read with the operator's token.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit

from assay.errors import InfrastructureError
from assay.money import Money
from assay.records import (
    Address,
    Article,
    CustomerMessage,
    Edit,
    Line,
    Movement,
    Order,
    OrderRefund,
    Parcel,
    Posting,
    Reservation,
    StateChange,
    StockCount,
    Tender,
    UsedRate,
)
from assay.roles import (
    Basket,
    ConnectorHead,
    Http,
    Purchase,
    Reply,
    ShippingOffer,
    ShopRefused,
    Submission,
    UndoRefused,
)

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
        cart = self.open_cart(purchase.currency)
        for sku, quantity in purchase.lines:
            self.put_in(cart, sku, quantity)
        if purchase.coupon:
            self.use_coupon(cart, purchase.coupon)
        self.deliver_to(cart, purchase)
        answer = self.submit(cart, purchase.payment_method)
        if answer.status != "ordered" or answer.order_ref is None:
            raise ShopRefused(f"{answer.status}: {answer.text or 'the order is not there at once'}")
        return answer.order_ref

    def articles(self, currency: str) -> Sequence[Article]:
        """Return the whole catalogue with its prices in a currency, page after page."""
        found: list[Article] = []
        for page in itertools.count(1):
            params = [("currency", currency), ("page", str(page)), ("page_size", str(_PAGE_SIZE))]
            answer = self._call("GET", "/api/products", params=params)
            found += [_article(each) for each in answer["products"]]
            if len(answer["products"]) < _PAGE_SIZE:
                break
        return found

    def article(self, sku: str, currency: str) -> Article:
        """Return what the product page shows; `LookupError` for an unknown SKU."""
        return _article(self._call("GET", f"/api/products/{quote(sku, safe='')}", params=[("currency", currency)]))

    def register(self, email: str, name: str) -> str:
        """Register a customer with a password nobody keeps; return the token under which their carts are opened."""
        body = {"email": email, "name": name, "password": secrets.token_urlsafe(16)}
        return str(self._call("POST", "/api/customers", body)["token"])

    def open_cart(self, currency: str, *, customer: str | None = None) -> str:
        """Open a cart and return its id; with a token it is that customer's."""
        headers = {"Authorization": f"Bearer {customer}"} if customer else None
        return str(self._call("POST", "/api/carts", {"currency": currency}, headers=headers)["id"])

    def put_in(self, cart: str, sku: str, quantity: int) -> Basket:
        """Add a quantity of a SKU; the same SKU again makes its line longer."""
        return _basket(self._call("POST", f"/api/carts/{cart}/lines", {"sku": sku, "quantity": quantity}))

    def use_coupon(self, cart: str, code: str) -> Basket:
        """Attach a coupon."""
        return _basket(self._call("POST", f"/api/carts/{cart}/coupon", {"code": code}))

    def deliver_to(self, cart: str, purchase: Purchase) -> Basket:
        """Say who buys and where it goes."""
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
        return _basket(self._call("PUT", f"/api/carts/{cart}/customer", customer))

    def shipping_offers(self, cart: str) -> Sequence[ShippingOffer]:
        """Return the services the cart may be sent with."""
        rates = self._call("GET", f"/api/carts/{cart}/shipping-rates")["rates"]
        return [ShippingOffer(ref=each["id"], name=each["name"], price=_money(each["amount"])) for each in rates]

    def choose_shipping(self, cart: str, offer: str) -> Basket:
        """Choose one of the services."""
        return _basket(self._call("PUT", f"/api/carts/{cart}/shipping", {"rate": offer}))

    def basket(self, cart: str) -> Basket:
        """Return the cart as it stands now."""
        return _basket(self._call("GET", f"/api/carts/{cart}"))

    def submit(self, cart: str, payment_method: str, *, key: str | None = None) -> Submission:
        """Press the button that buys; the key goes as Idempotency-Key."""
        payment = {"kind": "card", "payment_method": payment_method}
        headers = {"Idempotency-Key": key} if key else None
        path = f"/api/carts/{cart}/checkout"
        return _submission(self._http.request("POST", path, json={"payment": payment}, headers=headers), "POST", path)

    def come_back(self, url: str) -> Submission:
        """Follow the bank's link to the shop, at the shop's own address."""
        parts = urlsplit(url)
        # The link names the edge's way into the shop, and what a witness reads never passes the edge.
        path = "/checkout/return" + (f"?{parts.query}" if parts.query else "")
        return _submission(self._http.request("GET", path), "GET", "/checkout/return")

    def order(self, ref: str) -> Order:
        """Return the order; `LookupError` when the shop does not know it."""
        return _order(self._call("GET", f"/api/orders/{ref}", headers=self._operator))

    def order_text(self, ref: str) -> str:
        """Return the shop's own answer about an order, as it came."""
        path = f"/api/orders/{ref}"
        reply = self._http.request("GET", path, headers=self._operator)
        _accepted(reply, "GET", path)
        return reply.text

    def messages(self, ref: str) -> Sequence[CustomerMessage]:
        """Return what was written to the customer of an order, oldest first."""
        answer = self._call("GET", f"/api/orders/{ref}/messages", headers=self._operator)
        return [
            CustomerMessage(
                kind=each["kind"],
                recipient=each["recipient"],
                subject=each["subject"],
                text=each["text"],
                at=datetime.fromisoformat(each["at"]),
            )
            for each in answer["messages"]
        ]

    def stock_count(self, sku: str, at: datetime) -> StockCount:
        """Return what is counted of an article that is no bundle, with its movements and live reservations."""
        name = quote(sku, safe="")
        count = self._call("GET", f"/api/stock/{name}")
        booked = self._call("GET", f"/api/operator/stock/{name}/movements", headers=self._operator)
        return _stock_count(count, booked, at)

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
    if reply.status in (400, 402, 409, 422, 429):
        raise ShopRefused(f"{method} {path}: {_seen(reply)}")
    if reply.status >= 400:
        raise InfrastructureError(f"the shop refused {method} {path}", expected="2xx", seen=_seen(reply))


def _seen(reply: Reply) -> str:
    return f"{reply.status} {reply.text[:300]}"


def _submission(reply: Reply, method: str, path: str) -> Submission:
    """Return what a customer makes of the answer to a checkout, or to coming back from the bank."""
    if reply.status in (402, 409, 422, 429, 502, 503):
        text = str(reply.json()["error"]["message"])
        return Submission(status="declined" if reply.status == 402 else "refused", text=text)
    _accepted(reply, method, path)
    seen = reply.json()
    if reply.status == 202:
        order = seen["order"]
        return Submission(
            status=seen["status"],
            order_ref=order["id"],
            order_number=order["number"],
            redirect_url=seen.get("redirect_url"),
        )
    return Submission(status="ordered", order_ref=seen["id"], order_number=seen["number"], total=_money(seen["total"]))


def _basket(seen: dict[str, Any]) -> Basket:
    return Basket(
        ref=seen["id"],
        lines=tuple(_line(line) for line in seen["lines"]),
        goods=_money(seen["goods"]),
        discount=_money(seen["discount"]),
        shipping=_money(seen["shipping"]["total"]),
        total=_money(seen["total"]),
    )


def _article(seen: dict[str, Any]) -> Article:
    return Article(
        system="merchant",
        sku=seen["sku"],
        price=_money(seen["price"]) if seen.get("price") else None,
        weight_g=seen["weight_g"],
        name=seen["name"],
        backorder=seen["backorder"],
        components=tuple((part["sku"], part["quantity"]) for part in seen["bundle"]),
    )


def _order(seen: dict[str, Any]) -> Order:
    address, erp, customer = seen.get("address"), seen.get("erp", {}), seen.get("customer", {})
    shipping, parcels = seen.get("shipping") or {}, tuple(map(_parcel, seen.get("shipments", ())))
    # Units no longer wanted are shown by line id where the shop shows them.
    cancelled = seen.get("cancelled_lines") or {}
    return Order(
        system="merchant",
        ref=seen["id"],
        number=seen["number"],
        status=seen["status"],
        total=_money(seen["total"]),
        placed_at=datetime.fromisoformat(seen["placed_at"]),
        lines=tuple(_line(line, cancelled.get(line.get("id"), 0)) for line in seen["lines"]),
        payment_status=seen.get("payment_status"),
        shipping=_optional(shipping, "total"),
        shipping_tax=_optional(shipping, "tax"),
        shipping_tax_rate=_decimal(shipping.get("tax_rate")),
        shipping_service=shipping.get("service"),
        discount=_optional(seen, "discount"),
        tax=_optional(seen, "tax"),
        goods=_optional(seen, "goods"),
        rounding=_optional(seen, "rounding"),
        rate=_used_rate(seen["rate"]) if seen.get("rate") else None,
        tax_included=seen.get("tax_included"),
        tax_treatment=seen.get("tax_treatment"),
        coupon=seen.get("coupon"),
        hold=seen.get("hold"),
        email=customer.get("email"),
        customer_name=customer.get("name"),
        address=_address(address) if address else None,
        payment_refs=tuple(each["reference"] for each in seen.get("payments", ()) if each.get("reference")),
        document_refs=tuple(
            each["number"]
            for kind in ("sales_orders", "deliveries")
            for each in erp.get(kind, ())
            if each.get("number")
        ),
        tracking_numbers=tuple(parcel.tracking_number for parcel in parcels if parcel.tracking_number),
        history=tuple(_state_change(each) for each in seen.get("history", ())),
        edits=tuple(_edit(each, seen["currency"]) for each in seen.get("edits", ())),
        tenders=tuple(_tender(each) for each in seen.get("payments", ())),
        refunds=tuple(_refund(each) for each in seen.get("refunds", ())),
        postings=_postings(erp),
        parcels=parcels,
    )


def _postings(erp: dict[str, Any]) -> tuple[Posting, ...]:
    """Return the documents the shop means to have in the ERP: what it posted, and what still waits to be posted."""
    known = {
        each["reference"]: Posting(reference=each["reference"], number=each.get("number"), status=each["status"])
        for each in erp.get("sales_orders", ())
    }
    for each in erp.get("outbox", ()):
        if each["kind"] == "order" and each["state"] != "cancelled":
            known.setdefault(each["reference"], Posting(reference=each["reference"], status=each["state"]))
    return tuple(known.values())


def _state_change(seen: dict[str, Any]) -> StateChange:
    at = datetime.fromisoformat(seen["at"])
    return StateChange(field=seen["field"], value=seen["value"], at=at, cause=seen.get("cause") or "")


def _edit(seen: dict[str, Any], currency: str) -> Edit:
    return Edit(
        reason=seen["reason"],
        at=datetime.fromisoformat(seen["at"]) if seen.get("at") else None,
        extra=Money.of(seen["extra"], currency) if seen.get("extra") else None,
        payment_ref=seen.get("payment"),
        line_refs=tuple(seen.get("lines", ())),
    )


def _tender(seen: dict[str, Any]) -> Tender:
    return Tender(
        gateway=seen["gateway"],
        kind=seen["kind"],
        ref=seen.get("reference"),
        status=seen["status"],
        amount=_money(seen["amount"]),
        captured=_money(seen["captured"]),
        refunded=_money(seen["refunded"]),
    )


def _refund(seen: dict[str, Any]) -> OrderRefund:
    return OrderRefund(
        ref=seen.get("reference"),
        tender_ref=seen.get("payment"),
        status=seen["status"],
        amount=_money(seen["amount"]),
        reason=seen.get("reason") or "",
        at=datetime.fromisoformat(seen["at"]),
    )


def _parcel(seen: dict[str, Any]) -> Parcel:
    return Parcel(
        ref=seen["id"],
        carrier=seen["carrier"],
        state=seen["state"],
        status=seen["status"],
        tracking_number=seen.get("tracking_number"),
        delivery_ref=seen.get("delivery"),
        weight_g=seen.get("weight_g"),
        untracked=seen["status"] == "untracked",
        error=seen.get("error"),
        contents=tuple((each["sku"], each["quantity"]) for each in seen.get("lines", ())),
    )


def _used_rate(seen: dict[str, Any]) -> UsedRate:
    return UsedRate(
        base=seen["base"],
        quote=seen["currency"],
        value=_decimal(seen.get("rate")),
        as_of=date.fromisoformat(seen["date"][:10]),
        source=seen["source"],
    )


def _stock_count(count: dict[str, Any], booked: dict[str, Any], at: datetime) -> StockCount:
    sku = count["sku"]
    return StockCount(
        system="merchant",
        sku=sku,
        at=at,
        on_hand=count["on_hand"],
        reserved=count["reserved"],
        sellable=count["sellable"],
        safety=count["safety"],
        backorder=count["backorder"],
        movements=tuple(
            Movement(
                sku=sku,
                kind=each["kind"],
                quantity=each["quantity"],
                reference=each["reference"],
                at=datetime.fromisoformat(each["at"]),
            )
            for each in booked["movements"]
        ),
        reservations=tuple(
            Reservation(
                sku=sku,
                quantity=each["quantity"],
                holder=each["holder"],
                state=each["state"],
                at=datetime.fromisoformat(each["at"]),
                expires_at=datetime.fromisoformat(each["expires_at"]) if each.get("expires_at") else None,
            )
            for each in booked["reservations"]
        ),
    )


def _line(seen: dict[str, Any], cancelled: int = 0) -> Line:
    return Line(
        sku=seen["sku"],
        quantity=Decimal(seen["quantity"]),
        name=seen.get("name"),
        unit_price=_money(seen["unit_price"]),
        total=_money(seen["total"]),
        tax_rate=_decimal(seen.get("tax_rate")),
        ref=seen.get("id"),
        tax=_optional(seen, "tax"),
        discount=_optional(seen, "discount"),
        cancelled=Decimal(seen.get("cancelled") or cancelled),
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


def _optional(seen: dict[str, Any], name: str) -> Money | None:
    return _money(seen[name]) if seen.get(name) else None


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
