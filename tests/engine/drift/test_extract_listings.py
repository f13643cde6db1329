"""Each listing as a table: what is told apart, what fits no column, what is asked of systems that filter by day."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from assay.drift.extracting import LISTINGS, ListingRows, Systems
from assay.drift.extracting.merging import merge
from assay.drift.pairs.sources.landing import Landing
from assay.drift.pairs.sources.options import ListingOptions, options_of
from assay.errors import InfrastructureError, UsageError
from assay.money import Money
from assay.records import (
    Document,
    Edit,
    JournalLine,
    Line,
    MinorAmount,
    Order,
    Payment,
    Posting,
    StateChange,
    StockLevel,
)

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


class Erp:
    """An ERP that filters by day: it lists all of every day that a span touches."""

    def __init__(self) -> None:
        self.asked: list[tuple[datetime, datetime]] = []
        self.held: dict[date, list[Any]] = {}
        self.stocks: Mapping[str, int] = {}

    def documents(self, since: datetime, until: datetime) -> Sequence[Any]:
        """Return what was made on the days of a span."""
        self.asked.append((since, until))
        last = (until - timedelta(microseconds=1)).date()
        return [each for day, records in sorted(self.held.items()) if since.date() <= day <= last for each in records]

    journal_lines = documents

    def stock(self, sku: str) -> Sequence[StockLevel]:
        """Return the stock of an article."""
        if sku not in self.stocks:
            raise LookupError(sku)
        return [StockLevel(system="erp", sku=sku, on_hand=Decimal(self.stocks[sku]), location=None)]


class Gateway:
    """A gateway that lists payments as it goes, and not those of today."""

    def __init__(self, payments: Sequence[Payment]) -> None:
        self.held = payments

    def payments(self, since: datetime, until: datetime) -> Iterator[Payment]:
        """Yield the payments of a span."""
        if until > NOW - timedelta(days=1):
            raise LookupError("the report of today comes tomorrow")
        yield from (each for each in self.held if since <= each.created_at < until)


def rows(connector: object, listing: str, folder: Path, now: datetime = NOW, **more: Any) -> ListingRows:
    """Return a listing of a connector, landed in a folder."""
    options = ListingOptions.model_validate({"kind": "listing", "listing": listing, **more})
    systems = Systems(
        connector=lambda system, own: connector,
        landing=lambda own: Landing(folder / "landed"),
        now=lambda: now,
        key=lambda own: b"k" * 32,
        pause=lambda seconds: None,
    )
    return ListingRows("erp", options, systems, folder)


def landed(found: ListingRows) -> list[dict[str, Any]]:
    """Return what was landed."""
    table: list[dict[str, Any]] = parquet.read_table(found.land().folder).to_pylist()
    return table


def document(number: int, day: date) -> Document:
    """Return a sales order."""
    line = Line(sku="A", quantity=Decimal("1.500"), net=Decimal("19.90"))
    return Document(
        system="erp", ref=f"{number}", kind="sales_order", order_ref=f"R-{number}", status="A", lines=(line,),
        total=Decimal("19.90"), currency="EUR", document_date=day,
    )  # fmt: skip


def test_a_system_that_filters_by_day_is_asked_day_by_day(tmp_path: Path) -> None:
    """Spans begin and end at midnight, no day is asked for by two of them, and decimals stay as they are."""
    erp = Erp()
    for ago in range(40):
        day = (NOW - timedelta(days=ago)).date()
        erp.held[day] = [document(1000 * ago + number, day) for number in range(20 if ago % 7 else 70)]
    found = landed(rows(erp, "documents", tmp_path))
    days = [day for day in erp.held if day >= (NOW - timedelta(days=30)).date()]
    assert len(found) == sum(len(erp.held[day]) for day in days)
    assert all(since.time() == datetime.min.time() for since, _ in erp.asked)
    assert found[0]["total"] == "19.90" and found[0]["lines"][0]["quantity"] == "1.500"
    assert len(erp.asked) < 2 * len(days)


def test_documents_written_meanwhile_keep_no_day_from_being_read(tmp_path: Path) -> None:
    """Of a day of several pages, a document more each time it is asked for; what stood there before is waited for."""
    today = NOW.date()
    before = [replace(document(number, today), changed_at=NOW - timedelta(hours=1)) for number in range(260)]
    late = before.pop()

    class Busy(Erp):
        def documents(self, since: datetime, until: datetime) -> Sequence[Any]:
            self.held.setdefault(today, []).append(
                replace(document(1000 + len(self.asked), today), changed_at=NOW + timedelta(seconds=len(self.asked)))
            )
            if len(self.asked) == 2:
                self.held[today].append(late)
            return super().documents(since, until)

    erp = Busy()
    erp.held[today] = list(before)
    found = {each["ref"] for each in landed(rows(erp, "documents", tmp_path, back="1h"))}
    assert {each.ref for each in (*before, late)} <= found
    assert len(erp.asked) == 5


def test_when_what_was_ordered_changed_is_told_apart_from_its_way() -> None:
    """A cancellation, a change of lines and an edit alter an order; that it was paid, sent or refunded does not."""
    at = [NOW + timedelta(hours=number) for number in range(9)]
    history = [("status", "pending"), ("status", "confirmed"), ("payment_status", "paid"), ("status", "shipped")]
    told = tuple(StateChange(field=name, value=value, at=at[place]) for place, (name, value) in enumerate(history))
    order = Order(
        system="shop", ref="1", number="R-1", status="shipped", total=Money(100, "EUR"), placed_at=at[0], history=told
    )
    columns = {name: LISTINGS["orders"].column(name).of for name in ("changed_at", "altered_at", "postings")}
    assert [columns[name](order) for name in columns] == [at[3], at[1], 0]
    for place, more in enumerate((
        {"history": (*order.history, StateChange(field="status", value="cancelled", at=at[4]))},
        {"history": (*order.history, StateChange(field="lines", value="cancelled in part", at=at[4]))},
        {"edits": (Edit(reason="forgot", at=at[4]),), "postings": (Posting(reference="R-1"),) * 2},
    )):  # fmt: skip
        altered = replace(order, **more)  # type: ignore[arg-type]
        assert [columns[name](altered) for name in columns] == [at[4], at[4], 2 * (place == 2)]


def test_equal_lines_of_a_journal_are_counted(tmp_path: Path) -> None:
    """Two lines that nothing tells apart are two rows, and reading their span again makes no third."""
    erp, day = Erp(), NOW.date() - timedelta(days=1)
    amount = Money(1990, "EUR")
    line = JournalLine(
        system="erp", entry="1", account="4000", purpose="revenue", amount=amount, company=amount, posted_on=day
    )
    erp.held[day] = [line, line, *[line] * 150]
    found = landed(rows(erp, "journal", tmp_path))
    assert sorted(row["copy"] for row in found) == list(range(1, 153))
    again = rows(erp, "journal", tmp_path, NOW + timedelta(hours=1))
    assert len(landed(again)) == 152 and again.land().mark.mode == "changes"


def test_stock_is_asked_for_article_by_article(tmp_path: Path) -> None:
    """An article that the system does not hold is no row; without a file of articles it cannot be asked."""
    (tmp_path / "skus.txt").write_text("\ufeffA\nB\n\nC\n", encoding="utf-8")
    erp = Erp()
    erp.stocks = {"A": 3, "C": 0}
    found = landed(rows(erp, "stock", tmp_path, articles="skus.txt"))
    assert {row["sku"]: row["on_hand"] for row in found} == {"A": "3", "C": "0"}
    with pytest.raises(UsageError, match="key by key"):
        rows(erp, "stock", tmp_path).land()


class Shop(Erp):
    """A shop whose orders name their documents, beside an ERP that counts an article of each name."""

    down_at: str | None = None

    def __init__(self, *orders: Order) -> None:
        super().__init__()
        self.listed, self.counted = orders, list[str]()

    def orders(self, since: datetime, until: datetime) -> Sequence[Order]:
        """Return the orders of a span."""
        return [each for each in self.listed if since <= each.placed_at < until]

    def stock(self, sku: str) -> Sequence[StockLevel]:
        """Return the stock of an article, unless the line is cut just there."""
        self.counted.append(sku)
        if sku == self.down_at:
            raise InfrastructureError("the line is down")
        return super().stock(sku)


def order(number: int, *documents: str, **more: Any) -> Order:
    """Return an order with these documents."""
    placed = NOW - timedelta(hours=1 + number)
    return Order(
        system="shop", ref=f"{number}", number=f"R-{number}", status="confirmed", total=Money(1990, "EUR"),
        placed_at=placed, document_refs=documents, **more,
    )  # fmt: skip


BY_DOCUMENT = {"system": "shop", "listing": "orders", "column": "document_refs"}


def test_keys_are_the_column_of_another_listing(tmp_path: Path) -> None:
    """A list is unfolded, what stands twice is asked for once, and nothing is asked for an empty one."""
    shop = Shop(order(1, "B", "A"), order(2), order(3, "A", "C"))
    shop.stocks = {"A": 1, "B": 2}
    found = landed(rows(shop, "stock", tmp_path, articles=BY_DOCUMENT))
    assert {row["sku"]: row["on_hand"] for row in found} == {"A": "1", "B": "2"}
    assert shop.counted == ["A", "B", "C"]
    assert Landing(tmp_path / "landed").latest("shop-orders") is not None


def test_a_cut_read_by_keys_goes_on_by_the_key(tmp_path: Path) -> None:
    """A key that came in between moves no place: what was read is not read again, and what was not, is."""
    shop = Shop(order(1, "B", "C"))
    shop.stocks, shop.down_at = {"AA": 7, "B": 1, "C": 2}, "C"
    with pytest.raises(InfrastructureError, match="the line is down"):
        rows(shop, "stock", tmp_path, articles={**BY_DOCUMENT, "fresh": "1s"}, fresh="1s").land()
    shop.listed, shop.down_at, shop.counted = (*shop.listed, order(2, "AA")), None, []
    later = NOW + timedelta(seconds=10)
    found = rows(shop, "stock", tmp_path, later, articles={**BY_DOCUMENT, "fresh": "1s"}, fresh="1s")
    assert found.land().mark.rows == 3 and shop.counted == ["C", "AA", "B", "C"]


def test_where_keys_are_lacking_the_side_is_not_whole(tmp_path: Path) -> None:
    """Keys of a listing of which a record could not be landed: the side says so, and nothing is called missing."""
    shop = Shop(order(1, "A"), order(2, "B\ud800"))
    shop.stocks = {"A": 1}
    found = rows(shop, "stock", tmp_path, articles=BY_DOCUMENT)
    assert [row["sku"] for row in landed(found)] == ["A"]
    assert found.unread[0].startswith("its keys come from shop: orders 2: 'document_refs'")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"column": "document_ref"}, "did you mean 'document_refs'"),
        ({"column": "email"}, "is personal, and is not landed"),
        ({"listing": "order"}, "did you mean 'orders'"),
        ({"system": "erp", "listing": "stock", "column": "sku"}, "cannot name its own keys"),
        ({"colunm": "ref"}, "no key 'articles.colunm'.*did you mean 'column'"),
        ({"back": "soon"}, "the source is wrong"),
    ],
)
def test_wrong_keys_are_refused(tmp_path: Path, wrong: Mapping[str, str], said: str) -> None:
    """A column or listing that is not there, one that is not landed, a listing of itself, a misspelt word."""
    with pytest.raises(UsageError) as error:
        options_of({"kind": "listing", "listing": "stock", "articles": {**BY_DOCUMENT, **wrong}})
        rows(Shop(order(1, "A")), "stock", tmp_path, articles={**BY_DOCUMENT, **wrong}).land()
    assert re.search(said, " ".join(str(error.value).split()))


def payment(number: int, at: datetime, **more: Any) -> Payment:
    """Return a payment."""
    amount = MinorAmount(more.pop("minor", 1990), "EUR")
    return Payment(
        system="gateway", ref=more.pop("ref", f"pay-{number}"), order_ref=f"R-{number}", status="ok", amount=amount,
        captured=amount, refunded=MinorAmount(0, "EUR"), created_at=at, **more,
    )  # fmt: skip


def test_what_fits_no_column_is_named_and_the_rest_is_landed(tmp_path: Path) -> None:
    """An amount of 400 digits and a text that is no Unicode are named by their record; such a landing is not whole."""
    at = NOW - timedelta(days=2)
    odd = [payment(1, at, minor=10**400), payment(2, at, ref="pay-\ud800"), payment(3, at), payment(4, at)]
    found = rows(Gateway(odd), "payments", tmp_path, behind="1d")
    assert [row["ref"] for row in landed(found)] == ["pay-3", "pay-4"]
    assert [each.split(":")[0] for each in found.unread] == ["payments pay-1", "payments pay-\\ud800"]
    assert found.land().folder.name.endswith(".partial")
    assert Landing(tmp_path / "landed").latest("erp-payments") is None
    assert len(landed(rows(Gateway(odd), "payments", tmp_path, behind="1d"))) == 2  # at the same instant


def test_the_part_a_system_tells_late_is_left_out_or_said(tmp_path: Path) -> None:
    """A gateway that lists no payments of today: trouble with what to do, and with `behind` no trouble at all."""
    gateway = Gateway([payment(number, NOW - timedelta(hours=number)) for number in range(300)])
    with pytest.raises(InfrastructureError, match="erp's payments of that span cannot be listed") as error:
        rows(gateway, "payments", tmp_path).land()
    assert 'behind = "1d"' in str(error.value)
    assert len(landed(rows(gateway, "payments", tmp_path, behind="1d"))) == 300 - 25


def test_two_reads_of_one_listing_at_once_are_refused(tmp_path: Path) -> None:
    """The second command is told to wait; the first is not disturbed."""
    inside, go = threading.Event(), threading.Event()

    class Slow(Erp):
        def documents(self, since: datetime, until: datetime) -> Sequence[Any]:
            inside.set()
            go.wait(10)
            return []

    first = rows(Slow(), "documents", tmp_path)
    thread = threading.Thread(target=first.land)
    thread.start()
    try:
        assert inside.wait(10)
        with pytest.raises(InfrastructureError, match="being read by another command"):
            rows(Erp(), "documents", tmp_path).land()
    finally:
        go.set()
        thread.join()
    assert landed(first) == []


def stop(*_: object, **__: object) -> int:
    """Be killed."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["assay.drift.extracting.rows.merge", "shutil.rmtree", "before the merge's end"])
