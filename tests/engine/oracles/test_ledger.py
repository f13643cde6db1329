"""O-M8 over a window of settlement: silent on everything that is legal, and loud with the right cause on the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from assay.events import Finding, Result
from assay.money import Money
from assay.oracles import POPULATION_ORACLES, Judging
from assay.records import (
    BalanceEntry,
    JournalLine,
    MinorAmount,
    Order,
    Payment,
    Payout,
    Population,
    StateChange,
    StatementLine,
    UsedRate,
)

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
READ = AT + timedelta(days=10)
RATE = Decimal("0.0061725")
DECLARED = Judging(
    ledger_limit=timedelta(days=3), ledger_classes=frozenset({"fee", "payout", "reserve", "adjustment", "conversion"})
)
Change = Callable[[Population], Population]


def eur(minor: int) -> MinorAmount:
    """Euros at the gateway."""
    return MinorAmount(minor, "EUR")


def entry(ref: str, kind: str, gross: int, fee: int = 0, **more: object) -> BalanceEntry:
    """A movement in euros."""
    own = {"gross": eur(gross), "fee": eur(fee), "net": eur(gross - fee), "created_at": AT, **more}
    return BalanceEntry(system="stripe", ref=ref, kind=kind, **own)  # type: ignore[arg-type]


def line(number: str, purpose: str, amount: str, company: str | None = None, *, of: str) -> JournalLine:
    """A line of an entry."""
    return JournalLine(
        system="sap_s4hana",
        entry=number,
        account=purpose,
        purpose=purpose,
        amount=Money.parse(amount),
        company=Money.parse(company or amount),
        posted_on=AT.date(),
        reference=of,
    )


def payment(ref: str, amount: int, currency: str, refunded: int = 0, order: str = "R-1001") -> Payment:
    """A captured payment."""
    paid = MinorAmount(amount, currency)
    return Payment(
        system="stripe",
        ref=ref,
        order_ref=order,
        status="succeeded",
        amount=paid,
        captured=paid,
        refunded=MinorAmount(refunded, currency),
        created_at=AT,
    )


ENTRIES = (
    entry("txn_0", "charge", 1000, created_at=AT - timedelta(days=9), payment_ref="pi_0", payout_ref="po_0"),
    entry(
        "txn_1",
        "charge",
        4938,
        173,
        payment_ref="pi_1",
        order_ref="R-1001",
        presented=MinorAmount(8000, "JPY"),
        rate=RATE,
        payout_ref="po_1",
    ),
    entry(
        "txn_2",
        "refund",
        -494,
        payment_ref="pi_1",
        refund_ref="re_1",
        order_ref="R-1001",
        presented=MinorAmount(-800, "JPY"),
        rate=RATE,
        payout_ref="po_1",
    ),
    entry("txn_3", "charge", 1990, 84, payment_ref="pi_2", order_ref="R-1002", payout_ref="po_1"),
    entry("txn_4", "fee", -50, payout_ref="po_1"),
    entry("txn_5", "reserve", -200, payout_ref="po_1"),
    entry("txn_6", "payout", -5927, payout_ref="po_1", created_at=AT + timedelta(days=7)),
)
PAYOUT = Payout(
    system="stripe",
    ref="po_1",
    amount=eur(5927),
    status="paid",
    created_at=AT + timedelta(days=7),
    arrives_on=date(2026, 3, 10),
)
LINES = (
    line("1", "clearing", "8000 JPY", "49.38 EUR", of="txn_1"),
    line("1", "receivable", "-8000 JPY", "-48.50 EUR", of="txn_1"),
    line("1", "rate_difference", "0 JPY", "-0.88 EUR", of="txn_1"),
    line("2", "fee", "1.73 EUR", of="txn_1"),
    line("2", "clearing", "-1.73 EUR", of="txn_1"),
    line("3", "clearing", "-800 JPY", "-4.94 EUR", of="re_1"),
    line("3", "refund", "800 JPY", "4.85 EUR", of="re_1"),
    line("3", "rate_difference", "0 JPY", "0.09 EUR", of="re_1"),
    line("4", "clearing", "19.06 EUR", of="txn_3"),
    line("4", "fee", "0.84 EUR", of="txn_3"),
    line("4", "receivable", "-19.90 EUR", of="txn_3"),
    line("5", "fee", "0.50 EUR", of="txn_4"),
    line("5", "clearing", "-0.50 EUR", of="txn_4"),
    line("6", "other", "2.00 EUR", of="txn_5"),
    line("6", "clearing", "-2.00 EUR", of="txn_5"),
    line("7", "bank", "59.27 EUR", of="po_1"),
    line("7", "clearing", "-59.27 EUR", of="po_1"),
)
STATED = StatementLine(
    system="shop", ref="s1", amount=Money(5927, "EUR"), booked_on=date(2026, 3, 10), text="STRIPE PAYOUT po_1"
)
HEALTHY = Population(
    since=AT - timedelta(hours=1),
    until=READ,
    orders=(
        Order(
            system="shop",
            ref="ord_1",
            number="R-1001",
            status="confirmed",
            total=Money(8000, "JPY"),
            placed_at=AT,
            rate=UsedRate(base="EUR", quote="JPY", value=Decimal("164.95"), as_of=AT.date(), source="ecb"),
        ),
    ),
    payments=(payment("pi_1", 8000, "JPY", 800), payment("pi_2", 1990, "EUR", order="R-1002")),
    entries=ENTRIES,
    payouts=(PAYOUT,),
    journal_lines=LINES,
    statement_lines=(STATED,),
    read_at=READ,
)


def judge(population: Population, judging: Judging = DECLARED) -> Finding:
    """What O-M8 says."""
    return POPULATION_ORACLES["O-M8"](population, judging)


def with_entry(ref: str, **more: object) -> Change:
    """Change one movement."""
    return lambda held: replace(
        held,
        entries=tuple(replace(each, **more) if each.ref == ref else each for each in held.entries),  # type: ignore[arg-type]
    )


def with_line(place: int, **more: object) -> Change:
    """Change one line of the ERP, and the one after it so that the entry still balances where both are given."""
    return lambda held: replace(
        held,
        journal_lines=tuple(
            replace(each, **more) if number == place else each  # type: ignore[arg-type]
            for number, each in enumerate(held.journal_lines)
        ),
    )


def both(*changes: Change) -> Change:
    """Make several changes."""

    def changed(held: Population) -> Population:
        for change in changes:
            held = change(held)
        return held

    return changed


def without_lines(of: str) -> Change:
    """Leave out the lines of the ERP that bear this reference."""
    return lambda held: replace(held, journal_lines=tuple(each for each in held.journal_lines if each.reference != of))


def stated(**more: object) -> Change:
    """Change the line of the statement."""
    return lambda held: replace(held, statement_lines=(replace(STATED, **more),))  # type: ignore[arg-type]


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
