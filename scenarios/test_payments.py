"""F06, F10, F15: refunds, payments and settlements end as they ought to, and every oracle is silent."""

from __future__ import annotations

import pytest

from assay.events import Outcome
from assay.runners.session import Session, verdict_text
from scenarios.f06_refund import money_back
from scenarios.f10_payment import payment_life
from scenarios.f15_settlement import charge_to_books
from scenarios.performing import in_full, named, outcomes_of, silent_together

pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("money")]
# What passes days comes after what has orders in its hands.
TURNS = (named([money_back, payment_life]), named([charge_to_books]))
PAIRS = {**TURNS[0], **TURNS[1]}
# What no release goes without: whole, by line in a currency without decimals, clicked twice, from the console; each
# gateway; what a bank or the shop may do to a payment; charge and fee in the books.
RELEASE = [
    *(f"F06[{name}]" for name in ("full", "jpy", "twice", "console_usd", "adyen", "paypal_huf")),
    *(f"F10[{name}]" for name in ("adyen", "paypal", "fails_at_bank", "voided", "less")),
    "F15[fee]",
]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, assay_session: Session) -> dict[str, Outcome]:
    """Perform and judge all cases that were asked for, side by side where none ages another's."""
    found: dict[str, Outcome] = {}
    for pairs in TURNS:
        found |= outcomes_of(request, assay_session, pairs)
    return found


@pytest.mark.parametrize("name", in_full(PAIRS, but=RELEASE))
def test_payments(outcomes: dict[str, Outcome], name: str) -> None:
    """Every step is done, and every verdict that could be reached is good."""
    assert not outcomes[name].failed, verdict_text([outcomes[name]])
    assert outcomes[name].evaluated


def test_all_orders_together(outcomes: dict[str, Outcome]) -> None:
    """What only shows over all orders at once (census, ledger) stays silent, too."""
    silent_together(outcomes, PAIRS)
