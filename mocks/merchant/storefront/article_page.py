"""Pages of articles: what is shown of a product in a currency and language, kept for a time as shops keep pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mocks.merchant import seams
from mocks.merchant.database import pack, unpack
from mocks.merchant.errors import Refusal
from mocks.merchant.ids import digest
from mocks.merchant.policy.format import api_amount, format_amount
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.assortment import offered, shown_name
from mocks.merchant.storefront.catalogue import Product, gtin_14, unit_weight_g
from mocks.merchant.storefront.order import money
from mocks.merchant.storefront.pricing import listed_price, price_of, usable_rate


@seam("pricing and promotions")
def cache_key(sku: str, currency: str, language: str, store: str) -> str:
    """Return the key under which a page is kept: everything it is made of that a visitor chooses."""
    return f"{store}/{currency}/{language}/{sku}"


@seam("pricing and promotions")
def displayed_price(sku: str, amount: Decimal, currency: str) -> tuple[Decimal, str]:
    """Return the price and currency a product page shows for what the cart would charge."""
    return amount, currency


def article_page(shop: Shop, sku: str, currency: str, language: str, store: str) -> dict[str, Any]:
    """Return an article's page, the one kept where it is still good. Raises `Refusal` as pricing does."""
    product = offered(shop, sku)
    usable_rate(shop, currency, store)
    key, now = cache_key(sku, currency, language, store), shop.now_iso()
    version = _version(shop, product, store)
    kept = shop.database.one("SELECT * FROM pages WHERE key = ?", key)
    if kept is not None and kept["version"] == version and kept["until"] > now:
        page: dict[str, Any] = unpack(kept["body"])
        return page
    page = product_view(shop, product, currency, language, store)
    with shop.database.write() as connection:
        until = shop.later_iso(shop.settings["page_cache_s"])
        connection.execute("INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?)", (key, version, until, pack(page)))
    return page


def product_view(
    shop: Shop, product: Product, currency: str, language: str = "en", store: str | None = None
) -> dict[str, Any]:
    """Return what is shown of a product, its price as an amount and as text; no price where there is none."""
    usable_rate(shop, currency, store)
    price: dict[str, str] | None
    try:
        shown, code = displayed_price(product.sku, price_of(shop, product, currency, store), currency)
        price = money(api_amount(f"{shown:f}", code), code)
        price_text: str | None = format_amount(f"{shown:f}", code, language)
    except Refusal as refusal:
        if refusal.code != "no_price":
            raise
        price = price_text = None
    return {
        "sku": product.sku,
        "name": shown_name(shop, product),
        "gtin": product.gtin,
        "gtin_14": gtin_14(product.gtin),
        "price": price,
        "price_text": price_text,
        "tax_included": shop.settings["tax_included"],
        "tax_class": product.tax_class,
        "weight_g": unit_weight_g(shop.catalogue, product),
        "size_cm": list(product.size_cm),
        "hs_code": product.hs_code,
        "origin": product.origin,
        "backorder": product.backorder,
        "bundle": [{"sku": sku, "quantity": quantity} for sku, quantity in product.bundle],
    }


def _version(shop: Shop, product: Product, store: str) -> str:
    """Return what pages depend on beside their key: rates, dated prices, the name, settings, which defects are on."""
    newest = shop.database.one("SELECT MAX(fetched_at) AS at, MAX(date) AS day FROM rates WHERE store = ?", store)
    made_of = [newest["at"], newest["day"]] if newest else []
    listed = [
        f"{listed_price(shop, product, currency)}" for sku, currency in shop.price_list.rows if sku == product.sku
    ]
    made_of += [*listed, shown_name(shop, product)]
    return digest(pack([made_of, dict(shop.settings), seams.replaced()]))[:16]
