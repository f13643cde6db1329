"""Refunds: worked out from the lines paid, written before the gateway is asked, carried out once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from mocks.merchant.clients.gateway import RefundState
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.database import pack, unpack
from mocks.merchant.errors import Refusal
from mocks.merchant.hub.message import write_message
from mocks.merchant.ids import next_id
from mocks.merchant.policy.composition import payable
from mocks.merchant.policy.format import format_amount, parse_amount
from mocks.merchant.policy.money import from_minor_units, plain, quantum, to_minor_units
from mocks.merchant.policy.rounding import round_amount
from mocks.merchant.policy.states import status_after_payment
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.credit import TENDER, give_back_credit
from mocks.merchant.storefront.gift_card import credit_gift_card
from mocks.merchant.storefront.payment import taken as taken_payment
from mocks.merchant.storefront.progress import find_order, move_payment, record

_ASK_AGAIN_S = 3600


@seam("refunds")
def refund_allowed(currency: str, base_currency: str) -> bool:
    """Say whether an order in this currency can be refunded."""
    return True


@seam("refunds")
def refunded_amount(amount: Decimal, rate: Decimal | None) -> Decimal:
    """Return what is sent back for an amount of the order: the same, in the order's currency and at its frozen rate."""
    return amount


@seam("refunds")
def refund_share(line_total: Decimal, quantity: int, part: int, step: Decimal) -> Decimal:
    """Return the paid share of `part` units of a line; the shares of all units sum to the line's total."""
    return round_amount(line_total * part / quantity, step, "half_up")


@seam("refunds")
def refund_target(requested: Decimal, refundable: Decimal) -> Decimal:
    """Return the amount sent to the gateway for a refund of part of a payment."""
    return requested


@seam("refunds")
def refund_key(refund_id: str, attempt: int) -> str:
    """Return the idempotency key of a refund: one for every try."""
    return f"refund-{refund_id}"


@seam("refunds")
def is_same_refund(request_key: str, known: str | None) -> bool:
    """Say whether a refund request repeats one that is known by its key."""
    return known is not None and request_key == known


def request_refund(shop: Shop, order: sqlite3.Row, content: Mapping[str, Any], key: str | None) -> list[str]:
    """Write the refunds a request asks for and return their ids. Raises `Refusal` for more than can be given back."""
    reason = content.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise Refusal(422, "invalid", "'reason' must be a text.", field="reason", seen=reason)
    if not refund_allowed(order["currency"], shop.catalogue.base_currency):
        raise Refusal(409, "not_refundable", f"Orders in {order['currency']} cannot be refunded.")
    request_key = f"{order['id']}:{key or _own_key(content)}"
    with shop.database.write() as connection:
        known = connection.execute(
            "SELECT id, key FROM refunds WHERE key = ? OR key LIKE ? || '#%'", (request_key, request_key)
        )
        done = known.fetchall()
        if done and is_same_refund(request_key, done[0]["key"].split("#")[0]):
            return [row["id"] for row in done]
        request_key += f"/{len(done)}" if done else ""
        current = find_order(connection, order["id"])
        amount, lines = _requested(connection, current, content)
        body = {"lines": lines, "shipping": bool("amount" not in content and content.get("shipping"))}
        return _write(connection, shop, current, amount, reason.strip(), request_key, body)


def return_everything(connection: sqlite3.Connection, shop: Shop, order: sqlite3.Row, cause: str) -> None:
    """Write what gives every payment of an order back: a void while it is only authorised, else a refund."""
    for payment in _payments(connection, order["id"]):
        rest = Decimal(payment["captured"]) - Decimal(payment["refunded"]) - _waiting(connection, payment["id"])
        if payment["status"] == "requires_capture":
            _insert(
                connection,
                shop,
                payment,
                Decimal(payment["amount"]),
                cause,
                f"{order['id']}:void:{payment['id']}",
                {"void": True},
            )
        elif rest > 0:
            _insert(connection, shop, payment, rest, cause, f"{order['id']}:rest:{payment['id']}", {"lines": {}})


def refundable(connection: sqlite3.Connection, order_id: str) -> Decimal:
    """Return what is captured and neither refunded nor about to be."""
    total = Decimal(0)
    for payment in _payments(connection, order_id):
        total += Decimal(payment["captured"]) - Decimal(payment["refunded"]) - _waiting(connection, payment["id"])
    return total


