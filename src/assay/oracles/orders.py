"""Order oracles. O-O1 exactly once, O-O2 nothing lost, O-O3 no double charge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from assay.events import Finding
from assay.money import Money
from assay.oracles import charge
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Document, Dossier, Order, Payment

_STOPPED = ("cancelled",)


def is_parked(order: Order) -> bool:
    """Say whether the ERP need not have the order yet: held, waiting for its payment, or stopped."""
    return bool(order.hold) or order.status in ("pending", "held", *_STOPPED)


def booked(dossier: Dossier) -> list[Document]:
    """Return the sales orders that are not taken back."""
    return [each for each in dossier.documents if each.kind == "sales_order" and not each.rejected]


def is_young(dossier: Dossier, order: Order, judging: Judging, role: str) -> bool:
    """Say whether systems of a role may still be busy with the order: it is younger than they may take."""
    return dossier.read_at is not None and dossier.read_at - order.placed_at < judging.slack(role)


@oracle("O-O1", needs=("payments", "erp"), formula="count(docs with ext_ref(o)) == 1 in each system k")
def exactly_once(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Count what each system holds under each of the order's references; parts have references of their own."""
    documents = [each for each in booked(dossier) if each.parent_ref is None]
    counts = Counter(each.reference or order.number for each in documents)
    twice = sorted(reference for reference, count in counts.items() if count > 1)
    if twice:
        refs = ", ".join(each.ref for each in documents if (each.reference or order.number) in twice)
        return _miscounted(order, documents, f"{max(counts.values())} ({refs}) for {', '.join(twice)}")
    wanted = [posting.reference for posting in order.postings] or [order.number]
    if not is_parked(order) and not is_young(dossier, order, judging, "erp"):
        lost = [reference for reference in wanted if reference not in counts]
        # An order in parts has a document for each part and none under its own number.
        if lost and not (lost == [order.number] and counts):
            return _miscounted(order, documents, f"0 (none) for {', '.join(lost)}")
    if dossier.siblings:
        return failed(
            "shop",
            expected="one order for one purchase",
            seen=f"{1 + len(dossier.siblings)} ({', '.join(sorted((order.number, *dossier.siblings)))})",
            cause="a repeated or parallel submit made another order",
            at_risk=order.total,
        )
    paid = Counter((each.system, each.purpose) for each in charge.captured(dossier))
    for (system, purpose), count in paid.items():
        if count > 1:
            same = [each.ref for each in charge.captured(dossier) if (each.system, each.purpose) == (system, purpose)]
            return failed(
                "shop",
                system,
                expected="1 captured payment",
                seen=f"{count} ({', '.join(same)})",
                cause="the customer was charged more than once",
                at_risk=order.total,
            )
    return passed()


def _miscounted(order: Order, documents: list[Document], seen: str) -> Finding:
    several = not seen.startswith("0")
    cause = "posted again while the first was not yet finished" if several else "the order never reached the ERP"
    system = documents[0].system if documents else "erp"
    return failed("shop", system, expected="1 sales order", seen=seen, cause=cause, at_risk=order.total)


