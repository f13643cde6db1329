"""Unit tests of the rules for ``promtool test rules``: each alert fires on its condition and else is silent.

A test is told as runs (passed, failed, without verdict, slow, none), not by the rule's expression, so that a rule that
says something else than its name is seen.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from assay.alerts import windows
from assay.alerts.rules import RUNS, Setting, bucket_above, row_of, wakes
from assay.drift.watching.names import pairs_named
from assay.monitor import Monitor
from assay.span import span_text
from assay.suite_monitors import interval_of

PASS, FAIL, ERROR, SLOW, NONE = "PFES."
_RESULTS = {PASS: "passed", FAIL: "failed", ERROR: "error", SLOW: "passed"}
SCRAPES = 4
"""How often a process is scraped between two runs, in tests."""
_QUICK_S = 0.5
_PLACE = "default"
Series = dict[str, list[float | None]]
Expected = tuple[str, float, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test: series, and which alert fires how often at which second (0: it is silent)."""

    name: str
    step_s: float
    series: Series
    expected: Sequence[Expected]


def monitor_tests(monitor: Monitor, setting: Setting, alerts: Sequence[str]) -> list[Case]:
    """Return the tests of one monitor's rules that need minutes or hours: of all but its slow burns."""
    every, row = interval_of(monitor), row_of(monitor, setting)
    told = _Told(monitor, setting)
    well = told.of(PASS * 30)
    end = 29.5 * every
    quiet = [(name, at, 0) for name in dict.fromkeys(alerts) for at in (end / 2, end)]
    failing = told.of(PASS * 8 + FAIL * row + PASS * 2)
    last = (8 + row - 1) * every
    blind = max(2, row)
    cases: list[tuple[str, Series, list[Expected]]] = [
        ("quiet when all is well", well, quiet),
        (
            f"{row} failures in a row" if row > 1 else "one failure",
            failing,
            [
                *([("AssayMonitorFailing", last - 0.25 * every, 0)] if row > 1 else []),
                ("AssayMonitorFailing", last + 0.25 * every, 1),
                ("AssayMonitorFailing", last + 1.75 * every, 0),
                ("AssayMonitorBlind", last + 0.25 * every, 0),
                ("AssayMonitorSilent", last + 0.25 * every, 0),
            ],
        ),
        (
            "a failure, a pass, a failure: nobody is woken",
            told.of(PASS * 8 + FAIL + PASS + FAIL + PASS * 3),
            [("AssayMonitorFailing", (at + 0.25) * every, 0) for at in range(8, 13)] if row > 1 else [],
        ),
        (
            f"{blind} runs without verdict",
            told.of(PASS * 8 + ERROR * blind),
            [
                ("AssayMonitorBlind", (8 + blind - 1.25) * every, 0),
                ("AssayMonitorBlind", (8 + blind - 0.75) * every, 1),
                ("AssayMonitorFailing", (8 + blind - 0.75) * every, 0),
            ],
        ),
        (
            "no run any more",
            told.of(PASS * 8 + NONE * 6),
            [
                ("AssayMonitorSilent", 8.75 * every, 0),
                ("AssayMonitorSilent", 12.5 * every, 1),
                ("AssayMonitorAbsent", 12.5 * every, 0),
            ],
        ),
        (
            "not there, while others are",
            {told.interval("another"): [60.0] * 60},
            [("AssayMonitorAbsent", every, 0), ("AssayMonitorAbsent", 3.5 * every, 1)],
        ),
        ("nothing is there: one alert says so, not one a monitor", {}, [("AssayMonitorAbsent", 3.5 * every, 0)]),
        *_slow(monitor, setting),
        *_grave(monitor, setting),
    ]
    short = [Case(name=n, step_s=every / SCRAPES, series=s, expected=e) for n, s, e in cases if e]
    return [*short, *_burning(monitor, setting, windows.URGENT)]


def slow_burn_tests(monitor: Monitor, setting: Setting) -> list[Case]:
    """Return the tests of the burns that take days."""
    return _burning(monitor, setting, ("slow", "creeping"))


def slow_tick(every_s: float) -> float:
    """Return how often the rules are evaluated in tests that take days; promtool looks five minutes back."""
    return max(every_s / 2, 240.0)


@dataclass(frozen=True, slots=True)
class _Told:
    """Turns a story of runs into the series that a process would show of them."""

    monitor: Monitor
    setting: Setting
    scrapes: int = SCRAPES

    def interval(self, name: str) -> str:
        return f'assay_monitor_interval_seconds{{environment="{self.setting.environment}",monitor="{name}"}}'

    def of(self, runs: str) -> Series:
        every, scrapes = interval_of(self.monitor), self.scrapes
        mine = f'environment="{self.setting.environment}",monitor="{self.monitor.name}"'
        edges = self.setting.duration_buckets
        edge = bucket_above(self.monitor.objective.latency_s, edges)
        series: Series = {}

        def add(name: str, each: Iterator[float]) -> None:
            series[name] = [value for value in each for _ in range(scrapes)]

        for result in ("passed", "failed", "error"):
            counts = itertools.accumulate(float(_RESULTS.get(run) == result) for run in runs)
            add(f'{RUNS}{{{mine},location="{_PLACE}",result="{result}"}}', counts)
        ran = itertools.accumulate((at * every if run != NONE else -1.0 for at, run in enumerate(runs)), max)
        add(f"assay_probe_last_run_timestamp_seconds{{{mine}}}", ran)
        add(self.interval(self.monitor.name), iter([every] * len(runs)))
        if edge is not None:
            quick = itertools.accumulate(float(run not in (NONE, SLOW)) for run in runs)
            whole = f'{mine},flow="{self.monitor.subject}",step=""'
            add(f'assay_probe_duration_seconds_bucket{{{whole},le="{float(edge)!r}"}}', quick)
            add(f"assay_probe_duration_seconds_count{{{whole}}}", itertools.accumulate(float(r != NONE) for r in runs))
        return series


