"""The account's ledger: balance transactions in settlement currencies, with fees, and the balance they add up to.

Follows https://docs.stripe.com/api/balance_transactions and /payouts/multicurrency-settlement. A transaction's amount
is what the source's amount is worth in its settlement currency at its own moment; refunds are converted at the
refund's moment and give no fee back. The account holds a balance in each of `settlement_currencies`; what is charged in
another currency is settled in the default one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from mocks.stripe.account import Account, Document, Request
from mocks.stripe.currency import (
    CURRENCIES,
    Currency,
    currency_of,
    minor_rate,
    settlement_currencies,
    settlement_currency,
    settlement_of,
)
from mocks.stripe.error import missing_resource
from mocks.stripe.form import Accepts, text
from mocks.stripe.listing import PAGING, page

LIST: Accepts = {**PAGING, "currency": text, "payout": text, "source": text, "type": text}

# Standard European prices of 2025 (https://stripe.com/pricing): percent of the amount plus cents of the settlement
# currency; conversion_percent is added where the charge is not in the settlement currency.
_FEES: Mapping[str, Any] = {
    "card": {"percent": "1.5", "fixed": 25},
    "card_international": {"percent": "3.25", "fixed": 25},
    "sepa_debit": {"percent": "0", "fixed": 35},
    "dispute": {"percent": "0", "fixed": 2_000},
    "conversion_percent": "2",
}
_EUROPEAN_ECONOMIC_AREA = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
_DOMESTIC = frozenset(_EUROPEAN_ECONOMIC_AREA.split())
_DAY_S = 86_400
_CATEGORY = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "payout": "payout",
    "payout_failure": "payout_reversal",
}


def book(
    account: Account,
    type_: str,
    source: Document,
    amount: int,
    *,
    fee_kind: str | None = None,
    at_once: bool = False,
    category: str | None = None,
) -> str:
    """Book `amount` (minor units of the source's currency, negative when money leaves); return the id.

    category: the reporting category where the type does not tell it.
    """
    currency, settled = CURRENCIES[source["currency"]], settlement_of(account, source["currency"])
    exact = minor_rate(account, currency, settled)
    rate = Context(prec=6, rounding=ROUND_HALF_UP).plus(exact)
    gross = _whole(amount * rate)
    fees = _fees(account, gross, fee_kind, currency, settled)
    now = account.now()
    days = 0 if at_once else int(account.setting("available_after_days", 7))
    return _entered(
        account,
        type_,
        source,
        gross,
        settled.code,
        fees=fees,
        rate=None if currency.code == settled.code else rate,
        available_on=now if at_once else (now // _DAY_S + days) * _DAY_S,
        category=category,
    )


def book_own(account: Account, type_: str, source: Document, amount: int) -> str:
    """Book what Stripe itself moves, at once and in the source's currency, as a payout is; return the id."""
    return _entered(account, type_, source, amount, source["currency"], fees=[], rate=None, available_on=account.now())


def _entered(
    account: Account,
    type_: str,
    source: Document,
    gross: int,
    currency: str,
    *,
    fees: list[Document],
    rate: Decimal | None,
    available_on: int,
    category: str | None = None,
) -> str:
    fee = sum(entry["amount"] for entry in fees)
    transaction = {
        "id": account.new_id("txn"),
        "object": "balance_transaction",
        "amount": gross,
        "available_on": available_on,
        "created": account.now(),
        "currency": currency,
        "description": source.get("description"),
        # The API gives a rate as a JSON number; amounts are computed from the decimal above.
        "exchange_rate": None if rate is None else float(rate),
        "fee": fee,
        "fee_details": fees,
        "net": gross - fee,
        "reporting_category": category or _CATEGORY[type_],
        "source": source["id"],
        "status": "pending",
        "type": type_,
    }
    account.transactions[transaction["id"]] = transaction
    if type_ != "payout":
        account.unpaid[transaction["id"]] = currency
        _plan_payout(account, currency, available_on)
    return str(transaction["id"])


def _plan_payout(account: Account, currency: str, available_on: int) -> None:
    """Have what becomes available paid out at the first midnight from then on, once a day and currency."""
    now = account.now()
    midnight = available_on if available_on > now else (now // _DAY_S + 1) * _DAY_S
    day = f"{midnight}:{currency}"
    if day not in account.payout_days:
        account.payout_days[day] = True
        account.world.at(datetime.fromtimestamp(midnight, UTC), "pay_out", {"currency": currency, "day": day})


def fee_kind(method: Document) -> str:
    """Return the row of the fee table for a payment method."""
    if method["type"] != "card":
        return str(method["type"])
    return "card" if method["card"]["country"] in _DOMESTIC else "card_international"


def _fees(account: Account, gross: int, kind: str | None, currency: Currency, settled: Currency) -> list[Document]:
    if kind is None:
        return []
    table = {**_FEES, **account.setting("fees", {})}
    row = table[kind]
    # The fixed part is stated in the default settlement currency, as price lists are.
    fixed = _whole(int(row.get("fixed", 0)) * minor_rate(account, settlement_currency(account), settled))
    fees = [("Stripe processing fees", _whole(gross * Decimal(str(row["percent"])) / 100) + fixed)]
    if kind == "dispute":
        fees = [("Dispute fee", fixed)]
    elif currency.code != settled.code:
        fees.append(("Stripe currency conversion fee", _whole(gross * Decimal(str(table["conversion_percent"])) / 100)))
    return [
        {
            "amount": amount,
            "application": None,
            "currency": settled.code,
            "description": description,
            "type": "stripe_fee",
        }
        for description, amount in fees
        if amount
    ]


def _whole(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_UP))


def shown_transaction(account: Account, transaction: Document) -> Document:
    """Return a transaction with the status it has now: available from its day on."""
    available = transaction["available_on"] <= account.now()
    return {**transaction, "status": "available"} if available else transaction


def retrieve(account: Account, request: Request) -> Document:
    """Return one balance transaction."""
    found = account.transactions.get(request.path["id"])
    if found is None:
        raise missing_resource("balance transaction", request.path["id"], "id")
    return shown_transaction(account, found)


def list_(account: Account, request: Request) -> Document:
    """Return balance transactions, newest first, filtered by source, type, settlement currency and payout."""
    wanted = {name: request.parameters[name] for name in ("source", "type", "currency") if request.parameters.get(name)}
    if "currency" in wanted:
        wanted["currency"] = currency_of(wanted["currency"]).code
    rows: Mapping[str, Document] = account.transactions
    payout = request.parameters.get("payout")
    if payout:
        entries = account.payout_entries.get(payout)
        if entries is None:
            raise missing_resource("payout", payout, "payout")
        rows = {id_: account.transactions[id_] for id_ in entries}
    return page(
        rows,
        request.parameters,
        kind="balance transaction",
        url="/v1/balance_transactions",
        keep=lambda row: all(row[name] == value for name, value in wanted.items()),
        show=lambda row: shown_transaction(account, row),
    )


def balance(account: Account, _request: Request) -> Document:
    """Return what is available and what is pending, by settlement currency the account holds."""
    sums: dict[str, dict[str, int]] = {"available": defaultdict(int), "pending": defaultdict(int)}
    for currencies in sums.values():
        for currency in settlement_currencies(account):
            currencies[currency.code] += 0
    for row in account.transactions.values():
        sums[shown_transaction(account, row)["status"]][row["currency"]] += row["net"]
    entries = {
        name: [
            {"amount": amount, "currency": code, "source_types": {"card": amount}}
            for code, amount in currencies.items()
        ]
        for name, currencies in sums.items()
    }
    return {"object": "balance", "livemode": False, **entries}
