"""Werkladen, as a customer and the shop's own people see it: GraphQL, amounts as decimal strings, German states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from assay.money import Money
from assay.records import Address, Article, Line, Order, Parcel, StateChange
from assay.roles import ConnectorHead, Http, Purchase, ShopRefused, UndoRefused

HEAD = ConnectorHead(vendor="werkladen", role="shop", live="https://werkladen.example", credentials=("shop_key",))

_LINE = "sku title quantity unitPrice unitTax taxPercent total tax"
_ORDER = f"""number state currency total tax lines {{ {_LINE} }}
  payments {{ stripeId amountMinor currency status }} refunds {{ stripeId amountMinor currency status }}
  sapDocument sapRejectedAt trackingNumber labelVoidedAt problem
  customer {{ email name street zip city country phone }}
  createdAt changedAt paidAt bookedAt shippedAt cancelledAt"""
_CART = "mutation($currency: Currency!) { createCart(currency: $currency) { id } }"
_PUT = (
    "mutation($cart: ID!, $sku: String!, $quantity: Int!)"
    " { putIntoCart(cart: $cart, sku: $sku, quantity: $quantity) { total } }"
)
_BUY = (
    "mutation($cart: ID!, $customer: Customer!, $method: String!)"
    " { checkout(cart: $cart, customer: $customer, paymentMethod: $method) { number } }"
)
_READ = f"query($number: String!) {{ order(number: $number) {{ {_ORDER} }} }}"
_LIST = (
    "query($since: Instant!, $until: Instant!, $after: String) { orders(since: $since, until: $until, first: 500,"
    f" after: $after) {{ hasMore orders {{ {_ORDER} }} }} }}"
)
_CANCEL = "mutation($number: String!, $reason: String!) { cancelOrder(number: $number, reason: $reason) { number } }"
_ARTICLE = (
    "query($sku: String!, $currency: Currency!)"
    " { article(sku: $sku, currency: $currency) { sku title price weightGrams } }"
)
_STAMPS = (
    ("createdAt", "offen"),
    ("paidAt", "bezahlt"),
    ("bookedAt", "verbucht"),
    ("cancelledAt", "storniert"),
)
# The shop's words in the words of the records.
_STATES = {
    "offen": "pending",
    "bezahlt": "confirmed",
    "verbucht": "processing",
    "versandt": "processing",  # the label is bought; that the parcel travels, only UPS knows
    "storniert": "cancelled",
}
_PAID = {"succeeded": "paid", "declined": "failed"}


class Werkladen:
    """Buys at Werkladen and reads its orders; a reference is the order's number, such as W-2026-000001."""

    def __init__(self, http: Http, credentials: Mapping[str, str]) -> None:
        self._http = http
        self._key = {"X-Shop-Key": credentials["shop_key"]}

    def place(self, purchase: Purchase) -> str:
        """Buy and return the order's number; a cart is ordered once, so no idempotency key is needed."""
        cart = self._ask(_CART, currency=purchase.currency)["createCart"]["id"]
        for sku, quantity in purchase.lines:
            self._ask(_PUT, cart=cart, sku=sku, quantity=quantity)
        customer = {
            "email": purchase.email,
            "name": purchase.name,
            "street": ", ".join(line for line in purchase.address_lines if line),
            "zip": purchase.postcode,
            "city": purchase.city,
            "country": purchase.country,
            "phone": purchase.phone,
        }
        bought = self._ask(_BUY, cart=cart, customer=customer, method=purchase.payment_method)
        return str(bought["checkout"]["number"])

    def order(self, ref: str) -> Order:
        """Return one order; LookupError for a number the shop does not know."""
        return _order(self._ask(_READ, self._key, number=ref)["order"])

    def orders(self, since: datetime, until: datetime) -> Sequence[Order]:
        """Return every order placed in [since, until), all pages."""
        found: list[Order] = []
        after: str | None = None
        while True:
            span = {"since": since.isoformat(), "until": until.isoformat(), "after": after}
            page = self._ask(_LIST, self._key, **span)["orders"]
            found += [_order(each) for each in page["orders"]]
            if not page["hasMore"]:
                return found
            after = page["orders"][-1]["number"]

    def cancel_order(self, ref: str, reason: str) -> None:
        """Cancel in any state; goods and money go back, SAP's items are rejected, the label is voided."""
        try:
            self._ask(_CANCEL, self._key, number=ref, reason=reason)
        except ShopRefused as refused:
            if self.order(ref).status != "cancelled":  # what is cancelled already need not be refused
                raise UndoRefused(str(refused)) from refused

    def find_by_marker(self, marker: str, since: datetime) -> Sequence[str]:
        """Return the numbers of orders placed since then under this e-mail address."""
        later = datetime(9999, 1, 1, tzinfo=UTC)
        return [order.ref for order in self.orders(since, later) if (order.email or "").lower() == marker.lower()]

    def order_text(self, ref: str) -> str:
        """Return the shop's own answer about an order as it came."""
        body = {"query": _READ, "variables": {"number": ref}}
        return self._http.request("POST", "/graphql", json=body, headers=self._key).text

    def article(self, sku: str, currency: str) -> Article:
        """Return what the product page shows."""
        shown = self._ask(_ARTICLE, sku=sku, currency=currency)["article"]
        return Article(
            system="werkladen",
            sku=shown["sku"],
            name=shown["title"],
            price=Money.of(shown["price"], currency),
            weight_g=shown["weightGrams"],
        )

    def _ask(self, query: str, headers: Mapping[str, str] | None = None, /, **variables: Any) -> Any:
        reply = self._http.request("POST", "/graphql", json={"query": query, "variables": variables}, headers=headers)
        answer = reply.json()
        for error in answer.get("errors") or ():
            code = (error.get("extensions") or {}).get("code")
            said = f"{code}: {error['message']}"
            if code in ("UNKNOWN_ORDER", "UNKNOWN_ARTICLE"):
                raise LookupError(said)
            raise ShopRefused(said)
        return answer["data"]


