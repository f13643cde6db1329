"""Innocent variations of orders: late, split, exploded, edited, waiting, differently numbered, held."""

from __future__ import annotations

from datetime import timedelta

from assay.flow import Run
from assay.roles import Carrier, Erp, FindsParcels, Payments, ShopRefused, Storefront, TakesOtherMoney
from scenarios.f01_steps import fill_cart
from scenarios.innocent_steps import (
    ERP,
    Innocent,
    buy,
    deliveries,
    ordered,
    people_of,
    sales_orders,
    see_booked,
    see_delivered,
    see_labelled,
)

_DUBIOUS = "4000000000000036"
"""Stripe's published test number that pays although the postcode is wrong (https://docs.stripe.com/testing)."""

INN_18 = Innocent(
    id="inn-18",
    title="ERP document 40 seconds late, within the limit",
    settings={"outbox_backoff_s": [40]},
    faults=({"kind": "rate_limit", "system": ERP, "retry_after_s": 3600},),
    acts="a customer buys at an instant at which the ERP takes nothing",
    visible="the ERP holds nothing for 35 seconds, and the order after 45",
    alone=True,
)
INN_19 = Innocent(
    id="inn-19",
    title="Order split into two ERP documents with child references",
    settings={"split_by_warehouse": True},
    acts="a customer buys goods of two warehouses",
    visible="two sales orders, each with a child reference of the order number",
)
INN_20 = Innocent(
    id="inn-20",
    title="Bundle exploded into its components in the ERP",
    acts="a customer buys a bundle",
    visible="the sales order has a line for each component and none for the bundle",
)
INN_21 = Innocent(
    id="inn-21",
    title="Order edited by an agent: new total, extra charge, both recorded",
    acts="an agent adds a line before the order ships",
    visible="a second payment for the extra, and a further sales order",
)
INN_22 = Innocent(
    id="inn-22",
    title="B2B order waiting for approval for two days",
    settings={"b2b_approval": True},
    acts="a company buys on invoice; an operator approves two days later and, in one case, books the transfer",
    visible="the ERP holds nothing for two days, then the order",
)
INN_23 = Innocent(
    id="inn-23",
    title="ERP number of another format than the shop's, mapping kept",
    acts="a customer buys",
    visible="the ERP's numbers are none of the shop's, and the shop shows which are whose",
)
INN_24 = Innocent(
    id="inn-24",
    title="Fraud review holds the order; nothing ships",
    acts="a customer pays with a card whose postcode check fails",
    visible="the money is captured, the ERP and the carrier hold nothing for a day",
)


