"""Flows per CPU second of our Locust user against the same ten calls written by hand on Locust's own clients.

Limits: at least 0.90 x FastHttpUser and at least 3 x HttpUser, with capture, masking and timed steps. Eight users,
their start phases spread, one process; the kinds alternate and the least disturbed round of each counts. Printed beside
it: how busy the generator was, and by how much its own timers came late (95th percentile): above 70 % of a core its
figures say more of itself than of the server.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.ten_steps import serving, write_project

ROOT = Path(__file__).resolve().parents[1]
FAST_LIMIT, PLAIN_LIMIT = 0.90, 3.0
KINDS = ("FlowUser", "FastHttpUser", "HttpUser")
USERS = 8


def load(kind: str, base_url: str, project: Path, seconds: float) -> dict[str, Any]:
    """Run Locust with one kind of user and return what it counted."""
    users = ROOT / "benchmarks" / "ten_steps" / "locust_users.py"
    command = [sys.executable, "-m", "locust", "-f", str(users), "--headless", "--only-summary", "--host", base_url]
    command += ["-u", str(USERS), "-r", str(USERS), "--loglevel", "WARNING"]
    variables = {"TEN_USER": kind, "TEN_SECONDS": str(seconds), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=project, env={**os.environ, **variables}, capture_output=True, text=True, timeout=60, check=False
    )
    figures = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not figures:
        raise SystemExit(f"locust ended with {done.returncode}: {done.stderr[-800:]}")
    counted: dict[str, Any] = json.loads(figures[-1])
    if counted["failures"] or not counted["flows"]:
        raise SystemExit(f"{kind}: {counted['failures']} failures, {counted['flows']} flows")
    return counted


def main() -> int:
    """Print flows per CPU second and both ratios; 1 when one is under its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    best: dict[str, dict[str, Any]] = {}
    with serving() as base_url, tempfile.TemporaryDirectory() as name:
        project = write_project(Path(name), base_url, cases=40)
        for _ in range(options.rounds):
            for kind in KINDS:
                seen = load(kind, base_url, project, options.seconds)
                if kind not in best or _rate(seen) > _rate(best[kind]):
                    best[kind] = seen
    for kind, seen in best.items():
        busy = seen["cpu_s"] / seen["wall_s"]
        print(
            f"{kind:<14}{_rate(seen):>7.0f} flows a CPU second   {seen['flows'] / seen['wall_s']:>5.0f} a second   "
            f"generator {busy:.0%} of a core, timers {seen['lag_ms']:.0f} ms late"
        )
    verdicts = []
    for kind, limit in (("FastHttpUser", FAST_LIMIT), ("HttpUser", PLAIN_LIMIT)):
        ratio = _rate(best["FlowUser"]) / _rate(best[kind])
        verdicts.append(ratio >= limit)
        print(
            f"FlowUser / {kind:<14}{ratio:.2f} x   limit {limit} x at least   {'within' if verdicts[-1] else 'UNDER'}"
        )
    return 0 if all(verdicts) else 1


def _rate(seen: dict[str, Any]) -> float:
    return float(seen["flows"] / seen["cpu_s"])


if __name__ == "__main__":
    sys.exit(main())
