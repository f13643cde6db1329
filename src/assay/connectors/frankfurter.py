"""Frankfurter as a witness: the European Central Bank's reference rates, as frankfurter.dev hands them on.

Two published APIs stand side by side, and each has a class. `Frankfurter` reads version 2, which blends many providers
and is asked for the ECB alone; `FrankfurterV1` reads version 1, the ECB's table of each day, superseded and kept in
service (a project's own ``connectors/frankfurter.py`` may import it under the name Frankfurter). Both give the same
`Rate`: base euro, exact decimals, the date of the publication. The ECB publishes on working days about 16:00 CET; a day
without a publication has no rates, and nothing is filled in for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NoReturn

from assay.errors import InfrastructureError
from assay.http import Answer
from assay.records import Rate
from assay.roles import ConnectorHead, Http, Reply

HEAD = ConnectorHead(
    vendor="frankfurter",
    role="rates",
    live="https://api.frankfurter.dev",
    hosts=("api.frankfurter.dev",),
    documents=("https://frankfurter.dev/", "https://frankfurter.dev/v1/"),
)

_BASE, _PROVIDER = "EUR", "ECB"
_CODE = re.compile(r"[A-Z]{3}")
_FIRST = date(1999, 1, 4)  # the ECB's first publication
# Version 2 refuses more than five years at once where providers are named.
_LONGEST = timedelta(days=4 * 365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publications:
    """How the ECB's rates reach Frankfurter: the first and last day it holds, and how many are overdue.

    `cadence` is daily, weekly or monthly; `missed` counts the publications expected since `last`, None where
    Frankfurter does not count them.
    """

    first: date | None
    last: date | None
    cadence: str | None
    missed: int | None


class Frankfurter:
    """Reads version 2 (https://api.frankfurter.dev/v2), restricted to what the ECB published itself."""

    def __init__(self, http: Http, credentials: Mapping[str, str]) -> None:
        self._http = http

    def latest(self) -> Sequence[Rate]:
        """Return the rates of the last publication; currencies the ECB no longer quotes are not in it."""
        rates = decode_rates_v2(self._records(())) or _missing("/v2/rates", "rates", "none")
        last = max(rate.as_of for rate in rates)
        return [rate for rate in rates if rate.as_of == last]

    def history(self, since: date) -> Sequence[Rate]:
        """Return every rate published since that date, oldest first; none where none was published since.

        Spans of more than four years are read piece by piece: Frankfurter serves at most five years at once.
        """
        last = max(rate.as_of for rate in self.latest())
        records: list[Answer] = []
        begin = max(since, _FIRST)
        while begin <= last:
            end = min(begin + _LONGEST, last)
            records += self._records((("from", begin.isoformat()), ("to", end.isoformat())))
            begin = end + timedelta(days=1)
        # Decoded together: a piece that begins on a weekend may tell the Friday before it once more.
        return _oldest_first(decode_rates_v2(records), since, "/v2/rates", last)

    def publications(self) -> Publications:
        """Return what Frankfurter says of the ECB's calendar and of its own lateness."""
        path = "/v2/providers"
        for provider in _entries(self._http, path, ()):
            if provider.text("key") == _PROVIDER:
                return Publications(
                    first=_day(provider, "start_date") if provider.has("start_date") else None,
                    last=_day(provider, "end_date") if provider.has("end_date") else None,
                    cadence=provider.text_or("publish_cadence", "") or None,
                    missed=provider.integer("publishes_missed") if provider.has("publishes_missed") else None,
                )
        return _missing(path, f"a provider whose key is {_PROVIDER}", "other providers")

    def _records(self, span: Sequence[tuple[str, str]]) -> list[Answer]:
        # Expanded, a record tells which day the ECB observed the rate: the record's own day may be a later one.
        asked = (*span, ("base", _BASE), ("providers", _PROVIDER), ("expand", "providers"))
        return _entries(self._http, "/v2/rates", asked)


class FrankfurterV1:
    """Reads version 1 (https://api.frankfurter.dev/v1), which knows the ECB's rates alone."""

    def __init__(self, http: Http, credentials: Mapping[str, str]) -> None:
        self._http = http

    def latest(self) -> Sequence[Rate]:
        """Return the rates of the last working day's publication."""
        answer = self._read("/v1/latest")
        _held_to_euro(answer)
        return _table(answer, "rates", _day(answer, "date"))

    def history(self, since: date) -> Sequence[Rate]:
        """Return every rate published since that date, oldest first; none where none was published since."""
        last = max(rate.as_of for rate in self.latest())
        if since > last:
            return []
        path = f"/v1/{since.isoformat()}.."
        answer = self._read(path)
        _held_to_euro(answer)
        found: list[Rate] = []
        for text in _members(answer, "rates"):
            found += _table(answer, f"rates.{text}", _iso(answer, "rates", text))
        return _oldest_first(found, since, path, last)

    def _read(self, path: str) -> Answer:
        reply = self._http.request("GET", path, headers={"accept": "application/json"})
        if reply.status != 200:
            _refuse(reply, path)
        return Answer.of(reply, system="frankfurter", operation=f"GET {path}")


def decode_rates_v2(records: Iterable[Answer]) -> list[Rate]:
    """Turn records of version 2 into rates; `InfrastructureError` for two different values of one currency and day.

    Left out are the euro itself and, where the answer tells providers, what a peg stands in for.
    """
    told = list(records)
    is_expanded = any(record.has("providers") for record in told)
    found: dict[tuple[str, date], Rate] = {}
    for record in told:
        if record.text("base") != _BASE:
            record.refuse("base", _BASE)
        if record.text("quote") == _BASE:
            continue
        source = _published(record) if is_expanded else record
        if source is None:
            continue
        rate = _rate(source, "rate", record.text("quote"), _day(source, "date"))
        if found.setdefault((rate.quote, rate.as_of), rate).value != rate.value:
            record.refuse("rate", f"one rate of EUR/{rate.quote} on {rate.as_of}")
    return list(found.values())


def _published(record: Answer) -> Answer | None:
    """Return what the ECB itself observed for a record; None where nobody did."""
    if not record.has("providers"):
        return None
    return next((each for each in record.items("providers") if each.text("key") == _PROVIDER), None)


def _entries(http: Http, path: str, params: Sequence[tuple[str, str]]) -> list[Answer]:
    """Read a list of objects, which is how version 2 answers."""
    reply = http.request("GET", path, params=params, headers={"accept": "application/json"})
    if reply.status != 200:
        _refuse(reply, path)
    try:
        value = reply.json()
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list):
        return _missing(path, "a JSON list", repr(reply.text[:80]))
    return Answer({"answer": value}, system="frankfurter", operation=f"GET {path}").items("answer")


