"""Adyen's connector against its accounting report and its Checkout API, in the shapes Adyen documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assay.connectors.adyen import HEAD, Adyen
from assay.errors import InfrastructureError, UsageError
from assay.http import open_client
from assay.records import MinorAmount
from assay.roles import Http, Payments, Refunds, UndoRefused

NOW = datetime(2026, 3, 4, 11, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)
COLUMNS = (
    "Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Booking Date,TimeZone,"
    "Main Currency,Main Amount,Record Type,Payment Currency,Received (PC),Authorised (PC),Captured (PC),"
    "Settlement Currency,Payable (SC),Modification Psp Reference"
)
CREDENTIALS = {"api_key": "key_canary", "merchant_account": "OurShop"}
PATH = "/reports/download/MerchantAccount/OurShop/payments_accounting_report_{:%Y_%m_%d}.csv"


def line(
    kind: str, at: str, amount: str, *, psp: str = "PSP1", order: str = "R-1001", currency: str = "EUR", **more: str
) -> str:
    """A line of the report: what leaves one account with a minus sign enters the next."""
    received, authorised, captured = {
        "Received": (amount, "", ""),
        "Refused": (f"-{amount}", "", ""),
        "Authorised": (f"-{amount}", amount, ""),
        "Cancelled": ("", f"-{amount}", ""),
        "SentForSettle": ("", f"-{amount}", amount),
        "Settled": ("", "", f"-{amount}"),
        "SentForRefund": ("", "", f"-{amount}"),
        "Refunded": ("", "", amount),
        "RefundFailed": ("", "", amount),
    }[kind]
    account, zone, own = more.get("account", "OurShop"), more.get("zone", "CET"), more.get("own", "")
    return (
        f"OurCompany,{account},{psp},{order},visa,{at},{zone},{currency},{amount},{kind},{currency},"
        f"{received},{authorised},{captured},EUR,,{own}"
    )


@pytest.fixture
def book(vendor: Any) -> Callable[..., None]:
    """Lay out reports from a day of March on; every other day until yesterday has an empty one."""

    def laid(**days: list[str]) -> None:
        for back in range(1, 40):
            day = NOW.date() - back * DAY
            lines = days.get(f"d{day.day}", []) if day.month == 3 else []
            vendor.on("GET", PATH.format(day), "\n".join([COLUMNS, *lines, ""]).encode())

    return laid


@pytest.fixture
def adyen(http: Http) -> Iterator[Adyen]:
    """The connector under test, at noon of 4 March in Amsterdam."""
    connector = Adyen(http, CREDENTIALS, now=lambda: NOW)
    yield connector
    connector.close()


def sale(at: str = "2026-03-01 19:58:5", amount: str = "27.90", **more: str) -> list[str]:
    """A payment that was authorised and sent for settlement in the same minute."""
    kinds = ("Received", "Authorised", "SentForSettle")
    return [line(kind, f"{at}{second}", amount, **more) for second, kind in enumerate(kinds)]


def test_reads_a_captured_payment(vendor: Any, adyen: Adyen, book: Callable[..., None]) -> None:
    """What the reports book of a payment is its amount, capture and state, in UTC and in minor units."""
    book(d1=sale())
    (payment,) = adyen.payments(SINCE, UNTIL)
    assert (payment.system, payment.ref, payment.order_ref) == ("adyen", "PSP1", "R-1001")
    assert payment.amount == payment.captured == MinorAmount(2790, "EUR")
    assert (payment.refunded.minor, payment.refunds) == (0, ())
    assert payment.capturable == MinorAmount(0, "EUR")
    assert (payment.phase, payment.status, payment.declined) == ("captured", "SentForSettle", False)
    assert payment.created_at == datetime(2026, 3, 1, 18, 58, 50, tzinfo=UTC)
    assert vendor.asked[0].headers["x-api-key"] == "key_canary"
    assert isinstance(adyen, Payments)
    assert isinstance(adyen, Refunds)


def test_what_came_later_is_of_the_payment_too(vendor: Any, adyen: Adyen, book: Callable[..., None]) -> None:
    """Refunds booked after the span belong to the payments of the span; those sent and not yet done are unsettled."""
    book(
        d1=sale(),
        d2=[line("SentForRefund", "2026-03-02 09:00:00", "5.00"), line("Refunded", "2026-03-02 09:30:00", "5.00")],
        d3=[line("SentForRefund", "2026-03-03 09:00:00", "5.00")],
    )
    (payment,) = adyen.payments(SINCE, UNTIL)
    assert payment.refunded == MinorAmount(1000, "EUR")
    assert [(each.amount.minor, each.settled, each.status) for each in payment.refunds] == [
        (500, True, "Refunded"),
        (500, False, "SentForRefund"),
    ]
    adyen.payments(SINCE, UNTIL)
    assert len(vendor.asked) == 3, "a day's report never changes and is downloaded once"


def test_a_refund_that_failed_is_none(adyen: Adyen, book: Callable[..., None]) -> None:
    """A refund that the bank sent back no longer counts, told apart from its twin by its own reference."""
    book(
        d1=sale(),
        d2=[
            line("SentForRefund", "2026-03-02 09:00:00", "5.00", own="MOD1"),
            line("SentForRefund", "2026-03-02 09:00:01", "5.00", own="MOD2"),
            line("RefundFailed", "2026-03-02 11:00:00", "5.00", own="MOD1"),
        ],
    )
    (payment,) = adyen.payments(SINCE, UNTIL)
    assert [each.ref for each in payment.refunds] == ["MOD2"]
    assert payment.refunded.minor == 500


@pytest.mark.parametrize(
    ("last", "phase", "capturable", "declined"),
    [
        (["Received", "Authorised"], "authorised", 2790, False),
        (["Received", "Authorised", "Cancelled"], "voided", 0, False),
        (["Received", "Refused"], "open", 0, True),
        (["Received"], "pending", 0, False),
    ],
)
def test_states(
    adyen: Adyen, book: Callable[..., None], last: list[str], phase: str, capturable: int, declined: bool
) -> None:
    """Adyen's record types in our words: what is authorised, released, refused or still on its way."""
    book(d1=[line(kind, f"2026-03-01 10:00:0{second}", "27.90") for second, kind in enumerate(last)])
    (payment,) = adyen.payments(SINCE, UNTIL)
    assert (payment.phase, payment.declined, payment.captured.minor) == (phase, declined, 0)
    assert payment.capturable == MinorAmount(capturable, "EUR")
    assert payment.status == last[-1]


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("80", "JPY", 80),
        ("80.00", "JPY", 80),
        ("35.200", "KWD", 35200),
        ("27.90", "ISK", 2790),
        ("2790.00", "ISK", 279000),
        ("1234", "IDR", 1234),
        ("10.00", "CLP", 1000),
        ("55", "CVE", 55),
    ],
)
def test_amounts_are_in_adyens_minor_units(
    adyen: Adyen, book: Callable[..., None], amount: str, currency: str, minor: int
) -> None:
    """Major units of the report become Adyen's own minor units, which four currencies count unlike ISO 4217."""
    book(d1=sale(amount=amount, currency=currency))
    (payment,) = adyen.payments(SINCE, UNTIL)
    assert payment.captured == MinorAmount(minor, currency)


