"""Drawn baskets in every currency at every gateway are right in every system; a wrong one shrinks to a case."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from assay.flow import Case
from assay.local.plan import MERCHANT
from assay.local.processes import admin
from assay.local.project import plan_for
from assay.roles import Purchase
from assay.runners.environment import open_environment
from assay.runners.session import Session
from tests.commit import seed_of_commit
from tests.engine.drawn import BULK, Bulk, Buyer, bulks, gateways_of, plentiful, told

ROOT = Path(__file__).resolve().parents[2]
ORDERS = int(os.environ.get("ASSAY_BASKETS", "100"))
"""How many orders are drawn over all gateways in every run."""
MANY = int(os.environ.get("ASSAY_MANY_BASKETS", "2000"))
"""How many on each gateway in `make full`."""
GATEWAYS = ("stripe", "adyen", "paypal")
pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("drawn_baskets")]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """One landscape of its own for all of them."""
    plan = plan_for("local", ROOT / "assay.toml")
    with open_environment(plan, lambda _: None, fresh=True, seed=seed_of_commit()) as opened:
        opened.settle()
        yield opened


def buy(buyer: Buyer, strategy: st.SearchStrategy[Bulk], *, number: int) -> None:
    """Draw bulks and buy them until the buyer has enough; the smallest purchase at fault is the failure's text."""

    @seed(number)
    @settings(
        max_examples=5 + 2 * buyer.target // BULK,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    @given(strategy)
    def bought(bulk: Bulk) -> None:
        wrong = buyer.faults(bulk)
        assert not wrong, told(wrong, bulk.shop)

    bought()


def test_drawn_baskets_are_right_everywhere(session: Session) -> None:
    """No oracle finds fault with any drawn basket, in whatever currency, at whatever gateway, under whatever policy."""
    buyer = Buyer(session, ORDERS)
    began = time.monotonic()
    buy(buyer, bulks(plentiful(session), gateways_of(session)), number=seed_of_commit())
    sys.stdout.write(f"{buyer.bought} orders, {buyer.verdicts} verdicts in {time.monotonic() - began:.0f} s\n")
    assert buyer.bought >= ORDERS


@pytest.mark.full
def test_a_defect_shrinks_to_the_smallest_basket(session: Session) -> None:
    """With MON-10 on, what is printed is one article, once, as a case that can be pasted and fails by itself."""
    port = session.plan.home.read().port(MERCHANT, MERCHANT)
    assert port is not None
    # Few at once: to make them one is hundreds of purchases, and Hypothesis gives up after five minutes of it.
    strategy = bulks(plentiful(session), gateways_of(session), 6)
    admin(port, "POST", "defects", {"on": ["MON-10"]})
    try:
        with pytest.raises(AssertionError) as failure:
            buy(Buyer(session, 120), strategy, number=seed_of_commit())
    finally:
        admin(port, "POST", "defects", {"off": ["MON-10"]})
    [pasted, *reasons] = [line for line in str(failure.value).splitlines() if not line.startswith("in a shop")]
    sys.stdout.write("\n".join([pasted, *reasons, ""]))
    case = eval(pasted, {"Case": Case, "Purchase": Purchase})
    assert [quantity for _, quantity in case.purchase.lines] == [1]
    assert (case.purchase.coupon, "company" in case.purchase.extra) == (None, False)
    assert any(line.strip().startswith("O-M1: ") for line in reasons)


@pytest.mark.full
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_two_thousand_at_each_gateway(session: Session, gateway: str) -> None:
    """2,000 healthy orders at one gateway, and no finding."""
    if gateway not in gateways_of(session):
        pytest.skip(f"this landscape has no {gateway}")
    buyer = Buyer(session, MANY)
    began = time.monotonic()
    buy(buyer, bulks(plentiful(session), [gateway]), number=seed_of_commit())
    sys.stdout.write(
        f"{gateway}: {buyer.bought} orders, {buyer.verdicts} verdicts in {time.monotonic() - began:.0f} s\n"
    )
    assert buyer.bought >= MANY
