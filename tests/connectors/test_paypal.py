"""PayPal's connector against answers in the shape of PayPal's own documents."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from assay.attribution import attribute, read_creations
from assay.connectors.paypal import HEAD, Paypal
from assay.errors import InfrastructureError
from assay.exponents import gateway_exponent
from assay.money import Money
from assay.records import Call, GatewayRefund, MinorAmount, Order
from assay.roles import Http, Payments

SPECS = Path(__file__).parents[2].parent / "shared" / "specs" / "paypal"
SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
TOKEN, SEARCH = "/v1/oauth2/token", "/v1/reporting/transactions"


def money(value: str, currency: str = "EUR") -> dict[str, str]:
    """An amount as PayPal writes it."""
    return {"currency_code": currency, "value": value}


def paid(ref: str, value: str, status: str, *, at: str = "2026-03-01T09:02:00Z", **more: Any) -> dict[str, Any]:
    """An authorisation, a capture or a refund."""
    return {"id": ref, "amount": money(value), "status": status, "create_time": at, **more}


def order(ref: str = "5O1", *, status: str = "COMPLETED", value: str = "19.90", **changes: Any) -> dict[str, Any]:
    """An order of one purchase unit, captured unless said otherwise; further words go to the unit."""
    payments = changes.pop("payments", {"captures": [paid("3C1", value, "COMPLETED")]})
    unit = {
        "reference_id": "default",
        "invoice_id": "R-1001",
        "custom_id": "c_17",
        "amount": money(value),
        "payments": payments,
        **changes,
    }
    at = "2026-03-01T09:00:00Z"
    return {"id": ref, "intent": "CAPTURE", "status": status, "create_time": at, "purchase_units": [unit]}


def transaction(ref: str, code: str = "T0006", value: str = "19.90", **more: Any) -> dict[str, Any]:
    """A line of Transaction Search."""
    return {
        "transaction_info": {
            "transaction_id": ref,
            "transaction_event_code": code,
            "transaction_amount": money(value),
            "transaction_status": "S",
            **more,
        }
    }


def of_order(ref: str) -> dict[str, str]:
    """What a transaction says of its order."""
    return {"paypal_reference_id": ref, "paypal_reference_id_type": "ODR"}


@pytest.fixture
def paypal(vendor: Any, http: Http) -> Paypal:
    """The connector under test; the vendor hands out a token."""
    vendor.on("POST", TOKEN, {"access_token": "A21canary", "token_type": "Bearer", "expires_in": 32400})
    return Paypal(http, {"client_id": "app", "client_secret": "s3cret"})


def read(vendor: Any, paypal: Paypal, answer: dict[str, Any]) -> Any:
    """Let the vendor answer this order and return what the connector reads."""
    vendor.on("GET", "/v2/checkout/orders/5O1", answer)
    return paypal.payment("5O1")


def test_reads_an_order_as_a_payment(vendor: Any, paypal: Paypal) -> None:
    """An order is a payment in PayPal's units with the shop's references, read under a token by client credentials."""
    answer = {**order(), "payer": {"email_address": "zoe@example.com"}}
    payment = read(vendor, paypal, answer)
    assert isinstance(paypal, Payments)
    assert (payment.system, payment.ref, payment.status, payment.phase) == ("paypal", "5O1", "COMPLETED", "captured")
    assert payment.amount == payment.captured == MinorAmount(1990, "EUR")
    assert payment.refunded == payment.capturable == MinorAmount(0, "EUR")
    assert (payment.order_ref, payment.checkout_ref, payment.purpose) == ("R-1001", "c_17", "")
    assert payment.customer == "zoe@example.com"
    assert payment.created_at == datetime(2026, 3, 1, 9, tzinfo=UTC)
    token, asked = vendor.asked
    assert dict(parse_qsl(token.body.decode())) == {"grant_type": "client_credentials"}
    assert token.headers["authorization"] == "Basic " + base64.b64encode(b"app:s3cret").decode()
    assert asked.headers["authorization"] == "Bearer A21canary"


@pytest.mark.parametrize(
    ("custom", "invoice", "read_as"),
    [
        ("c_17/edit-1", "R-1001", ("R-1001", "c_17", "edit-1")),
        ("R-1001", None, ("R-1001", "R-1001", "")),
        (None, "R-1001", ("R-1001", None, "")),
        (None, None, (None, None, "")),
    ],
)
def test_the_shops_references_are_read(
    vendor: Any, paypal: Paypal, custom: str | None, invoice: str | None, read_as: tuple[str | None, ...]
) -> None:
    """The invoice is the order's number, custom_id the checkout and what a further charge is for."""
    unit = {name: value for name, value in (("custom_id", custom), ("invoice_id", invoice)) if value}
    answer = order()
    answer["purchase_units"] = [{"amount": money("19.90"), **unit}]
    payment = read(vendor, paypal, answer)
    assert (payment.order_ref, payment.checkout_ref, payment.purpose) == read_as


