"""Every family of metrics there is: its name, kind, labels and meaning. ``monitors/README.md`` shows the same table.

Separate from `assay.reporting.metrics` because rules, dashboards and checks name families without counting anything.
Names follow Prometheus's practice: base units, ``_total`` for counters, ``_timestamp_seconds`` for instants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DURATION_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""How long flows and runs take; the latencies that monitors promise are added to those of runs."""
CALL_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LATENESS_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0, 300.0)

OTHER = "other"
"""What stands in a label instead of a value outside its closed set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One family. stands_for: the names by which monitors are specified that it maps to, if any."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ("environment",)
    buckets: tuple[float, ...] = ()
    stands_for: tuple[str, ...] = ()


def _gauge(name: str, labels: str, meaning: str, *stands_for: str) -> Family:
    return Family(name=name, kind="gauge", meaning=meaning, labels=tuple(labels.split()), stands_for=stands_for)


def _counter(name: str, labels: str, meaning: str) -> Family:
    return Family(name=name, kind="counter", meaning=meaning, labels=tuple(labels.split()))


def _histogram(name: str, labels: str, meaning: str, buckets: tuple[float, ...], *stands_for: str) -> Family:
    return Family(
        name=name,
        kind="histogram",
        meaning=meaning,
        labels=tuple(labels.split()),
        buckets=buckets,
        stands_for=stands_for,
    )


_RUNS = (
    _gauge(
        "assay_probe_success",
        "environment monitor location",
        "the last verdict: 1 where its oracles held, 0 where one did not or a step failed; reachability is none",
        "flow_ok",
    ),
    _gauge(
        "assay_probe_judged",
        "environment monitor location",
        "whether the last run reached a verdict at all (1), or was an error, refused, stuck or missed (0)",
    ),
    _counter("assay_probes_total", "environment monitor location result", "runs of a monitor by what they came to"),
    _histogram(
        "assay_probe_duration_seconds",
        "environment monitor flow step",
        "how long runs that reached a verdict took; step is empty for the whole run",
        DURATION_BUCKETS_S,
        "flow_seconds",
    ),
    _histogram(
        "assay_probe_lateness_seconds", "environment", "how long after they were due runs began", LATENESS_BUCKETS_S
    ),
    _gauge(
        "assay_monitor_interval_seconds",
        "environment monitor",
        "the longest time between two due runs of a monitor as it is declared",
    ),
    _gauge(
        "assay_job_last_success_timestamp_seconds",
        "environment monitor",
        "when a monitor last passed, in Unix time",
        "job_last_success",
    ),
    _gauge(
        "assay_probe_last_run_timestamp_seconds",
        "environment monitor",
        "when a monitor last ran, whatever it came to but missed, in Unix time",
    ),
    _counter(
        "assay_findings_total",
        "environment oracle severity system",
        "violations that oracles found, once for each system they name; severity is the monitor's, or its check's",
    ),
    _counter("assay_monitor_stuck_total", "environment monitor", "runs that were given up as stuck"),
    _histogram(
        "assay_edge_call_seconds",
        "environment system",
        "how long systems took to answer the platform's calls, by the edge's journal",
        CALL_BUCKETS_S,
        "histograms per edge",
    ),
)

_DRIFT = (
    _gauge(
        "assay_drift_census_missing",
        "environment system",
        "orders of the closed window that a system lacks",
        "census_missing",
    ),
    _gauge(
        "assay_drift_census_duplicate",
        "environment system",
        "orders of the closed window that a system holds twice",
        "census_duplicate",
    ),
    _gauge("assay_drift_census_orders", "environment", "orders the shop lists in the closed window"),
    _gauge(
        "assay_drift_rate_age_seconds", "environment store", "how old the shop's exchange rates are", "fx_age_seconds"
    ),
    _gauge(
        "assay_drift_rate_deviation_ratio",
        "environment pair store",
        "how far the shop's rate lies from the published one, as a share of it",
        "fx_deviation_ratio",
    ),
    _gauge(
        "assay_drift_stock_delta_units",
        "environment sku_class",
        "units by which stock differs between shop and ERP",
        "stock_delta_units",
    ),
    _gauge(
        "assay_drift_reservation_age_seconds",
        "environment",
        "the age of the oldest open reservation",
        "reservation_age_seconds",
    ),
    _gauge(
        "assay_drift_tracking_unmapped",
        "environment",
        "parcels whose carrier status the shop does not show",
        "tracking_unmapped",
    ),
    _gauge(
        "assay_drift_ship_after_cancel",
        "environment",
        "cancelled orders that were shipped all the same",
        "ship_after_cancel",
    ),
    _gauge(
        "assay_drift_hook_ack_seconds",
        "environment system",
        "how long the slowest acknowledged webhook took",
        "hook_ack_seconds",
    ),
    _gauge(
        "assay_drift_hook_last_delivery_age_seconds",
        "environment system",
        "how long ago a system's last webhook was delivered",
        "hook_last_delivery_age",
    ),
    _gauge(
        "assay_drift_change_age_seconds",
        "environment system",
        "how long ago the last change was that a system shows of the shop's orders",
    ),
    _gauge(
        "assay_drift_money_residual_minor",
        "environment currency",
        "money at risk by the monitors' last verdicts, in minor units of its currency",
        "money_residual_minor",
    ),
    _gauge(
        "assay_drift_price_mismatch",
        "environment",
        "articles priced otherwise in shop and catalogue",
        "price_mismatch",
    ),
    _gauge("assay_drift_set_diff", "environment", "articles that one of shop and catalogue lacks", "set_diff"),
    _gauge(
        "assay_drift_ledger_residual_minor",
        "environment currency",
        "money by which payments, fees and payouts do not add up, in minor units",
        "ledger_residual_minor",
    ),
    _gauge("assay_drift_consent_mismatch", "environment", "customers whose consent differs", "consent_mismatch"),
    _gauge("assay_drift_pii_found", "environment", "places that still hold an erased customer", "pii_found"),
    _gauge("assay_drift_schema_change", "environment kind", "changes of a vendor's answers by kind", "schema_change"),
    _gauge("assay_drift_sunset_days", "environment", "days until the next announced end of an API", "sunset_days"),
    _gauge("assay_drift_score", "environment feature", "how far a distribution has moved", "drift_score"),
    _gauge("assay_drift_pair_records", "environment pair side", "records of a pair's two sides that were compared"),
    _gauge(
        "assay_drift_pair_differences",
        "environment pair class",
        "records that differ, by class; known ones are left out",
    ),
    _gauge("assay_drift_pair_pending", "environment pair", "records that differ and whose time is not over yet"),
    _gauge(
        "assay_drift_pair_at_risk_minor",
        "environment pair currency",
        "what records that differ are worth, in minor units of each currency",
    ),
    _gauge(
        "assay_drift_pair_at_risk_base_minor",
        "environment pair currency",
        "what they are worth together, in minor units of the base currency",
    ),
    _gauge(
        "assay_drift_pair_oldest_age_seconds",
        "environment pair",
        "how long ago the oldest open difference was first found; 0 where none is",
    ),
    _gauge(
        "assay_drift_pair_clean_age_seconds", "environment pair", "how long ago a pair was last without a difference"
    ),
    _gauge(
        "assay_drift_pair_severity",
        "environment pair",
        "how severe what differs is by the monitor's limits: 0 nothing, 1 info, 2 ticket, 3 page",
    ),
)

_PROCESS = (
    _gauge("assay_undo_leaks", "environment", "synthetic objects that could not be taken back"),
    _gauge("assay_undo_open", "environment", "synthetic objects that are still to be taken back"),
    _gauge("assay_alert_state", "environment monitor state", "1 for the state an alert is in, 0 for the others"),
    _counter("assay_alert_deliveries_total", "route result", "messages to a route by what came of them"),
    _gauge("assay_alerts_undeliverable", "", "messages that no try has delivered"),
    _gauge("assay_store_up", "", "whether the store answers: 1 or 0"),
    _gauge("assay_backlog_probes", "", "runs that wait to be written to the store"),
    _counter("assay_clock_jumps_total", "", "jumps of the wall clock against the monotonic one"),
    _gauge("assay_edge_up", "environment", "whether the edge answers: 1 or 0; absent where there is none"),
    _gauge("assay_kill_switch", "environment", "whether the kill switch is on: 1 or 0"),
    _gauge("assay_self_problems", "environment", "reasons for which this process does not call itself healthy"),
    _counter("assay_heartbeats_total", "environment result", "calls of the outside heartbeat by what came of them"),
    _gauge(
        "assay_heartbeat_last_success_timestamp_seconds",
        "environment",
        "when the outside heartbeat last answered, in Unix time",
    ),
    _counter("assay_trace_spans_lost_total", "", "spans that did not reach the collector"),
    _counter(
        "assay_metric_values_refused_total", "family label", "label values outside their closed set, shown as 'other'"
    ),
    _counter("assay_metric_reads_failed_total", "family", "figures that could not be read for a scrape"),
    _gauge("assay_build_info", "version python", "1, with the versions this process runs on"),
)

_FLOWS = (
    _counter("assay_flow_runs_total", "environment flow result", "executions of a flow by what they came to"),
    _gauge("assay_flow_ok", "environment flow", "whether the last execution of a flow passed"),
    _counter("assay_verdicts_total", "environment oracle result", "verdicts of an oracle by result"),
    _histogram("assay_flow_seconds", "environment flow", "how long a flow took", DURATION_BUCKETS_S),
)

FAMILIES: dict[str, Family] = {family.name: family for family in (*_RUNS, *_DRIFT, *_PROCESS, *_FLOWS)}
