"""Innocent variations of rounding: a rounding line in the ERP, and cash rounding."""

from __future__ import annotations

from assay.flow import Run
from assay.roles import Erp, Payments, Storefront
from scenarios.f01_steps import Checkout, fill_cart
from scenarios.innocent_steps import Innocent, buy, component, ordered, sales_orders, see_booked, see_labelled

INN_01 = Innocent(
    id="inn-01",
    title="Tax rounded per line in the shop, per rate in the ERP, which posts a rounding line",
    settings={"erp_tax_per": "rate"},
    acts="a customer buys lines whose rounded taxes do not sum to the rounded tax of their sum",
    visible="the ERP's tax is another than the shop's, and a rounding line evens it",
)
INN_02 = Innocent(
    id="inn-02",
    title="CHF cash rounding to 0.05 with a rounding line",
    settings={"cash_rounding": {"CHF": "0.05"}},
    acts="a customer buys in CHF what does not come to a multiple of 0.05",
    visible="the charge is a multiple of 0.05 CHF, and the ERP holds the difference as a rounding line",
)


@INN_01.flow(INN_01.case("two_lines", "EUR", ("A-102", 2), ("I-903", 1)), tags=["money", "erp"])
def tax_per_rate(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Buy two lines that round apart."""
    with INN_01.in_force(run):
        ref = buy(run, shop, payments)
        see_booked(run, shop, erp, ref)
    with run.step("the ERP evens its own rounding"):
        order = shop.order(ref)
        documents = sales_orders(erp, order)
        tax, rounding = component(documents, "tax"), component(documents, "rounding")
        run.check(order.tax is not None and tax != order.tax.amount, "the ERP's tax is another than the shop's")
        run.check(order.rounding is not None and not order.rounding.minor, "the shop rounded nothing")
        run.check(order.tax is not None and tax + rounding == order.tax.amount, "the rounding line evens it")
    see_labelled(run, shop, ref)


@INN_02.flow(INN_02.case("chf", "CHF", ("B-201", 1)), tags=["money", "erp"])
def cash_rounding(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Buy in CHF, delivered in a way that makes the sum round."""
    with INN_02.in_force(run):
        cart = fill_cart(run, shop, run.case.purchase)
        with run.step("choose a way of delivery whose price makes the sum round"):
            offers = iter(shop.shipping_offers(cart))
            basket = shop.basket(cart)
            while basket.total == basket.goods - basket.discount + basket.shipping:
                basket = shop.choose_shipping(cart, next(offers).ref)
            run.saw("checkout", basket.total)
        with run.step("pay and order"):
            ref = ordered(run, Checkout(run, shop, payments, cart).press())
        see_booked(run, shop, erp, ref)
    with run.step("the rounding is a line of its own"):
        order = shop.order(ref)
        charged = sum(payments.payment(each).amount.minor for each in order.payment_refs)
        run.check(charged % 5 == 0, "the charge is a multiple of 0.05 CHF")
        rounding = component(sales_orders(erp, order), "rounding")
        run.check(
            rounding != 0 and order.rounding is not None and rounding == order.rounding.amount, "the ERP holds the line"
        )
    see_labelled(run, shop, ref)


TABLE = (INN_01, INN_02)
FLOWS = (tax_per_rate, cash_rounding)
