"""How a shop rounds, as values: one frozen policy, and what a basket costs under it.

Nothing here is a default of "the right way": shops round per unit, line, tax rate or total, half up, half even or down,
on prices with or without tax, and each is legal. A policy is declared in the profile or calibrated from orders.
Sums are exact: every quotient is rounded once, from its exact numerator and denominator, never from a quotient that was
already cut to so many digits.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    Inexact,
    InvalidOperation,
    localcontext,
)
from typing import Literal, NamedTuple, get_args

from assay.errors import UsageError, did_you_mean
from assay.money import Money, exponent

Level = Literal["unit", "line", "rate", "total"]
Mode = Literal["half_up", "half_even", "down"]

LEVELS: tuple[Level, ...] = get_args(Level)
MODES: tuple[Mode, ...] = get_args(Mode)
_FINEST = 8
_ZERO, _ONE, _HUNDRED = Decimal(0), Decimal(1), Decimal(100)
# Amounts of 30 digits over the product of a dozen tax rates still fit; anything inexact is refused, never rounded.
_EXACT = Context(prec=120, traps=[Inexact, InvalidOperation])
_ROUNDING = Context(prec=120, traps=[InvalidOperation])
_DECIMAL_MODES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """One policy. Prices hold tax or not; what is rounded (`level`), how (`mode`), to how many decimals (`scale`).

    `scale` None means the currency's own decimals. `cash` holds, by currency, the step totals are rounded to: Swiss
    cash (CHF 0.05), or what a gateway can charge (KWD 0.01); it is rounded in the same mode. Half up and down are
    those of accounting: away from zero and towards zero.
    """

    tax_included: bool
    level: Level
    mode: Mode
    scale: int | None = None
    cash: tuple[tuple[str, Decimal], ...] = ()

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise UsageError(f"'{self.level}' is no level of rounding", hint=did_you_mean(self.level, LEVELS))
        if self.mode not in MODES:
            raise UsageError(f"'{self.mode}' is no mode of rounding", hint=did_you_mean(self.mode, MODES))
        if self.scale is not None and (type(self.scale) is not int or not 0 <= self.scale <= _FINEST):
            raise UsageError("scale counts decimals", expected=f"0 to {_FINEST}", seen=repr(self.scale))
        for currency, step in self.cash:
            _checked_step(currency, step)

    def with_cash(self, steps: Mapping[str, str | Decimal]) -> Rounding:
        """Return this policy with further cash steps, by currency: ``{"CHF": "0.05"}``; the coarser of two wins."""
        return _with_cash(self, tuple(steps.items()))

    def cash_step(self, currency: str) -> Decimal | None:
        """Return the step totals of this currency are rounded to, or None where the policy has none."""
        return next((step for code, step in self.cash if code == currency), None)

    def step(self, currency: str) -> Decimal:
        """Return the smallest step of what is rounded on the way to the total: 0.01 for EUR, 1 for JPY."""
        return _step(exponent(currency) if self.scale is None else self.scale)

    def __str__(self) -> str:
        prices = "with tax" if self.tax_included else "without tax"
        scale = "" if self.scale is None else f", {self.scale} decimals"
        cash = "".join(f", {currency} in steps of {step:f}" for currency, step in self.cash)
        return f"prices {prices}, rounded per {self.level}, {self.mode.replace('_', ' ')}{scale}{cash}"


@functools.lru_cache(maxsize=1024)
def _with_cash(policy: Rounding, steps: tuple[tuple[str, str | Decimal], ...]) -> Rounding:
    """Merge cash steps; every order of a currency asks for the same few."""
    merged = dict(policy.cash)
    for currency, text in steps:
        step = _checked_step(currency, text)
        merged[currency] = max(step, merged.get(currency, step))
    return replace(policy, cash=tuple(sorted(merged.items())))


class Item(NamedTuple):
    """One line or charge as it was priced: price of one unit (with tax if the policy says so), quantity, tax in %.

    A line's own discount is a further item of the same rate with a negative price.
    """

    unit_price: Decimal
    quantity: Decimal
    tax_rate: Decimal


class Parts(NamedTuple):
    """What one line comes to, its share of the discount taken off: net + tax == gross."""

    net: Decimal
    tax: Decimal
    gross: Decimal


class Composition(NamedTuple):
    """What a basket comes to: total == sum of lines' and shipping's gross + cash_rounding, exactly.

    Under level rate and total nobody rounds a line; there a line holds its share of what was rounded (largest
    remainder). `cash_rounding` is everything between those sums and the amount to be paid: cash rounding, and the step
    to the currency's decimals where the policy's scale is finer.
    """

    lines: tuple[Parts, ...]
    shipping: Parts | None
    net: Decimal
    tax: Decimal
    total: Money
    cash_rounding: Decimal


def policies(
    *, tax_included: bool | None = None, scales: Iterable[int | None] = (None,), cash: Mapping[str, str] | None = None
) -> Iterator[Rounding]:
    """Enumerate the legal policies, to calibrate against: 24, or 12 where it is known whether prices hold tax."""
    bases = (True, False) if tax_included is None else (tax_included,)
    for scale in scales:
        for base in bases:
            for level in LEVELS:
                for mode in MODES:
                    yield Rounding(tax_included=base, level=level, mode=mode, scale=scale).with_cash(cash or {})


def round_amount(amount: Decimal, currency: str, policy: Rounding) -> Decimal:
    """Return the amount rounded once as the policy rounds; `UsageError` for no finite Decimal of a sane length."""
    return _rounded(_decimal(amount, "an amount"), policy.step(currency), policy.mode)


def cash_round(amount: Money, policy: Rounding) -> Money:
    """Return what is to be paid: the total rounded to the currency's cash step, or as it is where there is none."""
    step = policy.cash_step(amount.currency)
    if step is None:
        return amount
    return Money.of(_rounded(amount.amount, step, policy.mode), amount.currency)


