"""Generated requests against every simulator of ours and the shop: each answer is as its contract has it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ASSAY

ROOT = Path(__file__).parents[2]
WHOLE = ("adyen", "ecb", "frankfurter", "paypal", "ups")
LONG = ("merchant", "sap_s4hana", "stripe")
"""Systems with many operations, long stories or forms: what is drawn for them differs with what was asked before."""


def checked(system: str, *options: str) -> dict[str, Any]:
    """Check one system and return what came of it; nothing is broken."""
    command = [str(ASSAY), "contracts", "check", system, "--json", *options]
    # These answers are judged here; the run's other judge has enough to do with those of all other tests.
    variables = {name: value for name, value in os.environ.items() if name != "ASSAY_CAPTURE"}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    [found] = json.loads(done.stdout)["systems"]
    broken = [
        (each["operation"], failed["check"], failed["status"], failed["message"], failed["repeat"])
        for each in found["operations"]
        for failed in each["failed"]
        if not failed["known"]
    ]
    assert (done.returncode, broken) == (0, []), done.stderr
    return dict(found)


def holds_to_its_contract(found: dict[str, Any]) -> None:
    """Hold that every operation answered, nine in ten documented statuses came, and every known failure still fails."""
    assert found["answered"] == found["operations_documented"] > 0
    assert found["covered"] >= 0.9 * found["documented"], found["covered"]
    assert found["no_longer_failing"] == []


@pytest.mark.parametrize("system", WHOLE)
def test_a_simulator_answers_generated_requests_by_its_contract(system: str) -> None:
    """20 examples an operation break nothing, every operation answers, and 90 % of the documented statuses are seen."""
    holds_to_its_contract(checked(system))


@pytest.mark.full
@pytest.mark.parametrize("system", LONG)
def test_all_operations_answer_by_their_contract(system: str) -> None:
    """20 examples an operation break nothing, every operation answers, and 90 % of the documented statuses are seen."""
    holds_to_its_contract(checked(system))
