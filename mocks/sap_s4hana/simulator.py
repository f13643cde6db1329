"""The head of the SAP S/4HANA Cloud simulator: six OData V2 services and one SOAP service over one state."""

from __future__ import annotations

from assay.simkit import Answer, Call, Failure, Route, Simulator, World
from assay.simkit.odata import Behaviour, EntitySet, Service
from assay.simkit.odata.errors import ODataFault, error_answer
from mocks.sap_s4hana import deliveries, journal_soap, logistics, master, sales
from mocks.sap_s4hana.access import admit
from mocks.sap_s4hana.model_delivery import DELIVERY_MODEL
from mocks.sap_s4hana.model_journal import JOURNAL_MODEL
from mocks.sap_s4hana.model_master import PARTNER_MODEL, PRODUCT_MODEL, STOCK_MODEL
from mocks.sap_s4hana.model_sales import (
    ITEM_PARTNER,
    ITEM_TEXT,
    PARTNER,
    PARTNER_ADDRESS,
    SALES_MODEL,
    SCHEDULE_LINE,
    TEXT,
)
from mocks.sap_s4hana.state import HOST, SapState

_BASE = "/sap/opu/odata/sap/"


def _below_order(entity: EntitySet) -> Behaviour:
    return Behaviour(sales.create_child(entity), sales.update_child(entity), sales.delete_child(entity))


_CONDITION = Behaviour(sales.create_condition, sales.update_condition, sales.delete_condition)
SALES = Service(
    SALES_MODEL,
    _BASE + "API_SALES_ORDER_SRV",
    admit,
    {
        "A_SalesOrder": Behaviour(sales.create_order, sales.update_order, sales.delete_order),
        "A_SalesOrderItem": Behaviour(sales.create_item, sales.update_item, sales.delete_item),
        "A_SalesOrderHeaderPrElement": _CONDITION,
        "A_SalesOrderItemPrElement": _CONDITION,
        **{
            each.name: _below_order(each)
            for each in (PARTNER, ITEM_PARTNER, PARTNER_ADDRESS, TEXT, ITEM_TEXT, SCHEDULE_LINE)
        },
    },
    {"releaseApprovalRequest": logistics.release, "rejectApprovalRequest": logistics.reject},
)
DELIVERIES = Service(
    DELIVERY_MODEL,
    _BASE + "API_OUTBOUND_DELIVERY_SRV;v=0002",
    admit,
    {
        "A_OutbDeliveryHeader": Behaviour(deliveries.create, deliveries.update, deliveries.delete),
        "A_OutbDeliveryItem": Behaviour(None, deliveries.update_item, deliveries.delete_item),
    },
    {"PickAllItems": deliveries.pick_all, "PostGoodsIssue": deliveries.post_goods_issue},
)
_STOCK = Behaviour(refresh=logistics.receive_goods)
STOCK = Service(
    STOCK_MODEL, _BASE + "API_MATERIAL_STOCK_SRV", admit, {"A_MaterialStock": _STOCK, "A_MatlStkInAcctMod": _STOCK}
)
PRODUCTS = Service(
    PRODUCT_MODEL,
    _BASE + "API_PRODUCT_SRV",
    admit,
    {
        "A_Product": Behaviour(update=master.update_product),
        "A_ProductDescription": Behaviour(update=master.update_description),
    },
)
PARTNERS = Service(
    PARTNER_MODEL,
    _BASE + "API_BUSINESS_PARTNER",
    admit,
    {
        "A_BusinessPartner": Behaviour(master.create_partner, master.update_partner),
        "A_BusinessPartnerAddress": Behaviour(master.create_address),
        "A_BusinessPartnerRole": Behaviour(master.create_role),
        "A_AddressEmailAddress": Behaviour(master.create_email),
        "A_AddressPhoneNumber": Behaviour(master.create_phone),
    },
)
JOURNAL = Service(JOURNAL_MODEL, _BASE + "API_OPLACCTGDOCITEMCUBE_SRV", admit)
SERVICES = (SALES, DELIVERIES, STOCK, PRODUCTS, PARTNERS, JOURNAL)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "MERGE", "DELETE")


def _routes(service: Service) -> list[Route]:
    return [
        Route(method, path, service.handle)
        for path in (service.path, service.path + "/{path:path}")
        for method in _METHODS
    ]


def build_state(world: World) -> SapState:
    """Return the state with its master data seeded."""
    state = SapState(world)
    master.seed(state)
    return state


def unknown(state: SapState, call: Call) -> Answer:
    """Answer for a service this system does not have, as SAP Gateway does."""
    name = call.params["path"].partition("/")[0]
    fault = ODataFault(403, "/IWFND/MED/170", f"No service found for namespace '', name '{name[:60]}', version '0001'")
    return error_answer(fault, service="", transaction="", now=state.world.now())


def to_error(failure: Failure) -> Answer:
    """Turn a failure of routing or a fault of the edge into SAP's error body."""
    code = {404: "/IWFND/CM_CONSUMER/101", 405: "/IWFND/CM_MGW/092", 429: "429", 503: "503"}.get(failure.status, "")
    message = {"lang": "en", "value": failure.message}
    headers = {"Retry-After": str(failure.retry_after_s)} if failure.retry_after_s is not None else {}
    return Answer({"error": {"code": code or "/IWBEP/CM_MGW_RT/000", "message": message}}, failure.status, headers)


SIMULATOR = Simulator(
    vendor="sap_s4hana",
    title="SAP S/4HANA Cloud (OData V2, journal entries by SOAP)",
    hosts=(HOST,),
    state=build_state,
    routes=[
        *(route for service in SERVICES for route in _routes(service)),
        Route("POST", journal_soap.PATH, journal_soap.handle),
        *(Route(method, _BASE + "{path:path}", unknown) for method in _METHODS),
    ],
    error=to_error,
    jobs={"approve": logistics.approve, "deliver": logistics.deliver, "issue": logistics.issue},
    settings=(
        "users",
        "materials",
        "materials_file",
        "approval_s",
        "delivery_s",
        "goods_issue_s",
        "delivery_retry_s",
        "goods_receipts",
        "sales_order_types",
        "condition_types",
        "company_currency",
        "currency_decimals",
        "page_size",
        "session_s",
        "base_url",
        "created_by",
        "sales_organization",
        "gl_accounts",
    ),
    sources=(
        "https://api.sap.com/api/API_SALES_ORDER_SRV",
        "https://api.sap.com/api/API_OUTBOUND_DELIVERY_SRV_0002",
        "https://api.sap.com/api/API_MATERIAL_STOCK_SRV",
        "https://api.sap.com/api/API_PRODUCT_SRV",
        "https://api.sap.com/api/API_BUSINESS_PARTNER",
        "https://api.sap.com/api/API_OPLACCTGDOCITEMCUBE_SRV",
        "https://api.sap.com/api/JOURNALENTRYCREATEREQUESTCONFI",
    ),
    not_faked=(
        "Atom payloads: JSON alone is spoken, $metadata alone is XML",
        "clearing, reversal and tax of journal entries; customers and suppliers as accounts",
        "billing documents, credit management, availability beyond unrestricted stock",
        "SAP's own price determination: prices are the conditions the caller sends",
    ),
)
