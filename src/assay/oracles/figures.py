"""O-M12: no sum mixes currencies. A figure told to others is of one currency's orders, or of all base amounts.

Which orders a report counts (cancelled ones, unpaid ones, refunds taken off) is its own business: each such choice is
tried, and a figure that is the sum of none is held against the one sum nobody may form: of numbers of several codes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from assay.events import Finding
from assay.money import Money
from assay.oracles import charge
from assay.oracles.judge import failed, passed, population_oracle, unjudged
from assay.oracles.judging import Judging
from assay.records import Figure, Order, Population

_PAID = ("paid", "partially_refunded", "refunded")
_CHOICES: tuple[Callable[[Order], bool], ...] = (
    lambda order: True,
    lambda order: order.status != "cancelled",
    lambda order: order.payment_status in _PAID,
    lambda order: order.payment_status in _PAID and order.status != "cancelled",
    lambda order: order.payment_status == "paid",
)


@population_oracle("O-M12", needs=("shop", "figures"), formula="figure == sum per currency, or sum of base amounts")
def unmixed_sums(population: Population, judging: Judging) -> Finding:
    """Hold every figure the platform tells against the orders it is of."""
    if not population.figures:
        return unjudged("the shop tells no figures: its connector has no verb 'figures'")
    base = judging.base_currency
    if base is None:
        return unjudged("no base currency is declared: policies.base_currency in the profile")
    unknown: str | None = None
    for figure in population.figures:
        if _is_mixed_by_itself(figure):
            return _mixed(figure, " + ".join(str(part) for part in figure.per_currency))
        orders = [each for each in population.orders if figure.since <= each.placed_at < figure.until]
        sums = list(_legal_sums(orders, figure.total.currency, base))
        if any(abs(figure.total.amount - each) <= slack for each, slack in sums):
            continue
        codes = sorted({order.total.currency for order in orders})
        if len(codes) > 1 and figure.total.amount in _raw_sums(orders):
            return _mixed(figure, f"the numbers of {', '.join(codes)} in one sum")
        unknown = unknown or (
            f"'{figure.name}' of {figure.total} is the sum of no choice of the {len(orders)} orders known of its span"
        )
    return passed() if unknown is None else unjudged(unknown)


def _is_mixed_by_itself(figure: Figure) -> bool:
    """Say whether a total is the sum of its own parts' numbers, of several codes."""
    parts = [part for part in figure.per_currency if part.minor]
    codes = {part.currency for part in parts}
    return len(codes) > 1 and sum((part.amount for part in parts), Decimal(0)) == figure.total.amount


def _legal_sums(orders: Sequence[Order], currency: str, base: str) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield each sum a figure in this currency may be, with what rounding may leave: own orders, or base amounts."""
    step = charge.step_of(currency)
    for chosen in _chosen(orders):
        for worth in (_total, _kept, _net):
            yield sum((worth(order) for order in chosen if order.total.currency == currency), Decimal(0)), Decimal(0)
            if currency == base:
                amounts = [_in_base(order, worth(order), base) for order in chosen]
                known = [each for each in amounts if each is not None]
                if len(known) == len(amounts):
                    foreign = sum(1 for order in chosen if order.total.currency != base)
                    yield sum(known, Decimal(0)), step * foreign


def _raw_sums(orders: Sequence[Order]) -> Iterator[Decimal]:
    for chosen in _chosen(orders):
        for worth in (_total, _kept, _net):
            yield sum((worth(order) for order in chosen), Decimal(0))


def _chosen(orders: Sequence[Order]) -> Iterator[list[Order]]:
    for choice in _CHOICES:
        yield [order for order in orders if choice(order)]


def _total(order: Order) -> Decimal:
    return order.total.amount


def _kept(order: Order) -> Decimal:
    """Return what an order brought: captured less refunded where the shop shows its tenders, else its total."""
    if not order.tenders:
        return order.total.amount
    amounts = [(each.captured - each.refunded).amount for each in order.tenders if _is_plain(each.captured, order)]
    return sum(amounts, Decimal(0))


def _net(order: Order) -> Decimal:
    return order.total.amount - (order.tax.amount if order.tax else Decimal(0))


def _is_plain(amount: Money, order: Order) -> bool:
    return amount.currency == order.total.currency


def _in_base(order: Order, amount: Decimal, base: str) -> Decimal | None:
    if order.total.currency == base:
        return amount
    rate = order.rate
    return amount / rate.value if rate is not None and rate.value and rate.base == base else None


def _mixed(figure: Figure, what: str) -> Finding:
    return failed(
        figure.system,
        expected=f"'{figure.name}' of one currency, or of amounts in the base currency",
        seen=f"{figure.total}, which is {what}",
        cause="not converted (none): numbers of several currencies were added up",
        at_risk=figure.total,
    )
