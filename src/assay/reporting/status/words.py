"""Spans of time in the few words people need: how long ago, how long until."""

from __future__ import annotations

from datetime import datetime


def span(seconds: float) -> str:
    """Return a span in its two largest units: ``40 s``, ``12 min``, ``5 h 10 min``, ``3 d 4 h``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 48 * 3600:
        hours, minutes = whole // 3600, whole % 3600 // 60
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = whole // 86400, whole % 86400 // 3600
    return f"{days} d {hours} h" if hours else f"{days} d"


def ago(at: datetime, now: datetime) -> str:
    """Return ``12 min ago``; an instant to come is ``in 40 s``."""
    seconds = (now - at).total_seconds()
    if -1 < seconds < 1:
        return "now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def left(at: datetime, now: datetime) -> str:
    """Return ``in 40 s``; for what should have been already, ``due 12 s ago``."""
    seconds = (at - now).total_seconds()
    return f"in {span(seconds)}" if seconds >= 1 else "now" if seconds > -2 else f"due {span(-seconds)} ago"


def between(since: datetime, until: datetime) -> str:
    """Return how long that is: ``5 h 10 min``."""
    return span((until - since).total_seconds())
