"""How long a monitor may be silent: the longest time between two of its due runs."""

from __future__ import annotations

from assay.monitor import Monitor
from assay.suite_monitors import interval_of


def longest_gap_s(monitor: Monitor) -> float | None:
    """Return the seconds, jitter included; None for a monitor without schedule, which no file can declare."""
    if monitor.interval_s is None and monitor.cron is None:
        return None
    return interval_of(monitor) + monitor.jitter_s
