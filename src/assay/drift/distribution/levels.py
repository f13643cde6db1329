"""Levels and shares against their usual course: a cumulative sum (CUSUM) of robust z values, k = 1 and h = 6.

A day that sells much more than usual is a sale: prices and mixes are others then by intent, so that nothing is added
up, and nothing learned. A day under suspicion is not learned either. An alarm wants three things beside the sum: an
effect that matters to somebody, over up to three days, and the same direction in both halves of the last day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.drift.distribution.alarm import ALL, Feature, Shift, Stream
from assay.drift.distribution.course import WEEK, WEEKS, Usual, known_or_zero, middle, usual_of
from assay.drift.distribution.history import Amounts, Floats, History, Ints

SLACK, LIMIT = 1.0, 6.0
"""k and h: what a day may be off without a trace, and the sum at which it is told, in standard deviations."""
LEARN_DAYS = 21
_MOST = LIMIT + 3.0
_SUSPECT = 3.0
_FIRST = 2 * WEEK
"""Before that not even a sale can be told from a weekday."""
_EFFECT_DAYS = 3
_BACK = 1.5
"""Two days in a row closer than that to the usual, and an alarm is over."""
_LUCK = 1.15
"""No day is by chance alone what it is: so many times as far it lies from the usual at the least."""
_STEADY, _STEADIEST = 0.6, 0.008
"""Nor is it exactly as usual with however many orders: it lies off by so much of what matters, at most by the second.

