"""Published exchange rates from a file: to tell another day's rate from a wrong one, and what is at risk in all.

    date,from,to,rate
    2026-11-20,EUR,USD,1.0832
    2026-11-20,EUR,JPY,163.41

One row a day and a pair: one of `from` is worth `rate` of `to`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path

from assay.errors import UsageError
from assay.money import Money, exponent

Rates = Mapping[tuple[str, str], Mapping[date, Decimal]]
COLUMNS = ("date", "from", "to", "rate")
_OLDEST_DAYS = 10
"""A rate older than that says nothing of what something is worth now; feeds pause for five days at most."""


def read_rates(file: Path) -> Rates:
    """Return the rates of a file by pair and day; `UsageError` with the line of what is none."""
    rates: dict[tuple[str, str], dict[date, Decimal]] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.DictReader(text, strict=True)
            if tuple(rows.fieldnames or ()) != COLUMNS:
                seen = ",".join(rows.fieldnames or ()) or "nothing"
                raise UsageError("no table of rates", where=f"{file}: line 1", expected=",".join(COLUMNS), seen=seen)
            for row in rows:
                day, pair, rate = _read(row, f"{file}: line {rows.line_num}")
                rates.setdefault(pair, {})[day] = rate
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError("no table of rates", where=str(file), seen=str(error)) from None
    except OSError as error:
        raise UsageError(f"the rates cannot be read: {error.strerror}", where=str(file)) from None
    return rates


def in_base(amounts: Mapping[str, Money], base: str, rates: Rates, day: date) -> tuple[Money, tuple[str, ...]]:
    """Return what amounts are worth together in the base currency, and the currencies without a rate of these days.

    Each is converted by the last rate published up to the day, ten days before at most, and rounded once, half to even.
    """
    total, without = Money.zero(base), []
    for currency, amount in amounts.items():
        rate = Fraction(1) if currency == base else _rate(currency, base, rates, day)
        if rate is None:
            without.append(currency)
            continue
        exact = Fraction(amount.amount) * rate * 10 ** exponent(base)
        total += Money(round(exact), base)
    return total, tuple(without)


def _rate(currency: str, base: str, rates: Rates, day: date) -> Fraction | None:
    for pair, turned in (((currency, base), False), ((base, currency), True)):
        days = [each for each in rates.get(pair, {}) if 0 <= (day - each).days <= _OLDEST_DAYS]
        if days:
            rate = Fraction(rates[pair][max(days)])
            return 1 / rate if turned else rate
    return None


def _read(row: Mapping[str, str | None], where: str) -> tuple[date, tuple[str, str], Decimal]:
    try:
        day = date.fromisoformat(row["date"] or "")
        rate = Decimal(row["rate"] or "")
        ours, theirs = row["from"] or "", row["to"] or ""
        exponent(ours)
        exponent(theirs)
    except UsageError as error:
        error.where = where
        raise
    except (ValueError, InvalidOperation):
        rate = Decimal(0)
    if not rate.is_finite() or rate <= 0:
        raise UsageError(
            "no rate",
            where=where,
            expected="2026-11-20,EUR,USD,1.0832",
            seen=",".join(each or "" for each in row.values()),
        )
    return day, (ours, theirs), rate
