"""The pytest runner: a scenario asks for `perform_and_judge` and asserts on the outcome.

    def test_order(perform_and_judge):
        outcome = perform_and_judge(order_to_erp, "eur")
        assert not outcome.failed, verdict_text([outcome])

A running landscape of the environment is used; where none runs, one is started for the test run and stopped after it.
With pytest-xdist each worker has a landscape of its own, because a case moves its landscape's one clock.

``--assay-report DIR`` writes the reports `assay run` writes. pytest keeps its own exit codes: what `assay run` would
end with stands as ``assay_exit_code`` in JUnit's properties and in the last line; infrastructure trouble and safety
refusals are failures of their test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from assay.events import Outcome
    from assay.flow import Flow
    from assay.runners.pytest_report import Telling
    from assay.runners.session import Session

_TELLING = pytest.StashKey["Telling"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --assay-env, --assay-profile and --assay-report."""
    group = parser.getgroup("assay")
    group.addoption("--assay-env", default="local", help="environment of assay.toml (default: local)")
    group.addoption("--assay-profile", type=Path, default=None, help="assay.toml to use")
    group.addoption("--assay-report", type=Path, default=None, metavar="DIR", help="write assay's reports there")


@pytest.fixture(scope="session")
def assay_session(request: pytest.FixtureRequest) -> Iterator[Session]:
    """Return the environment, open; a landscape started for it is stopped and removed at the end."""
    from assay.errors import AssayError
    from assay.local.project import plan_for
    from assay.runners.environment import open_environment

    plan = plan_for(request.config.getoption("--assay-env"), request.config.getoption("--assay-profile"))
    # Not by the variable xdist sets: a test may run pytest in a process of its own, with a landscape that is up.
    fresh = bool(plan.simulated) and hasattr(request.config, "workerinput")
    try:
        with open_environment(plan, lambda _: None, fresh=fresh, runner="pytest") as session:
            session.settle()
            yield session
    except AssayError as error:
        _telling(request.config).trouble(plan, error, f"environment {plan.name}")
        raise


@pytest.fixture
def perform_and_judge(
    assay_session: Session, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Callable[[Flow, str], Outcome]:
    """Return a function that runs one case of a flow, lets the landscape rest, and judges the orders."""
    from assay.errors import AssayError

    telling = _telling(request.config)

    def run(flow: Flow, case: str) -> Outcome:
        try:
            performed = assay_session.perform(flow, flow.case(case))
            assay_session.rest()
            outcome = assay_session.judge(performed)
        except AssayError as error:
            telling.trouble(assay_session.plan, error, f"{flow.id}[{case}]")
            record_property("assay_exit_code", error.exit_code)
            raise
        code = telling.add(assay_session.plan, outcome)
        record_property("assay_exit_code", code)
        for order_ref in outcome.order_refs:
            record_property("order", order_ref)
        return outcome

    return run


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's outcomes to the controller, or write the reports."""
    telling = session.config.stash.get(_TELLING, None)
    if telling is None:
        return
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["assay"] = telling.packed()
    else:
        telling.finish(session.config.getoption("--assay-report"))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take what a worker of pytest-xdist has to tell."""
    packed = getattr(node, "workeroutput", {}).get("assay")
    if packed:
        _telling(node.config).unpack(packed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what `assay run` would have ended with."""
    telling = config.stash.get(_TELLING, None)
    if telling is not None and (line := telling.last_line()):
        terminalreporter.write_line(line)


def _telling(config: pytest.Config) -> Telling:
    from assay.runners.pytest_report import Telling

    return config.stash.setdefault(_TELLING, Telling())
