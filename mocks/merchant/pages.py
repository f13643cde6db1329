"""The shop as pages: catalogue, cart, checkout, thanks, and the operator's orders. Plain HTML, rendered here.

The same shop as the API, entered by another door: every page calls what the API calls. A cart is remembered in the
cookie ``cart``, an operator by ``operator`` after signing in with the operator's token. A card never comes here: the
checkout takes the token that the gateway's own field would have put there.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Mapping, Sequence
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.responses import RedirectResponse, Response

from mocks.merchant.api import storefront
from mocks.merchant.api.handling import Call, Handler
from mocks.merchant.errors import Refusal
from mocks.merchant.ids import digest
from mocks.merchant.shop import Shop
from mocks.merchant.storefront import cart, checkout
from mocks.merchant.storefront.customer import customer_of
from mocks.merchant.storefront.order import order_view
from mocks.merchant.storefront.progress import find_order

_STYLE = (
    ":root{color-scheme:light dark}body{font:16px sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "overflow-wrap:break-word}.sums{overflow-x:auto}td,th{text-align:left;padding:.2rem .8rem}"
    "@media(max-width:40rem){td,th{padding:.2rem .3rem}}"
)
_ADDRESS = ("line1", "line2", "city", "region", "postcode", "country", "phone")
_ROWS = 10
View = Callable[[Shop, Call], Response]


def _shown(view: View) -> Handler:
    """Let a refusal be a page, as the shop's customers see it."""

    def answer(shop: Shop, call: Call) -> Response:
        try:
            return view(shop, call)
        except Refusal as refusal:
            told = f'<p role="alert" id="problem" data-code="{escape(refusal.code)}">{escape(refusal.message)}</p>'
            return _page("Sorry", told, status=refusal.status)

    return answer


def show_catalogue(shop: Shop, call: Call) -> Response:
    """Show one page of the catalogue, each article with a button that puts it into the cart."""
    answer = storefront.list_products(shop, call)
    currency = call.query.get("currency", shop.catalogue.base_currency)
    page, last = answer["page"], answer["page"] * answer["page_size"] >= answer["total"]
    forward = {"currency": currency, "page": page + 1, "page_size": answer["page_size"]}
    more = "" if last else f'<a id="next" href="/pages?{_query(forward)}">Next</a>'
    rows = "".join(_article(each, currency) for each in answer["products"])
    return _page("Catalogue", f'<table id="articles">{rows}</table>{more}<p><a href="/pages/cart">Cart</a></p>')


def show_article(shop: Shop, call: Call) -> Response:
    """Show one article with its price and the button that puts it into the cart."""
    product = storefront.get_product(shop, call)
    currency = call.query.get("currency", shop.catalogue.base_currency)
    return _page(product["name"], f'<table id="articles">{_article(product, currency)}</table>')


def put_in(shop: Shop, call: Call) -> Response:
    """Put an article into the cart, opening one in the form's currency where there is none."""
    form, held = _form(call), _cookies(call).get("cart")
    if held is None:
        currency = form.get("currency", shop.catalogue.base_currency)
        held = cart.create_cart(shop, {"currency": currency}, customer_of(shop, None))["id"]
    units = form.get("quantity", "1")
    quantity = int(units) if units.isdecimal() else units
    cart.add_line(shop, held, {"sku": form.get("sku"), "quantity": quantity})
    return _go("/pages/cart", cart=held)


def show_cart(shop: Shop, call: Call) -> Response:
    """Show what is in the cart and what it comes to now."""
    view = cart.cart_view(shop, _cart(call))
    field = '<input name="code" aria-label="coupon">'
    coupon = f'<form method="post" action="/pages/coupon">{field}<button id="redeem">Redeem</button></form>'
    return _page("Cart", f'{_priced(view)}{coupon}<a id="checkout" href="/pages/checkout">Checkout</a>')


def redeem(shop: Shop, call: Call) -> Response:
    """Attach a coupon to the cart."""
    cart.set_coupon(shop, _cart(call), cart.text(_form(call), "code", most=40))
    return _go("/pages/cart")


def show_checkout(shop: Shop, call: Call) -> Response:
    """Ask who buys, where it goes and how it is paid; once that is known, show the total with shipping."""
    view = cart.cart_view(shop, _cart(call))
    names = ("email", "name", *_ADDRESS)
    fields = "".join(f'<label>{name} <input name="{name}" autocomplete="off"></label><br>' for name in names)
    if view["customer"] is None:
        form = f'<form method="post" action="/pages/address">{fields}<button id="continue">Continue</button></form>'
        return _page("Address", form)
    pay = (
        '<form method="post" action="/pages/checkout"><label>payment token <input name="payment_method" '
        'autocomplete="off"></label><button id="buy">Buy now</button></form>'
    )
    return _page("Checkout", _priced(view) + pay)


