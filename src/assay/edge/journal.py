"""The edge's journal, harvested: what crossed the edge becomes ``Exchange`` records, masked, in somebody's store.

WireMock keeps every call with its bodies in memory. The harvester fetches what is there, masks it, hands it to a
callback and only when that has returned removes exactly those entries, by id; so the edge's memory stays flat and an
entry is never lost between the two. If the edge process ended, what it had not handed over is gone: a ``Gap`` says
from when to when, and whoever judges by the journal over that span must not.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import threading
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from assay.edge.admin import Admin, EdgeGone
from assay.edge.flags import BODY_LIMIT, KEPT_BODY
from assay.masking import mask_body, mask_headers, mask_url

_PAGE = 100
_SETTING = "assay-harvester"
_UNROUTED = "unrouted"


@dataclass(frozen=True, slots=True)
class Body:
    """A body as kept: its masked text up to 16 kB, else only its length and the SHA-256 of its first 16 kB.

    The edge itself keeps no more than that of an answer, or labels would fill its memory quicker than anybody can
    harvest them. ``length`` is None for a longer answer that did not declare its length.
    """

    text: str | None
    length: int | None
    sha256: str

    def __str__(self) -> str:
        if self.text is not None:
            return self.text
        length = f"more than {BODY_LIMIT}" if self.length is None else str(self.length)
        return f"<{length} bytes, the first {BODY_LIMIT} of them with sha256 {self.sha256}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call that crossed the edge, masked. Header names are lower case; ``path`` is the vendor's own.

    ``system`` is the route's, ``unrouted`` where none took the call; ``way`` is proxy, base or reverse (a call from
    outside to the platform). ``duration_ms`` is None for a call the client gave up before it was answered. ``fault``
    names the fault that was in its way, ``refused`` says that no route let it through.
    """

    id: str
    system: str
    way: str
    mode: str
    host: str
    method: str
    url: str
    path: str
    query: str
    request_headers: Mapping[str, str]
    request_body: Body
    status: int
    response_headers: Mapping[str, str]
    response_body: Body
    started_at: datetime
    duration_ms: int | None
    refused: bool
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A span, in UTC, over which the journal is incomplete because the edge process ended in it."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Harvested:
    """One pass: how many exchanges were stored, and whether the edge could be reached."""

    stored: int
    reachable: bool


