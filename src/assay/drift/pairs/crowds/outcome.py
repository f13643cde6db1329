"""The whole outcome of a comparison: every difference with its cause, and the crowds, the largest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from assay.drift.pairs.causes import Hint, Known, hints_of
from assay.drift.pairs.causes.record import named
from assay.drift.pairs.crowds.absent import found_in_absent
from assay.drift.pairs.crowds.fields import found_in_fields
from assay.drift.pairs.crowds.group import Found, Ground
from assay.drift.pairs.crowds.population import Population
from assay.drift.pairs.model import Cause, Crowd, Difference, Outcome

_NOTHING = Known()


def explained(
    outcome: Outcome,
    *,
    known: Known = _NOTHING,
    population: Population | None = None,
    right_population: Population | None = None,
) -> Outcome:
    """Return the outcome with causes and crowds; `crowds[0].sentence` says what happened to the most records.

    population, right_population: all records of each side; without them no dimension and no time is named, since
    nobody can tell whether the rest is otherwise. A record of a crowd bears the crowd's cause.
    """
    hints = {
        (place, apart.field): hints_of(outcome.pair, difference, apart, known)
        for place, difference in enumerate(outcome.differences)
        for apart in difference.fields
    }
    ground = Ground(outcome, population, right_population)
    found = [*found_in_absent(ground), *found_in_fields(ground, hints)]
    found.sort(key=_rank)
    return replace(
        outcome,
        differences=_named(outcome.differences, hints, found),
        crowds=tuple(each.crowd for each in found),
        crowded=tuple(each.members for each in found),
    )


def crowds_in(
    outcome: Outcome,
    *,
    known: Known = _NOTHING,
    population: Population | None = None,
    right_population: Population | None = None,
) -> Sequence[Crowd]:
    """Return what the outcome's differences have in common, as `explained` does."""
    return explained(outcome, known=known, population=population, right_population=right_population).crowds


def _rank(found: Found) -> tuple[bool, int]:
    """Crowds that say something first, the largest first."""
    crowd = found.crowd
    says = crowd.cause is not Cause.UNKNOWN or crowd.dimension is not None or found.hint is not None
    return not says, -crowd.of * max(1, len(found.fields))


def _named(
    differences: Sequence[Difference], hints: Mapping[tuple[int, str], list[Hint]], found: Sequence[Found]
) -> tuple[Difference, ...]:
    """Name each difference by its crowd where that has a cause, else by what the record alone tells."""
    chosen: dict[tuple[int, str], Hint] = {}
    whole: dict[int, Crowd] = {}
    for each in reversed(found):
        for place in each.members:
            if each.hint is None:
                whole[place] = each.crowd
            elif each.crowd.cause is not Cause.UNKNOWN:
                chosen.update({(place, name): each.hint._replace(alone=True, weight=1.0) for name in each.fields})
    named_ones = []
    for place, difference in enumerate(differences):
        own = []
        for apart in difference.fields:
            key = place, apart.field
            own.append([_of_record(chosen[key], hints[key]), *hints[key]] if key in chosen else hints[key])
        result = named(difference, own)
        if not difference.fields and place in whole:
            crowd = whole[place]
            says = crowd.cause is not Cause.UNKNOWN or crowd.dimension is not None
            result = replace(result, cause=crowd.cause, why=result.why or (crowd.sentence if says else ""))
        named_ones.append(result)
    return tuple(named_ones)


def _of_record(hint: Hint, own: Sequence[Hint]) -> Hint:
    """Return a crowd's hint in the words that are the record's own: since when it is behind, each knows by itself."""
    same = next((each for each in own if (each.cause, each.label) == (Cause.STALE, hint.label)), None)
    return hint._replace(phrase=same.phrase) if same is not None and hint.cause is Cause.STALE else hint
