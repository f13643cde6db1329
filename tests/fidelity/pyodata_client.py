"""pyodata against the SAP S/4HANA simulator: metadata, orders, filters, patches, deliveries, stock and partners."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyodata
import requests
from pyodata.exceptions import HttpError
from pyodata.v2.service import GetEntitySetFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fidelity.session import Session, Step

DISTRIBUTION = "pyodata"
SALES = "API_SALES_ORDER_SRV"
DELIVERY = "API_OUTBOUND_DELIVERY_SRV;v=0002"
STOCK = "API_MATERIAL_STOCK_SRV"
PRODUCT = "API_PRODUCT_SRV"
PARTNER = "API_BUSINESS_PARTNER"
JOURNAL = "API_OPLACCTGDOCITEMCUBE_SRV"
POSTING = "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi"
EXPECTED = {
    SALES: ("A_SalesOrder", "A_SalesOrderItem"),
    DELIVERY: ("A_OutbDeliveryHeader", "A_OutbDeliveryItem"),
    STOCK: ("A_MaterialStock", "A_MatlStkInAcctMod"),
    PRODUCT: ("A_Product", "A_ProductDescription"),
    PARTNER: ("A_BusinessPartner", "A_BusinessPartnerAddress"),
    JOURNAL: ("A_OperationalAcctgDocItemCube",),
}
REFERENCE = "SHOP 1/é'2"


class Caller:
    """An integration that speaks OData through pyodata; the CSRF handshake is its own, as pyodata leaves it to it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.services: dict[str, Any] = {}
        self.number = ""

    def read_metadata(self) -> str:
        """Build a client from each service's $metadata."""
        counts = []
        for name, expected in EXPECTED.items():
            connection = requests.Session()
            connection.auth = ("ASSAY", "secret-assay")
            service = pyodata.Client(f"{self.session.base_url}/sap/opu/odata/sap/{name}", connection)
            sets = {each.name for each in service.schema.entity_sets}
            assert sets.issuperset(expected), sets
            self.services[name] = service
            counts.append(f"{len(sets)} sets")
        return ", ".join(counts)

    def sign(self, name: str) -> Any:
        """Fetch a CSRF token for the service, keep it with the session cookie, and return the service."""
        service = self.services[name]
        answer = service.connection.head(service.url + "/", headers={"X-CSRF-Token": "Fetch"})
        answer.raise_for_status()
        service.connection.headers["X-CSRF-Token"] = answer.headers["X-CSRF-Token"]
        return service

    def _orders(self) -> Any:
        return self.services[SALES].entity_sets.A_SalesOrder

    def refuse_without_token(self) -> str:
        """A write without CSRF token is refused with 403 and the header that says so."""
        try:
            self._orders().create_entity().set(SalesOrderType="OR").execute()
        except HttpError as error:
            assert error.response.status_code == 403
            assert error.response.headers["x-csrf-token"] == "Required"
            return "403, x-csrf-token: Required"
        raise AssertionError("a write without token was accepted")

    def create_order(self) -> str:
        """Create a sales order with items and prices by deep insert."""
        service = self.sign(SALES)
        price = {"ConditionType": "PPR0", "ConditionRateValue": "10.50", "ConditionCurrency": "EUR"}
        created = (
            service.entity_sets.A_SalesOrder.create_entity()
            .set(
                SalesOrderType="OR",
                SalesOrganization="1010",
                DistributionChannel="10",
                OrganizationDivision="00",
                SoldToParty="10100001",
                PurchaseOrderByCustomer=REFERENCE,
                TransactionCurrency="EUR",
                to_Item=[
                    {"Material": "0017", "RequestedQuantity": "2", "to_PricingElement": [price]},
                    {"Material": "MUG-2", "RequestedQuantity": "1", "to_PricingElement": [price]},
                ],
            )
            .execute()
        )
        self.number = created.SalesOrder
        assert created.PurchaseOrderByCustomer == REFERENCE
        assert Decimal(created.TotalNetAmount) == Decimal("31.50"), created.TotalNetAmount
        return f"{self.number}, {created.TotalNetAmount} {created.TransactionCurrency}"

    def read_expanded(self) -> str:
        """Read the order by its key with items expanded."""
        found = self._orders().get_entity(self.number).expand("to_Item").execute()
        items = [(item.SalesOrderItem, item.Material, Decimal(item.RequestedQuantity)) for item in found.to_Item]
        assert items == [("10", "0017", Decimal(2)), ("20", "MUG-2", Decimal(1))], items
        assert found.CreationDate.date() == self.session.now().date()
        return f"{len(items)} items of {found.SalesOrder}"

    def navigate(self) -> str:
        """Follow the order's navigation to one item and to all."""
        order = self._orders().get_entity(self.number).execute()
        items = order.nav("to_Item").get_entities().execute()
        item = self.services[SALES].entity_sets.A_SalesOrderItem.get_entity(SalesOrder=self.number, SalesOrderItem="20")
        assert len(items) == 2
        assert item.execute().Material == "MUG-2"
        return f"{len(items)} items, item 20 by its key"

    def filter_orders(self) -> str:
        """Filter, order, select, page and count."""
        sets = self._orders()
        query = sets.get_entities()
        found = query.filter(
            GetEntitySetFilter.and_(query.PurchaseOrderByCustomer == REFERENCE, query.SalesOrganization == "1010")
        ).execute()
        assert [order.SalesOrder for order in found] == [self.number]
        chained = sets.get_entities().filter(PurchaseOrderByCustomer__startswith="SHOP 1", TransactionCurrency="EUR")
        assert [order.SalesOrder for order in chained.execute()] == [self.number]
        assert not sets.get_entities().filter("PurchaseOrderByCustomer eq 'nobody'").execute()
        lines = self.services[SALES].entity_sets.A_SalesOrderItem
        page = (
            lines.get_entities()
            .filter(f"SalesOrder eq '{self.number}'")
            .order_by("SalesOrderItem desc")
            .select("SalesOrder,SalesOrderItem")
            .top(1)
            .count(inline=True)
        )
        rows = page.execute()
        assert ([row.SalesOrderItem for row in rows], rows.total_count) == (["20"], 2)
        assert lines.get_entities().count().execute() == 2
        return "by reference, by prefix, none; 1 of 2 items on a page"

    def patch_order(self) -> str:
        """Patch with the ETag answers 204; a stale ETag is refused with 412."""
        self.sign(SALES)
        before = self._orders().get_entity(self.number).execute()
        assert before.etag
        change = self._orders().update_entity(self.number).set(PurchaseOrderByCustomer="SHOP-2")
        change.add_headers({"If-Match": before.etag})
        change.execute()
        after = self._orders().get_entity(self.number).execute()
        assert after.PurchaseOrderByCustomer == "SHOP-2"
        assert after.etag != before.etag
        stale = self._orders().update_entity(self.number).set(PurchaseOrderByCustomer="SHOP-3")
        stale.add_headers({"If-Match": before.etag})
        try:
            stale.execute()
        except HttpError as error:
            assert error.response.status_code == 412, error.response.status_code
            return "204, then 412"
        raise AssertionError("a stale ETag was accepted")

    def read_error(self) -> str:
        """An order that does not exist answers 404 in SAP's error body."""
        try:
            self._orders().get_entity("9999999").execute()
        except HttpError as error:
            assert error.response.status_code == 404
            body = error.response.json()["error"]
            assert body["code"] and body["message"]["value"]
            return f"404 {body['code']}"
        raise AssertionError("an unknown order was found")

    def read_delivery(self) -> str:
        """Once time has passed, the order is delivered and its delivery readable."""
        stock = self._stock()
        self.session.advance(hours=2)
        deliveries = self.services[DELIVERY].entity_sets
        items = deliveries.A_OutbDeliveryItem.get_entities().filter(f"ReferenceSDDocument eq '{self.number}'").execute()
        numbers = {item.DeliveryDocument for item in items}
        assert len(items) == 2 and len(numbers) == 1, numbers
        header = deliveries.A_OutbDeliveryHeader.get_entity(numbers.pop()).execute()
        assert header.OverallGoodsMovementStatus == "C", header.OverallGoodsMovementStatus
        assert header.ActualGoodsMovementDate is not None
        order = self._orders().get_entity(self.number).execute()
        assert (order.OverallDeliveryStatus, order.OverallSDProcessStatus) == ("C", "C")
        assert stock - self._stock() == 2, (stock, self._stock())
        return f"{header.DeliveryDocument}, goods issued; stock {stock} to {self._stock()}"

    def _stock(self) -> Decimal:
        rows = self.services[STOCK].entity_sets.A_MatlStkInAcctMod.get_entities().filter("Material eq '0017'").execute()
        return sum((Decimal(row.MatlWrhsStkQtyInMatlBaseUnit) for row in rows), Decimal(0))

    def read_product(self) -> str:
        """Read a product whose number has leading zeros, with its descriptions."""
        found = self.services[PRODUCT].entity_sets.A_Product.get_entity("0017").expand("to_Description").execute()
        names = [text.ProductDescription for text in found.to_Description]
        assert "Théière & 茶" in names, names
        return f"{found.Product} {names[0]}"

    def create_partner(self) -> str:
        """Create a business partner with its address and read both again."""
        service = self.sign(PARTNER)
        created = (
            service.entity_sets.A_BusinessPartner.create_entity()
            .set(
                BusinessPartnerCategory="2",
                BusinessPartnerGrouping="BP02",
                OrganizationBPName1="Söhne & Co",
                to_BusinessPartnerAddress=[{"Country": "DE", "CityName": "Berlin", "PostalCode": "10115"}],
            )
            .execute()
        )
        query = service.entity_sets.A_BusinessPartner.get_entity(created.BusinessPartner)
        found = query.expand("to_BusinessPartnerAddress").execute()
        assert found.OrganizationBPName1 == "Söhne & Co"
        assert [address.CityName for address in found.to_BusinessPartnerAddress] == ["Berlin"]
        return str(found.BusinessPartner)

    def batch(self) -> str:
        """Read an order and change another thing in one $batch."""
        service = self.sign(SALES)
        batch = service.create_batch("fidelity")
        batch.add_request(service.entity_sets.A_SalesOrder.get_entity(self.number))
        changes = service.create_changeset("changes")
        change = service.entity_sets.A_SalesOrder.update_entity(self.number).set(PurchaseOrderByCustomer="SHOP-4")
        change.add_headers({"If-Match": "*"})
        changes.add_request(change)
        batch.add_request(changes)
        read, _changed = batch.execute()
        assert read.SalesOrder == self.number
        assert self._orders().get_entity(self.number).execute().PurchaseOrderByCustomer == "SHOP-4"
        return "1 read, 1 change"

    def read_journal(self) -> str:
        """Post a journal entry by SOAP and read its lines, filtered by document and day."""
        today = self.session.now().date()
        amounts = ((11005000, "S", "1000", "6.10"), (12120000, "H", "-1000", "-6.10"))
        lines = "".join(
            f"<Item><GLAccount>{account}</GLAccount>"
            f'<AmountInTransactionCurrency currencyCode="JPY">{amount}</AmountInTransactionCurrency>'
            f'<AmountInCompanyCodeCurrency currencyCode="EUR">{own}</AmountInCompanyCodeCurrency>'
            f"<DebitCreditCode>{side}</DebitCreditCode></Item>"
            for account, side, amount, own in amounts
        )
        content = (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:f="http://sap.com/xi/SAPSCORE/SFIN">'
            "<s:Body><f:JournalEntryBulkCreateRequest><JournalEntryCreateRequest><JournalEntry>"
            "<AccountingDocumentType>SA</AccountingDocumentType><CompanyCode>1010</CompanyCode>"
            f"<DocumentDate>{today}</DocumentDate><PostingDate>{today}</PostingDate>{lines}"
            "</JournalEntry></JournalEntryCreateRequest></f:JournalEntryBulkCreateRequest></s:Body></s:Envelope>"
        )
        service = self.services[JOURNAL]
        headers = {"Content-Type": "text/xml; charset=utf-8"}
        answer = service.connection.post(self.session.base_url + POSTING, data=content.encode(), headers=headers)
        assert answer.status_code == 200, answer.text
        document = answer.text.partition("<AccountingDocument>")[2].partition("<")[0]
        day = f"AccountingDocumentCreationDate ge datetime'{today}T00:00:00'"
        cube = service.entity_sets.A_OperationalAcctgDocItemCube.get_entities()
        found = (
            cube.filter(f"AccountingDocument eq '{document}' and {day}").order_by("AccountingDocumentItem").execute()
        )
        seen = [(each.DebitCreditCode, Decimal(each.AmountInCompanyCodeCurrency)) for each in found]
        assert seen == [("S", Decimal("6.10")), ("H", Decimal("-6.10"))], seen
        assert found[0].PostingDate.date() == today
        return f"{document}: {len(seen)} lines"


def steps(session: Session) -> Sequence[Step]:
    """Return the whole flow."""
    caller = Caller(session)
    return (
        caller.read_metadata,
        caller.refuse_without_token,
        caller.create_order,
        caller.read_expanded,
        caller.navigate,
        caller.filter_orders,
        caller.patch_order,
        caller.read_error,
        caller.batch,
        caller.read_delivery,
        caller.read_product,
        caller.create_partner,
        caller.read_journal,
    )
