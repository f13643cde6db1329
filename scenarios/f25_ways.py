"""What happens to the publication of rates in F25: one function a way, chosen by the case's ``extra["way"]``.

Every function buys once while it lasts and returns the order; those that disturb a publisher see the shop recover.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from assay.errors import UsageError
from assay.flow import Run
from assay.oracles.feed import due_day, is_target_day, published_at
from assay.records import Rate
from assay.roles import HasStores, ShopRefused, Storefront
from scenarios.buying import Gateways, note_offers, pay
from scenarios.f01_steps import fill_cart

FIRST, OTHER = "first", "other"
"""Which of a shop's stores a case buys in: the one everybody comes to, or the last of the others."""
_SHOP = "merchant"
_ECB, _WIDE = "ecb", "frankfurter"
_PUBLISHERS = (_ECB, _WIDE)
_RIGHT: Mapping[str, Any] = {"frozen_at": None, "drop": [], "jump": {}, "inverse": [], "digits": None}
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_NOON = timedelta(hours=12)
_FETCHED_WITHIN = timedelta(minutes=70)
_LOOK_AHEAD = 40
# Nothing is under way while whole days pass: that every job looks once a day makes them pass quickly.
_ONCE_A_DAY = dict.fromkeys(
    (
        "rates_interval_s",
        "stock_interval_s",
        "delivery_interval_s",
        "approval_interval_s",
        "announce_interval_s",
        "tracking_interval_s",
        "payment_interval_s",
        "reconcile_interval_s",
    ),
    86400,
)


@dataclass(frozen=True, slots=True)
class Feed:
    """A shop whose rates come from outside, and the gateways it is paid by."""

    run: Run
    shop: Storefront
    gateways: Gateways

    @property
    def store(self) -> str:
        """The store the case buys in."""
        names = stores_of(self.shop).stores()
        return names[0] if self.run.case.purchase.extra["store"] == FIRST else names[-1]

    @property
    def rate(self) -> Rate:
        """The rate at which the store prices in the case's currency now."""
        currency = self.run.case.purchase.currency
        held = [each for each in stores_of(self.shop).store_rates(self.store) if each.quote == currency]
        if not held:
            raise ShopRefused(f"store {self.store} has no rate for {currency}")
        return held[0]

    def buy(self) -> str:
        """Fill a cart in the store and pay it; return the order's reference."""
        run, wanted = self.run, self.run.case.purchase
        if wanted.extra["store"] == FIRST:
            cart = fill_cart(run, self.shop, wanted)
        else:
            opened = stores_of(self.shop).open_cart_in(self.store, wanted.currency)
            cart = fill_cart(run, self.shop, wanted, cart=opened)
        with run.step("see how it can be paid"):
            note_offers(run, self.shop, cart)
        with run.step("pay and order"):
            return pay(run, self.shop, self.gateways, cart)

    def see_recovered(self) -> None:
        """Let a day pass and see the store price at the newest publication again."""
        self.run.pass_time(_DAY)
        with self.run.step("the newest rates are taken over"):
            due = due_day(self.run.surroundings.now(), _FETCHED_WITHIN)
            self.run.check(self.rate.as_of >= due, f"rates of {due} or later, not of {self.rate.as_of}")


def stores_of(shop: Storefront) -> HasStores:
    """Return the shop as one that shows the rates of its stores; `ShopRefused` where its connector cannot."""
    if not isinstance(shop, HasStores):
        raise ShopRefused("the shop's connector shows no rates of its stores (HasStores)")
    return shop


def quiet(feed: Feed) -> str:
    """Buy on an ordinary day, at the store's own markup."""
    return feed.buy()


def frozen(feed: Feed) -> str:
    """The publisher answers 200 for three days and always with the same rates."""
    today = feed.run.surroundings.now().date().isoformat()
    with _publishing(feed.run, *_PUBLISHERS, frozen_at=today):
        days_pass(feed.run, 3 * _DAY)
        with feed.run.step("nothing newer is to be had"):
            feed.run.check(feed.rate.as_of.isoformat() <= today, f"rates of {today} or before, as published")
        ref = feed.buy()
    feed.see_recovered()
    return ref


def missing(feed: Feed) -> str:
    """The publisher leaves the customer's currency out for a day and a half."""
    with _publishing(feed.run, *_PUBLISHERS, drop=[feed.run.case.purchase.currency]):
        days_pass(feed.run, 1.5 * _DAY)
        ref = feed.buy()
    feed.see_recovered()
    return ref


def down(feed: Feed) -> str:
    """Nobody answers for a day."""
    with ExitStack() as stack:
        for system in _PUBLISHERS:
            stack.enter_context(feed.run.fault("status", system, code=503))
        days_pass(feed.run, _DAY)
        ref = feed.buy()
    feed.see_recovered()
    return ref


