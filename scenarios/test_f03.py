"""F03: whatever currencies visitors switch and mix, a healthy shop charges what it showed, and no oracle objects."""

from __future__ import annotations

import pytest

from assay.events import Outcome
from assay.runners.session import Session, verdict_text
from scenarios.f03_display import display
from scenarios.performing import in_full, named, outcomes_of

pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("money")]
PAIRS = named([display])
RELEASE = [f"F03[{case}]" for case in ("jpy", "switch_before", "switch_after", "credit", "paypal_kwd")]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, assay_session: Session) -> dict[str, Outcome]:
    """Perform and judge all cases that were asked for, side by side."""
    return outcomes_of(request, assay_session, PAIRS)


@pytest.mark.parametrize("name", in_full(PAIRS, but=RELEASE))
def test_display(outcomes: dict[str, Outcome], name: str) -> None:
    """Every step is done, and every verdict that could be reached is good."""
    assert not outcomes[name].failed, verdict_text([outcomes[name]])
    assert outcomes[name].evaluated
