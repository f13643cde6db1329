"""An hour of a monitor's runs in a few numbers: how they came out and how long those with a verdict took.

Latencies are counted in buckets that grow by a fifth each, so that a quantile is right to a tenth whatever a monitor
does: reading a header in 20 ms or placing an order in 40 s. Only buckets that hold something are kept.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from assay.events import ProbeResult
from assay.store.probe_rows import RESULTS

_FIRST_MS, _GROWTH, _LAST = 1.0, 1.2, 96  # the last bucket ends at 11 hours
_VERDICTS = tuple(RESULTS.index(result) for result in (ProbeResult.PASSED, ProbeResult.FAILED))


def bucket_of(took_ms: int) -> int:
    """Return the number of the bucket of a latency."""
    if took_ms <= _FIRST_MS:
        return 0
    return min(math.ceil(round(math.log(took_ms / _FIRST_MS, _GROWTH), 9)), _LAST)


def upper_s(bucket: int) -> float:
    """Return the largest latency of a bucket, in seconds."""
    return _FIRST_MS * float(_GROWTH**bucket) / 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One hour of a monitor, all locations together; `Hour.joined` makes days and weeks of hours.

    latency_buckets: (largest latency of the bucket in seconds, how many runs fell into it), ascending, not cumulated,
    empty ones left out. Only runs that came to a verdict count there.
    """

    start: datetime
    counts: Mapping[ProbeResult, int]
    latency_buckets: Sequence[tuple[float, int]]
    latency_sum_s: float
    latency_max_s: float

    def quantile(self, share: float) -> float | None:
        """Return the latency in seconds that this share of the runs did not exceed, or None where none counted."""
        total = sum(count for _, count in self.latency_buckets)
        if not total:
            return None
        wanted, below = min(max(share, 0.0), 1.0) * total, 0
        for upper, count in self.latency_buckets:
            if below + count >= wanted:
                lower = upper / _GROWTH
                return min(lower + (upper - lower) * (wanted - below) / count, self.latency_max_s)
            below += count
        return self.latency_max_s

    @property
    def runs(self) -> int:
        """How many runs were told, whatever they came to."""
        return sum(self.counts.values())

    @classmethod
    def joined(cls, start: datetime, hours: Iterable[Hour]) -> Hour:
        """Return several hours as one."""
        counts: Counter[ProbeResult] = Counter()
        buckets: Counter[float] = Counter()
        total, largest = 0.0, 0.0
        for hour in hours:
            counts.update(hour.counts)
            buckets.update(dict(hour.latency_buckets))
            total += hour.latency_sum_s
            largest = max(largest, hour.latency_max_s)
        return cls(
            start=start,
            counts=dict(counts),
            latency_buckets=tuple(sorted(buckets.items())),
            latency_sum_s=total,
            latency_max_s=largest,
        )


@dataclass(slots=True)
class Tally:
    """An hour while runs are added to it or taken out again."""

    counts: list[int] = field(default_factory=lambda: [0] * len(RESULTS))
    buckets: dict[int, int] = field(default_factory=dict)
    sum_ms: int = 0
    max_ms: int = 0

    @classmethod
    def of(cls, counts: Sequence[int], latency: Sequence[int], sum_ms: int, max_ms: int) -> Tally:
        """Return the tally of an hour as it is stored."""
        pairs = dict(zip(latency[::2], latency[1::2], strict=True))
        return cls([*counts, *[0] * (len(RESULTS) - len(counts))], pairs, sum_ms, max_ms)

    def add(self, result: int, took_ms: int, by: int = 1) -> None:
        """Count one run, or with by = -1 count it no longer; the largest latency is not taken back by that."""
        self.counts[result] += by
        if result not in _VERDICTS:
            return
        bucket = bucket_of(took_ms)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + by
        self.sum_ms += by * took_ms
        self.max_ms = max(self.max_ms, took_ms)

    def stored(self) -> dict[str, object]:
        """Return the columns of the hour."""
        last = max((number for number, count in enumerate(self.counts) if count), default=-1)
        held = sorted((bucket, count) for bucket, count in self.buckets.items() if count)
        return {
            "counts": self.counts[: last + 1],
            "latency": [number for pair in held for number in pair],
            "sum_ms": self.sum_ms,
            "max_ms": self.max_ms if held else 0,
        }

    def hour(self, start: datetime) -> Hour:
        """Return it as those who read it see it."""
        return Hour(
            start=start,
            counts={RESULTS[number]: count for number, count in enumerate(self.counts) if count},
            latency_buckets=tuple((upper_s(bucket), count) for bucket, count in sorted(self.buckets.items())),
            latency_sum_s=self.sum_ms / 1000.0,
            latency_max_s=self.max_ms / 1000.0,
        )
