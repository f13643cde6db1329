"""Runs and outcomes as rows, there and back again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from assay.events import Exchange, Finding, Outcome, Result, RunFinished, RunStarted, StepDone
from assay.money import Money
from assay.store import schema
from assay.store.database import Database
from assay.store.schema import at, storable, us

_RUN = ("runner", "view", "seed", "commit", "version", "planned")
_OUTCOME = (
    "run_id", "flow", "case", "title", "tags", "runner", "seed", "seconds", "trace_id", "retries", "undo", "order_refs",
)  # fmt: skip
_STEP = ("name", "seconds", "error", "soft", "code")
_FINDING = ("oracle", "result", "order_ref", "systems", "expected", "seen", "formula", "cause", "reason", "evidence")
_EXCHANGE = (
    "system", "method", "url", "request_headers", "request_body", "status", "response_headers", "response_body",
    "seconds", "trace_id", "error",
)  # fmt: skip
_GONE = sa.delete(schema.outcomes).where(schema.outcomes.c.id == sa.bindparam("gone"))


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as it began, and as it ended; None for one that still runs or broke off."""

    started: RunStarted
    finished: RunFinished | None


def keep(database: Database, environment: str, event: RunStarted | Outcome | RunFinished) -> None:
    """Write one event, all or nothing; the same run or outcome told again replaces what was kept."""
    with database.writing() as connection:
        if isinstance(event, Outcome):
            _keep_outcome(connection, environment, event)
        elif isinstance(event, RunStarted):
            connection.execute(sa.delete(schema.runs).where(schema.runs.c.id == event.run_id))
            row: dict[str, Any] = {"id": event.run_id, "environment": event.environment or environment, "trouble": []}
            row |= {"started_us": us(event.started_at), **_fields(event, _RUN)}
            connection.execute(sa.insert(schema.runs).values(**row))
        else:
            end: dict[str, Any] = {"finished_us": us(event.finished_at), "exit_code": event.exit_code}
            end["trouble"] = storable(event.trouble)
            connection.execute(sa.update(schema.runs).where(schema.runs.c.id == event.run_id).values(**end))


def runs(database: Database, environment: str, limit: int) -> list[StoredRun]:
    """Return the last runs, the latest first."""
    query = sa.select(schema.runs).where(schema.runs.c.environment == environment)
    query = query.order_by(schema.runs.c.started_us.desc(), schema.runs.c.id).limit(limit)
    with database.reading() as connection:
        return [_run(row) for row in connection.execute(query).mappings()]


def outcomes(database: Database, run_id: str) -> list[Outcome]:
    """Return the outcomes of a run in the order they began."""
    query = sa.select(schema.outcomes).where(schema.outcomes.c.run_id == run_id)
    query = query.order_by(schema.outcomes.c.started_us, schema.outcomes.c.id)
    with database.reading() as connection:
        rows = connection.execute(query).mappings().all()
        steps = _parts(connection, schema.steps, run_id, _step)
        findings = _parts(connection, schema.findings, run_id, _finding)
        exchanges = _parts(connection, schema.exchanges, run_id, _exchange)
    return [_outcome(row, steps[row["id"]], findings[row["id"]], exchanges[row["id"]]) for row in rows]


def last_evaluated(database: Database, environment: str, before: str | None) -> frozenset[str]:
    """Return the oracles that reached a verdict in the last finished run, or in the last before that run."""
    table = schema.runs
    finished = sa.select(table.c.id).where(table.c.environment == environment, table.c.finished_us.is_not(None))
    if before is not None:
        began = sa.select(table.c.started_us).where(table.c.id == before).scalar_subquery()
        finished = finished.where(table.c.id != before, sa.or_(began.is_(None), table.c.started_us <= began))
    last = finished.order_by(table.c.started_us.desc()).limit(1).scalar_subquery()
    verdicts = (
        sa.select(schema.findings.c.oracle)
        .join(schema.outcomes, schema.outcomes.c.id == schema.findings.c.outcome_id)
        .where(schema.outcomes.c.run_id == last, schema.findings.c.result != Result.NOT_EVALUATED.value)
        .distinct()
    )
    with database.reading() as connection:
        return frozenset(connection.scalars(verdicts))