def compose(
    lines: Sequence[Item], shipping: Item | None, discount: Decimal, policy: Rounding, currency: str
) -> Composition:
    """Return what a basket comes to under a policy, from unit prices, quantities and tax rates.

    `discount` is what is taken off the goods as a whole: 0 or more, in the basis of the prices (with tax where they
    hold tax). It is spread over the lines by their worth in whole steps, largest remainder first; tax is of what is
    left. Shipping is taxed by its own rate and bears no discount. `UsageError` for what is no basket.
    """
    step = policy.step(currency)
    try:
        with localcontext(_EXACT):
            items = _checked(lines, shipping, discount)
            shares = _discount_shares(lines, _to_step(discount, step, policy.mode), policy, step)
            if shipping is not None:
                shares = [*shares, _ZERO]
            by_item = _PER_LEVEL[policy.level](items, shares, policy, step)
            return _composed(by_item, shipping is not None, policy, currency)
    except ArithmeticError as error:
        raise UsageError(
            "these amounts cannot be composed exactly", seen=f"{lines}", hint=type(error).__name__
        ) from None


def _composed(pairs: list[tuple[Decimal, Decimal]], shipped: bool, policy: Rounding, currency: str) -> Composition:
    """Return the whole from each item's (basis, tax), where basis is the gross or the net as prices hold tax or not."""
    # Added up here, not out of the parts: it is done for every basket, a hundred thousand times in a benchmark.
    taxes = sum([tax for _, tax in pairs], _ZERO)
    bases = sum([basis for basis, _ in pairs], _ZERO)
    if policy.tax_included:
        parts = [Parts(basis - tax, tax, basis) for basis, tax in pairs]
        net, gross = bases - taxes, bases
    else:
        parts = [Parts(basis, tax, basis + tax) for basis, tax in pairs]
        net, gross = bases, bases + taxes
    digits = exponent(currency)
    own = _step(digits)
    total = _to_step(gross, own, policy.mode)
    cash = policy.cash_step(currency)
    if cash is not None and cash != own:
        total = _quotient(total, _ONE, cash, policy.mode)
    return Composition(
        lines=tuple(parts[:-1] if shipped else parts),
        shipping=parts[-1] if shipped else None,
        net=net,
        tax=taxes,
        total=Money(int(total.scaleb(digits)), currency),
        cash_rounding=total - gross,
    )


