"""F02: a purchase in the customer's own currency, from the first price they read to the ledger, through each gateway.

`boundary` is a flow of its own, because it makes a gift card, which nobody can take back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

from assay.flow import Run, flow
from assay.money import Money
from assay.roles import BackOffice, CountsStock, Erp, ShopRefused, Storefront
from scenarios.buying import (
    Gateways,
    note_offers,
    note_wallet,
    pay,
    read_prices,
    read_total,
    see_captured,
)
from scenarios.f01_steps import adopt_all, fill_cart, orders_before, see_each
from scenarios.f02_cases import BOUNDARIES, CASES, SETTINGS

_SYNC = timedelta(minutes=65)
_PLANTS = {"G": "1020", "H": "1020"}
_MANY = 100


@flow(
    id="F02",
    title="Multi-currency checkout",
    cases=CASES,
    tags=["order", "money", "payment", "erp", "rates", "checkout", "coupon"],
    reversible=True,
    production_cut="the ERP holds the order",
)
def multi_currency(run: Run, shop: Storefront, gateways: Gateways, erp: Erp) -> None:
    """Read prices as text and as amounts, pay at the case's gateway, and see the order booked."""
    wanted = run.case.purchase
    began, before = run.surroundings.now(), orders_before(run, shop)
    run.cancel_asked = False
    _have_enough(run, shop)
    with _configured(run):
        with run.step("read the prices"):
            read_prices(run, shop)
        cart = fill_cart(run, shop, wanted)
        with run.step("see how it can be paid"):
            _see_ways_to_pay(run, shop, cart)
        with run.step("pay and order"):
            pay(run, shop, gateways, cart)
        with run.step("the shop holds the order"):
            refs = adopt_all(run, shop, began, before)
            run.check(len(refs) == 1, f"one order in the customer's name, not {len(refs)}")
            for ref in refs:
                run.saw("account", shop.order(ref).total, order=ref)
    see_captured(run, shop, gateways, *refs)
    with run.step("the ERP holds the order"):
        see_each(run, refs, lambda ref: erp.documents_of(shop.order(ref).number), within="erp")


@flow(
    id="F02-boundary",
    title="A charge of 999 and of 1,000 where there are no decimals",
    cases=BOUNDARIES,
    tags=["order", "money", "payment", "checkout"],
)
def boundary(run: Run, shop: Storefront, gateways: Gateways, erp: Erp) -> None:
    """Pay with a gift card that leaves the gateway exactly so much to charge."""
    wanted = run.case.purchase
    run.cancel_asked = False
    cart = fill_cart(run, shop, wanted)
    with run.step("be given a gift card for all but the rest"):
        rest = Money.of(Decimal(wanted.extra["rest"]), wanted.currency)
        if not isinstance(shop, BackOffice):
            raise ShopRefused("the shop's connector makes no gift cards (BackOffice)")
        code = shop.issue_gift_card(shop.basket(cart).total - rest)
    with run.step("pay and order"):
        ref = pay(run, shop, gateways, cart, gift_card=code)
    with run.step("the gateway's part is the rest"):
        charged = [each.amount for each in shop.order(ref).tenders if each.gateway in gateways]
        run.check(charged == [rest], f"{rest} at the gateway, not {', '.join(map(str, charged)) or 'nothing'}")
    see_captured(run, shop, gateways, ref)
    with run.step("the ERP holds the order"):
        see_each(run, [ref], lambda ref: erp.documents_of(shop.order(ref).number), within="erp")


def _see_ways_to_pay(run: Run, shop: Storefront, cart: str) -> None:
    wanted = run.case.purchase
    options = note_offers(run, shop, cart)
    if options:
        names = {option.gateway for option in options}
        run.check(wanted.extra["gateway"] in names, f"{wanted.currency} may be paid at {wanted.extra['gateway']}")
    note_wallet(run, shop, cart)
    read_total(run, shop, cart)


@contextmanager
def _configured(run: Run) -> Iterator[None]:
    """Run the block in a shop configured as the case says."""
    name = run.case.purchase.extra.get("shop")
    if name is None:
        yield
        return
    with run.configured("merchant", **SETTINGS[name]):
        yield


def _have_enough(run: Run, shop: Storefront) -> None:
    """Have goods received where a company wants more than is left, in a landscape of our own."""
    for sku, quantity in run.case.purchase.lines:
        if quantity < _MANY or run.operator is None or not isinstance(shop, CountsStock):
            continue
        if shop.stock_count(sku, run.surroundings.now()).sellable < quantity:
            receipt = {
                "id": run.case.purchase.email,
                "product": sku,
                "plant": _PLANTS.get(sku[0], "1010"),
                "quantity": quantity,
            }
            run.operator.configure("sap_s4hana", {"goods_receipts": [receipt]})
            run.pass_time(_SYNC)
