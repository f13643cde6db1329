"""The SAP simulator's journal: entries posted by SOAP as SAP checks them, and their lines read by OData."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import pytest

from tests.mocks.sap_caller import SapCaller, SapServer

PATH = "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi"
JOURNAL = "API_OPLACCTGDOCITEMCUBE_SRV"
LINES = "A_OperationalAcctgDocItemCube"
SFIN = "http://sap.com/xi/SAPSCORE/SFIN"


@dataclass(frozen=True)
class Confirmed:
    """What became of one entry: its number (zeros where it was refused), the log's severity and its notes."""

    reference: str
    document: str
    severity: str
    notes: tuple[str, ...]


def line(account: str, amount: str, currency: str = "EUR", own: str | None = None, **texts: str) -> str:
    """Return one item; the side follows the sign of what is not zero."""
    negative = amount.startswith("-") or (own or "").startswith("-")
    company = (
        "" if own is None else f'<AmountInCompanyCodeCurrency currencyCode="EUR">{own}</AmountInCompanyCodeCurrency>'
    )
    rest = {"DebitCreditCode": "H" if negative else "S", **texts}
    return (
        f'<Item><GLAccount>{account}</GLAccount><AmountInTransactionCurrency currencyCode="{currency}">{amount}'
        f"</AmountInTransactionCurrency>{company}{''.join(f'<{k}>{v}</{k}>' for k, v in rest.items())}</Item>"
    )


def envelope(*entries: str, soap: str = "http://schemas.xmlsoap.org/soap/envelope/") -> bytes:
    """Return a posting of some entries."""
    wishes = "".join(
        f"<JournalEntryCreateRequest><MessageHeader><ID>E{number}</ID></MessageHeader>{entry}</JournalEntryCreateRequest>"
        for number, entry in enumerate(entries, 1)
    )
    return (
        f'<s:Envelope xmlns:s="{soap}" xmlns:f="{SFIN}"><s:Header/><s:Body><f:JournalEntryBulkCreateRequest>'
        f"<MessageHeader><ID>M1</ID></MessageHeader>{wishes}</f:JournalEntryBulkCreateRequest></s:Body></s:Envelope>"
    ).encode()


def entry(*lines: str, **header: str) -> str:
    """Return one journal entry; a header element given empty is left out."""
    texts = {
        "AccountingDocumentType": "SA",
        "DocumentReferenceID": "r-100",
        "CompanyCode": "1010",
        "DocumentDate": "2026-03-01",
        "PostingDate": "2026-03-02",
        **header,
    }
    return f"<JournalEntry>{''.join(f'<{k}>{v}</{k}>' for k, v in texts.items() if v)}{''.join(lines)}</JournalEntry>"


def send(server: SapServer, content: bytes, auth: tuple[str, str] = ("ASSAY", "secret-assay")) -> httpx.Response:
    """POST an envelope."""
    headers = {"Content-Type": "text/xml; charset=utf-8"}
    return httpx.post(server.url + PATH, content=content, headers=headers, auth=auth, trust_env=False)


def confirmed(answer: httpx.Response) -> list[Confirmed]:
    """Return what became of each entry."""
    assert answer.status_code == 200, answer.text
    root = ElementTree.fromstring(answer.content)
    return [
        Confirmed(
            each.findtext("MessageHeader/ReferenceID", ""),
            each.findtext("JournalEntryCreateConfirmation/AccountingDocument", ""),
            each.findtext("Log/MaximumLogItemSeverityCode", ""),
            tuple(note.text or "" for note in each.findall("Log/Item/Note")),
        )
        for each in root.iter("JournalEntryCreateConfirmation")
        if each.find("Log") is not None
    ]


def rows(server: SapServer, **options: str) -> list[Mapping[str, str]]:
    """Return the journal's lines in order."""
    sap = SapCaller(server.url)
    reply = sap.get(LINES, JOURNAL, orderby="AccountingDocument,AccountingDocumentItem", **options)
    sap.close()
    assert reply.status == 200, reply.text
    return list(reply.rows)


