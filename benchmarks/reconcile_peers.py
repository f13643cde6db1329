"""The same two files compared by other tools, each as its users would write it: what they find, for `reconcile.py`.

Each function gets the files and returns the keys it calls different. They are told all that the pair declares and
their tool can say: words of a status, a minor unit of rounding, two seconds of skew, Unicode's composed form, fifteen
minutes until an order must be there. What a tool cannot say it finds as a difference.
"""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from benchmarks.reconcile_data import AT, GRACE, SKEW, STATUSES, Files

RIGHT = {
    "belegnummer": "order_id", "mail": "email", "zustand": "status", "waehrung": "currency", "brutto": "total_minor",
    "steuer": "tax_minor", "positionen": "items", "belegdatum": "placed_at", "angelegt": "arrived_at", "ort": "city",
    "zahlung": "payment_reference", "kanal": "store",
}  # fmt: skip
SAME = ("email", "status", "currency", "items", "city", "payment_reference", "store")
NEAR = {"total_minor": 1, "tax_minor": 1}
YOUNG = (AT - GRACE).replace(tzinfo=None)
_SKEW_US, _GRACE_US = int(SKEW.total_seconds() * 1e6), int(GRACE.total_seconds() * 1e6)
_MEMORY = "12GB"
Found = set[str]


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool: what it is called, what it is installed by, and how it compares. most: of rows a side."""

    shown: str
    modules: tuple[str, ...]
    install: str
    compare: Callable[[Files], Found]
    most: int = 10**9

    @property
    def absent(self) -> bool:
        """Whether a package is missing."""
        return any(find_spec(each) is None for each in self.modules)


def pandas(files: Files) -> Found:
    """Merge two frames with an indicator, and compare columns."""
    pd = import_module("pandas")
    left, right = pd.read_parquet(files.left), pd.read_parquet(files.right).rename(columns=RIGHT)
    copies = {key for side in (left, right) for key in side.loc[side["order_id"].duplicated(), "order_id"]}
    left["status"] = left["status"].map(STATUSES)
    for side in (left, right):
        side["city"] = side["city"].str.normalize("NFC")
    both = left.merge(right, on="order_id", how="outer", suffixes=("", "_r"), indicator=True)
    bad = (both["_merge"] == "right_only") | ((both["_merge"] == "left_only") & (both["placed_at"] <= YOUNG))
    apart = (both["placed_at_r"] - both["placed_at"]).abs() > SKEW
    for name in SAME:
        apart |= both[name] != both[f"{name}_r"]
    for name, most in NEAR.items():
        apart |= (both[name] - both[f"{name}_r"]).abs() > most
    apart |= both["arrived_at"] - both["placed_at"] > GRACE
    return copies | set(both.loc[bad | ((both["_merge"] == "both") & apart), "order_id"])


def pandas_objects(files: Files) -> Found:
    """Do the same with texts as Python's objects, which they were until pandas 3."""
    import_module("pandas").options.future.infer_string = False
    return pandas(files)


def datacompy(files: Files) -> Found:
    """Compare two frames by key, with a tolerance for each column of numbers."""
    pd, tool = import_module("pandas"), import_module("datacompy")
    left, right = pd.read_parquet(files.left), pd.read_parquet(files.right).rename(columns=RIGHT)
    late = set(right.loc[right["arrived_at"] - right["placed_at"] > GRACE, "order_id"])
    copies = {key for side in (left, right) for key in side.loc[side["order_id"].duplicated(), "order_id"]}
    left["status"] = left["status"].map(STATUSES)
    for side in (left, right):
        side["city"] = side["city"].str.normalize("NFC")
        side["placed_at"] = side["placed_at"].astype("datetime64[us]").astype("int64")
    left, right = left.drop(columns=["changed_at"]), right.drop(columns=["arrived_at"])
    tolerance = {**NEAR, "placed_at": _SKEW_US, "default": 0}
    found = tool.PandasCompare(left, right, join_columns="order_id", abs_tol=tolerance)
    young = int(YOUNG.timestamp()) * 10**6
    alone = found.df1_unq_rows.loc[found.df1_unq_rows["placed_at"] <= young, "order_id"]
    return late | copies | {*alone, *found.df2_unq_rows["order_id"], *found.all_mismatch()["order_id"]}