def _table(answer: Answer, path: str, as_of: date) -> list[Rate]:
    return [_rate(answer, f"{path}.{quote}", quote, as_of) for quote in _members(answer, path) if quote != _BASE]


def _members(answer: Answer, path: str) -> Mapping[str, Any]:
    members: Mapping[str, Any] = answer.at(path).raw
    return members or answer.refuse(path, "at least one rate")


def _held_to_euro(answer: Answer) -> None:
    """Refuse a table that is not of one euro."""
    if answer.text("base") != _BASE:
        answer.refuse("base", _BASE)
    if answer.has("amount") and answer.decimal("amount") != 1:
        answer.refuse("amount", "rates of one euro")


def _rate(answer: Answer, path: str, quote: str, as_of: date) -> Rate:
    where = f"a rate above 0 of EUR/{quote} on {as_of}"
    value = answer.decimal(path) if answer.has(path) else Decimal(0)
    if not _CODE.fullmatch(quote) or value <= 0:
        answer.refuse(path, where)
    return Rate(system="frankfurter", base=_BASE, quote=quote, value=value, as_of=as_of)


def _oldest_first(rates: Iterable[Rate], since: date, path: str, last: date) -> list[Rate]:
    """Put rates in order of their day; a history without the last publication was cut off, which is refused."""
    found = sorted((rate for rate in rates if rate.as_of >= since), key=lambda rate: rate.as_of)
    if since <= last and (not found or found[-1].as_of < last):
        seen = f"the last of {found[-1].as_of}" if found else "none"
        return _missing(path, f"rates from {since} to the publication of {last}", seen)
    return found


def _day(answer: Answer, path: str) -> date:
    return _iso(answer, path, answer.text(path))


def _iso(answer: Answer, path: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return answer.refuse(path, f"a date YYYY-MM-DD, not {text!r}")


def _missing(path: str, expected: str, seen: str) -> NoReturn:
    raise InfrastructureError(
        "frankfurter did not answer with what its document has",
        where=f"GET {path}",
        expected=expected,
        seen=seen,
        hint="open the address in a browser; a maintenance page or a proxy may answer for Frankfurter",
    )


def _refuse(reply: Reply, path: str) -> NoReturn:
    """Raise for an error answer: both versions have a message."""
    error = Answer.of(reply, system="frankfurter", operation=f"GET {path}")
    raise InfrastructureError(
        f"frankfurter refused: {error.text_or('message', 'no message')}",
        where=f"GET {path}",
        expected="status 200",
        seen=f"status {reply.status}",
        hint="its deadline passed before the answer was ready: ask again later" if reply.status == 503 else None,
    )
