"""INN-01 to INN-11: legal behaviour with money, over which every oracle is silent, and one unit beside it none is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from assay.events import Result
from assay.exponents import gateway_exponent
from assay.oracles import ORACLES, Judging
from assay.oracles.cause import money_cause
from assay.records import (
    AnalyticsEvent,
    Dossier,
    GatewayRefund,
    Line,
    MinorAmount,
    OrderRefund,
    PaymentOption,
    Tender,
    UsedRate,
)
from assay.rounding import LEVELS, MODES, Item, Rounding, compose
from tests.engine.oracles.test_innocent import cash_rounding, erp_rounds_per_rate
from tests.engine.oracles.world import (
    AT,
    FAIL,
    JUDGING,
    PASS,
    articles,
    change,
    displayed,
    healthy,
    judged,
    money,
    rate,
    with_document,
    with_line,
    with_order,
    with_payment,
)


def priced(total: str, currency: str, gateway: str, units: int, *, base: str | None = None, **more: Any) -> Dossier:
    """One article at that price, sent for nothing, charged at a gateway in its own units."""
    price = money(total, currency)
    line = Line(
        sku="0017", quantity=Decimal(1), unit_price=price, total=price, tax_rate=Decimal(0),
        tax=money("0", currency), ref="1",
    )  # fmt: skip
    nothing = money("0", currency)
    tender = Tender(
        gateway=gateway, kind="card", ref="pi_1", status="succeeded", amount=price, captured=price, refunded=nothing
    )
    whole = MinorAmount(units, currency)
    dossier = replace(
        with_payment(healthy(), system=gateway, amount=whole, captured=whole, refunded=MinorAmount(0, currency)),
        documents=(), shipments=(), labels=(), bought=(("0017", 1),), stock=(), creations=(), messages=(),
        shown=(("product 0017", price), ("checkout", price)), displayed=(displayed("checkout", str(price), price),),
        options=(PaymentOption(kind="card", gateway=gateway),), rates=(), base_articles=articles()[:1],
        read_at=AT + timedelta(seconds=40),
    )  # fmt: skip
    used = UsedRate(
        base="EUR", quote=currency, value=Decimal(base) if base else None, as_of=AT.date(), source="ECB", label=None
    )
    fields: dict[str, Any] = {
        "total": price, "lines": (line,), "shipping": nothing, "shipping_tax": nothing, "discount": nothing,
        "tax": nothing, "rounding": nothing, "rate": used, "tenders": (tender,), "status": "confirmed", "parcels": (),
        "tracking_numbers": (), "postings": (), "history": (), "shipping_service": "letter", "goods": price,
    }  # fmt: skip
    return with_order(dossier, **{**fields, **more})


def dinars() -> Dossier:
    """KWD 5.124 is charged 5.120 at Stripe, and the order shows the rounding."""
    dossier = priced("5.120", "KWD", "stripe", 5120)
    raw = money("5.124", "KWD")
    dossier = with_line(dossier, unit_price=raw, total=raw)
    return replace(
        with_order(dossier, rounding=money("-0.004", "KWD"), goods=raw),
        shown=(("product 0017", raw), ("checkout", money("5.120", "KWD"))),
    )


def refunded_later() -> Dossier:
    """Twenty days later the rate is another by 6 %, and the order's own is used."""
    at = AT + timedelta(days=20)
    back = GatewayRefund(ref="re_1", status="succeeded", amount=MinorAmount(1389, "JPY"), created_at=at)
    own = OrderRefund(
        ref="re_1", tender_ref="pay_1", status="succeeded", amount=money("1389", "JPY"), reason="broken", at=at,
        lines=(("1", 1),), base=money("9.50", "EUR"), gateway_ref="re_1",
    )  # fmt: skip
    dossier = with_payment(healthy("JPY"), refunded=1389, refunds=(back,))
    assert dossier.order is not None
    history = (*dossier.order.history, change("payment_status", "partially_refunded", minutes=20 * 24 * 60))
    paid = with_order(dossier, refunds=(own,), payment_status="partially_refunded", history=history)
    return replace(paid, rates=(*paid.rates, rate("JPY", "154.99", at.date())), read_at=at + timedelta(days=1))


def pegged() -> Dossier:
    """A pegged currency: the same rate for months, and it is 1."""
    dossier = priced("9.50", "BMD", "stripe", 950, base="1")
    return replace(dossier, rates=tuple(rate("BMD", "1", AT.date() - timedelta(days=days)) for days in range(5)))


