"""Prices and quotes: what a cart costs in one currency, line by line, with the rate that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mocks.merchant.errors import Refusal
from mocks.merchant.hub.exchange import base_rate, current_rate, is_fresh, store_of
from mocks.merchant.policy.composition import Taxed, payable, taxes
from mocks.merchant.policy.money import charge_step, plain, quantum
from mocks.merchant.policy.rates import Rate, convert, rate_label
from mocks.merchant.policy.rounding import allocate, round_line, round_total
from mocks.merchant.policy.tax import tax_code, tax_rate, tax_treatment
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.assortment import shown_name
from mocks.merchant.storefront.catalogue import Product
from mocks.merchant.storefront.price_list import price_at


@dataclass(frozen=True, slots=True)
class Quote:
    """A priced cart, frozen: JSON-ready, every amount a decimal string in `currency`."""

    currency: str
    body: dict[str, Any]

    @property
    def total(self) -> Decimal:
        """What is to be paid."""
        return Decimal(self.body["total"])


@seam("pricing and promotions")
def unit_price(
    price: Decimal, listed: Decimal | None, currency: str, base: str, rate: Rate, markup: Decimal, mode: str
) -> Decimal:
    """Return the price of one unit: the manual list's where it has one, else the base price converted once."""
    if currency == base:
        return price
    if listed is not None:
        return listed
    return round_line(convert(price, rate.rate) * (1 + markup), currency, mode)


@seam("pricing and promotions")
def guarded_price(price: Decimal, cost: Decimal, floor: Decimal) -> Decimal:
    """Return a price of the base currency that leaves the margin: never below the cost and `floor` times it."""
    return max(price, cost * (1 + floor))


@seam("pricing and promotions")
def charged_unit_price(amount: Decimal, currency: str) -> Decimal:
    """Return the unit price a cart uses for the price of the product page."""
    return amount


@seam("pricing and promotions")
def benefit_in(amount: Decimal, currency: str, rate: Rate, mode: str) -> Decimal:
    """Return a fixed discount or threshold of the base currency in the order's currency."""
    return round_line(convert(amount, rate.rate), currency, mode)


@seam("pricing and promotions")
def coupon_discount(coupon: Mapping[str, Any], goods: Decimal, currency: str, rate: Rate, mode: str) -> Decimal:
    """Return what a coupon takes off the goods, never more than they cost and nothing below its threshold."""
    if coupon.get("from") and goods < _benefit(coupon, "from", currency, rate, mode):
        return Decimal(0)
    if coupon["kind"] == "percent":
        return round_line(goods * Decimal(coupon["value"]) / 100, currency, mode)
    return min(goods, _benefit(coupon, "value", currency, rate, mode))


def coupon_is_offered(shop: Shop, coupon: Mapping[str, Any], currency: str) -> bool:
    """Say whether a coupon is worth something in a currency: one priced by hand needs values of its own."""
    if currency not in shop.settings["price_list_currencies"]:
        return True
    needed = [name for name in ("from", "value") if coupon.get(name) and (name, coupon["kind"]) != ("value", "percent")]
    return all(currency in coupon.get(f"{name}s", {}) for name in needed)


def _benefit(coupon: Mapping[str, Any], name: str, currency: str, rate: Rate, mode: str) -> Decimal:
    """Return a coupon's value or threshold in a currency: its own there, else the base currency's converted."""
    own = coupon.get(f"{name}s", {}).get(currency)
    return benefit_in(Decimal(coupon[name]), currency, rate, mode) if own is None else Decimal(own)


@seam("pricing and promotions")
def free_shipping(goods: Decimal, threshold: Decimal, currency: str, rate: Rate, mode: str) -> bool:
    """Say whether goods of that worth ship free; the threshold is in the base currency."""
    return goods >= benefit_in(threshold, currency, rate, mode)


@seam("pricing and promotions")
def shipping_price(cost: Decimal, currency: str, rate: Rate, mode: str) -> Decimal:
    """Return a shipping cost of the base currency in the order's currency, converted once."""
    return round_line(convert(cost, rate.rate), currency, mode)


@seam("rounding")
def line_gross(unit: Decimal, quantity: int, currency: str, mode: str) -> Decimal:
    """Return what a line costs before discounts."""
    return round_line(unit * quantity, currency, mode)


