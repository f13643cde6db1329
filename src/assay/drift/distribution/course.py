"""The usual course of many streams at once: by weekday, learned from the days that were themselves as usual.

Eight weeks are laid below each other. What a weekday is above its week is the middle of eight; the level is the middle
of the last four weeks without their weekdays; how much days differ by themselves is told by the median deviation, and
is never less than so many orders must scatter by chance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from assay.drift.distribution.history import Floats

WEEKS, WEEK = 8, 7
_LEVEL_WEEKS = 4
_SIGMA = 1.4826
"""The standard deviation of a normal distribution, in median deviations."""
_FEW = 4.0
_OF_A_WEEK = 1.1
"""Seven days lie closer to their own median than to the true one, by about so much."""


class Usual(NamedTuple):
    """What is expected of a day, how far days lie from it by themselves, and from how many days that is known.

    doubt: how many times the deviation a day may be off because neither is known exactly.
    """

    value: Floats
    deviation: Floats
    doubt: Floats
    days: Floats


def usual_of(weeks: Floats) -> Usual:
    """Return what is expected of the day after eight weeks: [week, day, stream], NaN where nothing was learned.

    The first day of each week is the weekday that is asked for.
    """
    level_of_week = middle(weeks, 1, least=4)
    weekday = known_or_zero(middle(weeks - level_of_week[:, None], 0, least=2))
    level_days = weeks - weekday[None]
    level = middle(level_days[-_LEVEL_WEEKS:].reshape(_LEVEL_WEEKS * WEEK, -1), 0, least=WEEK)
    off = np.abs(level_days - level_of_week[:, None]).reshape(WEEKS * WEEK, -1)
    deviation = _SIGMA * _OF_A_WEEK * middle(off, 0, least=WEEK)
    days = np.asarray((~np.isnan(weeks)).sum(axis=(0, 1)), dtype=np.float64)
    # What is expected is itself known from so many weeks and days alone, and so is the deviation.
    known = np.maximum(days, 1.0)
    doubt = np.sqrt(1.0 + 1.57 * WEEK / known + 1.57 / np.minimum(known, _LEVEL_WEEKS * WEEK)) * (1.0 + _FEW / known)
    return Usual(level + weekday[0], deviation, doubt, days)


def middle(values: Floats, axis: int, *, least: int = 1) -> Floats:
    """Return the median over an axis of what is there; NaN where less than so much is."""
    first = values.swapaxes(0, axis)  # the one that is asked for, of at most the first two
    shape = first.shape[1:]
    ordered = first.reshape(len(first), -1).copy()
    ordered.sort(axis=0)  # NaN comes last
    count = (ordered == ordered).sum(axis=0)
    column = np.arange(ordered.shape[1])
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(first) - 1)
    found = (ordered[low, column] + ordered[high, column]) / 2
    found[count < least] = np.nan
    return np.asarray(found.reshape(shape), dtype=np.float64)


def known_or_zero(values: Floats) -> Floats:
    """Return the numbers with 0 for NaN: of small arrays for a third of what `numpy.nan_to_num` takes."""
    return np.where(values == values, values, 0.0)
