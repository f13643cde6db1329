"""One record: the hints of each of its fields, and the cause that they name together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from assay.drift.pairs.causes import lines, money, number, when, words
from assay.drift.pairs.causes.hint import Facing, Hint, Known
from assay.drift.pairs.causes.written import instant
from assay.drift.pairs.causes.written import number as read_number
from assay.drift.pairs.model import Apart, Cause, Difference, Kind, Pair

_BY_KIND: Mapping[Kind, tuple[Callable[[Facing], Iterator[Hint]], ...]] = {
    Kind.IDENTIFIER: (words.hints, words.other_columns),
    Kind.TEXT: (words.hints, words.other_columns),
    Kind.STATUS: (words.statuses,),
    Kind.MONEY: (money.hints,),
    Kind.NUMBER: (number.hints,),
    Kind.INSTANT: (when.hints,),
    Kind.DATE: (when.dates,),
    Kind.FLAG: (words.flags,),
    Kind.LINES: (lines.hints,),
}
_NOTHING = Known()
LAST_READ = ", last read so on"
"""Follows what a record's earlier value is; of each record it is another instant."""
_FITS_ANY = 0.4
"""A hint of this weight fits nearly any two values: it says something of many records alone."""


def cause_of(pair: Pair, difference: Difference, known: Known = _NOTHING) -> Difference:
    """Return the difference with the cause of each field and of the record, as far as this record alone tells it."""
    return named(difference, [hints_of(pair, difference, each, known) for each in difference.fields])


def hints_of(pair: Pair, difference: Difference, apart: Apart, known: Known = _NOTHING) -> list[Hint]:
    """Return what would make the right's value of a field of the left's, the likeliest first."""
    try:
        field = pair.field(apart.field)
    except KeyError:
        return []
    facing = Facing(pair, field, apart, difference, known)
    found = [hint for gives in (*_BY_KIND[field.kind], words.absent, _stale) for hint in gives(facing)]
    found.sort(key=lambda hint: -hint.weight)
    return found


def named(difference: Difference, hints: Sequence[Sequence[Hint]]) -> Difference:
    """Return the difference with its causes, given the hints of each of its fields in order."""
    fields = tuple(_field(apart, own) for apart, own in zip(difference.fields, hints, strict=True))
    if not fields:
        return difference
    best = max(zip(fields, hints, strict=True), key=lambda each: _certainty(each[0], each[1]))[0]
    why = f"{best.field} is {best.why}" if best.why else difference.why
    return replace(difference, fields=fields, cause=best.cause, why=why)


def _field(apart: Apart, hints: Sequence[Hint]) -> Apart:
    if not hints:
        return apart
    best = hints[0]
    if best.alone and best.cause is not Cause.UNKNOWN:
        return replace(apart, cause=best.cause, why=best.phrase)
    # Of a value that cannot be compared the engine says why, and that is what is to be mended.
    return replace(apart, why=best.phrase if best.weight > _FITS_ANY and not apart.why else apart.why)


def _certainty(apart: Apart, hints: Sequence[Hint]) -> tuple[bool, float]:
    return apart.cause is not Cause.UNKNOWN, hints[0].weight if hints else 0.0


def _stale(facing: Facing) -> Iterator[Hint]:
    """Give that the right is behind: it has the left's earlier value, or was not written since the left changed."""
    difference, field = facing.difference, facing.field
    if (facing.pair.left.system, facing.pair.left.source) == (facing.pair.right.system, facing.pair.right.source):
        return  # both sides are one row, and neither is behind
    earlier = facing.known.earlier.get(difference.key)
    if earlier is not None and earlier.get(field.left) is not None and facing.apart.right is not None:
        before = str(earlier[field.left])
        same = field.statuses.get(before, before) == facing.apart.right or _same(facing, before)
        if same and before != facing.apart.left:
            at = facing.known.earlier_at.get(difference.key)
            when = f"{LAST_READ} {at:%Y-%m-%d %H:%M} UTC" if at is not None else ""
            yield Hint(Cause.STALE, "stale", f"{facing.master} earlier value{when}", 0.97)
            return
    if difference.left_at is not None and difference.right_at is not None and difference.left_at > difference.right_at:
        words = f"older than {facing.master} last change"
        yield Hint(Cause.STALE, "stale", words, 0.5)


def _same(facing: Facing, before: str) -> bool:
    """Whether the left's earlier value and the right's are the same to the field's kind."""
    field, right = facing.field, facing.apart.right
    if field.kind is Kind.MONEY:
        return money.same(facing, before)
    if field.kind is Kind.NUMBER:
        return read_number(before) is not None and read_number(before) == read_number(right)
    if field.kind is Kind.INSTANT:
        ours = instant(before, field.left_zone)
        return ours is not None and ours == instant(right, field.right_zone)
    return False
