"""A real PostgreSQL as a source: rows as they are, nothing written, one digest by one query."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from assay.drift.pairs.engine import compare
from assay.drift.pairs.model import Class, Field, Kind, Pair
from assay.drift.pairs.sources import rows_of
from assay.drift.pairs.sources.digest import digest_of, digests_by_day
from assay.errors import InfrastructureError, SafetyError, UsageError
from tests.engine.drift.source_rows import read, rows, side
from tests.engine.postgres import Cluster

ORDERS = """
CREATE TYPE state AS ENUM ('paid', 'shipped');
CREATE TABLE orders (
    number text PRIMARY KEY, total numeric, fixed numeric(12, 2), state state, placed timestamptz, local timestamp,
    day date, paid boolean, units int, id uuid, lines jsonb, code char(5), worth money, raw bytea
);
INSERT INTO orders VALUES
    ('1', 123456789012345678901234567890.12, 19.90, 'paid', '2026-03-29 03:30:00+02', '2026-03-29 02:30', '2026-03-29',
     true, 3, '00000000-0000-0000-0000-00000000000a', '[{"sku": "A", "price": 1.10}]', 'ab', 3.50, '\\xff'),
    ('2', 'NaN', NULL, NULL, 'infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE FUNCTION purge() RETURNS int LANGUAGE sql AS 'DELETE FROM orders RETURNING 1';
"""


@pytest.fixture(scope="module")
def database(postgres: Cluster) -> Iterator[str]:
    """A database with two orders, and a function that removes them."""
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(ORDERS.encode())
    yield url


def source(url: str, **more: Any) -> dict[str, Any]:
    """A source that reads this database."""
    return {"kind": "postgresql", "address": url, **({"table": "orders"} | more if "query" not in more else more)}


def test_values_come_as_the_server_holds_them(database: str, tmp_path: Path) -> None:
    """Decimals keep their digits, instants their zone, and types without a counterpart are their text."""
    first, second = rows(source(database), tmp_path)
    assert first == {
        "number": "1",
        "total": "123456789012345678901234567890.12",
        "fixed": "19.90",
        "state": "paid",
        "placed": "2026-03-29 01:30:00+00",
        "local": datetime(2026, 3, 29, 2, 30),
        "day": date(2026, 3, 29),
        "paid": True,
        "units": 3,
        "id": "00000000-0000-0000-0000-00000000000a",
        "lines": '[{"sku": "A", "price": 1.10}]',
        "code": "ab",
        "worth": "3.50",
        "raw": r"\xff",
    }
    assert second["total"].casefold() == "nan" and second["fixed"] is None
    asked = source(database, query="SELECT number, units * 2 AS twice FROM orders -- of the shop")
    assert rows(asked, tmp_path) == [{"number": "1", "twice": 6}, {"number": "2", "twice": None}]


def test_nothing_can_be_written(database: str, tmp_path: Path) -> None:
    """A function that deletes, a statement in disguise, a session that calls itself writable: all are refused."""
    tries = (
        "SELECT purge()",
        "SELECT set_config('transaction_read_only', 'off', true), purge()",
        "SELECT set_config('default_transaction_read_only', 'off', false), purge()",
        "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
        "SELECT 1) AS side; COMMIT; DELETE FROM orders; SELECT * FROM (SELECT 1",
    )
    for query in tries:
        with pytest.raises((SafetyError, UsageError)):
            rows(source(database, query=query), tmp_path)
    with pytest.raises(SafetyError, match="would write, and was refused"):
        rows(source(database, query="SELECT purge()"), tmp_path)
    assert len(rows(source(database), tmp_path)) == 2


def test_an_address_is_read_by_name_and_never_printed(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL comes from the environment or a file, a password too; messages hold neither."""
    monkeypatch.setenv("ERP_DATABASE", database.replace("assay@", "assay:very%20secret@"))
    (tmp_path / "password").write_text("very secret\n")
    for named in (source("env:ERP_DATABASE"), source(database, password="file:password")):
        assert len(rows(named, tmp_path)) == 2
        with pytest.raises(UsageError) as error:
            rows({**named, "table": "nowhere"}, tmp_path)
        assert 'relation "nowhere" does not exist' in str(error.value) and "secret" not in str(error.value)
    monkeypatch.setenv("ERP_DATABASE", "postgresql://assay:very secret@127.0.0.1:1/x")
    with pytest.raises(InfrastructureError, match="cannot be read") as away:
        rows(source("env:ERP_DATABASE"), tmp_path)
    assert "secret" not in str(away.value)


def test_two_columns_of_one_name_are_refused(database: str, tmp_path: Path) -> None:
    """A join that gives `number` twice says so, instead of one of them being taken."""
    query = "SELECT a.number, b.number FROM orders a JOIN orders b USING (number)"
    with pytest.raises(UsageError, match="two columns of erp are called 'number'"):
        rows(source(database, query=query), tmp_path)


def test_an_answer_that_ends_half_way_is_named(postgres: Cluster, tmp_path: Path) -> None:
    """A query that fails after many rows leaves what came, says how far, and nothing missing is concluded of it."""
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders AS SELECT g AS number, 'x' AS note FROM generate_series(1, 20000) g")
    failing = source(
        url, query="SELECT number, 1 / (20000 - number) AS failing, repeat(note, 2000) AS note FROM orders"
    )
    found, unread = read(failing, tmp_path)
    assert 1_000 < len(found) < 20_000
    assert unread[0].startswith(f"the answer ended after {len(found):,} rows: ") and "division by zero" in unread[0]
    with pytest.raises(UsageError, match="division by zero"):
        rows(source(url, query="SELECT 1 / (number - number) AS failing FROM orders"), tmp_path)


def test_a_query_has_its_time(database: str, tmp_path: Path) -> None:
    """A query over its timeout is ended by the server, and said."""
    with pytest.raises(InfrastructureError, match="statement timeout"):
        rows(source(database, query="SELECT pg_sleep(30)", timeout="50ms"), tmp_path)


def test_a_digest_changes_with_any_value_and_with_nothing_else(postgres: Cluster, tmp_path: Path) -> None:
    """Equal for the same rows in any order; not for a changed byte, a missing row, a second copy, other columns."""
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
            "CREATE TABLE a AS SELECT g::text AS number, g::numeric / 100 AS total, 'Paid' COLLATE loose AS state, "
            "timestamptz '2026-03-01 00:30+00' + g * interval '1 hour' AS placed, g % 2 = 0 AS paid, "
            "g % 3 = 0 AS guest, g AS units, date '2026-03-01' + g AS day FROM generate_series(1, 500) g;"
            "CREATE TABLE b AS SELECT * FROM a ORDER BY number DESC"
        )
        columns = ("number", "total", "state", "placed", "paid", "guest", "units", "day")

        def digest(table: str) -> Any:
            return digest_of(side(source(url, table=table)), columns, folder=tmp_path)

        first = digest("a")
        assert first.rows == 500 and first.same_rows(digest("b")) is True
        days = digests_by_day(side(source(url, table="a"), placed="placed"), columns, folder=tmp_path)
        assert sum(each.rows for each in days.values()) == 500
        assert sum(each.total for each in days.values()) == first.total and date(2026, 3, 2) in days
        for change in (
            "UPDATE b SET total = 0.011 WHERE number = '1'",
            "UPDATE b SET state = 'paid' WHERE number = '2'",  # equal to the collation, and another text
            "UPDATE b SET state = NULL WHERE number = '3'",
            "UPDATE b SET paid = guest, guest = paid WHERE number = '2'",
            "UPDATE b SET units = 5 - units WHERE number IN ('2', '3')",  # the two exchange it
            "UPDATE b SET day = 'infinity' WHERE number = '9'",
            "DELETE FROM b WHERE number = '4'",
            "INSERT INTO b SELECT * FROM b WHERE number = '5'",
        ):
            with connection.transaction():
                connection.execute(change.encode())
            assert first.same_rows(digest("b")) is False, change
            connection.execute("DROP TABLE b; CREATE TABLE b AS SELECT * FROM a")
        assert first.same_rows(digest("b")) is True
        connection.execute("ALTER TABLE b ALTER total TYPE text")
        assert first.same_rows(digest("b")) is None
        assert digest_of(side(source(url, query="SELECT * FROM a WHERE false")), columns, folder=tmp_path).rows == 0
    with pytest.raises(UsageError, match="no column 'totl'"):
        digest_of(side(source(url, table="a")), ("totl",), folder=tmp_path)


