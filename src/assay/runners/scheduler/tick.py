"""The scheduler: one job a flow, by interval in UTC, never two of one flow at once, each tick performed and judged.

A tick is a run of its own: `RunStarted`, an `Outcome` a case, `RunFinished` with the exit code `assay run` would have.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from assay.events import Listener, Outcome, RunFinished, RunStarted
from assay.flow import Case, Flow
from assay.runners.run import run_cases
from assay.runners.session import Session, new_run_id
from assay.runners.verdict import Verdict


def tick(
    session: Session,
    flow: Flow,
    cases: Sequence[Case],
    *,
    listen: Listener = lambda _: None,
    verdict: Verdict | None = None,
) -> list[Outcome]:
    """Perform and judge these cases once, as one run of a synthetic transaction.

    verdict: what the tick comes to is added to it. A case that may not run, or whose systems do not answer, is trouble
    of the verdict; the others go on.
    """
    verdict = Verdict(require=session.plan.environment.require) if verdict is None else verdict
    run_id = new_run_id()
    listen(
        RunStarted(
            run_id=run_id,
            runner="scheduler",
            environment=session.plan.name,
            view=session.plan.environment.view,
            started_at=datetime.now(UTC),
            seed=session.seed,
            planned=len(cases),
        )
    )
    judged: list[Outcome] = []

    def heard(outcome: Outcome) -> None:
        judged.append(replace(outcome, run_id=run_id, runner="scheduler"))
        listen(judged[-1])

    pairs = [(flow, case) for case in cases]
    run_cases(session, pairs, heard=heard, trouble=verdict.trouble.append, together=False)
    verdict.outcomes += judged
    end = RunFinished(
        run_id=run_id, finished_at=datetime.now(UTC), exit_code=verdict.exit_code, trouble=verdict.sentences()
    )
    listen(end)
    return judged


def watch(
    session: Session,
    flows: Sequence[Flow],
    *,
    every_s: float,
    heard: Callable[[Outcome], None] = lambda _: None,
    listen: Listener = lambda _: None,
    jitter_s: int = 0,
) -> BackgroundScheduler:
    """Run every case of each flow at this interval, the first time at once; `shutdown()` of what comes back ends it.

    heard: each judged outcome. listen: every event of each tick. jitter_s: each tick comes up to that much later or
    earlier, so that several machines do not all act at once.
    """
    scheduler = BackgroundScheduler(timezone=UTC)
    one_at_a_time = threading.Lock()  # ticks move one clock: two at once would age each other's orders

    def job(flow: Flow) -> None:
        with one_at_a_time:
            for outcome in tick(session, flow, flow.cases, listen=listen):
                heard(outcome)

    for flow in flows:
        every = IntervalTrigger(seconds=every_s, timezone=UTC, jitter=jitter_s or None)
        now = datetime.now(UTC)
        scheduler.add_job(job, every, args=[flow], id=flow.id, max_instances=1, coalesce=True, next_run_time=now)
    scheduler.start()
    return scheduler
