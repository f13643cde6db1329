"""Performs one case of a flow and says what happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_type_hints

from assay.errors import UsageError
from assay.events import Outcome, StepDone
from assay.flow.case import Case, Flow
from assay.flow.failure import code_of, described
from assay.flow.run import OUTSIDE, Cut, Run, StepFailed, Surroundings, Watched
from assay.roles import Operator, Undo


def perform(
    flow: Flow,
    case: Case,
    roles: Mapping[str, Any],
    surroundings: Surroundings,
    environment: str,
    *,
    id: str = "",
    undo: Undo | None = None,
    operator: Operator | None = None,
    watch: Callable[[Watched], None] | None = None,
    cut: bool = False,
) -> Outcome:
    """Run one case and return what happened, not yet judged. A failed step ends it; nothing is raised for that.

    id: names this execution and makes its customer unique. undo: keeps what is created, to be taken back by the
    caller afterwards (the outcome's undo is then ``open``). operator: lends the clock and the edge's faults. watch:
    told what `look_again` must look at. cut: this is production: end after its cut, and buy as the case's very
    customer, whom an allow list names. `UsageError` where a role is not there, or lacks the verbs the flow walks with.
    """
    _require_roles(flow, roles, environment)
    run = Run(
        case.personal(id) if id and not cut else case,
        surroundings,
        undo=undo,
        operator=operator,
        watch=watch,
        cut_after=flow.production_cut if cut else None,
        deadline_s=flow.deadline_s,
        scenario=flow.act.__code__.co_filename,
    )
    started_at, began = surroundings.now(), time.perf_counter()
    try:
        with run.step(OUTSIDE):
            flow.act(run, *(roles[role] for role in flow.roles))
    except (StepFailed, Cut):
        inside = [step for step in run.steps[:-1] if step.error and not step.soft]
        run.steps = run.steps[:-1] if inside or not run.steps[-1].error else run.steps
    else:
        run.steps.pop()
    return Outcome(
        flow=flow.id,
        case=case.name,
        environment=environment,
        id=id,
        title=flow.title,
        tags=flow.tags,
        started_at=started_at,
        seconds=time.perf_counter() - began,
        steps=tuple(run.steps),
        order_refs=tuple(run.order_refs),
        shown=tuple(run.shown),
        heard=tuple(run.heard),
        texts=tuple(run.texts),
        options=tuple(run.options),
        cancel_asked=run.cancel_asked,
        intended=max(len(run.carts), case.orders),
        carts=tuple(run.carts),
        undo="open" if run.created else "none",
    )


def _require_roles(flow: Flow, roles: Mapping[str, Any], environment: str) -> None:
    missing = [role for role in flow.roles if role not in roles]
    if missing:
        raise UsageError(
            f"flow {flow.id} needs a system of role '{missing[0]}'",
            where=f"environment '{environment}'",
            seen=f"roles {', '.join(sorted(roles)) or 'none'}",
            hint="add the system to assay.toml, or choose other flows",
        )
    try:
        hints = get_type_hints(flow.act)
    except NameError:  # annotated with names of type checking alone, or of inside a function
        return
    for role in flow.roles:
        wanted = hints.get(role, object)
        if getattr(wanted, "_is_runtime_protocol", False) and not isinstance(roles[role], wanted):
            lacking = [name for name in dir(wanted) if not name.startswith("_") and not hasattr(roles[role], name)]
            raise UsageError(
                f"flow {flow.id} needs a {role} that is a {wanted.__name__}",
                where=f"environment '{environment}'",
                seen=f"{type(roles[role]).__name__} lacks {', '.join(lacking)}",
                hint="give the connector these verbs (assay.roles says what each does), or choose other flows",
            )


def look_again(watched: Sequence[Watched], surroundings: Surroundings) -> tuple[StepDone, ...]:
    """Look once more at what flows saw and return a failed step for each that is gone; add them to the outcome.

    To be called when twice the limit has passed: a state that was reached and then taken back shows itself by then.
    """
    gone = []
    for each in watched:
        at, began = surroundings.now(), time.perf_counter()
        try:
            problem, code = (None, 0) if each.look() else ("it was there and is gone at twice the limit", 1)
        except (Exception, SystemExit) as error:
            problem, code = f"it was there; looking again: {described(error, '')}", code_of(error)
        if problem:
            seconds = time.perf_counter() - began
            name = f"{each.step}, looked at again"
            gone.append(StepDone(name=name, started_at=at, seconds=seconds, error=problem, code=code))
    return tuple(gone)
