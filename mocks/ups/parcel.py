"""The parcels of a request: units, weights and dimensions, and the weight UPS bills."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Literal

from mocks.ups import place
from mocks.ups.refusal import Json, items, mapping, optional_mapping, refused, text

_WEIGHT_UNITS = {"KGS": "metric", "LBS": "imperial", "OZS": "imperial"}
_DIMENSION_UNITS = {"CM": "metric", "IN": "imperial", "00": "metric", "01": "imperial"}
_DIVISOR = {"metric": Decimal(5_000), "imperial": Decimal(139)}
_MAX_WEIGHT = {"KGS": Decimal(70), "LBS": Decimal(150), "OZS": Decimal(2_400)}
_MAX_SIZE = {"metric": (Decimal(270), Decimal(330)), "imperial": (Decimal(108), Decimal(165))}
_POUND_IN_KG = Decimal("0.45359237")
_HALF = Decimal("0.5")

Api = Literal["11", "12"]  # Rating's error codes begin with 11, Shipping's with 12; the rest is the same


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel: weight and size as sent (ounces as pounds), and what is billed for it.

    billed: in `unit`, the larger of weight and dimensional weight, rounded up to half kilograms or whole pounds.
    """

    description: str
    packaging: str
    unit: str
    weight: Decimal
    dimensions: tuple[Decimal, Decimal, Decimal] | None
    dimension_unit: str
    billed: Decimal
    references: tuple[tuple[str, str], ...]
    declared_value: Decimal

    @property
    def billed_half_kg(self) -> int:
        """The billed weight in half kilograms, rounded up."""
        kilograms = self.billed if self.unit == "KGS" else self.billed * _POUND_IN_KG
        return int((kilograms / _HALF).to_integral_value(ROUND_CEILING))


def read_parcels(shipment: Json, origin: str, api: Api) -> list[Parcel]:
    """Return the parcels of a shipment from a country; refuses none, bad weights and units of two systems."""
    packages = items(shipment, "Shipment", "Package")
    if not packages:
        raise refused("9120200" if api == "12" else "110002", "Missing required field: at least one Package")
    if len(packages) > 200:
        raise refused(f"{api}0003", "The number of packages exceeds the maximum of 200")
    parcels = [_read_parcel(package, origin, api) for package in packages]
    if len({parcel.unit for parcel in parcels}) > 1:
        raise refused(f"{api}0548", _MIXED_UNITS)
    return parcels


_MIXED_UNITS = "A shipment cannot have a KGS/IN or LBS/CM or OZS/CM as its unit of measurements"


def _read_parcel(package: Json, origin: str, api: Api) -> Parcel:
    path = "Shipment.Package"
    packaging = text(optional_mapping(package, path, "Packaging" if api == "12" else "PackagingType"), "Code")
    if not packaging:
        raise refused(f"{api}0600", "Missing or invalid packaging type code")
    weight, unit = _read_weight(package, api)
    dimensions, dimension_unit = _read_dimensions(package, api)
    system = _WEIGHT_UNITS[unit]
    if dimensions and _DIMENSION_UNITS[dimension_unit] != system:
        raise refused(f"{api}0548", _MIXED_UNITS)
    if (system == "metric") == (origin in place.IMPERIAL_ONLY) and origin not in place.BOTH_UNITS:
        raise refused(f"{api}1057", "This measurement system is not valid for the selected country or territory.")
    references = [
        (text(reference, "Code"), text(reference, "Value")) for reference in items(package, path, "ReferenceNumber")
    ]
    options = optional_mapping(package, path, "PackageServiceOptions") or {}
    declared = optional_mapping(options, f"{path}.PackageServiceOptions", "DeclaredValue")
    return Parcel(
        description=text(package, "Description"),
        packaging=packaging,
        unit=unit,
        weight=weight,
        dimensions=dimensions,
        dimension_unit=dimension_unit,
        billed=_billed(weight, unit, dimensions),
        references=tuple(references),
        declared_value=number(text(declared, "MonetaryValue")) or Decimal(0),
    )


def _read_weight(package: Json, api: Api) -> tuple[Decimal, str]:
    owner = mapping(package, "Shipment.Package", "PackageWeight")
    unit = text(optional_mapping(owner, "Shipment.Package.PackageWeight", "UnitOfMeasurement"), "Code").upper()
    if unit not in _WEIGHT_UNITS:
        raise refused(f"{api}0601", "Missing or invalid unit of measurement code for the package weight")
    weight = number(text(owner, "Weight"))
    if weight is None:
        raise refused(f"{api}1050", "Missing or invalid package weight")
    if weight <= 0:
        raise refused(f"{api}1030", "Packages must weigh more than zero")
    if weight > _MAX_WEIGHT[unit]:
        limit = f"{_MAX_WEIGHT[unit]}.00 {'kgs' if unit == 'KGS' else 'pounds'}"
        raise refused(
            f"{api}1035",
            f"The maximum per package weight for the selected service from the selected country is {limit}.",
        )
    return (weight / 16, "LBS") if unit == "OZS" else (weight, unit)


def _read_dimensions(package: Json, api: Api) -> tuple[tuple[Decimal, Decimal, Decimal] | None, str]:
    path = "Shipment.Package.Dimensions"
    owner = optional_mapping(package, "Shipment.Package", "Dimensions")
    if owner is None:
        return None, ""
    unit = text(optional_mapping(owner, path, "UnitOfMeasurement"), "Code").upper()
    if unit not in _DIMENSION_UNITS:
        raise refused(f"{api}0602", "Missing or invalid unit of measurement code for the package dimensions")
    length, width, height = (number(text(owner, name)) for name in ("Length", "Width", "Height"))
    if length is None or width is None or height is None or min(length, width, height) < 0:
        raise refused(f"{api}0603", "Missing or invalid package dimensions")
    longest, girth = _MAX_SIZE[_DIMENSION_UNITS[unit]]
    sides = sorted((length, width, height), reverse=True)
    if sides[0] > longest or sides[0] + 2 * (sides[1] + sides[2]) > girth:
        raise refused(f"{api}1055", "A package exceeds the maximum size for the selected country or territory")
    return (length, width, height), unit


def _billed(weight: Decimal, unit: str, dimensions: tuple[Decimal, Decimal, Decimal] | None) -> Decimal:
    larger = weight
    if dimensions:
        length, width, height = dimensions
        larger = max(weight, length * width * height / _DIVISOR[_WEIGHT_UNITS[unit]])
    step = _HALF if unit == "KGS" else Decimal(1)
    return (larger / step).to_integral_value(ROUND_CEILING) * step


def number(words: str) -> Decimal | None:
    """Return a plain decimal number of sane length, or None when it is none."""
    if len(words) > 20:
        return None
    try:
        value = Decimal(words)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) < 10**12 else None
