"""Transaction search of the PayPal simulator: what moved the balance, when it shows, spans, filters and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.mocks.conftest import SimulatedClock
from tests.mocks.paypal_caller import Json, PaypalCaller, issues, money, unit

Serve = Callable[..., str]
PATH = "/v1/reporting/transactions"


@pytest.fixture
def paypal(serve_simulator: Serve) -> Iterator[PaypalCaller]:
    """A business account whose history shows at once and whose money stays where it is."""
    url = serve_simulator("paypal", {"reporting_delay_s": 0, "auto_transfer": "manual"})
    with PaypalCaller(url) as caller:
        yield caller


def search(paypal: PaypalCaller, clock: SimulatedClock, **query: Any) -> httpx.Response:
    """Search the last day, or as the query says."""
    span = {
        "start_date": (clock.at - timedelta(days=1)).isoformat().replace("+00:00", "Z"),
        "end_date": (clock.at + timedelta(days=1)).isoformat().replace("+00:00", "Z"),
    }
    return paypal.get(PATH, **{**span, **query})


def found(paypal: PaypalCaller, clock: SimulatedClock, **query: Any) -> list[Json]:
    """Return what a search finds, each its transaction_info."""
    answer = search(paypal, clock, **query)
    assert answer.status_code == 200, answer.text
    return [each["transaction_info"] for each in answer.json().get("transaction_details", [])]


def test_a_payment_and_its_refunds_are_movements(paypal: PaypalCaller, sim_clock: SimulatedClock) -> None:
    """A capture is booked with its fee taken away, a refund negative and without fee, each with the balance after."""
    capture = paypal.captured(unit("100.00", invoice_id="A-1", custom_id="cart 7"))["id"]
    refund = paypal.refund(capture, {"amount": money("40.00"), "note_to_payer": "sorry"}).json()["id"]
    sale, back = found(paypal, sim_clock)
    assert (sale["transaction_id"], sale["transaction_event_code"], sale["transaction_status"]) == (
        capture,
        "T0006",
        "S",
    )
    assert (sale["transaction_amount"], sale["fee_amount"]) == (money("100.00"), money("-2.84"))
    assert (sale["invoice_id"], sale["custom_field"], sale["ending_balance"]) == ("A-1", "cart 7", money("97.16"))
    assert (back["transaction_id"], back["transaction_event_code"]) == (refund, "T1107")
    assert (back["transaction_amount"], back["paypal_reference_id"]) == (money("-40.00"), capture)
    assert ("fee_amount" in back, back["ending_balance"]) == (False, money("57.16"))
    paypal.refund(capture)
    statuses = {row["transaction_id"]: row["transaction_status"] for row in found(paypal, sim_clock)}
    assert statuses[capture] == "V"


def test_a_conversion_is_two_movements(paypal: PaypalCaller, sim_clock: SimulatedClock) -> None:
    """What arrives in a currency that is not held leaves it again and comes as another; refunds go the way back."""
    capture = paypal.captured(unit("8000", "JPY"))["id"]
    paypal.refund(capture, {"amount": money("3000", "JPY")})
    rows = found(paypal, sim_clock)
    assert [row["transaction_event_code"] for row in rows] == ["T0006", "T0200", "T0200", "T1107", "T0202", "T0202"]
    assert {row["paypal_reference_id"] for row in rows[1:3]} == {capture}
    sums: dict[str, Decimal] = {}
    for row in rows:
        for part in (row["transaction_amount"], row.get("fee_amount")):
            if part:
                sums[part["currency_code"]] = sums.get(part["currency_code"], Decimal(0)) + Decimal(part["value"])
    assert sums["JPY"] == 0
    assert Decimal(rows[-1]["ending_balance"]["value"]) == sums["EUR"] > 0
    whole = paypal.get(f"/v2/payments/captures/{capture}").json()["seller_receivable_breakdown"]
    assert rows[2]["transaction_amount"] == whole["receivable_amount"]


def test_history_shows_only_after_a_while(serve_simulator: Serve, sim_clock: SimulatedClock) -> None:
    """A transaction appears after the delay; a span that begins after the last refresh is refused."""
    with PaypalCaller(serve_simulator("paypal")) as paypal:
        paypal.captured()
        assert found(paypal, sim_clock) == []
        sim_clock.advance(hours=3)
        answer = search(paypal, sim_clock).json()
        assert answer["total_items"] == 1
        assert answer["end_date"] == answer["last_refreshed_datetime"] == "2026-03-02T09:00:00Z"
        late = search(paypal, sim_clock, start_date="2026-03-02T11:00:00Z")
        assert issues(late) == (400, ["Data for the given start date is not available."])


def test_money_goes_to_the_bank_at_midnight(serve_simulator: Serve, sim_clock: SimulatedClock) -> None:
    """Each held currency leaves whole, once a night; a debt stays and is made up first."""
    settings = {"reporting_delay_s": 0, "held_currencies": ["EUR", "USD"]}
    with PaypalCaller(serve_simulator("paypal", settings)) as paypal:
        euros = paypal.captured(unit("100.00"))["id"]
        paypal.captured(unit("50.00", "USD"))
        sim_clock.advance(days=1)
        paypal.authorize()
        sent = found(paypal, sim_clock, transaction_type="T0401", start_date="2026-03-01T00:00:00Z")
        assert sorted(row["transaction_amount"]["value"] for row in sent) == ["-48.45", "-97.16"]
        paypal.authorize()
        paypal.refund(euros)
        sim_clock.advance(days=1)
        paypal.authorize()
        paypal.captured(unit("150.00"))
        sim_clock.advance(days=1)
        paypal.authorize()
        sent = found(paypal, sim_clock, transaction_type="T0401", start_date="2026-03-01T00:00:00Z")
        assert sent[-1]["transaction_amount"] == money("-45.91")  # 150.00 - 4.09 - 100.00
        assert len(sent) == 3


def test_a_pending_payment_does_not_move_the_balance(paypal: PaypalCaller, sim_clock: SimulatedClock) -> None:
    """An e-check is reported among all records only, until it clears and brings its fee."""
    order = paypal.approved(unit("20.00"), instrument="echeck")
    paypal.post(f"/v2/checkout/orders/{order}/capture")
    assert found(paypal, sim_clock) == []
    [pending] = found(paypal, sim_clock, balance_affecting_records_only="N")
    assert (pending["transaction_status"], "fee_amount" in pending) == ("P", False)
    made = pending["transaction_initiation_date"]
    sim_clock.advance(days=4)
    paypal.authorize()
    [cleared] = found(paypal, sim_clock, start_date="2026-03-01T00:00:00Z")
    assert (cleared["transaction_status"], cleared["transaction_initiation_date"]) == ("S", made)
    assert cleared["transaction_updated_date"] > made


def test_filters_and_fields(paypal: PaypalCaller, sim_clock: SimulatedClock) -> None:
    """Id, type, status, currency and amount choose; fields choose the parts; filters hide the balance."""
    first = paypal.captured(unit("10.00"))["id"]
    second = paypal.captured(unit("900", "JPY"))["id"]
    paypal.refund(first)
    for query, expected in (
        ({"transaction_id": second}, [second]),
        ({"transaction_status": "V"}, [first]),
        ({"transaction_type": "T0006"}, [first, second]),
        ({"transaction_type": "T0006", "transaction_currency": "JPY"}, [second]),
        ({"transaction_type": "T0006", "transaction_amount": "[900 TO 900]"}, [second]),
        ({"transaction_type": "T0006", "transaction_amount": "1000 TO 1000"}, [first]),
        ({"store_id": "1"}, []),
    ):
        rows = found(paypal, sim_clock, **query)
        assert [row["transaction_id"] for row in rows] == expected, query
        assert all("ending_balance" not in row for row in rows)
    [whole] = search(paypal, sim_clock, transaction_id=second, fields="all").json()["transaction_details"]
    assert whole["payer_info"]["email_address"] == "buyer@personal.example.com"
    assert whole["cart_info"] == {}
    [part] = search(paypal, sim_clock, transaction_id=second, fields="payer_info").json()["transaction_details"]
    assert list(part) == ["payer_info"]


def test_pages_hold_each_transaction_once(paypal: PaypalCaller, sim_clock: SimulatedClock) -> None:
    """Following the link next walks through everything, oldest first."""
    made = [paypal.captured()["id"] for _ in range(5)]
    answer = search(paypal, sim_clock, page_size=2).json()
    assert (answer["total_items"], answer["total_pages"]) == (5, 3)
    seen = []
    while True:
        seen += [each["transaction_info"]["transaction_id"] for each in answer["transaction_details"]]
        following = [link["href"] for link in answer["links"] if link["rel"] == "next"]
        if not following:
            break
        answer = paypal.get(PATH + "?" + following[0].partition("?")[2]).json()
    assert seen == made
    assert "transaction_details" not in search(paypal, sim_clock, page_size=2, page=9).json()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-02-02T00:00:00Z"}, "end_date"),
        ({"start_date": "2026-03-01"}, "start_date"),
        ({"start_date": "2026-02-30T00:00:00Z"}, "start_date"),
        ({"end_date": ""}, "end_date"),
        ({"start_date": "2026-03-02T00:00:00Z", "end_date": "2026-03-01T00:00:00Z"}, "end_date"),
        ({"page_size": "501"}, "page_size"),
        ({"page": "0"}, "page"),
        ({"transaction_id": "short"}, "transaction_id"),
        ({"transaction_amount": "ten"}, "transaction_amount"),
        ({"fields": "colour"}, "fields"),
        ({"balance_affecting_records_only": "X"}, "balance_affecting_records_only"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_what_the_search_refuses(
    paypal: PaypalCaller, sim_clock: SimulatedClock, query: dict[str, str], field: str
) -> None:
    """Spans over 31 days, unreadable instants, pages and filters are refused with the field, in the query."""
    answer = search(paypal, sim_clock, **query)
    assert answer.status_code == 400
    [detail] = answer.json()["details"]
    assert (detail["field"], detail["location"]) == (field, "query")


def test_instants_of_other_time_zones_are_read(paypal: PaypalCaller, sim_clock: SimulatedClock) -> None:
    """An offset counts, with and without colon, and 31 days to the second are allowed."""
    paypal.captured()
    for start, end in (
        ("2026-03-02T10:00:00+01:00", "2026-03-02T10:00:01+0100"),
        ("2026-02-01T00:00:00Z", "2026-03-04T00:00:00Z"),
    ):
        assert len(found(paypal, sim_clock, start_date=start, end_date=end)) == 1
    assert found(paypal, sim_clock, end_date="2026-03-02T09:59:59+01:00") == []
