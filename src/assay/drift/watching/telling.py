"""What a compared pair is told as: one finding for each crowd, and the single ones up to a small number.

412 records that differ by one cause are one sentence and one alert. Amounts, statuses and instants are told; free text
is not, for alerts go far: `assay drift explain PAIR KEY` shows both records whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from assay.drift.pairs.model import Apart, Cause, Class, Crowd, Difference, Field, Kind, Pair, SideName
from assay.drift.pairs.reconciling import Reconciled
from assay.errors import AssayError
from assay.events import Finding, Result
from assay.money import Money, sums_by_currency
from assay.span import span_text

ORACLE = "records"
FORMULA = "left == right, by key, within rounding, skew and grace"
_FIELDS, _EXAMPLES, _FEW = 4, 3, 3
_LONGEST = 80
_UNTOLD = "not told by the values"
InBase = Callable[[Mapping[str, Money]], Money | None]
"""Returns what amounts are worth together in the base currency, None where that is not known."""


@dataclass(frozen=True, slots=True)
class _Lot:
    """Differences that are told together; crowd: what they have in common, None of those that are told one by one."""

    members: Sequence[Difference]
    crowd: Crowd | None = None


def findings_of(found: Reconciled, *, most: int, in_base: InBase) -> list[Finding]:
    """Return the open differences of a comparison as findings: crowds, the largest first, then up to `most` others.

    What is beyond that, or was not held, is one finding more. What is at risk is told once of each record.
    """
    pair, told = found.outcome.pair, set[int]()
    findings = []
    for lot in _lots(found):
        if lot.crowd is not None:
            findings.append(_of_crowd(pair, lot.crowd, lot.members, _new(lot.members, told), in_base))
        else:
            shown = list(lot.members[:most])
            findings += [_of_one(pair, each) for each in shown]
            rest = lot.members[most:]
            missed = found.open.found - len(found.open.left)
            if rest or missed:
                findings.append(_of_rest(pair, rest, len(rest) + missed, in_base))
    return findings


def _lots(found: Reconciled) -> Iterator[_Lot]:
    """Give the crowds that say something, and then all that is in none of them."""
    still = _open_places(found)
    inside: set[int] = set()
    for crowd, places in zip(found.outcome.crowds, found.outcome.crowded, strict=True):
        members = [place for place in places if place in still]
        says = crowd.cause is not Cause.UNKNOWN or crowd.dimension is not None
        if len(members) < _FEW or (not says and len(members) <= _FEW + _EXAMPLES):
            continue
        inside.update(members)
        yield _Lot([still[place] for place in members], crowd)
    yield _Lot([each for place, each in still.items() if place not in inside])


def _open_places(found: Reconciled) -> dict[int, Difference]:
    """Return the open differences by their place among all: who tells their way makes others of the same key."""
    waiting: dict[tuple[tuple[str, ...], Class], list[Difference]] = {}
    for each in found.open.left:
        waiting.setdefault((each.key, each.classed), []).append(each)
    places = {}
    for place, each in enumerate(found.outcome.differences):
        if alike := waiting.get((each.key, each.classed)):
            places[place] = alike.pop(0)
    return places


def _new(members: Sequence[Difference], told: set[int]) -> list[Difference]:
    """Return those that were not told before, and note that they are."""
    new = [each for each in members if id(each) not in told]
    told.update(id(each) for each in members)
    return new


def _of_crowd(
    pair: Pair, crowd: Crowd, members: Sequence[Difference], new: Sequence[Difference], in_base: InBase
) -> Finding:
    amounts = sums_by_currency(each.at_risk for each in new)
    keys = ", ".join(_key_text(each.key) for each in members[:_EXAMPLES])
    more = ", …" if len(members) > _EXAMPLES else ""
    cause = [] if crowd.cause is Cause.UNKNOWN else [crowd.cause.value]
    if crowd.dimension is not None and crowd.value is not None:
        cause.append(f"{crowd.dimension} {crowd.value}")
    what = crowd.classed.value if crowd.field is None else f"{crowd.field} {crowd.classed.value}"
    return Finding(
        oracle=ORACLE,
        result=Result.FAIL,
        order_ref=f"{pair.name}: {len(members):,} of {what}",
        systems=_systems(pair),
        expected=pair.about,
        seen=f"{crowd.sentence}{_risk(amounts)}: {keys}{more}",
        formula=FORMULA,
        cause=", ".join(cause) or _UNTOLD,
        at_risk=_one(amounts, in_base),
        evidence=_evidence(pair, members[:_EXAMPLES]),
    )


def _of_rest(pair: Pair, rest: Sequence[Difference], count: int, in_base: InBase) -> Finding:
    amounts = sums_by_currency(each.at_risk for each in rest)
    causes = dict.fromkeys(each.cause.value for each in rest if each.cause is not Cause.UNKNOWN)
    classes = dict.fromkeys(each.classed.value for each in rest)
    said = f" ({', '.join(classes)})" if classes else ""
    return Finding(
        oracle=ORACLE,
        result=Result.FAIL,
        order_ref=f"{pair.name}: {count:,} more",
        systems=_systems(pair),
        expected=pair.about,
        seen=f"{count:,} more records{said}{_risk(amounts)}",
        formula=FORMULA,
        cause=", ".join(causes) or _UNTOLD,
        at_risk=_one(amounts, in_base),
    )


def _of_one(pair: Pair, each: Difference) -> Finding:
    expected, seen = _both(pair, each)
    cause = "" if each.cause is Cause.UNKNOWN else each.cause.value
    why = each.why or next((apart.why for apart in each.fields if apart.why), "")
    return Finding(
        oracle=ORACLE,
        result=Result.FAIL,
        order_ref=f"{pair.name} {_key_text(each.key)}",
        systems=_systems(pair),
        expected=expected,
        seen=seen,
        formula=FORMULA,
        cause=": ".join(filter(None, (cause, why))) or _UNTOLD,
        at_risk=each.at_risk,
        evidence=_evidence(pair, [each]),
    )


def _both(pair: Pair, each: Difference) -> tuple[str, str]:
    """Return what was expected and what was seen of one record."""
    left, right = _systems(pair)
    match each.classed:
        case Class.MISSING:
            return f"it in {right}, as {left} has it", f"not in {right}"
        case Class.EXTRA:
            return f"it in {left}, as {right} has it", f"not in {left}"
        case Class.DUPLICATE:
            return "it once in each", f"{each.copies[0]} times in {left}, {each.copies[1]} times in {right}"
        case Class.LATE:
            return f"it in {right} within {span_text(pair.grace.total_seconds())}", each.why or "later"
    if not each.fields:
        return "a record that can be compared", each.why or "one that cannot"
    some = each.fields[:_FIELDS]
    more = f" and {len(each.fields) - _FIELDS} more fields" if len(each.fields) > _FIELDS else ""
    return (
        f"{left}: " + ", ".join(f"{apart.field} {_shown(pair, apart, 'left', each)}" for apart in some),
        f"{right}: " + ", ".join(f"{apart.field} {_shown(pair, apart, 'right', each)}" for apart in some) + more,
    )


def _shown(pair: Pair, apart: Apart, side: SideName, of: Difference) -> str:
    """Return a value as that side wrote it, amounts with their currency in its own units; free text is not told."""
    value = apart.left if side == "left" else apart.right
    if value is None:
        return "none"
    field = pair.field(apart.field)
    if field.kind is Kind.TEXT:
        return "another text"
    if field.kind is Kind.MONEY and (amount := _amount(field, side, value, of)):
        return amount
    return _short(value)


def _amount(field: Field, side: SideName, value: str, of: Difference) -> str:
    """Return an amount in its currency's units; nothing where it is none, or not exact."""
    amounts, row = (field.left_amounts, of.left) if side == "left" else (field.right_amounts, of.right)
    if amounts is None:
        return ""
    code = amounts.currency or str((row or {}).get(amounts.currency_column or "", ""))
    try:
        return str(Money(int(value), code) if amounts.unit == "minor" else Money.of(Decimal(value), code))
    except (AssayError, ArithmeticError, ValueError):
        return ""


