"""HTTP to the vendors: kept-alive connections through the platform's proxy, explicit time-outs, bounded retries."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from mocks.merchant.seams import seam

Logger = Callable[..., None]
_LONGEST_WAIT_S = 30.0


class Unreachable(Exception):
    """No usable answer came: the call may or may not have been carried out."""


class Refused(Exception):
    """The vendor answered and said no; `status` and `detail` say what."""

    def __init__(self, vendor: str, operation: str, status: int, detail: str) -> None:
        super().__init__(f"{vendor} {operation}: {status} {detail}")
        self.vendor = vendor
        self.operation = operation
        self.status = status
        self.detail = detail

    @property
    def is_temporary(self) -> bool:
        """Whether the same call may succeed later."""
        return self.status in (408, 425, 429) or self.status >= 500


UNREPEATABLE_S = 30.0
"""How long, in real seconds, a call may take at least that creates something and carries no idempotency key.

Given up earlier, it may be under way still when it is looked for, not be found, and be made a second time.
"""


@seam("clients and retries")
def timeout_s(vendor: str, operation: str, configured_s: float) -> float | None:
    """Return the real seconds a call may take; None would wait for ever."""
    return configured_s


@seam("clients and retries")
def retry_wait_s(status: int, retry_after: str | None, attempt: int) -> float | None:
    """Return the real seconds to wait before trying again after a 429 or 503, or None to give up.

    The vendor's Retry-After is honoured up to half a minute; without it the wait doubles from a quarter of a second.
    """
    if status not in (429, 503):
        return None
    if retry_after is not None and retry_after.isdigit():
        wait = float(retry_after)
        return wait if wait <= _LONGEST_WAIT_S else None
    return min(0.25 * 2.0**attempt, _LONGEST_WAIT_S)


@seam("clients and retries")
def sent_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers of one try of a call: the idempotency key is the same for every try."""
    return headers


def tls_context() -> ssl.SSLContext:
    """Return the TLS context of every client; it trusts SSL_CERT_FILE or REQUESTS_CA_BUNDLE when one is set."""
    bundle = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE")
    return ssl.create_default_context(cafile=bundle or None)


class Transport:
    """One vendor's connections. `HTTPS_PROXY` and `NO_PROXY` of the environment apply."""

    def __init__(self, vendor: str, base_url: str, context: ssl.SSLContext, log: Logger) -> None:
        self.vendor = vendor
        self.base_url = base_url.rstrip("/")
        self._log = log
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=60)
        self._client = httpx.Client(verify=context, limits=limits, follow_redirects=False)

    def once(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None,
        limit_s: float | None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Make one call and return the answer, whatever its status. Raises `Unreachable` without one."""
        url = path if path.startswith("http") else self.base_url + path
        began = time.perf_counter()
        try:
            answer = self._client.request(
                method, url, headers=dict(headers), content=content, params=params, timeout=limit_s
            )
        except httpx.HTTPError as error:
            self._log("call", vendor=self.vendor, operation=operation, method=method, url=url, error=repr(error))
            raise Unreachable(f"{self.vendor} {operation}: {error!r}") from error
        took_ms = round((time.perf_counter() - began) * 1000, 1)
        self._log(
            "call",
            vendor=self.vendor,
            operation=operation,
            method=method,
            url=url,
            status=answer.status_code,
            took_ms=took_ms,
        )
        return answer

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        limit_s: float = 5.0,
        params: Mapping[str, str] | None = None,
        retries: int = 2,
        repeatable: bool = False,
    ) -> httpx.Response:
        """Make a call, waiting as asked after 429 and 503; one without an answer is repeated if repeatable."""
        allowed_s = timeout_s(self.vendor, operation, limit_s)
        for attempt in range(retries + 1):
            last = attempt == retries
            try:
                tried = sent_headers(dict(headers or {}))
                answer = self.once(
                    operation, method, path, headers=tried, content=content, limit_s=allowed_s, params=params
                )
            except Unreachable:
                if last or not repeatable:
                    raise
                continue
            wait_s = None if last else retry_wait_s(answer.status_code, answer.headers.get("retry-after"), attempt)
            if wait_s is None:
                return answer
            time.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    @property
    def cookies(self) -> httpx.Cookies:
        """The session cookies the vendor set."""
        return self._client.cookies

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def json_of(answer: httpx.Response) -> Any:
    """Return the JSON of an answer, or None where it holds none."""
    try:
        return answer.json()
    except ValueError:
        return None
