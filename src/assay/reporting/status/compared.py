"""What compared pairs came to last, and distributions that left their usual course, each with its chart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from assay.drift.distribution.words import ORACLE, points_told
from assay.events import Measure
from assay.money import EXPONENTS, Money
from assay.reporting.status.charts import Chart, Span, beside_chart, series_chart, short, whole
from assay.reporting.status.drift import PAIRS
from assay.reporting.status.reading import Reading
from assay.reporting.status.runs import Fault, Run
from assay.reporting.status.words import span as span_words

_MOST_RUNS, _MOST_PAIRS, _MOST_ALARMS = 1_000, 60, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLine:
    """One pair at its last comparison. state: the monitor's result; faults: what was told of the pair."""

    pair: str
    monitor: str
    state: str
    at: datetime
    records: str
    differ: str
    pending: str
    at_risk: tuple[str, ...]
    together: str
    oldest: str
    clean: str
    chart: Chart
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmLine:
    """A distribution that is off, as it was told last, and the chart of its last days."""

    monitor: str
    at: datetime
    fault: Fault
    chart: Chart


def pairs_of(reading: Reading, span: Span) -> list[PairLine]:
    """Return the pairs that monitors of this environment compare, those that differ first."""
    lines = []
    for name, run in sorted(reading.latest().items()):
        pairs = sorted({each.labels.get("pair", "") for each in run.measures if each.name.startswith(PAIRS)})
        runs = reading.runs(name, since=reading.now - span.back, limit=_MOST_RUNS) if pairs else []
        lines += [_line(run, pair, runs, span, reading.now) for pair in pairs]
    return sorted(lines, key=lambda line: (not line.faults, line.pair))[:_MOST_PAIRS]


def alarms_of(reading: Reading) -> list[AlarmLine]:
    """Return the distributions that are off by the last run of each monitor."""
    return [
        AlarmLine(monitor=name, at=run.due_at, fault=fault, chart=_seen_beside_usual(fault))
        for name, run in sorted(reading.latest().items())
        for fault in run.faults
        if fault.oracle == ORACLE
    ][:_MOST_ALARMS]


def _line(run: Run, pair: str, runs: Sequence[Run], span: Span, now: datetime) -> PairLine:
    own = _of_pair(run.measures, pair)
    classes = {each.labels.get("class", ""): each.value for each in own["differences"] if each.value}
    points = [(each.due_at, found) for each in reversed(runs) if (found := _differing(each, pair)) is not None]
    return PairLine(
        pair=pair,
        monitor=run.monitor,
        state=run.result.value,
        at=run.due_at,
        records=" / ".join(f"{_value(own['records'], side=side):,.0f}" for side in ("left", "right")),
        differ=", ".join(f"{count:,.0f} {name}" for name, count in classes.items()),
        pending=_some(_value(own["pending"])),
        at_risk=tuple(_money(each) for each in own["at_risk_minor"] if each.value),
        together=next((_money(each) for each in own["at_risk_base_minor"] if each.value), ""),
        oldest=_span(own["oldest_age_seconds"]),
        clean=_span(own["clean_age_seconds"]),
        chart=series_chart(f"Differences of {pair}", points, span, now, whole, is_time=False),
        faults=tuple(each for each in run.faults if _is_about(each, pair)),
    )


def _of_pair(measures: Iterable[Measure], pair: str) -> Mapping[str, list[Measure]]:
    """Return a pair's figures by the end of their names."""
    found: dict[str, list[Measure]] = defaultdict(list)
    for measure in measures:
        if measure.name.startswith(PAIRS) and measure.labels.get("pair") == pair:
            found[measure.name.removeprefix(PAIRS)].append(measure)
    return found


def _differing(run: Run, pair: str) -> float | None:
    found = _of_pair(run.measures, pair)["differences"]
    return sum(each.value for each in found) if found else None


def _is_about(fault: Fault, pair: str) -> bool:
    return fault.order.startswith((f"{pair}:", f"{pair} "))


def _value(measures: Sequence[Measure], **labels: str) -> float:
    return next((each.value for each in measures if labels.items() <= dict(each.labels).items()), 0.0)


def _money(measure: Measure) -> str:
    code = measure.labels.get("currency", "")
    return str(Money(round(measure.value), code)) if code in EXPONENTS else f"{measure.value:,.0f}"


def _span(measures: Sequence[Measure]) -> str:
    return span_words(measures[0].value) if measures and measures[0].value else ""


def _some(value: float) -> str:
    return f"{value:,.0f}" if value else ""


def _seen_beside_usual(fault: Fault) -> Chart:
    points = points_told(fault.evidence)
    unit = " %" if points and points[0].unit else ""
    told = [(each.at, each.seen, each.usual) for each in points]
    return beside_chart(fault.order, told, lambda value: f"{short(value)}{unit}")
