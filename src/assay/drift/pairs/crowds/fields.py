"""Crowds among records that both sides have: the mistake that explains most of a field's differences, then the next."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from assay.drift.pairs.causes import Hint
from assay.drift.pairs.causes.record import LAST_READ
from assay.drift.pairs.crowds.group import LEAST_SAID, Found, Ground, all_of, condition, crowd_of, share
from assay.drift.pairs.crowds.search import Trait
from assay.drift.pairs.model import Cause, Class

_LEAST, _LEAST_SHARE = 3, 0.05
_WEAK, _WEAK_SHARE = 0.5, 0.5
_MOST_CROWDS = 8
_SAME = 0.8
Hints = Mapping[tuple[int, str], Sequence[Hint]]
"""By place of the difference and name of the field."""


def found_in_fields(ground: Ground, hints: Hints) -> list[Found]:
    """Return the crowds of every field, one for fields that differ in the same records in the same way."""
    groups: dict[tuple[Class, str], list[int]] = defaultdict(list)
    for place, name in hints:
        groups[ground.outcome.differences[place].classed, name].append(place)
    found = [
        each for (classed, name), places in groups.items() for each in _of_field(ground, classed, name, places, hints)
    ]
    return _joined(ground, found)


def cover(hints: Sequence[Sequence[Hint]]) -> Iterator[tuple[Hint, list[int]]]:
    """Give the hint that explains most of these records, with their places, then that of most of the rest, and so on.

    A hint counts by how seldom chance alone would bear it. Weak ones must be true of half of what is left.
    """
    labelled: dict[tuple[Cause, str], dict[int, Hint]] = defaultdict(dict)
    for place, own in enumerate(hints):
        for hint in own:
            labelled[hint.cause, hint.label].setdefault(place, hint)
    least = max(min(_LEAST, len(hints)), math.ceil(_LEAST_SHARE * len(hints)))
    labelled = defaultdict(dict, {key: places for key, places in labelled.items() if len(places) >= least})
    weights = {key: sum(hint.weight for hint in own.values()) / len(own) for key, own in labelled.items()}
    left = set(range(len(hints)))
    while labelled and len(left) >= least:
        held = {key: left.intersection(own) for key, own in labelled.items()}
        usable = {
            key: places
            for key, places in held.items()
            if len(places) >= (least if weights[key] >= _WEAK else max(_LEAST, _WEAK_SHARE * len(left)))
        }
        if not usable:
            return
        best = max(usable, key=lambda key: len(usable[key]) * weights[key])
        places = sorted(usable[best])
        phrases = Counter(labelled[best][place].phrase for place in places)
        yield labelled[best][places[0]]._replace(phrase=phrases.most_common(1)[0][0]), places
        left.difference_update(places)
        del labelled[best]


def _of_field(ground: Ground, classed: Class, name: str, places: Sequence[int], hints: Hints) -> Iterator[Found]:
    among = len(places)
    own = [hints[place, name] for place in places]
    covered: set[int] = set()
    for count, (hint, indexes) in enumerate(cover(own)):
        if count == _MOST_CROWDS:
            break
        members = [places[index] for index in indexes]
        covered.update(indexes)
        hint = _offset(hint, [own[index] for index in indexes])
        trait = ground.trait(classed, members)
        yield _found(ground, classed, name, members, among, hint, trait)
    left = [place for index, place in enumerate(places) if index not in covered]
    if left:
        yield from _unexplained(ground, classed, name, left, among)


def _offset(hint: Hint, own: Sequence[Sequence[Hint]]) -> Hint:
    """Say by how much, too, where a zone's clocks made all of them differ by the same; and no instant of one alone."""
    if hint.cause is Cause.STALE:
        return hint._replace(phrase=hint.phrase.partition(LAST_READ)[0])
    if hint.cause is not Cause.TIME_ZONE:
        return hint
    if hint.label[0] in "+-":
        phrases = {each.phrase for some in own for each in some if each.label == hint.label}
        return hint if len(phrases) == 1 else hint._replace(phrase=hint.phrase.partition(",")[0])
    offsets = [{(each.label, each.phrase) for each in some if each.label[0] in "+-"} for some in own]
    same = set.intersection(*offsets) if offsets else set()
    if not same:
        return hint
    exactly = same.pop()[1].partition(",")[0]
    return hint._replace(phrase=f"{exactly}, {hint.phrase}")


