"""Gathering the dossier of one delivered order against its slowest witness, on a local landscape.

Limit: at most 1.3 x. A witness's own time is the time in which at least one call to it was open. Simulators on this
machine answer in milliseconds, so what is measured first is mostly this machine's two cores; the second figure lets
every call take 100 ms longer, as calls to systems far away do. Both are held against the limit, by the median, as a
run gathers: it has listed the shop's orders before, so that the ERP can be asked beside the shop. One order gathered
by itself (`assay explain`) is printed beside them without a limit: the ERP cannot be asked before the shop answered.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from assay.cli.shared import plan_for
from assay.dossier import Gatherer
from assay.http import open_client
from assay.landscape import Landscape, open_landscape
from assay.local.plan import MERCHANT, SIMULATORS
from assay.roles import Http, Reply
from assay.runners.campaign import flows_of
from assay.runners.environment import open_environment
from assay.runners.session import Session, verdict_text

LIMIT = 1.3
FAR_S = 0.1
FLOW, CASE = "F01", "eur"
Interval = tuple[str, float, float]


class Timed:
    """A client that remembers when each call was open, and lets it take longer."""

    def __init__(self, inner: Http, system: str, latency_s: float, seen: list[Interval]) -> None:
        self._inner = inner
        self._system = system
        self._latency_s = latency_s
        self._seen = seen

    def request(self, method: str, path: str, **more: Any) -> Reply:
        """Send one request; see `assay.roles.Http`."""
        began = time.perf_counter()
        time.sleep(self._latency_s)
        try:
            return self._inner.request(method, path, **more)
        finally:
            self._seen.append((self._system, began, time.perf_counter()))


def witnesses(session: Session, latency_s: float, seen: list[Interval]) -> Landscape:
    """Open the session's landscape once more, its clients timed."""
    running = session.plan.home.read()
    ports = {system: port for name in (SIMULATORS, MERCHANT) for system, port in running.processes[name].ports.items()}
    addresses = {system: f"http://127.0.0.1:{port}" for system, port in ports.items()}
    return open_landscape(
        session.plan.name,
        session.plan.environment,
        addresses,
        lambda system, base_url: Timed(open_client(base_url, system=system), system, latency_s, seen),
    )


def busy_s(intervals: Iterable[tuple[float, float]]) -> float:
    """Return for how long at least one of them was open."""
    total, reached = 0.0, 0.0
    for began, ended in sorted(intervals):
        total += max(0.0, ended - max(began, reached))
        reached = max(reached, ended)
    return total


def measure(
    session: Session, ref: str, *, latency_s: float, rounds: int, listed: bool
) -> tuple[float, float, dict[str, float]]:
    """Return median ratio and seconds of gathering, and what each witness took in the last round."""
    seen: list[Interval] = []
    span = session.now() - timedelta(days=30), session.now()
    landscape = witnesses(session, latency_s, seen)
    ratios, walls, own = [], [], dict[str, float]()
    for round_ in range(rounds + 1):
        with Gatherer(landscape, journal=session.store, base_currency="EUR", read_at=session.now()) as gatherer:
            if listed:
                gatherer.orders_of("", *span)
            seen.clear()
            began = time.perf_counter()
            dossier = gatherer.dossier(ref)
            wall = time.perf_counter() - began
        if dossier.unread or not dossier.documents or not dossier.shipments or not dossier.calls:
            raise SystemExit(f"a witness could not be read: {dossier.unread}")
        own = {name: busy_s((b, e) for system, b, e in seen if system == name) for name, _, _ in seen}
        if round_:  # the first opens connections
            ratios.append(wall / max(own.values()))
            walls.append(wall)
    return statistics.median(ratios), statistics.median(walls), own


def main() -> int:
    """Bring a landscape up, let one order be delivered, gather it; 1 when a ratio is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    plan = plan_for("local", None)
    flow = flows_of(plan)[FLOW]
    good = True
    with open_environment(plan, lambda _: None, fresh=True) as session:
        outcome = session.perform(flow, flow.case(CASE))
        session.rest()
        judged = session.judge(outcome)
        if not outcome.order_refs:
            raise SystemExit(verdict_text([judged]))
        for what, latency_s in (("as it is", 0.0), (f"calls {FAR_S * 1000:.0f} ms longer", FAR_S)):
            for how, listed in (("in a run", True), ("one order alone", False)):
                ratio, wall, own = measure(
                    session, outcome.order_refs[0], latency_s=latency_s, rounds=rounds, listed=listed
                )
                parts = ", ".join(
                    f"{name} {each * 1000:.0f}" for name, each in sorted(own.items(), key=lambda e: -e[1])
                )
                print(f"{what}, {how}: {wall * 1000:.0f} ms; witnesses' own time in ms: {parts}")
                limit = f"limit {LIMIT} x   {'within' if ratio <= LIMIT else 'OVER'}" if listed else "no limit"
                print(f"gathering / slowest witness   {ratio:.2f} x   {limit}")
                good = good and (ratio <= LIMIT or not listed)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
