"""The edge is well when it answers, not when its process lives; asking it often costs it little."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from assay.local.plan import EDGE, Plan
from assay.local.state import Home, Process, Running
from assay.profile import load_profile
from assay.runners.scheduler.edge_watch import EdgeWatch
from tests.serving import Quiet, serving

ROOT = Path(__file__).parents[3]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A landscape with an edge, of which nothing runs yet."""
    profile = load_profile(ROOT / "assay.toml")
    return Plan(profile=profile, name="local", environment=profile.environment("local"), home=Home(tmp_path, "local"))


def runs_at(plan: Plan, address: str, *, pid: int | None = None) -> None:
    """Write down that the edge runs there, as this very process or as one that is gone."""
    own = psutil.Process(os.getpid())
    port = urlsplit(address).port or 0
    process = Process(EDGE, pid or own.pid, own.create_time(), {EDGE: port})
    plan.home.write(Running(plan.name, {EDGE: process}))


def test_it_is_asked_and_not_too_often(plan: Plan) -> None:
    """One that answers is well; within some seconds it is not asked again; one that hangs or is gone is not well."""
    now, asked, hangs, release = 100.0, [0], [False], threading.Event()

    class Edge(Quiet):
        def do_GET(self) -> None:
            asked[0] += 1
            if hangs[0]:
                release.wait(30)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    watch = EdgeWatch(plan, monotonic=lambda: now)
    assert watch.trouble() == "its process is gone; assay up --env local repairs it"
    with serving(Edge) as address:
        runs_at(plan, address)
        now += 10
        assert [watch.trouble(), watch.trouble()] == [None, None]
        assert asked == [1]
        hangs[0] = True
        now += 10
        said = watch.trouble() or ""
        release.set()
        assert said.startswith("it runs and does not answer (TimeoutError")
        runs_at(plan, address, pid=2**22 - 7)
        now += 10
        assert (watch.trouble() or "").startswith("its process is gone")


def test_where_there_is_no_edge_nothing_is_wrong_with_it(plan: Plan) -> None:
    """On an environment that is only witnessed there is nothing to ask."""
    environment = plan.environment.model_copy(update={"view": "witness"})
    assert EdgeWatch(replace(plan, environment=environment)).trouble() is None
