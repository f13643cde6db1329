"""A pair compared on an engine elsewhere: its plan finds what the comparison here finds, to the letter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from assay.drift.pairs.elsewhere.comparing import Elsewhere
from assay.drift.pairs.elsewhere.dialects import BigQuery, Dialect, Snowflake, Spark, Trino
from assay.drift.pairs.elsewhere.plan import Relation, SidePlan, ask
from assay.drift.pairs.elsewhere.zones import offset_of_local
from assay.drift.pairs.model import Field, Kind, Pair
from assay.drift.pairs.reconciling import Reconciled, reconcile
from assay.drift.pairs.sources.files import ParquetFiles
from assay.drift.pairs.sources.options import WarehouseOptions
from assay.drift.pairs.sources.warehouse import WarehouseRows
from assay.errors import UsageError
from benchmarks import reconcile_data
from tests.conftest import Project
from tests.engine.drift import every_kind
from tests.engine.drift.test_drift_command import AT, orders, written


class Duck:
    """DuckDB as an engine elsewhere: the plan's SQL is run, and no package besides is needed."""

    def __init__(self) -> None:
        self.dialect = Dialect()
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")

    def files(self, name: str, paths: Sequence[Path]) -> str:
        """Return a view of the files."""
        listed = [str(path) for path in paths]
        self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS FROM read_parquet({listed})")
        return name

    def columns(self, source: str) -> Mapping[str, pa.DataType]:
        """Return the columns."""
        reader = self._connection.sql(f"SELECT * FROM {source} LIMIT 0").to_arrow_table()
        return {each.name: each.type for each in reader.schema}

    def read(self, query: str) -> Iterator[pa.RecordBatch]:
        """Yield what a query answers."""
        table = self._connection.sql(query).to_arrow_table()
        yield from table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]

    def keep(self, name: str, query: str) -> str:
        """Return a table of what it answers."""
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
        return name

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


@pytest.fixture
def duck() -> Iterator[Elsewhere]:
    """Give an engine elsewhere that is DuckDB."""
    engine = Duck()
    yield Elsewhere(engine)
    engine.close()


def told(found: Reconciled) -> tuple[Any, ...]:
    """Return all that was found, in an order of its own: of two rows without a key none is the first."""
    outcome = found.outcome
    return (
        outcome.counts,
        outcome.classes,
        outcome.fields,
        sorted(outcome.unread),
        Counter(repr(each) for each in outcome.differences),
        Counter(repr(each) for each in outcome.crowds),
    )


def both(pair: Pair, sides: tuple[ParquetFiles, ParquetFiles], at: datetime, on: Elsewhere) -> list[Reconciled]:
    """Compare here, and there."""
    return [reconcile(pair, *sides, at=at, limit=None, on=each) for each in (None, on)]


def test_every_class_and_discrepancy_is_the_same_there(tmp_path: Path, duck: Elsewhere) -> None:
    """Of all twelve discrepancies of the benchmark, found there is what is found here, with causes and crowds."""
    files = reconcile_data.write(tmp_path, 3_000)
    sides = ParquetFiles("shop", [files.left]), ParquetFiles("ERP", [files.right])
    here, there = both(reconcile_data.PAIR, sides, reconcile_data.AT, duck)
    assert here == there
    assert len(here.outcome.classes) == 6


def test_every_kind_of_field_is_judged_the_same_there(tmp_path: Path, duck: Elsewhere) -> None:
    """Odd values of every kind and type are found or passed there as they are here, and no other row is lost."""
    sides = every_kind.written(tmp_path, 900, odd=0.8)
    here, there = both(every_kind.PAIR, sides, every_kind.AT, duck)
    assert told(here) == told(there)
    assert {*here.outcome.fields} == {each.name for each in every_kind.FIELDS}


def test_rows_that_agree_do_not_come_back(tmp_path: Path, duck: Elsewhere) -> None:
    """Of records that agree, in whatever types and forms, few are asked for: rounding halves and the like."""
    sides = every_kind.written(tmp_path, 500, odd=0)
    pair = replace(every_kind.PAIR, left=replace(every_kind.PAIR.left, only={}, valid=None), window=None)
    with duck.comparing(pair, *sides, at=every_kind.AT, limit=None) as compared:
        assert compared.outcome.found == 0
        assert max(compared.rows_back) < 30


