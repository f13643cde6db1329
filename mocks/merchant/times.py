"""Instants as the merchant stores them: UTC, ISO 8601 with microseconds and Z, sortable as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def iso(instant: datetime) -> str:
    """Return the stored form of an aware instant."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(text: str) -> datetime:
    """Return the instant of a stored or ISO 8601 form; without an offset it is read as UTC."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def later(instant: datetime, seconds: float) -> str:
    """Return the stored form of the instant that many seconds later."""
    return iso(instant + timedelta(seconds=seconds))
