"""Sends a simulator's webhooks as they come due, several at once, with retries in simulated time."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from assay.simkit.world import World

if TYPE_CHECKING:
    import httpx

_PARALLEL = 8
_TIMEOUT_S = 10.0
_MOST_KEPT = 2_000
"""Webhooks that can be sent once more; they are kept in memory alone."""


class Delivery:
    """The outgoing side of one world; a webhook is forgotten only when it was taken with 2xx or has no retry left."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._flying: set[str] = set()
        self._taken: deque[dict[str, Any]] = deque(maxlen=_MOST_KEPT)
        self._client: httpx.AsyncClient | None = None

    async def send_due(self) -> int:
        """Send everything due at the simulated instant and return how many were sent."""
        due = self._due()
        if not due:
            return 0
        self._flying.update(due)
        try:
            await asyncio.gather(*(self._send(key) for key in due))
        finally:
            self._flying.difference_update(due)
        return len(due)

    def redeliver(self) -> int:
        """Send what was taken since the start once more, now, as a vendor's button does; return how many."""
        again = list(self._taken)
        self._taken.clear()
        for message in again:
            if "renew" in message:
                self._world.at(self._world.now(), message["renew"], message)
            else:
                self._world.post(message["url"], message["body"].encode(), message["headers"])
        self._world.documents.commit()
        return len(again)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    def _due(self) -> list[str]:
        now = self._world.clock.now_us()
        waiting = (key for key in self._world.table("_posts") if key not in self._flying)
        return sorted(key for key in waiting if int(key.split("-", 1)[0]) <= now)[:_PARALLEL]

    async def _send(self, key: str) -> None:
        table = self._world.table("_posts")
        message = table[key]
        taken = await self._post(message)
        if key not in table:  # a reset came in between
            return
        del table[key]
        if taken:
            self._taken.append({**message, "retries_s": []})
        if not taken and message["retries_s"]:
            wait, *rest = message["retries_s"]
            later = {**message, "retries_s": rest}
            if "renew" in message:
                self._world.at(self._world.now() + timedelta(seconds=wait), message["renew"], later)
                self._world.documents.commit()
                return
            due_us = self._world.clock.now_us() + timedelta(seconds=wait) // timedelta(microseconds=1)
            table[f"{due_us:020d}-{key.split('-', 1)[1]}"] = later
        self._world.documents.commit()

    async def _post(self, message: dict[str, Any]) -> bool:
        import httpx  # only a simulator that sends webhooks pays for its import

        if self._client is None:
            limits = httpx.Limits(max_keepalive_connections=_PARALLEL)
            self._client = httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_S, limits=limits)
        try:
            answer = await self._client.post(message["url"], content=message["body"], headers=message["headers"])
        except httpx.HTTPError as error:
            print(f"webhook to {message['url']}: {error!r}", file=sys.stderr, flush=True)  # noqa: T201
            return False
        return answer.is_success
