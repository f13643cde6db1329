"""The fault header of the edge, executed after the handler has committed.

Grammar: ``X-Assay-Fault: kind; key=value; …``. Kinds: ``delay; ms=1500``,
``delay_lognormal; median_ms=200; sigma=0.5``, ``drop``, ``reset``, ``truncate``, ``status; code=503``, ``duplicate``
(all after the handler acted) and ``rate_limit; retry_after=2`` (before it). Each takes ``share=0.3; seed=7`` and
``from=…; until=…`` in simulated time.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime

HEADER = "x-assay-fault"
KINDS = ("delay", "delay_lognormal", "drop", "reset", "truncate", "status", "duplicate", "rate_limit")
_NEEDED = {"delay": ("ms",), "delay_lognormal": ("median_ms", "sigma")}
_NUMBERS = {"ms": float, "median_ms": float, "sigma": float, "share": float, "code": int, "retry_after": int}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault to execute on one call."""

    kind: str
    options: dict[str, str] = field(default_factory=dict)


class FaultReader:
    """Decides, per call, which fault of the header applies; shares are drawn from the fault's own seed."""

    def __init__(self) -> None:
        self._draws: dict[str, random.Random] = {}

    def read(self, header: str, now: datetime) -> Fault | None:
        """Return the fault to execute now, or None. Raises `ValueError` for a header outside the grammar."""
        kind, *rest = [part.strip() for part in header.split(";")]
        if kind not in KINDS:
            raise ValueError(f"unknown fault '{kind}', known: {', '.join(KINDS)}")
        if any("=" not in part for part in rest if part):
            raise ValueError(f"options are key=value, separated by ';': {header!r}")
        options = dict(part.split("=", 1) for part in rest if part)
        _check(kind, options)
        if "from" in options and now < _instant(options["from"]):
            return None
        if "until" in options and now >= _instant(options["until"]):
            return None
        share = float(options.get("share", "1"))
        if share < 1:
            # S311: a fault's share is repeatable on purpose, not a secret.
            draw = self._draws.setdefault(header, random.Random(options.get("seed", "0")))  # noqa: S311
            if draw.random() >= share:
                return None
        return Fault(kind, options)

    def delay_s(self, fault: Fault) -> float:
        """Return how long the answer of a delay fault is held back, in seconds of real time."""
        if fault.kind == "delay":
            return float(fault.options["ms"]) / 1000
        if fault.kind == "delay_lognormal":
            draw = self._draws.setdefault("delay", random.Random(fault.options.get("seed", "0")))  # noqa: S311
            factor = draw.lognormvariate(0.0, float(fault.options["sigma"]))
            return float(fault.options["median_ms"]) / 1000 * factor
        return 0.0


def _check(kind: str, options: dict[str, str]) -> None:
    """Refuse before the handler acts what could not be executed after it."""
    for name in _NEEDED.get(kind, ()):
        if name not in options:
            raise ValueError(f"{kind} needs {name}=…")
    for name, value in options.items():
        if name in _NUMBERS:
            try:
                _NUMBERS[name](value)
            except ValueError:
                raise ValueError(f"{name} must be a number, is {value!r}") from None


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