def deliver_to(shop: Shop, call: Call) -> Response:
    """Take who buys and where it goes."""
    form = _form(call)
    address = {name: form[name] for name in _ADDRESS if form.get(name)} | {"name": form.get("name")}
    customer = {"email": form.get("email"), "name": form.get("name"), "address": address}
    cart.set_customer(shop, _cart(call), customer)
    return _go("/pages/checkout")


def buy(shop: Shop, call: Call) -> Response:
    """Turn the cart into an order, and go to thanks; or to the bank, which sends the customer back."""
    payment = {"kind": "card", "payment_method": _form(call).get("payment_method")}
    reply = checkout.checkout(shop, _cart(call), {"payment": payment})
    if reply.body.get("status") == "requires_action":
        return RedirectResponse(str(reply.body["redirect_url"]), 303)
    order = reply.body.get("order", reply.body)
    return _go(f"/pages/thanks/{order['id']}?key={quote(order['access_key'])}", cart="")


def thank(shop: Shop, call: Call) -> Response:
    """Show the number of the order to whoever has its key."""
    row = find_order(shop.database.read(), call.params["id"])
    if not hmac.compare_digest(digest(call.query.get("key", "")), row["access_hash"]):
        raise Refusal(404, "unknown_order", f"There is no order '{call.params['id']}'.")
    view = order_view(shop, row)
    told = f'<p>Thank you. Your order <strong id="number" data-id="{view["id"]}">{view["number"]}</strong> is here.</p>'
    return _page("Thank you", told + _priced(view))


def show_sign_in(shop: Shop, call: Call) -> Response:
    """Ask an operator for the token."""
    field = '<input type="password" name="token" aria-label="operator token" autocomplete="off">'
    return _page(
        "Sign in", f'<form method="post" action="/pages/sign-in">{field}<button id="enter">Enter</button></form>'
    )


def sign_in(shop: Shop, call: Call) -> Response:
    """Let an operator in who knows the token."""
    expected = _operator_token(shop)
    if not expected or not hmac.compare_digest(_form(call).get("token", "").encode(), expected.encode()):
        raise Refusal(401, "operator_only", "That is not the operator's token.")
    return _go("/pages/orders", operator=digest(expected))


def list_orders(shop: Shop, call: Call) -> Response:
    """Show the orders placed from ``since`` to before ``until``, oldest first, a page of them."""
    _require_operator(shop, call)
    page = call.number("page", 1, most=100_000)
    since, until = call.query.get("since", ""), call.query.get("until", "9999")
    rows = shop.database.all(
        "SELECT * FROM orders WHERE placed_at >= ? AND placed_at < ? ORDER BY placed_at, id LIMIT ? OFFSET ?",
        since,
        until,
        _ROWS + 1,
        (page - 1) * _ROWS,
    )
    listed = "".join(
        f'<li><a class="order" data-id="{row["id"]}" href="/pages/orders/{row["id"]}">{row["number"]}</a></li>'
        for row in rows[:_ROWS]
    )
    forward = {"since": since, "until": until, "page": page + 1}
    more = f'<a id="next" href="/pages/orders?{_query(forward)}">Next</a>' if len(rows) > _ROWS else ""
    return _page("Orders", f'<ol id="orders">{listed}</ol>{more}')


def show_order(shop: Shop, call: Call) -> Response:
    """Show an operator one order."""
    _require_operator(shop, call)
    view = order_view(shop, find_order(shop.database.read(), call.params["id"]))
    shipping, rate = view["shipping"], view["rate"]
    facts = {
        "number": view["number"],
        "status": view["status"],
        "payment-status": view["payment_status"],
        "placed": view["placed_at"],
        "email": view["customer"]["email"],
        "customer": view["customer"]["name"],
        "tax-treatment": view["tax_treatment"],
        "shipping-service": shipping["service"],
        "shipping-tax-rate": shipping["tax_rate"],
        "rate": rate["rate"],
        "rate-date": rate["date"],
        "rate-source": rate["source"],
    }
    told = "".join(
        f'<dt>{name}</dt><dd id="{name}">{escape(str(value))}</dd>'
        for name, value in facts.items()
        if value is not None
    )
    where = "".join(f'<span class="{name}">{escape(text)}</span><br>' for name, text in view["address"].items() if text)
    references = [each["reference"] for each in view["payments"] if each["reference"]]
    lists = "".join(f'<p>payment <span class="payment">{escape(each)}</span></p>' for each in references)
    lists += _events("change", view["history"], ("field", "value", "at"))
    lists += _events("parcel", view["shipments"], ("id", "carrier", "state", "status", "tracking_number", "weight_g"))
    body = f'<dl data-id="{view["id"]}">{told}</dl><address>{where}</address>{_priced(view)}{lists}'
    return _page(f"Order {view['number']}", body)