SALE = (
    line("11005000", "1000", "JPY", "6.10", DocumentItemText="txn &amp; é"),
    line("12120000", "-1000", "JPY", "-6.10"),
)


def test_a_posted_entry_is_read_line_by_line(sap_server: SapServer) -> None:
    """Lines carry both amounts signed, texts and references as sent, the header's reference in capitals."""
    sap_server.reset()
    (done,) = confirmed(send(sap_server, envelope(entry(*SALE))))
    assert (done.reference, done.document, done.severity) == ("E1", "0100000000", "1")
    debit, credit = rows(sap_server, filter="DocumentReferenceID eq 'R-100'")
    assert (debit["AmountInTransactionCurrency"], debit["AmountInCompanyCodeCurrency"]) == ("1000", "6.1")
    assert (credit["AmountInTransactionCurrency"], credit["DebitCreditCode"]) == ("-1000", "H")
    assert debit["DocumentItemText"] == "txn & é"
    assert (debit["AccountingDocument"], debit["AccountingDocumentItem"]) == ("100000000", "001")
    assert (debit["FiscalYear"], debit["FiscalPeriod"], debit["CreationTime"]) == ("2026", "003", "PT09H00M00S")


def test_lines_are_found_by_the_day_they_were_created(sap_server: SapServer) -> None:
    """A day's lines are those created on it, whatever their posting date."""
    sap_server.reset()
    send(sap_server, envelope(entry(*SALE)))
    sap_server.advance(days=1)
    send(sap_server, envelope(entry(*SALE)))
    day = sap_server.now.date().isoformat()
    found = rows(sap_server, filter=f"AccountingDocumentCreationDate ge datetime'{day}T00:00:00'")
    assert {row["AccountingDocument"] for row in found} == {"100000001"}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((line("11005000", "10"), line("12120000", "-9.99")), "Balance in transaction currency"),
        (
            (line("11005000", "1000", "JPY", "6.10"), line("12120000", "-1000", "JPY", "-6.09")),
            "Balance in company code currency EUR",
        ),
        ((line("11005000", "10"), line("12120000", "-10", "USD", "-10")), "Inconsistent currency information"),
        ((line("11005000", "1000", "JPY"), line("12120000", "-1000", "JPY")), "Enter rate EUR / JPY"),
        ((line("99", "10"), line("12120000", "-10")), "G/L account 99 is not defined"),
        ((line("11005000", "10.5", "JPY", "1"), line("12120000", "-10.5", "JPY", "-1")), "more than the 0 decimals"),
        ((line("11005000", "10"), line("12120000", "-10", DebitCreditCode="S")), "contradicts debit/credit code S"),
        ((line("11005000", "10", DocumentItemText="x" * 51), line("12120000", "-10")), "longer than 50 characters"),
        ((line("11005000", "10", own="11"), line("12120000", "-10")), "10 are both EUR"),
        ((line("11005000", "1e3"), line("12120000", "-10")), "is not a number"),
        ((), "does not contain any items"),
    ],
)
def test_what_does_not_add_up_is_refused_and_leaves_nothing(
    sap_server: SapServer, lines: tuple[str, ...], expected: str
) -> None:
    """A refused entry has severity 3, no number, says why, and no line of it is in the books."""
    sap_server.reset()
    (refused,) = confirmed(send(sap_server, envelope(entry(*lines))))
    assert (refused.document, refused.severity) == ("0000000000", "3")
    assert any(expected in note for note in refused.notes), refused.notes
    assert rows(sap_server) == []


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"CompanyCode": "2020"}, "Company code 2020 is not defined"),
        ({"PostingDate": ""}, "Required field PostingDate"),
        ({"DocumentDate": "01.03.2026"}, "is not a date"),
        ({"DocumentReferenceID": "x" * 17}, "longer than 16 characters"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(sap_server: SapServer, header: dict[str, str], expected: str) -> None:
    """Required fields, dates, lengths and the company code are checked before the lines."""
    sap_server.reset()
    (refused,) = confirmed(send(sap_server, envelope(entry(*SALE, **header))))
    assert any(expected in note for note in refused.notes), refused.notes


def test_each_entry_of_a_request_stands_for_itself(sap_server: SapServer) -> None:
    """One refused entry does not take the others along, and a posting sent twice is booked twice, as in SAP."""
    sap_server.reset()
    content = envelope(entry(*SALE), entry(line("11005000", "1")), entry(*SALE))
    assert [each.severity for each in confirmed(send(sap_server, content))] == ["1", "3", "1"]
    assert [each.document for each in confirmed(send(sap_server, content))] == [
        "0100000002", "0000000000", "0100000003",
    ]  # fmt: skip


def test_a_rate_difference_has_an_amount_in_the_company_currency_alone(sap_server: SapServer) -> None:
    """A line may be zero in the transaction's currency; its side follows its amount in the company's."""
    sap_server.reset()
    lines = (
        line("11005010", "-1000", "JPY", "-6.10"),
        line("11001000", "1000", "JPY", "6.00"),
        line("72010000", "0", "JPY", "0.10"),
    )
    assert confirmed(send(sap_server, envelope(entry(*lines))))[0].severity == "1"
    assert [row["AmountInCompanyCodeCurrency"] for row in rows(sap_server)] == ["-6.1", "6", "0.1"]


def test_more_accounts_come_by_setting(sap_server: SapServer) -> None:
    """The setting gl_accounts adds an account that entries may use."""
    sap_server.reset()
    sap_server.admin("settings", gl_accounts={"11009000": "Clearing cash on delivery"})
    lines = (line("11009000", "1"), line("12120000", "-1"))
    assert confirmed(send(sap_server, envelope(entry(*lines))))[0].severity == "1"
    sap_server.admin("settings", gl_accounts={})
    assert confirmed(send(sap_server, envelope(entry(*lines))))[0].severity == "3"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<a/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        envelope(),
        envelope(entry()).replace(b"SAPSCORE", b"X"),
    ],
)
def test_what_is_no_posting_is_a_soap_fault(sap_server: SapServer, content: bytes) -> None:
    """Anything but the service's request is answered with HTTP 500 and a fault that says what was seen."""
    answer = send(sap_server, content)
    assert answer.status_code == 500
    assert "Fault>" in answer.text
    assert answer.headers["content-type"].startswith("text/xml")


