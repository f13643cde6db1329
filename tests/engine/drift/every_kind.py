"""Records with a field of every kind and of every type a column may have, and odd values to put into them.

Apart from the engines: what either of them makes of an odd value is theirs; what a test asks is that it is the same.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.drift.pairs.model import Amounts, Field, Kind, Pair, Side
from assay.drift.pairs.sources.files import ParquetFiles
from assay.rounding import Rounding

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
STATES = {"paid": "10", "it's shipped": "B\\2", "été": "E"}
_GROSS = Rounding(tax_included=True, level="unit", mode="half_up")
_NET = Rounding(tax_included=False, level="total", mode="half_up")
_LINE = pa.struct([("sku", pa.string()), ("qty", pa.int32()), ("price", pa.decimal128(10, 2))])
_THEIRS = pa.struct([("sku", pa.string()), ("qty", pa.int64()), ("price", pa.string())])
LEFT = pa.schema(
    [
        ("id", pa.int64()), ("part", pa.string()), ("placed", pa.timestamp("us")),
        ("changed", pa.timestamp("us", "UTC")), ("kind", pa.string()), ("from", pa.string()),
        ("until", pa.timestamp("us", "UTC")), ("store", pa.string()),
        ("code", pa.int32()), ("day_code", pa.date32()), ("city", pa.string()), ("state", pa.string()),
        ("currency", pa.string()), ("total", pa.int64()), ("tax", pa.decimal128(12, 2)), ("fee", pa.float64()),
        ("units", pa.int32()), ("rate", pa.string()), ("weight", pa.string()), ("size", pa.decimal128(12, 4)),
        ("stock", pa.int32()), ("less", pa.int32()), ("at_text", pa.string()), ("at_local", pa.string()),
        ("at_epoch", pa.int64()), ("due", pa.date32()), ("booked", pa.string()), ("gift", pa.bool_()),
        ("lines", pa.list_(_LINE)), ("items", pa.string()),
    ]
)  # fmt: skip
RIGHT = pa.schema(
    [
        ("id", pa.string()), ("part", pa.string()), ("placed", pa.string()), ("changed", pa.timestamp("us", "UTC")),
        ("store", pa.string()),
        ("code", pa.string()), ("day_code", pa.date32()), ("city", pa.string()), ("state", pa.string()),
        ("currency", pa.string()), ("total", pa.string()), ("tax", pa.string()), ("fee", pa.string()),
        ("base", pa.int64()), ("base_currency", pa.string()), ("weight", pa.decimal128(14, 6)), ("size", pa.float64()),
        ("stock", pa.string()), ("at_text", pa.timestamp("us", "UTC")), ("at_local", pa.timestamp("us")),
        ("at_epoch", pa.string()), ("due", pa.string()), ("booked", pa.timestamp("us", "UTC")), ("gift", pa.string()),
        ("lines", pa.list_(_THEIRS)), ("items", pa.string()),
    ]
)  # fmt: skip
MEMBERS = ("sku", "qty:number", "price:number")
_MINOR = Amounts(unit="minor", currency_column="currency", rounding=_GROSS)
_MAJOR = Amounts(unit="major", currency_column="currency", rounding=_NET)


def _same(name: str, kind: Kind, **more: Any) -> Field:
    return Field(name=name, kind=kind, left=name, right=more.pop("right", name), **more)


FIELDS = (
    _same("code", Kind.IDENTIFIER),
    _same("day_code", Kind.IDENTIFIER),
    _same("city", Kind.TEXT),
    _same("state", Kind.STATUS, statuses=STATES),
    _same("total", Kind.MONEY, left_amounts=_MINOR, right_amounts=_MAJOR, quantity="units", extras=()),
    _same("tax", Kind.MONEY, left_amounts=_MAJOR, right_amounts=_MAJOR, part="tax"),
    _same("fee", Kind.MONEY, left_amounts=_MAJOR, right_amounts=Amounts(unit="major", currency_column="currency")),
    Field(
        name="base", kind=Kind.MONEY, left="total", right="base", rate="rate", left_amounts=_MINOR,
        right_amounts=Amounts(unit="minor", currency_column="base_currency"),
    ),
    _same("weight", Kind.NUMBER),
    _same("size", Kind.NUMBER, scale=2),
    _same("stock", Kind.NUMBER, below="less"),
    _same("at_text", Kind.INSTANT, skew=timedelta(seconds=2)),
    _same("at_local", Kind.INSTANT, left_zone="Europe/Paris", right_zone="America/New_York"),
    _same("at_epoch", Kind.INSTANT, left_zone="epoch_ms", right_zone="epoch"),
    _same("due", Kind.DATE),
    _same("booked", Kind.DATE, left_zone="Asia/Tokyo", right_zone="Asia/Tokyo"),
    _same("gift", Kind.FLAG),
    _same("lines", Kind.LINES, members=MEMBERS),
    _same("items", Kind.LINES, members=MEMBERS),
)  # fmt: skip
PAIR = Pair(
    name="every kind",
    about="a field of every kind",
    left=Side(
        system="shop", source={}, key=("id", "part"), placed="placed", changed="changed",
        only={"kind": ("order", "")}, valid=("from", "until"),
    ),
    right=Side(system="ERP", source={}, key=("id", "part"), placed="placed", changed="changed", zone="Europe/Berlin"),
    fields=FIELDS,
    window=timedelta(days=30),
    grace=timedelta(minutes=15),
    dimensions=("store", "currency", "gift"),
    worth="total",
)  # fmt: skip
_CODES = {"EUR": 2, "JPY": 0, "KWD": 3, "USD": 2}
_CITIES = ("Köln", "Cologne", "São Paulo", "東京", "")
Row = dict[str, Any]


def agreed(number: int, chance: random.Random) -> tuple[Row, Row]:
    """Return one record as both sides write it, in agreement."""
    placed = AT - timedelta(microseconds=chance.randrange(40 * 86_400_000_000))
    code, units = chance.choice(list(_CODES)), chance.randrange(1, 9)
    total, tax = chance.randrange(1, 10**7), chance.randrange(10**6)
    rate, step = Decimal(chance.randrange(1, 10**7)).scaleb(-5), Decimal(10) ** _CODES[code]
    weight, size = Decimal(chance.randrange(10**6)).scaleb(-3), Decimal(chance.randrange(10**6)).scaleb(-4)
    moment = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(86_400 * 90))
    city = chance.choice(_CITIES)
    lines = [
        {"sku": f"Ü{chance.randrange(99)}", "qty": chance.randrange(9), "price": Decimal(chance.randrange(999)) / 100}
        for _ in range(chance.randrange(4))
    ]
    stock, less = chance.randrange(100), chance.randrange(3)
    left: Row = {
        "id": number, "part": f"p|{number % 3}", "placed": placed.replace(tzinfo=None), "changed": placed,
        "kind": chance.choice(("order", "", None, "quote")), "from": chance.choice(("", "2026-01-01T00:00:00Z", None)),
        "until": chance.choice((None, AT + timedelta(days=1))), "store": chance.choice(("DE", "US", "B2B")),
        "code": number % 17, "day_code": date(2026, 1, 1 + number % 28), "city": city,
        "state": chance.choice(list(STATES)), "currency": code, "total": total,
        "tax": Decimal(tax) / 100 if code != "JPY" else Decimal(tax), "fee": float(Decimal(tax % 999) / step),
        "units": units, "rate": f"{rate:f}", "weight": f"{weight:f}", "size": size, "stock": stock, "less": less,
        "at_text": (moment + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S") + "+02:00",
        "at_local": (moment + timedelta(hours=2)).strftime("%Y-%m-%d %H:%M:%S"),
        "at_epoch": int(moment.timestamp()) * 1000, "due": moment.date(), "gift": chance.random() < 0.5,
        "booked": (moment + timedelta(hours=9)).strftime(chance.choice(("%Y-%m-%d", "%Y%m%d"))),
        "lines": lines, "items": _json(lines),
    }  # fmt: skip
    theirs = [{**line, "price": f"{line['price']:.3f}"} for line in lines]
    chance.shuffle(theirs)
    right: Row = {
        "id": str(number), "part": left["part"], "placed": placed.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "changed": placed,
        "store": left["store"], "code": str(left["code"]), "day_code": left["day_code"],
        "city": city.replace("ö", "ö"), "state": STATES[left["state"]], "currency": code,
        "total": f"{Decimal(total) / step:f}", "tax": f"{left['tax']:f}", "fee": f"{Decimal(tax % 999) / step:f}",
        "base": round(Decimal(total) / step * rate * 100), "base_currency": "EUR",
        "weight": weight, "size": float(size), "stock": f"{stock - chance.randrange(less + 1)}", "at_text": moment,
        "at_local": (moment - timedelta(hours=4)).replace(tzinfo=None), "at_epoch": f"{int(moment.timestamp())}",
        "due": moment.strftime("%Y-%m-%dT00:00:00"), "booked": moment,
        "gift": chance.choice(("yes", "1", "TRUE") if left["gift"] else ("no", "0", "f")),
        "lines": theirs, "items": _json(theirs),
    }  # fmt: skip
    if code == "EUR":
        right["base"] = total
    return left, right


def _json(lines: list[Row]) -> str:
    return json.dumps([{**line, "price": str(line["price"]), "more": {"a": [1]}} for line in lines])


ODD_LEFT: Mapping[str, tuple[Any, ...]] = {
    "id": (None, 7),
    "part": (None, "p|1", "", "1:p"),
    "placed": (None, datetime(1960, 1, 1), AT.replace(tzinfo=None) - timedelta(minutes=3),
               datetime(2026, 10, 25, 0, 30)),
    "changed": (None, AT - timedelta(minutes=2)),
    "from": ("yesterday", "2027-01-01T00:00:00Z", "2026-11-20T12:00:00Z", "20260101"),
    "code": (None, -1),
    "day_code": (None, date(2025, 12, 31), date(2026, 1, 2)),
    "city": (None, "Köln", "Ko\u0308ln", " Berlin", "1:x"),
    "state": (None, "paid ", "Paid", "10", ""),
    "currency": (None, "", "XXX", "eur", "CHF", "CLF"),
    "total": (None, 0, -5, 4 * 10**14, 10**17, 101),
    "tax": (None, Decimal("0.01"), Decimal("-1.50"), Decimal("9999999999.99")),
    "fee": (None, 0.1 + 0.2, float("nan"), float("inf"), 1e22, -0.0, 5e-324),
    "units": (None, -3, 10**9),
    "rate": (None, "0", "-1", "1,5", "99999.12345678901", "1e3", ""),
    "weight": ("1e3", " 1.5", "1.5000000000001", "1_000", "+2", "", "-0", "12345678901234567890", "0x10", "7.\n"),
    "size": (Decimal("1.0050"), Decimal("1.0150"), Decimal("-1.0050"), None, Decimal("99999999.9999")),
    "stock": (None, -(2**31)),
    "less": (None, -1, 10**9),
    "at_text": ("2026-06-01", "2026-06-01 10:00", "2026-02-30T00:00:00Z", "now", "2026-06-01T10:00:00.1234567Z", None,
                "2026-06-01T10:00:00-03:30", "1850-01-01T00:00:00Z", "2026-06-01T24:00:00Z", "2026-06-01T10:00:00Z\n"),
    "at_local": ("2026-10-25 02:30:00", "2026-03-29 02:30:00", "2026-10-25 03:00:00", "1700-01-01 00:00:00", ""),
    "at_epoch": (None, -1, 253_402_300_800_000, 2**62),
    "due": (None, date(1969, 12, 31), date(9999, 12, 31)),
    "booked": ("2026-06-01T23:30:00+00:00", "20260230", "1.6.2026", "2026-06-01T10:00", None),
    "gift": (None,),
    "lines": (None, [], [None], [{"sku": None, "qty": 1, "price": None}],
              [{"sku": "A", "qty": 2, "price": Decimal(1)}] * 2),
    "items": (None, "[]", "{}", "[", "[1, null]", "[{'sku': 'A'}]",
              '[{"sku": "A]"}] x', '[{"sku": "A] b"}]', "null", ""),
}  # fmt: skip
ODD_RIGHT: Mapping[str, tuple[Any, ...]] = {
    "id": (None, "07", "7"),
    "placed": (None, "yesterday", "2026-11-20 11:58", "2026-10-25 02:30:00", "2026-10-01", "2026-11-19T10:00:00+01:00"),
    "changed": (None, AT + timedelta(hours=5)),
    "code": (None, "-1", "01", ""),
    "city": (None, "KÃ¶ln", "Koln"),
    "state": ("Z7", None, "10 "),
    "currency": (None, "USD", "JPY"),
    "total": (None, "", "-0.05", "1,234.56", "1e2", "12.345678901", "100000000000000", ".5", "5.", "+7", "1.01"),
    "tax": ("abc", None, "0.015"),
    "fee": ("0.30000000000000004", "0.3", "nan", "10000000000000000000000", "0"),
    "base": (None, 0, 2**62),
    "base_currency": (None, "JPY", "KWD", "XXX"),
    "weight": (None, Decimal(1000), Decimal("-2.000001")),
    "size": (1.005, 1.01, float("nan"), None, 1e15, 0.1 + 0.2),
    "stock": (None, "x", "-1", "1e1"),
    "at_text": (None, datetime(1900, 1, 1, tzinfo=UTC)),
    "at_local": (datetime(2026, 11, 1, 1, 30), None),
    "at_epoch": ("1e9", "", "-1", "99999999999999999999"),
    "due": ("20260601", "2026-06-01", "", "1969-12-31", "2026-13-01"),
    "booked": (None,),
    "gift": ("maybe", "Y", "", "X", " yes"),
    "lines": (None, [], [{"sku": "A", "qty": 2, "price": "1e0"}], [{"sku": "A", "qty": 2, "price": "1.0"}] * 2),
    "items": ("[]", None, '[{"sku":"A"},{"sku":"A"}]', '[{"sku":"A","qty":"2","price":1.50}]'),
}  # fmt: skip


def written(folder: Path, rows: int, *, odd: float, seed: int = 7) -> tuple[ParquetFiles, ParquetFiles]:
    """Write both sides of so many records as Parquet; of a share, one value is odd, or a row gone or twice."""
    chance = random.Random(seed)
    lefts, rights = [], []
    for number in range(rows):
        left, right = agreed(number, chance)
        if chance.random() < odd:
            way = chance.random()
            row, values = (left, ODD_LEFT) if way < 0.5 else (right, ODD_RIGHT)
            name = chance.choice(list(values))
            row[name] = chance.choice(values[name])
            lefts += [left] * chance.choice((0, 1, 1, 1, 1, 1, 1, 1, 2))
            rights += [right] * chance.choice((0, 1, 1, 1, 1, 1, 1, 1, 2))
        else:
            lefts.append(left)
            rights.append(right)
    for name, found, schema in (("left", lefts, LEFT), ("right", rights, RIGHT)):
        pq.write_table(pa.Table.from_pylist(found, schema=schema), folder / f"{name}.parquet")
    left_file, right_file = folder / "left.parquet", folder / "right.parquet"
    return ParquetFiles("shop", [left_file]), ParquetFiles("ERP", [right_file])
