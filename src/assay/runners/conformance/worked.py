"""Requests worked out by hand, in order (``mocks/<id>/requests.yaml``): what generated data cannot know.

    refused:                       # by status, the headers of a caller who is refused with it
      "403": {authorization: Bearer pk_test}
    steps:
      - call: POST /v1/customers
        body: {name: Ann}          # query, path, headers, media_type likewise
        status: 200
        keep: {customer: id}       # a member of the answer, by dots; header names as `header.location`
      - call: GET /v1/customers/{customer}
        path: {customer: "${customer}"}
        status: 200
      - wait: 86400                # simulated seconds
      - visit: POST /checkoutnow   # a page of the simulator that no contract has: a buyer's, a bank's
        body: {token: "${order}"}
        keep: {result: location.redirectResult}
      - settings: {payment_method_types: [card]}
      - collect: d.results           # ask every collection once: the keys of its newest rows become examples
      - call: POST /webhooks/stripe
        body: {id: evt_1}
        signed: stripe             # as that system would deliver it now, to who has its secret
      - call: POST /webhooks/ups
        headers: {x-api-key: "${ups.client_id}"}   # a credential of any system of the landscape
        text: '{"trackingNumber":' # instead of body: these very characters
        status: 400

Waits, visits, settings and signed bodies need a simulator: at any other system the steps end before the first of them.

What was accepted is sent again with one place of its body spoilt (``spoiling``), which must be refused.

A path parameter that went well becomes an example of it for the generated requests, below the same path, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from assay.errors import UsageError, did_you_mean
from assay.http import value_at
from assay.runners.conformance.document import Asked, copied, read_yaml
from assay.runners.conformance.engine import Asker, Call, Written
from assay.runners.conformance.spoiling import Spoiler
from assay.runners.conformance.tally import Tally

FILE = "requests.yaml"
_KEYS = (
    "call",
    "visit",
    "path",
    "query",
    "headers",
    "body",
    "text",
    "signed",
    "media_type",
    "status",
    "keep",
    "settings",
    "wait",
    "collect",
)
_KEYED = re.compile(r"GET ([^({]+)\(([^)]*)\)")  # one of a collection, as OData writes it
_NAME = re.compile(r"\$\{([\w.]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request and what must come of it; or a wait, a visit to a page, settings of the simulator."""

    where: str
    call: str = ""
    path: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    text: str = ""
    signed: str = ""
    media_type: str | None = None
    status: int = 200
    keep: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    wait: float = 0
    visit: str = ""
    collect: str = ""


@dataclass(frozen=True, slots=True)
class Worked:
    """What the file holds. refused: headers of a caller who is refused, by the status."""

    steps: tuple[Step, ...] = ()
    refused: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def without(self, names: frozenset[str]) -> Worked:
        """Return the steps whose operations are among these names, and all waits."""
        return Worked(tuple(each for each in self.steps if not each.call or each.call in names), self.refused)


def read_worked(asked: Asked) -> Worked:
    """Read the worked requests beside a contract, if there are any; `UsageError` says which step is wrong."""
    file = asked.folder / FILE
    if not file.is_file():
        return Worked()
    content = read_yaml(file)
    if not isinstance(content, dict) or set(content) - {"steps", "refused"}:
        raise UsageError(f"{file.name} holds steps and refused", where=str(file), seen=str(content)[:80])
    names = {name for name, _ in asked.operations()}
    steps = [_step(each, f"{file}: step {number}", names) for number, each in enumerate(content.get("steps") or (), 1)]
    return Worked(tuple(steps), content.get("refused") or {})


class Ours(Protocol):
    """What only a simulator of ours lets us do."""

    def wait(self, seconds: float) -> None:
        """Move simulated time."""

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Change settings of the simulator."""

    def signed(self, system: str, body: bytes) -> tuple[bytes, Mapping[str, str]]:
        """Return a body as one of its vendors would deliver it now, and its headers."""

    def credentials(self) -> Mapping[str, str]:
        """Return what is known of the landscape's credentials, as `system.name`."""

    def visit(self, method: str, address: str, form: Mapping[str, str]) -> Mapping[str, str]:
        """Call a page of the simulator, at a path or any address of the vendor's, and return the answer's headers."""


