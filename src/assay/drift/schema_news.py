"""News of a system's schema beside the pairs it is a side of: what was learned of its answers, as a likely cause.

What connectors are answered is watched (O-D1, `assay contracts watch`): a column that is gone, another type, a word
that nobody knew. Where records of that system differ or cannot be read at the same time, that is where to look first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from assay.contracts.watch_judging import Change
from assay.drift.pairs.model import Apart, Cause, Difference, Field, Kind, Pair, SideName
from assay.drift.pairs.reconciling import Reconciled

KINDS = ("removed", "type", "required", "enum")
"""News that break whoever reads; what was only added is none here."""
_MOST = 5


def news_of(pair: Pair, changes: Sequence[Change]) -> list[Change]:
    """Return the news of a pair's systems that may be why its records differ, the newest first."""
    systems = {pair.left.system, pair.right.system}
    found = [each for each in changes if each.key.system in systems and each.kind in KINDS]
    return sorted(found, key=lambda each: each.since, reverse=True)


def with_news(found: Reconciled, changes: Sequence[Change]) -> Reconciled:
    """Return what comparing came to with the news of the schema: sentences, and beside each word that is one of them.

    Nothing is said where nothing differs and everything could be read.
    """
    news = news_of(found.outcome.pair, changes)
    if not news or not (found.open.found or found.outcome.unread):
        return found
    left = tuple(_with_word(found.outcome.pair, each, news) for each in found.open.left)
    told = sorted(news, key=lambda each: not _fields_of(found, each))
    sentences = [_sentence(found, each) for each in told[:_MOST]]
    if len(news) > _MOST:
        sentences.append(f"and {len(news) - _MOST} more: assay contracts watch")
    return replace(found, open=replace(found.open, left=left), news=tuple(sentences))


def words_of(change: Change) -> str:
    """Return one news in words: what is other than it was, where and since when."""
    where = f"`{change.path or 'the body'}` of {change.key.operation}"
    if change.kind == "enum":
        what = f"a new word `{change.seen}` in {where}, {change.expected}"
    elif change.kind == "removed":
        what = f"{where} is gone, {change.seen}; it was there {change.expected}"
    else:
        what = f"{where} is {change.seen}; expected {change.expected}"
    return f"{change.key.system} answers otherwise since {change.since:%Y-%m-%d %H:%M} UTC: {what}"


def _sentence(found: Reconciled, change: Change) -> str:
    names = _fields_of(found, change)
    if names:
        return f"{words_of(change)}: the likely cause of what is wrong in {', '.join(names)}"
    return f"{words_of(change)}: look there first"


def _fields_of(found: Reconciled, change: Change) -> list[str]:
    """Return the fields that differ or cannot be read and whose column or word the news is about."""
    pair = found.outcome.pair
    wrong = [field for field in pair.fields if found.outcome.fields.get(field.name)]
    return [field.name for field in wrong if _is_about(pair, field, change) or _has_word(found, field, change)]


def _is_about(pair: Pair, field: Field, change: Change) -> bool:
    columns = {field.left if side == "left" else field.right for side in _sides(pair, change)}
    return _plain(change.path.rpartition(".")[2]) in {_plain(column) for column in columns}


def _has_word(found: Reconciled, field: Field, change: Change) -> bool:
    if change.kind != "enum" or field.kind is not Kind.STATUS:
        return False
    sides = _sides(found.outcome.pair, change)
    aparts = (apart for each in found.open.left for apart in each.fields if apart.field == field.name)
    return any(_value(apart, side) == change.seen for apart in aparts for side in sides)


def _with_word(pair: Pair, difference: Difference, news: Sequence[Change]) -> Difference:
    """Name the news beside a status that nobody mapped, where that very word is one."""
    fields = tuple(_apart_with_word(pair, each, news) for each in difference.fields)
    return replace(difference, fields=fields) if fields != difference.fields else difference


def _apart_with_word(pair: Pair, apart: Apart, news: Sequence[Change]) -> Apart:
    field = next((each for each in pair.fields if each.name == apart.field), None)
    if field is None or field.kind is not Kind.STATUS:
        return apart
    known = {"left": set(field.statuses), "right": set(field.statuses.values())}
    for change in news:
        for side in _sides(pair, change):
            word = _value(apart, side)
            if change.kind == "enum" and word == change.seen and word not in known[side]:
                return replace(apart, cause=Cause.STATUS_MAP, why=f"{apart.why}; {words_of(change)}".removeprefix("; "))
    return apart


def _value(apart: Apart, side: SideName) -> str | None:
    return apart.left if side == "left" else apart.right


def _sides(pair: Pair, change: Change) -> Iterator[SideName]:
    if pair.left.system == change.key.system:
        yield "left"
    if pair.right.system == change.key.system:
        yield "right"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