def next_refund(shop: Shop) -> str | None:
    """Return when the next refund is carried out or looked at, or None."""
    row = shop.database.one("SELECT MIN(due_at) AS due FROM refunds WHERE due_at IS NOT NULL")
    return row["due"] if row else None


def carry_out_due(shop: Shop) -> int:
    """Carry out every refund that is due; return how many were tried."""
    rows = shop.database.all(
        "SELECT * FROM refunds WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at, id", shop.now_iso()
    )
    for row in rows:
        carry_out(shop, row["id"])
    return len(rows)


def carry_out(shop: Shop, refund_id: str) -> None:
    """Ask the gateway for one refund, or how it stands; safe to repeat."""
    with shop.database.write() as connection:
        due = shop.later_iso(60)
        taken = connection.execute(
            "UPDATE refunds SET due_at = ?, attempts = attempts + 1 WHERE id = ? AND due_at IS NOT NULL RETURNING *",
            (due, refund_id),
        ).fetchone()
    if taken is None:
        return
    payment = shop.database.one("SELECT * FROM payments WHERE id = ?", taken["payment_id"])
    assert payment is not None
    try:
        if payment["gateway"] in OWN_TENDERS:
            OWN_TENDERS[payment["gateway"]](shop, taken, payment)
        elif unpack(taken["body"]).get("void"):
            state = shop.gateway(payment["gateway"]).cancel(taken_payment(payment), f"void-{refund_id}")
            _finish(shop, taken, state.told_as, "succeeded" if state.status == "canceled" else "pending")
        else:
            answer = _ask_gateway(shop, taken, payment)
            _finish(shop, taken, answer.reference, answer.status)
    except Unreachable as error:
        shop.log.write("refund_unfinished", refund=refund_id, error=str(error))
    except (Refused, ValueError) as error:
        shop.log.write("refund_refused", refund=refund_id, error=str(error))
        if isinstance(error, ValueError) or not error.is_temporary:
            _finish(shop, taken, None, "failed")


def gateway_refund_seen(shop: Shop, refund: RefundState) -> str:
    """Take over a refund the gateway reports: the outcome of ours, or one made in its console; return what was done."""
    with shop.database.write() as connection:
        known = connection.execute(
            "SELECT * FROM refunds WHERE reference = ? OR id = ?", (refund.reference, refund.refund_id)
        ).fetchone() or _unanswered(connection, refund)
    if known is not None:
        _finish(shop, known, refund.reference, refund.status)
        return "known refund"
    return _adopt(shop, refund)


def cancellation_seen(shop: Shop, payment: sqlite3.Row, reference: str, done: bool) -> bool:
    """Take over what became of a release the shop asked for; False where it asked for none."""
    row = shop.database.one(
        "SELECT * FROM refunds WHERE payment_id = ? AND json_extract(body, '$.void')"
        " AND (reference = ? OR reference IS NULL)",
        payment["id"],
        reference,
    )
    if row is None:
        return False
    _finish(shop, row, reference, "succeeded" if done else "failed")
    return True


@seam("refunds")
def adopted_amount(amount: Decimal, rate: Decimal | None) -> tuple[Decimal, Decimal]:
    """Return a refund made at the gateway's console in the order's and in the base currency."""
    return amount, amount / rate if rate else amount


def _adopt(shop: Shop, refund: RefundState) -> str:
    with shop.database.write() as connection:
        payment = connection.execute("SELECT * FROM payments WHERE reference = ?", (refund.payment,)).fetchone()
        if payment is None:
            return "not ours"
        order = find_order(connection, payment["order_id"])
        rate = unpack(order["body"])["rate"]["rate"]
        amount, base = adopted_amount(
            from_minor_units(refund.units, refund.currency, refund.gateway), Decimal(rate) if rate else None
        )
        body = {"lines": {}, "console": True, "base_amount": _in_base(shop, order, base)}
        key = f"gateway:{refund.reference}"
        refund_id = _insert(connection, shop, payment, amount, "made at the gateway", key, body)
        connection.execute("UPDATE refunds SET due_at = NULL WHERE id = ?", (refund_id,))
        row = connection.execute("SELECT * FROM refunds WHERE id = ?", (refund_id,)).fetchone()
    _finish(shop, row, refund.reference, refund.status)
    return "console refund"


