"""The storefront's operations: catalogue, rates, customers, carts, checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.responses import Response

from mocks.merchant.api.handling import Call
from mocks.merchant.errors import Refusal
from mocks.merchant.hub import stock
from mocks.merchant.hub.exchange import store_of
from mocks.merchant.hub.shipping import choose_shipping, quote_shipping
from mocks.merchant.ids import digest
from mocks.merchant.shop import Shop
from mocks.merchant.storefront import cart, checkout
from mocks.merchant.storefront.article_page import article_page, product_view
from mocks.merchant.storefront.assortment import on_sale
from mocks.merchant.storefront.checkout import Reply
from mocks.merchant.storefront.customer import customer_of, register
from mocks.merchant.storefront.order import money

_DOCUMENT = Path(__file__).parents[1] / "openapi.yaml"


def get_openapi(shop: Shop, call: Call) -> Response:
    """Return the document of this API; its YAML is written as JSON, so that reading it needs no library."""
    return Response(_DOCUMENT.read_bytes(), 200, media_type="application/json")


def list_products(shop: Shop, call: Call) -> dict[str, Any]:
    """Return one page of the catalogue with prices in a currency."""
    currency = call.query.get("currency", shop.catalogue.base_currency)
    language = cart.known_language(call.query.get("language", "en"))
    store = store_of(shop, call.query.get("store"))
    page, size = call.number("page", 1, most=10_000), call.number("page_size", 20, most=100)
    products = on_sale(shop)
    shown = products[(page - 1) * size : page * size]
    return {
        "products": [product_view(shop, product, currency, language, store) for product in shown],
        "page": page,
        "page_size": size,
        "total": len(products),
    }


def get_product(shop: Shop, call: Call) -> dict[str, Any]:
    """Return one product with its price in a currency, as it is kept for visitors of that currency and language."""
    currency = call.query.get("currency", shop.catalogue.base_currency)
    language = cart.known_language(call.query.get("language", "en"))
    return article_page(shop, call.params["sku"], currency, language, store_of(shop, call.query.get("store")))


def register_customer(shop: Shop, call: Call) -> Reply:
    """Register a customer."""
    return Reply(201, register(shop, call.json()))


def create_cart(shop: Shop, call: Call) -> Reply:
    """Open a cart; with a customer's token it is theirs."""
    made = cart.create_cart(shop, call.json(), customer_of(shop, call.bearer))
    return Reply(201, cart.cart_view(shop, made["id"]))


def get_cart(shop: Shop, call: Call) -> dict[str, Any]:
    """Return a cart with its price now."""
    return cart.cart_view(shop, call.params["id"], call.query.get("language", "en"))


def add_line(shop: Shop, call: Call) -> Reply:
    """Add a quantity of a SKU."""
    cart.add_line(shop, call.params["id"], call.json())
    return Reply(201, cart.cart_view(shop, call.params["id"]))


def put_line(shop: Shop, call: Call) -> dict[str, Any]:
    """Set a line's quantity."""
    cart.set_line(shop, call.params["id"], call.params["line"], cart.quantity_of(call.json(), least=0))
    return cart.cart_view(shop, call.params["id"])


def delete_line(shop: Shop, call: Call) -> dict[str, Any]:
    """Remove a line."""
    cart.set_line(shop, call.params["id"], call.params["line"], 0)
    return cart.cart_view(shop, call.params["id"])


def post_coupon(shop: Shop, call: Call) -> dict[str, Any]:
    """Attach a coupon."""
    cart.set_coupon(shop, call.params["id"], cart.text(call.json(), "code", most=40))
    return cart.cart_view(shop, call.params["id"])


def delete_coupon(shop: Shop, call: Call) -> dict[str, Any]:
    """Take the coupon off."""
    cart.set_coupon(shop, call.params["id"], None)
    return cart.cart_view(shop, call.params["id"])


def put_customer(shop: Shop, call: Call) -> dict[str, Any]:
    """Set who buys and where it goes."""
    cart.set_customer(shop, call.params["id"], call.json())
    return cart.cart_view(shop, call.params["id"])


def get_shipping_rates(shop: Shop, call: Call) -> dict[str, Any]:
    """Return what shipping the cart costs, by service."""
    offered = quote_shipping(shop, call.params["id"])
    currency = offered["currency"]
    rates = [{**rate, "amount": money(rate["amount"], currency)} for rate in offered["rates"]]
    return {**offered, "rates": rates}


def put_shipping(shop: Shop, call: Call) -> dict[str, Any]:
    """Choose one of the offered services."""
    chosen = cart.text(call.json(), "rate", most=40)
    if not choose_shipping(shop, call.params["id"], chosen):
        raise Refusal(422, "not_offered", f"'{chosen}' is not offered for this cart.", field="rate")
    return cart.cart_view(shop, call.params["id"])


def get_payment_methods(shop: Shop, call: Call) -> dict[str, Any]:
    """Return the ways to pay that take the cart's currency and total."""
    return {"methods": checkout.methods_of(shop, call.params["id"])}


def post_checkout(shop: Shop, call: Call) -> Reply:
    """Turn a cart into an order; an Idempotency-Key stands for one request and no other."""
    key = call.idempotency_key
    if key:
        checkout.remember_request(shop, f"{call.params['id']}:{key}", digest(call.raw.decode("utf-8", "replace")))
    return checkout.checkout(shop, call.params["id"], call.json())


def get_stock(shop: Shop, call: Call) -> dict[str, Any]:
    """Return what is on hand, reserved and sellable of a SKU; of a bundle, what its components allow."""
    product = shop.catalogue.product(call.params["sku"])
    connection = shop.database.read()
    if not product.bundle:
        return {
            "sku": product.sku,
            "backorder": product.backorder,
            **stock.level(connection, shop.settings, product.sku),
        }
    possible = [stock.level(connection, shop.settings, sku)["sellable"] // quantity for sku, quantity in product.bundle]
    return {"sku": product.sku, "backorder": False, "sellable": max(min(possible), 0)}
