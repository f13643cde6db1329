"""A shop driven by its pages: the same Protocol as over an API, in this machine's Chromium, over the merchant's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from assay.errors import SafetyError
from assay.http import open_client
from assay.money import Money
from assay.roles import Purchase, Reply, Shop, ShopRefused
from tests.engine.browser.chromium import require_chromium
from tests.engine.browser.paged_merchant import PagedMerchant
from tests.mocks.merchant_rig import Rig, serving

pytestmark = pytest.mark.xdist_group("browser")
ZOE = Purchase(currency="EUR", lines=(("0017", 2), ("F-604", 1)), email="zoe@example.com")


class Guarded:
    """A client's address, and a guard that permits or refuses writing, as the runner's has."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.reading = False

    def request(self, method: str, path: str, **more: object) -> Reply:
        """Send nothing: a paged shop asks its browser."""
        raise AssertionError((method, path, more))

    def allow(self, method: str, path: str) -> None:
        """Refuse a write while only reading is permitted."""
        if self.reading and method == "POST":
            raise SafetyError("the flow is declared to read only")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The reference merchant and its vendors."""
    require_chromium()
    with serving(tmp_path_factory.mktemp("rig")) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(rig: Rig) -> Guarded:
    """The way to the shop."""
    return Guarded(rig.url)


@pytest.fixture(scope="module")
def shop(guarded: Guarded) -> Iterator[PagedMerchant]:
    """The shop, driven by its pages."""
    connector = PagedMerchant(guarded, {"operator_token": "operator-demo"})
    yield connector
    connector.close()


def test_what_is_bought_on_pages_is_what_the_api_shows(shop: PagedMerchant, rig: Rig) -> None:
    """Catalogue, cart, address, payment, thanks: the order has the lines, total and payment the API tells of it."""
    assert isinstance(shop, Shop)
    ref = shop.place(ZOE)
    order, told = shop.order(ref), rig.ok("GET", f"/api/orders/{ref}")
    assert (order.number, order.total) == (told["number"], Money.of(told["total"]["amount"], "EUR"))
    assert [(line.sku, int(line.quantity)) for line in order.lines] == [("0017", 2), ("F-604", 1)]
    assert order.payment_refs == (told["payments"][0]["reference"],)
    assert order.placed_at == datetime.fromisoformat(told["placed_at"])
    assert (order.status, order.payment_status, order.email) == ("confirmed", "paid", "zoe@example.com")


def test_orders_are_listed_page_after_page(shop: PagedMerchant, rig: Rig) -> None:
    """Every order of [since, until) is found, beyond the first page of ten, and none outside of it."""
    rig.advance(hours=1)
    since = rig.now
    for _ in range(11):
        rig.order()
    found = shop.orders(since, since + timedelta(hours=1))
    assert len({order.ref for order in found}) == 11
    assert shop.orders(since + timedelta(hours=2), since + timedelta(hours=3)) == []


def test_a_currency_without_decimals_is_read_exactly(shop: PagedMerchant) -> None:
    """An order in yen is in whole yen, whatever groups its digits."""
    order = shop.order(shop.place(Purchase(currency="JPY", lines=(("A-100", 3),), email="zoe@example.com")))
    assert (order.total.currency, order.lines[0].total) == ("JPY", Money(3 * order.lines[0].unit_price.minor, "JPY"))  # type: ignore[union-attr]


def test_an_order_nobody_knows_is_a_lookup_error(shop: PagedMerchant) -> None:
    """The page's 404 is what other connectors say by `LookupError`."""
    with pytest.raises(LookupError, match="404"):
        shop.order("ord_nobody")


def test_a_declined_card_is_refused_in_the_shops_words(shop: PagedMerchant) -> None:
    """What the page tells the customer is what the refusal says."""
    with pytest.raises(ShopRefused, match="declined"):
        shop.place(Purchase(currency="EUR", lines=(("0017", 1),), email="p@example.com",
                            payment_method="pm_card_chargeDeclined"))  # fmt: skip


def test_many_threads_may_ask(shop: PagedMerchant) -> None:
    """Visits from several threads each get their own window and their own order."""
    with ThreadPoolExecutor(2) as threads:
        refs = list(threads.map(lambda _: shop.place(ZOE), range(2)))
    assert len(set(refs)) == 2


def test_where_only_reading_is_allowed_nothing_is_sent(shop: PagedMerchant, guarded: Guarded, rig: Rig) -> None:
    """A flow that only reads buys nothing by a browser either: refused for safety, and the shop has no new order."""
    before = rig.ok("GET", "/api/orders")["total"]
    guarded.reading = True
    try:
        with pytest.raises(SafetyError, match="read only"):
            shop.place(ZOE)
    finally:
        guarded.reading = False
    assert rig.ok("GET", "/api/orders")["total"] == before


def test_a_browser_that_died_is_started_again(shop: PagedMerchant) -> None:
    """After the browser is closed the next visit opens a new one."""
    shop.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "browser"]
    with pytest.raises(LookupError):
        shop.order("ord_nobody")


def test_the_runners_client_says_where_the_shop_is(rig: Rig) -> None:
    """A client as the runner opens it is enough to build the connector."""
    with open_client(rig.url, system="paged_merchant") as client:
        connector = PagedMerchant(client, {"operator_token": "operator-demo"})
        with pytest.raises(LookupError):
            connector.order("ord_nobody")
        connector.close()
