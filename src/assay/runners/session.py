"""What the three runners share: an open environment in which flows are performed and their orders judged.

A verdict is reached in two looks: flows are performed, then the landscape is given twice the longest freshness limit
(late duplicates and reverts show themselves by then), then every order's dossier is gathered and judged.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from assay.dossier import gather
from assay.events import Finding, Outcome, Result
from assay.flow import Case, Flow, perform
from assay.http import Client, open_client
from assay.landscape import Landscape, open_landscape
from assay.local.clock import LandscapeClock
from assay.local.plan import MERCHANT, SIMULATORS, Plan
from assay.local.state import Running
from assay.local.up import settlers
from assay.oracles import ORACLES
from assay.oracles import books as _books
from assay.oracles import money as _money
from assay.oracles import orders as _orders
from assay.roles import Http

FAMILIES = (_books, _money, _orders)
"""The modules whose oracles are registered by importing them."""


class Session:
    """One environment, open: performs cases, lets the landscape come to rest, judges orders."""

    def __init__(
        self, plan: Plan, running: Running, *, transport: Literal["httpx", "geventhttpclient"] = "httpx"
    ) -> None:
        self.plan = plan
        self._running = running
        self._clock = LandscapeClock(plan.home.clock)
        self._simulated = bool(plan.simulated)
        self._transport = transport
        self._clients: list[Client] = []
        self.landscape: Landscape = open_landscape(plan.name, plan.environment, self._addresses(), self._open_http)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the witnesses' connections."""
        for client in self._clients:
            client.close()

    def now(self) -> datetime:
        """The landscape's instant in UTC: simulated where it is simulated."""
        return self._clock.read().now if self._simulated else datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Let real time pass."""
        time.sleep(seconds)

    def limit_s(self, role: str) -> float:
        """How long systems of this role may take, in seconds of the landscape's clock."""
        limit: float = getattr(self.plan.profile.policies.freshness, role)
        return limit

    def perform(self, flow: Flow, case: Case) -> Outcome:
        """Run one case; its orders are not judged yet."""
        return perform(flow, case, self.landscape.roles(), self, self.plan.name)

    def rest(self) -> None:
        """Give the landscape twice the ERP's limit: by its own clock where that is simulated."""
        self.pass_time(timedelta(seconds=2 * self.limit_s("erp")))

    def pass_time(self, span: timedelta) -> None:
        """Let that much of the landscape's time pass: at once where it is simulated, else by waiting."""
        if self._simulated:
            self._clock.advance(span, settlers(self._running))
        else:
            self.wait(span.total_seconds())

    def judge(self, outcome: Outcome, oracles: Sequence[str] = ()) -> Outcome:
        """Gather the dossier of each order the outcome caused, and add what the oracles say."""
        chosen = [ORACLES[name] for name in (oracles or sorted(ORACLES))]
        findings: list[Finding] = []
        for order_ref in outcome.order_refs:
            evidence = gather(self.landscape, order_ref)
            findings += [oracle(evidence) for oracle in chosen]
        return replace(outcome, findings=tuple(findings))

    def _addresses(self) -> dict[str, str]:
        parts = [self._running.processes[name] for name in (SIMULATORS, MERCHANT) if name in self._running.processes]
        ports = {system: port for part in parts for system, port in part.ports.items()}
        return {system: f"http://127.0.0.1:{port}" for system, port in ports.items()}

    def _open_http(self, system: str, base_url: str) -> Http:
        client = open_client(base_url, system=system, transport=self._transport)
        self._clients.append(client)
        return client


def verdict_text(outcomes: Sequence[Outcome]) -> str:
    """Return the findings as text: every violation in a sentence, then the counts."""
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    lines = [
        f"{outcome.flow}[{outcome.case}] step '{step.name}' failed: {step.error}"
        for outcome in outcomes
        for step in outcome.steps
        if step.error
    ]
    lines += [finding.sentence() for finding in findings if finding.result is Result.FAIL]
    counts = {result: sum(finding.result is result for finding in findings) for result in Result}
    lines += sorted({f"{each.oracle} not evaluated: {each.reason}" for each in findings if each.reason})
    lines.append(
        f"{len(outcomes)} runs, {counts[Result.PASS]} passed, {counts[Result.FAIL]} failed, "
        f"{counts[Result.NOT_EVALUATED]} not evaluated"
    )
    return "\n".join(lines)
