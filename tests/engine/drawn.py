"""Purchases drawn by Hypothesis, bought in bulk through one session; a failure as the case that shows it, to paste.

A bulk is one example: its purchases act side by side. What was bought once is remembered with its verdict, so that
shrinking a bulk of a hundred to the one purchase at fault buys nothing again, and shrinking that purchase buys one
order a try.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta

from hypothesis import strategies as st

from assay.events import Finding, Outcome, Result
from assay.flow import Case
from assay.records import Article
from assay.roles import Purchase, Storefront
from assay.rounding import LEVELS, Level, Mode
from assay.runners.run import run_cases
from assay.runners.session import Session
from assay.runners.verdict import Trouble
from scenarios.buying import CURRENCIES, paid_by
from scenarios.f02_multi_currency import multi_currency

SCARCE = "J-012"
BULK = 60
COUNTRIES = ("FR", "DE", "GB", "IS", "JP", "KW", "US", "IN")
NAMES = ("Zoë Müller", "Anne-Laure d’Été", "山田 太郎", "Ólafur Þórðarson", "Łukasz Żółć", "O'Neill & Søn", "Q 🐙 Ng")
COUPONS = ("WELCOME10", "FIVE", "TENNER")
_NOT_OFFERED = frozenset({("FIVE", "KWD")})  # five euros have no rate to dinars, which are priced by hand
_A_FEW = 3
_VAT_IDS = {"DE": "DE136695976", "FR": "FR40303265045"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One drawn purchase, by value: the same again is the same purchase."""

    gateway: str
    currency: str
    lines: tuple[tuple[str, int], ...]
    country: str = "FR"
    name: str = NAMES[0]
    coupon: str | None = None
    company: bool = False
    standard_delivery: bool = False

    def case(self, name: str) -> Case:
        """Return it as a case of F02."""
        vat_id = _VAT_IDS.get(self.country)
        return paid_by(
            "drawn",
            name,
            self.currency,
            *self.lines,
            gateway=self.gateway,
            company="Atelier Drawn" if self.company else "",
            notes={"vat_id": vat_id} if self.company and vat_id else None,
            to=self.country,
            name=self.name,
            coupon=self.coupon,
            standard_delivery=self.standard_delivery,
        )


@dataclass(frozen=True, slots=True)
class Shop:
    """How the shop is configured while a bulk is bought, and how many days its rates went on before."""

    tax_included: bool = True
    level: Level = "line"
    mode: Mode = "half_up"
    days: int = 0

    @property
    def settings(self) -> Mapping[str, object]:
        """The reference merchant's settings."""
        return {"tax_included": self.tax_included, "rounding_level": self.level, "rounding_mode": self.mode}


@dataclass(frozen=True, slots=True)
class Bulk:
    """Purchases that are made at the same time in one shop."""

    shop: Shop
    wanted: tuple[Wanted, ...]


@st.composite
def bulks(draw: st.DrawFn, skus: Sequence[str], gateways: Sequence[str], size: int = BULK) -> Bulk:
    """Draw the shop and up to so many purchases; nine in ten are kept, and shrinking drops them one by one."""
    shop = Shop(
        draw(st.sampled_from((True, True, False))),
        draw(st.sampled_from(("line", *LEVELS))),
        # What a price cut off below the step means is not declared: "down" is for composing totals, and left out here.
        draw(st.sampled_from(("half_up", "half_even"))),
        draw(st.sampled_from((0, 0, 0, 1))),
    )
    found = [draw(purchases(skus, gateways)) for _ in range(size) if draw(st.integers(0, 9))]
    return Bulk(shop, tuple(dict.fromkeys(found)))


@st.composite
def purchases(draw: st.DrawFn, skus: Sequence[str], gateways: Sequence[str]) -> Wanted:
    """Draw one purchase of one to four articles at a gateway that lists its currency."""
    gateway = draw(st.sampled_from(gateways))
    lines = draw(
        st.lists(
            st.tuples(st.sampled_from(skus), st.integers(1, 5)), min_size=1, max_size=4, unique_by=lambda line: line[0]
        )
    )
    # A coupon is leased: two of one kind would wait for each other.
    coupon = draw(st.integers(0, 29))
    currency = draw(st.sampled_from(CURRENCIES[gateway]))
    offered = [code for code in COUPONS if (code, currency) not in _NOT_OFFERED]
    return Wanted(
        gateway=gateway,
        currency=currency,
        lines=tuple(lines),
        country=draw(st.sampled_from(COUNTRIES)),
        name=draw(st.sampled_from(NAMES)),
        coupon=offered[coupon - 1] if 0 < coupon <= len(offered) else None,
        company=draw(st.integers(0, 9)) == 9,
        standard_delivery=draw(st.booleans()),
    )


