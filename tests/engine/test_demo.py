"""The demonstration's red part: one sentence a person understands."""

from __future__ import annotations

from dataclasses import replace

from assay.events import Finding, Outcome, Result
from assay.money import Money
from assay.runners.demo import in_one_sentence

_CHARGED = Finding(
    oracle="O-M1",
    result=Result.FAIL,
    order_ref="A100009",
    systems=("shop", "stripe"),
    expected="80 minor units for 80 JPY",
    seen="8000 minor units",
    cause="exponent: JPY was sent with 2 decimals, stripe counts 0",
    at_risk=Money(7920, "JPY"),
)


def _outcome(*findings: Finding) -> Outcome:
    return Outcome(flow="F01", case="jpy", environment="local", findings=findings)


def test_the_sentence_names_order_systems_cause_and_cost() -> None:
    """It is made of the finding about an order with most money at risk, not of a purchase that failed before it."""
    refused = replace(_CHARGED, order_ref="the purchase of a@example.com (F01[kwd])", at_risk=Money(9675, "KWD"))
    shown = replace(_CHARGED, oracle="O-M3", at_risk=None)
    assert in_one_sentence([_outcome(refused), _outcome(shown, _CHARGED)]) == (
        "order A100009 is wrong in shop and stripe because JPY was sent with 2 decimals, stripe counts 0: "
        "expected 80 minor units for 80 JPY, seen 8000 minor units; 7920 JPY at risk."
    )


def test_a_green_run_has_no_sentence() -> None:
    """Nothing is said of a run in which nothing failed."""
    assert in_one_sentence([_outcome(replace(_CHARGED, result=Result.PASS))]) == ""
