"""From what on a difference of records is a ticket, and from what on it wakes somebody.

    ticket = { records = 1 }
    page   = { at_risk = 5000, records = 100, age = "4h" }

Each says how many records differ, what they are worth together in the base currency, and how old the oldest difference
is; reaching one of them is enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from assay.errors import UsageError, did_you_mean
from assay.money import Money
from assay.monitor import Severity
from assay.span import seconds_of, span_text

KEYS = ("records", "at_risk", "age")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What must be reached: None is never reached. at_risk is in the base currency's units, 5000 or 5000.50."""

    records: int | None = None
    at_risk: Decimal | None = None
    age: timedelta | None = None

    def reached(self, records: int, at_risk: Money | None, age: timedelta) -> str:
        """Return which of them is reached, in words; nothing where none is."""
        if self.records is not None and records >= self.records:
            return f"{records:,} records of {self.records:,}"
        if self.at_risk is not None and at_risk is not None and at_risk.amount >= self.at_risk:
            return f"{at_risk} at risk of {self.at_risk:f}"
        if self.age is not None and age >= self.age:
            return f"{span_text(round(age.total_seconds()))} old of {span_text(self.age.total_seconds())}"
        return ""


def severity_of(
    ticket: Limit, page: Limit, *, records: int, at_risk: Money | None, age: timedelta
) -> tuple[Severity, str]:
    """Return how severe so many differences are, and which limit says so."""
    for severity, limit in (("page", page), ("ticket", ticket)):
        why = limit.reached(records, at_risk, age)
        if why:
            return ("page" if severity == "page" else "ticket"), why
    return "info", "no limit is reached"


def limit_of(table: Mapping[str, Any], option: str) -> Limit:
    """Read a limit as an option says it; `UsageError` whose `where` names the option and the key."""
    for key in table:
        if key not in KEYS:
            raise UsageError(
                f"a limit knows no '{key}'", where=option, expected=", ".join(KEYS), hint=did_you_mean(key, KEYS)
            )
    return Limit(
        records=_records(table.get("records"), f"{option}.records"),
        at_risk=_amount(table.get("at_risk"), f"{option}.at_risk"),
        age=_age(table.get("age"), f"{option}.age"),
    )


def _records(value: object, where: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(
            "that is no number of records", where=where, expected="a whole number from 1 on", seen=repr(value)
        )
    return value


def _amount(value: object, where: str) -> Decimal | None:
    if value is None:
        return None
    try:
        amount = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount <= 0:
        raise UsageError(
            "that is no amount of the base currency",
            where=where,
            expected="an amount above zero such as 5000 or 249.90",
            seen=repr(value)[:120],
        )
    return amount


def _age(value: object, where: str) -> timedelta | None:
    if value is None:
        return None
    try:
        return timedelta(seconds=seconds_of(value))  # type: ignore[arg-type]  # whatever is written there
    except UsageError as error:
        error.where = where
        raise
