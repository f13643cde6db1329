"""O-M9 and what gateways are told: ways offered, amounts refused, parts that do not make up the amount."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from assay.events import Finding, Result
from assay.money import Money
from assay.oracles import ATTEMPT_ORACLES
from assay.oracles.breakdown import wrong_sum
from assay.records import AskedItem, Attempt, Call, Creation, Dossier, PaymentOption
from tests.engine.oracles.world import (
    AT,
    FAIL,
    JUDGING,
    PASS,
    READ,
    SILENT,
    call,
    healthy,
    judged,
    money,
    with_line,
    with_order,
    with_payment,
)


def offered(*options: PaymentOption, of: Dossier | None = None) -> Dossier:
    """An order for which these ways to pay were offered."""
    return replace(of or healthy(), options=options)


def by(gateway: str | None, kind: str = "card") -> PaymentOption:
    """A way to pay."""
    return PaymentOption(kind=kind, gateway=gateway)


def total(amount: str, currency: str) -> Dossier:
    """An order of that total."""
    return with_order(healthy(), total=money(amount, currency), tenders=())


@pytest.mark.parametrize(
    ("option", "dossier", "result", "words"),
    [
        (by("stripe"), healthy("JPY"), PASS, ""),
        (by("paypal", "paypal"), healthy("JPY"), PASS, ""),
        (by("paypal", "paypal"), healthy("KWD"), FAIL, "paypal does not take KWD (its list of 2026-07-01)"),
        (by("paypal", "paypal"), total("10.00", "BRL"), SILENT, "nobody can say"),  # the account decides
        (by("somebody"), healthy("JPY"), SILENT, "nobody can say"),
        (by(None, "invoice"), healthy(), SILENT, "nobody can say"),
        (by("stripe", "sepa"), healthy(), PASS, ""),
        (by("stripe", "sepa"), healthy("JPY"), FAIL, "sepa takes no JPY"),
        (by(None, "sepa"), healthy("JPY"), FAIL, "sepa takes no JPY"),
        (by("stripe"), total("28.701", "KWD"), FAIL, "steps of 0.010"),
        (by("adyen"), total("28.701", "KWD"), PASS, ""),
        (by("paypal"), total("10.50", "HUF"), FAIL, "paypal counts HUF with 0 decimals"),
        (by("stripe"), total("0.50", "EUR"), PASS, ""),
        (by("stripe"), total("0.49", "EUR"), FAIL, "charges no less than 50"),
        (by("stripe"), total("0.49", "USD"), PASS, ""),  # binds where the account settles in dollars
        (by("stripe"), total("0.00", "EUR"), PASS, ""),
    ],
)
def test_what_is_offered_is_taken(option: PaymentOption, dossier: Dossier, result: Result, words: str) -> None:
    """PAY-17: O-M9 holds each way against its gateway's terms; what nobody can say is never a finding."""
    finding = judged("O-M9", offered(option, of=dossier))
    assert (finding.result, words in (finding.cause or finding.reason)) == (result, True), finding


def test_one_way_of_several() -> None:
    """O-M9 names the way that does not take the amount, and passes where one is known to and none is known not to."""
    finding = judged("O-M9", offered(by("stripe"), by("paypal", "paypal"), of=healthy("KWD")))
    assert finding.seen == "paypal by paypal was offered"
    assert judged("O-M9", offered(by("adyen"), by("somebody"), of=healthy("KWD"))).result is PASS
    assert judged("O-M9", offered(by(None, "sepa"), of=healthy("JPY"))).seen == "sepa was offered"


def test_nothing_noted() -> None:
    """O-M9 says which verb of the flow notes what was offered."""
    assert "run.offered(options)" in judged("O-M9", replace(healthy(), options=())).reason


def asked(amount: str, currency: str, gateway: str = "paypal", **more: Any) -> Creation:
    """A call that asked a gateway for money, and was refused."""
    fields: dict[str, Any] = {"kind": "payment", "key": "k", "purpose": "c", "at": AT, "status": 422}
    return Creation(**{"system": gateway, "amount": amount, "currency": currency, **fields, **more})


def attempt(*creations: Creation, shown: Money | None = None, calls: tuple[Call, ...] = ()) -> Attempt:
    """A purchase that came to nothing."""
    places = (("checkout", shown),) if shown else ()
    return Attempt(case="F02", customer="zoe@example.com", creations=creations, shown=places, calls=calls, read_at=READ)


def said(name: str, of: Attempt) -> Finding:
    """What a judge says of it."""
    return ATTEMPT_ORACLES[name](of, JUDGING)


