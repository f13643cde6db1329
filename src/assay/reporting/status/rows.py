"""Monitors as the overview lists them: in which state, since when, who knows of it, what needs a look first."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.events import ProbeResult
from assay.monitor import Monitor
from assay.reporting.status.charts import Spark, spark_of
from assay.reporting.status.reading import Reading, SilenceLine, silence_of
from assay.reporting.status.runs import Run
from assay.reporting.status.source import AlertLine, StatusSource

STATES = ("failing", "unknown", "degraded", "waiting", "passing")
"""What a monitor can be, the worst first; waiting: it never ran."""
_SPARK_RUNS, _SPARK_BACK = 40, timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One monitor now. quiet says why nobody is woken by it, in words; empty where somebody would be.

    monitor is None for one that is declared no longer, or by no file (the process's own).
    """

    name: str
    title: str
    state: str
    since: datetime | None
    run: Run | None
    next_due: datetime | None
    told: bool
    flapping: bool
    severity: str
    quiet: str
    silence: SilenceLine | None
    suppressed_by: str
    summary: str
    monitor: Monitor | None
    spark: Spark | None = None

    @property
    def is_loud(self) -> bool:
        """Whether it is not well and nothing keeps it quiet."""
        return self.state in ("failing", "unknown", "degraded") and not self.quiet


class Sparks:
    """Small lines of the last runs, worked out anew only when a monitor has run again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[datetime, Spark | None]] = {}

    def of(self, run: Run | None, reading: Reading) -> Spark | None:
        """Return the line of a monitor whose last run this is."""
        if run is None:
            return None
        with self._lock:
            known = self._known.get(run.monitor)
        if known is not None and known[0] == run.due_at:
            return known[1]
        runs = reading.runs(run.monitor, since=reading.now - _SPARK_BACK, limit=_SPARK_RUNS)
        timed = [each for each in runs if each.result is not ProbeResult.MISSED]
        spark = spark_of([(each.took_s, each.result is ProbeResult.PASSED) for each in reversed(timed)])
        if reading.away_since is None:
            with self._lock:
                self._known[run.monitor] = (run.due_at, spark)
        return spark


def rows_of(reading: Reading) -> list[Row]:
    """Return every monitor that is declared or ran lately, what needs a look first; without their small lines."""
    source = reading.source
    latest, lines = reading.latest(), {line.name: line for line in source.alerts()}
    declared, due, silences = source.monitors(), source.next_due(), reading.silences()
    live = reading.now - timedelta(days=1)
    names = {*declared, *(name for name, run in latest.items() if run.due_at >= live)}
    rows = [
        row_of(name, declared.get(name), latest.get(name), lines.get(name), silences, due.get(name)) for name in names
    ]
    return sorted(rows, key=_urgency)


def row_for(reading: Reading, name: str) -> Row | None:
    """Return one monitor, None where there is none of that name and never was."""
    source, run = reading.source, reading.last(name)
    monitor = source.monitors().get(name)
    line = next((each for each in source.alerts() if each.name == name), None)
    if monitor is None and run is None and name not in reading.names():
        return None
    return row_of(name, monitor, run, line, reading.silences(), source.next_due().get(name))


def row_of(
    name: str,
    monitor: Monitor | None,
    run: Run | None,
    line: AlertLine | None,
    silences: Sequence[SilenceLine],
    next_due: datetime | None,
) -> Row:
    """Return one monitor's row."""
    silence = silence_of(name, silences)
    suppressed_by = (line.suppressed_by or "") if line else ""
    state = _state(run, line)
    quiet = ""
    if silence is not None:
        quiet = f"silenced until {silence.until:%Y-%m-%d %H:%M} UTC"
    elif suppressed_by:
        quiet = f"suppressed by {suppressed_by}"
    elif line is not None and line.quiet:
        quiet = line.quiet
    return Row(
        name=name,
        title=monitor.title if monitor else _OWN.get(name, ""),
        state=state,
        since=line.since if line and state == line.state else run.due_at if run else None,
        run=run,
        next_due=next_due,
        told=bool(line and line.told),
        flapping=bool(line and line.flapping),
        severity=line.severity if line else monitor.alert.severity if monitor else "",
        quiet=quiet,
        silence=silence,
        suppressed_by=suppressed_by,
        # What was seen says more than the alert, which may know no more than the monitor's title.
        summary=(run.why if run else "") or (line.summary if line and state != "passing" else ""),
        monitor=monitor,
    )


_OWN = {
    "assay_configuration": "The files that declare monitors",
    "assay_undo": "What synthetic orders left behind",
    "assay_self": "This process itself",
}
"""Monitors of no file: the process watches itself."""


def alerts_of(reading: Reading) -> list[AlertLine]:
    """Return the alerts that are not well, or that people were told of; those told first, the oldest first.

    A monitor that never ran is unknown to the alerts from the start: it is no alert before it is told.
    """
    ran = reading.latest()
    lines = [
        line
        for line in reading.source.alerts()
        if line.told or (line.state != "passing" and (line.monitor is None or line.monitor in ran))
    ]
    return sorted(lines, key=lambda line: (not line.told, bool(line.suppressed_by), line.since))


def counts_of(rows: Sequence[Row]) -> Mapping[str, int]:
    """Return how many monitors are in each state, the worst first."""
    return {state: sum(row.state == state for row in rows) for state in STATES}


def source_state(rows: Sequence[Row], source: StatusSource) -> tuple[bool, str]:
    """Return whether all is well and the sentence at the head of the page."""
    counts = counts_of(rows)
    loud = sum(row.is_loud for row in rows)
    bad = counts["failing"] + counts["unknown"] + counts["degraded"]
    if not rows:
        return True, f"No monitor is declared for {source.environment} yet"
    if not bad and counts["waiting"] == len(rows):
        return True, "No monitor has run yet"
    if not bad:
        return True, "All monitors pass" if not counts["waiting"] else "All monitors that ran pass"
    verb = "needs" if loud == 1 else "need"
    if loud:
        return False, f"{loud} of {len(rows)} monitors {verb} a look"
    return False, f"{bad} of {len(rows)} monitors {'is' if bad == 1 else 'are'} not well, and known to be"


def _state(run: Run | None, line: AlertLine | None) -> str:
    is_new = line is None or (line.state == "unknown" and not line.told and not line.suppressed_by)
    if run is None and is_new:
        return "waiting"  # alerts call it unknown from the start
    if line is not None and line.state in STATES:
        return line.state
    if run is None:
        return "unknown"
    return {ProbeResult.PASSED: "passing", ProbeResult.FAILED: "failing"}.get(run.result, "unknown")


def _urgency(row: Row) -> tuple[object, ...]:
    severity = {"page": 0, "ticket": 1, "info": 2}.get(row.severity, 3)
    return (not row.is_loud, STATES.index(row.state), not row.told, severity, row.name)
