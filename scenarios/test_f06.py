"""F06: money that goes back does so once, in the order's own currency and rate, and no oracle says otherwise."""

from __future__ import annotations

import pytest

from assay.events import Outcome
from assay.runners.session import Session, verdict_text
from scenarios.f06_refund import money_back
from scenarios.performing import in_full, named, outcomes_of

pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("money")]
PAIRS = named([money_back])
# What no release goes without: a refund in every kind of currency, by each gateway, clicked twice, from the console.
RELEASE = ["F06[full]", "F06[jpy]", "F06[kwd]", "F06[twice]", "F06[console_usd]", "F06[adyen]", "F06[paypal_huf]"]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, assay_session: Session) -> dict[str, Outcome]:
    """Perform and judge all cases that were asked for, side by side."""
    return outcomes_of(request, assay_session, PAIRS)


@pytest.mark.parametrize("name", in_full(PAIRS, but=RELEASE))
def test_money_back(outcomes: dict[str, Outcome], name: str) -> None:
    """Every step is done, and every verdict that could be reached is good."""
    assert not outcomes[name].failed, verdict_text([outcomes[name]])
    assert outcomes[name].evaluated


def test_all_orders_together(outcomes: dict[str, Outcome]) -> None:
    """What only shows over all orders at once (census, ledger) stays silent, too."""
    together = [outcome for name, outcome in outcomes.items() if name not in PAIRS]
    assert not any(outcome.failed for outcome in together), verdict_text(together)
    assert together
