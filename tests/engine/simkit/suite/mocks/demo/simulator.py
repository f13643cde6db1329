"""A simulator of nobody: the smallest head that uses every service of simkit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from assay.simkit import Answer, Call, Failure, Refused, Route, Simulator, World


class State:
    """Things by id, notes of jobs, and the world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.things = world.table("things")
        self.notes = world.table("notes")
        if "first" not in self.things:
            self.things["first"] = {"id": "first", "token": world.ids.token("seed")}

    def note(self, text: str) -> None:
        """Note that something happened at this simulated instant."""
        self.notes[str(self.world.ids.number("note"))] = [text, self.world.now().isoformat()]


def create(state: State, call: Call) -> Answer:
    """Create a thing from a form."""
    key = state.world.ids.token("thing", 8)
    state.things[key] = {"id": key, "form": call.form()}
    return Answer(state.things[key], 201, {"X-Thing": key})


def listed(state: State, call: Call) -> Answer:
    """List the things."""
    return Answer(list(state.things.values()))


def one(state: State, call: Call) -> Answer:
    """Show a thing."""
    if call.params["id"] not in state.things:
        raise Refused(error(Failure("not_found", 404, "no such thing")))
    return Answer(state.things[call.params["id"]])


def delete(state: State, call: Call) -> Answer:
    """Delete a thing and answer nothing."""
    del state.things[call.params["id"]]
    return Answer(None, 204)


def spoil(state: State, call: Call) -> Answer:
    """Change much, then fail as the path says."""
    state.things["first"] = {"id": "first", "spoilt": True}
    state.things["new"] = {"id": "new"}
    if call.params["how"] == "refused":
        raise Refused(Answer({"error": "declined"}, 402))
    if call.params["how"] == "kept":
        raise Refused(Answer({"error": "declined, on record"}, 402), keep=True)
    raise RuntimeError("a fault of the simulator")


def plan(state: State, call: Call) -> Answer:
    """Plan a job: {"in_s": 60, "job": "note", "payload": …}."""
    asked = call.json()
    state.world.at(state.world.now() + timedelta(seconds=asked["in_s"]), asked["job"], asked.get("payload"))
    return Answer({}, 202)


def notes(state: State, call: Call) -> Answer:
    """List the notes in the order in which they were made."""
    return Answer(list(state.notes.values()))


def hook(state: State, call: Call) -> Answer:
    """Take a webhook and note it."""
    state.note(f"hook {call.body.decode()}")
    return Answer({})


def job_note(state: State, payload: Any) -> None:
    """Note the payload."""
    state.note(payload)


def job_again(state: State, payload: Any) -> None:
    """Note, post to the other simulator, and plan the same again: {"every_s": …, "left": …, "url": …}."""
    state.note(f"again {payload['left']}")
    if payload.get("url"):
        state.world.post(payload["url"], str(payload["left"]).encode(), {"X-Left": str(payload["left"])})
    if payload["left"]:
        due = state.world.now() + timedelta(seconds=payload["every_s"])
        state.world.at(due, "again", {**payload, "left": payload["left"] - 1})


def job_post(state: State, payload: Any) -> None:
    """Send a webhook: {"url": …, "body": …, "retries_s": […], "renew": …}."""
    retries = tuple(payload.get("retries_s", ()))
    state.world.post(payload["url"], payload["body"].encode(), {}, retries_s=retries, renew=payload.get("renew"))


def job_sign(state: State, message: Any) -> None:
    """Send a webhook's retry with the instant of this attempt."""
    stamped = {**message["headers"], "X-Signed-At": state.world.now().isoformat()}
    retries = tuple(message["retries_s"])
    state.world.post(message["url"], message["body"].encode(), stamped, retries_s=retries, renew="sign")


def job_fail(state: State, payload: Any) -> None:
    """Change something, then fail."""
    state.note("must not stay")
    raise RuntimeError("a fault of the job")


def error(failure: Failure) -> Answer:
    """Answer in this vendor's own error shape."""
    return Answer({"demo_error": failure.kind, "text": failure.message}, failure.status)


SIMULATOR = Simulator(
    vendor="demo",
    title="Nobody",
    hosts=("api.demo.example",),
    state=State,
    routes=(
        Route("POST", "/things", create),
        Route("GET", "/things", listed),
        Route("GET", "/things/{id}", one),
        Route("DELETE", "/things/{id}", delete),
        Route("POST", "/spoil/{how}", spoil),
        Route("POST", "/plans", plan),
        Route("GET", "/notes", notes),
        Route("POST", "/hook", hook),
    ),
    error=error,
    jobs={"note": job_note, "again": job_again, "post": job_post, "sign": job_sign, "fail": job_fail},
)
