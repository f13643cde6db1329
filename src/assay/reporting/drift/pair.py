"""One pair as the page shows it: population, causes first, classes and fields, samples, what is known, the trend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assay.money import sums_by_currency
from assay.reporting.drift.bars import Bars, bars_of
from assay.reporting.drift.sample import key_of, sample_of
from assay.reporting.drift.trend import TrendView, trend_of
from assay.reporting.html import fragments
from assay.reporting.text import clip, instant, plural
from assay.reporting.view import LONG, SHORT

if TYPE_CHECKING:
    from markupsafe import Markup

    from assay.drift.pairs.model import Cause, Difference, Pair
    from assay.drift.pairs.reconciling import Reconciled
    from assay.drift.pairs.trend import Compared

_SAMPLES, _OPEN, _CROWDS, _LISTED = 40, 3, 12, 30


@dataclass(frozen=True, slots=True)
class CauseRow:
    """What many records have in common, or a cause that single ones have, with how many; the former says it itself."""

    cause: str
    sentence: str
    records: str


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class of difference, or one field: what it means, how many records, how many of them are known, the worth."""

    name: str
    meaning: str
    count: str
    known: str
    at_risk: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PairView:
    """Everything the page lays out of one pair. state: good, bad, or open where no verdict was reached."""

    anchor: str
    name: str
    about: str
    state: str
    word: str
    left: str
    right: str
    population: str
    facts: tuple[tuple[str, str], ...]
    unread: tuple[str, ...]
    news: tuple[str, ...]
    ahead: tuple[str, ...]
    at_risk: tuple[str, ...]
    together: str
    causes: tuple[CauseRow, ...]
    causes_left_out: int
    classes: tuple[ClassRow, ...]
    class_bars: Bars | None
    fields: tuple[ClassRow, ...]
    field_bars: Bars | None
    samples: Markup
    folded: Markup
    folded_label: str
    samples_note: str
    pending: tuple[tuple[str, str, str], ...]
    pending_note: str
    accepted: tuple[tuple[str, str, str, str], ...]
    over: tuple[tuple[str, str, str, str], ...]
    proposals: tuple[tuple[str, str], ...]
    trend: TrendView
    nothing: str


def pair_view(
    found: Reconciled,
    *,
    anchor: str,
    history: Sequence[Compared],
    together: str,
    at: datetime,
    parts: Any,
    budget: int,
) -> PairView:
    """Return a pair as it is shown, with as many samples as fit into so many bytes."""
    outcome, pair = found.outcome, found.outcome.pair
    state, word = state_of(found)
    chosen = _chosen(found.open.left)[:_SAMPLES]
    first = [sample_of(pair, each, is_open=True) for each in chosen[:_OPEN]]
    rest = [sample_of(pair, each, is_open=False) for each in chosen[_OPEN:]]
    samples, left_out = fragments(parts.sample, first, budget)
    folded, more_out = fragments(parts.sample, rest, max(0, budget - len(samples.encode())))
    shown = len(chosen) - left_out - more_out
    causes = list(_causes(found))
    return PairView(
        anchor=anchor,
        name=clip(pair.name, SHORT),
        about=clip(pair.about, LONG),
        state=state,
        word=word,
        left=clip(pair.left.system, SHORT),
        right=clip(pair.right.system, SHORT),
        population=f"{outcome.counts.left:,} / {outcome.counts.right:,}",
        facts=tuple(_facts(found)),
        unread=tuple(clip(each, LONG) for each in outcome.unread[:_LISTED]),
        news=tuple(clip(each, LONG) for each in found.news[:_LISTED]),
        ahead=tuple(clip(each, LONG) for each in found.ahead[:_LISTED]),
        at_risk=tuple(map(str, found.at_risk.values())),
        together=", ".join(filter(None, [together, "at least, for not all are held" * outcome.cut])),
        causes=tuple(causes[:_CROWDS]),
        causes_left_out=max(0, len(causes) - _CROWDS),
        classes=_classes(found),
        class_bars=bars_of("Records by class", _counted((name.value, n) for name, n in outcome.classes.items())),
        fields=_fields(found),
        field_bars=bars_of("Records by field", _counted(outcome.fields.items())),
        samples=samples,
        folded=folded,
        folded_label=f"{plural(len(rest) - more_out, 'more record')}",
        samples_note=_samples_note(found, shown),
        pending=_pending(found),
        pending_note=_pending_note(found),
        accepted=_accepted(found),
        over=tuple(
            (clip(entry.owner, SHORT), f"{entry.until}", f"{count:,}", clip(f"{entry.reason} ({entry.where})", LONG))
            for entry, count in found.open.over[:_LISTED]
        ),
        proposals=tuple(_proposals(found)),
        trend=trend_of(history, at),
        nothing=_nothing(found),
    )


