"""Classes of defects around goods: stock, weight, address, labels, tracking; and card data where none may be."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from assay.oracles import Judging
from assay.oracles.content import exploded, parts_of
from assay.records import Address, CardTrace, Dossier, LabelRequest, Reservation
from assay.runners.record_trials.shape import (
    Lacking,
    counts_of,
    order_of,
    parcel_of,
    record_class,
    shipment_of,
    with_count,
    with_order,
    with_parcel,
    with_shipment,
)

_POUND = Decimal("2.20462")


@record_class("stock off by one", defects="STK-02", oracles="O-S1")
def stock_off(dossier: Dossier, judging: Judging) -> Dossier:
    """A decrement is lost under concurrency: stock and movements differ by one."""
    _, after = counts_of(dossier)
    return with_count(dossier, after, on_hand=after.on_hand + 1, sellable=after.sellable + 1)


@record_class("sellable not counted down", defects="STK-04 STK-07", oracles="O-S1 O-S4")
def sellable_off(dossier: Dossier, judging: Judging) -> Dossier:
    """What may be sold is not what is on hand less what is reserved."""
    _, after = counts_of(dossier)
    return with_count(dossier, after, sellable=after.sellable - 1)


@record_class("goods issue booked twice", defects="STK-06 STK-13", oracles="O-S1")
def issued_twice(dossier: Dossier, judging: Judging) -> Dossier:
    """The same delivery takes the goods off the stock a second time."""
    _, after = counts_of(dossier)
    issued = [each for each in after.movements or () if each.kind == "shipped"]
    if not issued:
        raise Lacking("no counted article was shipped")
    again = issued[-1]
    return with_count(
        dossier,
        after,
        movements=(*(after.movements or ()), again),
        on_hand=after.on_hand + again.quantity,
        sellable=after.sellable + again.quantity,
    )


@record_class("hold left behind", defects="STK-03 STK-08", oracles="O-S3")
def hold_left(dossier: Dossier, judging: Judging) -> Dossier:
    """Units stay reserved for an order that is over."""
    _, after = counts_of(dossier)
    order = order_of(dossier)
    holder = next((each.checkout_ref for each in dossier.payments if each.checkout_ref), None)
    if holder is None or order.status not in ("shipped", "delivered", "cancelled"):
        raise Lacking("no order that is over can be told by its checkout")
    held = Reservation(sku=after.sku, quantity=1, holder=holder, state="committed", at=order.placed_at)
    return with_count(
        dossier,
        after,
        reservations=(*(after.reservations or ()), held),
        reserved=after.reserved + 1,
        sellable=after.sellable - 1,
    )


@record_class("parcel in pounds", defects="CAR-01", oracles="O-K1")
def in_pounds(dossier: Dossier, judging: Judging) -> Dossier:
    """The number of kilograms is sent as pounds."""
    return _weighed(dossier, 1 / _POUND)


@record_class("parcel by 100", defects="CAR-02", oracles="O-K1")
def by_100(dossier: Dossier, judging: Judging) -> Dossier:
    """The weight is a hundredth of what it is."""
    return _weighed(dossier, Decimal("0.01"))


@record_class("pounds as kilograms", defects="CAR-03", oracles="O-K1")
def as_kilograms(dossier: Dossier, judging: Judging) -> Dossier:
    """The number of pounds is sent as kilograms."""
    return _weighed(dossier, _POUND)


@record_class("weight of one unit a line", defects="CAR-05", oracles="O-K1")
def per_line(dossier: Dossier, judging: Judging) -> Dossier:
    """Lines are weighed instead of units."""
    parcel = parcel_of(dossier)
    if not any(units > 1 for _, units in parcel.contents):
        raise Lacking("no parcel holds several units of an article")
    return _weighed_as(dossier, [(sku, 1) for sku, _ in parcel.contents], judging)


@record_class("bundle without weight", defects="CAR-06", oracles="O-K1")
def bundle_weightless(dossier: Dossier, judging: Judging) -> Dossier:
    """What is in a bundle is not weighed."""
    order, bundles = order_of(dossier), {sku for sku, parts in parts_of(dossier.base_articles).items() if parts}
    bought = exploded(((line.sku, line.quantity) for line in order.lines if line.sku not in bundles), {})
    if not any(line.sku in bundles for line in order.lines):
        raise Lacking("no order holds a bundle")
    return _weighed_as(dossier, [(sku, int(units)) for sku, units in bought.items()], judging)


@record_class("kilograms with inches", defects="CAR-04", oracles="O-K1")
def mixed_units(dossier: Dossier, judging: Judging) -> Dossier:
    """Weight and size of a label are of two systems of units."""
    label = _label(dossier)
    if not label.length_unit:
        raise Lacking("no label was asked for with its size")
    return replace(dossier, labels=(replace(label, length_unit="IN" if label.length_unit == "CM" else "CM"),))


@record_class("label's address cut", defects="CAR-08", oracles="O-K2")
def label_cut(dossier: Dossier, judging: Judging) -> Dossier:
    """The last word of the street is cut off, and the label is printed all the same."""
    label = _label(dossier)
    words = " ".join(label.receiver.lines).split()
    if len(words) < 2:
        raise Lacking("no address has a street of several words")
    return _received(dossier, label, lines=(" ".join(words[:-1]),))


@record_class("label's lines joined", defects="CAR-07", oracles="O-K2")
def label_joined(dossier: Dossier, judging: Judging) -> Dossier:
    """The lines of the address are joined into one that is longer than the carrier takes."""
    label = _label(dossier)
    limit = judging.line_limits.get(label.system)
    if limit is None:
        raise Lacking("nobody knows how long this carrier's address lines may be")
    joined = ", ".join((*label.receiver.lines, label.receiver.city))
    joined += "".join(f", Hall {number}" for number in range(1, 1 + max(0, limit - len(joined)) // 8 + 1))
    return _received(dossier, label, lines=(joined,))


@record_class("label without its region", defects="CAR-17", oracles="O-K2")
def label_region(dossier: Dossier, judging: Judging) -> Dossier:
    """State or province is left out."""
    label, address = _label(dossier), order_of(dossier).address
    if address is None or not address.region:
        raise Lacking("no order goes to an address with a state or province")
    return _received(dossier, label, region=None)


@record_class("export label without phone", defects="CAR-18", oracles="O-K2")
def label_phone(dossier: Dossier, judging: Judging) -> Dossier:
    """The phone number an export needs is left out."""
    label, order = _label(dossier), order_of(dossier)
    if order.tax_treatment != "export" or order.address is None or not order.address.phone:
        raise Lacking("no order with a phone number is an export")
    return _received(dossier, label, phone=None)


@record_class("label's postcode as a number", defects="ERP-13", oracles="O-K2 O-E4")
def label_zip(dossier: Dossier, judging: Judging) -> Dossier:
    """The label's postcode lost its leading zeros."""
    label = _label(dossier)
    if not label.receiver.postcode.startswith("0"):
        raise Lacking("no address has a postcode that begins with 0")
    return _received(dossier, label, postcode=label.receiver.postcode.lstrip("0"))