def test_a_side_without_rows_is_an_outage_there_too(tmp_path: Path, duck: Elsewhere) -> None:
    """Nothing is called missing where a side has no row."""
    sides = every_kind.written(tmp_path, 50, odd=0)
    pair = replace(every_kind.PAIR, right=replace(every_kind.PAIR.right, only={"store": ("nowhere",)}))
    here, there = both(pair, sides, every_kind.AT, duck)
    assert told(here) == told(there)
    assert there.outcome.unread == ("nothing was read from ERP with store = nowhere",)


def test_local_times_are_turned_into_instants_by_numbers_alone() -> None:
    """A local time is so far from UTC as its zone says; one shown twice or never has no answer."""
    at = datetime(2026, 11, 20, tzinfo=UTC)

    def ahead(text: str) -> int | None:
        local = (datetime.fromisoformat(text) - datetime(1970, 1, 1)) // timedelta(microseconds=1)
        row = duckdb.execute(f"SELECT {offset_of_local('Europe/Paris', str(local), at)}").fetchall()[0]
        return None if row[0] is None else row[0] // 3_600_000_000

    assert [ahead("2026-07-01 12:00"), ahead("2026-01-01 12:00")] == [2, 1]
    assert [ahead("2026-10-25 02:30"), ahead("2026-03-29 02:30"), ahead("1999-01-01 00:00")] == [None, None, None]


@pytest.mark.parametrize(
    ("column", "field", "dialect", "why"),
    [
        (pa.binary(), Field(name="a", kind=Kind.IDENTIFIER, left="a", right="a"), Spark(), "field 'a' cannot be"),
        (pa.float32(), Field(name="a", kind=Kind.NUMBER, left="a", right="a"), Spark(), "'a' is float"),
        (pa.bool_(), Field(name="a", kind=Kind.INSTANT, left="a", right="a"), Trino(), "'a' is bool"),
        (
            pa.string(),
            Field(name="a", kind=Kind.LINES, left="a", right="a", members=("sku",)),
            Snowflake(),
            "on Snowflake: 'a' is string",
        ),
        (
            pa.string(),
            Field(name="a", kind=Kind.LINES, left="a", right="a", members=("sku",)),
            BigQuery(),
            "on BigQuery",
        ),
    ],
)
def test_what_an_engine_cannot_compare_is_refused(
    column: pa.DataType, field: Field, dialect: Dialect, why: str
) -> None:
    """A field that cannot be said in the engine's words is named with its reason, and never left out."""
    side = replace(every_kind.PAIR.left, key=("id",), placed=None, changed=None, only={}, valid=None)
    pair = Pair(name="p", about="", left=side, right=side, fields=(field,))
    relation = Relation("shop", "orders", {"id": pa.int64(), "a": column})
    with pytest.raises(UsageError, match=re.escape(why)):
        ask(pair, relation, relation, dialect, every_kind.AT)


FUNCTIONS = {
    Spark: "abs array_join array_sort coalesce count floor from_json length lower map min mod round rpad substr "
    "transform try_cast try_element_at unix_date unix_micros xxhash64 cast decimal max",
    Trino: "abs array_join array_sort coalesce count date_diff element_at floor from_big_endian_64 json_parse length "
    "lower min mod normalize regexp_like round rpad substr to_unixtime to_utf8 transform try try_cast xxhash64 cast "
    "decimal map array max",
    Snowflake: "abs coalesce count date_part datediff floor hash length lower min mod regexp_like round rpad substr "
    "try_cast try_to_date cast decimal max",
    BigQuery: "abs array array_to_string coalesce count div farm_fingerprint floor length lower min mod normalize "
    "regexp_contains round rpad safe_cast substr unix_date unix_micros unnest cast max",
}
"""What each engine's own reference lists; `cast`, `decimal`, `map` and `array` are its types and syntax."""
_NAMES = re.compile(r"\b([a-z_0-9]+)\(", re.IGNORECASE)
_TEXTS = re.compile(r"'(?:[^'\\\\]|\\\\.|'')*'")
_SYNTAX = {
    "in",
    "and",
    "or",
    "not",
    "when",
    "then",
    "else",
    "as",
    "by",
    "from",
    "on",
    "select",
    "where",
    "between",
    "case",
}


