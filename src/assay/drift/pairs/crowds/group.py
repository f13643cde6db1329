"""Differences of one kind, the crowds found among them, and the sentences that say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from assay.drift.pairs.causes import Hint
from assay.drift.pairs.causes.written import instant
from assay.drift.pairs.crowds.population import Population, column_of, word
from assay.drift.pairs.crowds.search import Bools, Members, Trait, members_of, trait_of
from assay.drift.pairs.model import Cause, Class, Crowd, Difference, Outcome, Pair
from assay.drift.pairs.plan import zone_of

_STORES = ("store", "shop", "market", "website", "tenant", "site")
_SURE_RATE = 0.995
LEAST_SAID = 3
"""Of fewer records nothing is said together that their own lines do not say."""


@dataclass(frozen=True, slots=True)
class Found:
    """A crowd, with the places of its members among the outcome's differences, and the hint they share, if any."""

    crowd: Crowd
    members: tuple[int, ...]
    fields: tuple[str, ...] = ()
    hint: Hint | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What a group is searched on: the outcome, and all records of both sides where they were counted."""

    outcome: Outcome
    left: Population | None
    right: Population | None

    @property
    def pair(self) -> Pair:
        """The pair that was compared."""
        return self.outcome.pair

    def population(self, classed: Class) -> Population | None:
        """Return the records among which a class's differences are looked for."""
        return self.right if classed is Class.EXTRA else self.left

    def scale(self, classed: Class) -> float:
        """Return how many differences of a class each one at hand stands for: more than 1 where some were cut."""
        held = sum(each.classed is classed for each in self.outcome.differences)
        return max(1.0, self.outcome.classes.get(classed, 0) / held) if held else 1.0

    def members(self, classed: Class, places: Sequence[int]) -> Members | None:
        """Return the differences at these places as the population codes them."""
        population = self.population(classed)
        if population is None or not len(population.counts):
            return None
        rows, times = [], []
        for place in places:
            words, at = described(self.pair, self.outcome.differences[place])
            rows.append(words)
            times.append(at)
        return members_of(population, rows, times)

    def trait(self, classed: Class, places: Sequence[int], told: Bools | None = None) -> Trait | None:
        """Return what the differences at these places have in common; told: cells of which all is said already."""
        population, members = self.population(classed), self.members(classed, places)
        if population is None or members is None:
            return None
        if told is None:
            return trait_of(population, members, self.scale(classed))
        found = trait_of(population.without(told), members, self.scale(classed))
        if found is None:
            return None
        return replace(found, share=float(population.counts[found.cells].sum()) / population.rows)


def described(pair: Pair, difference: Difference) -> tuple[Mapping[str, str], int | None]:
    """Return a word for each dimension of a difference, and when it was placed, by the left's row if it has one."""
    if difference.left is not None:
        words = {each: word(difference.left.get(each)) for each in pair.dimensions if each in difference.left}
        return words, placed_of(pair, difference.left, left=True)
    row = difference.right or {}
    columns = {each: column_of(pair, "right", each) for each in pair.dimensions}
    return {each: word(row.get(own)) for each, own in columns.items() if own in row}, placed_of(pair, row, left=False)


def placed_of(pair: Pair, row: Mapping[str, object], *, left: bool) -> int | None:
    """Return when a row was placed, in microseconds; None where that cannot be read."""
    column = pair.left.placed if left else pair.right.placed
    if column is None or row.get(column) is None:
        return None
    zone = zone_of(pair, "left" if left else "right", column)
    return instant(row[column], zone)


def is_store(dimension: str) -> bool:
    """Whether a dimension's name says that its values are stores, markets or channels."""
    return any(each in dimension.lower() for each in _STORES)


def all_of(of: int, among: int) -> str:
    """Say how many: `all 412`, `300 of 412`, `the one`."""
    if of == among:
        return "the only one" if of == 1 else f"all {of:,}"
    return f"{of:,} of {among:,}"


def share(value: float) -> str:
    """Say a share in percent, never rounded to all or none."""
    percent = value * 100
    if percent < 1:
        return "under 1 %"
    return "over 99 %" if 99 < percent < 100 else f"{percent:.0f} %"


def condition(trait: Trait, every: str, some: str) -> str:
    """Say what members have in common, how common that is, and how many it is true of are members.

    every: what is true of all of those, `none of those arrived`; some: of a part of them, `are missing`.
    """
    held = f"{trait.text} ({share(trait.share)} of all)"
    return f"{held}, and {every}" if trait.rate >= _SURE_RATE else f"{held}, and {share(trait.rate)} of those {some}"


def crowd_of(
    sentence: str, cause: Cause, classed: Class, counts: tuple[int, int], trait: Trait | None, field: str | None = None
) -> Crowd:
    """Return a crowd with the figures of its trait; without one it is all that differ in this way."""
    of, among = counts
    crowd = Crowd(
        sentence=sentence,
        cause=cause,
        classed=classed,
        field=field,
        of=of,
        among=among,
        support=of / among if among else 0,
    )
    if trait is None:
        return crowd
    lift = min(trait.lift, 1e9)
    return replace(crowd, dimension=trait.dimension, value=trait.value, lift=lift)


def rest(places: Sequence[int], mask: Bools) -> list[int]:
    """Return the places that a mask leaves out."""
    return [places[index] for index in np.flatnonzero(~mask).tolist()]
