"""False pages of the generated rules over 200 simulated months, and how soon a full outage pages.

Failure model: every run fails by chance, by itself, with 0.1 to 0.3 %; four times a month everything fails for 10 to
120 seconds (a restart, a deploy). None of that shall wake anybody. The first failure is confirmed by a second run 0.4
of an interval later, at most two minutes, as `assay monitor` does; figures without that are shown beside.

Limits: 0.2 false pages a month, an alert that begins while another one fires counted with it; an outage that begins at
any instant between two runs paged within 10 minutes: a run of 30 s, a scrape and an evaluation of 15 s each and
Alertmanager's group_wait of 10 s come on top of the waiting and are in the figure.

The conditions are read literally in Python (`firing`); that they are what Prometheus does with the rules is proven by
`promtool test rules` over drawn series with many failures, at every instant asked.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from bisect import bisect_right, insort
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import yaml

from assay.alerts import windows
from assay.alerts.rule_files import rule_files, write
from assay.alerts.rules import RUNS, Setting, row_of
from assay.alerts.rules_tests import notation
from assay.monitor import AlertRule, Monitor

LIMIT_A_MONTH, LIMIT_OUTAGE_S = 0.2, 600.0
BLIPS_A_MONTH, BLIP_S = 4, (10.0, 120.0)
RUN_S, SCRAPE_S, EVALUATE_S, GROUP_WAIT_S = 30.0, 15.0, 15.0, 10.0
SETTING = Setting(environment="production", production=True)
NAME = "watched"


def monitor_of(every_s: float) -> Monitor:
    """Return a monitor that pages, as the profile's defaults have it."""
    rule = AlertRule(severity="page")
    return Monitor(name=NAME, title="Order", owner="shop", runbook="a.md", alert=rule, flow="F01", interval_s=every_s)


