"""Delivery oracles. O-K1 units and weight, O-K4 labels and tracking numbers, O-K5 status map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from assay.events import Finding
from assay.oracles.cause import unit_cause
from assay.oracles.content import exploded, parts_of
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Article, Dossier, LabelRequest, Order, Parcel, Shipment

_METRIC, _IMPERIAL = ("KGS", "CM"), ("LBS", "IN")
_GRAMS = {
    "KGS": Decimal(1000),
    "KG": Decimal(1000),
    "LBS": Decimal("453.59237"),
    "OZS": Decimal("28.349523125"),
    "GRM": Decimal(1),
}
_MOVING = ("in_transit", "out_for_delivery", "delivered", "exception")
_RANKS = {"none": 0, "created": 1, "unknown": 1, "in_transit": 2, "exception": 2, "out_for_delivery": 3, "delivered": 4}


@oracle(
    "O-K1",
    needs=("carrier", "catalogue"),
    formula="label_weight == sum(qty*w) + packaging within 5 %; units of one system",
)
def units_and_weight(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold what parcels weigh for the carrier against the articles in them, and units against each other."""
    for label in dossier.labels:
        pair = (label.weight_unit, label.length_unit)
        if label.length_unit and pair not in (_METRIC, _IMPERIAL):
            return failed(
                "shop",
                label.system,
                expected="units of one system: KGS with CM, or LBS with IN",
                seen=" with ".join(pair),
                cause="weight and dimensions are set in different places",
            )
    if judging.packaging_g is None:
        return unjudged("the weight of packaging is not declared: policies.shipping.packaging_g in the profile")
    active = [each for each in order.parcels if is_active(each)]
    weighed = _weighed(dossier, active)
    if not weighed:
        return unjudged("no parcel of this order has a weight yet")
    weights = _weights(dossier.base_articles)
    contents = [_expected_g(parcel, weights, judging.packaging_g) for parcel, _ in weighed]
    if any(each is None for each in contents):
        return unjudged("the shop does not show the weight of every article")
    if order.status in ("shipped", "delivered") and len(weighed) == len(active):
        whole = _ordered_g(dossier, order, weights, judging.packaging_g * len(active))
        if whole is not None and (finding := _off(sum(seen for _, seen in weighed), whole, order, judging, dossier)):
            return finding
    for (_, seen), expected in zip(weighed, contents, strict=True):
        if expected is not None and (finding := _off(seen, expected, order, judging, dossier)) is not None:
            return finding
    return passed()


def is_active(parcel: Parcel) -> bool:
    """Say whether a parcel has a label that was not taken back, and is followed."""
    return parcel.state in ("labelled", "voiding") and not parcel.untracked


def _weighed(dossier: Dossier, parcels: Sequence[Parcel]) -> list[tuple[Parcel, int]]:
    """Return each parcel with what it weighs in grams for the carrier: by its own word, else by the label asked for."""
    held = {each.tracking_number: each.weight_g for each in dossier.shipments}
    asked = [label for label in dossier.labels if label.accepted and label.weight_unit in _GRAMS]
    found = []
    for place, parcel in enumerate(parcels):
        weight = held.get(parcel.tracking_number or "")
        if weight is None and len(asked) == len(parcels):
            weight = round(asked[place].weight * _GRAMS[asked[place].weight_unit])
        if weight is not None:
            found.append((parcel, weight))
    return found


def _weights(articles: Sequence[Article]) -> dict[str, int | None]:
    """Return what a unit of each article weighs; a bundle weighs what is in it, whatever the shop says of the whole."""
    own = {article.sku: article.weight_g for article in articles}
    parts = parts_of(articles)
    found: dict[str, int | None] = {}
    for sku in own:
        units = exploded([(sku, Decimal(1))], parts)
        known = [(own.get(part), count) for part, count in units.items()]
        found[sku] = (
            None if any(each is None for each, _ in known) else sum(int(each or 0) * int(n) for each, n in known)
        )
    return found


def _expected_g(parcel: Parcel, weights: Mapping[str, int | None], packaging_g: int) -> int | None:
    total = packaging_g
    for sku, units in parcel.contents:
        weight = weights.get(sku)
        if weight is None:
            return None
        total += weight * units
    return total if parcel.contents else None


def _ordered_g(dossier: Dossier, order: Order, weights: Mapping[str, int | None], packaging_g: int) -> int | None:
    """Return what everything ordered weighs with its packaging; None where a weight is not known."""
    total = packaging_g
    for line in order.lines:
        weight = weights.get(line.sku)
        if weight is None:
            return None
        total += weight * int(line.quantity - line.cancelled)
    untracked = {sku for parcel in order.parcels if parcel.untracked for sku, _ in parcel.contents}
    return None if untracked else total


def _off(seen: int, expected: int, order: Order, judging: Judging, dossier: Dossier) -> Finding | None:
    slack = max(expected * judging.weight_tolerance, Decimal(judging.weight_step_g))
    if abs(seen - expected) <= slack:
        return None
    units = sum(int(line.quantity) for line in order.lines)
    if seen - expected < 0 and units > len(order.lines) and seen * 2 > expected // units:
        cause = "the weight may count lines instead of units, or: " + unit_cause(Decimal(seen), Decimal(expected))
    else:
        cause = unit_cause(Decimal(seen), Decimal(expected))
    carrier = dossier.shipments[0].system if dossier.shipments else "carrier"
    return failed("shop", carrier, expected=f"{expected} g within {slack:.0f} g", seen=f"{seen} g", cause=cause)


@oracle(
    "O-K4", needs=("carrier",), formula="one active label a parcel, one tracking number a label, the same everywhere"
)
def labels_and_tracking(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold the shop's parcels against the carrier's, number by number, and against what the customer was told."""
    active = [each for each in order.parcels if is_active(each)]
    bare = [each for each in active if not each.tracking_number]
    if bare:
        return _untracked(bare[0])
    numbers = [each.tracking_number for each in active if each.tracking_number]
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
    if not active and not paid and _should_have_left(dossier, order, judging):
        return _never_labelled(order)
    if not active:
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
        return unjudged("the carrier holds no active parcel of this order")
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


def references_of(label: LabelRequest) -> str:
    """Return a label's references as one text."""
    return ", ".join(label.references)