PAGES: list[tuple[str, str, Handler]] = [
    ("GET", "/pages", _shown(show_catalogue)),
    ("GET", "/pages/products/{sku}", _shown(show_article)),
    ("GET", "/pages/cart", _shown(show_cart)),
    ("POST", "/pages/cart", _shown(put_in)),
    ("POST", "/pages/coupon", _shown(redeem)),
    ("GET", "/pages/checkout", _shown(show_checkout)),
    ("POST", "/pages/address", _shown(deliver_to)),
    ("POST", "/pages/checkout", _shown(buy)),
    ("GET", "/pages/thanks/{id}", _shown(thank)),
    ("GET", "/pages/sign-in", _shown(show_sign_in)),
    ("POST", "/pages/sign-in", _shown(sign_in)),
    ("GET", "/pages/orders", _shown(list_orders)),
    ("GET", "/pages/orders/{id}", _shown(show_order)),
]


def _page(title: str, body: str, *, status: int = 200) -> Response:
    name = escape(title)
    text = (
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{name}</title>'
        f"<style>{_STYLE}</style><h1>{name}</h1>{body}</html>"
    )
    return Response(text, status, media_type="text/html")


def _go(path: str, **cookies: str) -> Response:
    """Send the browser on, which then reads a page instead of sending a form twice; an empty cookie is forgotten."""
    answer = RedirectResponse(path, 303)
    for name, value in cookies.items():
        answer.set_cookie(name, value, max_age=None if value else 0, httponly=True, samesite="lax")
    return answer


def _article(product: Mapping[str, Any], currency: str) -> str:
    sku, price = escape(product["sku"]), product["price"]
    form = (
        f'<form method="post" action="/pages/cart"><input type="hidden" name="sku" value="{sku}">'
        f'<input type="hidden" name="currency" value="{escape(currency)}"><input name="quantity" '
        f'aria-label="quantity of {sku}" value="1" size="3">'
        "<button>Add</button></form>"
    )
    link = f'<a href="/pages/products/{quote(product["sku"], safe="")}?currency={quote(currency)}">{sku}</a>'
    cell = _amount(price, "price") if price else "not sold in this currency"
    return f'<tr data-sku="{sku}"><td>{link}</td><td>{escape(product["name"])}</td><td>{cell}</td><td>{form}</td></tr>'


def _priced(view: Mapping[str, Any]) -> str:
    """Return lines and sums of a cart or an order."""
    rows = "".join(
        f'<tr class="line" data-id="{escape(line["id"])}"><td class="sku">{escape(line["sku"])}</td>'
        f'<td class="name">{escape(line["name"])}</td><td class="quantity">{line["quantity"]}</td>'
        f"<td>{_amount(line['unit_price'], 'unit-price')}</td><td>{_amount(line['total'], 'line-total')}</td>"
        f'<td class="tax-rate">{line["tax_rate"]}</td><td>{_amount(line["tax"], "line-tax")}</td></tr>'
        for line in view["lines"]
    )
    sums = {name: view[name] for name in ("goods", "discount", "tax", "rounding", "total")}
    sums |= {"shipping": view["shipping"]["total"], "shipping-tax": view["shipping"]["tax"]}
    told = "".join(f'<tr><th>{name}</th><td id="{name}">{_amount(sum_, name)}</td></tr>' for name, sum_ in sums.items())
    return f'<div class="sums" role="region" aria-label="lines and sums" tabindex="0"><table>{rows}{told}</table></div>'


def _events(name: str, listed: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> str:
    """Return a list whose items show these fields and carry them as attributes."""
    items = []
    for each in listed:
        shown = {field: str(each[field]) for field in fields if each.get(field) is not None}
        data = " ".join(f'data-{field.replace("_", "-")}="{escape(text)}"' for field, text in shown.items())
        items.append(f'<li class="{name}" {data}>{escape(", ".join(shown.values()))}</li>')
    return f"<ol>{''.join(items)}</ol>"


def _amount(money: Mapping[str, str], name: str) -> str:
    return f'<span class="{name}">{escape(money["amount"])} {escape(money["currency"])}</span>'


def _query(fields: Mapping[str, object]) -> str:
    return "&amp;".join(f"{name}={quote(str(value), safe='')}" for name, value in fields.items())


def _form(call: Call) -> dict[str, str]:
    return dict(parse_qsl(call.raw.decode("utf-8", "replace"), keep_blank_values=True))


def _cookies(call: Call) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(call.headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _cart(call: Call) -> str:
    held = _cookies(call).get("cart")
    if not held:
        raise Refusal(404, "empty_cart", "The cart holds nothing.")
    return held


def _operator_token(shop: Shop) -> str:
    name = shop.settings["operator_token_env"]
    return os.environ.get(name, "") if name else str(shop.settings["operator_token"])


def _require_operator(shop: Shop, call: Call) -> None:
    expected = _operator_token(shop)
    if not expected or not hmac.compare_digest(_cookies(call).get("operator", "").encode(), digest(expected).encode()):
        raise Refusal(401, "operator_only", "Sign in first.")