def inverse(feed: Feed) -> str:
    """For some hours the customer's currency stands the wrong way round, and the shop does not believe it."""
    return _disbelieved(feed, inverse=[feed.run.case.purchase.currency])


def jump(feed: Feed) -> str:
    """For some hours a currency is published at three times its worth, and the shop does not believe it."""
    return _disbelieved(feed, jump={feed.run.case.purchase.currency: "3"})


def digits(feed: Feed) -> str:
    """For some hours rates are cut to four decimals, which does nothing to a currency of many units."""
    with feed.run.configured(_SHOP, rates_source=_WIDE):
        with _publishing(feed.run, _WIDE, digits=4):
            feed.run.pass_time(3 * _HOUR)
            with feed.run.step("the rate has all its digits"):
                feed.run.check(len(feed.rate.value.as_tuple().digits) >= 5, f"{feed.rate.value} has five digits")
            ref = feed.buy()
        feed.see_recovered()
    return ref


def weekend(feed: Feed) -> str:
    """Buy on a Saturday, a day after the last publication."""
    now = feed.run.surroundings.now()
    return _buy_on(feed, next(day for day in _days_after(now) if day.weekday() == 5))


def holiday(feed: Feed) -> str:
    """Buy on the last day of the longest pause the publisher makes in the next weeks: Easter, Christmas, a weekend."""
    days = list(_days_after(feed.run.surroundings.now()))
    return _buy_on(feed, max(days, key=lambda day: (pause_on(day), -day.toordinal())))


def _disbelieved(feed: Feed, **settings: Any) -> str:
    with feed.run.configured(_SHOP, rates_source=_WIDE):
        _wait_for_a_quiet_time(feed.run)
        before = feed.rate.value
        with _publishing(feed.run, _WIDE, **settings):
            feed.run.pass_time(3 * _HOUR)
            with feed.run.step("the wrong rate is not taken over"):
                moved = feed.rate.value / before
                feed.run.check(Decimal("0.8") < moved < Decimal("1.25"), f"about {before:f}, not {feed.rate.value:f}")
            ref = feed.buy()
        feed.see_recovered()
    return ref


def _wait_for_a_quiet_time(run: Run) -> None:
    """Let two hours pass, and more where something is published soon: what two publications say has really moved."""
    run.pass_time(2 * _HOUR)
    now = run.surroundings.now()
    ahead = published_at(now.date()) - now
    if timedelta() < ahead < 5 * _HOUR:
        run.pass_time(ahead + 2 * _HOUR)


def _buy_on(feed: Feed, day: date) -> str:
    run = feed.run
    last = next(each for each in (day - n * _DAY for n in range(1, 9)) if is_target_day(each))
    noon = published_at(day).replace(hour=0, minute=0) + _NOON
    days_pass(run, noon - run.surroundings.now())
    with run.step("the last publication is what there is"):
        run.check(feed.rate.as_of == last, f"rates of {last}, not of {feed.rate.as_of}")
    return feed.buy()


def pause_on(day: date) -> int:
    """Return for how many days, this one included, there has been no publication; 0 on a day with one."""
    count = 0
    while not is_target_day(day - count * _DAY):
        count += 1
    return count


def _days_after(now: datetime) -> Iterator[date]:
    yield from (now.date() + (n + 1) * _DAY for n in range(_LOOK_AHEAD))


def days_pass(run: Run, span: timedelta) -> None:
    """Let whole days pass quickly, the last of them as usual; `UsageError` where nobody lends a clock."""
    if run.operator is None:
        raise UsageError(
            f"case '{run.case.name}' needs days to pass",
            where="here the clock is nobody's to move",
            hint="run this case on a simulated environment: assay run --env local",
        )
    if span > _DAY:
        with run.configured(_SHOP, **_ONCE_A_DAY):
            run.pass_time(span - _DAY)
        span = _DAY  # by its end every job has looked, and looks as often as it ever did
    run.pass_time(span)


@contextmanager
def _publishing(run: Run, *systems: str, **settings: Any) -> Iterator[None]:
    """Have publishers serve something else while the block runs, and what is right again afterwards."""
    if run.operator is None:
        raise UsageError(
            f"case '{run.case.name}' needs a publisher that serves something else",
            where="here nobody may change one",
            hint="run this case on a simulated environment: assay run --env local",
        )
    try:
        for system in systems:
            run.operator.configure(system, settings)
        yield
    finally:  # by hand: a simulator does not say what it does unless told otherwise, so nothing could be restored
        for system in systems:
            run.operator.configure(system, {name: _RIGHT[name] for name in settings})


WAYS: Mapping[str, Callable[[Feed], str]] = {
    "quiet": quiet,
    "frozen": frozen,
    "missing": missing,
    "down": down,
    "inverse": inverse,
    "jump": jump,
    "digits": digits,
    "weekend": weekend,
    "holiday": holiday,
}
