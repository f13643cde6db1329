"""What each listing of a system's API is as a table: one declared column after the other, from our records.

Amounts are whole minor units as the system counts them (`total`, with `currency`), or texts where a system states
decimals; instants are UTC. Columns that are personal are landed only where the source names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from assay.errors import UsageError
from assay.money import Money
from assay.records import (
    Article,
    Document,
    Line,
    MinorAmount,
    Order,
)

if TYPE_CHECKING:
    from assay.drift.pairs.sources.options import ListingOptions

TEXT, WHOLE, INSTANT, DAY, FLAG = pa.string(), pa.int64(), pa.timestamp("us", "UTC"), pa.date32(), pa.bool_()
TEXTS = pa.list_(TEXT)
_PROGRESS = ("status", "payment_status")
_ALTERED = ("confirmed", "cancelled")
COPY = "copy"
"""The column that numbers records which nothing else tells apart."""
LINES = pa.list_(
    pa.struct(
        {
            "ref": TEXT,
            "sku": TEXT,
            "quantity": TEXT,
            "unit_price": WHOLE,
            "total": WHOLE,
            "tax": WHOLE,
            "tax_rate": TEXT,
            "discount": WHOLE,
            "net": TEXT,
            "net_tax": TEXT,
            "cancelled": TEXT,
            "rejected": FLAG,
        }
    )
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its type, and what of a record stands in it. personal: of a person."""

    name: str
    type: pa.DataType
    of: Callable[[Any], Any]
    personal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One listing. verb: of the connector, `(since, until)` or, where it is read key by key, `(key)`; role: who has it.

    key: the columns by which the system itself tells its records apart; where that does not do, `counted` numbers
    records that are alike within one read, in the column `copy`. placed, changed: columns with those instants, None
    where none has them. asked_by: what it is read by, where that is no column of another listing. least: the narrowest
    span such systems tell apart, a day where they filter by date.
    """

    name: str
    verb: str
    role: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    placed: str | None = None
    changed: str | None = None
    counted: bool = False
    by_article: bool = False
    ask: Callable[[Callable[..., Any], str, datetime], Iterable[Any]] = lambda read, key, now: read(key)
    asked_by: Callable[[ListingOptions], Sequence[str]] | None = None
    kept: str | None = None
    walked: Listing | None = None
    parts: Callable[[Any], Sequence[Any]] = lambda record: (record,)
    least: timedelta = timedelta(seconds=1)

    def column(self, name: str) -> Column:
        """Return a column by its name; `KeyError` where there is none."""
        for each in self.columns:
            if each.name == name:
                return each
        raise KeyError(name)

    def keys(self, records: Sequence[Any]) -> list[tuple[str, ...]]:
        """Return what tells these records, of one read, apart."""
        parts = [self.column(name).of for name in self.key if name != COPY]
        plain = [tuple(str(part(record)) for part in parts) for record in records]
        if not self.counted:
            return plain
        seen: dict[tuple[str, ...], int] = {}
        found = []
        for key in plain:
            seen[key] = seen.get(key, 0) + 1
            found.append((*key, str(seen[key])))
        return found

    def version(self, record: Any) -> datetime | None:
        """Return when a record last changed."""
        return self._instant(self.changed, record)

    def moment(self, record: Any) -> datetime | None:
        """Return when a record was made."""
        return self._instant(self.placed, record)

    def _instant(self, name: str | None, record: Any) -> datetime | None:
        found: datetime | None = self.column(name).of(record) if name else None
        return found


def _is(name: str) -> Callable[[Any], Any]:
    return lambda record: getattr(record, name)


def _same(kind: pa.DataType, *names: str, personal: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name, kind, _is(name), personal) for name in names)


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, TEXT, _text_of(name)) for name in names)


def _text_of(name: str) -> Callable[[Any], str | None]:
    def read(record: Any) -> str | None:
        value = getattr(record, name)
        return f"{value:f}" if isinstance(value, Decimal) else None if value is None else str(value)

    return read


def _amounts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, WHOLE, _minor_of(name)) for name in names)


def _minor_of(name: str) -> Callable[[Any], int | None]:
    def read(record: Any) -> int | None:
        return _minor(getattr(record, name))

    return read


def _minor(amount: Money | MinorAmount | None) -> int | None:
    return None if amount is None else amount.minor


def _currency_of(name: str) -> Callable[[Any], str | None]:
    def read(record: Any) -> str | None:
        amount = getattr(record, name)
        return None if amount is None else str(amount.currency)

    return read


def _address(part: str) -> Callable[[Order], str | None]:
    return lambda order: None if order.address is None else getattr(order.address, part)


def _decimal(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _line(line: Line) -> Mapping[str, Any]:
    return {
        "ref": line.ref,
        "sku": line.sku,
        "quantity": _decimal(line.quantity),
        "unit_price": _minor(line.unit_price),
        "total": _minor(line.total),
        "tax": _minor(line.tax),
        "tax_rate": _decimal(line.tax_rate),
        "discount": _minor(line.discount),
        "net": _decimal(line.net),
        "net_tax": _decimal(line.net_tax),
        "cancelled": _decimal(line.cancelled),
        "rejected": line.rejected,
    }


def changed_at(order: Order) -> datetime:
    """Return the youngest instant an order tells of."""
    instants = [
        order.placed_at,
        *(each.at for group in (order.history, order.refunds, order.returns) for each in group),
    ]
    return max(instants + [each.at for each in order.edits if each.at is not None])


def altered_at(order: Order) -> datetime:
    """Return when what was ordered last changed, as far as an order tells: how far it was paid or sent is no part."""
    told = [each.at for each in order.history if each.value in _ALTERED or each.field not in _PROGRESS]
    return max([order.placed_at, *told, *(each.at for each in order.edits if each.at is not None)])


def _lines(record: Order | Document) -> list[Mapping[str, Any]]:
    return [_line(each) for each in record.lines]


def _units(record: Order | Document) -> str:
    return f"{sum((each.quantity for each in record.lines), Decimal(0)):f}"


_LINED = (
    Column("units", TEXT, _units),
    Column("line_count", WHOLE, lambda record: len(record.lines)),
    Column("lines", LINES, _lines),
)

_ORDER = (
    *_same(TEXT, "ref", "number", "status", "payment_status"),
    Column("placed_at", INSTANT, _is("placed_at")),
    Column("changed_at", INSTANT, changed_at),
    Column("altered_at", INSTANT, altered_at),
    Column("currency", TEXT, _currency_of("total")),
    *_amounts("total", "goods", "shipping", "shipping_tax", "discount", "tax", "rounding"),
    *_same(TEXT, "store", "tax_treatment", "coupon", "hold", "shipping_service"),
    *_same(FLAG, "tax_included"),
    Column("rate", TEXT, lambda order: None if order.rate is None else _decimal(order.rate.value)),
    Column("rate_base", TEXT, lambda order: None if order.rate is None else order.rate.base),
    Column("rate_quote", TEXT, lambda order: None if order.rate is None else order.rate.quote),
    Column("payment", TEXT, lambda order: order.tenders[0].kind if order.tenders else None),
    Column("gateway", TEXT, lambda order: order.tenders[0].gateway if order.tenders else None),
    *(Column(name, TEXTS, _is(name)) for name in ("payment_refs", "document_refs", "tracking_numbers")),
    *_LINED,
    Column("postings", WHOLE, lambda order: len(order.postings)),
    Column("country", TEXT, _address("country")),
    *_same(TEXT, "email", "customer_name", personal=True),
    *(Column(name, TEXT, _address(name), True) for name in ("name", "city", "postcode", "region", "phone")),
)

_PAYMENT = (
    *_same(TEXT, "ref", "order_ref", "checkout_ref", "status", "phase", "purpose"),
    Column("created_at", INSTANT, _is("created_at")),
    Column("currency", TEXT, _currency_of("amount")),
    *_amounts("amount", "captured", "refunded", "capturable"),
    *_same(FLAG, "declined"),
    Column("refund_refs", TEXTS, lambda payment: [each.ref for each in payment.refunds]),
    *_same(TEXT, "customer", personal=True),
)

_DOCUMENT = (
    *_same(TEXT, "ref", "kind", "order_ref", "whole_ref", "reference", "parent_ref", "status", "currency"),
    *_texts("total"),
    *_same(DAY, "document_date"),
    *_same(INSTANT, "created_at", "changed_at"),
    *_same(FLAG, "rejected", "posted"),
    *_LINED,
)

_BALANCE = (
    *_same(TEXT, "ref", "kind", "payment_ref", "refund_ref", "order_ref", "payout_ref"),
    *_same(INSTANT, "created_at", "available_at"),
    Column("currency", TEXT, _currency_of("gross")),
    *_amounts("gross", "fee", "net", "presented"),
    Column("presented_currency", TEXT, _currency_of("presented")),
    *_texts("rate"),
)

_PAYOUT = (
    *_same(TEXT, "ref", "status"),
    *_same(INSTANT, "created_at"),
    *_same(DAY, "arrives_on"),
    Column("currency", TEXT, _currency_of("amount")),
    *_amounts("amount"),
)

_JOURNAL = (
    *_same(TEXT, "entry", "account", "purpose", "reference", "text"),
    *_same(DAY, "posted_on"),
    Column("currency", TEXT, _currency_of("amount")),
    *_amounts("amount", "company"),
    Column("company_currency", TEXT, _currency_of("company")),
    Column(COPY, WHOLE, lambda line: None),
)

_STATEMENT = (
    *_same(TEXT, "ref"),
    *_same(TEXT, "text", personal=True),
    *_same(DAY, "booked_on"),
    Column("currency", TEXT, _currency_of("amount")),
    *_amounts("amount"),
)


@dataclass(frozen=True, slots=True)
class _Offered:
    """An article as it is offered in a currency, at a price or at none."""

    article: Article
    currency: str


def _offered(read: Callable[..., Any], currency: str, now: datetime) -> list[_Offered]:
    return [_Offered(article, currency) for article in read(currency)]


def _currencies(options: ListingOptions) -> Sequence[str]:
    if not options.currencies:
        raise UsageError(
            "the listing 'articles' is read currency by currency",
            expected='those that prices are listed in: currencies = ["EUR", "KWD"]',
        )
    return sorted(set(options.currencies))


def _all(read: Callable[..., Any], key: str, now: datetime) -> Iterable[Any]:
    return cast(Iterable[Any], read())


def _gtin_14(gtin: str | None) -> str | None:
    """Return a trade item number of 8, 12, 13 or 14 digits in its one form of 14; what is none as it is written."""
    is_one = gtin is not None and gtin.isascii() and gtin.isdecimal() and len(gtin) in (8, 12, 13, 14)
    return gtin.zfill(14) if gtin is not None and is_one else gtin


def _article(kind: pa.DataType, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, kind, _of_article(name)) for name in names)


def _of_article(name: str) -> Callable[[_Offered], Any]:
    return lambda offered: getattr(offered.article, name)


_ARTICLES = (
    *_article(TEXT, "sku"),
    *_same(TEXT, "currency"),
    Column("price", WHOLE, lambda offered: _minor(offered.article.price)),
    Column("price_currency", TEXT, lambda offered: offered.article.price.currency if offered.article.price else None),
    *_article(TEXT, "name", "gtin"),
    Column("gtin_14", TEXT, lambda offered: _gtin_14(offered.article.gtin)),
    Column("gtin_stated", TEXT, lambda offered: offered.article.gtin_14),
    *_article(WHOLE, "weight_g"),
    *_article(FLAG, "backorder"),
    Column("bundle", FLAG, lambda offered: bool(offered.article.components)),
)

_MATERIALS = (
    *_same(TEXT, "sku", "name", "gtin"),
    Column("gtin_14", TEXT, lambda material: _gtin_14(material.gtin)),
    *_texts("weight_g"),
    *_same(FLAG, "deleted"),
    *_same(DAY, "created_on"),
    *_same(INSTANT, "changed_at"),
)

_STOCK = (*_same(TEXT, "sku", "location"), *_texts("on_hand"))

LISTINGS: Mapping[str, Listing] = {
    each.name: each
    for each in (
        Listing(
            name="orders", verb="orders", role="shop", columns=_ORDER, key=("ref",), placed="placed_at",
            changed="changed_at",
        ),
        Listing(name="payments", verb="payments", role="payments", columns=_PAYMENT, key=("ref",), placed="created_at"),
        Listing(
            name="documents", verb="documents", role="erp", columns=_DOCUMENT, key=("kind", "ref"),
            changed="changed_at",
            least=timedelta(days=1),
        ),
        Listing(
            name="balance", verb="balance_entries", role="payments", columns=_BALANCE, key=("ref",), placed="created_at"
        ),
        Listing(name="payouts", verb="payouts", role="payments", columns=_PAYOUT, key=("ref",), placed="created_at"),
        Listing(
            name="journal", verb="journal_lines", role="erp", columns=_JOURNAL, counted=True,
            key=("entry", "account", "purpose", "amount", "currency", "reference", "text", COPY),
            least=timedelta(days=1),
        ),
        Listing(
            name="statements", verb="statement_lines", role="shop", columns=_STATEMENT, key=("ref",),
            least=timedelta(days=1),
        ),
        Listing(name="stock", verb="stock", role="erp", columns=_STOCK, key=("sku", "location"), by_article=True),
        Listing(
            name="articles", verb="articles", role="shop", columns=_ARTICLES, key=("sku", "currency"), by_article=True,
            ask=_offered, asked_by=_currencies,
        ),
        Listing(
            name="materials", verb="materials", role="erp", columns=_MATERIALS, key=("sku",), changed="changed_at",
            by_article=True, ask=_all, asked_by=lambda options: ("all",),
        ),
    )
}  # fmt: skip
"""Listings of papers, money and master data, by the name a source gives; with those of goods they are all."""