def test_killed_while_it_is_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Cut off while rows are merged, just after it, or while raw ones are removed: the next read has them all once."""
    erp = Erp()
    for ago in range(1, 20):
        day = (NOW - timedelta(days=ago)).date()
        erp.held[day] = [document(1000 * ago + number, day) for number in range(20)]

    def half(*arguments: Any, **more: Any) -> int:
        merge(*arguments, **more)
        raise KeyboardInterrupt

    broken: Callable[..., Any] = half if place.startswith("before") else stop
    with monkeypatch.context() as patch:
        patch.setattr("assay.drift.extracting.rows.merge" if place.startswith("before") else place, broken)
        with pytest.raises(KeyboardInterrupt):
            rows(erp, "documents", tmp_path).land()
    found = rows(erp, "documents", tmp_path)
    assert len(landed(found)) == len({row["ref"] for row in landed(found)}) == 19 * 20
    assert found.land().mark.resumed == 1
    assert [each.name for each in found.land().folder.iterdir() if each.is_dir()] == []


def test_every_column_of_a_key_is_one_of_its_listing() -> None:
    """Key, placed and changed name columns; none stands twice, and what tells records apart is not personal."""
    for listing in LISTINGS.values():
        names = [each.name for each in listing.columns]
        assert len(set(names)) == len(names)
        told = {*listing.key, *filter(None, (listing.placed, listing.changed))}
        assert told <= set(names) and not any(listing.column(name).personal for name in told)
