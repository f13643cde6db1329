"""Sales orders of the SAP simulator: deep insert, prices, changes, refusals, asked over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mocks.sap_caller import SapCaller, item, order_payload


def condition(kind: str, rate: str, currency: str = "EUR") -> dict[str, Any]:
    """Return a manual condition; no currency means a percentage."""
    return {"ConditionType": kind, "ConditionRateValue": rate, "ConditionCurrency": currency}


def test_deep_insert_returns_the_order_with_everything_nested(sap: SapCaller) -> None:
    """A created order answers 201 with Location, ETag, its items inline and numbers counted from 1 and 10."""
    reply = sap.post("A_SalesOrder", order_payload(to_Item=[item(), item("SKU-2", "1", "3.99")]))
    assert reply.status == 201
    assert reply.headers["location"].endswith("/API_SALES_ORDER_SRV/A_SalesOrder('1')")
    assert reply.headers["etag"] == reply.d["__metadata"]["etag"]
    assert reply.d["SalesOrder"] == "1"
    rows = reply.d["to_Item"]["results"]
    assert [row["SalesOrderItem"] for row in rows] == ["10", "20"]
    assert [row["ProductionPlant"] for row in rows] == ["1010", "1020"]
    assert "__deferred" in reply.d["to_Partner"]
    assert sap.order()["SalesOrder"] == "2"


def test_net_value_is_prices_less_discounts_plus_freight(sap: SapCaller) -> None:
    """Taxes and the rounding line stand beside the net value; header conditions count once."""
    priced = item(rate="10.00", quantity="3")
    priced["to_PricingElement"] += [condition("DRV1", "5.00"), condition("MWST", "20", "")]
    order = sap.order(to_Item=[priced], to_PricingElement=[condition("HD00", "4.90"), condition("DIFF", "0.02")])
    assert order["TotalNetAmount"] == "29.90"
    row = order["to_Item"]["results"][0]
    assert (row["NetAmount"], row["TaxAmount"]) == ("25.00", "5.00")
    amounts = {each["ConditionType"]: each["ConditionAmount"] for each in row["to_PricingElement"]["results"]}
    assert amounts == {"PPR0": "30.00", "DRV1": "-5.00", "MWST": "5.00"}
    header = {each["ConditionType"]: each["ConditionAmount"] for each in order["to_PricingElement"]["results"]}
    assert header == {"HD00": "4.90", "DIFF": "0.02"}


@pytest.mark.parametrize(
    ("currency", "rate", "expected"),
    [("JPY", "1234", "1234"), ("KWD", "1.234", "1.234"), ("EUR", "0.105", "0.11"), ("ISK", "990", "990")],
)
def test_amounts_have_the_decimals_of_their_currency(sap: SapCaller, currency: str, rate: str, expected: str) -> None:
    """A price is rounded half up to the decimals of the document's currency."""
    lines = [{"Material": "0017", "RequestedQuantity": "1", "to_PricingElement": [condition("PPR0", rate, currency)]}]
    assert sap.order(TransactionCurrency=currency, to_Item=lines)["TotalNetAmount"] == expected


def test_price_per_hundred_uses_the_condition_quantity(sap: SapCaller) -> None:
    """A rate per 100 pieces is divided before it is rounded."""
    line = item(quantity="7", rate="123.45")
    line["to_PricingElement"][0]["ConditionQuantity"] = "100"
    assert sap.order(to_Item=[line])["TotalNetAmount"] == "8.64"


def test_texts_partners_and_addresses_keep_every_character(sap: SapCaller) -> None:
    """Names, postcodes and notes come back letter by letter, whatever the script."""
    address = {"AddresseeFullName": "Zoë 李 & <Søn>", "PostalCode": "04101", "CityName": "Łódź", "Country": "FR"}
    partner = {"PartnerFunction": "SH", "Customer": "10100001", "to_Address": [address]}
    text = {"Language": "EN", "LongTextID": "TX01", "LongText": "Ring 🔔 twice\nsecond line"}
    number = sap.order(to_Partner=[partner], to_Text=[text])["SalesOrder"]
    order = sap.read(number, expand="to_Partner/to_Address,to_Text")
    ship_to = next(each for each in order["to_Partner"]["results"] if each["PartnerFunction"] == "SH")
    stored = ship_to["to_Address"]["results"][0]
    assert {name: stored[name] for name in address} == address
    assert order["to_Text"]["results"][0]["LongText"] == text["LongText"]
    assert [each["PartnerFunction"] for each in order["to_Partner"]["results"]] == ["SP", "SH", "BP", "PY"]


