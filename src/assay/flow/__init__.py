"""A flow: a plain function that acts as a customer or an operator would, in named and timed steps. It knows no runner.

    @flow(id="F01", title="Order to ERP", cases=[Case("eur", Purchase(...))], reversible=True)
    def order_to_erp(run: Run, shop: Shop, erp: Erp) -> None:
        with run.step("place the order"):
            order = shop.order(run.buy(shop))
            run.saw("confirmation", order.total)
        with run.step("the ERP holds it"):
            found = run.eventually(lambda: erp.documents_of(order.number), within="erp")
            run.check(len(found) == 1, "one sales order, no more")

Parameters after `run` are roles: the runner injects the landscape's connector of that role.
"""

from __future__ import annotations

from assay.flow.case import TAGS, Case, Flow, flow, holder_of
from assay.flow.performing import look_again, perform
from assay.flow.run import AFTER_ORDER, BEFORE_ORDER, OUTSIDE, Run, StepFailed, Surroundings, Watched

__all__ = [
    "AFTER_ORDER",
    "BEFORE_ORDER",
    "OUTSIDE",
    "TAGS",
    "Case",
    "Flow",
    "Run",
    "StepFailed",
    "Surroundings",
    "Watched",
    "flow",
    "holder_of",
    "look_again",
    "perform",
]
