"""From cart to order, and the way back: what is checked, promised and written down before any money moves."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.apps.other_shop import backlog, catalogue, money, order, payment, stock
from tests.apps.other_shop.parcel import HEAVIEST_G, LONGEST_LINE, MOST_LINES, address_lines, weight_g
from tests.apps.other_shop.trouble import Refusal

if TYPE_CHECKING:
    from tests.apps.other_shop.shop import Shop

# Member states of the European Union on its customs territory: parcels need no declaration.
COUNTRIES = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV"}
    | {"MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
)
MOST_PIECES = 999
_LENGTHS = {"name": LONGEST_LINE, "city": 30, "zip": 9, "phone": 15, "email": 120}


def open_cart(shop: Shop, currency: str) -> str:
    """Return the id of a new, empty cart, priced in one currency for good."""
    cart = shop.new_id()
    with shop.database.transaction() as connection:
        connection.execute("INSERT INTO carts (id, currency) VALUES (?, ?)", (cart, currency))
    return cart


def put(shop: Shop, cart: str, sku: str, quantity: int) -> None:
    """Have exactly that many pieces of an article in the cart; 0 takes it out."""
    catalogue.find_article(sku)
    if not 0 <= quantity <= MOST_PIECES:
        raise Refusal("BAD_INPUT", f"quantity: expected 0 to {MOST_PIECES}, seen {quantity}")
    with shop.database.transaction() as connection:
        _open_row(connection, cart)
        connection.execute("DELETE FROM cart_lines WHERE cart = ? AND sku = ?", (cart, sku))
        if quantity:
            connection.execute("INSERT INTO cart_lines VALUES (?, ?, ?)", (cart, sku, quantity))


def read_cart(connection: sqlite3.Connection, cart: str) -> tuple[str, list[order.Line]]:
    """Return the currency of a cart and its lines at today's prices."""
    row = connection.execute("SELECT currency FROM carts WHERE id = ?", (cart,)).fetchone()
    if row is None:
        raise Refusal("UNKNOWN_CART", f"cart: no cart {cart!r}; createCart makes one")
    rows = connection.execute("SELECT sku, quantity FROM cart_lines WHERE cart = ? ORDER BY rowid", (cart,))
    return row["currency"], [_priced(sku, quantity, row["currency"]) for sku, quantity in rows.fetchall()]


def _open_row(connection: sqlite3.Connection, cart: str) -> None:
    row = connection.execute("SELECT order_number FROM carts WHERE id = ?", (cart,)).fetchone()
    if row is None:
        raise Refusal("UNKNOWN_CART", f"cart: no cart {cart!r}; createCart makes one")
    if row["order_number"]:
        number = row["order_number"]
        raise Refusal("ALREADY_ORDERED", f"cart: was ordered as {number}; createCart makes another", number=number)


def _priced(sku: str, quantity: int, currency: str) -> order.Line:
    article = catalogue.find_article(sku)
    price = article.prices[currency]
    tax = money.tax_inside(price, article.tax_percent, currency)
    return order.Line(sku, article.title, quantity, price, tax, article.tax_percent)


def place(shop: Shop, cart: str, recipient: order.Recipient, method: str) -> str:
    """Make the cart an order, promise its pieces, charge the payment method; return the order's number."""
    recipient = check_recipient(recipient)
    if not re.fullmatch(r"(pm|tok)_\w+", method):
        raise Refusal("BAD_INPUT", "paymentMethod: expected a Stripe id, pm_... or tok_...")
    now = shop.now()
    with shop.database.transaction() as connection:
        _open_row(connection, cart)
        currency, lines = read_cart(connection, cart)
        _check_lines(lines)
        number = order.take_number(connection, now, first=int(shop.setting.first_number))
        for line in lines:
            stock.reserve(connection, line.sku, line.quantity)
        order.insert(connection, number, now, currency=currency, recipient=recipient, lines=lines)
        connection.execute("UPDATE carts SET order_number = ? WHERE id = ?", (number, cart))
        payment.open_payment(connection, order.load(connection, number), key=shop.new_id(), method=method)
        payment.plan_expiry(connection, number, now, reserve_s=shop.setting.reserve_s)
    shop.pay(number)
    return number


def _check_lines(lines: Sequence[order.Line]) -> None:
    if not lines:
        raise Refusal("EMPTY_CART", "cart: is empty; putIntoCart fills it")
    if weight_g(lines) > HEAVIEST_G:
        raise Refusal("TOO_HEAVY", f"cart: weighs {weight_g(lines)} g, a parcel takes {HEAVIEST_G} g")


def check_recipient(recipient: order.Recipient) -> order.Recipient:
    """Return the recipient without outer blanks, or refuse what no parcel label can carry whole."""
    fields: Mapping[str, str] = {name: getattr(recipient, name).strip() for name in order.Recipient.__slots__}
    for name, text in fields.items():
        if not text:
            raise Refusal("BAD_INPUT", f"customer.{name}: expected text, seen nothing", field=name)
        longest = _LENGTHS.get(name)
        if longest and len(text) > longest:
            raise Refusal(
                "BAD_INPUT", f"customer.{name}: expected at most {longest} characters, seen {len(text)}", field=name
            )
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", fields["email"]):
        raise Refusal("BAD_INPUT", "customer.email: expected an address like name@example.org", field="email")
    if fields["country"] not in COUNTRIES:
        raise Refusal("BAD_INPUT", f"customer.country: expected one of {', '.join(sorted(COUNTRIES))}", field="country")
    too_long = max(map(len, fields["street"].split())) > LONGEST_LINE
    if too_long or len(address_lines(fields["street"])) > MOST_LINES:
        message = f"customer.street: expected at most {MOST_LINES} lines of {LONGEST_LINE} characters"
        raise Refusal("BAD_INPUT", message, field="street")
    return replace(recipient, **fields)


def cancel(shop: Shop, number: str, reason: str) -> None:
    """Cancel an order in any state: pieces go back, money goes back, the vendors are told."""
    if not reason.strip():
        raise Refusal("BAD_INPUT", "reason: expected text, seen nothing")
    now = shop.now()
    with shop.database.transaction() as connection:
        bought = order.load(connection, number)
        states = [order.OPEN, order.PAID, order.BOOKED, order.SHIPPED]
        order.advance(connection, number, now, before=states, after=order.CANCELLED, cancel_reason=reason.strip())
        order.return_stock(connection, bought)
        if bought.payment is not None and bought.payment.status == payment.SUCCEEDED:
            payment.ask_back(connection, bought, now)
        backlog.strike(connection, backlog.EXPIRE, number)
        backlog.queue(connection, backlog.WITHDRAW, number, now)
    shop.wake()
