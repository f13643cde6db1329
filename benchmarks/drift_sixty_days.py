"""Sixty days of a healthy shop, hour by hour, as the monitors would look at them; then how soon each fault is told.

Twice: with the end of summer time, a promotion, a night without an order and Black Friday (twenty times the orders);
and with the begin of summer time and Easter. Each hour, the orders of shop and ERP are compared by what changed, swept
once a day, and told when a second read finds a difference again; payments and their bookings by the batch of the night
every ``--every`` hours; the rates of two stores against those published. Distributions are judged over the same orders.
Limit: no alarm. Then each fault begins at ten in the morning of a Tuesday, and must be told by what it is.

    python benchmarks/drift_sixty_days.py [--daily 400] [--season autumn] [--step 1] [--faults-only | --quiet-only]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.drift.distribution.judging import judge
from assay.drift.distribution.sums import sum_calls, sum_orders
from tests.engine.drift.order_streams import BERLIN, DAYS, FIRST, LEARNING, SPRING, drawn, windows
from tests.engine.drift.sixty_days import DAY, FAULTS, HOUR, Healthy, Watcher, healthy, hours, is_named, pairs_of
from tests.engine.drift.sixty_days_rates import RATE_FAULTS, alarms, is_told, looked, publications

SEASONS = {"autumn": FIRST, "spring": SPRING}
_FAULT_DAY, _FAULT_HOUR = 15, 10
_MOST_HOURS = 120


def main() -> int:
    """Print the tables; 1 where something healthy was told, or a fault was not."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--daily", type=int, default=400, help="orders a day, before season and sales")
    asked.add_argument("--season", choices=SEASONS, action="append")
    asked.add_argument("--begin", type=int, default=0, help="the first day that is looked at")
    asked.add_argument("--days", type=int, default=DAYS)
    asked.add_argument("--step", type=int, default=1, help="hours between two looks at the orders")
    asked.add_argument("--every", type=int, default=4, help="hours between two looks at the bookings")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--faults-only", action="store_true")
    asked.add_argument("--quiet-only", action="store_true")
    chosen = asked.parse_args()
    wrong = 0
    if not chosen.faults_only:
        for season in chosen.season or SEASONS:
            wrong += print_quiet(
                season,
                chosen.seed,
                chosen.daily,
                range(chosen.begin, chosen.begin + chosen.days),
                (chosen.step, chosen.every),
            )
    if not chosen.quiet_only:
        wrong += print_delays(chosen.seed, chosen.daily)
    print("ok" if not wrong else "OVER")
    return int(wrong > 0)


def print_quiet(season: str, seed: int, daily: int, days: range, every: tuple[int, int]) -> int:
    """Print a line a day of a healthy season, and return how many alarms there were."""
    first, began = SEASONS[season], time.process_time()
    world = healthy(seed, daily=daily, first=first)
    plan = publications(seed, first + timedelta(days=LEARNING), DAYS)
    said = Counter(distributions(seed, daily, first))
    print(f"\n{season}: {'day':<16}{'orders':>7}{'compared':>9}{'in flight':>10}{'read again':>11}{'alarms':>28}")
    print(f"{'':{len(season) + 2}}{'':<42}{'records  rates  distributions':>39}")
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        watchers = [Watcher(pair, world, Path(folder)) for pair in pairs_of(Path(folder)).values()]
        for number in days:
            day = first + timedelta(days=LEARNING + number)
            looks, flight, again, red = _records(watchers, world, number, every)
            rates = sum(bool(alarms(looked(plan, at))) for at in _hours_of(day))
            placed = world.begins + number * DAY
            orders = int(((world.placed >= placed) & (world.placed < placed + DAY)).sum())
            total += red + rates + said[number]
            print(
                f"{'':{len(season) + 2}}{day:%a %d %b %Y} {orders:>7,}{looks:>9}{flight:>10}{again:>11}"
                f"{red:>9}{rates:>7}{said[number]:>15}",
                flush=True,
            )
    print(f"{season}: {total} alarms in {len(days)} days, {time.process_time() - began:,.0f} s of CPU")
    return total


