"""F15: what was charged is settled, paid out, stated and booked to the minor unit, and no oracle says otherwise."""

from __future__ import annotations

import pytest

from assay.events import Outcome
from assay.runners.session import Session, verdict_text
from scenarios.f15_settlement import charge_to_books
from scenarios.performing import in_full, named, outcomes_of

pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("money")]
PAIRS = named([charge_to_books])
# What no release goes without: commas and all.
RELEASE = ["F15[mt940]"]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, assay_session: Session) -> dict[str, Outcome]:
    """Perform and judge all cases that were asked for, side by side."""
    return outcomes_of(request, assay_session, PAIRS)


@pytest.mark.parametrize("name", in_full(PAIRS, but=RELEASE))
def test_charge_to_books(outcomes: dict[str, Outcome], name: str) -> None:
    """Every step is done, and every verdict that could be reached is good."""
    assert not outcomes[name].failed, verdict_text([outcomes[name]])
    assert outcomes[name].evaluated


def test_all_orders_together(outcomes: dict[str, Outcome]) -> None:
    """What only shows over all orders at once (census, ledger) stays silent, too."""
    together = [outcome for name, outcome in outcomes.items() if name not in PAIRS]
    assert not any(outcome.failed for outcome in together), verdict_text(together)
    assert together
