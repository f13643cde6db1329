"""F02: in every currency and through every gateway, a healthy shop leaves every oracle silent."""

from __future__ import annotations

import pytest

from assay.events import Outcome
from assay.runners.session import Session, verdict_text
from scenarios.f02_multi_currency import boundary, multi_currency
from scenarios.performing import in_full, named, outcomes_of, silent_together

pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("money")]
PAIRS = named([multi_currency, boundary])
# What no release goes without: currencies whose decimals differ, at each gateway that takes them.
RELEASE = [f"F02[{currency}{gateway}]" for currency in ("jpy", "kwd", "inr", "isk") for gateway in ("", "_adyen")] + [
    "F02[jpy_paypal]",
    "F02[huf_paypal]",
]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, assay_session: Session) -> dict[str, Outcome]:
    """Perform and judge all cases that were asked for, side by side."""
    return outcomes_of(request, assay_session, PAIRS)


@pytest.mark.parametrize("name", in_full(PAIRS, but=RELEASE))
def test_multi_currency(outcomes: dict[str, Outcome], name: str) -> None:
    """Every step is done, and every verdict that could be reached is good."""
    assert not outcomes[name].failed, verdict_text([outcomes[name]])
    assert outcomes[name].evaluated


def test_all_orders_together(outcomes: dict[str, Outcome]) -> None:
    """What only shows over all orders at once (census, revenue, ledger, rates of stores) stays silent, too."""
    silent_together(outcomes, PAIRS)
