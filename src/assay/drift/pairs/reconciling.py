"""One pair compared from its sources to what is left to mend: differences with causes, the accepted ones taken off.

What the command, a monitor and a test call; the parts are `engine`, `crowds`, `accepted` and `policies`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from assay.drift.pairs.accepted import Accepted, Open, without_accepted
from assay.drift.pairs.ahead import ahead
from assay.drift.pairs.belonging import belonging
from assay.drift.pairs.causes import Known, cause_of
from assay.drift.pairs.crowds import explained, population_of
from assay.drift.pairs.crowds.population import Population
from assay.drift.pairs.earlier import with_earlier
from assay.drift.pairs.engine import LIMIT, MEMORY_MB, compare
from assay.drift.pairs.incremental import Pass, compare_incrementally
from assay.drift.pairs.lookup import any_key, rows_of_key
from assay.drift.pairs.model import Difference, Field, Kind, Outcome, Pair, SideName
from assay.drift.pairs.pending import Confirmed, FirstSeen, confirm
from assay.drift.pairs.policies import Proposal, propose
from assay.drift.pairs.remembered import Memory
from assay.drift.pairs.rows import OnlyKeys, Rows
from assay.drift.pairs.sampled import orders_of
from assay.drift.pairs.sources.narrowing import narrowed
from assay.errors import UsageError
from assay.money import Money, sums_by_currency

if TYPE_CHECKING:
    from assay.drift.pairs.elsewhere.comparing import Elsewhere

NOTHING = Known()
Ways = Callable[[Pair, Sequence[Difference]], Sequence[Difference]]
"""Returns differences, some with the way their records went; `hops.Hops` is one."""


@dataclass(frozen=True, slots=True)
class Again:
    """How a pair is compared by what changed: where the last verdict is kept, and whether all rows are read for it."""

    memory: Memory
    sweep: bool = False


@dataclass(frozen=True, slots=True)
class Second:
    """How differences are read again: what opens both sides anew, and where is kept when they were first found."""

    reread: Callable[[], tuple[Rows, Rows]]
    seen: FirstSeen


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What comparing a pair came to. proposals: how its money fields could be declared, where nobody did.

    done: what an incremental pass did; confirmed: what a second read made of the differences; None without one. news:
    of a side's schema, as sentences, which may be why (`assay.drift.schema_news`). ahead: of records of the future.
    """

    outcome: Outcome
    open: Open
    proposals: Sequence[Proposal] = ()
    done: Pass | None = None
    confirmed: Confirmed | None = None
    news: Sequence[str] = ()
    ahead: Sequence[str] = ()

    @property
    def at_risk(self) -> Mapping[str, Money]:
        """What the open differences that are held are worth, by currency."""
        return sums_by_currency(each.at_risk for each in self.open.left)


def reconcile(
    pair: Pair,
    left: Rows,
    right: Rows,
    *,
    at: datetime,
    accepted: Sequence[Accepted] = (),
    known: Known = NOTHING,
    limit: int | None = LIMIT,
    memory_mb: int | None = None,
    again: Again | None = None,
    second: Second | None = None,
    hops: Ways | None = None,
    on: Elsewhere | None = None,
) -> Reconciled:
    """Compare a pair as of an instant, name causes, take off what is accepted that day, propose missing policies.

    known: rates and the like, by which more causes are told. limit: the most differences held; all are counted. again:
    compare by what changed since the last time. second: read what differs once more before it is told. hops: asks
    where a few of the open ones went wrong. on: the engine that compares, neither again nor a second time. `UsageError`
    for a column or file that is not there.
    """
    if on is None:
        left, right = narrowed(pair, left, right, at)
    left, right = belonging(pair, left, right, at)
    if on is not None:
        with on.comparing(pair, left, right, at=at, limit=limit, memory_mb=memory_mb or MEMORY_MB) as there:
            outcome = _explained(there.outcome, known, there.population)
            return _concluded(outcome, there.drawn, accepted, at, hops)
    outcome, done = _compared(pair, left, right, at, limit, memory_mb or MEMORY_MB, again)
    confirmed = None
    if second is not None:
        seen, reread = second.seen.load(pair.name), second.reread
        reads = lambda: belonging(pair, *narrowed(pair, *reread(), at), at)  # noqa: E731
        confirmed = confirm(outcome, left, right, reread=reads, seen=seen)
        second.seen.save(pair.name, confirmed.seen)
        outcome = confirmed.outcome
    reach: dict[str, Any] = {"since": outcome.since, "until": outcome.until}
    known = with_earlier(known, pair, left, outcome.differences)
    outcome = _explained(
        outcome, known, lambda side: population_of(pair, left if side == "left" else right, side=side, **reach)
    )
    found = _concluded(outcome, lambda: (left, right), accepted, at, hops)
    return replace(found, done=done, confirmed=confirmed, ahead=ahead(pair, left, right, at))