def usable_rate(shop: Shop, currency: str, store: str | None = None) -> Rate:
    """Return a store's rate for a sold currency. Raises `Refusal` for one not sold or with no fresh rate."""
    name = store_of(shop, store)
    if currency not in shop.settings["currencies"]:
        raise Refusal(422, "unknown_currency", f"{currency} is not sold here.", known=shop.settings["currencies"])
    if currency in shop.settings["price_list_currencies"]:
        return Rate(currency, Decimal(0), shop.now_iso()[:10], "price list")
    rate = current_rate(shop, currency, name)
    if not is_fresh(shop, rate):
        pair = f"{shop.catalogue.base_currency}/{currency}"
        told = f"The exchange rate {pair} by {rate.source} is of {rate.date}; try later."
        raise Refusal(503, "rate_too_old", told, pair=pair, source=rate.source, date=rate.date)
    return rate


def price_of(shop: Shop, product: Product, currency: str, store: str | None = None) -> Decimal:
    """Return the price of one unit in the currency, with tax where the shop's prices hold it."""
    rate = usable_rate(shop, currency, store)
    base = shop.catalogue.base_currency
    listed = listed_price(shop, product, currency)
    if rate.source == "price list" and listed is None:
        raise Refusal(422, "no_price", f"'{product.sku}' has no price in {currency}.", sku=product.sku)
    settings = shop.settings
    own = listed_price(shop, product, base)
    guarded = guarded_price(product.price if own is None else own, product.cost, Decimal(settings["margin_floor"]))
    price = round_line(guarded, base, settings["rounding_mode"])
    markup = Decimal(settings["price_markup_by_store"].get(store_of(shop, store), settings["price_markup"]))
    return unit_price(price, listed, currency, base, rate, markup, settings["rounding_mode"])


def listed_price(shop: Shop, product: Product, currency: str) -> Decimal | None:
    """Return the price written down for a currency: the price list's that is valid now, else the catalogue's."""
    rows = shop.price_list.rows.get((product.sku, currency))
    dated = price_at(rows, shop.now()) if rows else None
    return product.prices.get(currency) if dated is None else dated


def total_step(shop: Shop, currency: str) -> Decimal:
    """Return the step totals are rounded to: declared cash rounding, or what the gateways offered can charge."""
    declared = shop.settings["cash_rounding"].get(currency)
    return max(Decimal(declared or 0), charge_step(shop.settings, currency), quantum(currency))


def base_worth(shop: Shop, amount: Decimal, rate: Rate, store: str | None) -> Decimal | None:
    """Return an amount in the base currency at the rate it was priced with; None in a currency priced by hand.

    Raises `Refusal` where the pair has no way back: such an order could be neither booked nor given back.
    """
    if rate.source == "price list":
        return None
    base_rate(shop, rate.currency, store)
    return round_line(amount / rate.rate, shop.catalogue.base_currency, "half_up")


def quote_cart(
    shop: Shop, cart: Mapping[str, Any], coupon: Mapping[str, Any] | None, *, for_checkout: bool = True
) -> Quote:
    """Return what a cart costs now: lines, discounts, shipping, tax, rounding line, total, rate used.

    What is to be ordered is also worth something in the base currency; a cart that is looked at is not, yet.
    """
    currency, store = cart["currency"], cart.get("store")
    rate = usable_rate(shop, currency, store)
    mode = shop.settings["rounding_mode"]
    country = (cart.get("address") or {}).get("country") or shop.settings["home_country"]
    treatment = tax_treatment(country, (cart.get("customer") or {}).get("vat_id"), shop.settings["home_country"])
    lines = [_line(shop, entry, cart, mode, country, treatment) for entry in cart["lines"]]
    goods = sum((Decimal(line["gross"]) for line in lines), Decimal(0))
    discount = coupon_discount(coupon, goods, currency, rate, mode) if coupon else Decimal(0)
    shares = allocate(discount, [Decimal(line["gross"]) for line in lines], quantum(currency))
    for line, share in zip(lines, shares, strict=True):
        line["discount"] = plain(share, currency)
        line["total"] = plain(Decimal(line["gross"]) - share, currency)
    shipping = _shipping(shop, cart, goods - discount, rate, country, treatment)
    tax = _tax(shop, lines, shipping, currency)
    included = shop.settings["tax_included"]
    paid = sum((payable(line, included) for line in lines), payable(shipping, included))
    total = round_total(paid, currency, total_step(shop, currency), mode)
    body = {
        "currency": currency,
        "lines": lines,
        "goods": plain(goods, currency),
        "discount": plain(discount, currency),
        "coupon": coupon["code"] if coupon else None,
        "shipping": shipping,
        "tax": plain(tax, currency),
        "tax_included": included,
        "tax_treatment": treatment,
        "rounding": plain(total - paid, currency),
        "total": plain(total, currency),
        "rate": _disclosed(shop, rate, currency),
        "store": store_of(shop, store),
    }
    if for_checkout:
        worth = base_worth(shop, total, rate, store)
        body["base_total"] = None if worth is None else plain(worth, shop.catalogue.base_currency)
    return Quote(currency, body)


