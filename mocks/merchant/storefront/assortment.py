"""What of the catalogue is on sale, and under which name: as the ERP told it last."""

from __future__ import annotations

from collections.abc import Iterable

from mocks.merchant.errors import Refusal
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.catalogue import Product, components


def on_sale(shop: Shop) -> list[Product]:
    """Return the products that are on sale, in the catalogue's order."""
    off = _off_sale(shop)
    return [product for product in shop.catalogue.products.values() if not off & _parts(product)]


def refuse_off_sale(shop: Shop, skus: Iterable[str]) -> None:
    """Raise `Refusal` 422 for the first of these articles that is sold no more."""
    off = _off_sale(shop)
    for sku in skus:
        if off and off & _parts(shop.catalogue.product(sku)):
            raise Refusal(422, "off_sale", f"'{sku}' is not sold any more.", sku=sku)


def offered(shop: Shop, sku: str) -> Product:
    """Return a product that is on sale. Raises `Refusal` 404 for one that is unknown or sold no more."""
    product = shop.catalogue.product(sku)
    if _off_sale(shop) & _parts(product):
        raise Refusal(404, "unknown_product", f"'{sku}' is not sold any more.", sku=sku)
    return product


def shown_name(shop: Shop, product: Product) -> str:
    """Return what a product is called: as the ERP renamed it, else as in the catalogue."""
    row = shop.database.one("SELECT name FROM materials WHERE sku = ? AND name IS NOT NULL", product.sku)
    return str(row["name"]) if row else product.name


def _off_sale(shop: Shop) -> set[str]:
    return {row["sku"] for row in shop.database.all("SELECT sku FROM materials WHERE on_sale = 0")}


def _parts(product: Product) -> set[str]:
    """Return a product's SKU and those of which it is made: a set is sold as long as all of them are."""
    return {product.sku, *components(product, 1)}
