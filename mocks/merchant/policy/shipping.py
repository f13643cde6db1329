"""What a label says: weights, sizes, service, references and customs, in the carrier's units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_UP, Decimal
from typing import Any

from mocks.merchant.seams import seam
from mocks.merchant.storefront.catalogue import Catalogue


@seam("shipping and labels")
def parcel_weight_g(lines: Sequence[Mapping[str, Any]], packaging_g: int) -> int:
    """Return what a parcel weighs in grams: every unit, and the packaging."""
    return packaging_g + sum(int(line["unit_g"]) * int(line["quantity"]) for line in lines)


@seam("shipping and labels")
def weight_units(country: str) -> tuple[str, str]:
    """Return the carrier's codes of weight and length for parcels leaving a country: one system of units."""
    return ("LBS", "IN") if country == "US" else ("KGS", "CM")


@seam("shipping and labels")
def carrier_weight(weight_g: int, unit: str) -> str:
    """Return a weight as the carrier takes it: kilograms or pounds with one decimal, rounded up."""
    grams = Decimal("453.59237") if unit == "LBS" else Decimal(1000)
    return f"{max((Decimal(weight_g) / grams).quantize(Decimal('0.1'), rounding=ROUND_UP), Decimal('0.1')):f}"


@seam("shipping and labels")
def carrier_length(length_cm: int, unit: str) -> str:
    """Return a length as the carrier takes it, whole units rounded up."""
    inches = Decimal(length_cm) / Decimal("2.54")
    return f"{(inches if unit == 'IN' else Decimal(length_cm)).quantize(Decimal(1), rounding=ROUND_UP):f}"


def parcel_size_cm(catalogue: Catalogue, lines: Sequence[Mapping[str, Any]]) -> tuple[int, int, int]:
    """Return a box the lines fit into: the longest and widest piece, the heights of all, at most 60 cm."""
    sizes = [(sorted(catalogue.product(line["sku"]).size_cm, reverse=True), line["quantity"]) for line in lines]
    length = max(size[0] for size, _ in sizes)
    width = max(size[1] for size, _ in sizes)
    height = sum(size[2] * quantity for size, quantity in sizes)
    return length, width, min(max(height, 1), 60)


@seam("shipping and labels")
def service_code(chosen: str, is_export: bool) -> str:
    """Return the carrier's service: what the customer chose, else 11 (Standard) in the EU and 65 (Saver) beyond."""
    if chosen.startswith("ups_"):
        return chosen.removeprefix("ups_")
    return "65" if is_export else "11"


@seam("shipping and labels")
def label_references(number: str, delivery: str) -> list[str]:
    """Return the references printed on the label and known to the carrier: order number, then order and delivery."""
    return [number, f"{number}-{delivery}"]


@seam("shipping and labels")
def label_tracking(tracking: str) -> str | None:
    """Return the tracking number stored for a label."""
    return tracking


@seam("shipping and labels")
def is_rate_valid(age_s: float, limit_s: float) -> bool:
    """Say whether a rate quoted at checkout still holds when the parcel ships."""
    return age_s <= limit_s


@seam("customs")
def customs_amount(amount: Decimal, currency: str) -> tuple[Decimal, str]:
    """Return the declared value of goods and its currency: the invoice's."""
    return amount, currency


@seam("customs")
def customs_invoice_number(number: str, label_text: str) -> str:
    """Return the invoice number of a customs declaration: the order's number."""
    return number


@seam("customs")
def customs_quantity(quantity: int) -> int:
    """Return the declared number of pieces of a line."""
    return quantity


@seam("tracking")
def track_status(kind: str, code: str) -> str:
    """Return the shop's status for the carrier's type and code; one it does not know is `unknown`, no error."""
    if kind == "D":
        return "out_for_delivery" if code in ("OT", "OF", "DS") else "delivered"
    known = {"M": "created", "MV": "voided", "P": "in_transit", "I": "in_transit", "X": "exception", "U": "in_transit"}
    if kind == "I" and code in ("OT", "OF"):
        return "out_for_delivery"
    return known.get(kind, "unknown")


_TRACK_RANKS = {
    "none": 0,
    "created": 1,
    "unknown": 1,
    "in_transit": 2,
    "exception": 2,
    "out_for_delivery": 3,
    "delivered": 9,
}


@seam("tracking")
def may_track_move(current: str, new: str) -> bool:
    """Say whether a parcel's status may follow another: late news never takes a delivered parcel back."""
    return _TRACK_RANKS.get(new, 1) >= _TRACK_RANKS.get(current, 0) and new != current and current != "delivered"


@seam("tracking")
def closes_order(statuses: Sequence[str], fully_shipped: bool) -> bool:
    """Say whether an order is delivered: everything was shipped and every parcel has arrived."""
    return fully_shipped and all(status in ("delivered", "untracked") for status in statuses)
