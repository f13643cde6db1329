"""Currencies and amounts as PayPal takes them: decimal strings, by its own list and its own decimals.

Source, read in November 2026: https://developer.paypal.com/api/rest/reference/currency-codes/ (now also under
/reference/currency-codes). Where ISO 4217 differs, PayPal's list holds: HUF and TWD have no decimals with PayPal, a
decimal amount of HUF, JPY or TWD is an error, all others have two decimals at most, and no other currency is taken
(older copies of the list also had RUB). The published OpenAPI documents name TND as an example of three decimals; the
list does not have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from mocks.paypal.issue import Document, Problem, detail

TWO_DECIMALS = (
    "AUD", "BRL", "CAD", "CNY", "CZK", "DKK", "EUR", "HKD", "ILS", "MYR", "MXN", "NZD", "NOK", "PHP", "PLN", "GBP",
    "SGD", "SEK", "CHF", "THB", "USD",
)  # fmt: skip
NO_DECIMALS = ("HUF", "JPY", "TWD")
DECIMALS = {**dict.fromkeys(TWO_DECIMALS, 2), **dict.fromkeys(NO_DECIMALS, 0)}
LARGEST = Decimal("999999999999999.99")

_VALUE = re.compile(r"-?[0-9]+|-?[0-9]*[.][0-9]+")


class Money(NamedTuple):
    """An amount of one currency, exact."""

    currency: str
    value: Decimal

    def shown(self) -> Document:
        """Return the object of PayPal's documents, with the decimals of the currency."""
        return {"currency_code": self.currency, "value": f"{self.value:.{DECIMALS[self.currency]}f}"}


def rounded(value: Decimal, currency: str) -> Decimal:
    """Return the value with the currency's decimals, halves away from zero."""
    return value.quantize(Decimal(1).scaleb(-DECIMALS[currency]), ROUND_HALF_UP)


def money_of(document: Mapping[str, Any]) -> Money:
    """Return the amount of an object that was checked before."""
    return Money(document["currency_code"], Decimal(document["value"]))


def syntax_errors(given: Any, field: str, *, area: str = "") -> Iterator[Document]:
    """Give what is wrong with the form of an amount: no object, parts missing, no decimal string."""
    if not isinstance(given, Mapping):
        yield detail("INVALID_PARAMETER_SYNTAX", field, area=area)
        return
    for name, longest, shortest in (("currency_code", 3, 3), ("value", 32, 1)):
        part = given.get(name)
        where = f"{field}/{name}"
        if part is None:
            yield detail("MISSING_REQUIRED_PARAMETER", where, area=area)
        elif not isinstance(part, str):
            yield detail("INVALID_PARAMETER_SYNTAX", where, part, area=area)
        elif not shortest <= len(part) <= longest:
            yield detail("INVALID_STRING_LENGTH", where, part, area=area)
        elif name == "value" and not _VALUE.fullmatch(part):
            yield detail("INVALID_PARAMETER_SYNTAX", where, part, area=area)


def value_errors(given: Mapping[str, Any], field: str, *, positive: bool, area: str = "") -> Iterator[Document]:
    """Give what is wrong with an amount of sound form: currency, decimals, sign, size."""
    currency, value = given["currency_code"], given["value"]
    if currency not in DECIMALS:
        yield detail("INVALID_CURRENCY_CODE", f"{field}/currency_code", currency, area=area)
        return
    where = f"{field}/value"
    decimals = len(value.partition(".")[2])
    if decimals and DECIMALS[currency] == 0:
        yield detail("DECIMALS_NOT_SUPPORTED", where, value)
    elif decimals > DECIMALS[currency]:
        yield detail("DECIMAL_PRECISION", where, value)
    amount = Decimal(value)
    if positive and amount <= 0:
        yield detail("CANNOT_BE_ZERO_OR_NEGATIVE", where, value)
    elif amount < 0:
        yield detail("CANNOT_BE_NEGATIVE", where, value)
    if amount > LARGEST and not area:
        yield detail("MAX_VALUE_EXCEEDED", where, value)


def read_amount(body: Mapping[str, Any]) -> Money | None:
    """Return the `amount` of a request to Payments v2, or None where none is given; refuses what is no amount."""
    given = body.get("amount")
    if given is None:
        return None
    wrong = list(syntax_errors(given, "/amount", area="payments"))
    if wrong:
        raise Problem(400, *wrong)
    wrong = list(value_errors(given, "/amount", positive=True, area="payments"))
    if wrong:
        raise Problem(422, *wrong)
    return money_of(given)
