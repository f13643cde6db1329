"""Adyen as a witness: what its daily accounting report books, and what its signed notifications told the shop.

Adyen's Checkout API has no way to ask for a payment: the operations of CheckoutService-v72.json start, change and
cancel, and the two that read (a payment link, a session's result) need an id no order holds. Adyen's own answer to
*how do I get a payment by its PSP reference* is to listen to webhooks (Adyen/adyen-java-api-library#92). That leaves:

1. **The payment accounting report**, a file a day with every change of every payment's state, downloaded by GET with a
   report user's key: `payment` and `payments`. It is Adyen's own book and asks nothing of the shop, but it comes the
   morning after (02:00 to 10:00 CET). A span that reaches into a day without report raises `LookupError`, and what
   needs it is *not evaluated*; nothing is guessed from half a day.
2. **Standard webhooks** as they crossed the edge: `payments_told`. Each item is signed with a key that Adyen and the
   account share, so what it says of reference, amount, event and success is Adyen's word whoever kept it, a shop's
   own acceptance of a forgery notwithstanding. Only what carries the right signature is heard. It needs the edge.

A notification does not say whether an account captures by itself, which is Adyen's default: ``capture`` declares it
(``immediate`` or ``manual``), and without it an authorisation that no capture followed is *not evaluated*, too.
Amounts are in Adyen's minor units, raw. The report writes major units; the four currencies it counts otherwise than
ISO 4217 are written down here once more, because a witness borrows nothing from the judge.

Documents: HEAD below; notifications by Webhooks-v1.json. A live base URL ends with ``/checkout``; ``report_url`` is
where reports lie, https://ca-test.adyen.com or https://ca-live.adyen.com, by default below the base URL.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from assay.connectors.adyen.moves import Move, payments_of
from assay.connectors.adyen.notification import (
    additional,
    asked_to_hold,
    decode_item,
    notification_items,
    sign_item,
    signed_texts,
)
from assay.connectors.adyen.notification import signed_webhook as signed_webhook
from assay.connectors.adyen.report import decode_report
from assay.connectors.adyen.settlement import Batch, decode_batch
from assay.errors import InfrastructureError, UsageError
from assay.http import Answer, Client, open_client
from assay.records import BalanceEntry, Call, CreationRule, MinorAmount, Payment, Payout, ReferenceRule
from assay.roles import Card, ConnectorHead, Http, Reply, UndoRefused

_AT = r"^(?:/checkout)?/v\d+"
_ITEM = "notificationItems.*.NotificationRequestItem"


def _rule(method: str, path: str, *strong: str) -> ReferenceRule:
    return ReferenceRule(method=method, path=path, strong=strong)


HEAD = ConnectorHead(
    vendor="adyen",
    role="payments",
    live="https://PREFIX-checkout-live.adyenpayments.com/checkout",  # PREFIX is the company's own
    sandbox="https://checkout-test.adyen.com",
    hosts=("checkout-test.adyen.com", "ca-test.adyen.com", "ca-live.adyen.com"),
    credentials=("api_key", "merchant_account"),
    optional_credentials=("report_api_key", "report_url", "hmac_key", "capture", "time_zone"),
    references=(
        _rule("POST", _AT + r"/payments$", "reference", "merchantOrderReference", "pspReference"),
        _rule("POST", _AT + r"/payments/details$", "pspReference", "merchantReference"),
        _rule(
            "POST",
            _AT + r"/payments/(?P<payment>[^/]+)/(amountUpdates|cancels|captures|refunds|reversals)$",
            "path:payment",
            "paymentPspReference",
            "pspReference",
            "reference",
        ),
        _rule("POST", _AT + r"/cancels$", "paymentReference", "pspReference", "reference"),
        _rule("POST", _AT + r"/(sessions|paymentLinks)$", "reference", "merchantOrderReference", "id"),
        _rule("GET", _AT + r"/(sessions|paymentLinks)/(?P<id>[^/]+)$", "path:id", "reference"),
        # Webhooks: whatever path the platform gave its endpoint, the items speak.
        _rule("POST", r".*", f"{_ITEM}.pspReference", f"{_ITEM}.originalReference", f"{_ITEM}.merchantReference"),
    ),
    creations=(
        CreationRule(
            kind="payment",
            method="POST",
            path=_AT + r"/payments$",
            key="idempotency-key",
            purpose=("merchantOrderReference", "reference"),
            amount=("amount.value",),
            currency=("amount.currency",),
            customer=("shopperEmail",),
        ),
        CreationRule(
            kind="refund",
            method="POST",
            path=_AT + r"/payments/(?P<payment>[^/]+)/(refunds|reversals)$",
            key="idempotency-key",
            purpose=("path:payment", "reference"),
        ),
    ),
    documents=(
        "https://docs.adyen.com/api-explorer/Checkout/72/overview",
        "https://docs.adyen.com/api-explorer/Webhooks/1/overview",
        "https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures",
        "https://docs.adyen.com/online-payments/capture",
        "https://docs.adyen.com/online-payments/reversal",
        "https://docs.adyen.com/reporting/automatically-get-reports",
        "https://docs.adyen.com/reporting/invoice-reconciliation/payment-accounting-report",
        "https://docs.adyen.com/reporting/reports-and-the-payments-lifecycle",
        "https://docs.adyen.com/development-resources/currency-codes",
        "https://docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report",
        "https://docs.adyen.com/development-resources/testing/test-card-numbers",
    ),
)

_VERSION = "/v72"
_ZONE = "Europe/Amsterdam"
_LOOK_BACK = timedelta(days=31)
_LONGEST_KEY = 64


class Adyen:
    """Reads one merchant account of Adyen by its reports and notifications, and takes payments back.

    credentials: ``api_key`` of a Checkout user and ``merchant_account``; ``report_api_key`` of a report user (by
    default the same), ``report_url``, ``time_zone`` of the account (by default Europe/Amsterdam), ``hmac_key`` of the
    webhook, ``capture``. now: real time, by which reports appear.
    """

    def __init__(
        self, http: Http, credentials: Mapping[str, str], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._http = http
        self._now = now
        self._account = credentials["merchant_account"]
        self._headers = {"x-api-key": credentials["api_key"]}
        self._report_headers = {"x-api-key": credentials.get("report_api_key", credentials["api_key"])}
        self._report_url = credentials.get("report_url")
        self._report_client: Client | None = None
        self._hmac_key = credentials.get("hmac_key")
        if self._hmac_key is not None:
            sign_item({}, self._hmac_key)  # a key that is none is said now, and not when nothing is heard
        self._capture = _one_of("capture", credentials.get("capture"), ("immediate", "manual"))
        self._zone = _zone(credentials.get("time_zone", _ZONE))
        self._days: dict[date, tuple[Move, ...]] = {}
        self._batches: dict[int, Batch] = {}

    def headers_for(self, method: str, path: str) -> Mapping[str, str]:
        """Return the headers by which Adyen knows a call as this account's; reports have a user of their own."""
        return self._report_headers if path.startswith("/reports/") else self._headers

    def close(self) -> None:
        """Close the connections to where reports lie."""
        if self._report_client is not None:
            self._report_client.close()

    def payment(self, ref: str) -> Payment:
        """Return one payment by its PSP reference from the reports of the last 31 days, as of the last of them.

        `LookupError` when none of them books it, or one of them is missing.
        """
        today = self._today()
        moves = self._booked(today - _LOOK_BACK, today)
        for payment in payments_of(move for move in moves if move.payment_ref == ref):
            return payment
        raise LookupError(f"adyen's accounting reports of the last {_LOOK_BACK.days} days book no payment {ref}")

    def payments(self, since: datetime, until: datetime) -> Sequence[Payment]:
        """Return all payments created in [since, until), oldest first, as of the end of yesterday.

        `LookupError` where the span reaches into a day that Adyen has not reported yet.
        """
        today = self._today()
        if until > datetime.combine(today, time(), self._zone):
            raise LookupError(
                f"adyen cannot be asked for payments of today, {today}: its accounting report comes tomorrow morning"
            )
        found = payments_of(self._booked(since.astimezone(self._zone).date(), today))
        return [payment for payment in found if since <= payment.created_at < until]

    def payments_told(self, calls: Iterable[Call]) -> Sequence[Payment]:
        """Return the payments that signed notifications among these calls of the journal tell of, oldest first.

        None of which the authorisation was not told; what is not signed with ``hmac_key`` is not heard. `LookupError`
        where a notification is masked or was too long to be kept, `UsageError` without ``hmac_key``, and where what
        was told does not say whether money was taken (see ``capture``; what the platform itself asked to be captured
        later is taken from its own calls).
        """
        heard = list(calls)
        held = {name for call in heard for name in asked_to_hold(call)}
        return payments_of(self._told(heard), capture=self._capture or "undeclared", held=held)

    def refund(self, payment_ref: str, key: str) -> None:
        """Ask Adyen to reverse a payment: to give all of it back, or to cancel it where it was never captured.

        Adyen takes the request and does it later: whether it did is in a CANCEL_OR_REFUND notification and the next
        report. It reverses whole payments alone: one given back in part stays as it is. The key goes as
        Idempotency-Key, a long one by its SHA-256. Raises `LookupError`, `UndoRefused`.
        """
        self._modify(payment_ref, "reversals", {"reference": "assay-undo"}, key)

    def refund_part(self, payment_ref: str, amount: MinorAmount, key: str) -> None:
        """Ask Adyen to give back that much of a payment, as somebody in its Customer Area does; the same key acts once.

        Adyen does it later, as `refund`. Raises `LookupError`, `UndoRefused`.
        """
        self._modify(payment_ref, "refunds", {"amount": _written(amount), "reference": "assay-console"}, key)

    def capture_part(self, payment_ref: str, amount: MinorAmount, key: str) -> None:
        """Ask Adyen to take that much of an authorised payment; later, and once a key. As `refund_part`."""
        self._modify(payment_ref, "captures", {"amount": _written(amount), "reference": "assay-console"}, key)

    def tokenise(self, card: Card, *, postcode: str | None = None, country: str | None = None) -> str:
        """Return what Adyen's own form would hand to the shop for a card: its state data's payment method, as JSON.

        Nothing is sent: only Adyen's form in a browser encrypts, and its test platform takes the plain values of its
        test cards behind ``test_`` instead. All of those expire in 03/2030, with the security code 737 (7373 for
        American Express); others are refused. An address is no part of it.
        """
        month, year = card.expires
        plain = {
            "encryptedCardNumber": card.number,
            "encryptedExpiryMonth": f"{month:02}",
            "encryptedExpiryYear": str(year),
            "encryptedSecurityCode": card.cvc,
        }
        fields = {name: f"test_{value}" for name, value in plain.items()}
        return json.dumps({"type": "scheme", **fields, "holderName": card.holder}, ensure_ascii=False)

    def authenticate(self, redirect_url: str, *, passes: bool) -> str:
        """Press a button of the simulator's page for a redirected shopper; return the link that leads back to the shop.

        Adyen's own test page can only be clicked in a browser.
        """
        parts = urlsplit(redirect_url)
        form = [("outcome", "authorised" if passes else "refused")]
        reply = self._http.request("POST", f"{parts.path}?{parts.query}" if parts.query else parts.path, form=form)
        back = reply.headers.get("location")
        if reply.status not in (302, 303) or not back:
            raise InfrastructureError(
                "the bank's page led nowhere",
                where=f"POST {parts.path}",
                expected="303 with the link back to the shop",
                seen=f"status {reply.status}",
                hint="only the simulator's page has buttons that a program can press",
            )
        return back

    def balance_entries(self, since: datetime, until: datetime) -> Sequence[BalanceEntry]:
        """Return every movement settled in [since, until), oldest first, as far as its batch is closed.

        By the settlement details reports, which are numbered from 1 and come with each payout.
        """
        found = [entry for batch in self._settled(since) for entry in batch.entries]
        return sorted((each for each in found if since <= each.created_at < until), key=lambda each: each.created_at)

    def payouts(self, since: datetime, until: datetime) -> Sequence[Payout]:
        """Return every payout sent in [since, until), oldest first; whether it arrived no report says."""
        found = [payout for batch in self._settled(since) for payout in batch.payouts]
        return sorted((each for each in found if since <= each.created_at < until), key=lambda each: each.created_at)

    def _settled(self, since: datetime) -> list[Batch]:
        """Return the batches that hold something of the span, walking back from the last one."""
        found = []
        for number in range(self._last_batch(), 0, -1):
            batch = self._batch(number)
            assert batch is not None
            found.append(batch)
            if batch.entries and max(entry.created_at for entry in batch.entries) < since:
                break
        return found[::-1]

    def _last_batch(self) -> int:
        """Return the number of the last report there is, doubling the step until one is missing."""
        known = max(self._batches, default=0)
        step = 1
        while self._batch(known + step) is not None:
            known, step = known + step, step * 2
        low, high = known, known + step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._batch(middle) is not None else (low, middle)
        return low

    def _batch(self, number: int) -> Batch | None:
        """Return one batch, downloaded once; None where there is none yet."""
        if number not in self._batches:
            name = f"settlement_detail_report_batch_{number}.csv"
            content = self._download(name, f"settlement details report of batch {number}")
            if content is None:
                return None
            self._batches[number] = decode_batch(content, account=self._account, zone=self._zone, name=name)
        return self._batches[number]

    def _modify(self, payment_ref: str, verb: str, body: Mapping[str, object], key: str) -> None:
        path = f"{_VERSION}/payments/{quote(payment_ref, safe='')}/{verb}"
        sent = key if len(key) <= _LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()
        headers = {**self._headers, "idempotency-key": sent}
        reply = self._http.request("POST", path, json={"merchantAccount": self._account, **body}, headers=headers)
        if reply.status not in (200, 201):
            _refuse(reply, f"POST {path}", payment_ref)
        status = Answer.of(reply, system="adyen", operation=f"POST {path}").text("status")
        if status != "received":
            raise UndoRefused(f"adyen answered '{status}' to the {verb[:-1]} of {payment_ref}")

    def _told(self, calls: Iterable[Call]) -> Iterator[Move]:
        for call in calls:
            for item in notification_items(call):
                if item.get("merchantAccountCode") != self._account:
                    continue
                # A reference of sixteen digits may look like a card number.
                if any("**" in text for text in (*signed_texts(item), additional(item, "hmacSignature"))):
                    raise LookupError(f"a notification of adyen at {call.at:%H:%M:%S} UTC is masked in the journal")
                if self._is_signed(item):
                    yield from decode_item(item)

    def _is_signed(self, item: Mapping[str, Any]) -> bool:
        if self._hmac_key is None:
            raise UsageError(
                "nobody can tell adyen's notifications from forged ones without their key",
                where="systems.adyen.credentials",
                expected='hmac_key = "env:ADYEN_HMAC_KEY"',
                hint="add the line, and set that variable to the HMAC key of the webhook in the Customer Area",
            )
        given = additional(item, "hmacSignature")
        return hmac.compare_digest(given.encode(), sign_item(item, self._hmac_key).encode())

    def _booked(self, first: date, today: date) -> list[Move]:
        """Return what the reports from that day to yesterday book; each is downloaded once."""
        days = [first + timedelta(days=count) for count in range((today - first).days)]
        for day in days:
            if day not in self._days:
                self._days[day] = self._report(day)
        return [move for day in days for move in self._days[day]]

    def _report(self, day: date) -> tuple[Move, ...]:
        name = f"payments_accounting_report_{day:%Y_%m_%d}.csv"
        content = self._download(name, f"accounting report of {day}")
        if content is None:
            raise LookupError(
                f"adyen has no accounting report of {day}: it is switched on in the Customer Area under Reports, comes "
                "between 02:00 and 10:00 CET, and holds days after it was switched on"
            )
        return tuple(decode_report(content, account=self._account, zone=self._zone, name=name))

    def _download(self, name: str, what: str) -> bytes | None:
        """Return a report, or None where Adyen has none of that name."""
        path = f"/reports/download/MerchantAccount/{quote(self._account, safe='')}/{name}"
        if self._report_url and self._report_client is None:
            self._report_client = open_client(self._report_url, system="adyen")
        client: Http = self._report_client or self._http
        reply = client.request("GET", path, headers=self._report_headers)
        if reply.status == 404:
            return None
        if reply.status != 200:
            raise InfrastructureError(
                f"adyen did not hand out its {what}",
                where=f"GET {path}",
                expected="status 200",
                seen=f"status {reply.status}",
                hint="the key needs the role Merchant Report Download" if reply.status in (401, 403) else None,
            )
        return reply.body

    def _today(self) -> date:
        return self._now().astimezone(self._zone).date()


