"""The life of an order after its payment, drawn: money goes back in any way and order, and never twice or too much."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from assay.events import Outcome
from assay.exponents import charge_step
from assay.flow import Run
from assay.local.project import plan_for
from assay.money import Money
from assay.roles import ShopRefused, Storefront
from assay.runners.environment import open_environment
from assay.runners.session import Session
from scenarios.buying import CURRENCIES, Gateways, pay, see_captured
from scenarios.f01_steps import fill_cart
from scenarios.f06_refund import money_back
from scenarios.f06_ways import Paid, come_back
from tests.commit import seed_of_commit
from tests.engine.drawn import Wanted, as_case, gateways_of, plentiful, reasons_of

ROOT = Path(__file__).resolve().parents[2]
LIVES = int(os.environ.get("ASSAY_LIVES", "2"))
"""How many lives are drawn in every run; `make full` draws ten times as many."""
pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("drawn_lives")]


class Life(RuleBasedStateMachine):
    """One order: bought and paid, then given back in parts, at once, twice, at the gateway, by a return."""

    session: ClassVar[Session]
    skus: ClassVar[list[str]]

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.units = self.units_back = 0
        self.is_home = False

    @initialize(data=st.data())
    def buy(self, data: st.DataObject) -> None:
        """Order and pay two to four pieces of something, at any gateway in a currency it lists."""
        gateway = data.draw(st.sampled_from(gateways_of(self.session)))
        self.units = data.draw(st.integers(2, 4))
        wanted = Wanted(
            gateway=gateway,
            currency=data.draw(st.sampled_from(CURRENCIES[gateway])),
            lines=((data.draw(st.sampled_from(self.skus)), self.units),),
            country=data.draw(st.sampled_from(("FR", "DE", "GB", "US"))),
            coupon=data.draw(st.sampled_from((None, None, "WELCOME10"))),
        )
        self.case = wanted.case("life")
        self.outcome = self.session.perform(replace(money_back, act=self._act, cases=(self.case,)), self.case)
        assert not reasons_of(self.outcome), self.told(self.outcome)

    def _act(self, run: Run, shop: Storefront, gateways: Gateways, erp: object) -> None:
        run.cancel_asked = False
        cart = fill_cart(run, shop, run.case.purchase)
        with run.step("pay and order"):
            ref = pay(run, shop, gateways, cart)
        see_captured(run, shop, gateways, ref)
        self.paid = Paid(run, shop, gateways, ref)

    @rule()
    def a_part(self) -> None:
        """Give a third of what is left back, for goodwill."""
        if amount := self._third():
            self._give(
                "a part", partial(self.paid.people.refund_order, self.paid.ref, amount=amount, reason=self._why())
            )

    @rule()
    def a_piece(self) -> None:
        """Give one piece back; no more pieces than were bought."""
        click = partial(self.paid.people.refund_order, self.paid.ref, lines=self.paid.units(1), reason=self._why())
        self.units_back += self._give("a piece", click)
        assert self.units_back <= self.units, self.told()

    @rule()
    def a_piece_twice(self) -> None:
        """Click twice at once on the button that gives one piece back: one refund."""
        before = len(self.paid.order.refunds)
        key = f"{self.paid.ref}-{len(self.done)}"
        click = partial(
            self.paid.people.refund_order, self.paid.ref, lines=self.paid.units(1), key=key, reason=self._why()
        )

        def both() -> None:
            with ThreadPoolExecutor(2) as fingers:
                errors = [each.exception() for each in [fingers.submit(click) for _ in range(2)]]
            for error in errors:
                if error is not None and (not isinstance(error, ShopRefused) or all(errors)):
                    raise error

        self.units_back += self._give("a piece, clicked twice", both)
        assert len(self.paid.order.refunds) <= before + 1, self.told()

    @rule()
    def at_the_console(self) -> None:
        """Give a third of what is left back at the gateway's own console; the shop hears of it."""
        if amount := self._third():
            key = f"{self.paid.ref}-{len(self.done)}"
            self._give("at the console", partial(self.paid.at_the_console, amount, key), must=True)

    @rule()
    def the_rest(self) -> None:
        """Give back all that is left."""
        self._give("the rest", partial(self.paid.people.refund_order, self.paid.ref, reason=self._why()))

    @precondition(lambda self: not self.is_home and self.units_back < self.units)
    @rule()
    def a_return(self) -> None:
        """Wait for the parcel, and send one piece back: of pieces that are all paid back none is taken."""
        self.is_home = True
        self.units_back += self._give("a return", partial(come_back, self.paid))
        assert self.units_back <= self.units, self.told()

    @invariant()
    def never_more_than_was_taken(self) -> None:
        """What went back is at most what was captured, in the shop's books as at the gateway."""
        if hasattr(self, "paid"):
            assert 0 <= self._refunded().minor <= self._captured().minor, self.told()

    def teardown(self) -> None:
        """Let late things come, and have every oracle judge the order."""
        if hasattr(self, "outcome"):
            self.session.rest()
            [judged] = self.session.judge_all([self.outcome])
            assert not reasons_of(judged), self.told(judged)

    def told(self, outcome: Outcome | None = None) -> str:
        """Return the life as text: the case to paste, what was done, what is wrong."""
        wrong = reasons_of(outcome) if outcome else []
        return "\n".join([as_case(self.case), f"then {', '.join(self.done) or 'nothing'}", *wrong])

    def _give(self, what: str, click: Callable[[], object], *, must: bool = False) -> int:
        """Do it, and see shop and gateway agree; a refusal changes nothing. Return 1 where money went back."""
        before = self._refunded()
        self.done.append(what)
        try:
            click()
        except ShopRefused:
            assert not must, self.told()
            assert self._refunded() == before, self.told()
            self.done[-1] += " (refused)"
            return 0
        self.paid.run.eventually(self._is_calm, within="payments")
        if must:
            self.paid.run.eventually(lambda: self._refunded() != before, within="payments")
        return int(self._refunded() != before)

    def _is_calm(self) -> bool:
        return all(each.status in ("succeeded", "failed") for each in self.paid.order.refunds)

    def _refunded(self) -> Money:
        return sum((each.refunded for each in self.paid.order.tenders), Money.zero(self.case.purchase.currency))

    def _captured(self) -> Money:
        return sum((each.captured for each in self.paid.order.tenders), Money.zero(self.case.purchase.currency))

    def _third(self) -> Money | None:
        """Return about a third of what is left, in steps of gateway and currency; None where that is nothing."""
        left = self._captured() - self._refunded()
        step = max(charge_step(self.case.purchase.extra["gateway"], left.currency), Money(1, left.currency).amount)
        third = left.amount / 3 // step * step
        return Money.of(third, left.currency) if third else None

    def _why(self) -> str:
        return f"goodwill: dent {len(self.done) + 1}"


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """One landscape of its own."""
    plan = plan_for("local", ROOT / "assay.toml")
    with open_environment(plan, lambda _: None, fresh=True, seed=seed_of_commit()) as opened:
        opened.settle()
        yield opened


def _live(session: Session, lives: int) -> None:
    Life.session, Life.skus = session, plentiful(session)
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=lives,
            stateful_step_count=5,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )


@pytest.mark.full
def test_money_goes_back_once_in_any_order(session: Session) -> None:
    """Parts, pieces, double clicks, the gateway's console, the rest and returns, in drawn orders: never a finding."""
    _live(session, LIVES)


@pytest.mark.full
def test_money_goes_back_once_in_many_orders(session: Session) -> None:
    """The same, ten times as often."""
    _live(session, 10 * LIVES)
