"""Where a verdict turns: exact limits, and each reason for which no verdict is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from assay.events import Result
from assay.records import Dossier, Edit, GatewayRefund, MinorAmount, OrderRefund
from assay.rounding import Rounding
from tests.engine.oracles.world import (
    AT,
    FAIL,
    JUDGING,
    PASS,
    READ,
    SILENT,
    call,
    change,
    creation,
    healthy,
    judged,
    message,
    money,
    rate,
    verdict,
    with_document,
    with_line,
    with_order,
    with_payment,
)


@pytest.mark.parametrize(
    ("oracle", "dossier", "reason"),
    [
        ("O-M1", lambda: with_payment(healthy(), captured=0), "nothing is captured yet"),
        ("O-M2", lambda: replace(healthy(), payments=(), documents=()), "no other system holds an amount"),
        ("O-M3", lambda: replace(healthy(), shown=()), "run.saw(place, amount)"),
        ("O-M3", lambda: replace(healthy(), shown=(("product 0017", money("9.50", "EUR")),)), "nothing to compare"),
        ("O-M3", lambda: with_payment(healthy(), captured=0, phase="open"), "nothing to compare"),
        ("O-M4", lambda: replace(healthy("JPY"), rates=()), "nobody published a rate for JPY in the 7 days"),
        (
            "O-M4",
            lambda: with_order(replace(healthy("JPY"), base_articles=()), shipping_service="ups_11"),
            "no component",
        ),
        ("O-M5", lambda: with_order(healthy(), shipping=None), "prices and tax rates"),
        ("O-M5", lambda: with_line(healthy(), 1, tax_rate=None), "prices and tax rates"),
        ("O-O2", lambda: with_payment(healthy(), refunded=6690), "no money of this order is kept"),
        ("O-O3", lambda: replace(healthy(), payments=(), creations=()), "no call that created a payment"),
        ("O-O4", lambda: with_order(healthy(), history=(change("status", "odd"),)), "how far the status 'odd' is"),
        ("O-O5", healthy, "no event about this order was delivered twice"),
        ("O-O5", lambda: replace(healthy(), unread=(("journal", "off"),)), "journal: off"),
        ("O-O6", lambda: replace(healthy(), documents=()), "holds no sales order"),
        (
            "O-O6",
            lambda: replace(with_line(healthy(), sku="SET"), base_articles=(), unread=(("catalogue", "gone"),)),
            "which of them are bundles is not known: catalogue: gone",
        ),
        ("O-O11", lambda: replace(healthy(), payments=(), bought=()), "nothing is captured"),
        ("O-O11", lambda: with_payment(healthy(), captured=669000), "O-M1 judges that"),
        ("O-S1", lambda: replace(healthy(), stock=()), "counted before and after"),
        ("O-S3", lambda: replace(healthy(), stock=()), "counted by itself"),
        (
            "O-K1",
            lambda: with_order(healthy(), parcels=(), tracking_numbers=()),
            "no parcel of this order has a weight",
        ),
        ("O-K1", lambda: replace(healthy(), base_articles=healthy().base_articles[:1]), "weight of every article"),
        ("O-K2", lambda: with_order(healthy(), address=None), "shows no address"),
        ("O-K2", lambda: replace(healthy(), labels=()), "no call that asked for a label"),
        ("O-K5", lambda: replace(healthy(), shipments=()), "holds no active parcel"),
        ("O-E2", lambda: replace(healthy(), documents=()), "holds no sales order"),
        ("O-E2", lambda: with_document(healthy(), total=None), "shows no total"),
        ("O-E2", lambda: with_line(healthy(), cancelled=Decimal(1)), "units were cancelled"),
        ("O-E3", lambda: with_document(healthy(), document_date=None), "no sales order with a date"),
        ("O-E4", lambda: replace(healthy(), documents=()), "holds no sales order"),
        ("O-E4", lambda: with_document(healthy(), texts=()), "no text of the order"),
        ("O-P1", lambda: with_payment(healthy(), phase="open"), "ever authorised"),
    ],
)
def test_why_nothing_is_said(oracle: str, dossier: Callable[[], Dossier], reason: str) -> None:
    """Where a fact is missing the oracle says which, and neither passes nor fails."""
    finding = judged(oracle, dossier())
    assert (finding.result, reason in finding.reason) == (SILENT, True), finding


@pytest.mark.parametrize(("seen", "result"), [(5740, PASS), (5741, PASS), (5739, PASS), (5742, FAIL), (5738, FAIL)])
def test_a_cancelled_share_may_be_a_unit_off(seen: int, result: Result) -> None:
    """O-M1 and O-O11 allow one minor unit for each line whose share was cancelled, and no more."""
    dossier = with_line(with_payment(healthy(), captured=seen), cancelled=Decimal(1))
    assert verdict("O-M1", dossier) is result
    assert verdict("O-O11", dossier) is result


def test_what_a_gateway_cannot_charge() -> None:
    """O-M1 fails on a total the gateway has no step for, though it was charged exactly so."""
    kwd = with_order(with_payment(healthy("KWD"), captured=28701), total=money("28.701", "KWD"))
    finding = judged("O-M1", kwd)
    assert (finding.result, "steps of 0.010" in finding.cause) == (FAIL, True)


def test_amounts_shown_before_and_after_paying() -> None:
    """O-M3 compares the last total before paying and every one after; estimates and earlier ones are left out."""
    last = ("checkout", money("66.90", "EUR"))
    assert verdict("O-M3", replace(healthy(), shown=(("cart", money("61.00", "EUR")), last))) is PASS
    assert verdict("O-M3", replace(healthy(), shown=(last, ("cart", money("61.00", "EUR"))))) is FAIL
    assert verdict("O-M3", replace(healthy(), shown=(last, ("estimate", money("61.00", "EUR"))))) is PASS
    for place in ("confirmation", "message", "mail", "account"):
        assert verdict("O-M3", replace(healthy(), shown=(last, (place, money("61.00", "EUR"))))) is FAIL
    assert verdict("O-M3", replace(healthy(), shown=(("product", money("42.00", "EUR")), last))) is PASS
    assert verdict("O-M3", replace(healthy(), shown=(("product 0018", money("9.50", "EUR")), last))) is FAIL
    assert verdict("O-M3", replace(healthy(), shown=(("product 0999", money("1.00", "EUR")), last))) is PASS


def test_a_company_currency() -> None:
    """O-M2 accepts an ERP in its declared currency where amount and code are tied by the order's rate."""
    books = replace(JUDGING, booked_currency={"sap": "EUR"})
    net = Decimal(9782 - 1631) / Decimal("146.22")
    tied = with_document(healthy("JPY"), currency="EUR", total=round(net, 2))
    assert verdict("O-M2", tied, books) is PASS
    assert verdict("O-M2", with_document(tied, total=round(net, 2) + Decimal("0.03")), books) is PASS
    assert verdict("O-M2", with_document(tied, total=round(net, 2) + Decimal("0.04")), books) is FAIL
    assert "not converted" not in judged("O-M2", tied, books).cause
    assert verdict("O-M2", with_document(tied, total=Decimal(8151)), books) is FAIL
    assert verdict("O-M2", with_order(tied, rate=None), books) is SILENT
    assert verdict("O-M2", with_document(tied, currency="JPY"), books) is FAIL
    assert verdict("O-M2", tied) is FAIL
    assert verdict("O-E2", tied, books) is SILENT