@INN_18.flow(INN_18.case("late", "EUR", ("D-403", 1)), tags=["erp"])
def late_document(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Buy while the ERP is busy, which it is for a moment."""
    with INN_18.in_force(run):
        with INN_18.at_fault(run):
            ref = buy(run, shop, payments)
            refused = run.surroundings.now()
            with run.step("the ERP was asked and took nothing"):
                run.eventually(lambda: _refused(run), within="erp")
        run.pass_time(refused + timedelta(seconds=35) - run.surroundings.now())
        with run.step("35 seconds: nothing yet"):
            run.check(not sales_orders(erp, shop.order(ref)), "the ERP holds nothing yet")
        run.pass_time(timedelta(seconds=10))
        with run.step("45 seconds: there it is"):
            run.check(len(sales_orders(erp, shop.order(ref))) == 1, "the ERP holds the order")


@INN_19.flow(INN_19.case("two_warehouses", "EUR", ("D-406", 1), ("G-703", 1)), tags=["erp"])
def two_documents(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Buy goods of two warehouses."""
    with INN_19.in_force(run):
        ref = buy(run, shop, payments)
        see_booked(run, shop, erp, ref, count=2)
    with run.step("each has a child reference"):
        order = shop.order(ref)
        references = sorted(str(each.reference) for each in sales_orders(erp, order))
        run.check(references == [f"{order.number}-1", f"{order.number}-2"], "two child references")
    see_delivered(run, shop, ref)


@INN_20.flow(INN_20.case("bundle", "EUR", ("SET-01", 2), parts=("0017", "B-200", "D-403")), tags=["erp", "bundle"])
def exploded_bundle(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Buy a bundle twice."""
    ref = buy(run, shop, payments)
    see_booked(run, shop, erp, ref)
    with run.step("the ERP holds components"):
        [document] = sales_orders(erp, shop.order(ref))
        held = sorted((line.sku, int(line.quantity)) for line in document.lines)
        run.check(held == [(sku, 2) for sku in sorted(run.case.parts)], "a line for each component")
    see_labelled(run, shop, ref)


@INN_21.flow(INN_21.case("added_line", "EUR", ("F-600", 1), parts=("I-901",)), tags=["order", "payment"])
def edited_order(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Buy, and have an agent add what was forgotten."""
    ref = buy(run, shop, payments)
    before = shop.order(ref)
    with run.step("an agent adds a line"):
        added = [(sku, 1) for sku in run.case.parts]
        people_of(shop).add_lines(ref, added, reason="forgotten", payment_method="pm_card_visa")
    see_booked(run, shop, erp, ref, count=2)
    with run.step("the extra is charged and booked"):
        order = shop.order(ref)
        charged = [payments.payment(each).captured.minor for each in order.payment_refs]
        extra = (order.total - before.total).minor
        run.check(order.edits and charged == [before.total.minor, extra], "a second payment over the extra")
        run.saw("account", order.total)
    see_labelled(run, shop, ref)


@INN_22.flow(
    INN_22.case("paid", "EUR", ("I-902", 1), company="Quincaillerie Martin SARL"),
    INN_22.case("unpaid", "EUR", ("G-702", 1), company="Quincaillerie Martin SARL"),
    tags=["order", "slow"],
)
def waiting_for_approval(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Buy as a company and wait for the approval."""
    with INN_22.in_force(run):
        cart = fill_cart(run, shop, run.case.purchase)
        with run.step("order on invoice"):
            if not isinstance(shop, TakesOtherMoney):
                raise ShopRefused("the shop's connector takes no invoice (TakesOtherMoney)")
            ref = ordered(run, shop.submit_as(cart, "invoice"))
        for day in (1, 2):
            run.pass_time(timedelta(days=1))
            with run.step(f"day {day}: nobody approved yet"):
                order = shop.order(ref)
                run.check(order.hold == "approval" and order.status == "held", "the order is held")
                run.check(not sales_orders(erp, order), "the ERP holds nothing")
        with run.step("approve"):
            people_of(shop).release(ref)
    see_booked(run, shop, erp, ref)
    if run.case.name == "paid":
        with run.step("the transfer is there"):
            people_of(shop).confirm_transfer(ref)
    see_labelled(run, shop, ref)


@INN_23.flow(INN_23.case("numbers", "EUR", ("I-905", 1)), tags=["erp"])
def other_numbers(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Buy, and compare numbers."""
    ref = buy(run, shop, payments)
    see_booked(run, shop, erp, ref)
    see_labelled(run, shop, ref)
    with run.step("numbers differ, the mapping is kept"):
        order = shop.order(ref)
        numbers = {each.ref for each in erp.documents_of(order.number)}
        run.check(
            order.number not in numbers and all(each.isdigit() for each in numbers), "the ERP has its own numbers"
        )
        run.check(numbers == set(order.document_refs), "the shop knows each of them")


@INN_24.flow(
    INN_24.case("held", "EUR", ("J-010", 1)), INN_24.case("released", "EUR", ("C-301", 1)), tags=["order", "slow"]
)
def fraud_review(run: Run, shop: Storefront, payments: Payments, erp: Erp, carrier: Carrier) -> None:
    """Pay with a dubious card, be held for a day, and in one case be released."""
    ref = buy(run, shop, payments, number=_DUBIOUS)
    run.pass_time(timedelta(days=1))
    with run.step("a day later nothing has moved"):
        order = shop.order(ref)
        run.check(order.hold == "review" and order.status == "held", "the order is held")
        run.check(all(payments.payment(each).captured.minor for each in order.payment_refs), "the money is captured")
        run.check(not erp.documents_of(order.number), "the ERP holds nothing")
        run.check(isinstance(carrier, FindsParcels) and not carrier.parcels_of(order.number), "no parcel exists")
    if run.case.name == "released":
        with run.step("the review found nothing"):
            people_of(shop).release(ref)
        see_booked(run, shop, erp, ref)
        run.check(not deliveries(erp, shop.order(ref)), "no delivery was made before")
        see_labelled(run, shop, ref)


def _refused(run: Run) -> bool:
    if run.operator is None:
        return False
    return any(call.status == 429 and call.fault for call in run.operator.calls(ERP))


TABLE = (INN_18, INN_19, INN_20, INN_21, INN_22, INN_23, INN_24)
FLOWS = (
    late_document,
    two_documents,
    exploded_bundle,
    edited_order,
    waiting_for_approval,
    other_numbers,
    fraud_review,
)