def polars(files: Files) -> Found:
    """Join two lazy frames, collected by the streaming engine."""
    pl = import_module("polars")
    left = pl.scan_parquet(files.left).with_columns(pl.col("status").replace_strict(STATUSES, default=None))
    right = pl.scan_parquet(files.right).rename(RIGHT)
    left, right = (side.with_columns(pl.col("city").str.normalize("NFC")) for side in (left, right))
    both = left.join(right, on="order_id", how="full", suffix="_r")
    alike = (pl.col("placed_at_r") - pl.col("placed_at")).abs() <= SKEW
    for name in SAME:
        alike &= pl.col(name) == pl.col(f"{name}_r")
    for name, most in NEAR.items():
        alike &= (pl.col(name) - pl.col(f"{name}_r")).abs() <= most
    alike &= pl.col("arrived_at") - pl.col("placed_at") <= GRACE
    in_flight = pl.col("order_id_r").is_null() & (pl.col("placed_at") > YOUNG)
    key = pl.coalesce("order_id", "order_id_r")
    queries = [both.filter(~alike.fill_null(False) & ~in_flight).select(key=key)]
    for side in (left, right):
        queries.append(side.group_by("order_id").len().filter(pl.col("len") > 1).select(key="order_id"))
    return {each for query in queries for each in query.collect(engine="streaming")["key"]}


def ibis(files: Files) -> Found:
    """Join two tables by expressions, run by its own engine, DuckDB."""
    tool = import_module("ibis")

    def nfc_normalize(text: str) -> str:
        """Stand for DuckDB's function of this name."""
        return text

    composed = tool.udf.scalar.builtin(nfc_normalize)
    connection = tool.duckdb.connect(memory_limit=_MEMORY, temp_directory=str(files.left.parent / "spill"))
    left = connection.read_parquet(files.left)
    right = connection.read_parquet(files.right).rename({new: old for old, new in RIGHT.items()})
    left = left.mutate(status=left.status.substitute(STATUSES, else_=tool.null("string")), city=composed(left.city))
    right = right.mutate(city=composed(right.city))
    both = left.outer_join(right, "order_id")
    alike = (both.placed_at_right.epoch_seconds() - both.placed_at.epoch_seconds()).abs() <= SKEW.total_seconds()
    for name in SAME:
        alike &= both[name] == both[f"{name}_right"]
    for name, most in NEAR.items():
        alike &= (both[name] - both[f"{name}_right"]).abs() <= most
    alike &= both.arrived_at.epoch_seconds() - both.placed_at.epoch_seconds() <= GRACE.total_seconds()
    in_flight = both.order_id_right.isnull() & (both.placed_at > YOUNG)
    key = tool.coalesce(both.order_id, both.order_id_right)
    queries = [both.filter(~alike.fill_null(False) & ~in_flight.fill_null(False)).select(key=key)]
    for side in (left, right):
        counted = side.group_by("order_id").agg(n=side.count())
        queries.append(counted.filter(counted.n > 1).select(key=counted.order_id))
    return {each for query in queries for each in query.to_pyarrow()["key"].to_pylist()}


def reladiff(files: Files) -> Found:
    """Compare two views of a database by checksums of segments; it knows no tolerance, and no key twice."""
    duckdb, tool = import_module("duckdb"), import_module("reladiff")
    path = files.left.parent / "reladiff.duckdb"
    path.unlink(missing_ok=True)
    words = " ".join(f"WHEN '{ours}' THEN '{theirs}'" for ours, theirs in STATUSES.items())
    with duckdb.connect(str(path)) as connection:
        for name, file in (("l", files.left), ("r", files.right)):
            columns = {old: new for old, new in RIGHT.items() if new != "arrived_at"}
            plain = ", ".join(f"{old} AS {new}" if name == "r" else new for old, new in columns.items())
            status = f" REPLACE (CASE status {words} END AS status)" if name == "l" else ""
            connection.execute(
                f"CREATE TABLE {name} AS SELECT *{status} FROM (SELECT DISTINCT ON (order_id) {plain} FROM '{file}')"
            )
    names = [new for new in RIGHT.values() if new not in ("order_id", "arrived_at")]
    place = {"driver": "duckdb", "filepath": str(path)}
    sides = [tool.connect_to_table(place, each, "order_id") for each in ("l", "r")]
    with contextlib.closing(sides[0].database), contextlib.closing(sides[1].database):
        return {str(row[1][0]) for row in tool.diff_tables(*sides, extra_columns=tuple(names))}