@record_class("label bought twice", defects="CAR-15", oracles="O-K4")
def label_twice(dossier: Dossier, judging: Judging) -> Dossier:
    """A retry after a lost answer buys a second label."""
    shipment = shipment_of(dossier)
    number = f"{shipment.tracking_number}9"
    return replace(dossier, shipments=(*dossier.shipments, replace(shipment, ref=number, tracking_number=number)))


@record_class("tracking number missing", defects="CAR-11", oracles="O-K4")
def tracking_missing(dossier: Dossier, judging: Judging) -> Dossier:
    """A label was bought and its number never stored."""
    return with_parcel(dossier, parcel_of(dossier), tracking_number=None)


@record_class("tracking number of the shop's own", defects="CAR-11", oracles="O-K4")
def tracking_own(dossier: Dossier, judging: Judging) -> Dossier:
    """The customer is shown an internal number the carrier does not know."""
    parcel = parcel_of(dossier)
    return replace(with_parcel(dossier, parcel, tracking_number="L-1"), unknown_parcels=("L-1",))


@record_class("no label bought", defects="CAR-20", oracles="O-K4")
def unlabelled(dossier: Dossier, judging: Judging) -> Dossier:
    """The goods left the warehouse, and the label could not be bought: its rate had expired."""
    parcel = parcel_of(dossier)
    changed = with_parcel(dossier, parcel, state="failed", tracking_number=None, error="the rate has expired")
    return replace(with_order(changed, tracking_numbers=()), shipments=())


