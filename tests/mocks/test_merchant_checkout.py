"""Catalogue, prices, carts and checkout of the reference merchant, against the payment gateway's simulator."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.mocks.merchant_rig import Rig, serving

DECLINED = {"kind": "card", "payment_method": "pm_card_chargeDeclined"}
STEPS_UP = {"kind": "card", "payment_method": "pm_card_threeDSecure2Required"}
EXPONENTS = {"JPY": 0, "KRW": 0, "ISK": 0, "KWD": 3}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One merchant for this file's tests."""
    with serving(tmp_path_factory.mktemp("checkout"), ("stripe", "ecb")) as running:
        yield running


def test_catalogue_keeps_identifiers_and_names(rig: Rig) -> None:
    """Sixty-three products; SKUs keep leading zeros, GTINs have 12 to 14 digits, names keep every letter."""
    pages = [rig.ok("GET", f"/api/products?page={page}&page_size=25") for page in (1, 2, 3)]
    products = [product for page in pages for product in page["products"]]
    assert len(products) == 63 == pages[0]["total"]
    by_sku = {product["sku"]: product for product in products}
    assert {"0017", "00420"} <= set(by_sku)
    assert {len(product["gtin"]) for product in products} == {12, 13, 14}
    assert by_sku["A-100"]["name"] == "Bolt & nut <5mm>, box of 50"
    assert "🐙" in by_sku["C-301"]["name"] and "抹茶" in by_sku["B-201"]["name"]
    assert by_sku["SET-03"]["weight_g"] == 5 * by_sku["00420"]["weight_g"]


@pytest.mark.parametrize("currency", ["EUR", "USD", "GBP", "JPY", "KRW", "INR", "CHF", "ISK", "HUF", "IDR", "KWD"])
def test_price_is_converted_once_at_the_disclosed_rate(rig: Rig, currency: str) -> None:
    """A price is the base price times the disclosed rate, half up to the currency's step; the manual list wins."""
    base = Decimal(rig.ok("GET", "/api/products/B-200")["price"]["amount"])
    shown = rig.ok("GET", f"/api/products/B-200?currency={currency}")["price"]
    assert shown["currency"] == currency
    listed = rig.ok("GET", "/api/rates")["rates"]
    rates = {rate["currency"]: Decimal(rate["rate"]) for rate in listed if rate["base"] == "EUR"}
    rates["EUR"] = Decimal(1)
    if currency == "KWD":
        assert currency not in rates and shown["amount"].endswith("0")
        return
    step = Decimal(1).scaleb(-EXPONENTS.get(currency, 2))
    assert Decimal(shown["amount"]) == (base * rates[currency]).quantize(step, rounding=ROUND_HALF_UP)


@pytest.mark.parametrize("currency", ["EUR", "USD", "GBP", "JPY", "KRW", "INR", "CHF", "ISK", "HUF", "IDR", "KWD"])
def test_charge_equals_the_total_shown(rig: Rig, currency: str) -> None:
    """The gateway holds the order's total in its own smallest unit, once, with the order's references."""
    cart = rig.cart(currency, lines=(("0017", 3), ("B-200", 2), ("D-400", 1)))
    shown = rig.ok("GET", f"/api/carts/{cart}")["total"]
    status, order = rig.checkout(cart)
    assert status == 201 and order["total"] == shown and order["payment_status"] == "paid"
    intent = rig.stripe("GET", f"/v1/payment_intents/{order['payments'][0]['reference']}")
    exponent = {"JPY": 0, "KRW": 0, "KWD": 3}.get(currency, 2)
    assert Decimal(intent["amount_received"]) == Decimal(shown["amount"]).scaleb(exponent)
    assert intent["currency"] == currency.lower()
    assert intent["metadata"]["order_id"] == order["id"] and intent["receipt_email"] == "zoe@example.com"


