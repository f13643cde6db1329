"""Innocent variations of exchange rates: pauses of publishers, refunds of weeks later, spreads, pegs, devaluations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from assay.flow import Run
from assay.oracles.feed import is_target_day, published_at
from assay.records import Rate
from assay.roles import Erp, Payments, Rates, RefundsOrders, ShopRefused, Storefront
from scenarios.f25_ways import days_pass, pause_on, stores_of
from scenarios.innocent_steps import Innocent, buy, see_booked, see_labelled

_DAY, _NOON = timedelta(days=1), time(12)
_EASTER_PAUSE = 4
_BAND = Decimal("0.0225")
_CENTRAL = Decimal("7.46038")
_SPREAD = Decimal("0.006")
_DEVALUED = Decimal("1.08")

INN_07 = Innocent(
    id="inn-07",
    title="Same rate from Friday 16:00 to Monday 16:00; five days at Easter",
    acts="nobody publishes from Maundy Thursday to the Tuesday after Easter; a customer buys on Monday",
    visible="the shop prices on Easter Monday at the rates of Thursday",
    alone=True,
    start="2027-03-25T18:00:00+00:00",
)
INN_08 = Innocent(
    id="inn-08",
    title="Order refunded 20 days later at the order rate, today's rate differs",
    acts="a customer is given everything back 20 days after buying in JPY",
    visible="the gateway gave back what it took, though the shop prices at another rate by then",
    alone=True,
)
INN_09 = Innocent(
    id="inn-09",
    title="Bid and ask differ; r * r_inv = 0.994 with declared spread",
    settings={"rate_spread": "0.006"},
    acts="the shop takes 0.6 % where it converts back",
    visible="a rate times that of the other direction is 0.994",
    alone=True,
)
INN_10 = Innocent(
    id="inn-10",
    title="Pegged currency: DKK stays in its band for months",
    settings={"currencies": ["EUR", "USD", "JPY", "DKK"]},
    acts="a customer buys in DKK",
    visible="every rate of DKK that was published lies within its band",
    alone=True,
)
INN_11 = Innocent(
    id="inn-11",
    title="Rate jumps 8% in one day after a real devaluation, both sources agree",
    acts="two publishers tell a devaluation of INR; a customer buys at the new rate",
    visible="the shop's rate is by about 8 % another than a day before",
    alone=True,
)


@INN_07.flow(INN_07.case("easter", "JPY", ("I-901", 1), to="JP"), tags=["money", "rates", "slow"])
def easter(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Buy on Easter Monday."""
    now = run.surroundings.now()
    monday = next(day for day in _days_after(now) if pause_on(day) == _EASTER_PAUSE and day.month in (3, 4))
    days_pass(run, datetime.combine(monday, _NOON, now.tzinfo) - now)
    with run.step("the rates are those of Thursday"):
        told = _rate(shop, "JPY").as_of
        run.check(told == monday - _EASTER_PAUSE * _DAY, f"rates of Thursday on {monday}, not of {told}")
    ref = buy(run, shop, payments)
    see_booked(run, shop, erp, ref)


@INN_08.flow(INN_08.case("jpy", "JPY", ("I-902", 1), to="JP"), tags=["money", "payment", "rates", "slow"])
def weeks_later(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Buy, let twenty days pass, and give everything back."""
    ref = buy(run, shop, payments)
    see_booked(run, shop, erp, ref)
    see_labelled(run, shop, ref)
    days_pass(run, 20 * _DAY)
    with run.step("give everything back"):
        if not isinstance(shop, RefundsOrders):
            raise ShopRefused("the shop's connector gives no money back (RefundsOrders)")
        order, today = shop.order(ref), _rate(shop, "JPY")
        run.check(order.rate is not None and order.rate.value != today.value, "today's rate is another")
        shop.refund_order(ref, reason="goodwill")
    with run.step("the gateway gave back what it took"):
        [payment] = run.eventually(
            lambda: [each for each in map(payments.payment, order.payment_refs) if each.refunded.minor],
            within="payments",
        )
        run.check(payment.refunded == payment.captured, f"{payment.captured} came back, not {payment.refunded}")


@INN_09.flow(INN_09.case("gbp", "GBP", ("I-904", 1), to="GB"), tags=["money", "rates"])
def bid_and_ask(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Buy in a shop with a spread."""
    with INN_09.in_force(run):
        run.pass_time(timedelta(minutes=65))  # the table is made anew with the next fetch
        ref = buy(run, shop, payments)
        see_booked(run, shop, erp, ref)
        with run.step("the way back is dearer"):
            there = _rate(shop, "GBP").value
            back = next(each.value for each in _held(shop) if (each.base, each.quote) == ("GBP", "EUR"))
            run.check(abs(there * back - (1 - _SPREAD)) < Decimal("0.0001"), f"{there} times {back} is 0.994")
    see_labelled(run, shop, ref)


@INN_10.flow(
    INN_10.case(
        "dkk",
        "DKK",
        ("I-905", 2),
        address_lines=("Strøget 12",),
        city="København",
        postcode="1160",
        country="DK",
        phone="+4533123456",
    ),
    tags=["money", "rates"],
)
def pegged(run: Run, shop: Storefront, payments: Payments, erp: Erp, rates: Rates) -> None:
    """Buy in a currency that hardly moves."""
    with INN_10.in_force(run):
        ref = buy(run, shop, payments)
        see_booked(run, shop, erp, ref)
    with run.step("the krone is in its band"):
        since = run.surroundings.now().date() - 60 * _DAY
        told = [each.value for each in rates.history(since) if each.quote == "DKK"]
        run.check(len(told) > 20, "two months of publications")
        run.check(all(abs(each / _CENTRAL - 1) < _BAND for each in told), "each within 2.25 % of the central rate")
    see_labelled(run, shop, ref)


@INN_11.flow(INN_11.case("inr", "INR", ("J-010", 1), to="IN"), tags=["money", "rates"])
def devalued(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Buy on the day after a devaluation."""
    now, before = run.surroundings.now(), _rate(shop, "INR")
    day = next(each for each in _days_after(now) if is_target_day(each))
    with run.step("a currency is devalued"):
        if run.operator is None:
            raise ShopRefused("nobody devalues a currency here: assay run --env local")
        for publisher in ("ecb", "frankfurter"):
            # Never taken back: a devaluation stays, and who judges the order reads it in the publishers' history.
            told = {"INR": {"on": day.isoformat(), "by": f"{_DEVALUED}"}}
            run.operator.configure(publisher, {"devalued": told})
        days_pass(run, published_at(day) + timedelta(hours=2) - now)
        moved = _rate(shop, "INR").value / before.value
        run.check(abs(moved / _DEVALUED - 1) < Decimal("0.03"), f"the shop's rate moved by about 8 %, seen {moved:.4f}")
    ref = buy(run, shop, payments)
    see_booked(run, shop, erp, ref)
    see_labelled(run, shop, ref)


def _held(shop: Storefront) -> list[Rate]:
    stores = stores_of(shop)
    return list(stores.store_rates(stores.stores()[0]))


def _rate(shop: Storefront, currency: str) -> Rate:
    return next(each for each in _held(shop) if each.quote == currency)


def _days_after(now: datetime) -> Iterator[date]:
    return (now.date() + (count + 1) * _DAY for count in range(800))


TABLE = (INN_07, INN_08, INN_09, INN_10, INN_11)
FLOWS = (easter, weeks_later, bid_and_ask, pegged, devalued)
