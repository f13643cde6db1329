"""Exchange rates by the Frankfurter service, version 1 (https://api.frankfurter.dev/v1/openapi.json)."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any

from mocks.merchant.clients.ecb_client import Publication, rate_of
from mocks.merchant.clients.transport import Logger, Refused, Transport

_VENDOR = "frankfurter"
_PATH = "/v1/latest?base=EUR"


class FrankfurterClient:
    """Reads the newest rates of one euro."""

    def __init__(self, vendor: Mapping[str, Any], context: ssl.SSLContext, log: Logger, *, limit_s: float) -> None:
        self._transport = Transport(_VENDOR, vendor["base_url"], context, log)
        self._limit_s = limit_s

    def daily(self) -> Publication:
        """Return the newest rates. Raises `Refused` for an answer that holds none."""
        answer = self._transport.call("latest", "GET", _PATH, limit_s=self._limit_s, repeatable=True)
        if answer.status_code != 200:
            raise Refused(_VENDOR, "latest", answer.status_code, answer.text[:100])
        return read_rates(answer.content)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def read_rates(content: bytes) -> Publication:
    """Return the day and rates of an answer, every digit of them."""
    try:
        told = json.loads(content, parse_float=str, parse_int=str, parse_constant=str)
        base, date, rates = told["base"], str(told["date"]), dict(told["rates"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(_VENDOR, "latest", 200, f"no rates: {error!r}") from error
    if base != "EUR" or told.get("amount") not in ("1", "1.0"):
        raise Refused(_VENDOR, "latest", 200, f"expected the rates of one EUR, seen {told.get('amount')} {base}")
    return Publication(date, {code: rate_of(_VENDOR, date, code, str(rate)) for code, rate in rates.items()})
