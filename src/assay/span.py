"""Spans of time as people write them: ``30s``, ``5m``, ``1h``, ``7d``, or a number of seconds."""

from __future__ import annotations

import re

from assay.errors import UsageError

_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_S = 36_500 * 86_400.0
"""A hundred years: nothing here lasts longer, and every instant that far from now is one."""
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def seconds_of(text: str | float) -> float:
    """Return the seconds of a span above zero; `UsageError` for anything else."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise _no_span(text)
    if not isinstance(text, str):
        seconds = float(text)
    else:
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise _no_span(text)
        seconds = float(found[1]) * _UNITS_S[found[2]]
    if not 0 < seconds <= _LONGEST_S:
        raise _no_span(text)
    return seconds


def span_text(seconds: float) -> str:
    """Return a span in the largest unit that leaves it whole: ``90s``, ``5m``, ``2h``, ``500ms``."""
    for unit in ("d", "h", "m", "s", "ms"):
        count = seconds / _UNITS_S[unit]
        if count >= 1 and abs(count - round(count)) < 1e-6:
            return f"{round(count)}{unit}"
    return f"{seconds:g}s"


def _no_span(text: object) -> UsageError:
    return UsageError(
        "that is no span of time", expected="a span above zero such as 30s, 5m, 1h or 7d", seen=repr(text)[:120]
    )
