"""Settlement in the Adyen simulator: batches that close at midnight, their report, fees, conversion and payouts."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import httpx
import pytest

from tests.mocks.adyen_caller import KEY, MERCHANT, Caller, Server, items, served
from tests.mocks.webhook_listener import listening

# From Adyen's page on the settlement details report.
HEADER = (
    "Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,"
    "Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,"
    "Net Debit (NC),Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),"
    "Payment Method Variant,Modification Merchant Reference,Batch Number,Reserved4,Reserved5,Reserved6,Reserved7,"
    "Reserved8,Reserved9,Reserved10"
)
FREE = {"scheme": {}, "ideal": {}, "sepadirectdebit": {}, "transaction": "0"}
Start = Callable[..., Caller]
Row = dict[str, str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One simulator for the module."""
    with served(tmp_path_factory.mktemp("adyen")) as running:
        yield running


@pytest.fixture
def start(server: Server) -> Iterator[Start]:
    """Empty the simulator, set settings, and give a shop."""
    shops: list[Caller] = []

    def started(**settings: Any) -> Caller:
        server.reset(**settings)
        shops.append(Caller(server.url))
        return shops[-1]

    yield started
    for shop in shops:
        shop.close()


def fetch(server: Server, number: int, **options: Any) -> httpx.Response:
    """Ask for the report of a batch."""
    name = f"settlement_detail_report_batch_{number}.csv"
    address = f"{server.url}/reports/download/MerchantAccount/{MERCHANT}/{name}"
    return httpx.get(address, trust_env=False, **{"headers": {"X-API-Key": KEY}, **options})


def report(server: Server, number: int = 1) -> list[Row]:
    """Return the rows of a batch's report."""
    answer = fetch(server, number)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


def net(row: Row) -> Decimal:
    """Return what a row does to the balance."""
    return Decimal(row["Net Credit (NC)"] or "0") - Decimal(row["Net Debit (NC)"] or "0")


def fees(row: Row) -> Decimal:
    """Return what a row's payment cost."""
    names = ("Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)")
    return sum((Decimal(row[name] or "0") for name in names), Decimal(0))


def test_a_payment_settles_after_two_days(start: Start, server: Server) -> None:
    """The report of its batch has the documented columns, the payment, the fees of the month and the payout."""
    shop = start()
    payment = shop.pay(10_000, reference="A-7").json()["pspReference"]
    server.clock.advance(days=1)
    assert fetch(server, 1).status_code == 404
    server.clock.advance(days=1)
    assert fetch(server, 1).text.splitlines()[0] == HEADER
    settled, fee, payout = report(server)
    assert (settled["Type"], settled["Psp Reference"], settled["Merchant Reference"]) == ("Settled", payment, "A-7")
    assert (settled["Gross Currency"], settled["Gross Credit (GC)"], settled["Gross Debit (GC)"]) == (
        "EUR",
        "100.00",
        "",
    )
    assert (settled["Exchange Rate"], settled["Net Currency"], settled["Net Credit (NC)"]) == ("1", "EUR", "99.10")
    assert (settled["Markup (NC)"], settled["Scheme Fees (NC)"], settled["Interchange (NC)"]) == (
        "0.60",
        "0.10",
        "0.20",
    )
    assert (fee["Type"], fee["Net Debit (NC)"]) == ("Fee", "0.11")
    assert (payout["Type"], payout["Net Debit (NC)"], payout["Batch Number"]) == ("MerchantPayout", "98.99", "1")
    assert payout["Modification Reference"].endswith(f"batch 1, {MERCHANT}")


def test_every_batch_adds_up_to_nothing(start: Start, server: Server) -> None:
    """In each currency credits equal debits, and a row's net is its gross at its rate less its fees."""
    shop = start(settlement_currencies=["USD"], capture_delay="immediate")
    for value, currency in ((8_000, "JPY"), (12_345, "USD"), (279_000, "ISK"), (1_250, "KWD"), (9_999, "EUR")):
        shop.pay(value, currency)
    shop.pay(700, paymentMethod={"type": "sepadirectdebit", "iban": "DE89370400440532013000", "ownerName": "Z"})
    server.clock.settle()
    server.clock.advance(days=2)
    rows = report(server)
    sums: dict[str, Decimal] = {}
    for row in rows:
        sums[row["Net Currency"]] = sums.get(row["Net Currency"], Decimal(0)) + net(row)
        if row["Type"] == "Settled":
            worth = Decimal(row["Gross Credit (GC)"]) * Decimal(row["Exchange Rate"])
            assert net(row) + fees(row) == worth.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert sums == {"EUR": 0, "USD": 0}
    gross = {row["Gross Currency"]: row["Gross Credit (GC)"] for row in rows if row["Type"] == "Settled"}
    assert (gross["JPY"], gross["ISK"], gross["KWD"]) == ("8000", "2790.00", "1.250")
    assert {row["Net Currency"] for row in rows if row["Type"] == "MerchantPayout"} == {"EUR", "USD"}


def test_refunds_name_both_and_give_no_fee_back(start: Start, server: Server) -> None:
    """A refund is a debit with the payment's reference and its own, and costs nothing."""
    shop = start(fees=FREE, capture_delay="manual")
    payment = shop.pay(1_000, reference="A-1").json()["pspReference"]
    captured = shop.modify(payment, "captures", 900, reference="C-1").json()["pspReference"]
    server.clock.settle()
    refunded = shop.modify(payment, "refunds", 300, reference="R-1").json()["pspReference"]
    server.clock.settle()
    server.clock.advance(days=2)
    sale, back, payout = report(server)
    assert (sale["Modification Reference"], sale["Net Credit (NC)"]) == (captured, "9.00")
    assert (back["Type"], back["Psp Reference"], back["Modification Reference"]) == ("Refunded", payment, refunded)
    assert (back["Gross Debit (GC)"], back["Net Debit (NC)"]) == ("3.00", "3.00")
    assert (back["Merchant Reference"], back["Modification Merchant Reference"]) == ("A-1", "R-1")
    assert payout["Net Debit (NC)"] == "6.00"


