"""Stubs held against the documents: every answer that a WireMock mapping gives must be one the vendor could give.

A stub is judged as traffic is: by the vendor's documents and by the contract. What is filled in when it is answered
(`{{…}}`) is not judged. An answer that no document can allow on purpose, such as a web page from a proxy in between,
says so itself: `"metadata": {"outside_contract": "why"}`; where all documents are here and allow it, that is a
mistake, too.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.contracts.model import Deviation, Operation, Problem, media_type
from assay.contracts.registry import CONTRACT, Registry
from assay.contracts.results import ANSWER, REQUEST, HeldStub
from assay.contracts.stub_matching import NoAddress, answered, fixed_address, method_of
from assay.contracts.traffic import Documented, Judged
from assay.contracts.traffic_body import fitting
from assay.contracts.traffic_judging import Unjudged, judge
from assay.contracts.traffic_said import Message, Said
from assay.edge import read_stubs
from assay.errors import UsageError
from assay.masking import MASK

__all__ = ["OUTSIDE", "HeldStubs", "Stub", "answer_of", "find", "hold", "in_file", "in_folder"]

OUTSIDE = "outside_contract"
"""Name in a mapping's metadata under which it says why no document can allow its answer."""
_FOLDERS = ("stubs", "recorded")
_TEMPLATE = "{{"
_NEVER = datetime(2026, 1, 1, tzinfo=UTC)  # a stub was said at no time; nothing judged here depends on it
_GATEWAY = frozenset({408, 413, 429, *range(500, 600)})  # answered by what stands before a service, documented or not
_JSON_PATH = re.compile(r"\$((?:\.[A-Za-z_]\w*)+)")


@dataclass(frozen=True, slots=True)
class Stub:
    """One mapping. system: whose, '' where nobody says; name: its file, with a number where that holds several."""

    system: str
    name: str
    mapping: Mapping[str, Any] = field(default_factory=dict)
    trouble: str = ""  # why it cannot be read


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldStubs:
    """What holding stubs came to. excused, undecided: reasons by a stub's name."""

    stubs: tuple[HeldStub, ...] = ()
    excused: Mapping[str, str] = field(default_factory=dict)
    undecided: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def violations(self) -> int:
        """How many places break a document."""
        return sum(not each.problem.is_additive for stub in self.stubs for each in stub.deviations)


def find(roots: Iterable[Path], systems: Iterable[str] = ()) -> list[Stub]:
    """Return every stub of suites, written or recorded: `mocks/SYSTEM/stubs` and `mocks/SYSTEM/recorded`.

    systems: of these alone. A file that is no mapping is a stub with its trouble.
    """
    wanted = set(systems)
    found: list[Stub] = []
    for root in roots:
        for kind in _FOLDERS:
            for folder in sorted(root.glob(f"mocks/*/{kind}")):
                if not wanted or folder.parent.name in wanted:
                    found += in_folder(folder, folder.parent.name)
    return found


def in_folder(folder: Path, system: str = "") -> list[Stub]:
    """Return every stub of a folder; what `bodyFileName` names is looked for in `__files` beside or inside it."""
    files = [each for each in sorted(folder.rglob("*.json")) if "__files" not in each.relative_to(folder).parts]
    return [stub for file in files for stub in in_file(file, folder, system)]


def in_file(file: Path, folder: Path | None = None, system: str = "") -> list[Stub]:
    """Return the stubs of one file. folder: where its stubs begin; system: by default as the folders above say."""
    above = file.resolve().parents
    by_place = next((each.parent.name for each in above if each.name in _FOLDERS and each.parent.parent.name), "")
    system = system or by_place
    name = str(file)
    try:
        mappings = read_stubs(file, folder or file.parent)
    except UsageError as error:
        parts = (error.message, error.where and f"at {error.where}", error.seen, error.hint)
        return [Stub(system, name, trouble="; ".join(each for each in parts if each))]
    if len(mappings) == 1:
        return [Stub(system, name, mappings[0])]
    return [Stub(system, f"{name}[{number}]", mapping) for number, mapping in enumerate(mappings)]


