"""A window pushed down into a database: fewer rows are read of it, and what is found is what reading all would find."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from assay.drift.pairs.engine import compare
from assay.drift.pairs.model import Kind, Pair, Side
from assay.drift.pairs.reconciling import reconcile
from assay.drift.pairs.rows import Rows, table_of
from assay.drift.pairs.sources import rows_of
from assay.drift.pairs.sources.narrowing import narrowed
from tests.engine.drift.mariadb import PASSWORD, mariadb
from tests.engine.drift.two_sides import AT, field, pair_of
from tests.engine.postgres import Cluster

COLUMNS = ("id", "part", "value", "placed", "changed")
PLACED = ("timestamptz", "timestamp", "date", "text")
Row = tuple[Any, ...]


def drawn(seed: int, placed: str) -> tuple[list[Row], list[Row]]:
    """Two sides' orders over three days: most alike, some moved far out of the window, doubled, gone, without a key."""
    draw = random.Random(seed)
    left: list[Row] = []
    right: list[Row] = []
    for number in range(1, 300):
        at = AT - timedelta(minutes=draw.choice((draw.randint(-60, 1100), draw.randint(1100, 8000))))
        key = None if draw.random() < 0.02 else f"O-'{number}"
        row = (key, number % 7, draw.randint(1, 3), at, at)
        if draw.random() < 0.95:
            left.append(row)
        moved = draw.choice((0, 0, 0, 0, 3000, -3000)) if draw.random() < 0.5 else 0
        if draw.random() < 0.95:
            right.append((key, number % 7, draw.choice((row[2],) * 9 + (4,)), at + timedelta(minutes=moved), at))
        if draw.random() < 0.05:
            draw.choice((left, right)).append((*row[:3], at - timedelta(minutes=draw.randint(0, 5000)), at))
    strange = ("infinity", "-infinity", "0044-01-01 BC") if placed != "text" else ("soon",)
    for number, moment in enumerate((None, *strange)):
        left.append((f"strange {number}", 1, 1, moment, AT))
        right.append((f"strange {number}", 1, number % 2, AT - timedelta(days=9), AT))
    return left, right


@pytest.fixture(scope="module")
def database(postgres: Cluster) -> Iterator[str]:
    """A database with the drawn orders, a table for each type of instant."""
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        for number, kind in enumerate(PLACED):
            for name, rows in zip(("shop", "erp"), drawn(number, kind), strict=True):
                columns = f"id text, part int, value int, placed {kind}, changed timestamptz"
                connection.execute(f"CREATE TABLE {name}_{kind} ({columns})".encode())
                with connection.cursor() as cursor:
                    values = f"INSERT INTO {name}_{kind} VALUES (%s, %s, %s, %s::text::{kind}, %s)"
                    cursor.executemany(values.encode(), [tuple(map(_written, row)) for row in rows])
    yield url


def _written(value: Any) -> Any:
    return f"{value:%Y-%m-%d %H:%M:%S}+00" if isinstance(value, datetime) else value


def pair(left: dict[str, Any], right: dict[str, Any], **more: Any) -> Pair:
    """A pair of both tables, of which the last twenty hours are compared."""
    keys = ("id", "part")
    made = pair_of(field(Kind.NUMBER), placed=True, left_key=keys, right_key=keys, window=timedelta(hours=20), **more)
    return replace(made, left=replace(made.left, source=left), right=replace(made.right, source=right))


def opened(of: Side, folder: Path) -> Rows:
    """One side's rows."""
    return rows_of(of, folder=folder)


def found(outcome: Any) -> tuple[Any, ...]:
    """Return all that an outcome says."""
    keys = sorted(str((each.key, each.classed, each.copies, each.left, each.right)) for each in outcome.differences)
    return outcome.counts, outcome.classes, outcome.fields, keys, outcome.unread


def landed(rows: Rows) -> int:
    """Return how many rows were read."""
    import duckdb

    with duckdb.connect() as connection:
        return int(connection.execute(f"SELECT count(*) FROM {rows.attach(connection, 'side')}").fetchall()[0][0])


