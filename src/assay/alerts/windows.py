"""Over which windows a monitor's failures are counted, and how many of them are more than chance.

Burn-rate rules are made for thousands of requests a minute. A monitor that runs every five minutes has twelve runs in
an hour: with an objective of 99.5 % a single failure burns at sixteen times the rate of the budget and would page. So
windows that hold fewer than five runs are widened or left out, and a rule waits for as many bad runs as noise alone
would show less than once in some years (``benchmarks/false_pages.py`` counts what comes of it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FEWEST_RUNS = 5
"""A window that holds fewer runs than this says nothing about a share."""
FEWEST_BAD = 2
"""One bad run never fires a rule over shares."""
NOISE = 0.003
"""Share of runs that fail by chance (a lost packet, a vendor's hiccup) and shall wake nobody."""
FALSE_A_MONTH = 0.02
"""How often a month noise alone may fire one rule over shares."""
OUTAGE_S = 600.0
"""A full outage is told within this time, where two runs fit into it."""
MONTH_S = 30 * 86_400.0
# Burn, long window, short window: 2 % of a month's budget in an hour, 5 % in six, 10 % in a day and in three.
# The short window ends the alert soon after the burn has ended.
_BURNS = (
    ("fast", 14.4, 3600.0, 300.0),
    ("steady", 6.0, 21_600.0, 1800.0),
    ("slow", 3.0, 86_400.0, 7200.0),
    ("creeping", 1.0, 259_200.0, 21_600.0),
)
URGENT = ("fast", "steady")
"""The burns that may wake somebody; the others can wait for the morning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """One pair of windows: fires at a share of bad runs above `share` in both, with `fewest_bad` in the long one."""

    speed: str
    factor: float
    long_s: float
    short_s: float
    share: float
    fewest_bad: int


def burns(interval_s: float, availability: float) -> tuple[Burn, ...]:
    """Return the pairs of windows for a monitor; none where even three days hold too few runs."""
    budget = 1 - availability
    found = []
    for speed, factor, long_s, short_s in _BURNS:
        short = max(short_s, FEWEST_RUNS * interval_s)
        share = factor * budget
        if long_s < FEWEST_RUNS * interval_s or short >= long_s or share >= 1:
            continue
        fewest = fewest_bad(int(long_s // interval_s), interval_s, NOISE)
        found.append(
            Burn(speed=speed, factor=factor, long_s=long_s, short_s=short, share=share, fewest_bad=fewest)
        )  # fmt: skip
    return tuple(found)


def fewest_bad(runs: int, interval_s: float, noise: float) -> int:
    """Return how many bad ones within so many runs are more than noise shows `FALSE_A_MONTH` times a month."""
    starts = MONTH_S / interval_s * noise  # bad runs a month, each the last one of a window
    fewer = 0.0  # the chance that fewer than count - 1 of the others in the window are bad
    for count in range(1, runs + 1):
        if count >= FEWEST_BAD and starts * (1 - fewer) <= FALSE_A_MONTH:
            return count
        fewer += _chance(count - 1, runs - 1, noise)
    return runs


def in_a_row(interval_s: float, fire_after: int) -> int:
    """Return how many failures in a row fire: as many as fit into ten minutes, at least two, at most `fire_after`."""
    return min(fire_after, max(2, math.floor(OUTAGE_S / interval_s)))


def row_spans(count: int, every_s: float) -> tuple[tuple[float, float], ...]:
    """Return the windows in which so many failures in a row show: (with the failures, without a pass), any pair.

    The first is longer by about a run, so that the failures stay in sight until the next one. A run that confirms the
    first failure before the next is due counts where two in a row fire; where more do, time must have passed for that
    many regular runs, or a blip of two minutes would be three failures.
    """
    if count == 1:
        return ((1.5 * every_s, 0.5 * every_s),)
    if count == 2:
        return ((2.5 * every_s, 1.5 * every_s), (0.9 * every_s, 0.9 * every_s))
    return (((count + 0.7) * every_s, (count + 0.2) * every_s),)


def _chance(count: int, runs: int, share: float) -> float:
    """Return the chance that just so many of these runs are bad, each by itself with this share (binomial)."""
    ways = math.lgamma(runs + 1) - math.lgamma(count + 1) - math.lgamma(runs - count + 1)
    return math.exp(ways + count * math.log(share) + (runs - count) * math.log1p(-share))
