"""The ten articles of the shop, priced per currency by hand, tax included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tests.apps.other_shop.trouble import Refusal


@dataclass(frozen=True, slots=True)
class Article:
    """Something on sale: prices of one piece with tax, its tax rate in percent, its weight with wrapping in grams."""

    sku: str
    title: str
    tax_percent: Decimal
    weight_g: int
    prices: Mapping[str, Decimal]
    first_stock: int


def _article(sku: str, title: str, tax: int, weight_g: int, eur: str, chf: str, jpy: int, stock: int) -> Article:
    prices = {"EUR": Decimal(eur), "CHF": Decimal(chf), "JPY": Decimal(jpy)}
    return Article(sku, title, Decimal(tax), weight_g, prices, stock)


ARTICLES: Mapping[str, Article] = {
    article.sku: article
    for article in (
        _article("004711", "Kernseife aus Olivenöl", 19, 220, "4.95", "5.20", 790, 1000),
        _article("004712", "Rasierpinsel, Dachshaar", 19, 140, "39.90", "41.50", 6480, 1000),
        _article("010020", "Gärtnerschürze, gewachst", 19, 760, "64.00", "66.60", 10400, 1000),
        _article("010021", "Handspaten, geschmiedet", 19, 980, "48.50", "49.95", 7900, 1000),
        _article("020300", "Kochbuch »Brot & Salz«", 7, 1120, "29.80", "32.00", 4980, 1000),
        _article("020301", "Wanderkarte Sächsische Schweiz", 7, 90, "11.99", "12.80", 1950, 1000),
        _article("030005", "Waldhonig, 500 g", 7, 830, "9.45", "9.90", 1540, 1000),
        _article("030006", "Früchtetee, 250 g", 7, 310, "7.77", "8.15", 1270, 1000),
        _article("090001", "Einzelstück: Kuckucksuhr", 19, 2900, "419.00", "435.00", 68000, 1),
        _article("W-77X", "Wolldecke aus Merino", 19, 1650, "129.99", "134.00", 21100, 1000),
    )
}


def find_article(sku: str) -> Article:
    """Return the article of that number."""
    if sku not in ARTICLES:
        raise Refusal("UNKNOWN_ARTICLE", f"sku: no article {sku!r}; the query articles lists them", sku=sku)
    return ARTICLES[sku]
