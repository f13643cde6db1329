"""Delivers every event of the landscape's vendors once more and holds some orders against themselves before.

A consumer that handles an event twice shows itself then. Only where all vendors are simulators of ours, and between
waves: nobody acts, and the clock stands, so that nothing but the repeated events can change an order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from assay.events import Finding, Outcome, Result
from assay.local.clock import LandscapeClock
from assay.local.processes import admin
from assay.oracles import ORACLES, Judging
from assay.records import Dossier

ORACLE = "O-O5"
_MOST_ORDERS = 3


def chosen_of(outcomes: Iterable[Outcome]) -> list[str]:
    """Return a few orders that heard of events, one of a case."""
    found = []
    for outcome in outcomes:
        heard = [each.order.ref for each in outcome.dossiers if each.order and _heard(each)]
        found += heard[:1]
    return found[:_MOST_ORDERS]


def replayed(
    order_refs: Sequence[str],
    *,
    clock: LandscapeClock,
    ports: Iterable[int],
    settle: Callable[[], None],
    gather: Callable[[Sequence[str]], list[Dossier]],
) -> list[Dossier]:
    """Return the dossiers of these orders after every event came once more, each with the one before.

    ports: of the simulators. settle: lets everything due be done. gather: reads these orders anew.
    """
    running = clock.read().mode == "real"
    clock.freeze()
    try:
        settle()
        before = gather(order_refs)
        for port in ports:
            admin(port, "POST", "redeliver")
        settle()
        after = gather(order_refs)
    finally:
        if running:
            clock.run()
    return [replace(now, before_replay=then) for then, now in zip(before, after, strict=True)]


def with_replay(outcome: Outcome, dossiers: Sequence[Dossier], judging: Judging) -> Outcome:
    """Put what the oracle says of the replay in place of what it said without; a violation stays one."""
    said = {finding.order_ref: finding for finding in (ORACLES[ORACLE](each, judging) for each in dossiers)}

    def better(finding: Finding) -> Finding:
        if finding.oracle != ORACLE or finding.result is Result.FAIL:
            return finding
        return said.get(finding.order_ref, finding)

    return replace(outcome, findings=tuple(better(finding) for finding in outcome.findings))


def _heard(dossier: Dossier) -> bool:
    return any(call.way == "reverse" and call.status < 300 for call in dossier.calls)
