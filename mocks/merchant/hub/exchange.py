"""The rate table: bundled rates at first, then each publication the ECB makes, with date and source."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path

import orjson

from mocks.merchant import times
from mocks.merchant.clients.ecb_client import Publication
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.errors import Refusal
from mocks.merchant.policy.rates import Rate, accepted_rates, is_rate_usable, missing_rate, stored_rate
from mocks.merchant.shop import Shop

_BUNDLED = Path(__file__).parents[1] / "rates.json"


def seed_rates(connection: sqlite3.Connection, at: str) -> None:
    """Store the bundled table where no rate is known."""
    if connection.execute("SELECT 1 FROM rates LIMIT 1").fetchone():
        return
    content = orjson.loads(_BUNDLED.read_bytes())
    for currency, rate in content["rates"].items():
        connection.execute(
            "INSERT INTO rates VALUES (?, ?, ?, ?, ?)", (currency, content["date"], rate, content["source"], at)
        )


def current_rate(shop: Shop, currency: str) -> Rate:
    """Return the newest known rate of a currency. Raises `Refusal` 422 where there is none."""
    base = shop.catalogue.base_currency
    if currency == base:
        return Rate(currency, Decimal(1), shop.now_iso()[:10], "base currency")
    row = shop.database.one(
        "SELECT rate, date, source FROM rates WHERE currency = ? ORDER BY date DESC LIMIT 1", currency
    )
    if row is None:
        fallback = missing_rate(currency)
        if fallback is None:
            raise Refusal(422, "no_rate", f"There is no exchange rate from {base} to {currency}.", currency=currency)
        return Rate(currency, fallback, shop.now_iso()[:10], "fallback")
    return Rate(currency, Decimal(row["rate"]), row["date"], row["source"])


def all_rates(shop: Shop) -> list[Rate]:
    """Return the newest rate of every sold currency that has one."""
    listed = []
    for currency in shop.settings["currencies"]:
        try:
            listed.append(current_rate(shop, currency))
        except Refusal:
            continue
    return listed


def is_fresh(shop: Shop, rate: Rate) -> bool:
    """Say whether the rate may still price an order; the bundled table serves until a publication is fetched."""
    if rate.source in ("base currency", "ECB, bundled"):
        return True
    age_s = (shop.now() - times.parse(rate.date)).total_seconds()
    return is_rate_usable(age_s, shop.settings["rate_max_age_s"])


def fetch_rates(shop: Shop) -> int:
    """Fetch the ECB's newest publication and store what is accepted; return how many rates were stored."""
    try:
        published = shop.ecb.daily()
    except (Unreachable, Refused) as error:
        shop.log.write("rates_failed", error=str(error))
        return 0
    current = {rate.currency: rate.rate for rate in all_rates(shop) if rate.source == "ECB"}
    accepted = accepted_rates(published.rates, current)
    now = shop.now_iso()
    with shop.database.write() as connection:
        accepted |= _confirmed(connection, published, accepted)
        for currency, rate in accepted.items():
            connection.execute(
                "INSERT INTO rates VALUES (?, ?, ?, 'ECB', ?) ON CONFLICT (currency, date) DO UPDATE SET"
                " rate = excluded.rate, source = excluded.source, fetched_at = excluded.fetched_at",
                (currency, published.date, f"{stored_rate(rate):f}", now),
            )
    shop.log.write("rates", date=published.date, accepted=len(accepted), published=len(published.rates))
    return len(accepted)


def _confirmed(
    connection: sqlite3.Connection, published: Publication, accepted: dict[str, Decimal]
) -> dict[str, Decimal]:
    """Return refused rates that a later publication bears out: what jumps for two publications has really moved."""
    confirmed = {}
    for currency, rate in published.rates.items():
        key = f"suspect:{currency}"
        if currency in accepted:
            connection.execute("DELETE FROM meta WHERE key = ?", (key,))
            continue
        row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        date, seen = row["value"].split(" ") if row else (published.date, "0")
        if date < published.date and accepted_rates({currency: rate}, {currency: Decimal(seen)}):
            confirmed[currency] = rate
        elif not row:
            connection.execute("INSERT INTO meta VALUES (?, ?)", (key, f"{published.date} {rate:f}"))
    return confirmed
