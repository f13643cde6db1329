"""Writes contract.yaml from the declared entity sets: ``python -m mocks.sap_s4hana.contract``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assay.simkit.odata.openapi import openapi_document
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
    return openapi_document("SAP S/4HANA Cloud, as simulated", f"https://{HOST}", services, REQUIRED)


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
