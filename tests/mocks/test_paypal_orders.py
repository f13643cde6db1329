"""The PayPal simulator's orders: token, creation, sums, currencies, approval, capture, repeated requests, declines."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.mocks.conftest import SimulatedClock, serving
from tests.mocks.paypal_caller import RETURN, WHOLE, PaypalCaller, basket, issues, money, unit

WITHOUT_DECIMALS = ("HUF", "JPY", "TWD")
WITH_DECIMALS = (
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS", "MXN", "MYR", "NOK", "NZD", "PHP",
    "PLN", "SEK", "SGD", "THB", "USD",
)  # fmt: skip
TOO_LONG = unit("1,00", "EURO")
NO_TEXT = {"amount": {"currency_code": "EUR", "value": 5}}


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> SimulatedClock:
    """The clock of this module's simulator."""
    return SimulatedClock(tmp_path_factory.mktemp("clock") / "clock.json")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, clock: SimulatedClock) -> Iterator[str]:
    """One simulator for this module; every test makes orders of its own."""
    with serving(tmp_path_factory.mktemp("paypal"), clock) as serve:
        yield serve("paypal", {"token_lifetime_s": 9_999_999})


@pytest.fixture
def paypal(url: str) -> Iterator[PaypalCaller]:
    """A caller with a token."""
    with PaypalCaller(url) as caller:
        yield caller


def test_a_token_is_needed_and_ends(serve_simulator: Callable[..., str], sim_clock: SimulatedClock) -> None:
    """A wrong secret gets no token, a call without one and one with an old one are refused with 401."""
    with PaypalCaller(serve_simulator("paypal")) as paypal:
        assert paypal.create().status_code == 201
        sim_clock.advance(seconds=32_400)
        assert paypal.create().status_code == 401
        assert paypal.authorize("wrong").json()["error"] == "invalid_client"
        del paypal.http.headers["Authorization"]
        assert paypal.create().json()["name"] == "AUTHENTICATION_FAILURE"


def test_an_order_is_paid(paypal: PaypalCaller) -> None:
    """A new order names the payer's page, approval leads back to the shop, and capture completes it to the cent."""
    created = paypal.create(basket(), application_context=RETURN).json()
    assert created["status"] == "CREATED" and "purchase_units" not in created
    links = {link["rel"]: link["href"] for link in created["links"]}
    assert links["approve"] == f"https://www.paypal.com/checkoutnow?token={created['id']}"
    assert "25.40 EUR" in paypal.get(f"/checkoutnow?token={created['id']}").text
    back = paypal.approve(created["id"])
    assert back.headers["location"] == (f"https://shop.example/paid?cart=1&token={created['id']}&PayerID=ASSAYBUYER222")
    assert paypal.order(created["id"])["status"] == "APPROVED"
    paid = paypal.post(f"/v2/checkout/orders/{created['id']}/capture")
    assert paid.status_code == 201
    assert paid.json()["status"] == "COMPLETED"
    [capture] = paid.json()["purchase_units"][0]["payments"]["captures"]
    assert (capture["amount"], capture["status"], capture["final_capture"]) == (money("25.40"), "COMPLETED", True)
    parts = capture["seller_receivable_breakdown"]
    assert Decimal(parts["paypal_fee"]["value"]) + Decimal(parts["net_amount"]["value"]) == Decimal("25.40")
    assert paypal.order(created["id"])["purchase_units"][0]["payments"]["captures"][0]["id"] == capture["id"]


def test_a_payer_who_cancels_pays_nothing(paypal: PaypalCaller) -> None:
    """Cancelling leads to the cancel address and leaves the order unapproved, and its capture is refused."""
    order = paypal.created()
    assert paypal.approve(order, "cancel").headers["location"] == f"https://shop.example/cancelled?token={order}"
    assert paypal.order(order)["status"] == "CREATED"
    assert issues(paypal.post(f"/v2/checkout/orders/{order}/capture")) == (422, ["ORDER_NOT_APPROVED"])


