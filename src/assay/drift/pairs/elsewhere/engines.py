"""Engines that records can be compared on besides DuckDB: opened by their address, read by Ibis, and only ever read.

    pyspark://local[2]                 Spark within this process; pyspark://yarn, pyspark://host:7077 are clusters
    sc://host:15002                    Spark Connect
    trino://user@host:8080/catalog/schema
    snowflake://user@account/database/schema
    bigquery://project/dataset
    duckdb:///warehouse.duckdb

An address with a password is named, `env:NAME` or `file:PATH`, and is never printed.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from assay.drift.pairs.elsewhere.dialects import DIALECTS, BigQuery, Dialect, Snowflake, Spark, Trino
from assay.errors import AssayError, InfrastructureError, UsageError, did_you_mean
from assay.profile import read_credential

_SPARK = ("pyspark", "sc")
_SCHEMES: Mapping[str, type[Dialect]] = {
    "pyspark": Spark,
    "sc": Spark,
    "trino": Trino,
    "snowflake": Snowflake,
    "bigquery": BigQuery,
    "duckdb": Dialect,
}
_AT_ONCE = (Spark.name, Dialect.name)
"""Engines that Ibis reached and that are asked by their own way: its reading of plain SQL fits an older DuckDB."""
_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",  # two columns may be told apart by case alone, as everywhere else
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    # It would write what a filter asks for out to the raw columns, stage by stage: ten thousands of terms.
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.PushDownPredicates",
}
_LOCAL = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",
}


class Engine(Protocol):
    """What a comparison needs of an engine."""

    dialect: Dialect

    def files(self, name: str, paths: Sequence[Path]) -> str:
        """Return what stands after FROM for Parquet files; `UsageError` where it cannot reach them."""
        ...

    def columns(self, source: str) -> Mapping[str, pa.DataType]:
        """Return the columns of what stands after FROM."""
        ...

    def read(self, query: str) -> Iterator[pa.RecordBatch]:
        """Yield what a query answers; at least one batch, which may be empty."""
        ...

    def keep(self, name: str, query: str) -> str:
        """Return what stands after FROM for a query's answer that is asked for again."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Reached:
    """An engine that Ibis reached."""

    def __init__(self, connection: Any, dialect: Dialect, shown: str, done: Callable[[], None]) -> None:
        self._connection, self.dialect, self._shown, self._done = connection, dialect, shown, done

    def files(self, name: str, paths: Sequence[Path]) -> str:
        """Return a view of the files, of Spark."""
        if not self.dialect.reads_files:
            raise UsageError(
                f"{paths[0].name} is a file of this machine, which {self.dialect.shown} does not reach",
                expected='source = { kind = "warehouse", table = "…" }',
            )
        with self._guarded():
            session = self._connection._session
            rows = session.read.option("mergeSchema", "true").parquet(*(str(path) for path in paths))
            rows.createOrReplaceTempView(name)
        return name

    def columns(self, source: str) -> Mapping[str, pa.DataType]:
        """Return the columns and Arrow's types for them."""
        with self._guarded():
            query = f"SELECT * FROM {source} AS asked WHERE 1 = 0"  # noqa: S608 (names are quoted)
            if self.dialect.name == Dialect.name:
                return {each.name: each.type for each in self._table(query).schema}
            return {each.name: each.type for each in self._connection.sql(query).schema().to_pyarrow()}

    def read(self, query: str) -> Iterator[pa.RecordBatch]:
        """Yield the answer's rows."""
        with self._guarded():
            if self.dialect.name in _AT_ONCE:
                table = self._table(query)
                yield from table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
                return
            answer = self._connection.sql(query).to_pyarrow_batches()
            batches = 0
            for batch in answer:
                batches += 1
                yield batch
            if not batches:
                yield pa.RecordBatch.from_pylist([], schema=answer.schema)

    def _table(self, query: str) -> pa.Table:
        if self.dialect.name == Spark.name:
            return self._connection._session.sql(query).toArrow()
        return self._connection.con.sql(query).to_arrow_table()

    def keep(self, name: str, query: str) -> str:
        """Return a view whose rows Spark holds once asked for; of others the query itself, for nothing is written."""
        if self.dialect.name != Spark.name:
            return f"({query})"
        with self._guarded():
            kept = self._connection._session.sql(query).cache()
            kept.createOrReplaceTempView(name)
        return name

    def close(self) -> None:
        """End the session."""
        self._done()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except AssayError:
            raise
        except Exception as error:
            raise _explained(error, self.dialect, self._shown) from error


