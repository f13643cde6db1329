"""Payment intents: created, read, listed, changed (https://docs.stripe.com/api/payment_intents)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocks.stripe.account import Account, Document, Request
from mocks.stripe.charge import SHIPPED, SHIPPING, shipping_of
from mocks.stripe.confirmation import confirmed, unexpected_state
from mocks.stripe.currency import CURRENCIES, Currency, check_amount, currency_of
from mocks.stripe.error import invalid, missing_resource
from mocks.stripe.event import emit
from mocks.stripe.form import (
    Accepts,
    anything,
    array,
    boolean,
    either,
    integer,
    merged_metadata,
    metadata,
    object_of,
    one_of,
    require,
    short,
    text,
)
from mocks.stripe.listing import PAGING, page
from mocks.stripe.method import DATA, TYPES, made, resolved

_CHANGEABLE: Accepts = {
    "amount": integer,
    "currency": text,
    "customer": text,
    "description": short(1_000),
    "metadata": metadata,
    "receipt_email": text,
    "setup_future_usage": one_of("off_session", "on_session"),
    "shipping": object_of(SHIPPING, required=SHIPPED),
    "statement_descriptor": short(22),
    "statement_descriptor_suffix": short(22),
    "transfer_group": text,
    "capture_method": one_of("automatic", "automatic_async", "manual"),
    "payment_method": text,
    "payment_method_data": object_of(DATA),
    "payment_method_options": object_of({"card": anything, "sepa_debit": anything}),
    "payment_method_types": array(),
}
_CONFIRMING: Accepts = {
    "error_on_requires_action": boolean,
    "mandate": text,
    "mandate_data": anything,
    "off_session": either(one_of("true", "false", "one_off", "recurring"), anything),
    "radar_options": anything,
    "return_url": text,
    "use_stripe_sdk": boolean,
}
CREATE: Accepts = {
    **_CHANGEABLE,
    **_CONFIRMING,
    "automatic_payment_methods": object_of({"allow_redirects": one_of("always", "never"), "enabled": boolean}),
    "confirm": boolean,
    "confirmation_method": one_of("automatic", "manual"),
}
UPDATE: Accepts = _CHANGEABLE
CONFIRM: Accepts = {
    **_CONFIRMING,
    **{name: _CHANGEABLE[name] for name in (
        "capture_method", "payment_method", "payment_method_data", "payment_method_options", "payment_method_types",
        "receipt_email", "setup_future_usage", "shipping",
    )},
    "client_secret": text,
}  # fmt: skip
RETRIEVE: Accepts = {"client_secret": text}
LIST: Accepts = {**PAGING, "customer": text}

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_ALWAYS = {"description", "metadata", "receipt_email", "transfer_group", "shipping", "setup_future_usage"}


def create(account: Account, request: Request) -> Document:
    """Create an intent, and confirm it at once where `confirm` says so."""
    parameters = request.parameters
    require(parameters, "amount", "currency")
    currency = currency_of(parameters["currency"])
    check_amount(account, parameters["amount"], currency)
    for name in ("off_session", "mandate_data", "mandate", "return_url", "error_on_requires_action"):
        if name in parameters and not parameters.get("confirm"):
            raise invalid(f"You can only pass {name} when confirming: set confirm to true.", name)
    intent = _new_intent(account, parameters, currency)
    account.intents[intent["id"]] = intent
    account.intent_notes[intent["id"]] = {"charges": [], "authenticated": None, "attempt": None, "return_url": None}
    emit(account, "payment_intent.created", intent, request)
    return confirmed(account, request, intent) if parameters.get("confirm") else intent


def _new_intent(account: Account, parameters: Mapping[str, Any], currency: Currency) -> Document:
    id_ = account.new_id("pi")
    method = _method_id(account, parameters)
    types, automatic = _types(account, parameters, currency)
    if parameters.get("customer"):
        _check_customer(account, parameters["customer"])
    return {
        "id": id_,
        "object": "payment_intent",
        "amount": parameters["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": parameters.get("capture_method") or "automatic",
        "client_secret": f"{id_}_secret_{account.new_secret('secret', 25)}",
        "confirmation_method": parameters.get("confirmation_method") or "automatic",
        "created": account.now(),
        "currency": currency.code,
        "customer": parameters.get("customer"),
        "description": parameters.get("description"),
        "invoice": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": merged_metadata({}, parameters.get("metadata")),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": method,
        "payment_method_options": _options(types, parameters.get("payment_method_options")),
        "payment_method_types": types,
        "processing": None,
        "receipt_email": parameters.get("receipt_email"),
        "review": None,
        "setup_future_usage": parameters.get("setup_future_usage"),
        "shipping": shipping_of(parameters.get("shipping")),
        "statement_descriptor": parameters.get("statement_descriptor"),
        "statement_descriptor_suffix": parameters.get("statement_descriptor_suffix"),
        "status": "requires_confirmation" if method else "requires_payment_method",
        "transfer_data": None,
        "transfer_group": parameters.get("transfer_group"),
    }


def _method_id(account: Account, parameters: Mapping[str, Any]) -> str | None:
    if parameters.get("payment_method_data"):
        return str(made(account, parameters["payment_method_data"])["id"])
    given = parameters.get("payment_method")
    return str(resolved(account, given)["id"]) if given else None


def _types(account: Account, parameters: Mapping[str, Any], currency: Currency) -> tuple[list[str], Document | None]:
    given, automatic = parameters.get("payment_method_types"), parameters.get("automatic_payment_methods")
    if automatic and "enabled" not in automatic:
        name = "automatic_payment_methods[enabled]"
        raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    if given and automatic and automatic.get("enabled"):
        raise invalid(
            "You may only specify one of automatic_payment_methods and payment_method_types.", "payment_method_types"
        )
    if given:
        for type_ in given:
            if type_ not in TYPES:
                raise invalid(
                    f"The payment method type '{type_}' is invalid or not activated for this account.",
                    "payment_method_types",
                )
        return list(given), None
    if automatic and automatic.get("enabled") is False:
        return ["card"], None
    offered = account.setting("payment_method_types", list(TYPES))
    types = [type_ for type_ in offered if type_ != "sepa_debit" or currency.code == "eur"]
    return types, {"allow_redirects": (automatic or {}).get("allow_redirects") or "always", "enabled": True}


def _options(types: list[str], given: Mapping[str, Any] | None) -> Document:
    options: Document = {}
    if "card" in types:
        wished = (given or {}).get("card")
        secure = wished.get("request_three_d_secure") if isinstance(wished, dict) else None
        if secure not in (None, "any", "automatic", "challenge_only"):
            name = "payment_method_options[card][request_three_d_secure]"
            raise invalid(f"Invalid {name}: must be one of any, automatic or challenge_only", name)
        options["card"] = {
            "installments": None, "mandate_options": None, "network": None,
            "request_three_d_secure": secure or "automatic",
        }  # fmt: skip
    if "sepa_debit" in types:
        options["sepa_debit"] = {}
    return options


def _check_customer(account: Account, id_: str) -> None:
    if id_ not in account.customers:
        raise missing_resource("customer", id_, "customer", status=400)


def find_intent(account: Account, request: Request) -> Document:
    """Return the intent of the path, or refuse; a publishable key needs its client secret."""
    id_ = request.path["intent"]
    found: Document | None = account.intents.get(id_)
    if found is None:
        raise missing_resource("payment_intent", id_, "intent")
    secret = request.parameters.get("client_secret")
    if request.publishable and not secret:
        raise invalid(
            "With a publishable key the client_secret of the payment intent is needed.",
            "client_secret",
            "parameter_missing",
        )
    if secret is not None and secret != found["client_secret"]:
        raise invalid(
            "The client_secret provided does not match the payment intent.",
            "client_secret",
            "payment_intent_invalid_parameter",
        )
    return found


def retrieve(account: Account, request: Request) -> Document:
    """Return one intent."""
    return find_intent(account, request)


def list_(account: Account, request: Request) -> Document:
    """Return intents, newest first, of everybody or of one customer."""
    customer = request.parameters.get("customer")
    return page(
        account.intents,
        request.parameters,
        kind="payment_intent",
        url="/v1/payment_intents",
        keep=(lambda row: row["customer"] == customer) if customer else None,
    )


def confirm(account: Account, request: Request) -> Document:
    """Confirm an intent, with the payment method given now or before."""
    intent = find_intent(account, request)
    if intent["status"] not in _OPEN:
        raise unexpected_state(intent, "confirm", _OPEN)
    return confirmed(account, request, _changed(account, intent, request.parameters))


def update(account: Account, request: Request) -> Document:
    """Change an intent; once it is confirmed for good only what does not touch the money."""
    old = find_intent(account, request)
    given = {name for name in request.parameters if name in UPDATE}
    allowed = _ALWAYS | ({"statement_descriptor_suffix"} if old["status"] == "requires_capture" else set())
    if old["status"] not in _OPEN and not given <= allowed:
        raise unexpected_state(old, "update", _OPEN)
    intent = _changed(account, old, request.parameters)
    account.intents[old["id"]] = intent
    return intent


def _changed(account: Account, old: Document, parameters: Mapping[str, Any]) -> Document:
    """Return the intent with these parameters applied."""
    plain = (
        "amount", "customer", "description", "receipt_email", "setup_future_usage", "statement_descriptor",
        "statement_descriptor_suffix", "transfer_group", "capture_method",
    )  # fmt: skip
    change: Document = {name: parameters[name] for name in plain if name in parameters}
    if change.get("capture_method", "") is None:
        del change["capture_method"]
    if change.get("customer"):
        _check_customer(account, change["customer"])
    if parameters.get("currency"):
        change["currency"] = currency_of(parameters["currency"]).code
    currency = CURRENCIES[change["currency"] if "currency" in change else old["currency"]]
    if "amount" in change or "currency" in change:
        check_amount(account, {**old, **change}["amount"], currency)
    change["metadata"] = merged_metadata(old["metadata"], parameters.get("metadata"))
    if "shipping" in parameters:
        change["shipping"] = shipping_of(parameters["shipping"])
    if parameters.get("payment_method_types"):
        change["payment_method_types"], change["automatic_payment_methods"] = _types(account, parameters, currency)
    if parameters.get("payment_method_options"):
        types = {**old, **change}["payment_method_types"]
        change["payment_method_options"] = _options(types, parameters["payment_method_options"])
    method = _method_id(account, parameters)
    if method is not None:
        change |= {"payment_method": method, "status": "requires_confirmation", "next_action": None}
    return {**old, **change}
