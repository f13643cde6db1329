"""What the members of a group have in common and the rest of the population has not: a value, a stretch of time, both.

Every candidate splits the population in two. Its gain is how much better the share of members is told by knowing the
half (log-likelihood, in nats); it must pay for the number of candidates tried, or among so many something would
always be found.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.drift.pairs.causes.written import DAY, HOUR, SECOND, moment
from assay.drift.pairs.crowds.population import CALENDAR, Ints, Population, calendar

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

_LEAST_LIFT, _LEAST_SUPPORT, _LEAST_ODDS = 3.0, 0.3, 20.0
_SURE = 5.0
"""Nats beyond the price of the search: one finding in 150 searches of nothing."""
_WHOLE = 0.98
_NARROWER, _HALF, _NEARLY_ALL = 0.75, 0.5, 0.8
UNPLACED = np.iinfo(np.int64).min
"""The instant of a member whose time cannot be read."""
_CALENDAR = 0.97
_SHARES = (0.98, 0.6, 0.25)
_NICE = (DAY, HOUR, HOUR // 2, HOUR // 4, HOUR // 12, HOUR // 60, SECOND)


@dataclass(frozen=True, slots=True)
class Members:
    """The group's records: of each dimension the place of each one's word, -1 for none; and their instants."""

    codes: Mapping[str, Ints]
    times: Ints | None
    size: int

    def only(self, mask: Bools) -> Members:
        """Return those of the mask."""
        codes = {name: own[mask] for name, own in self.codes.items()}
        return Members(codes, None if self.times is None else self.times[mask], int(mask.sum()))


@dataclass(frozen=True, slots=True)
class Trait:
    """What members have in common. text: `have store = B2B`, `were placed on a Monday`.

    has, cells: which members and cells it is true of.
    support: the share of members; rate: the share of the records it is true of that are members; lift: that over the
    rate of the others; share: of all records, those it is true of. stretch: from and to, in microseconds, of time.
    """

    dimension: str
    value: str
    text: str
    has: Bools
    cells: Bools
    gain: float
    support: float
    rate: float
    lift: float
    share: float
    stretch: tuple[int, int] | None = None
    open_start: bool = False
    open_end: bool = False
    complement: bool = False


def members_of(population: Population, rows: Sequence[Mapping[str, Any]], times: Sequence[int | None]) -> Members:
    """Return a group's rows (a word for each dimension) as the population codes them."""
    codes: dict[str, Ints] = {}
    for name, words in population.values.items():
        places = {each: place for place, each in enumerate(words)}
        codes[name] = np.fromiter((places.get(row.get(name, ""), -1) for row in rows), np.int64, len(rows))
    if population.starts is None:
        return Members(codes, None, len(rows))
    placed = np.fromiter((UNPLACED if each is None else each for each in times), np.int64, len(rows))
    for name, _, own in calendar(placed, population.step):
        codes[name] = np.where(placed == UNPLACED, -1, own)
    return Members(codes, placed, len(rows))


def trait_of(population: Population, members: Members, scale: float = 1.0) -> Trait | None:
    """Return what the group has in common, of at most two conditions; None where nothing tells it from the rest.

    scale: how many records each member stands for, where only a sample of the group is at hand.
    """
    every = np.ones(len(population.counts), dtype=bool)
    first = _best(population, members, every, np.ones(members.size, dtype=bool), scale)
    if first is None or first.rate >= _WHOLE:
        return first
    second = _best(population, members, first.cells, first.has, scale)
    if second is None or second.has.sum() < _NARROWER * first.has.sum() or second.dimension == first.dimension:
        return first
    return _both(population, members, first, second, scale)


def _best(population: Population, members: Members, cells: Bools, among: Bools, scale: float) -> Trait | None:
    """Return the best single trait within some cells and members."""
    found = [*_values(population, members, cells, among, scale), *_stretches(population, members, cells, among, scale)]
    price = _SURE + math.log(1 + sum(len(words) for words in population.values.values()))
    paid = [each for each in found if each.gain > price]
    # What the pair declares, and a stretch, are surer words than the calendar's where they tell as much.
    best = max(paid, key=lambda each: each.gain * (_CALENDAR if each.dimension in CALENDAR else 1), default=None)
    return None if best is None else _or(best, [each for each in paid if each.dimension not in CALENDAR])


