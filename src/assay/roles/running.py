"""What a runner lends a flow: the clock and faults of its landscape, and a memory of what is created."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

from assay.records import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call a simulated system got, at an instant of the landscape's clock."""

    at: datetime
    method: str
    path: str
    status: int


@runtime_checkable
class Operator(Protocol):
    """What a runner lends a flow where it may: the landscape's clock and the faults of its edge."""

    def pass_time(self, span: timedelta) -> None:
        """Let that much of the landscape's time pass, everything due on the way included."""

    def put_fault(self, kind: str, system: str, **figures: Any) -> str:
        """Put a fault in the way of the platform's calls to a system and return its name.

        kind and figures: as `assay faults add` takes them (``status`` with ``code=503``, ``delay`` with
        ``delay_ms=…``, ``path``, ``method``); ``platform`` as system is the way of webhooks into the shop.
        """

    def take_fault(self, name: str) -> None:
        """Take that fault away; others stay."""

    def configure(self, system: str, settings: Mapping[str, Any]) -> int:
        """Change settings of a simulated system, or of the shop; return what `restore` takes.

        `UsageError` for a system that is not simulated here, or for a setting the shop has not.
        """

    def restore(self, change: int) -> None:
        """Take a change of settings back; what another change still asks for stays in force."""

    def calls(self, system: str) -> Sequence[Call]:
        """Return the platform's calls to a system since this session began, oldest first.

        ``platform`` as system: the webhooks into the shop. None where the edge keeps no journal.
        """

    def asked(self, system: str) -> Sequence[Asked]:
        """Return the last calls a simulated system got, whoever made them, oldest first."""


class Intent(Protocol):
    """One thing that is about to be created in a real system."""

    def done(self, ref: str) -> None:
        """Note the reference under which the system keeps it; on disk when this returns."""


class Undo(Protocol):
    """Remembers what a flow creates, so that it can be taken back whatever happens to the flow."""

    def create(
        self, system: str, kind: str, marker: str, undo: tuple[str, Mapping[str, Any]]
    ) -> AbstractContextManager[Intent]:
        """Note the intent before the call inside the block is made; on disk when the block begins.

        system: a system's id or a role. marker: what the system can be asked for when the answer never came (an
        idempotency key, the customer's e-mail address). undo: a verb of the connector, called with the reference
        first, and its further arguments by name.
        """
