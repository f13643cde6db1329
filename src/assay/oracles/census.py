"""Census oracles, over a set of orders and one closed window. O-O8 the same orders everywhere, O-O1 nobody has two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from assay.events import Finding
from assay.oracles import charge
from assay.oracles.judge import failed, passed, population_oracle, unjudged
from assay.oracles.judging import Judging
from assay.oracles.orders import is_parked
from assay.records import Order, Population

_MOST_NAMED = 5


@population_oracle(
    "O-O8", needs=("shop", "payments", "erp"), formula="ids(A) == ids(B) for the closed window [T-W-L, T-L]"
)
def census(population: Population, judging: Judging) -> Finding:
    """Compare the order ids of shop, gateways and ERP over a window that is older than they may take."""
    lag = max(judging.slack("erp"), judging.slack("payments"))
    if population.read_at is None or not lag:
        return unjudged("no freshness limit is declared, or the instant of reading is not known")
    closed = min(population.until, population.read_at - lag)
    if closed <= population.since:
        return unjudged(f"the window is not closed: less than {lag} have passed since it began")
    found = differences(population, closed)
    return found[0].finding() if found else passed()


@dataclass(frozen=True, slots=True)
class Difference:
    """Ids that one system holds and another does not.

    system: where they are missing, or strange; what says which, in words. compared: how many orders were looked for.
    """

    names: tuple[str, ...]
    system: str
    what: str
    compared: int

    def finding(self) -> Finding:
        """Return it as O-O8's verdict."""
        shown = ", ".join(self.names[:_MOST_NAMED])
        shown += f" and {len(self.names) - _MOST_NAMED} more" if len(self.names) > _MOST_NAMED else ""
        paged = len(self.names) * 2 > self.compared > 20
        cause = "only the first page was read" if paged else "records were lost or skipped on the way"
        expected = f"the same {self.compared} orders in both"
        return failed("shop", self.system, expected=expected, seen=f"{self.what}: {shown}", cause=cause)


def differences(population: Population, closed: datetime) -> list[Difference]:
    """Return what differs between shop, ERP and gateways over orders placed from the window's begin until `closed`."""
    in_shop = {order.number: order for order in population.orders}
    placed = {number for number, order in in_shop.items() if population.since <= order.placed_at < closed}
    due = {number for number in placed if not is_parked(in_shop[number])}
    booked = {name for each in population.documents for name in (each.order_ref, each.reference) if name}
    found = []

    def differ(names: Iterable[str | None], system: str, what: str) -> None:
        found.append(Difference(tuple(sorted(str(name) for name in names)), system, what, len(due)))

    # An order in parts stands in the ERP under references that begin with its number.
    lost = {number for number in due if not _is_booked(number, in_shop[number], booked)}
    if lost:
        differ(lost, "erp", "the shop holds them and the ERP does not")
    strangers = {
        name for name in booked if not any(name == number or name.startswith(f"{number}-") for number in in_shop)
    }
    strangers &= {each.order_ref for each in population.documents if not each.rejected}
    if strangers and population.orders:
        differ(strangers, "erp", "the ERP holds them and the shop does not")
    paid_for = {name for order in population.orders for name in (order.ref, order.number)}
    known = {ref for order in population.orders for ref in order.payment_refs}
    orphans = [
        each
        for each in population.payments
        if each.captured.minor > each.refunded.minor and each.ref not in known and each.order_ref not in paid_for
    ]
    for system in dict.fromkeys(each.system for each in orphans):
        differ((each.ref for each in orphans if each.system == system), system, "captured payments without an order")
    return found


def _is_booked(number: str, order: Order, booked: set[str]) -> bool:
    references = {posting.reference for posting in order.postings} or {number}
    return number in booked or references <= booked


@population_oracle(
    "O-O1", needs=("shop",), formula="one order for each purchase a customer meant, one order for each payment"
)
def one_order_each(population: Population, judging: Judging) -> Finding:
    """Hold the orders of customers nobody else uses against what they meant to buy, and payments against orders."""
    for each in population.purchases:
        if len(each.order_refs) > each.intended:
            return failed(
                "shop",
                expected=f"{each.intended} orders for {each.email}",
                seen=f"{len(each.order_refs)} ({', '.join(each.order_refs)})",
                cause="a repeated or parallel submit made another order",
            )
    used = Counter(ref for order in population.orders for ref in set(order.payment_refs))
    doubled = sorted(ref for ref, count in used.items() if count > 1)
    if doubled:
        numbers = sorted(order.number for order in population.orders if doubled[0] in order.payment_refs)
        return failed(
            "shop",
            expected=f"one order paid by {doubled[0]}",
            seen=f"{used[doubled[0]]} ({', '.join(numbers)})",
            cause="a payment that was known already made another order",
        )
    if not population.purchases and not used:
        return unjudged("neither purchases nor payments of the window are known")
    return passed()


@population_oracle(
    "O-O2", needs=("shop", "payments"), formula="every capture of the window has an order, or was given back"
)
def no_capture_lost(population: Population, judging: Judging) -> Finding:
    """Look for captured payments of the window that no order of the shop knows."""
    kept = [each for each in population.payments if each.captured.minor > each.refunded.minor]
    if not kept:
        return unjudged("no payment was captured in the window")
    refs = {ref for order in population.orders for ref in order.payment_refs}
    lost = [each for each in kept if each.ref not in refs]
    limit = judging.slack("payments")
    if population.read_at is not None:
        lost = [each for each in lost if population.read_at - each.created_at >= limit]
    if not lost:
        return passed()
    money = [charge.money_at(each.system, each.captured.minor, each.captured.currency) for each in lost]
    return failed(
        lost[0].system,
        "shop",
        expected="an order in the shop for every captured payment",
        seen=f"none for {', '.join(each.ref for each in lost[:_MOST_NAMED])}",
        cause="the money was taken and the order was never made",
        at_risk=money[0] if len(money) == 1 else None,
    )
