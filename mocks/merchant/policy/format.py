"""How amounts are written for people: the marks and groups of a language, the currency's code, and the way back."""

from __future__ import annotations

import re
from decimal import Decimal

from mocks.merchant.policy.money import exponent, plain
from mocks.merchant.seams import seam

# Group and decimal mark by language, as the Unicode CLDR has them; a no-break space groups where a space would.
MARKS = {
    "en": (",", "."),
    "en-IN": (",", "."),
    "de": (".", ","),
    "de-CH": ("\u2019", "."),
    "fr": ("\u202f", ","),
    "ja": (",", "."),
    "ko": (",", "."),
    "hu": ("\u00a0", ","),
    "is": (".", ","),
    "it": (".", ","),
    "es": (".", ","),
    "nl": (".", ","),
    "da": (".", ","),
    "sv": ("\u00a0", ","),
    "id": (".", ","),
}
_PAIRS = frozenset(["en-IN"])  # after the first three digits they are grouped by two
_SPACES = dict.fromkeys(map(ord, "\u00a0\u202f\u2009"), " ") | dict.fromkeys(map(ord, "\u200e\u200f\u061c"))


@seam("formatting and parsing")
def display_exponent(currency: str) -> int:
    """Return the decimals an amount is shown with."""
    return exponent(currency)


@seam("formatting and parsing")
def format_amount(amount: str, currency: str, language: str) -> str:
    """Return an amount for a reader, with its ISO code: ``1.234,50 EUR`` in German."""
    group, mark = MARKS.get(language, MARKS["en"])
    value = Decimal(amount).scaleb(exponent(currency) - display_exponent(currency))
    whole, _, rest = f"{abs(value):.{display_exponent(currency)}f}".partition(".")
    shown = _grouped(whole, group, language) + (mark + rest if rest else "")
    return f"{'-' if value < 0 else ''}{shown} {currency}"


@seam("formatting and parsing")
def parse_amount(text: str, currency: str, language: str) -> Decimal:
    """Return the amount a person wrote in their language. Raises `ValueError` for no amount, and too many digits."""
    group, mark = (re.escape(each.translate(_SPACES)) for each in MARKS.get(language, MARKS["en"]))
    cleaned = text.translate(_SPACES).replace(currency, "").strip()
    inner = r"\d{2}" if language in _PAIRS else r"\d{3}"
    number = re.fullmatch(rf"(-?)(\d{{1,3}}(?:{group}{inner})*{group}\d{{3}}|\d{{1,15}})(?:{mark}(\d+))?", cleaned)
    if number is None:
        raise ValueError(f"'{text}' is no amount in {currency} as it is written in '{language}'")
    sign, whole, rest = number.group(1), re.sub(r"\D", "", number.group(2)), number.group(3) or ""
    if len(rest.rstrip("0")) > exponent(currency):
        raise ValueError(f"'{text}' has more decimals than {currency}, which has {exponent(currency)}")
    return Decimal(plain(Decimal(f"{sign}{whole}.{rest or 0}"), currency))


@seam("formatting and parsing")
def api_amount(amount: str, currency: str) -> str:
    """Return a stored amount as the API's decimal string."""
    return plain(Decimal(amount), currency)


@seam("formatting and parsing")
def wallet_amount(amount: Decimal, currency: str, decimals: int) -> str:
    """Return an amount as a wallet's sheet shows it: with the decimals the shop's people chose, at least all it has."""
    return f"{amount:.{max(decimals, exponent(currency))}f}"


def _grouped(whole: str, group: str, language: str) -> str:
    head, tail = whole[:-3], whole[-3:]
    size = 2 if language in _PAIRS else 3
    parts: list[str] = []
    while head:
        head, parts = head[:-size], [head[-size:], *parts]
    return group.join([*parts, tail])