@pytest.mark.parametrize(
    ("creation", "result", "words"),
    [
        (asked("705.00", "JPY"), FAIL, "exponent: JPY was written with 2 decimals, paypal takes 0"),
        (asked("705", "JPY"), SILENT, "neither amount nor currency"),
        (asked("35.20", "KWD"), FAIL, "paypal does not take KWD"),
        (asked("20", "eur", "stripe", status=400), FAIL, "charges no less than 50"),
        (asked("50", "eur", "stripe", status=400), SILENT, "neither"),
        (asked("x", "eur", "stripe", status=400), SILENT, "neither"),
        (asked("10", "?", status=400), SILENT, "neither"),
        (asked("705.00", "JPY", status=402), SILENT, "no gateway refused"),
        (asked("705.00", "JPY", status=201), SILENT, "no gateway refused"),
        (asked("705.00", "JPY", kind="refund"), SILENT, "no gateway refused"),
    ],
)
def test_what_was_refused_at_the_gateway(creation: Creation, result: Result, words: str) -> None:
    """MON-05, MON-08: O-M9 says by the gateway's own terms why a way that was offered did not accept."""
    finding = said("O-M9", attempt(creation))
    assert (finding.result, words in (finding.cause or finding.reason)) == (result, True), finding


def test_a_refusal_beside_a_paid_order() -> None:
    """O-M9 fires on an order, too, where another way was tried first and refused for its terms."""
    dossier = healthy("JPY")
    tried = replace(dossier, creations=(*dossier.creations, asked("9782.00", "JPY")))
    assert "written with 2 decimals" in judged("O-M9", tried).cause
    assert judged("O-M9", replace(dossier, creations=(*dossier.creations, asked("9782", "JPY")))).result is PASS


def test_what_the_gateway_says_itself() -> None:
    """MON-08: where its terms do not tell, O-M9 reads whether the gateway's answer speaks of amount or currency."""
    creation = asked("100", "ugx", "stripe", status=400)
    small = call("stripe", "POST", "/v1/payment_intents", status=400, response_body='{"code": "amount_too_small"}')
    finding = said("O-M9", attempt(creation, calls=(small,)))
    assert (finding.result, finding.cause) == (FAIL, "exponent: stripe counts UGX with 2 decimals and not with 0")
    plain = asked("100", "gbp", "stripe", status=400)
    assert "the amount or the currency" in said("O-M9", attempt(plain, calls=(small,))).cause
    for other in ('{"code": "card_declined"}', '{"issue": "AMOUNT_MISMATCH"}'):
        silent = replace(small, response_body=other)
        assert said("O-M9", attempt(creation, calls=(silent,))).result is SILENT
    assert said("O-M9", attempt(creation, calls=(replace(small, system="adyen"),))).result is SILENT


def test_a_total_that_does_not_fit() -> None:
    """O-M9 names the step a total was not rounded to, where the gateway refused it."""
    finding = said("O-M9", attempt(asked("28701", "kwd", "stripe", status=400), shown=money("28.701", "KWD")))
    assert "steps of 0.010" in finding.cause


@pytest.mark.parametrize(
    ("sent", "gateway", "shown", "words"),
    [
        ("19.90", "paypal", money("19.90", "EUR"), ""),
        ("19.9", "paypal", money("19.90", "EUR"), "exponent: EUR was written with 1 decimals"),
        ("705", "paypal", money("705", "JPY"), ""),
        ("705.00", "paypal", money("705", "JPY"), "exponent: JPY was written with 2 decimals"),
        ("70500", "paypal", money("705", "JPY"), "exponent: JPY was sent with 2 decimals"),
        ("19.900000000000002", "paypal", money("19.90", "EUR"), "binary fraction"),
        ("19.91", "paypal", money("19.90", "EUR"), "more was asked for"),
        ("19.89", "paypal", money("19.90", "EUR"), ""),
        ("19.90", "mollie", money("19.90", "EUR"), ""),
        ("20", "mollie", money("20.00", "EUR"), ""),
        ("1990", "mollie", money("19.90", "EUR"), ""),
        ("199000", "mollie", money("19.90", "EUR"), "exponent"),
        ("19.90", "stripe", money("19.90", "EUR"), "binary fraction"),
        ("1990", "stripe", money("19.90", "EUR"), ""),
        ("nineteen", "paypal", money("19.90", "EUR"), "binary fraction"),
    ],
)
def test_decimal_texts_are_read_as_the_gateway_does(sent: str, gateway: str, shown: Money, words: str) -> None:
    """O-M1 takes 19.90 for an amount where the gateway is sent decimals, and for a float where it counts units."""
    finding = said("O-M1", attempt(asked(sent, shown.currency, gateway), shown=shown))
    assert (finding.result, words in finding.cause) == (FAIL if words else PASS, True), finding


def test_fewer_decimals_that_were_accepted() -> None:
    """O-M1 says nothing of a missing zero the gateway did not mind."""
    fine = attempt(asked("19.9", "EUR", status=201), shown=money("19.90", "EUR"))
    assert said("O-M1", fine).result is PASS
    nobody = attempt(asked("19.90", "", status=201), shown=money("19.90", "EUR"))
    assert said("O-M1", nobody).result is PASS


