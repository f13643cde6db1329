"""Payouts: what is available goes to the bank each midnight, a payout a currency, and arrives days later.

Follows https://docs.stripe.com/payouts and https://docs.stripe.com/api/payouts. A payout takes every transaction of its
currency that is available and not yet paid out; `payout` filters balance transactions by it. A debt waits for money.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mocks.stripe.account import Account, Document, Request, letters
from mocks.stripe.error import missing_resource
from mocks.stripe.event import emit
from mocks.stripe.form import Accepts, text
from mocks.stripe.ledger import book_own
from mocks.stripe.listing import PAGING, SPAN, page, within

LIST: Accepts = {**PAGING, "arrival_date": SPAN, "destination": text, "status": text}

_DAY_S = 86_400
_SATURDAY = 5
_FAILURES = {
    "account_closed": "The bank account has been closed.",
    "could_not_process": "The bank could not process this payout.",
    "no_account": "An account with this number could not be located.",
}


def pay_out(account: Account, payload: Mapping[str, Any]) -> None:
    """Pay out what is available of one currency, unless payouts are made by hand (setting `payout_interval`)."""
    currency, now = payload["currency"], account.now()
    account.payout_days.pop(payload["day"], None)
    if account.setting("payout_interval", "daily") != "daily":
        return
    due = [id_ for id_, code in account.unpaid.items() if code == currency]
    due = [id_ for id_ in due if account.transactions[id_]["available_on"] <= now]
    amount = sum(account.transactions[id_]["net"] for id_ in due)
    if amount <= 0:
        return
    payout = _payout(account, currency, amount)
    payout["balance_transaction"] = book_own(account, "payout", payout, -amount)
    for id_ in due:
        del account.unpaid[id_]
    account.payouts[payout["id"]] = payout
    account.payout_entries[payout["id"]] = [*due, payout["balance_transaction"]]
    arrival = datetime.fromtimestamp(payout["arrival_date"], UTC)
    account.world.at(arrival, "arrive", {"payout": payout["id"]})
    emit(account, "payout.created", payout)
    emit(account, "payout.reconciliation_completed", payout)


def _payout(account: Account, currency: str, amount: int) -> Document:
    now = account.now()
    return {
        "id": account.new_id("po"),
        "object": "payout",
        "amount": amount,
        "arrival_date": _arrival(now, int(account.setting("payout_arrival_days", 2))),
        "automatic": True,
        "balance_transaction": None,
        "created": now,
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "destination": _bank(account, currency)["id"],
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "reconciliation_status": "completed",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "in_transit",
        "type": "bank_account",
    }


def _arrival(now: int, days: int) -> int:
    """Return the midnight `days` on, moved to Monday where banks rest."""
    day = now // _DAY_S + days
    weekday = datetime.fromtimestamp(day * _DAY_S, UTC).weekday()
    return (day + max(0, 7 - weekday if weekday >= _SATURDAY else 0)) * _DAY_S


def _bank(account: Account, currency: str) -> Document:
    """Return the account's own bank account of a currency."""
    for bank in account.banks.values():
        if bank["currency"] == currency:
            found: Document = bank
            return found
    id_ = account.new_id("ba")
    bank = {
        "id": id_,
        "object": "bank_account",
        "account_holder_name": None,
        "account_holder_type": None,
        "account_type": None,
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": "DE",
        "currency": currency,
        "default_for_currency": True,
        "fingerprint": letters(f"bank:{currency}", 16),
        "last4": "3000",
        "metadata": {},
        "routing_number": "110000000",
        "status": "new",
    }
    account.banks[id_] = bank
    return bank


def arrive(account: Account, payload: Mapping[str, Any]) -> None:
    """Say that a payout has arrived, or that the bank sent it back (setting `payout_failure_code`)."""
    old = account.payouts[payload["payout"]]
    failure = account.setting("payout_failure_code", None)
    if failure is None:
        payout = {**old, "status": "paid"}
        account.payouts[old["id"]] = payout
        emit(account, "payout.paid", payout, previous={"status": old["status"]})
        return
    payout = {
        **old,
        "status": "failed",
        "failure_code": str(failure),
        "failure_message": _FAILURES.get(str(failure), "The bank returned this payout."),
    }
    payout["failure_balance_transaction"] = book_own(account, "payout_failure", payout, old["amount"])
    account.payouts[old["id"]] = payout
    emit(account, "payout.failed", payout, previous={"status": old["status"]})


def retrieve(account: Account, request: Request) -> Document:
    """Return one payout."""
    found: Document | None = account.payouts.get(request.path["payout"])
    if found is None:
        raise missing_resource("payout", request.path["payout"], "payout")
    return found


def list_(account: Account, request: Request) -> Document:
    """Return payouts, newest first, filtered by status, destination and day of arrival."""
    parameters = request.parameters
    wanted = {name: parameters[name] for name in ("status", "destination") if parameters.get(name)}
    span = parameters.get("arrival_date")
    arrives = within(span) if span is not None else lambda _instant: True
    return page(
        account.payouts,
        parameters,
        kind="payout",
        url="/v1/payouts",
        keep=lambda row: arrives(row["arrival_date"]) and all(row[name] == value for name, value in wanted.items()),
    )
