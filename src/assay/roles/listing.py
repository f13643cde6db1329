"""Whole populations listed by a system, beyond what was made in a span: what the extraction of drift asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class ListsChanges(Protocol):
    """A system that can list what changed in a span, whenever it was made.

    listings_by_change: of which listings (orders, payments …) it can.
    """

    listings_by_change: Collection[str]

    def changed(self, listing: str, since: datetime, until: datetime) -> Iterable[Any]:
        """Return the records of a listing whose last change is in [since, until), all pages.

        A generator is read only as far as is needed.
        """
