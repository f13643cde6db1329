"""After how many days each detector sees its own shift, and how often healthy streams alarm: drawn and seeded.

No limit: it is a table to be read. Five healthy weeks come first, then a fault that must be named within twelve days,
by the detector, the feature and, where the fault has one, the currency or system. `seen otherwise` counts days on which
anything else was said. Then sixty days each of a healthy shop with season, weekends, a promotion, Black Friday (x20),
the end of summer time and a night without an order, after four weeks of learning. ``--seeds`` says how many of each.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.drift.distribution.judging import judge
from assay.drift.distribution.sums import sum_calls, sum_orders
from tests.engine.drift.distribution_scenarios import SCENARIOS, delay
from tests.engine.drift.order_streams import DAYS, LEARNING, drawn, windows

VOLUMES = (200, 2_000, 20_000)
_SEEDS = {200: 1.0, 2_000: 1.0, 20_000: 0.25}


def print_delays(daily: int, seeds: int) -> None:
    """Print how quickly each fault is found at so many orders a day."""
    print(f"\n{daily:,} orders a day, {seeds} seeds     found   median   worst   seen otherwise (days)")
    for scenario in SCENARIOS:
        said = [delay(scenario, 1_000 + seed, daily=daily) for seed in range(seeds)]
        days = sorted(found for found, _ in said if found is not None)
        shown = f"{statistics.median(days):6.1f} d {days[-1]:5d} d" if days else "     -       -"
        print(
            f"  {scenario.name:30} {len(days):3d}/{seeds:<3d} {shown} {sum(other for _, other in said):8d}", flush=True
        )


def print_quiet(daily: int, seeds: int) -> int:
    """Print how many healthy shops alarmed, and return it."""
    alarms = 0
    for seed in range(seeds):
        orders, calls = drawn(seed, daily=daily)
        for history in (sum_orders(orders, windows()), sum_calls(calls, windows())):
            said = judge(history)
            wrong = {alarm.stream for day in range(LEARNING, said.days) for alarm in said.alarms(day)}
            alarms += len(wrong)
            for stream in sorted(wrong):
                print(f"    seed {seed}: {stream.feature} {stream.segment}")
    print(f"  {daily:6,} orders a day: {alarms} alarms in {seeds} healthy shops, {seeds * DAYS:,} days", flush=True)
    return alarms


def main() -> int:
    """Print both tables; 1 where a healthy shop alarmed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    seeds = parser.parse_args().seeds
    for daily in VOLUMES:
        print_delays(daily, max(round(seeds * _SEEDS[daily]), 2))
    print("\nhealthy shops")
    return 1 if sum(print_quiet(daily, max(round(seeds * _SEEDS[daily]), 2)) for daily in VOLUMES) else 0


if __name__ == "__main__":
    sys.exit(main())