def _burning(monitor: Monitor, setting: Setting, speeds: Sequence[str]) -> list[Case]:
    """Failures with a pass between them: too many for the budget, never two in a row."""
    every = interval_of(monitor)
    cases = []
    for burn in windows.burns(every, monitor.objective.availability):
        if burn.speed not in speeds:
            continue
        held = int(burn.long_s // every)
        bad = max(burn.fewest_bad, math.floor(burn.share * held) + 1)
        pair = FAIL + PASS if 2 * bad - 1 <= held and burn.share < 0.45 else FAIL
        before = held + 2
        tick = slow_tick(every)
        runs = PASS * before + pair * bad + PASS * (math.ceil(tick / every) + 2)
        # The short window forgets early ones where a pair is spread; enough of them lie in it at the last.
        last, silent = before + (bad - 1) * len(pair), before + max(0, bad - 3) * len(pair)
        step = every if burn.speed not in windows.URGENT else every / 2
        told = _Told(monitor, setting, scrapes=round(every / step))
        settled = tick if burn.speed not in windows.URGENT else 0
        expected = [(f"AssayErrorBudgetBurn/{burn.speed}", (last + 0.5) * every + settled, 1)]
        if silent > before:
            expected.append((f"AssayErrorBudgetBurn/{burn.speed}", (silent + 0.5) * every, 0))
        name = f"{burn.speed} burn: {bad} of {held}"
        cases.append(Case(name=name, step_s=step, series=told.of(runs), expected=expected))
    return cases


def _slow(monitor: Monitor, setting: Setting) -> list[tuple[str, Series, list[Expected]]]:
    if bucket_above(monitor.objective.latency_s, setting.duration_buckets) is None:
        return []
    every = interval_of(monitor)
    held = int(max(3600.0, 12 * every) // every)
    slow = max(
        windows.fewest_bad(held, every, 1 - monitor.objective.latency_share),
        math.floor((1 - monitor.objective.latency_share) * held) + 1,
    )
    runs = PASS * (held + 2) + SLOW * (slow + 1)
    last = held + 2 + slow - 1
    expected = [
        ("AssayMonitorSlow", (held + 2 + slow // 2 - 0.5) * every, 0),
        ("AssayMonitorSlow", (last + 1.25) * every, 1),
        ("AssayMonitorFailing", (last + 1.25) * every, 0),
    ]
    return [(f"{slow} slow runs of {held}", _Told(monitor, setting).of(runs), expected)]


def _grave(monitor: Monitor, setting: Setting) -> list[tuple[str, Series, list[Expected]]]:
    if not wakes(monitor):
        return []
    every, row, told = interval_of(monitor), row_of(monitor, setting), _Told(monitor, setting)
    runs = PASS * 8 + FAIL * row + PASS * 2
    pair = pairs_named(monitor.options)[-1]
    last, name = (
        (8 + row - 1) * every,
        f'assay_drift_pair_severity{{environment="{setting.environment}",pair="{pair}"}}',
    )

    def story(level: float) -> Series:
        levels = [level if run == FAIL else 0.0 for run in runs for _ in range(SCRAPES)]
        return {**told.of(runs), name: list(levels)}

    fires = [("AssayDriftGrave", last + 0.25 * every, 1), ("AssayDriftGrave", last + 1.75 * every, 0)]
    ticket = [("AssayDriftGrave", last + 0.25 * every, 0), ("AssayMonitorFailing", last + 0.25 * every, 1)]
    return [
        ("what differs reaches the limits of a page", story(3.0), fires),
        ("what differs is a ticket: nobody is woken", story(2.0), ticket),
    ]


def test_file(rule_files: Sequence[str], cases: Sequence[Case], every_s: float) -> dict[str, Any]:
    """Return the content of one file for `promtool test rules`."""
    return {
        "rule_files": list(rule_files),
        "evaluation_interval": span_text(every_s),
        "tests": [_test(case) for case in cases],
    }


def _test(case: Case) -> dict[str, Any]:
    series = [{"series": name, "values": notation(values)} for name, values in case.series.items()]
    firing = []
    for alert, at, count in case.expected:
        name, _, speed = alert.partition("/")
        which = f'alertname="{name}",alertstate="firing"' + (f',speed="{speed}"' if speed else "")
        samples = {"exp_samples": [{"labels": "{}", "value": count}]} if count else {}
        firing.append({"expr": f"count(ALERTS{{{which}}})", "eval_time": span_text(at), **samples})
    return {"name": case.name, "interval": span_text(case.step_s), "input_series": series, "promql_expr_test": firing}


def notation(values: Sequence[float | None]) -> str:
    """Write values as promtool reads them, even steps drawn together: ``0+1x7 7x3 _``."""
    parts, at = [], 0
    while at < len(values):
        first = values[at]
        if first is None:
            gap = sum(1 for _ in itertools.takewhile(lambda each: each is None, values[at:]))
            parts.append(f"_x{gap}" if gap > 1 else "_")
            at += gap
            continue
        second = values[at + 1] if at + 1 < len(values) else None
        if second is None:
            parts.append(f"{first:g}")
            at += 1
            continue
        step, steps = second - first, 1
        while at + steps + 1 < len(values):
            here, there = values[at + steps], values[at + steps + 1]
            if here is None or there is None or there - here != step:
                break
            steps += 1
        parts.append(f"{first:.10g}x{steps}" if step == 0 else f"{first:.10g}{step:+.10g}x{steps}")
        at += steps + 1
    return " ".join(parts)
