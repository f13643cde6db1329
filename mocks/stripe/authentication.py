"""The 3D Secure page a cardholder is sent to: with two buttons, and answering a plain POST as a stand-in for one.

`next_action` names it (https://docs.stripe.com/payments/3d-secure). GET shows the page; POST with the form field
``outcome=complete`` or ``outcome=fail`` finishes the authentication and leads back to the return URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from assay.simkit import Answer, Call
from mocks.stripe.account import Account, Document
from mocks.stripe.confirmation import authenticated

_HTML = "text/html; charset=utf-8"
_OUTCOMES = {"complete": True, "fail": False}


def show(account: Account, call: Call) -> Answer:
    """Return the page, or lead back at once where nothing is left to authenticate."""
    query = dict(call.query)
    intent = _intent(account, query)
    if intent is None:
        return _page("Unknown payment", "This link belongs to no payment.", 404)
    if not _is_waiting(account, intent, query):
        return _back(account, intent)
    what = f"{escape(intent['currency'].upper())} payment {escape(intent['id'])}"
    buttons = "".join(
        f'<button name="outcome" value="{outcome}">{label}</button>'
        for outcome, label in (("complete", "Complete"), ("fail", "Fail"))
    )
    return _page("3D Secure 2 test page", f'<p>Authenticate the {what}</p><form method="post">{buttons}</form>', 200)


def finish(account: Account, call: Call) -> Answer:
    """Finish the authentication as the form says and lead back to the shop."""
    query = dict(call.query)
    intent = _intent(account, query)
    if intent is None:
        return _page("Unknown payment", "This link belongs to no payment.", 404)
    if not _is_waiting(account, intent, query):
        return _back(account, intent)
    try:
        outcome = dict(call.form()).get("outcome", "")
    except ValueError:
        outcome = ""
    if outcome not in _OUTCOMES:
        return _page("Unknown outcome", "The form field outcome must be complete or fail.", 400)
    return _back(account, authenticated(account, intent, passed=_OUTCOMES[outcome]))


def _intent(account: Account, query: Mapping[str, str]) -> Document | None:
    intent: Document | None = account.intents.get(query.get("payment_intent", ""))
    if intent is None or query.get("payment_intent_client_secret") != intent["client_secret"]:
        return None
    return intent


def _is_waiting(account: Account, intent: Document, query: Mapping[str, str]) -> bool:
    attempt = account.intent_notes[intent["id"]]["attempt"]
    return intent["status"] == "requires_action" and attempt is not None and query.get("source") == attempt


def _back(account: Account, intent: Document) -> Answer:
    return_url = account.intent_notes[intent["id"]]["return_url"]
    if return_url is None:
        return _page("Authentication finished", f"<p>The payment is now {escape(intent['status'])}.</p>", 200)
    address = urlsplit(return_url)
    passed = intent["status"] in ("succeeded", "requires_capture", "requires_confirmation", "processing")
    added = [
        ("payment_intent", intent["id"]),
        ("payment_intent_client_secret", intent["client_secret"]),
        ("redirect_status", "succeeded" if passed else "failed"),
    ]
    query = urlencode([*parse_qsl(address.query, keep_blank_values=True), *added])
    return Answer(None, 303, {"Location": urlunsplit(address._replace(query=query))})


def _page(title: str, body: str, status: int) -> Answer:
    heading = escape(title)
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{heading}</title><h1>{heading}</h1>{body}</html>'
    )
    return Answer(html, status, media_type=_HTML)
