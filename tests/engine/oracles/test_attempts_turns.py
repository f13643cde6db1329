"""Where verdicts about purchases without an order turn: powers of ten, ages, answers, and which of several is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from assay.oracles import ATTEMPT_ORACLES
from assay.oracles.attempts import asked_minor_units, no_money_kept, told_and_there
from assay.records import MinorAmount
from tests.engine.oracles.test_attempts import asked, attempt, event, money, said, taken
from tests.engine.oracles.world import FAIL, PASS, READ, SILENT

ROUND = (("checkout", money("20.000")),)


@pytest.mark.parametrize("power", [-3, -2, -1, 1, 2, 3])
def test_every_power_of_ten_is_an_exponent(power: int) -> None:
    """O-M1 says with how many decimals an amount was sent, from three too few to three too many."""
    sent = 20_000 * 10**power if power > 0 else 20_000 // 10**-power
    finding = said("O-M1", attempt(shown=ROUND, creations=(asked(str(sent)),)))
    assert finding.cause == f"exponent: KWD was sent with {3 + power} decimals, stripe counts 3"


@pytest.mark.parametrize(("sent", "is_exponent"), [("107", True), ("108", True), ("106", False), ("109", False)])
def test_a_moved_point_is_recognised_within_one_unit(sent: str, is_exponent: bool) -> None:
    """O-M1 takes 107.5 units rounded either way for a moved point, and a unit more for a part of the payment."""
    finding = said("O-M1", attempt(creations=(asked(sent),)))
    assert (finding.result is FAIL, "exponent" in finding.cause) == (is_exponent, is_exponent)


def test_a_whole_unit_beside_a_moved_point_is_none() -> None:
    """O-M1 does not call an amount a moved point that is one whole unit off."""
    for sent in ("199", "201"):
        assert said("O-M1", attempt(shown=ROUND, creations=(asked(sent),))).result is PASS


def test_every_call_is_looked_at() -> None:
    """O-M1 finds the wrong amount after a right one, whether whole or not."""
    for sent in ("1075", "10750.5"):
        assert said("O-M1", attempt(creations=(asked("10750"), asked(sent)))).result is FAIL


@pytest.mark.parametrize(("status", "result"), [(399, PASS), (400, FAIL)])
def test_a_call_is_refused_from_400_on(status: int, result: object) -> None:
    """O-M1 calls an amount not chargeable only where the gateway refused it."""
    shown = (("checkout", money("10.755")),)
    assert said("O-M1", attempt(shown=shown, creations=(asked("10755", status=status),))).result is result


def test_money_is_looked_for_as_soon_as_one_payment_is_old_enough() -> None:
    """O-O2 waits only while every payment is young."""
    young = taken(ref="pi_2", created_at=READ - timedelta(seconds=1))
    assert said("O-O2", attempt(payments=(taken(), young))).result is FAIL
    assert said("O-O2", attempt(payments=(young, young))).result is SILENT
    assert said("O-O2", attempt(payments=(young,), read_at=None)).result is FAIL


def test_a_payment_of_a_currency_nobody_knows_is_not_added_up() -> None:
    """O-O2 leaves open what is at risk where one amount has no worth, and says so in words."""
    odd = taken(ref="pi_2", captured=MinorAmount(100, "XQZ"))
    finding = said("O-O2", attempt(payments=(taken(), odd)))
    assert (finding.at_risk, finding.expected) == (None, "an order in the shop for the money taken")


def test_what_was_given_back_in_part_is_still_kept() -> None:
    """O-O2 looks for an order as long as one unit was not given back."""
    assert said("O-O2", attempt(payments=(taken(refunded=MinorAmount(6689, "EUR")),))).result is FAIL


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((299,), "took 1 events about the payment (answered 299)"),
        ((300,), "refused the gateway's events about the payment (answered 300)"),
        ((200, 201, 202), "took 3 events about the payment (answered 202)"),
        ((500, 502, 503), "refused the gateway's events about the payment (answered 503)"),
        ((500, 200), "took 1 events about the payment (answered 200)"),
    ],
)
def test_the_last_answer_is_named(answers: tuple[int, ...], words: str) -> None:
    """O-O2 tells events that were taken from refused ones, and names the last answer."""
    finding = said("O-O2", attempt(payments=(taken(),), calls=tuple(event(status) for status in answers)))
    assert words in finding.cause


def test_an_event_about_one_of_two_payments_counts() -> None:
    """O-O2 takes an event for the purchase's when it names any payment of it; a call of the shop's own is none."""
    both = (taken(), taken(ref="pi_2"))
    assert "took 1 events" in said("O-O2", attempt(payments=both, calls=(event(200),))).cause
    outward = replace(event(200), way="proxy")
    assert "no event about the payment" in said("O-O2", attempt(payments=both, calls=(outward,))).cause


def test_what_passes_carries_no_evidence() -> None:
    """Only a finding shows calls: those of its systems and what reached the platform."""
    calls = (event(200), replace(event(200), system="stripe", way="proxy"), replace(event(200), system="ups"))
    passing = said("O-M1", attempt(creations=(asked("10750"),), calls=calls))
    assert (passing.result, passing.evidence) == (PASS, ())
    failing = said("O-M1", attempt(creations=(asked("1075"),), calls=calls))
    assert [line.split()[1] for line in failing.evidence] == ["platform", "stripe"]


def test_a_judge_is_what_its_module_calls_by_name() -> None:
    """A judge of attempts is found under its id and in its module, and is the same."""
    assert (asked_minor_units, no_money_kept, told_and_there) == tuple(
        ATTEMPT_ORACLES[each] for each in ("O-M1", "O-O2", "O-O1")
    )


def test_the_smaller_of_told_and_meant_counts() -> None:
    """O-O1 wants no more orders than the customer meant, however often they were told of one."""
    assert said("O-O1", attempt(told=("ordered",) * 3, intended=2)).expected == "2 orders, as the customer was told"
