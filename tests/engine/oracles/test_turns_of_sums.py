"""Where sums turn: what counts as nothing, what is taken off and not added, and which side of two is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from assay.oracles.cause import unit_cause
from assay.records import Article, Edit, MinorAmount, UsedRate
from tests.engine.oracles.test_attempts import asked, attempt, said
from tests.engine.oracles.test_attempts import money as dinars
from tests.engine.oracles.test_defects import again
from tests.engine.oracles.test_population import said as said_of_all
from tests.engine.oracles.test_population import sold
from tests.engine.oracles.world import (
    FAIL,
    JUDGING,
    PASS,
    count,
    healthy,
    hold,
    judged,
    label,
    money,
    parcel,
    rate,
    verdict,
    with_document,
    with_line,
    with_order,
)


def test_the_last_total_shown_counts() -> None:
    """O-M1 holds what was asked against the total shown last, whatever the cart showed before."""
    shown = (("cart", dinars("9.000")), ("checkout", dinars("10.750")))
    assert said("O-M1", attempt(shown=shown, creations=(asked("10750"),))).result is PASS
    assert said("O-M1", attempt(shown=shown[::-1], creations=(asked("10750"),))).result is FAIL


def test_a_document_of_no_value_adds_nothing() -> None:
    """O-E2 adds up documents without parts of which one is worth nothing."""
    first = with_document(healthy(), conditions=(), lines=(), total=Decimal("55.75"))
    empty = replace(first.documents[0], ref="4712", reference="A1-2", total=Decimal(0))
    assert verdict("O-E2", replace(first, documents=(*first.documents, empty))) is PASS


def test_a_long_line_is_shown_in_eighty_characters() -> None:
    """O-E4 cuts the line it shows; two quotes stand around it."""
    finding = judged("O-E4", with_document(healthy(), texts=("Zoe Muller " * 20,)))
    assert (finding.result, len(finding.seen)) == (FAIL, 82)


def test_the_nearest_of_two_units_is_named() -> None:
    """A light weight that two factors fit within the carrier's step is given the nearer one."""
    assert "inches" in unit_cause(Decimal(450), Decimal(1170), step=Decimal(100))
    assert "pounds" in unit_cause(Decimal(540), Decimal(1170), step=Decimal(100))


def test_the_first_document_s_system_is_named_for_units() -> None:
    """O-O6 names the system of the first document where units differ."""
    dossier = healthy()
    first = replace(dossier.documents[0], reference="A1-1", lines=dossier.documents[0].lines[:1])
    second = replace(first, reference="A1-2", ref="4712", system="odoo")
    assert judged("O-O6", replace(dossier, documents=(first, second))).systems == ("shop", "sap")


def test_a_label_the_shop_took_back_is_not_bought_again() -> None:
    """O-K4 knows a label of a parcel that was voided in the shop and is not yet at the carrier."""
    base = healthy()
    late = replace(base.shipments[0], tracking_number="1ZOLD", status="created")
    voided = parcel(ref="shp_0", state="voided", tracking_number="1ZOLD", contents=())
    both = with_order(replace(base, shipments=(*base.shipments, late)), parcels=(parcel(), voided))
    assert verdict("O-K4", both) is PASS
    assert verdict("O-K4", with_order(both, parcels=(parcel(),))) is FAIL


def test_a_sales_order_without_a_total_holds_no_amount() -> None:
    """O-M2 asks no currency of a document that shows no amount."""
    assert verdict("O-M2", with_document(healthy(), currency="USD", total=None)) is PASS
    assert verdict("O-M2", with_document(healthy(), currency="USD")) is FAIL


def test_an_extra_charge_belongs_to_what_is_shown_after_an_edit() -> None:
    """O-M3 adds an agent's extra charge to what is shown after paying, of an edited order only."""
    five = MinorAmount(500, "EUR")
    dossier = with_order(again(healthy(), amount=five, captured=five, purpose="edit"), total=money("71.90", "EUR"))
    before, more = ("checkout", money("66.90", "EUR")), money("71.90", "EUR")
    edited = with_order(dossier, edits=(Edit(reason="one more"),))
    after = replace(edited, shown=(before, ("account", more)))
    assert verdict("O-M3", after) is PASS
    assert verdict("O-M3", replace(edited, shown=(("checkout", more),))) is FAIL
    assert verdict("O-M3", replace(after, order=dossier.order)) is FAIL