def test_a_wallet_named_at_creation_asks_for_the_payer(paypal: PaypalCaller) -> None:
    """With payment_source.paypal the order waits for the payer at once and its context gives the way back."""
    context = {"return_url": "https://shop.example/r", "shipping_preference": "NO_SHIPPING"}
    answer = paypal.create(payment_source={"paypal": {"experience_context": context}})
    assert (answer.status_code, answer.json()["status"]) == (200, "PAYER_ACTION_REQUIRED")
    assert [link["rel"] for link in answer.json()["links"]] == ["self", "payer-action"]
    assert paypal.approve(answer.json()["id"]).headers["location"].startswith("https://shop.example/r?token=")
    assert "shipping" not in paypal.order(answer.json()["id"])["purchase_units"][0]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (basket(total="25.41"), ["AMOUNT_MISMATCH"]),
        (basket(item_total="19.99", total="25.39"), ["ITEM_TOTAL_MISMATCH"]),
        (basket(tax_total="3.79", total="25.39"), ["TAX_TOTAL_MISMATCH"]),
        (basket(item_total="", total="5.40"), ["ITEM_TOTAL_REQUIRED"]),
        (basket(tax_total="", total="21.60"), ["TAX_TOTAL_REQUIRED"]),
        (basket(discount="-1.00", total="27.40"), ["CANNOT_BE_NEGATIVE"]),
        (unit("0.00"), ["CANNOT_BE_ZERO_OR_NEGATIVE"]),
        (unit("10.001"), ["DECIMAL_PRECISION"]),
        (unit("1000000000000000"), ["MAX_VALUE_EXCEEDED"]),
        (unit("5.000", "KWD"), ["INVALID_CURRENCY_CODE"]),
        ({"amount": {**money("5.00"), "breakdown": {"item_total": money("5.00", "USD")}}}, ["MULTI_CURRENCY_ORDER"]),
    ],
)
def test_sums_that_do_not_hold_are_refused(paypal: PaypalCaller, given: dict[str, object], expected: list[str]) -> None:
    """A breakdown, total or amount that PayPal's document forbids is refused with 422 and its own issue."""
    assert issues(paypal.create(given)) == (422, expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["MISSING_REQUIRED_PARAMETER"]),
        ({"intent": "SALE"}, ["INVALID_PARAMETER_VALUE"]),
        ({"intent": "CAPTURE", "purchase_units": []}, ["INVALID_ARRAY_MIN_ITEMS"]),
        ({"intent": "CAPTURE", "purchase_units": [unit()] * 11}, ["INVALID_ARRAY_MAX_ITEMS"]),
        ({"intent": "CAPTURE", "purchase_units": [{}]}, ["MISSING_REQUIRED_PARAMETER"]),
        ({"intent": "CAPTURE", "purchase_units": ["x"]}, ["INVALID_PARAMETER_SYNTAX"]),
        ({"intent": "CAPTURE", "purchase_units": [TOO_LONG]}, ["INVALID_STRING_LENGTH", "INVALID_PARAMETER_SYNTAX"]),
        ({"intent": "CAPTURE", "purchase_units": [NO_TEXT]}, ["INVALID_PARAMETER_SYNTAX"]),
        ({"intent": "CAPTURE", "purchase_units": [unit(payee="me")]}, ["INVALID_PARAMETER_SYNTAX"]),
        ({"intent": "CAPTURE", "purchase_units": [unit()], "payment_source": {"blik": {}}}, ["NOT_SUPPORTED"]),
        ({"intent": "CAPTURE", "purchase_units": [unit()], "application_context": None}, ["INVALID_PARAMETER_SYNTAX"]),
        ([], ["MALFORMED_REQUEST_JSON"]),
    ],
)
def test_requests_of_wrong_form_are_refused(paypal: PaypalCaller, body: object, expected: list[str]) -> None:
    """A request that is not of the documented form is refused with 400, and every fault in it is named."""
    assert issues(paypal.post("/v2/checkout/orders", body)) == (400, expected)


@pytest.mark.parametrize("currency", [*WITH_DECIMALS, *WITHOUT_DECIMALS])
def test_every_currency_has_paypals_own_decimals(paypal: PaypalCaller, currency: str) -> None:
    """A whole amount is taken in every currency; decimals only where PayPal has them, and at most two."""
    whole = paypal.create(unit("1234", currency), headers=WHOLE)
    shown = whole.json()["purchase_units"][0]["amount"]["value"]
    assert shown == ("1234" if currency in WITHOUT_DECIMALS else "1234.00")
    decimal = paypal.create(unit("1234.00", currency))
    if currency in WITHOUT_DECIMALS:
        assert issues(decimal) == (422, ["DECIMALS_NOT_SUPPORTED"])
        return
    assert decimal.status_code == 201
    assert issues(paypal.create(unit("1.234", currency))) == (422, ["DECIMAL_PRECISION"])


def test_several_units_need_names_of_their_own(paypal: PaypalCaller) -> None:
    """Purchase units beside others need distinct reference ids, and only capture takes several."""
    assert issues(paypal.create(unit(), unit())) == (422, ["REFERENCE_ID_REQUIRED"] * 2)
    twins = [unit(reference_id="a"), unit(reference_id="a")]
    assert issues(paypal.create(*twins)) == (422, ["DUPLICATE_REFERENCE_ID"] * 2)
    pair = [unit("1.00", reference_id="a"), unit("2.00", reference_id="b")]
    assert issues(paypal.create(*pair, intent="AUTHORIZE")) == (422, ["UNSUPPORTED_INTENT"])
    order = paypal.approved(*pair)
    paid = paypal.post(f"/v2/checkout/orders/{order}/capture").json()["purchase_units"]
    assert [each["payments"]["captures"][0]["amount"]["value"] for each in paid] == ["1.00", "2.00"]


