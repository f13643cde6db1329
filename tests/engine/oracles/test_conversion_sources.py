"""O-M4 beyond prices and shipping: promotions, stores with markups and sources of their own, the margin to leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from assay.events import Result
from assay.oracles import Judging
from assay.oracles.judging import Coupon
from assay.records import Dossier
from assay.rounding import Rounding
from tests.engine.oracles.world import FAIL, JUDGING, PASS, SILENT, healthy, judged, money, rate, with_line, with_order

FIVE = replace(JUDGING, coupons={"FIVE": Coupon(kind="fixed", value=Decimal("5.00"))})
FRIDAY = date(2026, 2, 27)


def with_coupon(discount: str) -> Dossier:
    """An order in yen with a coupon of 5 EUR: 731.1 yen."""
    goods = money("8919", "JPY")
    return with_order(healthy("JPY"), coupon="FIVE", discount=money(discount, "JPY"), goods=goods)


@pytest.mark.parametrize(
    ("discount", "cause"),
    [
        ("731", None),
        ("730", "truncation"),
        ("732", "rounding on another level"),
        ("5", "not converted (none)"),
        ("106902", None),  # more than the goods cost: no coupon says that
        ("0", None),
        ("8918", "no known pattern"),
    ],
)
def test_a_promotion_is_converted_once(discount: str, cause: str | None) -> None:
    """MON-34: O-M4 converts a fixed coupon like a price, to half a step; what the goods limit says nothing."""
    finding = judged("O-M4", with_coupon(discount), FIVE)
    assert finding.result is (PASS if cause is None else FAIL)
    assert cause is None or (cause in finding.cause and "discount of coupon FIVE" in finding.expected)


@pytest.mark.parametrize(
    "coupon",
    [
        Coupon(kind="percent", value=Decimal(10)),
        Coupon(kind="fixed", value=Decimal(5), values={"JPY": Decimal(700)}),
    ],
)
def test_a_promotion_that_is_not_converted(coupon: Coupon) -> None:
    """O-M4 leaves out per cent, and a coupon with a value of its own in the currency: O-M11 judges these."""
    assert judged("O-M4", with_coupon("700"), replace(JUDGING, coupons={"FIVE": coupon})).result is PASS


def test_shipping_may_bear_the_markup_or_not() -> None:
    """O-M4 takes a markup on articles for one that shipping may have or not."""
    dossier = with_line(
        with_line(healthy("JPY"), 0, unit_price=money("1528", "JPY")), 1, unit_price=money("6755", "JPY")
    )
    marked_up = replace(JUDGING, markup=Decimal("0.10"))
    assert judged("O-M4", dossier, marked_up).result is PASS
    assert judged("O-M4", with_order(dossier, shipping=money("949", "JPY")), marked_up).result is PASS
    assert judged("O-M4", with_order(dossier, shipping=money("900", "JPY")), marked_up).result is FAIL


def test_a_store_has_a_markup_of_its_own() -> None:
    """O-M4 adds the markup of the store an order was placed in."""
    dossier = with_line(
        with_line(healthy("JPY"), 0, unit_price=money("1528", "JPY")), 1, unit_price=money("6755", "JPY")
    )
    stores = replace(JUDGING, markups={"world": Decimal("0.10")})
    assert judged("O-M4", with_order(dossier, store="world"), stores).result is PASS
    assert judged("O-M4", with_order(dossier, store="main"), stores).result is FAIL
    assert judged("O-M4", with_order(healthy("JPY"), store="main"), stores).result is PASS


def two_sources(value: str = "146.22") -> Dossier:
    """An order at the ECB's rate, with Frankfurter's of the same day beside it."""
    other = replace(rate("JPY", "146.90", FRIDAY), system="frankfurter")
    dossier = healthy("JPY")
    assert dossier.order is not None
    assert dossier.order.rate is not None
    return with_order(
        replace(dossier, rates=(*dossier.rates, other)), rate=replace(dossier.order.rate, value=Decimal(value))
    )


@pytest.mark.parametrize(
    ("judging", "value", "result"),
    [
        (JUDGING, "146.22", PASS),  # the order names the ECB
        (JUDGING, "146.90", FAIL),
        (replace(JUDGING, rate_source="ecb"), "146.22", PASS),
        (replace(JUDGING, rate_source="frankfurter"), "146.22", FAIL),
        (replace(JUDGING, rate_sources={"main": "frankfurter"}), "146.22", FAIL),
        (replace(JUDGING, rate_sources={"outlet": "frankfurter"}), "146.22", PASS),
        (replace(JUDGING, rate_source="nobody"), "146.22", SILENT),
    ],
)
def test_whose_rates_count(judging: Judging, value: str, result: Result) -> None:
    """O-M4 takes the rates of the declared source of the store, else of the one the order names."""
    finding = judged("O-M4", with_order(two_sources(value), store="main"), judging)
    assert finding.result is result
    assert ("policies.rates.source" in finding.reason) is (result is SILENT)


def test_an_order_that_names_no_source_may_use_any() -> None:
    """O-M4 takes every publisher where neither profile nor order names one."""
    dossier = two_sources("146.90")
    assert dossier.order is not None
    assert dossier.order.rate is not None
    nameless = with_order(dossier, rate=replace(dossier.order.rate, source="bank"))
    pages = [money("1396", "JPY"), money("6170", "JPY")]
    for place, price in enumerate(pages):
        nameless = with_line(nameless, place, unit_price=price)
    assert judged("O-M4", with_order(nameless, shipping=money("867", "JPY"))).result is PASS


@pytest.mark.parametrize(("cost", "result"), [("8.63", PASS), ("8.64", FAIL)])
def test_no_price_falls_below_the_margin(cost: str, result: Result) -> None:
    """O-M4 holds a price against the cost, the margin and the rate: 1388.5 yen is the least of 1389 that fits."""
    # 8.63 x 1.1 x 146.22 = 1388.1; 8.64: 1389.7.
    guarded = replace(JUDGING, margin_floor=Decimal("0.10"), costs={"0017": Decimal(cost)})
    finding = judged("O-M4", healthy("JPY"), guarded)
    assert finding.result is result
    assert ("margin was not guarded" in finding.cause) is (result is FAIL)
    assert judged("O-M4", healthy("JPY"), replace(guarded, margin_floor=None)).result is PASS


def test_a_stale_rate_names_its_day() -> None:
    """MON-25: O-M4 says of which day the rate was that the order discloses."""
    assert judged("O-M4", two_sources("139.80")).cause == "stale: a rate of 2026-02-10, published too long ago"


@pytest.mark.parametrize(("price", "result"), [("6142", FAIL), ("6141", PASS), ("6140", FAIL)])
def test_a_shop_that_cuts_off(price: str, result: Result) -> None:
    """O-M4 and O-M10 let a shop that is declared to cut off miss less than a whole step: 6141.24 is 6141."""
    down = replace(JUDGING, rounding=Rounding(tax_included=True, level="line", mode="down"))
    dossier = with_line(healthy("JPY"), 1, unit_price=money(price, "JPY"))
    assert judged("O-M4", dossier, down).result is result
    # 9.50 at 146.22 is 1389.09; at 147.10 it is 1397.45, 42.00 is 6178.2, and 5.90 is 867.89.
    dear = replace(healthy("JPY"), rates=(rate("JPY", "147.10", FRIDAY),))
    assert dear.order is not None
    assert dear.order.rate is not None
    used = replace(dear.order.rate, value=Decimal("147.10"), label="1 EUR = 147.10 JPY")
    dear = with_line(with_line(dear, 0, unit_price=money("1397", "JPY")), 1, unit_price=money("6178", "JPY"))
    dear = with_order(dear, rate=used, shipping=money("867", "JPY"))
    assert (judged("O-M4", dear, down).result, judged("O-M4", dear).result) == (PASS, FAIL)
    cut = with_line(dear, 0, unit_price=money("1396", "JPY"))
    assert judged("O-M4", cut, down).result is FAIL
    assert judged("O-M10", dear, down).result is PASS
    assert judged("O-M10", cut, down).result is FAIL
