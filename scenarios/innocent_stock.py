"""Innocent variations of stock: a safety stock, a back-order below nothing, a reservation held to its end."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from assay.flow import Run
from assay.records import StockCount
from assay.roles import Erp, Payments, StockKeeper, Storefront
from scenarios.f01_steps import Checkout, fill_cart
from scenarios.innocent_steps import (
    ERP,
    Innocent,
    buy,
    counted,
    deliveries,
    sales_orders,
    see_booked,
    see_labelled,
)

_PLANT = "1010"
_KEPT = 2

INN_25 = Innocent(
    id="inn-25",
    title="Safety stock: the channel shows two less than there are",
    settings={"safety_stock_by_sku": {"H-801": _KEPT}},
    acts="a customer buys one piece of an article with a safety stock of two",
    visible="the shop offers two pieces less than the ERP holds",
)
INN_26 = Innocent(
    id="inn-26",
    title="Back-order product at minus four by design",
    acts="a customer orders four pieces of what is made to order; in the other case the goods come in",
    visible="the shop sells four below what the ERP holds, which delivers nothing until goods come in",
)
INN_27 = Innocent(
    id="inn-27",
    title="Reservation open until its end after 30 minutes",
    acts="a customer goes to the bank and stays away; another buys the same later",
    visible="the gateway waits for the customer all the time, and the shop lets the piece go after 30 minutes",
)


@INN_25.flow(INN_25.case("two_kept", "EUR", ("H-801", 1)), tags=["stock"])
def safety_stock(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Look at both stocks, and buy."""
    sku = run.case.goods[0]
    with INN_25.in_force(run):
        with run.step("the shop offers two less"):
            if _apart(run, shop, erp, sku) != _KEPT:
                # Somebody's parcel has left since the last sync: both hold the same again after the next one.
                run.pass_time(timedelta(minutes=65))
            run.check(_apart(run, shop, erp, sku) == _KEPT, "two pieces are kept back")
        ref = buy(run, shop, payments)
        see_booked(run, shop, erp, ref)
        see_labelled(run, shop, ref)


@INN_26.flow(INN_26.case("waiting", "EUR", ("K-001", 4)), INN_26.case("received", "EUR", ("K-001", 4)), tags=["stock"])
def back_order(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Order what is not there; in one case let it come in."""
    sku = run.case.goods[0]
    before = _count(run, shop, sku)
    ref = buy(run, shop, payments)
    see_booked(run, shop, erp, ref)
    run.pass_time(timedelta(hours=1))
    with run.step("four below nothing, and nothing moves"):
        after = _count(run, shop, sku)
        run.check(after.sellable == before.sellable - 4 and after.sellable < 0, "the shop sold four it has not")
        run.check(not _held(erp, sku), "the ERP holds none")
        run.check(not deliveries(erp, shop.order(ref)), "nothing is delivered")
    if run.case.name == "received" and run.operator is not None:
        with run.step("the goods come in"):
            receipt = {"id": run.case.purchase.email, "product": sku, "plant": _PLANT, "quantity": -after.sellable}
            run.operator.configure(ERP, {"goods_receipts": [receipt]})
        run.pass_time(timedelta(hours=2))
        see_labelled(run, shop, ref)


@INN_27.flow(INN_27.case("at_the_bank", "EUR", ("H-805", 1)), tags=["stock", "checkout"])
def open_reservation(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Go to the bank and stay away; buy later."""
    sku = run.case.goods[0]
    began, before = run.surroundings.now(), _count(run, shop, sku)
    cart = fill_cart(run, shop, run.case.purchase)
    with run.step("go to the bank and stay there"):
        Checkout(run, shop, payments, cart).to_the_bank()
    run.pass_time(timedelta(minutes=25))
    with run.step("25 minutes: the piece is kept"):
        kept = _count(run, shop, sku)
        run.check([each.state for each in kept.reservations or ()] == ["open"], "the reservation is open")
        run.check(kept.sellable == before.sellable - 1, "nobody else can have it")
        listed = payments.payments(began - timedelta(seconds=1), run.surroundings.now())
        wanted = shop.basket(cart).total.minor
        run.check([each.phase for each in listed if each.amount.minor == wanted] == ["open"], "the gateway waits")
    run.pass_time(timedelta(minutes=10))
    with run.step("35 minutes: the piece is free again"):
        run.eventually(lambda: not _count(run, shop, sku).reservations, within="shop")
    run.shown.clear()  # what the first customer saw belongs to no order
    ref = buy(run, shop, payments)
    see_booked(run, shop, erp, ref)
    with run.step("one order, though tried twice"):
        run.check(len(sales_orders(erp, shop.order(ref))) == 1, "one sales order")
    see_labelled(run, shop, ref)


def _count(run: Run, shop: Storefront, sku: str) -> StockCount:
    return counted(shop).stock_count(sku, run.surroundings.now())


def _held(erp: Erp, sku: str) -> Decimal:
    if not isinstance(erp, StockKeeper):
        raise LookupError("the ERP's connector counts no stock (StockKeeper)")
    return sum((each.on_hand for each in erp.stock(sku)), Decimal(0))


def _apart(run: Run, shop: Storefront, erp: Erp, sku: str) -> Decimal:
    """Return how many pieces the ERP holds and the shop does not offer, reservations aside."""
    count = _count(run, shop, sku)
    return _held(erp, sku) - count.reserved - count.sellable


TABLE = (INN_25, INN_26, INN_27)
FLOWS = (safety_stock, back_order, open_reservation)
