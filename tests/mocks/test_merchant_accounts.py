"""Money beside the orders: bank statements, store credit, paying later, what analytics and reports are told."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.mocks.merchant_rig import Rig, serving

STATEMENTS = "/api/operator/statements"
COMPANY = {"company": "Assay SA"}
INVOICE = {"kind": "invoice"}
CAMT = """<?xml version="1.0"?>
<b:Document xmlns:b="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><b:BkToCstmrStmt><b:Stmt><b:Id>S1</b:Id>
<b:Bal><b:Tp><b:CdOrPrtry><b:Cd>OPBD</b:Cd></b:CdOrPrtry></b:Tp><b:Amt Ccy="EUR">10.00</b:Amt>
<b:CdtDbtInd>DBIT</b:CdtDbtInd></b:Bal>
<b:Bal><b:Tp><b:CdOrPrtry><b:Cd>CLBD</b:Cd></b:CdOrPrtry></b:Tp><b:Amt Ccy="EUR">40.79</b:Amt>
<b:CdtDbtInd>CRDT</b:CdtDbtInd></b:Bal>
<b:Ntry><b:Amt Ccy="EUR">53.79</b:Amt><b:CdtDbtInd>CRDT</b:CdtDbtInd><b:Sts><b:Cd>BOOK</b:Cd></b:Sts>
<b:BookgDt><b:Dt>2026-03-01</b:Dt></b:BookgDt><b:AcctSvcrRef>C-1</b:AcctSvcrRef>
<b:NtryDtls><b:TxDtls><b:RmtInf><b:Ustrd>STRIPE PAYOUT po_1</b:Ustrd></b:RmtInf></b:TxDtls></b:NtryDtls></b:Ntry>
<b:Ntry><b:Amt Ccy="EUR">3.00</b:Amt><b:CdtDbtInd>DBIT</b:CdtDbtInd><b:RvslInd>true</b:RvslInd><b:Sts>BOOK</b:Sts>
<b:BookgDt><b:DtTm>2026-03-02T08:00:00Z</b:DtTm></b:BookgDt><b:AcctSvcrRef>C-2</b:AcctSvcrRef></b:Ntry>
<b:Ntry><b:Amt Ccy="EUR">7.00</b:Amt><b:CdtDbtInd>CRDT</b:CdtDbtInd><b:Sts>PDNG</b:Sts></b:Ntry>
</b:Stmt></b:BkToCstmrStmt></b:Document>"""
MT940 = (
    ":20:S2\r\n:25:FR76/1\r\n:28C:1/1\r\n:60F:C260227USD1000,\r\n"
    ":61:2602280301C53,79NTRFNONREF//M-1\r\n:86:STRIPE PAYOUT\r\npo_2\r\n"
    ":61:260301D1000,NCHGNONREF//M-2\r\n:61:260301RC1,29NTRFNONREF//M-3\r\n:61:260301RD2,NTRFOWN-4\r\n"
    ":62F:C260301USD54,5\r\n-\r\n"
)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One merchant for this file's tests."""
    with serving(tmp_path_factory.mktemp("accounts"), ("stripe", "sap_s4hana", "ecb")) as running:
        yield running


def handed(rig: Rig, content: str, form: str) -> tuple[int, Any]:
    """Hand the shop a statement."""
    headers = {"authorization": "Bearer operator-demo", "content-type": "application/xml"}
    answer = rig.client.post(f"{rig.url}{STATEMENTS}?form={form}", content=content.encode(), headers=headers)
    return answer.status_code, answer.json()


def lines_of(rig: Rig, currency: str, **span: str) -> dict[str, tuple[Decimal, str, str]]:
    """Return the lines the shop read in a currency, by reference."""
    query = "&".join(f"{name}={value}" for name, value in span.items())
    return {
        each["ref"]: (Decimal(each["amount"]["amount"]), each["booked_on"], each["text"])
        for each in rig.ok("GET", f"{STATEMENTS}?{query}")["lines"]
        if each["amount"]["currency"] == currency
    }


def registered(rig: Rig, email: str) -> dict[str, str]:
    """Register a customer and return their token as a header."""
    made = rig.ok("POST", "/api/customers", {"email": email, "name": "Zoë", "password": "long enough"})
    return {"authorization": f"Bearer {made['token']}"}


def credited(rig: Rig, email: str, *worth: tuple[str, str]) -> None:
    """Give a customer credit in some currencies."""
    for amount, currency in worth:
        content = {"email": email, "worth": {"amount": amount, "currency": currency}, "reason": "sorry"}
        rig.ok("POST", "/api/operator/credit", content)


def held(rig: Rig, email: str) -> dict[str, str]:
    """Return what a customer holds, by currency."""
    balances = rig.ok("GET", f"/api/operator/credit?email={email}")["balances"]
    return {each["currency"]: each["amount"] for each in balances}


