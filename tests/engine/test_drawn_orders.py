"""Whatever is bought, in whatever currency, by whomever, is charged, booked and sent as the specification says."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from assay.events import Outcome, Result
from assay.flow import Case
from assay.local.project import plan_for
from assay.records import Article
from assay.roles import Storefront
from assay.runners.environment import open_environment
from assay.runners.run import run_cases
from assay.runners.session import verdict_text
from assay.runners.verdict import Trouble
from scenarios.cases import buys
from scenarios.f01_order_to_carrier import order_to_carrier
from tests.commit import seed_of_commit

ROOT = Path(__file__).resolve().parents[2]
ORDERS = int(os.environ.get("ASSAY_ORDERS", "100"))
"""How many orders are drawn; what is drawn in every run is `test_drawn_baskets`."""
CURRENCIES = ("EUR", "USD", "GBP", "JPY", "KRW", "INR", "CHF", "ISK", "HUF", "IDR", "KWD")
COUNTRIES = ("FR", "DE", "GB", "IS", "JP", "KW", "US")
NAMES = ("Zoë Müller", "Anne-Laure d’Été", "山田 太郎", "Ólafur Þórðarson", "Łukasz Żółć", "O'Neill & Søn", "Q 🐙 Ng")
SCARCE = "J-012"
JUDGED = {"O-M1", "O-M2", "O-M3", "O-M4", "O-M5", "O-O1", "O-O6", "O-S1", "O-K1", "O-K2", "O-K4", "O-E2", "O-E3"}
pytestmark = [pytest.mark.full, pytest.mark.needs_java, pytest.mark.xdist_group("drawn")]


def drawn(seed: int, count: int, articles: Sequence[Article]) -> list[Case]:
    """Return so many different purchases of one to three articles; no two of neighbours share an article."""
    draw = random.Random(seed)
    cases: list[Case] = []
    left: list[Article] = []
    for number in range(count):
        size = draw.choice((1, 1, 2, 3))
        if len(left) < size:
            left = draw.sample(list(articles), len(articles))
        bought = [(left.pop().sku, draw.choice((1, 1, 1, 2, 3))) for _ in range(size)]
        name = f"drawn_{number}"
        purchase = buys(
            name,
            draw.choice(CURRENCIES),
            *bought,
            to=draw.choice(COUNTRIES),
            name=draw.choice(NAMES),
            # A coupon is leased: two of them side by side would wait for each other.
            coupon="WELCOME10" if number % 20 == 0 else None,
            registered=draw.random() < 0.25,
            to_the_door=draw.random() < 0.1,
            standard_delivery=draw.random() < 0.25,
        )
        cases.append(Case(name, purchase))
    return cases


def test_drawn_orders_are_right_in_every_system() -> None:
    """No oracle finds fault with any drawn order, no step fails, and the main oracles reach a verdict on them."""
    seed = seed_of_commit()
    outcomes: list[Outcome] = []
    troubles: list[Trouble] = []
    plan = plan_for("local", ROOT / "assay.toml")
    with open_environment(plan, lambda _: None, fresh=True, seed=seed) as session:
        session.settle()
        shop = session.landscape.by_role("shop")
        assert isinstance(shop, Storefront)
        # What is made to order, a bundle of others, or scarce is bought by cases of its own.
        articles = shop.articles("EUR")
        plenty = [each for each in articles if not (each.components or each.backorder or each.sku == SCARCE)]
        assert len(plenty) > 40
        flow = replace(order_to_carrier, cases=tuple(drawn(seed, ORDERS, plenty)))
        pairs = [(flow, case) for case in flow.cases]
        run_cases(session, pairs, heard=outcomes.append, trouble=troubles.append, workers=8)
    red = [each for each in outcomes if each.failed or any(found.result is Result.FAIL for found in each.findings)]
    assert (red, troubles) == ([], []), f"seed {seed}\n{verdict_text(red)}\n{troubles}"
    assert sum(len(each.order_refs) for each in outcomes) == ORDERS
    passed = Counter(found.oracle for each in outcomes for found in each.findings if found.result is Result.PASS)
    assert {name: passed[name] for name in JUDGED if passed[name] < ORDERS / 20} == {}
