"""Every call of the platform is given to the order it belongs to, over parallel orders, by what the call says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from assay.attribution import attribute
from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.local.up import bring_up, take_down
from assay.records import Call
from assay.roles import Purchase
from assay.runners.demo import journal_summary
from assay.runners.session import Session
from assay.store import open_store

ROOT = Path(__file__).resolve().parents[2]
ORDERS = 16
# Calls that concern no order: tokens, CSRF handshakes, rates, master data and stock, and polls that found nothing.
NO_ORDER = re.compile(
    r"/oauth/token$|/eurofxref|API_MATERIAL_STOCK_SRV|API_PRODUCT_SRV|/A_SalesOrder$|/A_OutbDelivery\w+$|_SRV[^/]*/$|\$metadata"
    r"|/v1/balance_transactions$|/v1/payouts$|journalentrycreaterequestconfi$"  # settlement, of a day's orders at once
)
pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("attribution")]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Return a landscape of its own in which sixteen customers bought at once and had their parcels delivered."""
    folder = tmp_path_factory.mktemp("attribution")
    (folder / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    plan = plan_for("local", folder / "assay.toml")
    try:
        yield from _bought(plan)
    finally:
        take_down(plan.home, lambda _: None)


def _bought(plan: Plan) -> Iterator[Session]:
    with Session(plan, bring_up(plan, lambda _: None)) as session:
        shop = session.landscape.by_role("shop")
        purchases = [
            Purchase(currency=("EUR", "JPY")[number % 2], lines=(("0017", 1),), email=f"crowd-{number}@example.com")
            for number in range(ORDERS)
        ]
        with ThreadPoolExecutor(ORDERS) as customers:
            list(customers.map(shop.place, purchases))
        for span in (timedelta(hours=1), timedelta(days=3)):
            session.pass_time(span)
        journal_summary(session)
        yield session


@pytest.mark.full
def test_every_call_about_an_order_is_given_to_that_order(session: Session) -> None:
    """All calls that name an order are attributed, each to the order whose number it carries; the rest names none."""
    now = session.now()
    orders = session.landscape.by_role("shop").orders(now - timedelta(days=8), now + timedelta(hours=1))
    assert len(orders) == ORDERS
    store = open_store(session.plan.home.store)
    calls = store.calls(session.plan.name)
    store.close()
    found = attribute(calls, orders, {name: head.references for name, head in session.landscape.heads.items()})

    for order in orders:
        mine = found.by_order[order.ref]
        assert {(call.system, call.method) for call in mine} >= {
            ("stripe", "POST"),
            ("sap_s4hana", "POST"),
            ("ups", "POST"),
            ("platform", "POST"),
        }
        others = {other.number for other in orders} - {order.number}
        assert not [call for call in mine if others & _numbers(call)]
    assert [call for call in found.unattributed if not NO_ORDER.search(call.path)] == []
    references = {order.ref: {order.number, *order.document_refs, *order.tracking_numbers} for order in orders}
    for call in found.shared:
        text = f"{call.query} {call.request_body} {call.response_body}"
        named = [ref for ref, mine in references.items() if any(f'"{each}"' in text for each in mine)]
        assert len(named) > 1, "only a call that names several orders may be shared"
    assert all(not call.refused for call in calls)


def _numbers(call: Call) -> set[str]:
    return set(re.findall(r"\bA1\d{5}\b", f"{call.path} {call.query} {call.request_body}"))
