"""One shop, many currencies: stores and their rates, switching, thresholds, texts, pages kept, the wallet's sheet."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.mocks.merchant_rig import OPERATOR, Rig, serving

SOLD = ["USD", "GBP", "JPY", "KRW", "INR", "CHF", "ISK", "HUF", "IDR"]
USUAL = {
    "free_shipping_by_currency": {},
    "currency_decimals": {},
    "margin_floor": "0",
    "price_markup": "0",
    "rates_source": "ecb",
    "rate_spread": "0",
    "currencies": ["EUR", "USD", "GBP", "JPY", "KRW", "INR", "CHF", "ISK", "HUF", "IDR", "KWD"],
}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One merchant for this file's tests."""
    with serving(tmp_path_factory.mktemp("currencies"), ("stripe", "sap_s4hana", "ecb", "frankfurter")) as running:
        yield running


@pytest.fixture(autouse=True)
def usual(rig: Rig) -> Iterator[None]:
    """Leave the shop as it was."""
    yield
    rig.settings(**USUAL)


def refused(rig: Rig, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Call as the operator and return status and error."""
    status, answer = rig.call(method, path, body, **OPERATOR)
    return status, answer["error"]


def amount(view: Any, name: str) -> Decimal:
    """Return an amount of a view."""
    return Decimal(view[name]["amount"])


def rates_of(rig: Rig, store: str) -> dict[tuple[str, str], Decimal]:
    """Return a store's rates by pair."""
    return {
        (each["base"], each["currency"]): Decimal(each["rate"])
        for each in rig.ok("GET", f"/api/rates?store={store}")["rates"]
    }


def test_every_store_has_a_table_in_both_directions(rig: Rig) -> None:
    """Each store holds every converted currency, there and back; there and back again is one to six digits."""
    stores = [each["id"] for each in rig.ok("GET", "/api/stores")["stores"]]
    assert stores == ["main", "outlet"]
    for store in stores:
        rates = rates_of(rig, store)
        assert set(rates) == {(one, other) for each in SOLD for one, other in (("EUR", each), (each, "EUR"))}
        for currency in SOLD:
            assert abs(rates["EUR", currency] * rates[currency, "EUR"] - 1) < Decimal("1e-6")
    assert rig.ok("GET", "/api/rates")["refused"] == []


def test_a_cart_is_priced_by_its_store(rig: Rig) -> None:
    """Cart and order name their store; an unknown one is refused with those there are."""
    cart = rig.ok("POST", "/api/carts", {"currency": "USD", "store": "outlet"})
    assert cart["store"] == "outlet"
    assert rig.order("USD")["store"] == "main"
    status, error = refused(rig, "POST", "/api/carts", {"currency": "USD", "store": "oulet"})
    assert (status, error["known"]) == (422, ["main", "outlet"])


def test_a_store_has_a_markup_of_its_own(rig: Rig) -> None:
    """The second store prices two per cent above the first, page and cart alike, and the base currency not at all."""
    for currency, more in (("USD", Decimal("1.02")), ("EUR", Decimal(1))):
        plain = amount(rig.ok("GET", f"/api/products/0018?currency={currency}"), "price")
        shown = amount(rig.ok("GET", f"/api/products/0018?currency={currency}&store=outlet"), "price")
        assert abs(shown - plain * more) <= Decimal("0.01")
        cart = rig.ok("POST", "/api/carts", {"currency": currency, "store": "outlet"})["id"]
        view = rig.ok("POST", f"/api/carts/{cart}/lines", {"sku": "0018", "quantity": 1})
        assert amount(view["lines"][0], "unit_price") == shown


def test_buying_and_selling_may_differ_and_another_currency_be_sold(rig: Rig) -> None:
    """A spread makes the way back worth less; a currency that was not sold before is priced after the next fetch."""
    rig.settings(rate_spread="0.006", currencies=["EUR", "USD", "DKK"])
    rig.advance(hours=2)
    rates = rates_of(rig, "main")
    assert abs(rates["EUR", "USD"] * rates["USD", "EUR"] - Decimal("0.994")) < Decimal("1e-6")
    assert rig.order("DKK")["total"]["currency"] == "DKK"


def test_a_cart_changes_its_currency(rig: Rig) -> None:
    """Lines are priced anew, delivery is chosen again, what is not offered there comes off; an order stays as it is."""
    cart = rig.cart("EUR", lines=(("0017", 2),))
    rig.ok("POST", f"/api/carts/{cart}/coupon", {"code": "FIVE"})
    view = rig.ok("PUT", f"/api/carts/{cart}/currency", {"currency": "JPY"})
    rate = rates_of(rig, "main")["EUR", "JPY"]
    assert amount(view["lines"][0], "unit_price") == (Decimal("9.50") * rate).quantize(Decimal(1))
    assert view["coupon"] == "FIVE" and amount(view, "discount") > 500
    assert rig.ok("PUT", f"/api/carts/{cart}/currency", {"currency": "KWD"})["coupon"] is None
    status, error = refused(rig, "PUT", f"/api/carts/{cart}/currency", {"currency": "XXX"})
    assert (status, error["code"]) == (422, "unknown_currency")
    rig.ok("PUT", f"/api/carts/{cart}/currency", {"currency": "USD"})
    assert rig.checkout(cart)[0] == 201
    assert refused(rig, "PUT", f"/api/carts/{cart}/currency", {"currency": "EUR"})[0] == 409


def test_fixed_promotions_have_values_of_their_own(rig: Rig) -> None:
    """A coupon's own value in a currency wins over the converted one; without one it is not offered by price list."""
    for currency, worth in (("JPY", "1500"), ("USD", "11.00"), ("EUR", "10.00"), ("KWD", "3.000")):
        cart = rig.cart(currency, lines=(("0018", 1),))
        rig.ok("POST", f"/api/carts/{cart}/coupon", {"code": "TENNER"})
        assert rig.ok("GET", f"/api/carts/{cart}")["discount"]["amount"] == worth
    status, error = refused(rig, "POST", f"/api/carts/{rig.cart('KWD')}/coupon", {"code": "FIVE"})
    assert (status, error["code"]) == (422, "not_offered")


@pytest.mark.parametrize(("own", "quantity", "free"), [({}, 15, False), ({}, 16, True), ({"JPY": "20000"}, 15, True)])
def test_free_shipping_has_a_threshold_in_each_currency(rig: Rig, own: Any, quantity: int, free: bool) -> None:
    """150 euros converted, or the currency's own threshold, divides what ships free from what does not."""
    rig.settings(free_shipping_by_currency=own)
    view = rig.ok("GET", f"/api/carts/{rig.cart('JPY', lines=(('0017', quantity),))}")
    assert (amount(view["shipping"], "total") == 0) is free


def test_no_price_falls_below_the_margin(rig: Rig) -> None:
    """The floor lifts a price in every currency, by the same euros, and leaves one above it alone."""
    before = amount(rig.ok("GET", "/api/products/0017?currency=USD"), "price")
    rig.settings(margin_floor="0.5")
    assert amount(rig.ok("GET", "/api/products/0017?currency=USD"), "price") == before
    rig.settings(margin_floor="1", price_markup="0.02")
    lifted = amount(rig.ok("GET", "/api/products/0017"), "price")
    assert lifted == Decimal("11.40")
    rate = rates_of(rig, "main")["EUR", "USD"]
    shown = amount(rig.ok("GET", "/api/products/0017?currency=USD"), "price")
    assert shown == (lifted * rate * Decimal("1.02")).quantize(Decimal("0.01"))


@pytest.mark.parametrize(
    ("currency", "language", "text"),
    [("EUR", "de", "129,00 EUR"), ("IDR", "id", None), ("KWD", "en", "43.200 KWD"), ("HUF", "hu", None)],
)
def test_prices_are_written_and_read_in_a_language(rig: Rig, currency: str, language: str, text: str | None) -> None:
    """What a page writes is read back as the very price, in every language and currency."""
    page = rig.ok("GET", f"/api/products/C-302?currency={currency}&language={language}")
    assert text is None or page["price_text"] == text
    typed = {"text": page["price_text"], "currency": currency, "language": language}
    assert rig.ok("POST", "/api/operator/amounts", typed)["amount"] == page["price"]
    cart = rig.cart(currency)
    assert rig.ok("GET", f"/api/carts/{cart}?language={language}")["total_text"].endswith(f" {currency}")


@pytest.mark.parametrize(
    ("text", "currency", "language"),
    [("1.23", "EUR", "de"), ("1,234", "EUR", "de"), ("80,5", "JPY", "de"), ("ten", "EUR", "en"), ("1,2", "EUR", "tlh")],
)
def test_what_is_no_amount_is_refused(rig: Rig, text: str, currency: str, language: str) -> None:
    """A mark of another language, too many digits, words, an unknown language: never read as another number."""
    content = {"text": text, "currency": currency, "language": language}
    assert refused(rig, "POST", "/api/operator/amounts", content)[0] == 422


def test_pages_are_kept_by_currency(rig: Rig) -> None:
    """A page is kept for a time, for each currency and language by itself, and made anew when settings change."""
    euros = rig.ok("GET", "/api/products/0017")
    assert rig.ok("GET", "/api/products/0017?currency=USD")["price"]["currency"] == "USD"
    assert rig.ok("GET", "/api/products/0017?language=de")["price_text"] == "9,50 EUR"
    assert rig.ok("GET", "/api/products/0017") == euros
    rig.settings(margin_floor="1")
    assert rig.ok("GET", "/api/products/0017")["price"]["amount"] == "11.40"


@pytest.mark.parametrize(("currency", "decimals"), [("JPY", {}), ("JPY", {"JPY": 2}), ("USD", {"USD": 4}), ("KWD", {})])
def test_the_wallet_shows_the_total(rig: Rig, currency: str, decimals: Any) -> None:
    """However many decimals people chose to see, the wallet's sheet is over the cart's total, item by item."""
    rig.settings(currency_decimals=decimals)
    cart = rig.cart(currency, lines=(("0017", 3),))
    view, sheet = rig.ok("GET", f"/api/carts/{cart}"), rig.ok("GET", f"/api/carts/{cart}/wallet")
    assert (sheet["currencyCode"], Decimal(sheet["total"]["amount"])) == (currency, amount(view, "total"))
    assert sum(Decimal(item["amount"]) for item in sheet["lineItems"]) == amount(view, "total")


def test_rates_come_from_the_source_that_is_set(rig: Rig) -> None:
    """Another publisher's rates take the place of the first one's, in every store and both ways, and back again."""
    for source, name in (("frankfurter", "Frankfurter"), ("ecb", "ECB")):
        rig.settings(rates_source=source)
        rig.advance(hours=2)
        for store in ("main", "outlet"):
            answer = rig.ok("GET", f"/api/rates?store={store}")
            assert answer["refused"] == []
            assert {each["source"] for each in answer["rates"]} == {name}
            assert {each["currency"] for each in answer["rates"]} == {"EUR", *SOLD}
        used = rig.order("USD")["rate"]
        assert (used["source"], used["label"]) == (name, f"1 EUR = {Decimal(used['rate']).normalize():f} USD")