@pytest.mark.parametrize(
    ("value", "currency", "units"),
    [
        ("19.90", "EUR", 1990),
        ("0.01", "USD", 1),
        (".5", "EUR", 50),
        ("80", "JPY", 80),
        ("80.00", "JPY", 80),
        ("1234", "HUF", 1234),
        ("310", "TWD", 310),
        ("1234567890123.45", "EUR", 123456789012345),
    ],
)
def test_decimal_texts_become_paypals_units(vendor: Any, paypal: Paypal, value: str, currency: str, units: int) -> None:
    """HUF, JPY and TWD have no decimals at PayPal, whatever ISO 4217 gives them; every value is exact."""
    answer = order(payments={})
    answer["purchase_units"][0]["amount"] = money(value, currency)
    assert read(vendor, paypal, answer).amount == MinorAmount(units, currency)


def test_decimals_are_those_the_judges_count_with(vendor: Any, paypal: Paypal) -> None:
    """In every currency PayPal takes, one of its units is one of the table that oracles judge with."""
    codes = "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD"
    for currency in codes.split():
        smallest = Decimal(1).scaleb(-gateway_exponent("paypal", currency))
        answer = order(payments={})
        answer["purchase_units"][0]["amount"] = money(f"{smallest:f}", currency)
        assert read(vendor, paypal, answer).amount == MinorAmount(1, currency)


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        (money("19.905"), "amount.value"),
        (money("1234.5", "HUF"), "amount.value"),
        (money("1e3"), "amount.value"),
        (money("1e999999999"), "amount.value"),
        (money("NaN"), "amount.value"),
        (money("1" * 33), "amount.value"),
        ({"currency_code": "EUR", "value": 19.9}, "amount.value"),
        (money("19.90", "EURO"), "amount.currency_code"),
        ({"value": "19.90"}, "amount.currency_code"),
    ],
)
def test_an_amount_paypal_cannot_mean_is_refused(
    vendor: Any, paypal: Paypal, broken: dict[str, Any], where: str
) -> None:
    """Too many decimals, numbers, exponents and unknown currencies name the field; nothing is rounded."""
    answer = order(payments={})
    answer["purchase_units"][0]["amount"] = broken
    with pytest.raises(InfrastructureError, match="paypal") as refused:
        read(vendor, paypal, answer)
    assert f"GET /v2/checkout/orders/5O1: purchase_units.0.{where}" in str(refused.value)


@pytest.mark.parametrize(
    ("status", "payments", "phase", "figures"),
    [
        ("CREATED", {}, "open", (0, 0, 0)),
        ("PAYER_ACTION_REQUIRED", {}, "open", (0, 0, 0)),
        ("APPROVED", {}, "open", (0, 0, 0)),
        ("VOIDED", {}, "voided", (0, 0, 0)),
        ("COMPLETED", {"authorizations": [paid("1A", "19.90", "CREATED")]}, "authorised", (0, 0, 1990)),
        ("COMPLETED", {"authorizations": [paid("1A", "19.90", "PENDING")]}, "pending", (0, 0, 0)),
        ("COMPLETED", {"authorizations": [paid("1A", "19.90", "VOIDED")]}, "voided", (0, 0, 0)),
        ("COMPLETED", {"captures": [paid("3C", "19.90", "PENDING")]}, "pending", (0, 0, 0)),
        (
            "COMPLETED",
            {
                "authorizations": [paid("1A", "19.90", "PARTIALLY_CAPTURED")],
                "captures": [paid("3C", "5.00", "COMPLETED")],
            },
            "captured",
            (500, 0, 1490),
        ),
        (
            "COMPLETED",
            {"authorizations": [paid("1A", "19.90", "CAPTURED")], "captures": [paid("3C", "19.90", "COMPLETED")]},
            "captured",
            (1990, 0, 0),
        ),
        (
            "COMPLETED",
            {
                "captures": [paid("3C", "19.90", "PARTIALLY_REFUNDED")],
                "refunds": [paid("2R", "5.00", "COMPLETED"), paid("2S", "1.00", "FAILED")],
            },
            "captured",
            (1990, 500, 0),
        ),
        ("COMPLETED", {"captures": [paid("3C", "19.90", "REFUNDED")]}, "captured", (1990, 1990, 0)),
    ],
)
def test_the_life_of_an_order(
    vendor: Any, paypal: Paypal, status: str, payments: Any, phase: str, figures: tuple[int, int, int]
) -> None:
    """What was completed is told by authorisations, captures and refunds: captured, refunded, still capturable."""
    payment = read(vendor, paypal, order(status=status, payments=payments))
    assert payment.phase == phase
    assert (payment.captured.minor, payment.refunded.minor, payment.capturable.minor) == figures
    assert not payment.declined


