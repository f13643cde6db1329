"""What checks measured, over time: a chart for each figure and set of labels. Compared pairs are told by `compared`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from assay.money import EXPONENTS, Money
from assay.reporting.status.charts import SPANS, Chart, Span, series_chart
from assay.reporting.status.reading import Reading
from assay.reporting.status.words import span as span_words

_MOST_SERIES, _MOST_RUNS, _TABLE = 60, 1_000, 12
_PREFIX = "assay_drift_"
PAIRS = "assay_drift_pair_"
"""Begins the figures of compared pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One figure: what it is, of what, by which monitor, its chart, and its last values as (when, text)."""

    title: str
    metric: str
    of: str
    monitor: str
    last: str
    at: datetime
    chart: Chart
    table: tuple[tuple[datetime, str], ...]


def series_of(reading: Reading, key: str) -> tuple[Span, list[Series], int]:
    """Return the span, the figures measured in it, and how many more there are."""
    span = next((each for each in SPANS if each.key == key and each.key != "90d"), SPANS[0])
    monitors = [name for name, run in reading.latest().items() if run.measures]
    points: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[tuple[datetime, float]]] = {}
    for name in sorted(monitors):
        runs = reading.runs(name, since=reading.now - span.back, limit=_MOST_RUNS)
        for run in reversed(runs):
            for measure in run.measures:
                if measure.name.startswith(PAIRS):
                    continue  # `compared` tells them together
                key_of = (name, measure.name, tuple(sorted(measure.labels.items())))
                points.setdefault(key_of, []).append((run.due_at, measure.value))
    shown = sorted(points)[:_MOST_SERIES]
    series = [
        _series(name, metric, dict(labels), points[name, metric, labels], span, reading)
        for name, metric, labels in shown
    ]
    return span, series, len(points) - len(shown)


def written(metric: str, labels: Mapping[str, str], value: float) -> str:
    """Return a figure with its unit, which the metric's name ends with."""
    if metric.endswith("_minor") and labels.get("currency") in EXPONENTS:
        return str(Money(round(value), labels["currency"]))
    if metric.endswith("_seconds"):
        return (
            f"-{span_words(-value)}"
            if value < 0
            else span_words(value)
            if value >= 1 or value == 0
            else f"{value:.2g} s"
        )
    if metric.endswith("_ratio"):
        return f"{value * 100:.3g} %"
    return f"{value:,.6g}"


def _series(
    monitor: str,
    metric: str,
    labels: Mapping[str, str],
    points: list[tuple[datetime, float]],
    span: Span,
    reading: Reading,
) -> Series:
    title = metric.removeprefix(_PREFIX).removeprefix("assay_")
    for unit in ("_seconds", "_ratio", "_minor", "_units"):
        title = title.removesuffix(unit)
    words = title.replace("_", " ").capitalize()
    of = ", ".join(f"{name} {value}" for name, value in labels.items())

    def text(value: float) -> str:
        return written(metric, labels, value)

    return Series(
        title=words,
        metric=metric,
        of=of,
        monitor=monitor,
        last=text(points[-1][1]),
        at=points[-1][0],
        chart=series_chart(
            f"{words} {of}".strip(), points, span, reading.now, text, is_time=metric.endswith("_seconds")
        ),
        table=tuple((at, text(value)) for at, value in reversed(points[-_TABLE:])),
    )
