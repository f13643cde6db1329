"""Posting journal entries: what SAP checks before a document gets its number, and the lines it leaves in the books.

Follows https://api.sap.com/api/JOURNALENTRYCREATEREQUESTCONFI (Journal Entry – Post, synchronous). An entry has one
transaction currency; its amounts add up to zero in that and in the company's. This system keeps no exchange rates: an
entry in another currency brings its amounts in the company's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from assay.simkit import World
from assay.simkit.odata import Row
from assay.simkit.odata.values import decimal_text, strip_zeros, wire_date, wire_time
from mocks.sap_s4hana.model_journal import JOURNAL_ITEM
from mocks.sap_s4hana.pricing import decimals
from mocks.sap_s4hana.state import SapState, today

COMPANY_CODE = "1010"
CHART_OF_ACCOUNTS = "YCOA"
SYSTEM = "ASYCLNT100"
ACCOUNTS: Mapping[str, str] = {
    "11001000": "Bank",
    "11005000": "Clearing Stripe",
    "11005010": "Clearing PayPal",
    "11005020": "Clearing Adyen",
    "12120000": "Customer payments due",
    "22000000": "Output tax",
    "24000000": "Chargebacks and reserves",
    "41000000": "Revenue",
    "41900000": "Revenue deductions, refunds",
    "47600000": "Store credit",
    "65100000": "Payment charges",
    "70090000": "Rounding differences",
    "72010000": "Exchange rate differences",
}
_FIRST_DOCUMENT = 100_000_000
_MOST_ITEMS = 999
_AMOUNT = re.compile(r"[+-]?[0-9]{1,21}(\.[0-9]{1,9})?\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_HEADER_LIMITS = {
    "OriginalReferenceDocumentType": 5,
    "OriginalReferenceDocument": 20,
    "BusinessTransactionType": 4,
    "AccountingDocumentType": 2,
    "DocumentReferenceID": 16,
    "DocumentHeaderText": 25,
    "CreatedByUser": 12,
    "CompanyCode": 4,
    "Reference1InDocumentHeader": 20,
    "Reference2InDocumentHeader": 20,
}
_ITEM_LIMITS = {
    "GLAccount": 10,
    "DebitCreditCode": 1,
    "DocumentItemText": 50,
    "AssignmentReference": 18,
    "HouseBank": 5,
    "HouseBankAccount": 5,
    "CostCenter": 10,
    "ProfitCenter": 10,
}
_REQUIRED = ("AccountingDocumentType", "CompanyCode", "DocumentDate", "PostingDate")


@dataclass(frozen=True, slots=True)
class Note:
    """One line of a posting's log; `type_id` is message number and class, `severity` 1 (done) or 3 (refused)."""

    type_id: str
    severity: int
    text: str


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount as it was sent: the text and its currency code."""

    text: str
    currency: str


@dataclass(frozen=True, slots=True)
class Item:
    """One line to post: its texts by element name, its amounts (None where the element is absent)."""

    texts: Mapping[str, str]
    transaction: Amount | None
    company: Amount | None


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of an entry: its number and year, or neither where the notes refuse it."""

    document: str | None
    company_code: str
    year: str
    notes: Sequence[Note]


@dataclass(frozen=True, slots=True)
class _Line:
    """One checked line, its amounts signed."""

    item: Item
    transaction: Decimal
    company: Decimal


def accounts(world: World) -> Mapping[str, str]:
    """Return number and name of every G/L account; the setting `gl_accounts` adds and renames."""
    return {**ACCOUNTS, **world.settings.get("gl_accounts", {})}


def post(state: SapState, header: Mapping[str, str], items: Sequence[Item], user: str) -> Posted:
    """Post an entry, or refuse it with everything that is wrong with it; nothing is stored then."""
    world = state.world
    wrong = [*_header_problems(header), *_text_problems(items)]
    if not wrong:
        wrong = [*_item_problems(world, items)]
    lines = [] if wrong else [_line(world, item) for item in items]
    wrong += _balance_problems(world, lines) if lines else []
    if wrong:
        return Posted(None, "", "0000", [Note("609(RW)", 3, f"Error in document: BKPFF $ {SYSTEM}"), *wrong])
    number = str(world.ids.number("journal_entry", _FIRST_DOCUMENT))
    year = header["PostingDate"][:4]
    for position, line in enumerate(lines, 1):
        state.store.put(JOURNAL_ITEM, _row(state, header, line, number, position, user))
    key = f"{number.zfill(10)}{header['CompanyCode']}{year}"
    done = Note("605(RW)", 1, f"Document posted successfully: BKPFF {key} {SYSTEM}")
    return Posted(number.zfill(10), header["CompanyCode"], year, [done])


