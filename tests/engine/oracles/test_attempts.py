"""Judges of purchases that came to no order, of what customers were told, and of orders nobody paid or cancelled."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assay.events import Finding, Result
from assay.money import Money
from assay.oracles import ATTEMPT_ORACLES, ORACLES, POPULATION_ORACLES, Judging
from assay.oracles.access import scan_text
from assay.records import Attempt, Call, Creation, Dossier, MinorAmount, Parcel, Population, StateChange
from tests.engine.oracles.world import AT, FAIL, JUDGING, NUMBER, PASS, READ, SILENT, healthy, with_order

CUSTOMER = "zoe-1@example.com"


def asked(amount: str, currency: str = "kwd", **more: Any) -> Creation:
    """A call that asked the gateway for the customer's money."""
    fields: dict[str, Any] = {"system": "stripe", "kind": "payment", "key": "k", "purpose": "chk_1", "at": AT}
    return Creation(**{**fields, "status": 400, "amount": amount, "currency": currency, "customer": CUSTOMER, **more})


def attempt(**more: Any) -> Attempt:
    """A purchase of 10.750 KWD that came to no order."""
    fields: dict[str, Any] = {
        "case": "F01[kwd]",
        "customer": CUSTOMER,
        "shown": (("product J-013", money("4.000")), ("cart", money("10.750")), ("checkout", money("10.750"))),
        "read_at": READ,
    }
    return Attempt(**{**fields, **more})


def money(amount: str, currency: str = "KWD") -> Money:
    """That much money."""
    return Money.of(amount, currency)


def taken(**more: Any) -> Any:
    """A captured payment in the customer's name."""
    return replace(healthy().payments[0], customer=CUSTOMER, **more)


def event(status: int, ref: str = "pi_1") -> Call:
    """An event about a payment, delivered to the platform."""
    return Call(
        id=f"e{status}",
        at=AT,
        system="platform",
        way="reverse",
        method="POST",
        host="127.0.0.1",
        path="/webhooks/stripe",
        query="",
        status=status,
        duration_ms=3,
        refused=False,
        request_headers={},
        request_body=f'{{"object": "{ref}"}}',
        response_headers={},
        response_body="",
    )


def said(name: str, of: Attempt, judging: Judging = JUDGING) -> Finding:
    """What a judge says of an attempt."""
    return ATTEMPT_ORACLES[name](of, judging)


@pytest.mark.parametrize(
    ("sent", "cause", "risk"),
    [
        ("1075", "exponent: KWD was sent with 2 decimals, stripe counts 3", "9.675"),
        ("107500", "exponent: KWD was sent with 4 decimals, stripe counts 3", "96.750"),
        ("10750.0", "binary fraction", "10.750"),
        ("10750.000000000001", "binary fraction", "10.750"),
        ("11000", "more was asked for than the customer was shown", "0.250"),
    ],
)
def test_what_was_asked_of_the_gateway_is_held_against_what_was_shown(sent: str, cause: str, risk: str) -> None:
    """MON-02 and MON-04, refused by the gateway: O-M1 names what was asked, why it is wrong, and the money."""
    finding = said("O-M1", attempt(creations=(asked(sent),)))
    assert (finding.result, finding.at_risk) == (FAIL, money(risk))
    assert cause in finding.cause
    assert finding.sentence().startswith(f"O-M1: the purchase of {CUSTOMER} (F01[kwd]) in shop and stripe: expected ")
    assert "answered 400" in finding.seen


@pytest.mark.parametrize(
    ("creations", "shown", "result"),
    [
        ((asked("10750"),), True, PASS),
        ((asked("9000"),), True, PASS),  # the rest may be paid from elsewhere
        ((asked("10750", "eur"),), True, PASS),  # another currency is O-M2's to judge
        ((asked("10750"),), False, SILENT),
        ((asked(""),), True, SILENT),
        ((asked("1075", kind="refund"),), True, SILENT),
        ((), True, SILENT),
    ],
)
def test_a_right_amount_gives_no_alarm(creations: tuple[Creation, ...], shown: bool, result: Result) -> None:
    """A card that is declined, a part paid otherwise, or no call at all: O-M1 finds nothing wrong."""
    of = attempt(creations=creations)
    assert said("O-M1", of if shown else replace(of, shown=())).result is result


def test_a_gateway_s_own_exponent_counts() -> None:
    """MON-07: 17501 ISK are 1750100 units at Stripe."""
    shown = (("checkout", money("17501", "ISK")),)
    finding = said("O-M1", attempt(shown=shown, creations=(asked("17501", "isk"),)))
    assert "ISK was sent with 0 decimals, stripe counts 2" in finding.cause
    assert said("O-M1", attempt(shown=shown, creations=(asked("1750100", "isk"),))).result is PASS


