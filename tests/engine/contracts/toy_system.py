"""A small system with a simulator and a contract of its own, healthy or with three faults, in a project of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PROFILE = """\
name = "toys"

[systems.toy]
role = "rates"
host = "toy.example"

[environments.local.systems]
toy = "simulated"

[environments.staging.systems]
toy = { mode = "sandbox", base_url = "https://sandbox.toy.example" }

[environments.later.systems]
toy = { mode = "live", base_url = "https://toy.example" }

[environments.production]
production = true
view = "witness"

[environments.production.systems]
toy = { mode = "live", base_url = "https://toy.example" }
"""
SIMULATOR = """\
from assay.simkit import Answer, Call, Failure, Refused, Route, Simulator, World

FAULTY = FAULTS


class State:
    def __init__(self, world: World) -> None:
        self.world, self.things = world, world.table("things")


def create(state: State, call: Call) -> Answer:
    try:
        body = call.json()
    except ValueError:
        raise Refused(Answer({"error": "no JSON"}, 400)) from None
    if not isinstance(body, dict) or not isinstance(body.get("name"), str) or not 1 <= len(body["name"]) <= 20:
        raise Refused(Answer({"error": "name"}, 422 if FAULTY else 400))
    thing = {"id": state.world.ids.token("thing", 12), "name": body["name"], "state": "new"}
    state.things[thing["id"]] = thing
    return Answer(thing, 201)


def read(state: State, call: Call) -> Answer:
    thing = state.things.get(call.params["id"])
    if thing is None:
        raise Refused(Answer({"error": "unknown"}, 404))
    return Answer({**thing, "state": "brand-new", "colour": "red"} if FAULTY else thing)


def remove(state: State, call: Call) -> Answer:
    if state.things.pop(call.params["id"], None) is None:
        raise Refused(Answer({"error": "unknown"}, 404))
    return Answer(None, 204)


def error(failure: Failure) -> Answer:
    return Answer({"error": failure.message}, failure.status)


ROUTES = [
    Route("POST", "/things", create),
    Route("GET", "/things/{id}", read),
    Route("DELETE", "/things/{id}", remove),
]
SIMULATOR = Simulator("toy", "Toy", ["toy.example"], State, ROUTES, error)
"""
REQUESTS = """\
steps:
  - call: POST /things
    body: {name: ball}
    status: 201
    keep: {thing: id}
  - call: GET /things/{id}
    path: {id: "${thing}"}
"""


def contract() -> dict[str, Any]:
    """Return what the system documents; a fault of the simulator is one against this."""
    text = {"type": "string"}
    thing = {
        "type": "object",
        "required": ["id", "name", "state"],
        "properties": {"id": text, "name": text, "state": {"enum": ["new", "sold"]}},
    }
    problem = {"type": "object", "required": ["error"], "properties": {"error": text}}

    def answer(schema: dict[str, Any]) -> dict[str, Any]:
        return {"description": "…", "content": {"application/json": {"schema": schema}}}

    wish = {"type": "object", "required": ["name"], "properties": {"name": {**text, "minLength": 1, "maxLength": 20}}}
    key = {"name": "id", "in": "path", "required": True, "schema": text}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Toy", "version": "1"},
        "paths": {
            "/things": {
                "post": {
                    "requestBody": {"required": True, "content": {"application/json": {"schema": wish}}},
                    "responses": {"201": answer(thing), "400": answer(problem), "429": answer(problem)},
                }
            },
            "/things/{id}": {
                "parameters": [key],
                "get": {"responses": {"200": answer(thing), "404": answer(problem)}},
                "delete": {"responses": {"204": {"description": "Gone."}, "404": answer(problem)}},
            },
        },
    }


def make(folder: Path, *, faulty: bool = False) -> Path:
    """Write a project with the system; return its folder."""
    mock = folder / "mocks" / "toy"
    mock.mkdir(parents=True)
    (folder / "assay.toml").write_text(PROFILE)
    (mock / "__init__.py").write_text("")
    (mock / "simulator.py").write_text(SIMULATOR.replace("FAULTS", repr(faulty)))
    (mock / "contract.yaml").write_text(json.dumps(contract()))
    (mock / "requests.yaml").write_text(REQUESTS)
    return folder
