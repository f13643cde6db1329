"""What the accounts of several vendors share: settings as they stand, seconds, request ids and a rate limit."""

from __future__ import annotations

from typing import Any

from assay.simkit.world import World


class VendorAccount:
    """The start of a simulator's state object: one account of a vendor in its world."""

    def __init__(self, world: World) -> None:
        self.world = world
        # Request ids differ from call to call without a write per GET: only the start of a process is counted.
        self._session = f"{world.ids.seed}:{world.ids.number('_sessions')}"
        self._requests = 0
        self._window = (0, 0)

    def setting(self, name: str, default: Any) -> Any:
        """Return a setting as it stands now."""
        value = self.world.settings.get(name)
        return default if value is None else value

    def timestamp(self) -> int:
        """Return simulated time in whole seconds since 1970."""
        return self.world.clock.timestamp()

    def next_request(self) -> str:
        """Return a text that no other request of this account has, to draw its id from."""
        self._requests += 1
        return f"{self._session}:{self._requests}"

    def is_throttled(self) -> bool:
        """Count this request and say whether it is over `rate_limit_per_s` in the current simulated second."""
        limit = self.setting("rate_limit_per_s", None)
        if limit is None:
            return False
        second = self.timestamp()
        self._window = (second, self._window[1] + 1 if self._window[0] == second else 1)
        return self._window[1] > int(limit)
