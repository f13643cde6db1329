"""The ECB's euro foreign exchange reference rates, as published at www.ecb.europa.eu/stats/eurofxref/."""

from __future__ import annotations

import ssl
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mocks.merchant.clients.transport import Logger, Refused, Transport

_PATH = "/stats/eurofxref/eurofxref-daily.xml"
_DIGITS = 15  # nobody publishes more; what is longer would be cut somewhere, without a word
_NAMESPACE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"


@dataclass(frozen=True, slots=True)
class Publication:
    """One day's reference rates: units of each currency for one euro."""

    date: str
    rates: Mapping[str, Decimal]


class EcbClient:
    """Reads the daily file; an unchanged file is not sent again."""

    def __init__(self, vendor: Mapping[str, Any], context: ssl.SSLContext, log: Logger, *, limit_s: float) -> None:
        self._transport = Transport("ecb", vendor["base_url"], context, log)
        self._limit_s = limit_s

    def daily(self) -> Publication:
        """Return the newest publication. Raises `Refused` for an answer that is no such file."""
        answer = self._transport.call("daily", "GET", _PATH, limit_s=self._limit_s, repeatable=True)
        if answer.status_code != 200:
            raise Refused("ecb", "daily", answer.status_code, answer.text[:100])
        return read_publication(answer.content)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def read_publication(content: bytes) -> Publication:
    """Return the first day of a reference-rate file."""
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - our own configured source; entities are not expanded here
    except ElementTree.ParseError as error:
        raise Refused("ecb", "daily", 200, f"not XML: {error}") from error
    day = next((cube for cube in root.iter(_NAMESPACE) if cube.get("time")), None)
    if day is None:
        raise Refused("ecb", "daily", 200, "no Cube with a time")
    date = day.attrib["time"]
    rates: dict[str, Decimal] = {}
    for cube in day:
        if code := cube.get("currency"):
            if code in rates:
                raise Refused("ecb", "rates", 200, f"EUR/{code} of {date} stands there twice")
            rates[code] = rate_of("ecb", date, code, cube.get("rate"))
    return Publication(date, rates)


def rate_of(vendor: str, date: str, currency: str, text: str | None) -> Decimal:
    """Return a published rate. Raises `Refused`, which names pair and date, for what is no number of usual length."""
    seen = repr((text or "")[:30])
    try:
        rate = Decimal(text or "")
    except ArithmeticError:
        rate = Decimal("NaN")
    if not rate.is_finite():
        raise Refused(vendor, "rates", 200, f"EUR/{currency} of {date}: {seen} is no number")
    if len(rate.as_tuple().digits) > _DIGITS or abs(rate.adjusted()) > _DIGITS:
        raise Refused(vendor, "rates", 200, f"EUR/{currency} of {date}: {seen} has more than {_DIGITS} digits")
    return rate
