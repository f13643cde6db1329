"""What is injected into every simulator: time, ids, state, timed jobs, webhooks out and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from assay.simkit.clock import SimClock, from_us, to_us
from assay.simkit.documents import Documents, Table
from assay.simkit.ids import SeededIds


@dataclass(slots=True)
class World:
    """The simulator's surroundings. Everything in `tables` and every job survives a SIGKILL."""

    clock: SimClock
    documents: Documents
    ids: SeededIds
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        *,
        clock: SimClock | None = None,
        log: Path | None = None,
        seed: int = 1,
        settings: Mapping[str, Any] | None = None,
    ) -> World:
        """Return a world; without `log` nothing is written to disk."""
        documents = Documents(log)
        return cls(clock or SimClock(), documents, SeededIds(documents, seed), settings or {})

    def table(self, name: str) -> Table:
        """Return a table of documents that is saved with each answer."""
        return self.documents.table(name)

    def now(self) -> datetime:
        """Return the simulated instant in UTC."""
        return self.clock.now()

    def at(self, due: datetime, job: str, payload: Any) -> None:
        """Have the head's job of that name run with this JSON payload once simulated time reaches `due`."""
        number = self.ids.number("_jobs")
        self.table("_jobs")[f"{to_us(due):020d}-{number:08d}"] = [job, payload]

    def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        retries_s: tuple[int, ...] = (),
        renew: str | None = None,
    ) -> None:
        """Send a webhook now; on anything but 2xx try again after each of `retries_s` simulated seconds.

        renew: the head's job that posts a retry instead, given the message with the `retries_s` left; for vendors who
        sign each attempt with its own instant.
        """
        message = {"url": url, "body": body.decode(), "headers": dict(headers), "retries_s": list(retries_s)}
        if renew is not None:
            message["renew"] = renew
        number = self.ids.number("_posts")
        self.table("_posts")[f"{to_us(self.now()):020d}-{number:08d}"] = message

    def next_due(self) -> datetime | None:
        """Return when the earliest job or webhook is due, or None."""
        keys = [min(table) for table in (self.table("_jobs"), self.table("_posts")) if table]
        return from_us(int(min(keys).split("-", 1)[0])) if keys else None

    def due(self, kind: str) -> str | None:
        """Return the key of the earliest due entry of ``_jobs`` or ``_posts``, or None."""
        table = self.table(kind)
        if not table:
            return None
        key = min(table)
        return key if int(key.split("-", 1)[0]) <= self.clock.now_us() else None
