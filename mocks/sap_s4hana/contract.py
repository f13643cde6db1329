"""Writes contract.yaml from the declared entity sets: ``python -m mocks.sap_s4hana.contract``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assay.simkit.odata.openapi import openapi_document
from mocks.sap_s4hana.journal_soap import NAMESPACE, PATH, REQUEST
from mocks.sap_s4hana.simulator import SERVICES
from mocks.sap_s4hana.state import HOST

_SALES_AREA = ("SalesOrderType", "SalesOrganization", "DistributionChannel", "OrganizationDivision", "SoldToParty")
REQUIRED = {
    "A_SalesOrder": _SALES_AREA,
    "A_SalesOrderItem": ("Material",),
    "A_SalesOrderHeaderPartner": ("PartnerFunction",),
    "A_SalesOrderHeaderPrElement": ("ConditionType",),
    "A_SalesOrderItemPrElement": ("ConditionType",),
    "A_SalesOrderText": ("Language", "LongTextID"),
    "A_SalesOrderItemText": ("Language", "LongTextID"),
    "A_OutbDeliveryHeader": ("to_DeliveryDocumentItem",),
    "A_OutbDeliveryItem": ("ReferenceSDDocument", "ReferenceSDDocumentItem"),
    "A_Product": ("Product",),
    "A_BusinessPartner": ("BusinessPartnerCategory",),
    "A_BusinessPartnerAddress": ("Country",),
    "A_BusinessPartnerRole": ("BusinessPartnerRole",),
}


def document() -> dict[str, Any]:
    """Return the contract of everything the simulator offers."""
    services = {service.path: service.model for service in SERVICES}
    found = openapi_document("SAP S/4HANA Cloud, as simulated", f"https://{HOST}", services, REQUIRED)
    found["paths"][PATH] = {"post": _journal_operation()}
    return found


def _journal_operation() -> dict[str, Any]:
    def xml(schema: dict[str, Any]) -> dict[str, Any]:
        return {"text/xml": {"schema": schema}, "application/soap+xml": {"schema": schema}}

    parts = {"faultcode": {"type": "string"}, "faultstring": {"type": "string"}}
    fault = {"type": "object", "required": ["Fault"], "properties": {"Fault": {"type": "object", "properties": parts}}}
    return {
        "summary": "Post journal entries, each for itself",
        "description": "The content of a SOAP 1.1 or 1.2 body; elements below the request are in no namespace. Follows "
        "https://api.sap.com/api/JOURNALENTRYCREATEREQUESTCONFI (service JournalEntryCreateRequestConfirmation_In).",
        "requestBody": {"required": True, "content": xml(_journal_request())},
        "responses": {
            "200": {"description": "Posted or refused: the log's severity says which", "content": xml(_confirmation())},
            "401": {"$ref": "#/components/responses/Unauthorized"},
            "500": {"description": "SOAP fault: no such request", "content": xml(fault)},
        },
    }


def _confirmation() -> dict[str, Any]:
    text = {"type": "string"}
    note_parts = {"TypeID": text, "SeverityCode": {"enum": ["1", "2", "3"]}, "Note": text}
    note = {"type": "object", "required": list(note_parts), "properties": note_parts}
    log = {
        "type": "object",
        "required": ["MaximumLogItemSeverityCode", "Item"],
        "properties": {
            "MaximumLogItemSeverityCode": {"enum": ["1", "2", "3"]},
            "Item": {"type": "array", "minItems": 1, "items": note},
        },
    }
    parts = {
        "AccountingDocument": {"type": "string", "pattern": r"^\d{10}$"},
        "CompanyCode": {"type": "string", "maxLength": 4},
        "FiscalYear": {"type": "string", "pattern": r"^\d{4}$"},
    }
    inner = {"type": "object", "required": list(parts), "properties": parts}
    header_parts = {"UUID": text, "ReferenceID": text, "CreationDateTime": {"type": "string", "format": "date-time"}}
    header = {"type": "object", "required": ["UUID", "CreationDateTime"], "properties": header_parts}
    each_parts = {"MessageHeader": header, "JournalEntryCreateConfirmation": inner, "Log": log}
    each = {"type": "object", "required": list(each_parts), "properties": each_parts}
    return {
        "type": "object",
        "required": ["MessageHeader", "JournalEntryCreateConfirmation"],
        "properties": {
            "MessageHeader": header,
            "JournalEntryCreateConfirmation": {"type": "array", "minItems": 1, "items": each},
            "Log": {},
        },
        "xml": {"name": "JournalEntryBulkCreateConfirmation", "namespace": NAMESPACE, "prefix": "n0"},
    }


def _journal_request() -> dict[str, Any]:
    """Return the schema of a posting: texts of elements; amounts carry their currency as the attribute currencyCode."""
    amount = {"type": "string", "pattern": r"^[+-]?\d+(\.\d+)?$", "description": "attribute currencyCode: ISO 4217"}
    text = {"type": "string"}
    message = {"type": "object", "properties": {"ID": text, "UUID": text, "CreationDateTime": text}}
    item = {
        "type": "object",
        "required": ["GLAccount", "AmountInTransactionCurrency"],
        "properties": {
            "ReferenceDocumentItem": text,
            "GLAccount": {**text, "maxLength": 10},
            "AmountInTransactionCurrency": amount,
            "AmountInCompanyCodeCurrency": amount,
            "DebitCreditCode": {"enum": ["S", "H"]},
            "DocumentItemText": {**text, "maxLength": 50},
            "AssignmentReference": {**text, "maxLength": 18},
            "ValueDate": {**text, "format": "date"},
            "HouseBank": {**text, "maxLength": 5},
            "HouseBankAccount": {**text, "maxLength": 5},
            "AccountAssignment": {
                "type": "object",
                "properties": {"CostCenter": {**text, "maxLength": 10}, "ProfitCenter": {**text, "maxLength": 10}},
            },
        },
    }
    entry = {
        "type": "object",
        "required": ["AccountingDocumentType", "CompanyCode", "DocumentDate", "PostingDate", "Item"],
        "properties": {
            "OriginalReferenceDocumentType": {**text, "maxLength": 5},
            "OriginalReferenceDocument": {**text, "maxLength": 20},
            "BusinessTransactionType": {**text, "maxLength": 4},
            "AccountingDocumentType": {**text, "maxLength": 2},
            "DocumentReferenceID": {**text, "maxLength": 16},
            "DocumentHeaderText": {**text, "maxLength": 25},
            "CreatedByUser": {**text, "maxLength": 12},
            "CompanyCode": {**text, "maxLength": 4},
            "DocumentDate": {**text, "format": "date"},
            "PostingDate": {**text, "format": "date"},
            "Reference1InDocumentHeader": {**text, "maxLength": 20},
            "Reference2InDocumentHeader": {**text, "maxLength": 20},
            "Item": {"type": "array", "minItems": 1, "maxItems": 999, "items": item},
        },
    }
    wish = {"type": "object", "properties": {"MessageHeader": message, "JournalEntry": entry}}
    return {
        "type": "object",
        "required": ["JournalEntryCreateRequest"],
        "properties": {"MessageHeader": message, "JournalEntryCreateRequest": {"type": "array", "items": wish}},
        "xml": {"name": REQUEST, "namespace": NAMESPACE, "prefix": "sfin"},
    }


def main() -> None:
    """Write the file beside this module."""
    import yaml  # a test dependency; the simulator itself never needs it

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    text = yaml.dump(document(), Dumper=Dumper, default_flow_style=None, sort_keys=False, allow_unicode=True, width=120)
    head = (
        "# Written by `python -m mocks.sap_s4hana.contract` from the declared entity sets; a test holds both equal.\n"
    )
    Path(__file__).with_name("contract.yaml").write_text(head + text, encoding="utf-8")


if __name__ == "__main__":
    main()
