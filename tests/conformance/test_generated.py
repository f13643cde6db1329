"""Generated requests against every simulator of ours and the shop: each answer is as its contract has it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.runners.conformance.document import read_yaml
from tests.conftest import ASSAY
from tests.engine.test_drawn_orders import seed_of_commit

ROOT = Path(__file__).parents[2]
SAP = ROOT / "mocks" / "sap_s4hana" / "contract.yaml"
VENDORS = ("adyen", "ecb", "frankfurter", "merchant", "paypal", "stripe", "ups")
AT_ONCE = 8


def checked(system: str, *options: str) -> dict[str, Any]:
    """Check one system and return what came of it; nothing is broken."""
    command = [str(ASSAY), "contracts", "check", system, "--json", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
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


@pytest.mark.parametrize("system", VENDORS)
def test_a_simulator_answers_generated_requests_by_its_contract(system: str) -> None:
    """20 examples an operation break nothing, every operation answers, and 90 % of the documented statuses are seen."""
    holds_to_its_contract(checked(system))


def test_some_of_saps_operations_answer_by_their_contract() -> None:
    """A few of SAP's operations, others with every commit, break nothing; each of them answers."""
    names = [
        f"{method.upper()} {path}"
        for path, item in read_yaml(SAP)["paths"].items()
        for method in item
        if method in ("get", "post", "patch", "delete")
    ]
    first = seed_of_commit() * AT_ONCE % len(names)
    chosen = (names + names)[first : first + AT_ONCE]
    options = [part for name in chosen for part in ("--operation", name)]
    found = checked("sap_s4hana", "--examples", "5", *options)
    assert found["answered"] == found["operations_documented"] == AT_ONCE


@pytest.mark.full
def test_all_of_saps_operations_answer_by_their_contract() -> None:
    """20 examples of each of SAP's operations break nothing, and 90 % of the documented statuses are seen."""
    holds_to_its_contract(checked("sap_s4hana"))
