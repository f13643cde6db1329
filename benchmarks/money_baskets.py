"""100,000 drawn baskets through `assay.money` and the oracle of composition (O-M5).

Limit: 10 s of CPU on one core for composing each basket under its shop's policy, making an order of it (every amount a
`Money`, added up again), and judging that order. Baskets hold one to four lines of one to nine units, at every tax rate
and in eleven currencies, with and without tax in the prices, under all 24 policies, one in ten with a discount. Drawing
them is printed apart. One in a thousand orders is wrong by one minor unit, and each of those must be found.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.events import Result
from assay.money import Money, exponent, sum_of
from assay.oracles import ORACLES, Judging
from assay.records import Dossier, Line, Order
from assay.rounding import Item, Rounding, compose, policies

LIMIT_S, BASKETS, ONE_WRONG_IN = 10.0, 100_000, 1000
CURRENCIES = ("EUR", "USD", "GBP", "JPY", "KRW", "KWD", "INR", "ISK", "HUF", "CHF", "IDR")
RATES = tuple(Decimal(rate) for rate in ("0", "5.5", "7", "10", "19", "20", "21", "25.5"))
AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SKUS = ("0017", "A-100", "B-200", "C-300")
ZERO = Decimal(0)


class Basket(NamedTuple):
    """One drawn basket and the shop it is bought in."""

    lines: tuple[Item, ...]
    shipping: Item
    discount: Decimal
    policy: Rounding
    currency: str


def drawn(count: int, seed: int) -> list[Basket]:
    """Return so many baskets."""
    draw = random.Random(seed)
    every = list(policies())
    found = []
    for number in range(count):
        currency = draw.choice(CURRENCIES)
        digits = exponent(currency)

        def price(most: int, digits: int = digits) -> Decimal:
            return Decimal(draw.randint(1, most * 10**digits)).scaleb(-digits)

        lines = tuple(
            Item(price(300), Decimal(draw.randint(1, 9)), draw.choice(RATES)) for _ in range(draw.randint(1, 4))
        )
        discount = price(1) if number % 10 == 0 else ZERO
        found.append(
            Basket(lines, Item(price(25), Decimal(1), draw.choice(RATES)), discount, draw.choice(every), currency)
        )
    return found


def ordered(basket: Basket, *, wrong: bool) -> Order:
    """Return what a shop of that policy makes of the basket; a wrong one is one minor unit too dear."""
    lines, shipping, discount, policy, currency = basket
    whole = compose(lines, shipping, discount, policy, currency)
    net, tax = Money.of(whole.net, currency), Money.of(whole.tax, currency)
    total = sum_of([net, tax], currency)
    if total != whole.total:
        raise SystemExit(f"{total} is not {whole.total}: {basket}")
    return Order(
        system="shop",
        ref="ord_1",
        number="A1",
        status="confirmed",
        total=total + Money(1, currency) if wrong else total,
        placed_at=AT,
        lines=tuple(
            Line(
                sku=sku, quantity=item.quantity, unit_price=Money.of(item.unit_price, currency), tax_rate=item.tax_rate
            )
            for sku, item in zip(SKUS, lines, strict=False)
        ),
        shipping=Money.of(shipping.unit_price, currency),
        shipping_tax_rate=shipping.tax_rate,
        discount=Money.of(discount, currency),
        tax=tax,
        tax_included=policy.tax_included,
    )


def main() -> int:
    """Print the figure against its limit; 1 when it is over or a wrong order passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baskets", type=int, default=BASKETS)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.process_time()
    baskets = drawn(options.baskets, options.seed)
    print(f"{len(baskets):,} baskets drawn in {time.process_time() - began:.1f} s of CPU")
    judge, judgings, missed, alarms = ORACLES["O-M5"], dict[Rounding, Judging](), 0, 0
    began = time.process_time()
    for number, basket in enumerate(baskets):
        wrong = number % ONE_WRONG_IN == ONE_WRONG_IN - 1
        if (judging := judgings.get(basket.policy)) is None:
            judging = judgings[basket.policy] = Judging(rounding=basket.policy)
        found = judge(Dossier(order=ordered(basket, wrong=wrong)), judging).result
        missed += wrong and found is not Result.FAIL
        alarms += not wrong and found is not Result.PASS
    seconds = (time.process_time() - began) * BASKETS / max(1, len(baskets))
    print(f"{missed} of {len(baskets) // ONE_WRONG_IN:,} wrong orders missed, {alarms} false alarms")
    word = "ok" if seconds <= LIMIT_S else "OVER"
    print(f"{BASKETS:,} baskets through money.py and O-M5   {seconds:.1f} s of CPU   limit {LIMIT_S:g} s   {word}")
    return seconds > LIMIT_S or missed > 0 or alarms > 0


if __name__ == "__main__":
    sys.exit(main())
