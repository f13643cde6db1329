"""How long a monitor may be silent: the longest time between two of its due runs."""

from __future__ import annotations

import functools
from datetime import UTC, datetime

from apscheduler.triggers.cron import CronTrigger

from assay.monitor import Monitor

_LOOKED_AT = 400
"""A daily cron shows a whole year, one of a minute some hours: what comes rarely comes regularly."""


def longest_gap_s(monitor: Monitor) -> float | None:
    """Return the seconds, jitter included; None where a cron is never due twice."""
    if monitor.interval_s is not None:
        return monitor.interval_s + monitor.jitter_s
    gap = _longest_of_cron(monitor.cron) if monitor.cron else None
    return None if gap is None else gap + monitor.jitter_s


@functools.lru_cache(maxsize=1024)
def _longest_of_cron(cron: str) -> float | None:
    try:
        trigger = CronTrigger.from_crontab(cron, timezone=UTC)
    except ValueError:
        return None
    at = trigger.get_next_fire_time(None, datetime(2027, 1, 1, tzinfo=UTC))
    longest = None
    for _ in range(_LOOKED_AT):
        following = trigger.get_next_fire_time(at, at) if at else None
        if at is None or following is None:
            break
        gap = (following - at).total_seconds()
        longest = gap if longest is None else max(longest, gap)
        at = following
    return longest
