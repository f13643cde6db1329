"""Listings of goods: what is counted of stock, what a shop says was sent, what a carrier says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from assay.drift.extracting import ListingRows, Systems
from assay.drift.pairs.model import Field, Kind, Pair, Side
from assay.drift.pairs.opening import sides_of
from assay.drift.pairs.sources.landing import Landing
from assay.drift.pairs.sources.options import ListingOptions
from assay.errors import UsageError
from assay.money import Money
from assay.records import (
    Movement,
    Order,
    Parcel,
    Reservation,
    Shipment,
    ShipmentEvent,
    StateChange,
    StockCount,
    StockLevel,
)

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


def ago(**span: float) -> datetime:
    """Return an instant before now."""
    return NOW - timedelta(**span)


def held(quantity: int, state: str, *, expires: datetime | None = None) -> Reservation:
    """Return a hold."""
    return Reservation(sku="A", quantity=quantity, holder="h", state=state, at=ago(hours=1), expires_at=expires)


def count(on_hand: int, sellable: int, *holds: Reservation, moves: Sequence[tuple[str, int]] = (), **more: Any) -> Any:
    """Return a count of article A."""
    movements = tuple(
        Movement(sku="A", kind=kind, quantity=units, reference="", at=ago(hours=9)) for kind, units in moves
    )
    reserved = sum(each.quantity for each in holds)
    return StockCount(
        system="shop", sku="A", at=NOW, on_hand=on_hand, sellable=sellable, reserved=reserved, movements=movements,
        reservations=holds, **more,
    )  # fmt: skip


@dataclass
class Shop:
    """A shop with counts that come one after the other, orders with parcels, and a carrier, all in one."""

    counts: list[Any] = field(default_factory=list)
    listed: Sequence[Order] = ()
    parcels: Mapping[str, Shipment] = field(default_factory=dict)
    tracked: list[str] = field(default_factory=list)
    parcels_kept = timedelta(days=120)

    def stock_count(self, sku: str, at: datetime) -> StockCount:
        """Return the next count; the last one again and again."""
        found: StockCount = self.counts.pop(0) if len(self.counts) > 1 else self.counts[0]
        return replace(found, at=at)

    def stock(self, sku: str) -> Sequence[StockLevel]:
        """Return the stock of two places."""
        places = (("1010/101A", "7"), ("1010/101B", "0.5"))
        return [StockLevel(system="erp", sku=sku, on_hand=Decimal(units), location=place) for place, units in places]

    def orders(self, since: datetime, until: datetime) -> Sequence[Order]:
        """Return the orders of a span."""
        return [each for each in self.listed if since <= each.placed_at < until]

    def track(self, number: str) -> Shipment:
        """Return a parcel."""
        self.tracked.append(number)
        if number not in self.parcels:
            raise LookupError(number)
        return self.parcels[number]


def systems(connector: object, folder: Path, now: datetime = NOW) -> Systems:
    """Return what reads the listings of a connector."""
    return Systems(
        connector=lambda system, own: connector,
        landing=lambda own: Landing(folder / "landed"),
        now=lambda: now,
        key=lambda own: b"k" * 32,
        pause=lambda seconds: None,
    )


def landed(connector: object, listing: str, folder: Path, now: datetime = NOW, **more: Any) -> list[dict[str, Any]]:
    """Return what was landed of a listing."""
    (folder / "skus.txt").write_text("A\n", encoding="utf-8")
    options = ListingOptions.model_validate({"kind": "listing", "listing": listing, **more})
    rows = ListingRows("shop", options, systems(connector, folder, now), folder)
    return sorted(parquet.read_table(rows.land().folder).to_pylist(), key=str)


OPENING = (("opening", 20), ("shipped", -8))


def test_stock_is_told_as_movements_and_holds_make_it(tmp_path: Path) -> None:
    """Movements are added up, a hold without an order is over five minutes after its end, and one without end is."""
    holds = (
        held(1, "open", expires=ago(minutes=-20)),
        held(2, "open", expires=ago(minutes=6)),
        held(4, "open"),
        held(3, "committed"),
    )
    shop = Shop([count(12, 1, *holds, moves=OPENING, safety=1)])
    (row,) = landed(shop, "counts", tmp_path, articles="skus.txt")
    assert (row["moved"], row["reserved"], row["held"], row["free"], row["in_flight"]) == (12, 10, 4, 7, 3)
    assert row["changed_at"] == ago(hours=1)


def test_without_movements_from_the_opening_on_nothing_is_made_of_them(tmp_path: Path) -> None:
    """What movements make is not known then, and what is free follows from what the shop counts."""
    shop = Shop([count(12, 12, moves=(("shipped", -8),))])
    (row,) = landed(shop, "counts", tmp_path, articles="skus.txt")
    assert row["moved"] is None and row["free"] == 12


def test_a_count_that_does_not_add_up_is_counted_again(tmp_path: Path) -> None:
    """Count and movements come by two answers: what was booked between them is no loss, what stays wrong is told."""
    between, whole = count(11, 11, moves=OPENING), count(12, 12, moves=OPENING)
    (row,) = landed(Shop([between, whole]), "counts", tmp_path, articles="skus.txt")
    assert (row["on_hand"], row["moved"]) == (12, 12)
    (row,) = landed(Shop([between]), "counts", tmp_path, NOW + timedelta(hours=1), articles="skus.txt")
    assert (row["on_hand"], row["moved"]) == (11, 12)


def test_an_erps_places_are_added_up(tmp_path: Path) -> None:
    """One row an article, with decimals as they are."""
    assert landed(Shop(), "stock_total", tmp_path, articles="skus.txt") == [{"sku": "A", "on_hand": "7.5", "places": 2}]


def parcel(ref: str, number: str | None, **more: Any) -> Parcel:
    """Return a parcel of the shop."""
    given = {"carrier": "ups", "state": "labelled", "status": "in_transit", **more}
    return Parcel(ref=ref, tracking_number=number, **given)


def order(number: int, *parcels: Parcel, **more: Any) -> Order:
    """Return an order."""
    given = {"status": "shipped", "placed_at": ago(days=1), **more}
    return Order(
        system="shop", ref=f"{number}", number=f"R-{number}", total=Money(1990, "EUR"), parcels=parcels, **given
    )


def test_each_parcel_of_an_order_is_a_row(tmp_path: Path) -> None:
    """With how it stands as the shop must take it; what has no label is not followed, and what is cancelled is void."""
    shop = Shop(
        listed=[
            order(1, parcel("p1", "1Z1"), parcel("p2", "1Z2", state="voiding"), parcel("p3", None, state="queued")),
            order(2, parcel("p4", "1Z4", status="created"), status="cancelled"),
            order(3, parcel("p5", None, untracked=True)),
            order(4, tracking_numbers=("1Z6",)),
            order(5, parcel("p7", None)),
            order(6),
        ]
    )
    found = landed(shop, "parcels", tmp_path)
    assert {row["ref"]: (row["tracking_number"], row["standing"], row["followed"]) for row in found} == {
        "p1": ("1Z1", "in_transit", True),
        "p2": ("1Z2", "voided", True),
        "p3": (None, "in_transit", False),
        "p4": ("1Z4", "voided", True),
        "p5": (None, "in_transit", False),
        "1Z6": ("1Z6", None, True),
        "p7": (None, "in_transit", True),
    }


def test_parcels_are_read_on_as_their_orders_are(tmp_path: Path) -> None:
    """A parcel that came to an order of the last days is there the next time, once; one that is gone is gone."""
    shop = Shop(listed=[order(number, parcel(f"p{number}", f"1Z{number}")) for number in range(250)])
    assert len(landed(shop, "parcels", tmp_path)) == 250
    changed = StateChange(field="status", value="delivered", at=NOW)
    shop.listed = [
        order(0, parcel("p0", "1Z0", status="delivered"), parcel("new", "1Z-new"), history=(changed,)),
        *shop.listed[2:],
    ]
    found = landed(shop, "parcels", tmp_path, NOW + timedelta(hours=1))
    refs = [row["ref"] for row in found]
    assert len(refs) == len(set(refs)) == 250 and {"p0", "new"} <= set(refs) and "p1" not in refs
    assert [row["status"] for row in found if row["ref"] == "p0"] == ["delivered"]


def shipment(number: str, status: str = "in_transit") -> Shipment:
    """Return what the carrier says of a parcel."""
    ways = (("created", 40), ("in_transit", 30), ("in_transit", 3))
    scans = tuple(ShipmentEvent(code="I", text="", at=ago(hours=hours), status=way) for way, hours in ways)
    return Shipment(
        system="ups", ref=number, order_ref="R-1", tracking_number=number, status=status, events=scans
    )  # fmt: skip


KEYS = {"system": "shop", "listing": "parcels", "column": "tracking_number", "only": {"followed": True}}


def test_a_carrier_is_asked_for_what_is_followed_alone(tmp_path: Path) -> None:
    """A number it does not know is no row, and what another carrier has is not asked for."""
    given = [parcel("p1", "1Z1"), parcel("p2", "DHL1", carrier="dhl"), parcel("p3", "1Z3"), parcel("p4", None)]
    shop = Shop(listed=[order(1, *given)], parcels={"1Z1": shipment("1Z1")})
    only = {"followed": True, "carrier": ["ups", "usps"]}
    (row,) = landed(shop, "shipments", tmp_path, articles={**KEYS, "only": only})
    assert shop.tracked == ["1Z1", "1Z3"]
    assert (row["tracking_number"], row["status"]) == ("1Z1", "in_transit")
    assert (row["changed_at"], row["scanned_at"]) == (ago(hours=30), ago(hours=3))  # on its way since, scanned last


@pytest.mark.parametrize(
    ("articles", "said"),
    [
        ({**KEYS, "back": "121d"}, "shop knows its shipments for 120d"),
        ({**KEYS, "only": {"follows": True}}, "did you mean 'followed'"),
    ],
)
def test_what_a_carrier_has_forgotten_is_not_asked_for(tmp_path: Path, articles: Any, said: str) -> None:
    """Keys from further back than it knows a parcel are refused, and so is a column that is not there."""
    with pytest.raises(UsageError) as error:
        landed(Shop(listed=[order(1, parcel("p1", "1Z1"))]), "shipments", tmp_path, articles=articles)
    assert said in str(error.value)


def test_two_sides_of_one_listing_are_of_one_moment(tmp_path: Path) -> None:
    """A pair of a shop with itself reads it once, however young that must be."""
    (tmp_path / "skus.txt").write_text("A\n", encoding="utf-8")
    side = Side(system="shop", source={"kind": "listing", "listing": "counts", "articles": "skus.txt"}, key=("sku",))
    fields = (Field(name="sellable", kind=Kind.NUMBER, left="sellable", right="free"),)
    pair = Pair(name="own", about="", left=side, right=side, fields=fields)
    left, right = sides_of(pair, folder=tmp_path, systems=lambda: systems(Shop(), tmp_path), anew=True)
    assert left is right
