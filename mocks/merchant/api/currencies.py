"""Operations a shop has because it sells in many currencies: stores, rates, switching, texts, wallets."""

from __future__ import annotations

from typing import Any

from mocks.merchant.api.handling import Call
from mocks.merchant.api.orders import require_operator
from mocks.merchant.errors import Refusal
from mocks.merchant.hub.exchange import all_rates, refused_rates, store_of
from mocks.merchant.policy.format import parse_amount
from mocks.merchant.policy.money import plain
from mocks.merchant.policy.rates import rate_label
from mocks.merchant.shop import Shop
from mocks.merchant.storefront import cart
from mocks.merchant.storefront.order import money
from mocks.merchant.storefront.pricing import usable_rate
from mocks.merchant.storefront.wallet import payment_request


def list_stores(shop: Shop, call: Call) -> dict[str, Any]:
    """Return every store, the default one first."""
    base, sold = shop.catalogue.base_currency, shop.settings["currencies"]
    return {"stores": [{"id": each, "base": base, "currencies": sold} for each in shop.settings["stores"]]}


def list_rates(shop: Shop, call: Call) -> dict[str, Any]:
    """Return the rates a store prices with, in both directions, and what the newest fetch refused."""
    store = store_of(shop, call.query.get("store"))
    rates = [
        {
            "base": base,
            "currency": rate.currency,
            "rate": f"{rate.rate:f}",
            "date": rate.date,
            "source": rate.source,
            "label": rate_label(rate.currency, base, rate.rate),
        }
        for base, rate in all_rates(shop, store)
    ]
    return {"base": shop.catalogue.base_currency, "store": store, "rates": rates, "refused": refused_rates(shop)}


def put_currency(shop: Shop, call: Call) -> dict[str, Any]:
    """Show a cart in another currency."""
    cart.set_currency(shop, call.params["id"], call.json())
    return cart.cart_view(shop, call.params["id"])


def get_wallet(shop: Shop, call: Call) -> dict[str, Any]:
    """Return what a phone's wallet is asked to show for a cart."""
    return payment_request(shop, call.params["id"])


def read_amount(shop: Shop, call: Call) -> dict[str, Any]:
    """Return what the shop makes of an amount typed in by its people."""
    require_operator(shop, call)
    content = call.json()
    text, currency = cart.text(content, "text", most=60), cart.text(content, "currency", most=3)
    language = cart.known_language(cart.text(content, "language", most=10))
    usable_rate(shop, currency)
    try:
        amount = parse_amount(text, currency, language)
    except ValueError as error:
        raise Refusal(
            422, "invalid", f"{error}.", field="text", expected=f"an amount in {currency}", seen=text
        ) from error
    return {"amount": money(plain(amount, currency), currency)}
