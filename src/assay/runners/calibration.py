"""What baskets can tell of how a shop rounds: which policies explain what was seen, and which basket to ask for next.

Apart from `calibrator`, which asks the shop, because everything here is arithmetic: policies are simulated over the
shop's own prices, and the smallest basket is taken that splits those that are left best.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from assay.money import Money
from assay.rounding import Item, Rounding, compose, policies

Lines = tuple[tuple[str, int], ...]
"""What is put into a cart: (SKU, units)."""

_BUDGET = 12_000
"""How many compositions one choice of a basket may cost: half a second."""
_UNITS = 60
_FEW = (1, 1, 2, 3, 3, 5, 7, 9, 11)
_MANY_LINES = (2, 2, 3, 3, 4)


class Goods(NamedTuple):
    """An article as the shop prices it for one destination: the price as shown, and its tax in per cent."""

    sku: str
    price: Decimal
    tax_rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the shop said of one basket; `tax` is None where it showed none, `order_ref` where nothing was bought."""

    lines: Lines
    items: tuple[Item, ...]
    shipping: Item | None
    discount: Decimal
    total: Money
    tax: Money | None = None
    order_ref: str | None = None

    def is_explained_by(self, policy: Rounding) -> bool:
        """Say whether a shop that rounds so would have said the same."""
        whole = compose(self.items, self.shipping, self.discount, policy, self.total.currency)
        return whole.total == self.total and (self.tax is None or whole.tax == self.tax.amount)


def candidates(declared: Rounding | None) -> list[Rounding]:
    """Return every policy a shop may have: 24, with the cash steps that are declared, and a declared scale beside."""
    scales = (None,) if declared is None or declared.scale is None else (None, declared.scale)
    steps = {currency: f"{step:f}" for currency, step in declared.cash} if declared else {}
    return list(policies(scales=scales, cash=steps))


