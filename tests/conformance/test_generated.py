"""Generated requests against every simulator of ours and the shop: each answer is as its contract has it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.runners.conformance.document import read_yaml
from tests.conftest import ASSAY
from tests.engine.test_drawn_orders import seed_of_commit

ROOT = Path(__file__).parents[2]
WHOLE = ("adyen", "ecb", "frankfurter", "paypal")
IN_PART = {"merchant": 10, "sap_s4hana": 8, "stripe": 10, "ups": 3}
"""How many operations of the systems with many, or with big bodies, are asked with every build; others each time."""


def operations_of(system: str) -> list[str]:
    """Return the names of a system's operations, as on the wire."""
    name = "openapi.yaml" if system == "merchant" else "contract.yaml"
    file = ROOT / "mocks" / system / name
    methods = ("get", "put", "post", "patch", "delete")
    paths = read_yaml(file)["paths"].items()
    return [f"{method.upper()} {path}" for path, item in paths for method in item if method in methods]


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


@pytest.mark.parametrize("system", IN_PART)
def test_some_operations_answer_by_their_contract(system: str) -> None:
    """Some operations, others with every commit, break nothing with 20 examples each; each of them answers."""
    names, count = operations_of(system), IN_PART[system]
    first = seed_of_commit() * count % len(names)
    chosen = (names + names)[first : first + count]
    found = checked(system, *(part for name in chosen for part in ("--operation", name)))
    assert found["answered"] == found["operations_documented"] == count


@pytest.mark.full
@pytest.mark.parametrize("system", IN_PART)
def test_all_operations_answer_by_their_contract(system: str) -> None:
    """20 examples an operation break nothing, every operation answers, and 90 % of the documented statuses are seen."""
    holds_to_its_contract(checked(system))
