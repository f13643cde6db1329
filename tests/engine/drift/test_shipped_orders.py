"""The shipped pair `orders` on the reference landscape: silent on healthy orders of all kinds, red with each defect."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from assay.roles import ShopRefused, UndoRefused
from tests.engine.drift.shipped_rig import CARD, Stage, staged, told

pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("shipped_orders")]
CURRENCIES = ("EUR", "JPY", "KWD", "USD", "GBP", "CHF")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The reference landscape, in a folder of its own."""
    with staged(tmp_path_factory.mktemp("orders")) as up:
        yield up


def trade(stage: Stage) -> list[str]:
    """Sell in every currency and way there is, and let orders be held, changed, cancelled and refunded."""
    made = [stage.buy(each, ("0018", 2), ("A-100", 3)) for each in CURRENCIES]
    member = stage.shop.register(f"{made[0]}@example.com", "Ada Member")
    made += [
        stage.buy("CHF", ("0018", 1), coupon="WELCOME10"),
        stage.buy("EUR", ("0018", 3), ("A-100", 1), coupon="FIVE"),
        stage.buy("EUR", ("0018", 1), customer=member),
        stage.buy("USD", ("SET-01", 2), ("B-200", 1), store="outlet"),
        stage.buy("EUR", ("0018", 2), country="US", region="NY", city="New York", postcode="10001"),
        stage.buy("EUR", ("A-100", 2), name="山田 太郎"),
        stage.buy("EUR", at="paypal"),
        stage.buy("GBP", at="adyen"),
    ]
    gone, taken_back, reduced, sets, longer, refunded = (
        stage.buy(each, ("0018", 3), ("SET-02", 2), coupon="WELCOME10" if each == "CHF" else None)
        for each in ("EUR", "USD", "CHF", "EUR", "JPY", "EUR")
    )
    stage.shop.cancel_order(gone, "a moment later")
    stage.rest(minutes=2)
    stage.shop.cancel_order(taken_back, "changed their mind")
    stage.shop.cancel_units(reduced, {"1": 2}, "fewer")
    stage.shop.cancel_units(sets, {"2": 1}, "fewer sets")
    stage.shop.add_lines(longer, (("B-200", 2),), reason="forgot something", payment_method=CARD)
    stage.shop.refund_order(refunded)
    return [*made, gone, taken_back, reduced, sets, longer, refunded]


def hold(stage: Stage) -> tuple[str, str]:
    """Sell twice what is held for a review; the first is released."""
    with stage.settings(review_from="1"):
        return stage.buy("EUR", ("0018", 1)), stage.buy("JPY", ("A-100", 2))


def test_healthy_orders_of_all_kinds_are_silent_around_midnight(stage: Stage) -> None:
    """Sold in six currencies, held, edited, cancelled, refunded, before and after midnight of both zones: nothing."""
    stage.night()
    sold = trade(stage)
    first, second = hold(stage)
    young = stage.compare("orders")
    assert (young["code"], young["found"]) == (0, 0), young["differences"]
    stage.rest(minutes=35)  # it is past midnight in Paris, and not in UTC
    late = [stage.buy(each) for each in ("EUR", "KWD")]
    stage.shop.release(first)
    stage.rest(minutes=1)
    around = stage.compare("orders")
    assert (around["code"], around["found"]) == (0, 0), around["differences"]
    stage.rest(minutes=70)  # past midnight in UTC, and all that was sold has had its time
    after = stage.compare("orders")
    assert (after["code"], after["found"], after["in_flight"]) == (0, 0, 0), after["differences"]
    numbers = {stage.shop.order(ref).number for ref in (*sold, first, *late)}
    never = [ref for ref in (*sold, second) if not stage.shop.order(ref).postings]
    assert after["matched"] == len(numbers) - len([ref for ref in never if ref != second])
    assert second in never
    stage.shop.release(second)
    stage.rest(hours=30)
    shipped = stage.compare("orders")
    assert (shipped["code"], shipped["matched"]) == (0, after["matched"] + 1), shipped["differences"]
    settled = stage.compare("ledger_stripe")
    assert (settled["code"], settled["in_flight"]) == (0, 0), settled["differences"]
    assert settled["matched"] > len(CURRENCIES)


