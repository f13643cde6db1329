"""The addresses of a shipment: who sends, from where, to whom; read and checked as the Shipping API does.

Error codes of the three parties differ in one digit: 1201xx shipper, 1202xx ship to, 1203xx ship from.
"""

from __future__ import annotations

from dataclasses import dataclass

from mocks.ups import place
from mocks.ups.refusal import Json, mapping, optional_mapping, refused, text, texts

_LINE_LENGTH = 35
_ROLES = {"Shipper": ("1201", "shipper"), "ShipTo": ("1202", "ship to"), "ShipFrom": ("1203", "ship from")}


@dataclass(frozen=True, slots=True)
class Party:
    """One name and address, as printed on a label."""

    name: str
    attention: str
    phone: str
    lines: tuple[str, ...]
    city: str
    state: str
    postcode: str
    country: str
    residential: bool

    def as_document(self) -> Json:
        """Return it as JSON."""
        return {
            "name": self.name,
            "attention": self.attention,
            "phone": self.phone,
            "lines": list(self.lines),
            "city": self.city,
            "state": self.state,
            "postcode": self.postcode,
            "country": self.country,
        }


def read_party(shipment: Json, role: str) -> Party:
    """Return a party of a shipment request as sent, nothing checked but its shape."""
    owner = mapping(shipment, "Shipment", role)
    address = mapping(owner, f"Shipment.{role}", "Address")
    phone = optional_mapping(owner, f"Shipment.{role}", "Phone")
    return Party(
        name=text(owner, "Name"),
        attention=text(owner, "AttentionName"),
        phone=text(phone, "Number"),
        lines=tuple(texts(address, "AddressLine")),
        city=text(address, "City"),
        state=text(address, "StateProvinceCode"),
        postcode=text(address, "PostalCode"),
        country=text(address, "CountryCode").upper(),
        residential="ResidentialAddressIndicator" in address or "Residential" in owner,
    )


def check_party(party: Party, role: str) -> None:
    """Refuse a party that cannot go on a label."""
    prefix, words = _ROLES[role]
    if not party.name or len(party.name) > _LINE_LENGTH:
        raise refused(f"{prefix}{'10' if role == 'Shipper' else '00'}", f"Missing or invalid {words} company name")
    if len(party.attention) > _LINE_LENGTH:
        raise refused(f"{prefix}01", f"Missing or invalid {words} attention name")
    if party.country not in place.COUNTRIES:
        raise refused(f"{prefix}08", f"Missing or invalid {words} country or territory code")
    _check_lines(party, prefix, words)
    if not party.city or len(party.city) > 30:
        raise refused(f"{prefix}05", f"Missing or invalid {words} city")
    if not place.has_valid_state(party.country, party.state):
        raise refused(f"{prefix}06", f"Missing or invalid {words} StateProvinceCode")
    if not place.has_valid_postcode(party.country, party.postcode):
        raise refused(f"{prefix}07", f"Missing or invalid {words} postal code")
    if len(party.phone) > 15:
        raise refused(f"{prefix}09", f"Missing or invalid {words} phone number")
    digits = sum(character.isalnum() for character in party.phone)
    if party.phone and digits < 10 and party.country in place.NORTH_AMERICAN_PHONES:
        code = "15" if role == "Shipper" else "13"
        raise refused(f"{prefix}{code}", f"{words.title()} phone must be at least 10 alphanumeric characters")


def check_abroad(party: Party, role: str) -> None:
    """Refuse a party of a shipment that crosses a border without a contact name and a phone number."""
    prefix, words = _ROLES[role]
    if not party.attention:
        raise refused(f"{prefix}01", f"Missing or invalid {words} attention name")
    if not party.phone:
        raise refused(f"{prefix}09", f"Missing or invalid {words} phone number")


def _check_lines(party: Party, prefix: str, words: str) -> None:
    if not party.lines:
        raise refused(f"{prefix}02", f"Missing or invalid {words} address line 1")
    for number, line in enumerate(party.lines, start=1):
        if number > 3 or len(line) > _LINE_LENGTH or (number == 1 and not line):
            place_of_line = min(number, 3)
            raise refused(
                f"{prefix}{place_of_line + 1:02d}", f"Missing or invalid {words} address line {place_of_line}"
            )
