"""O-P4: an order is called paid only for its own amount in its own currency; anything else is an exception."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from assay.events import Result
from assay.records import Dossier, Edit, MinorAmount
from tests.engine.oracles.world import (
    FAIL,
    PASS,
    SILENT,
    change,
    healthy,
    judged,
    verdict,
    with_line,
    with_order,
    with_payment,
)
from tests.engine.oracles.world import money as amount


def parked(captured: int, **more: Any) -> Dossier:
    """An order whose payment was taken in part at the gateway's console, which the shop holds for it."""
    order = {"status": "held", "hold": "payment_review", "payment_status": "authorised"}
    return with_order(
        replace(
            with_payment(healthy(), captured=captured, amount=max(captured, 6690)),
            documents=(),
            shipments=(),
            labels=(),
        ),
        **{**order, "parcels": (), "tracking_numbers": (), "postings": (), "history": (), **more},
    )


@pytest.mark.parametrize(
    ("captured", "result"),
    [(6690, PASS), (6689, FAIL), (6691, FAIL), (1, FAIL), (669, SILENT), (66900, SILENT), (0, SILENT)],
)
def test_only_the_whole_amount_pays(captured: int, result: Result) -> None:
    """PAY-11: O-P4 fires on an order that is paid by less or more, to the minor unit; a moved point is O-M1's."""
    finding = judged("O-P4", with_payment(healthy(), captured=captured))
    assert finding.result is result
    assert ("were not compared" in finding.cause) is (result is FAIL)


def test_another_currency_pays_nothing() -> None:
    """O-P4 fires on an order that is paid in another currency, whatever the number."""
    assert verdict("O-P4", with_payment(healthy(), captured=MinorAmount(6690, "USD"))) is FAIL


@pytest.mark.parametrize("captured", [1, 3345, 6691])
def test_an_exception_is_no_finding(captured: int) -> None:
    """A held order whose charge is not its total, and which is not called paid, makes no money oracle fire."""
    loud = [
        name for name in ("O-P4", "O-M1", "O-O2", "O-O4", "O-O11", "O-P1") if verdict(name, parked(captured)) is FAIL
    ]
    assert loud == []
    assert verdict("O-P4", parked(captured)) is PASS


def test_an_exception_that_was_called_paid_is_one() -> None:
    """O-P4 fires where the shop took the order for paid once, though it holds it now."""
    before = parked(1, history=(change("payment_status", "authorised"), change("payment_status", "paid")))
    assert verdict("O-P4", before) is FAIL
    assert verdict("O-P4", parked(1, payment_status="paid")) is FAIL


@pytest.mark.parametrize(
    "more",
    [
        {"hold": None, "status": "pending"},
        {"payment_status": "paid", "history": (change("payment_status", "paid"),)},
    ],
)
def test_only_a_hold_makes_an_exception(more: dict[str, Any]) -> None:
    """An order nobody holds, or which is called paid, is judged by O-M1 and O-O11 as every other."""
    assert verdict("O-M1", parked(3345, **more)) is FAIL
    called_paid = more.get("payment_status") == "paid"
    assert verdict("O-O11", parked(3345, **more)) is (SILENT if called_paid else FAIL)
    assert verdict("O-P4", parked(3345, **more)) is (FAIL if called_paid else PASS)


def test_a_paid_order_that_is_held_and_never_called_paid_is_behind() -> None:
    """O-O4 still fires where everything was paid and the shop holds the order unpaid."""
    assert verdict("O-O4", parked(6690, history=(change("payment_status", "authorised"),))) is FAIL


def test_partial_tenders_are_summed() -> None:
    """O-P4 adds up payments at several gateways, and leaves a second whole charge to O-O3."""
    dossier = with_payment(healthy(), captured=3000)
    second = replace(dossier.payments[0], ref="pi_2", captured=MinorAmount(3690, "EUR"))
    assert verdict("O-P4", replace(dossier, payments=(*dossier.payments, second))) is PASS
    less = replace(second, captured=MinorAmount(3689, "EUR"))
    assert verdict("O-P4", replace(dossier, payments=(*dossier.payments, less))) is FAIL
    twice = replace(healthy(), payments=(*healthy().payments, replace(healthy().payments[0], ref="pi_2")))
    assert verdict("O-P4", twice) is PASS


@pytest.mark.parametrize(("captured", "result"), [(5740, PASS), (5741, PASS), (5739, PASS), (5742, FAIL), (5738, FAIL)])
def test_cancelled_units_are_not_paid(captured: int, result: Result) -> None:
    """O-P4 knows that what was cancelled before the capture is not taken, to a unit a line."""
    assert verdict("O-P4", with_line(with_payment(healthy(), captured=captured), cancelled=Decimal(1))) is result


def test_an_edit_is_another_oracle_s() -> None:
    """O-P4 leaves an order that was changed afterwards to O-O11 unless the sum is right."""
    edited = with_order(healthy(), edits=(Edit(reason="more"),), total=amount("67.00", "EUR"), tenders=())
    assert verdict("O-P4", edited) is SILENT
    assert verdict("O-P4", with_order(healthy(), edits=(Edit(reason="more"),))) is PASS


def test_what_a_gateway_counts_otherwise() -> None:
    """O-P4 compares by the gateway's own decimals."""
    isk = with_order(
        with_payment(healthy(), captured=MinorAmount(279000, "ISK")), total=amount("2790", "ISK"), tenders=()
    )
    assert verdict("O-P4", isk) is PASS
    assert verdict("O-P4", with_payment(isk, captured=MinorAmount(279100, "ISK"))) is FAIL


def test_a_part_of_what_was_asked_for() -> None:
    """Where the right amount was asked for and a part of it taken, O-P4 alone says why, and O-M1 the same."""
    less = with_payment(healthy(), captured=3345)
    assert judged("O-M1", less).cause == judged("O-P4", less).cause
    assert "O-P4 judges that" in judged("O-O11", less).reason
    asked = with_payment(less, amount=3345)
    assert judged("O-O11", asked).result is FAIL
    assert "not compared" not in judged("O-M1", asked).cause
    cancelled = with_line(less, cancelled=Decimal(1))
    assert "not compared" not in judged("O-M1", cancelled).cause