def parts(**more: str) -> tuple[tuple[str, str], ...]:
    """What an amount of 66.90 is said to consist of."""
    whole = {"goods": "50.83", "tax": "11.15", "shipping": "4.92", "discount": "0.00"}
    return tuple({**whole, **more}.items())


ITEMS = (
    AskedItem(sku="0017", quantity="2", price="7.915", tax="1.585"),
    AskedItem(sku="0018", quantity="1", price="35.00", tax="7.00"),
    AskedItem(sku="", quantity="1", price="0.00", tax="0.98"),
)


def told(items: tuple[AskedItem, ...] = ITEMS, amount: str = "66.90", **more: str) -> Creation:
    """A call that tells PayPal what an amount consists of."""
    return asked(amount, "EUR", parts=parts(**more), items=items)


@pytest.mark.parametrize(
    ("creation", "words"),
    [
        (told(), ""),
        (told((replace(ITEMS[0], price="7.92"), *ITEMS[1:])), "level: lines were rounded per unit"),  # MON-19
        (told((replace(ITEMS[0], tax="1.58"), *ITEMS[1:])), "level: tax was rounded per line"),  # MON-20
        (told(tax="11.16"), "level: tax was rounded per line"),
        (told((), tax="11.16"), "level or mode: what rounding leaves over was not evened out"),  # MON-21
        (told((), amount="66.89", discount="0.02"), "where there is a discount"),  # MON-23
        (told((), discount="5.00"), "the discount was left out of the parts"),
        (told((), discount="5.00", handling="5.00"), ""),
        (told((), shipping="9.92"), "a part was left out"),
        (told((), amount="x"), ""),
        (asked("66.90", "EUR", parts=(("tax", "1.00"),)), ""),
        (asked("66.90", "?", parts=parts(tax="9.00")), ""),
        (asked("66.90", "EUR", parts=parts(tax="9.00"), kind="refund"), ""),
    ],
)
def test_what_a_gateway_is_told_adds_up(creation: Creation, words: str) -> None:
    """MON-19 to MON-23: O-M5 adds up lines, taxes and discounts as they were sent, and names the level."""
    finding = said("O-M5", attempt(creation))
    assert (finding.result, words in finding.cause) == (FAIL if words else PASS, True), finding
    order = judged("O-M5", replace(healthy(), creations=(creation,)))
    assert order.result is finding.result


def test_nobody_told_a_gateway_anything() -> None:
    """O-M5 says so where no call tells what an amount consists of."""
    assert "no call told a gateway" in said("O-M5", attempt(asked("1.00", "EUR"))).reason


def test_an_average_tax_is_seen_line_by_line() -> None:
    """MON-22: O-M5 fires where the sums are right and a line bears another tax than its own."""
    mixed = with_line(
        with_line(healthy(), 0, tax_rate=Decimal("5.5"), tax=money("0.99", "EUR")), 1, tax=money("7.00", "EUR")
    )
    mixed = with_order(mixed, tax=None)
    average = (replace(ITEMS[0], tax="1.235"), replace(ITEMS[1], tax="5.52"))
    own = (replace(ITEMS[0], tax="0.495"), replace(ITEMS[1], tax="7.00"))
    fine = replace(mixed, creations=(asked("66.90", "EUR", items=own),))
    assert judged("O-M5", fine).result is PASS
    finding = judged("O-M5", replace(mixed, creations=(asked("66.90", "EUR", items=average),)))
    assert (finding.result, finding.cause) == (FAIL, "tax: an average of all rates was applied to every line")
    one = replace(healthy(), creations=(asked("66.90", "EUR", items=(replace(ITEMS[1], tax="7.02"),)),))
    assert judged("O-M5", one).cause == "tax: another tax was told than the line bears"
    near = replace(healthy(), creations=(asked("66.90", "EUR", items=(replace(ITEMS[1], tax="7.01"),)),))
    assert judged("O-M5", near).result is PASS


def test_a_gateway_without_decimals_is_told_whole_taxes() -> None:
    """O-M5 lets the tax a gateway is told be rounded to the gateway's own step: PayPal takes no decimals of forints."""
    huf = with_order(with_line(healthy("KWD"), 0, tax=money("1104.95", "HUF")), total=money("28700.00", "HUF"))
    for tax, result in (("1105", PASS), ("1106", FAIL)):
        creation = asked("28700", "HUF", items=(AskedItem(sku="0017", quantity="1", price="5524", tax=tax),))
        found = wrong_sum([creation], huf.order)
        assert (found is None) is (result is PASS)


def test_units_still_count_where_no_gateway_is_known() -> None:
    """O-M1 passes the captured charge of a gateway of which no table is held by ISO 4217."""
    assert judged("O-M1", with_order(with_payment(healthy(), system="mollie"), tenders=())).result is PASS
