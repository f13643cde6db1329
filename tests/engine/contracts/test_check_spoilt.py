"""Worked requests sent again with one place spoilt: what hides behind another refusal is found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from assay.contracts.json_normal import Definitions
from assay.contracts.json_shape import JsonShape
from assay.runners.conformance.spoiling import spoilt_places
from tests.conftest import run_assay
from tests.engine.contracts.toy_system import PROFILE

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
# A sale is refused in all currencies but one, which no generated request hits upon: whatever is wrong with its amount,
# the currency is the reason given. A reference stands for one sale, whatever is asked the second time.
SIMULATOR = r"""import re
from urllib.parse import parse_qsl

from assay.simkit import Answer, Call, Failure, Refused, Route, Simulator, World

FAULTY, FORM, NOTED = FAULTS, FORMS, STATUS


class State:
    def __init__(self, world: World) -> None:
        self.world, self.sales = world, world.table("sales")


def create(state: State, call: Call) -> Answer:
    key = call.headers.get("idempotency-key")
    if key in state.sales:
        return Answer({"id": "1"}, 201)
    try:
        sale = dict(parse_qsl(call.body.decode(), keep_blank_values=True)) if FORM else call.json()
    except ValueError:
        raise Refused(Answer({"error": "unreadable"}, 400)) from None
    if not isinstance(sale, dict) or sale.get("currency") != "eur" or set(sale) - {"amount", "currency", "note"}:
        raise Refused(Answer({"error": "currency"}, 400))
    amount, note = sale.get("amount"), sale.get("note", "")
    whole = re.fullmatch("-?[0-9]+", amount or "") if FORM else type(amount) is int
    if not whole and not (FAULTY and isinstance(amount, str)):
        raise Refused(Answer({"error": "amount"}, 400))
    if not isinstance(note, str) or len(note) > 12:
        raise Refused(Answer({"error": "note"}, NOTED))
    if key:
        state.sales[key] = sale
    return Answer({"id": "1"}, 201)


def error(failure: Failure) -> Answer:
    return Answer({"error": failure.message}, failure.status)


SIMULATOR = Simulator("toy", "Toy", ["toy.example"], State, [Route("POST", "/sales", create)], error)
"""
REQUESTS = """\
steps:
  - {call: POST /sales, body: {amount: 1999, currency: usd}, status: 400}
  - {call: POST /sales, headers: {Idempotency-Key: one}, body: {amount: 1999, currency: eur, note: a gift}, status: 201}