@pytest.mark.parametrize(
    ("changes", "status", "expected"),
    [
        ({"PurchaseOrderByCustomer": "x" * 36}, 400, "MaxLength=35"),
        ({"Unknown": "1"}, 400, "Property 'Unknown' is invalid"),
        ({"SoldToParty": "4711"}, 400, "Sold-to party 4711 not maintained"),
        ({"SalesOrderType": ""}, 400, "sales document type"),
        ({"SalesOrderType": "ZZ"}, 400, "ZZ is not defined"),
        ({"TransactionCurrency": "E1"}, 400, "currency E1"),
        ({"SalesOrderDate": "yesterday"}, 400, "SalesOrderDate"),
        ({"CompleteDeliveryIsDefined": "yes"}, 400, "true or false"),
        ({"to_Item": [item("NOPE")]}, 400, "Material NOPE is not defined"),
        ({"to_Item": [item(quantity="-1")]}, 400, "positive quantity"),
        ({"to_Item": [{"Material": "0017", "RequestedQuantity": 2}]}, 400, "in quotes"),
        ({"to_Item": [item(quantity="1.2345")]}, 400, "Scale=3"),
        ({"to_Item": [item(quantity="9" * 40)]}, 400, "Precision=15"),
        ({"to_Item": {"Material": "0017"}}, 400, "to_Item"),
        ({"to_Item": ["x"]}, 400, "JSON object"),
        ({"to_Item": [item(rate="9999999999999")]}, 400, "too large"),
        ({"to_Item": [item(RequestedQuantityUnit="KG")]}, 400, "Unit KG"),
        ({"to_PricingElement": [condition("ZZZZ", "1")]}, 400, "Condition type ZZZZ"),
        ({"to_PricingElement": [condition("HD00", "1", "USD")]}, 400, "differs from document currency"),
        ({"to_Partner": [{"Customer": "10100001"}]}, 400, "PartnerFunction"),
    ],
)
def test_what_sap_refuses_is_refused_in_saps_shape(
    sap: SapCaller, changes: dict[str, Any], status: int, expected: str
) -> None:
    """A payload that does not fit answers 400 with code, message and detail, and leaves no order behind."""
    reply = sap.post("A_SalesOrder", order_payload(**changes))
    assert reply.status == status
    assert expected in reply.message
    assert reply.body["error"]["innererror"]["errordetails"][0]["severity"] == "error"
    assert sap.get("A_SalesOrder/$count").text == "0"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b'"text"', b"1e999", b'{"to_Item": null, "SalesOrder": null}']
)
def test_an_unreadable_body_is_a_400_in_saps_shape(sap: SapCaller, content: bytes) -> None:
    """Bytes that are no JSON entity are refused, never a 500."""
    reply = sap.send("POST", "API_SALES_ORDER_SRV", "A_SalesOrder", content=content)
    assert reply.status == 400
    assert reply.message


def test_a_changed_quantity_prices_the_order_again(sap: SapCaller) -> None:
    """PATCH of an item answers 204 and moves item, order and schedule with it."""
    number = sap.order()["SalesOrder"]
    assert (
        sap.patch(f"A_SalesOrderItem(SalesOrder='{number}',SalesOrderItem='10')", {"RequestedQuantity": "4"}).status
        == 204
    )
    order = sap.read(number)
    assert order["TotalNetAmount"] == "42.00"
    assert order["to_Item"]["results"][0]["ItemGrossWeight"] == "4.8"


def test_items_and_conditions_can_be_added_and_removed(sap: SapCaller) -> None:
    """A POST below the order adds, a DELETE removes, and the net value follows both."""
    number = sap.order()["SalesOrder"]
    added = sap.post(f"A_SalesOrder('{number}')/to_Item", item("SKU-2", "1", "4.00"))
    assert (added.status, added.d["SalesOrderItem"]) == (201, "20")
    key = f"SalesOrder='{number}',SalesOrderItem='20'"
    surcharge = sap.post(f"A_SalesOrderItem({key})/to_PricingElement", condition("DRP1", "25", ""))
    assert (surcharge.status, surcharge.d["ConditionAmount"]) == (201, "-1.00")
    assert sap.read(number)["TotalNetAmount"] == "24.00"
    element = f"{key},PricingProcedureStep='105',PricingProcedureCounter='1'"
    assert sap.patch(f"A_SalesOrderItemPrElement({element})", {"ConditionRateValue": "50"}).status == 204
    assert sap.read(number)["TotalNetAmount"] == "23.00"
    assert sap.delete(f"A_SalesOrderItemPrElement({element})").status == 204
    assert sap.read(number)["TotalNetAmount"] == "25.00"
    assert sap.delete(f"A_SalesOrderItem({key})").status == 204
    assert sap.read(number)["TotalNetAmount"] == "21.00"
    assert sap.get(f"A_SalesOrderItem({key})").status == 404