def state_of(found: Reconciled) -> tuple[str, str]:
    """Return how a pair came out, as a state and in words."""
    if found.outcome.unread:
        differ = f", {found.open.found:,} differ" if found.open.found else ""
        return ("bad" if found.open.found else "open"), f"not all could be read{differ}"
    if found.open.found:
        return "bad", f"{found.open.found:,} differ{'s' if found.open.found == 1 else ''}"
    if found.confirmed is not None and found.confirmed.pending:
        return "open", "nothing is confirmed as yet"
    return "good", "the same"


def _facts(found: Reconciled) -> Iterator[tuple[str, str]]:
    outcome, counts = found.outcome, found.outcome.counts
    for side, number in ((outcome.pair.left, counts.left), (outcome.pair.right, counts.right)):
        yield clip(side.system, SHORT), plural(number, "record")
    since, until = outcome.since, outcome.until
    yield "Window", f"{instant(since)} to {instant(until)}" if since and until else "everything"
    if not outcome.unread:
        yield "On both sides", f"{counts.matched:,}"
    if counts.in_flight:
        yield "In flight", f"{counts.in_flight:,}, of which nothing is said"
    if found.done is not None:
        done = found.done
        looked = f"{done.looked:,} of {plural(done.of, 'partition')}" if done.looked < done.of else "all"
        yield "Compared again", f"{looked} ({clip(done.why, LONG)})"


def _causes(found: Reconciled) -> Iterator[CauseRow]:
    """Yield what many have in common first, then the causes of what is left, the most frequent first."""
    told = set()
    for crowd in found.outcome.crowds:
        told.add((crowd.cause, crowd.field))
        yield CauseRow(_cause(crowd.cause.value), clip(crowd.sentence, LONG), "")
    alone: Counter[tuple[str, str | None]] = Counter()
    words: dict[tuple[str, str | None], str] = {}
    for cause, field, why in _single(found.open.left):
        if cause.value != "unknown" and (cause, field) not in told:
            alone[cause.value, field] += 1
            words.setdefault((cause.value, field), why)
    for (cause_word, of), count in sorted(alone.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or "")):
        why = words[cause_word, of]
        said = f"{of or 'the whole record'}: {why or cause_word}" + (", for instance" if count > 1 and why else "")
        yield CauseRow(_cause(cause_word), clip(said, LONG), plural(count, "record"))


def _single(differences: Sequence[Difference]) -> Iterator[tuple[Cause, str | None, str]]:
    """Yield the cause of each differing field, or of a record that differs as a whole."""
    for each in differences:
        if not each.fields:
            yield each.cause, None, each.why
        for one in each.fields:
            yield one.cause, one.field, one.why


def _cause(word: str) -> str:
    return "no known cause" if word == "unknown" else word


def _classes(found: Reconciled) -> tuple[ClassRow, ...]:
    pair = found.outcome.pair
    known = Counter(each.classed.value for each, _ in found.open.accepted)
    meant = _meanings(pair)
    rows = []
    for name, count in _counted((name.value, count) for name, count in found.outcome.classes.items()):
        held = [each for each in found.open.left if each.classed.value == name]
        rows.append(ClassRow(name, meant[name], f"{count:,}", _number(known[name]), _worth(held)))
    return tuple(rows)


def _meanings(pair: Pair) -> Mapping[str, str]:
    left, right = clip(pair.left.system, SHORT), clip(pair.right.system, SHORT)
    return {
        "missing": f"in {left}, and not in {right} though its time is over",
        "extra": f"in {right}, and not in {left}",
        "duplicate": "more than once on one side",
        "late": f"in {right}, after its time was over",
        "differs": "on both sides, with different values",
        "unreadable": "with a value that could not be compared",
    }


def _fields(found: Reconciled) -> tuple[ClassRow, ...]:
    pair, rows = found.outcome.pair, []
    known = Counter(apart.field for each, _ in found.open.accepted for apart in each.fields)
    for name, count in _counted(found.outcome.fields.items()):
        kind = next((field.kind.value for field in pair.fields if field.name == name), "")
        apart = [one for each in found.open.left for one in each.fields if one.field == name]
        causes = Counter(one.cause.value for one in apart if one.cause.value != "unknown").most_common()
        best = min(causes, key=lambda item: (-item[1], item[0]), default=None)
        meant = f"{kind}; mostly {best[0]}" if best else kind
        rows.append(ClassRow(clip(name, SHORT), meant, f"{count:,}", _number(known[name]), ()))
    return tuple(rows)


