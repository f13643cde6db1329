"""Innocent variations of what is charged: prices of a list, gateways' own decimals and steps."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from assay.flow import Case, Run
from assay.money import Money
from assay.records import Order
from assay.roles import Erp, Payments, Rates, ShopRefused, Storefront
from scenarios.buying import ADYEN, PAYPAL, STRIPE, Gateways, is_captured, note_offers, pay, payments_of
from scenarios.f01_steps import fill_cart
from scenarios.innocent_steps import Innocent, buy, see_booked, see_labelled

_FAR = Decimal("0.5")

INN_03 = Innocent(
    id="inn-03",
    title="Prices ending .99 per currency list, not equal to base * rate",
    acts="a customer buys in USD what has a price of its own there",
    visible="the price ends in .99 and is no conversion at the day's rate",
)
INN_04 = Innocent(
    id="inn-04",
    title="ISK 1,000 sent as 100000 to a gateway that counts two decimals",
    acts="customers buy in ISK by card, at Stripe and at Adyen",
    visible="the gateway holds a hundred times the number of the order",
)
INN_05 = Innocent(
    id="inn-05",
    title="KWD 5.124 charged 5.120 at a gateway that takes steps of 0.010",
    acts="a customer buys in KWD what does not come to a multiple of 0.010",
    visible="the charge is a multiple of 0.010 KWD, and the difference a rounding of the order's own",
)
INN_06 = Innocent(
    id="inn-06",
    title="HUF 1,234 sent without decimals to PayPal",
    acts="a customer buys in HUF at PayPal",
    visible="PayPal counts whole forints, ISO 4217 hundredths of them",
)


def _at(case: Case, gateway: str) -> Case:
    """Return the case, paid at a gateway."""
    purchase = case.purchase
    return replace(case, purchase=replace(purchase, extra={**purchase.extra, "gateway": gateway}))


@INN_03.flow(INN_03.case("usd", "USD", ("C-302", 1), to="US"), tags=["money", "rates"])
def price_list(run: Run, shop: Storefront, payments: Payments, erp: Erp, rates: Rates) -> None:
    """Buy at a price that nobody converted."""
    ref = buy(run, shop, payments)
    see_booked(run, shop, erp, ref)
    with run.step("the price is one of a list"):
        price = shop.order(ref).lines[0].unit_price
        base = shop.article("C-302", "EUR").price
        rate = next(each.value for each in rates.latest() if each.quote == "USD")
        run.check(price is not None and f"{price.amount}".endswith(".99"), f"{price} ends in .99")
        run.check(price and base and abs(price.amount - base.amount * rate) > _FAR, f"{price} is not {base} at {rate}")
    see_labelled(run, shop, ref)


@INN_04.flow(
    _at(INN_04.case("isk", "ISK", ("D-402", 3), to="IS"), STRIPE),
    _at(INN_04.case("isk_adyen", "ISK", ("D-405", 2), to="IS"), ADYEN),
    tags=["money", "payment", "erp"],
)
def two_decimals_more(run: Run, shop: Storefront, gateways: Gateways, erp: Erp) -> None:
    """Buy in krónur at a gateway with decimals of its own."""
    order = _bought(run, shop, gateways, erp)
    with run.step("the gateway counts hundredths"):
        held = _only_amount(run, order, gateways)
        run.check(held == order.total.amount * 100, f"{held} for {order.total}")
    see_labelled(run, shop, order.ref)


@INN_05.flow(
    _at(
        INN_05.case("kwd", "KWD", ("F-603", 1), to="KW", coupon="WELCOME10", standard_delivery=True),
        STRIPE,
    ),
    tags=["money", "payment", "erp"],
)
def steps_of_ten(run: Run, shop: Storefront, gateways: Gateways, erp: Erp) -> None:
    """Buy in dinars what does not fit the gateway's step."""
    order = _bought(run, shop, gateways, erp)
    with run.step("the charge fits the gateway's step"):
        held = _only_amount(run, order, gateways)
        run.check(held % 10 == 0, f"{held} thousandths of a dinar are a multiple of ten")
        run.check(order.rounding is not None and order.rounding != Money.of(0, "KWD"), "the order says what it rounded")
    see_labelled(run, shop, order.ref)


@INN_06.flow(_at(INN_06.case("huf", "HUF", ("E-502", 1)), PAYPAL), tags=["money", "payment", "erp"])
def whole_forints(run: Run, shop: Storefront, gateways: Gateways, erp: Erp) -> None:
    """Buy in forints at a gateway that takes no decimals of them."""
    order = _bought(run, shop, gateways, erp)
    with run.step("PayPal counts whole forints"):
        held = _only_amount(run, order, gateways)
        run.check(held == order.total.amount and held * 100 == order.total.minor, f"{held} for {order.total}")
    see_labelled(run, shop, order.ref)


def _bought(run: Run, shop: Storefront, gateways: Gateways, erp: Erp) -> Order:
    cart = fill_cart(run, shop, run.case.purchase)
    with run.step("see how it can be paid"):
        note_offers(run, shop, cart)
    with run.step("pay and order"):
        ref = pay(run, shop, gateways, cart)
    with run.step("the gateway captured the payment"):
        run.eventually(lambda: is_captured(run, shop.order(ref), gateways), within="payments")
    see_booked(run, shop, erp, ref)
    return shop.order(ref)


def _only_amount(run: Run, order: Order, gateways: Gateways) -> int:
    """Return the minor units of the only payment gateways hold of an order."""
    held = payments_of(run, order, gateways)
    if len(held) != 1:
        raise ShopRefused(f"expected one payment of order {order.number}, seen {len(held)}")
    return held[0].amount.minor


TABLE = (INN_03, INN_04, INN_05, INN_06)
FLOWS = (price_list, two_decimals_more, steps_of_ten, whole_forints)