def _records(watchers: list[Watcher], world: Healthy, number: int, every: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return of one day: comparisons, records in flight, those gone when read again, and comparisons that alarmed."""
    looks = flight = again = red = 0
    for watcher in watchers:
        for at in hours(world, number, 1, every[watcher.pair.name != "orders"] * HOUR):
            found = watcher.look(at)
            looks += 1
            flight += found.outcome.counts.in_flight
            again += found.confirmed.settled if found.confirmed else 0
            if found.open.found or found.outcome.unread:
                red += 1
                crowds = [each.sentence for each in found.outcome.crowds] or list(found.outcome.unread)
                print(f"    {watcher.pair.name} at {datetime.fromtimestamp(at / 1e6, UTC)}: {crowds}")
    return looks, flight, again, red


def _hours_of(day: date) -> Iterator[datetime]:
    at = datetime.combine(day, datetime.min.time(), tzinfo=BERLIN).astimezone(UTC)
    for hour in range(24):
        yield at + timedelta(hours=hour, minutes=7)


def distributions(seed: int, daily: int, first: date) -> Iterator[int]:
    """Yield the day of each distribution alarm, counted after the days of learning."""
    orders, calls = drawn(seed, daily=daily, first=first)
    for history in (sum_orders(orders, windows(first=first)), sum_calls(calls, windows(first=first))):
        said = judge(history)
        for day in range(LEARNING, said.days):
            yield from [day - LEARNING] * len(said.alarms(day))


def print_delays(seed: int, daily: int) -> int:
    """Print how long after its beginning each fault is told, and as what; return how many are not."""
    print(f"\n{'fault':<36}{'told after':>11}  as")
    untold = 0
    for fault in FAULTS:
        world = healthy(seed, daily=daily, days=_FAULT_DAY + 6)
        begins = world.begins + _FAULT_DAY * DAY + _FAULT_HOUR * HOUR
        fault.act(world, begins)
        with tempfile.TemporaryDirectory() as folder:
            watcher = Watcher(pairs_of(Path(folder))[fault.pair], world, Path(folder))
            told = None
            for at in hours(world, _FAULT_DAY + _FAULT_HOUR / 24, _MOST_HOURS / 24):
                found = watcher.look(at)
                if is_named(fault, found):
                    told = at
                    break
        if told is None:
            untold += 1
            print(f"{fault.name:<36}{'-':>11}")
            continue
        top = found.outcome.crowds[0].sentence if found.outcome.crowds else found.open.left[0].why
        print(f"{fault.name:<36}{(told - begins) / HOUR:>9.1f} h  {top}", flush=True)
    return untold + print_rate_delays(seed)


def print_rate_delays(seed: int) -> int:
    """Print the same of faults of rates, and return how many are not told."""
    first, untold = FIRST + timedelta(days=LEARNING), 0
    plan = publications(seed, first, DAYS)
    begins_at = datetime.combine(first + timedelta(days=_FAULT_DAY), datetime.min.time(), tzinfo=BERLIN)
    since = begins_at.astimezone(UTC) + timedelta(hours=_FAULT_HOUR)
    for each in RATE_FAULTS:
        change = each.change(plan, since)
        for hour in range(_MOST_HOURS):
            at = since + timedelta(hours=hour, minutes=7)
            look = looked(plan, at, change=change, stuck=since if each.stuck else None)
            if is_told(each, look):
                finding = alarms(look)[0]
                print(f"{each.name:<36}{hour + 7 / 60:>9.1f} h  {finding.order_ref}: {finding.cause}", flush=True)
                break
        else:
            untold += 1
            print(f"{each.name:<36}{'-':>11}")
    return untold


if __name__ == "__main__":
    sys.exit(main())
