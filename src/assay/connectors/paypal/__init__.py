"""PayPal as a witness: orders with their authorisations, captures and refunds, as Orders v2 and Payments v2 state them.

A payment of ours is an order of PayPal's (`Payment.ref` is the order's id), because that is what a shop creates, a
customer approves and every capture hangs on. PayPal writes amounts as decimal texts; they are handed on in whole units
of PayPal's own decimals, exactly.

What the shop wrote on a purchase unit: `invoice_id` is its order's number, `custom_id` whose checkout it is; a further
charge of the same checkout says after a slash what for (``c_17/edit-1``). Without an `invoice_id`, what stands before
the slash is taken for the order's number, too.

Neither API lists orders. Transaction Search v1 lists what was paid or authorised, and every order found that way is
read itself. Its lag is documented: up to three hours. Until then a listing lacks what is newest, so the profile's
freshness limit of payments is three hours or more where PayPal is. An order the shop names is read at once all the
same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NoReturn
from urllib.parse import parse_qs, quote, urlsplit

from assay.connectors.paypal.decoding import HELD, decode_payment, instant, live, made, purchase_units, written
from assay.connectors.paypal.settlement import captured_in, decode_entry, decode_payout, has_moved
from assay.errors import InfrastructureError
from assay.http import Answer, basic_authorization
from assay.records import BalanceEntry, CreationRule, MinorAmount, Payment, Payout, ReferenceRule
from assay.roles import Bearer, ConnectorHead, Http, Reply, UndoRefused

_UNIT = "purchase_units.*"
_PAYMENTS = f"{_UNIT}.payments"
_ORDER = (
    "id",
    f"{_UNIT}.invoice_id",
    f"{_UNIT}.custom_id",
    f"{_PAYMENTS}.authorizations.*.id",
    f"{_PAYMENTS}.captures.*.id",
    f"{_PAYMENTS}.refunds.*.id",
)
_RELATED = "supplementary_data.related_ids"
_OF_ORDER = (f"{_RELATED}.order_id", f"{_RELATED}.authorization_id", f"{_RELATED}.capture_id")
_PAID = ("path:id", "id", "invoice_id", "custom_id", *_OF_ORDER)
# What an amount consists of, in our words and PayPal's.
_BREAKDOWN = (
    ("goods", "item_total"),
    ("tax", "tax_total"),
    ("shipping", "shipping"),
    ("handling", "handling"),
    ("insurance", "insurance"),
    ("discount", "discount"),
    ("shipping_discount", "shipping_discount"),
)


def _rule(method: str, path: str, *strong: str) -> ReferenceRule:
    return ReferenceRule(method=method, path=path, strong=strong)


HEAD = ConnectorHead(
    vendor="paypal",
    role="payments",
    live="https://api-m.paypal.com",
    sandbox="https://api-m.sandbox.paypal.com",
    hosts=("api-m.paypal.com", "api-m.sandbox.paypal.com"),
    credentials=("client_id", "client_secret"),
    references=(
        _rule("POST", r"^/v2/checkout/orders$", *_ORDER),
        _rule("GET", r"^/v2/checkout/orders/(?P<id>[^/]+)$", "path:id", *_ORDER),
        _rule("PATCH", r"^/v2/checkout/orders/(?P<id>[^/]+)(/trackers/[^/]+)?$", "path:id"),
        _rule("POST", r"^/v2/checkout/orders/(?P<id>[^/]+)/[a-z-]+$", "path:id", *_ORDER),
        _rule("GET", r"^/v2/payments/(?:authorizations|captures|refunds)/(?P<id>[^/]+)$", *_PAID),
        _rule("POST", r"^/v2/payments/(?:authorizations|captures)/(?P<id>[^/]+)/[a-z]+$", *_PAID),
        # Webhooks: whatever path the platform gave its endpoint, the event's resource speaks.
        _rule("POST", r".*", *(f"resource.{place}" for place in (*_ORDER, "invoice_id", "custom_id", *_OF_ORDER))),
    ),
    creations=(
        CreationRule(
            kind="payment",
            method="POST",
            path=r"^/v2/checkout/orders$",
            key="paypal-request-id",
            purpose=(f"{_UNIT}.custom_id", f"{_UNIT}.invoice_id"),
            amount=(f"{_UNIT}.amount.value",),
            currency=(f"{_UNIT}.amount.currency_code",),
            customer=("payer.email_address", "payment_source.paypal.email_address"),
            items=f"{_UNIT}.items.*",
            item=(("sku", "sku"), ("quantity", "quantity"), ("price", "unit_amount.value"), ("tax", "tax.value")),
            parts=tuple((name, f"{_UNIT}.amount.breakdown.{key}.value") for name, key in _BREAKDOWN),
        ),
        CreationRule(
            kind="refund",
            method="POST",
            path=r"^/v2/payments/captures/(?P<id>[^/]+)/refund$",
            key="paypal-request-id",
            purpose=("path:id", "custom_id", "invoice_id"),
        ),
    ),
    documents=(
        "https://developer.paypal.com/docs/api/orders/v2/",
        "https://developer.paypal.com/docs/api/payments/v2/",
        "https://developer.paypal.com/docs/api/transaction-search/v1/",
        "https://developer.paypal.com/docs/api/reference/currency-codes/",
        "https://developer.paypal.com/api/rest/authentication/",
        "https://developer.paypal.com/docs/transaction-search/transaction-event-codes/",
    ),
)

_SEARCH = "/v1/reporting/transactions"
_PAGE_SIZE = 500  # the most a page may hold
_LONGEST = timedelta(days=31)  # the most one search may span
_APPROVAL = timedelta(hours=3)  # how long a customer may take to approve an order, unless PayPal allowed the shop more
# Groups of event codes: T00 is a payment from account to account, T13 an authorisation.
_KINDS = {"T00": "captures", "T13": "authorizations"}


@dataclass(frozen=True, slots=True)
class _Listed:
    """What Transaction Search says of one transaction: where Payments v2 keeps it, and its order where it is told."""

    kind: str
    ref: str
    order_ref: str


class Paypal:
    """Reads one PayPal account with a REST application's credentials; errors carry PayPal's own issue and text."""

    def __init__(
        self, http: Http, credentials: Mapping[str, str], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = http
        self._basic = basic_authorization(credentials["client_id"], credentials["client_secret"])
        self._token = Bearer(self._fetch_token, monotonic=monotonic)

    def headers_for(self, method: str, path: str) -> Mapping[str, str]:
        """Return the headers by which PayPal knows a call as ours: the client's own for a token, else a token."""
        return {"authorization": self._basic if path.startswith("/v1/oauth2/") else self._token.authorization}

    def payment(self, ref: str) -> Payment:
        """Return one order with all that was authorised, captured and refunded; `LookupError` when PayPal knows none.

        ref: the id of the order (Orders v2), not of a capture.
        """
        return decode_payment(self._order(ref))

    def payments(self, since: datetime, until: datetime) -> Sequence[Payment]:
        """Return the orders created in [since, until) on which anything was paid or authorised, oldest first.

        By Transaction Search: what happened in the last three hours may not be there yet, an order nobody approved
        never is, nor one approved later than three hours after its creation. What did not come by Orders v2 (an
        invoice of PayPal's own, a donation) is left out. Search must be allowed to the application; where it is not,
        `InfrastructureError` says so.
        """
        orders: dict[str, Answer | None] = {}
        for listed in self._listed(since, until + _APPROVAL):
            ref = listed.order_ref
            if ref and ref not in orders:
                orders[ref] = self._order_or_none(ref)
            if not ref or orders[ref] is None:
                ref = self._order_behind(listed)
                if ref and ref not in orders:
                    orders[ref] = self._order_or_none(ref)
        found = [decode_payment(order) for order in orders.values() if order is not None]
        return sorted(
            (payment for payment in found if since <= payment.created_at < until),
            key=lambda payment: (payment.created_at, payment.ref),
        )

    def refund(self, payment_ref: str, key: str) -> None:
        """Give back all that is still held of an order: void open authorisations, then refund every capture.

        The key goes as PayPal-Request-Id, with the capture's id, since an order may have several. An order never
        authorised nor captured holds nothing and lapses by itself: Orders v2 cannot cancel it. Raises `LookupError`
        for an unknown order, `UndoRefused` where PayPal will not (a dispute, 180 days over, a capture still pending).
        """
        order = self._order(payment_ref)
        for unit in purchase_units(order):
            for authorisation in live(unit):
                self._void(authorisation)
            for capture in made(unit, "captures"):
                if capture.text("status") in HELD:
                    self._give_back(capture.text("id"), key, {})

    def refund_part(self, payment_ref: str, amount: MinorAmount, key: str) -> None:
        """Give back that much of an order's first capture that holds something, as at PayPal's own site.

        The same key acts once. Raises `LookupError` for an unknown order, `UndoRefused` where PayPal will not.
        """
        for unit in purchase_units(self._order(payment_ref)):
            for capture in made(unit, "captures"):
                if capture.text("status") in HELD:
                    self._give_back(capture.text("id"), key, {"amount": written(amount)})
                    return
        raise UndoRefused(f"nothing of {payment_ref} was captured that could be given back")

    def capture_part(self, payment_ref: str, amount: MinorAmount, key: str) -> None:
        """Take that much of an order's open authorisation, and leave the rest of it open; the same key acts once.

        Raises `LookupError` for an unknown order, `UndoRefused` where nothing is authorised or PayPal will not.
        """
        for unit in purchase_units(self._order(payment_ref)):
            for authorisation in live(unit):
                path = f"/v2/payments/authorizations/{quote(authorisation.text('id'), safe='')}/capture"
                body = {"amount": written(amount), "final_capture": False}
                reply = self._send("POST", path, headers={"paypal-request-id": key}, json=body)
                if reply.status not in (200, 201):
                    self._refuse_undo(reply, f"POST {path}")
                return
        raise UndoRefused(f"nothing of {payment_ref} is authorised that could be taken")

    def authenticate(self, redirect_url: str, *, passes: bool, instrument: str = "wallet") -> str:
        """Press a button of the simulator's approval page as the payer; return the link that leads back to the shop.

        instrument: what the payer pays with, as the simulator knows it: ``wallet``, ``echeck`` (pending for days),
        ``declined``. PayPal's own page can only be clicked in a browser.
        """
        parts = urlsplit(redirect_url)
        token = parse_qs(parts.query).get("token", [""])[0]
        outcome = "approve" if passes else "cancel"
        form = [("token", token), ("outcome", outcome), ("instrument", instrument)]
        reply = self._http.request("POST", f"{parts.path}?{parts.query}", form=form)
        back = reply.headers.get("location")
        if reply.status not in (302, 303) or not back:
            raise InfrastructureError(
                "PayPal's page led nowhere",
                where=f"POST {parts.path}",
                expected="303 with the link back to the shop",
                seen=f"status {reply.status}",
                hint="only the simulator's page has buttons that a program can press",
            )
        return back

    def balance_entries(self, since: datetime, until: datetime) -> Sequence[BalanceEntry]:
        """Return every movement of the balances begun in [since, until), oldest first, by Transaction Search.

        A currency that the account does not keep is converted by movements of its own (T02), so that no movement has
        two currencies. What is still pending, or was denied, moved nothing. PayPal does not say which movements a
        withdrawal pays out. The newest three hours may be missing, as in `payments`.
        """
        found = []
        orders: dict[str, str] = {}
        for info in self._moved(since, until):
            capture = captured_in(info)
            if capture and capture not in orders:
                named = info.text_or("paypal_reference_id_type", "") == "ODR"
                known = info.text("paypal_reference_id") if named else ""
                orders[capture] = known or self._order_behind(_Listed("captures", capture, ""))
            found.append(decode_entry(info, orders.get(capture) or None))
        return sorted(found, key=lambda entry: (entry.created_at, entry.ref))

    def payouts(self, since: datetime, until: datetime) -> Sequence[Payout]:
        """Return every withdrawal to a bank account begun in [since, until), oldest first, by Transaction Search."""
        found = [decode_payout(info) for info in self._moved(since, until, pending=True)]
        return sorted((each for each in found if each is not None), key=lambda payout: (payout.created_at, payout.ref))

    def _moved(self, since: datetime, until: datetime, *, pending: bool = False) -> Iterator[Answer]:
        """Walk the transactions begun in a span that moved a balance, or may yet, each once."""
        seen = set()
        for details in self._transactions(since, until, balance="Y"):
            info = details.at("transaction_info")
            ref = info.text("transaction_id")
            begun = instant(info, "transaction_initiation_date")
            if ref not in seen and since <= begun < until and (pending or has_moved(info)):
                seen.add(ref)
                yield info

    def _void(self, authorisation: Answer) -> None:
        path = f"/v2/payments/authorizations/{quote(authorisation.text('id'), safe='')}/void"
        reply = self._send("POST", path)
        issue = _issue(reply, f"POST {path}") if reply.status == 422 else ""
        if reply.status in (200, 204) or issue == "PREVIOUSLY_VOIDED":
            return
        # PayPal releases the rest of an authorisation itself once its last capture was made.
        if issue == "PREVIOUSLY_CAPTURED" and authorisation.text("status") == "PARTIALLY_CAPTURED":
            return
        self._refuse_undo(reply, f"POST {path}")

    def _give_back(self, capture: str, key: str, body: Mapping[str, object]) -> None:
        path = f"/v2/payments/captures/{quote(capture, safe='')}/refund"
        # An empty object asks for all that was not refunded before.
        reply = self._send("POST", path, headers={"paypal-request-id": f"{key}-{capture}"}, json=dict(body))
        if reply.status in (200, 201):
            return
        if not body and reply.status == 422 and _issue(reply, f"POST {path}") == "CAPTURE_FULLY_REFUNDED":
            return  # somebody was quicker between our two calls
        self._refuse_undo(reply, f"POST {path}")

    def _refuse_undo(self, reply: Reply, operation: str) -> NoReturn:
        if reply.status == 422:
            raise UndoRefused(_words(Answer.of(reply, system="paypal", operation=operation)))
        _refuse(reply, operation, operation.rsplit("/", 2)[1])

    def _listed(self, since: datetime, until: datetime) -> list[_Listed]:
        """Return every payment and authorisation the search lists, each once: it may list one of them twice."""
        found: dict[str, _Listed] = {}
        for details in self._transactions(since, until):
            info = details.at("transaction_info")
            kind = _KINDS.get(info.text_or("transaction_event_code", "")[:3])
            if kind is None or info.decimal("transaction_amount.value") < 0:  # negative: money this account sent
                continue
            ref = info.text("transaction_id")
            of_order = info.text_or("paypal_reference_id_type", "") == "ODR"
            found.setdefault(ref, _Listed(kind, ref, info.text("paypal_reference_id") if of_order else ""))
        return list(found.values())

    def _order_behind(self, listed: _Listed) -> str:
        """Return the order a capture or an authorisation belongs to; nothing for what did not come by Orders v2."""
        path = f"/v2/payments/{listed.kind}/{quote(listed.ref, safe='')}"
        try:
            answer = self._read(path, f"{listed.kind} {listed.ref}")
        except LookupError:
            return ""
        return answer.text_or(f"{_RELATED}.order_id", "")

    def _order_or_none(self, ref: str) -> Answer | None:
        try:
            return self._order(ref)
        except LookupError:
            return None

    def _transactions(self, since: datetime, until: datetime, *, balance: str = "N") -> Iterator[Answer]:
        """Walk every page of every span of 31 days, oldest span first."""
        while since < until:
            end = min(since + _LONGEST, until)
            page = 1
            while True:
                params = (
                    ("start_date", _rfc3339(since)),
                    ("end_date", _rfc3339(end)),
                    ("fields", "transaction_info"),
                    ("balance_affecting_records_only", balance),
                    ("page_size", str(_PAGE_SIZE)),
                    ("page", str(page)),
                )
                answer = self._read(_SEARCH, "transaction search", params)
                last = answer.integer("total_pages") if answer.has("total_pages") else 1
                # A span without transactions may be answered without the list.
                entries = answer.items("transaction_details") if answer.raw.get("transaction_details") else []
                if not entries and page < last:
                    answer.refuse("transaction_details", "transactions on every page before the last")
                yield from entries
                if page >= last:
                    break
                page += 1
            since = end

    def _order(self, ref: str) -> Answer:
        return self._read(f"/v2/checkout/orders/{quote(ref, safe='')}", f"order {ref}")

    def _read(self, path: str, what: str, params: Sequence[tuple[str, str]] = ()) -> Answer:
        reply = self._send("GET", path, params=params)
        if reply.status != 200:
            _refuse(reply, f"GET {path}", what)
        return Answer.of(reply, system="paypal", operation=f"GET {path}")

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        json: object = None,
    ) -> Reply:
        reply = self._send_once(method, path, params, headers, json)
        if reply.status == 401:  # the token died early; a call it was refused for did nothing, so it is made again
            self._token.forget()
            reply = self._send_once(method, path, params, headers, json)
        return reply

    def _send_once(
        self,
        method: str,
        path: str,
        params: Sequence[tuple[str, str]],
        headers: Mapping[str, str] | None,
        json: object,
    ) -> Reply:
        sent = {"authorization": self._token.authorization, "accept": "application/json", **(headers or {})}
        if method == "POST":
            sent.setdefault("content-type", "application/json")  # PayPal asks for it where no body goes along, too
        return self._http.request(method, path, params=params, headers=sent, json=json)

    def _fetch_token(self) -> tuple[str, Decimal]:
        path = "/v1/oauth2/token"
        headers = {"authorization": self._basic, "accept": "application/json"}
        reply = self._http.request("POST", path, headers=headers, form=(("grant_type", "client_credentials"),))
        if reply.status != 200:
            _refuse(reply, f"POST {path}", "application with this client_id")
        answer = Answer.of(reply, system="paypal", operation=f"POST {path}")
        return answer.text("access_token"), answer.decimal("expires_in")


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _issue(reply: Reply, operation: str) -> str:
    """Return PayPal's word for what is wrong: the first detail's issue, else the error's name."""
    error = Answer.of(reply, system="paypal", operation=operation)
    return error.text_or("details.0.issue", "") or error.text_or("name", "") or error.text_or("error", "no name")


