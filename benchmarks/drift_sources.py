"""Sources of drift comparisons: what reading a side costs, as a multiple of comparing it, and a digest of count(*).

The same orders of 12 columns as Parquet, CSV, JSON lines, in SQLite, PostgreSQL and, where one is installed, MariaDB.
Printed for each: CPU seconds of this process to land them, beside those of comparing the landed rows with themselves.
Then a digest by PostgreSQL against count(*) over the same table, both without connecting; the limit is 6.0 times.

    python benchmarks/drift_sources.py [--rows 200000]
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import duckdb

from assay.drift.pairs.engine import compare
from assay.drift.pairs.model import Field, Kind, Pair, Side
from assay.drift.pairs.sources import rows_of
from assay.drift.pairs.sources.digest import digest_of
from assay.drift.pairs.sources.options import PostgresOptions, options_of
from assay.drift.pairs.sources.postgresql import Postgres
from tests.engine.drift.mariadb import PASSWORD, mariadb
from tests.engine.postgres import BINARIES, cluster

LIMIT = 6.0
COLUMNS = {
    "number": "'R-' || i",
    "placed": "CAST(TIMESTAMP '2026-01-01' + INTERVAL (i) SECOND AS VARCHAR)",
    "status": "CASE i % 3 WHEN 0 THEN 'paid' WHEN 1 THEN 'shipped' ELSE 'cancelled' END",
    "currency": "CASE i % 4 WHEN 0 THEN 'EUR' WHEN 1 THEN 'USD' WHEN 2 THEN 'JPY' ELSE 'KWD' END",
    "total": "CAST((i * 7919 % 1000000) AS DECIMAL(12, 2)) / 100",
    "tax": "CAST((i * 7919 % 190000) AS DECIMAL(12, 2)) / 100",
    "units": "i % 9 + 1",
    "customer": "md5(CAST(i AS VARCHAR))",
    "country": "CASE i % 2 WHEN 0 THEN 'DE' ELSE 'FR' END",
    "store": "i % 5",
    "guest": "i % 2 = 0",
    "name": "'Zoë Müller ' || i % 1000",
}
NUMBERS = ("total", "tax", "units", "store")


def main() -> int:
    """Print the costs; 1 where a digest is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    count = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="assay-sources-") as name, ExitStack() as stack:
        folder = Path(name)
        print(f"{count:,} orders of {len(COLUMNS)} columns")
        print(f"{'source':<12}{'landing s':>10}{'comparing s':>12}{'ratio':>7}")
        for kind, source in sources(folder, count, stack):
            landing, comparing = costs(source, folder, count)
            ratio = f"{landing / comparing:.1f}"
            print(f"{kind:<12}{landing:>10.2f}{comparing:>12.2f}{ratio:>7}", flush=True)
        if not (BINARIES / "initdb").exists():
            print("no PostgreSQL here: no digest")
            return 0
        times = digest_times(folder)
    print(f"digest of PostgreSQL: {times:.1f} x count(*), limit {LIMIT}")
    return 0 if times <= LIMIT else 1


