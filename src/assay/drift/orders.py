"""Real orders of a closed window, a sample of them, each judged as a scenario's order is judged."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from assay.drift.checks import check
from assay.drift.look import Look
from assay.drift.options import judged
from assay.drift.twice import seen_twice
from assay.drift.verdicts import quiet, verdicts, violated
from assay.events import Finding
from assay.oracles import ORACLES
from assay.records import Dossier, Order
from assay.span import seconds_of

_MARGIN = timedelta(minutes=10)
_NEVER = ("O-O5", "O-S1", "O-S3")
"""They hold two states of one order against each other, of which a real order shows the later alone."""


@check(
    "orders",
    needs=("shop", "payments", "erp"),
    oracles=tuple(sorted(set(ORACLES) - set(_NEVER))),
    judge=judged(spans=("window", "lag", "settle"), counts=("sample",), names={"judges": ORACLES}),
    window="1h",
    lag="1m",
    sample=20,
    judges=[],
    settle="10s",
)
def orders(look: Look) -> None:
    """Gather a sample of the orders of a closed window from every system and judge each.

    window, lag, settle: as of order_census; the window ends at twice policies.freshness.erp and the lag. sample: at
    most so many orders, another choice each time. judges: the oracles; where none is named, all that one order is
    enough for.
    """
    names = list(look.options["judges"]) or [name for name in sorted(ORACLES) if name not in _NEVER]
    end = look.now() - 2 * look.judging.slack("erp") - timedelta(seconds=seconds_of(look.options["lag"]))
    since = end - timedelta(seconds=seconds_of(look.options["window"]))
    with look.step("list the orders"):
        listed = look.gatherer.orders(since, end)
    if not listed:
        quiet(look, "no order in the window")
        return
    # The landscape's time is never slower than ours: what it did within a span lies within that of ours.
    look.gatherer.hear_since(datetime.now(UTC) - (look.now() - since) - _MARGIN)
    chosen = sampled(listed, int(look.options["sample"]), str(since))

    def read() -> tuple[list[Dossier], list[Finding]]:
        dossiers = gathered(look, chosen)
        return dossiers, verdicts(dossiers, names, look)

    _, findings = seen_twice(look, read, lambda found: violated(found[1]))
    for finding in findings:
        look.verdict(finding)


def sampled(orders: Sequence[Order], most: int, seed: str) -> list[Order]:
    """Return at most so many of the orders, oldest first: the same for the same seed."""
    if len(orders) > most:
        orders = random.Random(seed).sample(list(orders), most)  # noqa: S311 (a sample, no secret)
    return sorted(orders, key=lambda order: (order.placed_at, order.ref))


def gathered(look: Look, orders: Sequence[Order]) -> list[Dossier]:
    """Gather the dossiers of these orders, as long as there is time."""
    found = []
    for order in orders:
        look.in_time()
        # Whether it was asked to be cancelled is not known here, and nothing is concluded from it.
        found.append(replace(look.gatherer.dossier(order.ref), cancel_asked=None))
    return found
