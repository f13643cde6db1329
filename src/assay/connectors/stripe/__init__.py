"""Stripe as a witness: payment intents, refunds, balance and payouts as Stripe's own REST API states them.

Amounts stay in Stripe's smallest unit, raw: Stripe's exponents differ from ISO 4217 for some currencies, and judging
that is an oracle's business.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

from assay.connectors.stripe.settlement import decode_entry, decode_payout
from assay.errors import InfrastructureError, UsageError
from assay.http import Answer
from assay.records import BalanceEntry, CreationRule, GatewayRefund, MinorAmount, Payment, Payout, ReferenceRule
from assay.roles import Card, ConnectorHead, Http, Reply, UndoRefused

_OBJECT = ("id", "metadata.order_id")
_FORM = ("form:metadata[order_id]",)
_PARENT = ("payment_intent", "charge")


def _rule(method: str, path: str, *strong: str) -> ReferenceRule:
    return ReferenceRule(method=method, path=path, strong=strong)


HEAD = ConnectorHead(
    vendor="stripe",
    role="payments",
    live="https://api.stripe.com",
    sandbox="https://api.stripe.com",  # the key says which mode: sk_test_… or sk_live_…
    hosts=("api.stripe.com",),
    credentials=("api_key",),
    optional_credentials=("publishable_key",),
    references=(
        _rule("POST", r"^/v1/payment_intents$", *_FORM, *_OBJECT),
        _rule("GET", r"^/v1/payment_intents/(?P<id>pi_[^/]+)$", "path:id", *_OBJECT),
        _rule("POST", r"^/v1/payment_intents/(?P<id>pi_[^/]+)(/[a-z_]+)?$", "path:id", *_FORM, *_OBJECT),
        _rule("POST", r"^/v1/refunds$", "form:payment_intent", "form:charge", *_FORM, *_OBJECT, *_PARENT),
        _rule("GET", r"^/v1/refunds$", "query:payment_intent", "query:charge"),
        _rule("GET", r"^/v1/refunds/(?P<id>re_[^/]+)$", "path:id", *_PARENT),
        _rule("GET", r"^/v1/charges/(?P<id>(ch|py)_[^/]+)$", "path:id", "payment_intent"),
        _rule("POST", r"^/v1/charges/(?P<id>(ch|py)_[^/]+)(/[a-z_]+)?$", "path:id", "payment_intent"),
        # Webhooks: whatever path the platform gave its endpoint, the event's object speaks.
        _rule("POST", r".*", "data.object.id", "data.object.metadata.order_id", "data.object.payment_intent"),
    ),
    creations=(
        CreationRule(
            kind="payment",
            method="POST",
            path=r"^/v1/payment_intents$",
            key="idempotency-key",
            purpose=("form:metadata[checkout_id]", "form:metadata[edit]"),
            amount=("form:amount",),
            currency=("form:currency",),
            customer=("form:receipt_email",),
        ),
        CreationRule(
            kind="refund",
            method="POST",
            path=r"^/v1/refunds$",
            key="idempotency-key",
            purpose=("form:payment_intent", "form:charge", "form:metadata[refund_id]"),
        ),
    ),
    documents=(
        "https://docs.stripe.com/api/payment_intents",
        "https://docs.stripe.com/api/pagination",
        "https://docs.stripe.com/api/balance_transactions",
        "https://docs.stripe.com/api/payouts",
    ),
)

_PAGE = "100"
# https://docs.stripe.com/payments/paymentintents/lifecycle in our words.
_PHASES = {
    "requires_payment_method": "open",
    "requires_confirmation": "open",
    "requires_action": "open",
    "processing": "pending",
    "requires_capture": "authorised",
    "succeeded": "captured",
    "canceled": "voided",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeRefund:
    """A refund as Stripe holds it; `status` is Stripe's: pending, requires_action, succeeded, failed, canceled.

    `booked`: it moved the balance, which the release of an authorisation does not.
    """

    ref: str
    payment_ref: str | None
    charge_ref: str | None
    status: str
    amount: MinorAmount
    created_at: datetime
    booked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeEvent:
    """Something Stripe tells by webhook: `body` is the event as Stripe sends it, byte for byte what is signed."""

    ref: str
    kind: str
    created_at: datetime
    body: bytes


class Stripe:
    """Reads one Stripe account (https://docs.stripe.com/api). `InfrastructureError` carries Stripe's code and text."""

    def __init__(self, http: Http, credentials: Mapping[str, str]) -> None:
        self._http = http
        self._headers = {"authorization": f"Bearer {credentials['api_key']}"}
        self._publishable_key = credentials.get("publishable_key")

    def headers_for(self, method: str, path: str) -> Mapping[str, str]:
        """Return the headers by which Stripe knows a call as this account's."""
        return self._headers

    def payment(self, ref: str) -> Payment:
        """Return one payment intent; `LookupError` when Stripe does not know it."""
        path = f"/v1/payment_intents/{quote(ref, safe='')}"
        answer = self._get(path, (("expand[]", "latest_charge"),), what=f"payment intent {ref}")
        return decode_payment(answer)

    def payments(self, since: datetime, until: datetime) -> Sequence[Payment]:
        """Return all payment intents created in [since, until), oldest first.

        Stripe counts whole seconds: an intent of the second in which `until` falls is included.
        """
        params = (*_created(since, until), ("expand[]", "data.latest_charge"))
        return [decode_payment(entry) for entry in self._pages("/v1/payment_intents", params)][::-1]

    def payments_of(self, order_ref: str, since: datetime) -> Sequence[Payment]:
        """Return every payment intent since then that carries the order's number in its metadata, oldest first.

        By listing: Stripe's search may lag behind its own writes by a minute.
        """
        params = (("created[gte]", str(math.floor(since.timestamp()))), ("expand[]", "data.latest_charge"))
        found = (decode_payment(entry) for entry in self._pages("/v1/payment_intents", params))
        return [payment for payment in found if payment.order_ref == order_ref][::-1]

    def refunds(self, payment_ref: str) -> Sequence[StripeRefund]:
        """Return all refunds of one payment intent, oldest first."""
        entries = self._pages("/v1/refunds", (("payment_intent", payment_ref),))
        return [decode_refund(entry) for entry in entries][::-1]

    def with_refunds(self, payment: Payment) -> Payment:
        """Return a payment with its refunds, asked for only where something was refunded."""
        if not payment.refunded.minor:
            return payment
        # A release has no booking on the balance: it is no refund.
        found = [each for each in self.refunds(payment.ref) if each.booked or payment.captured == payment.amount]
        return replace(payment, refunds=tuple(_gateway_refund(each) for each in found))

    def balance_entries(self, since: datetime, until: datetime) -> Sequence[BalanceEntry]:
        """Return all bookings on the balance created in [since, until), oldest first.

        Which payout holds a booking Stripe tells for automatic payouts alone, and by the payout: those begun since
        then are asked for theirs. Whole seconds, as `payments`.
        """
        paid_out: dict[str, str] = {}
        for payout in self._pages("/v1/payouts", (("created[gte]", str(math.floor(since.timestamp()))),)):
            if payout.raw.get("automatic") is True:
                ref = payout.text("id")
                held = self._pages("/v1/balance_transactions", (("payout", ref),))
                paid_out |= {entry.text("id"): ref for entry in held}
        params = (*_created(since, until), ("expand[]", "data.source"))
        entries = self._pages("/v1/balance_transactions", params)
        return [decode_entry(entry, paid_out.get(entry.text("id"))) for entry in entries][::-1]

    def payouts(self, since: datetime, until: datetime) -> Sequence[Payout]:
        """Return all payouts begun in [since, until), oldest first; whole seconds, as `payments`."""
        return [decode_payout(entry) for entry in self._pages("/v1/payouts", _created(since, until))][::-1]

    def events(self, since: datetime) -> Sequence[StripeEvent]:
        """Return the events since then, oldest first (https://docs.stripe.com/api/events/list: 30 days are kept)."""
        params = (("created[gte]", str(math.floor(since.timestamp()))),)
        return [decode_event(entry.raw) for entry in self._pages("/v1/events", params)][::-1]

    def refund(self, payment_ref: str, key: str) -> None:
        """Give back all that is still held of a payment intent, or cancel one that was never captured.

        Follows https://docs.stripe.com/api/refunds/create and …/payment_intents/cancel; the key goes as
        Idempotency-Key. Nothing happens where nothing is held. Raises `LookupError` for an unknown intent,
        `UndoRefused` where Stripe will not (a dispute, a payment too old).
        """
        payment = self.payment(payment_ref)
        if payment.status == "canceled" or (payment.captured.minor and payment.refunded == payment.captured):
            return
        path, form = f"/v1/payment_intents/{quote(payment_ref, safe='')}/cancel", [("cancellation_reason", "abandoned")]
        if payment.status == "succeeded":
            path, form = "/v1/refunds", [("payment_intent", payment_ref), ("metadata[assay]", "undo")]
        self._act(path, form, key, f"payment intent {payment_ref}")

    def refund_part(self, payment_ref: str, amount: MinorAmount, key: str) -> None:
        """Give back that much of a payment intent, as somebody at Stripe's dashboard does; the same key acts once.

        Raises `LookupError` for an unknown intent, `UndoRefused` where Stripe will not, or the currency is another.
        """
        held = self.payment(payment_ref).amount.currency
        if held != amount.currency:
            raise UndoRefused(f"{payment_ref} is of {held}, and {amount.currency} is to be given back")
        form = [("payment_intent", payment_ref), ("amount", str(amount.minor)), ("reason", "requested_by_customer")]
        self._act("/v1/refunds", form, key, f"payment intent {payment_ref}")

    def capture_part(self, payment_ref: str, amount: MinorAmount, key: str) -> None:
        """Take that much of an authorised payment intent, as somebody at Stripe's dashboard does, and release the rest.

        The same key acts once. Raises `LookupError` for an unknown intent, `UndoRefused` where Stripe will not.
        """
        path = f"/v1/payment_intents/{quote(payment_ref, safe='')}/capture"
        self._act(path, [("amount_to_capture", str(amount.minor))], key, f"payment intent {payment_ref}")

    def _act(self, path: str, form: Sequence[tuple[str, str]], key: str, what: str) -> None:
        headers = {**self._headers, "idempotency-key": key}
        reply = self._http.request("POST", path, form=form, headers=headers)
        if reply.status == 200:
            return
        if reply.status == 400:
            error = Answer.of(reply, system="stripe", operation=f"POST {path}")
            code = error.text_or("error.code", "no code")
            if code == "charge_already_refunded":  # somebody was quicker between our two calls
                return
            raise UndoRefused(f"{code}: {error.text_or('error.message', 'no message')}")
        _refuse(reply, f"POST {path}", what)

    def tokenise(self, card: Card, *, postcode: str | None = None, country: str | None = None) -> str:
        """Make a payment method of card data as Stripe's own form does, with the publishable key; return its id.

        Follows https://docs.stripe.com/api/payment_methods/create. Stripe takes the numbers of
        https://docs.stripe.com/testing alone in test mode. `UsageError` without a publishable key.
        """
        month, year = card.expires
        form = [
            ("type", "card"),
            ("card[number]", card.number),
            ("card[exp_month]", str(month)),
            ("card[exp_year]", str(year)),
            ("card[cvc]", card.cvc),
            ("billing_details[name]", card.holder),
        ]
        form += [("billing_details[address][postal_code]", postcode)] if postcode else []
        form += [("billing_details[address][country]", country)] if country else []
        return self._payment_method(form, "card data")

    def tokenise_debit(self, iban: str, *, holder: str, email: str) -> str:
        """Make a payment method of a bank account for SEPA debits, with the publishable key; return its id.

        Follows https://docs.stripe.com/payments/sepa-debit: the owner's name and e-mail are needed.
        """
        form = [
            ("type", "sepa_debit"),
            ("sepa_debit[iban]", iban),
            ("billing_details[name]", holder),
            ("billing_details[email]", email),
        ]
        return self._payment_method(form, "a bank account")

    def _payment_method(self, form: Sequence[tuple[str, str]], what: str) -> str:
        if self._publishable_key is None:
            raise UsageError(
                f"{what} cannot be handed to stripe without a publishable key",
                where="systems.stripe.credentials",
                expected='publishable_key = "env:STRIPE_PUBLISHABLE_KEY"',
                hint="add the line, and set that variable to the pk_test_… key of your account",
            )
        headers = {"authorization": f"Bearer {self._publishable_key}"}
        reply = self._http.request("POST", "/v1/payment_methods", form=form, headers=headers)
        if reply.status != 200:
            _refuse(reply, "POST /v1/payment_methods", what)
        return Answer.of(reply, system="stripe", operation="POST /v1/payment_methods").text("id")

    def authenticate(self, redirect_url: str, *, passes: bool) -> str:
        """Press a button of the simulator's 3D Secure page; return the link that leads back to the shop.

        Stripe's own test page can only be clicked in a browser.
        """
        parts = urlsplit(redirect_url)
        path = f"{parts.path}?{parts.query}"
        form = [("outcome", "complete" if passes else "fail")]
        reply = self._http.request("POST", path, form=form)
        back = reply.headers.get("location")
        if reply.status != 303 or not back:
            raise InfrastructureError(
                "the bank's page led nowhere",
                where=f"POST {parts.path}",
                expected="303 with the link back to the shop",
                seen=f"status {reply.status}",
                hint="only the simulator's page has buttons that a program can press",
            )
        return back

    def _pages(self, path: str, params: Sequence[tuple[str, str]]) -> Iterator[Answer]:
        """Walk a list newest first by `starting_after` until Stripe says there is no more."""
        after: tuple[tuple[str, str], ...] = ()
        while True:
            page = self._get(path, (*params, ("limit", _PAGE), *after), what=path)
            entries = page.items("data")
            yield from entries
            more = page.raw.get("has_more")
            if not isinstance(more, bool) or (more and not entries):
                page.refuse("has_more", "true or false, and never true on an empty page")
            if not more:
                return
            last = entries[-1].text("id")
            if after and after[0][1] == last:
                page.refuse("data", "a page after the last one, not the same page again")
            after = (("starting_after", last),)

    def _get(self, path: str, params: Sequence[tuple[str, str]], *, what: str) -> Answer:
        reply = self._http.request("GET", path, params=params, headers=self._headers)
        if reply.status != 200:
            _refuse(reply, f"GET {path}", what)
        return Answer.of(reply, system="stripe", operation=f"GET {path}")


def decode_payment(answer: Answer) -> Payment:
    """Turn a payment intent with its latest charge expanded into our record."""
    currency = answer.text("currency").upper()
    refunded = 0
    if answer.has("latest_charge"):
        # Only the latest charge of an intent can have succeeded, so its refunds are the intent's.
        refunded = answer.integer("latest_charge.amount_refunded")
        if answer.has("latest_charge.amount_captured"):
            # What a partial capture, or none, released of an authorisation counts as refunded at Stripe.
            released = answer.integer("amount") - answer.integer("latest_charge.amount_captured")
            refunded = max(refunded - released, 0)
    return Payment(
        system="stripe",
        ref=answer.text("id"),
        order_ref=answer.text_or("metadata.order_id", "") or None,
        status=answer.text("status"),
        amount=MinorAmount(answer.integer("amount"), currency),
        captured=MinorAmount(answer.integer("amount_received"), currency),
        refunded=MinorAmount(refunded, currency),
        created_at=_instant(answer, "created"),
        phase=_PHASES.get(answer.text("status"), ""),
        capturable=MinorAmount(answer.integer("amount_capturable"), currency)
        if answer.has("amount_capturable")
        else None,
        declined=answer.has("last_payment_error"),
        checkout_ref=answer.text_or("metadata.checkout_id", "") or None,
        purpose=answer.text_or("metadata.edit", ""),
        customer=answer.text_or("receipt_email", "") or None,
    )


def decode_refund(answer: Answer) -> StripeRefund:
    """Turn a refund into its record."""
    return StripeRefund(
        ref=answer.text("id"),
        payment_ref=answer.text_or("payment_intent", "") or None,
        charge_ref=answer.text_or("charge", "") or None,
        status=answer.text("status"),
        amount=MinorAmount(answer.integer("amount"), answer.text("currency").upper()),
        created_at=_instant(answer, "created"),
        booked=answer.raw.get("balance_transaction") is not None,
    )


def _gateway_refund(refund: StripeRefund) -> GatewayRefund:
    return GatewayRefund(
        ref=refund.ref,
        status=refund.status,
        amount=refund.amount,
        created_at=refund.created_at,
        settled=refund.status not in ("pending", "requires_action"),
    )


def decode_event(event: Mapping[str, Any]) -> StripeEvent:
    """Turn an event object into its record; Stripe posts the very same object, indented by two."""
    answer = Answer(event, system="stripe", operation="an event")
    return StripeEvent(
        ref=answer.text("id"),
        kind=answer.text("type"),
        created_at=_instant(answer, "created"),
        body=json.dumps(event, indent=2, ensure_ascii=False).encode(),
    )


def sign(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """Return the headers that make a body Stripe's own word at that instant, for an endpoint with this secret.

    Follows https://docs.stripe.com/webhooks#verify-manually: HMAC-SHA256 over the time, a dot and the body.
    """
    stamp = math.floor(at.timestamp())
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={stamp},v1={signature}", "content-type": "application/json; charset=utf-8"}


def signed_webhook(body: bytes, credentials: Mapping[str, str], at: datetime) -> tuple[bytes, Mapping[str, str]]:
    """Return an event as Stripe would deliver it at that instant, with its headers, to who has ``webhook_secret``."""
    return body, sign(body, credentials["webhook_secret"], at)


def _created(since: datetime, until: datetime) -> tuple[tuple[str, str], ...]:
    """Ask a list for [since, until), in the whole seconds Stripe counts."""
    return (
        ("created[gte]", str(math.floor(since.timestamp()))),
        ("created[lt]", str(math.ceil(until.timestamp()))),
    )


def _instant(answer: Answer, path: str) -> datetime:
    return datetime.fromtimestamp(answer.integer(path), UTC)


def _refuse(reply: Reply, operation: str, what: str) -> NoReturn:
    """Raise for an error answer (https://docs.stripe.com/api/errors)."""
    error = Answer.of(reply, system="stripe", operation=operation)
    code = error.text_or("error.code", "") or error.text_or("error.type", "no code")
    message = error.text_or("error.message", "no message")
    if reply.status == 404:
        raise LookupError(f"stripe knows no {what}: {code}: {message}")
    raise InfrastructureError(
        f"stripe refused: {code}: {message}",
        where=operation,
        expected="status 200",
        seen=f"status {reply.status}, request {reply.headers.get('request-id', 'without an id')}",
        hint="check the environment variable of stripe's api_key" if reply.status in (401, 403) else None,
    )
