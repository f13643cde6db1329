"""Browsing a healthy shop: every page answers and says the same of one price."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assay.events import Outcome
from assay.flow import Flow
from assay.runners.session import verdict_text
from scenarios.browse import look_around

pytestmark = pytest.mark.needs_java


@pytest.mark.parametrize(
    "case",
    [pytest.param(case.name, marks=[pytest.mark.full] * bool(turn)) for turn, case in enumerate(look_around.cases)],
)
def test_look_around(perform_and_judge: Callable[[Flow, str], Outcome], case: str) -> None:
    """A visitor leaves without a contradiction and without an order."""
    outcome = perform_and_judge(look_around, case)
    assert not outcome.failed, verdict_text([outcome])
    assert outcome.order_refs == ()
    assert len(outcome.steps) == 5
