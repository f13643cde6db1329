"""Prometheus rules of one monitor: failures in a row, burn rate, latency, runs without verdict, silence, absence.

They are written from the monitor's interval, objective and alert rule (`assay.alerts.windows` says over which windows),
as counts over `assay_probes_total`: several processes that take turns with a monitor each hold a part of its runs, so a
gauge of one of them is never asked. What concerns an environment as a whole is in `assay.alerts.environment_rules`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.alerts import windows
from assay.drift.watching.names import CHECK as COMPARES
from assay.drift.watching.names import pairs_named
from assay.monitor import Monitor
from assay.profile import Policies
from assay.profile_watch import Alerts
from assay.span import span_text
from assay.suite_monitors import interval_of

Rule = dict[str, Any]
RUNS = "assay_probes_total"
_BY = "sum by (environment, monitor, location)"
_LATENCY_S, _LATENCY_RUNS = 3600.0, 12
_SETTLE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """For what the rules are written: an environment, what counts as correct there, and how alerts are told.

    duration_buckets and lateness_buckets are the upper edges, in seconds, of the histograms that the process exports.
    """

    environment: str
    production: bool = False
    policies: Policies = field(default_factory=Policies)
    alerts: Alerts = field(default_factory=Alerts)
    public_url: str | None = None
    duration_buckets: Sequence[float] = ()
    lateness_buckets: Sequence[float] = ()

    def runbook(self, file: str) -> str:
        """Return the address of a runbook; one that is an address already stays as it is."""
        return file if "://" in file else f"{self.alerts.runbooks.rstrip('/')}/{file}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    """A monitor with all that its rules repeat."""

    monitor: Monitor
    setting: Setting

    @property
    def every_s(self) -> float:
        return interval_of(self.monitor)

    @property
    def row(self) -> int:
        return row_of(self.monitor, self.setting)

    @property
    def mine(self) -> str:
        return f'environment="{self.setting.environment}",monitor="{self.monitor.name}"'

    def counted(self, result: str, window_s: float) -> str:
        """Return the runs with these results within a window, by location."""
        which = f'result{"=~" if "|" in result else "="}"{result}"'
        return f"{_BY} (increase({RUNS}{{{self.mine},{which}}}[{span_text(window_s)}]))"

    def alert(self, name: str, expr: str, *, severity: str, texts: tuple[str, str], **more: Any) -> Rule:
        """Return an alerting rule; its words are (summary, description)."""
        monitor, setting = self.monitor, self.setting
        own = setting.runbook(monitor.runbook)
        annotations = {
            "summary": texts[0],
            "description": f"{texts[1]} {self._what_to_do()}",
            "runbook_url": own if name == "AssayMonitorFailing" else setting.runbook(f"{name}.md"),
        }
        if name != "AssayMonitorFailing":
            annotations["monitor_runbook_url"] = own
        if setting.public_url:
            annotations["status_page"] = f"{setting.public_url.rstrip('/')}/monitors/{monitor.name}"
        labels = {"severity": severity, "owner": monitor.owner, **more.pop("labels", {})}
        lasting = {"for": more["lasts"]} if "lasts" in more else {}
        return {"alert": name, "expr": expr, **lasting, "labels": labels, "annotations": annotations}

    def _what_to_do(self) -> str:
        name, environment = self.monitor.name, self.setting.environment
        return f"Look closer: assay monitor --env {environment} --only {name} --once"


def row_of(monitor: Monitor, setting: Setting) -> int:
    """Return how many failures in a row fire: what the monitor says, else at most what fits into ten minutes."""
    said = monitor.alert.fire_after
    return said if said is not None else windows.in_a_row(interval_of(monitor), setting.alerts.fire_after)


def monitor_group(monitor: Monitor, setting: Setting) -> Mapping[str, Any]:
    """Return the group of rules of one monitor."""
    watched = _Watched(monitor=monitor, setting=setting)
    rules = [
        _failing(watched),
        *_grave(watched),
        *_burning(watched),
        *_slow(watched),
        _blind(watched),
        _silent(watched),
    ]
    return {"name": f"assay-{setting.environment}-{monitor.name}", "rules": [*rules, _absent(watched)]}


def wakes(monitor: Monitor) -> bool:
    """Whether a monitor compares a pair, and has limits of its own from which on what differs wakes somebody."""
    return monitor.check == COMPARES and bool(monitor.options.get("page", True)) and monitor.alert.severity != "page"


def severity_series(monitor: Monitor, environment: str) -> str:
    """Return how severe what a monitor found in its pairs is, as it is asked for."""
    pairs = "|".join(pairs_named(monitor.options))
    return f'assay_drift_pair_severity{{environment="{environment}",pair{"=~" if "|" in pairs else "="}"{pairs}"}}'


def _grave(it: _Watched) -> list[Rule]:
    """Return the page of a monitor that compares a pair: it fails, and its check reached the limits of a page."""
    if not wakes(it.monitor):
        return []
    series = severity_series(it.monitor, it.setting.environment)
    expr = f"({_failing_expr(it)})\nand on (environment)\nmax by (environment) ({series}) > 2.5"
    customers = it.monitor.customers or "what it watches is not as it should be"
    texts = (
        f"{it.monitor.title} is so wrong in {it.setting.environment} that it cannot wait: {customers}",
        f"What {it.monitor.name} found differs in so many records, is worth so much or is so old that its limits "
        "(options.page) make it a page.",
    )
    return [it.alert("AssayDriftGrave", expr, severity="page", texts=texts)]


def _failing_expr(it: _Watched) -> str:
    """Return N failures and no pass since: exact counts, whatever process ran them."""
    count = it.row
    ways = [
        f"{it.counted('failed', bad_s)} > {count - 0.5:g}\nunless\n{it.counted('passed', good_s)} > 0"
        for bad_s, good_s in windows.row_spans(count, it.every_s)
    ]
    return "\nor\n".join(f"({way})" if len(ways) > 1 else way for way in ways)


def _failing(it: _Watched) -> Rule:
    count, expr = it.row, _failing_expr(it)
    customers = it.monitor.customers or "what it watches is not as it should be"
    times = "once" if count == 1 else f"{count} times in a row"
    return it.alert(
        "AssayMonitorFailing",
        expr,
        severity=it.monitor.alert.severity,
        texts=(
            f"{it.monitor.title} fails in {it.setting.environment}: {customers}",
            f"{it.monitor.name} failed {times} at {{{{ $labels.location }}}}, the last runs found what they look for "
            "wrong (a verdict, not a time-out of ours).",
        ),
    )


def _burning(it: _Watched) -> list[Rule]:
    every, objective = it.every_s, it.monitor.objective
    burns = windows.burns(every, objective.availability)
    rules = [
        rule
        for window_s in sorted({each for burn in burns for each in (burn.long_s, burn.short_s)})
        for rule in (
            {"record": _failed_in(window_s), "expr": it.counted("failed", window_s)},
            {"record": _judged_in(window_s), "expr": it.counted("passed|failed", window_s)},
        )
    ]
    for burn in burns:
        urgent = burn.speed in windows.URGENT
        most = it.monitor.alert.severity
        long, short = span_text(burn.long_s), span_text(burn.short_s)
        bad = f"{_failed_in(burn.long_s)}{{{it.mine}}}"
        expr = (
            f"{bad} / {_judged_in(burn.long_s)}{{{it.mine}}} > {burn.share:g}\nand\n"
            f"{_failed_in(burn.short_s)}{{{it.mine}}} / {_judged_in(burn.short_s)}{{{it.mine}}} > {burn.share:g}\nand\n"
            f"{bad} > {burn.fewest_bad - 0.5:g}"
        )
        rule = it.alert(
            "AssayErrorBudgetBurn",
            expr,
            severity=most if urgent or most != "page" else "ticket",
            labels={"speed": burn.speed},
            texts=(
                f"{it.monitor.title} fails too often in {it.setting.environment}: "
                "{{ $value | humanizePercentage }} of its runs within " + long,
                f"The objective is {objective.availability:.3%} of runs passed; above {burn.share:.2%} bad within "
                f"{long} and {short} (at least {burn.fewest_bad} bad runs) its budget of a month is used up "
                f"{burn.factor:g} times too fast.",
            ),
        )
        rules.append(rule)
    return rules


def _slow(it: _Watched) -> list[Rule]:
    """Good over total of one bucket, never an average: a tenth of the customers waiting a minute hides in one."""
    objective = it.monitor.objective
    edge = bucket_above(objective.latency_s, it.setting.duration_buckets)
    if edge is None:
        return []
    every, allowed = it.every_s, 1 - objective.latency_share
    long_s, short_s = max(_LATENCY_S, _LATENCY_RUNS * every), max(300.0, windows.FEWEST_RUNS * every)
    fewest = windows.fewest_bad(int(long_s // every), every, allowed)
    name, kept = "assay_probe_duration_seconds", []
    for window_s in sorted({long_s, short_s}):
        span = span_text(window_s)
        quick = f'increase({name}_bucket{{{it.mine},step="",{le(edge)}}}[{span}])'
        timed = f'increase({name}_count{{{it.mine},step=""}}[{span}])'
        kept.append({"record": f"monitor:assay_runs_quick:increase_{span}", "expr": f"{_BY_MONITOR} ({quick})"})
        kept.append({"record": f"monitor:assay_runs_timed:increase_{span}", "expr": f"{_BY_MONITOR} ({timed})"})
    (quick, timed), (quick_now, timed_now) = (
        tuple(f"monitor:assay_runs_{kind}:increase_{span_text(span)}{{{it.mine}}}" for kind in ("quick", "timed"))
        for span in (long_s, short_s)
    )
    least = f"{objective.latency_share:g}"
    expr = (
        f"{quick} / {timed} < {least}\nand\n{quick_now} / {timed_now} < {least}\n"
        f"and\n{timed} - {quick} > {fewest - 0.5:g}"
    )
    severity = it.monitor.alert.severity
    texts = (
        f"{it.monitor.title} is slow in {it.setting.environment}: only "
        f"{{{{ $value | humanizePercentage }}}} within {edge:g} s",
        f"The objective is {objective.latency_share:.0%} of runs within {objective.latency_s:g} s; counted at the "
        f"bucket of {edge:g} s over {span_text(long_s)}, at least {fewest} slow runs.",
    )
    rule = it.alert("AssayMonitorSlow", expr, severity="ticket" if severity == "page" else severity, texts=texts)
    return [*kept, rule]


def _blind(it: _Watched) -> Rule:
    every, count = it.every_s, max(2, it.row)
    bad, good = it.counted("error|stuck|missed", (count + 0.5) * every), (count - 0.5) * every
    return it.alert(
        "AssayMonitorBlind",
        f"{bad} > {count - 0.5:g}\nunless\n{it.counted('passed|failed', good)} > 0",
        severity=it.monitor.alert.severity,
        texts=(
            f"{it.monitor.title} reaches no verdict in {it.setting.environment}: nobody knows whether it is well",
            f"{it.monitor.name} ran {count} times in a row without a verdict at {{{{ $labels.location }}}}: a system, "
            "the store or the machine did not answer, it hung, or it did not start.",
        ),
    )


def _silent(it: _Watched) -> Rule:
    every = it.every_s
    last = f"max by (environment, monitor) (assay_probe_last_run_timestamp_seconds{{{it.mine}}})"
    return it.alert(
        "AssayMonitorSilent",
        f"time() - {last} > {2 * every + it.monitor.jitter_s:g}",
        lasts=span_text(min(_SETTLE_S, every)),
        severity=it.monitor.alert.severity,
        texts=(
            f"{it.monitor.title} has not run in {it.setting.environment} for {{{{ $value | humanizeDuration }}}}",
            f"{it.monitor.name} is due every {span_text(every)} and has been silent for two intervals, while the "
            "process answers.",
        ),
    )


def _absent(it: _Watched) -> Rule:
    every, where = it.every_s, it.setting.environment
    return it.alert(
        "AssayMonitorAbsent",
        f"absent(assay_probe_last_run_timestamp_seconds{{{it.mine}}})\nunless on (environment)\n"
        f'absent(assay_monitor_interval_seconds{{environment="{where}"}})',
        lasts=span_text(2 * every + it.monitor.jitter_s),
        severity=it.monitor.alert.severity,
        texts=(
            f"{it.monitor.title} is not watched in {where}: Prometheus knows no run of it",
            f"Other monitors of {where} are there; {it.monitor.name} is not. Its file is gone or wrong, or no process "
            "at its location runs.",
        ),
    )


def bucket_above(seconds: float | None, buckets: Sequence[float]) -> float | None:
    """Return the first edge of a histogram at or above so many seconds; None where there is none."""
    return None if seconds is None else next((each for each in sorted(buckets) if each >= seconds), None)


def le(edge: float) -> str:
    """Return the matcher of one bucket: Prometheus has written whole numbers both ways."""
    return f'le=~"{edge:g}(\\\\.0)?"' if float(edge).is_integer() else f'le="{edge!r}"'


def _failed_in(window_s: float) -> str:
    return f"monitor:assay_runs_failed:increase_{span_text(window_s)}"


def _judged_in(window_s: float) -> str:
    return f"monitor:assay_runs_judged:increase_{span_text(window_s)}"


_BY_MONITOR = "sum by (environment, monitor)"
