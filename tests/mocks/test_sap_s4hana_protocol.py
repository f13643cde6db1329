"""The OData V2 protocol as the SAP simulator speaks it: sign-in, tokens, queries, keys, metadata, batches, refusals."""

from __future__ import annotations

import random
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from tests.mocks.sap_caller import (
    BASE,
    DELIVERY,
    PARTNER,
    PRODUCT,
    SALES,
    STOCK,
    SapCaller,
    SapServer,
    order_payload,
)

# ── sign-in and token ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("header", [None, "Basic", "Basic !!!", "Basic QVNTQVk6d3Jvbmc=", "Bearer x", "Basic /////w=="])
def test_wrong_credentials_are_a_401_with_a_challenge(sap: SapCaller, header: str | None) -> None:
    """Missing, broken or wrong credentials answer 401 and ask for basic authentication."""
    headers = {} if header is None else {"Authorization": header}
    answer = httpx.get(f"{sap.url}{BASE}{SALES}/A_SalesOrder", headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_a_write_without_token_is_a_403_that_says_what_is_required(sap_server: SapServer) -> None:
    """No token, a wrong one, or another session's answers 403 with x-csrf-token: Required."""
    sap_server.reset()
    one, other = SapCaller(sap_server.url), SapCaller(sap_server.url).sign_in()
    for token in (None, "wrong", other.client.headers["X-CSRF-Token"]):
        headers = {} if token is None else {"X-CSRF-Token": token}
        reply = one.send("POST", SALES, "A_SalesOrder", body=order_payload(), headers=headers)
        assert (reply.status, reply.headers["x-csrf-token"]) == (403, "Required")
        assert reply.text == "CSRF token validation failed"
    assert one.get("A_SalesOrder/$count").text == "0"
    one.close()
    other.close()


def test_one_token_serves_a_session_until_it_expires(sap_server: SapServer, sap: SapCaller) -> None:
    """A session keeps its token over services and use; after 30 idle minutes a write needs a new one."""
    first = sap.client.headers["X-CSRF-Token"]
    sap.sign_in(PARTNER)
    assert sap.client.headers["X-CSRF-Token"] == first
    sap_server.advance(minutes=29)
    sap.order()
    sap_server.advance(minutes=29)
    sap.order()
    sap_server.advance(minutes=31)
    assert sap.post("A_SalesOrder", order_payload()).status == 403
    sap.sign_in()
    assert sap.client.headers["X-CSRF-Token"] != first
    sap.order()


def test_a_head_request_fetches_a_token_too(sap: SapCaller) -> None:
    """HEAD on the service root answers the token without a body."""
    answer = sap.client.head(f"{BASE}{SALES}/", headers={"X-CSRF-Token": "fetch"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["x-csrf-token"]


# ── queries ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def three(sap: SapCaller) -> SapCaller:
    """Three orders of 21.00, 42.00 and 63.00 EUR with references A'1, B/2 and C 3."""
    for index, reference in enumerate(("A'1", "B/2", "C 3"), 1):
        lines = order_payload()["to_Item"]
        lines[0]["RequestedQuantity"] = str(2 * index)
        day = f"2026-0{index}-05T00:00:00"
        sap.order(PurchaseOrderByCustomer=reference, to_Item=lines, SalesOrderDate=day)
    return sap


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PurchaseOrderByCustomer eq 'A''1'", ["1"]),
        ("PurchaseOrderByCustomer ne 'A''1'", ["2", "3"]),
        ("PurchaseOrderByCustomer eq 'a''1'", []),
        ("startswith(PurchaseOrderByCustomer,'B')", ["2"]),
        ("endswith(PurchaseOrderByCustomer,'3') eq true", ["3"]),
        ("substringof('/2',PurchaseOrderByCustomer)", ["2"]),
        ("tolower(PurchaseOrderByCustomer) eq 'c 3'", ["3"]),
        ("length(PurchaseOrderByCustomer) gt 2", ["1", "2", "3"]),
        ("TotalNetAmount gt 21", ["2", "3"]),
        ("TotalNetAmount ge 21.00M and TotalNetAmount lt 63m", ["1", "2"]),
        ("TotalNetAmount eq 42", ["2"]),
        ("SalesOrderDate ge datetime'2026-02-05T00:00:00'", ["2", "3"]),
        ("SalesOrderDate eq datetime'2026-02-05T00:00:00'", ["2"]),
        ("month(SalesOrderDate) eq 3", ["3"]),
        ("LastChangeDateTime gt datetimeoffset'2020-01-01T00:00:00Z'", ["1", "2", "3"]),
        ("LastChangeDateTime lt datetimeoffset'2020-01-01T00:00:00+02:00'", []),
        ("SalesOrder eq '0000000002'", ["2"]),
        ("SalesOrder eq '1' or SalesOrder eq '3'", ["1", "3"]),
        ("not (SalesOrder eq '1')", ["2", "3"]),
        ("(SalesOrder eq '1' or SalesOrder eq '2') and TotalNetAmount gt 30", ["2"]),
        ("SalesOrder eq '1' or SalesOrder eq '2' and TotalNetAmount gt 30", ["1", "2"]),
        ("CompleteDeliveryIsDefined eq false", ["1", "2", "3"]),
        ("CustomerPurchaseOrderDate eq null", ["1", "2", "3"]),
        ("CustomerPurchaseOrderDate gt datetime'2020-01-01T00:00:00'", []),
    ],
)
def test_filters_keep_what_they_say(three: SapCaller, text: str, expected: list[str]) -> None:
    """Comparison, logic, functions and literals of every type select as OData V2 defines them."""
    assert [row["SalesOrder"] for row in three.get("A_SalesOrder", filter=text).rows] == expected
    assert three.get("A_SalesOrder/$count", filter=text).text == str(len(expected))


@pytest.mark.parametrize(
    "text",
    [
        "Foo eq 1",
        "SalesOrder eq 1",
        "TotalNetAmount eq '1'",
        "SalesOrderDate gt datetimeoffset'2020-01-01T00:00:00Z'",
        "SalesOrderDate gt datetime'20-01-01'",
        "SalesOrder eq",
        "SalesOrder eq '1",
        "SalesOrder",
        "SalesOrder eq '1' and",
        "(SalesOrder eq '1'",
        "SalesOrder eq '1')",
        "SalesOrder foo '1'",
        "concat(SalesOrder) eq '1'",
        "nofunction(SalesOrder)",
        "TotalNetAmount add 1 eq 2",
        "to_Item/Material eq '0017'",
        "(" * 200 + "SalesOrder eq '1'" + ")" * 200,
        "§",
    ],
)
def test_a_filter_nobody_can_read_is_a_400(sap: SapCaller, text: str) -> None:
    """Unknown names, mixed types and broken syntax are refused with a message."""
    reply = sap.get("A_SalesOrder", filter=text)
    assert (reply.status, bool(reply.message)) == (400, True)


def test_order_page_and_count(three: SapCaller) -> None:
    """$orderby, $top, $skip and $inlinecount work together; numbers order as numbers."""
    reply = three.get("A_SalesOrder", orderby="TotalNetAmount desc", top=1, skip=1, inlinecount="allpages")
    assert reply.d["__count"] == "3"
    assert [row["SalesOrder"] for row in reply.rows] == ["2"]
    rows = three.get("A_SalesOrder", orderby="SalesOrderType,SalesOrder desc").rows
    assert [row["SalesOrder"] for row in rows] == ["3", "2", "1"]
    assert three.get("A_SalesOrder", top=0).rows == []


def test_a_big_answer_comes_in_pages(sap_server: SapServer, three: SapCaller) -> None:
    """Pages link to the next until all is read, with or without $top."""
    sap_server.admin("settings", page_size=2)
    seen, reply = [], three.get("A_SalesOrder", select="SalesOrder", orderby="SalesOrder desc")
    seen += [row["SalesOrder"] for row in reply.rows]
    link = httpx.get(reply.d["__next"], auth=("ASSAY", "secret-assay"), trust_env=False).json()["d"]
    seen += [row["SalesOrder"] for row in link["results"]]
    assert (seen, "__next" in link) == (["3", "2", "1"], False)
    assert "__next" not in three.get("A_SalesOrder", top=2).d
    assert "__next" in three.get("A_SalesOrder", top=3).d


def test_expand_and_select_shape_the_answer(three: SapCaller) -> None:
    """Nested expand brings rows in, select leaves the rest out, to-one ways work back."""
    row = three.get("A_SalesOrder('1')", expand="to_Item/to_PricingElement", select="SalesOrder,to_Item/Material").d
    assert set(row) == {"__metadata", "SalesOrder", "to_Item"}
    assert set(row["to_Item"]["results"][0]) == {"__metadata", "Material"}
    way = three.get("A_SalesOrderItem(SalesOrder='1',SalesOrderItem='10')", expand="to_SalesOrder").d
    assert way["to_SalesOrder"]["SalesOrder"] == "1"
    assert three.get("A_SalesOrderItem(SalesOrder='1',SalesOrderItem='10')/to_SalesOrder").d["SalesOrder"] == "1"


def test_keys_may_be_padded_encoded_and_in_any_order(three: SapCaller) -> None:
    """Leading zeros, percent-encoding and the order of key parts make no difference."""
    for path in (
        "A_SalesOrder('0000000001')",
        "A_SalesOrder(SalesOrder='1')",
        "A_SalesOrder(%271%27)",
        "A_SalesOrder('2')/to_Item(SalesOrder='2',SalesOrderItem='000010')",
        "A_SalesOrderItem(SalesOrderItem='10',SalesOrder='1')",
        "A_SalesOrderItem(SalesOrderItem='10',SalesOrder='1')/to_PricingElement",
        "A_SalesOrder('1')/TotalNetAmount",
    ):
        assert three.get(path).status == 200, path
    assert three.get("A_SalesOrder('1')/TotalNetAmount/$value").text == "21.00"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("A_SalesOrder('9')", 404),
        ("A_SalesOrder('1')/to_Item(SalesOrder='2',SalesOrderItem='10')", 404),
        ("A_SalesOrder('1')/Nothing", 404),
        ("A_SalesOrder('1')/SalesOrder/Deeper", 404),
        ("A_Nothing", 404),
        ("A_SalesOrder(1)", 400),
        ("A_SalesOrder()", 400),
        ("A_SalesOrder(Foo='1')", 400),
        ("A_SalesOrderItem('1')", 400),
        ("A_SalesOrderItem(SalesOrder='1')", 400),
        ("A_SalesOrder('" + "1" * 500 + "')", 400),
        ("A_Sales-Order", 404),
        ("A_SalesOrder?$top=-1", 400),
        ("A_SalesOrder?$top=x", 400),
        ("A_SalesOrder?$skip=99999999999999999999", 400),
        ("A_SalesOrder?$orderby=Foo", 400),
        ("A_SalesOrder?$expand=to_Foo", 400),
        ("A_SalesOrder?$select=Foo", 400),
        ("A_SalesOrder?$inlinecount=some", 400),
        ("A_SalesOrder?$format=yaml", 400),
        ("A_SalesOrder?$foo=1", 400),
        ("A_SalesOrder?$top=1&$top=2", 400),
        ("A_SalesOrder?sap-client=100&anything=else&$format=json", 200),
        ("%FF%FE", 404),
    ],
)
def test_addresses_lead_somewhere_or_are_refused(three: SapCaller, path: str, status: int) -> None:
    """What is not there is 404, what cannot be read 400, what is the caller's own is ignored."""
    answer = three.client.get(f"{BASE}{SALES}/{path}")
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.json()["error"]["message"]["value"]


