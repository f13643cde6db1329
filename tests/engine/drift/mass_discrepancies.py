"""Mistakes that make hundreds of records differ at once, each with the cause that the first sentence has to name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from assay.drift.pairs.causes.words import as_cp1252, as_latin_1
from assay.drift.pairs.model import Cause, Crowd
from tests.engine.drift.orders_apart import END, START, World, at, in_base, major, minor, written

BERLIN = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True)
class Mistake:
    """One mistake: how it is made, the cause to be named, and words that the sentence must hold."""

    name: str
    make: Callable[[World], None]
    cause: Cause
    words: tuple[str, ...] = ()

    def is_named_by(self, crowds: Sequence[Crowd]) -> bool:
        """Whether the first crowd is of this cause and says these words."""
        return bool(crowds) and self.is_said_by(crowds[0])

    def is_said_by(self, crowd: Crowd) -> bool:
        """Whether a crowd is of this cause and says these words."""
        return crowd.cause is self.cause and all(word in crowd.sentence for word in self.words)


def two_hours_late(world: World) -> None:
    """The ERP adds two hours to the instants of the app's orders, whatever the season."""
    for row in world.having(channel="app"):
        row["placed_at"] = written(at(row["placed_at"]) + timedelta(hours=2))


def local_as_utc(world: World) -> None:
    """The ERP stores Berlin's wall clock as UTC, over the end of summer time."""
    for row in world.right:
        row["placed_at"] = written(at(row["placed_at"]).astimezone(BERLIN).replace(tzinfo=UTC))


def first_page(world: World) -> None:
    """Only the first 250 orders of the list are read."""
    last = world.left[249]["number"]
    world.drop(lambda row: row["number"] > last)


def newest_page(world: World) -> None:
    """Only the newest 100 orders are read."""
    first = world.left[-100]["number"]
    world.drop(lambda row: row["number"] < first)


def one_store_only(world: World) -> None:
    """Only the store DE is read."""
    world.drop(lambda row: bool(row["store"] != "DE"))


def a_store_left_out(world: World) -> None:
    """Store B2B has no export."""
    world.drop(lambda row: bool(row["store"] == "B2B"))


def guests_missing(world: World) -> None:
    """Orders without a customer account are refused."""
    world.drop(lambda row: bool(row["customer"] == "guest"))


def currency_missing(world: World) -> None:
    """Orders in KWD fail on three decimals."""
    world.drop(lambda row: bool(row["currency"] == "KWD"))


def yen_times_hundred(world: World) -> None:
    """Amounts in JPY are taken for hundredths."""
    for row in world.having(currency="JPY"):
        row["amount"] = f"{Decimal(row['amount']) / 100:f}"


def cents_as_units(world: World) -> None:
    """The marketplace's cents are booked as whole units."""
    for row in world.having(channel="marketplace"):
        row["amount"] = f"{Decimal(row['amount']) * 100:f}"


def without_tax(world: World) -> None:
    """The ERP books net amounts, with two rates of tax and the tax in the shop's row."""
    for row in world.having(store="FR"):
        ours = world.ours(row)
        row["amount"] = major(ours["total"] - ours["tax_total"], ours["currency"])


def tax_on_top(world: World) -> None:
    """19 % are added to amounts that hold them already; the shop's row says nothing of it."""
    for row in world.having(currency="EUR"):
        row["amount"] = f"{(Decimal(row['amount']) * Decimal('1.19')).quantize(Decimal('0.01')):f}"


def inverse_rate(world: World) -> None:
    """Dollars are divided by the rate instead of multiplied."""
    for row in world.having(currency="USD"):
        ours = world.ours(row)
        row["base_amount"] = in_base(ours, 1 / Decimal(ours["rate"]))


def not_converted(world: World) -> None:
    """Amounts in USD are booked as if they were EUR."""
    for row in world.having(currency="USD"):
        row["base_amount"] = world.ours(row)["total"]


