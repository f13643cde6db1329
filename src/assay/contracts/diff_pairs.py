"""Which operation of a newer document is which of the older one.

The same method, address and selector first; parameters' names do not count. Of what is left, an operation has *moved*
where its address says the same words in the same order, whatever the version in it and the signs between the words, and
only one operation of the newer document does: `POST /1.0/order/{orderId}/cancel` is `POST /2026-01/order/{id}:cancel`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.contracts.model import PATH_PARAMETER, Operation

_VERSION = re.compile(r"v?\d+(?:[._-]\d+){0,3}|v\d+\w*|\d{4}-\d{2}(?:-\d{2})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Operations that are in both, as (older, newer), and those that are in one alone."""

    both: Sequence[tuple[Operation, Operation]]
    gone: Sequence[Operation]
    new: Sequence[Operation]


def pair(old: Sequence[Operation], new: Sequence[Operation]) -> Pairs:
    """Pair the operations of two documents."""
    both: list[tuple[Operation, Operation]] = []
    alone, free = list(old), list(new)
    for key in (_literally, _exactly):
        found, alone, free = _matched(alone, free, key)
        both += found
    by_words: dict[tuple[str, ...], list[Operation]] = {}
    for each in free:
        by_words.setdefault(_words(each), []).append(each)
    gone: list[Operation] = []
    taken: set[int] = set()
    for each in alone:
        alike = by_words.get(_words(each), [])
        if len(alike) == 1:
            both.append((each, alike[0]))
            taken.add(id(alike[0]))
        else:
            gone.append(each)
    return Pairs(both, gone, [each for each in free if id(each) not in taken])


def _matched(
    old: Sequence[Operation], new: Sequence[Operation], key: Callable[[Operation], tuple[str, ...]]
) -> tuple[list[tuple[Operation, Operation]], list[Operation], list[Operation]]:
    """Pair what has the same key, in the documents' order where several have; return what is left of both, too."""
    waiting: dict[tuple[str, ...], list[Operation]] = {}
    for each in reversed(new):
        waiting.setdefault(key(each), []).append(each)
    both, alone = [], []
    for each in old:
        alike = waiting.get(key(each))
        if alike:
            both.append((each, alike.pop()))
        else:
            alone.append(each)
    taken = {id(newer) for _, newer in both}
    return both, alone, [each for each in new if id(each) not in taken]


def has_moved(old: Operation, new: Operation) -> bool:
    """Tell whether two paired operations have different addresses."""
    return _exactly(old) != _exactly(new)


def _literally(operation: Operation) -> tuple[str, ...]:
    return operation.method.upper(), operation.path, operation.selector, operation.name if operation.webhook else ""


def _exactly(operation: Operation) -> tuple[str, ...]:
    path = PATH_PARAMETER.sub("{}", operation.path.rstrip("/"))
    # What a webhook is called is all that says which one it is: it has no address of the vendor's.
    name = operation.name if operation.webhook else ""
    return operation.method.upper(), path, operation.selector, name


def _words(operation: Operation) -> tuple[str, ...]:
    """Return an operation's address without versions and signs; parameters stand as themselves."""
    steps = []
    for segment in operation.path.strip("/").split("/"):
        if _VERSION.fullmatch(segment):
            continue
        plain = PATH_PARAMETER.sub("{}", segment)
        # `/order/{}:cancel` says what `/order/{}/cancel` does.
        steps += [re.sub(r"[-_.]", "", step).casefold() for step in plain.split(":") if step]
    return operation.method.upper(), operation.selector, operation.name if operation.webhook else "", *steps
