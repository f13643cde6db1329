"""Why two multisets of lines differ: how many there are, which are left out, which member of them changed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from assay.drift.pairs.causes.hint import Facing, Hint
from assay.drift.pairs.causes.number import same_change
from assay.drift.pairs.causes.written import number, plain
from assay.drift.pairs.model import Cause

Line = tuple[str, ...]


def hints(facing: Facing) -> Iterator[Hint]:
    """Give what would make the right's lines of the left's."""
    left = _lines(facing, facing.field.left, facing.apart.left, facing.of_left(facing.field.left))
    right = _lines(facing, facing.field.right, facing.apart.right, facing.of_right(facing.field.right))
    if left is None or right is None:
        return
    ours, theirs = Counter(left), Counter(right)
    if not right:
        yield Hint(Cause.UNKNOWN, "none", f"without any of {facing.master} lines", 0.75)
    elif theirs == Counter({line: count * 2 for line, count in ours.items()}):
        yield Hint(Cause.UNKNOWN, "doubled", f"{facing.master} lines, each twice", 0.9)
    elif theirs < ours:
        if len(left) > len(right) and Counter(left[: len(right)]) == theirs:
            words = f"the first {len(right)} of {facing.master} lines"
            yield Hint(Cause.TRUNCATED, f"first {len(right)}", words, 0.82)
        yield from _left_out(facing, ours - theirs, "without")
        yield Hint(Cause.UNKNOWN, "fewer", f"fewer lines than {facing.master}", 0.4)
    elif ours < theirs:
        yield from _left_out(facing, theirs - ours, "with, besides,")
        yield Hint(Cause.UNKNOWN, "more", f"more lines than {facing.master}", 0.4)
    elif len(left) == len(right):
        yield from _changed(facing, ours - theirs, theirs - ours)


def _lines(facing: Facing, column: str, text: str | None, value: Any) -> list[Line] | None:
    read: Any = value
    if not isinstance(read, list | tuple):
        try:
            read = json.loads(text or "")
        except ValueError:
            return None
    if not isinstance(read, list | tuple):
        return None
    members = _members(facing)
    return [
        tuple(str(line.get(name)) for name in members or sorted(line))
        if isinstance(line, Mapping)
        else tuple(map(str, line))
        if isinstance(line, list | tuple)
        else (str(line),)
        for line in read
    ]


def _members(facing: Facing) -> tuple[str, ...]:
    """Return the members' names; what kind a member is may follow its name after a colon."""
    return tuple(each.partition(":")[0] for each in facing.field.members)


def _left_out(facing: Facing, lines: Counter[Line], word: str) -> Iterator[Hint]:
    if lines.total() == 1:
        name = next(iter(lines))[0]
        yield Hint(Cause.UNKNOWN, f"{word} {name}", f"{word} the line `{name}`", 0.8)


def _changed(facing: Facing, ours: Counter[Line], theirs: Counter[Line]) -> Iterator[Hint]:
    """Give the one member of the lines that is otherwise, and by how much where it is a number."""
    before, after = sorted(ours.elements()), sorted(theirs.elements())
    places = {
        place
        for one, other in zip(before, after, strict=True)
        for place, (value, changed) in enumerate(zip(one, other, strict=False))
        if value != changed
    }
    if len(places) != 1 or any(len(one) != len(other) for one, other in zip(before, after, strict=True)):
        yield Hint(Cause.UNKNOWN, "others", f"other lines than {facing.master}", 0.3)
        return
    place, members = places.pop(), _members(facing)
    name = members[place] if place < len(members) else f"member {place + 1}"
    changes = {(one[place], other[place]) for one, other in zip(before, after, strict=True)}
    ratios = {b / a for one, other in changes if (a := number(one)) and (b := number(other)) is not None}
    if len(ratios) == 1 and (ratio := ratios.pop()) and (ratio in (10, 100, 1000) or 1 / ratio in (10, 100, 1000)):
        yield Hint(Cause.EXPONENT, f"{name} x{ratio}", f"with a {name} of {plain(ratio)} times {facing.master}", 0.88)
    elif len(changes) == 1:
        one, other = (number(each) for each in next(iter(changes)))
        if one and other:
            for hint in same_change(one, other, one / 10**6, ""):
                yield hint._replace(label=f"{name} {hint.label}", phrase=f"with a {name} {hint.phrase}")
    yield Hint(Cause.UNKNOWN, f"in {name}", f"with another {name} in the lines", 0.4)
