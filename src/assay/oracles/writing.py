"""Amounts as people read them: the number in a text by the marks of its language, and which currency it names.

The marks are those of Unicode's CLDR, as `babel` carries them. Spaces of any width, apostrophes of either kind, digits
of other scripts and marks of writing direction make no difference: a narrow no-break space is what French groups with.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal

from babel import Locale, UnknownLocaleError
from babel.numbers import get_currency_name, get_currency_symbol

from assay.money import EXPONENTS

SHARED = frozenset({"$", "＄", "kr", "kr.", "Kr", "Kr.", "KR", "¥", "￥"})
"""Signs that several currencies share: a reader needs the code or the name beside them."""

_DIRECTION = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_APOSTROPHES = "'’ʼ`´"
_MINUS = "-−–"
_CODE = re.compile(r"(?<![A-Za-z])([A-Z]{3})(?![A-Za-z])")
# Signs that stand for one currency wherever they are read; whoever shows another amount under one is wrong.
_OWN: Mapping[str, str] = {
    "€": "EUR", "₹": "INR", "₩": "KRW", "₫": "VND", "₪": "ILS", "₺": "TRY", "₴": "UAH", "₦": "NGN", "₱": "PHP",
    "฿": "THB", "₽": "RUB", "₸": "KZT", "₮": "MNT", "₲": "PYG", "₡": "CRC", "₭": "LAK", "₵": "GHS", "₼": "AZN",
    "₾": "GEL", "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "US$": "USD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD",
    "NZ$": "NZD", "HK$": "HKD", "NT$": "TWD", "MX$": "MXN", "R$": "BRL", "S$": "SGD", "CN¥": "CNY", "JP¥": "JPY",
    "元": "CNY", "円": "JPY",
}  # fmt: skip
_DOLLARS = re.compile(r"[A-Z]{1,2}\$")


@functools.cache
def locale_of(language: str) -> Locale | None:
    """Return a language's conventions; those of the language alone where its country is not known, else None."""
    for name in (language.replace("-", "_"), re.split("[-_]", language)[0]):
        try:
            return Locale.parse(name)
        except (UnknownLocaleError, ValueError):
            continue
    return None


def plain(text: str) -> str:
    """Return a text with one kind of space, plain digits, and without marks of direction."""
    letters = []
    for letter in _DIRECTION.sub("", text):
        if letter.isspace():
            letters.append(" ")
        elif letter.isdecimal():
            letters.append(str(unicodedata.decimal(letter)))
        else:
            letters.append(letter)
    return "".join(letters)


@functools.cache
def marks(language: str) -> tuple[tuple[str, str], ...]:
    """Return what groups thousands and what begins decimals in a language, each way it is done; none where unknown."""
    locale = locale_of(language)
    if locale is None:
        return ()
    pairs = []
    for name in ("latn", locale.default_numbering_system, locale.other_numbering_systems.get("native", "latn")):
        symbols = locale.number_symbols.get(name)
        if symbols:
            group, mark = symbols.get("group", ","), symbols.get("decimal", ".")
            # Some countries have other marks for money than for numbers: French Switzerland writes 1 234.50.
            pairs += [(symbols.get("currencyGroup", group), symbols.get("currencyDecimal", mark)), (group, mark)]
    return tuple(dict.fromkeys((_mark(one), _mark(other)) for one, other in pairs))


def _mark(text: str) -> str:
    shown = plain(text)
    return "'" if shown in _APOSTROPHES else shown


def read_number(text: str, language: str) -> tuple[tuple[Decimal, int], ...]:
    """Return the number a reader of the language sees in a text, with its decimals; none where there is none, or two.

    A language that writes money in two ways may have two readings.
    """
    shown = plain(text).translate({ord(each): "'" for each in _APOSTROPHES})
    known = marks(language)
    separators = re.escape(".,' " + "".join(each for pair in known for each in pair))
    found: list[str] = re.findall(rf"\d(?:[\d{separators}]*\d)?", shown)
    if len(found) != 1:
        return ()
    sign = -1 if any(minus in shown for minus in _MINUS) else 1
    read = (_number(found[0], group, mark) for group, mark in known)
    return tuple(dict.fromkeys((sign * number, decimals) for number, decimals in filter(None, read)))


def _number(digits: str, group: str, mark: str) -> tuple[Decimal, int] | None:
    whole, point, rest = digits.rpartition(mark) if mark in digits else (digits, "", "")
    parts = whole.split(group) if group and group in whole else [whole]
    if (point and not rest.isdecimal()) or not all(part.isdecimal() for part in parts) or not _is_grouped(parts):
        return None
    return Decimal("".join(parts) + ("." + rest if point else "")), len(rest)


def _is_grouped(parts: list[str]) -> bool:
    """Say whether groups of digits are ones somebody writes: threes, or twos before the last three (India)."""
    if len(parts) == 1:
        return True
    *middle, last = parts[1:]
    return len(last) == 3 and 1 <= len(parts[0]) <= 3 and all(len(part) in (2, 3) for part in middle)


def other_currency(text: str, currency: str) -> str | None:
    """Return another currency that the text names by code or by a sign of its own; None where it names none."""
    shown = plain(text)
    for code in _CODE.findall(shown):
        if code in EXPONENTS and code != currency:
            return str(code)
    if currency in _CODE.findall(shown):
        return None
    for sign, owner in sorted(_OWN.items(), key=lambda pair: -len(pair[0])):
        if _holds(shown, sign):
            return None if owner == currency else owner
    return None


def names_currency(text: str, currency: str, language: str) -> bool | None:
    """Say whether a reader can tell the currency; None where only a sign is shown that several currencies share."""
    shown = plain(text)
    if currency in _CODE.findall(shown):
        return True
    signs = _signs(currency, language)
    if any(_holds(shown, sign) for sign in signs if sign not in SHARED):
        return True
    lower = shown.casefold()
    if any(name in lower for name in _names(currency, language)):
        return True
    words = set(re.findall(r"[^\d\s.,٫٬'’−–-]+", shown))
    return None if words & SHARED and not _DOLLARS.search(shown) else False


def _holds(shown: str, sign: str) -> bool:
    """Say whether a text holds a sign: one of letters as a word of its own, Ft and not the end of Gift."""
    if not sign.isalpha() or len(sign) == 1:
        return sign in shown
    return re.search(rf"(?<![^\W\d_]){re.escape(sign)}(?![^\W\d_])", shown) is not None


@functools.cache
def _signs(currency: str, language: str) -> tuple[str, ...]:
    """Return the signs of a currency: its language's own, the English one, and those that are its alone."""
    found = {sign for sign, owner in _OWN.items() if owner == currency}
    for locale in (locale_of(language), locale_of("en")):
        if locale is not None:
            found.add(plain(get_currency_symbol(currency, locale=locale)).strip())
    return tuple(sorted(found - {""}))


@functools.cache
def _names(currency: str, language: str) -> tuple[str, ...]:
    """Return the names of a currency in a language, for one and for many, in lower case."""
    locale = locale_of(language)
    if locale is None:
        return ()
    found = {plain(get_currency_name(currency, count, locale=locale)).casefold() for count in (None, 1, 2, 5, 100)}
    return tuple(sorted(name for name in found if len(name) > 1))
