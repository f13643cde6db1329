"""Which likely cause a finding names, where two could be meant."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from assay.records import Dossier
from tests.engine.oracles.world import condition, healthy, judged, money, with_line, with_order


def rate_of(day: date, value: str) -> Dossier:
    """An order in yen at a rate of that day."""
    order = healthy("JPY").order
    assert order is not None
    assert order.rate is not None
    return with_order(healthy("JPY"), rate=replace(order.rate, value=Decimal(value), as_of=day))


def test_an_old_rate_is_told_by_its_day() -> None:
    """MON-24: a rate older than the profile allows says that rates are not fetched any more; a young one does not."""
    assert judged("O-M4", rate_of(date(2025, 5, 9), "131.05")).cause == (
        "stale: the shop's rates are of 2025-05-09, they are not fetched any more"
    )
    assert judged("O-M4", rate_of(date(2026, 2, 23), "131.05")).cause == "nobody published this rate"
    assert "not fetched" in judged("O-M4", rate_of(date(2026, 2, 22), "131.05")).cause


@pytest.mark.parametrize(
    ("price", "cause"),
    [
        ("6176", "truncation: the rate was rounded before it was used"),  # 42 / 0.0068
        ("6132", "truncation: the rate was rounded before it was used"),  # 42 * 146
        ("5872", "stale: converted at another day's rate"),
    ],
)
def test_a_rounded_rate_is_told_from_another_day_s(price: str, cause: str) -> None:
    """MON-29: an amount that fits the rate or its inverse with fewer digits says so."""
    assert judged("O-M4", with_line(healthy("JPY"), 1, unit_price=money(price, "JPY"))).cause == cause


@pytest.mark.parametrize(
    ("shown", "is_round"),
    [("9.25", True), ("9.46", True), ("9.01", True), ("9.00", False), ("9.60", False)],
)
def test_a_price_that_became_a_round_one_says_so(shown: str, is_round: bool) -> None:
    """MON-39: 9.50 in the order for 9.25 on the page is a rounding rule; from a round price, or down, it is none."""
    found = judged("O-M3", replace(healthy(), shown=(("product 0017", money(shown, "EUR")), *healthy().shown)))
    assert ("a rounding rule was applied" in found.cause) is is_round


def held(goods: str, discount: str, other: str = "35.00") -> Dossier:
    """The healthy order with a coupon of 6.00, as the ERP holds its first line's goods and discount, and the other."""
    base = healthy()
    order, document = base.order, base.documents[0]
    assert order is not None
    first = (condition("goods", goods), condition("discount", discount), condition("tax", "3.17"))
    second = (condition("goods", other), condition("tax", "7.00"))
    nets = (Decimal(goods) + Decimal(discount), Decimal(other))
    lines = tuple(
        replace(line, net=net, conditions=parts)
        for line, net, parts in zip(document.lines, nets, (first, second), strict=True)
    )
    total = (document.total or Decimal(0)) + sum(nets) - sum((line.net or Decimal(0)) for line in document.lines)
    changed = replace(document, lines=lines, total=total)
    return replace(base, documents=(changed, *base.documents[1:]))


@pytest.mark.parametrize(
    ("goods", "discount", "other", "cause"),
    [
        ("20.83", "-6.00", "35.00", "discount: tax included and excluded were mixed up"),  # 5.00 net
        ("25.00", "-5.00", "42.00", "goods: tax included and excluded were mixed up"),  # 20.83 and 35.00 net
        ("20.83", "-2.00", "35.00", "goods less discount: "),
    ],
)
def test_goods_and_discount_are_told_apart(goods: str, discount: str, other: str, cause: str) -> None:
    """ERP-01 and ERP-03: which of the two stands in the ERP with its tax is named."""
    assert judged("O-E2", held(goods, discount, other)).cause.startswith(cause)


def test_a_parcel_with_what_was_cancelled_says_so() -> None:
    """ORD-26: a parcel that weighs what was ordered at first holds what nobody wants any more."""
    found = judged("O-K1", with_line(healthy(), cancelled=Decimal(1)))
    assert found.cause == "the parcel holds what was ordered, not what is still wanted"
