"""The last pieces: two customers want more of an article than is left, and press at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial

from assay.flow import Case, Run, flow
from assay.roles import CountsStock, Erp, Payments, ShopRefused, Storefront
from scenarios.cases import buys
from scenarios.f01_steps import GOOD, Checkout, adopt, fill_cart, in_background, see_each

_PLANT = "1010"
_SYNC = timedelta(minutes=65)


@flow(
    id="last-pieces",
    title="Two customers want the last pieces",
    cases=[Case("eur", buys("last_pieces", "EUR", ("J-012", 2)))],
    tags=["order", "stock", "checkout"],
)
def last_pieces(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Fill two carts that together hold one piece more than there is and pay both at once; who gets it is open."""
    wanted = run.case.purchase
    [(sku, pieces)] = wanted.lines
    left = _left(run, shop, sku)
    if left < pieces and run.operator is not None:
        receipt = {"id": wanted.email, "product": sku, "plant": _PLANT, "quantity": pieces + 1 - left}
        run.operator.configure("sap_s4hana", {"goods_receipts": [receipt]})
        run.pass_time(_SYNC)
        left = _left(run, shop, sku)
    other = replace(wanted, email=f"other-{wanted.email}", lines=((sku, left - pieces + 1),))
    carts, seen = [], []
    for each in (wanted, other):
        carts.append(Checkout(run, shop, payments, fill_cart(run, shop, each)))
        # What a customer was shown belongs to their own order, whoever of them gets one.
        seen.append(list(run.shown))
        run.shown.clear()
    with run.step("both press at once"):
        methods = [cart.card(GOOD) for cart in carts]
        with ThreadPoolExecutor(2) as fingers:
            presses = [
                in_background(fingers, partial(cart.pay_with, method))
                for cart, method in zip(carts, methods, strict=True)
            ]
        for press, shown in zip(presses, seen, strict=True):
            if (answer := press.result()).status == "ordered":
                run.shown.extend(shown)
                adopt(run, answer)
        run.check(run.order_refs, "somebody gets what is left")
    with run.step("the gateway captured the payment"):
        see_each(
            run,
            run.order_refs,
            lambda ref: any(payments.payment(each).captured.minor for each in shop.order(ref).payment_refs),
            within="payments",
        )
    with run.step("the ERP holds the order"):
        see_each(run, run.order_refs, lambda ref: erp.documents_of(shop.order(ref).number), within="erp")


def _left(run: Run, shop: Storefront, sku: str) -> int:
    """Return how many pieces the shop would still sell."""
    if not isinstance(shop, CountsStock):
        raise ShopRefused("the shop's connector does not count stock (CountsStock)")
    return int(shop.stock_count(sku, run.surroundings.now()).sellable)
