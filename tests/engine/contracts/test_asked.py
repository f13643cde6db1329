"""The document that generated requests are made up from is read by the rules every other document is read by."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.local.project import plan_for
from assay.runners.conformance.document import contract_of

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
