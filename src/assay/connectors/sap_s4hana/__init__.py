"""SAP S/4HANA as a witness: sales orders, outbound deliveries, stock, materials and journal, read over OData V2.

Follows API_SALES_ORDER_SRV, API_OUTBOUND_DELIVERY_SRV (version 2), API_MATERIAL_STOCK_SRV, API_PRODUCT_SRV and
API_OPLACCTGDOCITEMCUBE_SRV. Status words are SAP's one-letter codes, and `document_date` is a date of the business,
not an instant.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NoReturn
from urllib.parse import quote

from assay.connectors.sap_s4hana.dates import date_of, instant_of, moment_of
from assay.connectors.sap_s4hana.journal import created_at, declared_accounts, decode_line
from assay.connectors.sap_s4hana.materials import MATERIALS, MATERIALS_READ, decode_material
from assay.errors import InfrastructureError
from assay.http import Answer, basic_authorization
from assay.records import Condition, CreationRule, Document, JournalLine, Line, Material, ReferenceRule, StockLevel
from assay.roles import ConnectorHead, Http, Reply

_ORDERS = "/sap/opu/odata/sap/API_SALES_ORDER_SRV"
_DELIVERIES = "/sap/opu/odata/sap/API_OUTBOUND_DELIVERY_SRV;v=0002"
_STOCK = "/sap/opu/odata/sap/API_MATERIAL_STOCK_SRV"
_JOURNAL = "/sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube"
# Clients write a service's version as `;v=0002`, `;v=2` or not at all, and a key with or without percent-encoding.
_IN_ORDERS = r"^/sap/opu/odata/sap/API_SALES_ORDER_SRV(?:(?:;|%3B)v=\d+)?"
_IN_DELIVERIES = r"^/sap/opu/odata/sap/API_OUTBOUND_DELIVERY_SRV(?:(?:;|%3B)v=\d+)?"
_KEY = r"(?:\(|%28)(?:\w+(?:=|%3D))?(?:'|%27)(?P<id>[^'%/]+)(?:'|%27)[^/]*(?:/.*)?$"
_WRITES = ("POST", "PATCH", "MERGE", "PUT", "DELETE")


def _rule(method: str, path: str, *strong: str) -> ReferenceRule:
    return ReferenceRule(method=method, path=path, strong=strong)


_ORDER_ANSWER = ("d.SalesOrder", "d.PurchaseOrderByCustomer")
_DELIVERY_ANSWER = ("d.DeliveryDocument", "d.to_DeliveryDocumentItem.results.*.ReferenceSDDocument")

HEAD = ConnectorHead(
    vendor="sap_s4hana",
    role="erp",
    live="https://my000000-api.s4hana.cloud.sap",
    sandbox=None,
    hosts=("*.s4hana.cloud.sap", "*.s4hana.ondemand.com"),
    credentials=("user", "password"),
    optional_credentials=("accounts",),
    references=(
        _rule("POST", rf"{_IN_ORDERS}/A_SalesOrder$", "PurchaseOrderByCustomer", *_ORDER_ANSWER),
        _rule(
            "GET",
            rf"{_IN_ORDERS}/A_SalesOrder$",
            "query:$filter~PurchaseOrderByCustomer eq '([^']+)'",
            "d.results.*.SalesOrder",
            "d.results.*.PurchaseOrderByCustomer",
        ),
        *(
            _rule(method, rf"{_IN_ORDERS}/A_SalesOrder\w*{_KEY}", "path:id", *_ORDER_ANSWER)
            for method in ("GET", *_WRITES)
        ),
        _rule(
            "POST",
            rf"{_IN_DELIVERIES}/A_OutbDeliveryHeader$",
            "to_DeliveryDocumentItem.results.*.ReferenceSDDocument",
            "to_DeliveryDocumentItem.*.ReferenceSDDocument",
            *_DELIVERY_ANSWER,
        ),
        _rule(
            "GET",
            rf"{_IN_DELIVERIES}/A_OutbDeliveryItem$",
            "d.results.*.ReferenceSDDocument",
            "d.results.*.DeliveryDocument",
        ),
        _rule("GET", rf"{_IN_DELIVERIES}/A_OutbDeliveryHeader$", "d.results.*.DeliveryDocument"),
        *(
            _rule(method, rf"{_IN_DELIVERIES}/A_OutbDelivery\w*{_KEY}", "path:id", *_DELIVERY_ANSWER)
            for method in ("GET", *_WRITES)
        ),
        _rule(
            "POST", rf"{_IN_DELIVERIES}/(?:PostGoodsIssue|PickAllItems|ConfirmPicking\w*)$", "query:DeliveryDocument"
        ),
    ),
    creations=(
        # This API has no idempotency key: the customer reference is what makes an order recognisable.
        CreationRule(
            kind="sales_order",
            method="POST",
            path=rf"{_IN_ORDERS}/A_SalesOrder$",
            key="",
            purpose=("PurchaseOrderByCustomer",),
        ),
    ),
    documents=(
        "https://api.sap.com/api/OP_API_SALES_ORDER_SRV_0001",
        "https://api.sap.com/api/OP_API_OUTBOUND_DELIVERY_SRV_0002",
        "https://api.sap.com/api/OP_API_MATERIAL_STOCK_SRV",
        "https://api.sap.com/api/OP_API_PRODUCT_SRV_0001",
        "https://api.sap.com/api/API_OPLACCTGDOCITEMCUBE_SRV",
    ),
)

_PAGE = 100
_SESSION_S = 600.0
"""How long a CSRF token is kept: less than SAP keeps an idle session (http/security_session_timeout)."""
_EXPANDED = ("$expand", "to_Item,to_Item/to_PricingElement,to_PricingElement,to_Text")
# Condition types of SAP's delivered pricing procedures (RVAA01 and S/4HANA's best practices) in our words.
_COMPONENTS = {
    **dict.fromkeys(("PPR0", "PR00", "PMP0"), "goods"),
    **dict.fromkeys(
        ("DRV1", "DRP1", "DRQ1", "K004", "K005", "K007", "RA00", "RA01", "HA00", "HB00", "HI01"), "discount"
    ),
    **dict.fromkeys(("HD00", "KF00", "FRA1", "FRB1", "FRC1", "YBHD"), "shipping"),
    **dict.fromkeys(("MWST", "MWSI", "TTX1", "UTXJ"), "tax"),
    "DIFF": "rounding",
}


class SapS4hana:
    """Reads one S/4HANA system with a communication user; errors carry SAP's own code and message.

    credentials: ``user``, ``password``; ``accounts`` says what accounts of a chart of one's own stand for:
    ``65100000=fee 11005000=clearing``.
    """

    def __init__(
        self, http: Http, credentials: Mapping[str, str], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = http
        self._headers = {
            "accept": "application/json",
            "authorization": basic_authorization(credentials["user"], credentials["password"]),
        }
        self._accounts = declared_accounts(credentials.get("accounts", ""))
        self._monotonic = monotonic
        self._writing: Mapping[str, str] = {}
        self._writing_until = 0.0

    def headers_for(self, method: str, path: str) -> Mapping[str, str]:
        """Return the headers by which SAP knows a call as ours; a write carries its CSRF token and session, too."""
        authorization = {"authorization": self._headers["authorization"]}
        if method.upper() in ("GET", "HEAD", "OPTIONS") or "/sap/opu/odata" not in path:
            return authorization
        if self._monotonic() >= self._writing_until:
            reply = self._http.request("GET", f"{_ORDERS}/", headers={**self._headers, "x-csrf-token": "Fetch"})
            token, cookies = reply.headers.get("x-csrf-token"), reply.headers.get("set-cookie")
            if reply.status != 200 or not token or not cookies:
                _refuse(reply, f"GET {_ORDERS}/", "CSRF token")
            self._writing = {"x-csrf-token": token, "cookie": _sent_back(cookies)}
            self._writing_until = self._monotonic() + _SESSION_S
        return {**authorization, **self._writing}

    def documents_of(self, order_ref: str) -> Sequence[Document]:
        """Return the sales orders whose customer reference is the shop's order number, each before its deliveries."""
        reference = quoted(order_ref)
        # An order in several parts has a reference of its own for each, and the whole one as the ship-to party's.
        named = f"PurchaseOrderByCustomer eq {reference} or PurchaseOrderByShipToParty eq {reference}"
        documents: list[Document] = []
        for entry in self._pages(f"{_ORDERS}/A_SalesOrder", (("$filter", named), _EXPANDED), "SalesOrder"):
            order = replace(decode_sales_order(entry), order_ref=order_ref)
            documents += (order, *self.deliveries_of(order.ref, order_ref=order_ref))
        return documents

    def documents(self, since: datetime, until: datetime) -> Sequence[Document]:
        """Return all sales orders created in [since, until), by number.

        A sales order has a date of creation in this API and no time of day: all orders of the first and of the last
        day are included.
        """
        last = until - timedelta(microseconds=1)
        params = (
            (
                "$filter",
                f"CreationDate ge datetime'{since.astimezone(UTC):%Y-%m-%d}T00:00:00' and "
                f"CreationDate le datetime'{last.astimezone(UTC):%Y-%m-%d}T00:00:00'",
            ),
            ("$expand", "to_Item"),
        )
        return [decode_sales_order(entry) for entry in self._pages(f"{_ORDERS}/A_SalesOrder", params, "SalesOrder")]

    def journal_lines(self, since: datetime, until: datetime) -> Sequence[JournalLine]:
        """Return every line of the journal entries created in [since, until), by entry; SAP's times have whole seconds.

        A line's reference is its text where it has one, else that of its entry.
        """
        first, last = (each.astimezone(UTC) for each in (since, until - timedelta(microseconds=1)))
        named = (
            f"AccountingDocumentCreationDate ge datetime'{first:%Y-%m-%d}T00:00:00' and "
            f"AccountingDocumentCreationDate le datetime'{last:%Y-%m-%d}T00:00:00'"
        )
        order = "CompanyCode,FiscalYear,AccountingDocument,AccountingDocumentItem"
        rows = self._pages(_JOURNAL, (("$filter", named),), order)
        begun = since.replace(microsecond=0)
        return [decode_line(row, self._accounts) for row in rows if begun <= created_at(row) < until]

    def sales_order(self, ref: str) -> Document:
        """Return one sales order by SAP's number; `LookupError` when SAP has none."""
        path = f"{_ORDERS}/A_SalesOrder({quote(quoted(ref), safe=chr(39))})"
        return decode_sales_order(self._get(path, (("$expand", "to_Item"),), what=f"sales order {ref}").at("d"))

    def deliveries_of(self, sales_order: str, *, order_ref: str | None = None) -> Sequence[Document]:
        """Return the outbound deliveries that refer to a sales order, by number."""
        params = (("$filter", f"ReferenceSDDocument eq {quoted(sales_order)}"),)
        items: dict[str, list[Answer]] = {}
        key = "DeliveryDocument,DeliveryDocumentItem"
        for item in self._pages(f"{_DELIVERIES}/A_OutbDeliveryItem", params, key):
            items.setdefault(item.text("DeliveryDocument"), []).append(item)
        return [
            decode_delivery(self._delivery_header(ref), items[ref], parent_ref=sales_order, order_ref=order_ref)
            for ref in sorted(items)
        ]

    def materials(self) -> Sequence[Material]:
        """Return every material by number, those marked for deletion among them."""
        found = self._pages(MATERIALS, MATERIALS_READ, "Product")
        return [decode_material(entry) for entry in found]

    def stock(self, sku: str) -> Sequence[StockLevel]:
        """Return unrestricted stock by plant and storage location (``1010/101A``); `LookupError` without the material.

        Stock in quality inspection, blocked, or owned by somebody else is not counted: it cannot be promised.
        """
        path = f"{_STOCK}/A_MaterialStock({quote(quoted(sku), safe=chr(39))})"
        params = (("$expand", "to_MatlStkInAcctMod"),)
        return decode_stock(self._get(path, params, what=f"material {sku}").at("d"))

    def _delivery_header(self, ref: str) -> Answer:
        path = f"{_DELIVERIES}/A_OutbDeliveryHeader({quote(quoted(ref), safe=chr(39))})"
        return self._get(path, (), what=f"outbound delivery {ref}").at("d")

    def _pages(self, path: str, params: Sequence[tuple[str, str]], order_by: str) -> Iterator[Answer]:
        """Walk a collection by $skip and $top until $inlinecount rows are seen; a page may hold fewer than asked."""
        seen = 0
        while True:
            page = self._get(
                path,
                (
                    *params,
                    ("$orderby", order_by),
                    ("$top", str(_PAGE)),
                    ("$skip", str(seen)),
                    ("$inlinecount", "allpages"),
                ),
                what=path,
            )
            rows = page.items("d.results")
            total = int(page.decimal("d.__count"))
            yield from rows
            seen += len(rows)
            if seen >= total:
                return
            if not rows:
                page.refuse("d.results", f"rows up to the {total} that SAP counted; {seen} came")

    def _get(self, path: str, params: Sequence[tuple[str, str]], *, what: str) -> Answer:
        reply = self._http.request("GET", path, params=params, headers=self._headers)
        if reply.status != 200:
            _refuse(reply, f"GET {path}", what)
        return Answer.of(reply, system="sap_s4hana", operation=f"GET {path}")


