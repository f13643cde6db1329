"""Orders of a shop and of an ERP that agree, ways in which all of some go wrong, and a plain comparison of the two.

Everything is drawn from a seed. The comparison here is a loop over dictionaries: it shares nothing with the engine.
"""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from assay.drift.pairs.causes import Known
from assay.drift.pairs.model import (
    Amounts,
    Apart,
    Class,
    Counts,
    Difference,
    Field,
    Kind,
    Outcome,
    Pair,
    Side,
)
from assay.money import exponent

Row = dict[str, Any]
Orders = list[Row]
START = datetime(2026, 10, 18, tzinfo=UTC)
DAYS = 14
END = START + timedelta(days=DAYS)
STORES = {"DE": "EUR", "FR": "EUR", "US": "USD", "JP": "JPY", "KW": "KWD", "B2B": "EUR"}
RATES = {"USD": "0.8600", "JPY": "0.005900", "KWD": "2.8100", "EUR": "1"}
STATES = {"pending": "10", "paid": "20", "shipped": "30", "cancelled": "90"}
NAMES = "Søren Ærø|Zoë Müller|Ann Lee|José Peña|Wilhelmina van den Berg-Oosterhout|Ole Ås|Bo Li|Maximiliane Größenwahn"

CENTS = Amounts(unit="minor", currency_column="currency")
MAJOR = Amounts(unit="major", currency_column="currency")
FIELDS = (
    Field(
        name="total",
        kind=Kind.MONEY,
        left="total",
        right="amount",
        left_amounts=CENTS,
        right_amounts=MAJOR,
        quantity="pieces",
    ),
    Field(
        name="base",
        kind=Kind.MONEY,
        left="total",
        right="base_amount",
        left_amounts=CENTS,
        right_amounts=Amounts(unit="minor", currency="EUR"),
        rate="rate",
    ),
    Field(name="placed", kind=Kind.INSTANT, left="placed", right="placed_at", skew=timedelta(seconds=2)),
    Field(name="buyer", kind=Kind.TEXT, left="buyer", right="buyer_name"),
    Field(name="article", kind=Kind.IDENTIFIER, left="sku", right="article"),
    Field(name="state", kind=Kind.STATUS, left="state", right="status", statuses=STATES),
    Field(name="weight", kind=Kind.NUMBER, left="weight", right="weight_kg"),
    Field(name="tracking", kind=Kind.IDENTIFIER, left="tracking", right="tracking"),
)
PAIR = Pair(
    name="orders",
    about="orders of the shop in the ERP",
    left=Side(system="shop", source={}, key=("number",), placed="placed", changed="changed"),
    right=Side(system="erp", source={}, key=("number",), placed="placed_at", changed="changed_at"),
    fields=FIELDS,
    window=timedelta(days=DAYS),
    dimensions=("store", "currency", "customer", "payment", "carrier", "channel"),
    worth="total",
)


@dataclass(frozen=True)
class World:
    """Both sides of one seed, with what is known beside them."""

    left: Orders
    right: Orders
    known: Known
    chance: random.Random

    def having(self, **wanted: str) -> Orders:
        """Return the right's rows of those orders whose left row has these values."""
        theirs = {row["number"]: row for row in self.right}
        return [
            theirs[row["number"]]
            for row in self.left
            if row["number"] in theirs and all(row[name] == value for name, value in wanted.items())
        ]

    def drop(self, is_gone: Callable[[Row], bool]) -> None:
        """Take the orders out of the right of which that is true of the left's row."""
        gone = {row["number"] for row in self.left if is_gone(row)}
        self.right[:] = [row for row in self.right if row["number"] not in gone]

    def ours(self, theirs: Row) -> Row:
        """Return the left's row of a right's one."""
        return self.left[int(theirs["number"]) - 1]


def at(text: str) -> datetime:
    """Read an instant of a row."""
    return datetime.fromisoformat(text)


def written(moment: datetime) -> str:
    """Write an instant as rows have it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def minor(amount: Decimal) -> int:
    """Round to a whole number, half to even."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_EVEN))


