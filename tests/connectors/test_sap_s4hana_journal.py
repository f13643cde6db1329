"""Lines of SAP's journal entries, in the shape of its document."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from assay.connectors.sap_s4hana import SapS4hana
from assay.errors import InfrastructureError, UsageError
from assay.money import Money
from assay.roles import Http, KeepsBooks

SINCE, UNTIL = datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 2, 12, tzinfo=UTC)
PATH = "/sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube"
USER = {"user": "ASSAY", "password": "canary"}


def millis(day: date) -> str:
    """A day as OData V2 writes it."""
    return f"/Date({int((day - date(1970, 1, 1)) / timedelta(milliseconds=1))})/"


def row(
    item: int = 1, *, account: str = "0011005000", amount: str = "8000", company: str = "49.38", **more: Any
) -> Any:
    """A line of an entry in yen."""
    day = more.pop("day", date(2026, 3, 2))
    own = {"CompanyCode": "1010", "FiscalYear": "2026", "AccountingDocument": "100000000", "GLAccount": account}
    own |= {"AccountingDocumentItem": f"{item:03}", "TransactionCurrency": "JPY", "CompanyCodeCurrency": "EUR"}
    own |= {"AmountInTransactionCurrency": amount, "AmountInCompanyCodeCurrency": company}
    own |= {"DocumentReferenceID": "R-1001", "DocumentItemText": "txn_1", "PostingDate": millis(day)}
    return {**own, "AccountingDocumentCreationDate": millis(day), "CreationTime": "PT09H00M00S", **more}


def book(vendor: Any, *rows: dict[str, Any]) -> None:
    """Let SAP hold these lines."""
    vendor.on("GET", PATH, {"d": {"results": list(rows), "__count": str(len(rows))}})


def test_a_line_carries_both_currencies_and_its_purpose(vendor: Any, http: Http) -> None:
    """Debits are above nothing and credits below, in the transaction's and the company's currency."""
    book(vendor, row(), row(2, account="0012120000", amount="-8000", company="-49.38", DocumentItemText=""))
    sap = SapS4hana(http, USER)
    debit, credit = sap.journal_lines(SINCE, UNTIL)
    assert isinstance(sap, KeepsBooks)
    assert (debit.entry, debit.account, debit.purpose) == ("1010/2026/100000000", "11005000", "clearing")
    assert (debit.amount, debit.company) == (Money(8000, "JPY"), Money(4938, "EUR"))
    assert (credit.purpose, credit.amount, credit.company) == ("receivable", Money(-8000, "JPY"), Money(-4938, "EUR"))
    assert (debit.reference, credit.reference) == ("txn_1", "R-1001")
    assert debit.posted_on == date(2026, 3, 2)
    assert "ge datetime'2026-03-01T00:00:00'" in vendor.asked[0].query["$filter"]


def test_the_span_is_by_the_instant(vendor: Any, http: Http) -> None:
    """SAP filters by the day; lines entered before or after the span on its days are left out."""
    book(
        vendor,
        row(day=date(2026, 3, 1), CreationTime="PT08H59M59S"),
        row(2, day=date(2026, 3, 1), CreationTime="PT09H00M00S"),
        row(3, CreationTime="PT12H00M00S"),
    )
    assert len(SapS4hana(http, USER).journal_lines(SINCE, UNTIL)) == 1


def test_a_company_says_what_its_own_accounts_stand_for(vendor: Any, http: Http) -> None:
    """A declared account wins over SAP's delivered chart; what nobody knows is other; a false purpose is refused."""
    book(vendor, row(account="0000477000"), row(2, account="11005000"), row(3, account="999"))
    sap = SapS4hana(http, {**USER, "accounts": "477000=fee, 11005000=bank"})
    assert [line.purpose for line in sap.journal_lines(SINCE, UNTIL)] == ["fee", "bank", "other"]
    with pytest.raises(UsageError, match="477000=costs"):
        SapS4hana(http, {**USER, "accounts": "477000=costs"})


@pytest.mark.parametrize(
    ("field", "broken"),
    [
        ("AmountInTransactionCurrency", row(amount="8000.5")),
        ("TransactionCurrency", row(TransactionCurrency="XXX")),
        ("CreationTime", row(CreationTime="09:00:00")),
        ("PostingDate", row(PostingDate="2026-03-02")),
    ],
)
def test_an_undocumented_shape_names_the_field(vendor: Any, http: Http, field: str, broken: dict[str, Any]) -> None:
    """What SAP's document does not have is refused with the place, never rounded."""
    book(vendor, broken)
    with pytest.raises(InfrastructureError) as refused:
        SapS4hana(http, USER).journal_lines(SINCE, UNTIL)
    assert field in str(refused.value)
