"""Customers, as far as payments need them (https://docs.stripe.com/api/customers)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocks.stripe.account import Account, Document, Request
from mocks.stripe.error import missing_resource
from mocks.stripe.event import emit
from mocks.stripe.form import Accepts, array, merged_metadata, metadata, object_of, short, text
from mocks.stripe.listing import PAGING, page
from mocks.stripe.method import ADDRESS, attached, resolved

_ADDRESS = object_of(ADDRESS)
_SHIPPING = object_of({"address": _ADDRESS, "name": text, "phone": text}, required=("address", "name"))

CREATE: Accepts = {
    "address": _ADDRESS,
    "description": text,
    "email": short(512),
    "metadata": metadata,
    "name": short(256),
    "payment_method": text,
    "phone": short(20),
    "preferred_locales": array(),
    "shipping": _SHIPPING,
}
UPDATE: Accepts = {name: kind for name, kind in CREATE.items() if name != "payment_method"}
LIST: Accepts = {**PAGING, "email": short(512)}


def address_of(given: Mapping[str, Any] | None) -> Document | None:
    """Return an address with every field, or None where none was given."""
    return {name: given.get(name) for name in ADDRESS} if given else None


def create(account: Account, request: Request) -> Document:
    """Create a customer; a payment method given with it is attached."""
    parameters = request.parameters
    id_ = account.new_id("cus", 14)
    customer = {
        "id": id_,
        "object": "customer",
        "address": address_of(parameters.get("address")),
        "balance": 0,
        "created": account.now(),
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": parameters.get("description"),
        "discount": None,
        "email": parameters.get("email"),
        "invoice_prefix": account.new_secret("invoice_prefix", 8).upper(),
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None,
        },
        "livemode": False,
        "metadata": merged_metadata({}, parameters.get("metadata")),
        "name": parameters.get("name"),
        "next_invoice_sequence": 1,
        "phone": parameters.get("phone"),
        "preferred_locales": parameters.get("preferred_locales", []),
        "shipping": shipping_of(parameters.get("shipping")),
        "tax_exempt": "none",
        "test_clock": None,
    }  # fmt: skip
    account.customers[id_] = customer
    emit(account, "customer.created", customer, request)
    if parameters.get("payment_method"):
        attached(account, resolved(account, parameters["payment_method"]), id_, request)
    return customer


def shipping_of(given: Mapping[str, Any] | None) -> Document | None:
    """Return shipping details of a customer with every field, or None."""
    if not given:
        return None
    return {"address": address_of(given.get("address")), "name": given.get("name"), "phone": given.get("phone")}


def find_customer(account: Account, id_: str, param: str = "customer", *, status: int = 400) -> Document:
    """Return a customer by id, or refuse."""
    found: Document | None = account.customers.get(id_)
    if found is None:
        raise missing_resource("customer", id_, param, status=status)
    return found


def retrieve(account: Account, request: Request) -> Document:
    """Return one customer."""
    return find_customer(account, request.path["customer"], "id", status=404)


def update(account: Account, request: Request) -> Document:
    """Change what is given and keep the rest."""
    old = retrieve(account, request)
    change = dict(request.parameters)
    change.pop("expand", None)
    change["metadata"] = merged_metadata(old["metadata"], change.pop("metadata", None))
    if "address" in change:
        change["address"] = address_of(change["address"])
    if "shipping" in change:
        change["shipping"] = shipping_of(change["shipping"])
    customer = {**old, **change}
    account.customers[old["id"]] = customer
    previous = {name: old[name] for name in change if old[name] != customer[name]}
    if previous:
        emit(account, "customer.updated", customer, request, previous=previous)
    return customer


def list_(account: Account, request: Request) -> Document:
    """Return customers, newest first; `email` matches exactly, case included."""
    email = request.parameters.get("email")
    return page(
        account.customers,
        request.parameters,
        kind="customer",
        url="/v1/customers",
        keep=(lambda row: row["email"] == email) if email else None,
    )
