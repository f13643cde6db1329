"""Addresses: what a delivery address must hold, and how it is written for a carrier's label."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from mocks.merchant.errors import Refusal
from mocks.merchant.seams import seam

LINE_LIMIT = 35
_MOST_LINES = 3
_FIELDS = {"name": 80, "line1": 60, "line2": 60, "city": 40, "region": 20, "postcode": 10, "country": 2, "phone": 30}
_REQUIRED = ("name", "line1", "city", "country")
_COUNTRY = re.compile(r"[A-Z]{2}")
_NO_POSTCODE = frozenset({"HK", "AE", "QA"})
_SPECIAL = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th",
        "ð": "d", "Ð": "D", "ł": "l", "Ł": "L", "đ": "d", "ı": "i",
        "’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-",
    }
)  # fmt: skip


@seam("addresses")
def region_required(country: str) -> bool:
    """Say whether an address in the country needs a state or province."""
    return country in ("US", "CA", "AU")


def checked_address(content: Mapping[str, Any]) -> dict[str, str]:
    """Return a delivery address with every field a text. Raises `Refusal` 422 naming the field."""
    address: dict[str, str] = {}
    for name, most in _FIELDS.items():
        value = content.get(name, "")
        if value is None:
            value = ""
        if not isinstance(value, str) or len(value) > most or any(ord(letter) < 32 for letter in value):
            raise Refusal(
                422,
                "invalid",
                f"'address.{name}' must be a text of at most {most} characters.",
                field=f"address.{name}",
                seen=value,
            )
        address[name] = value.strip()
    required = [*_REQUIRED, *(["region"] if region_required(address["country"]) else [])]
    required += [] if address["country"] in _NO_POSTCODE else ["postcode"]
    for name in required:
        if not address[name]:
            raise Refusal(422, "invalid", f"'address.{name}' is missing.", field=f"address.{name}")
    if not _COUNTRY.fullmatch(address["country"]):
        raise Refusal(
            422,
            "invalid",
            "'address.country' must be two capital letters.",
            field="address.country",
            seen=address["country"],
        )
    return address


@seam("addresses")
def transliterate(text: str) -> str:
    """Return a text in ASCII for a label where that loses no letter; other scripts stay as they are."""
    spelled = unicodedata.normalize("NFKD", text.translate(_SPECIAL))
    plain = "".join(letter for letter in spelled if not unicodedata.combining(letter))
    return plain if plain.isascii() else text


@seam("addresses")
def address_lines(line1: str, line2: str, limit: int) -> list[str]:
    """Return up to three lines within the carrier's limit, broken between words, nothing lost.

    The two lines are kept apart where three lines suffice for that, else they run on. Raises `ValueError` when the
    address does not fit at all: the label is not bought and an operator is told.
    """
    lines = _wrapped(line1, limit) + _wrapped(line2, limit)
    if len(lines) > _MOST_LINES:
        lines = _wrapped(f"{line1} {line2}", limit)
    if len(lines) > _MOST_LINES or any(len(line) > limit for line in lines):
        raise ValueError(f"the address does not fit into 3 lines of {limit} characters: {line1} / {line2}")
    return lines


@seam("addresses")
def label_region(country: str, region: str) -> str:
    """Return the state or province written on the label."""
    return region


@seam("addresses")
def label_phone(phone: str) -> str:
    """Return the phone number handed to the carrier."""
    return phone


@seam("formatting and parsing")
def stored_postcode(postcode: str) -> str:
    """Return a postcode as other systems get it: text, leading zeros kept."""
    return postcode


def _wrapped(text: str, limit: int) -> list[str]:
    lines, current = [], ""
    for word in text.split():
        joined = f"{current} {word}".strip()
        if len(joined) > limit and current:
            lines.append(current)
            joined = word
        current = joined
    return [*lines, current] if current else lines