@pytest.mark.full
def test_it_is_silent_while_customers_buy_and_change_their_minds(stage: Stage) -> None:
    """Compared again and again while orders are placed, cut down and cancelled: what is on its way is no finding."""
    sell(stage)
    stage.rest(minutes=20)
    before = {tuple(each["key"]) for each in stage.compare("orders")["differences"]}
    stop, open_ = threading.Event(), threading.Lock()
    sold: list[str] = []

    def trade_on() -> None:
        while not stop.is_set():
            with open_:
                sold.append(stage.buy(CURRENCIES[len(sold) % 6], ("0018", 2), ("A-100", 1)))
                with suppress(ShopRefused, UndoRefused):  # too late: it was cancelled, or has left
                    if len(sold) % 3 == 0:
                        stage.shop.cancel_units(sold[-2], {"1": 1}, "one is enough")
                    if len(sold) % 5 == 0:
                        stage.shop.cancel_order(sold[-1], "none is enough")

    with ThreadPoolExecutor(1) as pool:
        trading = pool.submit(trade_on)
        try:
            for _ in range(4):
                found = stage.compare("orders")
                news = [each for each in found["differences"] if tuple(each["key"]) not in before]
                assert (news, found["unread"]) == ([], [])
                with open_:  # time does not pass while the shop is busy
                    stage.session.pass_time(timedelta(minutes=6))
        finally:
            stop.set()
        trading.result()
    stage.rest(minutes=50)
    found = stage.compare("orders")
    assert {tuple(each["key"]) for each in found["differences"]} <= before
    assert found["matched"] > len(sold) / 2 > 5


@dataclass(frozen=True)
class Proof:
    """A defect, what shows it, and what the pair must say of it: the class, the fields, words of a sentence."""

    defect: str
    classed: str
    fields: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    happens: Callable[[Stage], Any] = lambda stage: None


def sell(stage: Stage, **more: Any) -> None:
    """Sell in three currencies."""
    for each in ("EUR", "JPY", "USD"):
        stage.buy(each, ("0018", 2), **more)


def sell_before_midnight(stage: Stage) -> None:
    """Sell when it is tomorrow in Paris and today in UTC."""
    stage.night()
    stage.rest(minutes=40)
    sell(stage)


def sell_to_a_state(stage: Stage) -> None:
    """Sell at home, so much that it is no chance, and to a state of the USA."""
    for _ in range(6):
        sell(stage)
    for each in ("USD", "EUR", "USD", "USD"):
        stage.buy(each, country="US", region="NY", city="New York", postcode="10001")


PROOFS = (
    Proof("ERP-04", "differs", frozenset({"net", "shipping_net"}), ("shipping_net",), sell),
    Proof("ERP-06", "missing", words=("country = US",), happens=sell_to_a_state),
    Proof("ERP-12", "missing", words=("missing from sap_s4hana",), happens=partial(sell, name="山田 太郎")),
    Proof("ERP-01", "differs", frozenset({"net"}), happens=partial(sell, coupon="WELCOME10")),
    Proof("ERP-02", "differs", frozenset({"net", "line_tax", "shipping_net"}), ("missing conversion",), sell),
    Proof("ERP-03", "differs", frozenset({"net"}), ("tax in or out",), sell),
    Proof("ERP-10", "differs", frozenset({"day"}), ("time zone",), sell_before_midnight),
    Proof("ORD-30", "duplicate", happens=sell),
)


@pytest.mark.parametrize(
    "proof",
    [
        pytest.param(each, id=each.defect, marks=() if not place else pytest.mark.full)
        for place, each in enumerate(PROOFS)
    ],
)
def test_a_defect_turns_it_red_and_its_end_green_again(stage: Stage, proof: Proof) -> None:
    """With the defect the class, the fields and the cause are told; what is sold without it is the same again."""
    sell(stage)
    stage.rest(minutes=20)
    before = {tuple(each["key"]) for each in stage.compare("orders")["differences"]}
    stage.switch(on=(proof.defect,))
    try:
        proof.happens(stage)
        stage.rest(minutes=50)
    finally:
        stage.switch(off=(proof.defect,))
    found = stage.compare("orders")
    found["differences"] = [each for each in found["differences"] if tuple(each["key"]) not in before]
    seen = told(found)
    sentences = "\n".join(each["sentence"] for each in found["crowds"])
    sys.stdout.write(f"{proof.defect}: {found['classes']} {found['fields']}\n{sentences}\n")
    assert found["code"] == 1
    assert proof.fields <= seen.get(proof.classed, set()), found["differences"][:3]
    assert proof.classed in seen
    assert not [word for word in proof.words if word not in sentences + str(found["differences"])]
    keys = {tuple(each["key"]) for each in found["differences"]}
    sell(stage)
    stage.rest(minutes=50)
    again = stage.compare("orders")
    assert {tuple(each["key"]) for each in again["differences"]} == before | keys, (
        "what is sold without it differs, too"
    )
