"""Parcels: labels and tracking numbers (O-K4), the carrier's words (O-K5), and nothing leaves once cancelled (O-O7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from assay.drift.checks import check
from assay.drift.look import Look
from assay.drift.options import judged
from assay.drift.orders import gathered, sampled
from assay.drift.twice import seen_twice
from assay.drift.verdicts import quiet, verdicts, violated
from assay.events import Finding, Result
from assay.oracles.cancelled import nothing_leaves
from assay.records import Dossier, Order
from assay.span import seconds_of

_JUDGES = ("O-K4", "O-K5")
_UNKNOWN = "unknown"


@check(
    "parcels",
    needs=("shop", "erp", "carrier"),
    oracles=(*_JUDGES, "O-O7"),
    judge=judged(spans=("window", "settle"), counts=("sample",)),
    window="4d",
    sample=25,
    settle="10s",
)
def parcels(look: Look) -> None:
    """Hold the parcels of the last days' orders against the carrier, and look for what left though it was cancelled.

    window: orders placed since then. sample: at most so many with parcels, and as many cancelled ones, another choice
    each time. settle: what looks wrong is read again after it.
    """
    now = look.now()
    with look.step("list the orders"):
        listed = look.gatherer.orders(now - timedelta(seconds=seconds_of(look.options["window"])), now)
    look.gatherer.hear_since(datetime.now(UTC))  # no judge of parcels asks the journal
    most = int(look.options["sample"])
    sent = sampled([each for each in listed if each.parcels or each.tracking_numbers], most, str(now))
    gone = sampled([each for each in listed if cancelled_at(each) is not None], most, str(now))
    if not sent and not gone:
        quiet(look, "no parcel and no cancelled order in the window")
        return

    def read() -> tuple[list[Dossier], list[Finding]]:
        dossiers = gathered(look, list({each.ref: each for each in (*sent, *gone)}.values()))
        tracked = [each for each in dossiers if each.order and (each.order.parcels or each.order.tracking_numbers)]
        return dossiers, [*verdicts(tracked, _JUDGES, look), *_stopped(look, dossiers)]

    dossiers, findings = seen_twice(look, read, lambda found: violated(found[1]))
    for finding in findings:
        look.verdict(finding)
    if not any(each.result is not Result.NOT_EVALUATED for each in findings):
        quiet(look, "no parcel on its way")
    unmapped = [parcel for each in dossiers if each.order for parcel in each.order.parcels if parcel.status == _UNKNOWN]
    wrong = [each for each in findings if each.result is Result.FAIL]
    look.measure("assay_drift_tracking_unmapped", len(unmapped) or sum(each.oracle == "O-K5" for each in wrong))
    look.measure("assay_drift_ship_after_cancel", sum(each.oracle == "O-O7" for each in wrong))


def cancelled_at(order: Order) -> datetime | None:
    """Return when an order was cancelled as a whole; None for one that is not."""
    if order.status != "cancelled":
        return None
    return max((each.at for each in order.history if each.value == "cancelled"), default=order.placed_at)


def _stopped(look: Look, dossiers: Sequence[Dossier]) -> list[Finding]:
    found = [
        nothing_leaves(dossier, since, look.judging)
        for dossier in dossiers
        if dossier.order is not None and (since := cancelled_at(dossier.order)) is not None
    ]
    wrong = [each for each in found if each.result is Result.FAIL]
    held = [each for each in found if each.result is Result.PASS]
    blind = [each for each in found if each.result is Result.NOT_EVALUATED]
    return wrong or held[:1] + blind[:1]