def _unanswered(connection: sqlite3.Connection, refund: RefundState) -> sqlite3.Row | None:
    """Return a refund of ours the gateway was asked for and has not answered yet, where this may be the one.

    A gateway that does not repeat our id may tell the outcome before its answer is written down.
    """
    if refund.refund_id:
        return None
    amount = plain(from_minor_units(refund.units, refund.currency, refund.gateway), refund.currency)
    row: sqlite3.Row | None = connection.execute(
        "SELECT r.* FROM refunds r JOIN payments p ON p.id = r.payment_id"
        " WHERE p.reference = ? AND r.reference IS NULL AND r.attempts > 0 AND r.status = 'queued' AND r.amount = ?",
        (refund.payment, amount),
    ).fetchone()
    return row


def _in_base(shop: Shop, order: sqlite3.Row, base: Decimal) -> dict[str, str] | None:
    """Return an amount in the base currency as it is shown; None where no rate tells what an order is worth in it."""
    currency = shop.catalogue.base_currency
    if unpack(order["body"])["rate"]["rate"] is None and order["currency"] != currency:
        return None
    return {"amount": plain(round_amount(base, quantum(currency), "half_up"), currency), "currency": currency}


def _requested(
    connection: sqlite3.Connection, order: sqlite3.Row, content: Mapping[str, Any]
) -> tuple[Decimal, dict[str, int]]:
    currency, possible = order["currency"], refundable(connection, order["id"])
    if "amount" in content:
        lines: dict[str, int] = {}
        amount = _amount(content["amount"], currency)
    else:
        amount, lines = _lines_amount(connection, order, content)
    if amount <= 0 or amount > possible:
        raise Refusal(
            409,
            "not_refundable",
            f"{amount} {currency} cannot be refunded; {possible} {currency} can.",
            refundable=plain(max(possible, Decimal(0)), currency),
        )
    return amount, lines


def _lines_amount(
    connection: sqlite3.Connection, order: sqlite3.Row, content: Mapping[str, Any]
) -> tuple[Decimal, dict[str, int]]:
    body, step = unpack(order["body"]), quantum(order["currency"])
    wanted = content.get("lines")
    if not isinstance(wanted, list) or not all(isinstance(entry, Mapping) for entry in wanted):
        raise Refusal(
            422, "invalid", "Say 'amount', or 'lines': [{'line': id, 'quantity': n}].", field="lines", seen=wanted
        )
    before = refunded_lines(connection, order["id"])
    by_id = {line["id"]: line for line in body["lines"]}
    total = Decimal(0)
    lines: dict[str, int] = {}
    for entry in wanted:
        line = by_id.get(str(entry.get("line")))
        part = entry.get("quantity")
        if line is None:
            raise Refusal(404, "unknown_line", f"The order has no line '{entry.get('line')}'.", lines=list(by_id))
        already = before.get(line["id"], 0)
        if not isinstance(part, int) or isinstance(part, bool) or not 0 < part <= line["quantity"] - already:
            raise Refusal(
                409, "not_refundable", f"{line['quantity'] - already} of line {line['id']} can be refunded.", seen=part
            )
        paid = payable(line, body["tax_included"])
        total += refund_share(paid, line["quantity"], already + part, step) - refund_share(
            paid, line["quantity"], already, step
        )
        lines[line["id"]] = part
    if content.get("shipping"):
        total += payable(body["shipping"], body["tax_included"])
    return total, lines


def worth_of_lines(connection: sqlite3.Connection, order: sqlite3.Row, lines: Mapping[str, int]) -> Decimal:
    """Return what units of an order's lines would give back now, by the shop's id of the line."""
    wanted = [{"line": line, "quantity": quantity} for line, quantity in lines.items()]
    return _lines_amount(connection, order, {"lines": wanted})[0]


def refunded_lines(connection: sqlite3.Connection, order_id: str) -> dict[str, int]:
    """Return how many of each line are refunded or about to be."""
    counted: dict[str, int] = {}
    rows = connection.execute(
        "SELECT body FROM refunds WHERE order_id = ? AND status != 'failed'", (order_id,)
    ).fetchall()
    for row in rows:
        for line, quantity in unpack(row["body"]).get("lines", {}).items():
            counted[line] = counted.get(line, 0) + quantity
    return counted


