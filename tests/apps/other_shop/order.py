"""Orders: what was bought by whom, in which state it is, and how it gets from one state to the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tests.apps.other_shop import notice, stock
from tests.apps.other_shop.database import as_instant
from tests.apps.other_shop.trouble import Refusal

OPEN, PAID, BOOKED, SHIPPED, CANCELLED = "offen", "bezahlt", "verbucht", "versandt", "storniert"
_STAMPS = {PAID: "paid_at", BOOKED: "booked_at", SHIPPED: "shipped_at", CANCELLED: "cancelled_at"}


@dataclass(frozen=True, slots=True)
class Line:
    """One article in an order; the unit price contains the unit tax."""

    sku: str
    title: str
    quantity: int
    unit_price: Decimal
    unit_tax: Decimal
    tax_percent: Decimal

    @property
    def total(self) -> Decimal:
        """Price of all pieces, tax included."""
        return self.unit_price * self.quantity

    @property
    def tax(self) -> Decimal:
        """Tax of all pieces."""
        return self.unit_tax * self.quantity


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who bought, and where the parcel goes."""

    email: str
    name: str
    street: str
    zip: str
    city: str
    country: str
    phone: str


@dataclass(frozen=True, slots=True)
class Payment:
    """What Stripe was asked for: minor units and currency as sent, and what came of it."""

    key: str
    method: str
    status: str
    amount: int
    currency: str
    intent: str | None
    client_secret: str | None


