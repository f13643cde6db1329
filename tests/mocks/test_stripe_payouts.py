"""Payouts of the Stripe simulator: what becomes available goes to the bank, a payout a settlement currency."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.mocks.stripe_caller import Caller
from tests.mocks.stripe_server import StripeServer
from tests.mocks.test_stripe_money import REFUNDS, paid

PAYOUTS = "/v1/payouts"
ENTRIES = "/v1/balance_transactions"


def rows(stripe: Caller, path: str, **query: Any) -> list[dict[str, Any]]:
    """Return a list's rows, newest first."""
    reply = stripe.get(path, **query)
    assert reply.status == 200, reply.body
    found: list[dict[str, Any]] = reply.body["data"]
    return found


def test_what_is_available_is_paid_out_once(stripe: Caller, stripe_server: StripeServer) -> None:
    """A payout is the sum of its transactions' nets; none is in two, and the balance is empty after it."""
    first = paid(stripe)
    stripe.post(REFUNDS, payment_intent=first["id"], amount=2_500)
    paid(stripe, 4_000)
    stripe_server.advance(days=7)
    paid(stripe, 3_000)
    [payout] = rows(stripe, PAYOUTS)
    entries = rows(stripe, ENTRIES, payout=payout["id"])
    assert [row["type"] for row in entries] == ["payout", "charge", "refund", "charge"]
    assert payout["amount"] == sum(row["net"] for row in entries if row["type"] != "payout") == -entries[0]["net"]
    assert (entries[0]["source"], entries[0]["fee"], entries[0]["status"]) == (payout["id"], 0, "available")
    assert stripe.get("/v1/balance").body["available"][0]["amount"] == 0
    stripe_server.advance(days=7)
    second = rows(stripe, PAYOUTS)[0]
    assert [row["type"] for row in rows(stripe, ENTRIES, payout=second["id"])] == ["payout", "charge"]


def test_a_payout_arrives_on_a_working_day(stripe: Caller, stripe_server: StripeServer) -> None:
    """It is in transit until its day of arrival, never a weekend, then paid; both are told by events."""
    stripe_server.configure(payout_arrival_days=5)
    stripe_server.advance(days=7 - stripe_server.now.weekday())
    paid(stripe)  # on a Monday, available a week later
    stripe_server.advance(days=7)
    [payout] = rows(stripe, PAYOUTS)
    assert (payout["status"], payout["automatic"]) == ("in_transit", True)
    midnight = stripe_server.now.replace(hour=0, minute=0, second=0, microsecond=0)
    monday = int((midnight + timedelta(days=7)).timestamp())  # five days on is a Saturday
    assert payout["arrival_date"] == monday
    assert rows(stripe, PAYOUTS, status="paid") == []
    stripe_server.advance(days=7)
    [arrived] = rows(stripe, PAYOUTS, status="paid")
    assert (arrived["id"], arrived["status"]) == (payout["id"], "paid")
    told = [row["type"] for row in rows(stripe, "/v1/events", types=["payout.created", "payout.paid"])]
    assert told == ["payout.paid", "payout.created"]
    for span, found in (({"gte": monday}, 1), ({"lt": monday}, 0), (monday, 1)):
        assert len(rows(stripe, PAYOUTS, arrival_date=span)) == found


def test_every_settlement_currency_is_paid_out_by_itself(stripe: Caller, stripe_server: StripeServer) -> None:
    """What the account holds is not converted; the rest is settled in the default currency, with rate and fee."""
    stripe_server.configure(settlement_currencies=["usd", "jpy"], exchange_rates={"usd": "1.25", "jpy": "160"})
    expected = {"usd": (10_000, None), "jpy": (8_000, None), "gbp": (None, "eur")}
    for currency, (amount, settled) in expected.items():
        charge = paid(stripe, amount or 5_000, currency)["latest_charge"]
        [row] = rows(stripe, ENTRIES, source=charge)
        assert row["currency"] == (settled or currency)
        assert (row["exchange_rate"] is None) == (settled is None)
        assert len(row["fee_details"]) == (1 if settled is None else 2)
        if amount:
            assert row["amount"] == amount
    pending = {each["currency"]: each["amount"] for each in stripe.get("/v1/balance").body["pending"]}
    assert set(pending) == {"eur", "usd", "jpy"}
    # 0.25 EUR of fixed fee are 0.31 USD and 40 JPY.
    assert (pending["usd"], pending["jpy"]) == (10_000 - 150 - 31, 8_000 - 120 - 40)
    stripe_server.advance(days=7)
    assert {row["currency"]: row["amount"] for row in rows(stripe, PAYOUTS)} == pending