@pytest.mark.parametrize(
    ("method", "path", "service"),
    [
        ("POST", "A_SalesOrder('1')", SALES),
        ("PATCH", "A_SalesOrder", SALES),
        ("DELETE", "A_SalesOrder", SALES),
        ("PUT", "$metadata", SALES),
        ("POST", "A_SalesOrderSubsqntProcFlow", SALES),
        ("GET", "releaseApprovalRequest?SalesOrder='1'", SALES),
        ("POST", "A_MatlStkInAcctMod", STOCK),
        ("DELETE", "A_BusinessPartner('10100001')", PARTNER),
        ("DELETE", "A_Product('0017')", PRODUCT),
    ],
)
def test_methods_the_document_does_not_allow_are_a_405(three: SapCaller, method: str, path: str, service: str) -> None:
    """Read-only sets, wrong levels and function imports by the wrong method are refused by name."""
    reply = three.send(method, service, path, body={})
    assert (reply.status, "not allowed" in reply.message) == (405, True)


def test_other_media_types_are_refused(sap: SapCaller) -> None:
    """A body that is no JSON is 415; a reader who takes no JSON is told so."""
    reply = sap.send("POST", SALES, "A_SalesOrder", content=b"<x/>", headers={"Content-Type": "application/atom+xml"})
    assert reply.status == 415
    assert sap.send("GET", SALES, "A_SalesOrder", headers={"Accept": "application/atom+xml"}).status == 406


