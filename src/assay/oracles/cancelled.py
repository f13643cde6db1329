"""O-O7, as far as it is over a whole order: what was cancelled is not handed to the warehouse, labelled or sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from assay.events import Finding
from assay.oracles.delivery import is_active
from assay.oracles.judge import failed, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Dossier

ID = "O-O7"
FORMULA = "no ship event after cancel + grace: no goods issue, no label in force, no scan"
_MOVING = ("in_transit", "out_for_delivery", "delivered")


def nothing_leaves(dossier: Dossier, cancelled_at: datetime, judging: Judging) -> Finding:
    """Judge one cancelled order: what ERP and carrier did with it later than they may need to hear of it."""
    number = dossier.order.number if dossier.order else "?"
    finding = _judged(dossier, cancelled_at, judging)
    return replace(finding, oracle=ID, formula=FORMULA, order_ref=number)


def _judged(dossier: Dossier, cancelled_at: datetime, judging: Judging) -> Finding:
    order = dossier.order
    if order is None:
        return unjudged("the shop does not know the order")
    if (why := dossier.missing("erp", "carrier")) is not None:
        return unjudged(why)
    booked = cancelled_at + judging.slack("erp")
    if dossier.read_at is None or dossier.read_at < booked:
        return unjudged("it was cancelled so lately that the others may not have heard of it")
    since = f"nothing of it leaves after {cancelled_at:%Y-%m-%d %H:%M} UTC, when it was cancelled"
    cause = "the cancellation was not looked at when the order was handed on"
    deliveries = [
        each
        for each in dossier.documents
        if each.kind == "delivery" and not each.rejected and each.created_at and each.created_at > booked
    ]
    if deliveries:
        what = "left the warehouse" if any(each.posted for each in deliveries) else "is with the warehouse"
        seen = f"it {what}: delivery {', '.join(each.ref for each in deliveries)}"
        return failed("shop", deliveries[0].system, expected=since, seen=seen, cause=cause, at_risk=order.total)
    sent = cancelled_at + judging.slack("carrier")
    if dossier.read_at < sent:
        return passed()
    moved = [
        each for each in dossier.shipments if each.status in _MOVING and any(event.at > sent for event in each.events)
    ]
    labels = [each for each in order.parcels if is_active(each)]
    if moved or labels:
        numbers = [each.tracking_number for each in moved] + [each.tracking_number for each in labels]
        seen = f"{'a parcel on its way' if moved else 'a label in force'}: {', '.join(filter(None, numbers))}"
        carrier = moved[0].system if moved else labels[0].carrier
        return failed("shop", carrier, expected=since, seen=seen, cause=cause, at_risk=order.total)
    return passed()
