"""F15: from the charge to the books: fees, settlement in another currency, payouts, the bank's statement, the ERP.

The flow buys in several currencies at every gateway that is there, lets the days pass until the gateways pay out, plays
the bank, which states what arrived, and sees the books hold it; one case ends when they hold charge and fee. In
production it reads what gateways settled of late and creates nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from assay.flow import Run, flow
from assay.roles import Erp, StatementForm, Storefront
from scenarios.buying import Gateways, see_booked, see_captured
from scenarios.f01_steps import come_later
from scenarios.f15_steps import (
    Settling,
    buy_everywhere,
    case,
    give_some_back,
    is_booked,
    is_charge_booked,
    is_paid_out,
    read_what_was_settled,
    state,
)

_PAID_OUT = timedelta(days=12)
_TWO_RUNS = timedelta(days=2, hours=2)
_JOB = timedelta(days=1, hours=2)


@flow(
    id="F15",
    title="From the charge to the books",
    cases=[case("camt053", form="camt.053"), case("mt940", form="mt940"), case("fee")],
    tags=["money", "payment", "erp", "slow"],
    read_only=True,
    production_cut="read what was settled",
)
def charge_to_books(run: Run, shop: Storefront, gateways: Gateways, erp: Erp) -> None:
    """Buy, give some of it back, wait for the payouts, hand in the bank's statement, and see it in the books."""
    settling = Settling(run, shop, gateways, erp, run.surroundings.now())
    run.cancel_asked = False
    with run.step("read what was settled"):
        read_what_was_settled(settling)
    refs = buy_everywhere(settling)
    see_captured(run, shop, gateways, *refs)
    see_booked(run, shop, erp, *refs)
    if run.operator is None:
        return  # nobody waits for days
    form = run.case.purchase.extra["form"]
    if not form:
        come_later(run, _TWO_RUNS)
        with run.step("the books hold the charge"):
            run.eventually(lambda: is_charge_booked(settling, refs[0]), within="erp")
        return
    with run.step("give some of it back"):
        give_some_back(settling, *refs[:2])
    come_later(run, _PAID_OUT)
    with run.step("the gateways paid out"):
        run.eventually(lambda: is_paid_out(settling, refs), within="payments")
    with run.step("the bank states it"):
        stated = state(settling, cast(StatementForm, form))
    run.pass_time(_JOB)
    with run.step("the books hold it"):
        run.eventually(lambda: is_booked(settling, stated), within="erp")
    with run.step("read what was settled once more"):
        read_what_was_settled(settling)
