"""One round of a synthetic transaction by hand: flows performed and judged once, as the scheduler would.

A tick is a run of its own: `RunStarted`, an `Outcome` a case, `RunFinished` with the exit code `assay run` would have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

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
