"""API_OPLACCTGDOCITEMCUBE_SRV as far as the simulator offers it: the lines of journal entries, to read only.

Follows https://api.sap.com/api/API_OPLACCTGDOCITEMCUBE_SRV. Amounts are signed, credits negative.
"""

from assay.simkit.odata import Model, entity_set

JOURNAL_ITEM = entity_set(
    "A_OperationalAcctgDocItemCube",
    """
    CompanyCode String(4) key ro
    FiscalYear String(4) key ro
    AccountingDocument String(10) key ro alpha
    AccountingDocumentItem String(3) key ro
    CompanyCodeName String(25) ro
    ChartOfAccounts String(4) ro
    PostingKey String(2) ro
    FinancialAccountType String(1) ro
    DebitCreditCode String(1) ro
    ValueDate DateTime(0) day ro
    AssignmentReference String(18) ro
    DocumentItemText String(50) ro
    CostCenter String(10) ro
    GLAccount String(10) ro alpha
    GLAccountName String(30) ro
    HouseBank String(5) ro
    HouseBankAccount String(5) ro
    ProfitCenter String(10) ro
    LedgerGLLineItem String(6) ro
    ReferenceDocumentType String(5) ro
    OriginalReferenceDocument String(20) ro
    FiscalPeriod String(3) ro
    PostingDate DateTime(0) day ro
    DocumentDate DateTime(0) day ro
    AccountingDocumentType String(2) ro
    CompanyCodeCurrency String(5) ro
    AmountInCompanyCodeCurrency Decimal(24,3) ro unit=CompanyCodeCurrency
    TransactionCurrency String(5) ro
    AmountInTransactionCurrency Decimal(24,3) ro unit=TransactionCurrency
    AccountingDocumentCreationDate DateTime(0) day ro
    CreationTime Time(0) ro
    LastChangeDate DateTime(0) day ro
    AccountingDocCreatedByUser String(12) ro
    DocumentReferenceID String(16) ro
    AccountingDocumentHeaderText String(25) ro
    BusinessTransactionType String(4) ro
    Reference1InDocumentHeader String(20) ro
    Reference2InDocumentHeader String(20) ro
    Ledger String(2) ro
    IsReversal Boolean ro
    IsReversed Boolean ro
    """,
    indexes=("AccountingDocument", "DocumentReferenceID"),
)

JOURNAL_MODEL = Model.of("API_OPLACCTGDOCITEMCUBE_SRV", (JOURNAL_ITEM,))
