"""Which order a call of the platform belongs to, by what the call itself says; nothing of ours travels in it.

Each connector declares, per operation, where references stand (`assay.records.ReferenceRule`). An order starts with
the references its dossier knows; every call that names one of them and no other order's teaches the call's remaining
references, until nothing new is learnt. What names no order, or several, is listed as such and never guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from assay.records import AskedItem, Call, Creation, CreationRule, Order, ReferenceRule

Reference = tuple[str, str]
"""(system, value); the system is ``*`` for what means the same everywhere, as the shop's order number does."""


@dataclass(slots=True)
class Attribution:
    """Calls by order reference, calls that name several orders, and calls that name none."""

    by_order: dict[str, list[Call]] = field(default_factory=dict)
    shared: list[Call] = field(default_factory=list)
    unattributed: list[Call] = field(default_factory=list)


def attribute(
    calls: Sequence[Call], orders: Iterable[Order], rules: Mapping[str, Sequence[ReferenceRule]]
) -> Attribution:
    """Give each call to the one order it names; `rules` by vendor, as the connectors declare them."""
    owner: dict[Reference, set[str]] = {}
    found = Attribution()
    for order in orders:
        found.by_order[order.ref] = []
        for reference in _known(order):
            owner.setdefault(reference, set()).add(order.ref)
    named = [(call, set(_references(call, rules))) for call in calls]
    _learn(named, owner)
    for call, references in named:
        owners = _owners(references, owner)
        if len(owners) == 1:
            found.by_order[owners.pop()].append(call)
        elif owners:
            found.shared.append(call)
        else:
            found.unattributed.append(call)
    return found


def read_creations(calls: Iterable[Call], rules: Mapping[str, Sequence[CreationRule]]) -> Iterator[Creation]:
    """Read out of calls what they asked a system to create, under which idempotency key, and for what."""
    for call in calls:
        for rule in rules.get(call.system, ()):
            match = re.search(rule.path, call.path)
            if rule.method == call.method and match:
                yield Creation(
                    system=call.system,
                    kind=rule.kind,
                    key=call.request_headers.get(rule.key),
                    purpose="/".join(_named(rule.purpose, call, match)),
                    at=call.at,
                    status=call.status,
                    amount=next(_named(rule.amount, call, match), ""),
                    currency=next(_named(rule.currency, call, match), ""),
                    customer=next(_named(rule.customer, call, match), ""),
                    parts=_parts(rule, call, match),
                    items=_items(rule, call),
                )


def _parts(rule: CreationRule, call: Call, match: re.Match[str]) -> tuple[tuple[str, str], ...]:
    """Return what the amount was said to consist of, as far as the request names it."""
    found = ((name, next(_named((place,), call, match), "")) for name, place in rule.parts)
    return tuple((name, text) for name, text in found if text)


def _items(rule: CreationRule, call: Call) -> tuple[AskedItem, ...]:
    """Return the lines of the amount as they were sent."""
    if not rule.items:
        return ()
    found = []
    for element in _reach(_json(call.request_body), rule.items.split(".")):
        texts = {name: next(_walk(element, place.split(".")), "") for name, place in rule.item}
        found.append(AskedItem(**{name: text for name, text in texts.items() if text}))
    return tuple(found)


def _named(places: Iterable[str], call: Call, match: re.Match[str]) -> Iterator[str]:
    """Return what stands in these places of a call, each once."""
    return iter(dict.fromkeys(value for place in places for value in _values(place, call, match)))


def _learn(named: Sequence[tuple[Call, set[Reference]]], owner: dict[Reference, set[str]]) -> None:
    """Spread ownership over references that stand together in calls naming one order alone."""
    waiting = list(named)
    while True:
        rest = []
        for call, references in waiting:
            owners = _owners(references, owner)
            if len(owners) != 1:
                rest.append((call, references))
                continue
            for reference in references:
                owner.setdefault(reference, set()).update(owners)
        if len(rest) == len(waiting):
            return
        waiting = rest


def _owners(references: set[Reference], owner: Mapping[Reference, set[str]]) -> set[str]:
    found: set[str] = set()
    for system, value in references:
        # A reference two orders share says nothing about either.
        for candidate in (owner.get((system, value), set()), owner.get(("*", value), set())):
            if len(candidate) == 1:
                found |= candidate
    return found


def _known(order: Order) -> Iterator[Reference]:
    yield ("*", order.number)
    yield ("*", order.ref)
    for value in (*order.payment_refs, *order.tracking_numbers):
        yield ("*", value)


def _references(call: Call, rules: Mapping[str, Sequence[ReferenceRule]]) -> Iterator[Reference]:
    vendor = _vendor(call, rules)
    for rule in rules.get(vendor, ()):
        match = re.search(rule.path, call.path)
        if rule.method == call.method and match:
            for place in rule.strong:
                for value in _values(place, call, match):
                    yield (vendor, value)


def _vendor(call: Call, rules: Mapping[str, Sequence[ReferenceRule]]) -> str:
    """Return whose rules apply: the route's system, or for a webhook to the platform the vendor its path names."""
    if call.system in rules:
        return call.system
    return next((part for part in call.path.split("/") if part in rules), call.system)


def _values(place: str, call: Call, match: re.Match[str]) -> Iterator[str]:
    kind, colon, name = place.partition(":")
    if not colon:
        for body in (call.request_body, call.response_body):
            yield from _walk(_json(body), place.split("."))
    elif kind == "path":
        if match.groupdict().get(name):
            yield match[name]
    else:
        name, tilde, pattern = name.partition("~")
        text = call.query if kind == "query" else call.request_body
        for key, value in parse_qsl(text):
            if key == name:
                yield from re.findall(pattern, value) if tilde else [value]


def _walk(value: Any, path: Sequence[str]) -> Iterator[str]:
    for found in _reach(value, path):
        if isinstance(found, str | int) and not isinstance(found, bool) and found != "":
            yield str(found)


def _reach(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """Yield what stands at a path into JSON, ``*`` for every element of a list."""
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    if step == "*" and isinstance(value, list):
        for element in value:
            yield from _reach(element, rest)
    elif isinstance(value, dict) and step in value:
        yield from _reach(value[step], rest)


def _json(body: str) -> Any:
    if not body.startswith(("{", "[")):
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None