@dataclass(slots=True)
class Performed:
    """What the steps kept: by name the last value; by path up to a parameter every value that went well there."""

    values: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, list[Any]] = field(default_factory=dict)


def perform(
    asked: Asked,
    worked: Worked,
    asker: Asker,
    tally: Tally,
    *,
    ours: Ours | None,
    spoiler: Spoiler,
) -> Performed:
    """Send the steps in order; an answer other than the one expected is a failure, and the rest goes on.

    ours: what only a simulator of ours lets us do; None at any other system. spoiler: sends what went well again, with
    one place wrong.
    """
    done = Performed(dict(ours.credentials()) if ours else {})
    for step in worked.steps:
        if step.collect:
            _collect(asked, asker, step.collect, done)
            continue
        if ours is None and (step.signed or not step.call):
            break
        if ours is not None and not step.call:
            _prepare(step, ours, done)
            continue
        try:
            ready = filled(step, done.values)
        except KeyError as error:  # what it needs was never kept: the step before has failed already
            _failed(tally, step, None, "Not sent", str(error))
            continue
        answer = asker.send(_as_sent(ready, ours), may_fail=step.status >= 500)
        if answer.status_code != step.status:
            seen = f"expected {step.status}, seen {answer.status_code} {answer.text[:200]}"
            _failed(tally, step, answer, "A worked request was answered otherwise", seen)
            continue
        _keep(step, answer, done, tally)
        if answer.status_code < 300:
            for name, value in ready.path.items():
                known = done.keys.setdefault(_up_to(ready.call, name), [])
                known[:] = [each for each in known if each != value] + [value]
            _spoil(ready, asker, spoiler, ours)
    return done


def _spoil(step: Step, asker: Asker, spoiler: Spoiler, ours: Ours | None) -> None:
    """Let a step that was accepted be sent again with its body spoilt, signed anew where it is signed."""
    try:
        body = json.loads(step.text) if step.text else step.body
    except ValueError:
        return

    def write(body: Any, headers: Mapping[str, str]) -> Written | None:
        try:
            call = _as_sent(replace(step, text="", body=body, headers=headers), ours)
        except (TypeError, AttributeError, LookupError, ValueError, UsageError):
            if not step.signed:
                raise
            return None  # some sign by what the body says, and this one says too little
        return asker.write(call)

    spoiler.spoil(step.call, body, step.headers, write)


def _collect(asked: Asked, asker: Asker, rows: str, done: Performed) -> None:
    """Ask the collection of everything that is read by key, and keep the keys of its last rows, row by row."""
    names = {name for name, _ in asked.operations()}
    answers: dict[str, list[Any]] = {}
    for name in sorted(names):
        keyed = _KEYED.fullmatch(name)
        if keyed is None or f"GET {keyed[1]}" not in names:
            continue
        if keyed[1] not in answers:
            found = asker.send(Call(operation=f"GET {keyed[1]}"))
            answers[keyed[1]] = _at(found, rows) or []
        parameters = re.findall(r"\{(\w+)\}", keyed[2])
        whole = [row for row in answers[keyed[1]] if all(row.get(each) is not None for each in parameters)]
        for each in parameters:
            done.keys.setdefault(_up_to(name, each), [row[each] for row in whole[-2:]])


def _up_to(operation: str, parameter: str) -> str:
    """Return the path of an operation up to a parameter: what stands there is the same kind of key below it, too."""
    path, name = operation.partition(" ")[2], "{" + parameter + "}"
    return path[: path.index(name) + len(name)] if name in path else path


def _prepare(step: Step, ours: Ours, done: Performed) -> None:
    if step.settings:
        ours.configure(step.settings)
    if step.wait:
        ours.wait(step.wait)
    if step.visit:
        method, _, address = _filled(step.visit, done.values).partition(" ")
        headers = ours.visit(method, address, _filled(step.body or {}, done.values))
        query = dict(parse_qsl(urlsplit(headers.get("location", "")).query))
        for name, place in step.keep.items():
            done.values[name] = query.get(place.removeprefix("location."), "")