def _keep_outcome(connection: sa.Connection, environment: str, outcome: Outcome) -> None:
    if connection.execute(_GONE, {"gone": outcome.id}).rowcount:  # told again: what it had goes with it
        for part in schema.PARTS:
            connection.execute(sa.delete(part).where(part.c.outcome_id == outcome.id))
    row = {"id": outcome.id, "environment": outcome.environment or environment, "failed": outcome.failed}
    row |= {"started_us": us(outcome.started_at) if outcome.started_at else None, **_fields(outcome, _OUTCOME)}
    row["shown"] = [[order, place, amount.minor, amount.currency] for order, place, amount in outcome.shown]
    connection.execute(sa.insert(schema.outcomes), row)
    parts: list[tuple[sa.Table, list[dict[str, Any]]]] = [
        (schema.steps, [{"started_us": us(each.started_at), **_fields(each, _STEP)} for each in outcome.steps]),
        (schema.findings, [{**_at_risk(each), **_fields(each, _FINDING)} for each in outcome.findings]),
        (
            schema.exchanges,
            [{"started_us": us(each.started_at), **_fields(each, _EXCHANGE)} for each in outcome.exchanges],
        ),
    ]
    for table, rows in parts:
        if rows:
            numbered = [{"outcome_id": outcome.id, "position": position, **row} for position, row in enumerate(rows)]
            connection.execute(sa.insert(table), numbered)


def _fields(record: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: storable(getattr(record, name)) for name in names}


def _at_risk(finding: Finding) -> dict[str, Any]:
    amount = finding.at_risk
    return {
        "at_risk_minor": amount.minor if amount else None,
        "at_risk_currency": amount.currency if amount else None,
    }


def _parts(
    connection: sa.Connection, table: sa.Table, run_id: str, read: Callable[[sa.RowMapping], Any]
) -> defaultdict[str, list[Any]]:
    """Return the parts of a run's outcomes by outcome, in their order."""
    mine = sa.select(schema.outcomes.c.id).where(schema.outcomes.c.run_id == run_id)
    query = sa.select(table).where(table.c.outcome_id.in_(mine)).order_by(table.c.outcome_id, table.c.position)
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        found[row["outcome_id"]].append(read(row))
    return found


def _run(row: sa.RowMapping) -> StoredRun:
    started = RunStarted(
        run_id=row["id"],
        environment=row["environment"],
        started_at=at(row["started_us"]),
        **{name: row[name] for name in _RUN},
    )
    if row["finished_us"] is None:
        return StoredRun(started, None)
    ended = RunFinished(
        run_id=row["id"],
        finished_at=at(row["finished_us"]),
        exit_code=row["exit_code"],
        trouble=tuple(row["trouble"]),
    )
    return StoredRun(started, ended)


def _outcome(row: sa.RowMapping, steps: list[StepDone], findings: list[Finding], exchanges: list[Exchange]) -> Outcome:
    fields = {name: row[name] for name in _OUTCOME}
    fields |= {name: tuple(fields[name]) for name in ("tags", "order_refs")}
    return Outcome(
        id=row["id"],
        environment=row["environment"],
        started_at=None if row["started_us"] is None else at(row["started_us"]),
        steps=tuple(steps),
        findings=tuple(findings),
        exchanges=tuple(exchanges),
        shown=tuple((order, place, Money(minor, currency)) for order, place, minor, currency in row["shown"]),
        **fields,
    )


def _step(row: sa.RowMapping) -> StepDone:
    return StepDone(started_at=at(row["started_us"]), **{name: row[name] for name in _STEP})


def _finding(row: sa.RowMapping) -> Finding:
    fields = {name: row[name] for name in _FINDING}
    fields |= {"result": Result(fields["result"])}
    fields |= {name: tuple(fields[name]) for name in ("systems", "evidence")}
    minor = row["at_risk_minor"]
    return Finding(at_risk=None if minor is None else Money(minor, row["at_risk_currency"]), **fields)


def _exchange(row: sa.RowMapping) -> Exchange:
    return Exchange(started_at=at(row["started_us"]), **{name: row[name] for name in _EXCHANGE})
