"""Authorisations, captures and refunds as resources: made, shown, and told by webhook.

The published Payments v2 document gives their shape. What may be done to them is in `hold.py` and `refund.py`.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from mocks.paypal import event
from mocks.paypal.account import PAYEE, Business, Document, written
from mocks.paypal.books import book_capture
from mocks.paypal.currency import Money, money_of
from mocks.paypal.fee import receivable
from mocks.paypal.issue import problem

VALID_S = 29 * 24 * 3600
_ECHECK_S = 3 * 24 * 3600
_PROTECTION = {"status": "ELIGIBLE", "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"]}
_OWN = ("supplementary_data", "payee", "payer")


def hold(business: Business, order: Document, *, parent: str | None = None, amount: Money | None = None) -> str:
    """Make an authorisation of an order's only unit, or anew of an earlier one; return its id."""
    unit = order["purchase_units"][0]
    id_ = business.new_id("authorization")
    now = business.timestamp()
    resource = {
        "id": id_,
        "status": "CREATED",
        "amount": (amount or money_of(unit["amount"])).shown(),
        **{name: unit[name] for name in ("invoice_id", "custom_id") if name in unit},
        "seller_protection": _PROTECTION,
        "expiration_time": written(now + VALID_S if parent is None else business.origins[parent]["expires"]),
        "create_time": written(now),
        "update_time": written(now),
    }
    business.authorizations[id_] = resource
    expires = now + VALID_S if parent is None else business.origins[parent]["expires"]
    business.origins[id_] = {"order": order["id"], "parent": parent, "made": now, "expires": expires}
    return id_


def take_for_order(business: Business, order: Document, index: int) -> str:
    """Make the capture of one purchase unit; return its id."""
    unit = order["purchase_units"][index]
    return take(business, order, index, money_of(unit["amount"]), invoice_id=unit.get("invoice_id"))


def take(
    business: Business,
    order: Document,
    index: int,
    amount: Money,
    *,
    invoice_id: str | None,
    authorization: str | None = None,
    final: bool = True,
) -> str:
    """Make a capture, pending where the payer pays by e-check; return its id."""
    unit = order["purchase_units"][index]
    id_ = business.new_id("capture")
    _claim_invoice(business, invoice_id, order["id"], "payments" if authorization else "")
    pending = business.notes[order["id"]]["instrument"] == "echeck"
    resource = {
        "id": id_,
        "status": "PENDING" if pending else "COMPLETED",
        **({"status_details": {"reason": "ECHECK"}} if pending else {}),
        "amount": amount.shown(),
        **({"invoice_id": invoice_id} if invoice_id else {}),
        **({"custom_id": unit["custom_id"]} if "custom_id" in unit else {}),
        "final_capture": final,
        "seller_protection": _PROTECTION,
        # Not available while pending, as the document says.
        **({} if pending else {"seller_receivable_breakdown": receivable(business, amount)}),
        "create_time": business.now(),
        "update_time": business.now(),
    }
    business.captures[id_] = resource
    business.origins[id_] = {
        "order": order["id"],
        "unit": index,
        "authorization": authorization,
        "made": business.timestamp(),
        "refunds": [],
    }
    book_capture(business, resource)
    if pending:
        due = business.world.now() + timedelta(seconds=int(business.setting("echeck_s", _ECHECK_S)))
        business.world.at(due, "clear_echeck", id_)
    return id_


def clear_echeck(business: Business, id_: str) -> None:
    """End the wait of a capture paid by e-check."""
    resource = {name: value for name, value in business.captures[id_].items() if name != "status_details"}
    business.captures[id_] = {
        **resource,
        "status": "COMPLETED",
        "seller_receivable_breakdown": receivable(business, money_of(resource["amount"])),
        "update_time": business.now(),
    }
    book_capture(business, business.captures[id_])
    tell_capture(business, id_)


def tell_capture(business: Business, id_: str) -> None:
    """Tell the webhook listener of a capture as it stands."""
    shown = show_capture(business, id_, True)
    event.emit(business, f"PAYMENT.CAPTURE.{shown['status']}", shown)


