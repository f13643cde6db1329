"""A healthy shop, its gateway and its ERP, as each of them would answer at any instant of some months: seeded.

The orders are those of `order_streams`. The shop rounds each unit's gross price, the ERP the net total. The ERP gets
an order by a queue that is mostly quick, sometimes tries again for half an hour, and stands still for maintenance at
night; it writes local time without its offset, by a clock of its own, and words of its own for what became of an order.
Payments are booked by a batch at night. `FAULTS` are what may go wrong with it from an instant on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.drift.pairs.model import Cause, Class, Pair
from assay.drift.pairs.pending import FirstSeen
from assay.drift.pairs.reading import read_pairs
from assay.drift.pairs.reconciling import Again, Reconciled, Second, reconcile
from assay.drift.pairs.remembered import Memory
from assay.drift.pairs.rows import TableRows
from assay.money import exponent
from assay.rounding import Item, Rounding, compose
from tests.engine.drift.order_streams import BERLIN, CURRENCIES, DAYS, FIRST, LEARNING, MARKETS, drawn

PAIRS = """
[pairs.orders]
about = "Every order of the shop stands in the ERP with the same money"
window = "4d"
grace = "45m"
worth = "total"
dimensions = ["store", "currency"]
[pairs.orders.left]
system = "shop"
source = { kind = "parquet", path = "-" }
key = "number"
placed = "placed_at"
changed = "changed_at"
amounts = { currency_column = "currency" }
rounding = { tax_included = true, level = "unit", mode = "half_up" }
[pairs.orders.right]
system = "erp"
source = { kind = "parquet", path = "-" }
key = "SalesOrder"
placed = "CreatedAt"
changed = "ChangedAt"
zone = "Europe/Berlin"
amounts = { unit = "major", currency_column = "Currency" }
rounding = { tax_included = false, level = "total", mode = "half_up" }
[pairs.orders.fields]
total = { kind = "money", right = "Amount", quantity = "units", lines = "line_count", extras = [] }
placed = { kind = "instant", left = "placed_at", right = "OrderDate", skew = "2s" }
status = { kind = "status", right = "Status", statuses = { new = "A", paid = "B", shipped = "C", refunded = "R" } }

[pairs.postings]
about = "Every payment and refund of the gateway is booked by the ERP's batch of the next night"
window = "6d"
grace = "27h"
worth = "amount"
dimensions = ["kind"]
[pairs.postings.left]
system = "gateway"
source = { kind = "parquet", path = "-" }
key = "ref"
placed = "created"
zone = "epoch"
amounts = { currency_column = "currency" }
[pairs.postings.right]
system = "erp"
source = { kind = "parquet", path = "-" }
key = "Reference"
placed = "PostedAt"
zone = "Europe/Berlin"
amounts = { unit = "major", currency_column = "Currency" }
[pairs.postings.fields]
amount = { kind = "money", right = "Amount" }
order = { kind = "identifier", right = "Assignment" }
"""
SECOND, MINUTE, HOUR, DAY = 10**6, 60 * 10**6, 3600 * 10**6, 86_400 * 10**6
NEVER = 2**62
_GROSS = Rounding(tax_included=True, level="unit", mode="half_up")
_NET = Rounding(tax_included=False, level="total", mode="half_up")
_TAXES = (19, 20, 0, 20, 10, 0)
_ERP_CLOCK = 1_300_000
"""Microseconds that the ERP's clock is ahead."""
_READ_LATER = 20 * SECOND
"""Two systems are never read at the same instant."""
_REACH = 8 * DAY


@dataclass
class Healthy:
    """Both systems' records over the whole time; instants in microseconds since 1970, `NEVER` for what does not happen.

    moments: when each order was placed, paid, shipped, refunded; told: when the ERP has each of these; posted: when it
    has booked payment and refund. A fault changes what the ERP has, before anybody looks.
    """

    begins: int
    moments: np.ndarray
    told: np.ndarray
    posted: np.ndarray
    static: dict[str, pa.Array]
    amounts: list[str]
    dates: list[str]
    market: np.ndarray
    currency: np.ndarray
    random: np.random.Generator = field(repr=False)
    again: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """Orders that the ERP holds twice."""

    @property
    def placed(self) -> np.ndarray:
        """When each order was placed."""
        first: np.ndarray = self.moments[0]
        return first

    def since(self, at: int) -> np.ndarray:
        """Return the orders placed since then."""
        return np.flatnonzero(self.placed >= at)

    @cached_property
    def erp(self) -> dict[str, Any]:
        """What the ERP writes of each order; of its last change, by what that was."""
        changes = [
            pa.array([None if at >= NEVER else _local(at + _ERP_CLOCK) for at in each.tolist()]) for each in self.told
        ]
        return {"Amount": pa.array(self.amounts), "OrderDate": pa.array(self.dates), "changes": changes}


