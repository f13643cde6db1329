"""Webhooks into the shop: they come (O-O10), they are taken (O-O10), and soon (O-L5); else money has no order (O-O2).

What comes in is read from the edge's journal. Where no edge keeps one, the effect alone is judged: a captured payment
that no order knows is what a lost event leaves behind.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.drift.checks import check
from assay.drift.look import Look
from assay.drift.options import judged
from assay.drift.twice import seen_twice
from assay.drift.verdicts import quiet
from assay.events import Finding, Result
from assay.oracles import POPULATION_ORACLES
from assay.oracles.judge import evidence
from assay.records import Call, Payment, Population
from assay.roles import HearsPayments
from assay.span import seconds_of

_COMES, _SOON, _KEPT = "O-O10", "O-L5", "O-O2"
_BACK = timedelta(days=3)
"""What was placed before the window may be paid in it."""


@check(
    "hooks",
    needs=("shop", "payments"),
    oracles=(_COMES, _SOON, _KEPT),
    judge=judged(spans=("window", "ack", "settle"), counts=("refused",)),
    window="2h",
    ack="5s",
    refused=3,
    settle="10s",
)
def hooks(look: Look) -> None:
    """Look at the webhooks of the last hours: do they come, are they taken and soon, and is no payment left alone.

    window: how far back. ack: how long the slowest of a hundred may take to be acknowledged; vendors give five seconds.
    refused: how many refused in a row, of one vendor, mean that it will stop sending. settle: as everywhere.
    """
    count = seen_twice(look, lambda: _money(look), lambda found: found[1].result is Result.FAIL)
    population, finding = count
    look.verdict(finding)
    if look.journal is None:
        look.unjudged(_COMES, "no edge stands before the shop here, so nobody sees its webhooks")
        look.unjudged(_SOON, "no edge stands before the shop here, so nobody sees its webhooks")
    else:
        with look.step("read the webhooks"):
            now = datetime.now(UTC)
            window = timedelta(seconds=seconds_of(look.options["window"]))
            calls = look.journal(now - window)
        _deliveries(look, population, calls, now)
    if not any(each.result is not Result.NOT_EVALUATED for each in look.findings):
        quiet(look, "no payment and no webhook in the window")


def _money(look: Look) -> tuple[Population, Finding]:
    now = look.now()
    window = timedelta(seconds=seconds_of(look.options["window"]))
    gateways = [look.landscape.connectors[system] for system in look.landscape.read("payments")]
    population = Population(
        since=now - window,
        until=now,
        orders=tuple(look.gatherer.orders(now - window - _BACK, now)),
        payments=tuple(each for gateway in gateways for each in _listed(look, gateway, now - window, now)),
        read_at=now,
    )
    # A payment that is still under way has until the limit of the ERP, by which its order must have been handed on.
    patient = replace(look.judging, freshness={**look.judging.freshness, "payments": look.judging.slack("erp")})
    return population, POPULATION_ORACLES[_KEPT](population, patient)


def _listed(look: Look, gateway: Any, since: datetime, until: datetime) -> Sequence[Payment]:
    """Return a gateway's payments of a span; of one that lists them later, those its webhooks told of."""
    try:
        found: Sequence[Payment] = gateway.payments(since, until)
    except LookupError:
        if not isinstance(gateway, HearsPayments):
            raise
        told = gateway.payments_told(look.journal(datetime.now(UTC) - (until - since)) if look.journal else ())
        return [each for each in told if since <= each.created_at < until]
    return found


def _deliveries(look: Look, population: Population, calls: Sequence[Call], now: datetime) -> None:
    by_system: dict[str, list[Call]] = {}
    for call in calls:
        if call.way == "reverse" and call.method == "POST" and (system := _sender(look, call)) is not None:
            by_system.setdefault(system, []).append(call)
    for system in look.landscape.environment.with_role("payments"):
        own = sorted(by_system.get(system, []), key=lambda call: call.at)
        paid = [each for each in population.payments if each.system == system and each.captured.minor]
        vendor = look.landscape.environment.systems[system]
        if vendor.webhook == "none" or (not own and not paid):
            continue
        if not own and vendor.mode != "simulated":
            look.unjudged(_COMES, f"no webhook of {system} came by the edge: they may go to the shop directly")
            continue
        took = _taken(look, system, own, len(paid))
        look.verdict(took)
        if own:
            _soon(look, system, own, now)


def _sender(look: Look, call: Call) -> str | None:
    """Return the vendor whose webhook a call is: named by the path, ``/webhooks/stripe``."""
    systems = look.landscape.environment.systems
    told = {each.webhook: name for name, each in systems.items() if each.webhook not in (None, "none")}
    path = call.path.removeprefix("/platform")
    last = path.rstrip("/").rpartition("/")[2]
    return told.get(path) or (last if last in systems else None)


def _taken(look: Look, system: str, own: Sequence[Call], paid: int) -> Finding:
    """Judge whether webhooks of one vendor come while it has something to tell, and whether the shop takes them."""
    most = int(look.options["refused"])
    latest = own[-most:]
    if not own:
        expected, seen = f"webhooks of {system}: it captured {paid} payments meanwhile", "none"
        cause = "the vendor has switched the subscription off, or sends elsewhere"
    elif len(latest) == most and all(call.status >= 400 for call in latest):
        words = ", ".join(str(call.status) for call in latest)
        expected, seen = f"the shop takes what {system} tells it", f"the last {most} were answered {words}"
        cause = "the shop refuses every event: its secret, its check of the signature, or its handler"
    else:
        return Finding(oracle=_COMES, result=Result.PASS, order_ref=f"webhooks of {system}")
    return Finding(
        oracle=_COMES,
        result=Result.FAIL,
        order_ref=f"webhooks of {system}",
        systems=("shop", system),
        expected=expected,
        seen=seen,
        cause=cause,
        formula="webhooks come while there are payments, and are not all refused",
        evidence=evidence(latest, tuple({call.system for call in latest})),
    )


def _soon(look: Look, system: str, own: Sequence[Call], now: datetime) -> None:
    took = sorted(call.duration_ms / 1000 for call in own)
    slowest = took[max(math.ceil(0.99 * len(took)) - 1, 0)]
    limit = seconds_of(look.options["ack"])
    look.holds(
        slowest < limit,
        oracle=_SOON,
        about=f"webhooks of {system}",
        systems=("shop", system),
        expected=f"99 of 100 webhooks acknowledged within {limit:g} s",
        seen=f"{slowest:.2f} s, of {len(took)}",
        cause="the work is done before the answer, and the vendor will send it again",
    )
    look.measure("assay_drift_hook_ack_seconds", slowest, system=system)
    look.measure("assay_drift_hook_last_delivery_age_seconds", (now - own[-1].at).total_seconds(), system=system)