def _written(amount: MinorAmount) -> dict[str, object]:
    return {"value": amount.minor, "currency": amount.currency}


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        raise UsageError("time_zone of adyen is none", expected="a zone such as Europe/Amsterdam", seen=name) from None


def _one_of(name: str, value: str | None, allowed: Sequence[str]) -> str | None:
    if value is not None and value not in allowed:
        raise UsageError(f"{name} of adyen is none", expected=" or ".join(allowed), seen=value)
    return value


def _refuse(reply: Reply, operation: str, payment_ref: str) -> NoReturn:
    """Raise for an error answer (ServiceError of the Checkout document)."""
    error = Answer.of(reply, system="adyen", operation=operation)
    said = f"{error.text_or('errorCode', 'no code')}: {error.text_or('message', 'no message')}"
    if reply.status == 404 or error.text_or("errorCode", "") == "167":  # "Original pspReference required"
        raise LookupError(f"adyen knows no payment {payment_ref}: {said}")
    if reply.status == 422:
        raise UndoRefused(said)
    raise InfrastructureError(
        f"adyen refused: {said}",
        where=operation,
        expected="status 201",
        seen=f"status {reply.status}",
        hint="check the environment variables of adyen's api_key and merchant_account"
        if reply.status in (401, 403)
        else None,
    )
