"""A Shipping request read and checked: parties, service, parcels, payment, export rules, label format.

Where UPS publishes an error code it is used; the README lists those that are not confirmed by a published source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mocks.ups import place
from mocks.ups.label import FORMATS
from mocks.ups.parcel import Parcel, number, read_parcels
from mocks.ups.party import Party, check_abroad, check_party, read_party
from mocks.ups.refusal import Json, items, mapping, optional_mapping, refused, text, texts
from mocks.ups.service import SERVICES, Service, relation, running

_SHIPPER_NUMBER = re.compile(r"[A-Z0-9]{6}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_PAYERS = ("BillShipper", "BillReceiver", "BillThirdParty", "ConsigneeBilledIndicator")
_LETTER = "01"
_INVOICE = "01"


@dataclass(frozen=True, slots=True)
class Booking:
    """What is to be shipped, by whom and how. references: code and value pairs of the whole shipment."""

    shipper_number: str
    shipper: Party
    ship_from: Party
    ship_to: Party
    service: Service
    parcels: Sequence[Parcel]
    references: Sequence[tuple[str, str]]
    label_kind: str
    invoice_lines: Sequence[str]

    @property
    def is_abroad(self) -> bool:
        """Whether the shipment crosses a border."""
        return self.ship_from.country != self.ship_to.country


def read_booking(request: Json, shipment: Json, is_shipper: Callable[[str], bool]) -> Booking:
    """Return the booking of a ShipmentRequest; refuses what UPS would not print a label for."""
    shipper_number = text(mapping(shipment, "Shipment", "Shipper"), "ShipperNumber").upper()
    if not _SHIPPER_NUMBER.fullmatch(shipper_number) or not is_shipper(shipper_number):
        raise refused("120100", "Missing or invalid shipper number")
    shipper, ship_to = read_party(shipment, "Shipper"), read_party(shipment, "ShipTo")
    check_party(shipper, "Shipper")
    check_party(ship_to, "ShipTo")
    ship_from = shipper
    if shipment.get("ShipFrom"):
        ship_from = read_party(shipment, "ShipFrom")
        check_party(ship_from, "ShipFrom")
    service = _service(shipment, ship_from.country, ship_to.country)
    booking = Booking(
        shipper_number=shipper_number,
        shipper=shipper,
        ship_from=ship_from,
        ship_to=ship_to,
        service=service,
        parcels=read_parcels(shipment, ship_from.country, "12"),
        references=_references(shipment),
        label_kind=_label_kind(request),
        invoice_lines=_invoice_lines(shipment, ship_from, ship_to),
    )
    _check_payment(shipment, is_shipper)
    if booking.is_abroad:
        _check_abroad(shipment, booking)
    return booking


def _service(shipment: Json, origin: str, destination: str) -> Service:
    code = text(optional_mapping(shipment, "Shipment", "Service"), "Code").zfill(2)
    if code not in SERVICES:
        raise refused("120500", "Missing or invalid service code")
    service = SERVICES[code]
    if service in running(origin, destination):
        return service
    if not any(service in running(origin, other) for other in place.COUNTRIES):
        raise refused("121100", "The requested service is invalid for the shipment origin")
    raise refused("121210", "The requested service is unavailable between the selected locations.")


def _check_payment(shipment: Json, is_shipper: Callable[[str], bool]) -> None:
    path = "Shipment.PaymentInformation"
    charges = items(mapping(shipment, "Shipment", "PaymentInformation"), path, "ShipmentCharge")
    transport = [charge for charge in charges if text(charge, "Type").zfill(2) == "01"]
    if not transport or not any(payer in transport[0] for payer in _PAYERS):
        raise refused("120410", "Missing or invalid billing option for the transportation charges")
    billed = optional_mapping(transport[0], f"{path}.ShipmentCharge", "BillShipper")
    account = text(billed, "AccountNumber").upper()
    if account and not is_shipper(account):
        raise refused("120412", "Missing or invalid account number of the bill shipper option")


def _check_abroad(shipment: Json, booking: Booking) -> None:
    check_abroad(booking.ship_to, "ShipTo")
    check_abroad(booking.shipper, "Shipper")
    letters = all(parcel.packaging == _LETTER for parcel in booking.parcels)
    within_eu_by_road = relation(booking.ship_from.country, booking.ship_to.country) == "eu"
    within_eu_by_road = within_eu_by_road and booking.service.code == "11"
    if not letters and not within_eu_by_road and not text(shipment, "Description"):
        raise refused("120019", "Missing or invalid description of goods")
    if booking.ship_from.country == "US" and booking.ship_to.country in ("CA", "PR"):
        total = optional_mapping(shipment, "Shipment", "InvoiceLineTotal")
        if number(text(total, "MonetaryValue")) is None:
            raise refused("121420", "Missing or invalid invoice line total")


def _references(shipment: Json) -> list[tuple[str, str]]:
    pairs = []
    for reference in items(shipment, "Shipment", "ReferenceNumber"):
        value = text(reference, "Value")
        if not value or len(value) > 35:
            raise refused("120700", "Missing or invalid reference number value")
        pairs.append((text(reference, "Code"), value))
    return pairs


def _label_kind(request: Json) -> str:
    specification = optional_mapping(request, "ShipmentRequest", "LabelSpecification")
    if specification is None:
        return "GIF"
    path = "LabelSpecification"
    code = text(optional_mapping(specification, path, "LabelImageFormat"), "Code").upper()
    if code not in FORMATS:
        raise refused("120652", f"Missing or invalid label image format code: expected {', '.join(FORMATS)}")
    return code


def _invoice_lines(shipment: Json, ship_from: Party, ship_to: Party) -> list[str]:
    """Return the lines of the commercial invoice UPS is to print, none when none is asked for."""
    options = optional_mapping(shipment, "Shipment", "ShipmentServiceOptions") or {}
    path = "ShipmentServiceOptions.InternationalForms"
    forms = optional_mapping(options, "ShipmentServiceOptions", "InternationalForms")
    if forms is None or _INVOICE not in [kind.zfill(2) for kind in texts(forms, "FormType")]:
        return []
    currency = text(forms, "CurrencyCode")
    if not _CURRENCY.fullmatch(currency):
        raise refused("121440", "Missing or invalid currency code of the international forms")
    products = items(forms, path, "Product")
    if not products or len(products) > 50:
        raise refused("121430", "The international forms need one to fifty products")
    lines = [
        "COMMERCIAL INVOICE",
        f"INVOICE {text(forms, 'InvoiceNumber')}   DATE {text(forms, 'InvoiceDate')}",
        f"FROM {ship_from.name}, {ship_from.country}   TO {ship_to.name}, {ship_to.country}",
        f"TERMS {text(forms, 'TermsOfShipment')}   REASON {text(forms, 'ReasonForExport')}",
        "",
    ]
    for product in products:
        unit = optional_mapping(product, f"{path}.Product", "Unit")
        count, value = number(text(unit, "Number")), number(text(unit, "Value"))
        if count is None or value is None or count <= 0 or value < 0:
            raise refused("121431", "Missing or invalid unit number or value of a product of the international forms")
        origin = text(product, "OriginCountryCode")
        if origin not in place.COUNTRIES:
            raise refused("121432", "Missing or invalid origin country or territory code of a product")
        name = " ".join(texts(product, "Description"))
        lines.append(f"{count} x {name} {text(product, 'CommodityCode')} ({origin}) {value} {currency}")
    return lines
