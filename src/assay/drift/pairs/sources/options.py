"""What a side's `source` may say, kind by kind: every key typed, unknown ones refused with the nearest.

Errors of this module name no place: whoever reads the file of pairs knows it, and adds it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationError, field_validator, model_validator

from assay.errors import UsageError, did_you_mean
from assay.profile_watch import Span, Table

LONGEST_LINE = 16 * 2**20
"""Bytes of one line of text; a longer one is named and left out, and never held."""

Path_ = Annotated[str, Field(min_length=1)]
_READS = re.compile(r"(?is)\s*(select|with|values|table)\b")


class ParquetOptions(Table):
    """Parquet files."""

    kind: Literal["parquet"]
    path: Path_


class TextOptions(Table):
    """Files of text, one record a line or so; `.gz` is unpacked while it is read."""

    path: Path_
    encoding: str = "utf-8"
    longest_line: int = Field(LONGEST_LINE, ge=64, le=2**30)

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError(f"no encoding is called '{value}'") from None


class CsvOptions(TextOptions):
    """Separated values. names: the columns of a file without a line of names."""

    kind: Literal["csv"]
    delimiter: str = Field(",", min_length=1, max_length=1)
    quote: str = Field('"', min_length=1, max_length=1)
    names: tuple[Annotated[str, Field(min_length=1)], ...] | None = None


class JsonLinesOptions(TextOptions):
    """A JSON object a line. columns: further ones from within, as JSON pointers: `{ email = "/customer/email" }`."""

    kind: Literal["jsonl"]
    columns: dict[Annotated[str, Field(min_length=1)], Annotated[str, Field(pattern="^/")]] = Field(
        default_factory=dict
    )


class QueryOptions(Table):
    """What is read of a database: a table or view, or the answer to a query."""

    table: str | None = Field(None, min_length=1)
    query: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError('a database is read by table = "orders" or by query = "SELECT …", one of the two')
        if self.query is not None and not _READS.match(self.query):
            raise ValueError("a source is only read: its query begins with SELECT or WITH")
        return self

    def relation(self, mark: str = '"') -> str:
        """Return what stands after FROM; mark: how this database quotes a name."""
        if self.table is not None:
            return ".".join(mark + part.replace(mark, mark * 2) + mark for part in self.table.split("."))
        # The line end closes a comment that the query may end in.
        return f"(\n{(self.query or '').strip().rstrip(';')}\n)"


class SqliteOptions(QueryOptions):
    """A file of SQLite."""

    kind: Literal["sqlite"]
    path: Path_


class ServerOptions(QueryOptions):
    """A database server. address: `env:NAME` or `file:PATH` of a URL, or a URL without a password.

    password: `env:NAME` or `file:PATH`, where the address holds none. timeout: how long the query may take.
    """

    address: str = Field(min_length=1)
    password: str | None = None
    timeout: Span = 3600.0

    @field_validator("password")
    @classmethod
    def _by_name(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("env:", "file:")):
            # The value is never repeated: it may be the secret itself.
            raise ValueError("password must be 'env:VARIABLE' or 'file:PATH', never the secret itself")
        return value


class PostgresOptions(ServerOptions):
    """PostgreSQL."""

    kind: Literal["postgresql"]


class MySqlOptions(ServerOptions):
    """MySQL and MariaDB. ca_file: a PEM file; with it the connection is TLS and the server's certificate checked."""

    kind: Literal["mysql"]
    ca_file: str | None = None


class WarehouseOptions(QueryOptions):
    """A table, view or query of an engine that records are compared on: `assay drift records --on`."""

    kind: Literal["warehouse"]