def test_a_repeated_request_id_acts_once(paypal: PaypalCaller) -> None:
    """Creation and capture repeated with their PayPal-Request-Id answer 200 with the same order and capture."""
    first = paypal.create(headers={"PayPal_Request_Id": "create-1"})
    again = paypal.create(headers={"PayPal_Request_Id": "create-1"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    order = first.json()["id"]
    paypal.approve(order)
    paid = [paypal.post(f"/v2/checkout/orders/{order}/capture", PayPal_Request_Id="pay-1") for _ in range(2)]
    assert [each.status_code for each in paid] == [201, 200]
    ids = {each.json()["purchase_units"][0]["payments"]["captures"][0]["id"] for each in paid}
    assert len(ids) == 1
    assert issues(paypal.post(f"/v2/checkout/orders/{order}/capture", PayPal_Request_Id="pay-2")) == (
        422,
        ["ORDER_ALREADY_CAPTURED"],
    )


def test_a_request_id_is_forgotten_after_six_hours(
    serve_simulator: Callable[..., str], sim_clock: SimulatedClock
) -> None:
    """Orders remember a PayPal-Request-Id for six hours; after that the same one makes another order."""
    with PaypalCaller(serve_simulator("paypal")) as paypal:
        first = paypal.create(headers={"PayPal_Request_Id": "one"}).json()["id"]
        sim_clock.advance(hours=6)
        later = paypal.create(headers={"PayPal_Request_Id": "one"})
        assert (later.status_code, later.json()["id"] != first) == (201, True)


def test_negative_testing_declines_without_acting(paypal: PaypalCaller) -> None:
    """PayPal-Mock-Response forces the issue it names and does nothing else; other values are ignored."""
    order = paypal.approved()
    path = f"/v2/checkout/orders/{order}/capture"
    for code in ("INSTRUMENT_DECLINED", "TRANSACTION_REFUSED", "PAYER_CANNOT_PAY", "DUPLICATE_INVOICE_ID"):
        header = f'{{"mock_application_codes": "{code}"}}'
        assert issues(paypal.post(path, PayPal_Mock_Response=header)) == (422, [code])
    assert paypal.order(order)["status"] == "APPROVED"
    refused = paypal.post(path, PayPal_Mock_Response='{"mock_application_codes": "INTERNAL_SERVER_ERROR"}')
    assert refused.status_code == 500
    for odd in ("nonsense", "[]", '{"mock_application_codes": {}}', '{"mock_application_codes": "NO_SUCH_CODE"}'):
        again = paypal.post(path, PayPal_Mock_Response=odd)
        assert again.status_code == 201 or issues(again) == (422, ["ORDER_ALREADY_CAPTURED"])


def test_a_declined_payer_may_choose_again(paypal: PaypalCaller) -> None:
    """A payer whose instrument is declined stays to pay; with another one the same order is captured."""
    order = paypal.approved(instrument="declined")
    assert issues(paypal.post(f"/v2/checkout/orders/{order}/capture")) == (422, ["INSTRUMENT_DECLINED"])
    paypal.approve(order, instrument="wallet")
    assert paypal.post(f"/v2/checkout/orders/{order}/capture").status_code == 201


def test_an_invoice_number_pays_once(paypal: PaypalCaller) -> None:
    """Two orders of one invoice number cannot both be captured, as the account asks by default."""
    first, second = (paypal.approved(unit(invoice_id="R-100")) for _ in range(2))
    assert paypal.post(f"/v2/checkout/orders/{first}/capture").status_code == 201
    assert issues(paypal.post(f"/v2/checkout/orders/{second}/capture")) == (422, ["DUPLICATE_INVOICE_ID"])


def test_an_order_nobody_approves_ends(serve_simulator: Callable[..., str], sim_clock: SimulatedClock) -> None:
    """Three hours after creation an order without approval is gone, and an approved one can no longer be authorised."""
    with PaypalCaller(serve_simulator("paypal")) as paypal:
        left = paypal.created()
        approved = paypal.approved(intent="AUTHORIZE")
        sim_clock.advance(hours=3)
        assert issues(paypal.get(f"/v2/checkout/orders/{left}")) == (404, ["INVALID_RESOURCE_ID"])
        assert paypal.approve(left).status_code == 404
        assert issues(paypal.post(f"/v2/checkout/orders/{approved}/authorize")) == (422, ["ORDER_EXPIRED"])


def test_everything_acknowledged_outlives_the_process(tmp_path: Path, clock: SimulatedClock) -> None:
    """A payment answered is still there when the simulator is started anew over what it left."""
    root = Path(__file__).parents[2]
    ready = tmp_path / "ready.json"
    config = {
        "suite_roots": [str(root)],
        "dir": str(tmp_path / "state"),
        "clock": str(clock.path),
        "ready": str(ready),
        "systems": [{"vendor": "paypal", "port": 0, "settings": {}}],
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    found: list[str] = []
    for _ in range(2):
        ready.unlink(missing_ok=True)
        process = subprocess.Popen([sys.executable, "-m", "assay.simkit.serve", str(tmp_path / "config.json")])
        try:
            while not ready.exists():
                assert process.poll() is None
                time.sleep(0.01)
            with PaypalCaller(f"http://127.0.0.1:{json.loads(ready.read_text())['ports']['paypal']}") as paypal:
                capture = found[0] if found else paypal.captured()["id"]
                found.append(paypal.get(f"/v2/payments/captures/{capture}").json()["id"])
        finally:
            process.kill()
            process.wait(timeout=10)
    assert found[0] == found[1]
