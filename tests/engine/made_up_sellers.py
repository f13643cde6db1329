"""A shop and a gateway made up of lists, for tests of checks that read what was sold and paid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from assay.records import Order, Payment

Now = Callable[[], datetime]


def _end_of_time() -> datetime:
    return datetime.max.replace(tzinfo=UTC)


@dataclass
class ListedShop:
    """A shop that lists those of its orders that are placed by now, and notes how often it was asked."""

    held: Sequence[Order]
    now: Now = _end_of_time
    asked: list[datetime] = field(default_factory=list)

    def place(self, purchase: object) -> str:
        """Sell to nobody."""
        raise LookupError("nobody buys here")

    def order(self, ref: str) -> Order:
        """Return an order."""
        return next(each for each in self.held if each.ref == ref)

    def orders(self, since: datetime, until: datetime) -> list[Order]:
        """Return the orders of a span."""
        self.asked.append(since)
        until = min(until, self.now())
        return [each for each in self.held if since <= each.placed_at < until]


@dataclass
class ListedGateway:
    """A gateway that lists those of its payments that are made by now."""

    held: Sequence[Payment]
    now: Now = _end_of_time

    def payment(self, ref: str) -> Payment:
        """Return a payment."""
        return next(each for each in self.held if each.ref == ref)

    def payments(self, since: datetime, until: datetime) -> list[Payment]:
        """Return the payments of a span."""
        until = min(until, self.now())
        return [each for each in self.held if since <= each.created_at < until]