"""


def make(folder: Path, *, faulty: bool, media: str, noted: int = 400, documented: Sequence[int] = (201, 400)) -> Path:
    """Write a project with a system that takes sales; return its folder. noted: the status a wrong note gets."""
    text = {"type": "string"}
    wish = {
        "type": "object",
        "required": ["amount", "currency"],
        "properties": {"amount": {"type": "integer"}, "currency": text, "note": {**text, "maxLength": 12}},
        "additionalProperties": False,
    }
    answers = {
        str(status): {"description": "…", "content": {JSON: {"schema": {"type": "object", "required": [name]}}}}
        for status, name in {status: "id" if status < 300 else "error" for status in documented}.items()
    }
    operation = {"requestBody": {"required": True, "content": {media: {"schema": wish}}}, "responses": answers}
    contract = {"openapi": "3.1.0", "info": {"title": "Toy", "version": "1"}, "paths": {"/sales": {"post": operation}}}
    mock = folder / "mocks" / "toy"
    mock.mkdir(parents=True)
    (folder / "assay.toml").write_text(PROFILE)
    (mock / "__init__.py").write_text("")
    simulator = SIMULATOR.replace("FAULTS", repr(faulty)).replace("FORMS", repr(media == FORM))
    simulator = simulator.replace("STATUS", str(noted))
    (mock / "simulator.py").write_text(simulator)
    (mock / "contract.yaml").write_text(json.dumps(contract))
    (mock / "requests.yaml").write_text(REQUESTS)
    return folder


def check(folder: Path, *options: str) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
    """Check the toy; return the exit code, what came of it, and what is broken."""
    done = run_assay("contracts", "check", "toy", "--json", *options, cwd=folder)
    assert done.stdout, done.stderr
    [found] = json.loads(done.stdout)["systems"]
    return done.returncode, found, [each for one in found["operations"] for each in one["failed"] if not each["known"]]


@pytest.mark.parametrize("media", [FORM, pytest.param(JSON, marks=pytest.mark.full)])
def test_a_wrong_amount_is_found_behind_a_refused_currency(tmp_path: Path, media: str) -> None:
    """An integer taken as text is told with its place and curl line; the same without its worked request stays hid."""
    folder = make(tmp_path, faulty=True, media=media)
    code, _, broken = check(folder, "--examples", "20")
    assert (code, {each["check"] for each in broken}) == (1, {"negative_data_rejection"})
    [said] = [each for each in broken if "amount, wrong type" in each["message"]]
    assert said["status"] == 201 and "wrong type, expected integer" in said["message"]
    assert said["repeat"].startswith("curl -X POST") and "AAA" in said["repeat"] and "eur" in said["repeat"]
    assert all("amount" in each["message"] for each in broken)
    (folder / "mocks" / "toy" / "requests.yaml").unlink()
    assert check(folder, "--examples", "20")[::2] == (0, [])


@pytest.mark.parametrize("media", [pytest.param(FORM, marks=pytest.mark.full), JSON])
def test_a_healthy_system_stays_green(tmp_path: Path, media: str) -> None:
    """What is right again once it is a form breaks nothing, nor an answer repeated for its own key alone."""
    folder = make(tmp_path, faulty=False, media=media)
    code, found, broken = check(folder, "--examples", "20")
    assert (code, broken) == (0, [])
    assert check(folder, "--examples", "20")[1]["drawn"] == found["drawn"]
    assert check(folder, "--examples", "20", "--seed", "2")[1]["drawn"] != found["drawn"]


def test_a_5xx_is_a_refusal_only_where_it_is_documented(tmp_path: Path) -> None:
    """A vendor may document 500 for what it does not take; a 500 that no document names is a fault."""
    documented = make(tmp_path / "documented", faulty=False, media=JSON, noted=500, documented=(201, 400, 500))
    assert check(documented, "--examples", "20")[::2] == (0, [])
    code, _, broken = check(make(tmp_path / "not", faulty=False, media=JSON, noted=500), "--examples", "20")
    assert (code, {each["check"] for each in broken}) == (1, {"not_a_server_error", "status_code_conformance"})


def test_what_is_spoilt_is_one_place_at_a_time() -> None:
    """Each kind of wrong value is made where the document says something, and the rest of the body stays as it is."""
    schema = {
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {"enum": ["a", "b"]},
            "many": {"type": "array", "maxItems": 2, "items": {"type": "integer", "maximum": 9, "minimum": 1}},
            "free": {},
            "text": {"type": "string", "minLength": 2, "pattern": "^[a-z]+$"},
        },
    }
    body = {"kind": "a", "many": [3, 4], "free": 1, "text": "abc"}
    shape = JsonShape(schema, Definitions({}), request=True)
    made = {
        (each.path, each.way): [wrong for wrong in each.bodies(body) if not shape.is_valid(wrong)]
        for each in spoilt_places(body, shape.fields)
    }
    first = {place: bodies[0] for place, bodies in made.items() if bodies}
    assert first["kind", "left out"] == {"many": [3, 4], "free": 1, "text": "abc"}
    assert first["kind", "value outside the set"] == {**body, "kind": "no_such_value"}
    assert first["many[]", "wrong type"] == {**body, "many": ["AAA", 4]}
    assert first["many[]", "fraction"] == {**body, "many": [1.5, 4]}
    assert first["many[]", "maximum"] == {**body, "many": [10, 4]}
    assert first["many[]", "minimum"] == {**body, "many": [0, 4]}
    assert first["many", "maxItems"] == {**body, "many": [3, 4, 3]}
    assert first["many", "null"] == {**body, "many": None}
    assert first["text", "minLength"] == {**body, "text": "a"}
    assert first["text", "pattern"] == {**body, "text": "~ ~"}
    assert not [path for path, _ in first if path in ("", "free")]
