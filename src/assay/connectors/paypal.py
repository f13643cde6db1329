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

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NoReturn
from urllib.parse import quote

from assay.errors import InfrastructureError
from assay.http import Answer, basic_authorization
from assay.money import EXPONENTS
from assay.records import CreationRule, GatewayRefund, MinorAmount, Payment, ReferenceRule
from assay.roles import ConnectorHead, Http, Reply, UndoRefused

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
            # No place for the amount: what reads it counts in minor units, and PayPal is sent decimal texts.
            currency=(f"{_UNIT}.amount.currency_code",),
            customer=("payer.email_address", "payment_source.paypal.email_address"),
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
# https://developer.paypal.com/docs/api/reference/currency-codes/: these have no decimals here, whatever ISO 4217 says.
_WHOLE = frozenset({"HUF", "JPY", "TWD"})
_LONGEST_VALUE = 32
_VALUE = re.compile(r"-?(?:[0-9]+|[0-9]*\.[0-9]+)")
_TAKEN = ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED")
_HELD = ("COMPLETED", "PARTIALLY_REFUNDED", "PENDING")  # something of such a capture can be given back, or will be
_LIVE = ("CREATED", "PENDING", "PARTIALLY_CAPTURED")  # an authorisation of which something is still open
_GIVEN_BACK = ("COMPLETED", "PENDING")
# A token is renewed a little before PayPal's own date, so that no call leaves with one that dies on the way.
_MARGIN_S = 60.0


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
        self._monotonic = monotonic
        self._token = ""
        self._token_until = 0.0

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
        for unit in _units(order):
            for authorisation in _live(unit):
                self._void(authorisation)
            for capture in _told(unit, "captures"):
                if capture.text("status") in _HELD:
                    self._give_back(capture.text("id"), key)

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

    def _give_back(self, capture: str, key: str) -> None:
        path = f"/v2/payments/captures/{quote(capture, safe='')}/refund"
        # An empty object asks for all that was not refunded before.
        reply = self._send("POST", path, headers={"paypal-request-id": f"{key}-{capture}"}, json={})
        if reply.status in (200, 201):
            return
        if reply.status == 422 and _issue(reply, f"POST {path}") == "CAPTURE_FULLY_REFUNDED":
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

    def _transactions(self, since: datetime, until: datetime) -> Iterator[Answer]:
        """Walk every page of every span of 31 days, oldest span first."""
        while since < until:
            end = min(since + _LONGEST, until)
            page = 1
            while True:
                params = (
                    ("start_date", _rfc3339(since)),
                    ("end_date", _rfc3339(end)),
                    ("fields", "transaction_info"),
                    ("balance_affecting_records_only", "N"),
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
            self._token = ""
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
        sent = {"authorization": f"Bearer {self._valid_token()}", "accept": "application/json", **(headers or {})}
        if method == "POST":
            sent.setdefault("content-type", "application/json")  # PayPal asks for it where no body goes along, too
        return self._http.request(method, path, params=params, headers=sent, json=json)

    def _valid_token(self) -> str:
        if not self._token or self._monotonic() >= self._token_until:
            self._fetch_token()
        return self._token

    def _fetch_token(self) -> None:
        path = "/v1/oauth2/token"
        asked_at = self._monotonic()
        headers = {"authorization": self._basic, "accept": "application/json"}
        reply = self._http.request("POST", path, headers=headers, form=(("grant_type", "client_credentials"),))
        if reply.status != 200:
            _refuse(reply, f"POST {path}", "application with this client_id")
        answer = Answer.of(reply, system="paypal", operation=f"POST {path}")
        token, lives_s = answer.text("access_token"), float(answer.decimal("expires_in"))
        self._token_until = asked_at + max(lives_s - _MARGIN_S, 0.0)
        self._token = token


def decode_payment(order: Answer) -> Payment:
    """Turn an order into our record; what is authorised, captured and refunded is summed over its purchase units."""
    units = _units(order)
    currency = units[0].text("amount.currency_code")
    captures = [each for unit in units for each in _told(unit, "captures")]
    refunds = [_refund(each, currency) for unit in units for each in _told(unit, "refunds")]
    taken = sum(_minor(each, "amount", currency) for each in captures if each.text("status") in _TAKEN)
    custom = next((unit.text("custom_id") for unit in units if unit.has("custom_id")), "")
    invoice = next((unit.text("invoice_id") for unit in units if unit.has("invoice_id")), "")
    checkout, _, purpose = custom.partition("/")
    return Payment(
        system="paypal",
        ref=order.text("id"),
        order_ref=invoice or checkout or None,
        status=order.text("status"),
        amount=MinorAmount(sum(_minor(unit, "amount", currency) for unit in units), currency),
        captured=MinorAmount(taken, currency),
        refunded=MinorAmount(_refunded(order, captures, refunds, currency), currency),
        created_at=_instant(order, "create_time"),
        phase=_phase(order, units, captures),
        capturable=MinorAmount(sum(_open(unit, currency) for unit in units), currency),
        declined=_is_declined(units, captures),
        checkout_ref=checkout or None,
        purpose=purpose,
        customer=order.text_or("payer.email_address", "")
        or order.text_or("payment_source.paypal.email_address", "")
        or None,
        refunds=tuple(refunds),
    )


def _phase(order: Answer, units: Sequence[Answer], captures: Sequence[Answer]) -> str:
    """Return the state of an order in our words: of COMPLETED alone, only its payments tell what was completed."""
    states = {each.text("status") for each in captures}
    authorised = {each.text("status") for unit in units for each in _told(unit, "authorizations")}
    if states & set(_TAKEN):
        return "captured"
    if "PENDING" in states:
        return "pending"
    if authorised & {"CREATED", "PARTIALLY_CAPTURED"}:
        return "authorised"
    if "PENDING" in authorised:
        return "pending"
    if order.text("status") == "VOIDED" or "VOIDED" in authorised:
        return "voided"
    return "open"


def _is_declined(units: Sequence[Answer], captures: Sequence[Answer]) -> bool:
    """Say whether the last thing tried on the order was refused."""
    authorisations = [each for unit in units for each in _told(unit, "authorizations")]
    tried = list(captures) or authorisations
    return bool(tried) and tried[-1].text("status") in ("DECLINED", "FAILED", "DENIED")


def _refunded(order: Answer, captures: Sequence[Answer], refunds: Sequence[GatewayRefund], currency: str) -> int:
    """Sum what was given back; a capture that was reversed whole may have no refund of its own."""
    if not refunds and any(each.text("status") == "PARTIALLY_REFUNDED" for each in captures):
        order.refuse("purchase_units", "the refunds of a capture that is PARTIALLY_REFUNDED")
    told = sum(each.amount.minor for each in refunds if each.status in _GIVEN_BACK)
    whole = sum(_minor(each, "amount", currency) for each in captures if each.text("status") == "REFUNDED")
    return max(told, whole)


def _units(order: Answer) -> list[Answer]:
    units = order.items("purchase_units")
    if not units:
        order.refuse("purchase_units", "at least one purchase unit")
    return units


def _told(unit: Answer, kind: str) -> list[Answer]:
    """Return a purchase unit's authorizations, captures or refunds in the order of their making."""
    found = unit.items(f"payments.{kind}") if unit.has(f"payments.{kind}") else []
    return sorted(found, key=lambda each: each.text_or("create_time", ""))


def _live(unit: Answer) -> list[Answer]:
    return [each for each in _told(unit, "authorizations") if each.text("status") in _LIVE]


def _open(unit: Answer, currency: str) -> int:
    """Return what may still be captured: of the last authorisation, because a renewed one stands for those before."""
    live = [each for each in _live(unit) if each.text("status") != "PENDING"]
    if not live:
        return 0
    taken = [each for each in _told(unit, "captures") if each.text("status") in (*_TAKEN, "PENDING")]
    return max(_minor(live[-1], "amount", currency) - sum(_minor(each, "amount", currency) for each in taken), 0)


def _refund(answer: Answer, currency: str) -> GatewayRefund:
    status = answer.text("status")
    return GatewayRefund(
        ref=answer.text("id"),
        status=status,
        amount=MinorAmount(_minor(answer, "amount", currency), currency),
        created_at=_instant(answer, "create_time"),
        settled=status != "PENDING",
    )


def _minor(answer: Answer, path: str, currency: str) -> int:
    """Return an amount in whole units of PayPal's own decimals; one that does not fit is refused, never rounded."""
    if answer.text(f"{path}.currency_code") != currency:
        answer.refuse(f"{path}.currency_code", f"{currency}, as of the order's first purchase unit")
    if currency not in EXPONENTS:
        answer.refuse(f"{path}.currency_code", "an ISO 4217 currency in circulation")
    text = answer.text(f"{path}.value")
    digits = 0 if currency in _WHOLE else EXPONENTS[currency]
    if len(text) > _LONGEST_VALUE or not _VALUE.fullmatch(text):
        answer.refuse(f"{path}.value", "a decimal text such as 19.90")
    units = Fraction(Decimal(text)) * int(10**digits)
    if units.denominator != 1:
        answer.refuse(f"{path}.value", f"at most {digits} decimals, as PayPal counts {currency}")
    return units.numerator


def _instant(answer: Answer, path: str) -> datetime:
    try:
        at = datetime.fromisoformat(answer.text(path).upper())
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        answer.refuse(path, "an instant such as 2026-03-01T00:00:00Z")
    return at.astimezone(UTC)


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
