"""Journal entries in SAP S/4HANA: posted by SOAP, looked up by OData.

Follows *Journal Entry – Post (Synchronous)* (https://api.sap.com/api/JOURNALENTRYCREATEREQUESTCONFI) and *Operational
Journal Entry Item – Read* (https://api.sap.com/api/API_OPLACCTGDOCITEMCUBE_SRV). Every entry of a message is posted or
refused for itself; SAP posts the same thing twice when it is asked twice, so the caller looks first.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from mocks.merchant.clients.sap_client import ROOT, SapClient, text_literal
from mocks.merchant.clients.transport import Refused

POST = "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi"
CUBE = f"{ROOT}/API_OPLACCTGDOCITEMCUBE_SRV"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_SFIN = "http://sap.com/xi/SAPSCORE/SFIN"
_POSTED = "1"
_LONGEST_TEXT, _LONGEST_REFERENCE, _LONGEST_HEADER = 50, 16, 25


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its account, and its amount in the entry's and in the company's currency; a credit is below nothing."""

    account: str
    amount: Decimal
    company: Decimal


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry. `text` stands on every line and finds it again; `reference` is cut to what SAP holds."""

    id: str
    reference: str
    header: str
    text: str
    currency: str
    company_currency: str
    day: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What SAP said to one entry: its number, or why it was refused."""

    id: str
    number: str | None
    why: str


def post_entries(sap: SapClient, entries: Sequence[Entry], company_code: str, at: str) -> list[Outcome]:
    """Post entries in one message; return what became of each. Raises `Refused` where nothing was read of it."""
    content = _envelope(entries, company_code, at)
    answer = sap.send_xml("journal", POST, content)
    try:
        root = ElementTree.fromstring(answer)  # noqa: S314 - the ERP is trusted
    except ElementTree.ParseError as error:
        raise Refused("sap_s4hana", "journal", 0, f"the answer is no XML: {error}") from error
    fault = next((each.findtext("faultstring") for each in root.iter(f"{{{_SOAP}}}Fault")), None)
    if fault is not None:
        raise Refused("sap_s4hana", "journal", 500, fault)
    answers = (each for each in root.iter() if _name(each) == "JournalEntryCreateConfirmation")
    return [_outcome(each) for each in answers if _find(each, "MessageHeader") is not None]


def is_posted(sap: SapClient, text: str) -> bool:
    """Say whether an entry whose lines bear this text is in SAP's books."""
    pages = sap.pages(
        CUBE,
        "A_OperationalAcctgDocItemCube",
        filter_=f"DocumentItemText eq {text_literal(text[:_LONGEST_TEXT])}",
        order="AccountingDocument,AccountingDocumentItem",
        page_size=1,
    )
    return bool(next(pages))


def _envelope(entries: Sequence[Entry], company_code: str, at: str) -> bytes:
    envelope = ElementTree.Element(f"{{{_SOAP}}}Envelope")
    ElementTree.SubElement(envelope, f"{{{_SOAP}}}Header")
    body = ElementTree.SubElement(envelope, f"{{{_SOAP}}}Body")
    request = ElementTree.SubElement(body, f"{{{_SFIN}}}JournalEntryBulkCreateRequest")
    _header(request, entries[0].id, at)
    for entry in entries:
        one = ElementTree.SubElement(request, "JournalEntryCreateRequest")
        _header(one, entry.id, at)
        _add_entry(one, entry, company_code)
    content: bytes = ElementTree.tostring(envelope, encoding="utf-8", xml_declaration=True)
    return content


def _header(parent: ElementTree.Element, id: str, at: str) -> None:
    header = ElementTree.SubElement(parent, "MessageHeader")
    _add(header, "ID", id)
    _add(header, "CreationDateTime", at)


def _add_entry(parent: ElementTree.Element, entry: Entry, company_code: str) -> None:
    node = ElementTree.SubElement(parent, "JournalEntry")
    _add(node, "OriginalReferenceDocumentType", "BKPFF")
    _add(node, "BusinessTransactionType", "RFBU")
    _add(node, "AccountingDocumentType", "SA")
    _add(node, "DocumentReferenceID", entry.reference[:_LONGEST_REFERENCE].upper())
    _add(node, "DocumentHeaderText", entry.header[:_LONGEST_HEADER])
    _add(node, "CreatedByUser", "HUB")
    _add(node, "CompanyCode", company_code)
    _add(node, "DocumentDate", entry.day)
    _add(node, "PostingDate", entry.day)
    for place, line in enumerate(entry.lines, 1):
        item = ElementTree.SubElement(node, "Item")
        _add(item, "ReferenceDocumentItem", str(place))
        _add(item, "GLAccount", line.account)
        _amount(item, "AmountInTransactionCurrency", line.amount, entry.currency)
        _amount(item, "AmountInCompanyCodeCurrency", line.company, entry.company_currency)
        _add(item, "DebitCreditCode", "S" if (line.amount or line.company) > 0 else "H")
        _add(item, "DocumentItemText", entry.text[:_LONGEST_TEXT])


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text


def _amount(parent: ElementTree.Element, name: str, amount: Decimal, currency: str) -> None:
    node = ElementTree.SubElement(parent, name, {"currencyCode": currency})
    node.text = f"{amount:f}"


def _outcome(confirmation: ElementTree.Element) -> Outcome:
    log = _find(confirmation, "Log")
    severity = _text(log, "MaximumLogItemSeverityCode")
    notes = [_text(each, "Note") for each in log or () if _name(each) == "Item"] if log is not None else []
    inner = _find(confirmation, "JournalEntryCreateConfirmation")
    number = _text(inner, "AccountingDocument") if severity == _POSTED else ""
    return Outcome(_text(_find(confirmation, "MessageHeader"), "ReferenceID"), number or None, "; ".join(notes))


def _find(node: ElementTree.Element | None, name: str) -> ElementTree.Element | None:
    return None if node is None else next((each for each in node if _name(each) == name), None)


def _text(node: ElementTree.Element | None, name: str) -> str:
    found = _find(node, name)
    return "" if found is None else (found.text or "")


def _name(node: ElementTree.Element) -> str:
    return str(node.tag).rpartition("}")[2]
