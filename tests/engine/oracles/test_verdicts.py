"""Judges over made-up dossiers: each table row is one world and the verdict the specification gives it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.events import Finding, Result
from assay.exponents import gateway_exponent, misfit
from assay.money import EXPONENTS, Money
from assay.oracles import ORACLES, Judging, books, money, oracle, orders, passed
from assay.records import Document, Dossier, MinorAmount, Order, Payment

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
O_M1, O_E2, O_O1 = money.charged_minor_units, books.document_totals, orders.exactly_once


EIGHTY = Money(8000, "EUR")


def order(total: Money = EIGHTY, **more: Any) -> Order:
    """An order of the shop."""
    return Order(system="shop", ref="o-1", number="1001", status="paid", total=total, placed_at=AT, **more)


def payment(captured: int, currency: str = "EUR", *, ref: str = "pi_1", system: str = "stripe") -> Payment:
    """A payment of that many captured minor units."""
    amount = MinorAmount(captured, currency)
    return Payment(
        system=system,
        ref=ref,
        order_ref="1001",
        status="succeeded",
        amount=amount,
        captured=amount,
        refunded=replace(amount, minor=0),
        created_at=AT,
    )


def document(ref: str = "4711", **more: Any) -> Document:
    """A sales order of the ERP."""
    return Document(
        **{"system": "sap", "ref": ref, "kind": "sales_order", "order_ref": "1001", "status": "open", **more}
    )


def judged(judge: Any, held: Order | None, *payments: Payment, documents: tuple[Document, ...] = ()) -> Finding:
    """The verdict over a dossier whose every witness was read."""
    finding = judge(Dossier(order=held, payments=payments, documents=documents))
    assert isinstance(finding, Finding)
    return finding


@pytest.mark.parametrize(
    ("total", "captured", "result", "cause"),
    [
        (Money(8000, "EUR"), 8000, Result.PASS, ""),
        (Money(8000, "JPY"), 8000, Result.PASS, ""),
        (Money(8000, "JPY"), 800000, Result.FAIL, "exponent: JPY was sent with 2 decimals, stripe counts 0"),
        (Money(8000, "EUR"), 80, Result.FAIL, "exponent: EUR was sent with 0 decimals, stripe counts 2"),
        (Money(10500, "KWD"), 10500, Result.PASS, ""),
        (Money(10500, "KWD"), 1050, Result.FAIL, "exponent: KWD was sent with 2 decimals, stripe counts 3"),
        (Money(5000, "ISK"), 500000, Result.PASS, ""),
        (Money(5000, "ISK"), 5000, Result.FAIL, "exponent: ISK was sent with 0 decimals, stripe counts 2"),
        (Money(5000, "UGX"), 500000, Result.PASS, ""),
        (Money(1999, "EUR"), 1998, Result.FAIL, "truncation"),
        (Money(1999, "EUR"), 2000, Result.FAIL, "no known pattern"),
        (Money(0, "EUR"), 100, Result.FAIL, "nothing was expected"),
    ],
)
def test_charged_minor_units(total: Money, captured: int, result: Result, cause: str) -> None:
    """O-M1: the charge is the total in the gateway's own minor units, exactly; a wrong exponent is recognised."""
    finding = judged(O_M1, order(total), payment(captured, total.currency))
    assert finding.result is result
    assert cause in finding.cause
    if result is Result.FAIL:
        assert finding.systems == ("shop", "stripe")
        assert str(captured) in finding.seen


@given(st.sampled_from(sorted(EXPONENTS)), st.integers(1, 10**12), st.integers(1, 10**12))
def test_any_other_charge_is_found(currency: str, total: int, captured: int) -> None:
    """O-M1 holds for a charge exactly if total and charge are one amount that can be charged, in every currency."""
    finding = judged(O_M1, order(Money(total, currency)), payment(captured, currency))
    scale = Decimal(10) ** gateway_exponent("stripe", currency)
    same = Decimal(captured) / scale == Money(total, currency).amount
    chargeable = misfit(Money(total, currency), "stripe") is None
    assert finding.result is (Result.PASS if same and chargeable else Result.FAIL)


@pytest.mark.parametrize(
    ("payments", "reason"),
    [
        ((), "nothing is captured"),
        ((payment(0),), "nothing is captured"),
        ((payment(8000, "USD"),), "another currency"),
        ((payment(4000), payment(4000, system="adyen")), "several gateways"),
    ],
)
def test_charges_that_other_oracles_judge(payments: tuple[Payment, ...], reason: str) -> None:
    """O-M1 says *not evaluated*, with the reason, where it cannot tell; never pass."""
    finding = judged(O_M1, order(), *payments)
    assert finding.result is Result.NOT_EVALUATED
    assert reason in finding.reason


