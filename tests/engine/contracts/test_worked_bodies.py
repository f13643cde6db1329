"""Worked requests whose body counts to the character: written as text, signed by the vendor's connector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_assay, type_assay
from tests.engine.contracts.toy_system import PROFILE, make

CONNECTOR = '''\
"""The toy maker, who signs a body by writing the secret word into it."""
import json

from assay.roles import ConnectorHead

HEAD = ConnectorHead(vendor="toy", role="rates", live="https://toy.example")


class Toy:
    def __init__(self, http, credentials):
        pass


def signed_webhook(body, credentials, at):
    return json.dumps({**json.loads(body), "name": credentials["word"]}).encode(), {"x-signed-at": at.isoformat()}
'''
SECRET = """\
host = "toy.example"
credentials = { word = "env:ASSAY_TOY_WORD", unset = "env:ASSAY_TOY_UNSET" }
test_credentials = { word = "ball" }
"""
STEPS = """\
steps:
  - {call: POST /things, text: '{"name": "ball"', status: 400}
  - {call: POST /things, text: '{"name": "b", "name": "${toy.word}"}', status: 201, keep: {thing: id}}
  - {call: "GET /things/{id}", path: {id: "${thing}"}}
  - {call: POST /things, body: {size: 3}, status: 400}
  - {call: POST /things, body: {size: 3}, signed: toy, status: 201}
"""


def project(folder: Path, steps: str) -> Path:
    """Write the toy's project with a connector that signs."""
    make(folder)
    (folder / "assay.toml").write_text(PROFILE.replace('host = "toy.example"\n', SECRET))
    (folder / "connectors").mkdir()
    (folder / "connectors" / "toy.py").write_text(CONNECTOR)
    (folder / "mocks" / "toy" / "requests.yaml").write_text(steps)
    return folder


def worked(found: dict[str, Any]) -> list[str]:
    """Return what worked requests broke."""
    operations = found["systems"][0]["operations"]
    return [failed["message"] for each in operations for failed in each["failed"] if failed["check"] == "worked"]


def test_bodies_are_sent_as_written_and_as_signed(tmp_path: Path) -> None:
    """A text goes out character by character, with credentials filled in; a body goes out as its vendor signs it."""
    folder = project(tmp_path, STEPS)
    done = run_assay("contracts", "check", "toy", "--json", "--examples", "1", cwd=folder)
    assert worked(json.loads(done.stdout)) == [], done.stderr
    (folder / "mocks" / "toy" / "requests.yaml").write_text(STEPS.replace("status: 201}", "status: 418}"))
    done = run_assay("contracts", "check", "toy", "--json", "--examples", "1", cwd=folder)
    [said] = worked(json.loads(done.stdout))
    assert "step 5: expected 418, seen 201" in said and '"name":"ball"' in said


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("{call: POST /things, text: x, body: {name: x}}", "a step has one body"),
        ("{call: POST /things, body: {name: x}, signed: toyy}", "did you mean 'toy'?"),
    ],
)
def test_what_cannot_be_sent_is_named(tmp_path: Path, step: str, words: str) -> None:
    """Two bodies, and a signature by a system nobody has, are wrong use: exit 2."""
    done = type_assay("contracts", "check", "toy", cwd=project(tmp_path, f"steps:\n  - {step}\n"))
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr
