"""What Adyen settled, by its settlement details report; parts given back or taken; its form and its redirect page."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from assay.connectors.adyen import Adyen
from assay.errors import InfrastructureError
from assay.records import MinorAmount
from assay.roles import CapturesInPart, Card, Cardholder, Http, RefundsInPart, Settles, Tokeniser, UndoRefused

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)
COLUMNS = (
    "Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,"
    "Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,"
    "Net Debit (NC),Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),"
    "Payment Method Variant,Modification Merchant Reference,Batch Number"
)
PATH = "/reports/download/MerchantAccount/OurShop/settlement_detail_report_batch_{}.csv"
SOLD = "visa,2026-03-02 10:00:00,CET,Settled,MOD1,JPY,,8000,0.0061725,EUR,,47.65,0.10,0.23,0.40,1.00,visa,,1"
BACK = "visa,2026-03-02 11:00:00,CET,Refunded,MOD2,JPY,800,,0.0061725,EUR,4.94,,,,,,visa,,1"
COST = ",2026-03-02 12:00:00,CET,Fee,Transaction Fees March,EUR,,,1,EUR,0.50,,,,,,,,1"
PAID = ",2026-03-03 03:00:00,CET,MerchantPayout,TXBATCH1,EUR,,,1,EUR,42.21,,,,,,,,1"
HELD = ",2026-03-02 12:00:01,CET,DepositCorrection,Deposit,EUR,,,1,EUR,5.00,,,,,,,,1"


def report(*lines: str) -> bytes:
    """A report of these lines: who and what for the first ones, then what is given."""
    return "\n".join([COLUMNS, *(f"OurCompany,OurShop,{line}" for line in lines), ""]).encode()


@pytest.fixture
def book(vendor: Any) -> Callable[..., None]:
    """Lay out reports by the number of their batch, and none after them."""

    def laid(*batches: bytes) -> None:
        for number in range(1, 40):
            content = batches[number - 1] if number <= len(batches) else b""
            vendor.on("GET", PATH.format(number), content, status=200 if content else 404)

    return laid


@pytest.fixture
def adyen(http: Http) -> Adyen:
    """The connector under test."""
    return Adyen(http, {"api_key": "key_canary", "merchant_account": "OurShop"})


def test_a_batch_tells_what_was_settled_in_both_currencies(book: Callable[..., None], adyen: Adyen) -> None:
    """Gross is net and costs together, signed; the customer's amount, the rate and the payout come along."""
    book(report(f"PSP1,R-1001,{SOLD}", f"PSP1,R-1001,{BACK}", f",,{COST}", f",,{PAID}"))
    sale, refund, cost, payout = adyen.balance_entries(SINCE, UNTIL)
    assert isinstance(adyen, Settles)
    assert (sale.kind, sale.payment_ref, sale.order_ref) == ("charge", "PSP1", "R-1001")
    assert (sale.gross.minor, sale.fee.minor, sale.net.minor) == (4938, 173, 4765)
    assert (sale.presented, sale.rate) == (MinorAmount(8000, "JPY"), Decimal("0.0061725"))
    assert (refund.kind, refund.refund_ref, refund.presented) == ("refund", "MOD2", MinorAmount(-800, "JPY"))
    assert (refund.gross.minor, refund.fee.minor) == (-494, 0)
    assert (cost.kind, cost.net.minor, cost.payment_ref) == ("fee", -50, None)
    assert (payout.kind, payout.net.minor) == ("payout", -4221)
    assert {entry.payout_ref for entry in (sale, refund, cost, payout)} == {"TXBATCH1"}
    assert sale.created_at == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_a_payout_is_what_its_batch_nets_to(book: Callable[..., None], adyen: Adyen) -> None:
    """The line of the payout gives its amount; a batch that is not paid out has none."""
    book(report(f"PSP1,R-1001,{SOLD}", f"PSP1,R-1001,{BACK}", f",,{COST}", f",,{PAID}"), report(f",,{HELD}"))
    (payout,) = adyen.payouts(SINCE, UNTIL)
    assert (payout.ref, payout.amount) == ("TXBATCH1", MinorAmount(4221, "EUR"))
    held = adyen.balance_entries(SINCE, UNTIL)[-2]
    assert (held.kind, held.payout_ref) == ("reserve", None)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9, 30])
