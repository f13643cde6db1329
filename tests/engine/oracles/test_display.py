"""O-M10: amounts as text in every language and currency, what the shop reads back, and the label of the rate."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from babel.numbers import format_currency
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.events import Finding, Result
from assay.money import EXPONENTS, Money
from assay.oracles import writing
from assay.records import Dossier
from tests.engine.oracles.world import (
    FAIL,
    JUDGING,
    PASS,
    SILENT,
    displayed,
    healthy,
    judged,
    money,
    verdict,
    with_line,
    with_order,
)

LANGUAGES = (
    "en", "en-GB", "en-IN", "en-CA", "de", "de-AT", "de-CH", "fr", "fr-CH", "fr-CA", "it", "es", "es-MX", "pt", "pt-BR",
    "nl", "da", "sv", "nb", "fi", "is", "hu", "pl", "cs", "tr", "ru", "el", "ja", "ko", "zh", "hi", "gu", "ar", "he",
)  # fmt: skip


def reading(text: str, amount: Money, language: str = "en", **more: Any) -> Finding:
    """What O-M10 says of one text."""
    return judged("O-M10", replace(healthy(), displayed=(displayed("checkout", text, amount, language, **more),)))


@settings(max_examples=300, deadline=None)
@given(
    language=st.sampled_from(LANGUAGES),
    currency=st.sampled_from(sorted(EXPONENTS)),
    minor=st.integers(0, 10**10),
)
def test_what_a_language_writes_is_read(language: str, currency: str, minor: int) -> None:
    """parse(format(x)) == x over languages and currencies, with the code beside a sign that several share."""
    amount = Money(minor, currency)
    text = format_currency(amount.amount, currency, locale=language.replace("-", "_"), currency_digits=False,
                           format=_pattern(currency))  # fmt: skip
    assert reading(text, amount, language).result is PASS, text
    off = Money(minor + 1, currency)
    assert reading(text, off, language).result is FAIL


def _pattern(currency: str) -> str:
    digits = EXPONENTS[currency]
    return "#,##0" + ("." + "0" * digits if digits else "") + " ¤¤"


@pytest.mark.parametrize(
    ("text", "amount", "language"),
    [
        ("1 234,50 €", money("1234.50", "EUR"), "fr"),
        ("1\u202f234,50\u00a0€", money("1234.50", "EUR"), "fr"),
        ("1\u00a0234,50\u202f€", money("1234.50", "EUR"), "fr"),
        ("€1,234.50", money("1234.50", "EUR"), "en"),
        ("1.234,50 EUR", money("1234.50", "EUR"), "de"),
        ("CHF 1’234.50", money("1234.50", "CHF"), "de-CH"),
        ("1'234.50 CHF", money("1234.50", "CHF"), "de-CH"),
        ("1 234.50 CHF", money("1234.50", "CHF"), "fr-CH"),
        ("US$1,234.50", money("1234.50", "USD"), "en-CA"),
        ("$1,234.50 USD", money("1234.50", "USD"), "en"),
        ("1.234,50 kr. (DKK)", money("1234.50", "DKK"), "da"),
        ("1 234,50 svenska kronor", money("1234.50", "SEK"), "sv"),
        ("JP¥9,782", money("9782", "JPY"), "en"),
        ("9,782円", money("9782", "JPY"), "ja"),
        ("¥9,782 JPY", money("9782", "JPY"), "en"),
        ("₹1,23,456.70", money("123456.70", "INR"), "en-IN"),
        ("\u200f1,234.50 \u200fر.س.\u200f SAR", money("1234.50", "SAR"), "ar"),
        ("١٬٢٣٤٫٥٠ SAR", money("1234.50", "SAR"), "ar"),
        ("5 €", money("5.00", "EUR"), "de"),
        ("19.90 EUR incl. VAT", money("19.90", "EUR"), "en"),
        ("-19.90 EUR", money("-19.90", "EUR"), "en"),
        ("−19,90 €", money("-19.90", "EUR"), "de"),
        ("28.700 KWD", money("28.700", "KWD"), "en"),
        ("1.234 Ft", money("1234.00", "HUF"), "de"),
    ],
)
def test_innocent_ways_of_writing(text: str, amount: Money, language: str) -> None:
    """Spaces of any width, marks of direction, apostrophes, native digits, signs of one currency are no difference."""
    finding = reading(text, amount, language)
    assert finding.result is PASS, finding.sentence()


@pytest.mark.parametrize(
    ("text", "amount", "language", "cause"),
    [
        ("920.00 KWD", money("92.000", "KWD"), "en", "exponent"),
        ("92.00 KWD", money("92.000", "KWD"), "en", "exponent: 2 decimals are shown, KWD has 3"),
        ("9,782.00 JPY", money("9782", "JPY"), "en", "exponent: 2 decimals are shown, JPY has 0"),
        ("1,234.50 EUR", money("1234.50", "EUR"), "de", "the marks are those of another language (en)"),
        ("$19.90", money("19.90", "USD"), "en", "several currencies share the sign"),
        ("19,90 kr", money("19.90", "SEK"), "sv", "several currencies share the sign"),
        ("¥9,782", money("9782", "JPY"), "en", "several currencies share the sign"),
        ("￥9,782", money("9782", "JPY"), "ja", "several currencies share the sign"),
        ("19.90", money("19.90", "EUR"), "en", "nothing in the text says"),
        ("19.90 €", money("19.90", "USD"), "en", "the text names EUR, the amount is in USD"),
        ("19.90 EUR", money("19.90", "USD"), "en", "the text names EUR"),
        ("CA$19.90", money("19.90", "USD"), "en", "the text names CAD"),
        ("19.90 or 20.90 EUR", money("19.90", "EUR"), "en", "no single number"),
        ("EUR", money("19.90", "EUR"), "en", "no single number"),
        ("12,34.50 EUR", money("1234.50", "EUR"), "en", "no single number"),
        ("19.91 EUR", money("19.90", "EUR"), "en", "no known pattern"),
        ("19.00 EUR", money("19.90", "EUR"), "en", "truncation"),
        ("19.90 Gift", money("19.90", "HUF"), "en", "nothing in the text says"),
    ],
)
def test_what_a_reader_is_told_wrongly(text: str, amount: Money, language: str, cause: str) -> None:
    """MON-03: another number, other decimals, another currency's name, or none, each with its cause."""
    finding = reading(text, amount, language)
    assert (finding.result, cause in finding.cause) == (FAIL, True), finding.sentence()