@pytest.mark.parametrize(
    "payments",
    [
        {"captures": [paid("3C", "19.90", "DECLINED")]},
        {"captures": [paid("3C", "19.90", "FAILED")]},
        {"authorizations": [paid("1A", "19.90", "DENIED")]},
    ],
)
def test_a_refused_try_is_told_as_declined(vendor: Any, paypal: Paypal, payments: Any) -> None:
    """A declined capture took nothing and leaves the order open."""
    payment = read(vendor, paypal, order(status="APPROVED", payments=payments))
    assert (payment.declined, payment.phase, payment.captured.minor) == (True, "open", 0)


def test_a_renewed_authorisation_stands_for_those_before(vendor: Any, paypal: Paypal) -> None:
    """Two live authorisations of one unit hold the money once: the last one counts."""
    older = paid("1A", "19.90", "CREATED", at="2026-03-01T09:00:00Z")
    newer = paid("1B", "19.90", "CREATED", at="2026-03-05T09:00:00Z")
    assert read(vendor, paypal, order(payments={"authorizations": [newer, older]})).capturable.minor == 1990


def test_refunds_are_read_one_by_one(vendor: Any, paypal: Paypal) -> None:
    """Each refund keeps PayPal's status; a pending one is on its way and not settled."""
    refunds = [paid("2R", "5.00", "COMPLETED"), paid("2S", "2.00", "PENDING", at="2026-03-02T09:00:00+01:00")]
    captures = [paid("3C", "19.90", "PARTIALLY_REFUNDED")]
    payment = read(vendor, paypal, order(payments={"captures": captures, "refunds": refunds}))
    assert payment.refunded.minor == 700
    assert payment.refunds[1] == GatewayRefund(
        ref="2S",
        status="PENDING",
        amount=MinorAmount(200, "EUR"),
        created_at=datetime(2026, 3, 2, 8, tzinfo=UTC),
        settled=False,
    )


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"purchase_units": []}, "purchase_units"),
        ({"purchase_units": None}, "purchase_units"),
        ({"create_time": "2026-03-01"}, "create_time"),
        ({"create_time": "yesterday"}, "create_time"),
        ({"id": 5}, "id"),
        (order(payments={"captures": [paid("3C", "19.90", "PARTIALLY_REFUNDED")]}), "purchase_units"),
        (order(payments={"captures": [{**paid("3C", "1", "COMPLETED"), "amount": money("1", "USD")}]}), "currency"),
    ],
)
def test_an_undocumented_shape_names_the_field(
    vendor: Any, paypal: Paypal, changes: dict[str, Any], where: str
) -> None:
    """What PayPal's documents do not have is refused with vendor, operation and field."""
    with pytest.raises(InfrastructureError, match="paypal answered in a shape") as refused:
        read(vendor, paypal, {**order(), **changes})
    assert where in str(refused.value)