def test_today_is_in_no_report(vendor: Any, adyen: Adyen) -> None:
    """A span that reaches into today cannot be read, and nothing is asked: its oracles are not evaluated."""
    with pytest.raises(LookupError, match="2026-03-04: its accounting report comes tomorrow morning"):
        adyen.payments(SINCE, NOW)
    assert vendor.asked == []


def test_a_missing_report_is_no_quiet_day(vendor: Any, adyen: Adyen, book: Callable[..., None]) -> None:
    """Where a report of the span, or one that came after it, is not there, nothing is said of any payment."""
    book(d1=sale())
    vendor.on("GET", PATH.format(NOW - DAY), b"", status=404)
    with pytest.raises(LookupError, match="no accounting report of 2026-03-03"):
        adyen.payments(SINCE, UNTIL)
    vendor.on("GET", PATH.format(NOW - DAY), COLUMNS.encode())
    assert len(adyen.payments(SINCE, UNTIL)) == 1, "a report that was late is read when it is there"


def test_one_payment_by_its_reference(adyen: Adyen, book: Callable[..., None]) -> None:
    """A payment of the last 31 days is found by its PSP reference; one that is in no report is unknown."""
    book(d1=sale(), d2=sale(psp="PSP2", at="2026-03-02 08:00:0"))
    assert adyen.payment("PSP2").created_at.day == 2
    with pytest.raises(LookupError, match="book no payment PSP3"):
        adyen.payment("PSP3")


