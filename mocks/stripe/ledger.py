"""The account's ledger: balance transactions in the settlement currency, with fees, and the balance they add up to.

Follows https://docs.stripe.com/api/balance_transactions. A transaction's amount is what the source's amount is worth
in the settlement currency at its own moment; refunds are converted at the refund's moment and give no fee back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from mocks.stripe.account import Account, Document, Request
from mocks.stripe.currency import CURRENCIES, minor_rate, settlement_currency
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
}


def book(
    account: Account,
    type_: str,
    source: Document,
    amount: int,
    *,
    fee_kind: str | None = None,
    at_once: bool = False,
) -> str:
    """Book `amount` (minor units of the source's currency, negative when money leaves); return the id."""
    currency, settled = CURRENCIES[source["currency"]], settlement_currency(account)
    exact = minor_rate(account, currency, settled)
    rate = Context(prec=6, rounding=ROUND_HALF_UP).plus(exact)
    gross = _whole(amount * rate)
    fees = _fees(account, gross, fee_kind, converted=currency.code != settled.code)
    fee = sum(entry["amount"] for entry in fees)
    now = account.now()
    days = 0 if at_once else int(account.setting("available_after_days", 7))
    transaction = {
        "id": account.new_id("txn"),
        "object": "balance_transaction",
        "amount": gross,
        "available_on": now if at_once else (now // _DAY_S + days) * _DAY_S,
        "created": now,
        "currency": settled.code,
        "description": source.get("description"),
        # The API gives a rate as a JSON number; amounts are computed from the decimal above.
        "exchange_rate": None if currency.code == settled.code else float(rate),
        "fee": fee,
        "fee_details": fees,
        "net": gross - fee,
        "reporting_category": _CATEGORY[type_],
        "source": source["id"],
        "status": "pending",
        "type": type_,
    }
    account.transactions[transaction["id"]] = transaction
    return str(transaction["id"])


def fee_kind(method: Document) -> str:
    """Return the row of the fee table for a payment method."""
    if method["type"] != "card":
        return str(method["type"])
    return "card" if method["card"]["country"] in _DOMESTIC else "card_international"


def _fees(account: Account, gross: int, kind: str | None, *, converted: bool) -> list[Document]:
    if kind is None:
        return []
    table = {**_FEES, **account.setting("fees", {})}
    row = table[kind]
    processing = _whole(gross * Decimal(str(row["percent"])) / 100) + int(row.get("fixed", 0))
    fees = [("Stripe processing fees", processing)]
    if converted:
        fees.append(("Stripe currency conversion fee", _whole(gross * Decimal(str(table["conversion_percent"])) / 100)))
    code = settlement_currency(account).code
    return [
        {"amount": amount, "application": None, "currency": code, "description": description, "type": "stripe_fee"}
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
    """Return balance transactions, newest first, filtered by source, type and settlement currency."""
    wanted = {name: request.parameters[name] for name in ("source", "type", "currency") if request.parameters.get(name)}
    # No payouts are made here, so none has transactions.
    none = bool(request.parameters.get("payout"))
    return page(
        account.transactions,
        request.parameters,
        kind="balance transaction",
        url="/v1/balance_transactions",
        keep=lambda row: not none and all(row[name] == value for name, value in wanted.items()),
        show=lambda row: shown_transaction(account, row),
    )


def balance(account: Account, _request: Request) -> Document:
    """Return what is available and what is pending, by settlement currency."""
    sums: dict[str, dict[str, int]] = {"available": defaultdict(int), "pending": defaultdict(int)}
    for currencies in sums.values():
        currencies[settlement_currency(account).code] += 0
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
