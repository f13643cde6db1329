"""Amounts that are wrong by powers of ten, whatever a sale does to them: all of a currency, a part of it, a few rows.

Each is seen in two consecutive windows before it is told, and told on every day of the week, busy or not: no promotion
makes a price a hundred times what it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from assay.drift.distribution.alarm import Shift
from assay.drift.distribution.course import known_or_zero, middle
from assay.drift.distribution.history import BINS, LOWEST, STEPS, Amounts, Floats, Ints

NEAR = 0.25
"""How close to a whole power of ten a median must have moved, in decades."""
FAR = 1.6
"""An amount that many decades from its currency's median is far from it."""
CHANCE = 1e-6
"""What chance may do with far amounts, over a day, two, half a week or a week."""
RATIO = 12.0
"""How much likelier (as a logarithm) a mixture with a power of ten must be than the usual amounts alone."""
LEARN_WINDOWS = 14
_WINDOWS = 56
_LEAST_POWER, _LEAST_MEDIAN, _LEAST_PART, _LEAST_FAR = 4, 10, 5, 3
_PARTS = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5])
_POWERS = (-3, -2, -1, 1, 2, 3)
_TAIL, _TAIL_TIMES = 0.005, 3.0
_PRIOR_ROWS = 2_000.0
_SPANS = (2, 4, 7, 14)
_FAR_STEPS = round(FAR * STEPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gross:
    """One currency is off at the window `at`, since the window `since`: by which factor, and which part of it."""

    shift: Shift
    column: int
    at: int
    since: int
    factor: float | None
    part: float | None
    score: float
    sample: int
    usual: float
    seen: float


class _Currency:
    """What is known of one currency so far, and since when it is off in which way."""

    def __init__(self, column: int) -> None:
        self.column = column
        self._since: dict[Shift, int] = {}
        self._last: Gross | None = None

    def dated(self, row: int, gross: Gross | None, orders: int) -> Gross | None:
        """Return what is off with the window in which it began; what is over is forgotten.

        orders: how many the window had. Of too few nothing is over yet.
        """
        if gross is None and self._last is not None and orders < _LEAST_POWER:
            gross = self._last
        if gross is None:
            self._since.clear()
            self._last = None
            return None
        if gross.shift is Shift.OUTLIERS and self._last is not None:
            gross = self._last  # a window with few orders shows no part and no median, but it is the same
        self._last = replace(gross, at=row, since=self._since.setdefault(gross.shift, gross.since))
        return self._last


def watch_amounts(amounts: Amounts) -> list[list[Gross]]:
    """Return what is off at the end of each window, by what was usual in the four weeks before.

    A column beyond the last stands for all currencies together.
    """
    rows, width = amounts.count.shape
    kept = np.zeros((_WINDOWS + rows, width, BINS), dtype=np.int64)
    medians = np.full((_WINDOWS + rows, width), np.nan)
    known = [_Currency(column) for column in range(width + 1)]
    total, far = np.zeros((width, BINS), dtype=np.int64), _Far(amounts)
    found: list[list[Gross]] = []
    for row in range(rows):
        usual = middle(medians[row : row + _WINDOWS], 0, least=LEARN_WINDOWS)
        many = far.see(row, amounts, usual)
        spread = _is_spread(amounts, row, total)
        off = np.abs(amounts.median[max(row - 1, 0) : row + 1] - usual)
        moved = np.asarray((off > 1 - NEAR - 1e-9).all(axis=0), dtype=np.bool_)
        now: list[Gross] = []
        learns = amounts.count[row] > 0
        for each in known[:-1] if row else ():
            column, gross = each.column, None
            if spread[column] or moved[column] or many[column]:
                learned = total[column] if spread[column] else None
                gross = _looked_at(amounts, column, row, float(usual[column]), learned, far)
            gross = each.dated(row, gross, int(amounts.count[row, column]))
            if gross is not None:
                now.append(gross)
                learns[column] = False
        kept[_WINDOWS + row, learns] = amounts.histogram[row, learns]
        medians[_WINDOWS + row, learns] = amounts.median[row, learns]
        far.learn(row, learns)
        if not now and (gross := _everywhere(known[-1], row, far)) is not None:
            now.append(gross)
        total += kept[_WINDOWS + row] - kept[row]
        found.append(now)
    return found


class _Far:
    """How many amounts are far from their currency's median, by window, and how many usually are."""

    def __init__(self, amounts: Amounts) -> None:
        rows, width = amounts.count.shape
        self._below, self._columns = np.cumsum(amounts.histogram, axis=2), np.arange(width)
        self.hits = np.zeros((rows, width), dtype=np.int64)
        self.cases = np.zeros((rows, width), dtype=np.int64)
        self._learned = np.zeros((2, _WINDOWS + rows, width))
        self._row = 0

    def see(self, row: int, amounts: Amounts, usual: Floats) -> npt.NDArray[np.bool_]:
        """Count one window's; return in which currencies there were so many of late that it may be no chance."""
        step = known_or_zero((usual - LOWEST) * STEPS).astype(np.int64)
        first, last = (np.clip(step + side * _FAR_STEPS, 0, BINS - 1) for side in (-1, 1))
        near = self._below[row, self._columns, last] - self._below[row, self._columns, first]
        known = ~np.isnan(usual)
        self.hits[row] = np.where(known, amounts.count[row] - near, 0)
        self.cases[row] = np.where(known, amounts.count[row], 0)
        self._row = row
        return np.asarray(self.hits[max(row - _SPANS[-1] + 1, 0) : row + 1].sum(axis=0) >= _LEAST_FAR, dtype=np.bool_)

    def learn(self, row: int, learns: npt.NDArray[np.bool_]) -> None:
        """Take these currencies' window as one of the usual ones."""
        self._learned[:, _WINDOWS + row] = self.hits[row] * learns, self.cases[row] * learns

    def usual(self) -> tuple[Floats, Floats]:
        """Return how many were far, of how many, in the learned windows before those that are looked at."""
        hits, cases = self._learned[:, self._row : self._row + _WINDOWS - _SPANS[-1]].sum(axis=1)
        return hits, cases


def _looked_at(amounts: Amounts, column: int, row: int, usual: float, learned: Ints | None, far: _Far) -> Gross | None:
    """Return the one thing that explains the most of what is off in a currency, if anything is.

    learned: the usual histogram where amounts reach further than that.
    """
    if math.isnan(usual):
        return None
    gross = _power(amounts, column, row, usual)
    if gross is None and learned is not None:
        gross = _part(amounts, column, row, usual, learned)
    gross = gross or _outliers(column, row, far)
    return None if gross is None else replace(gross, usual=usual, seen=float(amounts.median[row, column]))


def _power(amounts: Amounts, column: int, row: int, usual: float) -> Gross | None:
    """Say whether the median of both windows lies a power of ten from the usual one."""
    count = amounts.count[row - 1 : row + 1, column]
    if count.min() < _LEAST_POWER:
        return None
    off = amounts.median[row - 1 : row + 1, column] - usual
    powers = np.round(off)
    if powers[0] != powers[1] or not powers[0] or np.abs(off - powers).max() > NEAR:
        return None
    factor = float(10.0 ** powers[0])
    return _gross(Shift.POWER, column, row, row - 1, factor, 1.0, float(np.abs(off).min() / (1 - NEAR)), count)


def _is_spread(amounts: Amounts, row: int, total: Ints) -> npt.NDArray[np.bool_]:
    """Say of each currency whether in both windows many more amounts than usual lie in the tails of what was learned.

    Without that no mixture is likelier, and need not be tried.
    """
    below = total.cumsum(axis=1)
    learned = below[:, -1]
    tails = (below < _TAIL * learned[:, None]) | (below - total > (1 - _TAIL) * learned[:, None])
    pair, count = amounts.histogram[max(row - 1, 0) : row + 1], amounts.count[max(row - 1, 0) : row + 1]
    outside = (pair * tails).sum(axis=2)
    many = (outside >= np.maximum(_TAIL_TIMES * 2 * _TAIL * count, 2)) & (count >= _LEAST_MEDIAN)
    return np.asarray(
        many.all(axis=0) & (outside.sum(axis=0) >= _LEAST_PART) & (learned >= 10 * _LEAST_MEDIAN), dtype=np.bool_
    )


def _part(amounts: Amounts, column: int, row: int, usual: float, total: Ints) -> Gross | None:
    """Say whether a part of the amounts lies a power of ten off, by the ratio of likelihoods."""
    pair = amounts.histogram[row - 1 : row + 1, column]
    count = pair.sum(axis=1)
    density = _smoothed(total)
    moved = np.median(amounts.median[row - 1 : row + 1, column]) - usual
    density = np.roll(density, round(float(np.clip(moved, -NEAR, NEAR)) * STEPS))
    best: tuple[float, int, float, Floats] | None = None
    for power in _POWERS:
        ratio = np.log1p(_PARTS[:, None] * (np.roll(density, power * STEPS) / density - 1.0)[None])
        both = ratio @ pair.T.astype(np.float64)  # a row for each part, a column for each window
        place = int(both.sum(axis=1).argmax())
        if best is None or both[place].sum() > best[0]:
            best = float(both[place].sum()), power, float(_PARTS[place]), both[place]
    assert best is not None
    likelier, power, part, each = best
    if likelier < RATIO or each.min() < RATIO / 4 or part * count.sum() < _LEAST_PART:
        return None
    return _gross(Shift.PART, column, row, row - 1, 10.0**power, part, likelier / RATIO, count)


def _smoothed(total: Ints) -> Floats:
    """Return the density of the learned amounts; what was never seen has a little of it everywhere."""
    wide = np.convolve(total.astype(np.float64), np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0, mode="same")
    wide += max(float(total.sum()) * 1e-4, 0.5) / BINS
    return np.asarray(wide / wide.sum(), dtype=np.float64)


def _outliers(column: int, row: int, far: _Far) -> Gross | None:
    """Say whether more amounts of a currency than chance makes lie far from its median."""
    hits, cases = far.usual()
    if cases.sum() < _PRIOR_ROWS:
        return None
    everywhere = (hits.sum() + 0.5) / (cases.sum() + 1.0)
    # What is known of all currencies counts as two thousand orders of this one.
    known = float(hits[column]) + everywhere * _PRIOR_ROWS, float(cases[column]) + _PRIOR_ROWS
    return _unlikely(column, row, far.hits[:, column], far.cases[:, column], known)


def _everywhere(every: _Currency, row: int, far: _Far) -> Gross | None:
    """Say the same of all currencies together."""
    seen = far.hits[max(row - _SPANS[-1] + 1, 0) : row + 1].sum()
    orders = int(far.cases[row].sum())
    hits, cases = far.usual()
    if seen < _LEAST_FAR or cases.sum() < _PRIOR_ROWS:
        return every.dated(row, None, orders)
    known = float(hits.sum()) + 0.5, float(cases.sum()) + 1.0
    unlikely = _unlikely(every.column, row, far.hits.sum(axis=1), far.cases.sum(axis=1), known)
    return every.dated(row, unlikely, orders)


def _unlikely(column: int, row: int, hits: Ints, cases: Ints, known: tuple[float, float]) -> Gross | None:
    """Say whether so many within a week, or less, are more than chance makes; `known` is a gamma distribution."""
    for span in _SPANS:
        first = max(row - span + 1, 0)
        seen, count = hits[first : row + 1], cases[first : row + 1]
        if seen.sum() < _LEAST_FAR or (seen > 0).sum() < 2 or not count[-2:].any():
            continue
        chance = _tail(int(seen.sum()), *known, float(count.sum()))
        if chance < CHANCE:
            begins = first + int(np.flatnonzero(seen)[0])
            score = math.log(max(chance, 1e-300)) / math.log(CHANCE)
            return _gross(Shift.OUTLIERS, column, row, begins, None, float(seen.sum() / count.sum()), score, count)
    return None


def _tail(seen: int, shape: float, exposure: float, count: float) -> float:
    """Return the chance of so many or more where the rate itself is known as a gamma distribution."""
    share = exposure / (exposure + count)
    chance = math.exp(shape * math.log(share))
    if not chance:
        return 1.0  # so many are expected that none at all is beyond a float: not what this is for
    for number in range(seen):
        chance *= (shape + number) / (number + 1) * (1 - share)
    # What is left beyond the sum, without taking two almost equal numbers from each other.
    rest, number = 0.0, seen
    while chance > 1e-320 and (chance > rest * 1e-9 or number < seen + 20):
        rest += chance
        chance *= (shape + number) / (number + 1) * (1 - share)
        number += 1
    return rest


def _gross(
    shift: Shift, column: int, row: int, since: int, factor: float | None, part: float, score: float, count: Ints
) -> Gross:
    return Gross(
        shift=shift,
        column=column,
        at=row,
        since=since,
        factor=factor,
        part=part,
        score=score,
        sample=int(count.sum()),
        usual=0.0,
        seen=0.0,
    )
