"""The gate: scenarios, contracts and a short load, one verdict, one exit code, all reports.

A part that does not exist here is named as absent; it never counts as passed.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from assay.errors import InfrastructureError
from assay.events import Listener, Outcome, Progress
from assay.local.plan import Plan
from assay.local.store_place import is_disposable
from assay.reporting import read_events
from assay.runners.campaign import flows_of, permitted, run_in
from assay.runners.environment import open_environment, seeded
from assay.runners.gate_contracts import EXAMPLES, GateContracts, Which
from assay.runners.run import Pair
from assay.runners.run_log import RunLog
from assay.runners.session import Session, new_run_id
from assay.runners.verdict import Trouble, Verdict
from assay.runners.vitals import Vitals
from assay.suite_flows import choose
from assay.suites import suite_roots

_NOT_RELEASED = frozenset({"slow", "innocent"})


def release_set(plan: Plan) -> list[Pair]:
    """Return the cases that decide over a release: all but those of flows tagged slow, and the self-test's own."""
    pairs = choose(flows_of(plan))
    return [(flow, case) for flow, case in pairs if not _NOT_RELEASED & set(flow.tags)]


def run_gate(
    plan: Plan,
    *,
    workers: int,
    seed: int | None = None,
    pairs: Sequence[Pair] | None = None,
    load_s: int | None = None,
    conformance: Which = Which.CHANGED,
    examples: int = EXAMPLES,
    listen: Listener = lambda _: None,
) -> tuple[RunLog, list[str]]:
    """Run every part in one environment and return the run, told and ended, and the parts that are absent here.

    load_s: how long the load lasts, 0 leaves it out; what the profile says by default. conformance: which systems get
    generated requests, examples: how many an operation.
    """
    load_s = plan.profile.gate.load_s if load_s is None else load_s
    pairs = release_set(plan) if pairs is None else list(pairs)
    run_id, seed = new_run_id(), plan.environment.seed if seed is None else seed
    log = _log(plan, run_id, seed, len(pairs))
    absent: list[str] = []
    with suppress(Exception, KeyboardInterrupt, SystemExit), log:
        allowed = permitted(plan, pairs, log.verdict)
        if allowed:
            own = seeded(plan, seed)
            with open_environment(own, listen, runner="gate", run_id=run_id, seed=seed) as session:
                absent += _parts(session, allowed, log, workers, load_s, listen, (conformance, examples))
    return log, absent


def gate_on(
    session: Session, pairs: Sequence[Pair], *, workers: int, load_s: int = 0, listen: Listener = lambda _: None
) -> tuple[RunLog, list[str]]:
    """Run every part but generated requests on an environment that is open already; see `run_gate`."""
    log = _log(session.plan, session.run_id, session.seed, len(pairs))
    absent: list[str] = []
    with suppress(Exception), log:
        absent += _parts(session, pairs, log, workers, load_s, listen, (Which.NONE, 0))
    return log, absent


def _log(plan: Plan, run_id: str, seed: int, planned: int) -> RunLog:
    verdict = Verdict(require=plan.environment.require)
    return RunLog(plan, verdict, runner="gate", run_id=run_id, seed=seed, planned=planned)


def _parts(
    session: Session,
    pairs: Sequence[Pair],
    log: RunLog,
    workers: int,
    load_s: int,
    listen: Listener,
    asked: tuple[Which, int],
) -> list[str]:
    contracts = GateContracts(session, log, listen)
    run_in(session, pairs, log, workers=workers, listen=listen)
    contracts.hear()
    since = session.now()
    absent = run_load(session, log, seconds=load_s, listen=listen)
    if not absent:
        contracts.hear_load(since)
    contracts.look_at_stubs()
    contracts.ask(asked[0], examples=asked[1])
    absent += contracts.conclude()
    log.verdict.notes += [f"absent: {part}" for part in absent]
    return absent


def run_load(session: Session, log: RunLog, *, seconds: int, listen: Listener = lambda _: None) -> list[str]:
    """Put a short load on a simulated environment and take its judged orders into the run; return why there is none."""
    gate = session.plan.profile.gate
    roots = suite_roots(session.plan.profile.folder)
    profile = next((root / gate.load for root in roots if (root / gate.load).is_file()), None)
    if seconds <= 0:
        return ["load: left out"]
    if profile is None:
        return [f"load: no suite has {gate.load}"]
    if importlib.util.find_spec("locust") is None:
        return ["load: locust is not installed (pip install 'assay[load]')"]
    if not is_disposable(session.plan):
        return [f"load: '{session.plan.name}' is no simulation"]
    listen(Progress(part="load", state="starting", detail=f"{gate.users} users, {seconds} s"))
    vitals = Vitals(session.plan.home)
    with tempfile.TemporaryDirectory(prefix="assay-load-") as folder:
        lines, measured = Path(folder) / "run.jsonl", Path(folder) / "generator.txt"
        done = _locust(session, profile, seconds, lines, measured)
        outcomes = [event for event in read_events(lines) if isinstance(event, Outcome)] if lines.is_file() else []
        generator = measured.read_text(encoding="utf-8") if measured.is_file() else ""
    if (loss := vitals.loss()) is not None:
        log.verdict.trouble.append(Trouble.of(loss, "load"))
    elif not outcomes:
        error = InfrastructureError(
            "the load ran nothing",
            where=str(profile),
            expected=f"orders of {gate.users} users",
            seen=f"locust ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-400:]}",
        )
        log.verdict.trouble.append(Trouble.of(error))
    for outcome in outcomes:
        log.add(outcome)
    failed = sum(outcome.failed for outcome in outcomes)
    state = "failed" if failed or not outcomes else "ready"
    listen(Progress(part="load", state=state, detail=f"{len(outcomes)} orders in {seconds} s, {failed} of them wrong"))
    if generator:
        log.verdict.notes.append(generator)
        part, _, detail = generator.partition(": ")
        listen(Progress(part=part, state="took", detail=detail))
    return []


def _locust(
    session: Session, profile: Path, seconds: int, lines: Path, measured: Path
) -> subprocess.CompletedProcess[str]:
    """Run Locust in a process of its own: importing it patches the standard library."""
    home = session.plan.home.path
    variables = {
        **os.environ,
        "ASSAY_LANDSCAPE": str(home),
        "ASSAY_OUTCOMES": str(lines),
        "ASSAY_GENERATOR": str(measured),
        "ASSAY_RUN_ID": f"{session.run_id}-load",
        "ASSAY_PROFILE": str(session.plan.profile.folder),
    }
    users = str(session.plan.profile.gate.users)
    options = ["--headless", "-u", users, "-r", users, "-t", f"{seconds}s", "--only-summary"]
    command = [sys.executable, "-m", "locust", "-f", str(profile), *options]
    try:
        return subprocess.run(
            command,
            env=variables,
            cwd=session.plan.profile.folder,
            capture_output=True,
            text=True,
            timeout=seconds + 240,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return subprocess.CompletedProcess(command, 124, "", f"not over after {error.timeout:g} s")