def _sent_back(set_cookie: str) -> str:
    """Return the Cookie header for what Set-Cookie headers said, joined by commas: names and values without dates."""
    return "; ".join(re.findall(r"(?:^|,\s*)([^=;,\s]+=[^;,]*)", set_cookie))


def quoted(value: str) -> str:
    """Write a text as an OData V2 literal: in single quotes, those inside doubled."""
    return "'" + value.replace("'", "''") + "'"


def decode_sales_order(entry: Answer) -> Document:
    """Turn A_SalesOrder with to_Item expanded into our record.

    `status` is OverallSDProcessStatus (A not started, B in process, C complete, empty: not relevant), followed by
    ``approval=X`` (SalesDocApprovalStatus) and ``rejection=X`` (OverallSDDocumentRejectionSts) where SAP has set them.
    `total` is the net amount of the whole document.
    """
    words = [entry.text_or("OverallSDProcessStatus", "")]
    for word, member in (("approval", "SalesDocApprovalStatus"), ("rejection", "OverallSDDocumentRejectionSts")):
        code = entry.text_or(member, "").strip()
        if code and not (word == "rejection" and code == "A"):  # A: nothing was rejected
            words.append(f"{word}={code}")
    return Document(
        system="sap_s4hana",
        ref=entry.text("SalesOrder"),
        kind="sales_order",
        order_ref=entry.text_or("PurchaseOrderByCustomer", "") or None,
        status=" ".join(words).strip(),
        lines=tuple(_order_line(item) for item in entry.items("to_Item.results")),
        total=entry.decimal("TotalNetAmount"),
        currency=entry.text("TransactionCurrency"),
        document_date=date_of(entry, "SalesOrderDate"),
        changed_at=moment_of(entry, "LastChangeDateTime"),
        whole_ref=entry.text_or("PurchaseOrderByShipToParty", "") or None,
        reference=entry.text_or("PurchaseOrderByCustomer", "") or None,
        conditions=_conditions(entry),
        texts=_texts(entry),
        rejected=_is_rejected(entry),
    )


