"""Innocent variations of time: days of 25 and of 23 hours, and an order on either side of midnight."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from assay.flow import Run
from assay.roles import Asked, Erp, Payments, Storefront
from scenarios.f01_steps import Checkout, fill_cart
from scenarios.innocent_steps import (
    ERP,
    PUBLISHER,
    SHOP,
    Innocent,
    buy,
    ordered,
    sales_orders,
    see_booked,
)

_ZONE = ZoneInfo("Europe/Paris")
_HOUR = timedelta(hours=1)
_MARGIN = timedelta(hours=3)
_HOURS = {"25_hours": 25, "23_hours": 23}

INN_41 = Innocent(
    id="inn-41",
    title="25-hour day: 25 hourly runs; 23-hour day: 23",
    acts="the landscape lives through the day on which the clocks change; somebody buys in the changed night",
    visible="the publisher of rates was asked 25 times on the long day, 23 times on the short one",
    alone=True,
    start="2027-10-30T18:00:00+00:00",
)
INN_42 = Innocent(
    id="inn-42",
    title="Order at 23:59:58 in the shop, after midnight in the ERP, accounting day equal",
    settings={"outbox_backoff_s": [5]},
    faults=({"kind": "rate_limit", "system": ERP, "retry_after_s": 3600},),
    acts="a customer buys two seconds before midnight, and the ERP takes it after",
    visible="the ERP holds nothing at midnight, and then a document of the day before",
    alone=True,
)


# Both buy the same, so that the first is judged before the second goes on to a day months later.
@INN_41.flow(
    INN_41.case("25_hours", "EUR", ("G-701", 1)), INN_41.case("23_hours", "EUR", ("G-701", 1)), tags=["rates", "slow"]
)
def changed_day(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Live through a day of another length and count what runs every hour."""
    hours = _HOURS[run.case.name]
    day = _day_of(run.surroundings.now() + _MARGIN, hours)
    begin, end = _midnight(day), _midnight(day + timedelta(days=1))
    with run.step("go to that day"):
        _go_to(run, begin - timedelta(minutes=1))
    run.pass_time(begin + timedelta(hours=2, minutes=20) - run.surroundings.now())
    ref = buy(run, shop, payments)
    see_booked(run, shop, erp, ref)
    run.pass_time(end + timedelta(minutes=1) - run.surroundings.now())
    with run.step(f"{hours} hourly runs"):
        asked = [each.at for each in _asked(run) if begin <= each.at < end]
        gaps = {round((after - before) / _HOUR, 1) for before, after in pairwise(asked)}
        run.check(len(asked) == hours, f"the publisher was asked {hours} times, not {len(asked)}")
        run.check(gaps == {1.0}, "every hour, none twice and none left out")


@INN_42.flow(INN_42.case("two_seconds", "EUR", ("J-011", 2)), tags=["erp"])
def around_midnight(run: Run, shop: Storefront, payments: Payments, erp: Erp) -> None:
    """Press the button just before midnight."""
    with INN_42.in_force(run):
        with INN_42.at_fault(run):
            cart = fill_cart(run, shop, run.case.purchase)
            checkout = Checkout(run, shop, payments, cart)
            method = checkout.card("4242424242424242")
            today = run.surroundings.now().astimezone(_ZONE).date()
            midnight = _midnight(today + timedelta(days=1))
            run.pass_time(midnight - timedelta(seconds=2.5) - run.surroundings.now())
            with run.step("pay and order"):
                ref = ordered(run, checkout.pay_with(method))
            run.pass_time(max(midnight - run.surroundings.now(), timedelta(0)))
            with run.step("midnight: the ERP has nothing"):
                order = shop.order(ref)
                run.check(midnight - timedelta(seconds=3) <= order.placed_at < midnight, "ordered before midnight")
                run.check(not sales_orders(erp, order), "the ERP holds nothing at midnight")
        run.pass_time(timedelta(seconds=8))
        see_booked(run, shop, erp, ref)
    with run.step("the accounting day is the order's"):
        [document] = sales_orders(erp, shop.order(ref))
        run.check(document.document_date == today, "a document of the day before")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), _ZONE).astimezone(UTC)


def _day_of(after: datetime, hours: int) -> date:
    """Return the next day in Paris that has so many hours and begins after an instant."""
    return next(day for day in _days(after) if _midnight(day + timedelta(days=1)) - _midnight(day) == hours * _HOUR)


def _days(after: datetime) -> Iterator[date]:
    first = after.astimezone(_ZONE).date() + timedelta(days=1)
    return (first + timedelta(days=count) for count in range(800))


def _go_to(run: Run, instant: datetime) -> None:
    """Let the time up to an instant pass; what runs every hour sleeps through all but the last hours of months."""
    ahead = instant - run.surroundings.now()
    if ahead > timedelta(days=2):
        asked = [each.at for each in _asked(run)]
        next_run = max([asked[-1] + _HOUR] if asked else [], default=run.surroundings.now())
        # The runs after that one fall on half past the hour, well away from midnight.
        sleep_s = int((instant - timedelta(minutes=89) - next_run).total_seconds())
        with run.configured(SHOP, rates_interval_s=sleep_s, stock_interval_s=sleep_s):
            run.pass_time(_HOUR + timedelta(minutes=1))
    run.pass_time(instant - run.surroundings.now())


def _asked(run: Run) -> list[Asked]:
    """Return the shop's questions for rates, oldest first."""
    if run.operator is None:
        return []
    return [each for each in run.operator.asked(PUBLISHER) if each.path.endswith("eurofxref-daily.xml")]


TABLE = (INN_41, INN_42)
FLOWS = (changed_day, around_midnight)
