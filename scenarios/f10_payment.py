"""F10: the life of a payment, through each gateway: paid, refused, held, captured late or in part, given up, bounced.

In production it ends with the order in the ERP, which is cancelled afterwards as every order of ours is.
"""

from __future__ import annotations

from contextlib import nullcontext

from assay.flow import Run, flow
from assay.roles import Erp, Storefront
from scenarios.buying import Gateways
from scenarios.f01_steps import fill_cart
from scenarios.f10_cases import CASES, LATE
from scenarios.f10_ways import ENDS, ON_SHIPMENT, PAYINGS, Paying


@flow(
    id="F10",
    title="A payment's life",
    cases=CASES,
    tags=["order", "money", "payment"],
    reversible=True,
    production_cut="the ERP holds the order",
)
def payment_life(run: Run, shop: Storefront, gateways: Gateways, erp: Erp) -> None:
    """Buy, pay as the case says, and see what becomes of the payment at the gateway, in the shop and in the ERP."""
    wanted = run.case.purchase.extra
    with run.configured("merchant", **ON_SHIPMENT) if wanted["end"] in LATE else nullcontext():
        paying = Paying(run, shop, gateways, fill_cart(run, shop, run.case.purchase))
        with run.step("pay and order"):
            ref = PAYINGS[wanted["paying"]](paying)
        if wanted["end"] != "bounced":
            with run.step("the ERP holds the order"):
                run.eventually(lambda: erp.documents_of(shop.order(ref).number), within="erp")
        ENDS[wanted["end"]](paying, ref)
