"""CPU of a ten-step flow under our session against the same ten calls in a plain httpx script, and beside other tools.

Limits: at most 1.25 x the plain script, by the session (capture, masking, leases, timed steps) and by the whole command
`assay run`; at most 0.25 x Tavern and newman. Each way of ours is measured in chunks that alternate with the script's,
in one process, and the least disturbed chunk of each counts, because other work on the machine only adds. Whole
commands (`assay run` with its store and all reports, and the other tools) are compared by what one more flow costs. A
tool that cannot be installed is skipped with the reason. The server of the ten calls is a process of its own and is not
counted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.events import Outcome
from assay.flow import Flow
from assay.local.project import plan_for
from assay.runners.campaign import flows_of
from assay.runners.run import run_cases
from assay.runners.session import Session
from benchmarks.ten_steps import CALLS, serving, write_project
from benchmarks.ten_steps.peers import PEERS, Peer, cpu_seconds

LIMIT, PEER_LIMIT = 1.25, 0.25
CHUNK = 40
NOTHING_JUDGED = 5
"""What `assay run` ends with here: every step is done, and without an order there is nothing to judge."""


def plain(client: httpx.Client, flows: int) -> None:
    """Make the ten calls as a script would, each answer checked."""
    for _ in range(flows):
        for call in CALLS:
            answer = client.request(call.method, call.path, json=call.body)
            if answer.status_code != call.status or answer.json()[call.member] != call.value:
                raise SystemExit(f"{call.name}: {answer.status_code}")


def under_session(session: Session, flow: Flow) -> None:
    """Run every case of the flow once, as `assay run` does; each must have kept its ten exchanges."""
    heard: list[Outcome] = []
    run_cases(session, [(flow, case) for case in flow.cases], heard=heard.append, trouble=_refuse)
    if any(outcome.failed or len(outcome.exchanges) != len(CALLS) for outcome in heard) or len(heard) != CHUNK:
        raise SystemExit("a flow failed or lost an exchange")


def in_one_process(base_url: str, folder: Path, rounds: int) -> dict[str, float]:
    """Return CPU milliseconds a flow of the script and of the session, by alternating chunks."""
    plan = plan_for("local", write_project(folder, base_url, cases=CHUNK) / "assay.toml")
    flow = flows_of(plan)["ten"]  # puts the project's connectors on sys.path
    least = {"httpx script": float("inf"), "session": float("inf")}
    with httpx.Client(base_url=base_url, trust_env=False) as client, Session(plan, plan.home.read()) as session:
        ways: dict[str, Callable[[], None]] = {
            "httpx script": lambda: plain(client, CHUNK),
            "session": lambda: under_session(session, flow),
        }
        for round_ in range(rounds + 1):
            for name, way in ways.items():
                began = time.process_time()
                way()
                if round_:  # the first of each opens connections and the store
                    least[name] = min(least[name], (time.process_time() - began) / CHUNK * 1000)
    return least


def whole_command(base_url: str, folder: Path, tries: int) -> float:
    """Return CPU milliseconds one more flow costs `assay run`, store and all reports included."""
    few, many = 40, 200

    def seconds(cases: int) -> float:
        project = write_project(folder / f"run-{cases}", base_url, cases=cases)
        assay = str(Path(sys.executable).parent / "assay")
        return cpu_seconds([assay, "run", "ten"], project, expected=NOTHING_JUDGED)

    return _marginal(seconds, few, many, tries)


def of_peer(peer: Peer, base_url: str, folder: Path, tries: int) -> float:
    """Return CPU milliseconds one more flow costs another tool; `RuntimeError` where it is not to be had."""
    installed = peer.ready()
    return _marginal(
        lambda flows: cpu_seconds(peer.command(installed, folder, base_url, flows), folder), peer.few, peer.many, tries
    )


def main() -> int:
    """Print the table and the limits; 1 when one is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--tries", type=int, default=3, help="of whole commands; the least of them counts")
    parser.add_argument("--without-peers", action="store_true")
    options = parser.parse_args()
    with serving() as base_url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cost = in_one_process(base_url, folder / "session", options.rounds)
        cost["assay run"] = whole_command(base_url, folder, options.tries)
        skipped = {}
        for peer in () if options.without_peers else PEERS:
            try:
                cost[peer.name] = of_peer(peer, base_url, folder, options.tries)
            except RuntimeError as reason:
                skipped[peer.name] = str(reason)
    return report(cost, skipped)


def report(cost: dict[str, float], skipped: dict[str, str]) -> int:
    """Print every way's CPU and every ratio that has a limit; return the exit code."""
    print("ten steps, CPU a flow     against the httpx script")
    for name, each in cost.items():
        print(f"  {name:<14}{each:>8.2f} ms   {each / cost['httpx script']:.2f} x")
    for name, reason in skipped.items():
        print(f"  {name:<14} skipped: {reason}")
    ratios = [(f"{name} / httpx script", cost[name] / cost["httpx script"], LIMIT) for name in ("session", "assay run")]
    for peer in PEERS:
        if peer.gated and peer.name in cost:
            ratios.append((f"assay run / {peer.name}", cost["assay run"] / cost[peer.name], PEER_LIMIT))
    for name, ratio, limit in ratios:
        print(f"{name:<26}{ratio:.2f} x   limit {limit} x   {'within' if ratio <= limit else 'OVER'}")
    return 0 if all(ratio <= limit for _, ratio, limit in ratios) else 1


def _marginal(seconds: Callable[[int], float], few: int, many: int, tries: int) -> float:
    tried = [(seconds(few), seconds(many)) for _ in range(tries)]
    return (min(each[1] for each in tried) - min(each[0] for each in tried)) / (many - few) * 1000


def _refuse(trouble: object) -> None:
    raise SystemExit(str(trouble))


if __name__ == "__main__":
    sys.exit(main())
