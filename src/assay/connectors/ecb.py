"""The European Central Bank as a witness: its euro foreign exchange reference rates, as published.

One file a publication (every working day of the TARGET calendar about 16:00 in Frankfurt), one of the last 90 days
and one of everything since 1999. A currency is in a file only on the days it was quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import NoReturn
from xml.parsers import expat

from assay.errors import InfrastructureError
from assay.records import Rate
from assay.roles import ConnectorHead, Http

HEAD = ConnectorHead(
    vendor="ecb",
    role="rates",
    live="https://www.ecb.europa.eu",
    hosts=("www.ecb.europa.eu",),
    documents=(
        "https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/html/index.en.html",
    ),
)

_DAILY = "/stats/eurofxref/eurofxref-daily.xml"
_90_DAYS = "/stats/eurofxref/eurofxref-hist-90d.xml"
_ALL = "/stats/eurofxref/eurofxref-hist.xml"
_CUBE = "http://www.ecb.int/vocabulary/2002-08-01/eurofxref Cube"
_DIGITS = 15
"""More than the ECB has ever published; a longer number is no rate."""
_CODE = re.compile(r"[A-Z]{3}")


class Ecb:
    """Reads the reference rates; each `Rate` has the euro as base and the date of its publication."""

    def __init__(self, http: Http, credentials: Mapping[str, str]) -> None:
        self._http = http

    def latest(self) -> Sequence[Rate]:
        """Return the rates of the last publication, in the file's order."""
        rates = self._read(_DAILY)
        days = sorted({rate.as_of for rate in rates})
        if len(days) != 1:
            _refuse(_DAILY, "one publication", f"publications of {', '.join(map(str, days))}")
        return rates

    def history(self, since: date) -> Sequence[Rate]:
        """Return every rate published since that date, oldest first.

        The file of 90 days is read, and the whole history only where working days before it are asked for.
        """
        rates = self._read(_90_DAYS)
        first = min(rate.as_of for rate in rates)
        before = (since + timedelta(days) for days in range((first - since).days))
        if any(day.weekday() < 5 for day in before):
            rates = self._read(_ALL)
        return sorted((rate for rate in rates if rate.as_of >= since), key=lambda rate: rate.as_of)

    def _read(self, path: str) -> list[Rate]:
        reply = self._http.request("GET", path, headers={"accept": "application/xml"})
        if reply.status != 200:
            _refuse(path, "status 200", f"status {reply.status}")
        return decode_rates(reply.body, source=path)


def decode_rates(body: bytes, *, source: str = "the file") -> list[Rate]:
    """Read a reference rate file; `InfrastructureError` for anything the ECB does not publish, a DTD included.

    A document type declaration is refused before it is read: entities are how a small file becomes a large one.
    """
    rates: list[Rate] = []
    day: list[date] = []
    known: set[tuple[str, date]] = set()

    def on_element(name: str, attributes: dict[str, str]) -> None:
        if name != _CUBE:
            return
        if "time" in attributes:
            try:
                day[:] = [date.fromisoformat(attributes["time"])]
            except ValueError:
                _refuse(source, "Cube/@time as YYYY-MM-DD", repr(attributes["time"]))
        if "currency" in attributes or "rate" in attributes:
            if not day:
                _refuse(source, "a Cube with a time around every rate", repr(attributes))
            rate = _rate(attributes, day[0], source)
            if (rate.quote, rate.as_of) in known:
                _refuse(source, f"one rate of EUR/{rate.quote} on {rate.as_of}", "two")
            known.add((rate.quote, rate.as_of))
            rates.append(rate)

    def on_doctype(*_: object) -> None:
        _refuse(source, "no document type declaration", "<!DOCTYPE …")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = on_element
    parser.StartDoctypeDeclHandler = on_doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        _refuse(source, "well-formed XML", str(error))
    if not rates:
        _refuse(source, "Cube elements with currency and rate", "none")
    return rates


def _rate(attributes: Mapping[str, str], as_of: date, source: str) -> Rate:
    currency, text = attributes.get("currency", ""), attributes.get("rate", "")
    if not _CODE.fullmatch(currency):
        _refuse(source, f"a currency code on {as_of}", f"currency={currency[:30]!r} rate={text[:30]!r}")
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value <= 0:
        _refuse(source, f"a positive rate of EUR/{currency} on {as_of}", repr(text[:30]))
    if len(value.as_tuple().digits) > _DIGITS or abs(value.adjusted()) > _DIGITS:
        _refuse(source, f"a rate of EUR/{currency} on {as_of} with at most {_DIGITS} digits", repr(text[:30]))
    return Rate(system="ecb", base="EUR", quote=currency, value=value, as_of=as_of)


def _refuse(source: str, expected: str, seen: str) -> NoReturn:
    raise InfrastructureError(
        "ecb did not answer with a reference rate file",
        where=f"GET {source}",
        expected=expected,
        seen=seen,
        hint="open the address in a browser; a maintenance page or a proxy may answer for the ECB",
    )
