"""Where two of something meet: changes before a state that is stuck, captures of which one went back, lines of many."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from assay.records import Edit, MinorAmount
from tests.engine.oracles.test_defects import again
from tests.engine.oracles.test_population import said, sold
from tests.engine.oracles.test_turns_of_books import two_parcels
from tests.engine.oracles.world import (
    FAIL,
    JUDGING,
    PASS,
    change,
    healthy,
    judged,
    money,
    verdict,
    with_document,
    with_line,
    with_order,
    with_payment,
)


def test_one_charge_too_high_is_no_double_charge() -> None:
    """O-O3 leaves the amount of a single payment to O-M1."""
    dear = with_payment(healthy(), captured=6691)
    assert (verdict("O-O3", dear), verdict("O-M1", dear)) == (PASS, FAIL)


def test_the_last_change_is_the_one_that_is_stuck() -> None:
    """O-O4 measures how long the last of several states lasts, though the shop shows no payment states."""
    history = (change("status", "pending"), change("status", "processing", minutes=60))
    dossier = with_order(healthy(), status="processing", history=history)
    limited = replace(JUDGING, state_ttl={"processing": timedelta(hours=1)})
    finding = judged("O-O4", dossier, limited)
    assert finding.expected == "status processing for at most 1:00:00"
    assert finding.seen == "status processing for 4 days, 23:00:00"
    only_later = replace(dossier, read_at=history[1].at + timedelta(hours=1))
    assert verdict("O-O4", only_later, limited) is PASS
    unpaid = with_order(dossier, history=(change("payment_status", "paid"), *history))
    assert verdict("O-O4", unpaid, limited) is FAIL


def test_an_overwritten_state_names_the_last_one_known() -> None:
    """O-O4 expects the last state of the history, not the first, where the order says another."""
    history = (change("status", "confirmed"), change("status", "shipped", minutes=5))
    finding = judged("O-O4", with_order(healthy(), status="processing", history=history))
    assert (finding.expected, finding.seen) == ("status shipped", "status processing")


def test_one_capture_given_back_of_two_is_not_all() -> None:
    """O-O4 takes an order for unpaid as long as one of its captures is kept."""
    both = again(healthy(), refunded=MinorAmount(6690, "EUR"))
    behind = with_order(both, payment_status="pending", history=(change("payment_status", "pending"),))
    assert judged("O-O4", behind).expected == "payment_status paid for pi_1, pi_2"


def test_a_line_that_is_not_compared_does_not_end_the_search() -> None:
    """O-O6 goes on to the next line after one without a total."""
    dossier = with_line(healthy(), total=None)
    items = dossier.documents[0].lines
    wrong = with_document(dossier, lines=(items[0], replace(items[1], net=Decimal("35.50"))))
    assert judged("O-O6", wrong).expected == "net value 35.00 EUR of line 0018"


def test_one_parcel_of_two_makes_no_delivered_order() -> None:
    """O-K5 wants an order delivered once all of its parcels are."""
    half = with_order(two_parcels(), status="shipped")
    moving = replace(half.shipments[1], status="in_transit", delivered_at=None)
    assert verdict("O-K5", replace(half, shipments=(half.shipments[0], moving))) is PASS
    assert verdict("O-K5", half) is FAIL


def test_a_cancelled_unit_is_not_sold() -> None:
    """O-S2 counts what was ordered less what was cancelled."""
    over = sold(3, there=2, left=0)
    fewer = with_line(over.dossiers[0], cancelled=Decimal(1))
    assert said("O-S2", replace(over, dossiers=(fewer, *over.dossiers[1:]))).result is PASS


def test_an_edited_order_that_shows_no_rounding_has_none() -> None:
    """O-M5 takes the rounding of an edited order for nothing where the shop shows none."""
    edited = with_order(healthy(), edits=(Edit(reason="more"),), rounding=None)
    assert verdict("O-M5", edited) is PASS
    assert verdict("O-M5", with_order(edited, total=money("67.90", "EUR"))) is FAIL
