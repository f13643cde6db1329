"""Counts as horizontal bars, each with its name and number, laid out once wide and once for a telephone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_SIZES = (("wide", 460), ("narrow", 290))
_ROW, _HIGH, _TOP = 26, 16, 4
_LETTER, _DIGIT = 8.2, 8.4
"""How wide a character of 13 pixels is, at most: text that is laid out cannot be measured."""
_GAP = 8


@dataclass(frozen=True, slots=True)
class BarRow:
    """One bar: its name as far as it fits, where it stands, how long it is, and its number."""

    name: str
    y: float
    width: float
    number: str


@dataclass(frozen=True, slots=True)
class BarPlot:
    """One size of the chart; names end where bars begin, at `left`."""

    size: str
    width: int
    height: int
    left: float
    rows: tuple[BarRow, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars in their sizes, and in words for who does not see them."""

    title: str
    words: str
    plots: tuple[BarPlot, ...]


def bars_of(title: str, counts: Sequence[tuple[str, int]]) -> Bars | None:
    """Return the chart of these counts, in their order; None where there is none."""
    if not counts:
        return None
    words = ", ".join(f"{name} {count:,}" for name, count in counts)
    return Bars(title, f"{words}.", tuple(_plot(counts, *size) for size in _SIZES))


def _plot(counts: Sequence[tuple[str, int]], size: str, width: int) -> BarPlot:
    letters = int(min(max(len(name) for name, _ in counts), width * 0.45 / _LETTER))
    left = letters * _LETTER + _GAP
    room = width - left - 2 * _GAP - max(len(f"{count:,}") for _, count in counts) * _DIGIT
    most = max(count for _, count in counts)
    rows = tuple(
        BarRow(
            name=name if len(name) <= letters else f"{name[: letters - 1]}…",
            y=_TOP + place * _ROW,
            width=max(room * count / most, 3.0),
            number=f"{count:,}",
        )
        for place, (name, count) in enumerate(counts)
    )
    return BarPlot(size, width, 2 * _TOP + len(counts) * _ROW - (_ROW - _HIGH), left, rows)