def test_a_debt_goes_into_the_next_batch(start: Start, server: Server) -> None:
    """A batch below nothing pays nothing out and hands the debt on; the next pays so much less."""
    shop = start(fees=FREE, settlement_days=1)
    payment = shop.pay(1_000).json()["pspReference"]
    server.clock.advance(days=1)
    shop.modify(payment, "refunds", 1_000)
    server.clock.settle()
    server.clock.advance(days=1)
    shop.pay(2_500)
    server.clock.advance(days=1)
    assert [(row["Type"], net(row)) for row in report(server, 2)] == [
        ("Refunded", Decimal("-10.00")), ("Balancetransfer", Decimal("10.00")),
    ]  # fmt: skip
    assert [(row["Type"], net(row)) for row in report(server, 3)] == [
        ("Balancetransfer", Decimal("-10.00")), ("Settled", Decimal("25.00")), ("MerchantPayout", Decimal("-15.00")),
    ]  # fmt: skip


def test_what_a_scheme_rejects_is_taken_back(start: Start, server: Server) -> None:
    """A capture or refund that fails before its batch never settles; after it, it is reversed."""
    shop = start(fees=FREE, capture_delay="manual", scheme_reject_s=86_400)
    early = shop.pay(1_000, method={"holderName": "capture failed"}).json()["pspReference"]
    shop.modify(early, "captures", 1_000)
    server.clock.settle()
    server.clock.advance(days=3)
    assert fetch(server, 1).status_code == 404
    shop = start(fees=FREE, capture_delay="manual", scheme_reject_s=5 * 86_400)
    late = shop.pay(1_000, method={"holderName": "refund failed"}).json()["pspReference"]
    for kind in ("captures", "refunds"):
        shop.modify(late, kind, 1_000)
        server.clock.settle()
    server.clock.advance(days=2)
    server.clock.advance(days=5)
    server.clock.advance(days=2)
    assert [row["Type"] for row in report(server, 1)] == ["Settled", "Refunded"]
    assert [(row["Type"], net(row)) for row in report(server, 2)] == [
        ("RefundedReversed", Decimal("10.00")), ("MerchantPayout", Decimal("-10.00")),
    ]  # fmt: skip


def test_rates_and_prices_are_settings(start: Start, server: Server) -> None:
    """With rates, margin and prices stated, the report holds exactly what they say."""
    prices = {"scheme": {"markup": "1", "interchange": "0.5"}, "transaction": "0.25"}
    shop = start(exchange_rates={"JPY": "160", "EUR": "1"}, conversion_percent="0", fees=prices)
    shop.pay(16_000, "JPY")
    server.clock.advance(days=2)
    sale, fee, payout = report(server)
    assert (sale["Exchange Rate"], sale["Net Credit (NC)"], sale["Markup (NC)"]) == ("0.00625", "98.50", "1.00")
    assert (sale["Interchange (NC)"], sale["Scheme Fees (NC)"]) == ("0.50", "")
    assert (net(fee), net(payout)) == (Decimal("-0.25"), Decimal("-98.25"))


def test_reports_are_told_to_who_asks_for_it(start: Start, server: Server) -> None:
    """A signed REPORT_AVAILABLE names file and address, where the event is asked for by name."""
    with listening() as heard:
        for events, told in ((["*"], 0), (["REPORT_AVAILABLE"], 1)):
            shop = start(webhook_url=heard.url, webhook_events=events, report_base_url=server.url)
            shop.pay()
            server.clock.advance(days=2)
            seen = [each for each in items(heard) if each["eventCode"] == "REPORT_AVAILABLE"]
            assert len(seen) == told
    [item] = seen
    assert item["pspReference"] == "settlement_detail_report_batch_1.csv"
    assert item["additionalData"]["hmacSignature"]
    assert httpx.get(item["reason"], auth=("report@Company.AssayCompany", KEY), trust_env=False).status_code == 200


def test_only_who_has_the_key_downloads(start: Start, server: Server) -> None:
    """Without key 401; a file or account nobody has, 404; the API key or it as a password opens."""
    start().pay()
    server.clock.advance(days=2)
    assert fetch(server, 1, headers={}).status_code == 401
    assert fetch(server, 1, headers={"X-API-Key": "other"}).status_code == 401
    assert fetch(server, 2).status_code == 404
    other = f"{server.url}/reports/download/MerchantAccount/Other/settlement_detail_report_batch_1.csv"
    assert httpx.get(other, headers={"X-API-Key": KEY}, trust_env=False).status_code == 404
    assert fetch(server, 1, headers={}, auth=("report@Company.AssayCompany", KEY)).status_code == 200


def test_a_capture_delayed_settles_from_its_own_day(start: Start, server: Server) -> None:
    """What captures itself after hours, and what was never captured, settle then and never."""
    shop = start(fees=FREE)
    shop.pay(500, captureDelayHours=30)
    shop.pay(600, additionalData={"manualCapture": "true"})
    server.clock.advance(hours=30)
    server.clock.advance(days=2)
    assert [(row["Type"], net(row)) for row in report(server)] == [
        ("Settled", Decimal("5.00")), ("MerchantPayout", Decimal("-5.00")),
    ]  # fmt: skip
    server.clock.advance(days=30)
    assert fetch(server, 2).status_code == 404
