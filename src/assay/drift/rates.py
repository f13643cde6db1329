"""The feed of exchange rates, and the rates the shop prices with, store by store and pair by pair (O-M7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from assay.dossier.after_charge import published_since, store_rates
from assay.drift.checks import check
from assay.drift.look import Look
from assay.drift.options import judged
from assay.drift.twice import seen_twice
from assay.drift.verdicts import quiet, signed, violated
from assay.errors import UsageError
from assay.events import Finding, Result
from assay.money import EXPONENTS, exponent
from assay.oracles import failed, passed, unjudged
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
from assay.oracles.rate_age import RateAge, RateSpan, rate_age
from assay.oracles.rate_table import StoreJudged, stores_judged
from assay.records import Population, Rate
from assay.roles import HasStores, Offers, ShopRefused

ORACLE = "O-M7"
_HISTORY = timedelta(days=20)
_DATED_BY = timedelta(days=50)
"""How far back publications are read for the age of the shop's table: it tries the last 31."""
_ENOUGH = 3
"""Of so many currencies it is said, too, that the age of the shop's table cannot be told."""
_MOST_ARTICLES = 3
_OTHER = "other"
"""The store of a figure, where the monitor's option does not name the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What one look found. age: of the table that the shop's prices are from."""

    history: Sequence[Rate]
    prices: Mapping[str, Sequence[Priced]]
    age: RateAge
    stores: Sequence[StoreJudged]
    findings: Sequence[Finding]


_known = judged(spans=("settle",), names={"currencies": EXPONENTS})


def _judge(options: Mapping[str, Any]) -> None:
    _known(options)
    stores = options.get("stores", [])
    if not isinstance(stores, list) or not all(isinstance(each, str) and each for each in stores):
        raise UsageError(
            "that is no list of stores", where="stores", expected='as ["main", "outlet"]', seen=f"{stores}"
        )


@check(
    "rates",
    needs=("rates", "shop"),
    oracles=(ORACLE,),
    judge=_judge,
    currencies=["USD", "GBP", "JPY", "INR"],
    skus=[],
    stores=[],
    settle="10s",
)
def rates(look: Look) -> None:
    """Hold the age of the published rates, and the rate of the shop's prices, against the publisher's calendar.

    currencies: the sold ones that are converted; those of policies.rates.price_lists are left out. skus: which articles
    are compared, the dearest where the shop's whole catalogue can be read. stores: of the platform, those that figures
    tell apart, the one that prices are read from first; findings name each store that there is. settle: as everywhere.
    """
    base = look.judging.base_currency
    if base is None:
        look.unjudged(ORACLE, "no base currency is declared: policies.base_currency in the profile")
        return
    sold = [each for each in look.options["currencies"] if each not in look.judging.price_lists and each != base]
    skus = _skus(look, base)

    def read() -> _Read:
        published = look.landscape.by_role("rates").history((look.now() - _DATED_BY).date())
        history = [rate for rate in published if rate.as_of >= (look.now() - _HISTORY).date()]
        prices, unsold = _prices(look, base, sold, skus)
        age = _table_age(base, published, prices, look.judging.markup)
        stores = _stores(look)
        findings = [*unsold, *_judged(look, history, prices, age), *_of_stores(stores)]
        return _Read(history=history, prices=prices, age=age, stores=stores, findings=findings)

    found = seen_twice(look, read, lambda each: violated(each.findings))
    for finding in found.findings:
        look.verdict(finding)
    if not found.findings:
        quiet(look, "no rate and no converted currency")
    _measure(look, base, found)


def _stores(look: Look) -> Sequence[StoreJudged]:
    """Return what is said of every store's own table, where the platform shows them."""
    shop, now = look.landscape.by_role("shop"), look.now()
    if not isinstance(shop, HasStores):
        return []
    population = Population(
        since=now - _DATED_BY,
        until=now,
        read_at=now,
        store_rates=tuple(store_rates(shop)),
        published=tuple(published_since(look.landscape, now - _DATED_BY)),
    )
    return stores_judged(population, look.judging)


def _of_stores(stores: Sequence[StoreJudged]) -> Iterator[Finding]:
    """Yield a violation for each store and pair, with the age of its table; and one verdict for each that is well."""
    for each in stores:
        for code, finding in each.wrong.items():
            pair = code if "/" in code else f"{each.base}/{code}"
            age = "" if "the rates are those of" in finding.cause or each.age.as_of is None else f"; {each.age}"
            finding = replace(finding, cause=f"{finding.cause}{age}")
            yield signed(finding, ORACLE, f"rate {pair} of store {each.store}", FORMULA)
        if not each.wrong:
            yield signed(passed(), ORACLE, f"{len(each.held)} rates of store {each.store}", FORMULA)


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