@pytest.mark.parametrize(
    ("price", "shown", "is_round"),
    [("9.55", "9.52", True), ("9.54", "9.52", False), ("10.00", "9.30", True), ("9.55", "9.55", False)],
)
def test_round_prices_of_every_step(price: str, shown: str, is_round: bool) -> None:
    """MON-39: a price rounded up to five cents, fifty or five whole ones is told."""
    dossier = replace(
        with_line(healthy(), unit_price=money(price, "EUR")), shown=(("product 0017", money(shown, "EUR")),)
    )
    assert ("a rounding rule was applied" in judged("O-M3", dossier).cause) is is_round


def test_cancelled_units_are_not_held() -> None:
    """O-S3 wants held what was ordered less what was cancelled and what was issued, and says how much."""
    base = with_order(replace(healthy(), documents=healthy().documents[:1]), status="processing")
    fewer = with_line(base, cancelled=Decimal(1))
    one, none = count("0017", 100, reservations=(hold("0017", 1),)), count("0017", 100)
    assert verdict("O-S3", replace(fewer, stock=(one,))) is PASS
    assert judged("O-S3", replace(fewer, stock=(none,))).expected == "1 of 0017 held until it ships"
    half = replace(healthy().documents[1], lines=(replace(healthy().documents[1].lines[0], quantity=Decimal(1)),))
    partly = replace(base, documents=(base.documents[0], half), stock=(none,))
    assert judged("O-S3", partly).expected == "1 of 0017 held until it ships"


def test_what_may_be_backordered_is_never_oversold() -> None:
    """O-S2 leaves out an article that was on backorder before or after."""
    over = sold(3, there=2, left=0)
    before, after = over.stock
    assert said_of_all("O-S2", over).result is FAIL
    for pair in ((replace(before, backorder=True), after), (before, replace(after, backorder=True))):
        assert said_of_all("O-S2", replace(over, stock=pair)).result is PASS


def test_an_order_that_is_gone_sells_nothing_and_gives_nothing() -> None:
    """O-S2 counts a cancelled order as nothing, not as units that came back."""
    over = sold(3, there=2, left=0)
    gone = replace(over.dossiers[0], order=replace(over.dossiers[0].order, status="cancelled"))  # type: ignore[type-var]
    lost = replace(over.dossiers[0], order=None)
    for beside in (gone, lost):
        assert said_of_all("O-S2", replace(over, dossiers=(*over.dossiers, beside))).result is FAIL


def test_the_first_parcel_s_carrier_is_named() -> None:
    """O-K1 names the first parcel's carrier where no carrier holds any yet."""
    base = with_order(
        replace(healthy(), shipments=(), labels=(label(weight=Decimal(9)), label(weight=Decimal(9)))),
        parcels=(parcel(carrier="dhl"), parcel(ref="2", carrier="ups", tracking_number="1ZB")),
    )
    assert judged("O-K1", base).systems == ("shop", "dhl")


def test_half_a_cent_of_conversion() -> None:
    """O-M4 allows half of the smallest step of a currency with decimals, and no more."""
    dollars = replace(JUDGING, base_currency="USD", shipping_services=frozenset())
    used = UsedRate(base="USD", quote="EUR", value=Decimal("0.5"), as_of=date(2026, 2, 27), source="ECB")
    articles = (
        Article(system="shop", sku="0017", price=money("19.01", "USD"), weight_g=340),
        Article(system="shop", sku="0018", price=money("84.00", "USD"), weight_g=1900),
    )
    published = replace(rate("EUR", "0.5", date(2026, 2, 27)), base="USD")
    dossier = with_order(replace(healthy(), rates=(published,), base_articles=articles), rate=used)
    assert verdict("O-M4", dossier, dollars) is PASS
    assert verdict("O-M4", with_line(dossier, unit_price=money("9.51", "EUR")), dollars) is PASS
    assert verdict("O-M4", with_line(dossier, unit_price=money("9.52", "EUR")), dollars) is FAIL
