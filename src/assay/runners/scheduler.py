"""The scheduler: one job a flow, by interval in UTC, never two of one flow at once, each tick performed and judged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from assay.events import Outcome
from assay.flow import Case, Flow
from assay.runners.session import Session


def tick(session: Session, flow: Flow, cases: Sequence[Case]) -> list[Outcome]:
    """Perform and judge these cases once, as one run of a synthetic transaction."""
    performed = [session.perform(flow, case) for case in cases]
    session.rest()
    return [session.judge(outcome) for outcome in performed]


def watch(
    session: Session, flows: Sequence[Flow], *, every_s: float, heard: Callable[[Outcome], None]
) -> BackgroundScheduler:
    """Run every case of each flow at this interval, the first time at once; `shutdown()` of what comes back ends it."""
    scheduler = BackgroundScheduler(timezone=UTC)
    one_at_a_time = threading.Lock()  # ticks move one clock: two at once would age each other's orders

    def job(flow: Flow) -> None:
        with one_at_a_time:
            for outcome in tick(session, flow, flow.cases):
                heard(outcome)

    for flow in flows:
        every = IntervalTrigger(seconds=every_s, timezone=UTC)
        now = datetime.now(UTC)
        scheduler.add_job(job, every, args=[flow], id=flow.id, max_instances=1, coalesce=True, next_run_time=now)
    scheduler.start()
    return scheduler
