"""Payment methods: created by card number, token or IBAN; Stripe's test names make a fresh one at each use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocks.stripe.account import Account, Document, Request, letters
from mocks.stripe.bank import BankAccount, account_behind, account_named
from mocks.stripe.cards import BY_NUMBER, DECLINE_MESSAGES, Card, card_named, is_luhn
from mocks.stripe.error import Problem, error_object, invalid, missing_resource, refused
from mocks.stripe.event import emit
from mocks.stripe.form import (
    Accepts,
    anything,
    integer,
    merged_metadata,
    metadata,
    object_of,
    one_of,
    require,
    text,
)
from mocks.stripe.listing import CURSORS, page

ADDRESS: Accepts = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), text)
_BILLING: Accepts = {"address": object_of(ADDRESS), "email": text, "name": text, "phone": text}
_CARD: Accepts = {
    "number": text, "exp_month": integer, "exp_year": integer, "cvc": text, "token": text, "networks": anything,
}  # fmt: skip
TYPES = ("card", "sepa_debit")
# What a payment method is made of, alone (POST /v1/payment_methods) or within an intent (payment_method_data).
DATA: Accepts = {
    "type": one_of(*TYPES),
    "card": object_of(_CARD),
    "sepa_debit": object_of({"iban": text}),
    "billing_details": object_of(_BILLING),
    "metadata": metadata,
    "allow_redisplay": one_of("always", "limited", "unspecified"),
    "radar_options": anything,
}
CREATE: Accepts = DATA
UPDATE: Accepts = {
    "billing_details": object_of(_BILLING),
    "metadata": metadata,
    "card": object_of({"exp_month": integer, "exp_year": integer}),
}
ATTACH: Accepts = {"customer": text}
LIST: Accepts = {**CURSORS, "customer": text, "type": one_of(*TYPES)}


def create(account: Account, request: Request) -> Document:
    """Create a payment method from a card number, a card token or an IBAN."""
    return made(account, request.parameters)


def made(account: Account, parameters: Mapping[str, Any]) -> Document:
    """Return the new payment method these parameters describe."""
    require(parameters, "type")
    type_ = parameters["type"]
    if not parameters.get(type_):
        raise invalid(f"Missing required param: {type_}.", type_, "parameter_missing")
    billing = billing_details(parameters.get("billing_details"))
    kept = merged_metadata({}, parameters.get("metadata"))
    if type_ == "sepa_debit":
        require(parameters["sepa_debit"], "iban")
        return _stored_debit(account, account_behind(parameters["sepa_debit"]["iban"]), billing, kept)
    given = parameters["card"]
    if given.get("token"):
        card = card_named(given["token"])
        if card is None:
            raise missing_resource("token", given["token"], "card[token]", status=400)
        return _stored_card(account, card, billing, kept)
    return _stored_card(account, _card_behind(account, given), billing, kept, given)


def _card_behind(account: Account, given: Mapping[str, Any]) -> Card:
    for name in ("number", "exp_month", "exp_year"):
        if given.get(name) is None:
            raise invalid(f"Missing required param: card[{name}].", f"card[{name}]", "parameter_missing")
    number = given["number"].replace(" ", "").replace("-", "")
    if not (number.isascii() and number.isdecimal() and 12 <= len(number) <= 19 and is_luhn(number)):
        raise _card_refused("Your card number is incorrect.", "incorrect_number", "number")
    now = account.world.now()
    month, year = given["exp_month"], given["exp_year"]
    year = year + 2000 if 0 <= year < 100 else year
    if not 1 <= month <= 12:
        raise _card_refused("Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month")
    if not now.year <= year <= now.year + 50:
        raise _card_refused("Your card's expiration year is invalid.", "invalid_expiry_year", "exp_year")
    if (year, month) < (now.year, now.month):
        raise _card_refused("Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month")
    cvc = given.get("cvc")
    if cvc is not None and not (cvc.isascii() and cvc.isdecimal() and 3 <= len(cvc) <= 4):
        raise _card_refused("Your card's security code is invalid.", "invalid_cvc", "cvc")
    card = BY_NUMBER.get(number)
    if card is None:
        message = DECLINE_MESSAGES["test_mode_live_card"]
        error = error_object(message, type_="card_error", code="card_declined", decline_code="test_mode_live_card")
        raise Problem(402, error, saved=True)
    return card


def _card_refused(message: str, code: str, param: str) -> Problem:
    return Problem(402, error_object(message, type_="card_error", code=code, param=param), saved=True)


def _stored_card(
    account: Account, card: Card, billing: Document, kept: dict[str, str], given: Mapping[str, Any] | None = None
) -> Document:
    given = given or {}
    year = given.get("exp_year") or account.world.now().year + 4
    has_address = billing["address"]["line1"] is not None
    details = {
        "brand": card.brand,
        "checks": {
            "address_line1_check": "unchecked" if has_address else None,
            "address_postal_code_check": "unchecked" if billing["address"]["postal_code"] else None,
            "cvc_check": "unchecked" if given.get("cvc") or not given else None,
        },
        "country": card.country,
        "exp_month": given.get("exp_month") or 12,
        "exp_year": year + 2000 if year < 100 else year,
        "fingerprint": letters(f"card:{card.number}", 16),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "three_d_secure_usage": {"supported": card.secure != "unsupported"},
        "wallet": None,
    }
    return _stored(account, "card", details, billing, kept, card.name)


def _stored_debit(account: Account, bank: BankAccount, billing: Document, kept: dict[str, str]) -> Document:
    return _stored(account, "sepa_debit", bank.details, billing, kept, bank.instrument)


def _stored(
    account: Account, type_: str, details: Document, billing: Document, kept: dict[str, str], instrument: str
) -> Document:
    id_ = account.new_id("pm")
    method: Document = {
        "id": id_,
        "object": "payment_method",
        "billing_details": billing,
        "created": account.now(),
        "customer": None,
        "livemode": False,
        "metadata": kept,
        "type": type_,
        type_: details,
    }
    account.methods[id_] = method
    account.instruments[id_] = {"name": instrument, "used_by": None}
    return method


def billing_details(given: Mapping[str, Any] | None) -> Document:
    """Return billing details as the API shows them: every field, null where nothing was given."""
    given = given or {}
    address = given.get("address") or {}
    return {
        "address": {name: address.get(name) for name in ADDRESS},
        "email": given.get("email"),
        "name": given.get("name"),
        "phone": given.get("phone"),
    }


def resolved(account: Account, id_: str, param: str = "payment_method") -> Document:
    """Return a payment method by its id; a test name (``pm_card_visa``, ``tok_visa``) makes a new one."""
    known: Document | None = account.methods.get(id_)
    if known is not None:
        return known
    card = card_named(id_)
    if card is not None:
        return _stored_card(account, card, billing_details(None), {})
    bank = account_named(id_)
    if bank is not None:
        owner = billing_details({"name": "Jenny Rosen", "email": "jenny@example.com"})
        return _stored_debit(account, bank, owner, {})
    raise missing_resource("PaymentMethod", id_, param, status=400)


def retrieve(account: Account, request: Request) -> Document:
    """Return one payment method; a test name makes a new one, as in every other place."""
    return _in_path(account, request)


def _in_path(account: Account, request: Request) -> Document:
    try:
        return resolved(account, request.path["payment_method"])
    except Problem as problem:
        raise Problem(404, problem.error) from problem


def update(account: Account, request: Request) -> Document:
    """Change metadata, billing details or the expiry date."""
    method = _in_path(account, request)
    changed = {**method, "metadata": merged_metadata(method["metadata"], request.parameters.get("metadata"))}
    given = request.parameters.get("billing_details")
    if given:
        address = {**method["billing_details"]["address"], **(given.get("address") or {})}
        changed["billing_details"] = {**method["billing_details"], **given, "address": address}
    card = request.parameters.get("card")
    if card and method["type"] == "card":
        if not 1 <= card.get("exp_month", 1) <= 12:
            raise _card_refused("Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month")
        changed["card"] = {**method["card"], **card}
    account.methods[method["id"]] = changed
    return changed


def attach(account: Account, request: Request) -> Document:
    """Attach a payment method to a customer."""
    require(request.parameters, "customer")
    method = _in_path(account, request)
    customer = request.parameters["customer"]
    if customer not in account.customers:
        raise missing_resource("customer", customer, "customer", status=400)
    return attached(account, method, customer, request)


def attached(account: Account, method: Document, customer: str, request: Request | None) -> Document:
    """Return the payment method as it belongs to the customer from now on."""
    if method["customer"] == customer:
        return method
    if method["customer"] is not None:
        raise refused(
            "The payment method you provided has already been attached to a customer.",
            "payment_method_invalid_parameter",
        )
    attached_ = {**method, "customer": customer}
    account.methods[method["id"]] = attached_
    emit(account, "payment_method.attached", attached_, request)
    return attached_


def detach(account: Account, request: Request) -> Document:
    """Detach a payment method from its customer."""
    method = _in_path(account, request)
    if method["customer"] is None:
        raise refused("The payment method you provided is not attached to a customer so detachment is impossible.")
    detached = {**method, "customer": None}
    account.methods[method["id"]] = detached
    emit(account, "payment_method.detached", detached, request, previous={"customer": method["customer"]})
    return detached


def list_(account: Account, request: Request) -> Document:
    """Return the payment methods of a customer, newest first."""
    customer, type_ = request.parameters.get("customer"), request.parameters.get("type")
    return page(
        account.methods,
        request.parameters,
        kind="PaymentMethod",
        url="/v1/payment_methods",
        keep=lambda row: (
            row["customer"] is not None
            and row["customer"] == (customer or row["customer"])
            and row["type"] == (type_ or row["type"])
        ),
    )
