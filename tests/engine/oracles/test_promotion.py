"""O-M11 and O-M12: coupons, thresholds, credit and figures in several currencies."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from assay.events import Finding, Result
from assay.oracles import POPULATION_ORACLES, UNDECLARED, Judging
from assay.oracles.judging import Coupon
from assay.records import CreditMovement, Dossier, Edit, Figure, Order, Population, Tender
from assay.rounding import Rounding
from tests.engine.oracles import world
from tests.engine.oracles.world import (
    AT,
    FAIL,
    PASS,
    READ,
    SILENT,
    healthy,
    judged,
    money,
    with_line,
    with_order,
)

JUDGING = replace(world.JUDGING, free_shipping_from=None)


def declared(*, judging: Judging = JUDGING, free_from: str | None = None, **coupon: Any) -> Judging:
    """What is judged with, with a coupon FIVE of 5 EUR unless told otherwise."""
    fields: dict[str, Any] = {"kind": "fixed", "value": Decimal("5.00"), **coupon}
    least = Decimal(free_from) if free_from else None
    return replace(judging, coupons={"FIVE": Coupon(**fields)}, free_shipping_from=least)


def taken_off(discount: str, currency: str = "JPY", **more: Any) -> Dossier:
    """An order with coupon FIVE and that discount: goods of 61.00 EUR or 8919 yen or 20.450 dinars."""
    goods = {"EUR": "61.00", "JPY": "8919", "KWD": "20.450"}[currency]
    fields = {"coupon": "FIVE", "discount": money(discount, currency), "goods": money(goods, currency)}
    return with_order(healthy(currency), **{**fields, **more})


@pytest.mark.parametrize(
    ("dossier", "coupon", "result", "words"),
    [
        (taken_off("731"), {}, PASS, ""),
        (taken_off("5"), {}, FAIL, "not converted (none)"),  # MON-34
        (taken_off("0"), {}, FAIL, "the promotion was not applied"),
        (taken_off("732"), {}, FAIL, "rounding on another level"),
        (taken_off("5.00", "EUR"), {}, PASS, ""),
        (taken_off("5.01", "EUR"), {}, FAIL, "rounding on another level"),
        (taken_off("700"), {"values": {"JPY": Decimal(700)}}, PASS, ""),
        (taken_off("731"), {"values": {"JPY": Decimal(700)}}, FAIL, "no known pattern"),
        (taken_off("8919"), {"value": Decimal(80)}, PASS, ""),  # never more than the goods
        (taken_off("0.000", "KWD"), {}, PASS, ""),  # not offered where it has no value
        (taken_off("5.000", "KWD"), {}, FAIL, "it is not offered there"),
        (taken_off("1.700", "KWD"), {"values": {"KWD": Decimal("1.700")}}, PASS, ""),
        (taken_off("892"), {"kind": "percent", "value": Decimal(10)}, PASS, ""),
        (taken_off("893"), {"kind": "percent", "value": Decimal(10)}, FAIL, "no known pattern"),
        (taken_off("2.045", "KWD"), {"kind": "percent", "value": Decimal(10)}, PASS, ""),
        (taken_off("731"), {"goods_from": Decimal("61.00")}, PASS, ""),
        (taken_off("0"), {"goods_from": Decimal("61.01")}, PASS, ""),
        (taken_off("5.00", "EUR"), {"goods_from": Decimal("61.005")}, PASS, ""),  # half a step below counts as reached
        (taken_off("731"), {"goods_from": Decimal("61.01")}, FAIL, "not converted (none): the threshold's number"),
        (taken_off("5.00", "EUR"), {"goods_from": Decimal("61.01")}, FAIL, "granted below the threshold"),
        (taken_off("0"), {"goods_from": Decimal("61.00")}, FAIL, "not applied"),
        (taken_off("731"), {"goods_from": Decimal(1), "goods_from_by_currency": {"JPY": Decimal(8920)}}, FAIL, "none"),
        (taken_off("731"), {"goods_from": Decimal(1), "goods_from_by_currency": {"JPY": Decimal(8919)}}, PASS, ""),
        (taken_off("0.000", "KWD"), {"goods_from": Decimal(1), "kind": "percent"}, PASS, ""),
        (taken_off("1.000", "KWD"), {"goods_from": Decimal(1), "kind": "percent"}, FAIL, "not offered there"),
    ],
)
def test_a_coupon_is_worth_the_same(dossier: Dossier, coupon: dict[str, Any], result: Result, words: str) -> None:
    """MON-34: O-M11 holds a discount against the declared value, converted or of the currency, to half a step."""
    finding = judged("O-M11", dossier, declared(**coupon))
    assert (finding.result, words in finding.cause) == (result, True), finding


def test_rounding_of_a_discount() -> None:
    """O-M11 lets a shop that cuts off give up to a step less, and lets per cent be rounded line by line."""
    down = replace(JUDGING, rounding=Rounding(tax_included=True, level="line", mode="down"))
    ten: dict[str, Any] = {"kind": "percent", "value": Decimal("10.01")}  # 892.79
    assert judged("O-M11", taken_off("892"), declared(judging=down, **ten)).result is PASS
    assert judged("O-M11", taken_off("892"), declared(**ten)).result is PASS
    one = with_order(taken_off("892"), lines=healthy("JPY").order.lines[:1])  # type: ignore[union-attr]
    assert judged("O-M11", one, declared(**ten)).result is FAIL


def test_a_markup_may_be_on_benefits_or_not() -> None:
    """O-M11 converts what is given away with the markup on prices, or without."""
    marked_up = replace(JUDGING, markup=Decimal("0.10"))
    for discount, result in (("731", PASS), ("804", PASS), ("770", FAIL)):
        assert judged("O-M11", taken_off(discount), declared(judging=marked_up)).result is result


def test_what_cannot_be_said_of_a_coupon() -> None:
    """O-M11 names the line that is missing, and what the shop does not show; an agent's edit is another matter."""
    assert "policies.promotions.coupons.FIVE" in judged("O-M11", taken_off("731"), JUDGING).reason
    assert "policies.promotions in the profile" in judged("O-M11", healthy(), JUDGING).reason
    assert "policies.promotions in the profile" in judged("O-M11", healthy(), UNDECLARED).reason
    plain = declared()
    assert "no coupon" in judged("O-M11", healthy(), plain).reason
    assert judged("O-M11", with_order(taken_off("731"), discount=None), plain).result is SILENT
    unpriced = with_line(with_order(taken_off("731"), goods=None), unit_price=None)
    assert judged("O-M11", unpriced, plain).result is SILENT
    assert judged("O-M11", with_order(taken_off("731"), goods=None), plain).result is PASS
    assert judged("O-M11", taken_off("5", edits=(Edit(reason="more"),)), plain).result is SILENT


