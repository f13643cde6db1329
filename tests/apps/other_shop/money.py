"""Amounts: decimals of the currency's own scale, the tax inside a price, and the integers a gateway wants."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

EXPONENTS = {"EUR": 2, "CHF": 2, "JPY": 0}


def to_minor(amount: Decimal, currency: str) -> int:
    """Return the amount in the smallest unit of its currency: cents, rappen, but whole yen."""
    return int(amount.scaleb(EXPONENTS[currency]).to_integral_exact(ROUND_HALF_UP))


def tax_inside(gross: Decimal, rate_percent: Decimal, currency: str) -> Decimal:
    """Return the tax that a price of one piece contains, rounded half up to the currency's scale."""
    tax = gross * rate_percent / (100 + rate_percent)
    return tax.quantize(Decimal(1).scaleb(-EXPONENTS[currency]), ROUND_HALF_UP)


def as_text(amount: Decimal, currency: str) -> str:
    """Return the amount as the API writes it: `19.90` for euro, `2480` for yen."""
    return f"{amount:.{EXPONENTS[currency]}f}"