def test_an_unknown_service_is_what_gateway_says(sap: SapCaller) -> None:
    """A service that is not active, or a version that is not there, is refused by name."""
    reply = sap.send("GET", "API_FOO_SRV", "A_Foo")
    assert (reply.status, reply.code) == (403, "/IWFND/MED/170")
    assert sap.send("GET", "API_OUTBOUND_DELIVERY_SRV", "A_OutbDeliveryHeader").status == 403


def test_post_can_carry_another_method(sap: SapCaller) -> None:
    """X-HTTP-Method on a POST, and MERGE, change like PATCH."""
    sap.order()
    path = "A_SalesOrder('1')"
    headers = {"X-HTTP-Method": "MERGE", "If-Match": "*"}
    assert sap.send("POST", SALES, path, body={"ShippingCondition": "07"}, headers=headers).status == 204
    assert sap.get(path).d["ShippingCondition"] == "07"
    assert sap.send("MERGE", SALES, path, body={"ShippingCondition": "08"}, headers={"If-Match": "*"}).status == 204
    assert sap.get(path).d["ShippingCondition"] == "08"


def test_if_none_match_answers_304(sap: SapCaller) -> None:
    """A reader who holds the current version gets no body."""
    sap.order()
    etag = sap.get("A_SalesOrder('1')").headers["etag"]
    reply = sap.send("GET", SALES, "A_SalesOrder('1')", headers={"If-None-Match": etag})
    assert (reply.status, reply.text) == (304, "")


