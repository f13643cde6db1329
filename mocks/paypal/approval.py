"""The page on which the payer approves, in place of PayPal's: https://developer.paypal.com/docs/checkout/.

Like PayPal's, it leads back to the merchant's return or cancel address with ``token`` (the order) and ``PayerID``.
"""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode, urlsplit, urlunsplit

from assay.simkit import Answer, Call
from mocks.paypal import order
from mocks.paypal.account import PAYER, Business, Document
from mocks.paypal.issue import Problem

INSTRUMENTS = ("wallet", "echeck", "declined")
_APPROVABLE = ("CREATED", "PAYER_ACTION_REQUIRED", "APPROVED")


def show(business: Business, call: Call) -> Answer:
    """Answer GET /checkoutnow with what is to be paid and two buttons."""
    found = _order(business, dict(call.query).get("token", ""))
    if found is None:
        return _page("Things don't appear to be working at the moment", "This order is not known or has expired.", 404)
    if found["status"] not in _APPROVABLE:
        return _page("Paid", "This order needs no approval any more.")
    sums = ", ".join(f"{unit['amount']['value']} {unit['amount']['currency_code']}" for unit in found["purchase_units"])
    choices = "".join(f'<option value="{each}">{each}</option>' for each in INSTRUMENTS)
    form = (
        f'<form method="post" action="/checkoutnow"><input type="hidden" name="token" value="{found["id"]}">'
        f'<label>Pay by <select name="instrument">{choices}</select></label>'
        '<button name="outcome" value="approve">Complete Purchase</button>'
        '<button name="outcome" value="cancel">Cancel and return</button></form>'
    )
    return _page(f"Pay {escape(sums)}", form)


def finish(business: Business, call: Call) -> Answer:
    """Answer POST /checkoutnow: approve or cancel, then lead back to the merchant."""
    try:
        form = dict(call.form())
    except ValueError:
        form = {}
    found = _order(business, form.get("token", ""))
    outcome, instrument = form.get("outcome"), form.get("instrument", "wallet")
    if found is None:
        return _page("Things don't appear to be working at the moment", "This order is not known or has expired.", 404)
    if outcome not in ("approve", "cancel") or instrument not in INSTRUMENTS:
        return _page("Not understood", "outcome is approve or cancel; instrument is wallet, echeck or declined.", 400)
    payer = {**PAYER, **business.setting("payer", {})}
    context = business.notes[found["id"]]["context"]
    if outcome == "cancel":
        return _back(context.get("cancel_url"), {"token": found["id"]})
    if found["status"] in _APPROVABLE:
        order.approve(business, found["id"], payer, instrument)
    return _back(context.get("return_url"), {"token": found["id"], "PayerID": payer["payer_id"]})


def _order(business: Business, token: str) -> Document | None:
    try:
        return order.found(business, token)
    except Problem:
        return None


def _back(address: str | None, told: dict[str, str]) -> Answer:
    if not address:
        return _page("Done", "The merchant named no address to return to.")
    parts = urlsplit(address)
    query = "&".join(part for part in (parts.query, urlencode(told)) if part)
    return Answer(None, 303, {"Location": urlunsplit(parts._replace(query=query))})


def _page(title: str, content: str, status: int = 200) -> Answer:
    page = f"<!doctype html><meta charset=utf-8><title>PayPal, simulated</title><h1>{title}</h1>{content}"
    return Answer(page, status, media_type="text/html; charset=utf-8")