def _write(
    connection: sqlite3.Connection,
    shop: Shop,
    order: sqlite3.Row,
    amount: Decimal,
    reason: str,
    key: str,
    body: Mapping[str, Any],
) -> list[str]:
    """Spread a refund over the order's payments, the gateway's before what the shop keeps itself."""
    written: list[str] = []
    left = amount
    for payment in sorted(_payments(connection, order["id"]), key=lambda row: row["gateway"] in OWN_TENDERS):
        rest = Decimal(payment["captured"]) - Decimal(payment["refunded"]) - _waiting(connection, payment["id"])
        part = min(rest, left)
        if part > 0:
            unique = key if not written else f"{key}#{len(written)}"
            rate = unpack(order["body"])["rate"]["rate"]
            worth = {"base_amount": _in_base(shop, order, part / Decimal(rate) if rate else part)}
            told = body if not written else {"lines": {}}
            written.append(_insert(connection, shop, payment, part, reason, unique, {**told, **worth}))
            left -= part
    return written


def _insert(
    connection: sqlite3.Connection,
    shop: Shop,
    payment: sqlite3.Row,
    amount: Decimal,
    reason: str,
    key: str,
    body: Mapping[str, Any],
) -> str:
    known = connection.execute("SELECT id FROM refunds WHERE key = ?", (key,)).fetchone()
    if known:
        return str(known["id"])
    refund_id = next_id(connection, "rfd", shop.config.seed)
    now = shop.now_iso()
    connection.execute(
        "INSERT INTO refunds VALUES (?, ?, ?, ?, NULL, 'queued', ?, ?, ?, ?, ?, 0, ?)",
        (
            refund_id, payment["order_id"], payment["id"], key, payment["currency"], plain(amount, payment["currency"]),
            reason, now, now, pack(dict(body)),
        ),
    )  # fmt: skip
    return refund_id


def _ask_gateway(shop: Shop, refund: sqlite3.Row, payment: sqlite3.Row) -> RefundState:
    gateway = shop.gateway(payment["gateway"])
    if refund["reference"] and gateway.can_be_asked:
        return gateway.retrieve_refund(refund["reference"])
    order = find_order(shop.database.read(), refund["order_id"])
    rate = unpack(order["body"])["rate"]["rate"]
    possible = Decimal(payment["captured"]) - Decimal(payment["refunded"])
    amount = refund_target(refunded_amount(Decimal(refund["amount"]), Decimal(rate) if rate else None), possible)
    units = to_minor_units(amount, refund["currency"], gateway.name)
    key = refund_key(refund["id"], refund["attempts"])
    return gateway.refund(taken_payment(payment), units, refund["id"], refund["order_id"], key)


def _gift_card(shop: Shop, refund: sqlite3.Row, payment: sqlite3.Row) -> None:
    with shop.database.write() as connection:
        gift = connection.execute(
            "SELECT json_extract(body, '$.gift.code') AS code FROM checkouts WHERE id = ?", (payment["checkout_id"],)
        ).fetchone()
        credit_gift_card(connection, gift["code"], Decimal(refund["amount"]))
        _finish(shop, refund, f"gift-{refund['id']}", "succeeded")


def _credit(shop: Shop, refund: sqlite3.Row, payment: sqlite3.Row) -> None:
    with shop.database.write() as connection:
        give_back_credit(connection, shop, refund)
        _finish(shop, refund, f"credit-{refund['id']}", "succeeded")


OWN_TENDERS: dict[str, Callable[[Shop, sqlite3.Row, sqlite3.Row], None]] = {
    "gift_card": _gift_card,
    TENDER: _credit,
}
"""What the shop keeps itself and gives back without a gateway, by the payment's `gateway`."""


def _finish(shop: Shop, refund: sqlite3.Row, reference: str | None, status: str) -> None:
    """Record how a refund stands; money, status and message change once, when it first succeeds."""
    with shop.database.write() as connection:
        before = connection.execute(
            "SELECT r.status, r.body, p.gateway FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE r.id = ?",
            (refund["id"],),
        ).fetchone()
        asks = status == "pending" and shop.gateway(before["gateway"]).can_be_asked
        due = shop.later_iso(_ASK_AGAIN_S) if asks else None
        if before["status"] == "succeeded" and status == "failed":
            _take_back(connection, shop, refund)
        if before["status"] in ("succeeded", "failed", "canceled"):
            return
        connection.execute(
            "UPDATE refunds SET status = ?, reference = COALESCE(?, reference), due_at = ? WHERE id = ?",
            (status, reference, due, refund["id"]),
        )
        if status != "succeeded":
            return
        order = find_order(connection, refund["order_id"])
        if unpack(before["body"]).get("void"):
            connection.execute("UPDATE payments SET status = 'canceled' WHERE id = ?", (refund["payment_id"],))
            move_payment(connection, shop, order["id"], "voided", "authorisation released")
            return
        _book(connection, shop, order, refund)


