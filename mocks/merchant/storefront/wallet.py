"""What a phone's wallet is asked to show before it pays: a payment request as Apple Pay on the Web takes it.

https://developer.apple.com/documentation/applepayontheweb/applepaypaymentrequest, read in 2026-11.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mocks.merchant.policy.format import wallet_amount
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.cart import cart_quote, load_cart


def payment_request(shop: Shop, cart_id: str) -> dict[str, Any]:
    """Return the wallet's sheet for a cart: currency, country, what it is for, and the total."""
    _, cart = load_cart(shop.database.read(), cart_id)
    quote = cart_quote(shop, cart)
    body, currency = quote.body, quote.currency
    decimals = int(shop.settings["currency_decimals"].get(currency, 0))

    def item(label: str, amount: str) -> dict[str, str]:
        return {"label": label, "type": "final", "amount": wallet_amount(Decimal(amount), currency, decimals)}

    items = [item(line["name"], line["gross"]) for line in body["lines"]]
    items.append(item(body["shipping"]["name"], body["shipping"]["total"]))
    if Decimal(body["discount"]):
        items.append(item("Discount", f"-{body['discount']}"))
    if not body["tax_included"]:
        items.append(item("Tax", body["tax"]))
    if Decimal(body["rounding"]):
        items.append(item("Rounding", body["rounding"]))
    return {
        "countryCode": (cart["address"] or {}).get("country") or shop.settings["home_country"],
        "currencyCode": currency,
        "merchantCapabilities": ["supports3DS"],
        "supportedNetworks": ["visa", "masterCard"],
        "lineItems": items,
        "total": item("Assay Reference Shop", body["total"]),
    }
