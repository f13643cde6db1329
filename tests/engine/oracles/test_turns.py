"""Which of several is named, what ends no search, and what is counted at zero: turns that a wrong judge would take."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from assay.oracles.access import scan_text
from assay.oracles.address import first_lost
from assay.records import MinorAmount
from assay.rounding import Rounding
from tests.engine.oracles.test_defects import again
from tests.engine.oracles.test_population import document, order, payment, population, said
from tests.engine.oracles.world import (
    FAIL,
    JUDGING,
    PASS,
    change,
    condition,
    count,
    healthy,
    hold,
    judged,
    message,
    money,
    parcel,
    verdict,
    with_document,
    with_line,
    with_order,
    with_payment,
    with_shipment,
)


@pytest.mark.parametrize(
    ("canary", "shown"),
    [("987", "9***"), ("Zoë van der Müller", "Z***"), ("4242424242424", "424242***2424"), ("424242424242", "4***")],
)
def test_only_a_card_number_shows_its_ends(canary: str, shown: str) -> None:
    """O-Z1 shows six and four digits of what may be a card number, and one character of anything else."""
    (trace,) = scan_text("shop.log", f"said {canary}", {canary: "canary"}).traces
    assert trace.shown == shown


def test_a_word_that_stands_twice_is_wanted_twice() -> None:
    """O-K2 does not take one word of a label for two of the address."""
    assert first_lost(["Rue Rue"], ["Rue"]) == "rue"
    assert first_lost(["Rue Rue"], ["Rue Rue"]) is None


def test_one_document_with_parts_is_held_part_by_part() -> None:
    """O-E2 holds parts against the shop's wherever a document shows some, though another document shows none."""
    base = with_document(healthy(), conditions=(condition("goods", "4.92"), condition("tax", "0.98")))
    empty = replace(base.documents[0], ref="4712", reference="A1-2", total=Decimal(0), lines=(), conditions=())
    finding = judged("O-E2", replace(base, documents=(*base.documents, empty)))
    assert (finding.result, "shipping 4.92" in finding.expected) == (FAIL, True)


def test_an_article_for_nothing_is_worth_nothing() -> None:
    """O-O6 holds a line that costs nothing against an item of no value."""
    free = with_line(healthy(), total=money("0", "EUR"), tax=money("0", "EUR"))
    items = free.documents[0].lines
    first = replace(items[0], net=Decimal(0), conditions=(condition("tax", "0"),))
    assert verdict("O-O6", with_document(free, lines=(first, *items[1:]))) is PASS
    dear = replace(first, net=Decimal("0.01"))
    assert verdict("O-O6", with_document(free, lines=(dear, *items[1:]))) is FAIL


def test_a_delivery_does_not_end_the_search_for_a_wrong_currency() -> None:
    """O-M2 looks at the sales orders that come after other documents, too."""
    base = healthy()
    foreign = replace(base.documents[0], currency="USD", total=Decimal(1))
    dossier = replace(base, documents=(base.documents[1], foreign))
    assert verdict("O-M2", dossier, replace(JUDGING, booked_currency={"sap": "USD"})) is not PASS


def test_the_first_price_of_an_article_is_named() -> None:
    """O-M3 names the first line's price where an article was bought at two and neither was shown."""
    dossier = with_line(healthy(), 1, sku="0017", unit_price=money("42.00", "EUR"))
    dossier = replace(dossier, shown=(("product 0017", money("11.11", "EUR")), *dossier.shown))
    assert judged("O-M3", dossier).seen == "9.50 EUR in the order"