def _counted(counts: Any) -> list[tuple[str, int]]:
    return sorted(((name, count) for name, count in counts if count), key=lambda item: (-item[1], item[0]))


def _number(count: int) -> str:
    return f"{count:,}" if count else ""


def _worth(differences: Sequence[Difference]) -> tuple[str, ...]:
    return tuple(map(str, sums_by_currency(each.at_risk for each in differences).values()))


def _chosen(differences: Sequence[Difference]) -> list[Difference]:
    """Return one of each class, field and cause, one that was asked for if there is any, and then the others."""
    kinds: dict[tuple[object, ...], int] = {}
    for place, each in enumerate(differences):
        kind = (each.classed, each.cause, each.fields[0].field if each.fields else None)
        if kind not in kinds or (each.way is not None and differences[kinds[kind]].way is None):
            kinds[kind] = place
    first = set(kinds.values())
    rest = [place for place in range(len(differences)) if place not in first]
    rest.sort(key=lambda place: differences[place].way is None)
    return [differences[place] for place in (*kinds.values(), *rest)]


def _samples_note(found: Reconciled, shown: int) -> str:
    if not found.open.found:
        return ""
    left_out = found.open.found - shown
    if not left_out:
        return "All records that differ."
    return (
        f"{shown:,} of {plural(found.open.found, 'record')} that differ, one of each kind first; the export by --csv "
        "or --jsonl holds the others, up to --limit."
    )


def _pending(found: Reconciled) -> tuple[tuple[str, str, str], ...]:
    if found.confirmed is None:
        return ()
    seen = found.confirmed.seen
    return tuple(
        (key_of(each.key), each.classed.value, instant(seen.get(each.key)))
        for each in found.confirmed.pending[:_LISTED]
    )


def _pending_note(found: Reconciled) -> str:
    from assay.span import span_text

    confirmed = found.confirmed
    if confirmed is None or not (confirmed.pending or confirmed.settled):
        return ""
    told = []
    if confirmed.pending:
        is_one = len(confirmed.pending) == 1
        verbs = "differs as yet, and is told when its time" if is_one else "differ as yet, and are told when their time"
        told.append(f"{plural(len(confirmed.pending), 'record')} {verbs} is over")
        if len(confirmed.pending) > _LISTED:
            told[-1] += f"; {_LISTED} are listed"
    if confirmed.lag:
        told.append(f"99 of 100 records take up to {span_text(confirmed.lag.total_seconds())}")
    if confirmed.settled:
        told.append(f"{plural(confirmed.settled, 'record')} differed at first and agreed when read again")
    return f"{'. '.join(each[0].upper() + each[1:] for each in told)}."


def _accepted(found: Reconciled) -> tuple[tuple[str, str, str, str], ...]:
    counts: dict[Any, int] = {}
    for _, entries in found.open.accepted:
        for entry in entries:
            counts[entry] = counts.get(entry, 0) + 1
    return tuple(
        (clip(entry.owner, SHORT), f"{entry.until}", f"{count:,}", clip(entry.reason, LONG))
        for entry, count in list(counts.items())[:_LISTED]
    )


def _proposals(found: Reconciled) -> Iterator[tuple[str, str]]:
    from assay.drift.pairs.policies import policy_toml

    for each in found.proposals:
        left, right = each.left.rounding, each.right.rounding
        name = found.outcome.pair.name
        lines = [
            f"[pairs.{name}.{side}]\nrounding = {policy_toml(policy)}"
            for side, policy in (("left", left), ("right", right))
            if policy is not None
        ]
        yield clip(each.sentence(), LONG), "\n".join(lines) if left and right else ""


def _nothing(found: Reconciled) -> str:
    """Return what is said in place of differences where there are none."""
    if found.open.found:
        return ""
    if found.outcome.unread:
        return "Nothing is concluded of what was not read: no record is called missing."
    if found.open.accepted:
        return "Nothing differs but what is accepted, see below."
    if found.confirmed is not None and found.confirmed.pending:
        return "Nothing is confirmed as yet: what differs is read again when its time is over."
    return "Nothing differs: every record of one side is on the other, and each compared field agrees."