@pytest.mark.parametrize(("days", "result"), [(7, PASS), (8, SILENT)])
def test_how_old_a_rate_may_be(days: int, result: Result) -> None:
    """O-M4 takes a rate as old as declared, to the day; one published after the order's day is none."""
    old = (rate("JPY", "146.22", AT.date() - timedelta(days=days)),)
    assert verdict("O-M4", replace(healthy("JPY"), rates=old)) is result
    tomorrow = (rate("JPY", "146.22", AT.date() + timedelta(days=1)),)
    assert verdict("O-M4", replace(healthy("JPY"), rates=tomorrow)) is SILENT
    assert verdict("O-M4", replace(healthy("JPY"), rates=(rate("JPY", "146.22", AT.date()),))) is PASS


@pytest.mark.parametrize(
    ("value", "cause"),
    [("139.80", "stale"), ("0.00684", "inverse"), ("146.2", "rounded before"), ("170", "nobody published")],
)
def test_a_rate_nobody_published(value: str, cause: str) -> None:
    """O-M4 fails on a disclosed rate that is none of those published, and says what it looks like."""
    dossier = healthy("JPY")
    assert dossier.order is not None
    assert dossier.order.rate is not None
    finding = judged("O-M4", with_order(dossier, rate=replace(dossier.order.rate, value=Decimal(value))))
    assert (finding.result, cause in finding.cause) == (FAIL, True)


