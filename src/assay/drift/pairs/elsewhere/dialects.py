"""The words of each engine's SQL that the plan is written in: one class each, and nothing that an engine lacks.

Every function here is exact or answers NULL. Nothing is asked of an engine's own zones, locales or text formats of
instants: they differ from engine to engine, and the plan reckons those from parts (see `zones`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

DAY = 86_400_000_000
"""Microseconds."""
_SECOND = r"\]\s*[^\],}\s]"
"""What stands in a text after a whole list of JSON, or within one of its texts."""


class Dialect:
    """What all engines share, in the words of DuckDB. `name` is also what sqlglot calls the dialect."""

    name: ClassVar[str] = "duckdb"
    shown: ClassVar[str] = "DuckDB"
    string: ClassVar[str] = "VARCHAR"
    whole: ClassVar[str] = "BIGINT"
    double: ClassVar[str] = "DOUBLE"
    keeps_scale: ClassVar[bool] = True
    """Whether a decimal's text has as many decimals as its type, so that 1.50 stays apart from 1.5."""
    normalises: ClassVar[bool] = True
    """Whether it knows Unicode's normal form; without, texts in two forms come back and are told apart here."""
    reads_files: ClassVar[bool] = False
    opens_json: ClassVar[bool] = True
    """Whether lines that are JSON text can be opened there."""
    has_lines: ClassVar[bool] = True

    def named(self, name: str) -> str:
        """Write a column."""
        return '"' + name.replace('"', '""') + '"'

    def quoted(self, text: str) -> str:
        """Write a text."""
        return "'" + text.replace("'", "''") + "'"

    def text(self, sql: str) -> str:
        """Return a value as text."""
        return f"CAST({sql} AS {self.string})"

    def matches(self, text: str, pattern: str) -> str:
        """Return whether all of a text is of a pattern; of patterns, only what every engine knows is used."""
        return f"regexp_full_match({text}, {self.quoted(pattern)})"

    def decimal(self, sql: str, precision: int, scale: int) -> str:
        """Return a decimal of a text or a decimal that is known to fit; NULL or anything for what does not."""
        return f"TRY_CAST({sql} AS DECIMAL({precision}, {scale}))"

    def of_double(self, sql: str, precision: int, scale: int) -> str:
        """Return a floating-point number, rounded, as a decimal; NULL for what is no number or too large."""
        return self.decimal(sql, precision, scale)

    def constant(self, digits: str) -> str:
        """Write an exact number."""
        return digits

    def number(self, text: str) -> str:
        """Return the whole number that a text of digits is."""
        return f"TRY_CAST({text} AS {self.whole})"

    def day_of(self, text: str) -> str:
        """Return the day of a text like 2026-12-24, in days since 1970; NULL for no day of the calendar."""
        return self.days(f"TRY_CAST({text} AS DATE)")

    def days(self, date: str) -> str:
        """Return a date in days since 1970."""
        return f"date_diff('day', DATE '1970-01-01', {date})"

    def micros(self, timestamp: str, *, zoned: bool) -> str:
        """Return a timestamp in microseconds since 1970; zoned: it is an instant, and no wall clock's time."""
        del zoned
        return f"epoch_us({timestamp})"

    def quotient(self, above: str, below: str) -> str:
        """Return a whole quotient, cut off."""
        return f"(({above}) // ({below}))"

    def hashed(self, text: str) -> str:
        """Return 64 bits of a text, as a signed whole number."""
        return f"CAST(CAST(hash({text}) % 9223372036854775807 AS HUGEINT) AS BIGINT)"

    def composed(self, text: str) -> str:
        """Return a text in Unicode's composed form, or as it is."""
        return f"nfc_normalize({text})"

    def padded(self, text: str) -> str:
        """Return six digits: these, and noughts behind them."""
        return f"rpad({text}, 6, '0')"

    def sorted_lines(self, column: str, line: str, *, json: bool) -> str:
        """Return the texts of a list's members, sorted and put together; `line` is SQL of one member, `line`."""
        of = f"CAST(CASE WHEN json_type(TRY_CAST({column} AS JSON)) = 'ARRAY' THEN {column} END AS JSON[])"
        return f"array_to_string(list_sort(list_transform({of if json else column}, lambda line: {line})), '|')"

    def member(self, name: str, *, json: bool) -> str:
        """Return a member of a line."""
        return f"(line ->> {self.quoted('$.' + self.named(name))})" if json else f"line.{self.named(name)}"


