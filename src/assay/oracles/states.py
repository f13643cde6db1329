"""State oracles. O-O4 monotone state machine, O-O5 idempotent consumer, O-O12 messages."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from assay.events import Finding
from assay.oracles import charge
from assay.oracles.judge import evidence, failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Call, CustomerMessage, Dossier, Order, Parcel, Payment, StateChange

# How far a state is; a state may be followed by one of a higher rank. Words of several shops for one thing share it.
_RANKS = {
    "status": {
        "pending": 0, "held": 1, "confirmed": 2, "processing": 3, "partially_shipped": 4, "shipped": 5, "delivered": 6,
        "cancelled": 7, "returned": 8,
    },
    "payment_status": {
        "pending": 0, "failed": 1, "authorised": 2, "paid": 3, "partially_refunded": 4, "refunded": 5, "voided": 5,
    },
}  # fmt: skip
# Falls that are allowed all the same: a retry after a failure, a chargeback, an order opened again by a person.
_ALLOWED = {("payment_status", "failed", "pending"), ("status", "held", "pending")}
_NEVER = {
    ("status", "shipped", "cancelled"),
    ("status", "delivered", "cancelled"),
    ("payment_status", "paid", "failed"),
}
_LAST = {"status": ("delivered", "cancelled", "returned"), "payment_status": ("paid", "refunded", "voided")}
_UNPAID = ("pending", "failed", "authorised")
_ONCE = ("order_confirmed", "payment_failed", "order_cancelled", "payment_pending", "order_held")


@oracle("O-O4", needs=("payments",), formula="rank(state) never falls but by allowed edges; no state outlives its time")
def monotone_states(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Walk the order's history, and hold where it ended against what the gateway says."""
    if not order.history:
        return unjudged("the shop shows no history of states")
    for name, ranks in _RANKS.items():
        changes = [each for each in order.history if each.field == name]
        unknown = sorted({each.value for each in changes} - ranks.keys())
        if unknown:
            return unjudged(f"nobody declared how far the {name} '{unknown[0]}' is")
        if (finding := _fallen(changes, name)) is not None:
            return finding
        current = order.status if name == "status" else order.payment_status
        if changes and current != changes[-1].value:
            return _moved_back(name, changes[-1].value, str(current), "the state was overwritten without a trace")
    if (finding := _behind_gateway(dossier, order, judging)) is not None:
        return finding
    return _outlived(dossier, order, judging) or _cancelled_unasked(dossier, order) or passed()


def _cancelled_unasked(dossier: Dossier, order: Order) -> Finding | None:
    """Return that a paid order was cancelled though nobody asked for it: browsers and late news decide nothing."""
    paid = [each for each in order.history if each.field == "payment_status" and each.value == "paid"]
    ended = [each for each in order.history if each.field == "status" and each.value == "cancelled"]
    if dossier.cancel_asked is not False or order.status != "cancelled" or not paid or not ended:
        return None
    if order.hold or ended[-1].at < paid[0].at:
        return None
    return failed(
        "shop",
        expected="a paid order goes on to delivery: nobody asked for it to be cancelled",
        seen=f"cancelled {ended[-1].at:%Y-%m-%dT%H:%M:%SZ}, {order.payment_status or 'paid'}",
        cause=f"a paid order was cancelled by itself ({ended[-1].cause or 'no cause given'})",
        at_risk=order.total,
    )


def _fallen(changes: Sequence[StateChange], name: str) -> Finding | None:
    ranks = _RANKS[name]
    for before, after in itertools.pairwise(changes):
        edge = (name, before.value, after.value)
        reopened = "reopen" in after.cause or "chargeback" in after.cause
        if edge in _NEVER or (ranks[after.value] < ranks[before.value] and edge not in _ALLOWED and not reopened):
            cause = f"late or repeated news was taken for newer ({after.cause or 'no cause given'})"
            return _moved_back(name, f"{before.value} or beyond", after.value, cause)
    return None


def _moved_back(name: str, expected: str, seen: str, cause: str) -> Finding:
    return failed("shop", expected=f"{name} {expected}", seen=f"{name} {seen}", cause=cause)


