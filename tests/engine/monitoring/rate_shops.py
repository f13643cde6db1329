"""Shops and publishers of exchange rates for the check `rates`, and the check run over them."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from assay.dossier import Gatherer, judging_of
from assay.drift import load_checks
from assay.drift.checks import check_named
from assay.drift.look import Look
from assay.landscape import Landscape
from assay.money import Money
from assay.profile import Profile, load_profile
from assay.records import Article, Rate
from assay.roles import ShopRefused

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Publisher:
    """A publisher of these rates."""

    rates: Sequence[Rate]

    def latest(self) -> Sequence[Rate]:
        """Return all."""
        return self.rates

    def history(self, since: date) -> list[Rate]:
        """Return those since then."""
        return [each for each in self.rates if each.as_of >= since]


@dataclass
class Prices:
    """A shop that converts at these rates, half up to the smallest step."""

    used: dict[str, Decimal]
    base: dict[str, str] = field(default_factory=lambda: {"P-1": "129.00", "P-2": "7.49"})

    def articles(self, currency: str) -> list[Article]:
        """Return the catalogue."""
        return [self.article(sku, currency) for sku in self.base]

    def article(self, sku: str, currency: str) -> Article:
        """Return an article with its price."""
        own = Decimal(self.base[sku])
        if currency == "EUR":
            return Article(system="merchant", sku=sku, price=Money.of(own, "EUR"))
        if currency not in self.used:
            raise ShopRefused(f"the shop does not sell in {currency}")
        places = Decimal(1) if currency == "JPY" else Decimal("0.01")
        price = (own * self.used[currency]).quantize(places, rounding="ROUND_HALF_UP")
        return Article(system="merchant", sku=sku, price=Money.of(price, currency))


@dataclass
class Chain(Prices):
    """A shop with several stores, each with a table of its own; prices are read from the first."""

    tables: Mapping[str, Sequence[Rate]] = field(default_factory=dict)

    def stores(self) -> list[str]:
        """Return their names."""
        return list(self.tables)

    def store_rates(self, store: str) -> Sequence[Rate]:
        """Return one store's table."""
        return self.tables[store]

    def open_cart_in(self, store: str, currency: str) -> str:
        """Nobody buys here."""
        raise ShopRefused("closed")


@functools.cache
def _profile() -> Profile:
    load_checks()
    return load_profile(ROOT / "assay.toml")


def look_at(
    used: Mapping[str, Decimal],
    *,
    now: datetime,
    published: Sequence[Rate],
    tables: Mapping[str, Sequence[Rate]] | None = None,
    **options: Any,
) -> Look:
    """Run the check over a shop that prices at these rates. tables: of its stores, where it shows any."""
    profile = _profile()
    shop = Prices(dict(used)) if tables is None else Chain(dict(used), tables=tables)
    landscape = Landscape("local", profile.environment("local"), {"merchant": shop, "ecb": Publisher(published)}, {})
    check = check_named("rates")
    with Gatherer(landscape, read_at=now) as gatherer:
        look = Look(
            environment="local",
            landscape=landscape,
            gatherer=gatherer,
            judging=judging_of(profile.policies),
            now=lambda: now,
            deadline=time.monotonic() + 60,
            options={**check.options, "currencies": list(used), **options},
            pause=lambda _: None,
        )
        check.act(look)
    return look
