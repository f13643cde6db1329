"""Whose turn it is: of several processes that share the store one runs a monitor, once for each time it is due.

Over PostgreSQL a process that takes turns keeps a `Presence`, an advisory lock of its own connection: the moment it
ends, or is cut off, the server drops the lock, and others see it. A lease that the holder renews is the second line,
for a machine that vanished without a word.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from assay.errors import InfrastructureError
from assay.holder import is_gone
from assay.store.database import Database
from assay.store.schema import at, us
from assay.store.schema import turns as _turns

# Any number will do, as long as every Assay takes the same: the class of PostgreSQL's advisory locks of processes.
_CLASS = 0x0A55A9
_AHEAD = timedelta(minutes=1)
"""A turn of the future was taken by a clock that was ahead, and is over when clocks are right again."""
_KEY = ("environment", "monitor", "location")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTurn:
    """A turn somebody took and has not finished."""

    monitor: str
    location: str
    due_at: datetime
    holder: str


class Presence:
    """A connection whose advisory lock says that this process lives and reaches the store."""

    def __init__(self, connection: Any, address: str, trouble: type[Exception]) -> None:
        self._connection = connection
        self._address = address
        self._trouble = trouble

    def server_time(self) -> datetime:
        """Return the server's clock; `InfrastructureError` where the connection, and with it the lock, is lost."""
        try:
            told: datetime = self._connection.execute("SELECT clock_timestamp()").fetchone()[0]
        except self._trouble as error:
            self.close()
            said = str(error).strip().splitlines()
            raise InfrastructureError(
                "the connection to the store was lost",
                where=self._address,
                seen=said[0] if said else type(error).__name__,
                hint="is the database server up?",
            ) from None
        return told.astimezone(UTC)

    def close(self) -> None:
        """Give the lock up."""
        self._connection.close()


class Turns:
    """The turns of every environment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._announced: set[str] = set()

    @property
    def shared(self) -> bool:
        """Whether several processes may take turns here: a server's store; a file is one process's."""
        return self._database.engine.dialect.name == "postgresql"

    def present(self, holder: str) -> Presence | None:
        """Say that this holder lives until the presence is closed or its connection lost; None over a file."""
        if not self.shared:
            return None
        driver = self._database.detached()
        for setting in ("tcp_keepalives_idle = 5", "tcp_keepalives_interval = 2", "tcp_keepalives_count = 3"):
            driver.execute(f"SET {setting}")
        driver.execute("SELECT pg_advisory_lock(%s, %s)", (_CLASS, presence_of(holder)))
        self._announced.add(holder)
        return Presence(driver, self._database.address, self._database.engine.dialect.loaded_dbapi.Error)

    def take(
        self,
        environment: str,
        monitor: str,
        location: str,
        *,
        due_at: datetime,
        holder: str,
        now: datetime,
        until: datetime,
    ) -> bool:
        """Take the turn of a monitor that was due then, for this holder until `until`; False where it is not free.

        It is not where it, or a later one, was taken before, or a living holder is still busy with an earlier one.
        """
        row = {
            **dict(zip(_KEY, (environment, monitor, location), strict=True)),
            "due_us": us(due_at),
            "holder": holder,
            "until_us": us(until),
            "presence": presence_of(holder) if holder in self._announced else 0,  # else the lease is all there is
            "done": False,
        }
        asked = {**row, "now_us": us(now), "ahead_us": us(now + _AHEAD), "dead": ""}
        take = self._database.statement("turn", _take)
        with self._database.writing() as connection:
            if connection.execute(take, asked).first():
                return True
            busy = connection.execute(_HOLDER, row).scalar()
            if busy is None or not is_gone(busy.rpartition("@")[2]):
                return False
            return bool(connection.execute(take, {**asked, "dead": busy}).first())

    def extend(self, environment: str, holder: str, *, until: datetime) -> frozenset[tuple[str, str]]:
        """Keep every turn of a holder until then; return the (monitor, location) of those that are still its own."""
        extend = sa.update(_turns).where(*_busy(environment, holder)).values(until_us=us(until))
        with self._database.writing() as connection:
            found = connection.execute(extend.returning(_turns.c.monitor, _turns.c.location))
            return frozenset((monitor, location) for monitor, location in found)

    def touch(self, environment: str, holder: str, now: datetime) -> None:
        """Write something: a store that is full, or may only be read, says so even to whoever holds no turn."""
        row = {"environment": environment, "monitor": "", "location": "", "due_us": us(now), "holder": holder}
        row |= {"until_us": us(now), "presence": 0, "done": True}
        with self._database.writing() as connection:
            connection.execute(self._database.statement("touch", _touch), row)

    def holds(self, environment: str, monitor: str, location: str, *, due_at: datetime, holder: str) -> bool:
        """Whether that turn is still this holder's: nobody took it, or a later one, over."""
        query = sa.select(_turns.c.done).where(*_this(environment, monitor, location, due_at, holder))
        with self._database.reading() as connection:
            return connection.execute(query).scalar() is False

    def finish(self, environment: str, monitor: str, location: str, *, due_at: datetime, holder: str) -> bool:
        """Say that a turn was run; False where it was somebody else's by then."""
        finish = sa.update(_turns).where(*_this(environment, monitor, location, due_at, holder)).values(done=True)
        with self._database.writing() as connection:
            return connection.execute(finish).rowcount == 1

    def abandon(self, environment: str, *holders: str) -> None:
        """End every turn of these holders, of all where none is named: whoever held them is known to be gone."""
        abandon = sa.update(_turns).where(_turns.c.environment == environment, _turns.c.done.is_(False))
        if holders:
            abandon = abandon.where(_turns.c.holder.in_(holders))
        with self._database.writing() as connection:
            connection.execute(abandon.values(done=True))

    def held(self, environment: str) -> list[HeldTurn]:
        """Return the turns that are taken and not finished, by monitor."""
        query = sa.select(_turns).where(_turns.c.environment == environment, _turns.c.done.is_(False))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(_turns.c.monitor, _turns.c.location)).all()
        return [
            HeldTurn(monitor=row.monitor, location=row.location, due_at=at(row.due_us), holder=row.holder)
            for row in rows
        ]

    def is_absent(self, environment: str, process: str) -> bool:
        """Whether a process (`assay.holder.ourselves`) took turns here and is known to the server to be gone."""
        if not self.shared:
            return False
        query = sa.select(_turns.c.presence, _present(_turns.c.presence)).where(
            _turns.c.environment == environment,
            _turns.c.presence != 0,
            _turns.c.holder.endswith(f"@{process}", autoescape=True),
        )
        with self._database.reading() as connection:
            found = connection.execute(query).all()
        return bool(found) and not any(present for _, present in found)


