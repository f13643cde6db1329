"""A token that a system hands out for a while, renewed before it ends: the same for every connector that needs one."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

# Renewed a little before the system's own date, so that no call leaves with one that dies on the way.
_MARGIN_S = 60.0


class Bearer:
    """Keeps a token until shortly before its end. fetch: returns a new one and how many seconds it lives."""

    def __init__(
        self, fetch: Callable[[], tuple[str, Decimal]], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._token = ""
        self._until = 0.0

    @property
    def authorization(self) -> str:
        """The value of an Authorization header of scheme Bearer; fetches a token where none is kept or it ends."""
        if not self._token or self._monotonic() >= self._until:
            asked_at = self._monotonic()
            token, lives_s = self._fetch()
            self._token, self._until = token, asked_at + max(float(lives_s) - _MARGIN_S, 0.0)
        return f"Bearer {self._token}"

    def forget(self) -> None:
        """Fetch a new one next time: the system would not take this one."""
        self._token = ""
