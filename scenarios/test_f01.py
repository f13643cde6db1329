"""F01 and its variants: a healthy merchant brings every order to the door, and no oracle says otherwise."""

from __future__ import annotations

import pytest

from assay.events import Outcome
from assay.runners.session import Session, verdict_text
from scenarios.f01_order_to_carrier import order_to_carrier
from scenarios.performing import named, outcomes_of, silent_together

pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("orders")]
PAIRS = named([order_to_carrier])


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, assay_session: Session) -> dict[str, Outcome]:
    """Perform and judge all cases that were asked for, side by side."""
    return outcomes_of(request, assay_session, PAIRS)


@pytest.mark.parametrize("name", PAIRS)
def test_order_to_carrier(outcomes: dict[str, Outcome], name: str) -> None:
    """Every step is done, and every verdict that could be reached is good."""
    assert not outcomes[name].failed, verdict_text([outcomes[name]])
    assert outcomes[name].evaluated


def test_all_orders_together(outcomes: dict[str, Outcome]) -> None:
    """What only shows over all orders at once (census, oversold goods) stays silent, too."""
    silent_together(outcomes, PAIRS)