def presence_of(holder: str) -> int:
    """Return the number of a holder's advisory lock: 31 bits that are not 0."""
    return zlib.crc32(holder.encode()) & 0x7FFFFFFF or 1


_HOLDER = sa.select(_turns.c.holder).where(
    *(_turns.c[name] == sa.bindparam(name) for name in _KEY), _turns.c.done.is_(False)
)


def _busy(environment: str, holder: str) -> tuple[Any, ...]:
    return _turns.c.environment == environment, _turns.c.holder == holder, _turns.c.done.is_(False)


def _this(environment: str, monitor: str, location: str, due_at: datetime, holder: str) -> tuple[Any, ...]:
    named = (_turns.c.monitor == monitor, _turns.c.location == location, _turns.c.due_us == us(due_at))
    return (*_busy(environment, holder), *named)


def _take(database: Database) -> Any:
    """Return the INSERT that takes a turn and says so, or changes nothing: one question and its answer."""
    columns = (*_KEY, "due_us", "holder", "until_us", "presence", "done")
    insert = database.insert(_turns).values({name: sa.bindparam(name) for name in columns})
    free = [
        _turns.c.done,
        _turns.c.until_us <= sa.bindparam("now_us"),
        _turns.c.holder == sa.bindparam("dead"),
    ]
    if database.engine.dialect.name == "postgresql":
        free.append(sa.and_(_turns.c.presence != 0, sa.not_(_present(_turns.c.presence))))
    later = sa.or_(_turns.c.due_us < insert.excluded.due_us, _turns.c.due_us > sa.bindparam("ahead_us"))
    return insert.on_conflict_do_update(
        index_elements=list(_KEY),
        set_={name: getattr(insert.excluded, name) for name in columns[3:]},
        where=sa.and_(later, sa.or_(*free)),
    ).returning(_turns.c.due_us)


def _touch(database: Database) -> Any:
    insert = database.insert(_turns)
    told = ("due_us", "holder", "until_us", "presence", "done")
    return insert.on_conflict_do_update(
        index_elements=list(_KEY), set_={name: getattr(insert.excluded, name) for name in told}
    )


def _present(number: Any) -> Any:
    """Return the condition that somebody holds the advisory lock of this number in this database."""
    locks = sa.table("pg_locks", *map(sa.column, ("locktype", "database", "classid", "objid", "objsubid", "granted")))
    databases = sa.table("pg_database", sa.column("oid"), sa.column("datname"))
    ours = sa.select(databases.c.oid).where(databases.c.datname == sa.func.current_database()).scalar_subquery()
    return sa.exists().where(
        locks.c.locktype == "advisory",
        locks.c.database == ours,
        locks.c.classid == sa.literal_column(str(_CLASS)),
        sa.cast(locks.c.objid, sa.BigInteger) == number,
        locks.c.objsubid == 2,
        locks.c.granted,
    )
