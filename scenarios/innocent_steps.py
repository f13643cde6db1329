"""What the innocent variations share: how each is described, its cases, and the customer's usual way through the shop.

A variation is legal behaviour that looks odd. Its flow makes the shop perform it (by the shop's settings, its people's
and customers' doings, a simulator's settings or a fault at the edge), and checks in the other systems that it took
place; no oracle may say a word about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from assay.flow import Case, Flow, Run, flow
from assay.records import Document, Order
from assay.roles import BackOffice, CountsStock, Erp, Payments, ShopRefused, Storefront, Submission
from scenarios.cases import buys
from scenarios.f01_steps import GOOD, Checkout, adopt, fill_cart

SHOP, GATEWAY, ERP, CARRIER, PUBLISHER, PLATFORM = "merchant", "stripe", "sap_s4hana", "ups", "ecb", "platform"
TO_THE_SHELF = timedelta(minutes=45)
TO_THE_DOOR = timedelta(hours=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Innocent:
    """One innocent variation of the specification and how the reference shop performs it.

    settings: of the shop, while the flow acts. faults: at the edge, as `assay faults add` takes them. acts: what
    customers and the shop's people do. visible: what the other systems show, so that it really took place. alone: it
    would reach other customers. start: an instant shortly before which a landscape of its own is best begun.
    """

    id: str
    title: str
    acts: str
    visible: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    simulators: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    faults: tuple[Mapping[str, Any], ...] = ()
    alone: bool = False
    start: str | None = None

    def case(self, name: str, currency: str, /, *lines: tuple[str, int], company: str = "", **more: Any) -> Case:
        """Return a case of this variation that buys (SKU, quantity); `more` as for `scenarios.cases.buys`."""
        parts = more.pop("parts", ())
        bought = buys(name, currency, *lines, **more)
        extra = {**bought.extra, **({"company": company} if company else {})}
        purchase = replace(bought, email=f"{self.id}-{name.replace('_', '-')}@example.com", extra=extra)
        return Case(name, purchase, parts=parts, alone=self.alone)

    def flow(self, *cases: Case, tags: Sequence[str]) -> Callable[[Callable[..., None]], Flow]:
        """Declare the decorated function as the flow that performs this variation."""
        return flow(id=self.id, title=self.title, cases=cases, tags=["innocent", *tags])

    @contextmanager
    def in_force(self, run: Run) -> Iterator[None]:
        """Run the block with the variation's settings; its faults are the flow's to put and to take."""
        with ExitStack() as stack:
            if self.settings:
                stack.enter_context(run.configured(SHOP, **self.settings))
            for system, settings in self.simulators.items():
                stack.enter_context(run.configured(system, **settings))
            yield

    @contextmanager
    def at_fault(self, run: Run) -> Iterator[None]:
        """Run the block with the variation's faults in the way."""
        with ExitStack() as stack:
            for fault in self.faults:
                figures = dict(fault)
                stack.enter_context(run.fault(figures.pop("kind"), figures.pop("system"), **figures))
            yield


def buy(run: Run, shop: Storefront, payments: Payments, *, number: str = GOOD) -> str:
    """Walk to a full cart, pay by card, and return the order's reference."""
    cart = fill_cart(run, shop, run.case.purchase)
    with run.step("pay and order"):
        return ordered(run, Checkout(run, shop, payments, cart).press(number))


def ordered(run: Run, answer: Submission) -> str:
    """Remember the order an answer tells of and return its reference; `ShopRefused` where there is none."""
    adopt(run, answer)
    if answer.status != "ordered" or answer.order_ref is None:
        raise ShopRefused(f"expected an order, was told '{answer.status}': {answer.text}")
    return answer.order_ref


def see_booked(run: Run, shop: Storefront, erp: Erp, ref: str, *, count: int = 1) -> None:
    """See so many sales orders in the ERP."""
    with run.step("the ERP holds the order"):
        run.eventually(lambda: len(sales_orders(erp, shop.order(ref))) == count, within="erp")


def see_labelled(run: Run, shop: Storefront, *refs: str) -> None:
    """Let time pass until the parcels have a label."""
    run.pass_time(TO_THE_SHELF)
    with run.step("a label was bought"):
        run.eventually(lambda: all(shop.order(ref).tracking_numbers for ref in refs), within="carrier")


def see_delivered(run: Run, shop: Storefront, *refs: str) -> None:
    """Let time pass until the parcels are at the door."""
    run.pass_time(TO_THE_SHELF)
    run.pass_time(TO_THE_DOOR)
    with run.step("the parcel is delivered"):
        run.eventually(lambda: all(shop.order(ref).status == "delivered" for ref in refs), within="carrier")


def sales_orders(erp: Erp, order: Order) -> list[Document]:
    """Return the sales orders of an order, in the ERP's order."""
    return [each for each in erp.documents_of(order.number) if each.kind == "sales_order"]


def deliveries(erp: Erp, order: Order) -> list[Document]:
    """Return the outbound deliveries of an order."""
    return [each for each in erp.documents_of(order.number) if each.kind == "delivery"]


def component(documents: Sequence[Document], name: str) -> Decimal:
    """Return what a price component (tax, rounding …) comes to over documents, headers and lines."""
    conditions = [
        condition
        for document in documents
        for condition in (*document.conditions, *(each for line in document.lines for each in line.conditions))
    ]
    return sum((each.amount for each in conditions if each.component == name), Decimal(0))


def people_of(shop: Storefront) -> BackOffice:
    """Return the shop as its own people use it; `ShopRefused` where its connector has no such verbs."""
    if not isinstance(shop, BackOffice):
        raise ShopRefused("the shop's connector has no verbs of its people (BackOffice)")
    return shop


def counted(shop: Storefront) -> CountsStock:
    """Return the shop as one whose stock is counted; `ShopRefused` where its connector cannot."""
    if not isinstance(shop, CountsStock):
        raise ShopRefused("the shop's connector does not count stock (CountsStock)")
    return shop
