"""The other shop over HTTP, with tiny vendors of its own: healthy in every currency, and each defect's symptom."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.apps.other_shop.__main__ import main
from tests.apps.other_shop.customer import CUSTOMER, PATIENCE_S, Clock, Customer
from tests.apps.other_shop.defect import defect_names, install
from tests.apps.other_shop.fake_vendor import HOOK_SECRET, SETTING, FakeVendors, signed_event, street_on
from tests.apps.other_shop.setting import read_setting
from tests.apps.other_shop.shop import Shop
from tests.apps.other_shop.web import Server

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@pytest.fixture
def vendors() -> Iterator[FakeVendors]:
    """Stripe, SAP and UPS."""
    fake = FakeVendors()
    yield fake
    fake.close()


@contextmanager
def open_shop(vendors: FakeVendors, database: Path, **variables: str) -> Iterator[Customer]:
    """Open a shop over a file; give its first customer."""
    bases = dict.fromkeys(("STRIPE_BASE", "SAP_BASE", "UPS_BASE"), vendors.url)
    setting = read_setting({**SETTING, **bases, "OTHER_SHOP_HOOK_URL": f"{vendors.url}/receiver", **variables})
    clock = Clock()
    server = Server(Shop(setting, database, now=clock))
    server.start()
    customer = Customer(server.url, vendors, clock)
    try:
        yield customer
    finally:
        customer.session.close()
        server.stop()


@pytest.fixture
def customer(vendors: FakeVendors, tmp_path: Path) -> Iterator[Customer]:
    """A customer of a freshly opened shop."""
    with open_shop(vendors, tmp_path / "shop.sqlite") as customer:
        yield customer


@pytest.mark.parametrize(
    ("currency", "total", "tax", "minor", "nets"),
    [
        ("EUR", "39.70", "3.53", 3970, ["4.16", "27.85"]),
        ("CHF", "42.40", "3.75", 4240, ["4.37", "29.91"]),
        ("JPY", "6560", "578", 6560, ["664", "4654"]),
    ],
)
def test_an_order_goes_all_the_way(
    customer: Customer, currency: str, total: str, tax: str, minor: int, nets: list[str]
) -> None:
    """An order is paid, booked and shipped, each vendor told the same goods, money and address."""
    placed = customer.buy(currency)
    assert placed["state"] in ("bezahlt", "verbucht", "versandt")
    order = customer.wait(placed["number"])
    assert re.fullmatch(r"W-\d{4}-000001", order["number"])
    assert (order["state"], order["total"], order["tax"], order["problem"]) == ("versandt", total, tax, None)
    (payment,) = order["payments"]
    assert (payment["status"], payment["amountMinor"], payment["currency"]) == ("succeeded", minor, currency)
    intent = customer.vendors.intents[payment["stripeId"]]
    assert (intent["amount"], intent["currency"]) == (minor, currency.lower())
    document = customer.vendors.documents[order["sapDocument"]]
    assert (document["PurchaseOrderByCustomer"], document["TransactionCurrency"]) == (order["number"], currency)
    items = document["to_Item"]
    assert [(item["Material"], item["RequestedQuantity"]) for item in items] == [("004711", "2"), ("020300", "1")]
    assert [item["to_PricingElement"][0]["ConditionRateValue"] for item in items] == nets
    (label,) = customer.vendors.labels
    assert street_on(label) == CUSTOMER["street"]
    assert label["ShipTo"]["Address"]["PostalCode"] == "01067"
    assert label["Package"][0]["PackageWeight"]["Weight"] == "1.56"
    assert order["createdAt"] <= order["paidAt"] <= order["bookedAt"] <= order["shippedAt"] == order["changedAt"]
    assert customer.stock("004711") == (998, 0)


def test_the_label_is_kept(customer: Customer) -> None:
    """The label's picture is there for who has the key, and for nobody else."""
    number = customer.wait(customer.buy()["number"])["number"]
    url = f"{customer.url}/labels/{number}"
    assert requests.get(url, headers={"X-Shop-Key": "own key"}, timeout=60).content == b"GIF89a of a label"
    assert requests.get(url, timeout=60).status_code == 403