class Spark(Dialect):
    """Spark 3.5 and 4: the built-in functions of Spark SQL. The session's zone is UTC."""

    name: ClassVar[str] = "spark"
    shown: ClassVar[str] = "Spark"
    string: ClassVar[str] = "STRING"
    normalises: ClassVar[bool] = False
    reads_files: ClassVar[bool] = True

    def named(self, name: str) -> str:
        """Write a column."""
        return "`" + name.replace("`", "``") + "`"

    def quoted(self, text: str) -> str:
        """Write a text; a backslash would escape what follows it."""
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def matches(self, text: str, pattern: str) -> str:
        """Return whether all of a text is of a pattern; `$` would let a line end pass."""
        return f"({text} RLIKE {self.quoted(f'^(?:{pattern})' + chr(92) + 'z')})"

    def days(self, date: str) -> str:
        """Return a date in days since 1970."""
        return f"unix_date({date})"

    def micros(self, timestamp: str, *, zoned: bool) -> str:
        """Return a timestamp in microseconds since 1970."""
        return f"unix_micros({timestamp if zoned else f'CAST({timestamp} AS TIMESTAMP)'})"

    def quotient(self, above: str, below: str) -> str:
        """Return a whole quotient, cut off."""
        return f"(({above}) div ({below}))"

    def hashed(self, text: str) -> str:
        """Return 64 bits of a text."""
        return f"xxhash64({text})"

    def composed(self, text: str) -> str:
        """Return the text as it is."""
        return text

    def sorted_lines(self, column: str, line: str, *, json: bool) -> str:
        """Return the texts of a list's members. Only strict JSON is opened, and one document alone."""
        of = column
        if json:
            strict = "map('allowSingleQuotes', 'false', 'mode', 'PERMISSIVE')"
            opened = f"from_json({column}, 'array<map<string,string>>', {strict})"
            whole = self.matches(column, r"(?s)\s*\[.*\]\s*")
            two = f"({column} RLIKE {self.quoted(_SECOND)})"
            of = f"CASE WHEN {whole} AND NOT {two} THEN {opened} END"
        return f"array_join(array_sort(transform({of}, line -> {line})), '|')"

    def member(self, name: str, *, json: bool) -> str:
        """Return a member of a line."""
        return f"try_element_at(line, {self.quoted(name)})" if json else f"line.{self.named(name)}"


class Trino(Dialect):
    """Trino."""

    name: ClassVar[str] = "trino"
    shown: ClassVar[str] = "Trino"

    def matches(self, text: str, pattern: str) -> str:
        """Return whether all of a text is of a pattern."""
        return f"regexp_like({text}, {self.quoted(f'^(?:{pattern})' + chr(92) + 'z')})"

    def constant(self, digits: str) -> str:
        """Write an exact number, whatever the session takes a literal for."""
        return f"DECIMAL '{digits}'" if "." in digits else digits

    def micros(self, timestamp: str, *, zoned: bool) -> str:
        """Return a timestamp in microseconds since 1970; a double holds them up to the year 2255."""
        del zoned
        return f"CAST(round(to_unixtime({timestamp}) * 1000000) AS BIGINT)"

    def quotient(self, above: str, below: str) -> str:
        """Return a whole quotient: of whole numbers, `/` is cut off."""
        return f"(({above}) / ({below}))"

    def hashed(self, text: str) -> str:
        """Return 64 bits of a text."""
        return f"from_big_endian_64(xxhash64(to_utf8({text})))"

    def composed(self, text: str) -> str:
        """Return a text in the composed form, which is the one that is taken unless another is named."""
        return f"normalize({text})"

    def sorted_lines(self, column: str, line: str, *, json: bool) -> str:
        """Return the texts of a list's members."""
        of = f"TRY(CAST(json_parse({column}) AS ARRAY(MAP(VARCHAR, VARCHAR))))" if json else column
        return f"array_join(array_sort(transform({of}, line -> {line})), '|')"

    def member(self, name: str, *, json: bool) -> str:
        """Return a member of a line."""
        return f"element_at(line, {self.quoted(name)})" if json else f"line.{self.named(name)}"


