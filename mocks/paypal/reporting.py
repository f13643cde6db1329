"""Transaction search: the account's history by span, filtered and in pages (https://developer.paypal.com/docs/api/transaction-search/v1/).

A transaction is reported only some time after it happened (setting `reporting_delay_s`, PayPal says up to three hours),
and a span holds at most 31 days. Where nothing matches there is no `transaction_details`, as PayPal's document wants at
least one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from assay.simkit import Answer, Call
from mocks.paypal.account import PAYEE, PAYER, Business, Document, written
from mocks.paypal.currency import DECIMALS
from mocks.paypal.gate import query_of
from mocks.paypal.issue import Problem

PATH = "/v1/reporting/transactions"
_DELAY_S = 3 * 3600
_LONGEST = timedelta(days=31)
_MOST_A_PAGE = 500
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})\Z")
_RANGE = re.compile(r"\[?(-?\d+) TO (-?\d+)\]?\Z")
_FILTERS = (
    "transaction_id",
    "transaction_type",
    "transaction_status",
    "transaction_amount",
    "transaction_currency",
    "payment_instrument_type",
    "store_id",
    "terminal_id",
)
_FIELDS = (
    "transaction_info",
    "payer_info",
    "shipping_info",
    "auction_info",
    "cart_info",
    "incentive_info",
    "store_info",
)
_KNOWN = frozenset(
    {*_FILTERS, "start_date", "end_date", "fields", "balance_affecting_records_only", "page_size", "page"}
)
Test = Callable[[Document], bool]


def list_(business: Business, call: Call, _debug_id: str) -> Answer:
    """Answer GET /v1/reporting/transactions."""
    query = query_of(call)
    if strangers := [name for name in query if name not in _KNOWN]:
        raise _refused(strangers[0], query[strangers[0]], "Unknown query parameter.")
    start, end = _span(query)
    refreshed = business.timestamp() - int(business.setting("reporting_delay_s", _DELAY_S))
    if start > refreshed:
        raise _refused("start_date", query["start_date"], "Data for the given start date is not available.")
    end = min(end, refreshed)
    size = _number(query, "page_size", 100, _MOST_A_PAGE)
    page = _number(query, "page", 1, 2**31 - 1)
    fields = _fields(query)
    matches = _matches(query)
    found = [row for row in business.movements.values() if start <= row["at"] <= end and matches(row)]
    found.sort(key=lambda row: row["at"])
    pages = -(-len(found) // size)
    shown = found[(page - 1) * size : page * size]
    with_balance = not any(query.get(name) for name in _FILTERS)
    details = [_detail(business, row, fields, with_balance) for row in shown]
    body = {
        **({"transaction_details": details} if details else {}),
        "account_number": business.setting("payee", PAYEE)["merchant_id"],
        "start_date": written(start),
        "end_date": written(end),
        "last_refreshed_datetime": written(refreshed),
        "page": page,
        "total_items": len(found),
        "total_pages": pages,
        "links": _links(business, query, page, pages),
    }
    return Answer(body)


def _span(query: Mapping[str, str]) -> tuple[int, int]:
    instants = []
    for name in ("start_date", "end_date"):
        given = query.get(name)
        if not given:
            raise _refused(name, "", "A required parameter is missing.")
        # A plus sign that was not encoded arrives as a space.
        text = given.replace(" ", "+").upper()
        try:
            if not _INSTANT.match(text):
                raise ValueError(text)
            instants.append(datetime.fromisoformat(text))
        except ValueError:
            raise _refused(name, given, "The value of a field does not conform to the expected format.") from None
    start, end = instants
    if end < start:
        raise _refused("end_date", query["end_date"], "The end date is before the start date.")
    if end - start > _LONGEST:
        raise _refused("end_date", query["end_date"], "Date range is greater than 31 days")
    return int(start.timestamp()), int(end.timestamp())


def _number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    given = query.get(name, str(default))
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= most:
        raise _refused(name, given, f"The value must be a whole number from 1 to {most}.")
    return int(given)


def _fields(query: Mapping[str, str]) -> tuple[str, ...]:
    wanted = [name.strip() for name in query.get("fields", "transaction_info").split(",")]
    if "all" in wanted:
        return _FIELDS
    for name in wanted:
        if name not in _FIELDS:
            raise _refused("fields", name, f"Valid fields are: all, {', '.join(_FIELDS)}.")
    return tuple(wanted)


def _matches(query: Mapping[str, str]) -> Test:
    """Return the test of a movement against the filters of a query."""
    tests: list[Test] = []
    affecting = query.get("balance_affecting_records_only", "Y")
    if affecting not in ("Y", "N"):
        raise _refused("balance_affecting_records_only", affecting, "The value must be Y or N.")
    if affecting == "Y":
        tests.append(lambda row: row["status"] != "P")
    wanted_id = query.get("transaction_id")
    if wanted_id:
        if not 17 <= len(wanted_id) <= 19:
            raise _refused("transaction_id", wanted_id, "The value of a field is either too short or too long.")
        tests.append(lambda row: row["id"] == wanted_id)
    for name, field in (("transaction_type", "code"), ("transaction_status", "status")):
        if query.get(name):
            tests.append(lambda row, field=field, value=query[name]: row[field] == value)  # type: ignore[misc]
    if query.get("transaction_currency"):
        tests.append(lambda row: row["amount"]["currency_code"] == query["transaction_currency"])
    if query.get("transaction_amount"):
        tests.append(_amount_test(query["transaction_amount"]))
    if any(query.get(name) for name in ("payment_instrument_type", "store_id", "terminal_id")):
        tests.append(lambda _row: False)  # everything here was paid from a wallet, in no store
    return lambda row: all(test(row) for test in tests)


def _amount_test(text: str) -> Test:
    match = _RANGE.match(text)
    if match is None:
        raise _refused("transaction_amount", text, "The range must be written as <start> TO <end>, in lower units.")
    low, high = int(match[1]), int(match[2])

    def test(row: Document) -> bool:
        amount = row["amount"]
        return low <= Decimal(amount["value"]).scaleb(DECIMALS[amount["currency_code"]]) <= high

    return test


def _detail(business: Business, row: Document, fields: tuple[str, ...], with_balance: bool) -> Document:
    """Return one transaction with the parts asked for; a part of which nothing is known is empty."""
    parts: dict[str, Callable[[], Document]] = {
        "transaction_info": lambda: _info(business, row, with_balance),
        "payer_info": lambda: _payer(business, row),
    }
    return {name: parts[name]() if name in parts else {} for name in fields}


def _info(business: Business, row: Document, with_balance: bool) -> Document:
    info: Document = {
        "transaction_id": row["id"],
        "transaction_event_code": row["code"],
        "transaction_initiation_date": written(row["at"]),
        "transaction_updated_date": written(row["updated"]),
        "transaction_amount": row["amount"],
        "transaction_status": row["status"],
        **row["texts"],
    }
    if row["order"] is not None:
        info |= {"paypal_account_id": business.setting("payer", PAYER)["payer_id"], "protection_eligibility": "01"}
    if row["fee"] is not None:
        info["fee_amount"] = {**row["fee"], "value": f"-{row['fee']['value']}"}
    if row["reference"] is not None:
        info |= {"paypal_reference_id": row["reference"], "paypal_reference_id_type": "TXN"}
    if with_balance and "balance" in row:
        info |= {"ending_balance": row["balance"], "available_balance": row["balance"]}
    return info


def _payer(business: Business, row: Document) -> Document:
    order = business.orders.get(row["order"] or "", {})
    payer = order.get("payer")
    if payer is None:
        return {}
    return {
        "account_id": payer["payer_id"],
        "email_address": payer["email_address"],
        "address_status": "Y",
        "payer_status": "Y",
        "payer_name": payer["name"],
        "country_code": payer["address"]["country_code"],
    }


def _links(business: Business, query: Mapping[str, str], page: int, pages: int) -> list[Document]:
    def link(rel: str, number: int) -> Document:
        return business.link(f"{PATH}?{urlencode({**query, 'page': number})}", rel)

    links = [link("self", page), link("first", 1)]
    if page < pages:
        links += [link("next", page + 1), link("last", pages)]
    if page > 1:
        links.append(link("prev", page - 1))
    return links


def _refused(field: str, value: Any, issue: str) -> Problem:
    """Return the refusal of one query parameter, in the form this API words it: the issue is a sentence."""
    return Problem(400, {"field": field, "value": str(value)[:100], "location": "query", "issue": issue})
