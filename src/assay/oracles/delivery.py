"""Delivery oracles. O-K4 labels and tracking numbers, O-K5 status map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from assay.events import Finding
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Dossier, Order, Parcel, Shipment

_MOVING = ("in_transit", "out_for_delivery", "delivered", "exception")
_RANKS = {"none": 0, "created": 1, "unknown": 1, "in_transit": 2, "exception": 2, "out_for_delivery": 3, "delivered": 4}


def is_active(parcel: Parcel) -> bool:
    """Say whether a parcel has a label that was not taken back, and is followed."""
    return parcel.state in ("labelled", "voiding") and not parcel.untracked


@oracle(
    "O-K4", needs=("carrier",), formula="one active label a parcel, one tracking number a label, the same everywhere"
)
def labels_and_tracking(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold the shop's parcels against the carrier's, number by number, and against what the customer was told."""
    active = [each for each in order.parcels if is_active(each)]
    bare = [each for each in active if not each.tracking_number]
    if bare:
        return _untracked(bare[0])
    # Many shops show a tracking number and no parcels.
    numbers = (
        [each.tracking_number for each in active if each.tracking_number]
        if order.parcels
        else [*order.tracking_numbers]
    )
    if dossier.unknown_parcels:
        seen = ", ".join(dossier.unknown_parcels)
        return failed(
            "shop",
            "carrier",
            expected="tracking numbers the carrier knows",
            seen=seen,
            cause="not the carrier's number",
        )
    doubled = [number for number, count in Counter(numbers).items() if count > 1]
    if doubled:
        return failed(
            "shop",
            expected="a tracking number for each parcel",
            seen=f"{doubled[0]} twice",
            cause="one label for two parcels",
        )
    paid = [each for each in dossier.shipments if each.status != "voided" and each.tracking_number not in numbers]
    known = {each.tracking_number for each in order.parcels if not is_active(each)}
    extra = [each for each in paid if each.tracking_number not in known]
    if extra:
        return _bought_again(extra, numbers)
    if not numbers and not paid and _should_have_left(dossier, order, judging):
        return _never_labelled(order)
    if not numbers:
        return unjudged("no parcel of this order is tracked: none was labelled yet, or it goes as a letter")
    if (finding := _too_much(order, active)) is not None:
        return finding
    told = " ".join(each.text for each in dossier.messages if each.kind == "shipped")
    untold = [number for number in numbers if told and number not in told]
    if untold:
        return failed(
            "shop", expected=f"{untold[0]} in the message", seen="another", cause="the message names another number"
        )
    return passed()


def _too_much(order: Order, active: Sequence[Parcel]) -> Finding | None:
    """Return that more of an article is on its way than is still wanted."""
    wanted, packed = Counter[str](), Counter[str]()
    for line in order.lines:
        wanted[line.sku] += int(line.quantity - line.cancelled)
    for parcel in active:
        for sku, units in parcel.contents:
            packed[sku] += units
    over = sorted(sku for sku in packed if packed[sku] > wanted[sku])
    if not over:
        return None
    return failed(
        "shop",
        active[0].carrier,
        expected=f"at most {wanted[over[0]]} of {over[0]} shipped",
        seen=f"{packed[over[0]]} in {len(active)} parcels",
        cause="the quantity that was ordered was shipped, not the one that is still wanted",
    )


def _untracked(parcel: Parcel) -> Finding:
    return failed(
        "shop",
        parcel.carrier,
        expected="a tracking number for the labelled parcel",
        seen=f"none for parcel {parcel.ref}",
        cause="the carrier's number was not stored",
    )


def _bought_again(extra: Sequence[Shipment], numbers: Sequence[str | None]) -> Finding:
    return failed(
        "shop",
        extra[0].system,
        expected=f"{len(numbers)} active labels ({', '.join(filter(None, numbers)) or 'none'})",
        seen=f"{len(extra)} more: {', '.join(each.tracking_number for each in extra)}",
        cause="a label was bought again after an answer was lost, or never voided",
    )


def _never_labelled(order: Order) -> Finding:
    wrong = next((each.error for each in order.parcels if each.error), None)
    return failed(
        "shop",
        "carrier",
        expected="a label for the goods that left the warehouse",
        seen=f"none, {wrong}" if wrong else "none",
        cause="the label could not be bought" if wrong else "nobody bought the label",
    )


def _should_have_left(dossier: Dossier, order: Order, judging: Judging) -> bool:
    """Say whether goods were issued long enough ago, for an order that goes by a tracked parcel."""
    issued = [
        each.created_at for each in dossier.documents if each.kind == "delivery" and each.posted and each.created_at
    ]
    if not issued or order.status == "cancelled" or any(parcel.untracked for parcel in order.parcels):
        return False
    return dossier.read_at is not None and dossier.read_at - max(issued) > judging.slack("carrier")


@oracle(
    "O-K5",
    needs=("carrier",),
    formula="each carrier status is known to the shop; delivered parcels make the order delivered",
)
def status_map(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold how far the shop thinks a parcel is against the carrier, and the order against its parcels."""
    held = {each.tracking_number: each for each in dossier.shipments}
    tracked = [
        (parcel, held[parcel.tracking_number or ""]) for parcel in order.parcels if parcel.tracking_number in held
    ]
    active = [(parcel, shipment) for parcel, shipment in tracked if is_active(parcel)]
    if not active:
        return unjudged(
            "the carrier holds no active parcel of this order"
            if order.parcels
            else "the shop shows no parcels: fill Order.parcels"
        )
    for parcel, shipment in active:
        late = not _is_fresh(shipment, dossier, judging)
        if late and shipment.status in _MOVING and _RANKS.get(parcel.status, 0) < _RANKS[shipment.status]:
            return failed(
                "shop",
                shipment.system,
                expected=f"parcel {shipment.tracking_number} {shipment.status} ({shipment.status_code or 'no code'})",
                seen=parcel.status,
                cause="the carrier's code is not in the shop's map, or its news are no longer taken",
            )
    arrived = all(
        shipment.status == "delivered" and not _is_fresh(shipment, dossier, judging) for _, shipment in active
    )
    everything = len(active) == len([each for each in order.parcels if each.state != "voided"])
    if arrived and everything and order.status not in ("delivered", "returned", "partially_shipped"):
        return failed(
            "shop",
            active[0][1].system,
            expected="order delivered, as its parcels are",
            seen=order.status,
            cause="the carrier's word for delivered is not in the shop's map",
        )
    return passed()


def _is_fresh(shipment: Shipment, dossier: Dossier, judging: Judging) -> bool:
    """Say whether the carrier's last news is so young that the shop need not know it."""
    at = shipment.delivered_at or max((event.at for event in shipment.events), default=None)
    return at is None or (dossier.read_at is not None and dossier.read_at - at <= judging.slack("carrier"))
