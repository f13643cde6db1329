"""Where the rows of a side come from: files, databases. All are only read, and what could not be read is named.

`rows_of` opens what `source = { kind = …, … }` of a pair declares:

    { kind = "parquet", path = "exports/*.parquet" }
    { kind = "csv", path = "exports/*.csv.gz", delimiter = ";", encoding = "cp1252" }
    { kind = "jsonl", path = "exports/*.jsonl", columns = { email = "/customer/email" } }
    { kind = "sqlite", path = "shop.sqlite", table = "orders" }
    { kind = "postgresql", address = "env:ERP_DATABASE", query = "SELECT … FROM orders WHERE …" }
    { kind = "mysql", address = "mysql://reader@db.example/shop", password = "env:SHOP_PASSWORD", table = "orders" }
    { kind = "listing", listing = "orders" }
    { kind = "warehouse", table = "sales.orders" }     # of the engine that --on names
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from assay.drift.pairs.model import Side
from assay.drift.pairs.rows import Rows
from assay.drift.pairs.sources.files import ParquetFiles, files_of
from assay.drift.pairs.sources.landing import LandedRows, Landing, Parts
from assay.drift.pairs.sources.options import (
    CsvOptions,
    JsonLinesOptions,
    ListingOptions,
    MySqlOptions,
    Options,
    ParquetOptions,
    PostgresOptions,
    SqliteOptions,
    WarehouseOptions,
    options_of,
)
from assay.drift.pairs.sources.warehouse import WarehouseRows
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.drift.extracting import Systems

__all__ = ["Landing", "rows_of"]


def rows_of(
    side: Side,
    *,
    folder: Path,
    landing: Landing | None = None,
    at: datetime | None = None,
    systems: Systems | None = None,
) -> Rows:
    """Return a side's rows; nothing is read until they are attached.

    folder: where relative paths start. landing: where what is read is kept as Parquet, named after `at`; without one
    it goes with the rows. Parquet files are read where they are. systems: by which listings are read. `UsageError` for
    a source declared wrongly, `InfrastructureError`, when attached, for one that does not answer.
    """
    options = options_of(side.source)
    if isinstance(options, ParquetOptions):
        return ParquetFiles(side.system, files_of(options.path, folder))
    if isinstance(options, ListingOptions):
        from assay.drift.extracting import ListingRows

        if systems is None:
            raise UsageError("a listing is read from a system of an environment, and none is at hand here")
        return ListingRows(side.system, options, systems, folder)
    if isinstance(options, WarehouseOptions):
        return WarehouseRows(side.system, options)
    if isinstance(options, PostgresOptions):
        from assay.drift.pairs.sources.postgresql import Postgres

        server = Postgres(side.system, options, folder)
        return LandedRows(side.system, server.land, landing=landing, at=at, opened=server.opened)
    if isinstance(options, MySqlOptions):
        from assay.drift.pairs.sources.mysql import MySql

        database = MySql(side.system, options, folder)
        return LandedRows(side.system, database.land, landing=landing, at=at, opened=database.opened)
    return LandedRows(side.system, _reader(options, side, folder), landing=landing, at=at)


def _reader(options: Options, side: Side, folder: Path) -> Callable[[Parts], None]:
    """Return what lands a source; a database's driver is loaded for that kind alone."""
    match options:
        case CsvOptions():
            from assay.drift.pairs.sources.separated import land_separated

            paths = files_of(options.path, folder)
            return lambda parts: land_separated(paths, options, parts)
        case JsonLinesOptions():
            from assay.drift.pairs.sources.json_lines import land_json_lines

            texts = files_of(options.path, folder)
            return lambda parts: land_json_lines(texts, options, parts)
        case SqliteOptions():
            from assay.drift.pairs.sources.sqlite import land_sqlite

            place = files_of(options.path, folder)[0]
            return lambda parts: land_sqlite(side.system, place, options, parts)
    raise AssertionError(options)  # Parquet is read where it is