def test_a_token_is_kept_and_renewed(vendor: Any, http: Http) -> None:
    """One token serves until shortly before its end, and one that died early is renewed within the same call."""
    clock = [0.0]
    paypal = Paypal(http, {"client_id": "app", "client_secret": "s"}, monotonic=lambda: clock[0])
    tokens = iter("abc")
    vendor.on("POST", TOKEN, lambda _: (200, {"access_token": next(tokens), "expires_in": 3600}))

    def dead_is_b(asked: Any) -> tuple[int, Any]:
        if asked.headers["authorization"] == "Bearer b":
            return 401, {"name": "AUTHENTICATION_FAILURE", "message": "no"}
        return 200, order()

    vendor.on("GET", "/v2/checkout/orders/5O1", dead_is_b)
    paypal.payment("5O1")
    clock[0] = 3500.0
    paypal.payment("5O1")
    assert [asked.headers["authorization"] for asked in vendor.asked[1:]] == ["Bearer a", "Bearer a"]
    clock[0] = 3550.0
    paypal.payment("5O1")
    assert vendor.asked[-1].headers["authorization"] == "Bearer c"


def test_wrong_credentials_say_which_variable(vendor: Any, http: Http) -> None:
    """A refused application is told in PayPal's words with what to check, and without the secret."""
    vendor.on(
        "POST", TOKEN, {"error": "invalid_client", "error_description": "Client Authentication failed"}, status=401
    )
    with pytest.raises(InfrastructureError, match="invalid_client: Client Authentication failed") as refused:
        Paypal(http, {"client_id": "app", "client_secret": "s3cret"}).payment("5O1")
    assert "client_secret" in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_errors_carry_paypals_issue(vendor: Any, paypal: Paypal) -> None:
    """An unknown order is a LookupError, trouble an InfrastructureError with PayPal's debug id."""
    issue = {"issue": "INVALID_RESOURCE_ID", "description": "It does not exist."}
    unknown = {"name": "RESOURCE_NOT_FOUND", "message": "no", "details": [issue], "debug_id": "9f3"}
    vendor.on("GET", "/v2/checkout/orders/../captures", unknown, status=404)
    with pytest.raises(LookupError, match=r"INVALID_RESOURCE_ID: It does not exist\."):
        paypal.payment("../captures")  # a hostile reference stays in its path segment
    broken = {"name": "INTERNAL_SERVER_ERROR", "message": "Later.", "debug_id": "9f4"}
    vendor.on("GET", "/v2/checkout/orders/5O1", broken, status=500)
    with pytest.raises(InfrastructureError, match="INTERNAL_SERVER_ERROR: Later") as refused:
        paypal.payment("5O1")
    assert "debug id 9f4" in str(refused.value)
    vendor.on("GET", "/v2/checkout/orders/5O1", b"<html>log in</html>")
    with pytest.raises(InfrastructureError, match="JSON object"):
        paypal.payment("5O1")


def test_lists_every_page_and_reads_each_order(vendor: Any, paypal: Paypal) -> None:
    """Search names what was paid and authorised, page by page; each order is read once, and all are oldest first."""

    def pages(asked: Any) -> tuple[int, Any]:
        page = {
            "1": [
                transaction("3C2", **of_order("5O2")),
                transaction("1A2", "T1300", **of_order("5O2")),
                transaction("2R1", "T1107", "-5.00"),
                transaction("9X9", "T0006", "-3.00"),
                {"transaction_info": {"transaction_id": "8F1"}},
            ],
            "2": [transaction("3C1"), transaction("3C1"), transaction("4D1", "T0013"), transaction("1A3", "T1300")],
        }[asked.query["page"]]
        return 200, {"transaction_details": page, "total_pages": 2}

    vendor.on("GET", SEARCH, pages)
    related = {"supplementary_data": {"related_ids": {"order_id": "5O1"}}}
    vendor.on("GET", "/v2/payments/captures/3C1", {**paid("3C1", "19.90", "COMPLETED"), **related})
    vendor.on("GET", "/v2/payments/captures/4D1", {"name": "RESOURCE_NOT_FOUND"}, status=404)
    vendor.on("GET", "/v2/payments/authorizations/1A3", paid("1A3", "1.00", "CREATED"))
    vendor.on("GET", "/v2/checkout/orders/5O1", order("5O1"))
    vendor.on("GET", "/v2/checkout/orders/5O2", {**order("5O2"), "create_time": "2026-03-01T08:00:00Z"})
    assert [payment.ref for payment in paypal.payments(SINCE, UNTIL)] == ["5O2", "5O1"]
    assert sum(asked.path == "/v2/checkout/orders/5O2" for asked in vendor.asked) == 1
    assert vendor.asked[1].query == {
        "start_date": "2026-03-01T00:00:00.000Z",
        "end_date": "2026-03-02T03:00:00.000Z",
        "fields": "transaction_info",
        "balance_affecting_records_only": "N",
        "page_size": "500",
        "page": "1",
    }


