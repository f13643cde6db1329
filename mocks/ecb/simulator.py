"""The reference rate feed of the European Central Bank: two files, published on TARGET days in the afternoon."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime, parsedate_to_datetime
from html import escape

from assay.simkit import Answer, Call, Failure, Route, Simulator, World
from mocks.ecb import calendar
from mocks.ecb.walk import Walk

_HISTORY_DAYS = 90
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ENVELOPE = (
    '<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" '
    'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">'
)
_TITLES = {404: "Page not found", 405: "Method not allowed", 429: "Too many requests"}


class Feed:
    """The feed of one world; files are kept once built, because each is asked for often and changes once a day."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._walk = Walk(world.ids.seed)
        self._files: dict[tuple[str, date, tuple[str, ...], str], bytes] = {}

    def latest(self) -> date:
        """Return the day of the newest rates on the site, which a setting can freeze."""
        frozen = self.world.settings.get("frozen_at")
        newest = calendar.latest_day(self.world.now(), self.delay_s)
        if not frozen:
            return newest
        day = date.fromisoformat(frozen)
        while not calendar.is_publication_day(day):
            day -= timedelta(days=1)
        return min(newest, day)

    @property
    def delay_s(self) -> int:
        """How many seconds after 16:00 the rates come out."""
        return int(self.world.settings.get("late_s", 0))

    def file(self, kind: str, day: date) -> bytes:
        """Return a file as published on that day."""
        dropped = tuple(sorted(self.world.settings.get("drop", ())))
        key = (kind, day, dropped, repr(self.world.settings.get("devalued")))
        if key not in self._files:
            self._files[key] = (self._daily if kind == "daily" else self._history)(day, dropped)
        return self._files[key]

    def rates(self, day: date, dropped: tuple[str, ...]) -> Iterable[tuple[str, Decimal]]:
        """Return each currency's rate of a day without those a setting drops, devalued where a setting says so."""
        listed = self._walk.rates(day).items()
        return ((code, self._devalued(code, rate, day)) for code, rate in listed if code not in dropped)

    def _devalued(self, code: str, rate: Decimal, day: date) -> Decimal:
        told = self.world.settings.get("devalued", {}).get(code)
        if told is None or day < date.fromisoformat(told["on"]):
            return rate
        return (rate * Decimal(told["by"])).quantize(rate)

    def _daily(self, day: date, dropped: tuple[str, ...]) -> bytes:
        lines = [f"\t\t\t<Cube currency='{code}' rate='{rate}'/>" for code, rate in self.rates(day, dropped)]
        return "\n".join(
            [
                _HEAD + _ENVELOPE,
                "\t<gesmes:subject>Reference rates</gesmes:subject>",
                "\t<gesmes:Sender>",
                "\t\t<gesmes:name>European Central Bank</gesmes:name>",
                "\t</gesmes:Sender>",
                "\t<Cube>",
                f"\t\t<Cube time='{day.isoformat()}'>",
                *lines,
                "\t\t</Cube>",
                "\t</Cube>",
                "</gesmes:Envelope>",
            ]
        ).encode()

    def _history(self, newest: date, dropped: tuple[str, ...]) -> bytes:
        oldest = newest - timedelta(days=_HISTORY_DAYS)
        days, day = [], newest
        while day > oldest:
            cubes = "".join(f'<Cube currency="{code}" rate="{rate}"/>' for code, rate in self.rates(day, dropped))
            days.append(f'<Cube time="{day.isoformat()}">{cubes}</Cube>')
            day = calendar.previous(day)
        sender = "<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>"
        body = "<gesmes:subject>Reference rates</gesmes:subject>" + sender + "<Cube>" + "".join(days) + "</Cube>"
        return (_HEAD + _ENVELOPE + body + "</gesmes:Envelope>").encode()


def daily(feed: Feed, call: Call) -> Answer:
    """Answer the newest rates."""
    return _answered(feed, call, "daily")


def history(feed: Feed, call: Call) -> Answer:
    """Answer the rates of the last 90 days, newest first."""
    return _answered(feed, call, "history")


def _answered(feed: Feed, call: Call, kind: str) -> Answer:
    day = feed.latest()
    content = feed.file(kind, day)
    modified = calendar.published_at(day, feed.delay_s)
    etag = f'"{hashlib.blake2b(content, digest_size=8).hexdigest()}"'
    headers = {
        "Last-Modified": format_datetime(modified.astimezone(UTC), usegmt=True),
        "ETag": etag,
        "Cache-Control": "max-age=60",
    }
    if _is_unchanged(call, etag, modified):
        return Answer(None, 304, headers)
    return Answer(content, 200, headers, "text/xml")


def _is_unchanged(call: Call, etag: str, modified: datetime) -> bool:
    # RFC 9110 13.2.2: a validator by content wins over one by date.
    named = call.headers.get("if-none-match")
    if named is not None:
        known = {part.strip().removeprefix("W/") for part in named.split(",")}
        return "*" in known or etag in known
    since = call.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        instant = parsedate_to_datetime(since)
    except (ValueError, IndexError):
        return False
    if instant.tzinfo is None:
        return False
    return modified <= instant


def web_page(failure: Failure) -> Answer:
    """Answer a failure as the site does: a page for people."""
    title = _TITLES.get(failure.status, "Service unavailable")
    page = f"<!DOCTYPE html>\n<html lang=en><title>{title}</title><h1>{title}</h1><p>{escape(failure.message)}</html>\n"
    headers = {"Allow": "GET, HEAD"} if failure.status == 405 else {}
    return Answer(page, failure.status, headers, "text/html; charset=utf-8")


SIMULATOR = Simulator(
    vendor="ecb",
    title="European Central Bank, euro foreign exchange reference rates",
    hosts=("www.ecb.europa.eu",),
    state=Feed,
    routes=(
        Route("GET", "/stats/eurofxref/eurofxref-daily.xml", daily),
        Route("GET", "/stats/eurofxref/eurofxref-hist-90d.xml", history),
    ),
    error=web_page,
    settings=(
        "frozen_at",
        "late_s",
        "drop",
        "devalued",
    ),
    sources=(
        "https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/html/index.en.html",
        "https://www.ecb.europa.eu/paym/target/target2/profuse/calendar/html/index.en.html",
    ),
    not_faked=(
        "the whole history since 1999 (eurofxref-hist), and the CSV and ZIP forms",
        "currencies whose publication ended before 2025 (HRK, RUB)",
        "corrections of rates already published",
    ),
)
