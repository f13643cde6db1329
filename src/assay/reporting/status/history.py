"""One monitor's past: verdicts and latency over a span, and the runs one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from assay.events import ProbeResult
from assay.reporting.status.charts import SPANS, Bucket, Chart, Span, buckets_of, latency_chart, verdict_chart
from assay.reporting.status.reading import Reading
from assay.reporting.status.rows import Row
from assay.reporting.status.runs import Run
from assay.reporting.status.words import span as span_words

_RUNS, _LAST_BAD = 50, timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the history page shows. older: the address of the runs before these, empty where there are none.

    last_bad: the latest run that did not pass, of the last 90 days. availability: the share of verdicts that passed,
    None without verdicts.
    """

    span: Span
    spans: tuple[Span, ...]
    verdicts: Chart
    latency: Chart
    buckets: tuple[Bucket, ...]
    runs: Sequence[Run]
    only_bad: bool
    older: str
    before: datetime | None
    last_bad: Run | None
    availability: float | None
    facts: tuple[tuple[str, str], ...]


def history_of(reading: Reading, row: Row, query: Mapping[str, str]) -> History:
    """Return a monitor's past; what the query asks for wrongly is taken for what is usual."""
    span = next((each for each in SPANS if each.key == query.get("span")), SPANS[0])
    begin = span.begin(reading.now)
    hours = reading.hours(row.name, since=begin, until=reading.now + timedelta(hours=1))
    buckets = buckets_of(hours, span, reading.now)
    only_bad = query.get("only") == "bad"
    before = _instant(query.get("before", ""))
    since = reading.now - _LAST_BAD
    runs = reading.runs(row.name, since=since, until=before, limit=_RUNS + 1, only_bad=only_bad)
    older = ""
    if len(runs) > _RUNS:
        runs = runs[:_RUNS]
        older = f"?span={span.key}{'&only=bad' if only_bad else ''}&before={runs[-1].due_at.timestamp():.6f}#runs"
    bad = next((run for run in runs if run.result is not ProbeResult.PASSED), None) if before is None else None
    if bad is None:
        bad = next(iter(reading.runs(row.name, since=since, limit=1, only_bad=True)), None)
    verdicts = sum(bucket.passed + bucket.failed for bucket in buckets)
    return History(
        span=span,
        spans=SPANS,
        verdicts=verdict_chart(buckets, span),
        latency=latency_chart(buckets, span, row.monitor.objective.latency_s if row.monitor else None),
        buckets=tuple(bucket for bucket in reversed(buckets) if bucket.runs),
        runs=runs,
        only_bad=only_bad,
        older=older,
        before=before,
        last_bad=bad,
        availability=sum(bucket.passed for bucket in buckets) / verdicts if verdicts else None,
        facts=tuple(_facts(row)),
    )


def _facts(row: Row) -> list[tuple[str, str]]:
    monitor = row.monitor
    if monitor is None:
        return [("Declared", "by no file now")]
    objective = monitor.objective
    promised = f"{objective.availability * 100:g} % pass"
    if objective.latency_s is not None:
        promised += f", {objective.latency_share * 100:g} % within {span_words(objective.latency_s)}"
    when = f"every {span_words(monitor.interval_s)}" if monitor.interval_s else f"cron {monitor.cron} (UTC)"
    what = "flow" if monitor.flow else "check" if monitor.check else "code"
    told = f"{monitor.alert.severity}, {', '.join(monitor.alert.routes) or 'every route'}"
    facts = [
        ("Owner", monitor.owner),
        ("Runs", f"{what} {monitor.subject}" + (f" ({', '.join(monitor.cases)})" if monitor.cases else "")),
        ("When", f"{when}, ends after {span_words(monitor.timeout_s)}"),
        ("Promised", promised),
        ("Alerts", told),
        ("Needs", ", ".join(monitor.systems)),
        ("Location", monitor.location or "any"),
        ("Declared in", monitor.source.name),
    ]
    return [(label, text) for label, text in facts if text]


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None
