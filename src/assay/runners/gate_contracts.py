"""The gate's part about contracts: the run's own traffic, the stubs, and generated requests at systems that changed.

Traffic and stubs are judged by the vendors' documents and the contracts alike. Generated requests go to simulators
started for them, never to those of the run, whose orders are then judged already; a sandbox is asked by `assay
contracts check` alone. What could not be judged is named: it never counts as passed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from assay.contracts.model import PATH_PARAMETER, Operation
from assay.contracts.results import Contracts, HeldStub, Observed, Tested
from assay.contracts.stubs import find, hold
from assay.contracts.traffic import Documented, Traffic
from assay.contracts.traffic_said import access_log
from assay.events import Listener, Progress
from assay.local.documents import documents_of
from assay.reporting.contracts import headline_of, held_of
from assay.runners.contract_traffic import hooks_of
from assay.runners.gate_changed import Green, Memory, digest_of, is_shipped
from assay.runners.run_log import RunLog
from assay.runners.session import Session
from assay.runners.verdict import Trouble
from assay.suites import suite_roots

EXAMPLES = 3
"""Generated requests an operation in a gate: enough to see a broken answer, few enough to wait for."""
_MOST_REASONS = 5


class Which(StrEnum):
    """Which systems a gate sends generated requests to."""

    CHANGED = "changed"
    ALL = "all"
    NONE = "none"


class GateContracts:
    """Gathers what one gate holds against documents, part by part; what keeps a part from it becomes trouble."""

    def __init__(self, session: Session, log: RunLog, listen: Listener = lambda _: None) -> None:
        self._session, self._plan, self._log, self._listen = session, session.plan, log, listen
        self._since = datetime.now(UTC)
        self._registry = documents_of(session.plan)
        self._documented = Documented(self._registry)
        self._traffic = Traffic(self._documented, webhooks=hooks_of(session.plan))
        self._tested: list[Tested] = []
        self._stubs: tuple[HeldStub, ...] = ()
        self._undecided: dict[str, list[str]] = {}
        self._left_out: dict[str, list[str]] = {}
        self._excused: dict[str, list[str]] = {}
        self._absent: list[str] = []
        self._names: dict[str, dict[tuple[str, str], str]] = {}

    def hear(self) -> None:
        """Take what was said in the scenarios: the journal, and what connectors said to the shop, which passes no edge.

        Where no journal is kept, all that connectors said.
        """
        with self._part("traffic"):
            self._traffic.take(self._session.calls(self._since))
            said = (each for outcome in self._log.verdict.outcomes for each in outcome.exchanges)
            shops = self._plan.environment.with_role("shop")
            self._traffic.take(each for each in said if each.system in shops or not self._session.has_journal)
            source = " and ".join(self._traffic.sources) or "no exchange was kept"
            self._say("traffic", f"{self._traffic.exchanges:,} exchanges of the scenarios, from {source}")

    def hear_load(self, since: datetime) -> None:
        """Take what simulators were asked under load. since: when it began, by the landscape's clock."""
        with self._part("traffic under load"):
            before = self._traffic.exchanges
            logged = access_log(self._plan.home.path / "simulators", self._plan.simulated)
            self._traffic.take(each for each in logged if each.at >= since)
            self._say("traffic", f"{self._traffic.exchanges - before:,} exchanges under load, from the access log")

    def look_at_stubs(self) -> None:
        """Hold the stubs of the project and of the reference suite against the documents."""
        with self._part("stubs"):
            held = hold(find(suite_roots(self._plan.profile.folder), self._plan.environment.systems), self._registry)
            self._stubs = held.stubs
            system = {each.file: each.system for each in held.stubs}
            for name, reasons in held.undecided.items():
                self._undecided.setdefault(system[name], []).extend(f"{Path(name).name}: {each}" for each in reasons)
            for name, reason in held.excused.items():
                self._excused.setdefault(system[name], []).append(f"{Path(name).name}: {reason}")
            self._say("stubs", f"{len(held.stubs):,} held against the documents")

    def ask(self, which: Which, *, examples: int = EXAMPLES, today: date | None = None) -> None:
        """Send generated requests to the simulators that are to be asked; today: by which known failures end."""
        if which is Which.NONE:
            self._absent.append("conformance: left out")
            return
        if find_spec("schemathesis") is None:
            self._absent.append("conformance: schemathesis is not installed (pip install 'assay[contracts]')")
            return
        from assay.runners.conformance import testable

        memory, today = Memory(self._plan), today or datetime.now(UTC).date()
        for system in testable(self._plan):
            mode = self._plan.environment.systems[system].mode
            if mode != "simulated":
                hint = f"; `assay contracts check {system}` asks it" if mode == "sandbox" else ""
                self._leave_out(system, f"no generated requests: it is in mode {mode}{hint}")
                continue
            if which is Which.CHANGED and is_shipped(self._plan, system, self._registry):
                self._leave_out(system, "no generated requests: it is as it came with Assay; --conformance all asks it")
                continue
            with self._part(f"conformance of {system}"):
                self._ask_one(system, memory, which, examples, today)

    def conclude(self) -> list[str]:
        """Tell the run what came of it, and return the parts that are absent here."""
        observed = tuple(self._by_contract(each) for each in self._traffic.observed())
        for system, reason in self._traffic.left_out.items():
            self._undecided.setdefault(system, []).append(f"traffic: {reason}")
        for system, known in self._traffic.excused.items():
            self._excused.setdefault(system, []).extend(
                f"{reason} ({count:,} times)" for reason, count in known.items()
            )
        documented = {
            system: tuple(operation.name for operation in held.document.operations)
            for system in self._registry.systems
            if (held := self._registry.contract(system)) is not None
        }
        contracts = Contracts(
            environment=self._plan.name,
            at=datetime.now(UTC),
            tested=tuple(self._tested),
            observed=observed,
            stubs=tuple(self._stub_by_contract(each) for each in self._stubs),
            undecided=_joined(self._undecided),
            documented=documented,
            left_out=_joined(self._left_out),
            excused=_joined(self._excused),
        )
        self._log.hold(contracts)
        state = "failed" if contracts.violations else "ready"
        self._say("contracts", headline_of(contracts, held_of(contracts)), state)
        return self._absent

    def _ask_one(self, system: str, memory: Memory, which: Which, examples: int, today: date) -> None:
        from assay.runners.conformance import Options, check

        digest = digest_of(self._plan, system, self._registry)
        last = memory.still_green(system, digest, examples=examples, today=today)
        if last is not None and which is Which.CHANGED:
            self._left_out.setdefault(system, []).append(
                f"unchanged since run {last.run_id} found nothing wrong with it"
            )
            return
        self._listen(Progress(part="conformance", state="starting", detail=system))
        options = Options(examples=examples, seed=self._session.seed, stateful=False, today=today)
        checked = check(self._plan, system, options, self._listen)
        self._tested += checked.tested
        broken = sum(not failed.known for each in checked.tested for failed in each.failed)
        requests = sum(each.cases for each in checked.tested)
        detail = f"{system}: {requests:,} requests to {len(checked.tested)} operations, {broken} broken"
        self._say("conformance", detail, "failed" if broken else "ready")
        green = Green(digest=digest, examples=examples, run_id=self._session.run_id, until=checked.first_end)
        memory.found(system, None if broken else green)

    def _by_contract(self, observed: Observed) -> Observed:
        """Return what was seen under the name its operation has in the contract, if that has it under another."""
        if not observed.operation:
            return observed
        name = self._contract_names(observed.system).get((observed.operation, observed.path), observed.operation)
        return replace(observed, operation=name)

    def _stub_by_contract(self, stub: HeldStub) -> HeldStub:
        """Return a stub under the contract's name of its operation, and its file as it lies in its suite."""
        names = {name: ours for (name, _), ours in self._contract_names(stub.system).items()}
        roots = suite_roots(self._plan.profile.folder)
        root = next((f"{each}/" for each in roots if stub.file.startswith(f"{each}/")), "")
        file = stub.file.removeprefix(root)
        return replace(stub, operation=names.get(stub.operation, stub.operation), file=file)

    def _contract_names(self, system: str) -> dict[tuple[str, str], str]:
        """Return the contract's name of each operation of the vendor's documents that it has, by name and path."""
        if system not in self._names:
            contract = self._registry.contract(system)
            ours = {_key(each): each.name for each in (contract.document.operations if contract else ())}
            theirs = [each for held in self._registry.vendor(system) for each in held.document.operations]
            found = {(each.name, each.path): ours[_key(each)] for each in theirs if _key(each) in ours}
            self._names[system] = found
        return self._names[system]

    @contextmanager
    def _part(self, name: str) -> Iterator[None]:
        """Let the other parts go on where this one cannot be judged; the run says why and is not green."""
        try:
            yield
        except Exception as error:  # a document or a simulator of somebody's own, too
            self._log.verdict.trouble.append(Trouble.of(error, f"contracts: {name}"))
            self._say(name, str(error).partition("\n")[0], "failed")

    def _leave_out(self, system: str, reason: str) -> None:
        self._left_out.setdefault(system, []).append(reason)

    def _say(self, part: str, detail: str, state: str = "ready") -> None:
        self._listen(Progress(part=part, state=state, detail=detail))


def _joined(reasons: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {
        system or "(no system)": "; ".join([*said[:_MOST_REASONS], *_more(len(said) - _MOST_REASONS)])
        for system, said in sorted(reasons.items())
        if said
    }


def _more(count: int) -> list[str]:
    return [f"and {count:,} more"] if count > 0 else []


def _key(operation: Operation) -> tuple[str, str, str]:
    """Return what an operation is known by in every document, whatever each calls its parameters and keys."""
    path = re.sub(r"\([^()]*\)", "({})", PATH_PARAMETER.sub("{}", operation.path))
    return operation.method, path, operation.selector