@pytest.mark.parametrize(
    ("text", "language", "back", "cause"),
    [
        ("1.234,50 EUR", "de", money("1234.50", "EUR"), ""),
        ("1.234,50 EUR", "de", money("1.23", "EUR"), "read by the marks of another language"),
        ("1,234.50 EUR", "en", money("12345.00", "EUR"), "exponent"),
        ("1,234.50 EUR", "en", money("1234.51", "EUR"), "reads as another amount"),
        ("1,234.50 EUR", "en", money("1234.50", "USD"), "the currency was lost"),
        ("1.234,50 EUR", "de", money("123450.00", "EUR"), "exponent"),
    ],
)
def test_the_shop_reads_what_it_wrote(text: str, language: str, back: Money, cause: str) -> None:
    """MON-36: what is typed in as the shop wrote it must be the amount again."""
    finding = reading(text, money("1234.50", "EUR"), language, read_back=back)
    assert (finding.result, cause in finding.cause) == (FAIL if cause else PASS, True), finding.sentence()


def labelled(label: str, **more: Any) -> Dossier:
    """An order in yen at 146.22 with that label."""
    dossier = replace(healthy("JPY"), displayed=())
    assert dossier.order is not None
    assert dossier.order.rate is not None
    return with_order(dossier, rate=replace(dossier.order.rate, label=label), **more)


