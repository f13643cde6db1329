"""F10: a payment ends as it ought to at every gateway, and no oracle says otherwise."""

from __future__ import annotations

import pytest

from assay.events import Outcome
from assay.runners.session import Session, verdict_text
from scenarios.f10_payment import payment_life
from scenarios.performing import in_full, named, outcomes_of

pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("money")]
PAIRS = named([payment_life])
# What no release goes without: each gateway, and each thing a bank or the shop may do to a payment.
RELEASE = [
    "F10[adyen]",
    "F10[paypal]",
    "F10[secure]",
    "F10[fails_at_bank]",
    "F10[declined]",
    "F10[voided]",
    "F10[less]",
]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, assay_session: Session) -> dict[str, Outcome]:
    """Perform and judge all cases that were asked for, side by side."""
    return outcomes_of(request, assay_session, PAIRS)


@pytest.mark.parametrize("name", in_full(PAIRS, but=RELEASE))
def test_payment_life(outcomes: dict[str, Outcome], name: str) -> None:
    """Every step is done, and every verdict that could be reached is good."""
    assert not outcomes[name].failed, verdict_text([outcomes[name]])
    assert outcomes[name].evaluated


def test_all_orders_together(outcomes: dict[str, Outcome]) -> None:
    """What only shows over all orders at once (census, ledger) stays silent, too."""
    together = [outcome for name, outcome in outcomes.items() if name not in PAIRS]
    assert not any(outcome.failed for outcome in together), verdict_text(together)
    assert together