def sources(folder: Path, count: int, stack: ExitStack) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the same orders in each kind of source."""
    columns = ", ".join(f"{value} AS {name}" for name, value in COLUMNS.items())
    parquet = folder / "o.parquet"
    duckdb.execute(f"COPY (SELECT {columns} FROM range({count}) t(i)) TO '{parquet}' (FORMAT parquet)")
    yield "parquet", {"kind": "parquet", "path": str(parquet)}
    duckdb.execute(f"COPY (FROM '{parquet}') TO '{folder / 'o.csv'}' (FORMAT csv)")
    yield "csv", {"kind": "csv", "path": "o.csv"}
    duckdb.execute(f"COPY (FROM '{parquet}') TO '{folder / 'o.jsonl'}' (FORMAT json)")
    yield "jsonl", {"kind": "jsonl", "path": "o.jsonl"}
    rows = duckdb.execute(f"SELECT * REPLACE (CAST(total AS DOUBLE) AS total, tax::DOUBLE AS tax) FROM '{parquet}'")
    fill_sqlite(folder / "o.sqlite", rows.fetchall())
    yield "sqlite", {"kind": "sqlite", "path": "o.sqlite", "table": "orders"}
    if (BINARIES / "initdb").exists():
        url = stack.enter_context(cluster()).new_database()
        fill_postgresql(url, folder / "o.csv")
        os.environ["ASSAY_BENCH_DATABASE"] = url
        yield "postgresql", postgresql()
    if Path("/usr/sbin/mariadbd").exists():
        port = stack.enter_context(mariadb())
        fill_mariadb(port, folder / "o.csv")
        os.environ["ASSAY_BENCH_PASSWORD"] = PASSWORD
        address = f"mysql://reader@127.0.0.1:{port}/shop"
        yield "mariadb", {
            "kind": "mysql", "address": address, "password": "env:ASSAY_BENCH_PASSWORD", "table": "orders"
        }  # fmt: skip


def postgresql() -> dict[str, Any]:
    """The source of the table in PostgreSQL."""
    return {"kind": "postgresql", "address": "env:ASSAY_BENCH_DATABASE", "table": "orders"}


def fill_sqlite(path: Path, rows: list[tuple[Any, ...]]) -> None:
    """Make a table of these rows, typed as a shop would."""
    types = ", ".join(f"{name} {'DECIMAL(12, 2)' if name in ('total', 'tax') else ''}" for name in COLUMNS)
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE orders ({types})")
        connection.executemany(f"INSERT INTO orders VALUES ({', '.join('?' * len(COLUMNS))})", rows)
    connection.close()


def fill_postgresql(url: str, path: Path) -> None:
    """Make a table of a CSV file."""
    import psycopg

    typed = {"placed": "timestamp", "total": "numeric(12, 2)", "tax": "numeric(12, 2)", "guest": "boolean"}
    typed |= {"units": "int", "store": "int"}
    with psycopg.connect(url, autocommit=True) as connection:
        types = ", ".join(f"{name} {typed.get(name, 'text')}" for name in COLUMNS)
        connection.execute(f"CREATE TABLE orders ({types})".encode())
        with connection.cursor().copy("COPY orders FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write(path.read_bytes())
        connection.execute("VACUUM ANALYZE orders")


def fill_mariadb(port: int, path: Path) -> None:
    """Make a table of a CSV file."""
    import pymysql

    typed = {"placed": "DATETIME", "total": "DECIMAL(12, 2)", "tax": "DECIMAL(12, 2)", "units": "INT", "store": "INT"}
    types = ", ".join(f"{name} {typed.get(name, 'VARCHAR(40)')}" for name in COLUMNS)
    rows = duckdb.execute(f"FROM read_csv('{path}', all_varchar = true)").fetchall()
    connection = pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4")
        cursor.execute(f"CREATE TABLE shop.orders ({types})")
        cursor.executemany(f"INSERT INTO shop.orders VALUES ({', '.join(['%s'] * len(COLUMNS))})", rows)


def costs(source: dict[str, Any], folder: Path, count: int) -> tuple[float, float]:
    """Return the CPU seconds of landing a source, and of comparing it with itself."""
    side = Side(system="shop", source=source, key=("number",))
    fields = tuple(
        Field(name=name, kind=Kind.NUMBER if name in NUMBERS else Kind.TEXT, left=name, right=name)
        for name in COLUMNS
        if name != "number"
    )
    pair = Pair(name="orders", about="themselves", left=side, right=side, fields=fields)
    rows = rows_of(side, folder=folder)
    started = time.process_time()
    with duckdb.connect() as connection:
        rows.attach(connection, "shop")
    landed = time.process_time()
    outcome = compare(pair, rows, rows, at=datetime(2026, 6, 1, tzinfo=UTC))
    compared = time.process_time()
    assert outcome.counts.matched == count and not outcome.found and not outcome.unread, outcome
    return landed - started, compared - landed


def digest_times(folder: Path) -> float:
    """Return how many times as long a digest takes as count(*), both without the time of connecting."""
    side = Side(system="shop", source=postgresql(), key=("number",))
    options = options_of(side.source)
    assert isinstance(options, PostgresOptions)
    server = Postgres("shop", options, folder)

    def connect() -> None:
        with server.connected():
            pass

    digest = quickest(lambda: digest_of(side, tuple(COLUMNS), folder=folder)) - quickest(connect)
    with server.connected() as cursor:

        def count() -> None:
            cursor.execute("SELECT count(*) FROM orders")
            cursor.fetchone()

        if digest <= 0:
            raise SystemExit("the machine is too busy to time a digest: run it again on a quiet one")
        return digest / quickest(count)


def quickest(call: Callable[[], object]) -> float:
    """Return the least of nine calls' times, in seconds: what the others took more is other people's."""
    times = []
    for _ in range(9):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    raise SystemExit(main())