@record_class("shipped more than wanted", defects="ORD-26", oracles="O-K4 O-O7")
def shipped_more(dossier: Dossier, judging: Judging) -> Dossier:
    """A unit that was given back before it left is sent all the same."""
    parcel = parcel_of(dossier)
    if not parcel.contents:
        raise Lacking("the shop does not show what is in a parcel")
    (sku, units), *rest = parcel.contents
    return with_parcel(dossier, parcel, contents=((sku, units + 1), *rest))


@record_class("delivered and not told", defects="CAR-13", oracles="O-K5")
def undelivered(dossier: Dossier, judging: Judging) -> Dossier:
    """The carrier delivered, and the order never becomes delivered."""
    shipment, order = shipment_of(dossier), order_of(dossier)
    if shipment.status != "delivered" or order.status != "delivered":
        raise Lacking("no order was delivered")
    early = tuple(each for each in order.history if (each.field, each.value) != ("status", "delivered"))
    return with_order(dossier, status="shipped", history=early)


@record_class("carrier's news not taken", defects="CAR-14", oracles="O-K5")
def news_missed(dossier: Dossier, judging: Judging) -> Dossier:
    """A code of the carrier is not in the shop's map: the parcel stays where it was."""
    if shipment_of(dossier).status not in ("in_transit", "out_for_delivery", "delivered", "exception"):
        raise Lacking("no parcel was on its way")
    return with_parcel(dossier, parcel_of(dossier), status="created")


@record_class("card number written down", defects="SEC-01 SEC-02 SEC-03", oracles="O-Z1")
def card_written(dossier: Dossier, judging: Judging) -> Dossier:
    """A log or an answer of the shop holds a card number."""
    if not dossier.scans:
        raise Lacking("neither logs nor the shop's answers were searched (verb 'order_text')")
    first, *rest = dossier.scans
    found = CardTrace(kind="card number", shown="424242******4242")
    return replace(dossier, scans=(replace(first, traces=(*first.traces, found)), *rest))


@record_class("card number through the shop", defects="SEC-01", oracles="O-Z1")
def card_handled(dossier: Dossier, judging: Judging) -> Dossier:
    """The platform sends a card number itself, instead of the gateway's token."""
    out = [each for each in dossier.calls if each.way != "reverse" and each.method == "POST"]
    if not out:
        raise Lacking("no call of the platform crossed the edge")
    body = "card[number]=***&card[cvc]=***"
    return replace(
        dossier, calls=tuple(replace(each, request_body=body) if each is out[0] else each for each in dossier.calls)
    )


def _weighed(dossier: Dossier, factor: Decimal) -> Dossier:
    """Return the dossier whose parcel weighs that many times as much for the carrier, in steps of 100 g."""
    shipment = shipment_of(dossier)
    if shipment.weight_g is None:
        raise Lacking("the carrier does not say what a parcel weighs")
    return with_shipment(dossier, shipment, weight_g=max(1, int(shipment.weight_g * factor)))


def _weighed_as(dossier: Dossier, pieces: list[tuple[str, int]], judging: Judging) -> Dossier:
    """Return the dossier whose parcel weighs what these pieces do; `Lacking` where that is hardly less."""
    shipment = shipment_of(dossier)
    weights = {article.sku: article.weight_g for article in dossier.base_articles}
    total = judging.packaging_g or 0
    for sku, units in pieces:
        weight = weights.get(sku)
        if weight is None:
            raise Lacking("the shop does not show what articles weigh")
        total += weight * units
    slack = max(Decimal(judging.weight_step_g), (shipment.weight_g or 0) * judging.weight_tolerance)
    if shipment.weight_g is None or shipment.weight_g - total <= 2 * slack:
        raise Lacking("the difference in weight is smaller than carriers round")
    return with_shipment(dossier, shipment, weight_g=total)


def _label(dossier: Dossier) -> LabelRequest:
    if not dossier.labels:
        raise Lacking("no call that asked for a label crossed the edge")
    return dossier.labels[0]


def _received(dossier: Dossier, label: LabelRequest, **more: object) -> Dossier:
    """Return the dossier whose first label goes to a changed address."""
    receiver = label.receiver
    fields = {name: getattr(receiver, name) for name in receiver.__dataclass_fields__} | more
    changed = replace(label, receiver=Address(**fields))
    return replace(dossier, labels=(changed, *dossier.labels[1:]))
