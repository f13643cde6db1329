"""What `assay run` does: finds flows, refuses what is unsafe, opens the environment, runs, judges, reports."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from assay.errors import AssayError
from assay.events import Listener, Progress
from assay.flow import Flow
from assay.local.plan import Plan
from assay.runners.environment import open_environment, seeded
from assay.runners.run import Pair, run_cases
from assay.runners.run_log import RunLog
from assay.runners.safety import Guard
from assay.runners.session import Session, new_run_id
from assay.runners.verdict import Trouble, Verdict
from assay.suite_flows import choose, load_flows
from assay.suites import enter, suite_roots

_VARIATION = "innocent"


def flows_of(plan: Plan) -> dict[str, Flow]:
    """Return every flow of the project by id, the user's own before the shipped, if those belong to it at all."""
    roots = suite_roots(plan.profile.folder)
    enter(roots)
    return load_flows(roots if plan.profile.scenarios.shipped else roots[:1])


def run_flows(
    plan: Plan,
    *,
    names: Sequence[str] = (),
    tags: Sequence[str] = (),
    words: str = "",
    workers: int = 1,
    seed: int | None = None,
    runner: str = "run",
    listen: Listener = lambda _: None,
) -> RunLog:
    """Run the chosen cases and return the run, told and ended. `UsageError` for a flow, case or tag nobody knows.

    Where nothing is chosen all are run but the innocent variations, which are the self-test's. `KeyboardInterrupt`
    does not go on: the run's verdict is then interrupted.
    """
    pairs = choose(flows_of(plan), names=names, tags=tags, words=words)
    if not (names or tags or words):
        pairs = [(flow, case) for flow, case in pairs if _VARIATION not in flow.tags]
    elif not pairs:
        listen(Progress(part="cases", state="failed", detail=f"none {_no_case(names, tags, words)}"))
    return run_pairs(plan, pairs, workers=workers, seed=seed, runner=runner, listen=listen)


def _no_case(names: Sequence[str], tags: Sequence[str], words: str) -> str:
    """Say what no case met, for whoever mistyped it."""
    asked = [
        f"is of {' or '.join(names)}" if names else "",
        f"has the tag {' and '.join(tags)}" if tags else "",
        f"holds '{words}' in id, name or title" if words else "",
    ]
    return " and ".join(each for each in asked if each)


def run_pairs(
    plan: Plan,
    pairs: Sequence[Pair],
    *,
    workers: int = 1,
    seed: int | None = None,
    runner: str = "run",
    listen: Listener = lambda _: None,
) -> RunLog:
    """Run these cases in the environment and return the run, told and ended."""
    verdict = Verdict(require=plan.environment.require)
    run_id = new_run_id()
    seed = plan.environment.seed if seed is None else seed
    log = RunLog(plan, verdict, runner=runner, run_id=run_id, seed=seed, planned=len(pairs))
    # Whatever ends the run early, the log has told of it, and the verdict holds its exit code.
    with suppress(Exception, KeyboardInterrupt, SystemExit), log:
        allowed = permitted(plan, pairs, verdict)
        if allowed:
            own = seeded(plan, seed)
            with open_environment(own, listen, runner=runner, run_id=run_id, seed=seed) as session:
                run_in(session, allowed, log, workers=workers, listen=listen)
    return log


def run_in(session: Session, pairs: Sequence[Pair], log: RunLog, *, workers: int, listen: Listener) -> None:
    """Run cases in an open session and tell of them."""
    run_cases(session, pairs, heard=log.add, trouble=log.verdict.trouble.append, listen=listen, workers=workers)


def permitted(plan: Plan, pairs: Sequence[Pair], verdict: Verdict) -> list[Pair]:
    """Refuse, before anything is opened, what may not run here; one refusal refuses the whole run."""
    guard = Guard(plan)
    for flow, case in pairs:
        try:
            guard.check(flow, case)
        except AssayError as error:
            verdict.trouble.append(Trouble.of(error))
            return []
    return list(pairs)
