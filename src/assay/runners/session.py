"""What the three runners share: an open environment in which flows are performed and their orders judged.

A verdict is reached in two looks: flows are performed, then the landscape is given twice the longest freshness limit
(late duplicates and reverts show themselves by then), then every order's dossier is gathered and judged.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

from assay.dossier import Gatherer, judging_of
from assay.events import Exchange, Finding, Outcome, Result
from assay.flow import Case, Flow, look_again, perform
from assay.http import Capture, Client, open_client
from assay.landscape import Landscape, open_landscape
from assay.local.clock import LandscapeClock
from assay.local.plan import EDGE, MERCHANT, SIMULATORS, Plan
from assay.local.state import Running
from assay.local.store_place import is_disposable, ledger_place
from assay.local.traffic import let_journal_arrive
from assay.local.up import settlers
from assay.oracles import ATTEMPT_ORACLES, ORACLES, POPULATION_ORACLES
from assay.records import Attempt, BalanceEntry, Call, Dossier, StockCount
from assay.roles import Http
from assay.runners.allowance import await_change, left_s, pause, spare_s
from assay.runners.beside import Beside
from assay.runners.evidence import Kept, evidence_of
from assay.runners.execution import Attributed, Ears, Execution, current, telling
from assay.runners.heard import UNHEARD, Heard, Unheard
from assay.runners.leased_goods import LeasedGoods
from assay.runners.naming import timed_id
from assay.runners.operator import LandscapeOperator, Turns
from assay.runners.replay import ORACLE as REPLAY
from assay.runners.replay import chosen_of, replayed, with_replay
from assay.runners.safety import Guard
from assay.runners.shared_time import SharedTime, Stopped
from assay.store import Store, open_store
from assay.suites import enter, suite_roots
from assay.undo import Ledger, Reckoning

_BUSY_FOR, _GRACE = timedelta(hours=1), timedelta(seconds=30)
_MARGIN = timedelta(seconds=2)


def new_run_id() -> str:
    """Return an id for a run that nobody else has, and that sorts by time."""
    return timed_id(datetime.now(UTC))


def _trace_id(run_id: str, number: int) -> str:
    return hashlib.sha256(f"{run_id}/{number}".encode()).hexdigest()[:32]


class Session:
    """One environment, open: performs cases, lets the landscape come to rest, judges orders.

    runner, run_id and seed go into every outcome. oracles: the ids to judge by, all of them where none is named.
    store: where leases and the undo ledger are; the environment's own by default. leasing: whether each case has its
    goods for itself until it is judged (a load test shares them on purpose). exchanges_one_in: exchanges are kept of
    every execution with a failed step, and of the first of each so many others. lender: another session, whose stores
    are used and which outlives this one. Safe for threads.
    """

    def __init__(
        self,
        plan: Plan,
        running: Running,
        *,
        transport: Literal["httpcore", "geventhttpclient"] = "httpcore",
        runner: str = "",
        run_id: str = "",
        seed: int | None = None,
        oracles: Sequence[str] = (),
        store: Store | None = None,
        leasing: bool = True,
        exchanges_one_in: int = 1,
        lender: Session | None = None,
    ) -> None:
        self.plan = plan
        self.runner = runner
        self.run_id = run_id or new_run_id()
        self.seed = plan.environment.seed if seed is None else seed
        self.oracles = tuple(oracles)
        self._running = running
        self._clock = LandscapeClock(plan.home.clock)
        self._simulated = plan.moves_time
        self._transport = transport
        self._clients: list[Client] = []
        self._given_store = store
        self._lender = lender
        self._goods = LeasedGoods(self) if leasing else None
        self._exchanges_one_in = exchanges_one_in
        self._numbers = itertools.count(1)
        self._kept: dict[str, Kept] = {}
        self._beside = Beside(plan, self._is_chosen)
        self.traffic = self._beside.traffic
        self._began = (datetime.now(UTC) - _MARGIN, self.now() - _MARGIN)
        self.judging = judging_of(plan.profile.policies)
        self.time = SharedTime(self._move, self.now, await_change)
        self.turns = Turns()
        # Under load nobody moves the clock: it would age what all other users have in their hands.
        heard = Heard(self.calls)
        self.operator = LandscapeOperator(plan, self.pass_time, heard.calls) if plan.moves_time and leasing else None
        self.guard: Guard = Guard(plan) if lender is None else lender.guard
        self.ears: Ears = [] if lender is None else lender.ears
        enter(suite_roots(plan.profile.folder))  # where a connector of the user's own is found
        self.landscape: Landscape = open_landscape(
            plan.name, plan.environment, self._addresses(), self._open_http, plan.way_to
        )

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the witnesses' connections, and the store if it is our own."""
        for client in self._clients:
            client.close()
        for connector in self.landscape.connectors.values():
            # A connector that keeps something open of its own, a browser, says how it is closed.
            getattr(connector, "close", lambda: None)()
        self._free(list(self._kept))  # what was performed and, because the run was cut off, never judged
        opened = [self.__dict__.get(name) for name in ("store", "shared_store")] if self._lender is None else []
        for store in {id(each): each for each in opened if each and each is not self._given_store}.values():
            store.close()

    def sibling(self) -> Session:
        """Return another session on the same environment and stores, which shares nothing else: no clock, no client."""
        return Session(
            self.plan,
            self._running,
            transport=self._transport,
            runner=self.runner,
            seed=self.seed,
            oracles=self.oracles,
            store=self._given_store,
            leasing=self._goods is not None,
            exchanges_one_in=self._exchanges_one_in,
            lender=self,
        )

    def begin(self) -> str:
        """Begin another run on the same connections and return its id: what came before is forgotten."""
        self._free(list(self._kept))
        self._kept.clear()
        self._beside.forget()
        self._began = (datetime.now(UTC) - _MARGIN, self.now() - _MARGIN)
        self.run_id = new_run_id()
        return self.run_id

    @cached_property
    def store(self) -> Store:
        """Where the journal of this environment is kept, and where all is ours its leases and undo ledger, too."""
        if self._lender is not None:
            return self._lender.store
        return self._given_store or open_store(self.plan.home.store)

    @cached_property
    def shared_store(self) -> Store:
        """Where leases and the undo ledger are kept: for real systems with every machine that uses the same."""
        if self._lender is not None:
            return self._lender.shared_store
        place = ledger_place(self.plan)
        return self.store if self._given_store or place == self.plan.home.store else open_store(place)

    def now(self) -> datetime:
        """The landscape's instant in UTC: simulated where it is simulated."""
        return self._clock.read().now if self._simulated else datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Let real time pass; `Stopped` when the run is interrupted, `OutOfTime` when its time is over meanwhile."""
        if self.time.stopped.is_set():
            raise Stopped
        pause(seconds)

    def stop(self) -> None:
        """Let every case that acts give up, because the run was interrupted."""
        self.time.stop()

    def limit_s(self, role: str) -> float:
        """How long systems of this role may take, in seconds of the landscape's clock."""
        limit: float = getattr(self.plan.profile.policies.freshness, role)
        return limit

    def perform(self, flow: Flow, case: Case) -> Outcome:
        """Run one case, its goods leased for it alone; its orders are not judged yet.

        `SafetyError` where it may not run here (production): nothing was sent.
        """
        with self.guard.permit(flow, case) as permit:
            number = next(self._numbers)
            execution = Execution(f"{self.run_id}-{number:04d}", _trace_id(self.run_id, number))
            leased = self._leased(case, execution.id)
            token = current.set(execution)
            try:
                before = self._counted(leased)
                with self.turns.taken(alone=case.alone), self.time.acting():
                    outcome = perform(
                        _in_time(flow),
                        replace(case, leased=leased),
                        self.landscape.roles(),
                        self,
                        self.plan.name,
                        id=execution.id,
                        undo=self._ledger(execution.id),
                        operator=self.operator,
                        watch=execution.watched.append,
                        cut=self.plan.environment.production,
                    )
            except BaseException:
                self._free([execution.id])  # there will be no outcome to judge
                raise
            finally:
                current.reset(token)
        # In production the customer is a known one, who may have bought before.
        known = self.plan.environment.production
        customer = None if known else case.personal(execution.id).purchase.email
        self._kept[execution.id] = Kept(case, execution.watched, before, customer)
        permit.settle(outcome)
        told = replace(
            outcome,
            run_id=self.run_id,
            runner=self.runner,
            seed=self.seed,
            trace_id=execution.trace_id,
            exchanges=self._kept_exchanges(outcome, execution.captures, number),
        )
        self._beside.note(customer, told.exchanges if self._goods else ())
        return told

    def _kept_exchanges(self, outcome: Outcome, captures: Sequence[Capture], number: int) -> tuple[Exchange, ...]:
        """Return an execution's exchanges, masked, where they are kept (see `exchanges_one_in`)."""
        if number % self._exchanges_one_in != 1 % self._exchanges_one_in and not outcome.failed:
            return ()
        return tuple(capture.masked() for capture in captures)

    @property
    def rest_s(self) -> float:
        """How long orders are given to show late changes, in seconds of the landscape's clock."""
        return 2 * self.limit_s("erp")

    def rest(self) -> None:
        """Let that time pass: at once where the landscape's clock is simulated."""
        self.pass_time(timedelta(seconds=self.rest_s))

    def settle(self) -> None:
        """Let whatever is due now be done: a shop that has just started has yet to fetch its first rates."""
        if self._simulated:
            self.time.pass_time(timedelta(0))

    def pass_time(self, span: timedelta) -> None:
        """Let that much of the landscape's time pass: at once where it is simulated, else by waiting.

        Cases that act at the same time all wait until each of them wants time to pass.
        """
        self.time.pass_time(span)

    def judge(self, outcome: Outcome) -> Outcome:
        """Judge one outcome, what it left beside its orders included; see `judge_all` and `beside`."""
        judged = self.judge_all([outcome])[0]
        return replace(judged, findings=(*judged.findings, *_violations(self.beside())))

    def beside(self) -> list[Finding]:
        """Judge what belongs to no order since this was last asked: strange hosts, card data in logs, contracts."""
        span = (self._began[1], self.now())
        return self._beside.judged(self.store if self.has_journal else None, self.judging, span)

    def judge_all(self, outcomes: Sequence[Outcome], *, undo: bool = True) -> list[Outcome]:
        """Look once more at what the flows saw, gather each order's dossier, and add what the oracles say.

        Afterwards their goods are free again, and what they created is taken back where that is more than a simulation;
        without `undo` that is left to the caller (`take_back`).
        """
        heard = let_journal_arrive(self.plan, self._running, self.wait)
        since = min((each.started_at for each in outcomes if each.started_at), default=self._began[1]) - _MARGIN
        span = (since, self.now())
        try:
            with self.gatherer(heard=heard) as gatherer:
                judged = [self._judged(outcome, gatherer, span) for outcome in outcomes]
            judged = self._replayed(judged)
            return [self._settled(outcome) for outcome in judged] if undo else judged
        finally:
            self._free([outcome.id for outcome in outcomes])

    def judge_all_orders(self, outcomes: Sequence[Outcome]) -> Outcome | None:
        """Judge what only shows over all orders of this session together; None where no oracle asks for it."""
        names = [name for name in sorted(POPULATION_ORACLES) if name != "O-Z1" and self._is_chosen(name)]
        dossiers = [dossier for outcome in outcomes for dossier in outcome.dossiers]
        at, began = self.now(), time.perf_counter()
        findings = self.beside()
        if not dossiers and not _violations(findings):
            return None
        entries: tuple[BalanceEntry, ...] = ()
        if names and dossiers:
            counts = [count for dossier in dossiers for count in dossier.stock]
            with self.gatherer() as gatherer:
                population = gatherer.population(self._began[1], at, dossiers, counts)
            entries = population.entries
            findings = [POPULATION_ORACLES[name](population, self.judging) for name in names] + findings
        if not findings:
            return None
        return Outcome(
            flow="all orders",
            case=f"{len(dossiers)} of this run",
            environment=self.plan.name,
            title="All orders of the run, taken together",
            id=f"{self.run_id}-all",
            run_id=self.run_id,
            runner=self.runner,
            seed=self.seed,
            started_at=at,
            seconds=time.perf_counter() - began,
            findings=tuple(findings),
            entries=entries,
        )

    def dossier(self, order_ref: str) -> Dossier:
        """Gather what every witness holds of one order."""
        heard = let_journal_arrive(self.plan, self._running)
        with self.gatherer(since=None, heard=heard) as gatherer:
            return gatherer.dossier(order_ref)

    def findings(self, dossier: Dossier) -> list[Finding]:
        """Return what every chosen oracle says of one dossier."""
        return [ORACLES[name](dossier, self.judging) for name in sorted(ORACLES) if self._is_chosen(name)]

    def _found_of_attempt(self, attempt: Attempt | None) -> list[Finding]:
        """Return what is known of a purchase that came to no order; what no oracle can say, the failed step says."""
        if attempt is None:
            return []
        chosen = [ATTEMPT_ORACLES[name] for name in sorted(ATTEMPT_ORACLES) if self._is_chosen(name)]
        found = [oracle(attempt, self.judging) for oracle in chosen]
        return [each for each in found if not each.reason or UNHEARD in each.reason]

    def _is_chosen(self, oracle: str) -> bool:
        return not self.oracles or oracle in self.oracles

    def _judged(self, outcome: Outcome, gatherer: Gatherer, span: tuple[datetime, datetime]) -> Outcome:
        kept = self._kept.pop(outcome.id, None)
        gone = look_again(kept.watched if kept else (), self)
        shop = next(iter(self.plan.environment.with_role("shop")), None)
        evidence = evidence_of(outcome, kept, gatherer, span=span, shop=shop)
        findings = [finding for dossier in evidence.dossiers for finding in self.findings(dossier)]
        return replace(
            outcome,
            steps=(*outcome.steps, *gone),
            order_refs=tuple(dict.fromkeys([*outcome.order_refs, *evidence.order_refs])),
            findings=(*findings, *self._found_of_attempt(evidence.attempt)),
            dossiers=evidence.dossiers,
        )

    def _replayed(self, outcomes: list[Outcome]) -> list[Outcome]:
        """Let every event come once more and see that a few orders stay as they are."""
        refs = chosen_of(outcomes) if self._is_chosen(REPLAY) else []
        # Under load there is no operator; real vendors are nobody's to press buttons of.
        if not refs or self.operator is None or not is_disposable(self.plan):
            return outcomes

        def gather(wanted: Sequence[str]) -> list[Dossier]:
            with self.gatherer() as gatherer:
                return [gatherer.dossier(ref) for ref in wanted]

        ports = self._running.processes[SIMULATORS].ports.values()
        dossiers = replayed(refs, clock=self._clock, ports=ports, settle=self.settle, gather=gather)
        return [with_replay(outcome, dossiers, self.judging) for outcome in outcomes]

    def gatherer(self, *, heard: bool = True, **more: Any) -> Gatherer:
        """Open a gatherer over this environment's witnesses; more as of `Gatherer`. heard: the journal is whole."""
        options: dict[str, Any] = {"since": self._began[0], **more}
        return Gatherer(
            self.landscape,
            journal=(self.store if self.has_journal else None) if heard else Unheard(),
            base_currency=self.plan.profile.policies.base_currency,
            read_at=self.now(),
            **options,
        )

    def calls(self, since: datetime | None = None, but: Collection[str] = ()) -> Sequence[Call]:
        """Return what crossed the edge since a real instant, the run's beginning where none is named; oldest first.

        but: the ids of calls that are known already and left out.
        """
        if not self.has_journal:
            return ()
        let_journal_arrive(self.plan, self._running, self.wait)
        return self.store.calls(self.plan.name, since=since or self._began[0], but=but)

    @property
    def has_journal(self) -> bool:
        """Whether an edge of ours stands between the platform and its vendors, and keeps what crosses it."""
        return self._running.alive(EDGE) and self.plan.environment.edge.journal

    def _counted(self, leased: Sequence[str]) -> list[StockCount]:
        """Count the goods a case has for itself, before it buys them."""
        skus = [name.removeprefix("sku:") for name in leased if name.startswith("sku:")]
        if not skus:
            return []
        with self.gatherer() as gatherer:
            return gatherer.stock(skus, self.now())

    def _settled(self, outcome: Outcome) -> Outcome:
        """Take back what was created; a failure of that is the outcome's, nobody else's."""
        return outcome if outcome.undo != "open" else replace(outcome, undo=self.take_back(outcome.id).state)

    def take_back(self, scope: str | None = None) -> Reckoning:
        """Take back what this run created, or one execution of it; in systems of ours it stays, and is noted so."""
        ledger = self._ledger(scope or "")
        if is_disposable(self.plan):
            ledger.keep_all(self.run_id, scope=scope)
            return Reckoning()
        return ledger.undo_all(self.run_id, self.landscape, scope=scope)

    def _ledger(self, scope: str) -> Ledger:
        return Ledger(
            store=self.shared_store,
            environment=self.plan.name,
            now=self.now,
            run_id=self.run_id,
            scope=scope,
            wait=self.wait,
            creating=self.guard.creating,
            busy_for=self._busy_for,
        )

    @property
    def _busy_for(self) -> timedelta:
        """Return for how long what is created now belongs to this run alone, and no sweep touches it."""
        left = None if self._simulated else spare_s()
        if left is None:
            return _BUSY_FOR
        return timedelta(seconds=left + self.plan.profile.monitoring.undo_budget) + _GRACE

    def _leased(self, case: Case, holder: str) -> tuple[str, ...]:
        held = [name for kept in list(self._kept.values()) for name in kept.case.lease_names]
        return self._goods.lease(case, holder, held) if self._goods else ()

    def _free(self, holders: Sequence[str]) -> None:
        if self._goods:
            self._goods.free(holders)

    def _move(self, span: timedelta) -> None:
        if self._simulated:
            self._clock.advance(span, settlers(self._running))
        else:
            self.wait(span.total_seconds())

    def _addresses(self) -> dict[str, str]:
        parts = [self._running.processes[name] for name in (SIMULATORS, MERCHANT) if name in self._running.processes]
        ports = {system: port for part in parts for system, port in part.ports.items()}
        if self.plan.shop and MERCHANT in ports:
            ports.setdefault(self.plan.shop, ports[MERCHANT])  # a project may call the reference merchant otherwise
        return {system: f"http://127.0.0.1:{port}" for system, port in ports.items()}

    def _open_http(self, system: str, base_url: str) -> Http:
        way = self.plan.way_to(base_url)
        more: dict[str, Any] = {"proxy": way.proxy, "ca_file": way.ca_file, "recorder": telling(self.ears)}
        client = open_client(base_url, system=system, transport=self._transport, **more)
        self._clients.append(client)
        return Attributed(client, system, self.guard, self.ears)


def _in_time(flow: Flow) -> Flow:
    """Return the flow with no later deadline than that of what runs it."""
    left = left_s()
    return flow if left is None else replace(flow, deadline_s=min(flow.deadline_s, left))


def _violations(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.result is Result.FAIL]


def verdict_text(outcomes: Sequence[Outcome]) -> str:
    """Return the findings as text: every violation in a sentence, then the counts."""
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    lines = [finding.sentence() for finding in findings if finding.result is Result.FAIL]
    lines += [
        f"{'In consequence ' if _violations(outcome.findings) else ''}{outcome.flow}[{outcome.case}] step "
        f"'{step.name}' failed: {step.error}"
        for outcome in outcomes
        for step in outcome.steps
        if step.error
    ]
    counts = {result: sum(finding.result is result for finding in findings) for result in Result}
    lines += sorted({f"{each.oracle} not evaluated: {each.reason}" for each in findings if each.reason})
    lines.append(
        f"{len(outcomes)} runs, {counts[Result.PASS]} passed, {counts[Result.FAIL]} failed, "
        f"{counts[Result.NOT_EVALUATED]} not evaluated"
    )
    return "\n".join(lines)