def test_total_is_the_sum_of_its_parts(rig: Rig) -> None:
    """Total = lines less discounts plus shipping plus rounding, tax contained in each line."""
    cart = rig.cart("EUR", lines=(("0017", 7), ("C-300", 3), ("E-503", 1)))
    rig.ok("POST", f"/api/carts/{cart}/coupon", {"code": "WELCOME10"})
    view = rig.ok("GET", f"/api/carts/{cart}")

    def amount(name: str, of: Any = view) -> Decimal:
        return Decimal(of[name]["amount"])

    lines = sum(amount("total", line) for line in view["lines"])
    assert sum(amount("discount", line) for line in view["lines"]) == amount("discount")
    assert amount("total") == lines + amount("total", view["shipping"]) + amount("rounding")
    for line in view["lines"]:
        rate = Decimal(line["tax_rate"])
        expected = (amount("total", line) * rate / (100 + rate)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
        assert amount("tax", line) == expected


def test_declined_card_gives_everything_back_and_may_be_tried_again(rig: Rig) -> None:
    """A declined payment releases the stock; another card pays the same intent."""
    cart = rig.cart(lines=(("G-701", 2),))
    status, refusal = rig.checkout(cart, DECLINED)
    assert status == 402 and refusal["error"]["code"] == "payment_declined"
    assert rig.ok("GET", "/api/stock/G-701")["reserved"] == 0
    status, order = rig.checkout(cart)
    assert status == 201
    intents = rig.stripe("GET", "/v1/payment_intents?limit=100")["data"]
    mine = [intent for intent in intents if intent["metadata"].get("order_id") == order["id"]]
    assert [intent["status"] for intent in mine] == ["succeeded"]
    assert rig.ok("GET", "/api/stock/G-701")["reserved"] == 2


def test_submitting_again_answers_the_same_order(rig: Rig) -> None:
    """A second submit of a paid cart is the same order, and a parallel one makes no second order or charge."""
    cart = rig.cart(lines=(("H-802", 1),))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: rig.checkout(cart), range(6)))
    numbers = {content["number"] for status, content in answers if status in (200, 201)}
    assert len(numbers) == 1 and {status for status, _ in answers} <= {200, 201, 409}
    assert rig.checkout(cart)[1]["number"] in numbers
    intents = rig.stripe("GET", "/v1/payment_intents?limit=100")["data"]
    assert sum(intent["metadata"].get("order_number") in numbers for intent in intents) == 1


def test_idempotency_key_stands_for_one_request(rig: Rig) -> None:
    """The same key with the same request repeats the order, with another request it is refused."""
    cart = rig.cart()
    first = rig.checkout(cart, key="k1")
    again = rig.checkout(cart, key="k1")
    assert first[1]["number"] == again[1]["number"]
    other = rig.checkout(cart, DECLINED, key="k1")
    assert other[0] == 409 and other[1]["error"]["code"] == "key_reused"


@pytest.mark.parametrize("outcome", ["complete", "fail"])
def test_strong_authentication_decides(rig: Rig, outcome: str) -> None:
    """With 3D Secure an order exists only after the cardholder succeeded; a failure leaves nothing reserved."""
    cart = rig.cart(lines=(("F-604", 1),))
    status, waiting = rig.checkout(cart, STEPS_UP)
    assert status == 202 and waiting["status"] == "requires_action"
    assert rig.checkout(cart, STEPS_UP)[1]["redirect_url"] == waiting["redirect_url"]
    assert rig.call("GET", f"/api/orders/{waiting['order']['id']}")[0] == 404
    page = urlsplit(waiting["redirect_url"])
    rig.client.post(f"{rig.vendor['stripe']}{page.path}?{page.query}", data={"outcome": outcome})
    before = rig.ok("GET", "/api/stock/F-604")["reserved"]
    status, content = rig.call("GET", f"/checkout/return?checkout={waiting['checkout']}")
    if outcome == "complete":
        assert status in (200, 201) and content["payment_status"] == "paid"
        assert rig.call("GET", f"/checkout/return?checkout={waiting['checkout']}")[1]["number"] == content["number"]
    else:
        assert status == 402 and rig.ok("GET", "/api/stock/F-604")["reserved"] == before - 1


def test_browser_that_never_returns_still_gets_its_order(rig: Rig) -> None:
    """The gateway's event completes an order whose customer paid and closed the browser."""
    _, waiting = rig.checkout(rig.cart(), STEPS_UP)
    page = urlsplit(waiting["redirect_url"])
    rig.client.post(f"{rig.vendor['stripe']}{page.path}?{page.query}", data={"outcome": "complete"})
    rig.settle()
    order = rig.ok("GET", f"/api/orders/{waiting['order']['id']}")
    assert order["payment_status"] == "paid" and order["number"] == waiting["order"]["number"]


def test_abandoned_authentication_lapses(rig: Rig) -> None:
    """A checkout nobody authenticates is cancelled at the gateway and gives its stock back after its time."""
    cart = rig.cart(lines=(("I-903", 4),))
    _, waiting = rig.checkout(cart, STEPS_UP)
    assert rig.ok("GET", "/api/stock/I-903")["reserved"] == 4
    rig.advance(hours=1, minutes=2)
    assert rig.ok("GET", "/api/stock/I-903")["reserved"] == 0
    assert rig.checkout(cart)[0] == 201, waiting


