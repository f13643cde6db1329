"""Settlement, once a day: what gateways settled and what the bank paid in is booked as journal entries in the ERP.

A movement in another currency is booked in the customer's: the money at the gateway at what the gateway settled, the
order at its own rate, the rest as a difference of rates. Every movement is booked once: its row is written before the
ERP is asked, and what a crash left half-way is looked up there first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal

from mocks.merchant import times
from mocks.merchant.clients.sap_journal import Entry, Line, Outcome, is_posted, post_entries
from mocks.merchant.clients.settled import Movement, PaidOut
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.database import unpack
from mocks.merchant.errors import Refusal
from mocks.merchant.hub.exchange import base_rate
from mocks.merchant.policy.money import quantum
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop

# The accounts this company books on, of SAP's delivered chart of accounts.
_CLEARING = {"stripe": "11005000", "paypal": "11005010", "adyen": "11005020"}
_BANK, _RECEIVABLE, _REFUNDS, _FEES = "11001000", "12120000", "41900000", "65100000"
_RATE_DIFFERENCES, _HELD = "72010000", "24000000"
_COMPANY_CODE = "1010"
_BACK_S = 30 * 86400
_OF_ORDERS = ("charge", "charge reversed", "refund", "refund reversed")
_A_MESSAGE = 50


@seam("ERP documents and tax")
def fee_currency(settled: str, ordered: str) -> str:
    """Return the currency a gateway's fee is booked in: the one it was taken in."""
    return settled


@seam("money conversion and exponents")
def settled_worth(gross: Decimal, presented: Decimal, own_rate: Decimal | None) -> Decimal:
    """Return what a converted payment is booked at: what the gateway settled, whatever our own table says."""
    return gross


@seam("formatting and parsing")
def is_payout_of(text: str, amount: Decimal, payout: str, paid_out: Decimal) -> bool:
    """Say whether a line of the bank is a payout: it bears its reference, and the amount is the same."""
    return payout.lower() in text.lower() and amount == paid_out


def next_settlement(shop: Shop) -> str | None:
    """Return when settlement is due: a while after the first order, then after each run; None before any order."""
    row = shop.database.one("SELECT next_at FROM jobs WHERE name = 'settlement'")
    if row is not None:
        return str(row["next_at"])
    first = shop.database.one("SELECT MIN(placed_at) AS at FROM orders")
    if first is None or first["at"] is None:
        return None
    return times.later(times.parse(first["at"]), int(shop.settings["settlement_interval_s"]))


def settle_accounts(shop: Shop) -> int:
    """Book what is new at every gateway that took money, and what the bank paid in; return how many entries."""
    now, done = shop.now_iso(), 0
    since = times.later(shop.now(), -_BACK_S)
    for row in shop.database.all("SELECT DISTINCT gateway FROM payments ORDER BY gateway"):
        settled = getattr(getattr(shop, row["gateway"], None), "settled", None)
        if row["gateway"] not in _CLEARING or settled is None:
            continue
        try:
            movements, payouts = settled(int(times.parse(since).timestamp()))
            done += _book(shop, _entries(shop, movements))
            done += _book(shop, _paid_in(shop, payouts))
        except (Unreachable, Refused) as error:
            shop.log.write("settlement_failed", gateway=row["gateway"], error=str(error))
    due = times.later(times.parse(now), int(shop.settings["settlement_interval_s"]))
    with shop.database.write() as connection:
        connection.execute(
            "INSERT INTO jobs (name, next_at, last_at) VALUES ('settlement', ?, ?) ON CONFLICT (name) DO UPDATE SET"
            " next_at = excluded.next_at, last_at = excluded.last_at",
            (due, now),
        )
    return done


def _book(shop: Shop, entries: Iterable[Entry]) -> int:
    """Post entries that were not posted before; return how many SAP took."""
    new = [entry for entry in entries if _begin(shop, entry)]
    done = 0
    for start in range(0, len(new), _A_MESSAGE):
        outcomes = post_entries(shop.sap, new[start : start + _A_MESSAGE], _COMPANY_CODE, shop.now_iso())
        for outcome in outcomes:
            _end(shop, outcome)
            done += outcome.number is not None
    return done


def _begin(shop: Shop, entry: Entry) -> bool:
    """Write down that an entry is about to be posted; False where it was, or where SAP has it already."""
    with shop.database.write() as connection:
        known: sqlite3.Row | None = connection.execute("SELECT * FROM settled WHERE id = ?", (entry.id,)).fetchone()
        if known is None:
            connection.execute(
                "INSERT INTO settled (id, state, at) VALUES (?, 'posting', ?)", (entry.id, shop.now_iso())
            )
            return True
    if known["state"] != "posting":
        return False
    if is_posted(shop.sap, entry.text):
        _end(shop, Outcome(entry.id, "found", ""))
        return False
    return True


def _end(shop: Shop, outcome: Outcome) -> None:
    state = "posted" if outcome.number is not None else "refused"
    with shop.database.write() as connection:
        connection.execute(
            "UPDATE settled SET state = ?, document = ?, error = ? WHERE id = ?",
            (state, outcome.number, outcome.why if state == "refused" else None, outcome.id),
        )
    if state == "refused":
        shop.log.write("journal_entry_refused", entry=outcome.id, why=outcome.why)


