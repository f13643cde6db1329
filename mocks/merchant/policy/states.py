"""The state machine of orders and of payments: which move is allowed, which is late news."""

from __future__ import annotations

from mocks.merchant.seams import seam

ORDER_RANKS = {
    "pending": 0,
    "held": 1,
    "confirmed": 2,
    "processing": 3,
    "partially_shipped": 4,
    "shipped": 5,
    "delivered": 6,
}
PAYMENT_RANKS = {
    "pending": 0,
    "failed": 1,
    "authorised": 2,
    "paid": 3,
    "partially_refunded": 4,
    "refunded": 5,
    "voided": 5,
}
_CANCELLABLE = frozenset({"pending", "held", "confirmed", "processing"})


@seam("state machine")
def may_move(current: str, new: str) -> bool:
    """Say whether an order may go from one status to another: forwards, or to cancelled before it ships."""
    if new == "cancelled":
        return current in _CANCELLABLE
    if current == "cancelled":
        return False
    return ORDER_RANKS[new] > ORDER_RANKS[current]


@seam("state machine")
def may_pay_move(current: str, new: str) -> bool:
    """Say whether a payment status may follow another; a failed payment may still be paid by a retry."""
    if current == "failed":
        return new in ("pending", "authorised", "paid", "failed")
    if new == "failed":
        return current == "pending"
    if new == "voided":
        return current in ("pending", "authorised")
    return PAYMENT_RANKS[new] > PAYMENT_RANKS[current]


@seam("state machine")
def status_after_payment(payment_status: str, refunded: bool) -> str:
    """Return the payment status an order shows for what its gateway says and what it knows of refunds."""
    return "partially_refunded" if refunded and payment_status == "paid" else payment_status
