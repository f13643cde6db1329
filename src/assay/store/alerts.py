"""Alerts in the store: what each remembers, silences, and messages that wait for delivery.

A change of an alert and the messages it causes are one transaction: whoever is killed between the two has done neither
or both. Several processes share one alert: a change says which version it was made from, and the second is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from assay.store.database import Database
from assay.store.schema import alerts as _alerts
from assay.store.schema import at, storable, us
from assay.store.schema import deliveries as _deliveries
from assay.store.schema import silences as _silences

_MOST_NAMES = 500
QUEUED, SENDING, DELIVERED, GIVEN_UP = "queued", "sending", "delivered", "given up"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAlert:
    """One alert as it is kept. memory is what `assay.alerts.states.Memory.from_json` reads.

    The properties are what a page shows without knowing the machine behind it.
    """

    name: str
    state: str
    memory: Mapping[str, Any]
    version: int
    changed_at: datetime

    @property
    def since(self) -> datetime:
        """Since when it is in its state."""
        since = self.memory.get("state_since")
        return self.changed_at if since is None else at(since)

    @property
    def kind(self) -> str:
        """What it fires as (failing, unknown, unreachable, refused); empty where it does not."""
        return str(self.memory.get("kind", ""))

    @property
    def told(self) -> bool:
        """Whether people were told of it and not yet that it is over."""
        return "told" in self.memory

    @property
    def flapping(self) -> bool:
        """Whether it changes so often that it is told only once."""
        return bool(self.memory.get("flapping"))

    @property
    def severity(self) -> str:
        """One of page, ticket and info; empty where it never fired."""
        return str(self.memory.get("severity", ""))

    @property
    def suppressed_by(self) -> str | None:
        """The alert that takes its place."""
        return self.memory.get("suppressed_by") or None

    @property
    def children(self) -> tuple[str, ...]:
        """The alerts whose place it takes."""
        return tuple(self.memory.get("children", ()))

    @property
    def quiet(self) -> str:
        """Why nobody is woken although it is not well: a silence or a maintenance; empty where somebody would be."""
        return str(self.memory.get("quiet", ""))

    @property
    def summary(self) -> str:
        """Its sentence; empty where it is well."""
        return str(self.memory.get("summary", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One alert's next state. version is the one it was made from, 0 for an alert that was never kept."""

    name: str
    state: str
    memory: Mapping[str, Any]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message for one route. state: queued, sending, delivered or given up.

    number is 0 for one that no store holds. next_at: when it is tried next, or until when its holder is trying.
    said: what came back last.
    """

    alert: str
    route: str
    kind: str
    message: Mapping[str, Any]
    created_at: datetime
    number: int = 0
    state: str = QUEUED
    tries: int = 0
    next_at: datetime | None = None
    holder: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSilence:
    """Who wants to hear nothing of which monitors (names with * for any letters), why, and until when."""

    number: int
    monitors: tuple[str, ...]
    reason: str
    by: str
    created_at: datetime
    until: datetime
    ended_at: datetime | None = field(default=None)


class _Outdated(Exception):
    """Takes a transaction back whose changes were made from an older version."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)


