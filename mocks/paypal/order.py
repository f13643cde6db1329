"""Orders v2: create, read, authorise, capture (https://developer.paypal.com/docs/api/orders/v2/)."""

from __future__ import annotations

from typing import Any

from mocks.paypal import event, payment
from mocks.paypal.account import PAYEE, Business, Document, Request
from mocks.paypal.gate import Done
from mocks.paypal.issue import Problem, detail, problem
from mocks.paypal.unit import read_units

_LIFETIME_S = 3 * 3600
_INTENTS = ("CAPTURE", "AUTHORIZE")
_CONTEXT = ("return_url", "cancel_url", "shipping_preference", "brand_name", "user_action", "locale")
_PREFERENCES = ("GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS")


def create(business: Business, request: Request) -> Done:
    """Create an order; with a PayPal payment source it waits for the payer at once."""
    body = request.body
    intent = _intent(body)
    units = read_units(body)
    if intent == "AUTHORIZE" and len(units) > 1:
        raise problem("UNSUPPORTED_INTENT", "/intent", intent)
    source = _source(body)
    wallet = source.get("paypal") or {}
    context = _context(body.get("application_context"), "/application_context")
    if wallet:
        context |= _context(wallet.get("experience_context"), "/payment_source/paypal/experience_context")
    id_ = business.new_id("order")
    payee = business.setting("payee", PAYEE)
    order: Document = {
        "id": id_,
        "intent": intent,
        "status": "PAYER_ACTION_REQUIRED" if source else "CREATED",
        "purchase_units": [{**unit, "payee": unit.get("payee", payee)} for unit in units],
        "create_time": business.now(),
    }
    if source:
        kept = {name: wallet[name] for name in ("name", "email_address", "address") if name in wallet}
        order["payment_source"] = {"paypal": kept}
    business.orders[id_] = order
    business.notes[id_] = {
        "context": context,
        "created": business.timestamp(),
        "approved": None,
        "instrument": "wallet",
        "payments": [{"authorizations": [], "captures": [], "refunds": []} for _ in units],
    }
    return Done(id_, 200 if source else 201)


def retrieve(business: Business, request: Request) -> Done:
    """Find an order."""
    return Done(found(business, request.path["id"])["id"])


def authorize(business: Business, request: Request) -> Done:
    """Hold the money of an approved order."""
    order = _payable(business, request.path["id"], "authorize")
    note = business.notes[order["id"]]
    if order["intent"] != "AUTHORIZE":
        raise problem("ACTION_DOES_NOT_MATCH_INTENT")
    if any(each["authorizations"] for each in note["payments"]):
        raise problem("ORDER_ALREADY_AUTHORIZED")
    if _is_expired(business, note):
        raise problem("ORDER_EXPIRED")
    if order["status"] != "APPROVED":
        raise problem("ORDER_NOT_APPROVED", area="authorize")
    if note["instrument"] == "declined":
        raise problem("PAYER_ACTION_REQUIRED")
    id_ = payment.hold(business, order)
    note = {**note, "payments": [{**note["payments"][0], "authorizations": [id_]}]}
    _complete(business, order, note)
    event.emit(business, "PAYMENT.AUTHORIZATION.CREATED", payment.show_authorization(business, id_, True))
    return Done(order["id"], 201)


def capture(business: Business, request: Request) -> Done:
    """Take the money of an approved order, all purchase units together."""
    order = _payable(business, request.path["id"], "capture")
    note = business.notes[order["id"]]
    if any(each["captures"] for each in note["payments"]):
        raise problem("ORDER_ALREADY_CAPTURED")
    if order["intent"] != "CAPTURE":
        # The document names this issue for authorise alone; for capture it says the same by refusing the action.
        raise problem("ORDER_ALREADY_CAPTURED" if order["status"] == "COMPLETED" else "TRANSACTION_REFUSED", area="pay")
    if _is_expired(business, note):
        raise problem("INVALID_RESOURCE_ID")
    if order["status"] != "APPROVED":
        raise problem("ORDER_NOT_APPROVED")
    if note["instrument"] == "declined":
        raise problem("INSTRUMENT_DECLINED")
    ids = [payment.take_for_order(business, order, index) for index in range(len(order["purchase_units"]))]
    payments = [{**each, "captures": [id_]} for each, id_ in zip(note["payments"], ids, strict=True)]
    _complete(business, order, {**note, "payments": payments})
    for id_ in ids:
        payment.tell_capture(business, id_)
    return Done(order["id"], 201)


def approve(business: Business, id_: str, payer: Document, instrument: str) -> None:
    """Record that the payer approved; he pays by the instrument of the stand-in page."""
    order = business.orders[id_]
    note = business.notes[id_]
    wallet = {
        "email_address": payer["email_address"],
        "account_id": payer["payer_id"],
        "account_status": "VERIFIED",
        "name": {"given_name": payer["given_name"], "surname": payer["surname"]},
        "address": {"country_code": payer["country_code"]},
    }
    shown_payer = {
        "name": wallet["name"],
        "email_address": payer["email_address"],
        "payer_id": payer["payer_id"],
        "address": wallet["address"],
    }
    units = order["purchase_units"]
    if note["context"].get("shipping_preference", "GET_FROM_FILE") == "GET_FROM_FILE":
        full_name = f"{payer['given_name']} {payer['surname']}"
        on_file = {"name": {"full_name": full_name}, "address": payer["address"]}
        units = [{**unit, "shipping": unit.get("shipping", on_file)} for unit in units]
    business.orders[id_] = {
        **order,
        "status": "APPROVED",
        "purchase_units": units,
        "payment_source": {"paypal": wallet},
        "payer": shown_payer,
        "update_time": business.now(),
    }
    business.notes[id_] = {**note, "approved": business.timestamp(), "instrument": instrument}
    event.emit(business, "CHECKOUT.ORDER.APPROVED", show(business, id_, True))