@pytest.mark.parametrize("service", [SALES, DELIVERY, STOCK, PRODUCT, PARTNER])
def test_metadata_and_service_document_name_the_same_sets(sap: SapCaller, service: str) -> None:
    """$metadata is XML that lists exactly the sets of the service document."""
    reply = sap.get("$metadata", service)
    assert reply.headers["content-type"].startswith("application/xml")
    root = ElementTree.fromstring(reply.text)
    listed = [each.get("Name") for each in root.iter("{http://schemas.microsoft.com/ado/2008/09/edm}EntitySet")]
    assert listed == sap.get("", service).d["EntitySets"]


def test_addresses_in_answers_follow_the_caller_or_the_setting(sap_server: SapServer, sap: SapCaller) -> None:
    """Behind the vendor's host name addresses are the vendor's; a setting overrides both."""
    sap.order()
    vendor = {"Host": "my300000-api.s4hana.cloud.sap"}
    uri = sap.send("GET", SALES, "A_SalesOrder('1')", headers=vendor).d["__metadata"]["uri"]
    assert uri.startswith("https://my300000-api.s4hana.cloud.sap/sap/opu/")
    sap_server.admin("settings", base_url="https://erp.example/x/")
    assert sap.get("A_SalesOrder('1')").d["__metadata"]["uri"].startswith("https://erp.example/x/sap/opu/")


# ── batch ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def batch(sap: SapCaller, text: str) -> str:
    """Send a batch and return the whole answer."""
    content = text.replace("\n", "\r\n").encode()
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    reply = sap.send("POST", SALES, "$batch", content=content, headers=headers)
    assert reply.status == 202, reply.text
    return reply.text