def _header_problems(header: Mapping[str, str]) -> Iterator[Note]:
    for name in _REQUIRED:
        if not header.get(name):
            yield Note("055(F5)", 3, f"Required field {name} was not transferred")
    yield from _too_long(header, _HEADER_LIMITS)
    for name in ("DocumentDate", "PostingDate"):
        if header.get(name) and not _is_day(header[name]):
            yield Note("083(00)", 3, f"{name} {header[name][:20]} is not a date in the form YYYY-MM-DD")
    code = header.get("CompanyCode")
    if code and code != COMPANY_CODE:
        yield Note("165(F5)", 3, f"Company code {code[:10]} is not defined")


def _text_problems(items: Sequence[Item]) -> Iterator[Note]:
    if not items:
        yield Note("002(RW)", 3, "Document does not contain any items")
    if len(items) > _MOST_ITEMS:
        yield Note("727(F5)", 3, f"Maximum number of items in FI reached: {len(items)} of {_MOST_ITEMS}")
    for item in items:
        yield from _too_long(item.texts, _ITEM_LIMITS)
        day = item.texts.get("ValueDate")
        if day and not _is_day(day):
            yield Note("083(00)", 3, f"ValueDate {day[:20]} is not a date in the form YYYY-MM-DD")


def _too_long(texts: Mapping[str, str], limits: Mapping[str, int]) -> Iterator[Note]:
    for name, limit in limits.items():
        if len(texts.get(name, "")) > limit:
            yield Note("349(00)", 3, f"{name} {texts[name][:60]} is longer than {limit} characters")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _item_problems(world: World, items: Sequence[Item]) -> Iterator[Note]:
    known = accounts(world)
    company = _company_currency(world)
    for item in items:
        number = strip_zeros(item.texts.get("GLAccount", ""))
        if not item.texts.get("GLAccount"):
            yield Note("055(F5)", 3, "Required field GLAccount was not transferred")
        elif number not in known:
            yield Note("507(F5)", 3, f"G/L account {number} is not defined in chart of accounts {CHART_OF_ACCOUNTS}")
        if item.transaction is None:
            yield Note("055(F5)", 3, "Required field AmountInTransactionCurrency was not transferred")
            continue
        amounts = [item.transaction] if item.company is None else [item.transaction, item.company]
        unfit = [note for amount in amounts for note in _amount_problems(world, amount)]
        yield from unfit
        if item.company is not None and item.company.currency != company:
            yield Note("014(RW)", 3, f"Inconsistent currency information: company code currency is {company}")
        elif not unfit:
            yield from _sign_problems(item, company)
    currencies = sorted({item.transaction.currency for item in items if item.transaction is not None})
    if len(currencies) > 1:
        yield Note("014(RW)", 3, f"Inconsistent currency information: {', '.join(currencies)} in one document")


def _amount_problems(world: World, amount: Amount) -> Iterator[Note]:
    if not _CURRENCY.match(amount.currency):
        yield Note("148(SG)", 3, f"Currency {amount.currency[:10] or '(none)'} is not provided for")
    elif not _AMOUNT.match(amount.text):
        yield Note("088(00)", 3, f"Amount {amount.text[:40]} is not a number")
    elif len(amount.text.partition(".")[2].rstrip("0")) > (places := decimals(world, amount.currency)):
        yield Note("089(00)", 3, f"Amount {amount.text} has more than the {places} decimals of {amount.currency}")