def _book(connection: sqlite3.Connection, shop: Shop, order: sqlite3.Row, refund: sqlite3.Row) -> None:
    payment = connection.execute("SELECT * FROM payments WHERE id = ?", (refund["payment_id"],)).fetchone()
    refunded = plain(Decimal(payment["refunded"]) + Decimal(refund["amount"]), refund["currency"])
    connection.execute("UPDATE payments SET refunded = ? WHERE id = ?", (refunded, payment["id"]))
    sums = [(Decimal(row["captured"]), Decimal(row["refunded"])) for row in _payments(connection, order["id"])]
    everything = sum(captured for captured, _ in sums) == sum(back for _, back in sums)
    status = "refunded" if everything else status_after_payment("paid", refunded=True)
    move_payment(connection, shop, order["id"], status, f"refund {refund['id']}")
    shown = format_amount(refund["amount"], refund["currency"], "en")
    write_message(connection, shop, order, "refunded", occasion=refund["id"], amount=shown)


def _take_back(connection: sqlite3.Connection, shop: Shop, refund: sqlite3.Row) -> None:
    """Undo the booking of a refund that came back after it had worked: the customer's account is closed, say."""
    connection.execute("UPDATE refunds SET status = 'failed' WHERE id = ?", (refund["id"],))
    payment = connection.execute("SELECT * FROM payments WHERE id = ?", (refund["payment_id"],)).fetchone()
    left = plain(Decimal(payment["refunded"]) - Decimal(refund["amount"]), refund["currency"])
    connection.execute("UPDATE payments SET refunded = ? WHERE id = ?", (left, payment["id"]))
    back = sum((Decimal(row["refunded"]) for row in _payments(connection, refund["order_id"])), Decimal(0))
    status, now = status_after_payment("paid", refunded=back > 0), shop.now_iso()
    connection.execute(
        "UPDATE orders SET payment_status = ?, updated_at = ? WHERE id = ?", (status, now, refund["order_id"])
    )
    record(connection, refund["order_id"], now, "payment_status", status, f"refund {refund['id']} came back")
    shop.log.write("refund_came_back", refund=refund["id"], alarm=True)


def _payments(connection: sqlite3.Connection, order_id: str) -> list[sqlite3.Row]:
    return connection.execute("SELECT * FROM payments WHERE order_id = ? ORDER BY rowid", (order_id,)).fetchall()


def _waiting(connection: sqlite3.Connection, payment_id: str) -> Decimal:
    rows = connection.execute(
        "SELECT amount FROM refunds WHERE payment_id = ? AND status NOT IN ('succeeded', 'failed', 'canceled')",
        (payment_id,),
    ).fetchall()
    return sum((Decimal(row["amount"]) for row in rows), Decimal(0))


def _amount(value: Any, currency: str) -> Decimal:
    if isinstance(value, Mapping) and value.get("currency", currency) != currency:
        raise Refusal(
            422, "wrong_currency", f"The order is in {currency}.", field="amount.currency", seen=value.get("currency")
        )
    text = value.get("amount") if isinstance(value, Mapping) else value
    if isinstance(value, Mapping) and isinstance(value.get("language"), str) and isinstance(text, str):
        return _written_amount(text, currency, value["language"])
    try:
        amount = Decimal(text) if isinstance(text, str) else None
        if amount is None or not amount.is_finite() or amount != amount.quantize(quantum(currency)):
            raise ValueError(text)
    except (ArithmeticError, ValueError) as error:
        raise Refusal(
            422,
            "invalid",
            f"'amount' must be a decimal text with the decimals of {currency}.",
            field="amount",
            seen=text,
        ) from error
    return amount


def _written_amount(text: str, currency: str, language: str) -> Decimal:
    """Return an amount as an agent wrote it, with the marks of a language."""
    try:
        return parse_amount(text, currency, language)
    except ValueError as error:
        raise Refusal(422, "invalid", str(error), field="amount", seen=text) from error


def _own_key(content: Mapping[str, Any]) -> str:
    return pack({name: content.get(name) for name in ("lines", "amount", "shipping", "reason")})
