"""Amounts as people read and write them: grouping, decimal mark and symbol of a language, and the way back."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from mocks.merchant.policy.money import exponent, plain
from mocks.merchant.seams import seam

# Group and decimal mark by language; a no-break space groups where a space would.
MARKS = {
    "en": (",", "."),
    "de": (".", ","),
    "fr": ("\u202f", ","),
    "ja": (",", "."),
    "hu": ("\u00a0", ","),
    "is": (".", ","),
}


@seam("formatting and parsing")
def display_exponent(currency: str) -> int:
    """Return the decimals an amount is shown with."""
    return exponent(currency)


@seam("formatting and parsing")
def format_amount(amount: str, currency: str, language: str) -> str:
    """Return an amount for a reader, with its ISO code: ``1.234,50 EUR`` in German."""
    group, mark = MARKS.get(language, MARKS["en"])
    value = Decimal(amount).scaleb(exponent(currency) - display_exponent(currency))
    shown = f"{value:,.{display_exponent(currency)}f}"
    return shown.translate({ord(","): group, ord("."): mark}) + f" {currency}"


@seam("formatting and parsing")
def parse_amount(text: str, currency: str, language: str) -> Decimal:
    """Return the amount a person wrote in their language. Raises `ValueError` for no amount."""
    group, mark = MARKS.get(language, MARKS["en"])
    cleaned = "".join(letter for letter in text.replace(currency, "") if not letter.isspace())
    cleaned = cleaned.replace(group, "").replace(mark, ".")
    try:
        return Decimal(plain(Decimal(cleaned), currency))
    except InvalidOperation as error:
        raise ValueError(f"'{text}' is no amount in {currency}") from error


@seam("formatting and parsing")
def api_amount(amount: str, currency: str) -> str:
    """Return a stored amount as the API's decimal string."""
    return plain(Decimal(amount), currency)