def healthy(seed: int, *, daily: int, first: date = FIRST, learning: int = LEARNING, days: int = DAYS) -> Healthy:
    """Return the records of so many days after those in which distributions learn, with the same orders as they."""
    orders, _ = drawn(seed, daily=daily, days=learning + days, first=first)
    assert orders.market and orders.currency and orders.amount is not None and orders.refunded is not None
    random = np.random.default_rng(seed + 1_000_000)
    begins = _microseconds(datetime.combine(first + timedelta(days=learning), time(), tzinfo=BERLIN))
    # What was placed a week before is still in the windows of the first day.
    kept = np.flatnonzero(orders.at_us >= begins - _REACH)
    kept = kept[np.argsort(orders.at_us[kept], kind="stable")]
    size, placed = len(kept), orders.at_us[kept]
    currency, market = orders.currency.codes[kept], orders.market.codes[kept]
    paid = np.where(random.random(size) < 0.96, placed + _spread(random, size, 2 * SECOND, 20 * MINUTE), NEVER)
    shipped = np.where(paid < NEVER, paid + _spread(random, size, 15 * HOUR, 80 * HOUR), NEVER)
    back = (orders.refunded[kept] == 1) & (paid < NEVER)
    refunded = np.where(back, shipped + _spread(random, size, 10 * HOUR, 60 * HOUR), NEVER)
    moments = np.stack([placed, paid, shipped, refunded])
    told = np.maximum.accumulate(np.stack([_queued(random, each) for each in moments]), axis=0)
    booked = np.stack([_next_night(random, each) for each in (paid, refunded)])
    numbers = [f"{number:08}" for number in range(size)]
    amounts = [
        _amounts(random, float(orders.amount[row]), int(c), int(m))
        for row, c, m in zip(kept, currency, market, strict=True)
    ]
    codes = [CURRENCIES[each] for each in currency]
    static = {
        "number": pa.array(numbers),
        "store": pa.array([MARKETS[each] for each in market]),
        "currency": pa.array(codes),
        "total": pa.array([each[0] for each in amounts], pa.int64()),
        "units": pa.array([each[2] for each in amounts], pa.int64()),
        "line_count": pa.array([each[3] for each in amounts], pa.int64()),
        "placed_at": pa.array(placed, pa.timestamp("us", "UTC")),
    }
    return Healthy(
        begins=begins,
        moments=moments,
        told=told,
        posted=booked,
        static=static,
        amounts=[f"{Decimal(each[1]).scaleb(-exponent(code)):f}" for each, code in zip(amounts, codes, strict=True)],
        dates=[_local(at, "seconds") for at in placed.tolist()],
        market=market,
        currency=currency,
        random=random,
    )


def _spread(random: np.random.Generator, size: int, least: int, most: int) -> np.ndarray:
    return random.integers(least, most, size)


def _queued(random: np.random.Generator, moments: np.ndarray) -> np.ndarray:
    """Return when the ERP has what happened then: after some seconds, tries again, and its maintenance at night."""
    size = len(moments)
    lag = np.minimum(np.exp(random.normal(2.5, 1.0, size)) * SECOND, 5 * MINUTE).astype(np.int64)
    lag += np.where(random.random(size) < 0.01, random.integers(2 * MINUTE, 24 * MINUTE, size), 0)
    there = np.where(moments < NEVER, moments + lag, NEVER)
    since_one = (there - HOUR) % DAY
    return np.where((there < NEVER) & (since_one < 15 * MINUTE), there - since_one + 15 * MINUTE, there)


def _next_night(random: np.random.Generator, moments: np.ndarray) -> np.ndarray:
    """Return when the batch that begins at half past three, by the clock on the wall, has booked what happened then."""
    found = np.full(len(moments), NEVER)
    happened = np.flatnonzero(moments < NEVER)
    for place in happened.tolist():
        local = datetime.fromtimestamp(moments[place] / 1e6, BERLIN)
        night = datetime.combine(local.date(), time(3, 30), tzinfo=BERLIN)
        if local >= night:
            night = datetime.combine(local.date() + timedelta(days=1), time(3, 30), tzinfo=BERLIN)
        found[place] = _microseconds(night)
    found[happened] += random.integers(0, 20 * MINUTE, len(happened))
    return found