def test_an_edited_total_is_its_lines() -> None:
    """O-M5 adds up an order changed by an agent: what is over is the shown rounding, within a step for each edit."""
    edit = (Edit(reason="more"),)
    assert verdict("O-M5", with_order(healthy(), edits=edit)) is PASS
    assert verdict("O-M5", with_order(healthy(), edits=edit, total=money("66.91", "EUR"))) is PASS
    assert verdict("O-M5", with_order(healthy(), edits=edit, total=money("66.92", "EUR"))) is FAIL
    assert verdict("O-M5", with_order(healthy(), edits=edit * 2, total=money("66.92", "EUR"))) is PASS
    shown = with_order(healthy(), edits=edit, total=money("66.92", "EUR"), rounding=money("0.02", "EUR"))
    assert verdict("O-M5", shown) is PASS
    assert verdict("O-M5", with_line(with_order(healthy(), edits=edit), total=None)) is FAIL
    net = replace(JUDGING, rounding=Rounding(tax_included=False, level="line", mode="half_up"))
    without = with_order(healthy(), edits=edit, total=money("78.05", "EUR"), tax_included=False)
    assert verdict("O-M5", without, net) is PASS


def test_what_is_not_lost() -> None:
    """O-O2 waits for a refund on its way, a hold, and an ERP that still may take its time."""
    gone = with_order(healthy(), status="cancelled")
    waiting = GatewayRefund(ref="re_1", status="pending", amount=MinorAmount(6690, "EUR"), created_at=AT, settled=False)
    assert verdict("O-O2", with_payment(gone, refunds=(waiting,))) is SILENT
    assert verdict("O-O2", with_payment(gone, refunds=(replace(waiting, settled=True),))) is FAIL
    asked = OrderRefund(ref=None, tender_ref=None, status="queued", amount=money("66.90", "EUR"), reason="", at=AT)
    assert verdict("O-O2", with_order(gone, refunds=(asked,))) is SILENT
    assert verdict("O-O2", with_order(gone, refunds=(replace(asked, status="done"),))) is FAIL
    unbooked = with_order(replace(healthy(), documents=()), status="confirmed")
    assert verdict("O-O2", with_order(unbooked, hold="review")) is PASS
    assert verdict("O-O2", replace(unbooked, read_at=AT + timedelta(seconds=299))) is PASS
    assert verdict("O-O2", replace(unbooked, read_at=AT + timedelta(seconds=300))) is FAIL
    assert verdict("O-O1", replace(unbooked, read_at=AT + timedelta(seconds=299))) is PASS
    assert verdict("O-O1", replace(unbooked, read_at=AT + timedelta(seconds=300))) is FAIL
    assert verdict("O-O2", replace(healthy(), documents=(replace(healthy().documents[0], rejected=True),))) is FAIL