def test_a_camt_statement_is_read_whatever_its_prefix(rig: Rig) -> None:
    """Credits are positive, debits and what is reversed negative, pending lines left out; again adds nothing."""
    assert handed(rig, CAMT, "camt.053") == (201, {"lines": 2, "added": 2})
    assert handed(rig, CAMT, "camt.053") == (201, {"lines": 2, "added": 0})
    assert lines_of(rig, "EUR") == {
        "C-1": (Decimal("53.79"), "2026-03-01", "STRIPE PAYOUT po_1"),
        "C-2": (Decimal("-3.00"), "2026-03-02", ""),
    }
    assert set(lines_of(rig, "EUR", since="2026-03-02T00:00:00Z")) == {"C-2"}
    assert set(lines_of(rig, "EUR", until="2026-03-02T00:00:00Z")) == {"C-1"}


def test_an_mt940_statement_has_commas_and_four_marks(rig: Rig) -> None:
    """C and RD are credits, D and RC debits; the day is the booking's; a text goes on over lines."""
    assert handed(rig, MT940, "mt940") == (201, {"lines": 4, "added": 4})
    assert lines_of(rig, "USD") == {
        "M-1": (Decimal("53.79"), "2026-03-01", "STRIPE PAYOUT po_2"),
        "M-2": (Decimal(-1000), "2026-03-01", ""),
        "M-3": (Decimal("-1.29"), "2026-03-01", ""),
        "OWN-4": (Decimal(2), "2026-03-01", ""),
    }


@pytest.mark.parametrize(
    ("content", "form", "why"),
    [
        (CAMT[:-30], "camt.053", "no whole XML"),
        (CAMT.replace("53.79", "53.7x"), "camt.053", "53.7x"),
        (CAMT.replace("53.79", "53.78"), "camt.053", "closes with 40.79"),
        (CAMT.replace("53.79", "53.785").replace("40.79", "40.785"), "camt.053", "more decimals than EUR"),
        (CAMT.replace("2026-03-01", "2026-03-09"), "camt.053", "after today"),
        (CAMT.replace("EUR", "XXX"), "camt.053", "XXX"),
        (
            CAMT.replace('Ccy="EUR">53.79', 'Ccy="USD">53.79').replace("C-1", "C-7"),
            "camt.053",
            "one currency, seen EUR",
        ),
        (CAMT.replace("C-2", "C-1"), "camt.053", "Line C-1 is known as another booking"),
        (CAMT.replace("53.79", "63.79").replace("40.79", "50.79"), "camt.053", "was 53.79 EUR on 2026-03-01"),
        (CAMT.replace("camt.053", "camt.054"), "camt.053", "camt.054"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]>" + CAMT, "camt.053", "document type"),
        (MT940[:-30], "mt940", "field 62F"),
        (MT940.replace("53,79N", "5379.N"), "mt940", "field 61"),
        (MT940, "camt.053", "no whole XML"),
        (MT940, "csv", "csv"),
    ],
)
def test_a_bad_statement_is_refused_whole(rig: Rig, content: str, form: str, why: str) -> None:
    """What is cut off, does not add up, is of tomorrow, of other money or known otherwise is refused, and kept out."""
    handed(rig, CAMT, "camt.053")  # known from before, so that others can contradict it
    before = len(lines_of(rig, "EUR"))
    status, answer = handed(rig, content, form)
    assert status == 422 and why in answer["error"]["message"]
    assert len(lines_of(rig, "EUR")) == before


def test_credit_pays_in_its_own_currency_alone(rig: Rig) -> None:
    """The balance of the order's currency goes as far as it does, a card pays the rest; others stay as they are."""
    zoe = registered(rig, "zoe.credit@example.com")
    credited(rig, "Zoe.Credit@example.com", ("8.00", "USD"), ("12.00", "EUR"), ("900", "JPY"))
    cart = rig.cart("USD", lines=(("0018", 1),), email="zoe.credit@example.com")
    assert rig.ok("PUT", f"/api/carts/{cart}/credit", {"use": True}, **zoe)["uses_credit"]
    order = rig.checkout(cart)[1]
    paid = {each["gateway"]: Decimal(each["captured"]["amount"]) for each in order["payments"]}
    assert paid["store_credit"] == 8 and sum(paid.values()) == Decimal(order["total"]["amount"])
    assert held(rig, "zoe.credit@example.com") == {"EUR": "12.00", "JPY": "900"}
    moved = rig.ok("GET", f"/api/orders/{order['id']}/credit")["movements"]
    assert [each["amount"]["amount"] for each in moved] == ["-8.00"]
    everything = {"amount": order["total"], "reason": "broken"}
    refunds = rig.ok("POST", f"/api/orders/{order['id']}/refunds", everything)["refunds"]
    assert {each["status"] for each in refunds} == {"succeeded"}
    assert held(rig, "zoe.credit@example.com")["USD"] == "8.00"


