"""The catalogue: what is sold, read once from a file; identifiers are text and stay as they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from mocks.merchant.errors import Refusal
from mocks.merchant.seams import seam

SOURCE = Path(__file__).parents[1] / "catalogue.json"


@dataclass(frozen=True, slots=True)
class Product:
    """One thing sold. `price` and `cost` are in the base currency; `prices` is a manual list of others."""

    sku: str
    name: str
    gtin: str
    tax_class: str
    weight_g: int
    size_cm: tuple[int, int, int]
    price: Decimal
    cost: Decimal
    prices: Mapping[str, Decimal]
    stock: int
    plant: str
    hs_code: str
    origin: str
    backorder: bool
    bundle: tuple[tuple[str, int], ...]


class Catalogue:
    """Every product by SKU, in the order of the file."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.base_currency: str = content["base_currency"]
        self.products = {entry["sku"]: _product(entry) for entry in content["products"]}
        self.coupons: Sequence[Mapping[str, Any]] = content["coupons"]
        self.gift_cards: Sequence[Mapping[str, Any]] = content["gift_cards"]

    @classmethod
    def load(cls, path: Path = SOURCE) -> Catalogue:
        """Return the catalogue of a file."""
        return cls(orjson.loads(path.read_bytes()))

    def product(self, sku: str) -> Product:
        """Return a product. Raises `Refusal` 404 for an unknown SKU."""
        found = self.products.get(sku)
        if found is None:
            raise Refusal(404, "unknown_product", f"There is no product with SKU '{sku}'.", sku=sku)
        return found


@seam("stock and bundles")
def components(product: Product, quantity: int) -> dict[str, int]:
    """Return what leaves the shelf for that many of a product: its components for a bundle, else itself."""
    if not product.bundle:
        return {product.sku: quantity}
    needed: dict[str, int] = {}
    for sku, each in product.bundle:
        needed[sku] = needed.get(sku, 0) + each * quantity
    return needed


@seam("shipping and labels")
def unit_weight_g(catalogue: Catalogue, product: Product) -> int:
    """Return the weight of one unit in grams; a bundle weighs what its components weigh."""
    if not product.bundle:
        return product.weight_g
    return sum(unit_weight_g(catalogue, catalogue.product(sku)) * each for sku, each in product.bundle)


@seam("formatting and parsing")
def gtin_14(gtin: str) -> str:
    """Return a GTIN of 8, 12, 13 or 14 digits in its one 14-digit form."""
    return gtin.zfill(14)


def _product(entry: Mapping[str, Any]) -> Product:
    length, width, height = entry["size_cm"]
    return Product(
        sku=entry["sku"],
        name=entry["name"],
        gtin=entry["gtin"],
        tax_class=entry["tax_class"],
        weight_g=entry["weight_g"],
        size_cm=(length, width, height),
        price=Decimal(entry["price"]),
        cost=Decimal(entry["cost"]),
        prices={currency: Decimal(value) for currency, value in entry["prices"].items()},
        stock=entry["stock"],
        plant=entry["plant"],
        hs_code=entry["hs_code"],
        origin=entry["origin"],
        backorder=bool(entry.get("backorder")),
        bundle=tuple((part["sku"], part["quantity"]) for part in entry.get("bundle", ())),
    )
