"""Missing because only the first page was read: of the whole list, or of each store's or each day's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from assay.drift.pairs.causes.written import DAY
from assay.drift.pairs.crowds.group import Found, Ground, all_of, crowd_of
from assay.drift.pairs.crowds.population import CALENDAR, Ints, Population
from assay.drift.pairs.crowds.search import UNPLACED, Bools, Members, Trait
from assay.drift.pairs.model import Cause, Class

_WHOLE = 0.98
_PAGES = frozenset((10, 20, 24, 25, 30, 36, 40, 48, 60, 64, 75, 96, 128, 256, 512, 1024, 2048))
_UNSURE, _SMALL_PART = 5, 5
_LEAST_LISTS, _NEAR, _MOST_OF_ALL = 2, 0.95, 0.8
_LEAST_GONE = 10
"""Of a few orders, ten of each currency arrive by chance."""


def first_page(ground: Ground, population: Population, trait: Trait, places: Sequence[int]) -> tuple[str, Cause] | None:
    """Say that the right has as many of the first, or the newest, records as a page holds, and nothing beyond.

    trait: the stretch of time in which records are missing, of those at `places`. None where it is no page.
    """
    if trait.rate < _WHOLE or trait.open_start == trait.open_end or trait.stretch is None:
        return None
    members = ground.members(Class.MISSING, places)
    if members is None or members.times is None or population.starts is None:
        return None
    # The page's end lies within a cell, the last of the stretch or the next to it: who is missing there may be beyond
    # it, or be missing for another reason.
    starts, step, cells = population.starts, population.step, population.starts[trait.cells]
    if trait.open_end:
        near, far = members.times >= starts[starts < cells.min()].max(), members.times >= cells.min() + step
        young = 0
    else:
        near, far = members.times < starts[starts > cells.max()].min() + step, members.times < cells.max()
        young = population.young
    scale = ground.scale(Class.MISSING)
    held, most = (population.rows + young - round(int(each.sum()) * scale) for each in (near, far))
    if _page(held) is None and most - held <= _UNSURE and held * _SMALL_PART < population.rows:
        held = next((each for each in range(held, most + 1) if _page(each) is not None), held)
    size = _page(held)
    if size is None:
        return None
    right = ground.pair.right.system
    which = "first" if trait.open_end else "newest"
    pages = "a page" if held == size else f"{held // size} pages of {size}"
    text = f"{right} has the {which} {held:,} of {population.rows + young:,}, {pages}, and nothing beyond"
    return f"{text} ({Cause.FIRST_PAGE.value})", Cause.FIRST_PAGE


def _page(held: int) -> int | None:
    """Return the size of the page of which so many records are a whole number; None where they look like none."""
    if held in _PAGES or (0 < held <= 500 and held % 50 == 0):
        return held
    for size in (1000, 500, 250):
        if held > 0 and held % size == 0:
            return held if held <= 2 * size else size
    return 100 if 0 < held <= 2000 and held % 100 == 0 else None


def page_of_each(ground: Ground, places: Sequence[int]) -> Found | None:
    """Say that the right has one page of each store's list, or of each value's of another dimension, or of each day's.

    It is told by the counts: of every value with more records than a page holds, a page's number arrived.
    """
    population, members = ground.left, ground.members(Class.MISSING, places)
    if population is None or members is None or ground.scale(Class.MISSING) > 1:
        return None
    for name, codes, own in _lists(population, members):
        size = int(max(codes.max(), own.max())) + 1
        total = np.bincount(codes, population.counts, size).astype(np.int64)
        gone = np.bincount(own[own >= 0], minlength=size)
        held = total - gone
        page = int(held[gone > 0].max(initial=0))
        cut = total > page
        if _page(page) is None or (held[cut] == page).sum() < _LEAST_LISTS or (held[cut] < _NEAR * page).any():
            continue
        inside = (own >= 0) & cut[np.maximum(own, 0)]
        if inside.sum() < max(_LEAST_GONE, _MOST_OF_ALL * members.size):
            continue
        which = _which(population, members, cut[codes], inside)
        found = [places[index] for index in np.flatnonzero(inside).tolist()]
        right = ground.pair.right.system
        sentence = (
            f"{all_of(len(found), len(places))} missing from {right}: {right} has {which} {page:,} of each {name},"
            f" a page, and nothing beyond ({Cause.FIRST_PAGE.value})"
        )
        return Found(crowd_of(sentence, Cause.FIRST_PAGE, Class.MISSING, (len(found), len(places)), None), tuple(found))
    return None


def _lists(population: Population, members: Members) -> Iterator[tuple[str, Ints, Ints]]:
    """Give what may be listed by itself: name, and the place of each cell's and each member's list."""
    for name in population.values:
        if name not in CALENDAR:
            yield name, population.codes[name], members.codes[name]
    if population.starts is not None and members.times is not None and population.step <= DAY:
        first = int(population.starts.min()) // DAY
        placed = members.times != UNPLACED
        days = np.where(placed, np.maximum(members.times, 0) // DAY - first, -1)
        yield "day", population.starts // DAY - first, days


def _which(population: Population, members: Members, cells: Bools, inside: Bools) -> str:
    """Say which end of the lists arrived, by whether the missing ones are later or earlier than all."""
    if population.starts is None or members.times is None:
        return "just"
    placed = members.times[inside & (members.times != UNPLACED)]
    if not len(placed):
        return "just"
    middle = np.average(population.starts[cells], weights=population.counts[cells])
    return "the first" if placed.mean() > middle else "the newest"