def _explained(outcome: Outcome, known: Known, population: Callable[[SideName], Population]) -> Outcome:
    if not (outcome.found and outcome.differences):
        return outcome
    return explained(outcome, known=known, population=population("left"), right_population=population("right"))


def _concluded(
    outcome: Outcome,
    drawn: Callable[[], tuple[Rows, Rows]],
    accepted: Sequence[Accepted],
    at: datetime,
    hops: Ways | None,
) -> Reconciled:
    """Propose missing policies, take off what is accepted, and ask where a few of the rest went wrong."""
    pair, unrounded = outcome.pair, _unrounded(outcome)
    sides = drawn() if unrounded else None
    proposals = [propose_for(pair, field, *sides) for field in unrounded] if sides else []
    left_open = without_accepted(outcome, accepted, at.date())
    if hops is not None and left_open.left:
        left_open = replace(left_open, left=hops(pair, left_open.left))
    return Reconciled(
        outcome=outcome,
        open=left_open,
        proposals=[each for each in proposals if each is not None and each.apart],
    )


def _compared(
    pair: Pair, left: Rows, right: Rows, at: datetime, limit: int | None, memory_mb: int, again: Again | None
) -> tuple[Outcome, Pass | None]:
    """Compare whole, or by what changed, and remember what the next time needs."""
    if again is None:
        return compare(pair, left, right, at=at, limit=limit, memory_mb=memory_mb), None
    found = compare_incrementally(
        pair,
        left,
        right,
        at=at,
        before=again.memory.load(pair.name),
        sweep=again.sweep,
        limit=limit,
        memory_mb=memory_mb,
    )
    if found.remembered is not None:
        again.memory.save(pair.name, found.remembered)
    return found.outcome, found.done


def propose_for(pair: Pair, field: Field, left: Rows, right: Rows) -> Proposal | None:
    """Return how a money field could be declared, from a few orders of both sides; None where too few can be read."""
    orders = orders_of(pair, field, left, right)
    return propose(field, orders, prices_hold_tax=pair.prices.tax_included if pair.prices else None)


def _unrounded(outcome: Outcome) -> list[Field]:
    """Return the money fields that differ and of which a side does not say how it rounds."""
    return [
        field
        for field in outcome.pair.fields
        if field.kind is Kind.MONEY
        and outcome.fields.get(field.name)
        and any(each is None or each.rounding is None for each in (field.left_amounts, field.right_amounts))
    ]


@dataclass(frozen=True, slots=True)
class KeyExplained:
    """All that is known of one key. difference: None where nothing is wrong with it, or where it is in flight.

    in_flight: the sides differ, and the record is younger than the pair's grace; difference then says how they do.
    """

    key: tuple[str, ...]
    left: Sequence[Mapping[str, Any]]
    right: Sequence[Mapping[str, Any]]
    difference: Difference | None
    in_flight: bool
    unread: Sequence[str] = ()


def explain_key(
    pair: Pair,
    key: Sequence[str],
    left: Rows,
    right: Rows,
    *,
    at: datetime,
    known: Known = NOTHING,
    hops: Ways | None = None,
) -> KeyExplained:
    """Return what both sides hold of one key, and what is wrong with it, whatever the window. Nothing is left out.

    `UsageError` for another number of columns than the key has.
    """
    if len(key) != len(pair.left.key):
        raise UsageError(
            f"a key of '{pair.name}' has {len(pair.left.key)} of these, in this order: {', '.join(pair.left.key)}",
            seen=" ".join(key) or "nothing",
        )
    left, right = belonging(pair, left, right, at)
    own = tuple(key)
    rows = [
        rows_of_key(OnlyKeys(side, declared.key, (own,))) for side, declared in ((left, pair.left), (right, pair.right))
    ]
    # A side without a row is an outage to the comparison; a neighbour shows that it is this key alone.
    keys = tuple(dict.fromkeys([own, *(any_key(right, pair.right) if rows[0] else any_key(left, pair.left))]))
    sides = OnlyKeys(left, pair.left.key, keys), OnlyKeys(right, pair.right.key, keys)
    whole = replace(pair, window=None)
    found = compare(whole, *sides, at=at, limit=None)
    difference = _of_key(found, own)
    in_flight = difference is None and bool(pair.grace)
    if in_flight:
        difference = _of_key(compare(replace(whole, grace=timedelta()), *sides, at=at, limit=None), own)
        in_flight = difference is not None
    if difference is not None:
        difference = cause_of(pair, difference, with_earlier(known, pair, left, [difference]))
        if hops is not None:
            (difference,) = hops(pair, [difference])
    return KeyExplained(own, rows[0], rows[1], difference, in_flight, found.unread)


def _of_key(outcome: Outcome, key: tuple[str, ...]) -> Difference | None:
    return next((each for each in outcome.differences if each.key == key), None)
