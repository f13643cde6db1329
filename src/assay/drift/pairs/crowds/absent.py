"""Crowds among records that one side lacks, has twice or got late: another key, the first page, a shifted window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from assay.drift.pairs.causes.words import as_cp1252, as_latin_1, folded
from assay.drift.pairs.causes.written import DAY, HOUR, SECOND, span
from assay.drift.pairs.crowds.group import (
    LEAST_SAID,
    Found,
    Ground,
    all_of,
    condition,
    crowd_of,
    is_store,
    placed_of,
    rest,
)
from assay.drift.pairs.crowds.page import first_page, page_of_each
from assay.drift.pairs.crowds.population import Population
from assay.drift.pairs.crowds.search import Trait
from assay.drift.pairs.model import Cause, Class

Key = tuple[str, ...]
_KEYED_SHARE, _LEAST_KEYED = 0.3, 3
_MOST_ROUNDS = 5
_WHOLE_RECORDS = frozenset((Class.MISSING, Class.EXTRA, Class.DUPLICATE, Class.LATE))
_WHOLE = 0.98
_LONGEST_SHIFT = 3 * DAY
_BEYOND = 0.8
_FIRST_CHARACTERS = 4


def found_in_absent(ground: Ground) -> list[Found]:
    """Return the crowds of the classes that are about whole records."""
    places: dict[Class, list[int]] = defaultdict(list)
    for place, difference in enumerate(ground.outcome.differences):
        if not difference.fields or difference.classed in _WHOLE_RECORDS:
            places[difference.classed].append(place)
    among = {classed: len(own) for classed, own in places.items()}
    found = list(_rekeyed(ground, places))
    found.extend(_shifted_both(ground, places))
    for classed, own in places.items():
        if own:
            found.extend(_of_class(ground, classed, own, among[classed]))
    return found


def _of_class(ground: Ground, classed: Class, places: Sequence[int], among: int) -> Iterator[Found]:
    left, told = list(places), None
    paged = page_of_each(ground, places) if classed is Class.MISSING else None
    if paged is not None:
        yield paged
        inside = set(paged.members)
        left = [place for place in left if place not in inside]
    for _ in range(_MOST_ROUNDS):
        trait = ground.trait(classed, left, told) if left else None
        if trait is None:
            break
        members = [place for place, has in zip(left, trait.has, strict=True) if has]
        sentence, cause = _said(ground, classed, trait, left, (len(members), among))
        yield Found(crowd_of(sentence, cause, classed, (len(members), among), trait), tuple(members))
        left = rest(left, trait.has)
        if trait.rate >= _WHOLE:
            told = trait.cells if told is None else told | trait.cells
    if len(left) >= LEAST_SAID:
        what = f"{all_of(len(left), among)} {_noun(ground, classed)}"
        sentence = f"{what} have nothing in common that was looked for" + (
            _delay(ground, left) if classed is Class.LATE else ""
        )
        yield Found(crowd_of(sentence, Cause.UNKNOWN, classed, (len(left), among), None), tuple(left))


def _noun(ground: Ground, classed: Class) -> str:
    right = ground.pair.right.system
    return {
        Class.MISSING: f"missing from {right}",
        Class.EXTRA: f"only in {right}",
        Class.DUPLICATE: "held more than once",
        Class.LATE: f"late in {right}",
        Class.UNREADABLE: "that cannot be compared",
    }.get(classed, f"{classed.value}")


def _said(
    ground: Ground, classed: Class, trait: Trait, places: Sequence[int], counts: tuple[int, int]
) -> tuple[str, Cause]:
    """Return the sentence and the cause of a class's crowd."""
    start = f"{all_of(*counts)} {_noun(ground, classed)}"
    population = ground.population(classed)
    if classed is Class.MISSING and trait.dimension == "time" and population is not None:
        special = first_page(ground, population, trait, places) or _shifted(ground, population, trait)
        if special is not None:
            return f"{start}: {special[0]}", special[1]
    every, some = "every one of those is", "are"
    if classed is Class.MISSING:
        every, some = "none of those arrived", "did not arrive"
    said = f"{start} {condition(trait, every, some)}"
    if classed in (Class.MISSING, Class.EXTRA) and trait.rate >= _WHOLE and is_store(trait.dimension):
        return f"{said} ({Cause.ONE_STORE.value})", Cause.ONE_STORE
    return said + (_delay(ground, places) if classed is Class.LATE else ""), Cause.UNKNOWN


def _delay(ground: Ground, places: Sequence[int]) -> str:
    """Say how long it took until the right had half of these records."""
    took = []
    for each in (ground.outcome.differences[place] for place in places):
        sent = placed_of(ground.pair, each.left or {}, left=True)
        there = placed_of(ground.pair, each.right or {}, left=False)
        if sent is not None and there is not None:
            took.append(there - sent)
    took.sort()
    return f"; half of them took over {span(took[len(took) // 2])}" if took and took[0] > 0 else ""