class Snowflake(Dialect):
    """Snowflake. Its TRY_CAST takes texts alone; numbers are cast once they are known to fit."""

    name: ClassVar[str] = "snowflake"
    shown: ClassVar[str] = "Snowflake"
    normalises: ClassVar[bool] = False
    opens_json: ClassVar[bool] = False
    has_lines: ClassVar[bool] = False

    def quoted(self, text: str) -> str:
        """Write a text; a backslash would escape what follows it."""
        return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"

    def matches(self, text: str, pattern: str) -> str:
        """Return whether all of a text is of a pattern, as this function asks anyway."""
        return f"REGEXP_LIKE({text}, {self.quoted(pattern)})"

    def decimal(self, sql: str, precision: int, scale: int) -> str:
        """Return a decimal of a decimal that fits, or of its text."""
        return f"TRY_CAST(CAST({sql} AS VARCHAR) AS DECIMAL({precision}, {scale}))"

    def of_double(self, sql: str, precision: int, scale: int) -> str:
        """Return a floating-point number as a decimal, once it is known to fit."""
        most = 10 ** (precision - scale) - 1
        return f"CASE WHEN ABS({sql}) < {most} THEN CAST({sql} AS DECIMAL({precision}, {scale})) END"

    def number(self, text: str) -> str:
        """Return the whole number that a text of digits is."""
        return f"TRY_CAST({text} AS DECIMAL(38, 0))"

    def day_of(self, text: str) -> str:
        """Return the day of a text like 2026-12-24."""
        return self.days(f"TRY_TO_DATE({text}, 'YYYY-MM-DD')")

    def days(self, date: str) -> str:
        """Return a date in days since 1970."""
        return f"DATEDIFF(DAY, CAST('1970-01-01' AS DATE), {date})"

    def micros(self, timestamp: str, *, zoned: bool) -> str:
        """Return a timestamp in microseconds since 1970."""
        del zoned
        return f"DATE_PART(EPOCH_MICROSECOND, {timestamp})"

    def quotient(self, above: str, below: str) -> str:
        """Return a whole quotient; `/` would round it to six decimals."""
        return f"((({above}) - MOD({above}, {below})) / ({below}))"

    def hashed(self, text: str) -> str:
        """Return 64 bits of a text."""
        return f"HASH({text})"

    def composed(self, text: str) -> str:
        """Return the text as it is."""
        return text

    def padded(self, text: str) -> str:
        """Return six digits."""
        return f"RPAD({text}, 6, '0')"


class BigQuery(Dialect):
    """BigQuery's standard SQL. Decimals are BIGNUMERIC throughout: 38 digits on both sides of the point."""

    name: ClassVar[str] = "bigquery"
    shown: ClassVar[str] = "BigQuery"
    string: ClassVar[str] = "STRING"
    whole: ClassVar[str] = "INT64"
    double: ClassVar[str] = "FLOAT64"
    keeps_scale: ClassVar[bool] = False
    opens_json: ClassVar[bool] = False

    def named(self, name: str) -> str:
        """Write a column."""
        return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"

    def quoted(self, text: str) -> str:
        """Write a text; a backslash would escape what follows it."""
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"

    def matches(self, text: str, pattern: str) -> str:
        """Return whether all of a text is of a pattern."""
        return f"REGEXP_CONTAINS({text}, {self.quoted(f'^(?:{pattern})' + chr(92) + 'z')})"

    def decimal(self, sql: str, precision: int, scale: int) -> str:
        """Return a decimal; what has more decimals than asked for was refused before."""
        del precision, scale
        return f"SAFE_CAST({sql} AS BIGNUMERIC)"

    def of_double(self, sql: str, precision: int, scale: int) -> str:
        """Return a floating-point number, rounded, as a decimal."""
        most = 10 ** (precision - scale) - 1
        return f"CASE WHEN ABS({sql}) < {most} THEN ROUND(SAFE_CAST({sql} AS BIGNUMERIC), {scale}) END"

    def constant(self, digits: str) -> str:
        """Write an exact number; a literal with a point would be a floating-point one."""
        return f"CAST('{digits}' AS BIGNUMERIC)" if "." in digits or len(digits) > 18 else digits

    def number(self, text: str) -> str:
        """Return the whole number that a text of digits is."""
        return f"SAFE_CAST({text} AS INT64)"

    def day_of(self, text: str) -> str:
        """Return the day of a text like 2026-12-24."""
        return self.days(f"SAFE_CAST({text} AS DATE)")

    def days(self, date: str) -> str:
        """Return a date in days since 1970."""
        return f"UNIX_DATE({date})"

    def micros(self, timestamp: str, *, zoned: bool) -> str:
        """Return a timestamp in microseconds since 1970; a DATETIME is taken for one of UTC."""
        return f"UNIX_MICROS({timestamp if zoned else f'CAST({timestamp} AS TIMESTAMP)'})"

    def quotient(self, above: str, below: str) -> str:
        """Return a whole quotient, cut off."""
        return f"DIV({above}, {below})"

    def hashed(self, text: str) -> str:
        """Return 64 bits of a text."""
        return f"FARM_FINGERPRINT({text})"

    def composed(self, text: str) -> str:
        """Return a text in the composed form."""
        return f"NORMALIZE({text}, NFC)"

    def padded(self, text: str) -> str:
        """Return six digits."""
        return f"RPAD({text}, 6, '0')"

    def sorted_lines(self, column: str, line: str, *, json: bool) -> str:
        """Return the texts of a list's members; an empty list is none, and none an empty one."""
        del json
        made = f"ARRAY(SELECT {line} FROM UNNEST({column}) AS line ORDER BY 1)"  # noqa: S608 (names are quoted)
        return f"ARRAY_TO_STRING({made}, '|')"


DIALECTS: Sequence[type[Dialect]] = (Dialect, Spark, Trino, Snowflake, BigQuery)
