"""What production's history costs: a day of 200 monitors replayed into the store, a year on disk, 90 days read again.

    python benchmarks/monitor_store.py                        a file
    python benchmarks/monitor_store.py --url postgresql://…   an empty database

A year is measured by a week: its runs, some bad, as retention leaves them after the week, after VACUUM; the share that
grows with time (summaries, bad runs) is counted up to what is kept, the share that does not (single runs) once.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from assay.events import Finding, Probe, ProbeResult, Result, StepDone
from assay.profile_watch import Monitoring
from assay.store import Store, open_store
from assay.store.probe_rows import ProbeRow, row_of

MONITORS, DAY, MINUTE = 200, timedelta(days=1), timedelta(minutes=1)
SAMPLE = 50
"""So many of them are written for the week; bytes are counted up to all."""
END = datetime(2026, 3, 2, tzinfo=UTC)
BAD_SHARE = 0.003
DAY_LIMIT_S, YEAR_LIMIT_GB, HISTORY_LIMIT_S = 30.0, 2.0, 0.300
KEPT = Monitoring()


def probes(day: datetime, monitors: int = MONITORS) -> Iterator[list[Probe]]:
    """Yield the runs of a day, those of a minute together."""
    draw = random.Random(day.isoformat())
    for minute in range(24 * 60):
        due = day + minute * MINUTE
        yield [probe(number, due + timedelta(seconds=number * 60 / MONITORS), draw) for number in range(monitors)]


def probe(number: int, due: datetime, draw: random.Random) -> Probe:
    """Return a run: of three in a thousand a finding of the usual size."""
    bad = draw.random() < BAD_SHARE
    seconds = draw.lognormvariate(0.3 + number % 7 / 3, 0.25)
    finding = Finding(
        oracle="O-M1",
        result=Result.FAIL,
        order_ref=f"{100000 + minute_of(due)}",
        systems=("merchant", "stripe"),
        expected="the amount captured is the order's total, JPY 8000",
        seen="the amount captured is JPY 800000",
        formula="captured = total",
        cause="minor units: a currency without decimals was taken for one with two",
        evidence=("10:00:00 POST api.stripe.com/v1/payment_intents 200 12 ms",) * 3,
    )
    steps = tuple(StepDone(name=f"step {n}", started_at=due, seconds=seconds / 6) for n in range(6))
    return Probe(
        id=f"{number}-{due}",
        monitor=f"monitor-{number:03d}",
        subject="F01",
        environment="production",
        location="default",
        result=ProbeResult.FAILED if bad else ProbeResult.PASSED,
        due_at=due,
        started_at=due + timedelta(milliseconds=draw.randint(1, 40)),
        seconds=seconds,
        steps=steps,
        findings=(finding,) if bad else (),
    )


def minute_of(due: datetime) -> int:
    """Return the minute of the day."""
    return due.hour * 60 + due.minute


def replayed(store: Store, day: datetime, monitors: int = MONITORS) -> float:
    """Keep a day's runs, a minute in a transaction, and return the seconds that took."""
    minutes: list[list[ProbeRow]] = [[row_of(each) for each in minute] for minute in probes(day, monitors)]
    began, cpu = time.perf_counter(), time.process_time()
    for rows in minutes:
        store.probes.keep_rows(rows)
    took = time.perf_counter() - began
    print(f"  a day of {monitors} monitors: {took:.1f} s, {time.process_time() - cpu:.1f} s of them CPU")
    return took


def sizes(store: Store, where: Path | str) -> int:
    """Return the bytes on disk after VACUUM."""
    engine = sa.create_engine(f"sqlite:///{where}" if isinstance(where, Path) else url_of(where))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if isinstance(where, Path):
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            connection.exec_driver_sql("VACUUM FULL")
            size = connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
    engine.dispose()
    return where.stat().st_size if isinstance(where, Path) else int(size)


def url_of(url: str) -> str:
    """Return the address with our driver."""
    return url.replace("://", "+psycopg://", 1)


def a_year(store: Store, where: Path | str) -> float:
    """Return the gigabytes a year needs, from what two retentions of the same week leave."""
    week = END + 7 * DAY
    for number in range(7):
        replayed(store, END + number * DAY, SAMPLE)
    spans = {"bad_s": KEPT.keep_bad, "hours_s": KEPT.keep_hours}
    store.probes.retain(week, probes_s=KEPT.keep_probes, **spans)
    with_runs = sizes(store, where)
    store.probes.retain(week + DAY, probes_s=1.0, **spans)
    lasting = sizes(store, where)
    store.probes.retain(week + DAY, probes_s=1.0, bad_s=1.0, hours_s=KEPT.keep_hours)
    hours_only = sizes(store, where)
    hours_in_kept = min(KEPT.keep_hours, 365 * 86_400) / 86_400 / 7
    bad_in_kept = KEPT.keep_bad / 86_400 / 7
    scale = MONITORS / SAMPLE
    total = (with_runs - lasting) + (lasting - hours_only) * bad_in_kept + hours_only * hours_in_kept
    print(
        f"  a week of {SAMPLE} monitors: single runs {with_runs - lasting:,} B, "
        f"bad runs {lasting - hours_only:,} B, summaries {hours_only:,} B"
    )
    return scale * total / 1e9


def history(store: Store) -> float:
    """Return the CPU seconds of reading what a page of 90 days shows of one monitor."""
    hour = timedelta(hours=1)
    minutes = [END - 90 * DAY + number * 15 * MINUTE for number in range(90 * 24 * 4)]
    draw = random.Random(1)
    rows = [row_of(probe(0, due, draw)) for due in minutes]
    store.probes.keep_rows(rows)
    began = time.process_time()
    hours = store.probes.hours("production", "monitor-000", since=END - 90 * DAY, until=END)
    bad = store.probes.history("production", "monitor-000", since=END - 90 * DAY, until=END, only_bad=True)
    recent = store.probes.history("production", "monitor-000", since=END - hour, until=END + DAY)
    spans = [(each.quantile(0.5), each.quantile(0.95)) for each in hours]
    took = time.process_time() - began
    assert len(spans) == 90 * 24, len(spans)
    assert bad
    assert recent
    return took


def measured(where: Path | str) -> int:
    """Print the figures and return how many are over their limit."""
    store = open_store(where)
    try:
        day = replayed(store, END - DAY)
        store.probes.retain(END + 400 * DAY, probes_s=1.0, bad_s=1.0, hours_s=1.0)
        year = a_year(store, where)
        read = history(store)
    finally:
        store.close()
    figures = [
        (f"a day of {MONITORS} monitors at one minute replayed", day, DAY_LIMIT_S, "s"),
        (f"a year of {MONITORS} monitors at one minute on disk", year, YEAR_LIMIT_GB, "GB"),
        ("the data of a flow's history over 90 days, CPU", read, HISTORY_LIMIT_S, "s"),
    ]
    for name, value, limit, unit in figures:
        print(f"{name}: {value:.3f} {unit}, limit {limit:g} {unit}: {'ok' if value <= limit else 'OVER'}")
    return sum(value > limit for _, value, limit, _ in figures)


def main() -> int:
    """Measure over a file or a given empty database."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="an empty PostgreSQL database; a file by default")
    options = parser.parse_args()
    if options.url:
        return min(measured(options.url), 1)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        return min(measured(Path(folder) / "store.sqlite"), 1)


if __name__ == "__main__":
    sys.exit(main())
