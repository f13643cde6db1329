"""Many orders by parallel customers: every system must hold each exactly once, also when the merchant is killed.

    python benchmarks/thousand_orders.py                        1,000 orders by 16 customers
    python benchmarks/thousand_orders.py --orders 200 --kill-at 100

Counted through the vendors' documented operations and the edge's journal: shop orders, captured payments, sales
orders, labels bought. Equal, no duplicate and no oversell: exit 0. A killed merchant is brought back by `assay up`;
customers whose request it took along are not acknowledged, and what they may have left must be whole or absent.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

from assay.cli.shared import plan_for
from assay.errors import AssayError
from assay.local.plan import MERCHANT
from assay.local.up import bring_up
from assay.roles import Purchase
from assay.runners.demo import journal_summary, landscape_of_its_own
from assay.runners.session import Session
from assay.store import open_store

SKUS = ("0017", "0018", "00420")
COMES_BACK_FOR_S = 20.0
CURRENCIES = ("EUR", "JPY", "GBP", "USD")


class Crowd:
    """Customers who buy in parallel; remembers who was told that the order is placed."""

    def __init__(self, session: Session, skus: list[str], seed: int) -> None:
        self._session = session
        self._skus = skus
        self._draw = random.Random(seed)
        self._lock = threading.Lock()
        self.acknowledged: list[tuple[str, str, int]] = []
        self.lost: list[str] = []

    def buy(self, number: int) -> None:
        """Place one order; a refusal or a broken connection is counted, not raised."""
        with self._lock:
            sku, quantity = self._draw.choice(self._skus), self._draw.randint(1, 2)
            currency = self._draw.choice(CURRENCIES)
        purchase = Purchase(currency=currency, lines=((sku, quantity),), email=f"crowd-{number}@example.com")
        try:
            ref = self._placed(purchase)
        except (AssayError, LookupError) as error:
            with self._lock:
                self.lost.append(str(error).replace("\n", " "))
            return
        with self._lock:
            self.acknowledged.append((ref, sku, quantity))

    def _placed(self, purchase: Purchase) -> str:
        """Place an order; while nobody listens at all, nothing was sent, so the customer simply comes back."""
        deadline = time.monotonic() + COMES_BACK_FOR_S
        while True:
            try:
                ref: str = self._session.landscape.by_role("shop").place(purchase)
                return ref
            except AssayError as error:
                if (
                    "/api/carts\n" not in f"{error}\n"
                    or "ConnectError" not in str(error)
                    or time.monotonic() > deadline
                ):
                    raise
                time.sleep(0.2)


def count(session: Session, since_s: float) -> dict[str, Counter[str]]:
    """Return, by system, how often each order number appears."""
    shop, payments, erp = (session.landscape.by_role(role) for role in ("shop", "payments", "erp"))
    until = session.now() + timedelta(hours=1)
    since = until - timedelta(seconds=since_s) - timedelta(days=8)
    orders = {order.ref: order for order in shop.orders(since, until)}
    numbers = {key: order.number for order in orders.values() for key in (order.ref, order.number)}
    paid = [payment for payment in payments.payments(since, until) if payment.captured.minor]
    booked = [document for document in erp.documents(since, until) if document.kind == "sales_order"]
    store = open_store(session.plan.home.store)
    try:
        ships = [call for call in store.calls(session.plan.name) if call.system == "ups" and call.status == 200]
    finally:
        store.close()
    labels = Counter(number for order in orders.values() for number in [order.number] for _ in order.tracking_numbers)
    return {
        "shop orders": Counter(order.number for order in orders.values()),
        "captured payments": Counter(numbers.get(payment.order_ref or "", "?") for payment in paid),
        "sales orders": Counter(document.order_ref or "?" for document in booked),
        "labels": labels,
        "label calls": Counter({"all": sum(call.method == "POST" and "/ship" in call.path for call in ships)}),
    }


def main() -> int:
    """Run and print the counts; 0 when they are equal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--customers", type=int, default=16)
    parser.add_argument("--kill-at", type=int, help="kill the merchant with SIGKILL after this many orders")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.orders} orders, {options.customers} customers")
    with landscape_of_its_own(plan_for("local", None), lambda _: None) as session:
        return run(session, options)


def run(session: Session, options: argparse.Namespace) -> int:
    """Let the crowd buy, let the landscape come to rest, compare."""
    erp = session.landscape.by_role("erp")
    before = {sku: sum((level.on_hand for level in erp.stock(sku)), Decimal(0)) for sku in SKUS}
    crowd = Crowd(session, list(SKUS), options.seed)
    began = time.monotonic()
    with ThreadPoolExecutor(options.customers) as customers:
        for number in range(options.orders):
            customers.submit(crowd.buy, number)
        if options.kill_at:
            _kill_and_mend(session, crowd, options.kill_at)
    took_s = time.monotonic() - began
    print(f"{len(crowd.acknowledged)} acknowledged, {len(crowd.lost)} lost, {took_s:.1f} s")
    for reason, times in Counter(crowd.lost).most_common(3):
        print(f"  {times} x {reason[:160]}")
    session.pass_time(timedelta(hours=2))
    journal_summary(session)  # waits until the keeper has caught up
    counts = count(session, time.monotonic() - began)
    for name, seen in counts.items():
        double = {key: times for key, times in seen.items() if times != 1 and name != "label calls"}
        print(f"{name:<20}{seen.total():>6}   {'no duplicate' if not double else f'DUPLICATES {double}'}")
    after = {sku: sum((level.on_hand for level in erp.stock(sku)), Decimal(0)) for sku in SKUS}
    good = _equal(counts, crowd, options) & _no_oversell(session, crowd, before, after, counts)
    print("equal" if good else "NOT EQUAL")
    return 0 if good else 1


def _kill_and_mend(session: Session, crowd: Crowd, after: int) -> None:
    while len(crowd.acknowledged) < after:
        time.sleep(0.01)
    merchant = session.plan.home.read().processes[MERCHANT]
    os.kill(merchant.pid, signal.SIGKILL)
    print(f"merchant (pid {merchant.pid}) killed after {len(crowd.acknowledged)} orders")
    time.sleep(0.5)
    bring_up(session.plan, lambda event: None)


def _equal(counts: dict[str, Counter[str]], crowd: Crowd, options: argparse.Namespace) -> bool:
    names = ("shop orders", "captured payments", "sales orders", "labels")
    same = all(counts[name] == counts["shop orders"] for name in names)
    same &= counts["label calls"]["all"] == counts["labels"].total()
    same &= all(times == 1 for times in counts["shop orders"].values())
    complete = counts["shop orders"].total() >= len(crowd.acknowledged)
    if not options.kill_at:
        complete = complete and counts["shop orders"].total() == options.orders
    return same and complete


def _no_oversell(
    session: Session,
    crowd: Crowd,
    before: dict[str, Decimal],
    after: dict[str, Decimal],
    counts: dict[str, Counter[str]],
) -> bool:
    sold: Counter[str] = Counter()
    shop = session.landscape.by_role("shop")
    until = session.now() + timedelta(hours=1)
    for order in shop.orders(until - timedelta(days=9), until):
        for line in order.lines:
            sold[line.sku] += int(line.quantity)
    exact = all(before[sku] - after[sku] == sold[sku] and after[sku] >= 0 for sku in SKUS)
    for sku in SKUS:
        print(f"stock {sku:<14}{before[sku]:>6} - {sold[sku]} sold = {after[sku]}")
    return exact


if __name__ == "__main__":
    sys.exit(main())
