"""Where books, contents and causes turn: parts nobody charged, articles that stand on one side, and equal amounts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from assay.events import Result
from assay.oracles.cause import UNKNOWN, money_cause, unit_cause
from assay.records import Article, Dossier, Line, MinorAmount
from tests.engine.oracles.test_defects import again
from tests.engine.oracles.world import (
    ADDRESS,
    FAIL,
    JUDGING,
    NUMBER,
    PASS,
    SILENT,
    condition,
    healthy,
    judged,
    money,
    parcel,
    rate,
    verdict,
    with_document,
    with_line,
    with_order,
    with_payment,
)

CENT, YEN = Decimal("0.01"), Decimal(1)


def untaxed(total: str, *header: Any, **more: Any) -> Dossier:
    """An order without tax, and its sales order with goods of 50.83 and these charges in its header."""
    order = with_order(healthy(), tax=None, shipping_tax=None, total=money(total, "EUR"), **more)
    goods = [condition("goods", "15.83"), condition("goods", "35.00")]
    lines = tuple(replace(line, conditions=(part,)) for line, part in zip(order.documents[0].lines, goods, strict=True))
    return with_document(order, lines=lines, conditions=header, total=Decimal(total))


def test_what_nobody_charged_is_nothing() -> None:
    """O-E2 takes an order that shows no tax for one of which the tax is nothing, and so with shipping."""
    freight = condition("shipping", "4.92")
    assert verdict("O-E2", untaxed("55.75", freight, shipping=money("4.92", "EUR"))) is PASS
    assert verdict("O-E2", untaxed("50.83", shipping=None)) is PASS


def in_two_systems(**more: Any) -> Dossier:
    """An order whose sales order stands in two ERPs, each with one line and no parts."""
    whole = with_document(healthy(), conditions=()).documents[0]
    first, second = (replace(line, conditions=()) for line in whole.lines)
    documents = (
        replace(whole, lines=(first,), total=Decimal("15.83"), **more),
        replace(whole, lines=(second,), total=Decimal("35.00"), reference="A1-2", system="odoo", **more),
    )
    return replace(healthy(), documents=documents)


def test_the_first_of_two_systems_is_named() -> None:
    """O-E2 and O-E4 name the system of the first document where a total or a text is wrong."""
    assert judged("O-E2", in_two_systems()).systems == ("shop", "sap")
    assert judged("O-E4", in_two_systems(texts=("nobody at all",))).systems == ("shop", "sap")


def test_a_text_that_is_not_there_lost_no_zeros() -> None:
    """O-E4 says that zeros were lost only where the rest of the text stands in the ERP."""
    text = "\n".join((ADDRESS.name, *ADDRESS.lines, "4101 Paris", "FR"))
    zip_code = with_order(healthy(), address=replace(ADDRESS, postcode="04101"))
    assert "leading zeros were lost" in judged("O-E4", with_document(zip_code, texts=(text,))).cause
    other = text.replace("4101", "9999")
    assert judged("O-E4", with_document(zip_code, texts=(other,))).cause == "the text was cut or changed on the way"


def test_equal_amounts_have_no_cause() -> None:
    """What is as it should be is no rounding and no truncation, whatever room there is."""
    assert money_cause(Decimal("9.90"), Decimal("9.90"), step=CENT).startswith(UNKNOWN)
    assert money_cause(Decimal("9.90"), Decimal("9.90"), step=CENT, units=3).startswith(UNKNOWN)
    assert unit_cause(Decimal(6), Decimal(2)).startswith(UNKNOWN)


@pytest.mark.parametrize("seen", ["302.4", "297.6", "34.4"])
def test_half_a_step_of_what_is_seen_and_no_more(seen: str) -> None:
    """A factor is not recognised beyond half a step of what is seen and half a step, times it, of what was due."""
    assert money_cause(Decimal(seen), Decimal(100), step=YEN, rate=Decimal(3)).startswith(UNKNOWN)


def test_an_article_on_one_side_stands_at_nothing_on_the_other() -> None:
    """O-O6 shows a single unit too many against none, and a single one missing."""
    dossier = healthy()
    lines = dossier.documents[0].lines
    more = judged("O-O6", with_document(dossier, lines=(*lines, Line(sku="X-1", quantity=Decimal(1)))))
    assert (more.expected, more.seen) == ("X-1 × 0", "X-1 × 1")
    fewer = judged("O-O6", with_document(dossier, lines=lines[:1]))
    assert (fewer.expected, fewer.seen) == ("0018 × 1", "0018 × 0")


@pytest.mark.parametrize("lacking", ["ref", "total", "tax"])
def test_a_line_that_lacks_something_is_not_compared(lacking: str) -> None:
    """O-O6 compares no value of a line without id, total or tax, even where an item has none either."""
    without: dict[str, Any] = {lacking: None}
    bare = with_line(healthy(), **without)
    first, *others = bare.documents[0].lines
    changed = replace(first, net=Decimal(1), ref=None if lacking == "ref" else first.ref)
    assert verdict("O-O6", with_document(bare, lines=(changed, *others))) is PASS


def test_the_youngest_published_rate_is_the_measure() -> None:
    """O-M4 names the latest of the published rates where the shop's own is none of them."""
    dossier = healthy("JPY")
    assert dossier.order is not None
    assert dossier.order.rate is not None
    odd = with_order(dossier, rate=replace(dossier.order.rate, value=Decimal(170)))
    rates = (rate("JPY", "145.00", date(2026, 2, 25)), *dossier.rates)
    assert judged("O-M4", replace(odd, rates=rates)).expected == "a published rate, 146.22 EUR/JPY the latest"


