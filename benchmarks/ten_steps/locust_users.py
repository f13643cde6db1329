"""The ten calls as three Locust users: our flow, and by hand on FastHttpUser and HttpUser. `TEN_USER` names which.

Run by `locust -f` in the folder of the project. It warms up, counts flows and the generator's own CPU and lag for
`TEN_SECONDS`, prints them as one line of JSON, and ends the process.
"""

from __future__ import annotations

import json
import os
import random
import time
from typing import Any

import gevent
from locust import FastHttpUser, HttpUser, constant, events, task

from benchmarks.ten_steps.calls import CALLS

KIND = os.environ["TEN_USER"]
_WARM_S, _TICK_S, _PHASES_S = 2.0, 0.02, 0.5
_phases = random.Random(1)
_done = [0]


def _phase() -> None:
    """Begin at a drawn instant: users who begin in one burst queue behind themselves."""
    gevent.sleep(_phases.uniform(0, _PHASES_S))


def _by_hand(client: Any) -> None:
    """Make the ten calls, each answer checked."""
    for call in CALLS:
        with client.request(call.method, call.path, json=call.body, catch_response=True) as answer:
            if answer.status_code != call.status or answer.json()[call.member] != call.value:
                answer.failure(call.name)
    _done[0] += 1


if KIND == "FlowUser":
    from scenarios.ten import ten  # type: ignore[import-not-found]  # of the project this runs in

    from assay.runners.locust_user import FlowUser

    class Buyer(FlowUser):
        """Our flow."""

        flow = ten

elif KIND == "FastHttpUser":

    class Fast(FastHttpUser):
        """By hand on Locust's own fast client."""

        wait_time = constant(0)

        def on_start(self) -> None:
            """Begin at a phase of one's own."""
            _phase()

        @task
        def run_by_hand(self) -> None:
            """Make the ten calls."""
            _by_hand(self.client)

else:

    class Plain(HttpUser):
        """By hand on Locust's client over requests."""

        wait_time = constant(0)

        def on_start(self) -> None:
            """Begin at a phase of one's own."""
            _phase()

        @task
        def run_by_hand(self) -> None:
            """Make the ten calls."""
            _by_hand(self.client)


def _flows(environment: Any) -> int:
    return len(environment.assay.outcomes) if KIND == "FlowUser" else _done[0]


def _measure(environment: Any) -> None:
    gevent.sleep(_WARM_S)
    flows, cpu, began, lags = _flows(environment), time.process_time(), time.perf_counter(), list[float]()
    while time.perf_counter() - began < float(os.environ["TEN_SECONDS"]):
        asked = time.perf_counter()
        gevent.sleep(_TICK_S)
        lags.append((time.perf_counter() - asked - _TICK_S) * 1000)
    cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - began
    figures = {
        "flows": _flows(environment) - flows,
        "cpu_s": cpu_s,
        "wall_s": wall_s,
        "lag_ms": sorted(lags)[int(len(lags) * 0.95)],
        "failures": environment.stats.total.num_failures,
    }
    print(json.dumps(figures), flush=True)
    os._exit(0)  # what comes after a load is another cost


def _begin(environment: Any, **_: Any) -> None:
    gevent.spawn(_measure, environment)


events.test_start.add_listener(_begin)  # type: ignore[no-untyped-call]
