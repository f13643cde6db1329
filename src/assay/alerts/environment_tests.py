"""Unit tests of an environment's rules for ``promtool test rules``: one figure wrong, one alert with its words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.alerts.environment_rules import oldest_rate_s
from assay.alerts.rules import Rule, Setting
from assay.alerts.rules_tests import notation
from assay.monitor import Monitor
from assay.span import span_text

_STEP_S = 120.0
_LENGTH = 60
_A, _B = 'job="assay",instance="a"', 'job="assay",instance="b"'
_PLACE = re.compile(r"{{ *\$labels\.(\w+) *}}")
_VALUE = re.compile(r"{{ *\$value[^}]*}}")
Series = dict[str, Sequence[float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What makes one alert fire, what keeps it silent, and the labels and the figure that its words then hold."""

    wrong: Series
    right: Sequence[Series]
    labels: Mapping[str, str] = field(default_factory=dict)
    value: str = ""
    at_s: float = 5400.0


def environment_tests(monitors: Sequence[Monitor], setting: Setting, rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """Return the tests of an environment's rules, two or more for each; `KeyError` for an alert that nobody tests."""
    told = {**_of_checks(monitors, setting), **_of_process(setting)}
    tests = []
    for rule in rules:
        name = rule["alert"]
        each = told[name]
        labels = {**each.labels, **rule["labels"]}
        words = {key: _rendered(text, labels, each.value) for key, text in rule["annotations"].items()}
        firing = [{"exp_labels": labels, "exp_annotations": words}]
        tests.append(_test(f"{name} fires", each.wrong, name, each.at_s, firing))
        tests += [_test(f"{name} is silent", series, name, each.at_s, []) for series in each.right]
    return tests


def _test(name: str, series: Series, alert: str, at_s: float, firing: list[dict[str, Any]]) -> dict[str, Any]:
    inputs = [{"series": each, "values": notation(values)} for each, values in series.items()]
    return {
        "name": name,
        "interval": span_text(_STEP_S),
        "input_series": inputs,
        "alert_rule_test": [{"eval_time": span_text(at_s), "alertname": alert, "exp_alerts": firing}],
    }


def _rendered(text: str, labels: Mapping[str, str], value: str) -> str:
    return _VALUE.sub(value, _PLACE.sub(lambda found: labels[found[1]], text))


def _flat(value: float) -> list[float | None]:
    return [value] * _LENGTH


def _of_checks(monitors: Sequence[Monitor], setting: Setting) -> dict[str, _Told]:
    """Each figure wrong at the process that ran the check last; right there, though another still shows what was."""
    where, policies = setting.environment, setting.policies
    oldest = oldest_rate_s(setting)
    held = policies.stock.reservation_ttl_s or 0.0
    found = {}
    for alert, check, metric, more, bad, good, value in (
        ("AssayCensusMissing", "order_census", "census_missing", {"system": "erp"}, 3, 0, "3"),
        ("AssayCensusDuplicate", "order_census", "census_duplicate", {"system": "erp"}, 2, 0, "2"),
        ("AssayStockDrift", "stock", "stock_delta_units", {"sku_class": "stocked"}, -4, 0, "-4"),
        ("AssayTrackingUnmapped", "parcels", "tracking_unmapped", {}, 1, 0, "1"),
        ("AssayShipAfterCancel", "parcels", "ship_after_cancel", {}, 1, 0, "1"),
        ("AssayRateStale", "rates", "rate_age_seconds", {}, oldest + 90, oldest - 90, _lasting(oldest + 90)),
        ("AssayRateDeviation", "rates", "rate_deviation_ratio", {"pair": "EUR/JPY"}, -0.25, -0.001, "25%"),
        ("AssayReservationStale", "stock", "reservation_age_seconds", {}, 2 * held + 60, held, _lasting(2 * held + 60)),
        ("AssayHookSlow", "hooks", "hook_ack_seconds", {"system": "stripe"}, 8, 2, "8s"),
    ):
        maker = next((each for each in monitors if each.check == check), None)
        if maker is None:
            continue
        labels = {"environment": where, **more}
        figure = ",".join(f'{key}="{text}"' for key, text in labels.items())
        name = f"assay_drift_{metric}"
        run = f'assay_probe_last_run_timestamp_seconds{{environment="{where}",monitor="{maker.name}"'
        ran: Series = {f"{run},{_A}}}": _flat(1000.0), f"{run},{_B}}}": _flat(2000.0)}
        found[alert] = _Told(
            wrong={**ran, f"{name}{{{figure},{_A}}}": _flat(good), f"{name}{{{figure},{_B}}}": _flat(bad)},
            right=[
                {**ran, f"{name}{{{figure},{_A}}}": _flat(bad), f"{name}{{{figure},{_B}}}": _flat(good)},
                {f"{run},{_A}}}": _flat(1000.0), f"{name}{{{figure},{_A}}}": _flat(good)},
            ],
            labels=labels,
            value=value,
        )
    return found


def _of_process(setting: Setting) -> dict[str, _Told]:
    where = f'environment="{setting.environment}"'
    here = {"environment": setting.environment}
    process = {"job": "assay", "instance": "a"}
    known = f'assay_monitor_interval_seconds{{{where},monitor="m",{_A}}}'
    switch = f"assay_kill_switch{{{where},{_A}}}"
    refused = f'assay_probes_total{{{where},monitor="m",location="default",result="refused",{_A}}}'
    store, waiting = f"assay_store_up{{{_A}}}", f"assay_backlog_probes{{{_A}}}"
    soon = f'assay_probe_lateness_seconds_bucket{{{where},le="5.0",{_A}}}'
    count = f"assay_probe_lateness_seconds_count{{{where},{_A}}}"
    rising: Sequence[float | None] = [float(each) for each in range(_LENGTH)]
    once: Sequence[float | None] = [None] * 40 + [1.0] * 20
    edge = f"assay_edge_up{{{where},{_A}}}"
    return {
        "AssayUndoLeak": _gauge(f"assay_undo_leaks{{{where},{_A}}}", 2, 0, here, "2"),
        "AssayUndoOpen": _gauge(f"assay_undo_open{{{where},{_A}}}", 1, 0, here, "1"),
        "AssayKillSwitchOn": _gauge(switch, 1, 0, here),
        "AssayRunsRefused": _Told(
            wrong={refused: rising, switch: _flat(0)},
            right=[{refused: rising, switch: _flat(1)}, {refused: _flat(3), switch: _flat(0)}],
            labels=here,
            value="30",
        ),
        "AssayDown": _Told(wrong={}, right=[{known: _flat(60)}], labels=here),
        "AssayProcessDown": _gauge(f"up{{{_A}}}", 0, 1, process),
        "AssayAlertUndeliverable": _gauge(f"assay_alerts_undeliverable{{{_A}}}", 1, 0, process, "1"),
        "AssayStoreDown": _gauge(store, 0, 1, process),
        "AssayBacklog": _Told(
            wrong={store: _flat(1), waiting: _flat(40)},
            right=[{store: _flat(0), waiting: _flat(40)}, {store: _flat(1), waiting: _flat(0)}],
            labels=process,
            value="40",
        ),
        "AssayConfigurationWrong": _gauge(
            f'assay_probe_success{{{where},monitor="assay_configuration",location="default",{_A}}}',
            0,
            1,
            {**here, **process, "monitor": "assay_configuration", "location": "default"},
        ),
        "AssayMonitorStuck": _Told(
            wrong={f'assay_monitor_stuck_total{{{where},monitor="m",{_A}}}': once},
            right=[{f'assay_monitor_stuck_total{{{where},monitor="m",{_A}}}': _flat(2)}],
            labels={**here, **process, "monitor": "m"},
        ),
        "AssayClockJumped": _Told(
            wrong={f"assay_clock_jumps_total{{{_A}}}": [0.0] * 40 + [1.0] * 20},
            right=[{f"assay_clock_jumps_total{{{_A}}}": _flat(1)}],
            labels=process,
        ),
        "AssayEdgeDown": _gauge(edge, 0, 1, {**here, **process}),
        "AssayRunsLate": _Told(
            wrong={soon: [each * 0.5 for each in range(_LENGTH)], count: rising},
            right=[{soon: rising, count: rising}],
            labels=here,
            value="50%",
        ),
    }


def _gauge(name: str, bad: float, good: float, labels: Mapping[str, str], value: str = "") -> _Told:
    return _Told(wrong={name: _flat(bad)}, right=[{name: _flat(good)}], labels=labels, value=value)


def _lasting(seconds: float) -> str:
    """Write seconds as Prometheus's humanizeDuration does from one minute on."""
    whole = int(seconds)
    parts = ((whole // 86_400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "m"), (whole % 60, "s"))
    first = next((at for at, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count}{unit}" for count, unit in parts[first:])