def major(minor_units: int, currency: str) -> str:
    """Write minor units as the ERP does: 19.90."""
    return f"{Decimal(minor_units).scaleb(-exponent(currency)):f}"


def in_base(row: Row, rate: Decimal) -> int:
    """Return an order's total in cents of EUR at a rate."""
    return minor(Decimal(row["total"]).scaleb(-exponent(row["currency"])) * rate * 100)


def world(seed: int, orders: int = 2000) -> World:
    """Return both sides in agreement: weekly and daily rhythm, six stores, rates of every weekday."""
    left, right, known = _agreed(seed, orders)
    return World([dict(row) for row in left], [dict(row) for row in right], known, random.Random(seed))


@functools.lru_cache(maxsize=4)
def _agreed(seed: int, orders: int) -> tuple[Orders, Orders, Known]:
    chance = random.Random(f"orders {seed}")
    rates = _rates(chance)
    seconds = sorted(_placed(chance) for _ in range(orders))
    left = [_order(chance, number + 1, seconds[number], rates) for number in range(orders)]
    return left, [_booked(row) for row in left], Known(rates={(code, "EUR"): own for code, own in rates.items()})


def _rates(chance: random.Random) -> dict[str, dict[Any, Decimal]]:
    found: dict[str, dict[Any, Decimal]] = {}
    for code in ("USD", "JPY", "KWD"):
        rate = Decimal(RATES[code])
        for day in range(-10, DAYS):
            published = (START + timedelta(days=day)).date()
            if published.weekday() < 5:
                rate *= Decimal(str(round(1 + chance.choice((-1, 1)) * chance.uniform(0.002, 0.009), 5)))
                found.setdefault(code, {})[published] = Decimal(f"{rate:.6g}")
    return found


def _placed(chance: random.Random) -> int:
    hour = chance.gauss(14.5, 5)
    while not 0 <= hour < 24:
        hour = chance.gauss(14.5, 5)
    return chance.randrange(DAYS) * 86400 + int(hour * 3600)


def _order(chance: random.Random, number: int, second: int, rates: Mapping[str, Mapping[Any, Decimal]]) -> Row:
    store = chance.choices(list(STORES), (40, 20, 15, 8, 5, 12))[0]
    currency = STORES[store]
    # Stores sell in other currencies, too: a store and its currency are not the same records.
    if store in ("DE", "B2B", "KW") and chance.random() < 0.12:
        currency = chance.choice(("USD", "KWD", "EUR"))
    placed = START + timedelta(seconds=second)
    total = int(Decimal(str(round(chance.lognormvariate(4.2, 0.6), 2))) * 10 ** exponent(currency)) * (
        150 if currency == "JPY" else 1
    )
    own = rates.get(currency)
    rate = Decimal(1) if own is None else own[max(day for day in own if day <= placed.date())]
    tax_rate = 7 if chance.random() < 0.25 else 19
    return {
        "number": f"{number:08}",
        "placed": written(placed),
        "changed": written(placed + timedelta(minutes=chance.randrange(5, 2000))),
        "store": store,
        "currency": currency,
        "customer": "guest" if chance.random() < 0.35 else "registered",
        "payment": chance.choices(("card", "wallet", "invoice"), (60, 30, 10))[0],
        "carrier": chance.choice(("dhl", "ups", "dpd")),
        "channel": chance.choices(("web", "app", "marketplace"), (60, 30, 10))[0],
        "total": total,
        "tax_total": total * tax_rate // (100 + tax_rate),
        "rate": f"{rate}",
        "pieces": chance.randrange(1, 6),
        "buyer": chance.choice(NAMES.split("|")),
        "sku": f"{chance.randrange(10**5):07}",
        "state": chance.choices(list(STATES), (10, 30, 55, 5))[0],
        "weight": f"{chance.randrange(120, 9000) / 1000:.3f}",
        "tracking": f"JD{chance.randrange(10**14, 10**15)}",
    }


