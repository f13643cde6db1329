"""The pytest runner: a scenario asks for `perform_and_judge` and asserts on the outcome.

    def test_order(perform_and_judge):
        outcome = perform_and_judge(order_to_erp, "eur")
        assert not outcome.failed, verdict_text([outcome])

A running landscape of the environment is used; where none runs, one is started for the test run and stopped after it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from assay.events import Outcome
    from assay.flow import Flow
    from assay.runners.session import Session


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --assay-env and --assay-profile."""
    group = parser.getgroup("assay")
    group.addoption("--assay-env", default="local", help="environment of assay.toml (default: local)")
    group.addoption("--assay-profile", type=Path, default=None, help="assay.toml to use")


@pytest.fixture(scope="session")
def assay_session(request: pytest.FixtureRequest) -> Iterator[Session]:
    """Return the environment, open; a landscape started for it is stopped and removed at the end."""
    from dataclasses import replace

    from assay.local.project import plan_for
    from assay.local.state import Home
    from assay.local.status import inspect, is_healthy
    from assay.local.up import bring_up, take_down
    from assay.runners.session import Session

    plan = plan_for(request.config.getoption("--assay-env"), request.config.getoption("--assay-profile"))
    running = plan.home.read()
    if not plan.simulated or is_healthy(inspect(plan, running)):
        with Session(plan, running) as session:
            yield session
        return
    folder = Path(tempfile.mkdtemp(prefix="assay-scenarios-"))
    plan = replace(plan, home=Home(folder, plan.name))
    try:
        with Session(plan, bring_up(plan, lambda _: None)) as session:
            yield session
    finally:
        take_down(plan.home, lambda _: None)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def perform_and_judge(assay_session: Session) -> Callable[[Flow, str], Outcome]:
    """Return a function that runs one case of a flow, lets the landscape rest, and judges the orders."""

    def run(flow: Flow, case: str) -> Outcome:
        performed = assay_session.perform(flow, flow.case(case))
        assay_session.rest()
        return assay_session.judge(performed)

    return run
