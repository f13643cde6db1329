"""SEPA bank accounts: IBANs checked by ISO 13616, and what Stripe's published test IBANs do.

Source: https://docs.stripe.com/payments/sepa-debit/accept-a-payment (test account numbers, as known in 2025). Any other
well-formed IBAN pays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mocks.stripe.account import Document, letters
from mocks.stripe.error import invalid

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\Z")
_COUNTRIES = (
    "AD AT BE BG CH CY CZ DE DK EE ES FI FR GB GI GR HR HU IE IS IT LI LT LU LV MC MT NL NO PL PT RO SE SI SK SM VA"
)
_SEPA = frozenset(_COUNTRIES.split())
_FAILING = {
    "DE62370400440532013001", "DE78370400440532013004", "AT861904300235473202", "FR8420041010050500013M02607",
}  # fmt: skip
_SUCCESS, _FAILED = "sepa_debit", "sepa_debit_failed"
_NAMED = {
    "pm_success_de": "DE89370400440532013000",
    "pm_failed_de": "DE62370400440532013001",
    "pm_success_at": "AT611904300234573201",
    "pm_failed_at": "AT861904300235473202",
    "pm_success_fr": "FR1420041010050500013M02606",
    "pm_failed_fr": "FR8420041010050500013M02607",
}


@dataclass(frozen=True, slots=True)
class BankAccount:
    """A bank account as Stripe shows it; `instrument` is what the simulator remembers of it."""

    details: Document
    instrument: str


def account_behind(iban: str) -> BankAccount:
    """Return the bank account of an IBAN, or refuse one that is not well-formed."""
    compact = iban.replace(" ", "").upper()
    if not _IBAN.match(compact) or compact[:2] not in _SEPA or not _is_checked(compact):
        raise invalid("The IBAN you provided is invalid.", "sepa_debit[iban]", "invalid_bank_account_iban")
    details: Document = {
        "bank_code": compact[4:12] if compact.startswith("DE") else compact[4:9],
        "branch_code": None,
        "country": compact[:2],
        "fingerprint": letters(f"iban:{compact}", 16),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": compact[-4:],
    }
    return BankAccount(details, _FAILED if compact in _FAILING else _SUCCESS)


def account_named(token: str) -> BankAccount | None:
    """Return the bank account behind one of Stripe's test payment method names, or None."""
    iban = _NAMED.get(token)
    return account_behind(iban) if iban else None


def is_failing(instrument: str) -> bool:
    """Return whether debits of this remembered account come back."""
    return instrument == _FAILED


def _is_checked(iban: str) -> bool:
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 == 1
