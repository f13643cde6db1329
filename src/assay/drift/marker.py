"""The marker: synthetic orders stay out of picking, labels and messages, and their money goes back.

A synthetic order is known by its customer, whom the allow list names. The platform never learns to obey a test header;
so it is the undo that keeps such an order from people and goods, and this is its proof. Analytics, tax and marketing
are named as not evaluated where no system of the landscape can be asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from assay.drift.checks import check
from assay.drift.look import Look
from assay.drift.options import judged
from assay.drift.orders import gathered
from assay.drift.twice import seen_twice
from assay.drift.verdicts import quiet
from assay.events import Finding, Result
from assay.oracles.delivery import is_active
from assay.records import Dossier, Order
from assay.span import seconds_of

ORACLE = "marker"
_ASKED = ("picking", "label", "message", "money", "analytics", "tax", "marketing")
_NOBODY = {
    "analytics": "no system that counts sales can be asked here",
    "tax": "no system that reports taxes can be asked here",
    "marketing": "no marketing system can be asked here",
}
_SENT = ("shipped", "delivered")


@check(
    ORACLE,
    needs=("shop", "payments", "erp", "carrier"),
    oracles=(ORACLE,),
    judge=judged(spans=("window", "grace", "settle"), names={"ask": _ASKED}),
    customers=[],
    ask=list(_ASKED),
    window="1d",
    grace="10m",
    settle="10s",
)
def marker(look: Look) -> None:
    """Look for synthetic orders that reached the warehouse, a carrier or a mailbox, or whose money was kept.

    customers: e-mail addresses of the synthetic ones; those of the environment's safety where none is named. ask: which
    of picking, label, message, money, analytics, tax, marketing. window: orders placed since then. grace: how long the
    undo may take. settle: as everywhere.
    """
    for name in look.options["ask"]:
        if name in _NOBODY:
            look.unjudged(ORACLE, _NOBODY[name])
    safety = look.landscape.environment.safety
    customers = {each.casefold() for each in look.options["customers"] or (safety.customers if safety else ())}
    if not customers:
        quiet(look, "no synthetic customer is declared: safety.customers, or the option customers")
        return
    now = look.now()
    until = now - timedelta(seconds=seconds_of(look.options["grace"]))
    with look.step("list the synthetic orders"):
        listed = look.gatherer.orders(now - timedelta(seconds=seconds_of(look.options["window"])), until)
    own = [each for each in listed if (each.email or "").casefold() in customers]
    if not own:
        quiet(look, "no synthetic order in the window")
        return

    look.gatherer.hear_since(datetime.now(UTC))  # nothing of this is in the journal

    def read() -> list[Finding]:
        return [finding for dossier in gathered(look, own) for finding in _judged(look, dossier)]

    for finding in seen_twice(look, read, lambda found: any(each.result is Result.FAIL for each in found)):
        look.verdict(finding)


def _judged(look: Look, dossier: Dossier) -> list[Finding]:
    order = dossier.order
    if order is None:
        return []
    asks: dict[str, tuple[str, Sequence[str], str]] = {
        "picking": ("erp", _picked(dossier), "it was not blocked, and not stopped in time"),
        "label": ("carrier", _labelled(dossier, order), "a label was bought for it"),
        "message": ("messages", _written(dossier), "the customer's mailbox is written to as any other"),
        "money": ("payments", _kept(dossier), "the undo did not give it back"),
    }
    found = []
    for name, (role, seen, cause) in asks.items():
        if name not in look.options["ask"]:
            continue
        if (why := dossier.missing(role)) is not None:
            found.append(Finding(oracle=ORACLE, result=Result.NOT_EVALUATED, order_ref=order.number, reason=why))
        elif seen:
            found.append(_leaked(look, order, name, seen, cause))
        else:
            found.append(Finding(oracle=ORACLE, result=Result.PASS, order_ref=order.number))
    return found


def _leaked(look: Look, order: Order, name: str, seen: Sequence[str], cause: str) -> Finding:
    role = {"picking": "erp", "label": "carrier", "message": "shop", "money": "payments"}[name]
    return Finding(
        oracle=ORACLE,
        result=Result.FAIL,
        order_ref=order.number,
        systems=tuple(dict.fromkeys((order.system, *look.landscape.environment.with_role(role)))),
        expected=f"a synthetic order stays out of this: {name}",
        seen=", ".join(seen),
        cause=cause,
        formula="synthetic orders reach no warehouse, no carrier, no mailbox, and keep no money",
        at_risk=order.total,
    )


def _picked(dossier: Dossier) -> list[str]:
    return [f"delivery {each.ref}" for each in dossier.documents if each.kind == "delivery" and not each.rejected]


def _labelled(dossier: Dossier, order: Order) -> list[str]:
    at_carrier = [each.tracking_number for each in dossier.shipments if each.status != "voided"]
    return list(
        dict.fromkeys([*at_carrier, *(each.tracking_number or each.ref for each in order.parcels if is_active(each))])
    )


def _written(dossier: Dossier) -> list[str]:
    return [f"message '{each.kind}'" for each in dossier.messages if each.kind in _SENT]


def _kept(dossier: Dossier) -> list[str]:
    return [
        f"{each.ref} holds {each.captured.minor - each.refunded.minor} minor units of {each.captured.currency}"
        for each in dossier.payments
        if each.captured.minor > each.refunded.minor
    ]