def test_a_total_that_cannot_be_charged_is_named_where_it_was_refused() -> None:
    """10.755 KWD is no amount Stripe charges; taken all the same it is nobody's fault here."""
    shown = (("checkout", money("10.755")),)
    assert "not rounded" in said("O-M1", attempt(shown=shown, creations=(asked("10755"),))).cause
    assert said("O-M1", attempt(shown=shown, creations=(asked("10755", status=200),))).result is PASS


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ({"broken": ("500 to POST /checkout",), "calls": (event(200),)}, "500 to POST /checkout"),
        ({"calls": (event(200), event(200))}, "took 2 events about the payment (answered 200)"),
        ({"calls": (event(500),)}, "refused the gateway's events about the payment (answered 500)"),
        ({"calls": (event(200, "pi_9"),)}, "no event about the payment reached the shop"),
        ({}, "no event about the payment reached the shop"),
        ({"unread": (("journal", "no edge"),)}, "never made, or rolled back"),
    ],
)
def test_money_without_an_order_says_what_became_of_it(more: dict[str, Any], cause: str) -> None:
    """ORD-04 and ORD-09: O-O2 names payment and money, and what the customer and the gateway were answered."""
    finding = said("O-O2", attempt(payments=(taken(),), **more))
    assert finding.result is FAIL
    assert (finding.expected, finding.seen, finding.at_risk) == (
        "an order in the shop for the 66.90 EUR taken",
        "no order, pi_1 captured",
        money("66.90", "EUR"),
    )
    assert cause in finding.cause


def test_money_given_back_young_or_known_is_not_lost() -> None:
    """O-O2 is silent about money that went back, is younger than the limit, or is an order's."""
    given_back = taken(refunded=MinorAmount(6690, "EUR"))
    order = healthy().order
    assert order is not None
    for of in (
        attempt(),
        attempt(payments=(given_back,)),
        attempt(payments=(taken(created_at=READ - timedelta(seconds=9)),)),
        attempt(payments=(taken(),), orders=(replace(order, payment_refs=("pi_1",)),)),
    ):
        assert said("O-O2", of).result is SILENT
    assert said("O-O2", attempt(payments=(taken(created_at=READ - timedelta(seconds=10)),))).result is FAIL


def test_money_of_two_currencies_is_not_added_up() -> None:
    """What is at risk is left open where it is no single sum."""
    yen = taken(ref="pi_2", captured=MinorAmount(100, "JPY"))
    finding = said("O-O2", attempt(payments=(taken(), yen)))
    assert (finding.at_risk, finding.seen) == (None, "no order, pi_1, pi_2 captured")
    more = said("O-O2", attempt(payments=(taken(), taken(ref="pi_2"))))
    assert more.at_risk == money("133.80", "EUR")


def test_an_order_the_customer_was_told_of_must_be_there() -> None:
    """O-O1 counts what was confirmed against what the shop holds; a second answer about one purchase is one order."""
    finding = said("O-O1", attempt(told=("declined", "ordered", "ordered")))
    assert (finding.result, finding.expected, finding.seen) == (FAIL, "1 orders, as the customer was told", "0")
    assert finding.at_risk == money("10.750")
    assert said("O-O1", attempt(told=("declined",))).result is SILENT
    order = healthy().order
    assert order is not None
    assert said("O-O1", attempt(told=("ordered", "ordered"), intended=2, orders=(order,))).result is FAIL
    assert said("O-O1", attempt(told=("ordered",), intended=2, orders=(order,))).result is SILENT


def test_a_witness_that_could_not_be_read_leaves_it_open() -> None:
    """Without the journal O-M1 says so, without the gateway O-O2 does."""
    of = attempt(unread=(("journal", "no edge"), ("payments", "gone")))
    assert said("O-M1", of).reason == "journal: no edge"
    assert said("O-O2", of).reason == "payments: gone"


def told(*words: str) -> Dossier:
    """A healthy order whose customer heard this."""
    return replace(healthy(), told=words)


def test_the_last_word_to_the_customer_must_not_be_a_failure() -> None:
    """ORD-10: O-O12 finds a customer left with a refusal whose money is kept; a refusal on the way is none."""
    finding = ORACLES["O-O12"](told("processing", "declined"), JUDGING)
    assert finding.result is FAIL
    assert "told 'declined', and pi_1 captured" in finding.seen
    assert finding.at_risk == money("66.90", "EUR")
    for words in ((), ("declined", "ordered"), ("processing",)):
        assert ORACLES["O-O12"](told(*words), JUDGING).result is PASS
    back = replace(healthy().payments[0], refunded=MinorAmount(6690, "EUR"))
    assert ORACLES["O-O12"](replace(told("declined"), payments=(back,)), JUDGING).result is not FAIL


def unpaid(phase: str = "open", **more: Any) -> Dossier:
    """An order of which the gateway took nothing."""
    base = healthy()
    payment = replace(base.payments[0], captured=MinorAmount(0, "EUR"), phase=phase, status="requires", declined=True)
    return with_order(replace(base, payments=(payment,)), **more)


@pytest.mark.parametrize("status", ["confirmed", "processing", "shipped"])
def test_a_failed_payment_completes_no_order(status: str) -> None:
    """PAY-04: O-P2 finds an order that went on though no payment of it succeeded."""
    finding = ORACLES["O-P2"](unpaid(status=status, payment_status="paid"), JUDGING)
    assert finding.result is FAIL
    assert "a failed one completed the order" in finding.cause
    assert "confirmation written" in finding.seen
    assert finding.at_risk == money("66.90", "EUR")