def test_other_accounts_and_days_are_left_out(adyen: Adyen, book: Callable[..., None]) -> None:
    """Lines of another merchant account are nobody's here, and the span ends where it says."""
    book(d1=sale(account="OtherShop"), d3=sale(psp="PSP3", at="2026-03-03 08:00:0"))
    assert adyen.payments(SINCE, UNTIL) == []


def test_both_hours_of_a_change_of_clocks(vendor: Any, http: Http) -> None:
    """At the end of summer time the abbreviation of the zone tells two equal local times apart."""
    now = datetime(2026, 10, 26, 12, 0, tzinfo=UTC)
    lines = [
        line("Authorised", "2026-10-25 02:30:00", "1.00", psp="SUMMER", zone="CEST"),
        line("Authorised", "2026-10-25 02:30:00", "1.00", psp="WINTER", zone="CET"),
    ]
    vendor.on("GET", PATH.format(now - DAY), "\n".join([COLUMNS, *lines]).encode())
    day = datetime(2026, 10, 25, tzinfo=UTC)
    found = Adyen(http, CREDENTIALS, now=lambda: now).payments(day, day + timedelta(hours=20))
    assert [(each.ref, each.created_at.hour) for each in found] == [("SUMMER", 0), ("WINTER", 1)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"<html>log in</html>", "a column 'merchant account'"),
        (b"", "a column 'merchant account'"),
        (line("Received", "2026-03-01 10:00:00", "27.9O"), "an amount of EUR in 'received \\(pc\\)'"),
        (line("Received", "2026-03-01 10:00:00", "0.001"), "an amount of EUR"),
        (line("Received", "2026-03-01 10:00:00", "10.50", currency="JPY"), "an amount of JPY"),
        (line("Received", "1 March 2026", "27.90"), "a booking date such as"),
        (line("Received", "2026-03-01 10:00:00", "27.90", zone="PST"), "CET, the time zone of Europe/Amsterdam"),
        ("OurCompany,OurShop,PSP1,R-1,visa,2026-03-01 10:00:00,CET,EUR,1.00,Received", "a amount|an amount"),
    ],
)
def test_a_report_of_another_shape_is_refused(
    vendor: Any, adyen: Adyen, book: Callable[..., None], content: bytes | str, expected: str
) -> None:
    """A login page, a number that is none, more decimals than a currency has, another zone: told by file and line."""
    book()
    body = content if isinstance(content, bytes) else f"{COLUMNS}\n{content}\n".encode()
    vendor.on("GET", PATH.format(SINCE), body)
    with pytest.raises((InfrastructureError, UsageError), match=expected) as refused:
        adyen.payments(SINCE, UNTIL)
    assert "payments_accounting_report_2026_03_01.csv:" in str(refused.value)