def pyspark(files: Files) -> Found:
    """Join two frames on local[2]; Spark knows no normal forms of Unicode, so Python's own are lent to it."""
    sql, context = import_module("pyspark.sql"), import_module("pyspark").SparkContext
    f = import_module("pyspark.sql.functions")
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    for name, value in (
        ("spark.driver.memory", "6g"), ("spark.sql.session.timeZone", "UTC"), ("spark.sql.shuffle.partitions", "16"),
        ("spark.driver.host", "127.0.0.1"), ("spark.driver.bindAddress", "127.0.0.1"),
    ):  # fmt: skip
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    composed = f.udf(lambda text: None if text is None else unicodedata.normalize("NFC", text))
    left = session.read.parquet(str(files.left)).replace(STATUSES, subset="status").drop("changed_at")
    right = session.read.parquet(str(files.right))
    right = right.select(*(f.col(old).alias(new if new == "arrived_at" else f"{new}_r") for old, new in RIGHT.items()))
    both = left.join(right, f.col("order_id") == f.col("order_id_r"), "full_outer")
    micros = {name: f.unix_micros(f.col(name).cast("timestamp")) for name in ("placed_at", "placed_at_r", "arrived_at")}
    alike = f.abs(micros["placed_at_r"] - micros["placed_at"]) <= _SKEW_US
    for name in SAME:
        if name != "city":
            alike &= f.col(name) == f.col(f"{name}_r")
    for name, most in NEAR.items():
        alike &= f.abs(f.col(name) - f.col(f"{name}_r")) <= most
    alike &= micros["arrived_at"] - micros["placed_at"] <= _GRACE_US
    alike &= (f.col("city") == f.col("city_r")) | (composed(f.col("city")) == composed(f.col("city_r")))
    in_flight = f.col("order_id_r").isNull() & (f.col("placed_at") > f.lit(YOUNG))
    key = f.coalesce("order_id", "order_id_r").alias("key")
    answers = [both.where(~f.coalesce(alike, f.lit(False)) & ~f.coalesce(in_flight, f.lit(False))).select(key)]
    for side, name in ((left, "order_id"), (right, "order_id_r")):
        answers.append(side.groupBy(f.col(name).alias("key")).count().where("count > 1").select("key"))
    found = {row[0] for answer in answers for row in answer.collect()}
    server = context._gateway.proc
    session.stop()
    context._gateway.shutdown()
    server.stdin.close()
    server.wait()  # only then its CPU is among that of children
    return found


PEERS: Mapping[str, Peer] = {
    "ibis": Peer("ibis on DuckDB", ("ibis", "duckdb"), "'ibis-framework[duckdb]'", ibis),
    "polars": Peer("Polars, streaming", ("polars",), "polars", polars),
    "pyspark": Peer("PySpark local[2]", ("pyspark",), "'pyspark>=4'", pyspark),
    "pandas": Peer("pandas", ("pandas", "pyarrow"), "pandas pyarrow", pandas, most=2_000_000),
    "pandas_objects": Peer(
        "pandas, texts as objects", ("pandas", "pyarrow"), "pandas pyarrow", pandas_objects, most=2_000_000
    ),
    "datacompy": Peer("datacompy", ("datacompy", "pandas"), "datacompy pyarrow", datacompy, most=2_000_000),
    "reladiff": Peer("reladiff on DuckDB", ("reladiff", "duckdb"), "'reladiff[duckdb]'", reladiff, most=2_000_000),
}
"""Those that hold all rows as Python has them are asked for two million a side at most."""