def test_changes_are_told_and_signed(customer: Customer) -> None:
    """Every change of state is delivered, with an HMAC over second and body."""
    number = customer.wait(customer.buy()["number"])["number"]
    end = time.monotonic() + PATIENCE_S
    while len(customer.vendors.hooks) < 4:
        assert time.monotonic() < end
        time.sleep(0.01)
    states = []
    for headers, body in customer.vendors.hooks:
        stamp, _, digest = headers["X-Shop-Signature"].partition(",v1=")
        message = stamp.removeprefix("t=").encode() + b":" + body
        assert hmac.new(HOOK_SECRET.encode(), message, hashlib.sha256).hexdigest() == digest
        event = json.loads(body)
        assert (event["type"], event["order"]["number"]) == ("order.changed", number)
        states.append(event["order"]["state"])
    assert states == ["offen", "bezahlt", "verbucht", "versandt"]


def test_orders_are_listed_between_two_instants(customer: Customer) -> None:
    """The listing holds each order of the span exactly once, page by page, and none from outside it."""
    numbers = [customer.buy()["number"] for _ in range(3)]
    now = datetime.now(UTC)
    query = """query ($since: Instant!, $until: Instant!, $after: String) {
        orders(since: $since, until: $until, first: 2, after: $after) { hasMore orders { number } } }"""
    span = {"since": (now - timedelta(minutes=1)).isoformat(), "until": (now + timedelta(minutes=1)).isoformat()}
    first = customer.data(query, **span)
    rest = customer.data(query, **span, after=first["orders"][-1]["number"])
    assert [each["number"] for each in first["orders"] + rest["orders"]] == numbers
    assert (first["hasMore"], rest["hasMore"]) == (True, False)
    assert customer.data(query, since=span["until"], until=span["until"])["orders"] == []
    literal = customer.ask('{ orders(since: "2026-01-01", until: "2026-01-02T00:00:00Z") { hasMore } }')
    assert "2026-11-22T15:04:05Z" in literal["errors"][0]["message"]


def test_a_stranger_learns_nothing(customer: Customer) -> None:
    """Without the key there is no listing and no cancelling, and an order only for its own e-mail address."""
    number = customer.buy()["number"]
    query = "query ($n: String!, $e: String) { order(number: $n, email: $e) { number } }"
    assert customer.ask(query, key="", n=number, e="ZOE@example.org")["data"]["order"]["number"] == number
    for email in (None, "somebody@example.org"):
        assert customer.ask(query, key="", n=number, e=email)["errors"][0]["extensions"]["code"] == "UNKNOWN_ORDER"
    for asked in (
        "{ jobs { kind } }",
        "{ stock { sku } }",
        f'mutation {{ cancelOrder(number: "{number}", reason: "x") {{ number }} }}',
    ):
        assert customer.ask(asked, key="wrong")["errors"][0]["extensions"]["code"] == "FORBIDDEN"


def test_a_cart_is_ordered_once(customer: Customer) -> None:
    """Of many simultaneous checkouts of one cart one becomes an order, and the card is charged once."""
    cart = customer.cart()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: customer.checkout(cart), range(4)))
    codes = [answer["errors"][0]["extensions"]["code"] for answer in answers if "errors" in answer]
    assert codes == ["ALREADY_ORDERED"] * 3
    assert len(customer.vendors.intents) == 1


def test_a_declined_card_leaves_nothing_behind(customer: Customer) -> None:
    """A declined card cancels the order and frees the pieces; the same cart can be paid with another card."""
    cart = customer.cart(s090001=1)
    error = customer.checkout(cart, "pm_declined")["errors"][0]["extensions"]
    assert error == {"code": "PAYMENT_DECLINED", "reason": "card_declined"}
    assert customer.stock("090001") == (1, 0)
    number = customer.checkout(cart)["data"]["order"]["number"]
    assert customer.wait(number)["number"].endswith("-000002")
    year = number.split("-")[1]
    assert customer.order(f"W-{year}-000001")["state"] == "storniert"