def _behind_gateway(dossier: Dossier, order: Order, judging: Judging) -> Finding | None:
    """Return that the shop has not followed a gateway that is done: nobody completed the order, or undid it wrongly."""
    captured = charge.captured(dossier)
    if not captured or _is_recent(dossier, max(each.created_at for each in captured), judging, "shop"):
        return None
    systems = ("shop", captured[0].system)
    refs = ", ".join(each.ref for each in captured)
    given_back = all(each.refunded.minor >= each.captured.minor for each in captured)
    if order.payment_status in _UNPAID and not given_back and not charge.is_exception(dossier, order):
        cause = "the event about the payment was dropped, or its news overwritten"
        return failed(
            *systems, expected=f"payment_status paid for {refs}", seen=str(order.payment_status), cause=cause,
            at_risk=order.total,
        )  # fmt: skip
    waiting = any(not refund.settled for each in captured for refund in each.refunds)
    if given_back and not waiting and order.payment_status in ("paid", "partially_refunded"):
        cause = "the state was read from the payment without its refunds"
        return failed(
            *systems,
            expected="payment_status refunded",
            seen=str(order.payment_status),
            cause=cause,
            at_risk=order.total,
        )
    if order.status == "pending" and not order.hold and not given_back:
        cause = "paid, and never completed: only the customer's return would have done it"
        return failed(
            *systems, expected="status confirmed or beyond", seen="status pending", cause=cause, at_risk=order.total
        )
    settled = {refund.ref for each in captured for refund in each.refunds if refund.settled}
    stuck = [
        each for each in order.refunds if each.ref in settled and each.status in ("pending", "processing", "queued")
    ]
    if stuck:
        cause = "the gateway's last word on a refund is not in the state map"
        return failed(*systems, expected=f"refund {stuck[0].ref} done", seen=stuck[0].status, cause=cause)
    return None


def _outlived(dossier: Dossier, order: Order, judging: Judging) -> Finding | None:
    if dossier.read_at is None:
        return None
    for name in _RANKS:
        changes = [each for each in order.history if each.field == name]
        if not changes or changes[-1].value in _LAST[name]:
            continue
        limit, age = judging.state_ttl.get(changes[-1].value), dossier.read_at - changes[-1].at
        if limit is not None and age > limit:
            seen = f"{name} {changes[-1].value} for {age}"
            return failed("shop", expected=f"{name} {changes[-1].value} for at most {limit}", seen=seen, cause="stuck")
    return None


def _is_recent(dossier: Dossier, at: datetime, judging: Judging, role: str) -> bool:
    return dossier.read_at is not None and dossier.read_at - at < judging.slack(role)