def _or(best: Trait, others: Sequence[Trait]) -> Trait:
    """Name every dimension that is true of the very same records: nothing here tells which of them is the reason."""
    same = [each for each in others if each is not best and bool((each.cells == best.cells).all())]
    if not same:
        return best
    names = " or ".join((best.dimension, *(each.dimension for each in same)))
    values = " or ".join((best.value, *(each.value for each in same)))
    return _named(best, names, values, " or, the same records, ".join((best.text, *(each.text for each in same))))


def _said(name: str, value: str, *, complement: bool) -> str:
    if name == "weekday":
        return f"were placed on {'another day than ' * complement}a {value}"
    if name == "hour of day":
        return f"were placed {'other than ' * complement}{value}"
    return f"have {name} {'other than' if complement else '='} {value}"


def _values(population: Population, members: Members, cells: Bools, among: Bools, scale: float) -> Iterator[Trait]:
    """Give the best value of each dimension, or the best value that members do *not* have."""
    for name, words in population.values.items():
        own, theirs = population.codes[name], members.codes[name]
        total: Floats = np.bincount(own[cells], population.counts[cells], len(words)).astype(np.float64)
        known = theirs[among & (theirs >= 0)]
        inside: Floats = (np.bincount(known, minlength=len(words)) * scale).astype(np.float64)
        # A record may differ and be gone from the population since: it counts in both.
        total = np.maximum(total, inside)
        present = total > 0
        if present.sum() < 2:
            continue
        rows, hits = total.sum(), inside.sum()
        gains = np.where(present, gain_of(inside, total, hits, rows), 0.0)
        above = inside * (rows - total) > (hits - inside) * total
        place = int(np.argmax(gains))
        is_more = bool(above[place])
        chosen = own == place if is_more else own != place
        has = theirs == place if is_more else (theirs != place) & (theirs >= 0)
        value, complement = words[place], not is_more
        if complement and present.sum() == 2:
            value, complement = words[int(np.flatnonzero(present & (np.arange(len(words)) != place))[0])], False
        text = _said(name, value, complement=complement)
        trait = _trait(population, members, (chosen & cells, has & among, cells, among), float(gains[place]), scale)
        if trait is not None and not (complement and (trait.rate < _HALF or name in CALENDAR)):
            yield _named(trait, name, value, text, complement=complement)


def _stretches(population: Population, members: Members, cells: Bools, among: Bools, scale: float) -> Iterator[Trait]:
    """Give the stretch of time in which members are densest."""
    if population.starts is None or members.times is None:
        return
    step = population.step
    buckets, where = np.unique(population.starts[cells], return_inverse=True)
    if len(buckets) < 3:
        return
    total: Floats = np.bincount(where, population.counts[cells], len(buckets)).astype(np.float64)
    when = members.times[among & (members.times != UNPLACED)] // step * step
    at = np.clip(np.searchsorted(buckets, when), 0, len(buckets) - 1)
    inside: Floats = (np.bincount(at, minlength=len(buckets)) * scale).astype(np.float64)
    total = np.maximum(total, inside)
    rows, hits = float(total.sum()), float(inside.sum())
    best: tuple[float, int, int] | None = None
    for share in _SHARES:
        base = hits / rows
        if share <= 2 * base and share != _SHARES[0]:
            continue
        place = densest(inside, total, max(base, 1e-9), share)
        if place is None:
            continue
        first, last = place
        within, whole = inside[first : last + 1].sum(), total[first : last + 1].sum()
        gain = float(gain_of(np.array([within]), np.array([whole]), hits, rows)[0])
        if best is None or gain > best[0]:
            best = (gain, first, last)
    if best is None:
        return
    gain, first, last = best
    begins, ends = int(buckets[first]), int(buckets[last]) + step
    chosen = (population.starts >= begins) & (population.starts < ends) & cells
    has = (members.times >= begins) & (members.times < ends) & among
    trait = _trait(population, members, (chosen, has, cells, among), gain - math.log(len(buckets)), scale)
    if trait is None:
        return
    open_start, open_end = first == 0, last == len(buckets) - 1
    stretch = _nice(members.times[has], buckets[(inside < total)], step)
    text = _between(stretch, open_start, open_end)
    yield _named(trait, "time", text, f"were placed {text}", stretch=stretch, open_start=open_start, open_end=open_end)


def gain_of(inside: Floats, total: Floats, hits: float, rows: float) -> Floats:
    """Return, for each split of `rows` with `hits` members, how much it tells, in nats."""
    both = _likelihood(np.asarray(inside, float), np.asarray(total, float))
    other = _likelihood(np.asarray(hits - inside, float), np.asarray(rows - total, float))
    whole = _likelihood(np.array([float(hits)]), np.array([float(rows)]))
    result: Floats = both + other - whole[0]
    return result


