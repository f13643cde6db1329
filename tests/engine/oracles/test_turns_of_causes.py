"""Where the likely cause turns: the widest part, the last unit of a tolerance, the last digit of a rounded rate."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from assay.oracles.cause import UNKNOWN, unit_cause
from assay.records import Article, MinorAmount
from tests.engine.oracles.test_defects import again
from tests.engine.oracles.test_likely_causes import held
from tests.engine.oracles.world import (
    FAIL,
    PASS,
    READ,
    condition,
    healthy,
    judged,
    money,
    verdict,
    with_document,
    with_line,
    with_order,
    with_payment,
    with_shipment,
)


def test_the_part_that_is_most_wrong_gives_the_cause() -> None:
    """O-E2 names the component that is furthest off, not the largest one."""
    found = (condition("shipping", "4.00"), condition("tax", "0.50"))
    finding = judged("O-E2", with_document(healthy(), conditions=found, total=Decimal("54.83")))
    assert finding.expected.startswith("shipping 4.92, tax 11.15")
    assert finding.cause.startswith("shipping: ")


@pytest.mark.parametrize(("discount", "is_tax"), [("-6.01", True), ("-6.03", True), ("-6.04", False)])
def test_a_discount_with_its_tax_is_known_within_a_step_a_line(discount: str, is_tax: bool) -> None:
    """ERP-01: a step for each line and one more may lie between a discount net and gross."""
    said = judged("O-E2", held("20.83", discount)).cause
    assert ("discount: tax included" in said) is is_tax


@pytest.mark.parametrize(
    "factor",
    [Decimal("2.2046"), Decimal("0.4536"), Decimal(1000), Decimal("0.001"), Decimal(100), Decimal("0.01"),
     Decimal("2.54")],
)  # fmt: skip
def test_a_unit_is_known_within_two_per_cent_exactly(factor: Decimal) -> None:
    """Two per cent of what a unit's factor makes of a weight or length are allowed either way, and no more."""
    expected = Decimal(1_000_000)
    for edge, beyond in (("1.02", "1.0201"), ("0.98", "0.9799")):
        assert not unit_cause(expected * factor * Decimal(edge), expected).startswith(UNKNOWN)
        assert unit_cause(expected * factor * Decimal(beyond), expected).startswith(UNKNOWN)


@pytest.mark.parametrize(("seen", "by_line"), [(2490, True), (2491, False), (2290, True), (2289, False)])
def test_a_step_of_the_scale_leaves_room_for_a_cause(seen: int, by_line: bool) -> None:
    """O-K1 recognises a parcel of which lines were weighed instead of units within the carrier's step of 100 g."""
    finding = judged("O-K1", with_shipment(healthy(), weight_g=seen))
    assert (finding.cause == "lines were weighed instead of units") is by_line


@pytest.mark.parametrize(
    ("base", "price", "is_rounded"),
    [
        ("42.00", "6133", False),  # one yen beside 42 * 146
        ("42.00", "6177", False),  # 42 / 0.0068 is 6176.47
        ("20000.00", "2923977", True),  # 20000 / 0.00684, five places
        ("20000.00", "2924404", False),  # 20000 / 0.006839 would be six
    ],
)
def test_a_rounded_rate_is_known_to_half_a_step(base: str, price: str, is_rounded: bool) -> None:
    """O-M4 tries rates of up to five places, and allows half a yen."""
    articles = (Article(system="shop", sku="0018", price=money(base, "EUR"), weight_g=1900),)
    dossier = replace(with_line(healthy("JPY"), 1, unit_price=money(price, "JPY")), base_articles=articles)
    finding = judged("O-M4", dossier)
    assert (finding.result, finding.cause == "truncation: the rate was rounded before it was used") == (
        FAIL,
        is_rounded,
    )


def test_one_right_payment_does_not_excuse_another() -> None:
    """O-M3 wants every payment that was asked for to be what was shown, or all of them together."""
    dossier = again(healthy(), amount=MinorAmount(100, "EUR"), captured=MinorAmount(100, "EUR"))
    assert verdict("O-M3", dossier) is FAIL
    halves = again(
        with_payment(healthy(), amount=3345, captured=3345),
        amount=MinorAmount(3345, "EUR"),
        captured=MinorAmount(3345, "EUR"),
    )
    assert verdict("O-M3", halves) is PASS


def test_a_total_is_composed_in_what_the_gateway_charges() -> None:
    """O-M5 rounds a total in dinars to ten fils, the step Stripe charges in."""
    dossier = with_order(healthy("KWD"), shipping=money("8.253", "KWD"), tax=None)
    assert verdict("O-M5", with_order(dossier, total=money("28.700", "KWD"))) is PASS
    assert verdict("O-M5", with_order(dossier, total=money("28.703", "KWD"))) is FAIL


def test_no_discount_is_a_discount_of_nothing() -> None:
    """O-M5 composes an order that shows no discount as one without any."""
    assert verdict("O-M5", with_order(healthy(), discount=None)) is PASS


def test_payments_of_two_currencies_are_not_summed() -> None:
    """O-O3 leaves an order alone of which one payment is in another currency."""
    assert verdict("O-O3", again(healthy(), captured=MinorAmount(100, "USD"))) is PASS
    assert verdict("O-O3", again(healthy(), captured=MinorAmount(100, "EUR"))) is FAIL


def test_the_first_document_s_system_is_named() -> None:
    """O-O6 names the system of the first document where values differ."""
    dossier = healthy()
    whole = dossier.documents[0]
    first = replace(whole, reference="A1-1", lines=(replace(whole.lines[0], net=Decimal("15.80")),))
    second = replace(whole, reference="A1-2", ref="4712", lines=whole.lines[1:], system="odoo")
    assert judged("O-O6", replace(dossier, documents=(first, second))).systems == ("shop", "sap")


def test_the_first_label_too_many_is_its_carrier_s() -> None:
    """O-K4 names the carrier of the first label that was bought again."""
    base = healthy()
    extra = [replace(base.shipments[0], tracking_number=f"1Z{system}", system=system) for system in ("dhl", "ups")]
    finding = judged("O-K4", replace(base, shipments=(*base.shipments, *extra)))
    assert (finding.systems, finding.seen) == (("shop", "dhl"), "2 more: 1Zdhl, 1Zups")


def test_the_last_goods_issue_counts() -> None:
    """O-K4 gives the label its time from the youngest goods issue on, to the second."""
    bare = with_order(replace(healthy(), shipments=()), parcels=(), tracking_numbers=())
    early = bare.documents[1]
    for age_s, found in ((3600, False), (3601, True)):
        late = replace(early, ref="80000001", created_at=READ - timedelta(seconds=age_s))
        dossier = replace(bare, documents=(bare.documents[0], early, late))
        assert (verdict("O-K4", dossier) is FAIL) is found
