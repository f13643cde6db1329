"""Judges of a set of orders: census, duplicates, lost captures, oversell, holds left behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assay.events import Finding, Result
from assay.oracles import POPULATION_ORACLES, UNDECLARED, Judging
from assay.records import Document, MinorAmount, Order, Payment, Population, Purchases
from tests.engine.oracles.world import AT, JUDGING, READ, count, healthy, hold, money, with_order


def order(number: int, **more: Any) -> Order:
    """An order of the window, paid and confirmed."""
    base = healthy().order
    assert base is not None
    fields: dict[str, Any] = {
        "ref": f"ord_{number}",
        "number": f"A{number}",
        "status": "confirmed",
        "payment_refs": (f"pi_{number}",),
        "postings": (),
    }
    return replace(base, **{**fields, **more})


def payment(number: int, **more: Any) -> Payment:
    """A captured payment of an order."""
    return replace(healthy().payments[0], ref=f"pi_{number}", order_ref=f"ord_{number}", **more)


def document(number: int, **more: Any) -> Document:
    """A sales order of the ERP."""
    return replace(healthy().documents[0], ref=f"47{number}", order_ref=f"A{number}", reference=f"A{number}", **more)


def population(*numbers: int, **more: Any) -> Population:
    """Orders, payments and documents of a closed window that agree."""
    listed: dict[str, Any] = {
        "orders": tuple(order(number) for number in numbers),
        "payments": tuple(payment(number) for number in numbers),
        "documents": tuple(document(number) for number in numbers),
    }
    span = {"since": AT - timedelta(hours=1), "until": AT + timedelta(hours=1), "read_at": READ}
    return Population(**{**span, **listed, **more})


def said(name: str, of: Population, judging: Judging = JUDGING) -> Finding:
    """What an oracle says of a set of orders."""
    return POPULATION_ORACLES[name](of, judging)


def test_the_same_orders_everywhere_pass() -> None:
    """O-O8, O-O1 and O-O2 pass where shop, gateway and ERP list the same, and say over how many orders."""
    for name in ("O-O8", "O-O1", "O-O2"):
        finding = said(name, population(1, 2, 3))
        assert (finding.result, finding.order_ref) == (Result.PASS, "3 orders")


@pytest.mark.parametrize("defect", ["ORD-18", "ORD-21", "ERP-11"])
def test_an_order_the_erp_never_got_is_missed(defect: str) -> None:
    """O-O8 names orders that only the shop has, whatever lost them: paging, a hook, a cursor's zone."""
    finding = said("O-O8", population(1, 2, 3, documents=(document(1), document(3))))
    assert (finding.result, finding.seen) == (Result.FAIL, "the shop holds them and the ERP does not: A2")
    assert finding.systems == ("shop", "erp")
    assert "lost or skipped" in finding.cause


@pytest.mark.parametrize(("kept", "cause"), [(10, "first page"), (11, "first page"), (12, "lost or skipped")])
def test_more_than_half_lost_is_a_page(kept: int, cause: str) -> None:
    """O-O8 suspects paging where more than half of more than twenty orders are missing."""
    numbers = range(1, 24)
    finding = said("O-O8", population(*numbers, documents=tuple(document(each) for each in range(1, kept + 1))))
    assert cause in finding.cause
    assert "and" in finding.seen


def test_small_sets_are_no_page() -> None:
    """O-O8 does not guess at paging from twenty orders."""
    assert "lost or skipped" in said("O-O8", population(*range(1, 21), documents=(document(1),))).cause
    assert "first page" in said("O-O8", population(*range(1, 22), documents=(document(1),))).cause


