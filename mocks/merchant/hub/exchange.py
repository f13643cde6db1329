"""The rate tables: one for each store, bundled rates at first, then each publication, with date and source.

A publication is taken over for every sold currency, in both directions, or refused by source, pair and date; what is
missing keeps its old rate until that is too old to price anything.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from mocks.merchant import times
from mocks.merchant.clients.ecb_client import Publication
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.database import pack, unpack
from mocks.merchant.errors import Refusal
from mocks.merchant.policy.rates import (
    Rate,
    accepted_rates,
    both_directions,
    holds_direction,
    is_rate_usable,
    missing_rate,
    stored_rate,
    stores_to_update,
)
from mocks.merchant.shop import Shop

_BUNDLED = Path(__file__).parents[1] / "rates.json"
_SOURCES = {"ecb": "ECB", "frankfurter": "Frankfurter"}
_REFUSED = "rates:refused"


@dataclass(frozen=True, slots=True)
class Problem:
    """A rate, or a whole publication, that was not taken over."""

    source: str
    pair: str
    date: str
    reason: str

    def view(self) -> dict[str, str]:
        """Return it as the API shows it."""
        return {"source": self.source, "pair": self.pair, "date": self.date, "reason": self.reason}


def seed_rates(connection: sqlite3.Connection, base: str, stores: Sequence[str], at: str) -> None:
    """Store the bundled table, without a spread, for each store that knows no rate."""
    content = orjson.loads(_BUNDLED.read_bytes())
    for store in stores:
        if connection.execute("SELECT 1 FROM rates WHERE store = ? LIMIT 1", (store,)).fetchone():
            continue
        for currency, rate in content["rates"].items():
            _store(
                connection, store, base, currency, Decimal(rate), Decimal(0), (content["date"], content["source"], at)
            )


def store_of(shop: Shop, name: str | None) -> str:
    """Return the store of that name, the default one where none is named. Raises `Refusal` 422 for an unknown one."""
    stores: list[str] = shop.settings["stores"]
    if name is None:
        return stores[0]
    if name not in stores:
        raise Refusal(422, "unknown_store", f"There is no store '{name}'.", field="store", known=stores)
    return name


def current_rate(shop: Shop, currency: str, store: str | None = None) -> Rate:
    """Return a store's newest known rate of a currency. Raises `Refusal` 422 where there is none."""
    base = shop.catalogue.base_currency
    if currency == base:
        return Rate(currency, Decimal(1), shop.now_iso()[:10], "base currency")
    found = _newest(shop, store_of(shop, store), base, currency)
    if found is not None:
        return found
    fallback = missing_rate(currency)
    if fallback is None:
        raise _no_rate(shop, 422, base, currency, store)
    return Rate(currency, fallback, shop.now_iso()[:10], "fallback")


def base_rate(shop: Shop, currency: str, store: str | None = None) -> Rate:
    """Return a store's rate back to the base currency. Raises `Refusal` 502 where there is none."""
    base = shop.catalogue.base_currency
    if currency == base:
        return Rate(base, Decimal(1), shop.now_iso()[:10], "base currency")
    found = _newest(shop, store_of(shop, store), currency, base)
    fallback = missing_rate(currency)
    if found is None and fallback is None:
        raise _no_rate(shop, 502, currency, base, store)
    return found or Rate(base, 1 / (fallback or Decimal(1)), shop.now_iso()[:10], "fallback")


def all_rates(shop: Shop, store: str | None = None) -> list[tuple[str, Rate]]:
    """Return a store's newest rates as (base, rate), from the base currency to each sold one and back."""
    name, base = store_of(shop, store), shop.catalogue.base_currency
    listed = []
    for currency in shop.settings["currencies"]:
        for one, other in ((base, currency), (currency, base)):
            found = None if currency == base else _newest(shop, name, one, other)
            if found is not None:
                listed.append((one, found))
    return listed


def refused_rates(shop: Shop) -> list[dict[str, str]]:
    """Return what the newest fetch did not take over: source, pair, date and reason."""
    row = shop.database.one("SELECT value FROM meta WHERE key = ?", _REFUSED)
    return list(unpack(row["value"])) if row else []


def is_fresh(shop: Shop, rate: Rate) -> bool:
    """Say whether the rate may still price an order; the bundled table serves until a publication is fetched."""
    if rate.source in ("base currency", "ECB, bundled"):
        return True
    age_s = (shop.now() - times.parse(rate.date)).total_seconds()
    return is_rate_usable(age_s, shop.settings["rate_max_age_s"])