def _entries(shop: Shop, movements: Sequence[Movement]) -> list[Entry]:
    """Return the entries of movements not booked yet: the money itself, and what the gateway took for it."""
    known = {row["id"] for row in shop.database.all("SELECT id FROM settled WHERE state != 'posting'")}
    found = []
    for movement in movements:
        wanted = [(movement.kind, _of_order if movement.kind in _OF_ORDERS else _of_account)]
        if movement.kind == "payout":
            continue
        if movement.fee and movement.kind != "fee":
            wanted.append(("fee", _fee))
        for kind, write in wanted:
            if _id(movement.gateway, movement.reference, kind) not in known:
                try:
                    found.append(write(shop, movement))
                except Refusal as error:  # no rate of a currency: the next run tries again
                    shop.log.write("movement_not_booked", movement=movement.reference, error=str(error))
    return found


def _of_order(shop: Shop, movement: Movement) -> Entry:
    """Return the entry of a charge or refund, in the customer's currency."""
    base, currency = shop.catalogue.base_currency, movement.ordered
    settled = movement.gross if movement.currency == base else _worth(shop, movement.gross, movement.currency)
    if movement.currency != currency:
        settled = _rounded(settled_worth(settled, movement.presented, _own_rate(shop, currency)), base)
    if currency == base:
        settled = movement.presented
    order = _order_worth(shop, movement, settled)
    clearing = _clearing(movement.gateway)
    other = _RECEIVABLE if movement.kind.startswith("charge") else _REFUNDS
    lines = [Line(clearing, movement.presented, settled), Line(other, -movement.presented, -order)]
    if settled != order:
        lines.append(Line(_RATE_DIFFERENCES, Decimal(0), order - settled))
    return _entry(shop, movement, currency, tuple(lines), movement.kind)


def _order_worth(shop: Shop, movement: Movement, settled: Decimal) -> Decimal:
    """Return what an order's money is worth in the company's currency: by the order's own rate, a refund as booked."""
    base = shop.catalogue.base_currency
    if movement.ordered == base:
        return movement.presented
    refund = shop.database.one("SELECT body FROM refunds WHERE reference = ?", movement.refund or "")
    booked = (unpack(refund["body"]).get("base_amount") or {}).get("amount") if refund is not None else None
    if booked is not None:
        return Decimal(booked).copy_sign(movement.presented)
    order = shop.database.one(
        "SELECT o.body FROM orders o LEFT JOIN payments p ON p.order_id = o.id WHERE p.reference = ? OR o.number = ?",
        movement.payment or "",
        movement.number or "",
    )
    rate = unpack(order["body"])["rate"]["rate"] if order is not None else None
    return _rounded(movement.presented / Decimal(rate), base) if rate else settled


def _of_account(shop: Shop, movement: Movement) -> Entry:
    """Return the entry of what belongs to no order: the account's own fees, chargebacks, what is held back."""
    company = _worth(shop, movement.gross, movement.currency)
    other = _FEES if movement.kind == "fee" else _HELD
    lines = (Line(_clearing(movement.gateway), movement.gross, company), Line(other, -movement.gross, -company))
    return _entry(shop, movement, movement.currency, lines, movement.kind)


def _fee(shop: Shop, movement: Movement) -> Entry:
    currency = fee_currency(movement.currency, movement.ordered)
    fee = _rounded(movement.fee, currency)
    company = _worth(shop, fee, currency)
    lines = (Line(_FEES, fee, company), Line(_clearing(movement.gateway), -fee, -company))
    return _entry(shop, movement, currency, lines, "fee")


def _paid_in(shop: Shop, payouts: Sequence[PaidOut]) -> list[Entry]:
    """Return the entries of payouts that the bank's statements show."""
    found: list[Entry] = []
    for payout in payouts:
        for row in shop.database.all("SELECT * FROM statement_lines WHERE currency = ?", payout.currency):
            amount = Decimal(row["amount"])
            if not is_payout_of(row["text"], amount, payout.reference, payout.amount):
                continue
            company = _worth(shop, amount, payout.currency)
            lines = (Line(_BANK, amount, company), Line(_clearing(payout.gateway), -amount, -company))
            name = payout.reference
            found.append(_written(shop, payout.gateway, name, name, payout.currency, lines, "payout"))
    return found


def _entry(shop: Shop, movement: Movement, currency: str, lines: tuple[Line, ...], kind: str) -> Entry:
    text = movement.text or movement.reference
    return _written(shop, movement.gateway, movement.reference, text, currency, lines, kind)


def _written(
    shop: Shop, gateway: str, reference: str, text: str, currency: str, lines: tuple[Line, ...], kind: str
) -> Entry:
    return Entry(
        id=_id(gateway, reference, kind),
        reference=reference,
        header=f"{gateway} {kind}",
        text=text,
        currency=currency,
        company_currency=shop.catalogue.base_currency,
        day=shop.now_iso()[:10],
        lines=lines,
    )


def _id(gateway: str, reference: str, kind: str) -> str:
    """Return under which name an entry is remembered: each movement has one of a kind."""
    return f"{gateway}:{reference}:{kind}"


def _clearing(gateway: str) -> str:
    return _CLEARING[gateway]


def _worth(shop: Shop, amount: Decimal, currency: str) -> Decimal:
    """Return an amount in the company's currency, by the shop's own table of the day."""
    base = shop.catalogue.base_currency
    return amount if currency == base else _rounded(amount * base_rate(shop, currency).rate, base)


def _own_rate(shop: Shop, currency: str) -> Decimal | None:
    """Return what a unit of a currency is worth by the shop's own table; None for one it knows no rate of."""
    try:
        return base_rate(shop, currency).rate
    except Refusal:
        return None


def _rounded(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(quantum(currency), rounding=ROUND_HALF_UP)