def _shifted(ground: Ground, population: Population, trait: Trait) -> tuple[str, Cause] | None:
    """Say that the right was read for a later stretch: missing from the window's start, for whole half hours."""
    since = ground.outcome.since
    if trait.rate < _WHOLE or not trait.open_start or trait.open_end or trait.stretch is None or since is None:
        return None
    start = int(since.timestamp()) * SECOND
    low, high = trait.stretch[1] - population.step, trait.stretch[1] + population.step
    half = HOUR // 2
    length = -(-(low - start) // half) * half
    if not 0 < length <= _LONGEST_SHIFT or start + length > high:
        return None
    right = ground.pair.right.system
    text = f"the whole first {span(length)} of the window, as if {right} was read for one that begins later"
    return f"{text} ({Cause.SHIFTED_WINDOW.value})", Cause.SHIFTED_WINDOW


def _shifted_both(ground: Ground, places: dict[Class, list[int]]) -> Iterator[Found]:
    """Say that one end of the left is missing while the right goes on beyond the other end."""
    missing, extra = places.get(Class.MISSING, []), places.get(Class.EXTRA, [])
    population = ground.left
    if not missing or not extra or population is None or population.starts is None or not len(population.starts):
        return
    trait = ground.trait(Class.MISSING, missing)
    if trait is None or trait.dimension != "time" or trait.rate < _WHOLE or trait.open_start == trait.open_end:
        return
    first, last = int(population.starts.min()), int(population.starts.max()) + population.step
    differences = ground.outcome.differences
    times = {place: placed_of(ground.pair, differences[place].right or {}, left=False) for place in extra}
    beyond = [
        place
        for place, at in times.items()
        if at is not None and (at >= last - population.step if trait.open_start else at < first + population.step)
    ]
    if len(beyond) < _BEYOND * len(extra):
        return
    members = [place for place, has in zip(missing, trait.has, strict=True) if has]
    later, which = ("later", "first") if trait.open_start else ("earlier", "last")
    noun = _noun(ground, Class.MISSING)
    text = (
        f"{all_of(len(members), len(missing))} {noun}: the {which} of the window (they {trait.text}), and"
        f" {len(beyond):,} beyond its other end are only in {ground.pair.right.system}, which was read for a"
        f" {later} window ({Cause.SHIFTED_WINDOW.value})"
    )
    crowd = crowd_of(text, Cause.SHIFTED_WINDOW, Class.MISSING, (len(members), len(missing)), trait)
    yield Found(crowd, (*members, *beyond))
    gone = {*members, *beyond}
    for classed in (Class.MISSING, Class.EXTRA):
        places[classed] = [place for place in places[classed] if place not in gone]


def _rekeyed(ground: Ground, places: dict[Class, list[int]]) -> Iterator[Found]:
    """Say that what is missing is there under another key, and take both out of their classes."""
    missing, extra = places.get(Class.MISSING, []), places.get(Class.EXTRA, [])
    if len(missing) < _LEAST_KEYED or len(extra) < _LEAST_KEYED:
        return
    keys = [each.key for each in ground.outcome.differences]
    best: tuple[list[tuple[int, int]], str, Cause] = ([], "", Cause.UNKNOWN)
    for text, cause, ours, theirs in _rewritings([keys[each] for each in missing], [keys[each] for each in extra]):
        there = {theirs(keys[place]): place for place in extra}
        hits = [(place, there[made]) for place in missing if (made := ours(keys[place])) in there]
        if len({other for _, other in hits}) == len(hits) > len(best[0]):
            best = hits, text, cause
    hits, text, cause = best
    if len(hits) < max(_LEAST_KEYED, _KEYED_SHARE * min(len(missing), len(extra))):
        return
    one, other = "/".join(keys[hits[0][0]]), "/".join(keys[hits[0][1]])
    called = "" if cause is Cause.UNKNOWN else f" ({cause.value})"
    sentence = (
        f"{all_of(len(hits), len(missing))} {_noun(ground, Class.MISSING)} are there under another key: {text},"
        f" {one} as {other}{called}"
    )
    members = [place for pair in hits for place in pair]
    yield Found(crowd_of(sentence, cause, Class.MISSING, (len(hits), len(missing)), None), tuple(members))
    gone = set(members)
    for classed in (Class.MISSING, Class.EXTRA):
        places[classed] = [place for place in places[classed] if place not in gone]


Rewriting = tuple[str, Cause, Callable[[Key], Key], Callable[[Key], Key]]


def _each(change: Callable[[str], str]) -> Callable[[Key], Key]:
    return lambda key: tuple(map(change, key))


def _rewritings(missing: Sequence[Key], extra: Sequence[Key]) -> Iterator[Rewriting]:
    """Give the ways one key becomes another: what is done to the left's, and to the right's, to hold them equal."""
    same = _each(str)
    zeros, bare = (
        _each(lambda text: text.lstrip("0")),
        _each(lambda text: "".join(filter(str.isalnum, text)).casefold()),
    )
    yield "without its leading zeros, or with others", Cause.LEADING_ZEROS, zeros, zeros
    yield "but for upper and lower case", Cause.UNKNOWN, _each(str.casefold), _each(str.casefold)
    yield "but for white space", Cause.UNKNOWN, _each(str.strip), _each(str.strip)
    yield "but for case and punctuation", Cause.UNKNOWN, bare, bare
    yield "its UTF-8 read as cp1252", Cause.ENCODING, _each(as_cp1252), same
    yield "its UTF-8 read as Latin-1", Cause.ENCODING, _each(as_latin_1), same
    yield "without its accents", Cause.ENCODING, _each(folded), same
    for length in sorted({len(key[-1]) for key in extra}, reverse=True)[:3]:
        yield f"cut at {length} characters", Cause.TRUNCATED, _each(lambda text, n=length: text[:n]), same  # type: ignore[misc]
    before, other = _prefix(missing), _prefix(extra)
    if before != other:
        text = (
            f"with `{other}` for `{before}` before it"
            if before and other
            else f"{'with' if other else 'without'} `{other or before}` before it"
        )
        yield (
            text,
            Cause.UNKNOWN,
            _each(lambda key: key.removeprefix(before)),
            _each(lambda key: key.removeprefix(other)),
        )


def _prefix(keys: Sequence[Key]) -> str:
    """Return what all keys begin with, up to its last sign that is no digit."""
    low, high = min(key[-1] for key in keys), max(key[-1] for key in keys)
    same = 0
    while same < len(low) and low[same] == high[same]:
        same += 1
    return low[:same].rstrip("0123456789")
