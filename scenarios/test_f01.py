"""F01 and its variants: a healthy merchant brings every order to the door, and no oracle says otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assay.events import Outcome
from assay.flow import Flow
from assay.runners.session import verdict_text
from scenarios.f01_order_to_carrier import order_to_carrier

pytestmark = pytest.mark.needs_java


@pytest.mark.parametrize("case", [case.name for case in order_to_carrier.cases])
def test_order_to_carrier(perform_and_judge: Callable[[Flow, str], Outcome], case: str) -> None:
    """Every step is done, and every verdict that could be reached is good."""
    outcome = perform_and_judge(order_to_carrier, case)
    assert not outcome.failed, verdict_text([outcome])
    assert outcome.evaluated