def goods(worth: str, shipping: str, currency: str = "EUR", **more: Any) -> Dossier:
    """An order of goods of that worth and what sending it cost."""
    return with_order(healthy(currency), goods=money(worth, currency), shipping=money(shipping, currency), **more)


@pytest.mark.parametrize(
    ("dossier", "result", "words"),
    [
        (goods("150.00", "0.00"), PASS, ""),
        (goods("149.99", "0.00"), FAIL, "granted below the threshold"),
        (goods("149.99", "5.90"), PASS, ""),
        (goods("150.00", "5.90"), PASS, ""),  # half a step may be either
        (goods("150.01", "5.90"), FAIL, "free shipping was not granted"),
        (goods("155.00", "0.00", discount=money("5.01", "EUR")), FAIL, "granted below"),
        (goods("21933", "0", "JPY"), PASS, ""),
        (goods("21932", "0", "JPY"), FAIL, "not converted (none)"),  # MON-33
        (goods("200", "0", "JPY"), FAIL, "not converted (none)"),
        (goods("150", "0", "JPY"), FAIL, "not converted (none)"),
        (goods("149", "0", "JPY"), FAIL, "granted below"),
        (goods("21932", "863", "JPY"), PASS, ""),
        (goods("21934", "863", "JPY"), FAIL, "double"),
        (goods("3300000", "863", "JPY"), FAIL, "not granted"),
        (goods("20.450", "8.250", "KWD"), SILENT, ""),
        (goods("150.00", "0.00", shipping_service="ups_11"), SILENT, ""),
        (goods("10.00", "0.00", shipping_service="ups_11"), SILENT, ""),
        (goods("10.00", "0.00", edits=(Edit(reason="less"),)), SILENT, ""),
    ],
)
def test_free_shipping_from_the_same_worth(dossier: Dossier, result: Result, words: str) -> None:
    """MON-33: O-M11 holds free shipping against the threshold in the order's currency, to the minor unit."""
    finding = judged("O-M11", dossier, replace(JUDGING, free_shipping_from=Decimal(150)))
    assert (finding.result, words in finding.cause) == (result, True), finding


