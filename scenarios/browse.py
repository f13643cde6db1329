"""Browsing: a visitor looks through the catalogue in a currency, opens pages, fills a cart, sees a price and leaves."""

from __future__ import annotations

import random
from collections.abc import Sequence

from assay.flow import Case, Run, flow
from assay.records import Article
from assay.roles import ShopRefused, Storefront
from scenarios.cases import buys

_PAGES = 5
_COUNTRIES = {"EUR": "FR", "JPY": "JP", "KWD": "KW", "USD": "US", "GBP": "GB", "ISK": "IS"}


@flow(
    id="browse",
    title="Look around and leave",
    cases=[Case(currency.lower(), buys("browse", currency, to=country)) for currency, country in _COUNTRIES.items()],
    tags=["browse", "money", "smoke"],
    read_only=True,
    production_cut="open product pages",
)
def look_around(run: Run, shop: Storefront) -> None:
    """Nothing is bought, so no oracle is asked: what the pages say of one price must agree, and every page answers.

    In production it reads pages and opens no cart.
    """
    wanted = run.case.purchase
    with run.step("read the catalogue"):
        listed = [article for article in shop.articles(wanted.currency) if article.price is not None]
        run.check(listed, f"articles are sold in {wanted.currency}")
    chosen = _some(listed, run.case.name)
    with run.step("open product pages"):
        for article in chosen:
            page = shop.article(article.sku, wanted.currency)
            run.check(page == article, f"the list and the page of {article.sku} agree: {article.price}, {page.price}")
    with run.step("fill a cart"):
        cart = shop.open_cart(wanted.currency)
        for article in chosen:
            basket = shop.put_in(cart, article.sku, 1)
            line = next((line for line in basket.lines if line.sku == article.sku), None)
            run.check(line and line.unit_price == article.price, f"the cart has {article.sku} at its page's price")
    with run.step("see what sending it costs"):
        shop.deliver_to(cart, wanted)
        offers = shop.shipping_offers(cart)
        run.check(offers, f"some way to send it to {wanted.country}")
        for offer in offers:
            run.check(offer.price.currency == wanted.currency, f"{offer.name} is priced in {wanted.currency}")
    with run.step("look at another currency and come back"):
        other = "EUR" if wanted.currency != "EUR" else "JPY"
        shop.article(chosen[0].sku, other)
        again = shop.article(chosen[0].sku, wanted.currency)
        run.check(again == chosen[0], f"the page of {again.sku} shows the price of before: {again.price}")
        run.check(shop.basket(cart).total.currency == wanted.currency, "the cart keeps its currency")


def _some(listed: Sequence[Article], seed: str) -> list[Article]:
    """Return a few articles that are in stock for everybody, the same ones for the same case."""
    usual = [article for article in listed if not article.backorder]
    if len(usual) < _PAGES:
        raise ShopRefused(f"the catalogue has {len(usual)} articles in stock, a visitor wants {_PAGES}")
    return random.Random(seed).sample(usual, _PAGES)
