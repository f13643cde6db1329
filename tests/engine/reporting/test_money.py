"""The money of a run: by currency and gateway, never one currency added to another, with what does not add up."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from assay.events import Outcome
from assay.money import Money
from assay.records import BalanceEntry, Dossier, MinorAmount, Tender
from assay.reporting.html import render_html, template_folders
from assay.reporting.jsonl import line_of, read_events
from assay.reporting.markdown import render_markdown
from assay.reporting.money import MoneyRow, money_of
from assay.reporting.run_record import record_of
from tests.engine.reporting import sample


def bought(
    number: str, total: str, currency: str, units: int, *, gateway: str = "stripe", refunded: int = 0, back: str = "0"
) -> Dossier:
    """Return an order paid at a gateway in so many of its minor units, of which some were given back."""
    found = sample.dossier(number, Money.of(total, currency), captured=units)
    payment = replace(found.payments[0], system=gateway, refunded=MinorAmount(refunded, currency))
    payment = replace(payment, captured=MinorAmount(units, currency))
    tender = Tender(
        gateway=gateway,
        kind="card",
        ref=payment.ref,
        status="succeeded",
        amount=Money.of(total, currency),
        captured=Money.of(total, currency),
        refunded=Money.of(back, currency),
    )
    assert found.order is not None
    return replace(found, payments=(payment,), order=replace(found.order, tenders=(tender,)))


def entry(ref: str, payment: str, minor: int, currency: str, *, kind: str = "charge", paid: str = "") -> BalanceEntry:
    """Return an entry of a balance; `paid` is ``units currency`` of what the customer paid where it was converted."""
    units, _, own = paid.partition(" ")
    return BalanceEntry(
        system="stripe",
        ref=ref,
        kind=kind,
        gross=MinorAmount(minor, currency),
        fee=MinorAmount(30, currency),
        net=MinorAmount(minor - 30, currency),
        created_at=sample.START,
        payment_ref=payment,
        presented=MinorAmount(int(units), own) if paid else None,
    )


def outcome(*dossiers: Dossier, entries: tuple[BalanceEntry, ...] = ()) -> Outcome:
    """Return an execution that caused these orders."""
    return replace(sample.healthy("eur", "1"), dossiers=dossiers, entries=entries)


def rows(*outcomes: Outcome) -> dict[tuple[str, str], MoneyRow]:
    """Return the rows by currency and gateway."""
    return {(row.currency, row.gateway): row for row in money_of(outcomes)}


def test_each_currency_at_each_gateway_has_a_row_of_its_own() -> None:
    """Amounts are added in the gateway's own decimals, within one currency at one gateway and no further."""
    found = rows(
        outcome(
            bought("1", "66.90", "EUR", 6690),
            bought("2", "10.00", "EUR", 1000),
            bought("3", "1000", "ISK", 100_000),
            bought("4", "5.120", "KWD", 5120),
            bought("5", "8000", "JPY", 8000, gateway="adyen"),
        )
    )
    assert {key: (row.orders, row.charged, row.residual) for key, row in found.items()} == {
        ("EUR", "stripe"): ("2", "76.90", "0"),
        ("ISK", "stripe"): ("1", "1,000.00", "0"),
        ("JPY", "adyen"): ("1", "8,000", "0"),
        ("KWD", "stripe"): ("1", "5.120", "0"),
    }
    assert {row.state for row in found.values()} == {"pass"}


def test_what_does_not_add_up_is_the_residual() -> None:
    """A charge that is not the total, and a refund only one side knows, stand in the residual with their sign."""
    wrong = rows(outcome(bought("1", "80", "JPY", 8000)))["JPY", "stripe"]
    assert (wrong.charged, wrong.residual, wrong.state) == ("8,000", "+7,920 against the shop", "fail")
    unknown = rows(outcome(bought("1", "50.00", "EUR", 5000, refunded=1250)))["EUR", "stripe"]
    assert (unknown.refunded, unknown.residual) == ("12.50", "-12.50 against the shop")
    known = rows(outcome(bought("1", "50.00", "EUR", 5000, refunded=1250, back="12.50")))["EUR", "stripe"]
    assert (known.residual, known.state) == ("0", "pass")


def test_what_was_settled_stands_beside_what_was_charged() -> None:
    """Entries of the balance are matched by payment; a currency that was converted shows both amounts."""
    eur, usd = bought("1", "50.00", "EUR", 5000, refunded=1000, back="10.00"), bought("2", "20.00", "USD", 2000)
    entries = (
        entry("txn_1", "pi_1", 5000, "EUR"),
        entry("txn_2", "pi_1", -1000, "EUR", kind="refund"),
        entry("txn_3", "pi_2", 1840, "EUR", paid="2000 USD"),
        entry("txn_4", "pi_9", 999, "EUR"),
        entry("txn_5", "", -500, "EUR", kind="fee"),
    )
    found = rows(outcome(eur, usd), outcome(entries=entries), outcome(entries=entries))
    assert (found["EUR", "stripe"].settled, found["EUR", "stripe"].residual) == ("40.00", "0")
    assert (found["USD", "stripe"].settled, found["USD", "stripe"].residual) == ("20.00 = 18.40 EUR", "0")
    late = rows(outcome(eur, entries=entries[:1]))["EUR", "stripe"]
    assert (late.settled, late.residual, late.state) == ("50.00", "-10.00 not settled", "fail")


def test_an_order_seen_twice_counts_once() -> None:
    """The same order in two outcomes, as it was seen last, is one order with one charge."""
    before = bought("1", "50.00", "EUR", 5000)
    after = bought("1", "50.00", "EUR", 5000, refunded=5000, back="50.00")
    row = rows(outcome(before), outcome(after))["EUR", "stripe"]
    assert (row.orders, row.charged, row.refunded, row.residual) == ("1", "50.00", "50.00", "0")


def test_what_cannot_be_compared_is_no_residual_of_nothing() -> None:
    """Without the shop's word of a changed order and without a balance the residual is not compared, never 0."""
    found = bought("1", "50.00", "EUR", 4000)
    assert found.order is not None
    row = rows(outcome(replace(found, order=replace(found.order, status="cancelled", tenders=()))))["EUR", "stripe"]
    assert (row.settled, row.residual, row.state) == ("not read", "not compared", "open")


def test_both_reports_show_the_table_and_say_when_there_is_none(tmp_path: Path) -> None:
    """HTML and Markdown hold the same row, out of the run's JSON lines too; without a charge HTML says so."""
    events = [sample.started(), outcome(bought("1", "8000", "JPY", 8000)), sample.finished(0)]
    lines = tmp_path / "run.jsonl"
    lines.write_bytes(b"".join(line_of(each) for each in events))
    run = record_of(read_events(lines))
    assert "| JPY | stripe | 1 | 8,000 | 0 | not read | 0 |" in render_markdown(run)
    page = render_html(run, template_folders(), sample.NEEDS)
    assert '<td class="pass number" role="cell" data-label="Residual">✓ 0</td>' in page
    empty = record_of([sample.started(), replace(events[1], dossiers=()), sample.finished(0)])  # type: ignore[type-var]
    assert "No order of this run was charged" in render_html(empty, template_folders(), sample.NEEDS)
    assert "### Money" not in render_markdown(empty)


def test_settled_entries_survive_the_lines() -> None:
    """An entry of a balance is read back as it was written, its Decimal rate too."""
    told = replace(entry("txn_1", "pi_1", 1840, "EUR", paid="2000 USD"), rate=Decimal("0.92"))
    run = record_of([outcome(entries=(told,))])
    assert run.outcomes[0].entries == (told,)