def _found(
    ground: Ground, classed: Class, name: str, members: Sequence[int], among: int, hint: Hint, trait: Trait | None
) -> Found:
    right = ground.pair.right.system
    of = len(members)
    # One record with another word may be behind; that it is the map is told by many of the same.
    cause = hint.cause if hint.alone or of >= _LEAST else Cause.UNKNOWN
    called = "" if cause is Cause.UNKNOWN else f" ({cause.value})"
    sentence = f"{all_of(of, among)} that differ{'s' * (among == 1)} in {name}: {right}'s is {hint.phrase}{called}"
    if cause is Cause.STALE:
        sentence += _changed(ground, members)
    if trait is not None:
        who = "all of them" if trait.support == 1 else f"{share(trait.support)} of them"
        sentence += f"; {who} {condition(trait, 'every one of those differs so', 'differ so')}"
    crowd = crowd_of(sentence, cause, classed, (of, among), trait, name)
    return Found(crowd, tuple(members), (name,), hint)


def _changed(ground: Ground, members: Sequence[int]) -> str:
    """Say since when the left's changes did not arrive: the first of them, in the minute below."""
    times = [at for at in (ground.outcome.differences[place].left_at for place in members) if at is not None]
    return f"; {ground.pair.left.system} changed them from {min(times):%Y-%m-%d %H:%M} UTC on" if times else ""


def _unexplained(ground: Ground, classed: Class, name: str, left: Sequence[int], among: int) -> Iterator[Found]:
    trait = ground.trait(classed, left)
    unread = classed is Class.UNREADABLE
    what = f"cannot be read in {name}" if unread else f"differ in {name}"
    every, some = ("every one of those cannot", "cannot") if unread else ("every one of those differs", "differ")
    if trait is not None:
        members = [place for place, has in zip(left, trait.has, strict=True) if has]
        sentence = f"{all_of(len(members), among)} that {what} {condition(trait, every, some)}"
        yield Found(
            crowd_of(sentence, Cause.UNKNOWN, classed, (len(members), among), trait, name), tuple(members), (name,)
        )
        inside = set(members)
        left = [place for place in left if place not in inside]
    if len(left) >= LEAST_SAID:
        sentence = f"{all_of(len(left), among)} that {what} have nothing in common that was looked for"
        yield Found(crowd_of(sentence, Cause.UNKNOWN, classed, (len(left), among), None, name), tuple(left), (name,))


def _joined(ground: Ground, found: Sequence[Found]) -> list[Found]:
    """Make one crowd of those whose records and reason are the same in several fields."""
    kept: list[Found] = []
    for each in sorted(found, key=lambda one: -len(one.members)):
        place = next((index for index, other in enumerate(kept) if _is_same(each, other)), None)
        if place is None:
            kept.append(each)
            continue
        other = kept[place]
        names = (*other.fields, *each.fields)
        said = f"{', '.join(names[:-1])} and {names[-1]}"
        sentence = other.crowd.sentence.replace(f" in {_listed(other.fields)}:", f" in {said}:", 1)
        kept[place] = replace(other, fields=names, crowd=replace(other.crowd, sentence=sentence))
    return kept


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _is_same(one: Found, other: Found) -> bool:
    if one.hint is None or other.hint is None or one.crowd.classed is not other.crowd.classed:
        return False
    if (one.hint.cause, one.hint.label) != (other.hint.cause, other.hint.label):
        return False
    ours, theirs = set(one.members), set(other.members)
    return len(ours & theirs) >= _SAME * len(ours | theirs)