def engine_of(address: str, folder: Path) -> Engine:
    """Return the engine at an address; folder: where a relative path of `file:PATH` starts.

    `UsageError` for an address that is none, a password within it, or packages that are missing;
    `InfrastructureError` for an engine that does not answer.
    """
    said = _said(address, folder)
    scheme, separator, rest = said.partition("://")
    kind = _SCHEMES.get(scheme)
    if not separator or kind is None:
        known = ", ".join(f"{each}://" for each in _SCHEMES)
        hint = did_you_mean(scheme, _SCHEMES) if separator else "for example pyspark://local[2]"
        raise UsageError("that is no address of an engine", where="--on", expected=known, hint=hint)
    if said == address and re.match(r"[^/@]*:[^/@]*@", rest):
        raise UsageError(
            "a password stands in the address of an engine",
            where="--on",
            expected="--on env:NAME, with all of the address in that variable",
        )
    shown = f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
    dialect = kind()
    try:
        ibis = import_module("ibis")

        if scheme in _SPARK:
            return _spark(ibis, scheme, rest, dialect, shown)
        connection = ibis.connect(said)
    except ImportError as error:
        extra = "spark" if scheme in _SPARK else scheme
        package = "'assay[spark]'" if scheme in _SPARK else f"'ibis-framework[{extra}]'"
        raise UsageError(
            f"comparing on {dialect.shown} needs packages that are not installed",
            seen=str(error).splitlines()[0],
            hint=f"pip install {package}",
        ) from error
    except Exception as error:
        raise _explained(error, dialect, shown) from error
    return Reached(connection, dialect, shown, connection.disconnect)


def _said(address: str, folder: Path) -> str:
    """Return the address that is named, or this one."""
    kind, separator, name = address.partition(":")
    if kind not in ("env", "file") or not separator:
        return address
    value = read_credential(address if kind == "env" else f"file:{folder / Path(name).expanduser()}")
    if not value:
        raise UsageError("the address of the engine is not set", where=f"--on {address}")
    return value


def _spark(ibis: Any, scheme: str, rest: str, dialect: Dialect, shown: str) -> Reached:
    sessions = import_module("pyspark.sql").SparkSession

    logging.getLogger("py4j").setLevel(logging.ERROR)
    local = scheme == "pyspark" and rest.startswith("local")
    if local:
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = sessions.builder.appName("assay drift")
    if scheme == "sc":
        builder = builder.remote(f"sc://{rest}")
    else:
        builder = builder.master(rest if local or rest == "yarn" else f"spark://{rest}")
    for name, value in {**_SETTINGS, **(_LOCAL if local else {})}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    if scheme == "pyspark":
        session.sparkContext.setLogLevel("OFF")
    return Reached(ibis.pyspark.connect(session), dialect, shown, session.stop)


def _explained(error: Exception, dialect: Dialect, shown: str) -> AssayError:
    """Return what an engine says in our words: its first line, without what may be a secret."""
    first = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return InfrastructureError(
        f"{dialect.shown} did not answer what it was asked",
        where=shown,
        seen=re.sub(r"://[^/@\s]*@", "://", first)[:300],
        hint="Spark needs a Java runtime, 17 or later" if dialect.name == Spark.name and "JAVA" in first else None,
    )


__all__ = ["DIALECTS", "Engine", "Reached", "engine_of"]
