"""Rates that cannot be right: each is refused by source, pair and date, and the shop prices with what it had."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.mocks.merchant_rig import OPERATOR, Rig
from tests.serving import Quiet
from tests.serving import serving as listening

TODAY = "2026-03-02"
SOUND = {"USD": "1.10", "GBP": "0.85", "JPY": "160", "KRW": "1600", "INR": "96", "CHF": "0.94", "ISK": "147",
         "HUF": "405", "IDR": "18600"}  # fmt: skip


def published(day: str = TODAY, **changed: str | None) -> bytes:
    """Return a file as the ECB writes it; None leaves a currency out."""
    rates = {code: rate for code, rate in {**SOUND, **changed}.items() if rate is not None}
    cubes = "".join(f"<Cube currency='{code}' rate='{rate}'/>" for code, rate in rates.items())
    space = "xmlns='http://www.ecb.int/vocabulary/2002-08-01/eurofxref'"
    return f"<e:Envelope xmlns:e='x' {space}><Cube><Cube time='{day}'>{cubes}</Cube></Cube></e:Envelope>".encode()


class Publisher:
    """A source of rates that says what the test wants."""

    content = published()


@pytest.fixture(scope="module")
def publisher() -> Publisher:
    """What is published."""
    return Publisher()


@pytest.fixture(scope="module")
def rig(publisher: Publisher, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One merchant whose rates come from the publisher."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(publisher.content)))
            self.end_headers()
            self.wfile.write(publisher.content)

    running = Rig(tmp_path_factory.mktemp("feeds"), ("sap_s4hana",), {})
    try:
        with listening(Handler) as url:
            vendors = {"ecb": {"base_url": url}, "sap_s4hana": {"base_url": running.vendor["sap_s4hana"]}}
            running.start_merchant(vendors={**vendors, "frankfurter": {"base_url": "http://127.0.0.1:9"}})
            running.settle()
            yield running
    finally:
        running.close()


def after(rig: Rig, publisher: Publisher, content: bytes) -> list[dict[str, str]]:
    """Publish, let the next fetch run, and return what was refused."""
    publisher.content = content
    rig.advance(hours=2)
    refused: list[dict[str, str]] = rig.ok("GET", "/api/rates")["refused"]
    return refused


def price(rig: Rig, currency: str) -> Decimal:
    """Return the price of an article for 42 euros."""
    return Decimal(rig.ok("GET", f"/api/products/0018?currency={currency}")["price"]["amount"])


@pytest.mark.parametrize(
    ("content", "pair", "day", "why"),
    [
        (published(JPY="0"), "EUR/JPY", TODAY, "a rate of 0"),
        (published(JPY="-160"), "EUR/JPY", TODAY, "a rate of -160"),
        (published(JPY=None), "EUR/JPY", TODAY, "missing"),
        (published(JPY="0.00625"), "EUR/JPY", TODAY, "far from the last, 160"),
        (published(JPY="NaN"), "EUR/*", TODAY, "JPY"),
        (published(JPY="many"), "EUR/*", TODAY, "JPY"),
        (published(JPY="160." + "1" * 40), "EUR/*", TODAY, "has more than 15 digits"),
        (published(JPY="1E400"), "EUR/*", TODAY, "EUR/JPY"),
        (published(JPY="160").replace(b"currency='USD'", b"currency='JPY'"), "EUR/*", TODAY, "EUR/JPY"),
        (published("2026-03-09"), "EUR/*", TODAY, "2026-03-09"),
        (published("today"), "EUR/*", TODAY, "today"),
        (published()[:-40], "EUR/*", TODAY, "not XML"),
        (b"<html>maintenance</html>", "EUR/*", TODAY, "Cube"),
    ],
)
def test_what_cannot_be_a_rate_is_refused(
    rig: Rig, publisher: Publisher, content: bytes, pair: str, day: str, why: str
) -> None:
    """Source, pair and date are named, the last good rate stays in use, and no price falls back to one to one."""
    [problem] = after(rig, publisher, content)
    assert (problem["source"], problem["pair"]) == ("ECB", pair) and problem["date"] >= day
    assert why in problem["reason"]
    assert price(rig, "JPY") == 42 * 160 and price(rig, "USD") == Decimal("46.20")


def test_a_source_that_is_away_is_named(rig: Rig, publisher: Publisher) -> None:
    """Where nobody answers, the shop says who did not, and prices as before."""
    rig.settings(rates_source="frankfurter")
    [problem] = after(rig, publisher, published())
    rig.settings(rates_source="ecb")
    assert (problem["source"], problem["pair"], problem["date"]) == ("Frankfurter", "EUR/*", rig.now.date().isoformat())
    assert price(rig, "USD") == Decimal("46.20")


def test_an_older_publication_changes_nothing(rig: Rig, publisher: Publisher) -> None:
    """A source that goes back to an older day is heard and not followed."""
    assert after(rig, publisher, published()) == []
    after(rig, publisher, published("2026-03-01", USD="1.20"))
    assert price(rig, "USD") == Decimal("46.20")


def test_a_currency_nobody_quotes_is_not_sold(rig: Rig, publisher: Publisher) -> None:
    """Without any rate a currency is refused with source, pair and date, on the page and in the cart alike."""
    rig.settings(currencies=["EUR", "USD", "JPY", "DKK"])
    after(rig, publisher, published())
    for method, path, body in (
        ("GET", "/api/products/0018?currency=DKK", None),
        ("POST", "/api/carts", {"currency": "DKK"}),
    ):
        answer: Any
        status, answer = rig.call(method, path, body, **OPERATOR)
        error = answer["error"]
        assert (status, error["code"], error["pair"], error["source"]) == (422, "no_rate", "EUR/DKK", "ECB")
        assert error["date"] == rig.now.date().isoformat()


def test_a_table_too_old_prices_nothing(rig: Rig, publisher: Publisher) -> None:
    """Rates nobody renews stop selling after a week, and say of which day they are."""
    rig.advance(days=9)
    status, answer = rig.call("GET", "/api/products/0018?currency=USD")
    error = answer["error"]
    assert (status, error["code"], error["pair"], error["date"]) == (503, "rate_too_old", "EUR/USD", TODAY)
