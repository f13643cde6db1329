"""Tax: the rate of a line by destination and class, the tax contained in a gross amount, the reason of a zero rate."""

from __future__ import annotations

from decimal import Decimal

from mocks.merchant.policy.rounding import round_line
from mocks.merchant.seams import seam

# Standard and reduced rates in per cent of the countries delivered to, as set by each country's law in 2026.
RATES = {
    "FR": ("20", "5.5"),
    "DE": ("19", "7"),
    "AT": ("20", "10"),
    "BE": ("21", "6"),
    "NL": ("21", "9"),
    "IT": ("22", "10"),
    "ES": ("21", "10"),
    "PT": ("23", "6"),
    "IE": ("23", "13.5"),
    "LU": ("17", "8"),
    "PL": ("23", "8"),
    "SE": ("25", "12"),
    "DK": ("25", "25"),
    "FI": ("25.5", "14"),
    "HU": ("27", "18"),
    "CZ": ("21", "12"),
    "GR": ("24", "13"),
    "RO": ("21", "11"),
}
EU = frozenset(RATES)


@seam("ERP documents and tax")
def tax_treatment(country: str, vat_id: str | None, home: str) -> str:
    """Return how a sale is taxed: domestic, eu_consumer, reverse_charge (company in another EU country) or export."""
    if country not in EU:
        return "export"
    if country == home:
        return "domestic"
    return "reverse_charge" if vat_id else "eu_consumer"


@seam("ERP documents and tax")
def tax_rate(country: str, tax_class: str, treatment: str) -> Decimal:
    """Return the tax rate of a line in per cent."""
    if treatment in ("export", "reverse_charge") or tax_class == "zero":
        return Decimal(0)
    standard, reduced = RATES[country]
    return Decimal(standard if tax_class == "standard" else reduced)


@seam("ERP documents and tax")
def tax_code(rate: Decimal, tax_class: str, treatment: str) -> str:
    """Return the ERP's tax code: A1 standard, A2 reduced, A0 zero, AE export, AR reverse charge, AO other EU."""
    if treatment == "export":
        return "AE"
    if treatment == "reverse_charge":
        return "AR"
    if rate == 0:
        return "A0"
    if treatment == "eu_consumer":
        return "AO"
    return "A1" if tax_class == "standard" else "A2"


@seam("ERP documents and tax")
def contained_tax(gross: Decimal, rate: Decimal, currency: str, mode: str) -> Decimal:
    """Return the tax contained in a gross amount, rounded as one line."""
    return round_line(gross * rate / (100 + rate), currency, mode)


@seam("ERP documents and tax")
def added_tax(net: Decimal, rate: Decimal, currency: str, mode: str) -> Decimal:
    """Return the tax on top of an amount without tax, rounded as one line."""
    return round_line(net * rate / 100, currency, mode)
