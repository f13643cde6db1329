"""What an integration uses of a vendor's document: which operations, what it sends, what it reads of the answers.

Taken from a contract of its own (contract.yaml: the operations and fields it was written against), from the edge's
journal (what the platform was seen to call and send), or from both: a journal cannot say what is read of an answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from assay.contracts.diff_pairs import pair
from assay.contracts.diff_rules import Change, Side
from assay.contracts.model import Document, Field, Operation
from assay.contracts.traffic_said import of_call
from assay.contracts.traffic_selector import selector_of
from assay.errors import UsageError, did_you_mean
from assay.records import Call

_SCALARS = frozenset({"integer", "number", "string", "boolean", "null"})
# Changes that ask something of every caller, whatever it sends.
_FOR_ALL = ("parameter-required-new", "sent-required-new", "sent-body", "sent-content-type", "sent-became-required")
_MOST_CALLS_READ = 500  # bodies of one operation that are looked into; more say nothing new


@dataclass(frozen=True, slots=True)
class Paths:
    """Places in messages. open: those of which nobody says what lies beneath them."""

    known: frozenset[str]
    open: frozenset[str] = frozenset()

    def touch(self, path: str) -> bool:
        """Tell whether a place is one of these, above one of them, or beneath one that is open."""
        if not path or path in self.known:
            return True
        if any(each.startswith(path) and each[len(path)] in ".[@{" for each in self.known if len(each) > len(path)):
            return True
        return any(path.startswith(each) and path[len(each)] in ".[@{" for each in self.open if len(path) > len(each))


@dataclass(frozen=True, slots=True)
class Used:
    """What is used of one operation; None where nobody says. parameters: `query status`, `header If-Match`."""

    reads: Paths | None = None
    sends: Paths | None = None
    parameters: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Uses:
    """What is used of a document, by its operations' names. source: where that was taken from, in words."""

    source: str
    operations: Mapping[str, Used] = field(default_factory=dict)

    def reads(self, operation: str, path: str) -> bool | None:
        """Tell whether a place of an operation's answers is read; None where nobody says."""
        used = self.operations.get(operation)
        if used is None:
            return False
        return None if used.reads is None else used.reads.touch(path)

    def concerns(self, change: Change) -> bool:
        """Tell whether a change is about what is used."""
        used = self.operations.get(change.operation)
        if used is None:
            return not change.operation
        if change.side is Side.OPERATION or change.rule.startswith(_FOR_ALL):
            return True
        if change.side is Side.RECEIVED:
            return used.reads is None or used.reads.touch(change.path)
        if change.place in ("path", "query", "header", "cookie"):
            name = change.path.partition("[")[0].partition(".")[0]
            return change.place == "path" or used.parameters is None or f"{change.place} {name}" in used.parameters
        return used.sends is None or used.sends.touch(change.path)


def of_contract(contract: Document, old: Document) -> Uses:
    """Return what a contract of our own uses of the older document: its operations, and all their fields."""
    found: dict[str, Used] = {}
    for ours, theirs in pair(contract.operations, old.operations).both:
        received = [each for answer in ours.responses.values() for each in answer.shapes.values()]
        sent = list(ours.requests.values())
        if ours.webhook:
            received, sent = sent, received
        found[theirs.name] = Used(
            reads=_paths(each.fields for each in received if each is not None),
            sends=_paths(each.fields for each in sent if each is not None),
            parameters=frozenset(f"{each.place} {each.name}" for each in ours.parameters),
        )
    return Uses(f"{contract.source}: {len(found)} of its {len(contract.operations)} operations", found)


def of_calls(calls: Iterable[Call], old: Document, contract: Uses | None = None) -> Uses:
    """Return what a platform was seen to call and send; what it reads, as far as a contract says so."""
    operations: dict[str, Operation] = {}
    sent: dict[str, set[str]] = {}
    parameters: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    for call in calls:
        selector = selector_of(of_call(call, {}))
        operation = old.find(call.method, call.path, selector, call.host) or old.find(call.method, call.path, selector)
        if operation is None or call.refused:
            continue
        name = operation.name
        operations[name] = operation
        counts[name] = counts.get(name, 0) + 1
        parameters.setdefault(name, set()).update(f"query {each}" for each, _ in parse_qsl(call.query, True))
        parameters[name].update(f"header {each}" for each in call.request_headers)
        if counts[name] <= _MOST_CALLS_READ:
            sent.setdefault(name, set()).update(_places(call))
    known = contract.operations if contract else {}
    found = {
        name: Used(
            reads=known[name].reads if name in known else None,
            sends=Paths(frozenset(sent.get(name, ()))) if sent.get(name) else None,
            parameters=frozenset(parameters[name]),
        )
        for name in operations
    }
    return Uses(f"{sum(counts.values())} calls of {len(found)} operations", found)


def of_names(content: Mapping[str, Any], old: Document, source: str) -> Uses:
    """Return what a file lists: `{"uses": {"GET /orders": {"reads": ["data[].id"], "sends": []}}}`.

    Raises UsageError for an operation the older document does not have.
    """
    names = {each.name for each in old.operations}
    found: dict[str, Used] = {}
    for name, what in content.items():
        if name not in names:
            raise UsageError(
                f"the older document has no operation '{name}'", where=source, hint=did_you_mean(str(name), names)
            )
        parts = what if isinstance(what, Mapping) else {}
        reads, sends = (
            Paths(frozenset(map(str, parts[key])), frozenset(map(str, parts[key]))) if key in parts else None
            for key in ("reads", "sends")
        )
        found[name] = Used(reads=reads, sends=sends)
    return Uses(f"{source}: {len(found)} operations", found)


def _paths(messages: Iterable[Mapping[str, Field]]) -> Paths | None:
    """Return the places of several messages; None where none of them says anything of what it holds."""
    known: set[str] = set()
    closed: set[str] = set()
    for fields in messages:
        known.update(fields)
        closed.update(path for path, each in fields.items() if each.types and each.types <= _SCALARS)
    if known <= {""}:
        return None
    above = {parent for path in known for parent in _above(path)}
    return Paths(frozenset(known), frozenset(known - above - closed - {""}))


def _above(path: str) -> Iterator[str]:
    for position, sign in enumerate(path):
        if sign in ".[@" and position:
            yield path[:position]


def _places(call: Call) -> Iterator[str]:
    """Give the places of what a call sent, JSON or form; of anything else none."""
    if "x-www-form-urlencoded" in call.request_headers.get("content-type", ""):
        for name, _ in parse_qsl(call.request_body, True):
            steps = name.replace("]", "").split("[")
            yield "".join("[]" if not step or step.isdigit() else f".{step}" for step in steps).lstrip(".")
        return
    try:
        yield from _inside(json.loads(call.request_body), "")
    except ValueError:
        return


def _inside(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            below = f"{path}.{name}" if path else str(name)
            yield below
            yield from _inside(each, below)
    elif isinstance(value, list):
        yield f"{path}[]"
        for each in value:
            yield from _inside(each, f"{path}[]")