def test_a_charge_in_two_captures_is_summed() -> None:
    """O-M1 sums several captures of one gateway."""
    assert judged(O_M1, order(), payment(5000), payment(3000, ref="pi_2")).result is Result.PASS


@pytest.mark.parametrize(
    ("documents", "payments", "result", "cause"),
    [
        ((document(),), (payment(8000),), Result.PASS, ""),
        ((), (payment(8000),), Result.FAIL, "never reached the ERP"),
        ((document(), document("4712")), (payment(8000),), Result.FAIL, "posted again"),
        ((document(), document("4712", parent_ref="4711")), (payment(8000),), Result.PASS, ""),
        ((document(), document("80", kind="delivery")), (payment(8000),), Result.PASS, ""),
        ((document("80", kind="delivery"),), (payment(8000),), Result.FAIL, "never reached the ERP"),
        ((document(),), (payment(8000), payment(8000, ref="pi_2")), Result.FAIL, "more than once"),
        ((document(),), (payment(8000), payment(0, ref="pi_2")), Result.PASS, ""),
    ],
)
def test_exactly_once(
    documents: tuple[Document, ...], payments: tuple[Payment, ...], result: Result, cause: str
) -> None:
    """O-O1: one sales order that is nobody's child, and at most one captured payment."""
    finding = judged(O_O1, order(), *payments, documents=documents)
    assert finding.result is result
    assert cause in finding.cause


@pytest.mark.parametrize(
    ("tax", "total", "currency", "result"),
    [
        (Money(1277, "EUR"), "67.23", "EUR", Result.PASS),
        (Money(1277, "EUR"), "80.00", "EUR", Result.PASS),
        (Money(1277, "EUR"), "67.24", "EUR", Result.FAIL),
        (None, "80.00", "EUR", Result.PASS),
        (None, "67.23", "EUR", Result.FAIL),
        (None, "80.00", "USD", Result.FAIL),
        (None, "8000", "EUR", Result.FAIL),
    ],
)
def test_document_totals(tax: Money | None, total: str, currency: str, result: Result) -> None:
    """O-E2: the ERP's total is the shop's, net or gross, in the shop's currency, to the cent."""
    held = document(total=Decimal(total), currency=currency)
    finding = judged(O_E2, order(tax=tax), documents=(held,))
    assert finding.result is result
    if result is Result.FAIL:
        assert finding.systems == ("shop", "sap")
        assert finding.cause


def test_document_totals_without_a_witness() -> None:
    """O-E2 is not evaluated where there is no sales order, or none that shows a total."""
    assert judged(O_E2, order()).result is Result.NOT_EVALUATED
    assert judged(O_E2, order(), documents=(document(total=None),)).result is Result.NOT_EVALUATED


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_no_oracle_is_green_by_default(name: str) -> None:
    """Without the order, or with any witness it needs unread, every oracle is not evaluated and says why."""
    judge = ORACLES[name]
    assert judge.formula
    assert judge.needs
    blind = judge(Dossier(order=None, unread=(("shop", "timed out"),)))
    assert (blind.result, blind.reason, blind.oracle) == (Result.NOT_EVALUATED, "shop: timed out", name)
    assert judge(Dossier(order=None)).reason == "the shop does not know the order"
    for role in judge.needs:
        finding = judge(
            Dossier(order=order(), payments=(payment(8000),), documents=(document(),), unread=((role, "401"),))
        )
        assert (finding.result, finding.reason) == (Result.NOT_EVALUATED, f"{role}: 401")
        assert finding.order_ref == "1001"


def test_a_witness_that_is_not_needed_may_be_away() -> None:
    """An oracle is judged although a system it does not ask was unreachable."""
    dossier = Dossier(order=order(), payments=(payment(8000),), unread=(("carrier", "timed out"), ("erp", "401")))
    assert O_M1(dossier).result is Result.PASS


def test_an_oracle_is_registered_under_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge is found by id with its formula, and its verdicts carry id, formula and order."""
    monkeypatch.setattr("assay.oracles.judge.ORACLES", {})

    @oracle("O-X9", needs=("erp",), formula="a == b")
    def always(dossier: Dossier, held: Order, judging: Judging) -> Finding:
        return passed()

    finding = always(Dossier(order=order()))
    assert (finding.oracle, finding.formula, finding.order_ref) == ("O-X9", "a == b", "1001")