@pytest.mark.parametrize(
    ("label", "cause"),
    [
        ("1 EUR = 146.22 JPY", ""),
        ("1 EUR = 146,22 JPY", ""),
        ("1 EUR = 146.2 JPY", ""),
        ("100 EUR = 14,622 JPY", ""),
        ("1 JPY = 0.006839 EUR", ""),
        ("Rate 146.22", ""),
        ("1 € = 146.22 ¥", ""),
        ("1 EUR = 146.22 EUR", "store's currency"),
        ("1 JPY = 146.22 JPY", "another currency than the one prices are converted from"),
        ("1 USD = 146.22 JPY", "another currency than the one prices are converted from"),
        ("1 EUR = 146.23 JPY", "no known pattern"),
        ("1 EUR = 146.3 JPY", "no known pattern"),
        ("1 EUR = 1462.2 JPY", "exponent"),
        ("1 EUR = 0.0068 JPY", "inverse"),
        ("1 EUR = 0 JPY", "a rate of 0"),
        ("0 EUR = 146.22 JPY", "a rate of 0"),
    ],
)
def test_the_label_of_the_rate(label: str, cause: str) -> None:
    """MON-42: the label names the order's currency and the base currency, and the rate to its last digit."""
    finding = judged("O-M10", labelled(label))
    assert (finding.result, cause in finding.cause) == (FAIL if cause else PASS, True), finding.sentence()


@pytest.mark.parametrize(("price", "result"), [("6141", PASS), ("6142", FAIL), ("6140", FAIL)])
def test_prices_come_about_by_the_label(price: str, result: Result) -> None:
    """O-M10 holds base price times disclosed rate against the price, half a step beside it at most."""
    dossier = with_line(labelled("1 EUR = 146.22 JPY"), 1, unit_price=money(price, "JPY"))
    assert verdict("O-M10", dossier) is result
    coarse = with_line(labelled("1 EUR = 146 JPY"), 1, unit_price=money(price, "JPY"))
    assert verdict("O-M10", coarse) is PASS
    listed = replace(JUDGING, price_lists=frozenset({"0018/JPY"}))
    assert verdict("O-M10", dossier, listed) is PASS
    everything = replace(JUDGING, price_lists=frozenset({"JPY"}))
    assert verdict("O-M10", dossier, everything) is PASS


def test_a_markup_may_be_in_the_label_or_not() -> None:
    """O-M10 takes a label with the markup of the store in it, and one without."""
    dear = with_line(with_line(labelled("1 EUR = 160.84 JPY", store="world"), 0, unit_price=money("1528", "JPY")),
                     1, unit_price=money("6755", "JPY"))  # fmt: skip
    stores = replace(JUDGING, markups={"world": Decimal("0.10")})
    assert verdict("O-M10", dear, stores) is PASS
    assert verdict("O-M10", dear) is FAIL
    dossier = dear.order
    assert dossier is not None
    assert dossier.rate is not None
    bare = with_order(dear, rate=replace(dossier.rate, label="1 EUR = 146.22 JPY"))
    assert verdict("O-M10", bare, stores) is PASS


def test_what_nobody_noted_or_knows() -> None:
    """O-M10 names the verb of the flow that notes a text, and a language nobody knows."""
    assert "run.read(Displayed(...))" in judged("O-M10", replace(healthy(), displayed=())).reason
    assert "nobody knows how 'xx-klingon'" in reading("19.90 EUR", money("19.90", "EUR"), "xx-klingon").reason
    both = (displayed("a", "x", money("1.00", "EUR"), "xx"), displayed("b", "2.00 EUR", money("1.00", "EUR")))
    assert judged("O-M10", replace(healthy(), displayed=both)).result is FAIL
    assert verdict("O-M10", replace(healthy(), displayed=both[:1])) is SILENT
    manual = with_order(replace(healthy("KWD"), displayed=()))
    assert verdict("O-M10", manual) is SILENT


def test_a_language_of_a_country_nobody_knows() -> None:
    """A language is read by its own conventions where those of the country are not known."""
    assert writing.read_number("1.234,50", "de-XX") == ((Decimal("1234.50"), 2),)
    assert writing.read_number("1.234,50", "?") == ()
    assert writing.names_currency("5 euros", "EUR", "?") is False