_CHANGES = """--b
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

POST A_SalesOrder HTTP/1.1
Content-Type: application/json

{order}
--c
Content-Type: application/http
Content-ID: 2

POST $1/to_Item HTTP/1.1
Content-Type: application/json

{item}
--c--
--b
Content-Type: application/http

GET A_SalesOrder/$count HTTP/1.1


--b--
"""
_ORDER = (
    '{"SalesOrderType":"OR","SalesOrganization":"1010","DistributionChannel":"10","OrganizationDivision":"00",'
    '"SoldToParty":"10100001"}'
)


def test_a_change_set_is_done_whole_or_not_at_all(sap: SapCaller) -> None:
    """A failing change undoes its set and answers one error; reads beside it go on."""
    good = batch(
        sap, _CHANGES.replace("{order}", _ORDER).replace("{item}", '{"Material":"0017","RequestedQuantity":"1"}')
    )
    assert good.count("HTTP/1.1 201 Created") == 2
    assert good.rstrip().splitlines()[-2] == "1"
    bad = batch(sap, _CHANGES.replace("{order}", _ORDER).replace("{item}", '{"Material":"NOPE"}'))
    assert bad.count("HTTP/1.1 400 Bad Request") == 1
    assert "201 Created" not in bad
    assert bad.rstrip().splitlines()[-2] == "1"
    assert [row["Material"] for row in sap.get("A_SalesOrder('1')/to_Item").rows] == ["0017"]


@pytest.mark.parametrize("content", [b"", b"--x", b"--b\r\n\r\nfoo\r\n--b--", b"\xff\xfe"])
def test_a_broken_batch_is_a_400(sap: SapCaller, content: bytes) -> None:
    """Bytes that are no multipart body are refused."""
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    assert sap.send("POST", SALES, "$batch", content=content, headers=headers).status == 400


# ── garbage ────────────────────────────────────────────────────────────────────────────────────────────────────────

_JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    1.5,
    10**30,
    "",
    "1",
    "0017",
    "²",
    "٣",
    "ü" * 50,
    "/Date(0)/",
    [],
    {},
    [{}],
    {"results": {}},
)
_SETS = {
    SALES: ("A_SalesOrder", "A_SalesOrderItem", "A_SalesOrderItemPrElement", "A_SalesOrderHeaderPartner", "$batch"),
    DELIVERY: ("A_OutbDeliveryHeader", "A_OutbDeliveryItem", "PostGoodsIssue"),
    PRODUCT: ("A_Product", "A_ProductPlant"),
    PARTNER: ("A_BusinessPartner", "A_BusinessPartnerAddress", "A_AddressPhoneNumber"),
}
_FIELDS = (
    "SalesOrder", "SalesOrderItem", "Material", "RequestedQuantity", "ConditionType", "ConditionRateValue",
    "PricingProcedureStep", "Product", "Plant", "BusinessPartner", "AddressID", "Country", "to_Item", "to_Partner",
    "to_DeliveryDocumentItem", "to_BusinessPartnerAddress", "PhoneNumber", "PartnerFunction",
)  # fmt: skip


def test_garbage_never_breaks_the_simulator(sap: SapCaller) -> None:
    """Three hundred seeded requests of nonsense get SAP's error shape, never a 500."""
    draw = random.Random(4)
    for _ in range(300):
        service = draw.choice(list(_SETS))
        path = draw.choice(_SETS[service]) + draw.choice(
            ("", "", "", "('1')", "(SalesOrder='1',SalesOrderItem='²')", "(1")
        )
        body = order_payload() if draw.random() < 0.3 else {}
        body |= {name: draw.choice(_JUNK) for name in draw.sample(_FIELDS, draw.randint(0, 4))}
        method = draw.choice(("POST", "POST", "PATCH", "PUT", "DELETE", "GET"))
        reply = sap.send(method, service, path, body=body, headers={"If-Match": "*"})
        assert reply.status < 500, (method, path, body, reply.text)
        assert reply.status < 400 or reply.message
