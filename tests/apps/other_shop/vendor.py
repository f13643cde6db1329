"""The rim to the vendors: one request, and a clear word on what its answer means for trying again."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests

from tests.apps.other_shop.trouble import VendorRefused, VendorUnclear

_TOO_MANY, _CONFLICT = 429, 409


class Wire:
    """A connection to one vendor: a pooled session that honours HTTPS_PROXY and REQUESTS_CA_BUNDLE."""

    def __init__(self, vendor: str, base: str, *, timeout_s: float) -> None:
        self.vendor = vendor
        self._base = base
        self._timeout_s = timeout_s
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "Werkladen/1.0"

    def send(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Return the vendor's answer below 500; no answer, 409, 429 and 5xx are raised as unclear."""
        where = f"{method} {urlsplit(path).path}"
        try:
            answer = self._session.request(
                method, self._base + path, timeout=self._timeout_s, allow_redirects=False, **arguments
            )
        except requests.RequestException as error:
            raise VendorUnclear(self.vendor, f"{where}: no answer ({type(error).__name__})") from error
        if answer.status_code >= 500 or answer.status_code in (_TOO_MANY, _CONFLICT):
            raise VendorUnclear(self.vendor, f"{where}: HTTP {answer.status_code}", wait_s=_retry_after_s(answer))
        return answer

    def read(self, answer: requests.Response) -> Any:
        """Return the JSON of an answer."""
        try:
            return answer.json()
        except requests.JSONDecodeError as error:
            raise VendorUnclear(self.vendor, f"HTTP {answer.status_code} is not JSON") from error

    def refused(self, answer: requests.Response, message: str, *, code: str = "") -> VendorRefused:
        """Return the exception for an answer that says no."""
        return VendorRefused(self.vendor, f"HTTP {answer.status_code}: {message[:300]}", code=code)

    def close(self) -> None:
        """Hang up."""
        self._session.close()


def _retry_after_s(answer: requests.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0
