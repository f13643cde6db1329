"""Finds the monitors of suites: ``monitors/*.toml`` and what ``@monitor`` declares in ``monitors/*.py``."""

from assay.suite_monitors.cron import cron_in_utc
from assay.suite_monitors.declared import OWN_NAMES, interval_of, load_monitors, monitor_files

__all__ = ["OWN_NAMES", "cron_in_utc", "interval_of", "load_monitors", "monitor_files"]
