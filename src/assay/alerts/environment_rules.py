"""Prometheus rules of an environment as a whole: what its checks measured, what was left behind, and Assay itself.

A check's figure is a gauge of the process that ran it last. Where several processes take turns each keeps what it read,
so a rule asks only the one whose run was the latest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.alerts.rules import Rule, Setting, bucket_above, le
from assay.monitor import Monitor, Severity
from assay.span import seconds_of, span_text
from assay.suite_monitors import interval_of

_LATE_S, _LATE_SHARE = 5.0, 0.99
_DEVIATION = 0.05
"""Further than rates move within the days for which an old one may be used."""
_HOLIDAYS_S = 5 * 86_400.0
"""Between Thursday and Tuesday of Easter no rate is published."""
_LONGEST_WAIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class _Drift:
    """One figure of a check: when it is wrong, and in which words."""

    alert: str
    check: str
    metric: str
    wrong: str
    summary: str
    description: str
    severity: Severity | None = None


_DRIFTS = (
    _Drift(
        "AssayCensusMissing", "order_census", "assay_drift_census_missing", "> 0",
        "{{ $value }} orders are missing in {{ $labels.system }} of {{ $labels.environment }}",
        "The census of a closed window found orders of the shop that {{ $labels.system }} does not hold, and found "
        "them missing again on a second look. Customers may have paid for what nobody will send.",
    ),
    _Drift(
        "AssayCensusDuplicate", "order_census", "assay_drift_census_duplicate", "> 0",
        "{{ $value }} orders stand twice in {{ $labels.system }} of {{ $labels.environment }}",
        "The census found more than one record of the same order. Customers may be charged twice or sent two parcels.",
    ),
    _Drift(
        "AssayStockDrift", "stock", "assay_drift_stock_delta_units", "!= 0",
        "Stock of {{ $labels.sku_class }} differs by {{ $value }} units in {{ $labels.environment }}",
        "The shop offers another number of units than the system of record holds. Above zero it sells what is not "
        "there.",
    ),
    _Drift(
        "AssayTrackingUnmapped", "parcels", "assay_drift_tracking_unmapped", "> 0",
        "{{ $value }} parcels of {{ $labels.environment }} have a state of the carrier that the shop does not know",
        "Customers of these parcels see no progress, or a wrong one.",
    ),
    _Drift(
        "AssayShipAfterCancel", "parcels", "assay_drift_ship_after_cancel", "> 0",
        "{{ $value }} cancelled orders of {{ $labels.environment }} were sent all the same",
        "Goods have left for orders that were cancelled and refunded. Stop the parcels with the carrier.",
    ),
)  # fmt: skip


def environment_group(monitors: Sequence[Monitor], setting: Setting) -> Mapping[str, Any]:
    """Return the group of rules that concern the environment and not one monitor."""
    rules = [*_drift(monitors, setting), *_left_behind(setting), *_itself(setting)]
    return {"name": f"assay-{setting.environment}", "rules": rules}


def _alert(
    name: str,
    setting: Setting,
    expr: str,
    severity: str,
    summary: str,
    description: str,
    lasts: str | None = None,
    runbook: str | None = None,
) -> Rule:
    # Some figures are of the process and know no environment: whoever is woken needs it all the same.
    place = {"severity": severity, "environment": setting.environment}
    texts = {"summary": summary, "description": description, "runbook_url": setting.runbook(runbook or f"{name}.md")}
    if setting.public_url:
        texts["status_page"] = setting.public_url
    return {"alert": name, "expr": expr, **({"for": lasts} if lasts else {}), "labels": place, "annotations": texts}


def _drift(monitors: Sequence[Monitor], setting: Setting) -> Iterator[Rule]:
    by_check: dict[str, list[Monitor]] = {}
    for monitor in monitors:
        by_check.setdefault(monitor.check or "", []).append(monitor)
    for drift in (*_DRIFTS, *_by_policy(setting), *_hooks(by_check.get("hooks", ()))):
        makers = by_check.get(drift.check)
        if makers:
            figure = f'{drift.metric}{{environment="{setting.environment}"}}'
            figure = f"{f'abs({figure})' if 'deviation' in drift.metric else figure} {drift.wrong}"
            expr = f"max without (job, instance) (\n{figure}\n{_latest(makers, setting)}\n)"
            severity = drift.severity or _gravest(makers)
            said = (drift.summary, drift.description)
            # Seen by two runs: what is on its way from one system to another looks wrong to one.
            lasts = span_text(min(1.5 * max(map(interval_of, makers)), _LONGEST_WAIT_S))
            yield _alert(drift.alert, setting, expr, severity, *said, lasts, makers[0].runbook)


def _by_policy(setting: Setting) -> Iterator[_Drift]:
    policies = setting.policies
    oldest_s = oldest_rate_s(setting)
    yield _Drift(
        "AssayRateStale", "rates", "assay_drift_rate_age_seconds", f"> {oldest_s:g}",
        "The exchange rates of {{ $labels.environment }} are {{ $value | humanizeDuration }} old",
        f"Prices in other currencies are made from rates older than {span_text(oldest_s)}, which the profile allows.",
    )  # fmt: skip
    yield _Drift(
        "AssayRateDeviation", "rates", "assay_drift_rate_deviation_ratio", f"> {_DEVIATION:g}",
        "The shop's rate {{ $labels.pair }} is {{ $value | humanizePercentage }} away from the published one",
        "Every order in that currency is priced wrongly by that share; a rate that is inverted or a hundredfold shows "
        "here too.",
    )  # fmt: skip
    held_s = policies.stock.reservation_ttl_s
    if held_s is not None:
        yield _Drift(
            "AssayReservationStale", "stock", "assay_drift_reservation_age_seconds", f"> {2 * held_s:g}",
            "Units of {{ $labels.environment }} are held without an order for {{ $value | humanizeDuration }}",
            f"The profile lets a reservation stand for {span_text(held_s)}; these units cannot be sold.",
        )  # fmt: skip


def oldest_rate_s(setting: Setting) -> float:
    """Return how old a rate may be: what the profile says, else its freshness and the longest holidays."""
    days = setting.policies.rates.max_age_days
    return days * 86_400 if days is not None else setting.policies.freshness.rates + _HOLIDAYS_S


def _hooks(makers: Sequence[Monitor]) -> Iterator[_Drift]:
    if not makers:
        return
    yield _Drift(
        "AssayHookSlow", "hooks", "assay_drift_hook_ack_seconds", f"> {seconds_of(makers[0].options.get('ack', 5)):g}",
        "Webhooks of {{ $labels.system }} wait {{ $value | humanizeDuration }} for {{ $labels.environment }} to answer",
        "The vendor gives up on slow answers and delivers later or never: paid orders stay open.",
        "ticket",
    )  # fmt: skip


def _latest(makers: Sequence[Monitor], setting: Setting) -> str:
    """Return the condition that it is the figure of the process which ran the check last."""
    names = "|".join(sorted(each.name for each in makers))
    last = f'assay_probe_last_run_timestamp_seconds{{environment="{setting.environment}",monitor=~"{names}"}}'
    by = "by (environment, job, instance)"
    newest = f"max by (environment) ({last})"
    return f"and on (environment, job, instance)\n(max {by} ({last}) == on (environment) group_left () {newest})"


def _gravest(makers: Sequence[Monitor]) -> str:
    return min((each.alert.severity for each in makers), key=("page", "ticket", "info").index)


def _left_behind(setting: Setting) -> Iterator[Rule]:
    where = f'{{environment="{setting.environment}"}}'
    yield _alert(
        "AssayUndoLeak", setting, f"max by (environment) (assay_undo_leaks{where}) > 0",
        "page" if setting.production else "ticket",
        "{{ $value }} synthetic orders of {{ $labels.environment }} could not be taken back",
        "They stand in the shop's systems as if customers had placed them: somebody may pick, send or book them. "
        f"Ask again: assay sweep --env {setting.environment}",
        runbook="assay_undo.md",
    )  # fmt: skip
    yield _alert(
        "AssayUndoOpen", setting, f"max by (environment) (assay_undo_open{where}) > 0", "ticket",
        "{{ $value }} things that runs created in {{ $labels.environment }} wait for an hour to be taken back",
        "The sweep of the running process has not come to them, or fails each time. "
        f"Ask it by hand: assay sweep --env {setting.environment}",
        "1h",
    )  # fmt: skip
    yield _alert(
        "AssayKillSwitchOn", setting, f"max by (environment) (assay_kill_switch{where}) == 1", "ticket",
        "The kill switch of {{ $labels.environment }} has been on for an hour",
        "No synthetic order is placed while it is on: nobody watches the checkout. Was it left on?",
        "1h",
    )  # fmt: skip
    runs = f'assay_probes_total{{environment="{setting.environment}",result="refused"}}'
    refused = f"sum by (environment) (increase({runs}[1h]))"
    switched = f"max by (environment) (assay_kill_switch{where}) == 1"
    yield _alert(
        "AssayRunsRefused", setting, f"{refused} > 1.5\nunless on (environment)\n{switched}", "ticket",
        "{{ $value | humanize }} runs were refused for safety in {{ $labels.environment }} within an hour",
        "A budget is used up, an allow list does not hold what a monitor buys, or another holds the environment.",
        "10m",
        runbook="safety_refused.md",
    )  # fmt: skip


def _itself(setting: Setting) -> Iterator[Rule]:
    environment = setting.environment
    yield _alert(
        "AssayDown", setting, f'absent(assay_monitor_interval_seconds{{environment="{environment}"}})', "page",
        f"Nobody watches {environment}: no process of `assay monitor` is seen",
        "Prometheus has had no monitor of this environment for five minutes: the processes are down, or not scraped.",
        "5m",
    )  # fmt: skip
    yield _alert(
        "AssayProcessDown", setting, 'up{job="assay"} == 0', "ticket",
        "A process of `assay monitor` at {{ $labels.instance }} does not answer",
        "Another one may have taken its monitors over; with one down there is none in reserve.",
        "5m",
    )  # fmt: skip
    yield _alert(
        "AssayAlertUndeliverable", setting, "assay_alerts_undeliverable > 0", "page",
        "{{ $value }} alerts of Assay reach nobody",
        "A route of the built-in alerts refuses or does not answer; what it should have told is on the status page. "
        f"Try the routes: assay alerts test MONITOR --env {environment}",
        "5m",
    )  # fmt: skip
    yield _alert(
        "AssayStoreDown", setting, "assay_store_up == 0", "ticket",
        "Assay's store is away: checks go on, results wait on disk, no synthetic order is placed by a shared process",
        "The database does not answer or the disk is full.",
        "5m",
    )  # fmt: skip
    yield _alert(
        "AssayBacklog", setting, "assay_backlog_probes > 0 and on (job, instance) assay_store_up == 1", "ticket",
        "{{ $value }} results wait to be written to the store, which answers",
        "They were kept while the store was away and should have been written within minutes.",
        "15m",
    )  # fmt: skip
    reading = f'assay_probe_success{{environment="{environment}",monitor="assay_configuration"}} == 0'
    yield _alert(
        "AssayConfigurationWrong", setting, reading, "ticket",
        "A changed file of monitors is wrong: {{ $labels.instance }} goes on with the monitors it had",
        "What was meant by the change is not watched. The page of assay_configuration says which line is wrong; "
        f"so does: assay rules --env {environment} --check",
        runbook="assay_configuration.md",
    )  # fmt: skip
    yield _alert(
        "AssayMonitorStuck", setting, _grown(f'assay_monitor_stuck_total{{environment="{environment}"}}', "30m"),
        "ticket",
        "{{ $labels.monitor }} hangs: a run was still going long after its time",
        "Its slot was replaced, after three the process starts anew. The run's stack is on the monitor's page.",
    )  # fmt: skip
    yield _alert(
        "AssayClockJumped", setting, _grown("assay_clock_jumps_total", "30m"), "ticket",
        "The clock of the machine at {{ $labels.instance }} jumped",
        "Runs were left out or moved. Is time synchronised there?",
    )  # fmt: skip
    yield _alert(
        "AssayEdgeDown", setting, f'assay_edge_up{{environment="{environment}"}} == 0', "ticket",
        "The edge of {{ $labels.environment }} does not answer",
        "What the platform sends to its vendors passes it: with it down nothing is placed and no journal is written. "
        f"Mend it: assay up --env {environment}",
        "2m",
    )  # fmt: skip
    yield from _lateness(setting)


def _lateness(setting: Setting) -> Iterator[Rule]:
    edge = bucket_above(_LATE_S, setting.lateness_buckets)
    if edge is None:
        return
    where, name = f'environment="{setting.environment}"', "assay_probe_lateness_seconds"
    quick = f"sum by (environment) (increase({name}_bucket{{{where},{le(edge)}}}[30m]))"
    started = f"sum by (environment) (increase({name}_count{{{where}}}[30m]))"
    yield _alert(
        "AssayRunsLate", setting,
        f"{quick} / {started} < {_LATE_SHARE:g}\nand\n{started} - {quick} > 4.5", "ticket",
        "Only {{ $value | humanizePercentage }} of the runs in {{ $labels.environment }} "
        f"begin within {edge:g} s",
        "The process has more to do than its workers or its machine can: raise [monitoring] workers, or start a "
        "second one.",
    )  # fmt: skip


def _grown(counter: str, span: str) -> str:
    """Return the condition that a counter grew, also where it was not there before: it is born at one."""
    return f"increase({counter}[{span}]) > 0\nor\n({counter} > 0 unless {counter} offset {span})"
