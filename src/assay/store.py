"""The store: what was seen and found, kept on disk. SQLite by default, any SQLAlchemy URL otherwise.

It holds the edge's journal (already masked when it arrives) and the spans in which nobody listened. Several processes
may write.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from assay.errors import InfrastructureError, UsageError
from assay.records import Call

_VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_metadata = sa.MetaData()
_meta = sa.Table("meta", _metadata, sa.Column("version", sa.Integer, nullable=False))
_calls = sa.Table(
    "calls",
    _metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("environment", sa.String(64), nullable=False),
    sa.Column("at_us", sa.BigInteger, nullable=False, index=True),
    sa.Column("system", sa.String(64), nullable=False),
    sa.Column("way", sa.String(16), nullable=False),
    sa.Column("method", sa.String(16), nullable=False),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("duration_ms", sa.Integer, nullable=False),
    sa.Column("refused", sa.Boolean, nullable=False),
    sa.Column("fault", sa.String(32)),
    sa.Column("request_headers", sa.JSON, nullable=False),
    sa.Column("request_body", sa.Text, nullable=False),
    sa.Column("response_headers", sa.JSON, nullable=False),
    sa.Column("response_body", sa.Text, nullable=False),
)
_gaps = sa.Table(
    "gaps",
    _metadata,
    sa.Column("environment", sa.String(64), nullable=False),
    sa.Column("from_us", sa.BigInteger, nullable=False),
    sa.Column("until_us", sa.BigInteger, nullable=False),
)


class Store:
    """One open store."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def add_calls(self, environment: str, calls: Iterable[Call]) -> int:
        """Keep calls that are not kept yet (by id) and return how many were new, in one transaction."""
        rows = {call.id: _row(environment, call) for call in calls}
        if not rows:
            return 0
        with self._engine.begin() as connection:
            known = connection.scalars(sa.select(_calls.c.id).where(_calls.c.id.in_(rows))).all()
            fresh = [row for key, row in rows.items() if key not in set(known)]
            if fresh:
                connection.execute(sa.insert(_calls), fresh)
        return len(fresh)

    def calls(self, environment: str, *, since: datetime | None = None, until: datetime | None = None) -> list[Call]:
        """Return calls of [since, until), oldest first."""
        query = sa.select(_calls).where(_calls.c.environment == environment).order_by(_calls.c.at_us)
        if since is not None:
            query = query.where(_calls.c.at_us >= _us(since))
        if until is not None:
            query = query.where(_calls.c.at_us < _us(until))
        with self._engine.connect() as connection:
            return [_call(row) for row in connection.execute(query).mappings()]

    def summary(self, environment: str) -> Sequence[tuple[str, int, int, int]]:
        """Return (system, calls, calls answered 400 or worse, calls refused) by system."""
        failed = sa.func.sum(sa.case((_calls.c.status >= 400, 1), else_=0))
        refused = sa.func.sum(sa.case((_calls.c.refused, 1), else_=0))
        query = (
            sa.select(_calls.c.system, sa.func.count(), failed, refused)
            .where(_calls.c.environment == environment)
            .group_by(_calls.c.system)
            .order_by(_calls.c.system)
        )
        with self._engine.connect() as connection:
            return [(str(row[0]), int(row[1]), int(row[2]), int(row[3])) for row in connection.execute(query)]

    def add_gap(self, environment: str, since: datetime, until: datetime) -> None:
        """Remember a span in which the journal was not listening."""
        row = {"environment": environment, "from_us": _us(since), "until_us": _us(until)}
        with self._engine.begin() as connection:
            connection.execute(sa.insert(_gaps).values(**row))

    def gaps(self, environment: str) -> list[tuple[datetime, datetime]]:
        """Return the spans in which the journal was not listening, oldest first."""
        query = sa.select(_gaps).where(_gaps.c.environment == environment).order_by(_gaps.c.from_us)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [(_at(row["from_us"]), _at(row["until_us"])) for row in rows]

    def forget(self, environment: str) -> None:
        """Remove everything of one environment."""
        with self._engine.begin() as connection:
            for table in (_calls, _gaps):
                connection.execute(sa.delete(table).where(table.c.environment == environment))

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def open_store(where: Path | str) -> Store:
    """Open a store by file or SQLAlchemy URL, made when absent; `InfrastructureError` for one of a newer version."""
    url = where if isinstance(where, str) else f"sqlite:///{where}"
    if isinstance(where, Path):
        where.parent.mkdir(parents=True, exist_ok=True)
    try:
        engine = sa.create_engine(url, connect_args={"timeout": 30} if url.startswith("sqlite") else {})
    except (sa.exc.ArgumentError, ImportError) as error:
        raise UsageError(
            "that is no address of a store",
            expected="a file, or an SQLAlchemy URL whose driver is installed",
            seen=str(error).splitlines()[0],
        ) from None
    if url.startswith("sqlite"):
        sa.event.listen(engine, "connect", _write_ahead)
    try:
        with engine.begin() as connection:
            _metadata.create_all(connection, checkfirst=True)
            version = connection.scalar(sa.select(_meta.c.version))
            if version is None:
                connection.execute(sa.insert(_meta).values(version=_VERSION))
    except sa.exc.DBAPIError as error:
        raise InfrastructureError(
            "the store cannot be used",
            where=_shown(url),
            seen=str(error.orig),
            hint="is the disk full, or the file ours?",
        ) from error
    if version is not None and version > _VERSION:
        raise InfrastructureError(
            "the store was written by a newer Assay",
            where=_shown(url),
            expected=f"version {_VERSION} or older",
            seen=f"version {version}",
            hint="upgrade Assay, or name another store",
        )
    return Store(engine)


def _shown(url: str) -> str:
    return str(sa.make_url(url).render_as_string(hide_password=True))


def _write_ahead(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _us(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _at(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND


def _row(environment: str, call: Call) -> dict[str, Any]:
    fields = {name: getattr(call, name) for name in Call.__slots__ if name != "at"}
    return {"environment": environment, "at_us": _us(call.at), **fields}


def _call(row: Any) -> Call:
    fields = {name: row[name] for name in Call.__slots__ if name != "at"}
    return Call(at=_at(row["at_us"]), **fields)