@pytest.mark.parametrize(
    ("base", "price", "markup"),
    [("42.25", "6169", "0"), ("42.25", "6168", "0"), ("42.00", "6316", "0.03")],
)
def test_a_rounded_rate_with_and_without_a_markup(base: str, price: str, markup: str) -> None:
    """O-M4 recognises 146 for 146.22 to exactly half a yen, and beyond the markup."""
    articles = (Article(system="shop", sku="0018", price=money(base, "EUR"), weight_g=1900),)
    dossier = replace(with_line(healthy("JPY"), 1, unit_price=money(price, "JPY")), base_articles=articles)
    finding = judged("O-M4", dossier, replace(JUDGING, markup=Decimal(markup)))
    assert finding.cause == "truncation: the rate was rounded before it was used"


def test_one_foreign_charge_is_another_judge_s() -> None:
    """O-M1 leaves an order alone as soon as one of its charges is in another currency."""
    both = again(healthy(), captured=MinorAmount(6690, "USD"))
    assert "O-M2 judges that" in judged("O-M1", both).reason


def test_what_was_captured_has_a_currency_of_its_own() -> None:
    """O-M2 asks the currency of what was captured, and none where nothing was."""
    wrong = judged("O-M2", with_payment(healthy(), captured=MinorAmount(6690, "USD")))
    assert (wrong.expected, wrong.seen) == ("EUR in what was captured of pi_1", "USD")
    assert verdict("O-M2", with_payment(healthy(), captured=MinorAmount(0, "USD"))) is PASS


def test_a_page_one_cent_off_was_rounded_otherwise() -> None:
    """O-M3 allows a price one rounding when it says why page and order differ."""
    shown = (("product 0018", money("41.99", "EUR")),)
    assert judged("O-M3", replace(healthy(), shown=shown)).cause == "rounding on another level or in another mode"


def test_the_first_number_on_two_parcels_is_named() -> None:
    """O-K4 names the first of two numbers that were each given twice."""
    parcels = [parcel(ref=f"shp_{place}", tracking_number=number) for place, number in enumerate((NUMBER, "1ZB") * 2)]
    assert judged("O-K4", with_order(healthy(), parcels=tuple(parcels))).seen == f"{NUMBER} twice"


def two_parcels() -> Dossier:
    """An order in two delivered parcels of two carriers, one article in each."""
    base = healthy()
    other = replace(base.shipments[0], tracking_number="1ZB", system="dhl")
    parcels = (
        parcel(contents=(("0017", 2),)),
        parcel(ref="2", tracking_number="1ZB", carrier="dhl", contents=(("0018", 1),)),
    )
    return with_order(replace(base, shipments=(*base.shipments, other)), parcels=parcels)


def test_the_first_parcel_s_carrier_is_named() -> None:
    """O-K4 and O-K5 name the carrier of the first of two parcels, where too much left or nobody saw it arrive."""
    assert judged("O-K4", with_line(two_parcels(), cancelled=Decimal(1))).systems == ("shop", "ups")
    assert judged("O-K5", with_order(two_parcels(), status="shipped")).systems == ("shop", "ups")


@pytest.mark.parametrize(
    ("changed", "result"),
    [({}, FAIL), ({"posted": False}, SILENT), ({"created_at": None}, SILENT), ({"kind": "invoice"}, SILENT)],
)
def test_a_label_is_due_after_goods_were_issued(changed: dict[str, Any], result: Result) -> None:
    """O-K4 misses a label only where a delivery was posted and its instant is known."""
    bare = with_order(replace(healthy(), shipments=()), parcels=(), tracking_numbers=())
    issued = replace(bare.documents[1], **changed)
    assert verdict("O-K4", replace(bare, documents=(bare.documents[0], issued))) is result