def _per_unit(
    items: Sequence[Item], shares: Sequence[Decimal], policy: Rounding, step: Decimal
) -> list[tuple[Decimal, Decimal]]:
    """Round price and tax of one unit, then multiply; the discount's own tax is rounded once a line."""
    mode = policy.mode
    pairs = []
    for (price, quantity, rate), share in zip(items, shares, strict=True):
        above, below = _tax_fraction(rate, policy.tax_included)
        unit = _to_step(price, step, mode)
        # A unit is taxed at the price it is shown with; a broken quantity (1.5 kg) leaves the grid again.
        basis = _to_step(unit * quantity, step, mode)
        tax = _to_step(_quotient(unit * above, below, step, mode) * quantity, step, mode)
        if share:
            basis -= share
            tax -= _quotient(share * above, below, step, mode)
        pairs.append((basis, tax))
    return pairs


def _per_line(
    items: Sequence[Item], shares: Sequence[Decimal], policy: Rounding, step: Decimal
) -> list[tuple[Decimal, Decimal]]:
    """Round each line, then the tax of what is left of it."""
    pairs = []
    for (price, quantity, rate), share in zip(items, shares, strict=True):
        above, below = _tax_fraction(rate, policy.tax_included)
        basis = _to_step(price * quantity, step, policy.mode) - share
        pairs.append((basis, _quotient(basis * above, below, step, policy.mode)))
    return pairs


def _per_rate(
    items: Sequence[Item], shares: Sequence[Decimal], policy: Rounding, step: Decimal
) -> list[tuple[Decimal, Decimal]]:
    """Round the sums of each tax rate once."""
    rates: dict[Decimal, list[int]] = {}
    for place, item in enumerate(items):
        rates.setdefault(item.tax_rate, []).append(place)
    pairs = [(_ZERO, _ZERO)] * len(items)
    for places in rates.values():
        grouped = _grouped([items[place] for place in places], [shares[place] for place in places], policy, step)
        for place, pair in zip(places, grouped, strict=True):
            pairs[place] = pair
    return pairs


def _grouped(
    items: Sequence[Item], shares: Sequence[Decimal], policy: Rounding, step: Decimal
) -> list[tuple[Decimal, Decimal]]:
    """Round the sums of these items once, and give each item its share of them."""
    amounts = [item.unit_price * item.quantity - share for item, share in zip(items, shares, strict=True)]
    rates = {item.tax_rate for item in items}
    if len(rates) == 1:
        above, below = _tax_fraction(rates.pop(), policy.tax_included)
        taxes = [amount * above for amount in amounts]
    else:
        fractions = [_tax_fraction(item.tax_rate, policy.tax_included) for item in items]
        # One denominator for all rates, so that the sum of taxes is one exact quotient.
        below = _ONE
        for each in {fraction[1] for fraction in fractions}:
            below *= each
        taxes = [amount * above * (below / own) for amount, (above, own) in zip(amounts, fractions, strict=True)]
    return list(
        zip(
            _spread(_to_step(sum(amounts, _ZERO), step, policy.mode), amounts, _ONE, step),
            _spread(_quotient(sum(taxes, _ZERO), below, step, policy.mode), taxes, below, step),
            strict=True,
        )
    )


_PER_LEVEL = {"unit": _per_unit, "line": _per_line, "rate": _per_rate, "total": _grouped}


def _discount_shares(lines: Sequence[Item], discount: Decimal, policy: Rounding, step: Decimal) -> list[Decimal]:
    """Return each line's share of the discount, by what the lines are worth; lines of negative worth bear none."""
    if not discount:
        return [_ZERO] * len(lines)
    worth = [max(_ZERO, _to_step(price * quantity, step, policy.mode)) for price, quantity, _ in lines]
    whole = sum(worth, _ZERO)
    if not whole:
        raise UsageError("a discount needs goods to be taken from", expected="lines with a price", seen=f"{discount}")
    return _spread(discount, [discount * each for each in worth], whole, step)


