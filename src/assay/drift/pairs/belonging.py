"""Which rows of a source belong to a side: a system lists more than a pair compares, and some of it not for ever.

    only = { kind = "order", rejected = false, hold = "" }    # "" is a text that is empty, or no value at all
    valid = ["valid_from", "valid_until"]                     # now in [from, until); an end that is empty is open

    query = "SELECT order_ref, sum(net) AS net FROM rows GROUP BY order_ref"   # what those rows are as records

Wrapped around any source, so that whoever reads the rows of a side (keys, windows, dimensions, a single record, an
incremental pass) sees the same ones. What cannot be told is not guessed: a column that is not there, or holds another
type, is a `UsageError`; a row whose validity cannot be read is named, and then nothing is called missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import duckdb

from assay.drift.pairs.canonical import Column, instant, prepare
from assay.drift.pairs.connecting import connect
from assay.drift.pairs.model import Pair, Plain, Side, SideName
from assay.drift.pairs.rows import Rows, quoted, settings
from assay.errors import UsageError, did_you_mean

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MEMORY_MB = 256
_MOST_ENDS = 24
"""So many validities that are over are looked into, the last ones."""
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT")
_NOTHING = '"NULL"'
"""The type of a column that holds nothing at all."""
_FAMILIES = (
    ("true or false", "true", bool, ("BOOLEAN",)),
    ("a number", "3", int, (*_NUMBERS, "DECIMAL", "DOUBLE", "FLOAT")),
    ("a text", '"text"', str, ("VARCHAR", "JSON", "ENUM", "UUID")),
)
"""What a column is in words, how it is written, and of which types it is."""


def belonging(pair: Pair, left: Rows, right: Rows, at: datetime) -> tuple[Rows, Rows]:
    """Return both sides' rows that are of their population at an instant; the very rows where all of them are."""
    return _of_side(pair, "left", left, at), _of_side(pair, "right", right, at)


def _of_side(pair: Pair, name: SideName, rows: Rows, at: datetime) -> Rows:
    side = pair.left if name == "left" else pair.right
    if getattr(rows, "belong", False) or not (side.only or side.valid or side.query):
        return rows
    place = f"pair '{pair.name}', {name}"
    return Belonging(rows, side, at, f"{pair.declared_in}: {place}" if pair.declared_in else place)


def only_text(only: Mapping[str, Sequence[Plain]]) -> str:
    """Return what a side compares only, in words: `kind = order, rejected = false`."""
    return ", ".join(f"{name} = {' or '.join(map(_shown, values))}" for name, values in only.items())


