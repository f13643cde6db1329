"""In production money goes back on own orders alone, and nothing of a flow is left behind.

The landscape is read and bought from as production is: by address, in real time, within a budget.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from assay.runners.verdict import NOTHING_RAN
from scenarios.f06_refund import money_back
from scenarios.f10_payment import payment_life
from scenarios.f15_settlement import charge_to_books
from tests.rehearsal import NAME, Rehearsal, rehearsal

pytestmark = [pytest.mark.needs_java, pytest.mark.full, pytest.mark.xdist_group("money in production")]
OWN = [money_back.case("full"), money_back.case("lines"), payment_life.case("stripe")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """The landscape as production, in which our own customers may buy our own articles."""
    skus = [sku for case in OWN for sku in case.goods]
    customers = [case.purchase.email for case in OWN]
    with rehearsal(tmp_path_factory.mktemp("money"), skus=skus, customers=customers) as found:
        yield found


def test_own_orders_are_refunded_and_taken_back(place: Rehearsal) -> None:
    """A refund, whole or in part, and a payment run to their cut; then the order is cancelled and all money is back."""
    done = place.assay("run", "F06[full]", "F06[lines]", "F10[stripe]", "--env", NAME)
    assert done.returncode == 0, done.stdout + done.stderr
    orders = _orders(place)
    assert len(orders) == len(OWN)
    for order in orders:
        assert order["status"] == "cancelled", order
        assert [each["refunded"] for each in order["payments"]] == [each["captured"] for each in order["payments"]]


def test_what_was_settled_is_read_and_nothing_is_bought(place: Rehearsal) -> None:
    """The way to the books is read up to its cut, and no order comes of it."""
    before = len(_orders(place))
    done = place.assay("run", charge_to_books.id, "--env", NAME)
    assert done.returncode in (0, NOTHING_RAN), done.stdout + done.stderr
    assert len(_orders(place)) == before


def _orders(place: Rehearsal) -> list[dict[str, Any]]:
    answer = httpx.get(
        f"{place.urls['merchant']}/api/orders", headers={"Authorization": "Bearer operator-test-token"}, timeout=30
    )
    listed: list[dict[str, Any]] = answer.json()["orders"]
    return listed