def test_shipping_without_a_tax_rate_bears_no_tax() -> None:
    """O-M5 adds no tax to shipping of which the shop shows no rate."""
    net = replace(JUDGING, rounding=Rounding(tax_included=False, level="line", mode="half_up"))
    lines = healthy()
    assert lines.order is not None
    # 61.00 and 20 % of it, and 5.90.
    bare = with_order(lines, shipping_tax_rate=None, shipping_tax=None, total=money("79.10", "EUR"), tax=None)
    bare = with_order(bare, tax_included=False)
    for place, (total, tax) in enumerate((("19.00", "3.80"), ("42.00", "8.40"))):
        bare = with_line(bare, place, total=money(total, "EUR"), tax=money(tax, "EUR"))
    assert verdict("O-M5", bare, net) is PASS
    assert verdict("O-M5", with_order(bare, total=money("79.16", "EUR")), net) is FAIL


def test_the_first_stray_payment_s_gateway_is_named() -> None:
    """O-O3 names the gateway of the first payment that could still be taken."""
    none = MinorAmount(0, "EUR")
    stray = again(healthy(), phase="open", captured=none, system="adyen")
    both = replace(stray, payments=(*stray.payments, replace(stray.payments[1], system="stripe", ref="pi_3")))
    assert judged("O-O3", both).systems == ("shop", "adyen")


def test_a_cancelled_order_that_was_opened_again_is_not_cancelled() -> None:
    """O-O4 asks why an order was cancelled only of one that still is."""
    history = (
        change("payment_status", "paid"),
        change("status", "cancelled", minutes=2, cause="the browser came back"),
        change("status", "confirmed", minutes=3, cause="reopened by a person"),
    )
    dossier = with_order(replace(healthy(), cancel_asked=False), status="confirmed", history=history)
    assert verdict("O-O4", dossier) is PASS


def test_the_first_payment_that_was_kept_is_named() -> None:
    """O-O12 names the gateway and the payment first kept where a message of failure was written."""
    told = replace(healthy(), messages=(*healthy().messages, message("payment_failed", "Your bank said no.")))
    finding = judged("O-O12", again(told, system="adyen"))
    assert (finding.systems, finding.seen) == (("shop", "stripe"), "payment_failed, and pi_1 captured")


def test_an_article_nobody_bought_is_wanted_at_zero() -> None:
    """O-S3 wants nothing held of an article that is in no line, and says so where something is."""
    base = with_order(replace(healthy(), documents=()), status="processing")
    assert verdict("O-S3", replace(base, stock=(count("X-1", 100),))) is PASS
    finding = judged("O-S3", replace(base, stock=(count("X-1", 100, reservations=(hold("X-1", 1),)),)))
    assert (finding.expected, finding.seen) == ("0 of X-1 held until it ships", "1 held")


def test_exactly_half_lost_is_no_page() -> None:
    """O-O8 guesses at paging only where more than half of the orders are missing."""
    half = population(*range(1, 23), documents=tuple(document(each) for each in range(1, 12)))
    assert said("O-O8", half).cause == "records were lost or skipped on the way"


def test_the_first_doubled_payment_s_orders_are_named() -> None:
    """O-O1 names the orders of the first payment that made two."""
    orders = (order(1), order(2, payment_refs=("pi_1",)), order(3), order(4, payment_refs=("pi_3",)))
    assert said("O-O1", population(1, 2, 3, 4, orders=orders)).seen == "2 (A1, A2)"


def test_the_first_lost_payment_s_gateway_is_named() -> None:
    """O-O2 over a window names the gateway of the first payment without an order."""
    found = said("O-O2", population(1, payments=(payment(8, system="adyen"), payment(9))))
    assert found.systems == ("adyen", "shop")


@pytest.mark.parametrize(("carrier", "result"), [("in_transit", FAIL), ("created", PASS)])
def test_a_parcel_in_a_state_nobody_knows_is_nowhere(carrier: str, result: object) -> None:
    """O-K5 takes a shop's unknown word for a parcel for the very beginning."""
    dossier = with_order(healthy(), parcels=(parcel(status="mislaid"),), status="shipped")
    assert verdict("O-K5", with_shipment(with_payment(dossier), status=carrier)) is result
