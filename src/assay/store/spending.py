"""What synthetic orders spend in production, counted over every process that shares the store.

Whoever is about to order notes it first, in the same transaction in which the last hour is counted: of two processes
that ask at once for the last order of the hour, one is told no.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import sqlalchemy as sa

from assay.store.database import Database
from assay.store.schema import spendings, us

HOUR = timedelta(hours=1)

# Any number will do, as long as every Assay takes the same: PostgreSQL's lock while the hour is counted.
_LOCK = 0x0A55A8


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What an hour has seen: orders of any currency, and minor units of the one asked for."""

    orders: int
    minor: int


class Spending:
    """The orders of synthetic customers, and what they came to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(
        self,
        environment: str,
        currency: str,
        *,
        orders: int,
        now: datetime,
        most_orders: int,
        most_minor: int,
        steady: tuple[str, float] | None = None,
    ) -> tuple[int | None, Spent]:
        """Note that so many orders are about to be placed, unless the hour's budget is used up.

        Returns the number of the note (None: refused) and what the hour had seen before. A note that nobody settles,
        because its process was killed, counts as placed.

        steady: which start of which machine asks, and its seconds since then. What the same one noted is counted by
        these: setting the clock on or back neither frees a budget nor uses it up. A note of elsewhere that is dated in
        the future counts.
        """
        table = spendings
        boot, steady_s = steady or ("", 0.0)
        hour = sa.and_(table.c.environment == environment, _lately(now, boot, steady_s))
        minor = sa.case((table.c.currency == currency, table.c.minor), else_=0)
        sums = sa.select(sa.func.sum(table.c.orders), sa.func.sum(minor)).where(hour)
        row: dict[str, Any] = {
            "environment": environment,
            "currency": currency,
            "orders": orders,
            "at_us": us(now),
            "minor": 0,
        }
        if steady is not None:
            row |= {"boot": boot, "steady_s": int(steady_s)}
        with self._database.writing(durable=True) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            counted, summed = connection.execute(sums).one()
            spent = Spent(orders=int(counted or 0), minor=int(summed or 0))
            if spent.orders + orders > most_orders or spent.minor >= most_minor:
                return None, spent
            noted = connection.execute(sa.insert(table).values(row).returning(table.c.number))
            return int(noted.scalar_one()), spent

    def settle(self, number: int, *, orders: int | None, minor: int) -> None:
        """Keep what a note's orders came to in minor units, and how many there were; None leaves the number noted."""
        values = {"minor": minor} | ({} if orders is None else {"orders": orders})
        with self._database.writing(durable=True) as connection:
            connection.execute(sa.update(spendings).where(spendings.c.number == number).values(values))

    def usual(self, environment: str, currency: str) -> Fraction | None:
        """Return what an order came to on average, in minor units, over the last hundred notes; None without any."""
        table = spendings
        known = (table.c.environment == environment, table.c.currency == currency, table.c.minor > 0)
        last = sa.select(table.c.orders, table.c.minor).where(*known).order_by(table.c.number.desc()).limit(100)
        with self._database.reading() as connection:
            rows = connection.execute(last).all()
        orders = sum(row.orders for row in rows)
        return Fraction(sum(row.minor for row in rows), orders) if orders else None


def _lately(now: datetime, boot: str, steady_s: float) -> Any:
    """Return the condition that a note is of the last hour."""
    table = spendings.c
    by_clock = table.at_us > us(now - HOUR)
    if not boot:
        return by_clock
    elsewhere = sa.or_(table.boot.is_(None), table.boot != boot)
    since = int(steady_s - HOUR.total_seconds())
    return sa.or_(sa.and_(elsewhere, by_clock), sa.and_(table.boot == boot, table.steady_s > since))