def _is_rejected(entry: Answer) -> bool:
    """Say whether every item is rejected (OverallSDDocumentRejectionSts C) or nobody approves (approval status C)."""
    return "C" in (entry.text_or("OverallSDDocumentRejectionSts", ""), entry.text_or("SalesDocApprovalStatus", ""))


def decode_delivery(
    header: Answer, items: Sequence[Answer], *, parent_ref: str, order_ref: str | None = None
) -> Document:
    """Turn A_OutbDeliveryHeader and its items into our record.

    `status` is OverallGoodsMovementStatus (A not started, B partly, C posted, empty: not relevant). `created_at` takes
    SAP's system time as UTC, which it is in S/4HANA Cloud.
    """
    return Document(
        system="sap_s4hana",
        ref=header.text("DeliveryDocument"),
        kind="delivery",
        order_ref=order_ref,
        status=header.text_or("OverallGoodsMovementStatus", ""),
        lines=tuple(_delivery_line(item) for item in items),
        document_date=date_of(header, "DocumentDate"),
        created_at=instant_of(header, "CreationDate", "CreationTime"),
        parent_ref=parent_ref,
        posted=header.text_or("OverallGoodsMovementStatus", "") == "C",
    )


def decode_stock(entry: Answer) -> list[StockLevel]:
    """Turn A_MaterialStock with to_MatlStkInAcctMod expanded into levels, summed by plant and storage location."""
    sku = entry.text("Material")
    levels: dict[str, Decimal] = {}
    for row in entry.items("to_MatlStkInAcctMod.results"):
        # Stock type 01 is unrestricted use; a special stock belongs to a customer, supplier, project or order.
        if row.text("InventoryStockType") != "01" or row.has("InventorySpecialStockType"):
            continue
        place = "/".join(part for part in (row.text_or("Plant", ""), row.text_or("StorageLocation", "")) if part)
        levels[place] = levels.get(place, Decimal(0)) + row.decimal("MatlWrhsStkQtyInMatlBaseUnit")
    return [
        StockLevel(system="sap_s4hana", sku=sku, on_hand=level, location=place or None)
        for place, level in sorted(levels.items())
    ]