@pytest.mark.parametrize("phase", ["captured", "authorised", "pending", "voided"])
def test_any_payment_on_its_way_may_complete_an_order(phase: str) -> None:
    """O-P2 passes where the money was taken, is held, is with the bank, or was let go on purpose."""
    assert ORACLES["O-P2"](unpaid(phase, status="confirmed", payment_status="paid"), JUDGING).result is PASS


@pytest.mark.parametrize("status", ["pending", "held", "cancelled"])
def test_an_order_that_waits_for_its_payment_is_right(status: str) -> None:
    """O-P2 passes where an unpaid order waits or was cancelled, and fails where it says it is paid."""
    assert ORACLES["O-P2"](unpaid(status=status, payment_status="failed"), JUDGING).result is PASS
    assert ORACLES["O-P2"](unpaid(status=status, payment_status="paid"), JUDGING).result is FAIL


def test_an_order_without_a_gateway_is_not_judged() -> None:
    """O-P2 says nothing of invoices and gift cards."""
    assert ORACLES["O-P2"](replace(healthy(), payments=()), JUDGING).result is SILENT


def cancelled(asked: bool | None, cause: str = "the browser came back", **more: Any) -> Dossier:
    """A paid order that was cancelled two minutes later and refunded."""
    history = (
        StateChange(field="payment_status", value="paid", at=AT, cause="placed"),
        StateChange(field="status", value="confirmed", at=AT),
        StateChange(field="status", value="cancelled", at=AT + timedelta(minutes=2), cause=cause),
    )
    base = replace(healthy(), cancel_asked=asked)
    return with_order(base, **{"status": "cancelled", "payment_status": "paid", "history": history, **more})


def test_a_paid_order_nobody_cancelled_goes_on() -> None:
    """PAY-06: O-O4 finds a paid order cancelled by itself, by its own cause; asked for or unknown it is silent."""
    finding = ORACLES["O-O4"](cancelled(False), JUDGING)
    assert finding.result is FAIL
    assert "cancelled by itself (the browser came back)" in finding.cause
    for wanted in (True, None):
        assert ORACLES["O-O4"](cancelled(wanted), JUDGING).result is PASS
    assert "no cause given" in ORACLES["O-O4"](cancelled(False, ""), JUDGING).cause


def test_an_order_held_back_may_be_cancelled() -> None:
    """A review that finds fraud cancels a paid order by right; so does what ended before it was paid."""
    assert ORACLES["O-O4"](cancelled(False, hold="review"), JUDGING).result is PASS
    order = cancelled(False).order
    assert order is not None
    late = (*order.history[1:], replace(order.history[0], at=AT + timedelta(minutes=3)))
    assert "by itself" not in ORACLES["O-O4"](cancelled(False, history=late), JUDGING).cause


def test_logs_are_searched_for_all_orders_together() -> None:
    """SEC-01: O-Z1 over a set of orders names the log and what stands in it, masked; no log is not evaluated."""
    span = Population(since=AT, until=READ)
    assert POPULATION_ORACLES["O-Z1"](span, JUDGING).result is SILENT
    clean = scan_text("shop.log", "4242…4242 paid", {})
    assert POPULATION_ORACLES["O-Z1"](replace(span, scans=(clean,)), JUDGING).result is PASS
    leak = scan_text("shop.log", "code 4242 4242 4242 4242", {})
    finding = POPULATION_ORACLES["O-Z1"](replace(span, scans=(clean, leak)), JUDGING)
    assert (finding.result, finding.expected) == (FAIL, "no card data in shop.log")
    assert finding.seen == "card number 424242******4242"


def test_a_shop_that_shows_numbers_and_no_parcels_is_judged_by_them() -> None:
    """O-K4 takes a shop's tracking numbers for its active labels where it shows no parcels."""
    plain = with_order(healthy(), parcels=())
    assert plain.order is not None
    assert plain.order.tracking_numbers == (NUMBER,)
    assert ORACLES["O-K4"](plain, JUDGING).result is PASS
    extra = replace(plain.shipments[0], tracking_number="1ZOTHER")
    assert "1 more: 1ZOTHER" in ORACLES["O-K4"](replace(plain, shipments=(*plain.shipments, extra)), JUDGING).seen
    none = with_order(replace(plain, shipments=()), tracking_numbers=())
    assert ORACLES["O-K4"](none, JUDGING).result is FAIL
    parcels: tuple[Parcel, ...] = ()
    assert ORACLES["O-K5"](with_order(plain, parcels=parcels), JUDGING).reason.startswith("the shop shows no parcels")


def test_a_log_is_called_by_its_own_name() -> None:
    """A finding over logs says so, instead of counting orders."""
    leak = scan_text("shop.log", "4242424242424242", {})
    finding = POPULATION_ORACLES["O-Z1"](Population(since=AT, until=READ, scans=(leak,)), JUDGING)
    assert finding.sentence().startswith("O-Z1: the platform's logs in shop: expected no card data in shop.log")