def test_two_databases_are_compared(database: str, postgres: Cluster, tmp_path: Path) -> None:
    """A pair whose sides are two databases is compared like any other; NaN and an instant without end are named."""
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(ORDERS.encode())
        connection.execute("UPDATE orders SET fixed = 19.91, code = 'ab ' WHERE number = '1'")
    same = {name: Field(name=name, kind=kind, left=name, right=name) for name, kind in KINDS.items()}
    pair = Pair(name="o", about="o", left=side(source(database)), right=side(source(url)), fields=tuple(same.values()))
    left, right = (rows_of(each, folder=tmp_path) for each in (pair.left, pair.right))
    outcome = compare(pair, left, right, at=datetime(2026, 4, 1, tzinfo=UTC))
    found = {each.key[0]: each for each in outcome.differences}
    # A total of 32 digits is more than is compared: it is named, too, and not rounded.
    assert (found["1"].classed, {each.field for each in found["1"].fields}) == (Class.DIFFERS, {"fixed", "total"})
    assert found["2"].classed is Class.UNREADABLE
    assert {each.field for each in found["2"].fields} == {"total", "placed"}


KINDS = {
    "total": Kind.NUMBER,
    "fixed": Kind.NUMBER,
    "code": Kind.IDENTIFIER,
    "placed": Kind.INSTANT,
    "lines": Kind.IDENTIFIER,
}
