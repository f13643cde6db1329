"""Judges of options: what is wrong with them is said when a monitor is read, not at three in the night."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from assay.errors import UsageError, did_you_mean
from assay.span import seconds_of

Judge = Callable[[Mapping[str, Any]], None]


def judged(
    *, spans: Collection[str] = (), counts: Collection[str] = (), names: Mapping[str, Collection[str]] | None = None
) -> Judge:
    """Return a judge of options that must be spans of time, whole numbers from 1 on, or lists of known names.

    Its `UsageError` says which option by `where`.
    """

    def judge(options: Mapping[str, Any]) -> None:
        for option in spans:
            if option in options:
                _span(option, options[option])
        for option in counts:
            value = options.get(option, 1)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(
                    "that is no number", where=option, expected="a whole number from 1 on", seen=repr(value)
                )
        for option, known in (names or {}).items():
            for name in options.get(option, ()):
                if name not in known:
                    raise UsageError(f"'{name}' is not known", where=option, hint=did_you_mean(name, known))

    return judge


def _span(option: str, value: object) -> None:
    try:
        seconds_of(value)  # type: ignore[arg-type]  # whatever is written there
    except (UsageError, AttributeError):
        raise UsageError(
            "that is no span of time", where=option, expected="a span above zero such as 30s, 5m, 1h", seen=repr(value)
        ) from None