CASES: dict[str, tuple[Callable[[], Dossier], Judging, tuple[str, ...]]] = {
    "INN-01": (erp_rounds_per_rate, JUDGING, ("O-M1", "O-M2", "O-M5", "O-E2")),
    "INN-02": (cash_rounding, JUDGING, ("O-M1", "O-M3", "O-M5", "O-P4")),
    "INN-03": (
        lambda: priced("10.99", "USD", "stripe", 1099, base="1.0834"),
        replace(JUDGING, price_lists=frozenset({"0017/USD"})),
        ("O-M1", "O-M3", "O-M5", "O-M9", "O-M10"),
    ),
    "INN-04 Stripe": (
        lambda: priced("1000", "ISK", "stripe", 100_000),
        JUDGING,
        ("O-M1", "O-M3", "O-M5", "O-M9", "O-P4"),
    ),
    "INN-04 Adyen": (
        lambda: priced("1000", "ISK", "adyen", 100_000),
        JUDGING,
        ("O-M1", "O-M3", "O-M5", "O-M9", "O-P4"),
    ),
    "INN-05": (dinars, JUDGING, ("O-M1", "O-M3", "O-M5", "O-P4")),
    "INN-06": (lambda: priced("1234.00", "HUF", "paypal", 1234), JUDGING, ("O-M1", "O-M3", "O-M5", "O-M9", "O-P4")),
    "INN-07": (lambda: healthy("JPY"), JUDGING, ("O-M4",)),
    "INN-08": (refunded_later, JUDGING, ("O-M4", "O-M6")),
    "INN-10": (pegged, replace(JUDGING, pegged=frozenset({"BMD"})), ("O-M1", "O-M4")),
    "INN-11": (
        lambda: replace(healthy("JPY"), rates=(*healthy("JPY").rates, rate("JPY", "157.92", date(2026, 3, 3)))),
        JUDGING,
        ("O-M4",),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_legal_money_is_silent(case: str) -> None:
    """No oracle fails, and those the variation is about pass: they do not look away."""
    build, judging, names = CASES[case]
    dossier = build()
    loud = [finding for name in sorted(ORACLES) if (finding := judged(name, dossier, judging)).result is FAIL]
    assert [each.sentence() for each in loud] == []
    blind = {name: judged(name, dossier, judging).reason for name in names}
    assert {name: reason for name, reason in blind.items() if reason} == {}


@pytest.mark.parametrize("case", ["INN-04 Stripe", "INN-04 Adyen", "INN-05", "INN-06"])
@pytest.mark.parametrize("off", [-1, 1])
def test_one_unit_beside_what_is_legal(case: str, off: int) -> None:
    """One of the gateway's units more or less than is due makes O-M1 fire, whatever the gateway counts."""
    dossier = CASES[case][0]()
    charged = dossier.payments[0].captured
    step = replace(charged, minor=charged.minor + off)
    assert judged("O-M1", with_payment(dossier, captured=step)).result is FAIL
    assert gateway_exponent(dossier.payments[0].system, charged.currency) in (0, 2, 3)


def test_iso_decimals_would_be_wrong() -> None:
    """MON-07: ISK 1,000 sent as 1000 is a hundredth, and O-M1 says which decimals were sent."""
    for gateway in ("stripe", "adyen"):
        finding = judged("O-M1", priced("1000", "ISK", gateway, 1000))
        assert finding.cause == f"exponent: ISK was sent with 0 decimals, {gateway} counts 2"


def event(amount: str, currency: str = "JPY", name: str = "purchase") -> AnalyticsEvent:
    """What analytics was told."""
    return AnalyticsEvent(name=name, order_ref="ord_1", value=money(amount, currency), at=AT)


@pytest.mark.parametrize(
    ("told", "judging", "cause"),
    [
        (event("9782"), JUDGING, ""),
        (event("8151"), JUDGING, ""),  # without tax
        (event("8919"), JUDGING, ""),  # without shipping
        (event("67"), JUDGING, "not converted (none)"),  # MON-41
        (event("67", name="refund"), JUDGING, "not converted (none)"),
        (event("1430337"), JUDGING, "double"),
        (event("1389", name="add_to_cart"), JUDGING, ""),
        (event("5000"), JUDGING, "no known pattern"),
        (event("5000", name="partial_refund"), JUDGING, ""),
        (event("66.90", "EUR"), JUDGING, "was not handed over"),
        (event("66.90", "EUR"), replace(JUDGING, booked_currency={"analytics": "EUR"}), ""),
        (event("66.88", "EUR"), replace(JUDGING, booked_currency={"analytics": "EUR"}), "no known pattern"),
        (event("9782.00", "EUR"), replace(JUDGING, booked_currency={"analytics": "EUR"}), "none"),
    ],
)
def test_what_analytics_is_told(told: AnalyticsEvent, judging: Judging, cause: str) -> None:
    """MON-41: O-M2 holds an event's number and code against the order, or its base amount where that is declared."""
    finding = judged("O-M2", replace(healthy("JPY"), events=(told,)), judging)
    assert (finding.result, cause in finding.cause) == (FAIL if cause else PASS, True), finding.sentence()


@pytest.mark.parametrize(
    ("shown", "cause"),
    [
        ((("cart", "66.90 EUR"), ("wallet", "66.90 EUR"), ("checkout", "66.90 EUR")), ""),
        ((("cart", "61.00 EUR"), ("wallet", "66.90 EUR"), ("checkout", "66.90 EUR")), ""),
        ((("wallet", "66.90 EUR"),), ""),
        ((("cart", "66.90 EUR"), ("wallet", "6690.00 EUR"), ("checkout", "66.90 EUR")), "exponent"),  # MON-06
        ((("cart", "66.90 EUR"), ("wallet", "66.90 USD"), ("checkout", "66.90 EUR")), "the number kept"),
        ((("cart", "66.90 EUR"), ("wallet", "72.48 USD"), ("checkout", "66.90 EUR")), "another currency than the rest"),
        ((("checkout", "66.90 EUR"), ("payment page", "66.90 USD")), "the code was switched and the number kept"),
        ((("checkout", "66.90 EUR"), ("payment page", "66.90 EUR")), ""),
        ((("checkout", "66.90 EUR"), ("payment page", "66.91 EUR")), "level or in another mode"),
        ((("checkout", "66.90 EUR"), ("invoice", "66.91 EUR")), "level or in another mode"),
    ],
)
def test_wallet_and_pay_page(shown: tuple[tuple[str, str], ...], cause: str) -> None:
    """MON-06, MON-14: O-M3 holds a wallet's sheet and a pay page against the totals beside them and the charge."""
    places = tuple((place, money(*amount.split())) for place, amount in shown)
    finding = judged("O-M3", replace(healthy(), shown=places))
    assert (finding.result, cause in finding.cause) == (FAIL if cause else PASS, True), finding.sentence()


def test_a_pay_page_in_another_currency_is_no_currency_of_the_order() -> None:
    """MON-14: O-M2 fires on a wallet or pay page that asks in another currency than the order's."""
    for place in ("wallet", "payment page"):
        finding = judged("O-M2", replace(healthy(), shown=((place, money("66.90", "USD")),)))
        assert (finding.result, finding.expected) == (FAIL, f"EUR in what '{place}' asks for")


# 1 unit of 1.95 at 50 % and 3 of 2.45 at 21 %, half a cent and thirds: every level and mode gives other sums.
TIE = ((Decimal("0.67"), 3, Decimal(19)), (Decimal("1.17"), 5, Decimal(19)), (Decimal("24.375"), 1, Decimal(21)))


def tie_basket(policy: Rounding, *, tax_included: bool) -> Dossier:
    """A basket composed under a policy, with its lines, tax and total as a shop of that policy shows them."""
    wanted = [(Decimal("24.37"), 1, Decimal(21)) if price == Decimal("24.375") else (price, units, tax)
              for price, units, tax in TIE]  # fmt: skip
    whole = compose(
        [Item(price, Decimal(units), tax) for price, units, tax in wanted],
        Item(Decimal("5.90"), Decimal(1), Decimal(19)), Decimal(0), policy, "EUR",
    )  # fmt: skip
    order = healthy().order
    assert order is not None
    lines = tuple(
        replace(
            order.lines[0], ref=str(place), sku=f"S{place}", quantity=Decimal(units), unit_price=money(price, "EUR"),
            total=money(parts.gross if tax_included else parts.net, "EUR"), tax=money(parts.tax, "EUR"), tax_rate=tax,
        )
        for place, ((price, units, tax), parts) in enumerate(zip(wanted, whole.lines, strict=True))
    )  # fmt: skip
    return with_order(
        healthy(), lines=lines, total=whole.total, tax=money(whole.tax, "EUR"), tax_included=tax_included,
        shipping_tax_rate=Decimal(19), rounding=None,
    )  # fmt: skip


POLICIES = [
    Rounding(tax_included=base, level=level, mode=mode) for base in (True, False) for level in LEVELS for mode in MODES
]


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_every_policy_is_composed_exactly(policy: Rounding) -> None:
    """O-M5 passes what each of the 24 policies gives under itself, with and without tax in the prices."""
    dossier = tie_basket(policy, tax_included=policy.tax_included)
    assert judged("O-M5", dossier, replace(JUDGING, rounding=policy)).result is PASS


@pytest.mark.parametrize("declared", POLICIES, ids=str)
def test_another_policy_is_named(declared: Rounding) -> None:
    """O-M5 names the level or the mode a basket was really rounded with, and passes only where both give the same."""
    judging = replace(JUDGING, rounding=declared)
    named = 0
    for real in POLICIES:
        if real.tax_included != declared.tax_included or real == declared:
            continue
        finding = judged("O-M5", tie_basket(real, tax_included=real.tax_included), judging)
        if finding.result is PASS:
            continue
        named += 1
        wanted = (
            ("level",)
            if real.mode == declared.mode
            else ("mode",)
            if real.level == declared.level
            else ("level", "mode")
        )
        assert any(word in finding.cause for word in wanted), finding.sentence()
        assert "would give" in finding.cause
    assert named >= 3


def test_a_level_is_told_from_a_mode() -> None:
    """O-M5 says level where only the level differs, mode where only the mode does, and truncation for cutting off."""
    declared = Rounding(tax_included=True, level="line", mode="half_up")
    judging = replace(JUDGING, rounding=declared)
    unit = tie_basket(replace(declared, level="unit"), tax_included=True)
    assert judged("O-M5", unit, judging).cause.startswith("level: rounded per unit instead of per line would give")
    down = tie_basket(replace(declared, mode="down"), tax_included=True)
    cause = judged("O-M5", down, judging).cause
    assert cause.startswith("mode: rounded down (truncation) instead of half up")


def test_the_order_says_whether_its_prices_hold_tax() -> None:
    """O-M5 takes what an order itself says of its prices, where the profile says otherwise."""
    net = Rounding(tax_included=False, level="line", mode="half_up")
    assert judged("O-M5", tie_basket(net, tax_included=False), JUDGING).result is PASS
    assert judged("O-M5", with_order(tie_basket(net, tax_included=False), tax_included=True), JUDGING).result is FAIL


def test_an_unknown_residual_keeps_its_pattern() -> None:
    """O-M5 says what it always said where no policy gives what is seen."""
    finding = judged("O-M5", with_order(healthy(), total=money("66.93", "EUR"), tax=None))
    assert finding.cause == "rounding on another level or in another mode"
    assert judged("O-M5", with_order(healthy(), total=money("90.00", "EUR"), tax=None)).cause.startswith("no known")


def test_steps_of_the_gateways_offered() -> None:
    """O-M5 rounds to the coarsest step of the gateways that were offered, and to none other where these are known."""
    dossier = dinars()
    by_adyen = with_payment(dossier, system="adyen")
    offered = (PaymentOption(kind="card", gateway="adyen"), PaymentOption(kind="card", gateway="stripe"))
    assert judged("O-M5", replace(by_adyen, options=offered)).result is PASS
    assert judged("O-M5", replace(by_adyen, options=offered[:1])).result is FAIL
    assert judged("O-M5", replace(by_adyen, options=())).result is PASS
    assert judged("O-M5", with_order(replace(by_adyen, options=()), rounding=None)).result is FAIL


def test_a_document_of_the_erp_in_company_currency_and_an_event_agree() -> None:
    """O-M2 passes a foreign order that ERP and analytics both hold in the company's currency, tied by the rate."""
    books = replace(JUDGING, booked_currency={"sap": "EUR", "analytics": "EUR"})
    net = round(Decimal(9782 - 1631) / Decimal("146.22"), 2)
    dossier = replace(with_document(healthy("JPY"), currency="EUR", total=net), events=(event("66.90", "EUR"),))
    assert judged("O-M2", dossier, books).result is PASS
    assert judged("O-M2", with_order(dossier, rate=None), books).result is Result.NOT_EVALUATED


@pytest.mark.parametrize(
    ("seen", "expected", "word"),
    [
        ("146220", "1462.20", "exponent"),
        ("42", "6141", "(none)"),
        ("897937", "6141", "double"),
        ("0", "6141", "inverse"),
        ("5872", "6141", "stale"),
        ("7369", "6141", "tax"),
        ("6141", "6141.50", "truncation"),
        ("6143", "6141", "level or in another mode"),
    ],
)
def test_each_class_is_named(seen: str, expected: str, word: str) -> None:
    """Every class of the classifier stands in the sentence by its name."""
    said = money_cause(
        Decimal(seen), Decimal(expected), step=Decimal(1), rate=Decimal("146.22"),
        other_rates=(Decimal("139.80"),), tax_rates=(Decimal(20),), units=2,
    )  # fmt: skip
    assert word in said