def test_strangers_and_orphans() -> None:
    """O-O8 names what only the ERP or only the gateway has; what was rejected or given back is no stranger."""
    assert "the ERP holds them" in said("O-O8", population(1, documents=(document(1), document(9)))).seen
    rejected = replace(document(9), rejected=True)
    assert said("O-O8", population(1, documents=(document(1), rejected))).result is Result.PASS
    orphan = said("O-O8", population(1, payments=(payment(1), payment(9))))
    assert (orphan.result, orphan.seen) == (Result.FAIL, "captured payments without an order: pi_9")
    elsewhere = replace(payment(9), system="adyen")
    assert "adyen" in said("O-O8", population(1, payments=(payment(1), elsewhere))).systems
    given_back = replace(payment(9), refunded=payment(9).captured)
    assert said("O-O8", population(1, payments=(payment(1), given_back))).result is Result.PASS


def test_parts_and_parked_orders_are_no_loss() -> None:
    """O-O8 knows an order in two parts, and does not miss what is held, pending or cancelled."""
    parts = (
        document(
            1,
        ),
        replace(document(2), reference="A2-1"),
        replace(document(2), ref="x", reference="A2-2"),
    )
    assert said("O-O8", population(1, 2, documents=parts)).result is Result.PASS
    for more in ({"hold": "review"}, {"status": "pending"}, {"status": "cancelled"}):
        of = population(1, 2, orders=(order(1), order(2, **more)), documents=(document(1),))
        assert said("O-O8", of).result is Result.PASS


def test_only_a_closed_window_is_compared() -> None:
    """O-O8 compares what is older than systems may take, to the second, and nothing where no limit is declared."""
    young = order(2, placed_at=READ - timedelta(minutes=5))
    of = population(1, orders=(order(1), young), until=READ)
    assert said("O-O8", of).result is Result.PASS
    older = replace(young, placed_at=READ - timedelta(minutes=5, seconds=1))
    assert said("O-O8", replace(of, orders=(order(1), older))).result is Result.FAIL
    assert "not closed" in said("O-O8", replace(of, since=READ - timedelta(minutes=5))).reason
    assert "no freshness limit" in said("O-O8", of, UNDECLARED).reason
    assert "instant of reading" in said("O-O8", replace(of, read_at=None)).reason


def test_an_order_before_the_window_is_known_and_not_due() -> None:
    """O-O8 does not miss an order placed before the window, nor take its document for a stranger's."""
    early = order(2, placed_at=AT - timedelta(days=1))
    assert said("O-O8", population(1, orders=(order(1), early))).result is Result.PASS
    assert said("O-O8", population(1, 2, orders=(order(1), early))).result is Result.PASS


@pytest.mark.parametrize("role", ["shop", "payments", "erp"])
def test_an_unread_list_is_no_census(role: str) -> None:
    """O-O8 is not evaluated where a listing could not be read."""
    finding = said("O-O8", population(1, unread=((role, "timed out"),)))
    assert (finding.result, finding.reason) == (Result.NOT_EVALUATED, f"{role}: timed out")


def test_one_order_for_each_purchase() -> None:
    """O-O1 finds a customer with more orders than purchases (ORD-01, ORD-03), and only then."""
    bought = Purchases(email="zoe@example.com", intended=1, order_refs=("ord_1",))
    assert said("O-O1", population(1, purchases=(bought,))).result is Result.PASS
    twice = replace(bought, order_refs=("ord_1", "ord_2"))
    finding = said("O-O1", population(1, purchases=(bought, twice)))
    assert (finding.result, finding.seen) == (Result.FAIL, "2 (ord_1, ord_2)")
    assert said("O-O1", population(1, purchases=(replace(twice, intended=2),))).result is Result.PASS


def test_one_order_for_each_payment() -> None:
    """O-O1 finds one payment on two orders (ORD-33), and says nothing of nothing."""
    finding = said("O-O1", population(1, 2, orders=(order(1), order(2, payment_refs=("pi_1",)))))
    assert (finding.result, finding.seen) == (Result.FAIL, "2 (A1, A2)")
    assert said("O-O1", population()).result is Result.NOT_EVALUATED


