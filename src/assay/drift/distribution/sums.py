"""Sums up orders and calls by window: whole columns at once, so that a hundred thousand orders cost milliseconds.

Amounts are decimal logarithms of major units here: of statistics, never of a sum that somebody pays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.drift.distribution.alarm import Feature, Stream
from assay.drift.distribution.history import BINS, LOWEST, STEPS, Amounts, Counts, Floats, History, Ints, Levels
from assay.drift.distribution.window import Window

_TRIMMED = 0.05
"""So much of the smallest and of the largest amounts says nothing of their mean."""
_IQR = 1.349
"""The distance of the quartiles of a normal distribution, in standard deviations."""


OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of words as numbers: `codes` says of each row which of `names`, -1 for none."""

    codes: Ints
    names: tuple[str, ...]


def coded(words: Sequence[str | None], *, most: int | None = None) -> Coded:
    """Return a column of words; None and the empty word are none.

    most: so many words are told apart, the most frequent ones; all others are one more.
    """
    names: dict[str, int] = {}
    if most is not None and len(counts := Counter(words)) > most:
        told = {word for word, _ in counts.most_common(most)}
        words = [word if word in told or not word else OTHERS for word in words]
    codes = [names.setdefault(word, len(names)) if word else -1 for word in words]
    return Coded(np.array(codes, dtype=np.int64), tuple(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Columns of orders placed within the windows, a row each.

    at_us: microseconds since 1970. amount: what was to be paid, in major units, before discounts. tax: the share of it
    that is tax, NaN where nobody says. A column that nobody knows is None, and its feature is not watched.
    """

    at_us: Ints
    amount: Floats | None = None
    currency: Coded | None = None
    market: Coded | None = None
    tax: Floats | None = None
    refunded: Ints | None = None
    carrier: Coded | None = None
    absent: Mapping[str, Ints] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Columns of calls to systems, a row each. error: which of the system's errors, -1 where it answered well."""

    at_us: Ints
    system: Coded
    seconds: Floats
    error: Coded


def sum_orders(orders: Orders, windows: Sequence[Window]) -> History:
    """Sum up orders by these windows, which follow each other without a gap; what lies outside is left out."""
    row = _rows(orders.at_us, windows)
    size = len(windows)
    levels, shares, rates = _Columns(), _Columns(), _Columns()
    amounts = _no_amounts(size)
    if orders.amount is not None and orders.currency is not None:
        logs = _logs(orders.amount)
        amounts = _amounts(row, orders.currency, logs, size)
        _mix(shares, Feature.CURRENCY_MIX, row, orders.currency, size)
        if orders.market is not None:
            both = _crossed(orders.currency, orders.market)
            _levels(levels, Feature.BASKET_VALUE, row, both, logs, size)
        _rate(rates, Stream(Feature.NULL_RATE, "amount"), row, np.isnan(logs), size)
    if orders.tax is not None and orders.market is not None:
        _levels(levels, Feature.TAX_SHARE, row, orders.market, orders.tax, size)
    if orders.carrier is not None:
        _mix(shares, Feature.CARRIER_MIX, row, orders.carrier, size)
    if orders.refunded is not None and orders.market is not None:
        _rates(rates, Feature.REFUND_SHARE, row, orders.market, orders.refunded != 0, size)
    for name, missing in orders.absent.items():
        _rate(rates, Stream(Feature.NULL_RATE, name), row, missing != 0, size)
    return History(
        tuple(windows), _counted(row, size), amounts, levels.levels(size), shares.counts(size), rates.counts(size)
    )


def sum_calls(calls: Calls, windows: Sequence[Window]) -> History:
    """Sum up calls by these windows: latency, error rate and mix of errors of each system."""
    row, size = _rows(calls.at_us, windows), len(windows)
    levels, shares, rates = _Columns(), _Columns(), _Columns()
    _levels(levels, Feature.LATENCY, row, calls.system, _logs(np.maximum(calls.seconds, 1e-3)), size)
    bad = calls.error.codes >= 0
    _rates(rates, Feature.ERROR_RATE, row, calls.system, bad, size)
    for code, name in enumerate(calls.system.names):
        theirs = np.where(bad & (calls.system.codes == code), row, -1)
        kinds = np.unique(calls.error.codes[theirs >= 0])
        whole = _counted(theirs, size)
        for kind in kinds:
            hits = _counted(np.where(calls.error.codes == kind, theirs, -1), size)
            shares.add(Stream(Feature.ERROR_MIX, f"{name}: {calls.error.names[kind]}"), hits, whole)
    volume = _counted(row, size)
    return History(
        tuple(windows), volume, _no_amounts(size), levels.levels(size), shares.counts(size), rates.counts(size)
    )


class _Columns:
    """Columns of matrices that are still to be put side by side."""

    def __init__(self) -> None:
        self._streams: list[Stream] = []
        self._columns: list[tuple[Any, ...]] = []

    def add(self, stream: Stream, *columns: Any) -> None:
        """Add what a stream has in each of its matrices."""
        self._streams.append(stream)
        self._columns.append(columns)

    def counts(self, size: int) -> Counts:
        """Return two matrices of counts."""
        hits, cases = (
            (np.column_stack(each) for each in zip(*self._columns, strict=True))
            if self._columns
            else (np.zeros((size, 0), dtype=np.int64) for _ in range(2))
        )
        return Counts(tuple(self._streams), hits, cases)

    def levels(self, size: int) -> Levels:
        """Return matrices of counts, means and spreads."""
        if not self._columns:
            none = np.zeros((size, 0))
            return Levels((), none.astype(np.int64), none, none)
        count, mean, spread = (np.column_stack(each) for each in zip(*self._columns, strict=True))
        return Levels(tuple(self._streams), count, mean, spread)


def _rows(at_us: Ints, windows: Sequence[Window]) -> Ints:
    """Return in which window each instant is, -1 for none."""
    edges = np.array([round(each.since.timestamp() * 1e6) for each in windows], dtype=np.int64)
    row = np.searchsorted(edges, at_us, side="right").astype(np.int64) - 1
    return np.where(at_us < round(windows[-1].until.timestamp() * 1e6), row, -1)


def _logs(values: Floats) -> Floats:
    found = np.full(len(values), np.nan)
    np.log10(values, out=found, where=(values > 0) & np.isfinite(values))
    return found


def _counted(row: Ints, size: int) -> Ints:
    """Return how often each row is named; -1 is none."""
    return np.bincount(row + 1, minlength=size + 1)[1:].astype(np.int64)


def _crossed(first: Coded, second: Coded) -> Coded:
    """Return what both say together, as `EUR/DE`."""
    known = (first.codes >= 0) & (second.codes >= 0)
    codes = np.where(known, first.codes * len(second.names) + second.codes, -1)
    return Coded(codes, tuple(f"{one}/{other}" for one in first.names for other in second.names))


def _mix(into: _Columns, feature: Feature, row: Ints, parts: Coded, size: int) -> None:
    hits = _counted(_cells(row, parts), size * len(parts.names)).reshape(size, len(parts.names))
    whole = hits.sum(axis=1)
    for code, name in enumerate(parts.names):
        into.add(Stream(feature, name), hits[:, code], whole)


def _cells(row: Ints, parts: Coded) -> Ints:
    """Return in which cell of windows and parts each row is, -1 for none."""
    known = (row >= 0) & (parts.codes >= 0)
    return np.where(known, row * len(parts.names) + parts.codes, -1)


def _rates(into: _Columns, feature: Feature, row: Ints, parts: Coded, is_so: Any, size: int) -> None:
    width = len(parts.names)
    cell = _cells(row, parts)
    cases = _counted(cell, size * width).reshape(size, width)
    hits = _counted(cell[is_so], size * width).reshape(size, width)
    for code, name in enumerate(parts.names):
        if cases[:, code].any():
            into.add(Stream(feature, name), hits[:, code], cases[:, code])


def _rate(into: _Columns, stream: Stream, row: Ints, is_so: Any, size: int) -> None:
    into.add(stream, _counted(row[is_so], size), _counted(row, size))


def _levels(into: _Columns, feature: Feature, row: Ints, parts: Coded, values: Floats, size: int) -> None:
    cell = _cells(row, parts)
    known = (cell >= 0) & ~np.isnan(values)
    width, value, cell = len(parts.names), values[known], cell[known]
    count, total, squares = (
        np.bincount(cell, weights=weight, minlength=size * width).reshape(size, width)
        for weight in (None, value, value * value)
    )
    least = np.maximum(count, 1)
    mean = np.where(count > 0, total / least, np.nan)
    spread = np.sqrt(np.maximum(squares / least - np.nan_to_num(mean) ** 2, 0.0))
    for code, name in enumerate(parts.names):
        if count[:, code].any():
            into.add(Stream(feature, name), count[:, code].astype(np.int64), mean[:, code], spread[:, code])


def _no_amounts(size: int) -> Amounts:
    none = np.zeros((size, 0))
    return Amounts((), none.astype(np.int64), none, none, none, np.zeros((size, 0, BINS), dtype=np.int64))


def _amounts(row: Ints, currency: Coded, logs: Floats, size: int) -> Amounts:
    """Return count, trimmed mean, median and spread of each window and currency, by way of their histograms."""
    cell = _cells(row, currency)
    known = (cell >= 0) & ~np.isnan(logs)
    width, value = len(currency.names), logs[known]
    cell = cell[known] * BINS + np.clip(((value - LOWEST) * STEPS).astype(np.int64), 0, BINS - 1)
    shape = (size, width, BINS)
    histogram = np.bincount(cell, minlength=size * width * BINS).reshape(shape)
    total = np.bincount(cell, weights=value, minlength=size * width * BINS).reshape(shape)
    below = np.cumsum(histogram, axis=2)
    count = below[:, :, -1]
    low, high = (count * _TRIMMED)[:, :, None], (count * (1 - _TRIMMED))[:, :, None]
    inside = np.maximum(np.minimum(below, high) - np.maximum(below - histogram, low), 0.0)
    mean = (inside * (total / np.maximum(histogram, 1))).sum(axis=2) / np.maximum(inside.sum(axis=2), 1e-9)
    lower, median, upper = (_quantile(below, histogram, count, part) for part in (0.25, 0.5, 0.75))
    mean, median = (np.where(count > 0, each, np.nan) for each in (mean, median))
    spread = np.where(count > 0, (upper - lower) / _IQR, np.nan)
    return Amounts(currency.names, count.astype(np.int64), mean, median, spread, histogram.astype(np.int64))


def _quantile(below: Ints, histogram: Ints, count: Ints, part: float) -> Floats:
    """Return a quantile of each histogram, between the edges of the step it falls into."""
    wanted = count * part
    place = np.minimum((below < wanted[:, :, None]).sum(axis=2), BINS - 1)[:, :, None]
    above = np.take_along_axis(below, place, axis=2)[:, :, 0]
    filled = np.maximum(np.take_along_axis(histogram, place, axis=2)[:, :, 0], 1)
    share = 1.0 - (above - wanted) / filled
    return np.asarray(LOWEST + (place[:, :, 0] + share) / STEPS, dtype=np.float64)
