"""O-M8 over a window of settlement: silent on everything that is legal, and loud with the right cause on the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from assay.events import Result
from assay.money import Money
from assay.oracles import Judging
from assay.records import (
    MinorAmount,
    Population,
    StateChange,
)
from tests.engine.oracles.settled_window import (
    AT,
    ENTRIES,
    HEALTHY,
    PAYOUT,
    READ,
    STATED,
    Change,
    both,
    eur,
    judge,
    line,
    payment,
    stated,
    with_entry,
    with_line,
    without_lines,
)


def test_a_window_that_agrees_is_right() -> None:
    """Two currencies, a refund, a fee of the account, a reserve, a payout and its statement agree to the minor unit."""
    finding = judge(HEALTHY)
    assert (finding.result, finding.sentence()) == (Result.PASS, finding.sentence())


MONEY: dict[str, tuple[Change, str]] = {
    "the payment settled a second time": (
        lambda held: replace(held, entries=(*held.entries, replace(ENTRIES[3], ref="txn_9", payout_ref=None))),
        "moved twice (double)",
    ),
    "a charge that never reached the balance": (
        lambda held: replace(
            held,
            entries=tuple(each for each in held.entries if each.ref != "txn_3"),
        ),
        "never reached the balance",
    ),
    "a fee in another currency": (with_entry("txn_3", fee=MinorAmount(84, "USD")), "in another currency"),
    "a net that is not gross less fee": (with_entry("txn_3", net=eur(1907)), "not what gross and fee leave"),
    "settled two units off": (
        both(with_entry("txn_1", gross=eur(4940), net=eur(4767))),
        "another rate than the gateway names",
    ),
    "a payout that is less": (
        lambda held: replace(held, payouts=(replace(PAYOUT, amount=eur(5900)),)),
        "truncation",
    ),
    "a movement of no class": (with_entry("txn_5", kind="other"), "nobody can match"),
}


@pytest.mark.parametrize("name", MONEY)
def test_what_a_gateway_settles_wrongly_is_found(name: str) -> None:
    """Each way in which settlement goes wrong is a violation with its cause."""
    change, cause = MONEY[name]
    finding = judge(change(HEALTHY))
    assert finding.result is Result.FAIL
    assert "stripe" in finding.systems
    assert cause in (finding.cause or ""), finding.sentence()


BOOKS: dict[str, tuple[Change, str]] = {
    "PAY-12: the fee in the order's currency": (
        both(
            with_line(3, amount=Money(173, "JPY"), company=Money(173, "EUR")),
            with_line(4, amount=Money(-173, "JPY"), company=Money(-173, "EUR")),
        ),
        "another currency, JPY",
    ),
    "PAY-13: settled at a rate of one's own": (
        both(with_line(0, company=Money(4850, "EUR")), with_line(2, company=Money(0, "EUR"))),
        "a rate of one's own",
    ),
    "MON-17: the foreign number in the base column": (
        both(with_line(6, company=Money(80000, "EUR")), with_line(7, company=Money(-79506, "EUR"))),
        "not converted (none)",
    ),
    "the foreign number on the clearing account": (
        both(with_line(0, company=Money(800000, "EUR")), with_line(2, company=Money(-795150, "EUR"))),
        "not converted (none)",
    ),
    "debits without credits": (with_line(4, amount=Money(-174, "EUR")), "debits and credits differ"),
    "debits without credits in the company's currency": (
        with_line(2, company=Money(-87, "EUR")),
        "debits and credits differ",
    ),
    "a fee that was not booked": (
        both(
            lambda held: replace(held, journal_lines=tuple(x for x in held.journal_lines if x.entry != "4")),
            lambda held: replace(
                held,
                journal_lines=(
                    *held.journal_lines,
                    line("4", "clearing", "19.90 EUR", of="txn_3"),
                    line("4", "receivable", "-19.90 EUR", of="txn_3"),
                ),
            ),
        ),
        "fee was not booked",
    ),
    "a movement that was never booked": (without_lines("txn_3"), "never booked"),
    "bank a hundred times too high": (
        both(with_line(15, amount=Money(592700, "EUR")), with_line(16, amount=Money(-592700, "EUR"))),
        "exponent: the decimal comma was dropped",
    ),
    "clearing not emptied by the payout": (
        both(with_line(16, amount=Money(-5900, "EUR")), with_line(15, amount=Money(5900, "EUR"))),
        "",
    ),
}


@pytest.mark.parametrize("name", BOOKS)
def test_what_the_erp_books_wrongly_is_found(name: str) -> None:
    """Each way in which the books differ from the gateway is a violation with its cause, gateway or ERP named."""
    change, cause = BOOKS[name]
    finding = judge(change(HEALTHY))
    assert finding.result is Result.FAIL
    assert {"stripe", "sap_s4hana"} & set(finding.systems)
    assert cause in (finding.cause or ""), finding.sentence()


STATEMENTS: dict[str, tuple[Change, str]] = {
    "MON-37: the comma dropped": (stated(amount=Money(592700, "EUR")), "decimal comma was dropped"),
    "another currency": (stated(amount=Money(5927, "USD")), "another currency"),
    "a cent less": (stated(amount=Money(5926, "EUR")), "truncation"),
    "read twice": (
        lambda held: replace(held, statement_lines=(STATED, replace(STATED, ref="s2"))),
        "more than once (double)",
    ),
    "a line that is missing": (
        stated(text="RENT", amount=Money(-90000, "EUR"), booked_on=date(2026, 3, 11)),
        "never reached the bank",
    ),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_what_the_bank_states_otherwise_is_found(name: str) -> None:
    """Each way in which a statement differs from a payout is a violation with its cause."""
    change, cause = STATEMENTS[name]
    late = replace(change(HEALTHY), read_at=READ + timedelta(days=2))
    finding = judge(late)
    assert finding.result is Result.FAIL
    assert finding.systems == ("stripe", "bank")
    assert cause in (finding.cause or ""), finding.sentence()


INNOCENT: dict[str, Change] = {
    "settled a minor unit off": both(
        with_entry("txn_1", gross=eur(4939), net=eur(4766)),
        with_line(0, company=Money(4939, "EUR")),
        with_line(2, company=Money(-89, "EUR")),
        lambda held: replace(held, payouts=(replace(PAYOUT, amount=eur(5928)),)),
        with_line(15, amount=Money(5928, "EUR"), company=Money(5928, "EUR")),
        with_line(16, amount=Money(-5928, "EUR"), company=Money(-5928, "EUR")),
        stated(amount=Money(5928, "EUR")),
    ),
    "a late capture that has not settled": lambda held: replace(
        held,
        payments=(*held.payments, payment("pi_3", 500, "EUR", order="R-1003")),
        orders=(
            *held.orders,
            replace(
                held.orders[0],
                ref="ord_3",
                number="R-1003",
                history=(StateChange(field="payment_status", value="paid", at=READ - timedelta(days=1)),),
            ),
        ),
    ),
    "a payout that is late at the bank": lambda held: replace(held, statement_lines=()),
    "a statement that ends before the payout": stated(text="RENT", booked_on=date(2026, 3, 9)),
    "a statement line without the payout's reference": stated(text="STRIPE"),
    "movements booked in the settlement's currency": both(
        with_line(0, amount=Money(4938, "EUR")),
        with_line(1, amount=Money(-4850, "EUR")),
        with_line(2, amount=Money(-88, "EUR")),
    ),
    "a refund of a fee": both(
        with_entry("txn_4", gross=eur(50), net=eur(50)),
        with_line(11, amount=Money(-50, "EUR"), company=Money(-50, "EUR"), purpose="other"),
        with_line(12, amount=Money(50, "EUR"), company=Money(50, "EUR")),
        lambda held: replace(held, payouts=(replace(PAYOUT, amount=eur(6027)),), statement_lines=()),
        with_line(15, amount=Money(6027, "EUR"), company=Money(6027, "EUR")),
        with_line(16, amount=Money(-6027, "EUR"), company=Money(-6027, "EUR")),
    ),
    "entries of another time": lambda held: replace(
        held,
        journal_lines=(
            *held.journal_lines,
            replace(line("0", "clearing", "1.00 EUR", of="txn_0"), posted_on=date(2026, 2, 20)),
        ),
    ),
    "the first payout, whose past nobody knows": lambda held: replace(
        held,
        entries=tuple(each for each in held.entries if each.ref not in ("txn_0", "txn_3")),
        payments=held.payments[:1],
        journal_lines=tuple(each for each in held.journal_lines if each.reference != "txn_3"),
    ),
    "a gateway that could not be read": lambda held: replace(
        held,
        payments=(*held.payments, replace(payment("8815", 700, "EUR"), system="adyen")),
        unread=(("settlement of adyen", "no report of today"),),
    ),
}


@pytest.mark.parametrize("name", INNOCENT)
def test_what_is_legal_wakes_nobody(name: str) -> None:
    """Roundings within a minor unit, lateness within the limit and lines of other business are no violations."""
    finding = judge(INNOCENT[name](HEALTHY))
    assert finding.result is Result.PASS, finding.sentence()


def test_nothing_undeclared_is_judged_by_its_age() -> None:
    """Without limit and classes what is late or strange is left alone; what is wrong by itself is still found."""
    late = both(without_lines("txn_3"), with_entry("txn_5", kind="other"))
    assert judge(late(HEALTHY), Judging()).result is Result.PASS
    assert judge(with_entry("txn_3", net=eur(1907))(HEALTHY), Judging()).result is Result.FAIL


def test_a_landscape_without_settlement_is_not_evaluated() -> None:
    """Where nothing settles, books or states, the verdict is open and says why."""
    bare = Population(since=AT, until=READ, payments=HEALTHY.payments, unread=(("settlement", "no gateway tells"),))
    finding = judge(bare)
    assert (finding.result, finding.reason) == (Result.NOT_EVALUATED, "settlement: no gateway tells")
    assert judge(replace(bare, unread=())).result is Result.NOT_EVALUATED


def test_books_and_bank_may_be_missing() -> None:
    """Settlement alone is judged where nobody shows a journal or a statement."""
    alone = replace(HEALTHY, journal_lines=(), statement_lines=(), payouts=())
    assert judge(alone).result is Result.PASS
