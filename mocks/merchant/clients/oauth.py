"""Calls with an OAuth 2.0 token by client credentials (RFC 6749, section 4.4), as PayPal and UPS both ask for it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

import httpx

from mocks.merchant.clients.transport import Transport

_EARLY_S = 60.0  # renewed so long before its end, so that none dies on the way
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """Where a vendor hands out tokens, for which credentials (id and secret), and how long an answer may take.

    checked: returns the object of a good answer and raises `Refused` for any other; it is told the operation.
    """

    path: str
    credentials: tuple[str, str]
    checked: Callable[[str, httpx.Response], dict[str, Any]]
    limit_s: float


class Authorized:
    """A transport that adds a kept token. now_s: the clock merchant and vendor share, by which tokens live."""

    def __init__(self, transport: Transport, place: TokenPlace, now_s: Callable[[], float]) -> None:
        self._transport = transport
        self._place = place
        self._now_s = now_s
        self._token: str | None = None
        self._good_until = 0.0
        self._lock = Lock()

    def call(
        self, operation: str, method: str, path: str, *, headers: Mapping[str, str], **more: Any
    ) -> dict[str, Any]:
        """Make a call as `Transport.call` does, and once more with a new token where the kept one is refused."""
        for last in (False, True):
            authorized = {"Authorization": f"Bearer {self._bearer(renew=last)}", **headers}
            answer = self._transport.call(operation, method, path, headers=authorized, **more)
            if answer.status_code != 401:
                break
        return self._place.checked(operation, answer)

    def _bearer(self, *, renew: bool) -> str:
        with self._lock:
            if self._token is None or renew or self._now_s() > self._good_until:
                basic = base64.b64encode(":".join(self._place.credentials).encode()).decode()
                answer = self._transport.call(
                    "token",
                    "POST",
                    self._place.path,
                    headers={"Authorization": f"Basic {basic}", "Content-Type": _FORM},
                    content=b"grant_type=client_credentials",
                    limit_s=self._place.limit_s,
                    repeatable=True,
                )
                content = self._place.checked("token", answer)
                self._token = str(content["access_token"])
                self._good_until = self._now_s() + float(content.get("expires_in", 0)) - _EARLY_S
            return self._token
