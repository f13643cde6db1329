"""The feed of exchange rates, and the rates the shop prices with (O-M7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from assay.drift.checks import check
from assay.drift.look import Look
from assay.drift.options import judged
from assay.drift.twice import seen_twice
from assay.drift.verdicts import quiet, signed, violated
from assay.events import Finding
from assay.money import EXPONENTS
from assay.oracles import failed, unjudged
from assay.oracles.feed import (
    FORMULA,
    Priced,
    by_currency,
    deviation,
    feed_age,
    prices_in,
    published_at,
    rate_in_use,
)
from assay.records import Rate
from assay.roles import Offers, ShopRefused

ORACLE = "O-M7"
_HISTORY = timedelta(days=20)
_MOST_ARTICLES = 3


@check(
    "rates",
    needs=("rates", "shop"),
    oracles=(ORACLE,),
    judge=judged(spans=("settle",), names={"currencies": EXPONENTS}),
    currencies=["USD", "GBP", "JPY", "INR"],
    skus=[],
    settle="10s",
)
def rates(look: Look) -> None:
    """Hold the age of the published rates, and the rate of the shop's prices, against the publisher's calendar.

    currencies: the sold ones that are converted; those of policies.rates.price_lists are left out. skus: which articles
    are compared, the dearest where the shop's whole catalogue can be read. settle: as everywhere.
    """
    base = look.judging.base_currency
    if base is None:
        look.unjudged(ORACLE, "no base currency is declared: policies.base_currency in the profile")
        return
    sold = [each for each in look.options["currencies"] if each not in look.judging.price_lists and each != base]
    skus = _skus(look, base)

    def read() -> tuple[Sequence[Rate], Mapping[str, Sequence[Priced]], list[Finding]]:
        history = look.landscape.by_role("rates").history((look.now() - _HISTORY).date())
        prices, findings = _prices(look, base, sold, skus)
        return history, prices, [*findings, *_judged(look, history, prices)]

    history, prices, findings = seen_twice(look, read, lambda found: violated(found[2]))
    for finding in findings:
        look.verdict(finding)
    if not findings:
        quiet(look, "no rate and no converted currency")
    _measure(look, base, history, prices)


def _prices(
    look: Look, base: str, sold: Sequence[str], skus: Sequence[str]
) -> tuple[dict[str, list[Priced]], list[Finding]]:
    """Return the shop's prices by currency; a currency the shop no longer sells in is a verdict of its own."""
    shop = look.landscape.by_role("shop")
    prices: dict[str, list[Priced]] = {}
    findings: list[Finding] = []
    unsold: set[str] = set()
    for sku in skus:
        for currency in sold:
            look.in_time()
            if currency in unsold or f"{sku}/{currency}" in look.judging.price_lists:
                continue
            own = shop.article(sku, base).price
            try:
                other = shop.article(sku, currency).price
            except ShopRefused as refused:
                unsold.add(currency)
                findings.append(_unsold(currency, str(refused).splitlines()[0]))
                continue
            if own is not None and other is not None and own.minor:
                prices.setdefault(currency, []).append(Priced(sku=sku, base=own, foreign=other))
    return prices, findings


def _skus(look: Look, base: str) -> list[str]:
    """Return the articles whose prices are compared; none where the shop's prices cannot be read, which is said."""
    if not isinstance(look.landscape.by_role("shop"), Offers):
        look.unjudged(ORACLE, "the shop's connector has no verb 'article': its prices cannot be read")
        return []
    if look.options["skus"]:
        return list(look.options["skus"])
    everything = getattr(look.landscape.by_role("shop"), "articles", None)
    if everything is None:
        look.unjudged(ORACLE, "the shop's connector cannot list its articles: name some in the option skus")
        return []
    priced = [each for each in everything(base) if each.price is not None and not each.components]
    return [each.sku for each in sorted(priced, key=lambda each: each.price.minor, reverse=True)[:_MOST_ARTICLES]]


def _unsold(currency: str, words: str) -> Finding:
    finding = failed(
        "shop",
        expected=f"a price in {currency}",
        seen=words,
        cause="the shop has no rate any more that is young enough, and does not sell in the currency",
    )
    return signed(finding, ORACLE, f"prices in {currency}", FORMULA)


def _judged(look: Look, history: Sequence[Rate], prices: Mapping[str, Sequence[Priced]]) -> list[Finding]:
    now, grace = look.now(), look.judging.slack("rates")
    if not grace:
        why = "no freshness limit is declared: policies.freshness.rates in the profile"
        return [signed(unjudged(why), ORACLE, "the feed", FORMULA)]
    found = [signed(feed_age(history, now, grace), ORACLE, "the feed of rates", FORMULA)]
    quoted = by_currency(history)
    for currency, listed in prices.items():
        finding = prices_in(
            currency, listed, quoted.get(currency, []), now=now, grace=grace, markup=look.judging.markup
        )
        found.append(signed(finding, ORACLE, f"prices in {currency}", FORMULA))
    return found


def _measure(look: Look, base: str, history: Sequence[Rate], prices: Mapping[str, Sequence[Priced]]) -> None:
    """Say how old the oldest rate in use is (the feed's newest, where no price tells), and how far prices are off."""
    if not history:
        return
    quoted, markup = by_currency(history), look.judging.markup
    used = [rate_in_use(listed, quoted.get(currency, []), markup) for currency, listed in prices.items()]
    days = [rate.as_of for rate in used if rate is not None] or [max(rate.as_of for rate in history)]
    look.measure("assay_drift_rate_age_seconds", (look.now() - published_at(min(days))).total_seconds())
    for currency, listed in prices.items():
        if quoted.get(currency):
            newest = max(quoted[currency], key=lambda rate: rate.as_of)
            off = deviation(listed, newest, markup)
            look.measure("assay_drift_rate_deviation_ratio", off, pair=f"{base}/{currency}")
