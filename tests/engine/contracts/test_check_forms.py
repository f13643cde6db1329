"""Generated requests to operations that take forms: judged by the text that was sent, not by the data made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.runners.conformance.twin import Twin
from tests.conftest import run_assay
from tests.engine.contracts.toy_system import PROFILE

FORM = "application/x-www-form-urlencoded"
SIMULATOR = r"""import re
from urllib.parse import parse_qsl

from assay.simkit import Answer, Call, Failure, Refused, Route, Simulator, World

FAULTY = FAULTS


class State:
    def __init__(self, world: World) -> None:
        self.world = world


def create(state: State, call: Call) -> Answer:
    form = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
    amount = form.pop("amount", "")
    digits = amount.removeprefix("-")
    whole = digits.isascii() and digits.isdigit()
    if not amount or not (whole or FAULTY) or not all(re.fullmatch(r"notes\[[^\[\]]*\]", each) for each in form):
        raise Refused(Answer({"error": "refused"}, 400))
    return Answer({"id": "1"}, 201)


def error(failure: Failure) -> Answer:
    return Answer({"error": failure.message}, failure.status)


SIMULATOR = Simulator("toy", "Toy", ["toy.example"], State, [Route("POST", "/sales", create)], error)
"""


def contract() -> dict[str, Any]:
    """Return the document of a system that takes sales: a whole amount, and notes by names of the caller's own."""
    wish = {
        "type": "object",
        "required": ["amount"],
        "properties": {
            "amount": {"type": "integer"},
            "notes": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "additionalProperties": False,
    }
    written = {"schema": wish, "encoding": {"notes": {"style": "deepObject", "explode": True}}}
    answers = {"201": "id", "400": "error"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Toy", "version": "1"},
        "paths": {
            "/sales": {
                "post": {
                    "requestBody": {"required": True, "content": {FORM: written}},
                    "responses": {
                        status: {
                            "description": "…",
                            "content": {"application/json": {"schema": {"type": "object", "required": [name]}}},
                        }
                        for status, name in answers.items()
                    },
                }
            }
        },
    }


def make(folder: Path, *, faulty: bool) -> Path:
    """Write a project with the system; return its folder."""
    mock = folder / "mocks" / "toy"
    mock.mkdir(parents=True)
    (folder / "assay.toml").write_text(PROFILE)
    (mock / "__init__.py").write_text("")
    (mock / "simulator.py").write_text(SIMULATOR.replace("FAULTS", repr(faulty)))
    (mock / "contract.yaml").write_text(json.dumps(contract()))
    return folder


def broken(folder: Path, seed: int) -> tuple[int, list[tuple[str, int, str]]]:
    """Check the toy and return the exit code and what is broken: check, status, how to repeat it."""
    done = run_assay("contracts", "check", "toy", "--json", "--examples", "60", "--seed", str(seed), cwd=folder)
    assert done.stdout, done.stderr
    [found] = json.loads(done.stdout)["systems"]
    failed = [each for operation in found["operations"] for each in operation["failed"] if not each["known"]]
    return done.returncode, [(each["check"], each["status"], each["repeat"]) for each in failed]


def test_a_form_that_became_right_on_its_way_breaks_nothing(tmp_path: Path) -> None:
    """A system that takes every legal form passes, though null and numbers were drawn for its texts."""
    assert broken(make(tmp_path, faulty=False), seed=1) == (0, [])


def test_an_integer_that_is_none_and_is_taken_breaks_the_contract(tmp_path: Path) -> None:
    """A system that takes any text for a whole amount is found: that form is wrong as it was sent, too."""
    code, [(check, status, repeat)] = broken(make(tmp_path, faulty=True), seed=1)
    assert (code, check, status) == (1, "negative_data_rejection", 201)
    assert "amount=" in repeat


@pytest.mark.parametrize(
    ("form", "allowed"),
    [
        ("amount=5", True),
        ("amount=-5&notes[a]=null&notes[b]=7", True),
        ("amount=5&notes[]=null", True),
        ("amount=4&amount=5&notes[a]=1&notes[a]=2", True),
        ("amount=5&amount=x", False),
        ("amount=null", False),
        ("amount=5.5", False),
        ("amount=", False),
        ("notes[a]=1", False),
        ("amount=5&notes=x", False),
        ("amount=5&notes[a][b]=1", False),
        ("amount=5&other=1", False),
        ("amount=%FF", False),
    ],
)
def test_a_form_is_read_back_by_its_schema(tmp_path: Path, form: str, allowed: bool) -> None:
    """Texts under free names and the last of a repeated name hold; no number, no field, a field too many do not."""
    file = tmp_path / "contract.yaml"
    file.write_text(json.dumps(contract()))
    assert Twin(file).allows_form("POST /sales", f"{FORM}; charset=utf-8", form.encode()) is allowed


def test_what_is_no_form_is_not_read_as_one(tmp_path: Path) -> None:
    """Another content type, or an operation nobody documents, never excuses an answer."""
    file = tmp_path / "contract.yaml"
    file.write_text(json.dumps(contract()))
    assert not Twin(file).allows_form("POST /sales", "application/json", b"amount=5")
    assert not Twin(file).allows_form("POST /orders", FORM, b"amount=5")