def converted_twice(world: World) -> None:
    """Amounts of the US store are converted by the shop's plug-in and by the ERP."""
    for row in world.having(store="US"):
        ours = world.ours(row)
        row["base_amount"] = in_base(ours, Decimal(ours["rate"]) ** 2)


def earlier_rate(world: World) -> None:
    """The ERP converts by the publication before the one in force."""
    for row in world.right:
        ours = world.ours(row)
        own = world.known.rates.get((ours["currency"], "EUR"))
        if own is not None:
            days = sorted(day for day in own if day <= at(ours["placed"]).date())
            row["base_amount"] = in_base(ours, own[days[-2]])


def rounded_otherwise(world: World) -> None:
    """Store DE's totals are a few cents off, as rounding per unit makes them."""
    for row in world.having(store="DE"):
        row["amount"] = f"{Decimal(row['amount']) + Decimal(world.chance.choice((-2, -1, 1, 2))) / 100:f}"


def cut_names(world: World) -> None:
    """The ERP's column holds twelve characters."""
    for row in world.right:
        row["buyer_name"] = row["buyer_name"][:12]


def without_zeros(world: World) -> None:
    """Article numbers go through a spreadsheet and lose their zeros."""
    for row in world.having(payment="wallet"):
        row["article"] = row["article"].lstrip("0")


def misread_once(world: World) -> None:
    """UTF-8 is read as Latin-1."""
    for row in world.right:
        row["buyer_name"] = as_latin_1(row["buyer_name"])


def misread_twice(world: World) -> None:
    """UTF-8 is read as cp1252, twice, in orders of the marketplace."""
    for row in world.having(channel="marketplace"):
        row["buyer_name"] = as_cp1252(as_cp1252(row["buyer_name"]))


def behind(world: World) -> None:
    """The ERP gets no changes since the 27th: its states are those of before."""
    since = datetime(2026, 10, 27, tzinfo=UTC)
    for row in world.right:
        ours = world.ours(row)
        if at(ours["changed"]) > since and ours["state"] in ("paid", "shipped", "cancelled"):
            row["status"] = world.chance.choice(["10", "10", "20"]) if ours["state"] != "paid" else "10"
            row["changed_at"] = written(min(since, at(ours["changed"])) - timedelta(minutes=9))


def state_unmapped(world: World) -> None:
    """The shop's word for shipped comes through as it is."""
    for row in world.right:
        if world.ours(row)["state"] == "shipped":
            row["status"] = "shipped"


def grams(world: World) -> None:
    """Weights sent by UPS's plug-in are grams."""
    for row in world.having(carrier="ups"):
        row["weight_kg"] = str(int(Decimal(row["weight_kg"]) * 1000))


def an_hour_lost(world: World) -> None:
    """Nothing placed from 14:00 to 17:00 of one day arrived."""
    begins = datetime(2026, 10, 22, 14, tzinfo=UTC)
    world.drop(lambda row: begins <= at(row["placed"]) < begins + timedelta(hours=3))


def shifted_window(world: World) -> None:
    """The ERP was asked for a window that begins and ends a day later."""
    world.drop(lambda row: at(row["placed"]) < START + timedelta(days=1))
    for count in range(90):
        row = dict(world.right[count % len(world.right)])
        row.update(number=f"{9_000_000 + count:08}", placed_at=written(END + timedelta(minutes=14 * count)))
        world.right.append(row)


def keys_without_zeros(world: World) -> None:
    """Invoice customers' orders are stored under a number without its zeros."""
    for row in world.having(payment="invoice"):
        row["number"] = row["number"].lstrip("0")


def tracking_empty(world: World) -> None:
    """DPD's tracking numbers do not reach the ERP."""
    for row in world.having(carrier="dpd"):
        row["tracking"] = None


def app_guests_missing(world: World) -> None:
    """Guests who order in the app are refused: two conditions at once."""
    world.drop(lambda row: bool(row["customer"] == "guest" and row["channel"] == "app"))


