"""The shipped pairs of ledgers on the reference landscape: silent while three gateways settle, red with defects."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.engine.drift.shipped_rig import Stage, staged, told

pytestmark = [pytest.mark.needs_java, pytest.mark.full, pytest.mark.xdist_group("shipped_ledger")]
"""That Stripe's is silent is seen with the pair of orders, too, without being asked for."""
PAIRS = ("ledger_stripe", "ledger_paypal", "ledger_adyen")
TAKEN = {
    "ledger_stripe": ("EUR", "JPY", "KWD", "USD", "GBP", "CHF", "ISK", "HUF"),
    "ledger_paypal": ("EUR", "JPY", "USD", "HUF"),
    "ledger_adyen": ("EUR", "GBP", "USD", "IDR"),
}
AT = {"ledger_stripe": "pm_card_visa", "ledger_paypal": "paypal", "ledger_adyen": "adyen"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The reference landscape, in a folder of its own."""
    with staged(tmp_path_factory.mktemp("ledger")) as up:
        yield up


def trade(stage: Stage, pair: str) -> int:
    """Sell at a gateway in several currencies, give one order back whole and one in part; return the movements."""
    sold = [stage.buy(each, ("0018", 2), ("A-100", 1), at=AT[pair]) for each in TAKEN[pair]]
    stage.rest(minutes=1)
    stage.shop.refund_order(sold[0])
    stage.shop.refund_order(sold[1], lines={"2": 1})
    stage.rest(minutes=1)
    return len(sold) + 2


@pytest.mark.parametrize("pair", PAIRS)
def test_what_gateways_settle_is_silent(stage: Stage, pair: str) -> None:
    """Sold, refunded, converted by the gateway: in flight at first, the same once it was booked, days later as well."""
    moved = trade(stage, pair)
    young = stage.compare(pair)
    assert young["found"] == 0, young["differences"]
    for day in range(1, 7 if pair == "ledger_adyen" else 4):
        stage.rest(days=1)
        found = stage.compare(pair)
        assert found["code"] in (0, 5), (day, found["differences"][:3], found["unread"])  # Adyen tells all days later
    # PayPal's conversions are movements, too.
    assert (found["code"], found["in_flight"]) == (0, 0)
    assert found["matched"] >= moved


@pytest.mark.parametrize(
    ("defect", "fields"),
    [("PAY-12", {"fee", "fee_currency"}), ("PAY-13", {"net"})],
)
def test_a_defect_turns_it_red_and_its_end_green_again(stage: Stage, defect: str, fields: set[str]) -> None:
    """What is converted is told by its fields, what is not is the same, and what is sold without it, as well."""
    before = {tuple(each["key"]) for each in stage.compare("ledger_stripe")["differences"]}
    stage.switch(on=(defect,))
    try:
        for each in ("EUR", "JPY", "USD"):
            stage.buy(each)
        stage.rest(days=1)
        stage.rest(days=1)
    finally:
        stage.switch(off=(defect,))
    stage.rest(days=1)
    found = stage.compare("ledger_stripe")
    found["differences"] = [each for each in found["differences"] if tuple(each["key"]) not in before]
    sys.stdout.write(
        f"{defect}: {found['classes']} {found['fields']} {[each['sentence'] for each in found['crowds']]}\n"
    )
    assert (found["code"], len(found["differences"])) == (1, 2)
    assert fields <= told(found)["differs"]
    assert {each["left"]["converted"] for each in found["differences"]} == {"converted"}
    assert all(each["at_risk"]["currency"] == "EUR" for each in found["differences"])
    keys = {tuple(each["key"]) for each in found["differences"]}
    stage.buy("USD")
    for _ in range(3):
        stage.rest(days=1)
    again = stage.compare("ledger_stripe")
    assert {tuple(each["key"]) for each in again["differences"]} == before | keys, (
        "what is sold without it differs, too"
    )


def test_what_is_never_booked_is_missing(stage: Stage) -> None:
    """While nothing is settled, movements are in flight for a day and missing after it, with what they are worth."""
    before = {tuple(each["key"]) for each in stage.compare("ledger_stripe")["differences"]}
    with stage.settings(settlement_interval_s=30 * 86_400):
        stage.rest(days=1)  # the next run sets its successor a month later
        stage.buy("KWD", ("0018", 1))
        stage.rest(hours=20)
        assert {tuple(each["key"]) for each in stage.compare("ledger_stripe")["differences"]} == before
        stage.rest(hours=10)
        found = stage.compare("ledger_stripe")
    lost = [each for each in found["differences"] if tuple(each["key"]) not in before]
    assert [(each["class"], each["at_risk"]["currency"]) for each in lost] == [("missing", "EUR")]
