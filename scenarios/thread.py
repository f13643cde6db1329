"""The thread: the smallest whole of Assay, one product bought in EUR and in JPY, paid, and booked in the ERP."""

from __future__ import annotations

from assay.flow import Case, Run, flow
from assay.roles import Erp, Payments, Purchase, Shop


def _buys(currency: str) -> Purchase:
    return Purchase(currency=currency, lines=(("0017", 1),), email=f"thread-{currency.lower()}@example.com")


@flow(
    id="thread",
    title="One order, paid and booked",
    cases=[Case("eur", _buys("EUR")), Case("jpy", _buys("JPY"))],
    tags=["order", "money", "erp", "smoke"],
)
def thread(run: Run, shop: Shop, payments: Payments, erp: Erp) -> None:
    """Buy, see the payment captured at the gateway, see the order in the ERP."""
    with run.step("place the order"):
        order = shop.order(run.bought(shop.place(run.case.purchase)))
    with run.step("the gateway captured the payment"):
        run.eventually(
            lambda: [ref for ref in order.payment_refs if payments.payment(ref).captured.minor], within="payments"
        )
    with run.step("the ERP holds the order"):
        run.eventually(lambda: erp.documents_of(order.number), within="erp")