def hold(stubs: Iterable[Stub], registry: Registry) -> HeldStubs:
    """Hold stubs against the documents of their systems; one of no known system against all of them."""
    documented = Documented(registry)
    held: list[HeldStub] = []
    excused: dict[str, str] = {}
    undecided: dict[str, tuple[str, ...]] = {}
    for stub in stubs:
        outcome = _Outcome()
        for system in (stub.system,) if stub.system else registry.systems:
            outcome = _held(stub, system, documented)
            if outcome.operations:
                break
        reason = _reason(stub)
        deviations = outcome.deviations
        if reason and any(not each.problem.is_additive for each in deviations):
            excused[stub.name] = reason
            deviations = [each for each in deviations if each.problem.is_additive]
        elif reason and outcome.operations and not outcome.undecided and not registry.absent(outcome.system):
            seen = f"metadata.{OUTSIDE}: {reason}"
            deviations = [*deviations, Deviation(Problem.SCHEMA, "metadata", "no excuse: the documents allow it", seen)]
        if outcome.undecided:
            undecided[stub.name] = tuple(dict.fromkeys(outcome.undecided))
        held.append(
            HeldStub(
                file=stub.name, system=outcome.system or stub.system, operation=_named(outcome.operations),
                deviations=tuple(dict.fromkeys(deviations)),
            )
        )  # fmt: skip
    return HeldStubs(stubs=tuple(held), excused=excused, undecided=undecided)


@dataclass(slots=True)
class _Outcome:
    system: str = ""
    operations: list[str] = field(default_factory=list)
    deviations: list[Deviation] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)


def _held(stub: Stub, system: str, documented: Documented) -> _Outcome:
    outcome = _Outcome(system)
    if stub.trouble:
        outcome.deviations.append(Deviation(Problem.MALFORMED, "", "a WireMock mapping", stub.trouble))
        return outcome
    if not documented.documents(system):
        outcome.undecided.append(f"no document of {system or 'its system'} is here")
        return outcome
    request, response = stub.mapping["request"], stub.mapping["response"]
    try:
        met = list(_met(request, system, documented))
    except NoAddress as error:
        outcome.undecided.append(str(error))
        return outcome
    if not met:
        seen = f"{method_of(request) or 'any method'} {_address(request)}"
        outcome.deviations.append(Deviation(Problem.OPERATION, "", "an operation of a document", seen))
        return outcome
    outcome.operations = list(dict.fromkeys(operations[0].operation.name for _, operations in met))
    for key in ("proxyBaseUrl", "fault"):
        if key in response:
            outcome.undecided.append(f"{key}: it gives no answer of its own")
            return outcome
    for path, operations in met:
        _judge(_said(stub, system, path, operations[0].operation), operations, outcome)
    _in_request(request, met, outcome)
    return outcome


def _met(request: Mapping[str, Any], system: str, documented: Documented) -> Iterator[tuple[str, tuple[Judged, ...]]]:
    """Give each path by which a mapping is met, with the operations of the documents there.

    Of a pattern those of the contract, which holds what is used; where it fits none of them, the vendor's.
    """
    fixed = fixed_address(request)
    if fixed is not None:
        methods = [method_of(request)] if method_of(request) else ["GET", "POST", "PUT", "PATCH", "DELETE"]
        for method in methods:
            operations = documented.operations(_asked(system, method, fixed[0]))
            if operations:
                yield fixed[0], operations
        return
    held = documented.documents(system)
    for documents in (
        [each for each in held if each.role == CONTRACT],
        [each for each in held if each.role != CONTRACT],
    ):
        found = [pair for each in documents for pair in answered(request, each.document.operations)]
        for operation, path in found:
            operations = documented.operations(_asked(system, operation.method, path))
            if any(each.operation is operation for each in operations):
                yield path, operations
        if found:
            return


def _judge(said: Said, operations: Sequence[Judged], outcome: _Outcome) -> None:
    """Judge an answer by every document that knows the operation.

    A status, and a content type of it, are as good as any of them has it.
    """
    status = said.status or 0
    knowing = [each for each in operations if each.operation.answer(status) is not None or not each.operation.responses]
    if not knowing:
        if status in _GATEWAY:
            outcome.undecided.append(f"no document says what {status} looks like")
        else:
            documented = ", ".join(dict.fromkeys(key for each in operations for key in each.operation.responses))
            outcome.deviations.append(Deviation(Problem.STATUS, "", documented, str(status)))
        return
    media = media_type(said.answer.content_type)
    sure = [each for each in knowing if _has(each, status, media)] if media and said.answer.body else []
    for position, each in enumerate(sure or knowing):
        for found in judge(said, each.operation, additive=position == 0, format=each.held.document.format):
            if found.direction != ANSWER:
                continue
            if isinstance(found, Unjudged):
                outcome.undecided.append(found.reason)
            else:
                outcome.deviations.append(found.deviation)


