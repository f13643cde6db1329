"""The page a shopper is sent to, to authenticate a card or to pay at a bank, and its stand-in.

GET shows it; POST with the form field ``outcome`` (authorised, refused, cancelled, pending) finishes and leads back to
the shop's returnUrl with ``redirectResult``, which the shop hands to ``/payments/details``.
"""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from assay.simkit import Answer, Call
from mocks.adyen.account import Account, Document
from mocks.adyen.payment import returned

_OUTCOMES = ("authorised", "refused", "cancelled", "pending")


def show(account: Account, call: Call) -> Answer:
    """Return the page, or lead back at once where it was finished already."""
    record = account.redirects.get(dict(call.query).get("MD", ""))
    if record is None:
        return _page("Unknown payment", "This link belongs to no payment.", 404)
    payment = account.payments[record["pspReference"]]
    if record["outcome"] is not None:
        return _back(payment, record)
    buttons = "".join(f'<button name="outcome" value="{each}">{each}</button>' for each in _choices(payment))
    what = escape(f"{payment['amount']['value']} {payment['amount']['currency']} (minor units)")
    return _page("Test payment", f'<p>Payment of {what}</p><form method="post">{buttons}</form>', 200)


def finish(account: Account, call: Call) -> Answer:
    """Finish as the form says and lead back to the shop; a page used once stays as it was."""
    token = dict(call.query).get("MD", "")
    record = account.redirects.get(token)
    if record is None:
        return _page("Unknown payment", "This link belongs to no payment.", 404)
    payment = account.payments[record["pspReference"]]
    if record["outcome"] is None:
        try:
            outcome = dict(call.form()).get("outcome", "")
        except ValueError:
            outcome = ""
        if outcome not in _choices(payment):
            return _page("Unknown outcome", f"The form field outcome must be one of {_choices(payment)}.", 400)
        record = {**record, "outcome": outcome, "result": account.new_token("result", 60)}
        account.redirects[token] = account.redirects[record["result"]] = record
        returned(account, payment, outcome)
    return _back(payment, record)


def _choices(payment: Document) -> tuple[str, ...]:
    return _OUTCOMES[:3] if "issuer" in payment else _OUTCOMES


def _back(payment: Document, record: Document) -> Answer:
    address = urlsplit(payment["returnUrl"])
    query = [*parse_qsl(address.query, keep_blank_values=True), ("redirectResult", record["result"])]
    return Answer(None, 303, {"Location": urlunsplit(address._replace(query=urlencode(query)))})


def _page(title: str, body: str, status: int) -> Answer:
    html = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>{body}</html>'
    return Answer(html, status, media_type="text/html; charset=utf-8")