def test_soap_1_2_is_answered_in_its_kind(sap_server: SapServer) -> None:
    """An envelope of SOAP 1.2 gets one back, faults included."""
    sap_server.reset()
    soap = "http://www.w3.org/2003/05/soap-envelope"
    answer = send(sap_server, envelope(entry(*SALE), soap=soap))
    assert confirmed(answer)[0].severity == "1"
    assert answer.headers["content-type"].startswith("application/soap+xml")
    assert "Sender" in send(sap_server, envelope(soap=soap)).text


def test_only_known_users_post_and_nobody_writes_by_odata(sap_server: SapServer) -> None:
    """A wrong password is 401; the journal's entity set is to read only."""
    sap_server.reset()
    assert send(sap_server, envelope(entry(*SALE)), auth=("ASSAY", "wrong")).status_code == 401
    sap = SapCaller(sap_server.url).sign_in()
    assert sap.send("POST", JOURNAL, LINES, body={"CompanyCode": "1010"}).status == 405
    sap.close()


def test_books_survive_a_kill(sap_server: SapServer) -> None:
    """Lines posted before a SIGKILL are there after it, and numbers go on."""
    sap_server.reset()
    send(sap_server, envelope(entry(*SALE)))
    sap_server.kill()
    assert confirmed(send(sap_server, envelope(entry(*SALE))))[0].document == "0100000001"
    assert len(rows(sap_server)) == 4
