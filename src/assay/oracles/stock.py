"""Stock oracles. O-S1 conservation, O-S2 no oversell, O-S3 closure of reservations.

They judge counts of articles that nobody else buys meanwhile; counts of shared articles prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from assay.events import Finding
from assay.oracles.content import exploded, parts_of
from assay.oracles.judge import failed, oracle, passed, population_oracle, unjudged
from assay.oracles.judging import Judging
from assay.records import Dossier, Movement, Order, Population, Reservation, StockCount

_TERMINAL = ("shipped", "delivered", "cancelled", "returned")
_GONE = ("cancelled",)


@oracle(
    "O-S1", needs=("shop",), formula="on_hand(t) == on_hand(0) + movements; sellable == on_hand - reserved - safety"
)
def conserved_stock(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Recompute on hand and sellable from movements and reservations, and movements from the ERP's deliveries."""
    pairs = list(_pairs(dossier.stock))
    if not pairs:
        return unjudged("no article of this order was counted before and after, by itself")
    for before, after in pairs:
        if (finding := counts_agree(before, after)) is not None:
            return finding
    if (finding := _shipped(dossier, order, pairs)) is not None:
        return finding
    if any(count.movements is None for pair in pairs for count in pair):
        return unjudged("the shop's counts name no movements (StockCount.movements)")
    return passed()


def _pairs(counts: Sequence[StockCount]) -> Iterator[tuple[StockCount, StockCount]]:
    """Yield the first and the last count of each article that was counted twice."""
    by_sku: dict[str, list[StockCount]] = {}
    for count in counts:
        by_sku.setdefault(count.sku, []).append(count)
    for listed in by_sku.values():
        if len(listed) > 1:
            ordered = sorted(listed, key=lambda count: count.at)
            yield ordered[0], ordered[-1]


def _since(before: StockCount, after: StockCount) -> Sequence[Movement] | None:
    """Return what moved between two counts; None where the shop keeps no movements."""
    if before.movements is None or after.movements is None:
        return None
    return after.movements[len(before.movements) :]


def counts_agree(before: StockCount, after: StockCount) -> Finding | None:
    """Return what is wrong with an article's later count: with what moved since, or with what may be sold of it."""
    return _moved(before, after) or _available(after)


def off_by(before: StockCount, after: StockCount) -> tuple[int, int]:
    """Return by how many units on hand is more than what moved makes it, and sellable than what is free; 0 is right."""
    since = _since(before, after)
    on_hand = 0 if since is None else after.on_hand - before.on_hand - sum(each.quantity for each in since)
    return on_hand, after.sellable - _sellable(after)


def _moved(before: StockCount, after: StockCount) -> Finding | None:
    since, off = _since(before, after), off_by(before, after)[0]
    if since is None or not off:
        return None
    moved = sum(each.quantity for each in since)
    return failed(
        "shop",
        expected=f"{after.on_hand - off} of {after.sku} on hand: {before.on_hand} and {moved:+d} moved",
        seen=str(after.on_hand),
        cause="a movement was written and the stock not changed, or the other way round",
    )


def _held(count: StockCount) -> int:
    return count.reserved if count.reservations is None else sum(each.quantity for each in count.reservations)


def _sellable(count: StockCount) -> int:
    return count.on_hand - _held(count) - count.safety


def _available(count: StockCount) -> Finding | None:
    expected, held = _sellable(count), _held(count)
    if count.sellable == expected:
        return None
    return failed(
        "shop",
        expected=f"{expected} of {count.sku} sellable: {count.on_hand} on hand, {held} reserved, {count.safety} safety",
        seen=str(count.sellable),
        cause="what may be sold is not counted from what is on hand and reserved",
    )


def _shipped(dossier: Dossier, order: Order, pairs: Sequence[tuple[StockCount, StockCount]]) -> Finding | None:
    """Hold the shop's movements for this order's deliveries against the ERP's goods issues, article by article."""
    issued = [each for each in dossier.documents if each.kind == "delivery" and each.posted]
    if dossier.missing("erp") is not None:
        return None
    refs = {each.ref for each in issued}
    for _, after in pairs:
        wanted = sum((line.quantity for each in issued for line in each.lines if line.sku == after.sku), Decimal(0))
        if after.movements is None:
            continue
        seen = -sum(each.quantity for each in after.movements if each.reference in refs)
        if seen != wanted and (seen or order.status in _TERMINAL):
            return failed(
                "shop",
                issued[0].system if issued else "erp",
                expected=f"{wanted:f} of {after.sku} shipped, as the ERP issued",
                seen=f"{seen} moved",
                cause="a goods issue was booked twice or not at all",
            )
    return None


