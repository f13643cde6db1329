"""Fifty F01 cases, two at a time, on a local landscape: how much of all CPU used is the harness's own.

Limit: 35 %. The harness is this process (flows, witnesses, oracles, reports, store) and the landscape's keeper, which
takes the edge's journal. The other part is the platform, the simulators of its vendors and the edge between them. The
cases of F01 are taken in their order, again from the first when all have run; bringing the landscape up is not counted.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from dataclasses import replace

import psutil

from assay.cli.shared import plan_for
from assay.local.plan import KEEPER
from assay.runners.campaign import flows_of, run_in
from assay.runners.environment import open_environment
from assay.runners.run_log import RunLog
from assay.runners.session import Session, verdict_text
from assay.runners.verdict import Verdict

LIMIT = 0.35
FLOW = "F01"
OURS = "harness"


def cpu_by_part(session: Session) -> dict[str, float]:
    """Return the CPU seconds of this process and of every process of the landscape."""
    mine = psutil.Process(os.getpid()).cpu_times()
    used = {OURS: mine.user + mine.system}
    for name, process in session.plan.home.read().processes.items():
        times = psutil.Process(process.pid).cpu_times()
        used[name] = times.user + times.system
    return used


def main() -> int:
    """Run the cases and print every part's CPU; 1 when the harness's share is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=50)
    parser.add_argument("--workers", "-n", type=int, default=2)
    options = parser.parse_args()
    plan = plan_for("local", None)
    flow = flows_of(plan)[FLOW]
    pairs = [(flow, case) for case in itertools.islice(itertools.cycle(flow.cases), options.cases)]
    with open_environment(plan, lambda _: None, fresh=True) as session:
        # Reports and store go to the landscape's own folder, which is removed afterwards.
        kept = replace(session.plan, profile=plan.profile.model_copy(update={"folder": session.plan.home.path}))
        verdict = Verdict()
        log = RunLog(kept, verdict, runner="run", run_id=session.run_id, seed=session.seed, planned=len(pairs))
        before, began = cpu_by_part(session), time.monotonic()
        with log:
            run_in(session, pairs, log, workers=options.workers, listen=lambda _: None)
        took_s, after = time.monotonic() - began, cpu_by_part(session)
    used = {name: after[name] - before[name] for name in after}
    total = sum(used.values())
    share = (used[OURS] + used[KEEPER]) / total
    performed = [outcome for outcome in verdict.outcomes if outcome.flow == FLOW]
    print(f"{len(performed)} cases, {sum(outcome.failed for outcome in performed)} failed, {took_s:.0f} s")
    for name, seconds in sorted(used.items(), key=lambda each: -each[1]):
        print(
            f"  {name:<12}{seconds:>7.1f} s CPU   {seconds / total:.0%}   {seconds / len(pairs) * 1000:.0f} ms a case"
        )
    for sentence in verdict.sentences():
        print(f"  {sentence}")
    print(f"harness and keeper / all   {share:.0%}   limit {LIMIT:.0%}   {'within' if share <= LIMIT else 'OVER'}")
    if len(performed) < len(pairs):
        print(verdict_text(verdict.outcomes))
    return 0 if share <= LIMIT and len(performed) == len(pairs) else 1


if __name__ == "__main__":
    sys.exit(main())