def test_a_threshold_of_the_currency() -> None:
    """O-M11 takes a threshold that is declared for a currency instead of the converted one."""
    own = replace(JUDGING, free_shipping={"JPY": Decimal(20000)})
    assert judged("O-M11", goods("20000", "0", "JPY"), own).result is PASS
    assert judged("O-M11", goods("19999", "0", "JPY"), own).result is FAIL
    assert judged("O-M11", goods("200.00", "5.90"), own).result is SILENT
    free = replace(own, shipping_prices=(Decimal(0), Decimal("5.90")))
    assert judged("O-M11", goods("19999", "0", "JPY"), free).result is SILENT


def paid_by_credit(*moved: str, held: str = "20.00", refunded: str = "0.00", **more: Any) -> Dossier:
    """An order of which store credit paid a part, and what moved on the customer's credit."""
    order = healthy().order
    assert order is not None
    credit = Tender(
        gateway="store_credit", kind="store_credit", ref=None, status="succeeded", amount=money(held, "EUR"),
        captured=money(held, "EUR"), refunded=money(refunded, "EUR"),
    )  # fmt: skip
    movements = tuple(
        CreditMovement(amount=money(amount, code), order_ref="ord_1", at=AT)
        for amount, _, code in (each.partition(" ") for each in moved)
    )
    dossier = with_order(healthy(), tenders=(credit, order.tenders[0]))
    return replace(dossier, credit=movements, **more)


@pytest.mark.parametrize(
    ("dossier", "result", "words"),
    [
        (paid_by_credit("-20.00 EUR"), PASS, ""),
        (paid_by_credit("-12.00 EUR", "-8.00 EUR"), PASS, ""),
        (paid_by_credit("-20.00 EUR", "5.00 EUR", refunded="5.00"), PASS, ""),
        (paid_by_credit("-12.00 EUR", "-8.00 USD"), FAIL, "wallets of several currencies"),  # MON-35
        (paid_by_credit("-20.01 EUR"), FAIL, "not what the order holds"),
        (paid_by_credit("-2.00 EUR"), FAIL, "exponent"),
        (paid_by_credit("-20.00 EUR", "5.00 EUR"), FAIL, "nothing was expected"),
        (paid_by_credit("-20.00 EUR", refunded="5.00"), FAIL, "not what the order holds"),
        (paid_by_credit(), FAIL, "not what the order holds"),
        (paid_by_credit(unread=(("credit", "no such verb"),)), SILENT, ""),
    ],
)
def test_credit_pays_in_its_own_currency(dossier: Dossier, result: Result, words: str) -> None:
    """MON-35: O-M11 holds the customer's credit against the tender, and lets no other currency pay."""
    finding = judged("O-M11", dossier)
    assert (finding.result, words in finding.cause) == (result, True), finding
    if "USD" in finding.seen:
        assert finding.at_risk == money("8.00", "USD")


def ordered(number: int, currency: str = "EUR", **more: Any) -> Order:
    """An order of 66.90 EUR or 9782 yen in the window."""
    base = healthy(currency).order
    assert base is not None
    return replace(base, **{"ref": f"ord_{number}", "number": f"A{number}", "tenders": (), **more})


def population(*orders: Order, **more: Any) -> Population:
    """A window with these orders."""
    span = {"since": AT - timedelta(hours=1), "until": AT + timedelta(hours=1), "read_at": READ}
    return Population(**{**span, "orders": orders, **more})


def said(name: str, of: Population, judging: Judging = JUDGING) -> Finding:
    """What an oracle says of a set of orders."""
    return POPULATION_ORACLES[name](of, judging)


