"""One case while it is performed, and the clients whose calls are noted in it and traced by it."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from assay.flow import Watched
from assay.http import Capture, Client, Unanswered
from assay.roles import Reply
from assay.runners.allowance import note_answer, note_unanswered
from assay.runners.safety import Guard

_MOST_EXCHANGES = 300
Ears = list[Callable[[Capture], None]]
"""Who hears every exchange of a session's witnesses, as it was; it may be added to at any time."""


@dataclass(slots=True)
class Execution:
    """One case while it is performed: its id, the trace it leaves, and what is to be looked at again."""

    id: str
    trace_id: str
    captures: list[Capture] = field(default_factory=list)
    watched: list[Watched] = field(default_factory=list)
    clients: dict[str, Client] = field(default_factory=dict)


current: ContextVar[Execution | None] = ContextVar("assay_execution", default=None)


class Attributed:
    """A client whose calls are noted in, and traced by, the execution that makes them; `ears` hear all of them."""

    def __init__(self, client: Client, system: str, guard: Guard, ears: Ears) -> None:
        self._client = client
        self._system = system
        self._guard = guard
        self._ears = ears

    @property
    def base_url(self) -> str:
        """Where the system is, for a connector that asks it by a browser."""
        return self._client.base_url

    def allow(self, method: str, path: str) -> None:
        """Raise `SafetyError` where such a request may not be sent now."""
        self._guard.allow(self._system, method, path)

    def request(self, method: str, path: str, **more: Any) -> Reply:
        """Send one request; see `assay.roles.Http`."""
        self._guard.allow(self._system, method, path)
        execution = current.get()
        if execution is None:
            return self._answered(self._client, method, path, more)
        client = execution.clients.get(self._system)
        if client is None:
            client = self._client.traced(execution.trace_id, _noting(execution.captures, self._ears))
            execution.clients[self._system] = client
        return self._answered(client, method, path, more)

    def _answered(self, client: Client, method: str, path: str, more: dict[str, Any]) -> Reply:
        try:
            reply = client.request(method, path, **more)
        except Unanswered as error:
            note_unanswered(error)
            raise
        note_answer(self._system, reply.status)
        return reply


def telling(ears: Ears) -> Callable[[Capture], None]:
    """Return a recorder that lets all of them hear an exchange."""

    def tell(seen: Capture) -> None:
        for hear in ears:
            hear(seen)

    return tell


def _noting(captures: list[Capture], ears: Ears) -> Callable[[Capture], None]:
    tell = telling(ears)

    def note(seen: Capture) -> None:
        if len(captures) < _MOST_EXCHANGES:
            captures.append(seen)
        tell(seen)

    return note
