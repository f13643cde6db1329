"""Replaces personal data in recorded traffic: the same person gets the same made-up name all through one recording.

What counts as personal is told by the names of fields (JSON, forms, XML), and e-mail addresses by their look wherever
they stand. City, postcode and country stay: taxes and shipping are worked out from them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

_NAMES = {
    "firstname", "lastname", "middlename", "givenname", "familyname", "surname", "fullname", "holder", "holdername",
    "cardholder", "cardholdername", "accountholder", "accountholdername", "attentionname", "personname",
    "customername", "recipientname", "contactname", "displayname", "businesspartnername", "businesspartnerfullname",
}  # fmt: skip
_NAME_UNDER = {
    "billingdetails", "shippingdetails", "shipping", "billing", "address", "customer", "customerdetails", "shipto",
    "shipfrom", "shipper", "recipient", "contact", "person", "owner", "payer", "buyer", "soldto", "receiver", "sender",
    "consignee",
}  # fmt: skip
_PHONES = {"phone", "phonenumber", "telephone", "telephonenumber", "mobile", "mobilephone", "mobilenumber", "fax"}
_STREETS = {
    "street", "street1", "street2", "streetname", "line1", "line2", "addressline", "addressline1", "addressline2",
    "address1", "address2", "streetaddress", "addressstreet",
}  # fmt: skip
_BIRTHS = {"birthdate", "dateofbirth", "dob", "birthday"}
_ADDRESSES = {"ip", "ipaddress", "clientip", "customerip"}
_EMAIL = re.compile(r"[A-Za-z0-9._+'-]+(?:@|%40)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_ELEMENT = re.compile(r"<(?P<tag>(?:[\w.-]+:)?(?P<name>[\w.-]+))(?P<rest>\s[^<>]*)?>(?P<value>[^<>]+)</(?P=tag)>")
_ELEMENT_OR_EMAIL = re.compile(f"{_ELEMENT.pattern}|{_EMAIL.pattern}")
_FORM = "application/x-www-form-urlencoded"


class Pseudonyms:
    """What stands for whom in one recording: numbered in the order of appearance, so that it is repeatable."""

    def __init__(self) -> None:
        self._given: dict[str, dict[str, str]] = {}

    def body(self, text: str, content_type: str) -> str:
        """Return a body with personal data replaced; of an unknown form, e-mail addresses alone."""
        if _FORM in content_type:
            fields = parse_qsl(text, keep_blank_values=True)
            return urlencode([(name, self.field(path, value)) for name, path, value in placed_fields(fields)])
        if text.lstrip().startswith(("{", "[")):
            try:
                content = json.loads(text, parse_float=_Exact)
            except ValueError:
                return self.text(text)
            return dump(self.content(content, ()))
        if text.lstrip().startswith("<"):
            return _ELEMENT_OR_EMAIL.sub(self._element, text)
        return self.text(text)

    def content(self, value: Any, path: tuple[str, ...]) -> Any:
        """Return decoded JSON with personal data replaced; ``path`` is where it stands."""
        if isinstance(value, Mapping):
            around = around_fields(path, value)
            return {name: self.content(each, (*around, name)) for name, each in value.items()}
        if isinstance(value, list):
            return [self.content(each, path) for each in value]
        return self.field(path, value) if type(value) is str else value

    def field(self, path: tuple[str, ...], value: str) -> str:
        """Return one value by the name of its field."""
        kind = kind_of(path)
        return self._named(kind, value) if kind and value.strip() else self.text(value)

    def text(self, text: str) -> str:
        """Return any text with e-mail addresses replaced."""
        return _EMAIL.sub(lambda match: self._email(match[0]), text)

    def _element(self, match: re.Match[str]) -> str:
        if match["name"] is None:
            return self._email(match[0])
        value = self.field((match["name"],), match["value"])
        return f"<{match['tag']}{self.text(match['rest'] or '')}>{value}</{match['tag']}>"

    def _email(self, found: str) -> str:
        at = "%40" if "%40" in found else "@"
        return self._named("email", found.replace("%40", "@").lower()).replace("@", at)

    def _named(self, kind: str, value: str) -> str:
        known = self._given.setdefault(kind, {})
        return known.setdefault(value, _MADE_UP[kind](len(known) + 1))


def kind_of(path: tuple[str, ...]) -> str | None:
    """Return what kind of personal data a field holds by its name and that of the field around it; None for none."""
    plain = [re.sub(r"[^a-z0-9]", "", part.lower()) for part in path if not part.isdigit()]
    if not plain:
        return None
    name, around = plain[-1], plain[-2] if len(plain) > 1 else ""
    if name in _NAMES or (name == "name" and around in _NAME_UNDER):
        return "name"
    for kind, names in (("phone", _PHONES), ("street", _STREETS), ("birth", _BIRTHS), ("ip", _ADDRESSES)):
        if name in names or (kind == "phone" and name == "number" and around in _PHONES):
            return kind
    return "iban" if name == "iban" else "email" if name in ("email", "emailaddress") else None


def is_personal(path: tuple[str, ...], value: str) -> bool:
    """Tell whether a value would be replaced."""
    return kind_of(path) is not None or _EMAIL.search(value) is not None


def around_fields(path: tuple[str, ...], names: Iterable[str]) -> tuple[str, ...]:
    """Return where fields of these names stand: whatever has an e-mail address or a telephone is a person."""
    is_person = any(kind_of((name,)) in ("email", "phone", "birth") for name in names)
    return (*path, "person") if is_person else path


def placed_fields(fields: Sequence[tuple[str, str]]) -> list[tuple[str, tuple[str, ...], str]]:
    """Return (name, path, value) of a form's fields: ``billing_details[address][line1]`` has a path of three parts."""
    split = [(name, tuple(re.findall(r"[^\[\].]+", name)), value) for name, value in fields]
    around = around_fields((), [path[0] for _, path, _ in split if len(path) == 1])
    return [(name, (*around, *path), value) for name, path, value in split]


def dump(value: Any) -> str:
    """Return JSON text in which every number stands as it was read."""
    if isinstance(value, _Exact):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(name)}:{dump(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


class _Exact(str):
    """A number with decimals, as it was written: a float would change it."""

    __slots__ = ()


_MADE_UP: dict[str, Callable[[int], str]] = {
    "name": lambda number: f"Person {number}",
    "email": lambda number: f"person{number}@example.com",
    "phone": lambda number: f"+999{number:09d}",
    "street": lambda number: f"Street {number}",
    "birth": lambda _: "1970-01-01",
    "ip": lambda number: f"192.0.2.{number % 256}",
    "iban": lambda number: f"XX00ASSAY{number:012d}",
}