def _words(error: Answer) -> str:
    """Return an error's name and text, from its first detail where it has one; the token call has its own shape."""
    issue = error.text_or("details.0.issue", "") or error.text_or("name", "") or error.text_or("error", "no name")
    text = error.text_or("details.0.description", "") or error.text_or("message", "")
    return f"{issue}: {text or error.text_or('error_description', 'no message')}"


def _refuse(reply: Reply, operation: str, what: str) -> NoReturn:
    """Raise for an error answer (https://developer.paypal.com/api/rest/responses/)."""
    error = Answer.of(reply, system="paypal", operation=operation)
    if reply.status == 404:
        raise LookupError(f"paypal knows no {what}: {_words(error)}")
    hint = None
    if reply.status == 401:
        hint = "check the environment variables of paypal's client_id and client_secret"
    elif reply.status == 403:
        feature = "Transaction Search" if _SEARCH in operation else "this feature"
        hint = f"allow {feature} to the REST application in PayPal's developer dashboard; it may take hours to hold"
    debug_id = error.text_or("debug_id", "") or reply.headers.get("paypal-debug-id", "")
    raise InfrastructureError(
        f"paypal refused: {_words(error)}",
        where=operation,
        expected="status 200",
        seen=f"status {reply.status}, {f'debug id {debug_id}' if debug_id else 'without a debug id'}",
        hint=hint,
    )