def test_a_header_freight_can_be_added_later(sap: SapCaller) -> None:
    """A condition posted below the order is part of its net value."""
    number = sap.order()["SalesOrder"]
    assert sap.post(f"A_SalesOrder('{number}')/to_PricingElement", condition("HD00", "5")).status == 201
    assert sap.read(number)["TotalNetAmount"] == "26.00"


def test_a_rejected_item_leaves_the_net_value(sap: SapCaller) -> None:
    """A reason for rejection takes an item out of total and status, and back when it is lifted."""
    number = sap.order(to_Item=[item(), item("SKU-2", "1", "4.00")])["SalesOrder"]
    path = f"A_SalesOrderItem(SalesOrder='{number}',SalesOrderItem='10')"
    assert sap.patch(path, {"SalesDocumentRjcnReason": "00"}).status == 204
    order = sap.read(number)
    assert (order["TotalNetAmount"], order["OverallSDDocumentRejectionSts"]) == ("4.00", "B")
    assert sap.patch(path, {"SalesDocumentRjcnReason": ""}).status == 204
    order = sap.read(number)
    assert (order["TotalNetAmount"], order["OverallSDDocumentRejectionSts"]) == ("25.00", "A")


def test_delete_removes_the_order_with_all_below_it(sap: SapCaller) -> None:
    """A deleted order and its items, partners, prices and texts are gone."""
    text = {"Language": "EN", "LongTextID": "TX01", "LongText": "x"}
    number = sap.order(to_Text=[text], to_PricingElement=[condition("HD00", "1")])["SalesOrder"]
    assert sap.delete(f"A_SalesOrder('{number}')", etag=None).status == 428
    assert sap.delete(f"A_SalesOrder('{number}')").status == 204
    assert sap.get(f"A_SalesOrder('{number}')").status == 404
    for entity in ("A_SalesOrderItem", "A_SalesOrderHeaderPartner", "A_SalesOrderItemPrElement", "A_SalesOrderText"):
        assert sap.get(f"{entity}/$count").text == "0", entity


def test_change_stamps_grow_even_while_time_stands(sap: SapCaller) -> None:
    """Two changes at one instant have two stamps and two entity tags, so that a lost update is seen."""
    number = sap.order()["SalesOrder"]
    path = f"A_SalesOrder('{number}')"
    first = sap.get(path).headers["etag"]
    assert sap.patch(path, {"ShippingCondition": "02"}, etag=first).status == 204
    second = sap.get(path)
    assert second.headers["etag"] != first
    assert second.d["ShippingCondition"] == "02"
    assert sap.patch(path, {"ShippingCondition": "03"}, etag=first).status == 412
    assert sap.patch(path, {"ShippingCondition": "03"}, etag=None).status == 428
    assert sap.get(path).d["ShippingCondition"] == "02"


def test_read_only_fields_are_ignored_as_sap_ignores_them(sap: SapCaller) -> None:
    """What the document marks neither creatable nor updatable keeps SAP's own value."""
    order = sap.order(TotalNetAmount="999.99", OverallSDProcessStatus="C", CreatedByUser="ME")
    assert (order["TotalNetAmount"], order["OverallSDProcessStatus"]) == ("21.00", "A")
    assert sap.patch(f"A_SalesOrder('{order['SalesOrder']}')", {"SalesDocApprovalStatus": "B"}).status == 204
    assert sap.read(order["SalesOrder"])["SalesDocApprovalStatus"] == "A"


def test_a_purchase_order_number_may_repeat(sap: SapCaller) -> None:
    """SAP does not refuse a second order with the same customer reference; both are found by it."""
    sap.order()
    sap.order()
    assert len(sap.get("A_SalesOrder", filter="PurchaseOrderByCustomer eq 'SHOP-1'").rows) == 2
