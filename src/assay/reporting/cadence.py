"""How long a monitor may be silent: the longest time between two of its due runs."""

from __future__ import annotations

from assay.errors import UsageError
from assay.monitor import Monitor
from assay.suite_monitors import cron_in_utc, interval_of


def longest_gap_s(monitor: Monitor) -> float | None:
    """Return the seconds, jitter included; None for a monitor whose schedule is none (see `schedule_trouble`)."""
    return None if schedule_trouble(monitor) else interval_of(monitor) + monitor.jitter_s


def schedule_trouble(monitor: Monitor) -> str | None:
    """Return what is wrong with a schedule that is neither an interval nor a cron in UTC; None where it is one."""
    if monitor.interval_s is not None:
        return None if monitor.interval_s > 0 else f"an interval of {monitor.interval_s:g} s"
    if monitor.cron is None:
        return "neither an interval nor a cron"
    try:
        cron_in_utc(monitor.cron)
    except UsageError as error:
        return f"{error.message} ({monitor.cron})"
    return None
