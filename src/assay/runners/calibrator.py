"""Finds out how a shop rounds: asks it for baskets, quoted where a cart says enough and bought where only orders do.

Nothing is bought that a cart tells as well. What is bought is noted before and taken back afterwards, as with every
flow; an environment marked as production is refused before anything is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

from assay.errors import InfrastructureError, SafetyError, UsageError, did_you_mean
from assay.events import Listener
from assay.flow import Case, Flow, Run
from assay.local.plan import Plan
from assay.money import Money
from assay.records import Article, Line, Order
from assay.roles import Purchase, Shop, ShopRefused, Storefront
from assay.rounding import Item, Rounding
from assay.runners.calibration import Goods, Lines, Seen, best_basket, candidates, open_questions
from assay.runners.environment import open_environment
from assay.runners.session import Session

MOST = 10
"""How many baskets are asked for at most, the one that reads tax rates included."""
_READ = 16
"""How many articles the first basket holds, whose tax rates are read from it."""
_SEEN_BACK = timedelta(days=30)
_CUSTOMER = Purchase(currency="EUR", lines=(), email="calibrate-rounding@example.com")


@dataclass(slots=True, kw_only=True)
class Calibration:
    """What is known of a shop's rounding: the baskets in their order, and the policies that explain all of them.

    `left_after` says how many policies each basket left. `rates` are the tax rates of goods and delivery, `refused` the
    baskets the shop did not want, `leaks` orders that were bought and could not be taken back.
    """

    currency: str
    country: str
    left: list[Rounding]
    baskets: list[Seen] = field(default_factory=list)
    left_after: list[int] = field(default_factory=list)
    rates: list[Decimal] = field(default_factory=list)
    questions: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)

    @property
    def quoted(self) -> int:
        """How many baskets were only put into a cart."""
        return sum(seen.order_ref is None for seen in self.baskets)

    @property
    def bought(self) -> int:
        """How many baskets became orders."""
        return len(self.baskets) - self.quoted


def calibrate(
    plan: Plan, *, skus: Sequence[str] = (), customer: Purchase | None = None, listen: Listener = lambda _: None
) -> Calibration:
    """Ask the shop of an environment for crafted baskets until one policy is left, or no basket tells more.

    skus: the only articles to use. customer: whose currency, address and payment method to buy with. `SafetyError` in
    production; `UsageError` for a shop that cannot be walked through, or an article it does not sell.
    """
    if plan.environment.production:
        raise SafetyError(
            f"'{plan.name}' is production: baskets are not calibrated there",
            hint="calibrate on a simulated or staging environment that rounds the same: --env NAME",
        )
    with open_environment(plan, listen) as session:
        session.settle()
        shop = session.landscape.by_role("shop")
        if not isinstance(shop, Storefront):
            raise UsageError(
                "the shop's connector cannot fill a cart",
                where=f"environment '{plan.name}'",
                expected="the verbs of assay.roles.Storefront: articles, open_cart, put_in, deliver_to, basket …",
                hint="give the connector these verbs, or declare [policies.rounding] yourself",
            )
        return _Asking(session, shop, customer or _customer_of(plan)).run(skus)


def _customer_of(plan: Plan) -> Purchase:
    """Return somebody who buys in the shop's own currency. Raises `UsageError` where none is declared."""
    base = plan.profile.policies.base_currency
    if base is None:
        raise UsageError(
            "no base currency is declared, so there is no telling what to buy in",
            where="policies.base_currency",
            hint='add base_currency = "EUR", or your own, under [policies]; or buy as a case does: --like FLOW[CASE]',
        )
    return replace(_CUSTOMER, currency=base)