class Alerts:
    """The rows of alerts, silences and deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def versions(self, environment: str, *, changed_since: datetime | None = None) -> dict[str, int]:
        """Return the version of each alert of an environment, or of those changed since then."""
        query = sa.select(_alerts.c.name, _alerts.c.version).where(_alerts.c.environment == environment)
        if changed_since is not None:
            query = query.where(_alerts.c.changed_us >= us(changed_since))
        with self._database.reading() as connection:
            return {row.name: row.version for row in connection.execute(query)}

    def load(self, environment: str, *, names: Sequence[str] | None = None) -> list[KeptAlert]:
        """Return the alerts of an environment by name: all, or these."""
        query = sa.select(_alerts).where(_alerts.c.environment == environment)
        # SQLite takes so many parameters and no more: of many names all rows are read.
        if names is not None and len(names) <= _MOST_NAMES:
            query = query.where(_alerts.c.name.in_(list(names)))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(_alerts.c.name)).all()
        wanted = frozenset(names or ())
        return [
            KeptAlert(
                name=row.name, state=row.state, memory=row.memory, version=row.version, changed_at=at(row.changed_us)
            )
            for row in rows
            if names is None or row.name in wanted
        ]

    def change(
        self, environment: str, changes: Sequence[Change], messages: Sequence[Delivery], *, now: datetime
    ) -> tuple[str, ...]:
        """Keep changes with the messages they cause, all or none, on disk when it returns.

        Returns the names that somebody else changed meanwhile: where there is one, nothing was kept.
        """
        try:
            with self._database.writing(durable=bool(messages)) as connection:
                # In one order: two processes that change the same alerts never wait for each other for ever.
                ordered = sorted(changes, key=lambda each: each.name)
                refused = [each.name for each in ordered if not self._changed(connection, environment, each, now)]
                if refused:
                    raise _Outdated(refused)
                if messages:
                    connection.execute(sa.insert(_deliveries), [_row(environment, each) for each in messages])
        except _Outdated as outdated:
            return outdated.names
        return ()

    def remove(self, environment: str, names: Sequence[str]) -> None:
        """Forget alerts of monitors that are no more."""
        with self._database.writing() as connection:
            connection.execute(
                sa.delete(_alerts).where(_alerts.c.environment == environment, _alerts.c.name.in_(list(names)))
            )

    def silence(
        self,
        environment: str,
        monitors: str | Sequence[str],
        reason: str,
        by: str,
        until: datetime,
        *,
        now: datetime | None = None,
    ) -> int:
        """Keep a silence and return its number."""
        patterns = (monitors,) if isinstance(monitors, str) else tuple(monitors)
        row = {
            "environment": environment,
            "monitors": "\n".join(patterns),
            "reason": storable(reason),
            "by": storable(by),
            "created_us": us(now or datetime.now(until.tzinfo)),
            "until_us": us(until),
        }
        with self._database.writing(durable=True) as connection:
            return int(connection.execute(sa.insert(_silences).values(row).returning(_silences.c.number)).scalar_one())

    def silences(self, environment: str, now: datetime | None) -> list[KeptSilence]:
        """Return the silences that hold now, or every one that was ever kept (now None), the oldest first."""
        query = sa.select(_silences).where(_silences.c.environment == environment)
        if now is not None:
            query = query.where(_silences.c.until_us > us(now), _silences.c.ended_us.is_(None))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(_silences.c.number)).all()
        return [
            KeptSilence(
                number=row.number,
                monitors=tuple(row.monitors.split("\n")),
                reason=row.reason,
                by=row.by,
                created_at=at(row.created_us),
                until=at(row.until_us),
                ended_at=None if row.ended_us is None else at(row.ended_us),
            )
            for row in rows
        ]

    def unsilence(self, number: int, now: datetime, *, environment: str | None = None) -> bool:
        """End a silence; False where none of that number holds."""
        mine = [_silences.c.number == number, _silences.c.ended_us.is_(None), _silences.c.until_us > us(now)]
        if environment is not None:
            mine.append(_silences.c.environment == environment)
        with self._database.writing(durable=True) as connection:
            return connection.execute(sa.update(_silences).where(*mine).values(ended_us=us(now))).rowcount == 1

    def claim(
        self, environment: str, *, holder: str, now: datetime, until: datetime, busy: Sequence[str] = (), most: int = 20
    ) -> list[Delivery]:
        """Take messages that are due for delivery, for one holder alone until then; the oldest of each alert and route.

        busy: routes that have enough to do. What a holder did not settle in time is taken by the next who asks.
        """
        table = _deliveries
        open_ = table.c.state.in_((QUEUED, SENDING))
        earlier = table.alias()
        first = ~sa.exists().where(
            earlier.c.environment == table.c.environment,
            earlier.c.alert == table.c.alert,
            earlier.c.route == table.c.route,
            earlier.c.state.in_((QUEUED, SENDING)),
            earlier.c.number < table.c.number,
        )
        due = sa.and_(table.c.environment == environment, open_, table.c.next_us <= us(now))
        query = sa.select(table.c.number, table.c.next_us).where(due, table.c.route.not_in(list(busy)), first)
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(table.c.number).limit(most)).all()
        if not found:
            return []
        taken: list[Any] = []
        with self._database.writing(durable=True) as connection:
            for number, next_us in found:
                mine = sa.and_(table.c.number == number, open_, table.c.next_us == next_us)
                take = sa.update(table).where(mine).values(state=SENDING, holder=holder, next_us=us(until))
                taken += connection.execute(take.returning(*table.c)).all()
        return [_delivery(row) for row in taken]

    def settle(
        self, number: int, *, holder: str, state: str, said: str, tries: int, next_at: datetime | None = None
    ) -> bool:
        """Keep what became of a try; False where somebody else took the message meanwhile."""
        values: dict[str, Any] = {"state": state, "said": storable(said), "tries": tries}
        if next_at is not None:
            values["next_us"] = us(next_at)
        mine = sa.and_(_deliveries.c.number == number, _deliveries.c.holder == holder, _deliveries.c.state == SENDING)
        with self._database.writing(durable=True) as connection:
            return connection.execute(sa.update(_deliveries).where(mine).values(values)).rowcount == 1

    def deliveries(
        self, environment: str, *, states: Sequence[str] = (), alert: str | None = None, limit: int = 200
    ) -> list[Delivery]:
        """Return messages, the latest first: of every state, or of these; of every alert, or of one."""
        query = sa.select(_deliveries).where(_deliveries.c.environment == environment)
        if states:
            query = query.where(_deliveries.c.state.in_(list(states)))
        if alert is not None:
            query = query.where(_deliveries.c.alert == alert)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(_deliveries.c.number.desc()).limit(limit)).all()
        return [_delivery(row) for row in rows]

    def undeliverable(self, environment: str, *, now: datetime) -> list[Delivery]:
        """Return what failed at least once and still waits, and what was given up within the last day."""
        table = _deliveries
        waiting = sa.and_(table.c.state.in_((QUEUED, SENDING)), table.c.tries > 0, table.c.said != "")
        given_up = sa.and_(table.c.state == GIVEN_UP, table.c.next_us > us(now - timedelta(days=1)))
        query = sa.select(table).where(table.c.environment == environment, sa.or_(waiting, given_up))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(table.c.number.desc()).limit(200)).all()
        return [_delivery(row) for row in rows]

    def retain(self, now: datetime, *, keep_s: float) -> int:
        """Remove settled messages and ended silences that are older, and return how many."""
        before = us(now - timedelta(seconds=keep_s))
        settled = _deliveries.c.state.in_((DELIVERED, GIVEN_UP))
        with self._database.writing() as connection:
            gone = connection.execute(sa.delete(_deliveries).where(settled, _deliveries.c.created_us < before)).rowcount
            return gone + connection.execute(sa.delete(_silences).where(_silences.c.until_us < before)).rowcount

    def _changed(self, connection: sa.Connection, environment: str, change: Change, now: datetime) -> bool:
        values = {
            "state": change.state,
            "memory": storable(change.memory),
            "version": change.version + 1,
            "changed_us": us(now),
        }
        if change.version == 0:
            row = {"environment": environment, "name": change.name, **values}
            insert = self._database.insert(_alerts).values(row)
            # PostgreSQL's driver does not count inserted rows.
            return connection.execute(insert.on_conflict_do_nothing().returning(_alerts.c.version)).first() is not None
        mine = sa.and_(
            _alerts.c.environment == environment, _alerts.c.name == change.name, _alerts.c.version == change.version
        )
        return connection.execute(sa.update(_alerts).where(mine).values(values)).rowcount == 1


def _row(environment: str, delivery: Delivery) -> dict[str, Any]:
    return {
        "environment": environment,
        "alert": delivery.alert,
        "route": delivery.route,
        "kind": delivery.kind,
        "message": storable(delivery.message),
        "state": delivery.state,
        "tries": delivery.tries,
        "created_us": us(delivery.created_at),
        "next_us": us(delivery.next_at or delivery.created_at),
        "holder": delivery.holder,
        "said": storable(delivery.said),
    }


def _delivery(row: Any) -> Delivery:
    return Delivery(
        number=row.number,
        alert=row.alert,
        route=row.route,
        kind=row.kind,
        message=row.message,
        created_at=at(row.created_us),
        state=row.state,
        tries=row.tries,
        next_at=at(row.next_us),
        holder=row.holder,
        said=row.said,
    )