def _line(
    shop: Shop, entry: Mapping[str, Any], cart: Mapping[str, Any], mode: str, country: str, treatment: str
) -> dict[str, Any]:
    product, currency = shop.catalogue.product(entry["sku"]), cart["currency"]
    unit = charged_unit_price(price_of(shop, product, currency, cart.get("store")), currency)
    percent = tax_rate(country, product.tax_class, treatment)
    return {
        "id": entry["id"],
        "sku": product.sku,
        "name": shown_name(shop, product),
        "quantity": entry["quantity"],
        "unit_price": plain(unit, currency),
        "gross": plain(line_gross(unit, entry["quantity"], currency, mode), currency),
        "tax_class": product.tax_class,
        "tax_rate": f"{percent:f}",
        "tax_code": tax_code(percent, product.tax_class, treatment),
    }


def _tax(shop: Shop, lines: list[dict[str, Any]], shipping: dict[str, Any], currency: str) -> Decimal:
    """Write the tax of each line and of shipping under the declared policy, and return the sum."""
    items = [
        Taxed(Decimal(line["unit_price"]), line["quantity"], Decimal(line["discount"]), Decimal(line["tax_rate"]))
        for line in lines
    ]
    items.append(Taxed(Decimal(shipping["total"]), 1, Decimal(0), Decimal(shipping["tax_rate"])))
    settings = shop.settings
    amounts = taxes(items, settings["tax_included"], settings["rounding_level"], currency, settings["rounding_mode"])
    for entry, amount in zip((*lines, shipping), amounts, strict=True):
        entry["tax"] = plain(amount, currency)
    return sum(amounts, Decimal(0))


def _shipping(
    shop: Shop, cart: Mapping[str, Any], goods: Decimal, rate: Rate, country: str, treatment: str
) -> dict[str, Any]:
    currency = cart["currency"]
    chosen = cart.get("shipping")
    amount = Decimal(chosen["amount"]) if chosen else table_shipping(shop, country, currency, rate)
    from_table = chosen is None or chosen["source"] == "table"
    is_free = from_table and _ships_free(shop, goods, currency, rate)
    total = Decimal(0) if is_free or not cart["lines"] else amount
    percent = tax_rate(country, "standard", treatment)
    return {
        "service": chosen["id"] if chosen else "table",
        "name": chosen["name"] if chosen else "Standard delivery",
        "total": plain(total, currency),
        "tax_rate": f"{percent:f}",
        "tax_code": tax_code(percent, "standard", treatment),
    }


def _ships_free(shop: Shop, goods: Decimal, currency: str, rate: Rate) -> bool:
    own = shop.settings["free_shipping_by_currency"].get(currency)
    if own is not None:
        return goods >= Decimal(own)
    threshold = shop.settings["free_shipping_from"]
    if not threshold or rate.source == "price list":
        return False
    return free_shipping(goods, Decimal(threshold), currency, rate, shop.settings["rounding_mode"])


def table_shipping(shop: Shop, country: str, currency: str, rate: Rate) -> Decimal:
    """Return the shipping price of the shop's own table, the fall-back of the carrier's rates."""
    manual = shop.settings["shipping_table_manual"].get(currency)
    if manual is not None:
        return Decimal(manual)
    zone = country if country in shop.settings["shipping_table"] else ("EU" if _is_eu(country) else "WORLD")
    return shipping_price(
        Decimal(shop.settings["shipping_table"][zone]), currency, rate, shop.settings["rounding_mode"]
    )


def _is_eu(country: str) -> bool:
    return tax_treatment(country, None, "") != "export"


def _disclosed(shop: Shop, rate: Rate, currency: str) -> dict[str, Any]:
    base = shop.catalogue.base_currency
    if rate.source == "price list":
        return {
            "base": base,
            "currency": currency,
            "rate": None,
            "date": rate.date,
            "source": rate.source,
            "label": None,
        }
    label = rate_label(currency, base, rate.rate)
    return {
        "base": base,
        "currency": currency,
        "rate": f"{rate.rate:f}",
        "date": rate.date,
        "source": rate.source,
        "label": label,
    }