class _Asking:
    """One calibration under way."""

    def __init__(self, session: Session, shop: Storefront, customer: Purchase) -> None:
        rounding = session.plan.profile.policies.rounding
        self._session, self._shop, self._customer = session, shop, customer
        self._found = Calibration(
            currency=customer.currency,
            country=customer.country,
            left=candidates(rounding.policy() if rounding else None),
        )
        self._rates: dict[str, Decimal] = {}
        self._delivery_rate: Decimal | None = None
        self._must_buy = False

    def run(self, skus: Sequence[str]) -> Calibration:
        """Ask until nothing more can be told; what was bought is taken back whatever happens."""
        try:
            articles = self._articles(skus)
            self._first(articles)
            prices = {each.sku: each.price.amount for each in articles if each.price is not None}
            goods = [Goods(sku, price, self._rates[sku]) for sku, price in prices.items() if sku in self._rates]
            self._narrow(goods)
        finally:
            if self._found.bought:
                self._found.leaks += self._session.take_back().leaks
        found = self._found
        found.rates = sorted({*self._rates.values(), *([self._delivery_rate] if self._delivery_rate else [])})
        found.questions = open_questions(found.left, found.rates, tax_shown=self._tax_shown)
        return found

    @property
    def _tax_shown(self) -> bool:
        """Whether the next basket will show its tax."""
        return self._must_buy or any(seen.tax is not None for seen in self._found.baskets)

    def _narrow(self, goods: list[Goods]) -> None:
        """Ask for the basket that splits the policies best, again and again."""
        found = self._found
        while len(found.left) > 1 and len(found.baskets) + len(found.refused) < MOST:
            lines = best_basket(
                found.left,
                goods,
                delivery=found.baskets[-1].shipping if found.baskets else None,
                currency=found.currency,
                tax_shown=self._tax_shown,
                asked={seen.lines for seen in found.baskets},
            )
            if lines is not None:
                refused = len(found.refused)
                self._ask(lines)
                if len(found.refused) > refused:
                    goods = [each for each in goods if each.sku not in dict(lines)]
            elif self._tax_shown:
                return
            else:  # a cart tells no more; an order may show its tax
                self._must_buy = True

    def _first(self, articles: Sequence[Article]) -> None:
        """Ask for one of each of several articles, which tells their tax rates; orders of others tell the rest."""
        self._read_orders()
        step = max(1, len(articles) // _READ)
        self._ask(tuple((each.sku, 1) for each in articles[::step][:_READ]))
        if not self._found.baskets:
            for each in articles:
                if self._ask(((each.sku, 1),)):
                    break
            else:
                raise InfrastructureError(
                    "the shop refused every article", seen=self._found.refused[-1], hint="name others with --sku"
                )

    def _read_orders(self) -> None:
        """Learn tax rates from what was ordered to the same country lately."""
        now = self._session.now()
        for order in self._shop.orders(now - _SEEN_BACK, now):
            if order.address is not None and order.address.country == self._customer.country:
                self._learn(order.lines, order.shipping_tax_rate)

    def _ask(self, lines: Lines) -> bool:
        """Have a basket quoted, or bought where that tells more, and drop the policies that do not explain it."""
        try:
            seen = None if self._must_buy else self._quoted(lines)
            if seen is None:
                self._must_buy = True
                seen = self._bought(lines)
        except ShopRefused as refusal:
            self._found.refused.append(f"{_named(lines)}: {refusal}")
            return False
        self._found.baskets.append(seen)
        self._found.left = [policy for policy in self._found.left if seen.is_explained_by(policy)]
        self._found.left_after.append(len(self._found.left))
        return True

    def _quoted(self, lines: Lines) -> Seen | None:
        """Return what a cart says of a basket; None where it does not show its tax rates and no order told them."""
        cart = self._shop.open_cart(self._customer.currency)
        for sku, units in lines:
            self._shop.put_in(cart, sku, units)
        shown = self._shop.deliver_to(cart, replace(self._customer, lines=lines))
        self._learn(shown.lines, shown.shipping_tax_rate)
        items = self._items(shown.lines)
        shipping = self._delivery(shown.shipping)
        if items is None or (shown.shipping.minor and shipping is None):
            return None
        return Seen(
            lines=lines,
            items=items,
            shipping=shipping,
            discount=shown.discount.amount,
            total=shown.total,
            tax=shown.tax,
        )

    def _bought(self, lines: Lines) -> Seen:
        """Buy a basket, and return what the order says of it."""
        case = Case(f"basket_{len(self._found.baskets) + 1}", replace(self._customer, lines=lines))
        outcome = self._session.perform(replace(_FLOW, cases=(case,)), case)
        if not outcome.order_refs:
            said = next((step.error for step in outcome.steps if step.error), None) or "no order"
            raise InfrastructureError("a basket could not be bought", where=_named(lines), seen=said)
        order = self._shop.order(outcome.order_refs[-1])
        self._learn(order.lines, order.shipping_tax_rate)
        items = self._items(order.lines)
        shipping = self._delivery(order.shipping)
        if items is None or (order.shipping and order.shipping.minor and shipping is None):
            raise UsageError(
                "the shop shows no unit prices or tax rates of its orders: nothing can be composed again",
                where=f"order {order.number}",
                expected="Order.lines with unit_price and tax_rate, and shipping_tax_rate",
                hint="have the shop's connector read them",
            )
        return _of_order(order, lines, items, shipping)

    def _learn(self, lines: Sequence[Line], delivery_rate: Decimal | None) -> None:
        self._rates |= {line.sku: line.tax_rate for line in lines if line.tax_rate is not None}
        if delivery_rate is not None:
            self._delivery_rate = delivery_rate

    def _items(self, lines: Sequence[Line]) -> tuple[Item, ...] | None:
        found = []
        for line in lines:
            rate = self._rates.get(line.sku) if line.tax_rate is None else line.tax_rate
            if line.unit_price is None or rate is None:
                return None
            found.append(Item(line.unit_price.amount, line.quantity, rate))
        return tuple(found)

    def _delivery(self, price: Money | None) -> Item | None:
        """Return delivery as an item of its own; None where there is none, or where its tax rate is not known."""
        if price is None or not price.minor or self._delivery_rate is None:
            return None
        return Item(price.amount, Decimal(1), self._delivery_rate)

    def _articles(self, skus: Sequence[str]) -> list[Article]:
        """Return what may be bought: priced, in stock, no bundle; `UsageError` where nothing is."""
        listed = self._shop.articles(self._customer.currency)
        for sku in skus:
            if sku not in {each.sku for each in listed}:
                raise UsageError(f"the shop sells no '{sku}'", hint=did_you_mean(sku, [each.sku for each in listed]))
        plain = [each for each in listed if each.price and not each.components and not each.backorder]
        chosen = [each for each in plain if not skus or each.sku in skus]
        if not chosen:
            raise UsageError(
                f"there is nothing to fill a basket with in {self._customer.currency}",
                expected="articles with a price that are no bundles and not made to order",
                seen=f"{len(listed)} articles, {len(plain)} of them such",
            )
        return chosen


def _of_order(order: Order, lines: Lines, items: tuple[Item, ...], shipping: Item | None) -> Seen:
    return Seen(
        lines=lines,
        items=items,
        shipping=shipping,
        discount=order.discount.amount if order.discount else Decimal(0),
        total=order.total,
        tax=order.tax,
        order_ref=order.ref,
    )


def _named(lines: Lines) -> str:
    return ", ".join(f"{units} x {sku}" for sku, units in lines)


def _place(run: Run, shop: Shop) -> None:
    with run.step("place the order"):
        run.buy(shop)


_FLOW = Flow(
    id="calibrate-rounding",
    title="A basket that tells how the shop rounds",
    act=_place,
    roles=("shop",),
    cases=(),
    reversible=True,
)