def best_basket(
    left: Sequence[Rounding],
    goods: Sequence[Goods],
    *,
    delivery: Item | None,
    currency: str,
    tax_shown: bool,
    asked: Collection[Lines] = (),
    seed: int = 1,
) -> Lines | None:
    """Return the smallest basket that splits these policies best, or None where none of those tried splits any.

    delivery: what sending is expected to cost. tax_shown: whether the tax will be seen, or the total alone. asked:
    baskets not to be proposed again.
    """
    known = {each.sku: each for each in goods}
    best: tuple[tuple[int, int, int, int, Decimal], Lines] | None = None
    for lines in _proposals(goods, _BUDGET // max(1, len(left)), seed):
        if lines in asked:
            continue
        items = [Item(known[sku].price, Decimal(units), known[sku].tax_rate) for sku, units in lines]
        classes = Counter(_figures(policy, items, delivery, currency, tax_shown) for policy in left)
        worth = sum((item.unit_price * item.quantity for item in items), Decimal(0))
        units = sum(units for _, units in lines)
        rank = (max(classes.values()), -len(classes), len(lines), units, worth)
        if len(classes) > 1 and (best is None or rank < best[0]):
            best = (rank, lines)
    return best[1] if best else None


def _figures(
    policy: Rounding, items: Sequence[Item], delivery: Item | None, currency: str, tax_shown: bool
) -> tuple[int, Decimal | None]:
    whole = compose(items, delivery, Decimal(0), policy, currency)
    return whole.total.minor, whole.tax if tax_shown else None


def _proposals(goods: Sequence[Goods], count: int, seed: int) -> Iterator[Lines]:
    """Yield up to so many baskets: single articles in every quantity, and drawn ones of two to four lines."""
    draw = random.Random(seed)  # noqa: S311 - the same baskets for the same shop, nothing secret
    few = _of_every_rate(goods, 40)
    singles = ((each.sku, units) for units in range(1, _UNITS + 1) for each in few)
    for number in range(count):
        if number % 2 == 0 and (single := next(singles, None)) is not None:
            yield (single,)
        elif len(few) > 1:
            chosen = draw.sample(few, min(len(few), draw.choice(_MANY_LINES)))
            yield tuple((each.sku, draw.choice(_FEW)) for each in chosen)


def _of_every_rate(goods: Sequence[Goods], most: int) -> list[Goods]:
    """Return the cheapest articles, as many of each tax rate, at most so many."""
    by_rate: dict[Decimal, list[Goods]] = {}
    for each in sorted(goods, key=lambda each: each.price):
        by_rate.setdefault(each.tax_rate, []).append(each)
    share = max(1, most // max(1, len(by_rate)))
    return [each for listed in by_rate.values() for each in listed[:share]][:most]


def open_questions(left: Sequence[Rounding], rates: Collection[Decimal], *, tax_shown: bool) -> dict[str, str]:
    """Return what cannot be told apart as {question: why}, by mode, level, and whether prices hold tax."""
    if len(left) < 2:
        return {}
    told: dict[str, str] = {}
    if len({each.tax_included for each in left}) > 1:
        told["whether prices hold tax"] = "nothing that bears tax could be bought"
    modes = sorted({each.mode for each in left}, reverse=True)
    if len(modes) > 1:
        told[_or(modes)] = _why_modes(left, rates, tax_shown)
    levels = sorted({each.level for each in left})
    if len(levels) > 1:
        told["per " + _or(levels)] = _why_levels(levels, rates, tax_shown)
    if len({each.scale for each in left}) > 1:
        told["the decimals of what is rounded"] = "every basket tried comes to the same with either"
    return told


def _why_modes(left: Sequence[Rounding], rates: Collection[Decimal], tax_shown: bool) -> str:
    if not any(rates):
        return "nothing that was offered bears tax, so nothing is rounded"
    if not tax_shown and all(each.tax_included for each in left):
        return _NO_TAX_SHOWN
    if "down" in {each.mode for each in left}:
        return _NONE_FOUND
    bases = {each.tax_included for each in left}
    taxed = sorted(rate for rate in rates if rate)
    if any(can_tie(rate, included=included) for rate in taxed for included in bases):
        return "none of the baskets tried ends on half a step: the prices do not give one"
    prices = "with tax" if bases == {True} else "without tax"
    listed = _or([f"{rate:f} %" for rate in taxed])
    return f"{listed} of prices {prices} in whole steps never ends on half a step: there is no tie, and either is right"


def _why_levels(levels: Sequence[str], rates: Collection[Decimal], tax_shown: bool) -> str:
    taxed = [rate for rate in rates if rate]
    if not taxed:
        return "nothing that was offered bears tax, so nothing is rounded"
    if set(levels) == {"rate", "total"} and len(set(rates)) == 1:
        return f"goods and delivery all bear {taxed[0]:f} %: the sum of that rate is the total"
    return _NONE_FOUND if tax_shown else _NO_TAX_SHOWN


_NO_TAX_SHOWN = "the shop shows no tax, and the total of prices with tax is the same however it is rounded"
_NONE_FOUND = "every basket tried comes to the same figures"


def can_tie(tax_rate: Decimal, *, included: bool) -> bool:
    """Say whether the tax of some amount in whole steps ends on exactly half a step.

    It is amount * a / b in lowest terms, and half a step is reached where b is even: 20 % on top is 1/5 and never is,
    20 % contained is 1/6 and can be.
    """
    share = Fraction(tax_rate) / (100 + Fraction(tax_rate) if included else 100)
    return share.denominator % 2 == 0


def likeliest(left: Sequence[Rounding], declared: Rounding | None) -> Rounding:
    """Return the policy to write where several are left that no basket tells apart: the declared one, if it is there.

    Otherwise what most shops do: per line, half up.
    """
    if declared is not None and declared in left:
        return declared
    return min(left, key=lambda each: (each.level != "line", each.mode != "half_up", each.scale is not None))


def remaining(left: Sequence[Rounding]) -> Mapping[str, tuple[str, ...]]:
    """Return what is left of each question, apart: whether prices hold tax, levels, modes."""
    return {
        "tax_included": tuple(sorted({"true" if each.tax_included else "false" for each in left})),
        "level": tuple(sorted({each.level for each in left})),
        "mode": tuple(sorted({each.mode for each in left})),
    }


def _or(words: Sequence[str]) -> str:
    words = [word.replace("_", " ") for word in words]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
