"""Turns the journal of a sandbox into stubs: the same traffic, answered by the edge, with nobody's data in it.

A stub matches method, path and query; the body only where two different ones went to the same place. Equal requests
that were answered differently are answered in the recorded order, the last answer for ever. What was masked in a
request is never matched on. Names follow from the requests alone, so that recording again changes only what changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from assay.edge import holds_masked_card
from assay.local.pseudonym import Pseudonyms, around_fields, dump, is_personal, placed_fields
from assay.masking import MASK
from assay.records import Call

_KEPT_HEADERS = ("content-type", "location", "link", "etag", "retry-after", "dataserviceversion", "content-language")
_FORM = "application/x-www-form-urlencoded"
_NOTE = re.compile(r"<(more than )?\d+ bytes[ ,][^<>]*>")
_ANY = "${json-unit.any-string}"
_LONGEST_NAME = 80
_MOST_FIELDS = 500


@dataclass(frozen=True, slots=True)
class Recording:
    """Stubs by file name; calls that could not become one, each with the reason; calls that hold a card number."""

    stubs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    cards: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Taken:
    """One call as it is recorded: who is asked what, in masked words, and the answer."""

    call: Call
    path: str
    query: tuple[tuple[str, str], ...]
    body: str
    answer: Mapping[str, Any]


def record(calls: Sequence[Call], *, system: str, host: str | None, origin: str | None) -> Recording:
    """Return the stubs of these calls, oldest first. ``origin``, the sandbox's address, becomes the vendor's host."""
    masked = Pseudonyms()
    taken: list[_Taken] = []
    left_out: list[str] = []
    cards: list[str] = []
    for call in calls:
        name = f"{call.method} {call.path}"
        place = _card_in(call)
        reason = _unusable(call)
        if place:
            cards.append(f"{name}, {place}")
        elif reason:
            left_out.append(f"{name}: {reason}")
        else:
            taken.append(_taken(call, masked, host=host, origin=origin))
    return Recording(dict(_named(system, taken)), tuple(left_out), tuple(cards))


def write(recording: Recording, folder: Path) -> None:
    """Write every stub to its file; others in the folder stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, stub in recording.stubs.items():
        text = json.dumps(stub, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def _card_in(call: Call) -> str | None:
    """Return where the platform sent a card number, or None: the journal holds what masking left of it."""
    places: list[tuple[str, str]] = [("path", call.path), ("query", call.query)]
    places += [(f"header {name}", value) for name, value in call.request_headers.items()]
    places += [(f"request body {'.'.join(path)}".rstrip(), value) for path, value in _fields(call)]
    return next((place for place, text in places if holds_masked_card(text)), None)


def _unusable(call: Call) -> str | None:
    if call.refused or call.fault:
        return "the edge answered it, not the sandbox"
    if not 100 <= call.status <= 599:
        return "it was not answered"
    if _NOTE.fullmatch(call.response_body):
        return "its answer is too long or no text, and is kept as a digest alone"
    return None


def _taken(call: Call, masked: Pseudonyms, *, host: str | None, origin: str | None) -> _Taken:
    def here(text: str) -> str:
        parts = urlsplit(origin or "")
        return text.replace(f"{parts.scheme}://{parts.netloc}", f"https://{host}") if origin and host else text

    content_type = call.response_headers.get("content-type", "")
    query = parse_qsl(call.query, keep_blank_values=True)
    body = masked.body(here(call.response_body), content_type)
    answer: dict[str, Any] = {"status": call.status}
    headers = {name: call.response_headers[name] for name in _KEPT_HEADERS if call.response_headers.get(name)}
    if headers:
        answer["headers"] = {name: masked.text(here(value)) for name, value in headers.items()}
    if body:
        answer |= _body_of(body)
    return _Taken(
        call,
        path=masked.text(call.path),
        query=tuple((name, value) for name, value in query if _is_matched((name,), value)),
        body=_wanted_body(call, masked),
        answer=answer,
    )


def _body_of(text: str) -> dict[str, Any]:
    """Return an answer's body for a stub: as JSON where that says exactly the same, else as text."""
    try:
        content = json.loads(text)
    except ValueError:
        return {"body": text}
    is_exact = isinstance(content, dict | list) and not any(isinstance(each, float) for each in _leaves(content))
    return {"jsonBody": content} if is_exact else {"body": text}


def _wanted_body(call: Call, masked: Pseudonyms) -> str:
    """Return the request's body as text in which whatever must not be matched stands as any."""
    if not call.request_body or _NOTE.fullmatch(call.request_body):
        return ""
    content_type = call.request_headers.get("content-type", "")
    if _FORM in content_type:
        fields = parse_qsl(call.request_body, keep_blank_values=True)
        wanted = [(name, value) for name, path, value in placed_fields(fields) if _is_matched(path, value)]
        return json.dumps(sorted(wanted))
    try:
        return dump(_any_for_masked(json.loads(call.request_body), ()))
    except ValueError:
        return masked.body(call.request_body, content_type)


def _any_for_masked(value: Any, path: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        around = around_fields(path, value)
        return {name: _any_for_masked(each, (*around, name)) for name, each in value.items()}
    if isinstance(value, list):
        return [_any_for_masked(each, path) for each in value]
    return value if not isinstance(value, str) or _is_matched(path, value) else _ANY


def _is_matched(path: tuple[str, ...], value: str) -> bool:
    return MASK not in value and not is_personal(path, value)


def _named(system: str, taken: Sequence[_Taken]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    places: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[_Taken]] = {}
    for each in taken:
        places.setdefault((each.path, each.call.method, each.query), []).append(each)
    used: dict[str, int] = {}
    for (path, method, query), group in sorted(places.items()):
        bodies: dict[str, list[_Taken]] = {}
        for each in group:
            bodies.setdefault(each.body, []).append(each)
        for body, same in sorted(bodies.items()):
            request = _request(path, method, query, bare=not same[0].call.query)
            request |= _body_pattern(same[0], body) if len(bodies) > 1 else {}
            slug = re.sub(r"[^A-Za-z0-9._-]+", "-", path.strip("/")).strip("-") or "root"
            stem = f"{method.lower()}-{slug}"[:_LONGEST_NAME]
            used[stem] = used.get(stem, 0) + 1
            name = stem if used[stem] == 1 else f"{stem}-{used[stem]}"
            # Where some of a body could not be matched, one stub may fit what another fits better.
            rank = max(1, _MOST_FIELDS - body.count(",")) if len(bodies) > 1 else _MOST_FIELDS
            yield from _stubs(system, name, request, same, rank)


def _stubs(
    system: str, name: str, request: Mapping[str, Any], same: Sequence[_Taken], rank: int
) -> Iterable[tuple[str, dict[str, Any]]]:
    """Give one stub, or a chain of them where equal requests were answered differently."""
    answers: list[Mapping[str, Any]] = []
    for each in same:
        if not answers or each.answer != answers[-1]:
            answers.append(each.answer)
    for number, answer in enumerate(answers, start=1):
        chain: dict[str, Any] = {}
        if len(answers) > 1:
            state = "Started" if number == 1 else f"answer {number}"  # WireMock's own name of every first state
            chain = {"scenarioName": f"{system} {name}", "requiredScenarioState": state}
            chain |= {"newScenarioState": f"answer {number + 1}"} if number < len(answers) else {}
        title = name if number == 1 else f"{name}.{number}"
        known = {"name": f"{system} {title}", "priority": rank, "request": dict(request)}
        yield title, {**known, **chain, "response": dict(answer)}


def _request(path: str, method: str, query: Sequence[tuple[str, str]], *, bare: bool) -> dict[str, Any]:
    parameters: dict[str, list[str]] = {}
    for name, value in query:
        parameters.setdefault(name, []).append(value)
    wanted: dict[str, Any] = {
        name: {"equalTo": values[0]} if len(values) == 1 else {"includes": [{"equalTo": value} for value in values]}
        for name, values in parameters.items()
    }
    # What stands for a person in the path is anybody.
    where = {"url": path} if bare else {"urlPath": path}
    if MASK in path or "@example.com" in path or "%40example.com" in path:
        where = {"urlPathPattern": re.sub(r"person\d+(@|%40)example\\\.com|\\\*\\\*\\\*", "[^/]+", re.escape(path))}
    return {"method": method, **where} | ({"queryParameters": wanted} if wanted else {})


def _body_pattern(taken: _Taken, body: str) -> dict[str, Any]:
    content_type = taken.call.request_headers.get("content-type", "")
    if not body:
        return {"bodyPatterns": [{"absent": True}]} if not taken.call.request_body else {}
    if _FORM in content_type:
        fields: dict[str, list[str]] = {}
        for name, value in json.loads(body):
            fields.setdefault(name, []).append(value)
        wanted = {
            name: {"equalTo": values[0]} if len(values) == 1 else {"includes": [{"equalTo": value} for value in values]}
            for name, values in fields.items()
        }
        return {"formParameters": wanted} if wanted else {}
    try:
        json.loads(body)
    except ValueError:
        return {"bodyPatterns": [{"equalTo": body}]}
    return {"bodyPatterns": [{"equalToJson": body, "ignoreArrayOrder": False, "ignoreExtraElements": False}]}


def _fields(call: Call) -> Iterable[tuple[tuple[str, ...], str]]:
    """Give every text of a request's body with its place."""
    text = call.request_body
    if _FORM in call.request_headers.get("content-type", ""):
        return [((name,), value) for name, value in parse_qsl(text, keep_blank_values=True)]
    try:
        return list(_placed(json.loads(text), ()))
    except ValueError:
        return [((), text)]


def _placed(value: Any, path: tuple[str, ...]) -> Iterable[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _placed(each, (*path, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _placed(each, (*path, str(number)))
    else:
        yield path, str(value)


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    else:
        yield value