@pytest.mark.parametrize("kind", PLACED)
def test_a_window_is_asked_for_and_its_partners(database: str, tmp_path: Path, kind: str) -> None:
    """Whatever type says when a row is from, both sides find what landing all finds, of fewer rows where it can."""
    source = {"kind": "postgresql", "address": database}
    declared = pair(
        {**source, "table": f"shop_{kind}"}, {**source, "query": f"SELECT * FROM erp_{kind} -- all of them"}
    )
    all_rows = opened(declared.left, tmp_path), opened(declared.right, tmp_path)
    whole = compare(declared, *all_rows, at=AT, limit=None)
    rows = narrowed(declared, opened(declared.left, tmp_path), opened(declared.right, tmp_path), AT)
    assert found(compare(declared, *rows, at=AT, limit=None)) == found(whole)
    assert whole.found > 10 and whole.counts.matched > 10
    fewer = [landed(narrow) < landed(all_of_them) * 0.8 for narrow, all_of_them in zip(rows, all_rows, strict=True)]
    assert fewer == [kind != "text"] * 2
    again = reconcile(declared, opened(declared.left, tmp_path), opened(declared.right, tmp_path), at=AT)
    assert again.outcome.counts == whole.counts and again.outcome.classes == whole.classes


def test_a_database_against_a_file_and_an_empty_window(database: str, tmp_path: Path) -> None:
    """One side may be no database; a side without a row in the window has lost them, and is not one that is silent."""
    source = {"kind": "postgresql", "address": database}
    left, _ = drawn(0, "timestamptz")
    table = table_of([dict(zip(COLUMNS, row, strict=True)) for row in left if not isinstance(row[3], str)])
    declared = pair({}, {**source, "table": "erp_timestamptz"})
    whole = compare(declared, table, opened(declared.right, tmp_path), at=AT, limit=None)
    rows = narrowed(declared, table, opened(declared.right, tmp_path), AT)
    assert rows[0] is table
    assert found(compare(declared, *rows, at=AT, limit=None)) == found(whole)
    old = pair({}, {**source, "query": "SELECT * FROM erp_timestamptz WHERE placed < '2026-11-18'"})
    rows = narrowed(old, table, opened(old.right, tmp_path), AT)
    gone = compare(old, *rows, at=AT, limit=None)
    assert gone.counts.only_left > 10 and not gone.unread
    assert found(gone) == found(compare(old, table, opened(old.right, tmp_path), at=AT, limit=None))


@pytest.mark.full
def test_the_same_of_mariadb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A date of zeros is none, and is read whatever the window; the rest is as with PostgreSQL."""
    import pymysql

    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    with mariadb() as port:
        with (
            pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4")
            cursor.execute("SET sql_mode = ''")
            for name, rows in zip(("shop", "erp"), drawn(5, "timestamptz"), strict=True):
                kind = "DATETIME" if name == "shop" else "TIMESTAMP NULL"
                cursor.execute(
                    f"CREATE TABLE shop.{name} (id VARCHAR(20), part INT, value INT, placed {kind}, changed DATETIME)"
                )
                values = [[str(_written(each))[:19] if each is not None else None for each in row] for row in rows]
                cursor.executemany(f"INSERT INTO shop.{name} VALUES (%s, %s, %s, %s, %s)", values)
        source = {"kind": "mysql", "address": f"mysql://reader@127.0.0.1:{port}/shop", "password": "env:SHOP_PASSWORD"}
        declared = pair({**source, "table": "shop"}, {**source, "table": "erp"})
        all_rows = opened(declared.left, tmp_path), opened(declared.right, tmp_path)
        whole = compare(declared, *all_rows, at=AT, limit=None)
        rows_ = narrowed(declared, opened(declared.left, tmp_path), opened(declared.right, tmp_path), AT)
        assert found(compare(declared, *rows_, at=AT, limit=None)) == found(whole)
        assert whole.found > 10
        assert all(landed(few) < landed(many) * 0.8 for few, many in zip(rows_, all_rows, strict=True))