def asked(dialect: Dialect) -> list[str]:
    """Return all an engine is asked for records of every kind of field it can compare."""
    without = {Snowflake: {"lines", "items"}, BigQuery: {"items"}}.get(type(dialect), set())
    pair = replace(every_kind.PAIR, fields=tuple(each for each in every_kind.FIELDS if each.name not in without))
    left = Relation("shop", dialect.named("shop"), {each.name: each.type for each in every_kind.LEFT})
    right = Relation("ERP", dialect.named("erp"), {each.name: each.type for each in every_kind.RIGHT})
    found = ask(pair, left, right, dialect, every_kind.AT)
    counted = SidePlan(pair, "left", left, dialect, every_kind.AT).population(["store", "gift"], None, every_kind.AT)
    drawn = [each.replace("{}", "5") for each in found.samples]
    return [*found.totals, found.looked, *found.rows_of("looked"), *drawn, counted.shape, counted.cells(["store"], 60)]


@pytest.mark.parametrize("dialect", [Spark(), Trino(), Snowflake(), BigQuery()], ids=lambda each: each.name)
def test_each_engine_is_asked_in_its_own_words(dialect: Dialect) -> None:
    """No function is used that the engine lacks, and what it is asked parses as its dialect."""
    queries = asked(dialect)
    used = {name.lower() for query in queries for name in _NAMES.findall(_TEXTS.sub("''", query))}
    assert used - _SYNTAX <= set(FUNCTIONS[type(dialect)].split())
    sqlglot = pytest.importorskip("sqlglot", reason="pip install sqlglot")
    for query in queries:
        assert len(sqlglot.parse(query, read=dialect.name)) == 1


def test_warehouse_rows_are_compared_only_where_they_stand() -> None:
    """Without an engine's address a warehouse is refused with how to name one."""
    options = WarehouseOptions(kind="warehouse", table="sales.orders")
    rows = WarehouseRows("shop", options)
    with pytest.raises(UsageError, match="--on ADDRESS"), duckdb.connect() as connection:
        rows.attach(connection, "left")
    assert rows.relation(BigQuery().named) == "`sales`.`orders`"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--on", "oracle://db"), "that is no address of an engine"),
        (("--on", "trino://me:secret@host/c"), "a password stands in the address"),
        (("--on", "env:NO_SUCH_ENGINE"), "the address of the engine is not set"),
        (("--on", "pyspark://local[2]", "--incremental"), "--incremental asks for less or for more"),
    ],
)
def test_addresses_that_cannot_be_are_refused(project: Project, arguments: tuple[str, ...], why: str) -> None:
    """What is wrong with `--on` is exit 2, said without the secret."""
    written(project, *orders(3))
    done = project.type("drift", "records", "orders", *AT, *arguments)
    assert done.returncode == 2, done.stderr
    assert why in done.stderr
    assert "secret" not in done.stdout + done.stderr


SPARK = "pip install 'assay[spark]', and a Java runtime of version 17 or later"


@pytest.mark.full
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.skipif(find_spec("pyspark") is None or find_spec("ibis") is None, reason=SPARK)
def test_spark_finds_what_is_found_here(tmp_path: Path) -> None:
    """On pyspark://local[2], 20,000 records a side with all discrepancies, and every kind of field with odd values."""
    from assay.drift.pairs.elsewhere.engines import engine_of

    files = reconcile_data.write(tmp_path, 20_000)
    sides = ParquetFiles("shop", [files.left]), ParquetFiles("ERP", [files.right])
    engine = engine_of("pyspark://local[2]", tmp_path)
    try:
        here, there = both(reconcile_data.PAIR, sides, reconcile_data.AT, Elsewhere(engine))
        assert here == there
        odd = every_kind.written(tmp_path, 1_200, odd=0.8)
        here, there = both(every_kind.PAIR, odd, every_kind.AT, Elsewhere(engine))
        assert told(here) == told(there)
    finally:
        engine.close()
