"""Innocent variations of payment: repeated and reordered events, debits that take days, second tries, part captures."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from datetime import timedelta

from assay.flow import Run
from assay.money import Money
from assay.records import Call, Payment
from assay.roles import Cancels, Debits, Erp, Payments, ShopRefused, Storefront, TakesOtherMoney
from scenarios.f01_steps import BAD, GOOD, Checkout, adopt, fill_cart
from scenarios.innocent_steps import (
    PLATFORM,
    TO_THE_SHELF,
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

_EVENTS = "/webhooks/stripe"
_ACCOUNT = "DE89370400440532013000"
"""Stripe's published test account whose debits are paid (https://docs.stripe.com/payments/sepa-debit)."""
_DEBIT_DAYS = 5

INN_12 = Innocent(
    id="inn-12",
    title="Webhook delivered three times, handled once",
    faults=({"kind": "status", "system": PLATFORM, "code": 500, "path": _EVENTS},),
    acts="a customer pays; the shop's answers to the gateway's events are lost twice, so that they come again",
    visible="the gateway delivered the same event three times",
    alone=True,
)
INN_13 = Innocent(
    id="inn-13",
    title="Events arrive refund before capture, the final state is right",
    faults=({"kind": "rate_limit", "system": PLATFORM, "retry_after_s": 60, "path": _EVENTS},),
    acts="a customer pays while events cannot get through, and cancels at once when they can",
    visible="the shop took the event of the refund before that of the payment",
    alone=True,
)
INN_14 = Innocent(
    id="inn-14",
    title="Direct debit pending for five days",
    acts="a customer pays by direct debit",
    visible="the gateway says processing for days, and the ERP holds nothing until the money is there",
)
INN_15 = Innocent(
    id="inn-15",
    title="First attempt declined, second paid: two intents, one capture",
    acts="a customer's card is declined; they choose another way of delivery and pay with another card",
    visible="the gateway holds two payments of this customer, one of them captured",
)
INN_16 = Innocent(
    id="inn-16",
    title="Partial capture with the rest voided; gift card and card together",
    settings={"capture": "on_shipment"},
    acts="a customer cancels one piece before it ships; another pays with a gift card and a card",
    visible="the gateway captured less than was authorised and holds nothing; it took the total less the gift card",
    alone=True,
)


