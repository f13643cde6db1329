"""Lines of SAP's journal entries: what each account stands for, and what the shop wrote on them.

Follows API_OPLACCTGDOCITEMCUBE_SRV (Operational Journal Entry Item – Read). Amounts are signed there: a credit is
below nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime

from assay.connectors.sap_s4hana.dates import date_of, instant_of
from assay.errors import UsageError
from assay.http import Answer
from assay.money import EXPONENTS, Money
from assay.records import JournalLine

PURPOSES = ("receivable", "revenue", "tax", "clearing", "fee", "bank", "refund", "rate_difference", "other")
# Accounts of SAP's delivered chart of accounts (YCOA); a company's own are declared.
_ACCOUNTS = {
    **dict.fromkeys(("11001000", "11001005", "11002000"), "bank"),
    **dict.fromkeys(("11005000", "11005010", "11005020"), "clearing"),
    **dict.fromkeys(("12100000", "12120000", "12125000"), "receivable"),
    "22000000": "tax",
    **dict.fromkeys(("41000000", "41000400"), "revenue"),
    "41900000": "refund",
    "65100000": "fee",
    **dict.fromkeys(("72010000", "72040000", "72540000"), "rate_difference"),
}
_ASSIGNMENT = re.compile(r"[=:]")


def declared_accounts(text: str) -> dict[str, str]:
    """Read the credential ``accounts``: ``65100000=fee 11005000=clearing``; `UsageError` for a purpose that is none."""
    found = {}
    for each in text.replace(",", " ").split():
        account, *rest = _ASSIGNMENT.split(each, maxsplit=1)
        if not rest or rest[0] not in PURPOSES:
            raise UsageError(
                "accounts of sap_s4hana cannot be read",
                expected=f"account=purpose, where a purpose is {', '.join(PURPOSES)}",
                seen=each,
            )
        found[account.lstrip("0")] = rest[0]
    return found


def decode_line(row: Answer, accounts: Mapping[str, str]) -> JournalLine:
    """Turn a row of A_OperationalAcctgDocItemCube into our record; accounts: what a company's own stand for."""
    account = row.text("GLAccount").lstrip("0")
    return JournalLine(
        system="sap_s4hana",
        entry="/".join((row.text("CompanyCode"), row.text("FiscalYear"), row.text("AccountingDocument"))),
        account=account,
        purpose=accounts.get(account) or _ACCOUNTS.get(account, "other"),
        amount=_money(row, "AmountInTransactionCurrency", "TransactionCurrency"),
        company=_money(row, "AmountInCompanyCodeCurrency", "CompanyCodeCurrency"),
        posted_on=_day(row, "PostingDate"),
        reference=_reference(row),
        text=row.text_or("DocumentItemText", ""),
    )


def created_at(row: Answer) -> datetime:
    """Return when a line was entered: SAP's system time, which is UTC in S/4HANA Cloud."""
    at = instant_of(row, "AccountingDocumentCreationDate", "CreationTime")
    if at is None:
        row.refuse("AccountingDocumentCreationDate", "a day")
    return at


def _reference(row: Answer) -> str | None:
    """Return what the shop wrote: the line's text, which keeps small letters and has room, else the entry's reference.

    DocumentReferenceID holds 16 characters in capitals, too few for most gateways' references.
    """
    return row.text_or("DocumentItemText", "") or row.text_or("DocumentReferenceID", "") or None


def _money(row: Answer, amount: str, currency: str) -> Money:
    code = row.text(currency)
    if code not in EXPONENTS:
        row.refuse(currency, "an ISO 4217 currency in circulation")
    value = row.decimal(amount)
    minor = value.scaleb(EXPONENTS[code])
    if minor != minor.to_integral_value():
        row.refuse(amount, f"at most {EXPONENTS[code]} decimals, as ISO 4217 gives {code}")
    return Money(int(minor), code)


def _day(row: Answer, path: str) -> date:
    day = date_of(row, path)
    if day is None:
        row.refuse(path, "a day")
    return day
