"""O-M8's limits: the window's first instant, lateness to the second, payouts that went through, the order's rate."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from assay.events import Result
from assay.money import Money
from assay.records import (
    Payout,
    StatementLine,
    UsedRate,
)
from tests.engine.oracles.settled_window import (
    AT,
    HEALTHY,
    LINES,
    PAYOUT,
    STATED,
    Change,
    both,
    eur,
    judge,
    stated,
    with_entry,
    with_line,
    without_lines,
)
from tests.engine.oracles.test_ledger import BOOKS

SECOND = timedelta(seconds=1)
WRONG = with_entry("txn_3", net=eur(1907))


@pytest.mark.parametrize(("since", "result"), [(AT, Result.FAIL), (AT + SECOND, Result.PASS)])
@pytest.mark.parametrize("change", [WRONG, BOOKS["PAY-13: settled at a rate of one's own"][0]])
def test_the_window_begins_with_its_first_instant(change: Change, since: datetime, result: Result) -> None:
    """What moved at the window's first instant is judged, what moved before it is past."""
    held = change(HEALTHY)
    old = replace(held, since=since, payments=(), payouts=())
    assert judge(old).result is result


LATE: dict[str, tuple[Change, datetime]] = {
    "a charge that is missing": (
        lambda held: replace(held, entries=tuple(each for each in held.entries if each.ref != "txn_3")),
        AT,
    ),
    "a movement that was never booked": (without_lines("txn_3"), AT),
    "a fee that was not booked": (BOOKS["a fee that was not booked"][0], AT),
    "a movement of no class": (
        both(with_entry("txn_5", kind="other"), without_lines("txn_5"), with_entry("txn_5", gross=eur(0), net=eur(0))),
        AT,
    ),
}


@pytest.mark.parametrize("name", LATE)
@pytest.mark.parametrize(("early", "result"), [(timedelta(), Result.FAIL), (SECOND, Result.PASS)])
def test_the_limit_is_kept_to_the_second(name: str, early: timedelta, result: Result) -> None:
    """What is as old as the profile allows is late, a second before it is not."""
    change, since = LATE[name]
    held = replace(change(HEALTHY), payouts=(), statement_lines=(), read_at=since + timedelta(days=3) - early)
    finding = judge(held)
    assert finding.result is result, finding.sentence()


@pytest.mark.parametrize(
    ("payout", "result"),
    [
        (replace(PAYOUT, amount=eur(5900)), Result.FAIL),
        (replace(PAYOUT, amount=eur(5900), status="failed"), Result.PASS),
        (replace(PAYOUT, amount=eur(5900), status="cancelled"), Result.PASS),
        (replace(PAYOUT, amount=eur(5900), created_at=HEALTHY.since), Result.FAIL),
        (replace(PAYOUT, amount=eur(5900), created_at=HEALTHY.since - SECOND), Result.PASS),
        (replace(PAYOUT, ref="po_9", amount=eur(5900)), Result.PASS),
    ],
)
@pytest.mark.parametrize("lines", [(), (STATED,)])
def test_only_payouts_of_the_window_that_went_through_are_held(
    payout: Payout, result: Result, lines: tuple[StatementLine, ...]
) -> None:
    """A payout that failed, is older than the window, or whose movements nobody names, is no violation."""
    held = replace(HEALTHY, payouts=(payout,), statement_lines=lines, journal_lines=LINES[:15])
    assert judge(held).result is result


@pytest.mark.parametrize(
    ("booked_on", "read", "result"),
    [
        (date(2026, 3, 10), date(2026, 3, 14), Result.PASS),
        (date(2026, 3, 15), date(2026, 3, 15), Result.PASS),
        (date(2026, 3, 16), date(2026, 3, 16), Result.FAIL),
        (date(2026, 3, 5), date(2026, 3, 14), Result.PASS),
    ],
)
def test_a_line_without_the_reference_is_matched_by_amount_and_day(booked_on: date, read: date, result: Result) -> None:
    """An equal amount within five days of the payout's day is its line; further off it is another's."""
    held = stated(text="STRIPE", booked_on=booked_on)(HEALTHY)
    read_at = datetime(read.year, read.month, read.day, 12, tzinfo=UTC)
    assert judge(replace(held, read_at=read_at)).result is result


def test_a_line_that_names_one_payout_is_no_other_s() -> None:
    """Of two payouts of one amount, one of which is stated, the other is missed once it is late."""
    twin = replace(PAYOUT, ref="po_2")
    held = replace(HEALTHY, payouts=(PAYOUT, twin), read_at=datetime(2026, 3, 13, 9, tzinfo=UTC))
    assert "po_2" in judge(held).expected
    early = replace(held, read_at=datetime(2026, 3, 12, 9, tzinfo=UTC))
    assert judge(early).result is Result.PASS
    both_stated = replace(held, statement_lines=(STATED, replace(STATED, ref="s2", text="STRIPE")))
    assert judge(both_stated).result is Result.PASS


@pytest.mark.parametrize(("off", "result"), [(1, Result.PASS), (2, Result.FAIL), (-1, Result.PASS), (-2, Result.FAIL)])
def test_the_order_s_rate_holds_within_a_minor_unit(off: int, result: Result) -> None:
    """8,000 yen at 160 are 50 euros; a cent more or less is rounding."""
    rate = UsedRate(base="EUR", quote="JPY", value=Decimal(160), as_of=AT.date(), source="ecb")
    held = replace(HEALTHY, orders=(replace(HEALTHY.orders[0], rate=rate),))
    change = both(
        with_line(1, company=Money(-5000 - off, "EUR")),
        with_line(2, company=Money(62 + off, "EUR")),
        with_line(6, company=Money(500, "EUR")),
        with_line(7, company=Money(-6, "EUR")),
    )
    finding = judge(change(held))
    assert finding.result is result, finding.sentence()


def test_a_movement_without_a_rate_is_left_to_the_books() -> None:
    """A gateway that shows both amounts and no rate is not asked for one."""
    assert judge(with_entry("txn_1", rate=None)(HEALTHY)).result is Result.PASS


def test_a_wild_amount_is_no_rate_of_ones_own() -> None:
    """Three times what was settled has no known pattern, and is said so."""
    change = both(with_line(0, company=Money(14814, "EUR")), with_line(2, company=Money(-9964, "EUR")))
    finding = judge(change(HEALTHY))
    assert finding.result is Result.FAIL
    assert "one's own" not in finding.cause


def test_a_refund_that_is_not_booked_yet_is_not_its_payment_s_line() -> None:
    """At Adyen a charge is called by its payment: the refund of that payment has lines of its own, or none yet."""
    change = both(with_entry("txn_3", ref="pi_2"), with_entry("txn_2", payment_ref="pi_2", order_ref=None))
    lines = tuple(
        replace(each, reference="pi_2") if each.reference == "txn_3" else each
        for each in HEALTHY.journal_lines
        if each.reference != "re_1"
    )
    held = replace(change(HEALTHY), journal_lines=lines, payments=(), read_at=AT + timedelta(days=3) - SECOND)
    held = replace(held, payouts=(), statement_lines=())
    assert judge(held).result is Result.PASS
    finding = judge(replace(held, read_at=AT + timedelta(days=3)))
    assert "never booked" in finding.cause, finding.sentence()