@oracle(
    "O-O2",
    needs=("payments", "erp"),
    formula="every capture has exactly one order with its reference, or is given back",
)
def nothing_lost(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold each captured payment against the shop's references and the ERP's documents."""
    kept = [each for each in charge.captured(dossier) if each.refunded.minor < each.captured.minor]
    if not kept:
        return unjudged("no money of this order is kept")
    known = set(order.payment_refs)
    unknown = [each for each in kept if each.ref not in known]
    if unknown:
        return _lost(order, unknown, "shop", "the shop does not know of the payment")
    if order.status in _STOPPED:
        waiting = any(refund.status in ("pending", "queued") for refund in order.refunds)
        if waiting or any(not refund.settled for each in kept for refund in each.refunds):
            return unjudged("the refund of a cancelled order is on its way")
        return _lost(order, kept, "shop", "the order is cancelled and the money was kept")
    if order.hold or is_young(dossier, order, judging, "erp"):
        return passed()
    if not booked(dossier):
        return _lost(order, kept, "erp", "paid, and never handed over to the ERP")
    return passed()


def _lost(order: Order, payments: Iterable[Payment], where: str, cause: str) -> Finding:
    taken = list(payments)
    refs = ", ".join(each.ref for each in taken)
    return failed(
        taken[0].system,
        where,
        expected=f"an order in {where} for each payment that is kept",
        seen=f"none for {refs}",
        cause=cause,
        at_risk=order.total,
    )


@oracle("O-O3", needs=("payments",), formula="sum(captured) - sum(refunded) <= total; one idempotency key a checkout")
def no_double_charge(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Sum what gateways kept, look for payments that could still be taken, and for keys made anew on a retry."""
    kept = charge.captured(dossier)
    if len(kept) > 1 and (finding := _overcharged(dossier, order, kept)) is not None:
        return finding
    if kept and (finding := _still_open(dossier, order)) is not None:
        return finding
    keys = _keys(dossier)
    for (system, purpose), used in sorted(keys.items()):
        if len(used) > 1 + _tries_that_failed(dossier, system):
            return failed(
                "shop",
                system,
                expected="one idempotency key for the payment of one checkout",
                seen=f"{len(used)} keys for {purpose}: {', '.join(sorted(used))}",
                cause="the key was made for the call and not for the purchase",
                at_risk=order.total,
            )
    if not kept and not keys:
        return unjudged("nothing is captured, and no call that created a payment is known")
    return passed()


def _overcharged(dossier: Dossier, order: Order, kept: list[Payment]) -> Finding | None:
    """Compare what several payments kept with the total; the amount of a single one is O-M1's to judge."""
    if any(each.captured.currency != order.total.currency for each in kept):
        return None
    amounts = [
        charge.money_at(each.system, each.captured.minor - each.refunded.minor, order.total.currency) for each in kept
    ]
    whole = Money.zero(order.total.currency)
    for amount in amounts:
        if amount is None:
            return None
        whole += amount
    due = charge.due_at_gateways(dossier, order)
    if whole <= due:
        return None
    return failed(
        "shop",
        *(each.system for each in kept),
        expected=f"at most {due}",
        seen=f"{whole} kept of {len(kept)} payments ({', '.join(each.ref for each in kept)})",
        cause="the customer was charged more than once",
        at_risk=whole - due,
    )


def _still_open(dossier: Dossier, order: Order) -> Finding | None:
    """Return that another payment of a paid checkout could still be taken; a declined one could not."""
    taken = {each.checkout_ref for each in charge.captured(dossier)}
    stray = [
        each
        for each in dossier.payments
        if not each.captured.minor
        and each.phase in ("open", "pending", "authorised")
        and not each.declined
        and not each.purpose
        and each.checkout_ref in taken
    ]
    if not stray:
        return None
    return failed(
        "shop",
        stray[0].system,
        expected="no other payment that can be taken once the order is paid",
        seen=f"{len(stray)} more: {', '.join(f'{each.ref} {each.phase}' for each in stray)}",
        cause="a payment was begun again instead of taken up",
        at_risk=order.total,
    )


def _tries_that_failed(dossier: Dossier, system: str) -> int:
    """Return how many tries at a gateway took nothing and cannot any more: the next one needs a key of its own."""
    dead = [
        each
        for each in dossier.payments
        if each.system == system and not each.captured.minor and (each.declined or each.phase == "voided")
    ]
    # Whoever was sent to the bank again had given up the first time.
    return max(len(dead), dossier.told.count("declined"), dossier.told.count("requires_action") - 1)


def _keys(dossier: Dossier) -> dict[tuple[str, str], set[str]]:
    """Return the idempotency keys under which payments were created, by system and purpose; each lacking one counts."""
    found: dict[tuple[str, str], set[str]] = {}
    for place, each in enumerate(dossier.creations):
        if each.kind == "payment":
            key = each.key if each.key is not None else f"none (call {place + 1})"
            found.setdefault((each.system, each.purpose), set()).add(key)
    return found