def _order(shown: Mapping[str, Any]) -> Order:
    currency = shown["currency"]

    def money(text: str) -> Money:
        return Money.of(text, currency)

    return Order(
        system="werkladen",
        ref=shown["number"],
        number=shown["number"],
        status=_STATES[shown["state"]],
        payment_status=_payment_status(shown),
        placed_at=_at(shown["createdAt"]),
        total=money(shown["total"]),
        goods=money(shown["total"]),
        tax=money(shown["tax"]),
        tax_included=True,
        shipping=Money.of("0", currency),
        shipping_tax=Money.of("0", currency),
        lines=tuple(
            Line(
                sku=each["sku"],
                quantity=Decimal(each["quantity"]),
                name=each["title"],
                unit_price=money(each["unitPrice"]),
                total=money(each["total"]),
                tax=money(each["tax"]),
                tax_rate=Decimal(each["taxPercent"]),  # per cent
            )
            for each in shown["lines"]
        ),
        email=shown["customer"]["email"],
        customer_name=shown["customer"]["name"],
        address=_address(shown["customer"]),
        payment_refs=tuple(each["stripeId"] for each in shown["payments"] if each["stripeId"]),
        tracking_numbers=(shown["trackingNumber"],) if shown["trackingNumber"] else (),
        parcels=_parcels(shown),
        history=tuple(
            StateChange(field="status", value=_STATES[state], at=_at(shown[stamp]))
            for stamp, state in _STAMPS
            if shown[stamp]
        ),
    )


def _payment_status(shown: Mapping[str, Any]) -> str:
    if any(each["status"] == "succeeded" for each in shown["refunds"]):
        return "refunded"
    states = [each["status"] for each in shown["payments"]]
    return _PAID.get(states[-1], "pending") if states else "pending"


def _parcels(shown: Mapping[str, Any]) -> tuple[Parcel, ...]:
    if not shown["trackingNumber"]:
        return ()
    is_voided = shown["labelVoidedAt"] is not None
    return (
        Parcel(
            ref=shown["number"],
            carrier="ups",
            state="voided" if is_voided else "labelled",
            status="shipped",
            tracking_number=shown["trackingNumber"],
            contents=tuple((each["sku"], each["quantity"]) for each in shown["lines"]),
        ),
    )


def _address(shown: Mapping[str, Any]) -> Address:
    return Address(
        name=shown["name"],
        lines=(shown["street"],),
        city=shown["city"],
        postcode=shown["zip"],
        country=shown["country"],
        phone=shown["phone"],
    )


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