def test_lists_by_the_orders_own_instant(vendor: Any, paypal: Paypal) -> None:
    """What was paid after the span for an order of the span belongs to it, and what was ordered before it does not."""
    found = [transaction("3C1", **of_order("5O1")), transaction("3C2", **of_order("5O2"))]
    vendor.on("GET", SEARCH, {"transaction_details": found, "total_pages": 1})
    vendor.on("GET", "/v2/checkout/orders/5O1", {**order("5O1"), "create_time": "2026-03-01T23:59:59Z"})
    vendor.on("GET", "/v2/checkout/orders/5O2", {**order("5O2"), "create_time": "2026-02-28T23:59:59Z"})
    assert [payment.ref for payment in paypal.payments(SINCE, UNTIL)] == ["5O1"]


def test_a_reference_that_is_no_order_leads_over_the_capture(vendor: Any, paypal: Paypal) -> None:
    """Where Orders v2 does not know the order a transaction names, the capture itself is asked."""
    vendor.on("GET", SEARCH, {"transaction_details": [transaction("3C1", **of_order("O-OLD"))], "total_pages": 1})
    vendor.on("GET", "/v2/checkout/orders/O-OLD", {"name": "RESOURCE_NOT_FOUND"}, status=404)
    related = {"supplementary_data": {"related_ids": {"order_id": "5O1"}}}
    vendor.on("GET", "/v2/payments/captures/3C1", {**paid("3C1", "19.90", "COMPLETED"), **related})
    vendor.on("GET", "/v2/checkout/orders/5O1", order("5O1"))
    assert [payment.ref for payment in paypal.payments(SINCE, UNTIL)] == ["5O1"]


def test_a_long_span_is_searched_in_pieces(vendor: Any, paypal: Paypal) -> None:
    """No search spans more than PayPal's 31 days, the pieces join, and an empty account lists nothing."""
    vendor.on("GET", SEARCH, {"total_items": 0})
    assert paypal.payments(SINCE, SINCE + timedelta(days=70)) == []
    spans = [(asked.query["start_date"], asked.query["end_date"]) for asked in vendor.asked[1:]]
    assert [begin[:10] for begin, _ in spans] == ["2026-03-01", "2026-04-01", "2026-05-02"]
    assert [end for _, end in spans[:-1]] == [begin for begin, _ in spans[1:]]


def test_a_search_that_stops_early_is_refused(vendor: Any, paypal: Paypal) -> None:
    """An empty page before the last one is no end: the listing is refused, never taken for the whole."""
    vendor.on("GET", SEARCH, {"transaction_details": [], "total_pages": 3})
    with pytest.raises(InfrastructureError, match="shape") as refused:
        paypal.payments(SINCE, UNTIL)
    assert "every page before the last" in str(refused.value)


def test_an_application_that_may_not_search_is_told_what_to_allow(vendor: Any, paypal: Paypal) -> None:
    """Without the permission the listing is an error that names it, so that what needs it is not evaluated."""
    vendor.on("GET", SEARCH, {"name": "NOT_AUTHORIZED", "message": "Authorization failed."}, status=403)
    with pytest.raises(InfrastructureError, match="NOT_AUTHORIZED") as refused:
        paypal.payments(SINCE, UNTIL)
    assert "Transaction Search" in str(refused.value)


def call(method: str, path: str, asked: Any = None, answered: Any = None, *, key: str = "", system: str = "") -> Call:
    """A call of the edge's journal."""
    return Call(
        id=f"{method} {path} {key}",
        at=SINCE,
        system=system or "paypal",
        way="reverse" if system else "proxy",
        method=method,
        host="api-m.paypal.com",
        path=path,
        query="",
        status=200,
        duration_ms=5,
        refused=False,
        request_headers={"paypal-request-id": key} if key else {},
        request_body=json.dumps(asked) if asked is not None else "",
        response_headers={},
        response_body=json.dumps(answered) if answered is not None else "",
    )


