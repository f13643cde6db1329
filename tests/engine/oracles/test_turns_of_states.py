"""Where states, messages and stock turn: the last news of two, refused events, and an article after one left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from assay.events import Result
from assay.records import Dossier, OrderRefund
from tests.engine.oracles.test_population import said, sold
from tests.engine.oracles.world import (
    AT,
    FAIL,
    PASS,
    SILENT,
    call,
    change,
    count,
    healthy,
    hold,
    judged,
    money,
    verdict,
    with_order,
)


def cancelled(*history: object) -> Dossier:
    """A paid order, cancelled at the end of its history though nobody asked for it."""
    return with_order(replace(healthy(), cancel_asked=False), status="cancelled", history=history)


@pytest.mark.parametrize(
    ("before", "after", "result"),
    [
        ("partially_refunded", "voided", PASS),
        ("voided", "partially_refunded", FAIL),
        ("refunded", "voided", PASS),
        ("voided", "refunded", PASS),
        ("voided", "paid", FAIL),
    ],
)
def test_a_voided_payment_is_at_its_end(before: str, after: str, result: Result) -> None:
    """O-O4 takes a voided payment to be as far as a refunded one."""
    history = (change("payment_status", before), change("payment_status", after, minutes=1))
    found = judged("O-O4", with_order(healthy(), payment_status=after, history=history))
    assert (FAIL if "late or repeated news" in found.cause else PASS) is result


def test_paid_again_later_does_not_excuse_a_cancellation() -> None:
    """O-O4 asks when an order was first paid."""
    dossier = cancelled(
        change("payment_status", "paid"),
        change("status", "cancelled", minutes=2, cause="a timer"),
        change("payment_status", "paid", minutes=5),
    )
    assert judged("O-O4", dossier).cause == "a paid order was cancelled by itself (a timer)"


def test_the_last_cancellation_is_the_one_that_counts() -> None:
    """O-O4 names instant and cause of the last of two cancellations."""
    dossier = cancelled(
        change("payment_status", "paid"),
        change("status", "cancelled", minutes=2, cause="a timer"),
        change("status", "confirmed", minutes=3, cause="reopened by a person"),
        change("status", "cancelled", minutes=4, cause="the browser came back"),
    )
    finding = judged("O-O4", dossier)
    assert finding.cause == "a paid order was cancelled by itself (the browser came back)"
    assert finding.seen == "cancelled 2026-03-02T09:04:00Z, paid"


def twice(*systems: str, status: int = 200) -> Dossier:
    """An order that was paid twice over, and events of these systems in this order."""
    hooks = tuple(
        call(system, "POST", "/hook", way="reverse", request_body="{}", status=status, id=place)
        for place, system in enumerate(systems)
    )
    order = healthy().order
    assert order is not None
    history = (*order.history, change("payment_status", "paid", minutes=1))
    return with_order(replace(healthy(), calls=hooks), history=history)


def test_the_first_repeated_event_is_its_gateway_s() -> None:
    """O-O5 names the gateway whose event came first of those that came twice."""
    assert judged("O-O5", twice("stripe", "adyen", "stripe", "adyen")).systems == ("shop", "stripe")


@pytest.mark.parametrize(("status", "result"), [(299, FAIL), (300, SILENT)])
def test_an_event_that_was_refused_has_no_effect(status: int, result: Result) -> None:
    """O-O5 counts the events that were accepted."""
    assert verdict("O-O5", twice("stripe", "stripe", status=status)) is result


def test_a_refund_made_by_a_replay_is_seen() -> None:
    """O-O5 compares refunds by their numbers before and after."""
    back = OrderRefund(ref="re_1", tender_ref=None, status="done", amount=money("5", "EUR"), reason="", at=AT)
    after = with_order(replace(healthy(), before_replay=with_order(healthy(), refunds=(back,))))
    finding = judged("O-O5", with_order(after, refunds=(back, replace(back, ref="re_2"))))
    assert (finding.result, finding.seen) == (FAIL, "refunds: ['re_1', 're_2']")


def test_the_first_missing_message_is_named() -> None:
    """O-O12 wants the confirmation first where nothing was written at all."""
    assert judged("O-O12", replace(healthy(), messages=())).expected == "a message order_confirmed"


def early(**more: object) -> Dossier:
    """A confirmation written a minute before the money was authorised."""
    history = (change("status", "confirmed"), change("payment_status", "paid", minutes=1))
    return with_order(healthy(), **{"history": history, **more})


def test_one_invoice_makes_an_early_confirmation_right() -> None:
    """O-O12 lets a confirmation go before the money where a part is paid by invoice."""
    order = early().order
    assert order is not None
    (card,) = order.tenders
    assert verdict("O-O12", early()) is FAIL
    assert verdict("O-O12", early(tenders=(card, replace(card, kind="invoice", ref="INV")))) is PASS


def test_a_shop_that_shows_no_payment_states_is_not_asked_for_them() -> None:
    """O-O12 does not call a confirmation early where the history says nothing of the money."""
    assert verdict("O-O12", early(history=(change("status", "confirmed"),))) is PASS


def test_the_first_delivery_s_system_is_named() -> None:
    """O-S1 names the system of the first delivery that the shop's movements do not fit."""
    base = healthy()
    issued = base.documents[1]
    other = replace(issued, ref="80000001", system="odoo")
    finding = judged("O-S1", replace(base, documents=(base.documents[0], issued, other)))
    assert finding.systems == ("shop", "sap")


def test_every_article_s_holds_are_looked_at() -> None:
    """O-S3 finds what is held of the second article of an order that is over, and how long the first unit is held."""
    held = (hold("0018", 1, age_s=120), hold("0018", 2, age_s=60))
    stock = (count("0017", 98), count("0018", 96, reservations=held))
    finding = judged("O-S3", replace(healthy(), stock=stock))
    assert (finding.result, finding.seen) == (FAIL, "3 held since 2026-03-07T08:58:00Z")


def test_a_delivery_that_is_not_posted_issues_nothing() -> None:
    """O-S3 wants everything held while the delivery is only planned, and S1 no movement."""
    planned = replace(healthy().documents[1], posted=False)
    base = with_order(replace(healthy(), documents=(healthy().documents[0], planned)), status="processing")
    stock = (count("0017", 100, reservations=(hold("0017", 2),)),)
    assert verdict("O-S3", replace(base, stock=stock)) is PASS
    untouched = tuple(count("0017", 100, at=at) for at in (AT, AT + timedelta(days=5)))
    assert verdict("O-S1", replace(base, stock=untouched)) is PASS


def test_an_article_on_backorder_does_not_end_the_search() -> None:
    """O-S2 goes on to the next article after one that may be sold without stock."""
    over = sold(3, there=2, left=0)
    other = [count("0001", 0, at=at, backorder=True) for at in (AT, AT + timedelta(days=5))]
    assert said("O-S2", replace(over, stock=(*other, *over.stock))).result is FAIL