def found(business: Business, id_: str) -> Document:
    """Return an order that still lives; refuses an id nobody knows and an order nobody approved in time."""
    order: Document | None = business.orders.get(id_)
    if order is None:
        raise problem("INVALID_RESOURCE_ID", "/id", id_)
    note = business.notes[id_]
    if note["approved"] is None and _is_expired(business, note):
        raise problem("INVALID_RESOURCE_ID", "/id", id_)
    return order


def show(business: Business, id_: str, whole: bool) -> Document:
    """Render an order as its creation and its reading answer it."""
    order = business.orders[id_]
    links = _links(business, order)
    if not whole:
        minimal = {name: order[name] for name in ("id", "status", "payment_source") if name in order}
        return {**minimal, "links": links}
    return {**order, "purchase_units": _units(business, order), "links": links}


def show_paid(business: Business, id_: str, whole: bool) -> Document:
    """Render an order as authorise and capture answer it: minimal still names the payments."""
    if whole:
        return show(business, id_, True)
    order = business.orders[id_]
    units = [
        {name: unit[name] for name in ("reference_id", "shipping", "payments") if name in unit}
        for unit in _units(business, order)
    ]
    minimal = {name: order[name] for name in ("id", "status", "payment_source", "payer") if name in order}
    return {**minimal, "purchase_units": units, "links": _links(business, order)}


def approval_link(business: Business, id_: str) -> str:
    """Return the page on which the payer approves."""
    base = str(business.setting("approval_base_url", "https://www.paypal.com"))
    return f"{base}/checkoutnow?token={id_}"


def _intent(body: Any) -> str:
    intent = body.get("intent")
    if intent is None:
        raise problem("MISSING_REQUIRED_PARAMETER", "/intent")
    if intent not in _INTENTS:
        raise problem("INVALID_PARAMETER_VALUE", "/intent", intent)
    return str(intent)


def _source(body: Any) -> Document:
    source = body.get("payment_source") or {}
    if not isinstance(source, dict):
        raise problem("INVALID_PARAMETER_SYNTAX", "/payment_source")
    if "card" in source:
        raise problem("NOT_ENABLED_FOR_CARD_PROCESSING", "/payment_source/card")
    wrong = [detail("NOT_SUPPORTED", f"/payment_source/{name}") for name in source if name != "paypal"]
    wallet = source.get("paypal")
    if "paypal" in source and not isinstance(wallet, dict):
        wrong.append(detail("INVALID_PARAMETER_SYNTAX", "/payment_source/paypal"))
    elif wallet:
        wrong += [
            detail("NOT_SUPPORTED", f"/payment_source/paypal/{name}")
            for name in ("vault_id", "billing_agreement_id")
            if wallet.get(name)
        ]
    if wrong:
        raise Problem(400, *wrong)
    return source


def _context(given: Any, where: str) -> Document:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise problem("INVALID_PARAMETER_SYNTAX", where)
    for name in _CONTEXT:
        if given.get(name) is not None and not isinstance(given[name], str):
            raise problem("INVALID_PARAMETER_SYNTAX", f"{where}/{name}", given[name])
    preference = given.get("shipping_preference")
    if preference is not None and preference not in _PREFERENCES:
        raise problem("INVALID_PARAMETER_VALUE", f"{where}/shipping_preference", preference)
    return {name: given[name] for name in _CONTEXT if given.get(name) is not None}


def _payable(business: Business, id_: str, action: str) -> Document:
    order: Document | None = business.orders.get(id_)
    if order is None:
        raise problem("INVALID_RESOURCE_ID", "/id", id_)
    note = business.notes[id_]
    if action == "capture" and note["approved"] is None and _is_expired(business, note):
        raise problem("INVALID_RESOURCE_ID", "/id", id_)
    return order


def _is_expired(business: Business, note: Document) -> bool:
    """Say whether the payer, or after him the merchant, let the order's time pass."""
    lifetime_s = int(business.setting("order_lifetime_s", _LIFETIME_S))
    since: int = note["created"] if note["approved"] is None else note["approved"]
    return business.timestamp() - since >= lifetime_s


def _complete(business: Business, order: Document, note: Document) -> None:
    business.orders[order["id"]] = {**order, "status": "COMPLETED", "update_time": business.now()}
    business.notes[order["id"]] = note


def _units(business: Business, order: Document) -> list[Document]:
    shows = {
        "authorizations": payment.show_authorization,
        "captures": payment.show_capture,
        "refunds": payment.show_refund,
    }
    units = []
    for unit, ids in zip(order["purchase_units"], business.notes[order["id"]]["payments"], strict=True):
        made = {
            kind: [payment.nested(show_one(business, id_, True)) for id_ in ids[kind]]
            for kind, show_one in shows.items()
            if ids[kind]
        }
        units.append({**unit, "payments": made} if made else unit)
    return units


def _links(business: Business, order: Document) -> list[Document]:
    path = f"/v2/checkout/orders/{order['id']}"
    links = [business.link(path, "self")]
    status = order["status"]
    page = approval_link(business, order["id"])
    if status == "PAYER_ACTION_REQUIRED":
        links.append({"href": page, "rel": "payer-action", "method": "GET"})
    elif status == "CREATED":
        links.append({"href": page, "rel": "approve", "method": "GET"})
    if status in ("CREATED", "APPROVED"):
        action = order["intent"].lower()
        links.append(business.link(f"{path}/{action}", action, "POST"))
    return links