def held_twice(world: World) -> None:
    """What was sent while the ERP answered slowly is there twice."""
    begins = datetime(2026, 10, 24, 9, tzinfo=UTC)
    again = [dict(row) for row in world.right if begins <= at(row["placed_at"]) < begins + timedelta(hours=6)]
    world.right.extend(again)


def unit_price(world: World) -> None:
    """The price of one unit is booked as the total."""
    for row in world.having(store="B2B"):
        ours = world.ours(row)
        row["amount"] = major(minor(Decimal(ours["total"]) / ours["pieces"]), ours["currency"])


MISTAKES = (
    Mistake("two hours late", two_hours_late, Cause.TIME_ZONE, ("exactly 2 h later", "channel = app")),
    Mistake("local time as UTC", local_as_utc, Cause.TIME_ZONE, ("Europe/Berlin",)),
    Mistake("first page", first_page, Cause.FIRST_PAGE, ("first 250",)),
    Mistake("newest page", newest_page, Cause.FIRST_PAGE, ("newest 100",)),
    Mistake("one store only", one_store_only, Cause.ONE_STORE, ("store other than DE",)),
    Mistake("a store left out", a_store_left_out, Cause.ONE_STORE, ("store = B2B",)),
    Mistake("guests only", guests_missing, Cause.UNKNOWN, ("customer = guest", "none of those arrived")),
    Mistake("one currency", currency_missing, Cause.UNKNOWN, ("currency = KWD",)),
    Mistake("yen over a hundred", yen_times_hundred, Cause.EXPONENT, ("divided by 100", "JP")),
    Mistake("cents as units", cents_as_units, Cause.EXPONENT, ("100 times", "channel = marketplace")),
    Mistake("net for gross", without_tax, Cause.TAX, ("without its tax", "store = FR")),
    Mistake("tax on top", tax_on_top, Cause.TAX, ("plus 19 %", "currency = EUR")),
    Mistake("inverse rate", inverse_rate, Cause.INVERSE_RATE),
    Mistake("not converted", not_converted, Cause.MISSING_CONVERSION),
    Mistake("converted twice", converted_twice, Cause.DOUBLE_CONVERSION),
    Mistake("earlier rate", earlier_rate, Cause.OTHER_DAYS_RATE, ("1 publication before", "other than EUR")),
    Mistake("rounding", rounded_otherwise, Cause.ROUNDING, ("store = DE",)),
    Mistake("cut names", cut_names, Cause.TRUNCATED, ("12 characters",)),
    Mistake("leading zeros", without_zeros, Cause.LEADING_ZEROS, ("payment = wallet",)),
    Mistake("misread once", misread_once, Cause.ENCODING, ("Latin-1",)),
    Mistake("misread twice", misread_twice, Cause.ENCODING, ("cp1252 twice",)),
    Mistake("behind", behind, Cause.STALE, ("changed them from 2026-10-27 00:",)),
    Mistake("state unmapped", state_unmapped, Cause.STATUS_MAP, ("shipped",)),
    Mistake("grams", grams, Cause.UNIT, ("carrier = ups",)),
    Mistake("hours lost", an_hour_lost, Cause.UNKNOWN, ("from 2026-10-22 14:00 to 17:00",)),
)
FURTHER = (
    Mistake("shifted window", shifted_window, Cause.SHIFTED_WINDOW),
    Mistake("keys without zeros", keys_without_zeros, Cause.LEADING_ZEROS, ("under another key",)),
    Mistake("tracking empty", tracking_empty, Cause.UNKNOWN, ("empty", "carrier = dpd")),
    Mistake("guests of the app", app_guests_missing, Cause.UNKNOWN, ("customer = guest", "channel = app")),
    Mistake("held twice", held_twice, Cause.UNKNOWN, ("2026-10-24", "to 15:00")),
    Mistake("unit price", unit_price, Cause.UNIT, ("store = B2B",)),
)