def _booked(row: Row) -> Row:
    return {
        "number": row["number"],
        "placed_at": row["placed"],
        "changed_at": written(at(row["changed"]) + timedelta(seconds=40)),
        "currency": row["currency"],
        "amount": major(row["total"], row["currency"]),
        "base_amount": in_base(row, Decimal(row["rate"])),
        "buyer_name": row["buyer"],
        "article": row["sku"],
        "status": STATES[row["state"]],
        "weight_kg": row["weight"],
        "tracking": row["tracking"],
    }


def noise(world: World, share: float) -> None:
    """Let a share of the right's records go wrong each in its own way: half are lost, half get some value or other."""
    for row in list(world.right):
        if world.chance.random() >= share:
            continue
        kind = world.chance.randrange(6)
        if kind < 3:
            world.right.remove(row)
        elif kind == 3:
            row["amount"] = major(world.chance.randrange(100, 30000), row["currency"])
        elif kind == 4:
            row["placed_at"] = written(at(row["placed_at"]) + timedelta(seconds=world.chance.randrange(90, 90000)))
        else:
            row["buyer_name"] = "".join(world.chance.choices("abcdefgh ", k=12))


def compared(world: World, cut: int | None = None) -> Outcome:
    """Compare both sides record by record; `cut` keeps so many differences of each class, drawn evenly."""
    left: dict[str, Row] = {row["number"]: row for row in world.left}
    copies = Counter(row["number"] for row in world.right)
    right: dict[str, Row] = {row["number"]: row for row in world.right}
    found = []
    for number in sorted({*left, *right}):
        one, other = left.get(number), right.get(number)
        if one is None or other is None:
            found.append(_whole(number, Class.EXTRA if one is None else Class.MISSING, one, other))
            continue
        if copies[number] > 1:
            found.append(_whole(number, Class.DUPLICATE, one, other, (1, copies[number])))
        if fields := tuple(_apart(one, other)):
            found.append(_whole(number, Class.DIFFERS, one, other, fields=fields))
    classes = Counter(each.classed for each in found)
    fields_apart = Counter(each.field for one in found for each in one.fields)
    if cut is not None:
        world.chance.shuffle(found)
        kept: Counter[Class] = Counter()
        found = [each for each in found if not kept.update((each.classed,)) and kept[each.classed] <= cut]
    both = len(left.keys() & right.keys())
    counts = Counts(
        left=len(world.left),
        right=len(world.right),
        matched=both,
        only_left=len(left) - both,
        only_right=len(right) - both,
        in_flight=0,
        extra_copies_right=len(world.right) - len(right),
    )
    return Outcome(
        pair=PAIR,
        at=END,
        since=START,
        until=END,
        counts=counts,
        classes=classes,
        fields=fields_apart,
        differences=tuple(found),
    )


def _whole(
    number: str,
    classed: Class,
    left: Row | None,
    right: Row | None,
    copies: tuple[int, int] = (1, 1),
    fields: Sequence[Apart] = (),
) -> Difference:
    return Difference(
        key=(number,),
        classed=classed,
        fields=tuple(fields),
        left=left,
        right=right,
        copies=copies,
        left_at=at(left["changed"]) if left else None,
        right_at=at(right["changed_at"]) if right else None,
    )


def _apart(left: Row, right: Row) -> list[Apart]:
    found = []
    for field in FIELDS:
        one, other = left[field.left], right[field.right]
        if field.name == "total":
            same = Decimal(other) == Decimal(one).scaleb(-exponent(left["currency"])) if other is not None else False
        elif field.name == "base":
            same = abs(other - in_base(left, Decimal(left["rate"]))) <= 1
        elif field.name == "placed":
            same = abs(at(one) - at(other)) <= field.skew
        elif field.name == "state":
            same = field.statuses.get(one) == other
        elif field.name == "weight":
            same = Decimal(one) == Decimal(other)
        else:
            same = one == other
        if not same:
            texts = (None if each is None else str(each) for each in (one, other))
            found.append(Apart(field=field.name, left=next(texts), right=next(texts)))
    return found
