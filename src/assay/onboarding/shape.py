"""Maps the words of a shop's OpenAPI schemas onto ours: what a purchase is sent as, what an order is read from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.contracts.pointer import names_of

_MOST_DEEP = 4
_INDENT = "    "
_SENT: Mapping[str, tuple[str, ...]] = {
    "purchase.email": ("email", "customeremail", "emailaddress", "mail"),
    "purchase.currency": ("currency", "currencycode"),
    "purchase.name": ("name", "customername", "fullname", "recipient"),
    'purchase.name.partition(" ")[0]': ("firstname", "givenname"),
    'purchase.name.partition(" ")[2]': ("lastname", "surname", "familyname"),
    "purchase.phone": ("phone", "phonenumber", "telephone"),
    "purchase.address_lines[0]": ("line1", "address1", "street", "addressline1", "streetaddress"),
    '" ".join(purchase.address_lines[1:])': ("line2", "address2", "addressline2"),
    "purchase.postcode": ("postcode", "postalcode", "zip", "zipcode"),
    "purchase.city": ("city", "town", "locality"),
    "purchase.region": ("region", "state", "province"),
    "purchase.country": ("country", "countrycode"),
    "purchase.payment_method": ("paymentmethod", "paymenttoken", "paymentmethodid", "token"),
    "purchase.coupon": ("coupon", "couponcode", "discountcode", "voucher"),
}
_OF_LINE: Mapping[str, tuple[str, ...]] = {
    "sku": (
        "sku",
        "product",
        "productid",
        "productsku",
        "variantid",
        "itemid",
        "article",
        "articlenumber",
        "productcode",
    ),
    "quantity": ("quantity", "qty", "count", "units"),
}
_READ: Mapping[str, tuple[str, ...]] = {
    "ref": ("id", "orderid", "ref", "uuid", "reference", "number", "ordernumber"),
    "number": ("number", "ordernumber", "reference", "orderid", "id"),
    "status": ("status", "state", "orderstatus"),
    "placed_at": ("placedat", "createdat", "orderedat", "created", "orderdate", "date"),
    "total": ("total", "grandtotal", "totalprice", "totalamount", "amount"),
    "currency": ("currency", "currencycode"),
    "email": ("email", "customeremail"),
    "lines": ("lines", "items", "lineitems", "orderlines", "orderitems", "positions"),
}
_LINE_READ: Mapping[str, tuple[str, ...]] = {
    **_OF_LINE,
    "price": ("unitprice", "price"),
    "total": ("total", "linetotal", "totalprice"),
}
_WRAPPERS = ("order", "data", "result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Python texts for a generated connector. unknown: required members nobody here has a value for."""

    body: str
    unknown: tuple[str, ...]
    wrapper: str
    listed: str
    read: Mapping[str, str]
    line: Mapping[str, str]
    total_is_object: bool


def shape_of(document: Mapping[str, Any], place: Mapping[str, Any] | None, order: Mapping[str, Any] | None) -> Shape:
    """Return how the purchase is written and the order is read, as far as the schemas say; our words elsewhere."""
    unknown: list[str] = []
    body = _written(document, _sent_schema(document, place), unknown, 2, "")
    schema = _answer_schema(document, order or place)
    wrapper = ""
    for name, inner in _members(document, schema).items():
        if _plain(name) in _WRAPPERS and _members(document, inner):
            wrapper, schema = name, inner
            break
    members = _members(document, schema)
    found = {ours: _named(members, theirs) or ours for ours, theirs in _READ.items()}
    items = _resolved(document, members.get(found["lines"]) or {}).get("items") or {}
    of_line = _members(document, items)
    return Shape(
        body=body or "{}",
        unknown=tuple(unknown),
        wrapper=wrapper,
        listed=found["lines"],
        read=found,
        line={ours: _named(of_line, theirs) or ours for ours, theirs in _LINE_READ.items()},
        total_is_object=bool(_members(document, members.get(found["total"]) or {})),
    )


def _written(document: Mapping[str, Any], schema: Mapping[str, Any], unknown: list[str], depth: int, at: str) -> str:
    """Return a Python expression that fills a schema's members from `purchase`."""
    members = _members(document, schema)
    required = set(_resolved(document, schema).get("required") or ())
    pad, lines = _INDENT * (depth + 1), []
    for name, member in members.items():
        inner = _resolved(document, member)
        value = _value(document, name, inner, unknown, depth, at)
        if value is not None:
            lines.append(f'{pad}"{name}": {value},')
        elif name in required:
            unknown.append(f"{at}{name} ({inner.get('type', 'object')})")
    return "{\n" + "\n".join(lines) + f"\n{_INDENT * depth}}}" if lines else ""


def _value(
    document: Mapping[str, Any], name: str, member: Mapping[str, Any], unknown: list[str], depth: int, at: str
) -> str | None:
    if _members(document, member):
        return _written(document, member, unknown, depth + 1, f"{at}{name}.") or None if depth < _MOST_DEEP else None
    if member.get("type") == "array":
        return _listed_lines(document, member)
    return next((ours for ours, theirs in _SENT.items() if _plain(name) in theirs), None)


def _listed_lines(document: Mapping[str, Any], member: Mapping[str, Any]) -> str | None:
    of_line = _members(document, member.get("items") or {})
    pairs = [(_named(of_line, theirs), ours) for ours, theirs in _OF_LINE.items()]
    if not all(name for name, _ in pairs):
        return None
    inside = ", ".join(f'"{name}": {ours}' for name, ours in pairs)
    return f"[{{{inside}}} for sku, quantity in purchase.lines]"


def _named(members: Mapping[str, Any], wanted: tuple[str, ...]) -> str | None:
    by_plain = {_plain(name): name for name in members}
    return next((by_plain[each] for each in wanted if each in by_plain), None)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _members(document: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    resolved = _resolved(document, schema)
    found = dict(resolved.get("properties") or {})
    for part in resolved.get("allOf") or ():
        found |= _members(document, part)
    return found


def _resolved(document: Mapping[str, Any], schema: Any) -> dict[str, Any]:
    """Follow local references, a few at most: a document may point in a circle."""
    for _ in range(8):
        ref = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(ref, str) or not ref.startswith("#/"):
            break
        found: Any = document
        for name in names_of(ref[1:]):
            found = found.get(name, {}) if isinstance(found, dict) else {}
        schema = found
    return schema if isinstance(schema, dict) else {}


def _sent_schema(document: Mapping[str, Any], operation: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if operation is None:
        return {}
    for each in operation.get("parameters") or ():  # Swagger 2.0
        if isinstance(each, dict) and each.get("in") == "body":
            return _resolved(document, each.get("schema"))
    return _json_schema(document, operation.get("requestBody"))


def _answer_schema(document: Mapping[str, Any], operation: Mapping[str, Any] | None) -> Mapping[str, Any]:
    answers = (operation or {}).get("responses") or {}
    good: Any = next((answers[code] for code in sorted(answers, key=str) if str(code).startswith("2")), {})
    resolved = _resolved(document, good)
    return _resolved(document, resolved["schema"]) if "schema" in resolved else _json_schema(document, resolved)


def _json_schema(document: Mapping[str, Any], holder: Any) -> Mapping[str, Any]:
    content = _resolved(document, holder).get("content") or {}
    media: Any = next((value for name, value in content.items() if "json" in name), {})
    return _resolved(document, (media or {}).get("schema"))