@oracle("O-S3", needs=("shop",), formula="net reservation of a terminal order == 0; age of an open one <= TTL")
def closed_reservations(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Look for units still held for an order that is over, and for holds without an order that outlived their time."""
    last = {count.sku: count for count in sorted(dossier.stock, key=lambda count: count.at)}
    if not last:
        return unjudged("no article of this order was counted by itself")
    holders = {payment.checkout_ref for payment in dossier.payments if payment.checkout_ref}
    for count in last.values():
        if count.reservations is None:
            return unjudged("the shop's counts name no reservations (StockCount.reservations)")
        own = [each for each in count.reservations if _is_held_by(each, holders)]
        if own and order.status in _TERMINAL:
            return _left_over(count.sku, own, f"order {order.number} is {order.status}")
        if (finding := _outlived(count, judging)) is not None:
            return finding
        if order.status in _TERMINAL or not holders or order.hold:
            continue
        wanted = exploded(
            ((line.sku, line.quantity - line.cancelled) for line in order.lines), parts_of(dossier.base_articles)
        )
        issued = _issued(dossier, count.sku)
        if order.status in ("confirmed", "processing") and sum(each.quantity for each in own) + issued != wanted.get(
            count.sku, Decimal(0)
        ):
            return _unreserved(count.sku, wanted.get(count.sku, Decimal(0)) - issued, own)
    return passed()


def _issued(dossier: Dossier, sku: str) -> Decimal:
    posted = [each for each in dossier.documents if each.kind == "delivery" and each.posted]
    return sum((line.quantity for each in posted for line in each.lines if line.sku == sku), Decimal(0))


def _is_held_by(reservation: Reservation, holders: set[str]) -> bool:
    """Say whether units are held for one of these checkouts, or for a later change to its order."""
    return reservation.holder.partition("/")[0] in holders


def _outlived(count: StockCount, judging: Judging) -> Finding | None:
    if judging.reservation_ttl is None or count.reservations is None:
        return None
    old = [each for each in count.reservations if each.state == "open" and count.at - each.at > judging.reservation_ttl]
    return _left_over(count.sku, old, f"older than {judging.reservation_ttl}") if old else None


def _left_over(sku: str, held: Sequence[Reservation], why: str) -> Finding:
    units = sum(each.quantity for each in held)
    return failed(
        "shop",
        expected=f"nothing of {sku} held: {why}",
        seen=f"{units} held since {held[0].at:%Y-%m-%dT%H:%M:%SZ}",
        cause="the hold was not given back",
    )


def _unreserved(sku: str, wanted: Decimal, held: Sequence[Reservation]) -> Finding:
    return failed(
        "shop",
        expected=f"{wanted:f} of {sku} held until it ships",
        seen=f"{sum(each.quantity for each in held)} held",
        cause="the order was made, or made again, without holding its goods",
    )


@population_oracle(
    "O-S2", needs=("shop",), formula="confirmed quantity <= units there were; no paid order without stock"
)
def no_oversell(population: Population, judging: Judging) -> Finding:
    """Add up what was sold of each counted article and hold it against what there was."""
    pairs = list(_pairs(population.stock))
    if not pairs:
        return unjudged("no article was counted before and after, by itself")
    parts = parts_of(article for dossier in population.dossiers for article in dossier.base_articles)
    uncounted = False
    for before, after in pairs:
        if before.backorder or after.backorder:
            continue
        sold = sum((_units(each, before.sku, parts) for each in population.dossiers), Decimal(0))
        since = _since(before, after)
        if since is None:
            if after.on_hand < 0 or after.sellable + after.safety < 0:
                return _oversold(
                    before.sku, "no more than there were", f"{after.on_hand} on hand, {after.sellable} left"
                )
            uncounted = True
            continue
        came = sum(each.quantity for each in since if each.quantity > 0)
        there = before.on_hand - before.reserved + came
        if sold > there or after.on_hand < 0:
            seen = f"{sold:f} sold, {after.on_hand} on hand"
            return _oversold(before.sku, f"at most {there}", seen)
    return unjudged("the shop's counts name no movements (StockCount.movements)") if uncounted else passed()


def _oversold(sku: str, most: str, seen: str) -> Finding:
    cause = "checking and taking stock are two steps that others come between"
    return failed("shop", expected=f"{most} of {sku} sold", seen=seen, cause=cause)


def _units(dossier: Dossier, sku: str, parts: dict[str, Sequence[tuple[str, int]]]) -> Decimal:
    if dossier.order is None or dossier.order.status in _GONE:
        return Decimal(0)
    lines = ((line.sku, line.quantity - line.cancelled) for line in dossier.order.lines)
    return exploded(lines, parts).get(sku, Decimal(0))


@population_oracle("O-S3", needs=("shop",), formula="age of a hold without an order <= TTL")
def no_hold_left(population: Population, judging: Judging) -> Finding:
    """Look for holds on counted articles that no order stands behind and that outlived their time."""
    if judging.reservation_ttl is None:
        return unjudged("no time is declared for holds: policies.stock.reservation_ttl_s in the profile")
    last = {count.sku: count for count in sorted(population.stock, key=lambda count: count.at)}
    if not last:
        return unjudged("no article was counted by itself")
    for count in last.values():
        if (finding := _outlived(count, judging)) is not None:
            return finding
    return passed()
