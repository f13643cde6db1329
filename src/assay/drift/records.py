"""The check `records`: a declared pair of systems compared whole, and what differs told by its cause and its worth.

A difference is told when its grace and the pair's measured lag are over and a second read of its key finds it again.
What cannot be read is trouble and no drift: a system that is away has not lost all orders.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from assay.drift.checks import check
from assay.drift.extra import need_drift_extra
from assay.drift.look import Look, OutOfTime, Project
from assay.drift.options import judged
from assay.drift.verdicts import quiet
from assay.drift.watching.names import pairs_named
from assay.errors import AssayError, InfrastructureError, UsageError, did_you_mean
from assay.monitor import SEVERITIES, Severity
from assay.span import seconds_of

if TYPE_CHECKING:  # they need packages of an extra, which a check that is only listed does not
    import duckdb

    from assay.contracts.watch_judging import Change
    from assay.drift.extracting import Systems
    from assay.drift.pairs.accepted import Accepted
    from assay.drift.pairs.hops import Hops
    from assay.drift.pairs.model import Outcome, Pair
    from assay.drift.pairs.reconciling import Again, Reconciled, Second
    from assay.drift.pairs.rows import Rows
    from assay.drift.pairs.sources.options import ListingOptions

ORACLE = "records"
_RATES_BACK = timedelta(days=20)
_LEAST_MEMORY_MB = 100
_HOPS, _HOPS_S = 2, 10.0
"""Of how many records is asked where they went wrong, and for how long."""
_spans = judged(spans=("settle",), counts=("memory", "limit", "told"))
Rates = Mapping[tuple[str, str], Mapping[Any, Decimal]]


def _judge(options: Mapping[str, Any]) -> None:
    from assay.drift.watching.limits import limit_of

    _spans(options)
    memory = options.get("memory", _LEAST_MEMORY_MB)
    if memory < _LEAST_MEMORY_MB:
        raise UsageError(
            "so little memory compares nothing",
            where="memory",
            expected=f"{_LEAST_MEMORY_MB} megabytes or more",
            seen=str(memory),
        )
    for option in ("ticket", "page"):
        limit_of(options.get(option, {}), option)


@check(
    "records",
    needs=("shop",),
    oracles=(ORACLE,),
    judge=_judge,
    pair="",
    pairs=[],
    ticket={"records": 1},
    page={"at_risk": 5000, "records": 100},
    settle="10s",
    incremental=False,
    told=5,
    limit=5_000,
    memory=500,
    rates="",
)
def records(look: Look) -> None:
    """Compare the records of two systems, and tell what differs: a crowd by its common cause, few others one by one.

    pair, pairs: one of monitors/drift/*.toml, or several, each told by itself. ticket, page: from so many records, so
    much money at risk (of the base currency) or such an age on it is one; below both it informs. settle: what differs
    is read again after it. incremental: compare what changed since the last verdict, and all rows once a day. told: so
    many records are told one by one. limit: so many differences are held, all are counted. memory: megabytes, before
    it spills to disk. rates: a CSV of published rates, those of the landscape's publisher where it is left out.
    """
    need_drift_extra()
    if look.project is None:
        look.unjudged(ORACLE, "no project is at hand here: the process of assay monitor has one")
        return
    with look.step("read the pairs"):
        chosen, accepted = _pairs(look, look.project)
    rates = _rates(look, look.project)
    failed: list[AssayError] = []
    for pair in chosen:
        try:
            _watched(_Watch(look, look.project, pair, accepted, rates))
        except AssayError as error:
            failed.append(error)  # the others can be compared all the same
    if failed:
        for more in failed[1:]:
            failed[0].hint = f"{failed[0].hint}; {more}" if failed[0].hint else str(more)
        raise failed[0]


def _watched(watch: _Watch) -> None:
    """Compare one pair and tell what differs."""
    from assay.drift.pairs.trend import Trend
    from assay.drift.schema_news import with_news

    look = watch.look
    with _in_time(look):
        found = with_news(_without_unread(watch.compared()), _heard(look, watch.pair))
    if look.learns:
        with suppress(InfrastructureError):  # a folder that cannot be written is said where the verdict is kept
            Trend(watch.project.compared).add(found, found.outcome.at)
    _tell(look, watch, found)


def _heard(look: Look, pair: Pair) -> Sequence[Change]:
    """Return what has changed in the answers of a pair's systems, where live answers are heard here."""
    from assay.drift.contract_drift import judgement_of

    if look.watch is None:
        return ()
    rows = [row for system in sorted({pair.left.system, pair.right.system}) for row in look.watch.rows(system)]
    return look.watch.changes(judgement_of({}, datetime.now(UTC)), rows)


@dataclass(frozen=True, slots=True)
class _Watch:
    """One pair as it is watched in one run."""

    look: Look
    project: Project
    pair: Pair
    accepted: Sequence[Accepted]
    rates: Rates

    def compared(self) -> Reconciled:
        """Compare the pair, in two phases."""
        from assay.drift.pairs.causes import Known
        from assay.drift.pairs.reconciling import reconcile
        from assay.http import budgeted

        look, options = self.look, self.look.options
        with look.step(f"compare {self.pair.name}"), budgeted(_budgets(self.pair)):
            left, right = self.sides(anew=False)
            return reconcile(
                self.pair,
                left,
                right,
                at=look.now(),
                accepted=self.accepted,
                known=Known(rates=self.rates),
                limit=int(options["limit"]),
                memory_mb=int(options["memory"]),
                again=self._again(),
                second=self._second(),
                hops=self._hops(),
            )

    def sides(self, *, anew: bool) -> tuple[Rows, Rows]:
        """Return both sides' rows; each asks for the time that is left before it is read."""
        from assay.drift.pairs.opening import sides_of

        left, right = sides_of(self.pair, folder=self.project.folder, systems=self._systems, anew=anew)
        return _Timed(left, self.look), _Timed(right, self.look)

    def _systems(self) -> Systems:
        from assay.drift.extracting.lending import lend

        return lend(
            self._connector,
            home=self.project.home,
            project=self.project.folder,
            now=self.look.now,
            patience_s=max(0.0, self.look.deadline - time.monotonic()),
        )

    def _connector(self, system: str, options: ListingOptions) -> Any:
        landscape = self.look.landscape
        if system not in landscape.environment.systems:
            raise UsageError(
                f"environment '{landscape.name}' has no system '{system}'",
                where=self.pair.declared_in,
                expected=", ".join(landscape.environment.systems),
                hint=did_you_mean(system, landscape.environment.systems),
            )
        if system not in landscape.connectors:
            raise UsageError(
                f"'{system}' cannot be asked what it holds in environment '{landscape.name}'",
                seen=f"mode {landscape.environment.systems[system].mode}",
                hint="stubs hold nothing; another system needs connectors/ID.py in your project",
            )
        return landscape.connectors[system]

    def _again(self) -> Again | None:
        from assay.drift.pairs.reconciling import Again
        from assay.drift.pairs.remembered import Memory
        from assay.drift.watching.kept import MemoryAsItIs

        if not self.look.options["incremental"]:
            return None
        kind = Memory if self.look.learns else MemoryAsItIs
        return Again(kind(self.project.compared))

    def _second(self) -> Second:
        from assay.drift.pairs.pending import FirstSeen
        from assay.drift.pairs.reconciling import Second
        from assay.drift.watching.kept import FirstSeenAsItIs

        kind = FirstSeen if self.look.learns else FirstSeenAsItIs
        return Second(self._reread, kind(self.project.compared))

    def _hops(self) -> Hops:
        """Return what asks, of a few records, where on their way they first went wrong."""
        from assay.drift.pairs.hops import Hops, dossiers_of

        return Hops(dossiers_of(self.look.gatherer, self.look.now), most=_HOPS, seconds=_HOPS_S)

    def _reread(self) -> tuple[Rows, Rows]:
        self.look.in_time()
        self.look.pause(seconds_of(self.look.options["settle"]))
        return self.sides(anew=True)


class _Timed:
    """Rows that are not begun to be read when the monitor's time is over."""

    def __init__(self, rows: Rows, look: Look) -> None:
        self._rows, self._look = rows, look

    @property
    def unread(self) -> Sequence[str]:
        return self._rows.unread

    def earlier(self) -> Sequence[tuple[datetime, Rows]]:
        from assay.drift.pairs.earlier import earlier_of

        return earlier_of(self._rows)

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        self._look.in_time()
        return self._rows.attach(connection, name)


def _rates(look: Look, project: Project) -> Rates:
    """Return published rates by pair and day: of a file, else of the landscape's publisher; none where none is."""
    from assay.drift.pairs.rate_file import read_rates

    if look.options["rates"]:
        return read_rates(project.folder / str(look.options["rates"]))
    if not look.landscape.read("rates"):
        return {}
    try:
        published = look.landscape.by_role("rates").history((look.now() - _RATES_BACK).date())
    except (AssayError, LookupError):
        return {}  # it says less of what is at risk, and nothing wrong
    found: dict[tuple[str, str], dict[Any, Decimal]] = {}
    for each in published:
        found.setdefault((each.base, each.quote), {})[each.as_of] = each.value
    return found


def _pairs(look: Look, project: Project) -> tuple[Sequence[Pair], Sequence[Accepted]]:
    from assay.drift.pairs.declared import pairs_of

    declared = pairs_of(project.roots, project.profile)
    names = pairs_named(look.options)
    if not names:
        raise UsageError("no pair is named", where="options.pair", expected=", ".join(declared.pairs), seen="nothing")
    return declared.chosen(names), declared.accepted


def _budgets(pair: Pair) -> Mapping[str, Any]:
    """Return how fast each system may be asked, where a side of the pair is a listing of it."""
    from assay.drift.pairs.sources.options import KeyColumn, ListingOptions, options_of
    from assay.http import RateBudget

    said: dict[str, ListingOptions] = {}
    for side in (pair.left, pair.right):
        options = options_of(side.source)
        if isinstance(options, ListingOptions):
            if isinstance(options.articles, KeyColumn):
                said.setdefault(options.articles.system, options.articles.options)
            said[side.system] = options
    return {name: RateBudget(per_second=each.per_second, max_wait_s=each.wait) for name, each in said.items()}


@contextmanager
def _in_time(look: Look) -> Iterator[None]:
    """End queries that run when the monitor's time is over, and keep all of it within its memory."""
    from assay.drift.pairs.connecting import TimeOver, limited

    try:
        with limited(until=look.deadline, memory_mb=int(look.options["memory"])):
            yield
    except TimeOver:
        raise OutOfTime("the pair could not be compared before the monitor's time was over (its timeout)") from None


def _without_unread(found: Reconciled) -> Reconciled:
    """Take off differences beyond those that are held, where all that are held were gone when they were read again.

    Nobody read those others a second time, and what is true of thousands is likely true of them: the next run says.
    """
    nobody = found.confirmed is not None and not found.open.left and not found.open.accepted
    if not nobody or not found.open.found:
        return found
    return replace(found, open=replace(found.open, found=0), outcome=replace(found.outcome, classes={}, fields={}))


def _tell(look: Look, watch: _Watch, found: Reconciled) -> None:
    """Say what was found, how severe it is, and the figures."""
    from assay.drift.watching.figures import Figures, Worth
    from assay.drift.watching.kept import keep, kept_of
    from assay.drift.watching.limits import limit_of, severity_of
    from assay.drift.watching.telling import findings_of

    pair, outcome, folder = watch.pair, found.outcome, watch.project.compared
    if outcome.unread:
        _unread(look, pair, outcome)
        return
    worth = Worth(base=look.judging.base_currency, rates=watch.rates, day=outcome.at.date())
    figures = Figures.of(found, worth)
    severity: Severity | None = None
    if figures.found:
        limits = (limit_of(look.options[name], name) for name in ("ticket", "page"))
        severity, _ = severity_of(*limits, records=figures.found, at_risk=figures.in_base, age=figures.age)
        look.severity = min(look.severity or severity, severity, key=SEVERITIES.index)
        for finding in findings_of(found, most=int(look.options["told"]), in_base=worth.of):
            look.verdict(replace(finding, cause="; ".join(filter(None, (finding.cause, *found.news[:1])))))
    else:
        look.holds(True, oracle=ORACLE, about=f"{pair.name}: {outcome.counts.matched:,} records of both sides")
    kept = figures.watched(kept_of(folder, pair.name))
    look.measures += figures.measures(severity, kept)
    if look.learns:
        keep(folder, pair.name, kept)


def _unread(look: Look, pair: Pair, outcome: Outcome) -> None:
    """Say that nothing was there on either side; else raise what could not be read."""
    counts = outcome.counts
    if not counts.left and not counts.right and len(outcome.unread) == 1:
        quiet(look, f"{pair.name}: neither {pair.left.system} nor {pair.right.system} holds a record")
        return
    raise InfrastructureError(
        f"'{pair.name}' could not be compared whole, and of what differs nothing is told",
        where=f"{pair.left.system} and {pair.right.system}",
        seen="; ".join(outcome.unread),
    )