@oracle(
    "O-O5",
    needs=("shop",),
    formula="digest(state after E) == digest(state after E with duplicates); effects counted once",
)
def idempotent_consumer(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Compare the dossier with the one before a replay; else count effects where the journal shows an event twice."""
    if dossier.before_replay is not None and dossier.before_replay.order is not None:
        return _unchanged(digest(dossier.before_replay, dossier.before_replay.order), digest(dossier, order))
    if (why := dossier.missing("journal")) is not None:
        return unjudged(why)
    repeated = _repeated(dossier.calls)
    if not repeated:
        return unjudged("no event about this order was delivered twice")
    changes = Counter((each.field, each.value) for each in order.history if each.field in _RANKS)
    twice = [f"{name} {value}" for (name, value), count in changes.items() if count > 1 and value != "pending"]
    written = Counter((each.kind, each.text) for each in dossier.messages)
    twice += [f"message {kind}" for (kind, _), count in written.items() if count > 1]
    returned = Counter(each.ref for each in order.refunds if each.ref)
    twice += [f"refund {ref}" for ref, count in returned.items() if count > 1]
    if twice:
        finding = failed(
            "shop",
            repeated[0].system,
            expected="each effect once",
            seen=f"twice: {', '.join(twice)}",
            cause="the event was handled again each time it was delivered",
        )
        return _with_evidence(finding, repeated)
    return passed()


def digest(dossier: Dossier, order: Order) -> dict[str, object]:
    """Return what an event may change only once: states, money, documents, parcels and messages by number."""
    return {
        "states": (order.status, order.payment_status),
        "history": [(each.field, each.value) for each in order.history],
        "captured": sorted((each.ref, each.captured.minor, each.refunded.minor) for each in dossier.payments),
        "refunds": sorted(each.ref or "" for each in order.refunds),
        "documents": sorted((each.kind, each.ref) for each in dossier.documents),
        "parcels": sorted(each.tracking_number for each in dossier.shipments),
        "messages": sorted((each.kind, each.text) for each in dossier.messages),
        "stock": sorted((each.sku, each.on_hand, each.reserved) for each in dossier.stock),
    }


def _unchanged(before: dict[str, object], after: dict[str, object]) -> Finding:
    changed = [name for name in before if before[name] != after[name]]
    if not changed:
        return passed()
    return failed(
        "shop",
        expected=f"the same {', '.join(changed)} as before the events were delivered again",
        seen=", ".join(f"{name}: {after[name]}" for name in changed),
        cause="the event was handled again",
    )


def _repeated(calls: Sequence[Call]) -> list[Call]:
    """Return the events delivered to the platform more than once: the same body, and accepted each time."""
    inbound = [each for each in calls if each.way == "reverse" and each.request_body and each.status < 300]
    counts = Counter((each.system, each.request_body) for each in inbound)
    return [each for each in inbound if counts[each.system, each.request_body] > 1]


def _with_evidence(finding: Finding, calls: Sequence[Call]) -> Finding:
    return replace(finding, evidence=evidence(calls, [each.system for each in calls]))


@oracle("O-O12", needs=("messages",), formula="one message of each kind an occasion; none of failure for money kept")
def one_message_each(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Count what was written to the customer, and hold it against what happened."""
    for kind, count, about in _too_many(dossier.messages, order):
        return failed(
            "shop", expected=f"one message {kind}{about}", seen=f"{count}", cause="two parts of the shop both write it"
        )
    kinds = {each.kind for each in dossier.messages}
    kept = [each for each in charge.captured(dossier) if each.refunded.minor < each.captured.minor]
    if "payment_failed" in kinds and kept:
        return failed(
            "shop",
            kept[0].system,
            expected="no message of failure for money that was kept",
            seen=f"payment_failed, and {kept[0].ref} captured",
            cause="the shop asked for the outcome for a shorter time than the gateway took",
            at_risk=order.total,
        )
    if (finding := _told_otherwise(dossier, order, kept)) is not None:
        return finding
    if (finding := _missing_message(dossier, order, kinds, judging)) is not None:
        return finding
    if not judging.confirms_unpaid and (finding := _confirmed_early(dossier, order)) is not None:
        return finding
    return passed()


def _told_otherwise(dossier: Dossier, order: Order, kept: Sequence[Payment]) -> Finding | None:
    """Return that the last thing the customer heard is that they have not paid, though their money is kept."""
    if not kept or not dossier.told or dossier.told[-1] != "declined":
        return None
    return failed(
        "shop",
        kept[0].system,
        expected="a customer who is told that their money was taken, or not told that it was not",
        seen=f"told 'declined', and {kept[0].ref} captured",
        cause="the shop asked for the outcome for a shorter time than the gateway took and called silence a failure: "
        "the customer will pay again",
        at_risk=order.total,
    )


def _too_many(messages: Sequence[CustomerMessage], order: Order) -> Iterator[tuple[str, int, str]]:
    """Yield what was written too often; the same text is right twice only for two occasions that look alike."""
    kinds = Counter(each.kind for each in messages)
    yield from ((kind, kinds[kind], "") for kind in _ONCE if kinds[kind] > 1)
    occasions = {
        "refunded": len(order.refunds),
        "return_received": len(order.refunds),
        "order_edited": len(order.edits),
        "shipped": sum(parcel.untracked for parcel in order.parcels),
    }
    texts = Counter((each.kind, each.subject, each.text) for each in messages)
    for (kind, _, _), count in texts.items():
        if count > max(1, occasions.get(kind, 1)):
            yield kind, count, " for one occasion"


def _missing_message(dossier: Dossier, order: Order, kinds: set[str], judging: Judging) -> Finding | None:
    if _is_recent(dossier, order.placed_at, judging, "shop"):
        return None
    ranks = _RANKS["status"]
    reached = {each.value for each in order.history if each.field == "status"}
    expected = []
    if any(ranks.get(value, 0) >= ranks["confirmed"] and value != "cancelled" for value in reached):
        expected.append("order_confirmed")
    if any(_left(parcel) for parcel in order.parcels):
        expected.append("shipped")
    missing = [kind for kind in expected if kind not in kinds]
    if not missing:
        return None
    return failed("shop", expected=f"a message {missing[0]}", seen="none", cause="the message was never written")


def _left(parcel: Parcel) -> bool:
    return parcel.state == "labelled"


def _confirmed_early(dossier: Dossier, order: Order) -> Finding | None:
    """Return that the confirmation was written before the money was authorised; an invoice is paid later by design."""
    written = [each.at for each in dossier.messages if each.kind == "order_confirmed"]
    if not written or any(tender.kind == "invoice" for tender in order.tenders):
        return None
    if any("invoice" in each.cause.casefold() for each in order.history if each.field == "status"):
        return None  # placed on invoice, and paid otherwise afterwards
    gateway = [tender for tender in order.tenders if any(each.ref == tender.ref for each in dossier.payments)]
    if order.tenders and not gateway:
        return None
    funded = [
        each.at for each in order.history if each.field == "payment_status" and each.value in ("authorised", "paid")
    ]
    if funded and min(written) >= min(funded):
        return None
    if not any(each.field == "payment_status" for each in order.history):
        return None
    seen = f"written {min(written):%Y-%m-%dT%H:%M:%SZ}, " + (
        f"authorised {min(funded):%Y-%m-%dT%H:%M:%SZ}" if funded else "never authorised"
    )
    cause = "the message is written when the order is placed instead of when it is paid"
    return failed("shop", expected="a confirmation after the money was authorised", seen=seen, cause=cause)