def _likelihood(hits: Floats, rows: Floats) -> Floats:
    misses = np.maximum(rows - hits, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.where(hits > 0, hits * np.log(hits / rows), 0.0)
        second = np.where(misses > 0, misses * np.log(misses / rows), 0.0)
    result: Floats = first + second
    return result


def densest(inside: Floats, total: Floats, base: float, share: float) -> tuple[int, int] | None:
    """Return first and last bucket of the stretch that looks most like `share` of members rather than `base`."""
    share, base = min(share, 0.999), min(base, 0.999)
    if share <= base:
        base = share / 2
    scores = inside * math.log(share / base) + (total - inside) * math.log((1 - share) / (1 - base))
    sums = np.concatenate(([0.0], np.cumsum(scores)))
    lowest = np.minimum.accumulate(sums)
    rises = sums - lowest
    last = int(np.argmax(rises))
    if rises[last] <= 0:
        return None
    first = int(np.flatnonzero(sums[: last + 1] == lowest[last])[-1])
    return first, last - 1


def _trait(
    population: Population, members: Members, split: tuple[Bools, Bools, Bools, Bools], gain: float, scale: float
) -> Trait | None:
    """Return a trait without a name; None where it is true of too few members or of nearly as many others."""
    chosen, has, cells, among = split
    rows, of = float(population.counts[cells].sum()), float(population.counts[chosen].sum())
    hits, size = float(has.sum()) * scale, float(among.sum()) * scale
    if not hits or not of or rows <= of:
        return None
    rate, other = min(1.0, hits / of), max(0.0, size - hits) / (rows - of)
    lift = rate / other if other else math.inf
    support = hits / size
    # Where most records are members, none can be three times as likely as the rest: there it tells that none is left.
    is_all = rate >= _WHOLE and (1 - rate) * _LEAST_ODDS * other <= (1 - other) * rate
    if (lift < _LEAST_LIFT and not is_all) or support < _LEAST_SUPPORT:
        return None
    # That a few in a thousand of nearly all records differ, and none of the others, is no reason.
    if of > _NEARLY_ALL * rows and rate < _HALF:
        return None
    return Trait("", "", "", has, chosen, gain, support, rate, lift, of / rows)


def _named(trait: Trait, dimension: str, value: str, text: str, **more: Any) -> Trait:
    held = (trait.has, trait.cells, trait.gain, trait.support, trait.rate, trait.lift, trait.share)
    return Trait(dimension, value, text, *held, **more)


def _both(population: Population, members: Members, first: Trait, second: Trait, scale: float) -> Trait:
    every, all_of = np.ones(len(population.counts), dtype=bool), np.ones(members.size, dtype=bool)
    joined = _trait(population, members, (second.cells, second.has, every, all_of), first.gain + second.gain, scale)
    if joined is None:
        return first
    names = f"{first.dimension} and {second.dimension}", f"{first.value} and {second.value}"
    return _named(joined, *names, f"{first.text} and {second.text}", stretch=second.stretch or first.stretch)


def _nice(times: Ints, others: Ints, step: int) -> tuple[int, int]:
    """Return the stretch from the first to the last member, out to the roundest clock times nobody else lies within."""
    first, last = int(times.min()), int(times.max())

    def is_free(low: int, high: int) -> bool:
        return not bool(((others + step > low) & (others < high) & ((others < first - step) | (others > last))).any())

    begins = next((first // each * each for each in _NICE if is_free(first // each * each, first)), first)
    ends = next((-(-(last + 1) // each) * each for each in _NICE if is_free(last, -(-(last + 1) // each) * each)), last)
    return begins, ends


def _between(stretch: tuple[int, int], open_start: bool, open_end: bool) -> str:
    begins, ends = (moment(each) for each in stretch)
    seconds = "%H:%M:%S" if begins.second or ends.second else "%H:%M"
    if open_end and not open_start:
        return f"since {begins:%Y-%m-%d} {begins:{seconds}} UTC"
    if open_start and not open_end:
        return f"before {ends:%Y-%m-%d} {ends:{seconds}} UTC"
    if stretch[1] - stretch[0] == DAY and stretch[0] % DAY == 0:
        return f"on {begins:%Y-%m-%d} UTC"
    later = f"{ends:{seconds}}" if begins.date() == ends.date() else f"{ends:%Y-%m-%d} {ends:{seconds}}"
    return f"from {begins:%Y-%m-%d} {begins:{seconds}} to {later} UTC"