def _has(judged: Judged, status: int, media: str) -> bool:
    """Tell whether a document has a content type for a status: one says JSON of all errors, another knows better."""
    answer = judged.operation.answer(status)
    return answer is not None and fitting(answer.shapes, media) is not None


def _said(stub: Stub, system: str, path: str, operation: Operation) -> Said:
    status, headers, body = answer_of(stub.mapping["response"])
    return Said(
        system=system, where="", method=operation.method, path=path, query="", request=Message(None, None),
        answer=Message(headers, body), status=status, at=_NEVER,
    )  # fmt: skip


def answer_of(response: Mapping[str, Any]) -> tuple[int, dict[str, str], str | None]:
    """Return status, headers by lower name, and body of a mapping's answer; None for a body nobody can know before."""
    headers = {str(name).lower(): _text(value) for name, value in response.get("headers", {}).items()}
    if "content-type" not in headers and "jsonBody" in response:
        headers["content-type"] = "application/json"  # WireMock says so by itself
    return int(response.get("status", 200)), headers, _body(response)


def _asked(system: str, method: str, path: str) -> Said:
    nothing = Message(None, None)
    return Said(
        system=system, where="", method=method, path=path, query="", request=nothing, answer=nothing, status=None,
        at=_NEVER,
    )  # fmt: skip


def _body(response: Mapping[str, Any]) -> str | None:
    """Return what is answered, templates masked so that nobody judges them; None where they hide all of it."""
    if "jsonBody" in response:
        return json.dumps(_without_templates(response["jsonBody"]), ensure_ascii=False)
    text = str(response.get("body", ""))
    if "base64Body" in response:
        try:
            text = base64.b64decode(str(response["base64Body"]), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
    if _TEMPLATE not in text:
        return text
    try:
        return json.dumps(_without_templates(json.loads(text)), ensure_ascii=False)
    except ValueError:
        return None  # only when it is filled in does it become JSON


def _without_templates(value: Any) -> Any:
    if isinstance(value, str):
        return MASK if _TEMPLATE in value else value
    if isinstance(value, Mapping):
        return {name: _without_templates(each) for name, each in value.items()}
    return [_without_templates(each) for each in value] if isinstance(value, list) else value


def _in_request(request: Mapping[str, Any], met: Sequence[tuple[str, tuple[Judged, ...]]], outcome: _Outcome) -> None:
    """Say which parameters and fields a mapping waits for that no document has: no call by the document meets it."""
    operations = [each.operation for _, judged in met for each in judged]
    parameters = {each.name.partition("[")[0] for operation in operations for each in operation.parameters}
    for name in request.get("queryParameters", {}):
        if str(name).partition("[")[0] not in parameters and not str(name).startswith(("$", "sap-")):
            place = f"{REQUEST} query {name}"
            outcome.deviations.append(Deviation(Problem.PARAMETER, place, "a documented parameter", "waited for"))
    shapes = [shape for operation in operations for shape in operation.requests.values()]
    if not shapes or None in shapes:
        return
    known = {path.replace("[]", "") for shape in shapes if shape is not None for path in shape.fields}
    for pattern in request.get("bodyPatterns", ()):
        wanted = pattern.get("matchesJsonPath") if isinstance(pattern, Mapping) else None
        expression = wanted.get("expression") if isinstance(wanted, Mapping) else wanted
        found = _JSON_PATH.fullmatch(str(expression))
        if found and not any(each == found[1][1:] or f"{each}.".startswith(f"{found[1][1:]}.") for each in known):
            place = f"{REQUEST} {found[1][1:]}"
            outcome.deviations.append(Deviation(Problem.FIELD, place, "a documented field", "waited for"))


def _reason(stub: Stub) -> str:
    metadata = stub.mapping.get("metadata")
    return str(metadata.get(OUTSIDE) or "") if isinstance(metadata, Mapping) else ""


def _named(operations: Sequence[str]) -> str:
    if not operations:
        return ""
    return operations[0] if len(operations) == 1 else f"{operations[0]} and {len(operations) - 1} more"


def _address(request: Mapping[str, Any]) -> str:
    for key in ("url", "urlPath", "urlPathTemplate", "urlPathPattern", "urlPattern"):
        if key in request:
            return str(request[key])
    return "any address"


def _text(value: object) -> str:
    return str(value[0]) if isinstance(value, list) and value else str(value)
