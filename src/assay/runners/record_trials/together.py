"""Classes of defects that only show over all orders of a run: lost, skipped, doubled and oversold ones."""

from __future__ import annotations

from dataclasses import replace

from assay.oracles import Judging
from assay.records import Document, Order, Population
from assay.runners.record_trials.shape import Lacking, run_class


@run_class("order lost after the charge", defects="ORD-04 ORD-05 PRF-04", oracles="O-O2 O-O8")
def order_lost(population: Population, judging: Judging) -> Population:
    """Money was captured, and the shop holds no order for it."""
    lost = _paid(population)
    return replace(population, orders=tuple(each for each in population.orders if each is not lost))


@run_class("only the first page read", defects="ORD-18 ORD-19 ORD-21 ERP-11 PRF-07 TIM-06", oracles="O-O8 O-O9")
def first_page(population: Population, judging: Judging) -> Population:
    """The second half of the orders never reaches the ERP: one page, one window or one run was all that was read."""
    orders = _placed(population)
    if len(orders) < 2:
        raise Lacking("the run has one order only")
    skipped = {each.number for each in orders[len(orders) // 2 :]}
    return replace(population, documents=tuple(each for each in population.documents if each.order_ref not in skipped))


@run_class("order unknown to the shop", defects="MKT-02", oracles="O-O8")
def stranger(population: Population, judging: Judging) -> Population:
    """The ERP holds an order the shop knows nothing of."""
    document = _document(population)
    strange = replace(document, ref=f"{document.ref}9", order_ref="X-4711", reference="X-4711", parent_ref=None)
    return replace(population, documents=(*population.documents, strange))


@run_class("one payment on two orders", defects="ORD-33", oracles="O-O1")
def payment_shared(population: Population, judging: Judging) -> Population:
    """A payment that is known already makes another order."""
    order = _paid(population)
    again = replace(order, ref=f"{order.ref}-2", number=f"{order.number}-2")
    documents = tuple(
        replace(each, ref=f"{each.ref}9", order_ref=again.number, reference=again.number)
        for each in population.documents
        if each.order_ref == order.number and each.kind == "sales_order"
    )
    return replace(population, orders=(*population.orders, again), documents=(*population.documents, *documents))


@run_class("two orders of one customer's one purchase", defects="ORD-01 ORD-03", oracles="O-O1")
def purchase_doubled(population: Population, judging: Judging) -> Population:
    """Two orders stand in the shop where the customer meant one."""
    if not population.purchases:
        raise Lacking("no order of the run names its customer")
    first, *rest = population.purchases
    doubled = replace(first, order_refs=(*first.order_refs, f"{first.order_refs[0]}-2"))
    return replace(population, purchases=(doubled, *rest))


@run_class("sold more than there was", defects="STK-01 STK-10", oracles="O-S2")
def oversold(population: Population, judging: Judging) -> Population:
    """The last unit is sold twice: stock falls below nothing."""
    by_sku: dict[str, list[int]] = {}
    for place, count in sorted(enumerate(population.stock), key=lambda pair: pair[1].at):
        by_sku.setdefault(count.sku, []).append(place)
    for places in by_sku.values():
        before, after = population.stock[places[0]], population.stock[places[-1]]
        if len(places) > 1 and not before.backorder and after.on_hand < before.on_hand:
            less = after.on_hand + 1
            short = {
                place: replace(count, on_hand=count.on_hand - less, sellable=count.sellable - less)
                for place, count in ((each, population.stock[each]) for each in places)
            }
            return replace(
                population, stock=tuple(short.get(place, count) for place, count in enumerate(population.stock))
            )
    raise Lacking("no article was counted before and after it was sold")


def _placed(population: Population) -> list[Order]:
    booked = {each.order_ref for each in population.documents if each.kind == "sales_order"}
    return sorted((each for each in population.orders if each.number in booked), key=lambda each: each.placed_at)


def _paid(population: Population) -> Order:
    taken = {each.ref for each in population.payments if each.captured.minor > each.refunded.minor}
    for order in population.orders:
        if taken & set(order.payment_refs):
            return order
    raise Lacking("no order names its captured payment")


def _document(population: Population) -> Document:
    for document in population.documents:
        if document.kind == "sales_order" and not document.rejected:
            return document
    raise Lacking("the ERP showed no sales order")