def fetch_rates(shop: Shop) -> int:
    """Fetch the source's newest publication and store what is accepted, store by store; return how many rates."""
    source = _SOURCES[shop.settings["rates_source"]]
    today = shop.now_iso()[:10]
    every = f"{shop.catalogue.base_currency}/*"
    try:
        published = shop.ecb.daily() if source == "ECB" else shop.frankfurter.daily()
        if date.fromisoformat(published.date).isoformat() > today:
            raise ValueError(f"dated {published.date}, in the future")
    except (Unreachable, Refused) as error:
        return _refuse_all(shop, Problem(source, every, today, str(error)))
    except (ArithmeticError, ValueError, LookupError) as error:
        return _refuse_all(shop, Problem(source, every, today, f"no publication to use: {error}"))
    stored, problems = 0, []
    with shop.database.write() as connection:
        for store in stores_to_update(shop.settings["stores"]):
            accepted, refused = _accepted(connection, shop, store, source, published)
            for currency, rate in accepted.items():
                base, spread = shop.catalogue.base_currency, Decimal(shop.settings["rate_spread"])
                told = (published.date, source, shop.now_iso())
                _store(connection, store, base, currency, stored_rate(rate), spread, told)
            stored += len(accepted)
            problems += [each for each in refused if each not in problems]
        _remember(connection, problems)
    shop.log.write(
        "rates", source=source, date=published.date, accepted=stored, refused=[each.view() for each in problems]
    )
    return stored


def _accepted(
    connection: sqlite3.Connection, shop: Shop, store: str, source: str, published: Publication
) -> tuple[dict[str, Decimal], list[Problem]]:
    """Return what a store takes over of a publication, and what it refuses."""
    current = {rate.currency: rate.rate for _, rate in all_rates(shop, store) if rate.source in _SOURCES.values()}
    sound = {currency: rate for currency, rate in published.rates.items() if rate.is_finite() and rate > 0}
    accepted = accepted_rates(sound, current)
    accepted |= _confirmed(connection, store, sound, published.date, accepted)
    base = shop.catalogue.base_currency
    problems = []
    for currency in shop.settings["currencies"]:
        if currency == base or currency in accepted or currency in shop.settings["price_list_currencies"]:
            continue
        rate = published.rates.get(currency)
        if rate is None:
            reason = "missing"
        elif currency not in sound:
            reason = f"a rate of {rate:f} is none"
        else:
            reason = f"{rate:f} is far from the last, {current.get(currency, Decimal(0)):f}"
        problems.append(Problem(source, f"{base}/{currency}", published.date, reason))
    return accepted, problems


def _confirmed(
    connection: sqlite3.Connection, store: str, sound: Mapping[str, Decimal], day: str, accepted: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """Return refused rates that a later publication bears out: what jumps for two publications has really moved."""
    confirmed = {}
    for currency, rate in sound.items():
        key = f"suspect:{store}:{currency}"
        if currency in accepted:
            connection.execute("DELETE FROM meta WHERE key = ?", (key,))
            continue
        row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        date_seen, seen = row["value"].split(" ") if row else (day, "0")
        if date_seen < day and accepted_rates({currency: rate}, {currency: Decimal(seen)}):
            confirmed[currency] = rate
        elif not row:
            connection.execute("INSERT INTO meta VALUES (?, ?)", (key, f"{day} {rate:f}"))
    return confirmed


def _store(
    connection: sqlite3.Connection,
    store: str,
    base: str,
    currency: str,
    rate: Decimal,
    spread: Decimal,
    told: tuple[str, str, str],
) -> None:
    """Put a rate in the place of an older one, both ways; a publication older than the table changes nothing.

    `told`: day, source and instant of the publication.
    """
    newer = connection.execute(
        "SELECT 1 FROM rates WHERE store = ? AND base = ? AND currency = ? AND date > ?",
        (store, base, currency, told[0]),
    ).fetchone()
    if newer:
        return
    for one, other in ((base, currency), (currency, base)):
        connection.execute("DELETE FROM rates WHERE store = ? AND base = ? AND currency = ?", (store, one, other))
    for one, other, value in both_directions(base, currency, rate, spread):
        if not holds_direction(one, other, base):
            continue
        row = (store, one, other, told[0], f"{value:f}", *told[1:])
        connection.execute("INSERT INTO rates VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def _newest(shop: Shop, store: str, base: str, currency: str) -> Rate | None:
    if not holds_direction(base, currency, shop.catalogue.base_currency):
        return None
    row = shop.database.one(
        "SELECT rate, date, source FROM rates WHERE store = ? AND base = ? AND currency = ? ORDER BY date DESC LIMIT 1",
        store,
        base,
        currency,
    )
    return Rate(currency, Decimal(row["rate"]), row["date"], row["source"]) if row else None


def _no_rate(shop: Shop, status: int, base: str, currency: str, store: str | None) -> Refusal:
    source = _SOURCES[shop.settings["rates_source"]]
    fields: dict[str, Any] = {"pair": f"{base}/{currency}", "source": source, "date": shop.now_iso()[:10]}
    told = f"There is no exchange rate from {base} to {currency} by {source} in store '{store_of(shop, store)}'."
    return Refusal(status, "no_rate", told, **fields)


def _refuse_all(shop: Shop, problem: Problem) -> int:
    with shop.database.write() as connection:
        _remember(connection, [problem])
    shop.log.write("rates_failed", **problem.view())
    return 0


def _remember(connection: sqlite3.Connection, problems: Sequence[Problem]) -> None:
    connection.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (_REFUSED, pack([each.view() for each in problems])),
    )