def _table_age(
    base: str, published: Sequence[Rate], prices: Mapping[str, Sequence[Priced]], markup: Decimal
) -> RateAge:
    """Read which publication the shop's prices are from: with the declared markup, or else with whichever it has."""
    by_day: dict[date, dict[str, Decimal]] = {}
    for rate in published:
        if rate.base == base:
            by_day.setdefault(rate.as_of, {})[rate.quote] = rate.value
    table = {currency: span for currency, listed in prices.items() if (span := _span(listed)) is not None}
    told = rate_age(table, by_day, markup=markup)
    if told.as_of is not None:
        return told
    free = rate_age(table, by_day)
    return free if free.as_of is not None else told


def _span(prices: Sequence[Priced]) -> RateSpan | None:
    """Return in which span one currency's rate lies by all its prices; None where they are not of one rate."""
    span: RateSpan | None = None
    for each in prices:
        half = Fraction(1, 2 * 10 ** exponent(each.foreign.currency))
        base, seen = Fraction(each.base.amount), Fraction(each.foreign.amount)
        own = RateSpan((seen - half) / base, (seen + half) / base)
        span = own if span is None else span.within(own)
        if span is None:
            return None
    return span


def _with_age(finding: Finding, age: RateAge, currencies: int) -> Finding:
    """Add to a violation from which publication the whole table is, or that this cannot be told."""
    if finding.result is not Result.FAIL or (age.as_of is None and currencies < _ENOUGH):
        return finding
    return replace(finding, cause=f"{finding.cause}; {age}")


def _judged(look: Look, history: Sequence[Rate], prices: Mapping[str, Sequence[Priced]], age: RateAge) -> list[Finding]:
    now, grace = look.now(), look.judging.slack("rates")
    if not grace:
        why = "no freshness limit is declared: policies.freshness.rates in the profile"
        return [signed(unjudged(why), ORACLE, "the feed", FORMULA)]
    found = [signed(feed_age(history, now, grace), ORACLE, "the feed of rates", FORMULA)]
    quoted = by_currency(history)
    newest = max((rate.as_of for rate in history), default=None)
    for currency, listed in prices.items():
        if quoted.get(currency) and max(rate.as_of for rate in quoted[currency]) != newest:
            found.append(_left_out(quoted[currency][-1], newest))
            continue
        finding = prices_in(
            currency, listed, quoted.get(currency, []), now=now, grace=grace, markup=look.judging.markup
        )
        found.append(signed(_with_age(finding, age, len(prices)), ORACLE, f"prices in {currency}", FORMULA))
    return found


def _left_out(last: Rate, newest: date | None) -> Finding:
    """Return that the newest publication has no rate of a currency which those before it had."""
    pair = f"{last.base}/{last.quote}"
    finding = failed(
        last.system,
        expected=f"a rate of {pair} in the publication of {newest}",
        seen=f"none; the last is {last.value:f} of {last.as_of}",
        cause="the publisher left the currency out, or its file was cut: the shop keeps an older rate, or has none",
    )
    return signed(finding, ORACLE, f"prices in {last.quote}", FORMULA)


def _measure(look: Look, base: str, found: _Read) -> None:
    """Say how old the rates in use are and how far they are off, of each store and pair.

    Where no price is of a published rate with the declared markup, the table's own age counts, else the feed's newest.
    """
    if not found.history:
        return
    quoted, markup, named = by_currency(found.history), look.judging.markup, look.options["stores"]
    used = [rate_in_use(listed, quoted.get(currency, []), markup) for currency, listed in found.prices.items()]
    days = [rate.as_of for rate in used if rate is not None]
    oldest = min(days) if days else found.age.as_of or max(rate.as_of for rate in found.history)
    own = str(named[0]) if named else ""
    ages: dict[str, list[date]] = {own: [oldest]}
    off: dict[tuple[str, str], list[float]] = {}
    for currency, listed in found.prices.items():
        if quoted.get(currency):
            newest = max(quoted[currency], key=lambda rate: rate.as_of)
            off.setdefault((own, f"{base}/{currency}"), []).append(deviation(listed, newest, markup))
    for each in found.stores:
        store = each.store if each.store in named else _OTHER
        if each.age.as_of is not None:
            ages.setdefault(store, []).append(each.age.as_of)
        for currency, apart in each.off.items():
            off.setdefault((store, f"{base}/{currency}"), []).append(apart)
    for store, held in sorted(ages.items()):
        age = (look.now() - published_at(min(held))).total_seconds()
        look.measure("assay_drift_rate_age_seconds", age, store=store)
    for (store, pair), parts in sorted(off.items()):
        look.measure("assay_drift_rate_deviation_ratio", max(parts), pair=pair, store=store)
