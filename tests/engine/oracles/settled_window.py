"""A window in which gateway, ERP and bank agree, and ways to change it; for the tests of O-M8."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from assay.events import Finding
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


def with_entry(ref: str, /, **more: object) -> Change:
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