@INN_12.flow(INN_12.case("three_times", "EUR", ("B-202", 1)), tags=["payment"])
def repeated_event(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Buy while the shop's answers to events are lost, and let the gateway repeat them."""
    with INN_12.at_fault(run):
        ref = buy(run, shop, payments)
        see_booked(run, shop, erp, ref)
        run.pass_time(timedelta(minutes=6))
    run.pass_time(timedelta(minutes=40))
    with run.step("the event came three times"):
        taken = _told(run, shop.order(ref).payment_refs)
        names = [_event(call)["id"] for call in taken]
        run.check(any(names.count(name) >= 3 for name in names), "one event was delivered three times")


@INN_13.flow(INN_13.case("refund_first", "EUR", ("B-203", 1)), tags=["payment"])
def refund_first(run: Run, shop: Storefront, payments: Payments) -> None:
    """Buy while events cannot get through, then cancel."""
    with INN_13.at_fault(run):
        ref = buy(run, shop, payments)
        with run.step("the payment's event was sent"):
            known = shop.order(ref).payment_refs
            run.eventually(lambda: _told(run, known), within="payments")
    with run.step("cancel"):
        if not isinstance(shop, Cancels):
            raise ShopRefused("the shop's connector cancels nothing (Cancels)")
        shop.cancel_order(ref, "changed my mind")
    with run.step("the money goes back"):
        run.eventually(lambda: all(_is_back(payments.payment(each)) for each in known), within="payments")
    run.pass_time(timedelta(minutes=10))
    with run.step("the refund was told of first"):
        taken = [_event(call)["type"] for call in _told(run, known) if call.status < 300]
        run.check("payment_intent.succeeded" in taken, "the payment's event arrived after all")
        refunds = [place for place, kind in enumerate(taken) if "refund" in kind]
        run.check(
            refunds and "payment_intent.succeeded" in taken and refunds[0] < taken.index("payment_intent.succeeded"),
            "the event of the refund was taken before that of the payment",
        )
        run.check(shop.order(ref).payment_status == "refunded", "the shop shows the refund")


@INN_14.flow(INN_14.case("sepa", "EUR", ("C-302", 1), to="DE"), tags=["payment", "slow"])
def direct_debit(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Pay by direct debit and wait."""
    wanted = run.case.purchase
    cart = fill_cart(run, shop, wanted)
    with run.step("pay and order"):
        if not isinstance(payments, Debits) or not isinstance(shop, TakesOtherMoney):
            raise ShopRefused("gateway or shop takes no direct debit here (Debits, TakesOtherMoney)")
        method = payments.tokenise_debit(_ACCOUNT, holder=wanted.name, email=wanted.email)
        ref = ordered(run, shop.submit_as(cart, "sepa", payment_method=method))
    for day in range(1, _DEBIT_DAYS):
        run.pass_time(timedelta(days=1) if day > 1 else timedelta(hours=20))
        with run.step(f"day {day}: the bank has not answered"):
            order = shop.order(ref)
            run.check(
                [payments.payment(each).phase for each in order.payment_refs] == ["pending"], "the debit is processing"
            )
            run.check(order.status == "pending", "the order waits")
            run.check(not sales_orders(erp, order), "the ERP holds nothing yet")
    run.pass_time(timedelta(days=1, hours=12))
    with run.step("the debit is paid"):
        run.eventually(
            lambda: all(payments.payment(each).captured.minor for each in shop.order(ref).payment_refs),
            within="payments",
        )
    see_booked(run, shop, erp, ref)
    see_delivered(run, shop, ref)


@INN_15.flow(INN_15.case("second_card", "EUR", ("C-303", 1)), tags=["payment"])
def second_card(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Be declined, choose another way of delivery, and pay with another card."""
    began = run.surroundings.now()
    cart = fill_cart(run, shop, run.case.purchase)
    checkout = Checkout(run, shop, payments, cart)
    with run.step("the first card is declined"):
        first = shop.basket(cart).total
        run.check(adopt(run, checkout.press(BAD)).status == "declined", "the shop says that the card was declined")
    with run.step("choose another way of delivery"):
        dearer = max(shop.shipping_offers(cart), key=lambda offer: offer.price.minor)
        second = shop.choose_shipping(cart, dearer.ref).total
        run.saw("checkout", second)
    with run.step("pay and order"):
        ref = ordered(run, checkout.press(GOOD))
    see_booked(run, shop, erp, ref)
    with run.step("two payments, one capture"):
        until = run.surroundings.now() + timedelta(seconds=1)
        listed = payments.payments(began - timedelta(seconds=1), until)
        own = [each for each in listed if each.amount.minor in (first.minor, second.minor)]
        run.check(len(own) == 2, "the gateway holds two payments")
        run.check([bool(each.captured.minor) for each in own] == [False, True], "only the second is captured")
    see_labelled(run, shop, ref)


@INN_16.flow(
    INN_16.case("partial_capture", "EUR", ("D-400", 2), ("D-401", 1)),
    INN_16.case("gift_card_and_card", "EUR", ("D-402", 3)),
    tags=["payment"],
)
def part_of_it(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Pay in a way of which only a part is the gateway's in the end."""
    if run.case.name == "partial_capture":
        _partial_capture(run, shop, payments, erp)
    else:
        _split_tender(run, shop, payments, erp)


def _partial_capture(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    with INN_16.in_force(run):
        ref = buy(run, shop, payments)
        see_booked(run, shop, erp, ref)
        with run.step("cancel one piece"):
            line = shop.order(ref).lines[0]
            people_of(shop).cancel_units(ref, {str(line.ref): 1}, "one is enough")
        run.pass_time(TO_THE_SHELF)
        with run.step("what ships is captured, the rest released"):
            run.eventually(lambda: deliveries(erp, shop.order(ref)), within="carrier")
            [payment] = run.eventually(lambda: _captured(payments, shop.order(ref).payment_refs), within="payments")
            run.check(payment.captured.minor < payment.amount.minor, "less was captured than authorised")
            run.check(payment.capturable is None or not payment.capturable.minor, "nothing is left open")


def _split_tender(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    with run.step("be given a gift card"):
        worth = Money.of("10.00", run.case.purchase.currency)
        code = people_of(shop).issue_gift_card(worth)
    cart = fill_cart(run, shop, run.case.purchase)
    with run.step("pay and order"):
        if not isinstance(shop, TakesOtherMoney):
            raise ShopRefused("the shop's connector takes no gift card (TakesOtherMoney)")
        card = Checkout(run, shop, payments, cart).card(GOOD)
        ref = ordered(run, shop.submit_as(cart, "card", payment_method=card, gift_card=code))
    see_booked(run, shop, erp, ref)
    with run.step("the gateway took the rest"):
        order = shop.order(ref)
        taken = [each.captured.minor for each in _captured(payments, order.payment_refs)]
        run.check(taken == [(order.total - worth).minor], "the total less the gift")


def _captured(payments: Payments, refs: Sequence[str]) -> list[Payment]:
    """Return the captured payments; a gift card's reference is none of the gateway's."""
    found = []
    for ref in refs:
        with contextlib.suppress(LookupError):
            found.append(payments.payment(ref))
    return [each for each in found if each.captured.minor]


def _is_back(payment: Payment) -> bool:
    return payment.refunded.minor >= payment.captured.minor


def _told(run: Run, payment_refs: Sequence[str]) -> list[Call]:
    """Return the gateway's events about these payments as they were delivered to the shop, oldest first."""
    if run.operator is None:
        return []
    calls = [call for call in run.operator.calls(PLATFORM) if call.path == _EVENTS]
    return [call for call in calls if any(ref in call.request_body for ref in payment_refs)]


def _event(call: Call) -> dict[str, str]:
    content = json.loads(call.request_body)
    return {"id": str(content["id"]), "type": str(content["type"])}


TABLE = (INN_12, INN_13, INN_14, INN_15, INN_16)
FLOWS = (repeated_event, refund_first, direct_debit, second_card, part_of_it)
