"""Traffic of an environment held against its documents: where its exchanges are, and those of a run as it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime, timedelta

from assay.contracts import traffic_findings
from assay.contracts.registry import CONTRACT, Registry
from assay.contracts.traffic import Documented, Traffic
from assay.contracts.traffic_findings import ORACLE
from assay.contracts.traffic_said import access_log
from assay.errors import UsageError, did_you_mean
from assay.events import Exchange, Finding
from assay.local.documents import documents_of
from assay.local.plan import Plan
from assay.local.store_place import store_of
from assay.local.traffic import let_journal_arrive
from assay.records import Call
from assay.store import Store, StoredRun, open_store

LATEST = "latest"
_MARGIN = timedelta(seconds=2)
_MOST_RUNS = 50

__all__ = ["LATEST", "ORACLE", "RunTraffic", "hooks_of", "of_contracts", "traffic_of"]


def traffic_of(
    plan: Plan, systems: Sequence[str] = (), *, since: datetime | None = None, run: str | None = None
) -> Traffic:
    """Hold what an environment's journal, access logs and runs keep against its documents; of these systems alone.

    Taken are: the edge's journal, and what the connectors said to the shop, which never passes the edge; where there is
    no journal, the access logs of simulators, and where there are none either, all that connectors said and kept.
    run: that run's alone, by its id or `latest`. `UsageError` for a system or run nobody knows.
    """
    chosen = frozenset(_known(plan, systems))
    traffic = Traffic(documents_of(plan), webhooks=hooks_of(plan))
    with closing(open_store(store_of(plan))) as store:
        runs = _runs(plan, store, since, run)
        if run is not None:
            since = runs[0].started.started_at - _MARGIN
        until = runs[0].finished.finished_at if run is not None and runs[0].finished else None
        journalled = _take_journal(plan, traffic, chosen, (since, until))
        logged = 0 if journalled else _take_logs(plan, traffic, chosen)
        shops = frozenset(plan.environment.with_role("shop"))
        for each in runs:
            said = (exchange for outcome in store.outcomes(each.started.run_id) for exchange in outcome.exchanges)
            wanted = shops if journalled or logged else frozenset(plan.environment.systems)
            traffic.take(each for each in said if each.system in wanted and (not chosen or each.system in chosen))
    return traffic


def of_contracts(plan: Plan, calls: Iterable[Call]) -> Traffic:
    """Hold calls against the contracts the profile names, and nothing else: what `assay edges` shows."""
    registry = documents_of(plan)
    named = [name for name, system in plan.environment.systems.items() if system.contract]
    held = {name: registry.documents(name, CONTRACT) for name in named}
    for documents in held.values():
        for each in documents:
            if not each.document.operations:
                fault = each.document.faults[0].problem if each.document.faults else "it has no operations"
                raise UsageError("the contract cannot be read", where=str(each.path), seen=fault)
    for absent in registry.absent():
        if absent.system in named and absent.name == plan.environment.systems[absent.system].contract:
            raise UsageError("the contract is not there", where=absent.system, seen=absent.problem, hint=absent.hint)
    traffic = Traffic(Registry(held), webhooks=hooks_of(plan))
    traffic.take(call for call in calls if call.system in held)
    return traffic


def hooks_of(plan: Plan) -> dict[str, str]:
    """Return the system by the platform's path that takes its webhooks."""
    paths = {name: plan.hook_path(name) for name, each in plan.environment.systems.items() if each.role != "shop"}
    return {path: name for name, path in paths.items() if path is not None}


class RunTraffic:
    """A run's exchanges, held against the contracts while it goes on, and what of that is to be told next.

    By the contracts alone where there are any: they are read in no time, and `assay contracts traffic` holds the same
    journal against the vendors' whole documents.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._shops = frozenset(plan.environment.with_role("shop"))
        self._noted: list[Exchange] = []
        self._traffic: Traffic | None = None

    @property
    def traffic(self) -> Traffic:
        """Everything so far."""
        if self._traffic is None:
            documented = Documented(documents_of(self._plan), quick=True)
            self._traffic = Traffic(documented, webhooks=hooks_of(self._plan))
        return self._traffic

    def note(self, exchanges: Iterable[Exchange]) -> None:
        """Keep what the connectors said until it is judged."""
        self._noted += exchanges

    def findings(self, calls: Sequence[Call], *, journalled: bool) -> list[Finding]:
        """Judge what was said since this was last asked.

        journalled: whether an edge keeps a journal; if so, of the connectors' exchanges those with the shop are
        judged, else all.
        """
        noted, self._noted = self._noted, []
        said = [each for each in noted if each.system in self._shops or not journalled]
        if not calls and not said:
            return []
        traffic = self.traffic
        before = traffic.judged
        traffic.take(calls)
        traffic.take(said)
        found = traffic_findings.findings(traffic.news())
        if found:
            return found
        judged = traffic.judged - before
        return [
            traffic_findings.passed(judged) if judged else traffic_findings.unjudged("contract: " + _nothing(traffic))
        ]


def _nothing(traffic: Traffic) -> str:
    return "; ".join(f"{system}: {reason}" for system, reason in traffic.left_out.items()) or "no exchange was kept"


def _take_journal(
    plan: Plan, traffic: Traffic, chosen: frozenset[str], span: tuple[datetime | None, datetime | None]
) -> bool:
    if not plan.has_edge or not plan.environment.edge.journal:
        return False
    let_journal_arrive(plan, plan.home.read())
    if not plan.home.store.exists():
        return False
    hooks = hooks_of(plan)
    found = False
    with closing(open_store(plan.home.store)) as store:
        for lot in store.lots(plan.name, since=span[0], until=span[1]):
            found = True
            traffic.take(
                call
                for call in lot
                if not chosen or (hooks.get(call.path) if call.way == "reverse" else call.system) in chosen
            )
    return found


def _take_logs(plan: Plan, traffic: Traffic, chosen: frozenset[str]) -> int:
    before = traffic.exchanges
    traffic.take(
        access_log(plan.home.path / "simulators", [each for each in plan.simulated if not chosen or each in chosen])
    )
    return traffic.exchanges - before


def _runs(plan: Plan, store: Store, since: datetime | None, run: str | None) -> list[StoredRun]:
    known = store.runs(plan.name, limit=_MOST_RUNS)
    if run is None:
        return [each for each in known if since is None or each.started.started_at >= since]
    found = known[:1] if run == LATEST else [each for each in known if each.started.run_id == run]
    if not found:
        raise UsageError(
            f"no run '{run}' is kept of environment '{plan.name}'",
            hint=did_you_mean(run, [LATEST, *(each.started.run_id for each in known)]) if known else "assay run",
        )
    return found


def _known(plan: Plan, systems: Sequence[str]) -> Sequence[str]:
    for name in systems:
        if name not in plan.environment.systems:
            raise UsageError(
                f"environment '{plan.name}' has no system '{name}'", hint=did_you_mean(name, plan.environment.systems)
            )
    return systems
