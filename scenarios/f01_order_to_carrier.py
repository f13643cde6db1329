"""F01: an order from the first product page to the parcel at the door, through shop, gateway, ERP and carrier.

The ERP's outbound delivery stands for the warehouse. CRM and marketing are *not evaluated* until a landscape has them.
"""

from __future__ import annotations

from datetime import timedelta

from assay.flow import Run, flow
from assay.roles import Carrier, Erp, Payments, Storefront, Writes
from scenarios.cases import CASES
from scenarios.f01_steps import Checkout, adopt, adopt_all, come_later, fill_cart, orders_before, see_each
from scenarios.f01_variants import WAYS

_GOODS_ISSUED = timedelta(minutes=45)
_DELIVERED = timedelta(hours=50)


@flow(
    id="F01",
    title="Order to ERP to carrier",
    cases=CASES,
    tags=["order", "money", "payment", "stock", "erp", "carrier", "customer", "checkout"],
    reversible=True,
    production_cut="the ERP holds the order",
)
def order_to_carrier(run: Run, shop: Storefront, payments: Payments, erp: Erp, carrier: Carrier) -> None:
    """Buy as the case says, then see every system take its part; days pass where the runner lends its clock."""

    def captured(ref: str) -> bool:
        return any(payments.payment(each).captured.minor for each in shop.order(ref).payment_refs)

    def booked(ref: str) -> object:
        return erp.documents_of(shop.order(ref).number)

    def delivered_by_warehouse(ref: str) -> bool:
        return any(each.kind == "delivery" for each in erp.documents_of(shop.order(ref).number))

    def labelled(ref: str) -> object:
        return [carrier.track(number) for number in shop.order(ref).tracking_numbers]

    wanted = run.case.purchase
    come_later(run, timedelta(days=int(wanted.extra["after_days"])))
    began, before = run.surroundings.now(), orders_before(run, shop)
    run.cancel_asked = False
    customer = None
    if wanted.extra["as"] == "registered":
        with run.step("register"):
            customer = shop.register(wanted.email, wanted.name)
    cart = fill_cart(run, shop, wanted, customer=customer)
    with run.step("pay and order"):
        adopt(run, WAYS[wanted.extra["way"]](Checkout(run, shop, payments, cart, customer)))
    with run.step("the shop holds the order"):
        refs = run.eventually(lambda: adopt_all(run, shop, began, before), within="payments")
        run.check(len(refs) == run.case.orders, f"{run.case.orders} order(s) in the customer's name, not {len(refs)}")
        for ref in refs:
            run.saw("account", shop.order(ref).total, order=ref)
    with run.step("the gateway captured the payment"):
        see_each(run, refs, captured, within="payments")
    with run.step("the ERP holds the order"):
        see_each(run, refs, booked, within="erp")
    if not run.pass_time(_GOODS_ISSUED):
        return
    with run.step("the warehouse issued the goods"):
        see_each(run, refs, delivered_by_warehouse, within="carrier")
    with run.step("a label was bought"):
        see_each(run, refs, labelled, within="carrier")
    if wanted.extra["until"] == "door":
        run.pass_time(_DELIVERED)
        with run.step("the parcel is delivered"):
            see_each(run, refs, lambda ref: shop.order(ref).status == "delivered", within="carrier")
    with run.step("the customer was written to"):
        if isinstance(shop, Writes):
            see_each(run, refs, shop.messages, within="shop")
