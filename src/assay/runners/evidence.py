"""What one outcome is judged by: its customer's orders as every witness holds them, or what is left of a lost one.

The shop is asked for the orders in the customer's name, whatever the flow remembered: a flow that broke off has orders
too, and an order nobody meant is a finding of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from assay.dossier import Gatherer
from assay.events import Outcome
from assay.flow import Case, Watched, holder_of
from assay.records import Attempt, Dossier, Order, StockCount

CARD_HOLDER = "card holder"
_READS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a case until it is judged: what it bought, what to look at again, its goods as they were.

    customer: the e-mail address of its customer where nobody else buys under it, else None.
    """

    case: Case
    watched: Sequence[Watched] = ()
    before: Sequence[StockCount] = ()
    customer: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The dossiers of one outcome's orders; `attempt` where fewer came of it than its customer meant to place."""

    dossiers: tuple[Dossier, ...]
    attempt: Attempt | None = None

    @property
    def order_refs(self) -> tuple[str, ...]:
        """The shop's references of the orders that are there."""
        return tuple(each.order.ref for each in self.dossiers if each.order is not None)


def evidence_of(
    outcome: Outcome, kept: Kept | None, gatherer: Gatherer, *, span: tuple[datetime, datetime], shop: str | None
) -> Evidence:
    """Gather everything one outcome is judged by.

    span: the landscape's time in which its orders were placed, and payments begun. shop: the id of the system whose
    answers the customer saw.
    """
    orders = gatherer.orders_of(kept.customer, *span) if kept and kept.customer else []
    refs = list(dict.fromkeys([*outcome.order_refs, *(order.ref for order in orders)]))
    surplus = _surplus(orders, outcome.intended)
    stock: tuple[StockCount, ...] = ()
    if kept and kept.before:
        after = gatherer.stock([count.sku for count in kept.before], span[1])
        stock = (*kept.before, *after)
    canaries = {holder_of(kept.customer): CARD_HOLDER} if kept and kept.customer else {}
    bought = dict(outcome.carts)
    dossiers = tuple(
        replace(
            gatherer.dossier(ref, canaries=canaries),
            shown=outcome.shown_for(ref) or outcome.shown_for(""),
            bought=bought.get(ref, kept.case.purchase.lines) if kept else (),
            stock=stock,
            siblings=tuple(order.number for order in orders if order.ref != ref) if ref in surplus else (),
            told=outcome.heard,
            cancel_asked=outcome.cancel_asked,
            displayed=outcome.texts_for(ref),
            options=outcome.options_for(ref),
        )
        for ref in refs
    )
    missing = kept is not None and kept.customer is not None and len(refs) < outcome.intended
    if not missing or not (outcome.shown or outcome.heard or outcome.failed):
        return Evidence(dossiers)
    return Evidence(dossiers, gatherer.attempt(_attempt(outcome, kept, orders, shop), *span))


def _surplus(orders: Sequence[Order], intended: int) -> frozenset[str]:
    """Return the orders nobody meant: those that repeat an earlier one, else the latest."""
    too_many = len(orders) - intended
    if too_many <= 0:
        return frozenset()
    seen: set[object] = set()
    repeated = []
    for order in orders:
        content = (order.total.currency, tuple((line.sku, line.quantity) for line in order.lines))
        if content in seen:
            repeated.append(order)
        seen.add(content)
    return frozenset(order.ref for order in (repeated if len(repeated) >= too_many else orders)[-too_many:])


def _attempt(outcome: Outcome, kept: Kept | None, orders: Sequence[Order], shop: str | None) -> Attempt:
    broken = [
        f"{each.status} to {each.method} {urlsplit(each.url).path}"
        for each in outcome.exchanges
        if each.system == shop and each.method not in _READS and each.status is not None and each.status >= 500
    ]
    return Attempt(
        case=f"{outcome.flow}[{outcome.case}]",
        customer=(kept.customer if kept else None) or "",
        intended=outcome.intended,
        orders=tuple(orders),
        shown=outcome.shown_for(""),
        told=outcome.heard,
        broken=tuple(dict.fromkeys(broken)),
    )