def _several(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


def _file_or_column(value: object) -> str:
    return "~file" if isinstance(value, str) else "~column"


class ListingReading(Table):
    """How a listing of a system of the profile is read by its API.

    back: how far back all of it is read; again: how far back it is read again where the system does not list changes;
    census: how old the last whole read may be. behind: how long before now it ends. overlap: how far a read reaches
    into the one before. fresh: what is younger is not read again. page: the most records one answer surely holds;
    least: the narrowest span the system tells apart. per_second: how often it may be asked; wait: how long one request
    may wait, for that or because the system says so. keep: how long landings stay. hashed, plain: personal columns, as
    a keyed hash or as they are; hash_key: `env:NAME` or `file:PATH`. articles: of a listing that is read key by key, a
    file with one key a line, or the column of another listing. currencies: of a listing of prices.
    """

    listing: str
    back: Span = 30 * 86_400.0
    again: Span = 2 * 86_400.0
    census: Span = 7 * 86_400.0
    behind: Span | None = None
    overlap: Span = 300.0
    fresh: Span = 60.0
    page: int = Field(100, ge=1, le=100_000)
    least: Span | None = None
    per_second: float | None = Field(None, gt=0)
    wait: Span = 300.0
    keep: Span = 7 * 86_400.0
    hashed: tuple[Path_, ...] = ()
    plain: tuple[Path_, ...] = ()
    hash_key: str | None = None
    articles: Articles | None = None
    currencies: tuple[Annotated[str, Field(pattern="^[A-Z]{3}$")], ...] = ()

    @field_validator("hash_key")
    @classmethod
    def _by_name(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("env:", "file:")):
            # The value is never repeated: it may be the secret itself.
            raise ValueError("hash_key must be 'env:VARIABLE' or 'file:PATH', never the key itself")
        return value


class ListingOptions(ListingReading):
    """A listing of a side's own system."""

    kind: Literal["listing"]


class KeyColumn(ListingReading):
    """The keys of a listing that is read key by key: a column of another one, the members of a list each for itself.

    It is read as any listing is, by the same words; a pair that compares it should say the same ones. only: of its rows
    those alone that have one of these values in these columns.
    """

    system: Path_
    column: Path_
    only: dict[str, Annotated[tuple[bool | str | int, ...], BeforeValidator(_several)]] = Field(default_factory=dict)

    @property
    def options(self) -> ListingOptions:
        """Return how that listing is read."""
        said = self.model_dump(exclude={"system", "column", "only"}, exclude_unset=True)
        return ListingOptions.model_validate({"kind": "listing", **said})


Articles = Annotated[
    Annotated[Path_, Tag("~file")] | Annotated[KeyColumn, Tag("~column")], Discriminator(_file_or_column)
]
for _each in (ListingReading, ListingOptions, KeyColumn):
    _each.model_rebuild()


Options = (
    ParquetOptions
    | CsvOptions
    | JsonLinesOptions
    | SqliteOptions
    | PostgresOptions
    | MySqlOptions
    | ListingOptions
    | WarehouseOptions
)
KINDS: Mapping[str, type[Options]] = {
    "parquet": ParquetOptions,
    "csv": CsvOptions,
    "jsonl": JsonLinesOptions,
    "sqlite": SqliteOptions,
    "postgresql": PostgresOptions,
    "mysql": MySqlOptions,
    "listing": ListingOptions,
    "warehouse": WarehouseOptions,
}
_ALSO = {
    "mariadb": "mysql",
    "postgres": "postgresql",
    "ndjson": "jsonl",
    "json": "jsonl",
    "tsv": "csv",
    "api": "listing",
}


def options_of(source: Mapping[str, Any]) -> Options:
    """Return a source's options; `UsageError` says which key is wrong."""
    said = str(source.get("kind"))
    kind = "mysql" if said == "mariadb" else said
    if kind not in KINDS:
        near = f"did you mean '{_ALSO[kind]}'?" if kind in _ALSO else did_you_mean(kind, KINDS)
        raise UsageError("no such kind of source", expected=", ".join(KINDS), seen=said, hint=near)
    try:
        return KINDS[kind].model_validate({**source, "kind": kind})
    except ValidationError as error:
        raise _explained(error, KINDS[kind]) from None


def _explained(error: ValidationError, model: type[Options]) -> UsageError:
    # A misspelt key is why another one is missing: say it first.
    problem = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    fields = (KeyColumn if "~column" in problem["loc"] else model).model_fields
    parts = [str(part) for part in problem["loc"] if part not in ("~file", "~column")]
    key = ".".join(parts)
    if problem["type"] == "extra_forbidden":
        return UsageError(f"a source has no key '{key}'", hint=did_you_mean(parts[-1], fields))
    if problem["type"] == "missing":
        return UsageError(f"'{key}' of the source is missing", expected=", ".join(fields))
    message = problem["msg"].removeprefix("Value error, ")
    # What was seen is not repeated: it may hold a password.
    return UsageError(f"the source is wrong: {message}", expected=f"another {key}" if key else None)