def test_credit_comes_back_when_the_payment_fails(rig: Rig) -> None:
    """A declined card leaves the balance whole; credit that covers everything needs no card at all."""
    adam = registered(rig, "adam@example.com")
    credited(rig, "adam@example.com", ("20.00", "EUR"))
    cart = rig.cart(lines=(("0018", 1),), email="adam@example.com")
    rig.ok("PUT", f"/api/carts/{cart}/credit", {"use": True}, **adam)
    assert rig.checkout(cart, {"kind": "card", "payment_method": "pm_card_chargeDeclined"})[0] == 402
    assert held(rig, "adam@example.com") == {"EUR": "20.00"}
    credited(rig, "adam@example.com", ("100.00", "EUR"))
    status, order = rig.checkout(cart)
    assert (status, order["payment_status"], len(order["payments"])) == (201, "paid", 1)
    assert Decimal(held(rig, "adam@example.com")["EUR"]) == 120 - Decimal(order["total"]["amount"])


@pytest.mark.parametrize(
    "worth", [None, {"amount": "-1", "currency": "EUR"}, {"amount": "1.005", "currency": "EUR"},
              {"amount": "1", "currency": "XXX"}, {"amount": "NaN", "currency": "EUR"}]
)  # fmt: skip
def test_credit_of_no_worth_is_refused(rig: Rig, worth: Any) -> None:
    """Nothing, less, too many digits, an unknown currency: 422. And nobody uses another customer's cart."""
    content = {"email": "zoe@example.com", "worth": worth, "reason": "x"}
    token = {"authorization": "Bearer operator-demo"}
    assert rig.call("POST", "/api/operator/credit", content, **token)[0] == 422
    assert rig.call("PUT", f"/api/carts/{rig.cart()}/credit", {"use": True})[0] == 401


def test_an_unpaid_order_is_paid_on_its_page(rig: Rig) -> None:
    """The page asks for the order's own amount whatever currency its visitor chose, once, and a card pays it."""
    order = rig.order("USD", INVOICE, **COMPANY)
    page = f"/api/orders/{order['id']}"
    assert rig.ok("GET", f"{page}/pay-page?currency=JPY")["amount"] == order["total"]
    assert rig.call("GET", f"{page}/pay-page")[0] == 404
    assert (
        rig.call("POST", f"{page}/pay?key={order['access_key']}", {"payment_method": "pm_card_chargeDeclined"})[0]
        == 402
    )
    paid = rig.ok("POST", f"{page}/pay", {"payment_method": "pm_card_visa", "currency": "JPY"})
    assert (paid["payment_status"], paid["paid_by"]) == ("paid", "card")
    assert [each["captured"] for each in paid["payments"]] == [order["total"]]
    assert rig.call("POST", f"{page}/pay?key={order['access_key']}", {"payment_method": "pm_card_visa"})[0] == 409
    token = {"authorization": "Bearer operator-demo"}
    assert rig.call("GET", f"{page}/pay-page?currency=XXX", **token)[0] in (409, 422)


def test_others_are_told_amounts_with_their_own_currency(rig: Rig) -> None:
    """An event tells an order's total; figures add each currency by itself, and all in the base one."""
    rig.advance(hours=1)
    since = rig.now.isoformat().replace("+00:00", "Z")
    orders = [rig.order(currency) for currency in ("JPY", "USD", "EUR", "USD")]
    for order in orders:
        [event] = rig.ok("GET", f"/api/operator/analytics?order={order['id']}")["events"]
        assert (event["name"], event["value"]) == ("purchase", order["total"])
    told = {each["name"]: each for each in rig.ok("GET", f"/api/operator/revenue?since={since}")["figures"]}
    dollars = [Decimal(order["total"]["amount"]) for order in orders if order["currency"] == "USD"]
    assert Decimal(told["revenue USD"]["total"]["amount"]) == sum(dollars)
    assert set(told) == {"revenue EUR", "revenue JPY", "revenue USD", "revenue"}
    worth = sum(Decimal(order["total"]["amount"]) / Decimal(order["rate"]["rate"]) for order in orders)
    assert abs(Decimal(told["revenue"]["total"]["amount"]) - worth) < Decimal("0.03")
    assert rig.ok("GET", f"/api/operator/revenue?until={since}&since={since}")["figures"] == []
    token = {"authorization": "Bearer operator-demo"}
    assert rig.call("GET", "/api/operator/revenue?since=yesterday", **token)[0] == 422
