"""F06: money goes back, from the shop or from the gateway's own console, in whole or in part, now or weeks later.

In production it refunds the own order before its goods leave, and the order is cancelled afterwards as every order of
ours is. What follows the refund in the books is F15's.
"""

from __future__ import annotations

from contextlib import nullcontext

from assay.flow import Run, flow
from assay.roles import Erp, Storefront, Writes
from scenarios.buying import Gateways, pay, payments_of, see_booked, see_captured
from scenarios.f01_steps import fill_cart
from scenarios.f06_cases import CASES
from scenarios.f06_ways import CAPTURED_ON_SHIPMENT, WAYS, Paid, shown, take_one_unit_away
from scenarios.innocent_steps import TO_THE_SHELF


@flow(
    id="F06",
    title="Money goes back",
    cases=CASES,
    tags=["order", "money", "payment"],
    reversible=True,
    production_cut="the shop shows the refund",
)
def money_back(run: Run, shop: Storefront, gateways: Gateways, erp: Erp) -> None:
    """Buy as the case says, give the money back as it says, and see it in the shop and at the gateway."""
    back = run.case.purchase.extra["back"]
    run.cancel_asked = False
    with run.configured("merchant", **CAPTURED_ON_SHIPMENT) if back == "after_part" else nullcontext():
        cart = fill_cart(run, shop, run.case.purchase)
        with run.step("pay and order"):
            ref = pay(run, shop, gateways, cart)
        paid = Paid(run, shop, gateways, ref)
        see_booked(run, shop, erp, ref)
        if back == "after_part":
            with run.step("one piece less"):
                take_one_unit_away(paid)
        # Where nobody lends a clock the money goes back before the goods leave, which is as legal.
        if back != "return" and run.pass_time(TO_THE_SHELF):
            with run.step("a label was bought"):
                run.eventually(lambda: shop.order(ref).tracking_numbers, within="carrier")
        see_captured(run, shop, gateways, ref)
    held = _refunded(paid)
    if back == "return":
        expected = WAYS[back](paid)
    else:
        with run.step("give money back"):
            expected = WAYS[back](paid)
    with run.step("the gateway gave it back"):
        run.eventually(lambda: _refunded(paid) > held, within="payments")
    with run.step("the shop shows the refund"):
        refunds = run.eventually(lambda: shown(paid, expected), within="payments")
        run.check(len(refunds) == expected, f"{expected} refund(s) and no more, not {len(refunds)}")
        said = paid.order.payment_status
        run.check(said in ("partially_refunded", "refunded"), f"the order is shown as refunded, not as {said}")
    with run.step("the customer was written to"):
        if isinstance(shop, Writes):
            run.eventually(lambda: [each for each in shop.messages(ref) if each.kind == "refunded"], within="shop")


def _refunded(paid: Paid) -> int:
    """Return what gateways gave back of the order, in their smallest units; in the shop's words where none is asked."""
    held = payments_of(paid.run, paid.order, paid.gateways)
    if held:
        return sum(each.refunded.minor for each in held)
    return sum(each.refunded.minor for each in paid.order.tenders)
