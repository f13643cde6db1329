"""The check over a shop's orders: what is usual is learned from its past, kept once, and what leaves it is named."""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.dossier import Gatherer, judging_of
from assay.drift import load_checks
from assay.drift.checks import check_named
from assay.drift.look import Look
from assay.errors import UsageError
from assay.events import Finding, Result
from assay.landscape import Landscape
from assay.money import Money
from assay.profile import Profile, load_profile
from assay.records import Address, Order, OrderRefund
from assay.store import Store, open_store
from tests.engine.made_up_sellers import ListedShop
from tests.engine.monitoring.stand_ins import of_one_gateway

ROOT = Path(__file__).resolve().parents[3]
BEGAN = datetime(2026, 9, 20, 22, tzinfo=UTC)
"""Midnight in Berlin."""
DAYS, DAILY = 40, 120
DAY = timedelta(days=1)
GERMANY = Address(name="A", lines=("B 1",), city="C", postcode="10115", country="DE")
JAPAN = replace(GERMANY, country="JP")


@functools.cache
def orders(days: int, *, yen_times: int = 1, since: int = 36, tax: bool = True) -> Sequence[Order]:
    """Return the orders of a small shop, in which yen are so many times what they should be from a day on."""
    random = np.random.default_rng(7)
    found = []
    for number in range(days * DAILY):
        day, place = divmod(number, DAILY)
        at = BEGAN + day * DAY + timedelta(minutes=11 * place + 5)
        value = float(10 ** random.normal(0.0, 0.2))
        in_yen = number % 4 == 0
        minor = round(9_800 * value) * (yen_times if day >= since else 1) if in_yen else round(6_200 * value)
        total = Money(minor, "JPY" if in_yen else "EUR")
        back = OrderRefund(ref=None, tender_ref=None, status="done", amount=total, reason="", at=at + 3 * DAY)
        found.append(
            Order(
                system="merchant",
                ref=f"ref-{number}",
                number=f"R{number}",
                status="processing",
                total=total,
                placed_at=at,
                tax=Money(minor // 10 if in_yen else minor * 19 // 119, total.currency) if tax or day < since else None,
                email="a@example.com",
                address=JAPAN if in_yen else GERMANY,
                payment_refs=(f"pi_{number}",),
                shipping_service="ups" if number % 3 else "dhl",
                refunds=(back,) if number % 17 == 0 else (),
            )
        )
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    opened = open_store(tmp_path / "s.sqlite")
    yield opened
    opened.close()


@functools.cache
def profile() -> Profile:
    """Return the reference shop's profile."""
    return load_profile(ROOT / "assay.toml")


def looked(shop: ListedShop, store: Store | None, now: datetime, learns: bool = True, **options: Any) -> Look:
    """Run the check at an instant."""
    load_checks()
    check = check_named("distribution")
    landscape = Landscape("local", of_one_gateway(profile()), {"merchant": shop}, {})
    with Gatherer(landscape, read_at=now) as gatherer:
        look = Look(
            environment="local",
            landscape=landscape,
            gatherer=gatherer,
            judging=judging_of(profile().policies),
            now=lambda: now,
            deadline=time.monotonic() + 60,
            options={**check.options, "zone": "Europe/Berlin", "windows": 200, **options},
            store=None if store is None else lambda: store,
            learns=learns,
        )
        check.act(look)
    return look


def wrong(look: Look) -> list[Finding]:
    """Return the violations."""
    return [each for each in look.findings if each.result is Result.FAIL]


def test_a_shop_as_usual_is_green(store: Store) -> None:
    """A shop with a past is judged from the first run on: every feature it has is named, and none is off."""
    look = looked(ListedShop(orders(DAYS)), store, BEGAN + DAYS * DAY + timedelta(hours=2))
    assert not wrong(look)
    said = " ".join(each.order_ref for each in look.findings)
    assert all(name in said for name in ("order value", "currency mix", "share of tax", "missing fields", "refunds"))
    scores = {each.labels["feature"]: each.value for each in look.measures}
    assert scores.keys() >= {"basket_value", "currency_mix", "tax_share", "null_rate", "refund_share", "carrier_mix"}


def test_yen_a_hundred_times_are_named(store: Store) -> None:
    """The finding names currency, market, factor, begin and cause, and carries the points of its chart."""
    (finding,) = wrong(looked(ListedShop(orders(38, yen_times=100)), store, BEGAN + 38 * DAY + timedelta(hours=2)))
    assert finding.oracle == "O-D1" and finding.systems == ("merchant",)
    assert finding.order_ref == "order value: JPY in market JP"
    assert "about JPY 9," in finding.expected or "about JPY 1" in finding.expected
    assert "100 times too much" in finding.seen and "since 2026-10-26 23:00 UTC" in finding.seen
    assert "minor units" in finding.cause
    assert len(finding.evidence) == 28 and "usual" in finding.evidence[-1]


def test_a_field_that_nobody_writes_any_more_is_named(store: Store) -> None:
    """Orders without tax are told as a missing field, and since when."""
    (finding,) = wrong(looked(ListedShop(orders(38, tax=False)), store, BEGAN + 38 * DAY + timedelta(hours=2)))
    assert finding.order_ref == "missing fields: tax" and "100.00%" in finding.seen


def test_each_window_is_read_once_for_each_age(store: Store) -> None:
    """What was summed up is not read again; a day later two windows are read for each of the three ages."""
    shop, now = ListedShop(orders(DAYS)), BEGAN + 38 * DAY + timedelta(hours=2)
    looked(shop, store, now)
    shop.asked.clear()
    looked(shop, store, now)
    assert shop.asked == []
    looked(shop, store, now + DAY)
    assert len(shop.asked) == len(set(shop.asked)) == 6


def test_the_past_is_read_bit_by_bit(store: Store) -> None:
    """A run reads so many windows at most, the oldest first; while some are left nothing is said of what is old."""
    shop, now = ListedShop(orders(38, yen_times=100, since=30)), BEGAN + 38 * DAY + timedelta(hours=2)
    look = looked(shop, store, now, windows=6)
    assert len(shop.asked) == 6 and shop.asked == sorted(shop.asked)
    assert [each.result for each in look.findings] == [Result.NOT_EVALUATED, Result.NOT_EVALUATED, Result.PASS]
    assert "half days are left" in look.findings[0].reason and "three weeks are needed" in look.findings[1].reason
    assert not wrong(looked(shop, store, now, windows=72))
    assert wrong(looked(shop, store, now))


def test_what_may_not_learn_judges_and_keeps_nothing(store: Store) -> None:
    """A single run sees what a watching process would, and leaves the store as it was."""
    shop, now = ListedShop(orders(38, yen_times=100)), BEGAN + 38 * DAY + timedelta(hours=2)
    assert wrong(looked(shop, store, now, learns=False))
    assert not store.windows.load("local", "placed", since=BEGAN - 300 * DAY)
    (finding,) = looked(shop, None, now).findings
    assert finding.result is Result.NOT_EVALUATED


def test_a_new_normal_is_declared(store: Store) -> None:
    """With a day since which the shop is as it is, what was before counts for nothing."""
    shop, now = ListedShop(orders(36 + 24, yen_times=100)), BEGAN + 60 * DAY + timedelta(hours=2)
    assert wrong(looked(shop, store, now, learn="62d"))
    look = looked(shop, store, now, since="2026-10-28", learn="62d")
    assert not wrong(look) and any(each.result is Result.PASS for each in look.findings)


def test_a_shop_without_orders_is_no_alarm(store: Store) -> None:
    """Nothing is concluded of a shop that never sold anything, and a night without orders is quiet."""
    unknown, learning = looked(ListedShop([]), store, BEGAN + 40 * DAY).findings
    assert unknown.result is Result.NOT_EVALUATED
    assert (learning.oracle, learning.result) == ("quiet", Result.PASS), "who learns does not ring as blind"
    late = [each for each in orders(40) if each.placed_at < BEGAN + 38 * DAY]
    store.windows.forget("local", "placed", before=BEGAN + 400 * DAY)
    assert not wrong(looked(ListedShop(late), store, BEGAN + 40 * DAY + timedelta(hours=2)))


def test_what_cannot_be_true_is_left_out(store: Store) -> None:
    """Amounts beyond every number, taxes above the total and thousands of countries end nothing and alarm nobody."""
    odd = [
        replace(
            each,
            total=Money(10**400, "EUR") if number == 4_600 else each.total,
            tax=Money(10**390, "EUR") if number in (4_601, 4_602) else each.tax,
            address=replace(GERMANY, country=f"X{number}") if number % 10 == 1 else each.address,
        )
        for number, each in enumerate(orders(DAYS))
    ]
    look = looked(ListedShop(odd), store, BEGAN + DAYS * DAY + timedelta(hours=2))
    assert not wrong(look) and any(each.result is Result.PASS for each in look.findings)
    (kept, *_) = store.windows.load("local", "placed", since=BEGAN).values()
    assert sum(key.startswith("basket_value|EUR/") for key in kept["levels"]) <= 41


def test_sums_hold_no_customer(store: Store) -> None:
    """What is kept of orders are counts by currency, market and carrier alone."""
    looked(ListedShop(orders(2)), store, BEGAN + 2 * DAY + timedelta(hours=2), learn="3d")
    kept = str(store.windows.load("local", "placed", since=BEGAN))
    assert "basket_value|EUR/DE" in kept
    assert not any(text in kept for text in ("example.com", "10115", "R1", "pi_"))


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"since": "soon"}, "since"),
        ({"features": ["basket"]}, "features"),
        ({"windows": 0}, "windows"),
        ({"lag": "never"}, "lag"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], where: str) -> None:
    """What a monitor says wrongly is refused with the option's name when it is read."""
    load_checks()
    judge = check_named("distribution").judge
    assert judge is not None
    with pytest.raises(UsageError) as caught:
        judge(options)
    assert caught.value.where == where


