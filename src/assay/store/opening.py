"""Opens a store, makes it where there is none, and brings an older one up to date."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from assay.errors import InfrastructureError
from assay.events import Outcome
from assay.records import Call
from assay.store import housekeeping, journal, results, schema
from assay.store.alerts import Alerts
from assay.store.database import Database, connect
from assay.store.intents import Intents
from assay.store.journal import CalledHost
from assay.store.learned import Learned
from assay.store.leases import holders, lease, release
from assay.store.probes import Probes
from assay.store.recording import Recorder
from assay.store.results import StoredRun
from assay.store.spending import Spending
from assay.store.switches import Switches
from assay.store.turns import Turns
from assay.store.windows import Windows

# Any number will do, as long as every Assay takes the same: PostgreSQL's lock while a store is made or migrated.
_LOCK = 0x0A55A7


class Store:
    """One open store. Every method raises `InfrastructureError` where the store is locked, full, read-only or away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.alerts = Alerts(database)
        self.intents = Intents(database)
        self.spending = Spending(database)
        self.switches = Switches(database)
        self.probes = Probes(database)
        self.turns = Turns(database)
        self.learned = Learned(database)
        self.windows = Windows(database)

    @property
    def address(self) -> str:
        """Where the store is, without its password."""
        return self._database.address

    def recorder(self, environment: str, *, keep_one_in: int = 20) -> Recorder:
        """Return a listener that keeps runs and outcomes; it never disturbs the run (see `Recorder`).

        keep_one_in: exchanges are kept of every failed outcome, and of the first of each so many that passed.
        """
        return Recorder(self._database, environment, keep_one_in)

    def runs(self, environment: str, *, limit: int = 20) -> list[StoredRun]:
        """Return the last runs, the latest first."""
        return results.runs(self._database, environment, limit)

    def outcomes(self, run_id: str) -> list[Outcome]:
        """Return the outcomes of a run in the order they began, whole but for dossiers and sampled exchanges."""
        return results.outcomes(self._database, run_id)

    def last_evaluated(self, environment: str, *, before: str | None = None) -> frozenset[str]:
        """Return the oracles that reached a verdict in the last finished run, or in the last one before that run."""
        return results.last_evaluated(self._database, environment, before)

    def lease(
        self, environment: str, names: Sequence[str], *, holder: str, now: datetime, until: datetime, count: int = 0
    ) -> tuple[str, ...]:
        """Take `count` free ones of these names for one holder alone (0: all of them), or none and return ().

        names: what nobody else may touch meanwhile: SKUs, a customer, a coupon. A lease ends at `until` by itself.
        """
        return lease(self._database, environment, names, holder=holder, now=now, until=until, count=count)

    def holders(self, environment: str, names: Sequence[str]) -> frozenset[str]:
        """Return who has leased any of these names."""
        return holders(self._database, environment, names)

    def release(self, environment: str, *holders: str) -> None:
        """Give back whatever these holders have leased, in one transaction."""
        release(self._database, environment, holders)

    def add_calls(self, environment: str, calls: Iterable[Call]) -> int:
        """Keep calls that are not kept yet (by id) and return how many were new, in one transaction."""
        return journal.add_calls(self._database, environment, calls)

    def calls(
        self,
        environment: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        but: Collection[str] = (),
    ) -> list[Call]:
        """Return calls of [since, until), oldest first, without those of these ids, whose bodies are not even read."""
        return journal.calls(self._database, environment, since, until, but)

    def lots(
        self, environment: str, *, since: datetime | None = None, until: datetime | None = None, size: int = 1_000
    ) -> Iterator[list[Call]]:
        """Return calls of [since, until), oldest first, so many at a time."""
        return journal.lots(self._database, environment, since, until, size)

    def summary(self, environment: str) -> Sequence[tuple[str, int, int, int]]:
        """Return (system, calls, calls answered 400 or worse, calls refused) by system."""
        return journal.summary(self._database, environment)

    def hosts(self, environment: str, *, since: datetime | None = None) -> list[CalledHost]:
        """Return every host the platform called since then, with counts, first and last time."""
        return journal.hosts(self._database, environment, since)

    def add_gap(self, environment: str, since: datetime, until: datetime) -> None:
        """Remember a span in which the journal was not listening."""
        journal.add_gap(self._database, environment, since, until)

    def gaps(self, environment: str) -> list[tuple[datetime, datetime]]:
        """Return the spans in which the journal was not listening, oldest first."""
        return journal.gaps(self._database, environment)

    def forget(self, environment: str) -> None:
        """Remove everything of one environment but what is still to be undone in real systems."""
        housekeeping.forget(self._database, environment)

    def prune(self, *, keep_days: int, now: datetime, environment: str | None = None) -> Mapping[str, int]:
        """Remove what is older than so many days and return how many rows of each table; open intents always stay.

        environment: this one's alone; of all by default.
        """
        return housekeeping.prune(self._database, keep_days, now, environment)

    def close(self) -> None:
        """Close the connections."""
        self._database.engine.dispose()


def open_store(where: Path | str, *, patience_s: float = 30.0) -> Store:
    """Open a store by file or SQLAlchemy URL; made when absent, migrated when older.

    patience_s: how long a write waits for somebody else's. Raises `UsageError` for an address of nothing,
    `InfrastructureError` for a store of a newer version or one that cannot be used.
    """
    url = where if isinstance(where, str) else f"sqlite:///{where}"
    if isinstance(where, Path):
        _make_folder(where.parent)
    database = connect(url, patience_s)
    try:
        _bring_up_to_date(database)
    except BaseException:
        database.engine.dispose()
        raise
    return Store(database)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InfrastructureError(
            f"the store's folder cannot be made: {error.strerror}",
            where=str(folder),
            hint="make its place writable, or name another store with ASSAY_STORE",
        ) from None


def _bring_up_to_date(database: Database) -> None:
    with database.reading() as connection:
        version = _version(connection)
    if version == schema.VERSION:
        return
    _refuse_newer(version, database)
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        version = _version(connection)  # another process may have been quicker
        _refuse_newer(version, database)
        if version is None:
            schema.metadata.create_all(connection)
            connection.execute(sa.insert(schema.meta).values(version=schema.VERSION))
        elif version < schema.VERSION:
            from assay.store.migrations import upgrade  # alembic: a store up to date never needs it

            upgrade(connection, version, schema.VERSION)
            connection.execute(sa.update(schema.meta).values(version=schema.VERSION))


def _version(connection: sa.Connection) -> int | None:
    if not sa.inspect(connection).has_table(schema.meta.name):
        return None
    version = connection.scalar(sa.select(schema.meta.c.version))
    return None if version is None else int(version)


def _refuse_newer(version: int | None, database: Database) -> None:
    if version is not None and version > schema.VERSION:
        raise InfrastructureError(
            "the store was written by a newer Assay",
            where=database.address,
            expected=f"version {schema.VERSION} or older",
            seen=f"version {version}",
            hint="upgrade Assay, or name another store",
        )
