"""Two systems' orders for `reconcile.py`: the same population twice, with legal noise and twelve seeded discrepancies.

A shop writes `left.parquet`, an ERP `right.parquet`, of 12 columns each, and `truth.parquet` says which key is wrong,
and how. Everything follows from the row's number and the seed, so two runs write the same rows. Legal noise, of which
nothing may be found: the ERP's own words for a status, clocks up to two seconds apart, a minor unit of rounding in
total and tax, text in another Unicode normalisation, and orders of the last 15 minutes that are still on their way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import duckdb

from assay.drift.pairs.model import Amounts, Field, Kind, Pair, Side
from assay.rounding import Rounding

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAYS = 30
GRACE = timedelta(minutes=15)
SKEW = timedelta(seconds=2)
STATUSES = {"paid": "10", "packed": "20", "shipped": "30", "delivered": "40", "cancelled": "90", "refunded": "95"}
SEEDED = (
    ("missing", "missing", None),
    ("extra", "extra", None),
    ("duplicate", "duplicate", None),
    ("late", "late", None),
    ("total x 100", "differs", "total"),
    ("tax off by 2", "differs", "tax"),
    ("another currency", "differs", "currency"),
    ("another status", "differs", "status"),
    ("a status nobody mapped", "unreadable", "status"),
    ("placed 2 h later", "differs", "placed"),
    ("mojibake", "differs", "city"),
    ("leading zeros lost", "differs", "reference"),
)
"""Of each, 0.1 %: what was done, the class it must be found as, and the field."""
_PER_MILLE = 1000


def _amounts(column: str, mode: Literal["half_up", "half_even"]) -> Amounts:
    return Amounts(currency_column=column, rounding=Rounding(tax_included=True, level="total", mode=mode))


def _money(name: str, left: str, right: str, part: Literal["total", "tax"]) -> Field:
    """One rounds the whole half up, the other half even: half a minor unit each, so that one lies between them."""
    ours, theirs = _amounts("currency", "half_up"), _amounts("waehrung", "half_even")
    return Field(
        name=name,
        kind=Kind.MONEY,
        left=left,
        right=right,
        left_amounts=ours,
        right_amounts=theirs,
        part=part,
        extras=(),
    )


def _plain(name: str, kind: Kind, left: str, right: str) -> Field:
    return Field(name=name, kind=kind, left=left, right=right)


PAIR = Pair(
    name="orders",
    about="every order of the shop is in the ERP, with what it says",
    left=Side(system="shop", source={}, key=("order_id",), placed="placed_at", changed="changed_at"),
    right=Side(system="ERP", source={}, key=("belegnummer",), placed="angelegt"),
    grace=GRACE,
    worth="total",
    dimensions=("store", "currency"),
    fields=(
        _plain("email", Kind.TEXT, "email", "mail"),
        Field(name="status", kind=Kind.STATUS, left="status", right="zustand", statuses=STATUSES),
        _plain("currency", Kind.IDENTIFIER, "currency", "waehrung"),
        _money("total", "total_minor", "brutto", "total"),
        _money("tax", "tax_minor", "steuer", "tax"),
        _plain("items", Kind.NUMBER, "items", "positionen"),
        Field(name="placed", kind=Kind.INSTANT, left="placed_at", right="belegdatum", skew=SKEW),
        _plain("city", Kind.TEXT, "city", "ort"),
        _plain("reference", Kind.IDENTIFIER, "payment_reference", "zahlung"),
        _plain("store", Kind.IDENTIFIER, "store", "kanal"),
    ),
)
"""All 12 columns: ten fields, the key, and the instants by which a record is late or in flight."""


@dataclass(frozen=True, slots=True)
class Files:
    """The two sides and what is true of them."""

    left: Path
    right: Path
    truth: Path


def write(folder: Path, rows: int, seed: int = 1) -> Files:
    """Write both sides of `rows` orders and what is true of them; return where."""
    folder.mkdir(parents=True, exist_ok=True)
    files = Files(folder / "left.parquet", folder / "right.parquet", folder / "truth.parquet")
    with duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(folder / "spill")}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"CREATE TEMP VIEW base AS {_base(rows, seed)}")
        for path, query in ((files.left, _LEFT), (files.right, _RIGHT), (files.truth, _TRUTH)):
            connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)")
    return files


def _base(rows: int, seed: int) -> str:
    """Return one row an order, with what both sides are made of. `what` is the discrepancy, 12 and more for none."""
    at = AT.strftime("%Y-%m-%d %H:%M:%S")
    span = DAYS * 24 * 3600
    return f"""
        SELECT i, 'S' || lpad(CAST(i AS VARCHAR), 10, '0') AS order_id,
               CASE WHEN i % {_PER_MILLE} < {len(SEEDED)} AND h1 % 97 > 0 AND ago > 1800 THEN i % {_PER_MILLE}
                    ELSE 99 END AS what,
               ago < {int(GRACE.total_seconds())} AS young,
               'buyer' || CAST(h2 % 4000000 AS VARCHAR) || '@example.' || ['com', 'de', 'fr', 'jp'][1 + h2 % 4]
                   AS email,
               [{", ".join(f"'{word}'" for word in STATUSES)}][1 + h3 % {len(STATUSES)}] AS status,
               ['EUR', 'EUR', 'EUR', 'USD', 'JPY', 'KWD', 'GBP'][1 + h1 % 7] AS currency,
               CAST(500 + h2 % 90000 AS BIGINT) AS total,
               CAST((500 + h2 % 90000) * 19 // 119 AS BIGINT) AS tax,
               CAST(1 + h3 % 6 AS INTEGER) AS items,
               TIMESTAMP '{at}' - to_microseconds(ago * 1000000 + h3 % 1000000) AS placed,
               ['Köln', 'Berlin', 'Paris', 'Málaga', 'Łódź', 'Zürich', 'Osaka', 'São Paulo'][1 + (h1 >> 8) % 8] AS city,
               lpad(CAST(h3 % 1000000000 AS VARCHAR), 12, '0') AS reference,
               ['web', 'app', 'b2b'][1 + (h1 >> 16) % 3] AS store,
               CAST((h1 >> 24) % 1000000007 AS BIGINT) AS noise
        FROM (SELECT i, CAST(hash(i, {seed}) >> 2 AS BIGINT) AS h1,
                     CAST(hash(i, {seed} + 1) >> 2 AS BIGINT) AS h2,
                     CAST(hash(i, {seed} + 2) >> 2 AS BIGINT) AS h3,
                     CAST((({rows} - i) / {rows}::DOUBLE) * {span} AS BIGINT) AS ago
              FROM range({rows}) AS numbers(i))"""


_LEFT = """
    SELECT order_id, email, status, currency, total AS total_minor, tax AS tax_minor, items, placed AS placed_at,
           placed + to_seconds(noise % 600) AS changed_at,
           CASE WHEN what = 10 THEN 'Köln' ELSE city END AS city, reference AS payment_reference, store
    FROM base WHERE what <> 1"""

# Words of German ERPs, as the shop's own would be too easy.
_RIGHT = f"""
    SELECT order_id AS belegnummer, email AS mail,
           CASE WHEN what = 8 THEN 'Z7'
                WHEN what = 7 THEN CASE status WHEN 'paid' THEN '20' ELSE '10' END
                ELSE CASE status {" ".join(f"WHEN '{ours}' THEN '{theirs}'" for ours, theirs in STATUSES.items())} END
           END AS zustand,
           CASE WHEN what = 6 THEN CASE currency WHEN 'EUR' THEN 'USD' ELSE 'EUR' END ELSE currency END AS waehrung,
           CASE WHEN what = 4 THEN total * 100 WHEN noise % 5 = 0 THEN total + 1 ELSE total END AS brutto,
           CASE WHEN what = 5 THEN tax + 2 WHEN noise % 7 = 0 THEN tax - 1 ELSE tax END AS steuer,
           items AS positionen,
           placed + CASE WHEN what = 9 THEN to_seconds(7200) WHEN noise % 3 = 0 THEN to_microseconds(noise % 2000001)
                    ELSE to_seconds(0) END AS belegdatum,
           placed + to_seconds(CASE WHEN what = 3 THEN 5400 ELSE 1 + noise % 600 END) AS angelegt,
           CASE WHEN what = 10 THEN 'KÃ¶ln' WHEN noise % 10 = 0 THEN
               replace(replace(city, 'ö', 'o' || chr(776)), 'ü', 'u' || chr(776)) ELSE city END AS ort,
           CASE WHEN what = 11 THEN ltrim(reference, '0') ELSE reference END AS zahlung,
           store AS kanal
    FROM base, (SELECT unnest([1, 2]) AS copy)
    WHERE (copy = 1 OR what = 2) AND what <> 0 AND NOT (young AND noise % 3 = 0)"""

_TRUTH = f"""
    SELECT order_id AS key, what,
           CASE what {" ".join(f"WHEN {n} THEN '{s[1]}'" for n, s in enumerate(SEEDED))} END AS classed,
           CASE what {" ".join(f"WHEN {n} THEN '{s[2]}'" for n, s in enumerate(SEEDED) if s[2])} END AS field
    FROM base WHERE what <= 11"""
