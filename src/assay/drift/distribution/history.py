"""The sums of windows as matrices, a row for each window: what detectors read, and what is kept of each as JSON.

A sum is enough for every detector, and none holds an order: how many, the middle and the spread of decimal logarithms,
and of amounts a histogram in twentieths of a decade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.drift.distribution.alarm import Feature, Stream
from assay.drift.distribution.window import Window

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
LOWEST, STEPS, BINS = -4.0, 20, 320
"""Histograms reach from 1e-4 to 1e12 major units, in so many steps of a decade."""
Memory = Mapping[str, Any]
_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Amounts:
    """Of each window (row) and currency (column) how many orders, and their values' decimal logarithms."""

    names: tuple[str, ...]
    count: Ints
    mean: Floats
    median: Floats
    spread: Floats
    histogram: Ints


@dataclass(frozen=True, slots=True)
class Levels:
    """Of each window and stream how many values, their mean and their spread."""

    streams: tuple[Stream, ...]
    count: Ints
    mean: Floats
    spread: Floats


@dataclass(frozen=True, slots=True)
class Counts:
    """Of each window and stream in how many of so many cases something was so."""

    streams: tuple[Stream, ...]
    hits: Ints
    cases: Ints


@dataclass(frozen=True, slots=True)
class History:
    """Windows, oldest first and without a gap, and their sums. volume: how many orders or calls each had."""

    windows: tuple[Window, ...]
    volume: Ints
    amounts: Amounts
    levels: Levels
    shares: Counts
    rates: Counts

    def memories(self) -> list[Memory]:
        """Return what is kept of each window."""
        return [self._memory(row) for row in range(len(self.windows))]

    def _memory(self, row: int) -> Memory:
        amounts = {}
        for column, name in enumerate(self.amounts.names):
            if self.amounts.count[row, column]:
                bins = np.flatnonzero(self.amounts.histogram[row, column])
                filled = np.column_stack([bins, self.amounts.histogram[row, column, bins]]).ravel().tolist()
                figures = (self.amounts.mean, self.amounts.median, self.amounts.spread)
                shown = [round(float(each[row, column]), _DIGITS) for each in figures]
                amounts[name] = [int(self.amounts.count[row, column]), *shown, filled]
        levels = {
            _key(stream): [
                int(self.levels.count[row, column]),
                *(round(float(each[row, column]), _DIGITS) for each in (self.levels.mean, self.levels.spread)),
            ]
            for column, stream in enumerate(self.levels.streams)
            if self.levels.count[row, column]
        }
        return {
            "volume": int(self.volume[row]),
            "amounts": amounts,
            "levels": levels,
            "shares": _counted(self.shares, row),
            "rates": _counted(self.rates, row),
        }


def remembered(windows: Sequence[Window], memories: Sequence[Memory | None]) -> History:
    """Return the history that these memories are of; a window without one had nothing in it."""
    known = [each or {} for each in memories]
    volume = np.array([each.get("volume", 0) for each in known], dtype=np.int64)
    return History(
        windows=tuple(windows),
        volume=volume,
        amounts=_amounts(known),
        levels=_levels(known),
        shares=_counts(known, "shares"),
        rates=_counts(known, "rates"),
    )


def _key(stream: Stream) -> str:
    return f"{stream.feature}|{stream.segment}"


def _counted(counts: Counts, row: int) -> dict[str, list[int]]:
    return {
        _key(stream): [int(counts.hits[row, column]), int(counts.cases[row, column])]
        for column, stream in enumerate(counts.streams)
        if counts.cases[row, column]
    }


def _streams(known: Sequence[Memory], part: str) -> dict[str, tuple[int, Stream]]:
    keys = sorted({key for memory in known for key in memory.get(part, ())})
    found = ((key, key.partition("|")) for key in keys)
    return {key: (column, Stream(Feature(name), rest)) for column, (key, (name, _, rest)) in enumerate(found)}


def _amounts(known: Sequence[Memory]) -> Amounts:
    names = tuple(sorted({name for memory in known for name in memory.get("amounts", ())}))
    count = np.zeros((len(known), len(names)), dtype=np.int64)
    figures = np.full((3, len(known), len(names)), np.nan)
    histogram = np.zeros((len(known), len(names), BINS), dtype=np.int64)
    for row, memory in enumerate(known):
        for name, (number, mean, median, spread, filled) in memory.get("amounts", {}).items():
            column = names.index(name)
            count[row, column] = number
            figures[:, row, column] = mean, median, spread
            histogram[row, column, filled[::2]] = filled[1::2]
    return Amounts(names, count, figures[0], figures[1], figures[2], histogram)


def _levels(known: Sequence[Memory]) -> Levels:
    streams = _streams(known, "levels")
    count = np.zeros((len(known), len(streams)), dtype=np.int64)
    figures = np.full((2, len(known), len(streams)), np.nan)
    for row, memory in enumerate(known):
        for key, (number, mean, spread) in memory.get("levels", {}).items():
            column = streams[key][0]
            count[row, column] = number
            figures[:, row, column] = mean, spread
    return Levels(_named(streams), count, figures[0], figures[1])


def _counts(known: Sequence[Memory], part: str) -> Counts:
    streams = _streams(known, part)
    counts = np.zeros((2, len(known), len(streams)), dtype=np.int64)
    for row, memory in enumerate(known):
        # What a share is a part of is the same for the whole feature, whoever was seen in this window.
        wholes = {_whole_of(key): cases for key, (_, cases) in memory.get("shares", {}).items()}
        for key, (column, _) in streams.items():
            nobody = (0, wholes.get(_whole_of(key), 0) if part == "shares" else 0)
            counts[:, row, column] = memory.get(part, {}).get(key, nobody)
    return Counts(_named(streams), counts[0], counts[1])


def _whole_of(key: str) -> tuple[str, str]:
    """Return what a share is a part of: the feature, of what is told apart by system that system's own."""
    feature, _, segment = key.partition("|")
    return feature, segment.partition(": ")[0] if ": " in segment else ""


def _named(streams: Mapping[str, tuple[int, Stream]]) -> tuple[Stream, ...]:
    return tuple(stream for _, stream in streams.values())