def test_a_webhook_settles_what_needs_the_customer(customer: Customer) -> None:
    """An order waiting for 3-D Secure is paid by Stripe's event, however often it comes; forged ones do nothing."""
    placed = customer.buy(method="pm_3ds")
    (payment,) = placed["payments"]
    assert (placed["state"], payment["clientSecret"]) == ("offen", "pi_secret")
    intent = {**customer.vendors.intents[payment["stripeId"]], "status": "succeeded"}
    paid = {**intent, "amount_received": intent["amount"]}
    second = int(time.time())

    def post(content: dict[str, Any], at: int = second, **other: str) -> int:
        body, headers = signed_event(content, at, **other)
        return requests.post(f"{customer.url}/hooks/stripe", data=body, headers=headers, timeout=60).status_code

    assert post(paid, secret="whsec_forged") == 400
    assert post(paid, at=second - 3600) == 400
    assert post({**intent, "amount_received": 1}, event="evt_cheap") == 200
    assert post({**paid, "metadata": {"order": placed["number"], "shop": "another"}}, event="evt_other") == 200
    assert customer.order(placed["number"])["state"] == "offen"
    assert [post(paid) for _ in range(3)] == [200, 200, 200]
    assert customer.wait(placed["number"])["problem"] is None
    assert len(customer.vendors.documents) == len(customer.vendors.labels) == 1


def test_what_nobody_pays_expires(customer: Customer) -> None:
    """An order not paid in time is cancelled, at Stripe too, and its pieces can be sold again."""
    placed = customer.buy(method="pm_3ds", s090001=1)
    assert customer.stock("090001") == (1, 1)
    customer.clock.ahead = timedelta(hours=1)
    order = customer.wait(placed["number"], lambda order: order["state"] == "storniert")
    assert customer.stock("090001") == (1, 0)
    assert customer.vendors.intents[order["payments"][0]["stripeId"]]["status"] == "canceled"


def test_cancelling_gives_everything_back(customer: Customer) -> None:
    """A cancelled order is refunded in full, rejected in SAP, its label voided, its pieces back on the shelf; once."""
    number = customer.wait(customer.buy()["number"])["number"]
    assert customer.cancel(number)["state"] == "storniert"
    order = customer.wait(number, lambda order: order["labelVoidedAt"] and order["refunds"][0]["stripeId"])
    (refund,) = order["refunds"]
    assert (refund["status"], refund["amountMinor"], refund["currency"]) == ("succeeded", 3970, "EUR")
    assert len(customer.vendors.rejected) == 2
    assert len(customer.vendors.voided) == len(customer.vendors.refunds) == 1
    assert customer.stock("004711") == (1000, 0)
    again = customer.ask('mutation ($n: String!) { cancelOrder(number: $n, reason: "x") { number } }', n=number)
    assert again["errors"][0]["extensions"]["code"] == "WRONG_STATE"


@pytest.mark.parametrize("can_recover", [True, False], ids=["by label", "by parcel"])
def test_a_bought_label_is_found_again(customer: Customer, can_recover: bool) -> None:
    """A label whose answer was lost is found by Label Recovery, or by tracking the order's number."""
    customer.vendors.can_recover = can_recover
    customer.vendors.lose = ["/ship"]
    assert customer.wait(customer.buy()["number"])["trackingNumber"] == "1Z000001"
    assert len(customer.vendors.labels) == 1


