"""What a shop offers and what an ERP knows as listings: currency by currency, whole, each time anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from assay.drift.extracting import ListingRows, Systems
from assay.drift.pairs.sources.landing import Landing
from assay.drift.pairs.sources.options import ListingOptions
from assay.errors import UsageError
from assay.money import Money
from assay.records import Article, Material

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Shop:
    """A shop with two articles, of which one has no price in dinars."""

    asked: list[str] = field(default_factory=list)

    def articles(self, currency: str) -> Sequence[Article]:
        """Return both."""
        self.asked.append(currency)
        mug = Article(
            system="shop", sku="0017", name="Mug", gtin="036000290042", gtin_14="00036000290042", weight_g=340,
            price=Money.of("9.50" if currency == "EUR" else "3.200", currency),
        )  # fmt: skip
        price = Money.of("29.90", "EUR") if currency == "EUR" else None
        return [mug, Article(system="shop", sku="SET-01", price=price, components=(("0017", 2),), gtin="X1")]


class Erp:
    """An ERP with a material that is marked for deletion."""

    def materials(self) -> Sequence[Material]:
        """Return it."""
        return [
            Material(
                system="erp", sku="0017", name="Mug", gtin="0360002900", weight_g=Decimal("340.5"), deleted=True,
                created_on=date(2026, 1, 1), changed_at=NOW,
            )
        ]  # fmt: skip


def landed(connector: object, listing: str, folder: Path, **more: Any) -> list[dict[str, Any]]:
    """Return what was landed of a listing."""
    options = ListingOptions.model_validate({"kind": "listing", "listing": listing, **more})
    systems = Systems(
        connector=lambda system, own: connector,
        landing=lambda own: Landing(folder / "landed"),
        now=lambda: NOW,
        key=lambda own: b"k" * 32,
    )
    found: list[dict[str, Any]] = parquet.read_table(
        ListingRows("system", options, systems, folder).land().folder
    ).to_pylist()
    return found


def test_articles_are_read_currency_by_currency(tmp_path: Path) -> None:
    """Each article is a row for each currency, its price in minor units of what it is shown in, or none."""
    shop = Shop()
    rows = landed(shop, "articles", tmp_path, currencies=["KWD", "EUR", "KWD"])
    assert shop.asked == ["EUR", "KWD"]
    prices = {(each["sku"], each["currency"]): (each["price"], each["price_currency"]) for each in rows}
    assert prices == {
        ("0017", "EUR"): (950, "EUR"),
        ("0017", "KWD"): (3200, "KWD"),
        ("SET-01", "EUR"): (2990, "EUR"),
        ("SET-01", "KWD"): (None, None),
    }
    mug = next(each for each in rows if each["sku"] == "0017")
    assert (mug["gtin"], mug["gtin_14"], mug["gtin_stated"]) == ("036000290042", "00036000290042", "00036000290042")
    assert (mug["weight_g"], mug["bundle"]) == (340, False)
    box = next(each for each in rows if each["sku"] == "SET-01")
    assert (box["bundle"], box["gtin_14"], box["gtin_stated"]) == (True, "X1", None)


def test_other_currencies_are_another_listing(tmp_path: Path) -> None:
    """What was landed for some currencies is not taken for all that are asked for now."""
    shop = Shop()
    landed(shop, "articles", tmp_path, currencies=["EUR"])
    assert len(landed(shop, "articles", tmp_path, currencies=["EUR", "KWD"])) == 4


def test_without_currencies_it_cannot_be_asked(tmp_path: Path) -> None:
    """Which currencies have a price list is not guessed, and a code that is none is refused."""
    with pytest.raises(UsageError, match="currency by currency"):
        landed(Shop(), "articles", tmp_path)
    with pytest.raises(ValueError, match="pattern"):
        landed(Shop(), "articles", tmp_path, currencies=["euro"])


def test_materials_are_read_whole(tmp_path: Path) -> None:
    """A material marked for deletion is a row; what is no trade item number stays as it is written."""
    (row,) = landed(Erp(), "materials", tmp_path)
    assert row == {
        "sku": "0017", "name": "Mug", "gtin": "0360002900", "gtin_14": "0360002900", "weight_g": "340.5",
        "deleted": True, "created_on": date(2026, 1, 1), "changed_at": NOW,
    }  # fmt: skip
