"""What is kept of a watched pair from one run to the next: when it was clean last, and which currencies were at risk.

A figure that is not told any more must be told as nothing once, or the last one stands for ever.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from assay.drift.pairs.pending import FirstSeen, Key
from assay.drift.pairs.remembered import Memory, Remembered, kept_file, write_whole

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """clean_at: the last verdict without a difference; None where there was none yet. currencies: told at risk."""

    clean_at: datetime | None = None
    currencies: frozenset[str] = frozenset()


def kept_of(folder: Path, pair: str) -> Watched:
    """Return what is kept of a pair; nothing where it cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        held = json.loads(kept_file(folder, pair, "watched").read_text(encoding="utf-8"))
        if held["format"] == _FORMAT and held["pair"] == pair:
            clean = held["clean_at"]
            return Watched(
                clean_at=datetime.fromisoformat(clean) if clean else None, currencies=frozenset(held["currencies"])
            )
    return Watched()


def keep(folder: Path, pair: str, watched: Watched) -> None:
    """Keep it, in place of what was kept."""
    content = {
        "format": _FORMAT,
        "pair": pair,
        "clean_at": watched.clean_at.isoformat() if watched.clean_at else None,
        "currencies": sorted(watched.currencies),
    }
    write_whole(kept_file(folder, pair, "watched"), json.dumps(content), of=pair)


class FirstSeenAsItIs(FirstSeen):
    """When keys were first found, for a run that may add nothing to it."""

    def save(self, pair: str, seen: Mapping[Key, datetime]) -> None:
        """Leave what is kept as it is."""


class MemoryAsItIs(Memory):
    """The last verdict, for a run that may not put another in its place."""

    def save(self, pair: str, remembered: Remembered) -> None:
        """Leave what is kept as it is."""
