"""Version 2: one record a pair and day, with the identity of the base; currencies and providers with their dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from assay.simkit import Answer, Call
from mocks.frankfurter.feed import EURO, Feed, banded, cached, codes, day_of, lines, mean, refusal
from mocks.frankfurter.history import FIRST_DAY, TABLE, Row, open_days
from mocks.frankfurter.iso import CODES

_KEPT_S = 900
_PROVIDER = "ECB"
_KNOWN = ("base", "quotes", "providers", "date", "from", "to", "group", "expand")
_LONGEST, _FEW = timedelta(days=5 * 366), 5
_ACTIVE = timedelta(days=30)
_ECB = "https://www.ecb.europa.eu"


def rates(feed: Feed, call: Call) -> Answer:
    """Answer the rates of a day or a period, as JSON or, where it is asked for, a line a record."""
    query = _Query(feed, dict(call.query))
    records = list(query.records())
    if "application/x-ndjson" not in call.headers.get("accept", ""):
        return cached(call, records, _KEPT_S)
    headers = {"Cache-Control": f"public, max-age={_KEPT_S}", "Vary": "Accept"}
    return Answer(lines(records), 200, headers, "application/x-ndjson")


def rate(feed: Feed, call: Call) -> Answer:
    """Answer the rate of one pair."""
    given = dict(call.query)
    if unknown := [name for name in given if name not in ("date", "providers")]:
        raise refusal(422, f"unknown parameter: {', '.join(unknown)}")
    pair = {"base": call.params["base"], "quotes": call.params["quote"]}
    found = list(_Query(feed, {**given, **pair}).records())
    if not found:
        raise refusal(404, "not found")
    return cached(call, found[0], _KEPT_S)


def currencies(feed: Feed, call: Call) -> Answer:
    """Answer the currencies of the last 30 days, with ``scope=all`` those that ended before, too."""
    given = dict(call.query)
    if _PROVIDER not in (codes(given.get("providers")) or [_PROVIDER]):
        return cached(call, [], _KEPT_S)
    since = date.min if given.get("scope") == "all" else feed.newest() - _ACTIVE
    found = [each for code in sorted([EURO, *TABLE]) if (each := _currency(feed, code))["end_date"] >= str(since)]
    return cached(call, found, _KEPT_S)


def currency(feed: Feed, call: Call) -> Answer:
    """Answer one currency with its providers."""
    code = call.params["code"].upper()
    if code != EURO and code not in TABLE:
        raise refusal(404, "not found")
    found = _currency(feed, code)
    return cached(call, {**found, "providers": [_PROVIDER]}, _KEPT_S)


def providers(feed: Feed, call: Call) -> Answer:
    """Answer the one provider that is simulated, and how many publications it has missed."""
    newest, expected = feed.newest(), feed.expected()
    missed = len(open_days(newest + timedelta(days=1), expected))
    found = {
        "key": _PROVIDER,
        "name": "European Central Bank",
        "country_code": "EU",
        "rate_type": "reference",
        "pivot_currency": EURO,
        "data_url": f"{_ECB}/stats/policy_and_exchange_rates/euro_reference_exchange_rates/html/index.en.html",
        "terms_url": f"{_ECB}/services/using-our-site/disclaimer/html/index.en.html",
        "start_date": FIRST_DAY.isoformat(),
        "end_date": newest.isoformat(),
        "publish_cadence": "daily",
        "publishes_missed": missed,
        "currencies": list(feed.rates(newest)),
    }
    return cached(call, [found], _KEPT_S)


def _currency(feed: Feed, code: str) -> dict[str, Any]:
    row = TABLE.get(code, _THE_EURO)
    last = min(feed.newest(), row.until)
    return {
        "iso_code": code,
        "iso_numeric": row.numeric,
        "name": row.name,
        "symbol": row.symbol,
        "start_date": FIRST_DAY.isoformat(),
        "end_date": last.isoformat(),
    }


_THE_EURO = Row(EURO, "978", "Euro", "€", Decimal(1), Decimal(1), 0, 0, "fixed", date.max)


class _Query:
    """What a call asks for; whatever the service refuses with 422 is refused when it is read."""

    def __init__(self, feed: Feed, given: Mapping[str, str]) -> None:
        self._feed = feed
        if unknown := [name for name in given if name not in _KNOWN]:
            raise refusal(422, f"unknown parameter: {', '.join(unknown)}")
        days = {name: day_of(given[name]) for name in ("date", "from", "to") if name in given}
        if "date" in days and len(days) > 1:
            raise refusal(422, "conflicting params")
        self._group = given.get("group", "").lower()
        if self._group not in ("", "week", "month"):
            raise refusal(422, "invalid group")
        expand = [each.lower() for each in codes(given.get("expand")) or []]
        if strange := [each for each in expand if each != "providers"]:
            raise refusal(422, f"invalid expand: {','.join(strange)}")
        self._base = given.get("base", EURO).upper()
        self._quotes, self._providers = codes(given.get("quotes")), codes(given.get("providers"))
        if strange := [code for code in (self._base, *(self._quotes or ())) if code not in CODES]:
            raise refusal(422, f"invalid currency: {','.join(strange)}")
        self._expanded = bool(expand)
        today = feed.world.now().date()
        self._day = days.get("date", today)
        self._period = (days["from"], days.get("to", today)) if "from" in days else None
        self._check_length()

    def _check_length(self) -> None:
        if self._period is None or self._group or not (self._providers or self._expanded):
            return
        few = self._providers and len(self._providers) <= _FEW and self._quotes and len(self._quotes) <= _FEW
        if self._period[1] - self._period[0] > _LONGEST and not few:
            raise refusal(422, "range too long: at most 5 years, group it, name few quotes, or split it")

    def records(self) -> Iterator[dict[str, Any]]:
        """Give the records, by day and by currency within a day."""
        if self._providers is not None and _PROVIDER not in self._providers:
            return
        if self._period is None:
            served = self._feed.at(self._day)
            if served is not None:
                yield from self._of(served, self._feed.rates(served))
        elif self._period[1] >= FIRST_DAY:
            for day, found in self._buckets(self._feed.between(*self._period)):
                yield from self._of(day, found)

    def _buckets(self, days: list[date]) -> Iterator[tuple[date, Mapping[str, Decimal]]]:
        if not self._group:
            for day in days:
                yield day, self._feed.rates(day)
            return
        buckets: dict[date, dict[str, list[Decimal]]] = {}
        for day in days:
            bucket = buckets.setdefault(self._bucket(day), {})
            for code, value in self._feed.rates(day).items():
                bucket.setdefault(code, []).append(value)
        for first, seen in buckets.items():
            yield first, {code: mean(values) for code, values in seen.items()}

    def _bucket(self, day: date) -> date:
        """Return the date a week or a month goes by: weeks count from 1 January, a new one from the first Monday on."""
        if self._group == "month":
            return day.replace(day=1)
        return date(day.year, 1, 1) + timedelta(weeks=int(day.strftime("%W")))

    def _of(self, day: date, per_euro: Mapping[str, Decimal]) -> Iterator[dict[str, Any]]:
        native = self._base == EURO and self._providers == [_PROVIDER] and not self._group
        found = self._feed.converted(per_euro, self._base)
        if not found:
            return
        for code, value in sorted({**found, self._base: Decimal(1)}.items()):
            if self._quotes is not None and code not in self._quotes:
                continue
            shown = self._feed.shown(value if native else banded(value))
            record = {"date": day.isoformat(), "base": self._base, "quote": code, "rate": shown}
            if self._expanded and code != self._base:
                record["providers"] = [{"key": _PROVIDER, "date": day.isoformat(), "rate": shown}]
            yield record
