"""Settlement: what was captured and refunded is paid out in batches, and each batch has a report to download.

Follows https://docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report (columns,
entries, file name) and https://docs.adyen.com/reporting/automatically-get-reports (address, webhook). An entry falls
due `settlement_days` after the day it was booked; at that midnight the batch closes with everything due. A batch that
sums up to less than nothing in a currency pays nothing out of it and hands the debt to the next one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from assay.simkit import Answer, Call
from assay.simkit.market import PER_EURO
from mocks.adyen import webhook
from mocks.adyen.account import Account, Document
from mocks.adyen.currency import DECIMALS
from mocks.adyen.error import Problem
from mocks.adyen.gate import authorise

PATH = "/reports/download/MerchantAccount/{merchant}/{file}"
COLUMNS = (
    "Company Account",
    "Merchant Account",
    "Psp Reference",
    "Merchant Reference",
    "Payment Method",
    "Creation Date",
    "TimeZone",
    "Type",
    "Modification Reference",
    "Gross Currency",
    "Gross Debit (GC)",
    "Gross Credit (GC)",
    "Exchange Rate",
    "Net Currency",
    "Net Debit (NC)",
    "Net Credit (NC)",
    "Commission (NC)",
    "Markup (NC)",
    "Scheme Fees (NC)",
    "Interchange (NC)",
    "Payment Method Variant",
    "Modification Merchant Reference",
    "Batch Number",
    *(f"Reserved{number}" for number in range(4, 11)),
)
_HOST = "https://ca-test.adyen.com"
_DAY_S = 86_400
_RATE = Context(prec=12, rounding=ROUND_HALF_UP)
_FEES: Mapping[str, Any] = {
    "scheme": {"markup": "0.60", "scheme_fees": "0.10", "interchange": "0.20"},
    "ideal": {"commission": "0.22"},
    "sepadirectdebit": {"commission": "0.25"},
    "transaction": "0.11",
}
"""Percent of the amount for cards, amounts in the settlement currency for others; `transaction` for each payment."""


def book(account: Account, payment: Document, type_: str, value: int, modification: Document | None = None) -> None:
    """Note an entry of `value` minor units of the payment's currency, negative where money leaves."""
    now = account.timestamp()
    due = (now // _DAY_S + int(account.setting("settlement_days", 2))) * _DAY_S
    due = due if due > now else (now // _DAY_S + 1) * _DAY_S
    account.unsettled[account.new_token("entry", 12)] = {
        "due": due,
        "created": now,
        "type": type_,
        "value": value,
        "currency": payment["amount"]["currency"],
        "psp": payment["pspReference"],
        "reference": payment["reference"],
        "method": payment["brand"],
        "family": payment["type"] if payment["type"] in _FEES else "scheme",
        "modification": modification["pspReference"] if modification else payment["pspReference"],
        "own_reference": modification["reference"] if modification else "",
    }
    _plan(account, due)


def take_back(account: Account, payment: Document, modification: Document) -> None:
    """Undo the entry of a capture or refund that failed later: it never settles, or is reversed where it has."""
    reference = modification["pspReference"]
    for id_, entry in account.unsettled.items():
        if entry["modification"] == reference:
            del account.unsettled[id_]
            return
    is_refund = modification["event"] == "REFUND"
    value = modification["amount"]["value"]
    type_ = "RefundedReversed" if is_refund else "SettledReversed"
    book(account, payment, type_, value if is_refund else -value, modification)


def _plan(account: Account, midnight: int) -> None:
    if str(midnight) not in account.closings:
        account.closings[str(midnight)] = True
        account.world.at(datetime.fromtimestamp(midnight, UTC), "close_batch", midnight)


def close_batch(account: Account, midnight: int) -> None:
    """Job: close the batch of a midnight with everything due, pay it out and say that its report is there."""
    account.closings.pop(str(midnight), None)
    now = account.timestamp()
    due = {id_: entry for id_, entry in account.unsettled.items() if entry["due"] <= now}
    if not due:
        return
    number = account.world.ids.number("batch")
    rows = [*_carried(account, number), *(_entry_row(account, entry, number) for entry in due.values())]
    rows += _transaction_fees(account, due.values(), number)
    for id_ in due:
        del account.unsettled[id_]
    rows += _closing(account, rows, number)
    name = f"settlement_detail_report_batch_{number}.csv"
    account.reports[name] = _written(rows)
    base = str(account.setting("report_base_url", _HOST)).rstrip("/")
    webhook.tell_report(account, name, base + PATH.format(merchant=_merchant(account), file=name))


def download(account: Account, call: Call) -> Answer:
    """Answer GET of a report by its name."""
    try:
        authorise(account, call)
    except Problem as problem:
        return Answer(problem.body, problem.status, {"WWW-Authenticate": 'Basic realm="Adyen"'})
    report = account.reports.get(call.params["file"])
    if report is None or call.params["merchant"] != _merchant(account):
        words = f"No report {call.params['file'][:80]} of this merchant account."
        return Answer({"status": 404, "errorCode": "000", "message": words, "errorType": "validation"}, 404)
    headers = {"Content-Disposition": f'attachment; filename="{call.params["file"]}"'}
    return Answer(report, 200, headers, "text/csv; charset=utf-8")


def _entry_row(account: Account, entry: Document, number: int) -> dict[str, str]:
    gross = Decimal(entry["value"]).scaleb(-DECIMALS[entry["currency"]])
    currency = _settled_in(account, entry["currency"])
    rate = _rate(account, entry["currency"], currency)
    worth = _rounded(gross * rate, currency)
    fees = _fees(account, entry, abs(worth), currency)
    net = worth - sum(fees.values())
    return {
        **_base(account, entry["type"], entry["created"], number),
        "Psp Reference": entry["psp"],
        "Merchant Reference": entry["reference"],
        "Payment Method": entry["method"],
        "Modification Reference": entry["modification"],
        "Gross Currency": entry["currency"],
        **_sided("Gross Debit (GC)", "Gross Credit (GC)", gross, entry["currency"]),
        "Exchange Rate": f"{rate:f}",
        **_net(net, currency),
        **{name: _amount(fee, currency) for name, fee in fees.items() if fee},
        "Payment Method Variant": entry["method"],
        "Modification Merchant Reference": entry["own_reference"],
    }


def _fees(account: Account, entry: Document, worth: Decimal, currency: str) -> dict[str, Decimal]:
    """Return the fees of a settled entry, which a refund does not give back."""
    if entry["type"] != "Settled":
        return {}
    table = {**_FEES, **account.setting("fees", {})}[entry["family"]]
    names = {"markup": "Markup (NC)", "scheme_fees": "Scheme Fees (NC)", "interchange": "Interchange (NC)"}
    fees = {
        shown: _rounded(worth * Decimal(str(table.get(name, "0"))) / 100, currency) for name, shown in names.items()
    }
    return {"Commission (NC)": _default_to(account, Decimal(str(table.get("commission", "0"))), currency), **fees}


def _transaction_fees(account: Account, entries: Iterable[Document], number: int) -> list[dict[str, str]]:
    """Return an entry for the processing fees of each month with payments in the batch."""
    months: dict[str, int] = {}
    for entry in entries:
        if entry["type"] == "Settled":
            month = datetime.fromtimestamp(entry["created"], UTC).strftime("%B %Y")
            months[month] = months.get(month, 0) + 1
    price = Decimal(str({**_FEES, **account.setting("fees", {})}["transaction"]))
    currency = _default_currency(account)
    return [
        {
            **_base(account, "Fee", account.timestamp(), number),
            "Modification Reference": f"Transaction fees {month}",
            **_net(-_rounded(price * count, currency), currency),
        }
        for month, count in months.items()
        if price
    ]


def _carried(account: Account, number: int) -> list[dict[str, str]]:
    rows = [
        {**_base(account, "Balancetransfer", account.timestamp(), number), **_net(Decimal(debt), currency)}
        for currency, debt in account.carried.items()
    ]
    for currency in list(account.carried):
        del account.carried[currency]
    return rows


def _closing(account: Account, rows: list[dict[str, str]], number: int) -> list[dict[str, str]]:
    """Return the payout of each currency, or the transfer of its debt to the next batch."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        currency = row["Net Currency"]
        credit, debit = row.get("Net Credit (NC)") or "0", row.get("Net Debit (NC)") or "0"
        sums[currency] = sums.get(currency, Decimal(0)) + Decimal(credit) - Decimal(debit)
    last = []
    for currency, total in sums.items():
        if total > 0:
            payout = account.new_reference()
            text = f"TX{payout} batch {number}, {_merchant(account)}"
            row = {**_base(account, "MerchantPayout", account.timestamp(), number), "Psp Reference": payout}
            last.append({**row, "Modification Reference": text, **_net(-total, currency)})
        elif total < 0:
            account.carried[currency] = str(total)
            row = _base(account, "Balancetransfer", account.timestamp(), number)
            last.append({**row, **_net(-total, currency)})
    return last


def _base(account: Account, type_: str, created: int, number: int) -> dict[str, str]:
    return {
        "Company Account": str(account.setting("company_account", "AssayCompany")),
        "Merchant Account": _merchant(account),
        "Creation Date": datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "TimeZone": "UTC",
        "Type": type_,
        "Batch Number": str(number),
    }


def _net(net: Decimal, currency: str) -> dict[str, str]:
    return {"Net Currency": currency, **_sided("Net Debit (NC)", "Net Credit (NC)", net, currency)}


def _sided(debit: str, credit: str, value: Decimal, currency: str) -> dict[str, str]:
    return {debit if value < 0 else credit: _amount(abs(value), currency)}


def _amount(value: Decimal, currency: str) -> str:
    return f"{value:.{DECIMALS[currency]}f}"


def _rounded(value: Decimal, currency: str) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-DECIMALS[currency]), ROUND_HALF_UP)


def _default_currency(account: Account) -> str:
    return str(account.setting("settlement_currency", "EUR"))


def _settled_in(account: Account, currency: str) -> str:
    held = account.setting("settlement_currencies", [])
    return currency if currency in held else _default_currency(account)


def _default_to(account: Account, value: Decimal, currency: str) -> Decimal:
    """Return an amount stated in the default settlement currency in another one."""
    return _rounded(value * _rate(account, _default_currency(account), currency), currency)


def _rate(account: Account, source: str, target: str) -> Decimal:
    """Return units of `target` for one unit of `source`, both in major units, the margin of a conversion taken off."""
    if source == target:
        return Decimal(1)
    stated = {code: Decimal(str(rate)) for code, rate in account.setting("exchange_rates", {}).items()}
    rates = {**PER_EURO, **stated}
    margin = 1 - Decimal(str(account.setting("conversion_percent", "0.6"))) / 100
    return _RATE.normalize(_RATE.divide(rates[target] * margin, rates[source]))


def _merchant(account: Account) -> str:
    return str(account.setting("merchant_account", "AssayECOM"))


def _written(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