def _amounts(random: np.random.Generator, amount: float, currency: int, market: int) -> tuple[int, int, int, int]:
    """Return the total of the shop and of the ERP, in minor units, the number of units and of lines."""
    code, tax = CURRENCIES[currency], _TAXES[market]
    digits = exponent(code)
    lines = int(random.integers(1, 4))
    items = []
    for _ in range(lines):
        quantity = int(random.integers(1, 4))
        price = max(
            round(Decimal(amount) / lines / quantity * 100 / (100 + tax), digits + 2), Decimal(1).scaleb(-digits)
        )
        items.append(Item(price, Decimal(quantity), Decimal(tax)))
    gross = [each._replace(unit_price=each.unit_price * (100 + each.tax_rate) / 100) for each in items]
    shop, erp = (
        compose(priced, None, Decimal(0), policy, code).total.minor
        for priced, policy in ((gross, _GROSS), (items, _NET))
    )
    return shop, erp, int(sum(each.quantity for each in items)), lines


def _microseconds(moment: datetime) -> int:
    return (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _local(at: int, precision: str = "milliseconds") -> str:
    """Write an instant as the clock on the wall shows it, without its offset."""
    moment = datetime.fromtimestamp(at // SECOND, BERLIN).replace(microsecond=at % SECOND, tzinfo=None)
    return moment.isoformat(sep=" ", timespec=precision)


def orders_at(world: Healthy, at: int) -> tuple[pa.Table, pa.Table]:
    """Return the shop's and the ERP's orders as they would answer then."""
    return _shop(world, at), _erp(world, at + _READ_LATER)


def _shop(world: Healthy, at: int) -> pa.Table:
    chosen = np.flatnonzero((world.placed <= at) & (world.placed > at - _REACH))
    state, changed = _state(world.moments[:, chosen], at)
    words = pa.array(["new", "paid", "shipped", "refunded"]).take(pa.array(state))
    rows = pa.array(chosen)
    columns = {name: column.take(rows) for name, column in world.static.items()}
    return pa.table({**columns, "status": words, "changed_at": pa.array(changed, pa.timestamp("us", "UTC"))})


def _erp(world: Healthy, at: int) -> pa.Table:
    created = world.told[0]
    chosen = np.flatnonzero((created <= at) & (created > at - _REACH))
    chosen = np.concatenate([chosen, chosen[np.isin(chosen, world.again)]])
    state, _ = _state(world.told[:, chosen], at)
    rows = pa.array(chosen)
    changed = [each.take(rows) for each in world.erp["changes"]]
    return pa.table(
        {
            "SalesOrder": world.static["number"].take(rows),
            "Currency": world.static["currency"].take(rows),
            "Amount": world.erp["Amount"].take(rows),
            "OrderDate": world.erp["OrderDate"].take(rows),
            "CreatedAt": changed[0],
            "ChangedAt": pc.choose(pa.array(state), *changed),
            "Status": pa.array(["A", "B", "C", "R"]).take(pa.array(state)),
        }
    )


def _state(moments: np.ndarray, at: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the last of the four that had happened by then, and when it did."""
    happened = moments <= at
    state = 3 - np.argmax(happened[::-1], axis=0)
    return state, np.where(happened, moments, 0).max(axis=0)


def postings_at(world: Healthy, at: int) -> tuple[pa.Table, pa.Table]:
    """Return the gateway's payments and refunds, and what the ERP has booked of them, as they would answer then."""
    sides: list[list[pa.Table]] = [[], []]
    for word, sign, happened, booked in (
        ("capture", 1, world.moments[1], world.posted[0]),
        ("refund", -1, world.moments[3], world.posted[1]),
    ):
        for side, when, until in ((0, happened, at), (1, booked, at + _READ_LATER)):
            chosen = np.flatnonzero((when <= until) & (when > until - _REACH))
            rows = pa.array(chosen)
            order, currency = world.static["number"].take(rows), world.static["currency"].take(rows)
            ref = pc.binary_join_element_wise(word, order, "-")
            total = [sign * each for each in world.static["total"].take(rows).to_pylist()]
            if side == 0:
                columns = {
                    "ref": ref,
                    "created": pa.array(when[chosen] // SECOND, pa.int64()),
                    "kind": pa.array([word] * len(chosen), pa.string()),
                    "currency": currency,
                    "amount": pa.array(total, pa.int64()),
                    "order": order,
                }
            else:
                codes = currency.to_pylist()
                major = [f"{Decimal(n).scaleb(-exponent(code)):f}" for n, code in zip(total, codes, strict=True)]
                columns = {
                    "Reference": ref,
                    "PostedAt": pa.array([_local(each + _ERP_CLOCK) for each in when[chosen].tolist()], pa.string()),
                    "Currency": currency,
                    "Amount": pa.array(major, pa.string()),
                    "Assignment": order,
                }
            sides[side].append(pa.table(columns))
    return pa.concat_tables(sides[0]), pa.concat_tables(sides[1])


def _lost(world: Healthy, orders: np.ndarray) -> None:
    """Let the ERP never get these."""
    world.told[:, orders] = NEVER


def _each(world: Healthy, orders: np.ndarray, change: Callable[[Decimal, str], Decimal]) -> None:
    """Change the ERP's amounts of these, by a function of amount and currency."""
    for place in orders.tolist():
        code = CURRENCIES[world.currency[place]]
        world.amounts[place] = f"{change(Decimal(world.amounts[place]), code):f}"


def _one_in(world: Healthy, orders: np.ndarray, number: int) -> np.ndarray:
    return orders[world.random.random(len(orders)) < 1 / number]


def _in_utc(world: Healthy, orders: np.ndarray) -> None:
    for place in orders.tolist():
        world.dates[place] = f"{datetime.fromtimestamp(world.placed[place] // SECOND, UTC):%Y-%m-%d %H:%M:%S}"


def _twice(world: Healthy, orders: np.ndarray) -> None:
    world.again = orders


def _unshipped(world: Healthy, orders: np.ndarray) -> None:
    world.told[2:, orders] = NEVER


def _unbooked(world: Healthy, kind: int, since: int) -> None:
    world.posted[kind][(world.posted[kind] >= since) & (world.posted[kind] < NEVER)] = NEVER


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong from an instant on: the pair that must tell it, the class, and the cause by name."""

    name: str
    pair: str
    act: Callable[[Healthy, int], None]
    classed: Class
    cause: Cause | None = None


FAULTS = (
    Fault("one order in 200 is lost", "orders", lambda w, at: _lost(w, _one_in(w, w.since(at), 200)), Class.MISSING),
    Fault(
        "a store's orders are lost",
        "orders",
        lambda w, at: _lost(w, np.intersect1d(w.since(at), np.flatnonzero(w.market == MARKETS.index("KW")))),
        Class.MISSING,
        Cause.ONE_STORE,
    ),
    Fault(
        "one order in 100 is there twice",
        "orders",
        lambda w, at: _twice(w, _one_in(w, w.since(at), 100)),
        Class.DUPLICATE,
    ),
    Fault(
        "yen a hundred times",
        "orders",
        lambda w, at: _each(w, w.since(at), lambda amount, code: amount * (100 if code == "JPY" else 1)),
        Class.DIFFERS,
        Cause.EXPONENT,
    ),
    Fault("UTC for local time", "orders", lambda w, at: _in_utc(w, w.since(at)), Class.DIFFERS, Cause.TIME_ZONE),
    Fault("shipments are not passed on", "orders", lambda w, at: _unshipped(w, w.since(at)), Class.DIFFERS),
    Fault("the batch of the night does not run", "postings", lambda w, at: _unbooked(w, 0, at), Class.MISSING),
    Fault("refunds are not booked", "postings", lambda w, at: _unbooked(w, 1, at), Class.MISSING),
)


def is_named(fault: Fault, found: Reconciled) -> bool:
    """Whether the fault's class is told of records, and its cause by the sentence for most of them."""
    said = [each for each in found.open.left if each.classed is fault.classed]
    return bool(said) and (fault.cause is None or any(each.cause is fault.cause for each in said))


READ: dict[str, Callable[[Healthy, int], tuple[pa.Table, pa.Table]]] = {"orders": orders_at, "postings": postings_at}


def pairs_of(folder: Path) -> dict[str, Pair]:
    """Return the two pairs, read from a file as a project's are."""
    file = folder / "pairs.toml"
    file.write_text(PAIRS)
    return dict(read_pairs([file]).pairs)


@dataclass
class Watcher:
    """The monitor of one pair: compares by what changed, sweeps at night, tells what a second read finds again."""

    pair: Pair
    world: Healthy
    folder: Path
    incremental: bool = True

    def look(self, at: int) -> Reconciled:
        """Return what comparing then comes to."""
        read = READ[self.pair.name]
        left, right = (TableRows(each) for each in read(self.world, at))

        def reread() -> tuple[TableRows, TableRows]:
            one, other = read(self.world, at + 2 * _READ_LATER)
            return TableRows(one), TableRows(other)

        return reconcile(
            self.pair,
            left,
            right,
            at=datetime.fromtimestamp(at / 1e6, UTC),
            again=Again(Memory(self.folder)) if self.incremental else None,
            second=Second(reread=reread, seen=FirstSeen(self.folder)),
        )


def hours(world: Healthy, first: float = 0, days: float = DAYS, every: int = HOUR) -> Iterator[int]:
    """Yield the instants at which is compared, a little after each whole hour."""
    at = world.begins + round(first * DAY)
    until = at + round(days * DAY)
    while at < until:
        yield at + 7 * MINUTE
        at += every