class Harvester:
    """Moves the journal of one edge into a store, and notices when the edge was replaced.

    ``store`` may be given the same exchange twice (by id) after a failure and must then keep one. ``last_seen`` is
    when an earlier harvester of the same edge last reached it, so that a death between the two is noticed as well.
    """

    def __init__(
        self,
        admin: Admin,
        store: Callable[[Sequence[Exchange]], None],
        *,
        on_gap: Callable[[Gap], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        last_seen: datetime | None = None,
        patience_s: float = 30.0,
    ) -> None:
        self._admin = admin
        self._store = store
        self._on_gap = on_gap
        self._now = now
        self._patience = timedelta(seconds=patience_s)
        self._mark: str | None = None
        self.last_seen = last_seen

    def harvest(self) -> Harvested:
        """Make one pass; an edge that does not answer is ``reachable=False``, and a gap once it is back.

        Calls still being answered stay for a later pass. Raises whatever the store raises, removing nothing then, and
        InfrastructureError for an edge that keeps no journal (load mode).
        """
        began = self._now()
        stored = 0
        try:
            self._notice_replacement(began)
            while batch := self._fetch():
                self._store([read_exchange(entry) for entry in batch])
                self._admin.delete_many([f"/requests/{entry['id']}" for entry in batch])
                stored += len(batch)
                if len(batch) < _PAGE:
                    break
        except EdgeGone:
            return Harvested(stored, reachable=False)
        self.last_seen = began
        return Harvested(stored, reachable=True)

    def run(self, stop: threading.Event, *, interval_s: float = 1.0) -> None:
        """Harvest every ``interval_s`` until ``stop`` is set, then once more."""
        while not stop.wait(interval_s):
            self.harvest()
        self.harvest()

    def close(self) -> None:
        """Make a last pass; where the edge is already gone, record from when its journal is missing."""
        if not self.harvest().reachable and self.last_seen is not None:
            self._on_gap(Gap(self.last_seen, self._now()))

    def _notice_replacement(self, now: datetime) -> None:
        settings = dict(self._admin.get("/settings")["settings"])
        seen = (settings.get("extended") or {}).get(_SETTING)
        if seen is not None and (seen == self._mark or self._mark is None):
            self._mark = seen
            return
        if self.last_seen is not None:
            uptime = timedelta(seconds=int(self._admin.get("/health").get("uptimeInSeconds", 0)))
            self._on_gap(Gap(self.last_seen, max(self.last_seen, now - uptime)))
        self._mark = str(uuid.uuid4())
        settings["extended"] = {**(settings.get("extended") or {}), _SETTING: self._mark}
        self._admin.post("/settings", settings)

    def _fetch(self) -> list[dict[str, Any]]:
        """Return up to a page of finished entries; look further back while unfinished ones fill the page."""
        limit = _PAGE
        while True:
            entries = self._admin.get(f"/requests?limit={limit}")["requests"]
            finished = [entry for entry in entries if self._is_finished(entry)]
            if finished or len(entries) < limit:
                return finished[:_PAGE]
            limit *= 4

    def _is_finished(self, entry: Mapping[str, Any]) -> bool:
        if "totalTime" in entry.get("timing", {}):
            return True
        delay = timedelta(milliseconds=int(entry.get("timing", {}).get("addedDelay", 0)))
        return self._now() - _logged_at(entry) > delay + self._patience


def read_exchange(entry: Mapping[str, Any]) -> Exchange:
    """Return one journal entry of WireMock as an exchange; secrets end here."""
    request, response = entry["request"], entry.get("response", {})
    mark = entry.get("stubMapping", {}).get("metadata", {}).get("assay", {})
    parts = urlsplit(request["url"])
    prefix = mark.get("prefix") or ""
    request_headers, response_headers = _headers(request), _headers(response)
    return Exchange(
        id=entry["id"],
        system=mark.get("system", _UNROUTED),
        way=mark.get("way", "proxy" if request.get("browserProxyRequest") else "base"),
        mode=mark.get("mode", "none"),
        host=request.get("host") or "",
        method=request["method"],
        url=mask_url(request["absoluteUrl"]),
        path=mask_url(parts.path.removeprefix("/" + prefix) or "/") if prefix else mask_url(parts.path),
        query=mask_url(parts.query),
        request_headers=mask_headers(request_headers),
        request_body=_body(request, request_headers),
        status=int(response.get("status", 0)),
        response_headers=mask_headers(response_headers),
        response_body=_body(response, response_headers),
        started_at=_logged_at(entry),
        duration_ms=entry.get("timing", {}).get("totalTime"),
        refused=bool(mark.get("refused")) or not entry.get("wasMatched", True),
        fault=mark.get("fault"),
    )


def _headers(message: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in (message.get("headers") or {}).items():
        found[name.lower()] = ", ".join(value) if isinstance(value, list) else str(value)
    return found


def _body(message: Mapping[str, Any], headers: Mapping[str, str]) -> Body:
    raw = base64.b64decode(message.get("bodyAsBase64") or "")
    if headers.get("content-encoding") == "gzip":
        with suppress(OSError, EOFError, zlib.error):
            raw = gzip.decompress(raw)
    sha256 = hashlib.sha256(raw[:BODY_LIMIT]).hexdigest()
    if len(raw) <= BODY_LIMIT:
        return Body(mask_body(raw, headers.get("content-type", "")), len(raw), sha256)
    if len(raw) == KEPT_BODY:
        declared = headers.get("content-length", "")
        return Body(None, int(declared) if declared.isdecimal() else None, sha256)
    return Body(None, len(raw), sha256)


def _logged_at(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(entry["request"]["loggedDate"]) / 1000, UTC)