class Belonging:
    """The rows behind it, cut to what belongs to a side at an instant."""

    belong = True
    """That nobody need cut them again."""

    def __init__(self, rows: Rows, side: Side, at: datetime, place: str) -> None:
        self.rows, self.side, self.at, self._place = rows, side, at, place
        self._unread: tuple[str, ...] = ()

    @property
    def unread(self) -> Sequence[str]:
        """What the rows behind it say, and how many do not say when they are valid."""
        return (*self.rows.unread, *self._unread)

    def earlier(self) -> Sequence[tuple[datetime, Rows]]:
        """Return the rows that were valid before, and what was landed earlier of the rows behind it, cut alike."""
        behind = getattr(self.rows, "earlier", None)
        landed = behind() if behind else ()
        return [*self._ended(), *((at, Belonging(rows, self.side, self.at, self._place)) for at, rows in landed)]

    def _ended(self) -> Sequence[tuple[datetime, Rows]]:
        """Return the rows at the last instant of each validity that is over, the one that ended last first."""
        if self.side.valid is None:
            return []
        now = (self.at.astimezone(UTC) - _EPOCH) // _MICROSECOND
        with connect(settings(_MEMORY_MB)) as connection:
            prepare(connection)
            source = self.rows.attach(connection, "assay_ended")
            described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
            types = {str(row[0]): str(row[1]) for row in described}
            ends = instant(Column(self.side.valid[1], types[self.side.valid[1]]), self.side.zone).value
            over = f"SELECT DISTINCT {ends} AS until FROM {source} WHERE {ends} <= {now}"  # noqa: S608
            found = connection.execute(f"{over} ORDER BY 1 DESC LIMIT {_MOST_ENDS}").fetchall()
        last = [_EPOCH + (int(row[0]) - 1) * _MICROSECOND for row in found]
        return [(at, Belonging(self.rows, self.side, at, self._place)) for at in last]

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Return the rows behind it, cut by a filter; `UsageError` for a column that cannot say what it should."""
        source = self.rows.attach(connection, name)
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
        columns = {str(row[0]): Column(str(row[0]), str(row[1])) for row in described}
        wanted = [*self.side.only, *(self.side.valid or ())]
        if not columns.keys() & {*wanted, *self.side.key}:
            some = connection.execute(f"SELECT 1 FROM {source} LIMIT 1").fetchall()  # noqa: S608 (names are quoted)
            if not some:
                return source  # no rows may mean no columns, either
        for each in wanted:
            self._refuse_missing(each, columns)
        conditions = [self._is_one_of(columns[each], values) for each, values in self.side.only.items()]
        kept = f"{source} WHERE {' AND '.join(conditions) or 'true'}"
        if self.side.valid:
            prepare(connection)
            conditions += self._is_valid(connection, [columns[each] for each in self.side.valid], kept)
        chosen = f"SELECT * FROM {source} WHERE {' AND '.join(conditions) or 'true'}"  # noqa: S608 (names are quoted)
        return f"({chosen})" if self.side.query is None else self._made_of(connection, self.side.query, chosen)

    def _made_of(self, connection: duckdb.DuckDBPyConnection, query: str, chosen: str) -> str:
        """Return what the side's own query makes of the rows; `UsageError` where it is none over them."""
        made = f"(WITH rows AS ({chosen}) SELECT * FROM (\n{query}\n))"  # noqa: S608 (the query is the owner's)
        try:
            one = [each.type.name for each in connection.extract_statements(query)] == ["SELECT"]
            if one:
                prepare(connection)
                connection.execute(f"DESCRIBE SELECT * FROM {made}").fetchall()  # noqa: S608 (it is one SELECT)
                return made
            seen = "several statements, or one that is no SELECT"
        except duckdb.Error as error:
            seen = str(error).strip().splitlines()[0]
        raise UsageError(
            f"the query over the rows of {self.side.system} cannot be asked",
            where=f"{self._place}, query",
            expected="one SELECT … FROM rows, in DuckDB's SQL",
            seen=seen,
        )

    def _refuse_missing(self, name: str, columns: Mapping[str, Column]) -> None:
        if name not in columns:
            raise UsageError(
                f"the rows of {self.side.system} have no column '{name}'",
                where=f"{self._place}, {'only' if name in self.side.only else 'valid'}",
                expected=", ".join(columns),
                seen=name,
                hint=did_you_mean(name, columns),
            )

    def _is_one_of(self, column: Column, values: Sequence[Plain]) -> str:
        """Return the SQL of whether a column has one of these values; "" stands for none, too."""
        listed = [self._sql(column, value) for value in values if value != ""]
        found = [f"{column.raw} IN ({', '.join(listed)})"] if listed else []
        if "" in values:
            found.append(f"{column.raw} IS NULL")
            if column.is_text:
                found.append(f"{column.raw} = ''")
        return f"coalesce({' OR '.join(found)}, false)"

    def _sql(self, column: Column, value: Plain) -> str:
        for what, example, of, types in _FAMILIES:
            if column.type == _NOTHING:
                return "NULL"
            if not column.type.startswith(types) or column.type.endswith("]"):
                continue
            if type(value) is of:
                return quoted(value) if isinstance(value, str) else _shown(value)
            raise UsageError(
                f"'{column.name}' of {self.side.system} is {what}, and is never {value!r}",
                where=f"{self._place}, only.{column.name}",
                hint=f"write for example only = {{ {column.name} = {example} }}",
            )
        raise UsageError(
            f"'{column.name}' of {self.side.system} is {column.type}, by which rows are not chosen",
            where=f"{self._place}, only.{column.name}",
            expected="a column of texts, numbers or truth values",
        )

    def _is_valid(self, connection: duckdb.DuckDBPyConnection, ends: Sequence[Column], kept: str) -> list[str]:
        """Return the SQL of whether the instant lies in a row's validity, and note how many do not say."""
        now = (self.at.astimezone(UTC) - _EPOCH) // _MICROSECOND
        found, unread = [], []
        for column, holds in zip(ends, (f"<= {now}", f"> {now}"), strict=True):
            self._refuse_no_instant(column)
            value = instant(column, self.side.zone).value
            nothing = f"({column.raw} IS NULL" + (f" OR {column.raw} = '')" if column.is_text else ")")
            found.append(f"({nothing} OR coalesce({value} {holds}, false))")
            query = f"SELECT count(*) FROM {kept} AND NOT {nothing} AND ({value}) IS NULL"  # noqa: S608
            rows = int(connection.execute(query).fetchall()[0][0])
            if rows:
                unread.append(f"'{column.name}' is no instant of the years 1 to 9999 in {rows:,} row{'s' * (rows > 1)}")
        self._unread = tuple(unread)
        return found

    def _refuse_no_instant(self, column: Column) -> None:
        number = column.type in _NUMBERS
        since_1970 = self.side.zone in {"epoch", "epoch_ms"}
        if column.is_text or column.type.startswith((_NOTHING, "DATE", "TIMESTAMP")) or (number and since_1970):
            return
        raise UsageError(
            f"'{column.name}' of {self.side.system} is {column.type}, and no instant or date",
            where=f"{self._place}, valid",
            hint='numbers since 1970 are read with zone = "epoch" or "epoch_ms"' if number else None,
        )


def _shown(value: Plain) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "nothing" if value == "" else str(value)
