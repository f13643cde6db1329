"""CPU and memory of `assay contracts traffic` over a journal of 100,000 exchanges, with every document there is.

Limits: 60 s of CPU on one core and 500 MB, by the whole command in a process of its own: reading the documents,
compiling what is used of them, reading the journal from the store, judging. The exchanges are those of a few cases,
recorded once and repeated with other ids and times; `--journal STORE` takes a recorded journal instead.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.local.project import plan_for
from assay.records import Call
from assay.runners.campaign import flows_of
from assay.runners.demo import journal_summary, landscape_of_its_own
from assay.runners.run import run_cases
from assay.store import open_store
from assay.suite_flows import choose

COUNT, CPU_LIMIT_S, MEMORY_LIMIT_MB = 100_000, 60.0, 500.0
CASES = ("F01[eur]", "F01[bundle]", "F02[kwd]", "F02[kwd_adyen]", "F02[tax_on_top_paypal]")
ENVIRONMENT = "local"
LOT = 5_000


def recorded(journal: Path | None) -> list[Call]:
    """Return exchanges of the healthy merchant: a store's, else of a few cases performed now."""
    if journal is not None:
        return _calls(journal)
    with landscape_of_its_own(plan_for(ENVIRONMENT, None), lambda _: None) as session:
        pairs = choose(flows_of(session.plan), names=list(CASES))
        run_cases(session, pairs, heard=lambda _: None, trouble=print, workers=len(pairs))
        journal_summary(session)
        return _calls(session.plan.home.store)


def _calls(path: Path) -> list[Call]:
    store = open_store(path)
    try:
        return [call for call in store.calls(ENVIRONMENT) if not call.refused and not call.fault]
    finally:
        store.close()


def fill(project: Path, calls: list[Call], count: int) -> None:
    """Write a journal of so many exchanges into a project's store."""
    store = open_store(project / ".assay" / ENVIRONMENT / "store.sqlite")
    repeated = enumerate(islice(cycle(calls), count))
    try:
        while lot := [
            replace(call, id=f"{number}", at=calls[0].at + timedelta(milliseconds=number))
            for number, call in islice(repeated, LOT)
        ]:
            store.add_calls(ENVIRONMENT, lot)
    finally:
        store.close()


def judged(project: Path) -> tuple[float, float, dict[str, object]]:
    """Run the command and return its CPU in seconds, its largest memory in MB and what it printed."""
    command = [
        sys.executable,
        "-c",
        "from assay.cli import cli; cli()",
        "contracts",
        "traffic",
        "--json",
        "--env",
        ENVIRONMENT,
    ]
    with (project / "told.json").open("wb") as told:
        process = subprocess.Popen(command, cwd=project, stdout=told)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"the command ended with {process.returncode}")
    content = json.loads((project / "told.json").read_text())
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, content


def main() -> int:
    """Measure and print; 0 where both are within their limits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--journal", type=Path, help="a store with a recorded journal")
    parser.add_argument("--count", type=int, default=COUNT)
    options = parser.parse_args()
    calls = recorded(options.journal)
    project = Path(tempfile.mkdtemp(prefix="assay-journal-"))
    try:
        shutil.copy(Path(__file__).resolve().parents[1] / "assay.toml", project)
        fill(project, calls, options.count)
        cpu_s, memory_mb, content = judged(project)
    finally:
        shutil.rmtree(project)
    print(f"{len(calls):,} recorded exchanges, repeated to {content['exchanges']:,}; {content['judged']:,} judged")
    print(f"violations {content['violations']}")
    print(f"CPU {cpu_s:.1f} s, {cpu_s / options.count * 1e6:.0f} us an exchange   limit {CPU_LIMIT_S:.0f} s")
    print(f"memory {memory_mb:.0f} MB   limit {MEMORY_LIMIT_MB:.0f} MB")
    return 0 if cpu_s <= CPU_LIMIT_S and memory_mb <= MEMORY_LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())