def test_a_debt_waits_for_money(stripe: Caller, stripe_server: StripeServer) -> None:
    """Where refunds exceed what came in nothing is paid out, and the next payout is less for it."""
    old = paid(stripe, 10_000)
    stripe_server.advance(days=7)
    stripe.post(REFUNDS, payment_intent=old["id"])
    stripe_server.advance(days=7)
    assert len(rows(stripe, PAYOUTS)) == 1
    assert stripe.get("/v1/balance").body["available"][0]["amount"] == -10_000
    paid(stripe, 30_000)
    stripe_server.advance(days=7)
    newest = rows(stripe, PAYOUTS)[0]
    assert newest["amount"] == 30_000 - 475 - 10_000
    assert {row["type"] for row in rows(stripe, ENTRIES, payout=newest["id"])} == {"payout", "charge", "refund"}


def test_a_payout_the_bank_refuses_comes_back(stripe: Caller, stripe_server: StripeServer) -> None:
    """A failed payout names why, its money is booked back and goes out with the next one."""
    stripe_server.configure(payout_failure_code="account_closed")
    paid(stripe)
    stripe_server.advance(days=7)
    stripe_server.advance(days=2)
    [failed] = rows(stripe, PAYOUTS)
    assert (failed["status"], failed["failure_code"]) == ("failed", "account_closed")
    back = stripe.get(f"{ENTRIES}/{failed['failure_balance_transaction']}").body
    assert (back["type"], back["net"], back["source"]) == ("payout_failure", failed["amount"], failed["id"])
    assert len(rows(stripe, "/v1/events", type="payout.failed")) == 1
    stripe_server.configure(payout_failure_code=None)
    stripe_server.advance(days=1)
    again = rows(stripe, PAYOUTS)[0]
    assert (again["amount"], again["id"] != failed["id"]) == (failed["amount"], True)


def test_payouts_by_hand_leave_the_balance(stripe: Caller, stripe_server: StripeServer) -> None:
    """With payout_interval manual nothing is paid out; back on daily everything that waited is."""
    stripe_server.configure(payout_interval="manual")
    paid(stripe)
    stripe_server.advance(days=9)
    assert rows(stripe, PAYOUTS) == []
    stripe_server.configure(payout_interval="daily")
    paid(stripe)
    stripe_server.advance(days=7)
    [payout] = rows(stripe, PAYOUTS)
    assert payout["amount"] == 2 * (10_000 - 175)


def test_payouts_are_read_and_expanded(stripe: Caller, stripe_server: StripeServer) -> None:
    """One is read by id with its transaction and bank account; transactions lead back; strangers are refused."""
    paid(stripe, method="pm_card_bypassPending")
    stripe_server.advance(days=1)
    [payout] = rows(stripe, PAYOUTS)
    whole = stripe.get(f"{PAYOUTS}/{payout['id']}", expand=["balance_transaction", "destination"]).body
    assert whole["balance_transaction"]["amount"] == -payout["amount"]
    assert (whole["destination"]["object"], whole["destination"]["currency"]) == ("bank_account", "eur")
    [own] = rows(stripe, ENTRIES, type="payout", expand=["data.source"])
    assert own["source"]["id"] == payout["id"]
    assert len(rows(stripe, PAYOUTS, destination=payout["destination"])) == 1
    for reply in (stripe.get(f"{PAYOUTS}/po_none"), stripe.get(ENTRIES, payout="po_none")):
        assert (reply.status, reply.error["code"], reply.error["param"]) == (404, "resource_missing", "payout")


@pytest.mark.parametrize("days", [0, 3])
def test_payouts_survive_a_kill(stripe: Caller, stripe_server: StripeServer, days: int) -> None:
    """A planned payout is made after a SIGKILL, and one made is not made twice."""
    stripe_server.configure(available_after_days=2)
    paid(stripe)
    stripe_server.advance(days=days)
    stripe_server.kill_and_restart()
    with Caller(stripe_server.url) as again:
        stripe_server.advance(days=3)
        assert len(rows(again, PAYOUTS)) == 1