def plentiful(session: Session) -> list[str]:
    """Return the SKUs of which there is enough for everybody, the cheapest first: that is what shrinking goes to."""
    shop = session.landscape.by_role("shop")
    assert isinstance(shop, Storefront)
    articles = [each for each in shop.articles("EUR") if _is_plain(each)]
    return [each.sku for each in sorted(articles, key=lambda each: each.price.minor if each.price else 0)]


def _is_plain(article: Article) -> bool:
    return not (article.components or article.backorder or article.sku == SCARCE)


def gateways_of(session: Session) -> list[str]:
    """Return the gateways this landscape has, Stripe first."""
    return [name for name in CURRENCIES if name in session.plan.environment.with_role("payments")]


class Buyer:
    """Buys bulks in one session until so many orders were judged, and remembers what came of each purchase."""

    def __init__(self, session: Session, target: int) -> None:
        self.session = session
        self.target = target
        self.bought = 0
        self.verdicts = 0
        self._known: dict[tuple[Shop, Wanted], list[str]] = {}
        self._numbers = 0
        self.failing = False

    @property
    def is_done(self) -> bool:
        """Whether enough was bought and nothing is wrong."""
        return not self.failing and self.bought >= self.target

    def faults(self, bulk: Bulk) -> list[tuple[Wanted, list[str]]]:
        """Buy what of the bulk was not bought yet, and return what is at fault with every reason."""
        shop = replace(bulk.shop, days=0)
        fresh = [each for each in bulk.wanted if (shop, each) not in self._known]
        # Once something is at fault, whole bulks are not bought again in other shops: the one purchase will be.
        if fresh and not self.is_done and not (self.failing and len(fresh) > _A_FEW):
            self._buy(bulk.shop, shop, fresh)
        found = [(each, self._known.get((shop, each), [])) for each in bulk.wanted]
        wrong = [(each, reasons) for each, reasons in found if reasons]
        self.failing = self.failing or bool(wrong)
        return wrong

    def _buy(self, asked: Shop, shop: Shop, fresh: Sequence[Wanted]) -> None:
        session, operator = self.session, self.session.operator
        assert operator is not None
        outcomes: list[Outcome] = []
        troubles: list[Trouble] = []
        cases = {}
        for wanted in fresh:
            self._numbers += 1
            name = f"drawn_{self._numbers}"
            cases[name] = wanted
        if asked.days and not self.failing:
            session.pass_time(timedelta(days=asked.days))
        pairs = [(replace(multi_currency, cases=(case,)), case) for case in (w.case(n) for n, w in cases.items())]
        before = session.judging
        declared = before.rounding
        assert declared is not None
        policy = replace(declared, tax_included=shop.tax_included, level=shop.level, mode=shop.mode)
        session.judging = replace(before, rounding=policy)
        change = operator.configure("merchant", shop.settings)
        try:
            run_cases(session, pairs, heard=outcomes.append, trouble=troubles.append, workers=8, together=False)
        finally:
            operator.restore(change)
            session.judging = before
        assert not troubles, f"{troubles}"
        for outcome in outcomes:
            # What belongs to no order (a host nobody declared) is the last one's, so that it does not go unseen.
            reasons, about = reasons_of(outcome), cases.get(outcome.case, fresh[-1])
            self._known.setdefault((shop, about), []).extend(reasons)
            self.bought += len(outcome.order_refs)
            self.verdicts += outcome.evaluated


def reasons_of(outcome: Outcome) -> list[str]:
    """Return what is wrong with an outcome: failed steps and findings."""
    steps = [f"step '{step.name}': {step.error}" for step in outcome.steps if step.error]
    wrong: list[Finding] = [each for each in outcome.findings if each.result is Result.FAIL]
    return steps + [each.sentence() for each in wrong]


def as_case(case: Case) -> str:
    """Return a case as the text that makes it: ``Case("drawn", Purchase(...))`` with what is not a default."""
    return f"Case({case.name!r}, {_made(case.purchase)})"


def _made(purchase: Purchase) -> str:
    usual = Purchase(currency="", lines=(), email="")
    given = [
        f"{each.name}={getattr(purchase, each.name)!r}"
        for each in fields(purchase)
        if getattr(purchase, each.name) != getattr(usual, each.name)
    ]
    return f"Purchase({', '.join(given)})"


def told(wrong: Sequence[tuple[Wanted, list[str]]], shop: Shop) -> str:
    """Return what is at fault as text: each case to paste, the shop it is bought in, and what was found."""
    parts = [] if shop == Shop() else [f"in a shop with {dict(shop.settings)}:"]
    for wanted, reasons in wrong:
        parts += [as_case(wanted.case("drawn")), *(f"  {reason}" for reason in reasons)]
    return "\n".join(parts)
