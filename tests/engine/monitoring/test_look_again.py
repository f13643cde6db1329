"""What people are told to type next is a command that works."""

from __future__ import annotations

import pytest

from assay.events import Finding, Result
from assay.monitor import look_again


@pytest.mark.parametrize(
    ("alert", "command"),
    [
        ("orders_abroad", "assay monitor --env live --only orders_abroad --once"),
        ("assay_configuration", "assay monitor plan --env live"),
        ("assay_undo", "assay sweep --env live"),
    ],
)
def test_what_the_process_watches_itself_is_not_looked_at_by_running_a_monitor(alert: str, command: str) -> None:
    """An alert that is no monitor's names the verb that looks at it, not `--only`, which would refuse its name."""
    assert look_again(alert, "live") == command


def test_a_finding_about_no_system_names_none() -> None:
    """A finding that concerns no system has no empty place in its sentence."""
    found = Finding(oracle="own", result=Result.FAIL, order_ref="the files of monitors", expected="a", seen="b")
    assert found.sentence() == "own: the files of monitors: expected a, seen b."
