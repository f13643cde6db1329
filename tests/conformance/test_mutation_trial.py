"""Answers of simulated vendors, broken only where the vendor's own document forbids it, are found; valid ones pass."""

from __future__ import annotations

import pytest

from tests.conformance.mutation_trial import HEAD, VENDORS, absent, say, trial

_OPENAPI = [each for each in VENDORS if each != "sap_s4hana"]


def _held(vendor: str, answers: int, *, judged: bool = False) -> None:
    if absent(vendor):
        pytest.skip(
            f"the vendor's documents are not here: {absent(vendor)[0]} (set ASSAY_SPECS to a folder that has them)"
        )
    came = trial(vendor, answers, judged=judged)
    say(HEAD)
    say(came.line())
    assert came.answers == answers
    assert not came.rejected
    assert not came.missed
    assert not came.misnamed
    assert came.tried["wrong type"] and came.tried["null"] and came.tried["new field"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_ten_answers_of_each_vendor(vendor: str) -> None:
    """New field, required gone, wrong type, outside the set, null: each found and named at its place."""
    _held(vendor, 10)


@pytest.mark.full
@pytest.mark.parametrize("vendor", VENDORS)
def test_three_hundred_answers_of_each_vendor(vendor: str) -> None:
    """The whole trial; the table says which share of the places the document leaves open."""
    _held(vendor, 300)


@pytest.mark.full
@pytest.mark.parametrize("vendor", _OPENAPI)
def test_what_another_judge_calls_valid_is_never_rejected(vendor: str) -> None:
    """The conformance tests' judge, which shares no line with the engine, says what is valid."""
    _held(vendor, 100, judged=True)