def remember(business: Business, kind: str, id_: str) -> None:
    """Name a new authorisation, capture or refund under its order's purchase unit."""
    origin = business.origins[id_]
    note = business.notes[origin["order"]]
    payments = list(note["payments"])
    index = origin.get("unit", 0)
    payments[index] = {**payments[index], kind: [*payments[index][kind], id_]}
    business.notes[origin["order"]] = {**note, "payments": payments}


def captured_of(business: Business, authorization: str) -> list[Document]:
    """Return the captures of an authorisation and of those it was renewed by or renews."""
    family = _family(business, authorization)
    order = business.origins[authorization]["order"]
    ids = [id_ for each in business.notes[order]["payments"] for id_ in each["captures"]]
    return [business.captures[id_] for id_ in ids if business.origins[id_]["authorization"] in family]


def total(resources: list[Document]) -> Decimal:
    """Return the sum of the resources' amounts."""
    return sum((Decimal(each["amount"]["value"]) for each in resources), Decimal(0))


def show_authorization(business: Business, id_: str, whole: bool) -> Document:
    """Render an authorisation."""
    path = f"/v2/payments/authorizations/{id_}"
    origin = business.origins[id_]
    links = [business.link(path, "self")]
    resource = business.authorizations[id_]
    if resource["status"] in ("CREATED", "PARTIALLY_CAPTURED"):
        links.append(business.link(f"{path}/capture", "capture", "POST"))
        if origin["parent"] is None:
            links.append(business.link(f"{path}/void", "void", "POST"))
            links.append(business.link(f"{path}/reauthorize", "reauthorize", "POST"))
    links.append(business.link(f"/v2/checkout/orders/{origin['order']}", "up"))
    return _shown(business, resource, {"order_id": origin["order"]}, links, whole)


def show_capture(business: Business, id_: str, whole: bool) -> Document:
    """Render a capture."""
    path = f"/v2/payments/captures/{id_}"
    origin = business.origins[id_]
    held = origin["authorization"]
    up = f"/v2/payments/authorizations/{held}" if held else f"/v2/checkout/orders/{origin['order']}"
    links = [business.link(path, "self"), business.link(f"{path}/refund", "refund", "POST"), business.link(up, "up")]
    related = {"order_id": origin["order"], **({"authorization_id": held} if held else {})}
    return _shown(business, business.captures[id_], related, links, whole)


def show_refund(business: Business, id_: str, whole: bool) -> Document:
    """Render a refund."""
    links = [
        business.link(f"/v2/payments/refunds/{id_}", "self"),
        business.link(f"/v2/payments/captures/{business.origins[id_]['capture']}", "up"),
    ]
    resource = business.refunds[id_]
    if not whole:
        return {"id": id_, "status": resource["status"], "links": links}
    return {**resource, "payer": business.setting("payee", PAYEE), "links": links}


def nested(resource: Document) -> Document:
    """Return a payment as an order shows it: without what the order says itself."""
    return {name: value for name, value in resource.items() if name not in _OWN}


def _shown(business: Business, resource: Document, related: Document, links: list[Document], whole: bool) -> Document:
    if not whole:
        return {"id": resource["id"], "status": resource["status"], "links": links}
    own = {"supplementary_data": {"related_ids": related}, "payee": business.setting("payee", PAYEE)}
    return {**resource, **own, "links": links}


def _family(business: Business, authorization: str) -> set[str]:
    parent = business.origins[authorization].get("parent") or authorization
    order = business.origins[authorization]["order"]
    ids = [id_ for each in business.notes[order]["payments"] for id_ in each["authorizations"]]
    return {parent, *(id_ for id_ in ids if business.origins[id_].get("parent") == parent)}


def _claim_invoice(business: Business, invoice_id: str | None, order: str, area: str) -> None:
    """Refuse an invoice number another order was captured under, as the account's setting asks by default."""
    if invoice_id is None or not business.setting("unique_invoice_ids", True):
        return
    owner = business.invoices.get(invoice_id)
    if owner is not None and (owner != order or not area):
        raise problem("DUPLICATE_INVOICE_ID", "/invoice_id", invoice_id, area=area)
    business.invoices[invoice_id] = order