@dataclass(frozen=True, slots=True)
class Refund:
    """What Stripe was asked to give back, in minor units."""

    key: str
    status: str
    amount: int
    currency: str
    refund: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the database holds it; instants are text in UTC."""

    number: str
    state: str
    currency: str
    total: Decimal
    tax: Decimal
    recipient: Recipient
    lines: Sequence[Line]
    payment: Payment | None
    refund: Refund | None
    created_at: str
    changed_at: str
    paid_at: str | None
    booked_at: str | None
    shipped_at: str | None
    cancelled_at: str | None
    cancel_reason: str | None
    sap_document: str | None
    sap_rejected_at: str | None
    shipment: str | None
    tracking_number: str | None
    label_voided_at: str | None
    problem: str | None


def take_number(connection: sqlite3.Connection, now: datetime, *, first: int) -> str:
    """Return the next order number of the year, `W-2026-000123`; a year begins with `first`."""
    row = connection.execute(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT (year) DO UPDATE SET last = last + 1 RETURNING last",
        (now.year, first),
    ).fetchone()
    return f"W-{now.year}-{row['last']:06d}"


def insert(
    connection: sqlite3.Connection,
    number: str,
    now: datetime,
    *,
    currency: str,
    recipient: Recipient,
    lines: Sequence[Line],
) -> None:
    """Write a new order down, `offen`."""
    total, tax = sum(line.total for line in lines), sum(line.tax for line in lines)
    to = recipient
    moment = as_instant(now)
    connection.execute(
        "INSERT INTO orders (number, state, currency, total, tax, email, name, street, zip, city, country, phone,"
        " created_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (number, OPEN, currency, str(total), str(tax), to.email, to.name, to.street, to.zip, to.city, to.country,
         to.phone, moment, moment),
    )  # fmt: skip
    connection.executemany(
        "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (number, position, x.sku, x.title, x.quantity, str(x.unit_price), str(x.unit_tax), str(x.tax_percent))
            for position, x in enumerate(lines, start=1)
        ],
    )
    notice.announce(connection, number, now)


def load(connection: sqlite3.Connection, number: str) -> Order:
    """Return the order of that number, or refuse."""
    found = load_all(connection, [number])
    if not found:
        raise Refusal("UNKNOWN_ORDER", f"number: no order {number!r}", number=number)
    return found[0]


def load_all(connection: sqlite3.Connection, numbers: Sequence[str]) -> list[Order]:
    """Return the orders of those numbers by creation, with four queries however many they are."""
    marks = ", ".join("?" * len(numbers))

    def rows(table: str, column: str, order: str) -> Iterable[sqlite3.Row]:
        return connection.execute(f"SELECT * FROM {table} WHERE {column} IN ({marks}) ORDER BY {order}", numbers)

    lines: dict[str, list[Line]] = {number: [] for number in numbers}
    for row in rows("lines", "order_number", "order_number, position"):
        prices = (Decimal(row["unit_price"]), Decimal(row["unit_tax"]), Decimal(row["tax_percent"]))
        lines[row["order_number"]].append(Line(row["sku"], row["title"], row["quantity"], *prices))
    payments = {
        row["order_number"]: Payment(*tuple(row)[1:]) for row in rows("payments", "order_number", "order_number")
    }
    refunds = {row["order_number"]: Refund(*tuple(row)[1:]) for row in rows("refunds", "order_number", "order_number")}
    return [
        _order(row, lines[row["number"]], payments.get(row["number"]), refunds.get(row["number"]))
        for row in rows("orders", "number", "created_at, number")
    ]


def _order(row: sqlite3.Row, lines: Sequence[Line], payment: Payment | None, refund: Refund | None) -> Order:
    fields = {name: row[name] for name in row.keys()}  # noqa: SIM118 - iterating a Row gives its values
    recipient = Recipient(**{name: fields.pop(name) for name in Recipient.__slots__})
    total, tax = Decimal(fields.pop("total")), Decimal(fields.pop("tax"))
    return Order(total=total, tax=tax, recipient=recipient, lines=lines, payment=payment, refund=refund, **fields)


def find_between(
    connection: sqlite3.Connection, since: datetime, until: datetime, *, first: int, after: str
) -> tuple[list[Order], bool]:
    """Return orders created in [since, until) by creation, `first` at most from beyond `after`; and if more follow."""
    rows = connection.execute(
        "SELECT number FROM orders WHERE created_at >= ? AND created_at < ? AND (created_at, number) >"
        " (coalesce((SELECT created_at FROM orders WHERE number = ?), ''), ?) ORDER BY created_at, number LIMIT ?",
        (as_instant(since), as_instant(until), after, after, first + 1),
    ).fetchall()
    return load_all(connection, [row["number"] for row in rows[:first]]), len(rows) > first


def advance(
    connection: sqlite3.Connection, number: str, now: datetime, *, before: Sequence[str], after: str, **facts: str
) -> None:
    """Move an order from one of the states `before` to `after`, note facts learned with it, and announce the change."""
    names = [_STAMPS[after], *facts]
    assignments = "".join(f", {name} = ?" for name in names)
    moment = as_instant(now)
    done = connection.execute(
        f"UPDATE orders SET state = ?, changed_at = ?, problem = NULL{assignments}"
        f" WHERE number = ? AND state IN ({', '.join('?' * len(before))})",
        (after, moment, moment, *facts.values(), number, *before),
    )
    if done.rowcount == 0:
        state = load(connection, number).state
        raise Refusal("WRONG_STATE", f"{number}: {state!r} cannot become {after!r}", number=number, state=state)
    notice.announce(connection, number, now)


def note(connection: sqlite3.Connection, number: str, now: datetime, **facts: str) -> None:
    """Write facts about an order down without changing its state, and announce them."""
    assignments = "".join(f", {name} = ?" for name in facts)
    connection.execute(
        f"UPDATE orders SET changed_at = ?{assignments} WHERE number = ?", (as_instant(now), *facts.values(), number)
    )
    notice.announce(connection, number, now)


def complain(connection: sqlite3.Connection, number: str, problem: str) -> None:
    """Write down what is in an order's way, for people to read; nobody is told."""
    connection.execute("UPDATE orders SET problem = ? WHERE number = ?", (problem, number))


def note_payment(connection: sqlite3.Connection, number: str, **facts: str | int | None) -> None:
    """Write down what is known of the payment."""
    assignments = ", ".join(f"{name} = ?" for name in facts)
    connection.execute(f"UPDATE payments SET {assignments} WHERE order_number = ?", (*facts.values(), number))


def note_refund(connection: sqlite3.Connection, number: str, now: datetime, *, refund: str, status: str) -> None:
    """Write down which refund Stripe made and how far it is, and announce it."""
    connection.execute("UPDATE refunds SET refund = ?, status = ? WHERE order_number = ?", (refund, status, number))
    note(connection, number, now)


def return_stock(connection: sqlite3.Connection, order: Order) -> None:
    """Make the pieces of an order sellable again: from the promise, or from the parcel that stays."""
    give_back = stock.take_back if order.shipped_at else stock.release
    for line in order.lines:
        give_back(connection, line.sku, line.quantity)