def _spread(total: Decimal, numerators: Sequence[Decimal], denominator: Decimal, step: Decimal) -> list[Decimal]:
    """Return shares in whole steps that sum to the total, each near numerator / denominator: largest remainder first.

    The total differs from the exact sum by a rounding alone, so the steps left over are at most one a share.
    """
    if len(numerators) == 1:
        return [total]
    unit = denominator * step
    floors, remainders = [], []
    for numerator in numerators:
        floor, rest = divmod(numerator, unit)
        if rest < 0:
            floor, rest = floor - 1, rest + unit
        floors.append(floor)
        remainders.append(rest)
    left = int(total / step - sum(floors, _ZERO))
    if left:
        for place in sorted(range(len(floors)), key=lambda index: -remainders[index])[:left]:
            floors[place] += 1
    return [floor * step for floor in floors]


def _tax_fraction(rate: Decimal, included: bool) -> tuple[Decimal, Decimal]:
    """Return the part of a price that is its tax, as numerator and denominator."""
    return rate, _HUNDRED + rate if included else _HUNDRED


def _quotient(numerator: Decimal, denominator: Decimal, step: Decimal, mode: Mode) -> Decimal:
    """Return numerator / denominator rounded once to a multiple of step; the denominator is positive."""
    unit = denominator * step
    count, rest = divmod(numerator, unit)
    if rest and mode != "down":
        twice = abs(rest) * 2
        if twice > unit or (twice == unit and (mode == "half_up" or count % 2)):
            count += 1 if numerator > 0 else -1
    return count * step


def _to_step(amount: Decimal, step: Decimal, mode: Mode) -> Decimal:
    """Round to a step of the currency's decimals; `_quotient` does what this does, for steps such as 0.05, too."""
    return amount.quantize(step, _DECIMAL_MODES[mode], _ROUNDING)


def _rounded(amount: Decimal, step: Decimal, mode: Mode) -> Decimal:
    """Round outside a composition, where the exact context is not yet entered."""
    try:
        with localcontext(_EXACT):
            return _quotient(amount, _ONE, step, mode)
    except ArithmeticError:
        raise UsageError(
            "no shop ever charged that", expected="an amount of up to 100 digits", seen=f"{amount}"
        ) from None


@functools.cache
def _step(decimals: int) -> Decimal:
    return Decimal((0, (1,), -decimals))


def _checked(lines: Sequence[Item], shipping: Item | None, discount: Decimal) -> list[Item]:
    items = [*lines, shipping] if shipping is not None else list(lines)
    for item in items:
        price, quantity, rate = item
        if not (type(price) is Decimal and type(quantity) is Decimal and type(rate) is Decimal):
            raise UsageError("an item holds Decimals", expected="Item(unit_price, quantity, tax_rate)", seen=f"{item}")
        if quantity < 0 or rate < 0:
            raise UsageError("quantity and tax rate are 0 or more; a price may be negative", seen=f"{item}")
    if _decimal(discount, "a discount") < 0:
        raise UsageError("a discount is what is taken off, 0 or more", seen=f"{discount}")
    return items


def _decimal(amount: Decimal, what: str) -> Decimal:
    if not isinstance(amount, Decimal) or not amount.is_finite():
        raise UsageError(f"{what} is a finite Decimal", seen=f"{type(amount).__name__} {amount!r}")
    return amount


def _checked_step(currency: str, text: str | Decimal) -> Decimal:
    """Return a cash step as a Decimal: a positive multiple of the currency's smallest unit."""
    try:
        minor = Money.of(text, currency).minor
    except UsageError as error:
        raise UsageError(f"no cash step of {currency}: {error.message}", seen=str(text), hint=error.hint) from None
    if minor <= 0:
        raise UsageError("a cash step is more than 0", where=currency, seen=str(text))
    return Decimal(text)