def _evidence(pair: Pair, members: Sequence[Difference]) -> tuple[str, ...]:
    """Return when each side's record is from and was last changed, and where it first went wrong if that is known."""
    lines = []
    for each in members:
        systems = zip(_systems(pair), (each.left, each.right), _moments(each), strict=True)
        said = [f"{system} {text}" for system, row, moments in systems if (text := _when(row is not None, moments))]
        way = f"; {each.way.sentence}" if each.way is not None else ""
        if said or way:
            lines.append(f"{_key_text(each.key)}: {'; '.join(said)}{way}")
    return tuple(lines)


def _moments(each: Difference) -> tuple[tuple[datetime | None, datetime | None], tuple[datetime | None, ...]]:
    return (each.left_placed, each.left_at), (each.right_placed, each.right_at)


def _when(there: bool, moments: Sequence[datetime | None]) -> str:
    placed, changed = moments
    if not there:
        return ""
    said = [f"from {_instant(placed)}"] if placed else []
    said += [f"changed {_instant(changed)}"] if changed and changed != placed else []
    return ", ".join(said)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _risk(amounts: Mapping[str, Money]) -> str:
    return f", {' and '.join(map(str, amounts.values()))} at risk" if amounts else ""


def _one(amounts: Mapping[str, Money], in_base: InBase) -> Money | None:
    """Return one amount for several: their own currency's where it is one, else what they are worth in the base."""
    return next(iter(amounts.values())) if len(amounts) == 1 else in_base(amounts) if amounts else None


def _systems(pair: Pair) -> tuple[str, str]:
    return pair.left.system, pair.right.system


def _key_text(key: Sequence[str]) -> str:
    """Return a key on one line: its columns' values, one after the other."""
    return " ".join(_short(part) or "''" for part in key)


def _short(text: str) -> str:
    """Return a text on one line; what is cut off is shown to be."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