def _as_sent(step: Step, ours: Ours | None) -> Call:
    """Return a step's request: its body in bytes where every character counts, else what is still to be written."""
    body: Any = step.text.encode() if step.text else step.body
    headers = step.headers
    if step.signed and ours is not None:
        body, signing = ours.signed(step.signed, body if isinstance(body, bytes) else json.dumps(body).encode())
        headers = {**signing, **headers}
    media_type = step.media_type or ("application/json" if isinstance(body, bytes) else None)
    return Call(
        operation=step.call, path=step.path, query=step.query, headers=headers, body=body, media_type=media_type
    )


def with_examples(asked: Asked, keys: Mapping[str, list[Any]]) -> Asked:
    """Return the document with every key that went well as an example of its path parameter, wherever it stands."""
    content = copied(asked.content)
    shared = content.get("components", {}).get("parameters", {})
    for path, item in content["paths"].items():
        for holder in (item, *(each for each in item.values() if isinstance(each, dict))):
            for position, parameter in enumerate(holder.get("parameters", ())):
                reference = parameter.get("$ref", "")
                found = shared.get(reference.rpartition("/")[2], {}) if reference else parameter
                values = keys.get(_up_to(f" {path}", found.get("name", "")))
                if found.get("in") == "path" and values:
                    examples = {f"key{number}": {"value": value} for number, value in enumerate(values[-2:])}
                    named = {key: value for key, value in found.items() if key != "example"}
                    holder["parameters"][position] = {**named, "examples": examples}
    return Asked(asked.system, asked.file, content)


def filled(step: Step, values: Mapping[str, Any]) -> Step:
    """Return the step with every `${name}` replaced; `KeyError` for a name nothing was kept under."""
    return Step(
        where=step.where,
        call=step.call,
        path=_filled(step.path, values),
        query=_filled(step.query, values),
        headers=_filled(step.headers, values),
        body=_filled(step.body, values),
        text=_filled(step.text, values),
        signed=step.signed,
        media_type=step.media_type,
        status=step.status,
    )


def _filled(content: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(content, dict):
        return {key: _filled(value, values) for key, value in content.items()}
    if isinstance(content, list):
        return [_filled(value, values) for value in content]
    if not isinstance(content, str):
        return content
    whole = _NAME.fullmatch(content)
    return values[whole[1]] if whole else _NAME.sub(lambda found: str(values[found[1]]), content)


def _keep(step: Step, answer: Any, done: Performed, tally: Tally) -> None:
    for name, path in step.keep.items():
        value = _at(answer, path)
        if value is None:
            seen = f"{path} is not in {answer.text[:200]}"
            _failed(tally, step, answer, "A worked request's answer lacks a member", seen)
            continue
        done.values[name] = value


def _failed(tally: Tally, step: Step, answer: Any, title: str, seen: str) -> None:
    """Count a step as failed; answer: what came of it, None where it could not even be sent."""
    tally.failed(
        step.call,
        "worked",
        status=None if answer is None else answer.status_code,
        title=title,
        message=f"{step.where}: {seen}",
        repeat="" if answer is None else step.where,
    )


def _at(answer: Any, path: str) -> Any:
    if path.startswith("header."):
        found = answer.headers.get(path.removeprefix("header.").lower())
        return found[0] if isinstance(found, list) else found
    try:
        return value_at(answer.json(), path)
    except ValueError:
        return None


def _step(entry: Any, where: str, names: set[str]) -> Step:
    if not isinstance(entry, dict):
        raise UsageError("a step is a table", where=where, expected="call: GET /path", seen=str(entry)[:80])
    strange = [key for key in entry if key not in _KEYS]
    if strange:
        raise UsageError(f"a step has no '{strange[0]}'", where=where, hint=did_you_mean(strange[0], _KEYS))
    call = entry.get("call", "")
    if call and call not in names:
        raise UsageError(f"the contract has no operation '{call}'", where=where, hint=did_you_mean(call, names))
    if not call and not any(entry.get(each) for each in ("wait", "settings", "visit", "collect")):
        raise UsageError("a step must do something", where=where, expected="call, wait, visit or settings")
    if entry.get("text") and entry.get("body") is not None:
        raise UsageError("a step has one body", where=where, expected="body or text", seen="both")
    return Step(where=where, **entry)