def test_a_limit_is_kept_by_all_customers_together() -> None:
    """ORD-32: O-M11 counts the orders of a coupon with a limit, cancelled ones left out."""
    once = declared(limit=1)
    one, two = ordered(1, coupon="FIVE"), ordered(2, coupon="FIVE")
    assert said("O-M11", population(one, ordered(3)), once).result is PASS
    finding = said("O-M11", population(one, two), once)
    assert (finding.result, finding.seen) == (FAIL, "2: A1, A2")
    assert said("O-M11", population(one, replace(two, status="cancelled")), once).result is PASS
    assert said("O-M11", population(one, dossiers=(Dossier(order=two),)), once).result is FAIL
    assert said("O-M11", population(one, dossiers=(Dossier(order=one), Dossier(order=None))), once).result is PASS
    assert said("O-M11", population(one, two), declared(limit=2)).result is PASS
    assert "no order has a coupon" in said("O-M11", population(ordered(3)), once).reason
    assert "no coupon with a limit" in said("O-M11", population(one, two), declared()).reason


def figure(total: str, currency: str = "EUR", *parts: str) -> Figure:
    """A figure of the window."""
    return Figure(
        system="shop", name="revenue", total=money(total, currency), since=AT - timedelta(hours=1),
        until=AT + timedelta(hours=1), per_currency=tuple(money(*part.split()) for part in parts),
    )  # fmt: skip


ORDERS = (ordered(1), ordered(2), ordered(3, "JPY"), ordered(4, "JPY", status="cancelled"))


@pytest.mark.parametrize(
    ("told", "result"),
    [
        (figure("133.80"), PASS),  # one currency's orders
        (figure("9782", "JPY"), PASS),
        (figure("19564", "JPY"), PASS),  # a cancelled one counted
        (figure("200.70"), PASS),  # base amounts
        (figure("200.69"), PASS),
        (figure("200.68"), SILENT),
        (figure("9915.80"), FAIL),  # MON-32: numbers of euros and yen
        (figure("19697.80"), FAIL),
        (figure("111.50"), PASS),  # without tax
        (figure("150.00"), SILENT),
        (figure("9915.80", "EUR", "133.80 EUR", "9782 JPY"), FAIL),
        (figure("5.00", "EUR", "3.00 EUR", "2.00 USD"), FAIL),
        (figure("200.70", "EUR", "133.80 EUR", "9782 JPY"), PASS),
    ],
)
def test_no_figure_mixes_currencies(told: Figure, result: Result) -> None:
    """MON-32: O-M12 holds a figure against the orders of one currency and against base amounts, and finds a mix."""
    finding = said("O-M12", population(*ORDERS, figures=(told,)))
    assert finding.result is result, finding
    assert "several currencies were added up" in finding.cause or result is not FAIL


def test_figures_of_orders_whose_money_went_back() -> None:
    """O-M12 knows a figure from which refunds are taken off, and one of paid orders alone."""
    order = healthy().order
    assert order is not None
    back = replace(order.tenders[0], refunded=money("6.90", "EUR"))
    listed = (ordered(1, tenders=(back,)), ordered(2, payment_status="pending"))
    for total, result in (("60.00", PASS), ("66.90", PASS), ("126.90", PASS), ("133.80", PASS), ("1.00", SILENT)):
        assert said("O-M12", population(*listed, figures=(figure(total),))).result is result, total


def test_one_currency_cannot_be_mixed() -> None:
    """O-M12 says nothing of a figure it cannot compose where all orders are of one currency, or outside its span."""
    assert said("O-M12", population(ordered(1), figures=(figure("66.91"),))).result is SILENT
    early = ordered(3, "JPY", placed_at=AT - timedelta(hours=2))
    assert said("O-M12", population(ordered(1), early, figures=(figure("9848.90"),))).result is SILENT
    late = ordered(3, "JPY", placed_at=AT + timedelta(hours=1))
    assert said("O-M12", population(ordered(1), late, figures=(figure("9848.90"),))).result is SILENT
    first = ordered(3, "JPY", placed_at=AT - timedelta(hours=1))
    assert said("O-M12", population(ordered(1), first, figures=(figure("9848.90"),))).result is FAIL


def test_base_amounts_need_every_rate() -> None:
    """O-M12 does not form the base sum of orders of which one discloses no rate."""
    listed = (ordered(1), ordered(2, "KWD"))
    assert said("O-M12", population(*listed, figures=(figure("66.90"),))).result is PASS
    assert said("O-M12", population(*listed, figures=(figure("150.00"),))).result is SILENT
    assert "no figures" in said("O-M12", population(*listed)).reason
    assert "policies.base_currency" in said("O-M12", population(figures=(figure("1.00"),)), UNDECLARED).reason
    unread = population(unread=(("figures", "no such verb"),))
    assert said("O-M12", unread).reason == "figures: no such verb"