def _sign_problems(item: Item, company: str) -> Iterator[Note]:
    """Yield what the two amounts and the side of a line contradict each other in."""
    transaction = item.transaction or Amount("0", company)
    own = None if item.company is None else Decimal(item.company.text)
    side = item.texts.get("DebitCreditCode", "")
    if side not in ("", "S", "H"):
        yield Note("055(F5)", 3, f"DebitCreditCode {side} is neither S (debit) nor H (credit)")
    for amount in (Decimal(transaction.text), own or Decimal(0)):
        if (side == "S" and amount < 0) or (side == "H" and amount > 0):
            yield Note("186(F5)", 3, f"Amount {amount} contradicts debit/credit code {side}; credits are negative")
    if own is None and transaction.currency != company and Decimal(transaction.text):
        yield Note("105(SG)", 3, f"Enter rate {company} / {transaction.currency} rate type M in the system settings")
    if own is not None and transaction.currency == company and own != Decimal(transaction.text):
        yield Note("014(RW)", 3, f"Inconsistent currency information: {own} and {transaction.text} are both {company}")


def _company_currency(world: World) -> str:
    return str(world.settings.get("company_currency", "EUR"))


def _line(world: World, item: Item) -> _Line:
    amount = Decimal(item.transaction.text) if item.transaction is not None else Decimal(0)
    return _Line(item, amount, amount if item.company is None else Decimal(item.company.text))


def _balance_problems(world: World, lines: Sequence[_Line]) -> list[Note]:
    found = []
    if sum(line.transaction for line in lines):
        found.append(Note("022(RW)", 3, "Balance in transaction currency"))
    if sum(line.company for line in lines):
        found.append(Note("023(RW)", 3, f"Balance in company code currency {_company_currency(world)}"))
    return found


def _row(state: SapState, header: Mapping[str, str], line: _Line, number: str, position: int, user: str) -> Row:
    now, texts = state.world.now(), line.item.texts
    amount = line.transaction or line.company
    side = texts.get("DebitCreditCode") or ("H" if amount < 0 else "S")
    account = strip_zeros(texts["GLAccount"])
    day = date.fromisoformat(header["PostingDate"])
    currency = line.item.transaction.currency if line.item.transaction is not None else ""
    return JOURNAL_ITEM.row(
        CompanyCode=header["CompanyCode"],
        FiscalYear=f"{day.year:04}",
        AccountingDocument=number,
        AccountingDocumentItem=f"{position:03}",
        CompanyCodeName="Company Code 1010",
        ChartOfAccounts=CHART_OF_ACCOUNTS,
        PostingKey="50" if side == "H" else "40",
        FinancialAccountType="S",
        DebitCreditCode=side,
        ValueDate=wire_date(date.fromisoformat(texts["ValueDate"])) if texts.get("ValueDate") else None,
        GLAccount=account,
        GLAccountName=accounts(state.world)[account][:30],
        LedgerGLLineItem=f"{position:06}",
        ReferenceDocumentType=header.get("OriginalReferenceDocumentType", "") or "BKPFF",
        OriginalReferenceDocument=header.get("OriginalReferenceDocument", ""),
        FiscalPeriod=f"{day.month:03}",
        PostingDate=wire_date(day),
        DocumentDate=wire_date(date.fromisoformat(header["DocumentDate"])),
        AccountingDocumentType=header["AccountingDocumentType"],
        CompanyCodeCurrency=_company_currency(state.world),
        AmountInCompanyCodeCurrency=decimal_text(line.company),
        TransactionCurrency=currency,
        AmountInTransactionCurrency=decimal_text(line.transaction),
        AccountingDocumentCreationDate=today(now),
        CreationTime=wire_time(now),
        LastChangeDate=None,
        AccountingDocCreatedByUser=header.get("CreatedByUser", "") or user,
        DocumentReferenceID=header.get("DocumentReferenceID", "").upper(),
        AccountingDocumentHeaderText=header.get("DocumentHeaderText", ""),
        BusinessTransactionType=header.get("BusinessTransactionType", "") or "RFBU",
        Reference1InDocumentHeader=header.get("Reference1InDocumentHeader", "").upper(),
        Reference2InDocumentHeader=header.get("Reference2InDocumentHeader", "").upper(),
        Ledger="0L",
        **{
            name: texts.get(name, "")
            for name in ("DocumentItemText", "AssignmentReference", "HouseBank", "HouseBankAccount")
        },
        CostCenter=texts.get("CostCenter", ""),
        ProfitCenter=texts.get("ProfitCenter", ""),
    )
