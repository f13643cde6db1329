"""Carts: lines, coupon, customer and delivery, until one checkout turns them into an order."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from mocks.merchant.database import pack, unpack
from mocks.merchant.errors import Refusal
from mocks.merchant.hub.exchange import store_of
from mocks.merchant.ids import next_id
from mocks.merchant.policy.address import checked_address
from mocks.merchant.policy.format import MARKS, format_amount
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.assortment import refuse_off_sale
from mocks.merchant.storefront.coupon import find_coupon
from mocks.merchant.storefront.order import priced_view
from mocks.merchant.storefront.pricing import Quote, coupon_is_offered, quote_cart, usable_rate

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MOST = 100_000

Cart = dict[str, Any]


@seam("cart")
def merged_quantity(current: int, added: int) -> int:
    """Return the quantity of a line after the same SKU is added again."""
    return current + added


@seam("cart")
def cart_currency(requested: str, customer_currency: str | None) -> str:
    """Return a new cart's currency: what was asked for, whatever the customer used before."""
    return requested


def create_cart(shop: Shop, content: Mapping[str, Any], customer_id: str | None) -> Cart:
    """Open an empty cart in a sold currency, in a store."""
    requested = text(content, "currency", most=3)
    currency = cart_currency(requested, _last_currency(shop, customer_id))
    store = store_of(shop, text(content, "store", most=40) if "store" in content else None)
    usable_rate(shop, currency, store)
    channel = text(content, "channel", most=40) if "channel" in content else "web"
    with shop.database.write() as connection:
        cart: Cart = {
            "id": next_id(connection, "crt", shop.config.seed),
            "store": store,
            "currency": currency,
            "channel": channel,
            "lines": [],
            "next_line": 1,
            "coupon": None,
            "customer": None,
            "address": None,
            "shipping": None,
            "customer_id": customer_id,
        }
        connection.execute(
            "INSERT INTO carts VALUES (?, 'open', ?, ?, ?)", (cart["id"], currency, shop.now_iso(), pack(cart))
        )
    return cart


def load_cart(connection: sqlite3.Connection, cart_id: str) -> tuple[str, Cart]:
    """Return a cart's status (open, paying or ordered) and content. Raises `Refusal` 404."""
    row = connection.execute("SELECT status, body FROM carts WHERE id = ?", (cart_id,)).fetchone()
    if row is None:
        raise Refusal(404, "unknown_cart", f"There is no cart '{cart_id}'.")
    return row["status"], unpack(row["body"])


def save_cart(connection: sqlite3.Connection, cart: Cart, at: str) -> None:
    """Store a cart's content."""
    connection.execute("UPDATE carts SET body = ?, updated_at = ? WHERE id = ?", (pack(cart), at, cart["id"]))


def change_cart(shop: Shop, cart_id: str, change: Callable[[sqlite3.Connection, Cart], None]) -> Cart:
    """Apply a change to a cart that is not ordered yet. A payment under way is for the snapshot it began with."""
    with shop.database.write() as connection:
        status, cart = load_cart(connection, cart_id)
        if status == "ordered":
            raise Refusal(409, "cart_ordered", "This cart is already an order; open a new one.")
        change(connection, cart)
        save_cart(connection, cart, shop.now_iso())
    return cart


def add_line(shop: Shop, cart_id: str, content: Mapping[str, Any]) -> Cart:
    """Add a quantity of a SKU; a line of the same SKU grows."""
    sku, quantity = text(content, "sku", most=40), quantity_of(content)
    try:
        shop.catalogue.product(sku)
    except Refusal as unknown:  # 404 would say of the cart that there is none
        raise Refusal(422, unknown.code, unknown.message, **unknown.fields) from None
    refuse_off_sale(shop, [sku])

    def change(connection: sqlite3.Connection, cart: Cart) -> None:
        for line in cart["lines"]:
            if line["sku"] == sku:
                line["quantity"] = _in_range(merged_quantity(line["quantity"], quantity))
                return
        cart["lines"].append({"id": str(cart["next_line"]), "sku": sku, "quantity": quantity})
        cart["next_line"] += 1

    return change_cart(shop, cart_id, change)


def set_line(shop: Shop, cart_id: str, line_id: str, quantity: int) -> Cart:
    """Set a line's quantity; 0 removes it. Raises `Refusal` 404 for an unknown line."""

    def change(connection: sqlite3.Connection, cart: Cart) -> None:
        lines = {line["id"]: line for line in cart["lines"]}
        if line_id not in lines:
            raise Refusal(404, "unknown_line", f"The cart has no line '{line_id}'.", lines=list(lines))
        if quantity == 0:
            cart["lines"].remove(lines[line_id])
        else:
            lines[line_id]["quantity"] = quantity

    return change_cart(shop, cart_id, change)


def set_coupon(shop: Shop, cart_id: str, code: str | None) -> Cart:
    """Attach a coupon that exists and is not used up, or take it off with None."""

    def change(connection: sqlite3.Connection, cart: Cart) -> None:
        if code is not None:
            coupon = find_coupon(connection, code)
            if not coupon_is_offered(shop, coupon, cart["currency"]):
                raise Refusal(
                    422, "not_offered", f"Coupon '{code}' is not offered in {cart['currency']}.", field="code"
                )
        cart["coupon"] = code

    return change_cart(shop, cart_id, change)


