"""What is rare and happens more often: a CUSUM of binomial likelihood ratios, twice as often against as usual.

How much days differ by more than chance is learned, and takes that much of each day's weight away.
"""

from __future__ import annotations

import numpy as np

from assay.drift.distribution.alarm import Shift
from assay.drift.distribution.history import Counts, Floats, Ints
from assay.drift.distribution.levels import Charted, Flags

LIMIT = 9.5
_DAYS, _LEAST_DAYS, LEARN_DAYS = 42, 7, 14
_MOST = LIMIT + 3.0
_SUSPECT = LIMIT / 2
_TIMES, _LEAST_MORE = 2.0, 0.002
_EFFECT_TIMES, _EFFECT_MORE = 1.4, 0.002
_LEAST = 30
_LEAST_HITS = 5
_SALE = 1.25
"""So many times as often it may happen on a day that sells much more than usual."""
_LUCK = 0.15
"""So much, as a part of itself, a rate differs from day to day at the least."""


def watch_rates(counts: Counts, busy: Flags, *, learn_days: int = LEARN_DAYS) -> Charted:
    """Hold every day of every rate against the learned days of the four weeks before it."""
    width = counts.hits.shape[1]
    shape = (len(busy), 2, width)
    halves = counts.hits.reshape(shape), counts.cases.reshape(shape)
    hits, cases = (each.sum(axis=1).astype(np.float64) for each in halves)
    days = len(hits)
    kept = np.zeros((3, _DAYS + days, width))  # hits, cases, and whether the day was learned
    chart = _empty(counts, hits, cases)
    total, began, ever = np.zeros(width), np.full(width, -1), np.zeros(width)
    on, calm = np.zeros(width, dtype=np.bool_), np.zeros(width, dtype=np.int64)
    for day in range(days):
        before = kept[:, day : day + _DAYS]
        learned_hits, learned_cases, learned = before.sum(axis=1)
        usual = (learned_hits + 0.5) / (learned_cases + 1.0)
        # Of few cases it is not known better: what could as well be usual is.
        usual = (usual + np.sqrt(usual / (learned_cases + 1.0))) * (_SALE if busy[day] else 1.0)
        more = np.minimum(np.maximum(_TIMES * usual, usual + _LEAST_MORE), 0.5 + usual / 2)
        ever += kept[2, _DAYS + day - 1]
        known = (ever >= learn_days) & (learned >= _LEAST_DAYS) & (cases[day] >= _LEAST)
        gain = hits[day] * np.log(more / usual) + (cases[day] - hits[day]) * np.log((1 - more) / (1 - usual))
        ratio = np.where(known, gain / _overdispersed(before, usual, cases[day]), 0.0)
        was, total = total, np.clip(total + ratio, 0.0, _MOST)
        began = np.where(total == 0, -1, np.where((was == 0) & (total > 0), day, began))
        least = np.maximum((_TIMES if busy[day] else _EFFECT_TIMES) * usual, usual + _EFFECT_MORE)
        seen = hits[day] / np.maximum(cases[day], 1)
        raised = known & (total > LIMIT) & (seen >= least) & (hits[day] >= _LEAST_HITS)
        raised &= _in_both_halves(halves[0][day], halves[1][day], usual)
        calm = np.where(known & (ratio < 0), calm + 1, np.where(known, 0, calm))
        on = (on & (calm < 2)) | raised
        total[calm >= 2] = 0.0
        learns = (cases[day] >= _LEAST) & ~on & (total <= _SUSPECT) & ~busy[day]
        kept[:, _DAYS + day] = np.where(learns, np.vstack([hits[day], cases[day], np.ones(width)]), 0.0)
        chart.alarm[day], chart.since[day], chart.usual[day] = on, np.where(on, began, -1), usual
        chart.score[day], chart.off[day], chart.judged[day] = total / LIMIT, seen - usual, known
    return chart


def _empty(counts: Counts, hits: Floats, cases: Floats) -> Charted:
    none = np.full(hits.shape, np.nan)
    return Charted(
        Shift.RATE,
        counts.streams,
        np.zeros(hits.shape, dtype=np.bool_),
        np.full(hits.shape, -1),
        none.copy(),
        hits / np.maximum(cases, 1),
        none.copy(),
        none.copy(),
        cases.astype(np.int64),
        np.zeros(hits.shape, dtype=np.bool_),
    )


def _overdispersed(before: Floats, usual: Floats, now: Floats) -> Floats:
    """Return how many times the variance of a day with so many cases is that of chance."""
    hits, cases, learned = before
    chance = np.maximum(cases * usual * (1 - usual), 0.25)
    squares = np.where(learned > 0, (hits - cases * usual) ** 2 / chance, 0.0)
    # The one most extreme day says little of the others.
    days = np.maximum(learned.sum(axis=0) - 1, 1)
    excess = np.maximum((squares.sum(axis=0) - squares.max(axis=0)) / days - 1.0, 0.0)
    typical = np.maximum(cases.sum(axis=0) / np.maximum(learned.sum(axis=0), 1), 1.0)
    # What makes whole days differ does not average out over many cases.
    return np.asarray(1.0 + now * np.maximum(excess / typical, _LUCK**2 * usual / (1 - usual)), dtype=np.float64)


def _in_both_halves(hits: Ints, cases: Ints, usual: Floats) -> Flags:
    """Say whether each half of the day with enough cases shows it, too."""
    enough = cases * 4 >= _LEAST
    more = ((hits > usual * cases) | ~enough).all(axis=0)
    return np.asarray(more & ((hits > 0).sum(axis=0) >= np.minimum(enough.sum(axis=0), 2)), dtype=np.bool_)
