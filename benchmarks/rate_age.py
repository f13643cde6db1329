"""Reading the age of a shop's table of six rates out of ten years of publications.

Limit: 50 ms of CPU for each of three tables, the median of several readings, every publication tried: one that was
copied, one in which a currency deviates (so that each is left out in turn), one that no publication explains. The
history is drawn in the steps real rates take; with ``--history eurofxref-hist.csv`` it is the ECB's own file. Beside
it, without a limit, how many of a thousand drawn tables were dated exactly among the last 31 publications.
"""

from __future__ import annotations

import argparse
import csv
import random
import statistics
import sys
import time
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.oracles.rate_age import LAST, RateSpan, rate_age
from mocks.frankfurter.history import History, open_days

LIMIT_MS, READINGS, TRIALS = 50.0, 9, 1000
SIX = ("USD", "GBP", "JPY", "CHF", "INR", "HUF")
TEN_YEARS = date(2016, 11, 1), date(2026, 10, 30)
Published = dict[date, Mapping[str, Decimal]]


def drawn_history() -> Published:
    """Return ten years of drawn rates."""
    history = History(1)
    return {day: history.rates(day) for day in open_days(*TEN_YEARS)}


def read_history(path: Path) -> Published:
    """Return the last ten years of the ECB's own file."""
    found: Published = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            day = date.fromisoformat(line.pop("Date"))
            if day >= TEN_YEARS[0]:
                found[day] = {code: Decimal(rate) for code, rate in line.items() if code and rate != "N/A"}
    return found


def copied(rates: Mapping[str, Decimal], markup: Decimal, codes: tuple[str, ...] = SIX) -> dict[str, RateSpan]:
    """Return the spans of a table at four decimals."""
    return {code: RateSpan.of(round(rates[code] * (1 + markup), 4)) for code in codes}


def tables(published: Published) -> dict[str, dict[str, RateSpan]]:
    """Return the tables that are read."""
    day = sorted(published)[len(published) // 2]
    table = copied(published[day], Decimal("0.02"))
    alone = {**table, "GBP": RateSpan.of(round(published[day]["GBP"] * Decimal("1.0312"), 4))}
    return {"copied": table, "one deviates": alone, "of no publication": {**alone, "JPY": RateSpan.of(Decimal("9.1"))}}


def exact(published: Published) -> int:
    """Return how many drawn tables of six currencies are dated exactly."""
    days, drawn, right = sorted(published)[-LAST:], random.Random(1), 0
    codes = sorted(set.intersection(*(set(published[day]) for day in days)))
    for _ in range(TRIALS):
        day, markup = drawn.choice(days), Decimal(drawn.randrange(-200, 600)).scaleb(-4)
        told = rate_age(copied(published[day], markup, tuple(drawn.sample(codes, 6))), published)
        right += told.as_of == day and told.factor == 1 + markup
    return right


def main() -> int:
    """Print each figure against its limit; 1 when one is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--history", type=Path)
    path = parser.parse_args().history
    published = read_history(path) if path else drawn_history()
    print(f"{len(published)} publications, {min(published)} to {max(published)}")
    good = True
    for name, table in tables(published).items():
        spent = []
        for _ in range(READINGS):
            began = time.process_time()
            told = rate_age(table, published, last=None)
            spent.append((time.process_time() - began) * 1000)
        median = statistics.median(spent)
        good = good and median <= LIMIT_MS
        said = "within" if median <= LIMIT_MS else "OVER"
        print(f"{name:<20}{median:6.1f} ms CPU   limit {LIMIT_MS:g} ms   {said}   {told}")
    print(f"{exact(published)} of {TRIALS} drawn tables dated exactly, no limit")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