def test_captures_without_an_order() -> None:
    """O-O2 finds money taken without an order (ORD-04), once it is older than it may be, and names what is at risk."""
    finding = said("O-O2", population(1, payments=(payment(1), payment(9))))
    assert (finding.result, finding.at_risk) == (Result.FAIL, money("66.90", "EUR"))
    assert finding.systems == ("stripe", "shop")
    young = replace(payment(9), created_at=READ - timedelta(seconds=9))
    assert said("O-O2", population(1, payments=(payment(1), young))).result is Result.PASS
    due = replace(young, created_at=READ - timedelta(seconds=10))
    assert said("O-O2", population(1, payments=(payment(1), due))).result is Result.FAIL
    two = said("O-O2", population(1, payments=(payment(8), payment(9))))
    assert (two.at_risk, "pi_8, pi_9" in two.seen) == (None, True)
    given_back = replace(payment(9), refunded=MinorAmount(6690, "EUR"))
    assert said("O-O2", population(1, payments=(given_back,))).result is Result.NOT_EVALUATED


def sold(units: int, *, there: int, left: int, **more: Any) -> Population:
    """That many teapots sold of those there were, one an order."""
    dossiers = tuple(with_order(healthy(), lines=(healthy().order.lines[1],)) for _ in range(units))  # type: ignore[union-attr]
    before, after = count("0018", there, at=AT, **more), count("0018", left, **more)
    return population(1, dossiers=dossiers, stock=(before, after))


def test_no_oversell() -> None:
    """O-S2 passes as long as no more is sold than there was (STK-01, STK-10), to the unit."""
    assert said("O-S2", sold(3, there=3, left=0)).result is Result.PASS
    finding = said("O-S2", sold(4, there=3, left=0))
    assert (finding.result, finding.seen) == (Result.FAIL, "4 sold, 0 on hand")
    assert said("O-S2", sold(2, there=3, left=-1)).result is Result.FAIL
    assert said("O-S2", sold(4, there=3, left=-1, backorder=True)).result is Result.PASS
    assert said("O-S2", sold(3, there=4, left=0, reserved=2)).result is Result.FAIL
    assert said("O-S2", sold(2, there=4, left=0, reserved=2)).result is Result.PASS
    assert said("O-S2", population(1)).result is Result.NOT_EVALUATED


def test_cancelled_orders_sell_nothing_and_receipts_count() -> None:
    """O-S2 leaves cancelled orders out and adds what came in between."""
    of = sold(4, there=3, left=0)
    others = with_order(healthy(), lines=(healthy().order.lines[0],))  # type: ignore[union-attr]
    assert said("O-S2", replace(of, dossiers=(*of.dossiers, others))).result is Result.FAIL
    assert said("O-S2", replace(of, dossiers=(*of.dossiers[1:], others))).result is Result.PASS
    gone = with_order(of.dossiers[0], status="cancelled")
    assert said("O-S2", replace(of, dossiers=(gone, *of.dossiers[1:]))).result is Result.PASS
    opening = (healthy().stock[0].movements or ())[0]
    receipt = replace(opening, sku="0018", kind="receipt", quantity=1)
    more = (of.stock[0], replace(of.stock[1], movements=(receipt,)))
    assert said("O-S2", replace(of, stock=more)).result is Result.PASS
    taken = (of.stock[0], replace(of.stock[1], movements=(replace(receipt, quantity=-1),)))
    assert said("O-S2", replace(of, stock=taken)).result is Result.FAIL


def test_holds_nobody_stands_behind() -> None:
    """O-S3 over a window finds an open hold that outlived its time (STK-03, STK-08), to the second."""
    kept = hold("0018", 1, holder="chk_x", state="open", age_s=1800)
    of = population(1, stock=(count("0018", 3, reservations=(kept,)),))
    assert said("O-S3", of).result is Result.PASS
    old = hold("0018", 1, holder="chk_x", state="open", age_s=1801)
    assert said("O-S3", replace(of, stock=(count("0018", 3, reservations=(old,)),))).result is Result.FAIL
    committed = replace(old, state="committed")
    assert said("O-S3", replace(of, stock=(count("0018", 3, reservations=(committed,)),))).result is Result.PASS
    assert "reservation_ttl_s" in said("O-S3", of, UNDECLARED).reason
    assert said("O-S3", population(1)).result is Result.NOT_EVALUATED