def test_several_payments_of_one_order() -> None:
    """O-O3 allows several payments up to the total, to the cent, and no stray one of the same checkout."""
    first = with_payment(healthy(), captured=3345, amount=3345)
    for more, result in ((3345, PASS), (3344, PASS), (3346, FAIL)):
        second = replace(first.payments[0], ref="pi_2", captured=MinorAmount(more, "EUR"), purpose="x")
        assert verdict("O-O3", replace(first, payments=(*first.payments, second))) is result
    given_back = replace(healthy().payments[0], ref="pi_2", refunded=MinorAmount(6690, "EUR"))
    assert verdict("O-O3", replace(healthy(), payments=(*healthy().payments, given_back))) is PASS
    stray = replace(healthy().payments[0], ref="pi_2", captured=MinorAmount(0, "EUR"), phase="authorised")
    for each, result in (
        (stray, FAIL),
        (replace(stray, phase="pending"), FAIL),
        (replace(stray, declined=True), PASS),
        (replace(stray, phase="voided"), PASS),
        (replace(stray, checkout_ref="chk_2"), PASS),
        (replace(stray, purpose="1"), PASS),
    ):
        assert verdict("O-O3", replace(healthy(), payments=(*healthy().payments, each))) is result
    only = replace(healthy(), payments=(stray,))
    assert verdict("O-O3", only) is PASS
    other = replace(healthy(), creations=(creation("k1"), creation("k2", purpose="chk_2")))
    assert verdict("O-O3", other) is PASS
    assert verdict("O-O3", replace(healthy(), creations=(creation("k1"), creation("k2", kind="refund")))) is PASS


@pytest.mark.parametrize(("age_s", "result"), [(3600, PASS), (3601, FAIL)])
def test_how_long_a_state_may_last(age_s: int, result: Result) -> None:
    """O-O4 fails on a state that outlives its declared time, to the second; a last state may stay for ever."""
    began = READ - timedelta(seconds=age_s)
    paid = change("payment_status", "paid")
    history = (paid, replace(change("status", "processing"), at=began))
    dossier = with_order(healthy(), status="processing", history=history)
    limited = replace(JUDGING, state_ttl={"processing": timedelta(hours=1), "delivered": timedelta(0)})
    assert verdict("O-O4", dossier, limited) is result
    assert verdict("O-O4", dossier) is PASS
    assert verdict("O-O4", healthy(), limited) is PASS


def test_states_that_may_follow() -> None:
    """O-O4 allows a retry after a failure, a person opening an order again, and nothing else backwards."""
    for before, after, cause, result in (
        ("failed", "pending", "", PASS),
        ("failed", "paid", "", PASS),
        ("paid", "pending", "", FAIL),
        ("paid", "pending", "chargeback", PASS),
        ("paid", "failed", "", FAIL),
        ("authorised", "pending", "", FAIL),
    ):
        changes = (change("payment_status", before), change("payment_status", after, cause=cause))
        end = change("payment_status", "paid")
        dossier = with_order(healthy(), history=(*changes, end, change("status", "delivered")))
        assert verdict("O-O4", dossier) is result, (before, after, cause)


def test_the_shop_may_be_a_little_behind() -> None:
    """O-O4 gives the shop its time after a capture, to the second."""
    behind = with_order(healthy(), payment_status="pending", history=(change("payment_status", "pending"),))
    for age_s, result in ((4, PASS), (5, FAIL)):
        dossier = replace(with_payment(behind, created_at=READ - timedelta(seconds=age_s)), read_at=READ)
        assert verdict("O-O4", dossier) is result
    unfinished = with_order(healthy(), status="pending", history=(change("status", "pending"),))
    assert verdict("O-O4", unfinished) is FAIL
    assert verdict("O-O4", with_order(unfinished, hold="review")) is PASS


