"""What a request's elements are by UPS's documents: texts of limited length, objects, and arrays of them.

Held against a request that could be worked with, so that UPS's own code for a wrong address or weight comes first. An
element nobody knows is passed over, as UPS passes over it, and one object stands for an array of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mocks.ups.refusal import refused


@dataclass(frozen=True, slots=True)
class Text:
    """A text of so many characters. Numbers are texts, too: UPS writes and wants all of them in quotes."""

    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Object:
    """An object with these elements, some of them required."""

    elements: Mapping[str, Element] = field(default_factory=dict)
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Many:
    """An array of such elements, or one alone."""

    each: Text | Object


Element = Text | Object | Many

_TEXT = Text()
_CODE = Object({"Code": Text(1), "Description": _TEXT}, ("Code",))
_LINES = Many(Text(most=35))
_MONEY = Object({"CurrencyCode": Text(3, 3), "MonetaryValue": Text(1)}, ("CurrencyCode", "MonetaryValue"))
_REFERENCES = Many(Object({"Code": _TEXT, "Value": Text(1, 35)}, ("Value",)))
_ADDRESS = Object(
    {
        "AddressLine": _LINES,
        "City": Text(most=30),
        "StateProvinceCode": Text(most=5),
        "PostalCode": Text(most=10),
        "CountryCode": Text(2, 2),
    },
    ("CountryCode",),
)
_PARTY = Object(
    {
        "Name": Text(most=35),
        "AttentionName": Text(most=35),
        "Phone": Object({"Number": Text(most=15)}, ("Number",)),
        "Address": _ADDRESS,
        "ShipperNumber": _TEXT,
    },
    ("Address",),
)
_PACKAGE = Object(
    {
        "Description": _TEXT,
        "Packaging": _CODE,
        "PackagingType": _CODE,
        "Dimensions": Object({"UnitOfMeasurement": _CODE, "Length": _TEXT, "Width": _TEXT, "Height": _TEXT}),
        "PackageWeight": Object({"UnitOfMeasurement": _CODE, "Weight": _TEXT}, ("UnitOfMeasurement", "Weight")),
        "PackageServiceOptions": Object({"DeclaredValue": _MONEY}),
        "ReferenceNumber": _REFERENCES,
    }
)
_SHIPMENT = Object(
    {
        "Description": Text(most=50),
        "Shipper": _PARTY,
        "ShipTo": _PARTY,
        "ShipFrom": _PARTY,
        "Service": _CODE,
        "Package": Many(_PACKAGE),
        "ReferenceNumber": _REFERENCES,
        "PaymentInformation": Object(required=("ShipmentCharge",)),
        "ShipmentRatingOptions": Object(),
        "DeliveryTimeInformation": Object(),
        "InvoiceLineTotal": _MONEY,
        "ShipmentServiceOptions": Object(),
    },
    ("Shipper", "ShipTo", "Package"),
)
REQUEST = Object(
    {
        "Request": Object(),
        "Shipment": _SHIPMENT,
        "LabelSpecification": Object({"LabelImageFormat": _CODE}, ("LabelImageFormat",)),
    }
)
"""What stands under RateRequest and ShipmentRequest."""


def check(value: Any, element: Element, path: str) -> None:
    """Refuse what is not as documented, with its path: another type, null, too short or long, or left out."""
    if isinstance(element, Many):
        several = value if isinstance(value, list) else [value]
        for each in several:
            check(each, element.each, path)
        return
    if isinstance(element, Text):
        if not isinstance(value, str):
            raise _refused(f"{path} is no text")
        if len(value) < element.least or (element.most is not None and len(value) > element.most):
            raise _refused(f"{path} has {len(value)} characters")
        return
    if not isinstance(value, dict):
        raise _refused(f"{path} is no object")
    for name in element.required:
        if name not in value:
            raise _refused(f"{path} needs {name}")
    for name, below in element.elements.items():
        if name in value:
            check(value[name], below, f"{path}.{name}")


def _refused(reason: str) -> Exception:
    return refused("10002", f"The request is well formed but not valid: {reason}")