def test_the_last_batch_is_found_and_older_ones_are_left(
    vendor: Any, book: Callable[..., None], adyen: Adyen, count: int
) -> None:
    """Every batch that reaches into the span is read, however many there are, each once."""
    first = datetime(2026, 3, 1, 12)
    days = [f"{first + timedelta(days=each - count):%Y-%m-%d}" for each in range(count)]
    book(*(report(f"PSP{day},R-1,{SOLD.replace('2026-03-02', day)}") for day in days))
    wanted = datetime(2026, 2, 27, tzinfo=UTC)
    found = adyen.balance_entries(wanted, UNTIL)
    assert [entry.payment_ref for entry in found] == [f"PSP{day}" for day in days if day >= "2026-02-27"]
    asked = [asked.path for asked in vendor.asked]
    adyen.payouts(wanted, UNTIL)
    assert not {path for path in asked if asked.count(path) > 3}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"Merchant Account\nOurShop\n", "a column 'psp reference'"),
        (report(f"PSP1,R-1001,{SOLD.replace('47.65', '47.655')}"), "an amount of EUR in 'net credit (nc)'"),
        (report(f"PSP1,R-1001,{SOLD.replace('0.0061725', '0')}"), "a rate above 0"),
        (report(f"PSP1,R-1001,{SOLD.replace('JPY', 'XXX')}"), "an amount of XXX"),
        (report(f"PSP1,R-1001,{SOLD.replace('2026-03-02 10:00:00', 'March')}"), "a creation date such as"),
    ],
)
def test_a_report_of_another_shape_names_file_and_line(
    book: Callable[..., None], adyen: Adyen, content: bytes, expected: str
) -> None:
    """What Adyen's page does not have is refused with the file's name, the line and what was expected."""
    book(content)
    with pytest.raises(InfrastructureError) as refused:
        adyen.balance_entries(SINCE, UNTIL)
    assert "settlement_detail_report_batch_1.csv:" in str(refused.value)
    assert expected in str(refused.value)


@pytest.mark.parametrize(("verb", "act"), [("refunds", "refund_part"), ("captures", "capture_part")])
def test_part_of_a_payment_is_given_back_or_taken(vendor: Any, adyen: Adyen, verb: str, act: str) -> None:
    """A part goes with account, amount and key; Adyen takes the request, or refuses it in its own words."""
    path = f"/v72/payments/PSP1/{verb}"
    vendor.on("POST", path, {"status": "received", "pspReference": "MOD1"}, status=201)
    assert isinstance(adyen, RefundsInPart)
    assert isinstance(adyen, CapturesInPart)
    getattr(adyen, act)("PSP1", MinorAmount(500, "EUR"), "console-1")
    sent = vendor.asked[-1]
    assert json.loads(sent.body)["amount"] == {"value": 500, "currency": "EUR"}
    assert json.loads(sent.body)["merchantAccount"] == "OurShop"
    assert sent.headers["idempotency-key"] == "console-1"
    vendor.on("POST", path, {"errorCode": "137", "message": "Invalid amount"}, status=422)
    with pytest.raises(UndoRefused, match="137: Invalid amount"):
        getattr(adyen, act)("PSP1", MinorAmount(0, "EUR"), "console-2")


def test_a_card_becomes_the_state_data_of_adyens_form(vendor: Any, adyen: Adyen) -> None:
    """The fields are those of Adyen's form with its test platform's plain values; nothing is sent to make them."""
    assert isinstance(adyen, Tokeniser)
    card = Card(number="4111111111111111", holder="Zoë Müller", cvc="737", expires=(3, 2030))
    assert json.loads(adyen.tokenise(card)) == {
        "type": "scheme",
        "encryptedCardNumber": "test_4111111111111111",
        "encryptedExpiryMonth": "test_03",
        "encryptedExpiryYear": "test_2030",
        "encryptedSecurityCode": "test_737",
        "holderName": "Zoë Müller",
    }
    assert vendor.asked == []


def test_a_page_without_buttons_is_an_error(vendor: Any, adyen: Adyen) -> None:
    """The outcome goes to the page's own address; what leads nowhere is told."""
    assert isinstance(adyen, Cardholder)
    vendor.on("POST", "/hpp/3d/r1", b"<html>", status=200)
    with pytest.raises(InfrastructureError, match="led nowhere"):
        adyen.authenticate("https://checkout-test.adyen.com/hpp/3d/r1?md=x", passes=False)
    assert vendor.asked[-1].body == b"outcome=refused"