def _order_line(item: Answer) -> Line:
    return Line(
        sku=item.text("Material"),
        quantity=item.decimal("RequestedQuantity"),
        name=item.text_or("SalesOrderItemText", "") or None,
        ref=item.text_or("UnderlyingPurchaseOrderItem", "") or None,
        net=item.decimal("NetAmount") if item.has("NetAmount") else None,
        net_tax=item.decimal("TaxAmount") if item.has("TaxAmount") else None,
        conditions=_conditions(item),
        rejected=item.has("SalesDocumentRjcnReason"),
    )


def _conditions(entry: Answer) -> tuple[Condition, ...]:
    """Read to_PricingElement where it was expanded; statistical and inactive conditions make no value."""
    if not entry.has("to_PricingElement.results"):
        return ()
    found = []
    for each in entry.items("to_PricingElement.results"):
        if each.raw.get("ConditionIsForStatistics") or each.has("ConditionInactiveReason"):
            continue
        kind = each.text("ConditionType")
        found.append(
            Condition(
                kind=kind,
                component=_COMPONENTS.get(kind, "other"),
                amount=each.decimal("ConditionAmount"),
                currency=each.text_or("TransactionCurrency", ""),
            )
        )
    return tuple(found)


def _texts(entry: Answer) -> tuple[str, ...]:
    if not entry.has("to_Text.results"):
        return ()
    return tuple(each.text_or("LongText", "") for each in entry.items("to_Text.results"))


def _delivery_line(item: Answer) -> Line:
    return Line(
        sku=item.text("Material"),
        quantity=item.decimal("ActualDeliveryQuantity"),
        name=item.text_or("DeliveryDocumentItemText", "") or None,
    )


def _refuse(reply: Reply, operation: str, what: str) -> NoReturn:
    """Raise for an error answer: OData V2 has error.code and error.message.value."""
    if reply.status in (401, 403) and not reply.body.lstrip().startswith(b"{"):
        code, message = (
            f"HTTP {reply.status}",
            "not authorised",
        )  # the gateway answers with a page before OData is asked
    else:
        error = Answer.of(reply, system="sap_s4hana", operation=operation)
        code = error.text_or("error.code", "no code")
        message = error.text_or("error.message.value", "no message")
    if reply.status == 404:
        raise LookupError(f"sap_s4hana knows no {what}: {code}: {message}")
    raise InfrastructureError(
        f"sap_s4hana refused: {code}: {message}",
        where=operation,
        expected="status 200",
        seen=f"status {reply.status}",
        hint="check the communication user, its password and its role" if reply.status in (401, 403) else None,
    )