def test_messages_and_their_time() -> None:
    """O-O12 wants a confirmation no earlier than the money, unless it is an invoice or declared so."""
    early = with_order(
        healthy(),
        history=(change("status", "confirmed"), change("payment_status", "paid", minutes=1)),
    )
    assert verdict("O-O12", early) is FAIL
    assert verdict("O-O12", early, replace(JUDGING, confirms_unpaid=True)) is PASS
    at_once = with_order(early, history=(change("payment_status", "authorised"), change("status", "confirmed")))
    assert verdict("O-O12", at_once) is PASS
    assert early.order is not None
    invoice = replace(early.order.tenders[0], kind="invoice")
    assert verdict("O-O12", with_order(early, tenders=(invoice,))) is PASS
    gift = replace(early.order.tenders[0], gateway="gift_card", ref="GIFT")
    assert verdict("O-O12", with_order(early, tenders=(gift,))) is PASS
    never = with_order(early, history=(change("status", "confirmed"), change("payment_status", "pending")))
    assert "never authorised" in judged("O-O12", never).seen
    unsent = replace(healthy(), messages=healthy().messages[:1])
    assert verdict("O-O12", unsent) is FAIL
    assert verdict("O-O12", replace(unsent, read_at=AT + timedelta(seconds=4))) is PASS


def test_messages_that_look_alike() -> None:
    """O-O12 allows the same text twice for two refunds or two letters, and not a third time."""
    back = message("refunded", "We returned 5.00 EUR.")
    asked = OrderRefund(ref="re", tender_ref=None, status="done", amount=money("5.00", "EUR"), reason="", at=AT)
    two = with_order(replace(healthy(), messages=(*healthy().messages, back, back)), refunds=(asked, asked))
    assert verdict("O-O12", two) is PASS
    assert verdict("O-O12", with_order(two, refunds=(asked,))) is FAIL
    assert verdict("O-O12", replace(two, messages=(*two.messages, back))) is FAIL


def test_the_end_of_an_authorisation() -> None:
    """O-P1 wants nothing open at the end of an order, once gateways had their time."""
    held = with_payment(healthy(), captured=0, phase="authorised", capturable=6690)
    assert verdict("O-P1", with_order(held, status="processing")) is PASS
    ended = change("status", "delivered", minutes=0)
    for age_s, result in ((9, PASS), (10, FAIL)):
        dossier = with_order(held, history=(replace(ended, at=READ - timedelta(seconds=age_s)),))
        assert verdict("O-P1", dossier) is result
    released = with_payment(healthy(), captured=0, phase="voided", capturable=0)
    assert verdict("O-P1", released) is FAIL
    assert verdict("O-P1", with_order(released, status="cancelled")) is PASS


def test_events_that_came_twice() -> None:
    """O-O5 counts as repeated only what was accepted twice with the same body, and compares whole states otherwise."""
    hook = call("stripe", "POST", "/hook", way="reverse", request_body="{}")
    paid = change("payment_status", "paid", minutes=1)
    assert healthy().order is not None
    again = with_order(healthy(), history=(*healthy().order.history, paid))  # type: ignore[union-attr]
    for calls, result in (
        ((hook, replace(hook, id="2")), FAIL),
        ((hook, replace(hook, id="2", request_body="[]")), SILENT),
        ((hook, replace(hook, id="2", status=409)), SILENT),
        ((hook, replace(hook, id="2", way="proxy")), SILENT),
        ((replace(hook, request_body=""), replace(hook, request_body="", id="2")), SILENT),
    ):
        assert verdict("O-O5", replace(again, calls=calls)) is result
    assert len(judged("O-O5", replace(again, calls=(hook, replace(hook, id="2")))).evidence) == 2
    assert verdict("O-O5", replace(healthy(), before_replay=healthy())) is PASS
    for changed in (
        with_order(healthy(), status="shipped"),
        with_payment(healthy(), refunded=1),
        replace(healthy(), documents=healthy().documents[:1]),
        replace(healthy(), shipments=()),
        replace(healthy(), stock=healthy().stock[:1]),
    ):
        assert verdict("O-O5", replace(changed, before_replay=healthy())) is FAIL
