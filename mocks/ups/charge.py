"""What a shipment costs: list price, fuel, options and tax, in whole smallest units of the shipper's currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mocks.ups import place
from mocks.ups.parcel import Parcel
from mocks.ups.refusal import Json
from mocks.ups.service import Service, list_price_cents, relation

_FUEL_PERMILLE = 165
_RESIDENTIAL_CENTS = 395
_DECLARED_FREE = 100  # of the currency's units; above, a hundredth is charged
_VAT_PERCENT = {"FR": 20, "DE": 19, "IT": 22, "ES": 21, "BE": 21, "NL": 21, "AT": 20, "PL": 23, "IE": 23, "PT": 23}


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one parcel or shipment, in smallest units of one currency."""

    currency: str
    base: int
    fuel: int
    residential: int
    options: int
    tax_percent: int = 0

    @property
    def transportation(self) -> int:
        """Base and fuel: what UPS calls the transportation charges."""
        return self.base + self.fuel

    @property
    def total(self) -> int:
        """Everything but tax."""
        return self.transportation + self.residential + self.options

    @property
    def tax(self) -> int:
        """Value added tax on the total, rounded half up."""
        return (self.total * self.tax_percent + 50) // 100

    def reduced(self, percent: int) -> Price:
        """Return the price an account pays that pays `percent` of the list."""
        base, fuel, residential = (part * percent // 100 for part in (self.base, self.fuel, self.residential))
        return replace(self, base=base, fuel=fuel, residential=residential)

    def money(self, amount: int) -> Json:
        """Return an amount as UPS writes it."""
        return {"CurrencyCode": self.currency, "MonetaryValue": written(amount, self.currency)}

    def itemized(self) -> list[Json]:
        """Return the surcharges by UPS's code: 375 fuel, 270 residential address, 400 declared value."""
        parts = [("375", "Fuel Surcharge", self.fuel), ("270", "Residential Surcharge", self.residential)]
        parts.append(("400", "Declared Value", self.options))
        return [{"Code": code, "Description": name, **self.money(amount)} for code, name, amount in parts if amount]

    def taxes(self) -> list[Json]:
        """Return the tax charges, none where none is due."""
        return [{"Type": "VAT", "MonetaryValue": written(self.tax, self.currency)}] if self.tax else []


def written(amount: int, currency: str) -> str:
    """Return smallest units as the decimal text UPS uses: two places, none for currencies without."""
    if currency in place.ZERO_DECIMAL:
        return str(amount)
    return f"{amount // 100}.{amount % 100:02d}"


def parcel_price(service: Service, parcel: Parcel, way: tuple[str, str], biller: str, *, residential: bool) -> Price:
    """Return the list price of one parcel from one country to another, in the currency of the shipper's, `biller`."""
    currency = place.currency_of(biller)
    level = place.PRICE_LEVEL_PERCENT[currency]
    base = list_price_cents(service, relation(*way), parcel.billed_half_kg) * level // 100
    smallest = 1 if currency in place.ZERO_DECIMAL else 100
    above = max(int(parcel.declared_value) - _DECLARED_FREE, 0)
    return Price(
        currency=currency,
        base=base,
        fuel=base * _FUEL_PERMILLE // 1_000,
        residential=_RESIDENTIAL_CENTS * level // 100 if residential else 0,
        options=above * smallest // 100,
    )


def total_price(prices: Sequence[Price], origin: str, destination: str) -> Price:
    """Return the sum of a shipment's parcels; tax is due within one country of the European Union."""
    return Price(
        currency=prices[0].currency,
        base=sum(price.base for price in prices),
        fuel=sum(price.fuel for price in prices),
        residential=sum(price.residential for price in prices),
        options=sum(price.options for price in prices),
        tax_percent=_VAT_PERCENT.get(origin, 0) if origin == destination else 0,
    )


def negotiated_percent(settings: Mapping[str, Any], shipment: Json) -> int | None:
    """Return what the account pays of the list, if it has a contract and the request asks for its rates."""
    options = shipment.get("ShipmentRatingOptions")
    asked = isinstance(options, dict) and "NegotiatedRatesIndicator" in options
    percent = settings.get("negotiated_percent")
    return int(percent) if asked and percent is not None else None