def test_calls_are_attributed_from_the_order_to_its_refund() -> None:
    """Creation, capture, reads, refund and webhooks of one order lead to it; the token and a search name none."""
    unit = {"amount": money("19.90"), "invoice_id": "R-1001", "custom_id": "c_17"}
    created = call("POST", "/v2/checkout/orders", {"purchase_units": [unit]}, {"id": "5O1"}, key="k1")
    related = {"supplementary_data": {"related_ids": {"order_id": "5O1", "capture_id": "3C1"}}}
    webhook = {"event_type": "PAYMENT.CAPTURE.REFUNDED", "resource": {"id": "2R1", **related}}
    own = [
        created,
        call("POST", "/v2/checkout/orders/5O1/capture", {}, order(), key="k2"),
        call("GET", "/v2/checkout/orders/5O1", None, {"id": "5O1"}),
        call("POST", "/v2/payments/captures/3C1/refund", {}, {"id": "2R1"}, key="k3"),
        call("GET", "/v2/payments/refunds/2R1", None, {"id": "2R1"}),
        call("POST", "/hooks/paypal", webhook, system="platform"),
    ]
    theirs = order("5O2", invoice_id="R-1002", custom_id="c_18", payments={"captures": [paid("3C2", "1", "COMPLETED")]})
    other = call("POST", "/v2/checkout/orders/5O2/capture", {}, theirs)
    strange = [call("POST", TOKEN, None, {"access_token": "x"}), call("GET", SEARCH, None, {"transaction_details": []})]
    orders = [
        Order(system="shop", ref=number, number=number, status="confirmed", total=Money(1990, "EUR"), placed_at=SINCE)
        for number in ("R-1001", "R-1002")
    ]
    found = attribute([*own, other, *strange], orders, {"paypal": HEAD.references})
    assert found.by_order["R-1001"] == own
    assert found.shared == []
    assert found.unattributed == strange


def test_what_is_created_is_told_with_key_and_purpose() -> None:
    """An order and a refund are read out of the journal with the key that must not change when they are repeated."""
    payer = {"payment_source": {"paypal": {"email_address": "zoe@example.com"}}}
    asked = {"purchase_units": [{"amount": money("19.90"), "custom_id": "c_17", "invoice_id": "R-1001"}], **payer}
    calls = [
        call("POST", "/v2/checkout/orders", asked, {"id": "5O1"}, key="k1"),
        call("POST", "/v2/payments/captures/3C1/refund", {}, {"id": "2R1"}, key="k3"),
        call("POST", "/v2/checkout/orders/5O1/capture", {}, {}, key="k2"),
    ]
    payment, refund = read_creations(calls, {"paypal": HEAD.creations})
    assert (payment.kind, payment.key, payment.purpose) == ("payment", "k1", "c_17/R-1001")
    assert (payment.currency, payment.customer) == ("EUR", "zoe@example.com")
    assert (refund.kind, refund.key, refund.purpose) == ("refund", "k3", "3C1")
    assert HEAD.credentials == ("client_id", "client_secret")


def test_asks_only_for_what_is_published(vendor: Any, paypal: Paypal) -> None:
    """Every address and parameter of a listing stands in PayPal's published documents."""
    if not SPECS.exists():
        pytest.skip("PayPal's documents are not on this machine (../shared/specs/paypal)")
    names = ("checkout_orders_v2", "payments_payment_v2", "reporting_transactions_v1")
    documents = [json.loads((SPECS / f"{name}.json").read_text()) for name in names]
    published = {path for document in documents for path in document["paths"]}
    for path in ("/v2/checkout/orders/{id}", "/v2/payments/captures/{capture_id}", SEARCH):
        assert path in published
    vendor.on("GET", SEARCH, {"transaction_details": [], "total_pages": 1})
    paypal.payments(SINCE, UNTIL)
    parameters = {each["name"]: each["schema"] for each in documents[2]["components"]["parameters"].values()}
    asked = vendor.asked[-1].query
    assert set(asked) <= set(parameters)
    assert re.fullmatch(parameters["start_date"]["pattern"], asked["start_date"])
    assert re.fullmatch(parameters["end_date"]["pattern"], asked["end_date"])
    assert int(asked["page_size"]) <= parameters["page_size"]["maximum"]
    statuses = documents[1]["components"]["schemas"]["capture_status"]["properties"]["status"]["enum"]
    assert {"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED", "PENDING", "DECLINED", "FAILED"} == set(statuses)