def test_last_units_are_sold_once(rig: Rig) -> None:
    """Twelve buyers of three units: three orders, nine refusals, nothing below zero."""
    carts = [rig.cart(lines=(("J-012", 1),), email=f"buyer{n}@example.com") for n in range(12)]
    with ThreadPoolExecutor(12) as pool:
        statuses = [status for status, _ in pool.map(rig.checkout, carts)]
    assert statuses.count(201) == 3 and statuses.count(409) == 9
    assert rig.ok("GET", "/api/stock/J-012")["sellable"] == 0


def test_coupon_with_one_use_is_used_once(rig: Rig) -> None:
    """Two concurrent checkouts of a single-use coupon: one order has it, the other is refused."""
    carts = [rig.cart(lines=(("F-601", 2),), email=f"once{n}@example.com") for n in range(2)]
    for cart in carts:
        rig.ok("POST", f"/api/carts/{cart}/coupon", {"code": "ONCE"})
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(rig.checkout, carts))
    assert sorted(status for status, _ in answers) == [201, 409]


def test_order_is_read_by_key_owner_or_operator(rig: Rig) -> None:
    """Without the key or another customer's token an order does not exist."""
    owner = rig.ok("POST", "/api/customers", {"email": "Owner@example.com", "name": "O", "password": "long enough"})
    other = rig.ok("POST", "/api/customers", {"email": "other@example.com", "name": "P", "password": "long enough"})
    again = {"email": "owner@EXAMPLE.com", "name": "O", "password": "long enough"}
    assert rig.call("POST", "/api/customers", again)[0] == 409
    bearer = {"authorization": f"Bearer {owner['token']}"}
    cart = rig.call("POST", "/api/carts", {"currency": "EUR"}, **bearer)[1]["id"]
    rig.ok("POST", f"/api/carts/{cart}/lines", {"sku": "0017", "quantity": 1})
    who = {
        "email": "owner@example.com",
        "name": "O",
        "address": {"name": "O", "line1": "1", "postcode": "1", "city": "P", "country": "FR"},
    }
    rig.ok("PUT", f"/api/carts/{cart}/customer", who)
    _, order = rig.checkout(cart)
    path = f"/api/orders/{order['id']}"
    assert rig.call("GET", path)[0] == 404
    assert rig.call("GET", f"{path}?key=wrong")[0] == 404
    assert rig.call("GET", path, authorization=f"Bearer {other['token']}")[0] == 404
    assert rig.call("POST", f"{path}/cancel", {}, authorization=f"Bearer {other['token']}")[0] == 404
    assert rig.call("GET", f"{path}?key={order['access_key']}")[0] == 200
    assert rig.call("GET", path, **bearer)[0] == 200
    assert rig.call("GET", "/api/orders")[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/api/carts", {"currency": "XYZ"}, 422, "unknown_currency"),
        ("POST", "/api/carts", {}, 422, "invalid"),
        ("POST", "/api/carts", [1], 400, "not_an_object"),
        ("GET", "/api/products/17", None, 404, "unknown_product"),
        ("GET", "/api/products?page=x", None, 422, "invalid"),
        ("GET", "/api/carts/nope", None, 404, "unknown_cart"),
        ("POST", "/api/carts/nope/checkout", {"payment": {"kind": "barter"}}, 422, "invalid"),
        ("POST", "/api/carts/nope/lines", {"sku": "0017", "quantity": 1.5}, 422, "invalid"),
        ("POST", "/api/carts/nope/lines", {"sku": "0017", "quantity": -1}, 422, "invalid"),
        ("POST", "/api/carts/nope/lines", {"sku": "0017", "quantity": 10**30}, 422, "invalid"),
    ],
)
def test_garbage_is_refused_with_its_reason(
    rig: Rig, method: str, path: str, body: Any, status: int, code: str
) -> None:
    """Bad input gets a refusal that names the field and what was seen, never a failure."""
    seen = rig.call(method, path, body)
    assert seen[0] == status and seen[1]["error"]["code"] == code and seen[1]["error"]["message"]


def test_log_holds_no_secrets(rig: Rig) -> None:
    """The log names neither API keys nor access keys nor passwords."""
    order = rig.order()
    log = rig.log()
    for secret in ("sk_test_assay", "whsec_rig", "secret-assay", "assay-secret", order["access_key"], "long enough"):
        assert secret not in log