@pytest.mark.parametrize("path", ["/payment_intents", "/confirm", "/A_SalesOrder", "/token"])
def test_a_lost_answer_does_nothing_twice(customer: Customer, path: str) -> None:
    """When a vendor did its work and the answer is lost, the order still has one charge, one document, one label."""
    customer.vendors.lose = [path]
    order = customer.wait(customer.buy()["number"])
    assert (order["state"], order["problem"]) == ("versandt", None)
    vendors = customer.vendors
    assert [len(vendors.intents), len(vendors.documents), len(vendors.labels)] == [1, 1, 1]


def test_a_reopened_shop_goes_on(vendors: FakeVendors, tmp_path: Path) -> None:
    """What was under way when a shop was closed is finished once when it opens again, without waiting."""
    vendors.lose = ["/A_SalesOrder"]
    with open_shop(vendors, tmp_path / "shop.sqlite", OTHER_SHOP_RETRY_S="3600") as customer:
        number = customer.buy()["number"]
        customer.wait(number, lambda order: order["problem"] is not None)
    with open_shop(vendors, tmp_path / "shop.sqlite", OTHER_SHOP_RETRY_S="3600") as customer:
        assert customer.wait(number)["state"] == "versandt"
    assert len(vendors.documents) == 1


def test_a_lost_refund_is_not_made_twice(customer: Customer) -> None:
    """A refund whose answer is lost is asked for again and made once."""
    number = customer.wait(customer.buy()["number"])["number"]
    customer.vendors.lose = ["/v1/refunds"]
    customer.cancel(number)
    customer.wait(number, lambda order: order["refunds"][0]["status"] == "succeeded")
    assert len(customer.vendors.refunds) == 1


def test_the_last_piece_is_sold_once(customer: Customer) -> None:
    """Of several buyers of the last piece one gets it."""
    carts = [customer.cart(s090001=1) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda cart: customer.checkout(cart, "pm_3ds"), carts))
    codes = [answer["errors"][0]["extensions"]["code"] for answer in answers if "errors" in answer]
    assert codes == ["OUT_OF_STOCK"] * 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 36),
        ("street", "Weg " * 40),
        ("country", "CH"),
        ("email", "nobody"),
        ("zip", " "),
        ("street", "x" * 36),
    ],
)
def test_what_no_label_can_carry_is_refused(customer: Customer, field: str, value: str) -> None:
    """An address that would have to be cut is refused before any money moves, and the field is named."""
    error = customer.checkout(customer.cart(), **{field: value})["errors"][0]
    assert error["extensions"] == {"code": "BAD_INPUT", "field": field}
    assert customer.vendors.intents == {}


@pytest.mark.parametrize("count", [10, pytest.param(200, marks=pytest.mark.full)])
def test_many_orders_in_a_row(customer: Customer, count: int) -> None:
    """Orders one after the other all arrive, none twice, under numbers without a gap."""
    numbers = [customer.buy(method="tok_visa")["number"] for _ in range(count)]
    for number in numbers:
        customer.wait(number)
    assert [int(number[-6:]) for number in numbers] == list(range(1, count + 1))
    assert [each["PurchaseOrderByCustomer"] for each in customer.vendors.documents.values()] == numbers
    customer.settle()


def test_the_schema_is_served(customer: Customer) -> None:
    """The API's description is where its README says, and lists ten articles in every currency."""
    assert requests.get(f"{customer.url}/schema.graphql", timeout=60).text == (HERE / "schema.graphql").read_text(
        "utf-8"
    )
    articles = customer.data("{ articles(currency: JPY) { sku price available } }")
    assert len(articles) == 10
    assert all(article["price"].isdigit() and article["available"] > 0 for article in articles)


def _yen(customer: Customer) -> bool:
    return bool(customer.buy("JPY")["payments"][0]["amountMinor"] == 656000)


def _euro(customer: Customer) -> bool:
    return bool(customer.buy("CHF")["payments"][0]["amountMinor"] == 3970)


def _tax(customer: Customer) -> bool:
    order = customer.wait(customer.buy()["number"])
    item = customer.vendors.documents[order["sapDocument"]]["to_Item"][0]
    return bool(item["to_PricingElement"][0]["ConditionRateValue"] == "4.95")


