"""Lists, newest first, with cursors and filters (https://docs.stripe.com/api/pagination)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from mocks.stripe.account import Document
from mocks.stripe.error import invalid, missing_resource
from mocks.stripe.form import Accepts, either, integer, object_of, text

_RANGE = object_of({"gt": integer, "gte": integer, "lt": integer, "lte": integer})
CURSORS: Accepts = {"limit": integer, "starting_after": text, "ending_before": text}
SPAN = either(integer, _RANGE)
PAGING: Accepts = {**CURSORS, "created": SPAN}
_DEFAULT_LIMIT = 10


def page(
    rows: Mapping[str, Document],
    parameters: Mapping[str, Any],
    *,
    kind: str,
    url: str,
    keep: Callable[[Document], bool] | None = None,
    show: Callable[[Document], Document] | None = None,
) -> Document:
    """Return one page of rows stored oldest first. `keep` filters, `show` completes what is shown."""
    limit = parameters.get("limit", _DEFAULT_LIMIT)
    if not 1 <= limit <= 100:
        raise invalid("Invalid limit: it must be between 1 and 100.", "limit", "parameter_invalid_integer")
    after, before = parameters.get("starting_after"), parameters.get("ending_before")
    if after and before:
        raise invalid("Only one of starting_after and ending_before can be given.", "ending_before")
    for name, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor and cursor not in rows:
            raise missing_resource(kind, cursor, name, status=400)
    wanted = _wanted(parameters.get("created"), keep)
    # Reading towards the cursor's own side, oldest first for `ending_before`, keeps a page next to its cursor.
    order: Iterable[str] = rows if before else reversed(list(rows))
    cursor = before or after
    if cursor:
        order = _beyond(order, cursor)
    found = list(islice((row for row in (rows[id_] for id_ in order) if wanted(row)), limit + 1))
    shown = found[:limit]
    if before:
        shown.reverse()
    return {
        "object": "list",
        "data": [show(row) for row in shown] if show else shown,
        "has_more": len(found) > limit,
        "url": url,
    }


def sublist(rows: list[Document], url: str) -> Document:
    """Return a list inside another object: its ten newest rows."""
    newest = rows[::-1]
    return {"object": "list", "data": newest[:_DEFAULT_LIMIT], "has_more": len(rows) > _DEFAULT_LIMIT, "url": url}


def _beyond(order: Iterable[str], cursor: str) -> Iterable[str]:
    ids = iter(order)
    for id_ in ids:
        if id_ == cursor:
            break
    return ids


def within(span: Any) -> Callable[[int], bool]:
    """Return the test of an instant against a span as lists take it: one instant, or gt, gte, lt and lte."""
    if isinstance(span, int):
        low = high = span
    else:
        low = max(span.get("gte", 0), span.get("gt", -1) + 1)
        high = min(span.get("lte", 2**62), span.get("lt", 2**62 + 1) - 1)
    return lambda instant: low <= instant <= high


def _wanted(created: Any, keep: Callable[[Document], bool] | None) -> Callable[[Document], bool]:
    if created is None:
        return keep or (lambda _row: True)
    is_within = within(created)
    return lambda row: is_within(row["created"]) and (keep is None or keep(row))