def set_currency(shop: Shop, cart_id: str, content: Mapping[str, Any]) -> Cart:
    """Show a cart in another sold currency: its delivery is chosen anew, a coupon not offered there comes off.

    Raises `Refusal` 409 for a cart that is being paid: its payment is in the currency it began with.
    """
    currency = text(content, "currency", most=3)

    def change(connection: sqlite3.Connection, cart: Cart) -> None:
        if load_cart(connection, cart_id)[0] != "open":
            raise Refusal(409, "cart_paying", "This cart is being paid; its currency stays.")
        usable_rate(shop, currency, cart.get("store"))
        code = cart["coupon"]
        if code and not coupon_is_offered(shop, find_coupon(connection, code, even_used_up=True), currency):
            cart["coupon"] = None
        cart["currency"], cart["shipping"] = currency, None
        connection.execute("UPDATE carts SET currency = ? WHERE id = ?", (currency, cart_id))

    return change_cart(shop, cart_id, change)


def set_credit(shop: Shop, cart_id: str, customer_id: str, used: bool) -> Cart:
    """Have a cart paid with a customer's credit, or no longer. Raises `Refusal` 404 for another customer's cart."""

    def change(connection: sqlite3.Connection, cart: Cart) -> None:
        if cart["customer_id"] not in (None, customer_id):
            raise Refusal(404, "unknown_cart", f"There is no cart '{cart_id}'.")
        cart["customer_id"], cart["use_credit"] = customer_id, used

    return change_cart(shop, cart_id, change)


def set_customer(shop: Shop, cart_id: str, content: Mapping[str, Any]) -> Cart:
    """Set who buys and where it goes."""
    customer = {"email": email_of(content), "name": text(content, "name", most=80)}
    for optional in ("company", "vat_id", "language"):
        if content.get(optional, "") != "":
            customer[optional] = text(content, optional, most=80)
    address = checked_address(_mapping(content, "address"))

    def change(connection: sqlite3.Connection, cart: Cart) -> None:
        cart["customer"], cart["address"], cart["shipping"] = customer, address, None

    return change_cart(shop, cart_id, change)


def cart_view(shop: Shop, cart_id: str, language: str = "en") -> dict[str, Any]:
    """Return a cart with its price now, its total also as it is written in a language."""
    status, cart = load_cart(shop.database.read(), cart_id)
    quote = cart_quote(shop, cart)
    shown = {name: cart[name] for name in ("id", "channel", "customer", "address")}
    texts = {
        "total_text": format_amount(quote.body["total"], quote.currency, known_language(language)),
        "uses_credit": bool(cart.get("use_credit")),
    }
    return {**shown, "status": status, **priced_view(quote.body), **texts}


def cart_quote(shop: Shop, cart: Cart) -> Quote:
    """Return what a cart costs now, as it is looked at."""
    coupon = find_coupon(shop.database.read(), cart["coupon"], even_used_up=True) if cart["coupon"] else None
    return quote_cart(shop, cart, coupon, for_checkout=False)


def known_language(language: str) -> str:
    """Return a language amounts can be written in. Raises `Refusal` 422 for another."""
    if language not in MARKS:
        raise Refusal(422, "unknown_language", f"Nobody writes '{language}' here.", field="language", known=list(MARKS))
    return language


def text(content: Mapping[str, Any], name: str, *, most: int) -> str:
    """Return a required text of a request. Raises `Refusal` 422 naming the field, what was expected and seen."""
    value = content.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Refusal(422, "invalid", f"'{name}' must be a text.", field=name, expected="text", seen=value)
    if len(value) > most:
        raise Refusal(
            422, "invalid", f"'{name}' is longer than {most} characters.", field=name, expected=most, seen=len(value)
        )
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) <= 0xDFFF for letter in value):
        raise Refusal(422, "invalid", f"'{name}' holds control characters.", field=name)
    return value.strip()


def email_of(content: Mapping[str, Any]) -> str:
    """Return the e-mail address of a request."""
    value = text(content, "email", most=241)
    if not _EMAIL.fullmatch(value):
        raise Refusal(422, "invalid", "'email' must be an e-mail address.", field="email", seen=value)
    return value


def quantity_of(content: Mapping[str, Any], *, least: int = 1) -> int:
    """Return the quantity of a request, a whole number."""
    value = content.get("quantity")
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise Refusal(
            422, "invalid", f"'quantity' must be a whole number of at least {least}.", field="quantity", seen=value
        )
    return _in_range(value)


def _in_range(quantity: int) -> int:
    if quantity > _MOST:
        raise Refusal(422, "invalid", f"'quantity' must be at most {_MOST}.", field="quantity", seen=quantity)
    return quantity


def _mapping(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    if not isinstance(value, Mapping):
        raise Refusal(422, "invalid", f"'{name}' must be an object.", field=name, seen=value)
    return value


def _last_currency(shop: Shop, customer_id: str | None) -> str | None:
    if customer_id is None:
        return None
    row = shop.database.one(
        "SELECT currency FROM orders WHERE customer_id = ? ORDER BY placed_at DESC LIMIT 1", customer_id
    )
    return row["currency"] if row else None
