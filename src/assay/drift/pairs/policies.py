"""Finds out from the orders themselves how each side rounds, where nobody declared it: a proposal, never a verdict.

Where the pair says what orders were priced from, each side is held against every way of rounding there is, and the
one that explains its amounts is proposed. From amounts alone less can be told: the pair of ways with the narrowest
bound that holds all orders, and of a side whose amounts divide by the units sold that it rounds per unit.
Orders beyond even the widest bound differ for another reason, and are set aside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from itertools import product

from assay.drift.pairs.bounds import bound_of, bound_text, largest
from assay.drift.pairs.model import Amounts, Bound, Field, Part
from assay.errors import UsageError
from assay.money import exponent
from assay.rounding import Item, Rounding, compose, policies

ENOUGH = 30
"""Fewer orders than that tell nothing."""
_FIRST, _MOST, _FINALISTS = 150, 1_000, 12
_EXPLAINS, _HOLDS, _DIVIDES = 0.9, 0.999, 0.95
_HUNDRED = Decimal(100)
# A price without tax out of one with tax need not end; so many digits never decide on which side of a half it lies.
_FINE = Context(prec=40, rounding=ROUND_HALF_EVEN)
_SCALES = (None, 2, 4)


@dataclass(frozen=True, slots=True)
class Order:
    """One order as both sides hold it, in minor units; items as it was priced, where the pair says so."""

    currency: str
    left: int
    right: int
    units: int = 0
    lines: int = 0
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How one side rounds, as far as its orders tell: the likeliest way, how many orders it explains, what else may be.

    rounding: None where no way that is known explains nine orders in ten.
    """

    rounding: Rounding | None
    explained: int
    others: tuple[Rounding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What to declare of a money field. orders: how many were looked at; apart: how many of them differ at all.

    bound: what both policies allow, in the commonest currency; beyond: how many orders lie beyond it even so.
    from_prices: whether each side was reckoned anew, or the amounts alone compared.
    """

    field: str
    left: Said
    right: Said
    orders: int
    apart: int
    beyond: int
    bound: Bound
    from_prices: bool

    @property
    def is_found(self) -> bool:
        """Whether there is something to declare for both sides."""
        return self.left.rounding is not None and self.right.rounding is not None

    def sentence(self) -> str:
        """Say it in one sentence, for people."""
        if not self.is_found:
            return f"no two ways of rounding that are known explain how '{self.field}' differs"
        ground = "by their prices" if self.from_prices else "by the amounts alone, which tell less than prices would"
        return (
            f"'{self.field}' differs as it does where the left rounds so: {self.left.rounding}; and the right so: "
            f"{self.right.rounding} ({ground}): allowed are then {bound_text(self.bound)} minor units, and "
            f"{self.beyond:,} of {self.orders:,} orders lie beyond"
        )


def propose(field: Field, orders: Sequence[Order], *, prices_hold_tax: bool | None = None) -> Proposal | None:
    """Return what to declare for a money field, or None where too few orders of both sides are at hand.

    prices_hold_tax: whether the items' prices do; None where orders have no items.
    """
    if len(orders) < ENOUGH:
        return None
    priced = [each for each in orders if each.items]
    if prices_hold_tax is not None and len(priced) >= ENOUGH:
        left, right = _from_prices(priced, field.part, prices_hold_tax)
    else:
        left, right = _from_amounts(field, orders)
        prices_hold_tax = None
    currency = Counter(each.currency for each in orders).most_common(1)[0][0]
    declared = _with(field, left.rounding, right.rounding)
    return Proposal(
        field=field.name,
        left=left,
        right=right,
        orders=len(orders),
        apart=sum(each.left != each.right for each in orders),
        beyond=len(orders) - _held(declared, _sizes(orders))[0],
        bound=bound_of(declared, currency),
        from_prices=prices_hold_tax is not None,
    )


def policy_toml(policy: Rounding) -> str:
    """Write a policy as it stands in a file of pairs."""
    scale = "" if policy.scale is None else f", scale = {policy.scale}"
    included = "true" if policy.tax_included else "false"
    return f'{{ tax_included = {included}, level = "{policy.level}", mode = "{policy.mode}"{scale} }}'


def _from_prices(orders: Sequence[Order], part: Part, hold_tax: bool) -> tuple[Said, Said]:
    """Reckon orders anew by every policy, those that explain little no further than the first few."""
    every = list(policies(scales=_SCALES))
    first, rest = orders[:_FIRST], orders[_FIRST:_MOST]
    counts = {policy: _explained(policy, first, part, hold_tax) for policy in every}
    left: dict[Rounding, int] = {}
    right: dict[Rounding, int] = {}
    finalists = {
        policy
        for side in (0, 1)
        for policy in sorted(every, key=lambda each, side=side: -counts[each][side])[:_FINALISTS]  # type: ignore[misc]
    }
    for policy in every:
        if policy in finalists:
            more = _explained(policy, rest, part, hold_tax)
            left[policy], right[policy] = counts[policy][0] + more[0], counts[policy][1] + more[1]
    looked_at = len(first) + len(rest)
    return _best(left, looked_at), _best(right, looked_at)


def _best(explained: dict[Rounding, int], orders: int) -> Said:
    most = max(explained.values())
    equal = sorted((each for each, count in explained.items() if count == most), key=_unlikely)
    if most < _EXPLAINS * orders:
        return Said(rounding=None, explained=most, others=tuple(equal))
    return Said(rounding=equal[0], explained=most, others=tuple(equal[1:]))


def _unlikely(policy: Rounding) -> tuple[bool, int, int]:
    """Return how unlikely a way is among those that explain the same: the currency's decimals, half up, the whole."""
    return policy.scale is not None, ("half_up", "half_even", "down").index(policy.mode), -_LEVELS.index(policy.level)


_LEVELS = ("unit", "line", "rate", "total")


def _explained(policy: Rounding, orders: Sequence[Order], part: Part, hold_tax: bool) -> tuple[int, int]:
    """Return how many orders of each side are what this policy makes of their prices."""
    left = right = 0
    for order in orders:
        try:
            whole = compose(_items(order, policy, hold_tax), None, Decimal(0), policy, order.currency)
        except UsageError:
            continue
        amount = whole.total.amount if part == "total" else whole.net if part == "net" else whole.tax
        minor = amount.scaleb(exponent(order.currency))
        left += minor == order.left
        right += minor == order.right
    return left, right


def _items(order: Order, policy: Rounding, hold_tax: bool) -> list[Item]:
    """Return the items with prices in the basis of the policy."""
    if policy.tax_included == hold_tax:
        return list(order.items)
    with localcontext(_FINE):
        return [
            item._replace(
                unit_price=item.unit_price * (_HUNDRED + item.tax_rate) / _HUNDRED
                if policy.tax_included
                else item.unit_price * _HUNDRED / (_HUNDRED + item.tax_rate)
            )
            for item in order.items
        ]


def _from_amounts(field: Field, orders: Sequence[Order]) -> tuple[Said, Said]:
    """Return the two ways with the narrowest bound that holds all orders that rounding can explain at all."""
    narrowest: tuple[int, Rounding, Rounding] | None = None
    equal: list[tuple[Rounding, Rounding]] = []
    sizes = _sizes(orders)
    lefts, rights = _levels(orders, "left"), _levels(orders, "right")
    ways = [(left, right) for left, right in product(_distinct(), repeat=2) if left.level in lefts]
    ways = sorted((each for each in ways if each[1].level in rights), key=lambda each: [*map(_unlikely, each)])
    held = {way: _held(_with(field, *way), sizes) for way in ways}
    explicable = max((count for count, _ in held.values()), default=0)
    for way, (count, width) in held.items():
        if not count or count < _HOLDS * explicable:
            continue
        if narrowest is None or width < narrowest[0]:
            narrowest, equal = (width, *way), []
        elif width == narrowest[0]:
            equal.append(way)
    if narrowest is None:
        return Said(rounding=None, explained=0), Said(rounding=None, explained=0)
    _, left, right = narrowest
    others = [tuple(dict.fromkeys(pair[side] for pair in equal)) for side in (0, 1)]
    return (
        Said(rounding=left, explained=held[left, right][0], others=tuple(each for each in others[0] if each != left)),
        Said(rounding=right, explained=held[left, right][0], others=tuple(each for each in others[1] if each != right)),
    )


def _distinct() -> list[Rounding]:
    """Return one policy of each bound: half up and half even lose alike."""
    return [each for each in policies() if each.mode != "half_even"]


def _levels(orders: Sequence[Order], side: str) -> tuple[str, ...]:
    """Return the levels that may be: a side whose single lines all divide by their units rounds each unit."""
    single = [each for each in orders if each.lines == 1 and each.units > 1]
    if len(single) < ENOUGH:
        return _LEVELS
    divisible = sum(int(getattr(each, side)) % each.units == 0 for each in single)
    return ("unit",) if divisible >= _DIVIDES * len(single) else ("line", "rate", "total")


_Sizes = dict[str, dict[tuple[int, int], Counter[int]]]
"""How far orders lie apart, by currency, and by their units and lines."""


def _sizes(orders: Sequence[Order]) -> _Sizes:
    sizes: _Sizes = {}
    for each in orders:
        apart = sizes.setdefault(each.currency, {}).setdefault((each.units, each.lines), Counter())
        apart[abs(each.left - each.right)] += 1
    return sizes


def _held(field: Field, sizes: _Sizes) -> tuple[int, int]:
    """Return how many orders lie within the field's bound, and how wide it is over all of them together."""
    held = width = 0
    for currency, of_currency in sizes.items():
        bound = bound_of(field, currency)
        for (units, lines), apart in of_currency.items():
            allowed = largest(bound, units, lines)
            held += sum(count for distance, count in apart.items() if distance <= allowed)
            width += allowed * apart.total()
    return held, width


def _with(field: Field, left: Rounding | None, right: Rounding | None) -> Field:
    """Return the field with these policies declared."""
    return replace(
        field,
        left_amounts=replace(field.left_amounts or Amounts(), rounding=left),
        right_amounts=replace(field.right_amounts or Amounts(), rounding=right),
    )