@dataclass(slots=True)
class Watched:
    """The runs of one monitor: one every `every_s` from 0 on, those that confirmed, and which failed."""

    every_s: float
    confirms: list[float] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)
    row: int = 0
    burns: tuple[windows.Burn, ...] = ()

    def __post_init__(self) -> None:
        watched = monitor_of(self.every_s)
        self.row = row_of(watched, SETTING)
        urgent = windows.burns(self.every_s, watched.objective.availability)
        self.burns = tuple(burn for burn in urgent if burn.speed in windows.URGENT)

    def bad(self, at: float, window: float) -> int:
        """Return how many failed within a window that ends at an instant."""
        return bisect_right(self.failed, at) - bisect_right(self.failed, at - window)

    def ran(self, at: float, window: float) -> int:
        """Return how many ran within it."""
        extra = bisect_right(self.confirms, at) - bisect_right(self.confirms, at - window)
        first = max(at - window, -0.5)  # the first run is at 0
        return int(at // self.every_s - first // self.every_s) + extra

    def failing(self, at: float) -> bool:
        """Whether AssayMonitorFailing fires."""
        return any(
            self.bad(at, fails) >= self.row and self.ran(at, passes) == self.bad(at, passes)
            for fails, passes in windows.row_spans(self.row, self.every_s)
        )

    def burning(self, at: float, burn: windows.Burn) -> bool:
        """Whether AssayErrorBudgetBurn fires at one speed."""
        long, short = self.bad(at, burn.long_s), self.bad(at, burn.short_s)
        return (
            long >= burn.fewest_bad
            and long > burn.share * self.ran(at, burn.long_s)
            and short > burn.share * self.ran(at, burn.short_s)
        )

    def firing(self, at: float) -> bool:
        """Whether any alert that pages fires."""
        return self.failing(at) or any(self.burning(at, burn) for burn in self.burns)

    def fail(self, at: float, confirmed: bool | None) -> None:
        """Add a failed run; confirmed says what the confirming run of a first failure came to, None where none ran."""
        insort(self.failed, at)
        if confirmed is not None:
            again = at + confirm_after(self.every_s)
            insort(self.confirms, again)
            if confirmed:
                insort(self.failed, again)


def confirm_after(every_s: float) -> float:
    """Return how long after a first failure the run that confirms it begins; whole scrapes."""
    return max(SCRAPE_S, min(0.4 * every_s, 120.0) // SCRAPE_S * SCRAPE_S)


def drawn(every_s: float, share: float, months: float, confirm: bool, seed: int) -> Watched:
    """Return the runs of so many months under the failure model."""
    draw = random.Random(seed)
    length = months * windows.MONTH_S
    blips = sorted((draw.uniform(0, length), draw.uniform(*BLIP_S)) for _ in range(round(BLIPS_A_MONTH * months)))
    bad = {int(at // every_s) + 1 for at, lasts in blips if (int(at // every_s) + 1) * every_s <= at + lasts}
    bad |= {each for at, lasts in blips for each in range(int(at // every_s) + 1, int((at + lasts) // every_s) + 1)}
    index = 0
    while index * every_s < length:
        index += int(draw.expovariate(share)) + 1
        bad.add(index)
    starts = [at for at, _ in blips]

    def fails(at: float) -> bool:
        place = bisect_right(starts, at) - 1
        return draw.random() < share or (place >= 0 and at <= blips[place][0] + blips[place][1])

    watched, last_bad = Watched(every_s), -2
    for each in sorted(bad):
        first = each != last_bad + 1
        again = fails(each * every_s + confirm_after(every_s)) if confirm and first else None
        watched.fail(each * every_s, again)
        last_bad = each
    return watched


def pages(watched: Watched) -> int:
    """Count how often firing began, looked at before and after every failure and when a pass leaves a window."""
    steps = (-1.0, 1.0, 0.25 * watched.every_s, 0.55 * watched.every_s)
    states = [watched.firing(at) for at in sorted(at + step for at in watched.failed for step in steps)]
    return sum(now and not before for before, now in pairwise([False, *states]))


def outage_delays(every_s: float, confirm: bool, starts: int = 60) -> list[float]:
    """Return how long after its beginning an outage pages, for beginnings spread over the time between two runs."""
    delays = []
    for number in range(starts):
        begins = (1000 + (number + 0.5) / starts) * every_s
        watched = Watched(every_s)
        first = 1001 * every_s
        for each in range(12):
            watched.fail(first + each * every_s, True if each == 0 and confirm else None)
        at = first
        while not watched.firing(at):
            at += 1.0
        # A confirming run begins after the failing one has ended.
        runs = 2 * RUN_S if confirm and at < first + every_s else RUN_S
        delays.append(at - begins + runs + SCRAPE_S + EVALUATE_S + GROUP_WAIT_S)
    return sorted(delays)


def disagreements(every_s: float, seed: int) -> tuple[int, str]:
    """Ask promtool at every run of a day with many failures what fires; return how often asked, and its complaints."""
    watched = drawn(every_s, 0.06, 1 / 30 if every_s > 60 else 0.35 / 30, True, seed)
    last = watched.failed[-1] + 2 * every_s
    count = int(last // SCRAPE_S)
    times = [each * SCRAPE_S for each in range(count + 1)]
    bad = [float(bisect_right(watched.failed, at)) for at in times]
    good = [
        float(at // every_s + 1 + bisect_right(watched.confirms, at)) - failed
        for at, failed in zip(times, bad, strict=True)
    ]
    mine = f'environment="production",monitor="{NAME}",location="default"'
    series = [
        {"series": f'{RUNS}{{{mine},result="{result}"}}', "values": notation(values)}
        for result, values in (("passed", good), ("failed", bad))
    ]
    shift = 165.0 if every_s > 60 else 45.0  # away from every run and confirming run, at a scrape
    asked = []
    for each in range(int(last // every_s) - 1):
        at = each * every_s + shift
        burns = [(f'AssayErrorBudgetBurn",speed="{burn.speed}', watched.burning(at, burn)) for burn in watched.burns]
        for name, fires in [("AssayMonitorFailing", watched.failing(at)), *burns]:
            expected = {"exp_samples": [{"labels": "{}", "value": 1}]} if fires else {}
            expr = f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'
            asked.append({"expr": expr, "eval_time": f"{at:g}s", **expected})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, rule_files([monitor_of(every_s)], SETTING))
        tests = [{"interval": "15s", "input_series": series, "promql_expr_test": asked}]
        content = {"rule_files": [f"{NAME}.yaml"], "evaluation_interval": "15s", "tests": tests}
        (folder / "drawn.yaml").write_text(yaml.safe_dump(content))
        command = ["promtool", "test", "rules", str(folder / "drawn.yaml")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    firing = sum("exp_samples" in each for each in asked)
    print(f"promtool, a drawn series at {every_s:g} s: asked {len(asked)} times, of which firing {firing}", end="   ")
    print("agrees" if done.returncode == 0 else "DISAGREES")
    return len(asked), "" if done.returncode == 0 else (done.stdout + done.stderr)[:2000]


def main() -> int:
    """Print the figures against their limits; 1 when one is over or promtool disagrees."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=200)
    options = parser.parse_args()
    within = True
    for every in (60.0, 300.0):
        for share in (0.001, 0.002, 0.003):
            counts = [
                pages(drawn(every, share, options.months, confirm, 7)) / options.months for confirm in (True, False)
            ]
            within &= counts[0] <= LIMIT_A_MONTH
            print(
                f"a run every {every:4.0f} s, {share:.1%} fail by chance   {counts[0]:.3f} false pages a month   "
                f"limit {LIMIT_A_MONTH}   (without a confirming run {counts[1]:.3f})"
            )
        delays, alone = outage_delays(every, True), outage_delays(every, False)
        within &= delays[-1] <= LIMIT_OUTAGE_S
        print(
            f"a run every {every:4.0f} s, a full outage paged after   {delays[len(delays) // 2]:.0f} s median, "
            f"{delays[-1]:.0f} s worst   limit {LIMIT_OUTAGE_S:.0f} s   (without a confirming run {alone[-1]:.0f} s)"
        )
    if shutil.which("promtool") is None:
        print("no promtool here, agreement not shown: apt-get install -y prometheus")
    else:
        for every, seed in ((300.0, 1), (300.0, 2), (60.0, 3)):
            _, complaints = disagreements(every, seed)
            within &= not complaints
            print(complaints, end="")
    print("within" if within else "OVER")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
