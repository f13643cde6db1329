"""Runs cases of flows against an open session and judges them: the heart of `assay run`, the gate and the self-test.

Cases run in waves. The cases of a wave buy different goods, so that each has its own for itself until it is judged;
they act side by side, the landscape rests once, and all are judged. A wave's outcomes are told before the next begins.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from assay.events import Listener, Outcome, Progress
from assay.flow import Case, Flow
from assay.runners.session import Session
from assay.runners.shared_time import Stopped
from assay.runners.verdict import Trouble
from assay.runners.vitals import Vitals

Pair = tuple[Flow, Case]
_WAVE = 40


def run_cases(
    session: Session,
    pairs: Sequence[Pair],
    *,
    heard: Callable[[Outcome], None],
    trouble: Callable[[Trouble], None],
    listen: Listener = lambda _: None,
    workers: int = 1,
    together: bool = True,
) -> None:
    """Perform and judge every case; `heard` gets each judged outcome, `trouble` what could not be run at all.

    together: judge all orders of the session together as well, at the end; without it only what belongs to no order.

    Ctrl-C lets cases that act stop where they are; what was performed is judged as far as it came, and told, before
    `KeyboardInterrupt` goes on. A process of the landscape that dies meanwhile is trouble, and nothing is judged.
    """
    judged: list[Outcome] = []
    vitals = Vitals(session.plan.home)
    session.settle()
    for wave in waves(pairs):
        performed: list[Outcome] = []
        try:
            _perform(session, wave, workers, performed, trouble, listen)
            vitals.check()
            if any(outcome.order_refs for outcome in performed):
                if not session.plan.moves_time:
                    detail = f"{session.rest_s:g} s of real time for late changes: twice policies.freshness.erp"
                    listen(Progress(part="orders", state="waiting", detail=detail))
                session.rest()
            told = session.judge_all(performed)
            vitals.check()
            for outcome in told:
                heard(outcome)
                judged.append(outcome)
                unjudged = "" if outcome.evaluated or outcome.failed else "nothing was there to judge"
                state = "failed" if outcome.failed else "ready"
                listen(Progress(part=_name(outcome), state=state, detail=unjudged))
            performed.clear()
        except Exception as error:
            trouble(Trouble.of(vitals.loss() or error, "cases could not be judged"))
            return
        finally:
            for outcome in performed:  # not judged: the run was interrupted, or its landscape went away
                heard(replace(outcome, findings=()))
    if (rest := session.judge_all_orders(judged if together else ())) is not None:
        heard(rest)


def waves(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """Yield the cases in groups that share no goods, in their order as far as that goes."""
    left = list(pairs)
    while left:
        wave: list[Pair] = []
        taken: set[str] = set()
        rest: list[Pair] = []
        for flow, case in left:
            names = set(case.lease_names)
            if len(wave) < _WAVE and not names & taken:
                wave.append((flow, case))
                taken |= names
            else:
                rest.append((flow, case))
        yield wave
        left = rest


def _perform(
    session: Session,
    wave: Sequence[Pair],
    workers: int,
    performed: list[Outcome],
    trouble: Callable[[Trouble], None],
    listen: Listener,
) -> None:
    lock = threading.Lock()

    def one(flow: Flow, case: Case) -> None:
        name = f"{flow.id}[{case.name}]"
        listen(Progress(part=name, state="starting"))
        try:
            outcome = session.perform(flow, case)
        except Stopped:
            return
        except Exception as error:  # a connector's own, too: the other cases go on
            with lock:
                trouble(Trouble.of(error, name))
            listen(Progress(part=name, state="failed", detail=str(error).partition("\n")[0]))
            return
        with lock:
            performed.append(outcome)

    if workers <= 1:
        for flow, case in wave:
            one(flow, case)
        return
    with ThreadPoolExecutor(min(workers, len(wave)), thread_name_prefix="case") as threads:
        running: set[Future[None]] = {threads.submit(one, flow, case) for flow, case in wave}
        try:
            while running:
                # With a limit, so that Ctrl-C is heard at once.
                done, running = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                for each in done:
                    each.result()
        except BaseException:
            session.stop()
            threads.shutdown(cancel_futures=True)
            raise


def _name(outcome: Outcome) -> str:
    return f"{outcome.flow}[{outcome.case}]"
