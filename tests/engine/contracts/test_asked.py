"""What requests are made from: the contract, read as every other document is, and the worked requests beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.local.project import plan_for
from assay.runners.conformance.document import contract_of
from tests.conftest import run_assay
from tests.engine.contracts.toy_system import make

ROOT = Path(__file__).parents[3]
CONTRACT = """
openapi: 3.1.0
info: {title: Rates, version: 2024-01-01}
servers: [{url: "https://rates.example/v2/"}]
paths:
  /rates:
    get:
      parameters: [{name: country, in: query, schema: {enum: [NO, 007]}}]
      responses:
        200: {description: the rates}
"""


def project(folder: Path, contract: str) -> Path:
    """Write a project whose simulator of the ECB has this contract; return its profile."""
    (folder / "mocks" / "ecb").mkdir(parents=True)
    (folder / "mocks" / "ecb" / "contract.yaml").write_text(contract, encoding="utf-8")
    (folder / "assay.toml").write_text((ROOT / "assay.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return folder / "assay.toml"


def test_what_yaml_would_turn_into_something_else_stays_text(tmp_path: Path) -> None:
    """A status without quotes, Norway, a number with noughts in front and a day are the texts that are written."""
    asked = contract_of(plan_for("local", project(tmp_path, CONTRACT)), "ecb")
    assert [name for name, _ in asked.operations()] == ["GET /v2/rates"]
    ((_, operation),) = asked.operations()
    assert list(operation["responses"]) == ["200"]
    assert operation["parameters"][0]["schema"]["enum"] == ["NO", "007"]
    assert asked.content["info"]["version"] == "2024-01-01"


@pytest.mark.parametrize(
    ("contract", "seen"),
    [
        ("a: 1\nb: }", "line 2"),
        ("a: &a [*a]", "alias of itself"),
        ("a: 1\n---\nb: 2", "line 2"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_line(tmp_path: Path, contract: str, seen: str) -> None:
    """A bracket too many, an alias that holds itself and two documents in one file are wrong use, with the place."""
    plan = plan_for("local", project(tmp_path, contract))
    with pytest.raises(UsageError, match=r"contract\.yaml is no YAML") as refused:
        contract_of(plan, "ecb")
    assert seen in str(refused.value)


def test_each_worked_request_that_goes_wrong_is_a_failure(tmp_path: Path) -> None:
    """Answered otherwise, a member not there, and one that needs it and so was never sent: each says its step."""
    folder = make(tmp_path)
    steps = [
        {"call": "GET /things/{id}", "path": {"id": "nobody's"}, "status": 200},
        {"call": "POST /things", "body": {"name": "mug"}, "status": 201, "keep": {"thing": "key", "one": "id"}},
        {"call": "DELETE /things/{id}", "path": {"id": "${thing}"}, "status": 204},
        {"call": "DELETE /things/{id}", "path": {"id": "${one}"}, "status": 204},
    ]
    (folder / "mocks" / "toy" / "requests.yaml").write_text(json.dumps({"steps": steps}), encoding="utf-8")
    done = run_assay("contracts", "check", "toy", "--json", "--examples", "1", cwd=folder)
    assert done.returncode == 1, done.stderr
    tested = json.loads(done.stdout)["systems"][0]["operations"]
    failed = {
        each["operation"]: (one["status"], one["message"].partition(": step ")[2], bool(one["repeat"]))
        for each in tested
        for one in each["failed"]
        if one["check"] == "worked"
    }
    assert failed.keys() == {"GET /things/{id}", "POST /things", "DELETE /things/{id}"}
    status, message, can_be_repeated = failed["GET /things/{id}"]
    assert (status, can_be_repeated) == (404, True)
    assert message.startswith("1: expected 200, seen 404 ")
    status, message, can_be_repeated = failed["POST /things"]
    assert (status, can_be_repeated) == (201, True)
    assert message.startswith("2: key is not in ")
    assert failed["DELETE /things/{id}"] == (None, "3: 'thing'", False)
