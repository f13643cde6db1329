"""One exchange as traffic is judged: what was asked and answered, whoever kept it.

Three sources keep exchanges, each less than the one before: the edge's journal, the connectors' own exchanges, and a
simulator's access log, which has no headers and a body now and then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from assay.events import Exchange
from assay.records import Call

PLATFORM, LOAD, LIVE = "platform", "load", "live"
SOURCES: Mapping[str, str] = {
    PLATFORM: "the edge's journal",
    LOAD: "the simulators' access log (no headers, a body of each hundredth call)",
    LIVE: "the connectors' own exchanges",
}
_LOG = ".access.jsonl"


@dataclass(frozen=True, slots=True)
class Message:
    """One direction of an exchange. headers: by lower name, None where nobody kept them; body: None where not kept."""

    headers: Mapping[str, str] | None
    body: str | None

    @property
    def content_type(self) -> str:
        """The media type and its parameters, '' where none is known."""
        return (self.headers or {}).get("content-type", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One exchange. where: PLATFORM, LOAD or LIVE; webhook: whether the vendor asked and the platform answered.

    left_out: why it must not be judged, '' where it may be: a fault of ours was in its way, or nobody let it through.
    """

    system: str
    where: str
    method: str
    path: str
    query: str
    request: Message
    answer: Message
    status: int | None
    at: datetime
    webhook: bool = False
    left_out: str = ""


def of_call(call: Call, webhooks: Mapping[str, str]) -> Said:
    """Return a call of the edge's journal. webhooks: the system by the platform's path that takes its webhooks."""
    incoming = call.way == "reverse"
    reason = "refused by the edge" if call.refused else "with a fault in its way" if call.fault else ""
    if incoming and call.path not in webhooks and not reason:
        reason = "of no vendor: it came in by a path that takes no webhooks"
    return Said(
        system=webhooks.get(call.path, call.system) if incoming else call.system,
        where=PLATFORM,
        method=call.method,
        path=call.path,
        query=call.query,
        request=Message(call.request_headers, call.request_body),
        answer=Message(call.response_headers, call.response_body),
        status=call.status,
        at=call.at,
        webhook=incoming,
        left_out=reason,
    )


def of_exchange(exchange: Exchange, base_path: str = "") -> Said:
    """Return one of the connectors' own exchanges. base_path: what stands before the vendor's own path, if anything."""
    parts = urlsplit(exchange.url)
    return Said(
        system=exchange.system,
        where=LIVE,
        method=exchange.method,
        path=parts.path.removeprefix(base_path),
        query=parts.query,
        request=Message(_lowered(exchange.request_headers), exchange.request_body),
        answer=Message(_lowered(exchange.response_headers), exchange.response_body),
        status=exchange.status,
        at=exchange.started_at,
        left_out="" if exchange.status is not None else "never answered",
    )


def of_log(system: str, line: Mapping[str, object]) -> Said:
    """Return one line of a simulator's access log; bodies stand in every hundredth."""
    request, response = line.get("request"), line.get("response")
    micros = line.get("at_us")
    return Said(
        system=system,
        where=LOAD,
        method=str(line.get("method", "")),
        path=str(line.get("path", "")),
        query=str(line.get("query", "")),
        request=Message(None, request if isinstance(request, str) else None),
        answer=Message(None, response if isinstance(response, str) else None),
        status=int(str(line.get("status", 0))),
        at=datetime.fromtimestamp(int(str(micros or 0)) / 1e6, UTC),
        left_out="with a fault in its way" if "fault" in line else "",
    )


def access_log(folder: Path, systems: Iterable[str]) -> Iterator[Said]:
    """Return what the simulators of a landscape were asked, from the folder they write to; a cut line is left out."""
    for system in systems:
        path = folder / f"{system}{_LOG}"
        if not path.is_file():
            continue
        with path.open("rb") as lines:
            for line in lines:
                try:
                    content = orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue  # written just now, and not to its end
                if isinstance(content, dict):
                    yield of_log(system, content)


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
