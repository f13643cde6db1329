"""All distribution detectors over a hundred thousand orders: columns in, sums by window, everything judged.

Limit: 50 ms of CPU, the median of several readings: fifty days of 2,000 orders in five currencies and six markets with
value, mix, tax, refunds, carriers and a field that may lack, summed up and judged each day. Beside it, without a limit,
the same for the calls, and judging alone from what the store keeps.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.drift.distribution.history import remembered
from assay.drift.distribution.judging import judge
from assay.drift.distribution.sums import sum_calls, sum_orders
from tests.engine.drift.order_streams import drawn, windows

LIMIT_MS, READINGS, DAYS = 50.0, 11, 50


def cpu_ms(act: Callable[[], object]) -> float:
    """Return the CPU of one call, the median of several."""
    act()
    took = []
    for _ in range(READINGS):
        began = time.process_time()
        act()
        took.append((time.process_time() - began) * 1_000)
    return statistics.median(took)


def main() -> int:
    """Print the figures; 1 where the detectors cost more than their limit."""
    plan = windows(DAYS)
    orders, calls = drawn(1, days=DAYS, events=False)
    kept = json.dumps(sum_orders(orders, plan).memories())
    whole = cpu_ms(lambda: judge(sum_orders(orders, plan)).alarms())
    print(
        f"{len(orders.at_us):,} orders, {DAYS} days: sums and all detectors {whole:6.1f} ms CPU, limit {LIMIT_MS:g} ms"
    )
    print(f"  sums alone                {cpu_ms(lambda: sum_orders(orders, plan)):6.1f} ms")
    print(f"  calls: sums and detectors {cpu_ms(lambda: judge(sum_calls(calls, plan))):6.1f} ms")
    print(f"  from the store's JSON     {cpu_ms(lambda: judge(remembered(plan, json.loads(kept)))):6.1f} ms")
    print(f"  kept of each window       {len(kept) / len(plan) / 1024:6.1f} KiB")
    return 1 if whole > LIMIT_MS else 0


if __name__ == "__main__":
    sys.exit(main())
