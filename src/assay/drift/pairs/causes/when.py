"""Why two instants or dates differ: zones and their summer time, parts cut off, units of counting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from assay.drift.pairs.causes.hint import Facing, Hint
from assay.drift.pairs.causes.written import DAY, HOUR, SECOND, instant, is_zone, moment, number, offset, span, summer
from assay.drift.pairs.model import Cause, Kind

_QUARTER = HOUR // 4
_FURTHEST = 14 * HOUR
_FEW_SECONDS = 5 * SECOND
_PARTS = ((SECOND, "second"), (60 * SECOND, "minute"), (HOUR, "hour"), (DAY, "day"))
_COUNTED = (1000, 1_000_000)


def hints(facing: Facing) -> Iterator[Hint]:
    """Give what would make the right's instant of the left's."""
    field = facing.field
    left, right = instant(facing.apart.left, field.left_zone), instant(facing.apart.right, field.right_zone)
    if left is None or right is None or left == right:
        yield from _counted(facing)
        return
    off = right - left
    whole = _whole_quarters(facing, left, right)
    yield from _zones(facing, right - whole, right, "exactly" if whole == off else "nearly")
    for part, word in _PARTS:
        if right == left // part * part:
            yield Hint(Cause.TRUNCATED, f"to the {word}", f"{facing.master} cut to the {word}", 0.88)
            break
    yield from _counted(facing)
    yield from _swapped(facing, left, right)
    words = f"exactly {span(off)} {'later' if off > 0 else 'earlier'}"
    yield Hint(Cause.UNKNOWN, f"by {off}", words, 0.5)
    if off % DAY == 0:
        days = abs(off) // DAY
        yield Hint(Cause.UNKNOWN, "whole days", "whole days apart" if days > 1 else "a day apart", 0.3)


def dates(facing: Facing) -> Iterator[Hint]:
    """Give what would make the right's date of the left's; the day of an instant depends on the zone it is told in."""
    left, right = _day(facing.apart.left), _day(facing.apart.right)
    if left is None or right is None:
        return
    off = (right - left).days
    if abs(off) == 1:
        for column, read in _instants(facing):
            for name in filter(is_zone, facing.known.zones):
                own, theirs = moment(read).date(), moment(read + offset(read, name)).date()
                if (left, right) == (own, theirs):
                    phrase = f"the day of {column} in {name} where {facing.master} is that in UTC"
                    yield Hint(Cause.TIME_ZONE, f"day in {name}", phrase, 0.8)
                elif (left, right) == (theirs, own):
                    phrase = f"the day of {column} in UTC where {facing.master} is that in {name}"
                    yield Hint(Cause.TIME_ZONE, f"day not in {name}", phrase, 0.8)
    if left.year == right.year and (left.month, left.day) == (right.day, right.month):
        yield Hint(Cause.UNKNOWN, "swapped", f"{facing.master} with day and month swapped", 0.8)
    ahead = "later" if off > 0 else "earlier"
    yield Hint(Cause.UNKNOWN, f"by {off}", f"exactly {abs(off):,} day{'s' * (abs(off) > 1)} {ahead}", 0.5)


def _whole_quarters(facing: Facing, left: int, right: int) -> int:
    """Return by how much two instants differ, less what the pair allows anyway or one side cuts off: 1 h, not 3600.2 s.

    Of more than a few seconds too many differences would be near to some zone's.
    """
    off = right - left
    cut = SECOND - 1 if 0 in (left % SECOND, right % SECOND) else 0
    slack = min(max(facing.field.skew // timedelta(microseconds=1), cut), _FEW_SECONDS)
    near = (off + _QUARTER // 2) // _QUARTER * _QUARTER
    return near if near and abs(off - near) <= slack else off


def _zones(facing: Facing, left: int, right: int, how: str) -> Iterator[Hint]:
    off = right - left
    if not off or off % _QUARTER or abs(off) > _FURTHEST:
        return
    sign = "+" if off > 0 else "-"
    later = "later" if off > 0 else "earlier"
    declared = [name for name in (facing.field.left_zone, facing.field.right_zone) if name != "UTC"]
    weight, found = 0.95 if how == "exactly" else 0.9, ""
    for name in filter(is_zone, dict.fromkeys((*declared, *facing.known.zones))):
        # Local time written down as if it were UTC; and UTC read as if it were local, where the offset is that of the
        # instant whose clock showed the left's digits.
        if off == offset(left, name):
            phrase = f"the local time of {name} taken for UTC"
            yield Hint(Cause.TIME_ZONE, f"{name} as UTC", phrase, weight)
        elif off == -offset(left - offset(left, name), name):
            phrase = f"UTC taken for the local time of {name}"
            yield Hint(Cause.TIME_ZONE, f"UTC as {name}", phrase, weight)
        else:
            if abs(off) == summer(left, name) != 0:
                phrase = f"off by the summer time of {name}"
                yield Hint(Cause.TIME_ZONE, f"summer {sign} {name}", phrase, weight - 0.14)
            continue
        found = found or name
        weight -= 0.01
    near = f", the offset of {found}" if found else ""
    # A whole quarter of an hour by chance is one in nine hundred seconds; a few minutes of delay never look like it.
    yield Hint(
        Cause.TIME_ZONE, f"{sign}{span(off)}", f"{how} {span(off)} {later}{near}", 0.9 if off % HOUR == 0 else 0.75
    )


def _counted(facing: Facing) -> Iterator[Hint]:
    """Seconds taken for milliseconds and the like: only where at least one side counts."""
    left, right = number(facing.apart.left), number(facing.apart.right)
    if left is None or right is None or not left or not right:
        return
    for factor in _COUNTED:
        if right in (left * factor, left // factor):
            word = "times" if right > left else "divided by"
            yield Hint(Cause.UNIT, f"{word} {factor}", f"{facing.master} count {word} {factor:,}", 0.9)


def _swapped(facing: Facing, left: int, right: int) -> Iterator[Hint]:
    ours, theirs = moment(left), moment(right)
    turned = ours.day <= 12 and ours.day != ours.month and (ours.month, ours.day) == (theirs.day, theirs.month)
    if turned and ours.time() == theirs.time() and ours.year == theirs.year:
        yield Hint(Cause.UNKNOWN, "swapped", f"{facing.master} with day and month swapped", 0.8)


def _day(value: str | None) -> date | None:
    try:
        return None if value is None else datetime.fromisoformat(value.strip()).date()
    except ValueError:
        return None


def _instants(facing: Facing) -> Iterator[tuple[str, int]]:
    """Give the instants of the left's row: where it was placed, and what the pair declares as one."""
    zones = {each.left: each.left_zone for each in facing.pair.fields if each.kind is Kind.INSTANT}
    for column in dict.fromkeys((facing.pair.left.placed, *zones)):
        value = facing.of_left(column)
        read = None if value is None else instant(value, zones.get(column or "", "UTC"))
        if column is not None and read is not None:
            yield column, read