def test_monitors_may_name_it_without_the_extra() -> None:
    """Where numpy cannot be imported a monitor may still be declared, and every other check runs."""
    script = """if True:
        import sys
        sys.modules["numpy"] = None
        from assay.runners.scheduler.declared import register_checks
        register_checks()
        from assay.drift.checks import CHECKS
        print(*sorted(CHECKS))
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"distribution", "freshness", "order_census"} <= set(done.stdout.split())


def test_without_numpy_it_says_what_to_install(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check can be listed without the extra; run, it says how to get it."""
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "numpy" else real(name, *more))
    monkeypatch.setattr("assay.drift.extra.find_spec", lambda name: None if name == "numpy" else real(name))
    with pytest.raises(UsageError, match="not installed") as caught:
        looked(ListedShop([]), store, BEGAN)
    assert "assay[drift]" in str(caught.value)


def test_amounts_are_before_discounts(store: Store) -> None:
    """A week in which everybody has a coupon is no drift: the value counts before the discount."""
    cheap = [
        replace(
            each,
            total=Money(round(each.total.minor * Decimal("0.75")), each.total.currency),
            discount=Money(each.total.minor - round(each.total.minor * Decimal("0.75")), each.total.currency),
            tax=None if each.tax is None else Money(round(each.tax.minor * Decimal("0.75")), each.total.currency),
        )
        if each.placed_at >= BEGAN + 33 * DAY
        else each
        for each in orders(DAYS)
    ]
    assert not wrong(looked(ListedShop(cheap), store, BEGAN + DAYS * DAY + timedelta(hours=2)))