def _accents(customer: Customer) -> bool:
    customer.wait(customer.buy()["number"], lambda order: order["problem"] is not None)
    plain = customer.checkout(customer.cart(), name="Zoe Mueller")["data"]["order"]["number"]
    customer.wait(plain)
    return len(customer.vendors.documents) == 1


def _twice(customer: Customer) -> bool:
    customer.vendors.lose = ["/A_SalesOrder"]
    customer.wait(customer.buy()["number"])
    return len(customer.vendors.documents) == 2


def _labels(customer: Customer) -> bool:
    customer.vendors.lose = ["/ship"]
    customer.wait(customer.buy()["number"])
    return len(customer.vendors.labels) == 2


def _cut(customer: Customer) -> bool:
    customer.wait(customer.buy()["number"])
    return "112" not in street_on(customer.vendors.labels[0])


def _piece(customer: Customer) -> bool:
    for _ in range(2):
        customer.buy(method="pm_3ds", s090001=1)
    return customer.stock("090001") == (1, 2)


def _open(customer: Customer) -> bool:
    order = customer.buy()
    return (order["state"], order["payments"][0]["status"]) == ("offen", "succeeded")


def _refund(customer: Customer) -> bool:
    number = customer.wait(customer.buy()["number"])["number"]
    customer.cancel(number)
    order = customer.wait(number, lambda order: order["refunds"][0]["stripeId"] is not None)
    return len(customer.vendors.refunds) == 1 and order["refunds"][0]["status"] == "angefordert"


SYMPTOMS = {
    "yen_hundredfold": _yen,
    "charged_in_euro": _euro,
    "tax_on_top": _tax,
    "accents_refused": _accents,
    "booked_twice": _twice,
    "label_bought_twice": _labels,
    "address_cut": _cut,
    "last_piece_twice": _piece,
    "paid_left_open": _open,
    "refund_not_noted": _refund,
}


@pytest.mark.parametrize("name", defect_names())
def test_a_defect_shows_its_symptom(customer: Customer, name: str) -> None:
    """Every defect, switched on, does the harm its docstring promises and names an entry of the catalogue."""
    docstring = (HERE / "defects" / f"{name}.py").read_text(encoding="utf-8")
    assert re.match(r'"""(MON|ORD|STK|CAR|ERP)-\d\d: ', docstring)
    take_out = install(name)
    try:
        assert SYMPTOMS[name](customer)
    finally:
        take_out()


def _start(*arguments: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **SETTING, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("way", [["-m", "tests.apps.other_shop"], ["tests/apps/other_shop"]])
def test_the_shop_starts_and_stops(tmp_path: Path, way: list[str]) -> None:
    """Started as a module or as a folder it prints its URL, answers there, and ends on SIGTERM with 0."""
    with _start(*way, "--port", "0", "--db", str(tmp_path / "shop.sqlite")) as process:
        killer = threading.Timer(PATIENCE_S, process.kill)
        killer.start()
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert requests.get(f"{url}/health", timeout=60).json() == {"status": "ok"}
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate()
        killer.cancel()
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("OTHER_SHOP_DEFECT", "yen_hundertfold", "did you mean yen_hundredfold?"),
        ("SAP_USER", "", "SAP_USER"),
        ("OTHER_SHOP_RETRY_S", "soon", "OTHER_SHOP_RETRY_S expects a number not below 0, seen 'soon'"),
    ],
)
def test_a_wrong_start_is_explained(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    name: str,
    value: str,
    hint: str,
) -> None:
    """A start with a misspelt defect, a missing or a wrong variable ends with 2 and says which."""
    for each, setting in {**SETTING, name: value}.items():
        monkeypatch.setenv(each, setting)
    assert main(["--db", str(tmp_path / "shop.sqlite")]) == 2
    assert hint in capsys.readouterr().err
