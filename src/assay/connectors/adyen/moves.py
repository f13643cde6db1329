"""What changes of a payment make up: the same for lines of a report and for items of notifications."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime

from assay.errors import UsageError
from assay.records import GatewayRefund, MinorAmount, Payment

# In which order changes of one second happened: Adyen's times have whole seconds.
_LIFE = (
    "received", "authorised", "refused", "adjusted", "captured", "capture failed", "voided", "refund sent", "refunded",
    "refund failed",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One change of a payment's state, from a line of a report or an item of a notification.

    `kind` is ours, `word` Adyen's; `ref` is the modification's own reference, the payment's where it is none. It is
    empty where it is not known: then the first change of an amount is what became of the first request for it.
    """

    payment_ref: str
    kind: str
    word: str
    ref: str
    amount: MinorAmount
    at: datetime
    order_ref: str | None = None
    customer: str | None = None


def payments_of(moves: Iterable[Move], *, capture: str = "manual", held: Set[str] = frozenset()) -> list[Payment]:
    """Return the payments that these changes make up, oldest first; the same change told twice counts once.

    capture: ``immediate`` where an authorisation is a capture; ``undeclared`` makes one that nothing followed a
    `UsageError`. held: PSP references and shop's references that were asked to be captured later whatever the account
    does. A payment that was neither received nor authorised among them is left out.
    """
    by_payment: dict[str, dict[tuple[str, str], Move]] = defaultdict(dict)
    counts: Counter[tuple[str, str, int]] = Counter()
    for move in sorted(moves, key=lambda each: (each.at, _LIFE.index(each.kind), each.ref)):
        if not move.ref:
            counts[move.payment_ref, move.kind, move.amount.minor] += 1
            nth = counts[move.payment_ref, move.kind, move.amount.minor]
            move = replace(move, ref=f"{move.payment_ref}/{move.amount.minor}/{nth}")
        by_payment[move.payment_ref].setdefault((move.kind, move.ref), move)
    found = (
        _payment(ref, list(kept.values()), "manual" if _is_held(ref, kept.values(), held) else capture)
        for ref, kept in by_payment.items()
    )
    return sorted((payment for payment in found if payment), key=lambda each: (each.created_at, each.ref))


def _is_held(ref: str, moves: Iterable[Move], held: Set[str]) -> bool:
    return ref in held or any(move.order_ref in held for move in moves)


def _payment(ref: str, moves: list[Move], capture: str) -> Payment | None:
    """Make one payment of its changes, oldest first."""
    kinds: dict[str, list[Move]] = defaultdict(list)
    for move in moves:
        kinds[move.kind].append(move)
    begun = kinds["authorised"] or kinds["refused"] or kinds["received"]
    if not begun:
        return None
    amount = (kinds["adjusted"] or begun)[-1].amount
    failed = {move.ref for move in kinds["capture failed"]}
    captured = sum(move.amount.minor for move in kinds["captured"] if move.ref not in failed)
    refunds = _refunds(kinds)
    if kinds["authorised"] and not (kinds["captured"] or kinds["voided"]):
        if capture == "undeclared" and not refunds:
            raise UsageError(
                f"adyen told that {ref} is authorised, and not whether the account captures by itself",
                where="systems.adyen.credentials",
                expected='capture = "env:ADYEN_CAPTURE"',
                hint="add the line, and set that variable to immediate or manual, as the account is set",
            )
        captured = amount.minor if capture == "immediate" or refunds else 0
    phase = _phase(kinds, captured)
    return Payment(
        system="adyen",
        ref=ref,
        order_ref=next((move.order_ref for move in moves if move.order_ref), None),
        status=moves[-1].word,
        amount=amount,
        captured=MinorAmount(captured, amount.currency),
        refunded=MinorAmount(sum(each.amount.minor for each in refunds), amount.currency),
        created_at=moves[0].at,
        phase=phase,
        # What a first capture leaves is released, unless the account may capture one payment several times.
        capturable=MinorAmount(amount.minor if phase == "authorised" else 0, amount.currency),
        declined=bool(kinds["refused"]) and not kinds["authorised"],
        customer=next((move.customer for move in moves if move.customer), None),
        refunds=refunds,
    )


def _refunds(kinds: Mapping[str, list[Move]]) -> tuple[GatewayRefund, ...]:
    failed = {move.ref for move in kinds["refund failed"]}
    done = {move.ref for move in kinds["refunded"]}
    asked = {move.ref: move for move in (*kinds["refunded"], *kinds["refund sent"]) if move.ref not in failed}
    last = asked | {move.ref: move for move in kinds["refunded"] if move.ref not in failed}
    return tuple(
        GatewayRefund(ref=ref, status=last[ref].word, amount=last[ref].amount, created_at=move.at, settled=ref in done)
        for ref, move in sorted(asked.items(), key=lambda pair: (pair[1].at, pair[0]))
    )


def _phase(kinds: Mapping[str, list[Move]], captured: int) -> str:
    if captured:
        return "captured"
    if kinds["voided"]:
        return "voided"
    if kinds["authorised"]:
        return "authorised"
    return "open" if kinds["refused"] else "pending"