def test_reports_lie_elsewhere(vendor: Any) -> None:
    """Reports are asked for at their own address with their own key; the Checkout host hears nothing of it."""
    vendor.on("GET", PATH.format(NOW - DAY), "\n".join([COLUMNS, *sale("2026-03-03 08:00:0")]).encode())
    more = {"report_url": vendor.url, "report_api_key": "report_canary"}
    with open_client("http://127.0.0.1:9/checkout", system="adyen") as nowhere:
        adyen = Adyen(nowhere, {**CREDENTIALS, **more}, now=lambda: NOW)
        since = datetime(2026, 3, 3, tzinfo=UTC)
        assert len(adyen.payments(since, since + timedelta(hours=20))) == 1
        adyen.close()
    assert vendor.asked[0].headers["x-api-key"] == "report_canary"


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_refused_report_names_the_role(vendor: Any, adyen: Adyen, status: int) -> None:
    """A key that may not read reports is told which role it lacks, and no key is shown."""
    vendor.on("GET", PATH.format(SINCE), b"no", status=status)
    with pytest.raises(InfrastructureError, match="did not hand out") as refused:
        adyen.payments(SINCE, UNTIL)
    assert ("Merchant Report Download" in str(refused.value)) is (status != 500)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "said"), [("time_zone", "Mars/Olympus", "time_zone"), ("capture", "later", "immediate or manual")]
)
def test_a_setting_that_is_none(http: Http, name: str, value: str, said: str) -> None:
    """A time zone nobody knows and another way of capturing are refused when the landscape opens."""
    with pytest.raises(UsageError, match=said):
        Adyen(http, {**CREDENTIALS, name: value})


REVERSAL = "/v72/payments/PSP1/reversals"
RECEIVED = {"merchantAccount": "OurShop", "paymentPspReference": "PSP1", "pspReference": "MOD1", "status": "received"}


def test_takes_a_payment_back_whole(vendor: Any, adyen: Adyen) -> None:
    """A reversal gives back what was captured or cancels what was not, under the given key."""
    vendor.on("POST", REVERSAL, RECEIVED, status=201)
    adyen.refund("PSP1", "undo-1")
    (asked,) = vendor.asked
    assert json.loads(asked.body) == {"merchantAccount": "OurShop", "reference": "assay-undo"}
    assert (asked.headers["idempotency-key"], asked.headers["x-api-key"]) == ("undo-1", "key_canary")


def test_a_long_key_stays_the_same_key(vendor: Any, adyen: Adyen) -> None:
    """Adyen takes 64 characters: a longer key is sent as its digest, the same each time."""
    vendor.on("POST", REVERSAL, RECEIVED, status=201)
    adyen.refund("PSP1", "k" * 65)
    adyen.refund("PSP1", "k" * 65)
    first, second = (asked.headers["idempotency-key"] for asked in vendor.asked)
    assert first == second
    assert len(first) == 64


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (422, "167", LookupError),
        (404, "000", LookupError),
        (422, "170", UndoRefused),
        (401, "000", InfrastructureError),
        (403, "901", InfrastructureError),
        (500, "905", InfrastructureError),
    ],
)
def test_a_refusal_says_what_adyen_said(
    vendor: Any, adyen: Adyen, status: int, code: str, error: type[Exception]
) -> None:
    """Adyen's code and message are in the error; only what it will never do is refused for good."""
    said = {"status": status, "errorCode": code, "message": "Not so.", "errorType": "validation"}
    vendor.on("POST", REVERSAL, said, status=status)
    with pytest.raises(error, match=f"{code}: Not so") as refused:
        adyen.refund("PSP1", "undo-1")
    assert "canary" not in str(refused.value)


def test_the_head_names_what_is_needed() -> None:
    """A profile needs a key and an account; what only some verbs need is optional, and nothing is a secret here."""
    assert HEAD.credentials == ("api_key", "merchant_account")
    assert HEAD.role == "payments"
    assert all(each.startswith("https://docs.adyen.com/") for each in HEAD.documents)
