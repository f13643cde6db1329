"""The shipped monitors of pairs while customers buy and all is well: an hour, and over midnight: no alarm."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest

from assay.events import ProbeResult
from assay.local.clock import LandscapeClock
from tests.engine.monitoring.test_shipped_monitors import SYNTHETIC, Stage, said, staged

pytestmark = [pytest.mark.full, pytest.mark.needs_java, pytest.mark.xdist_group("shipped_pairs")]
WATCHED = ("pair_catalogue", "pair_ledger", "pair_orders", "pair_prices", "pair_shipments", "pair_stock")
BASKETS = (
    ("EUR", "0018"), ("JPY", "A-100"), ("USD", "0018"), ("KWD", "0018"), ("EUR", "D-403"), ("GBP", "0017"),
    ("EUR", "D-404"), ("USD", "A-100"),
)  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The reference landscape, its monitors and what runs them."""
    with staged(tmp_path_factory.mktemp("pairs")) as made:
        yield made


def customers(stage: Stage, turn: int) -> None:
    """Let a few customers buy, one of them cancel, and another be given money back."""
    shop = stage.session.landscape.by_role("shop")
    refs = [stage.buy(*BASKETS[(turn + each) % len(BASKETS)]) for each in range(2)]
    if turn % 3 == 1:
        shop.cancel_order(refs[0], "changed their mind")
    if turn % 4 == 2:
        stage.buy("EUR", "D-404", email=SYNTHETIC)


def watch(stage: Stage, seen: list[str]) -> dict[str, float]:
    """Run every monitor of a pair; none may fail or be blind. Return how many records each left had."""
    held: dict[str, float] = {}
    now = LandscapeClock(stage.plan.home.clock).read().now
    for name in WATCHED:
        probe = stage.run(name)
        seen.append(f"{now:%d %H:%M} {name} {probe.result}")
        assert probe.result is ProbeResult.PASSED, f"at {now:%H:%M} UTC: {said(probe)}"
        compared = [each for each in probe.measures if each.name == "assay_drift_pair_records"]
        held |= {each.labels["pair"]: each.value for each in compared if each.labels["side"] == "left"}
    return held


def test_an_hour_of_healthy_trade_raises_no_alarm(stage: Stage) -> None:
    """Every ten minutes of an hour, and as long again at rest: no monitor of a pair is red, none without a verdict."""
    assert set(WATCHED) == {name for name in stage.monitors if name.startswith("pair_")}
    seen: list[str] = []
    watch(stage, seen)
    for turn in range(6):
        customers(stage, turn)
        stage.pass_time(minutes=10)
        watch(stage, seen)
    stage.pass_time(hours=3)
    held = watch(stage, seen)
    assert min(held[pair] for pair in ("orders", "stock", "prices", "catalogue")) >= 10, held
    sys.stdout.write("\n".join(seen[-6:]) + "\n")


def test_midnight_raises_no_alarm(stage: Stage) -> None:
    """From half past ten in the evening UTC until two, in both zones' days, while customers buy: no alarm."""
    now = LandscapeClock(stage.plan.home.clock).read().now
    evening = now.replace(hour=21, minute=45, second=0, microsecond=0)
    stage.pass_time(seconds=((evening - now) % timedelta(days=1)).total_seconds() + 1)
    seen: list[str] = []
    for turn in range(11):
        customers(stage, turn)
        stage.pass_time(minutes=25)
        watch(stage, seen)
    held = {}
    for hours in (6, 24, 24):
        stage.pass_time(hours=hours)
        held = watch(stage, seen)
    assert held["orders"] >= 20 and held["ledger_stripe"] >= 20 and held["shipments"] >= 5, held
    sys.stdout.write("\n".join(seen[-6:]) + "\n")
