"""A real MariaDB as a source: rows as the server writes them, and nothing written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InfrastructureError, SafetyError, UsageError
from tests.engine.drift.mariadb import PASSWORD, mariadb
from tests.engine.drift.source_rows import read, rows

ORDERS = (
    "CREATE DATABASE shop CHARACTER SET utf8mb4",
    "USE shop",
    "SET sql_mode = ''",
    "CREATE TABLE orders (number VARCHAR(20), units BIGINT UNSIGNED, total DECIMAL(40, 10), name VARCHAR(20) "
    "CHARACTER SET latin1, placed TIMESTAMP NULL, local DATETIME(6), paid TINYINT(1), id BINARY(2), price DOUBLE)",
    "SET time_zone = '+02:00'",
    "INSERT INTO orders VALUES ('0001', 18446744073709551615, 123456789012345678901234567890.12, 'Zoë', "
    "'2026-03-29 03:30:00', '0000-00-00', 1, x'00ff', 0.1), ('0002', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "CREATE FUNCTION remove_all() RETURNS INT MODIFIES SQL DATA BEGIN DELETE FROM orders; RETURN 1; END",
    "CREATE TABLE many AS SELECT seq AS number, repeat('x', 100) AS note FROM seq_1_to_60000",
)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a server with a shop's database."""
    with mariadb() as running:
        import pymysql

        with (
            pymysql.connect(host="127.0.0.1", port=running, user="root", autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            for statement in ORDERS:
                cursor.execute(statement)
        yield running


@pytest.fixture
def source(port: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A source that reads its orders; the password comes by name."""
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    address = f"mysql://reader@127.0.0.1:{port}/shop"
    return {"kind": "mariadb", "address": address, "password": "env:SHOP_PASSWORD", "table": "orders"}


def query(source: dict[str, Any], text: str) -> dict[str, Any]:
    """The same source, read by a query."""
    return {**{key: value for key, value in source.items() if key != "table"}, "query": text}


def test_values_come_as_the_server_writes_them(source: dict[str, Any], tmp_path: Path) -> None:
    """Decimals keep their digits, instants are UTC, bytes hexadecimal, and a date of zeros is not taken for none."""
    first, second = rows(source, tmp_path)
    assert first == {
        "number": "0001",
        "units": 2**64 - 1,
        "total": "123456789012345678901234567890.1200000000",
        "name": "Zoë",
        "placed": "2026-03-29 01:30:00",
        "local": "0000-00-00 00:00:00.000000",
        "paid": 1,
        "id": "00ff",
        "price": "0.1",
    }
    assert second == {**dict.fromkeys(first), "number": "0002"}


def test_nothing_can_be_written(source: dict[str, Any], tmp_path: Path) -> None:
    """A function that deletes and a statement in disguise are refused, and all rows are still there."""
    with pytest.raises(SafetyError, match="would write, and was refused"):
        rows(query(source, "SELECT remove_all()"), tmp_path)
    for text in ("SELECT 1) AS side; DELETE FROM orders; SELECT * FROM (SELECT 1", "SELECT * FROM nowhere"):
        with pytest.raises(UsageError, match="does not understand"):
            rows(query(source, text), tmp_path)
    assert len(rows(source, tmp_path)) == 2


def test_an_answer_that_ends_half_way_is_named(source: dict[str, Any], tmp_path: Path) -> None:
    """A query that fails after many rows leaves what came, and says how far it came."""
    failing = "SELECT number, IF(number = 59000, (SELECT 1 UNION SELECT 2), note) AS note FROM many"
    found, unread = read(query(source, failing), tmp_path)
    assert 10_000 < len(found) < 59_000
    assert unread[0].startswith(f"the answer ended after {len(found):,} rows: ")
    assert len(rows({**source, "table": "many"}, tmp_path)) == 60_000


def test_a_query_has_its_time(source: dict[str, Any], tmp_path: Path) -> None:
    """A query over its timeout is ended by the server, and said."""
    slow = "SELECT count(*) AS n FROM many a JOIN many b JOIN many c WHERE concat(a.note, b.note, c.note) LIKE '%y%'"
    with pytest.raises(InfrastructureError, match="max_statement_time exceeded"):
        rows({**query(source, slow), "timeout": "100ms"}, tmp_path)


def test_a_password_that_is_refused_is_not_printed(
    source: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is let in nowhere learns so, without the password; nor is it in the words for a server that is away."""
    monkeypatch.setenv("SHOP_PASSWORD", "wrong-secret")
    for address in (source["address"], "mysql://reader@127.0.0.1:1/shop"):
        with pytest.raises(InfrastructureError, match="cannot be read") as error:
            rows({**source, "address": address}, tmp_path)
        assert "secret" not in str(error.value)