The second is two per cent of a value, and four fifths of a point of a mix.
"""
_BUSY_RATIO, _BUSY_Z, _BUSY_DAYS = 1.3, 2.0, 14
GATES = {
    Feature.BASKET_VALUE: float(np.log10(1.03)),
    Feature.TAX_SHARE: 0.003,
    Feature.LATENCY: float(np.log10(1.5)),
    Feature.CURRENCY_MIX: 0.012,
    Feature.CARRIER_MIX: 0.012,
    Feature.ERROR_MIX: 0.05,
}
"""What matters: three per cent of the value, a half more of latency, 1.2 points of a mix."""
_LEAST = {Feature.ERROR_MIX: 100, Feature.CURRENCY_MIX: 100, Feature.CARRIER_MIX: 100}
_LEAST_OF_LEVEL = 30
_PART_OF_ALL = 0.02
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Series:
    """Streams by half day: their value, of how many orders, and how far single orders scatter."""

    streams: tuple[Stream, ...]
    value: Floats
    count: Ints
    spread: Floats

    @property
    def gates(self) -> Floats:
        """The smallest effect that is told of each stream."""
        return np.array([GATES[each.feature] for each in self.streams])

    @property
    def least(self) -> Floats:
        """How many orders of a day are the least to say anything."""
        return np.array([_LEAST.get(each.feature, _LEAST_OF_LEVEL) for each in self.streams], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Charted:
    """What came of every day (row) and stream (column).

    since: the day each alarm began, -1 for none. score: the sum over its limit, signed. off: the effect's own size.
    judged: whether enough was known and enough happened.
    """

    shift: Shift
    streams: tuple[Stream, ...]
    alarm: Flags
    since: Ints
    score: Floats
    seen: Floats
    usual: Floats
    off: Floats
    sample: Ints
    judged: Flags


def series_of(history: History) -> Series:
    """Return the streams of a history whose level is watched: amounts by currency, other levels, shares."""
    amounts, levels, shares = history.amounts, history.levels, history.shares
    told = [number for number, each in enumerate(levels.streams) if each.feature is not Feature.BASKET_VALUE]
    whole = np.maximum(shares.cases, 1)
    part = np.where(shares.cases > 0, shares.hits / whole, np.nan)
    usual = np.nan_to_num(shares.hits.sum(axis=0) / np.maximum(shares.cases.sum(axis=0), 1))
    chance = np.broadcast_to(np.sqrt(np.clip(usual * (1 - usual), 1e-4, None)), part.shape)
    streams = [Stream(Feature.BASKET_VALUE, name) for name in amounts.names]
    together = _together(amounts)
    return Series(
        (*together.streams, *streams, *(levels.streams[number] for number in told), *shares.streams),
        np.column_stack([together.value, amounts.mean, levels.mean[:, told], part]),
        np.column_stack([together.count, amounts.count, levels.count[:, told], shares.cases]),
        np.column_stack([together.spread, amounts.spread, levels.spread[:, told], chance]),
    )


def _together(amounts: Amounts) -> Series:
    """Return one stream of all currencies that are a part of the shop, each with the weight it has over all windows.

    What the mix does says nothing in it. One currency alone is its own stream already.
    """
    every = amounts.count.sum(axis=0)
    weight = np.where(every >= _PART_OF_ALL * every.sum(), every, 0) / max(int(every.sum()), 1)
    if (weight > 0).sum() < 2:
        none = np.zeros((len(amounts.count), 0))
        return Series((), none, none.astype(np.int64), none)
    weight = weight / weight.sum()
    there = (amounts.count > 0) | (weight == 0)
    value = np.where(there.all(axis=1), (np.nan_to_num(amounts.mean) * weight).sum(axis=1), np.nan)
    spread = np.sqrt((np.nan_to_num(amounts.spread) ** 2 * weight).sum(axis=1))
    count = np.where(there.all(axis=1), amounts.count.sum(axis=1), 0)
    return Series((Stream(Feature.BASKET_VALUE, ALL),), value[:, None], count[:, None], spread[:, None])


def by_day(values: Floats, counts: Ints) -> tuple[Floats, Ints]:
    """Return the mean of both halves of each day, weighted by their orders, and how many those are."""
    shape = (len(values) // 2, 2, values.shape[1])
    halves, number = np.nan_to_num(values).reshape(shape), counts.reshape(shape)
    together = number.sum(axis=1)
    mean = (halves * number).sum(axis=1) / np.maximum(together, 1)
    return np.where(together > 0, mean, np.nan), together


def watch_levels(series: Series, volume: Ints, *, learn_days: int = LEARN_DAYS) -> tuple[Charted, Flags]:
    """Hold every day of every stream against what was usual before it; also say which days sold much more than usual.

    Series and volume begin with the first half of a day.
    """
    value, count = by_day(series.value, series.count)
    spread = np.nan_to_num(middle(series.spread, 0))
    typical = np.maximum(middle(np.where(count > 0, count, np.nan).astype(np.float64), 0), 1.0)
    value = np.where(count >= series.least, value, np.nan)
    days, width = value.shape
    daily = volume.reshape(-1, 2).sum(axis=1)
    sold = np.where(daily > 0, np.log10(np.maximum(daily, 1)), np.nan)
    # What was sold is the last column: its usual course says which days are a sale.
    learned = np.vstack([np.full((WEEKS * WEEK, width + 1), np.nan), np.column_stack([value, sold])])
    busy = np.zeros(days, dtype=np.bool_)
    halves = _halves(series)
    chart = _empty(series.streams, value, count)
    steady = np.minimum(_STEADY * series.gates, _STEADIEST) ** 2
    sums, began = np.zeros((2, width)), np.full((2, width), -1)
    on, calm = np.zeros(width, dtype=np.bool_), np.zeros(width, dtype=np.int64)
    recent = np.full((_EFFECT_DAYS, width), np.nan)
    for day in range(_FIRST, days):
        now = WEEKS * WEEK + day
        usual = usual_of(learned[day:now].reshape(WEEKS, WEEK, width + 1))
        busy[day] = _is_busy(sold[day], usual)
        if busy[day]:
            learned[now, :-1] = np.nan
            # No sale goes on for ever: after two weeks so much is what is usual.
            learned[now, -1] = sold[day] if busy[max(day - _BUSY_DAYS, 0) : day].all() else np.nan
        usual = Usual(*(each[:-1] for each in usual))
        off = value[day] - usual.value
        chance = np.maximum((_LUCK * spread) ** 2 / typical, steady)
        thin = spread**2 * np.maximum(1.0 / np.maximum(count[day], 1) - 1.0 / typical, 0.0)
        z = off / np.sqrt(np.maximum(usual.deviation**2, chance) * usual.doubt**2 + thin + 1e-12)
        z = np.where(busy[day] | (usual.days < learn_days), np.nan, z)
        known = ~np.isnan(z)
        step = np.where(known, np.vstack([z, -z]) - SLACK, 0.0)
        before, sums = sums, np.clip(sums + step, 0.0, _MOST)
        began = np.where(sums == 0, -1, np.where((before == 0) & (sums > 0), day, began))
        recent = np.where(known, np.vstack([recent[1:], off[None]]), recent)
        side = np.where(sums[0] >= sums[1], 1.0, -1.0)
        sum_, first = sums.max(axis=0), np.where(side > 0, began[0], began[1])
        effect = side * _mean(recent)
        agreed = _agree(halves, day, usual.value, side, series.gates)
        raised = known & (sum_ > LIMIT) & (effect >= series.gates) & agreed
        calm = np.where(known & (side * z < _BACK), calm + 1, np.where(known, 0, calm))
        on = (on & (calm < 2) & (sum_ > 0)) | raised
        sums[:, (calm >= 2) & (sum_ > 0) & (sum_ >= _SUSPECT) & ~raised] = 0.0
        learned[now, :-1] = np.where(on | (sum_ > _SUSPECT), np.nan, learned[now, :-1])
        chart.alarm[day], chart.since[day], chart.usual[day] = on, np.where(on, first, -1), usual.value
        chart.score[day], chart.off[day], chart.judged[day] = side * sum_ / LIMIT, side * effect, known
    return chart, busy


def _is_busy(sold: float, usual: Usual) -> bool:
    """Say whether a day sold much more than its weekday usually does."""
    off = sold - usual.value[-1]
    return bool(off > max(np.log10(_BUSY_RATIO), _BUSY_Z * usual.deviation[-1] * usual.doubt[-1]))


def _empty(streams: tuple[Stream, ...], value: Floats, count: Ints) -> Charted:
    none = np.full(value.shape, np.nan)
    return Charted(
        Shift.LEVEL,
        streams,
        np.zeros(value.shape, dtype=np.bool_),
        np.full(value.shape, -1),
        none.copy(),
        value,
        none.copy(),
        none.copy(),
        count,
        np.zeros(value.shape, dtype=np.bool_),
    )


def _mean(recent: Floats) -> Floats:
    known = ~np.isnan(recent)
    return np.asarray(known_or_zero(recent).sum(axis=0) / np.maximum(known.sum(axis=0), 1), dtype=np.float64)


def _halves(series: Series) -> Floats:
    """Return each half of a day without what halves usually differ by; NaN where too few ordered."""
    shape = (len(series.value) // 2, 2, series.value.shape[1])
    halves = series.value.reshape(shape)
    whole = by_day(series.value, series.count)[0]
    usual = np.nan_to_num(middle(halves - whole[:, None], 0))
    enough = series.count.reshape(shape) * 4 >= series.least
    return np.where(enough, halves - usual[None], np.nan)


def _agree(halves: Floats, day: int, usual: Floats, side: Floats, gates: Floats) -> Flags:
    """Say whether every half of the day that says anything lies to the same side, by half of what matters."""
    off = side * (halves[day] - usual)
    return np.asarray((np.isnan(off) | (off >= gates / 2)).all(axis=0) & ~np.isnan(off).all(axis=0), dtype=np.bool_)
