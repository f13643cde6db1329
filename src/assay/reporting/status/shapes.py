"""What the API answers with, as plain values; their schemas stand in `assay.reporting.status.openapi`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assay.money import Money
from assay.reporting.status.charts import Bucket
from assay.reporting.status.findings import Group
from assay.reporting.status.reading import Reading, SilenceLine
from assay.reporting.status.rows import Row, counts_of
from assay.reporting.status.runs import Fault, Run
from assay.reporting.status.source import AlertLine, KillSwitch

if TYPE_CHECKING:
    from assay.store import StoredIntent
    from assay.store.alerts import Delivery

Shape = dict[str, Any]


def environment(reading: Reading, rows: Sequence[Row]) -> Shape:
    """Return the environment and how the process that watches it is."""
    source = reading.source
    return {
        "name": source.environment,
        "location": source.location,
        "started_at": instant(source.started_at),
        "now": instant(reading.now),
        "monitors": dict(counts_of(rows)),
        "problems": list(source.problems()),
        "store_away_since": instant(reading.away_since),
        "kill_switch": source.kill_switch().on,
    }


def monitor(row: Row) -> Shape:
    """Return one monitor now, and what it is declared as (null where no file declares it)."""
    declared = row.monitor
    return {
        "name": row.name,
        "title": row.title,
        "state": row.state,
        "since": instant(row.since),
        "severity": row.severity,
        "told": row.told,
        "flapping": row.flapping,
        "quiet": row.quiet,
        "suppressed_by": row.suppressed_by or None,
        "summary": row.summary,
        "next_due": instant(row.next_due),
        "last_run": run(row.run) if row.run else None,
        "declared": {
            "owner": declared.owner,
            "runs": declared.subject,
            "interval_s": declared.interval_s,
            "cron": declared.cron,
            "timeout_s": declared.timeout_s,
            "location": declared.location,
            "systems": list(declared.systems),
            "customers": declared.customers,
            "runbook": declared.runbook,
            "availability": declared.objective.availability,
            "latency_s": declared.objective.latency_s,
        }
        if declared
        else None,
    }


def run(each: Run) -> Shape:
    """Return one run."""
    return {
        "monitor": each.monitor,
        "result": str(each.result),
        "due_at": instant(each.due_at),
        "location": each.location,
        "delay_s": each.delay_s,
        "took_s": each.took_s,
        "findings": [fault(one) for one in each.faults],
        "steps": [{"name": step.name, "seconds": step.seconds, "error": step.error or None} for step in each.steps],
        "trouble": list(each.trouble),
        "unreachable": list(each.unreachable),
        "orders": list(each.orders),
        "measures": [{"name": m.name, "value": m.value, "labels": dict(m.labels)} for m in each.measures],
        "stack": each.stack or None,
        "run_id": each.run_id or None,
        "trace_id": each.trace_id or None,
    }


def fault(each: Fault) -> Shape:
    """Return one finding."""
    return {
        "oracle": each.oracle,
        "order": each.order,
        "systems": list(each.systems),
        "expected": each.expected,
        "seen": each.seen,
        "formula": each.formula,
        "cause": each.cause,
        "at_risk": money(each.at_risk) if each.at_risk else None,
        "evidence": list(each.evidence),
    }


def group(each: Group) -> Shape:
    """Return one kind of finding of one monitor."""
    return {
        "monitor": each.monitor,
        "finding": fault(each.fault),
        "count": each.count,
        "first": instant(each.first),
        "last": instant(each.last),
        "is_open": each.is_open,
        "at_risk": [money(one) for one in each.at_risk],
        "orders": list(each.orders),
        "more_orders": each.more_orders,
    }


def bucket(each: Bucket) -> Shape:
    """Return one bar of a span."""
    return {
        "start": instant(each.start),
        "end": instant(each.end),
        "passed": each.passed,
        "failed": each.failed,
        "unjudged": each.unjudged,
        "p50_s": each.p50,
        "p95_s": each.p95,
        "slowest_s": each.slowest,
    }


def alert(line: AlertLine) -> Shape:
    """Return one alert."""
    return {
        "name": line.name,
        "monitor": line.monitor,
        "state": line.state,
        "since": instant(line.since),
        "severity": line.severity,
        "told": line.told,
        "flapping": line.flapping,
        "suppressed_by": line.suppressed_by,
        "children": list(line.children),
        "quiet": line.quiet,
        "summary": line.summary,
    }


def delivery(each: Delivery) -> Shape:
    """Return one message to one route, without its text."""
    return {
        "number": each.number,
        "alert": each.alert,
        "route": each.route,
        "kind": each.kind,
        "subject": str(each.message.get("subject", "")),
        "state": each.state,
        "tries": each.tries,
        "created_at": instant(each.created_at),
        "next_at": instant(each.next_at),
        "said": each.said,
    }


def silence(line: SilenceLine) -> Shape:
    """Return one silence."""
    return {
        "number": line.number,
        "monitors": list(line.monitors),
        "reason": line.reason,
        "by": line.by,
        "created_at": instant(line.created_at),
        "until": instant(line.until),
    }


def intent(each: StoredIntent) -> Shape:
    """Return one thing that is still to be undone, or cannot be."""
    return {
        "number": each.number,
        "state": each.state,
        "system": each.system,
        "kind": each.kind,
        "ref": each.ref,
        "marker": each.marker,
        "verb": each.verb,
        "run_id": each.run_id,
        "created_at": instant(each.created_at),
        "note": each.note,
    }


def kill_switch(switch: KillSwitch) -> Shape:
    """Return the kill switch."""
    return {"on": switch.on, "where": switch.where, "can_change": switch.can_change}


def money(amount: Money) -> Shape:
    """Return an amount: exact as text, and in minor units."""
    return {"amount": f"{amount.amount:f}", "minor": amount.minor, "currency": amount.currency}


def instant(at: datetime | None) -> str | None:
    """Return an instant of RFC 3339 in UTC."""
    return at.isoformat().replace("+00:00", "Z") if at else None
