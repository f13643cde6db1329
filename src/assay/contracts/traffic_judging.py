"""Judges one exchange by one documented operation: parameters, status, content type and body, in both directions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import orjson

from assay.contracts.model import Answer, Deviation, Operation, Parameter, Problem, Shape, media_type
from assay.contracts.results import ANSWER, REQUEST
from assay.contracts.traffic_body import (
    fitting,
    is_json,
    is_xml,
    nested,
    typed,
    unkept,
)
from assay.contracts.traffic_said import Message, Said
from assay.masking import MASK

_UNDOCUMENTED_HEADERS = frozenset({"accept", "content-type", "authorization"})  # OpenAPI: said elsewhere, ignored here
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_ODATA = ("$", "sap-")  # query options that OData itself defines, and no EDMX lists
_SHOWN = 80
_NO_CONTENT = frozenset({204, 205, 304})
_INVALID = frozenset({400, 422})
_LACKS = re.compile(r"missing|required|mandatory|must (?:be given|not be empty)|blank", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][\w-]*(?:\[\d*\])?(?:\.[A-Za-z_][\w-]*(?:\[\d*\])?)*")


class Departed(NamedTuple):
    """One deviation of an exchange, and the direction it went."""

    direction: str
    deviation: Deviation


class Unjudged(NamedTuple):
    """Why one message could not be judged though it may be right: it was not kept, or nothing says how to read it."""

    direction: str
    reason: str


def judge(said: Said, operation: Operation, *, additive: bool, format: str = "") -> Iterator[Departed | Unjudged]:
    """Return where an exchange departs from an operation, and what of it could not be judged; never raises for it.

    additive: undocumented fields and parameters, too. format: of the document the operation stands in.
    """
    if operation.deprecated and additive:
        yield Departed(REQUEST, Deviation(Problem.DEPRECATED, "", "another operation", said.method))
    sound = True
    for deviation in _parameters(said, operation, additive=additive, odata=format == "odata-edmx"):
        sound = sound and deviation.problem.is_additive
        yield Departed(REQUEST, deviation)
    for found in _body(said.request, operation.requests, REQUEST, additive=additive):
        sound = sound and not isinstance(found, Unjudged) and found.deviation.problem.is_additive
        yield found
    if operation.body_required and said.request.body == "":
        sound = False
        yield Departed(REQUEST, Deviation(Problem.MISSING, "", "a body", "none"))
    if said.status is None or not operation.responses:
        return
    answer = operation.answer(said.status)
    if answer is None:
        documented = ", ".join(operation.responses)
        yield Departed(ANSWER, Deviation(Problem.STATUS, "", documented, str(said.status)))
        return
    if said.webhook:
        return  # what is answered beside the status is read by nobody
    yield from _answered(said, answer, _by_request(said, operation), additive=additive)
    if sound and said.status in _INVALID:
        yield from _refused_though_allowed(said, operation)


def _by_request(said: Said, operation: Operation) -> Shape | None:
    """Return what an answer must be by what was asked, as GraphQL has it; None where the operation says it alone."""
    for shape in operation.requests.values():
        answered = getattr(shape, "answered", None)
        if answered is not None and said.request.body and said.status == 200:
            found: Shape | None = answered(said.request.body.encode())
            return found
    return None


def _answered(said: Said, answer: Answer, asked: Shape | None, *, additive: bool) -> Iterator[Departed | Unjudged]:
    if said.method != "HEAD" and said.status not in _NO_CONTENT:
        shapes = answer.shapes if asked is None else dict.fromkeys(answer.shapes or ("application/json",), asked)
        yield from _body(said.answer, shapes, ANSWER, additive=additive)
    if said.answer.headers is not None:
        for name, parameter in answer.headers.items():
            if parameter.required and name not in said.answer.headers:
                yield Departed(ANSWER, Deviation(Problem.MISSING, f"header {name}", "a header", "none"))


def _body(
    message: Message, documented: Mapping[str, Shape | None], direction: str, *, additive: bool
) -> Iterator[Departed | Unjudged]:
    body = message.body
    if not body:
        if body is None:
            yield Unjudged(direction, "its body was not kept")
        return
    reason = unkept(body)
    media = media_type(message.content_type)
    if not documented:
        if additive:
            yield Departed(direction, Deviation(Problem.FIELD, "", "no body", reason or _kind(body)))
        return
    key = fitting(documented, media) if media else _likely(documented, body)
    if key is None:
        if media:
            yield Departed(direction, Deviation(Problem.CONTENT_TYPE, "", ", ".join(documented), media))
        else:
            yield Unjudged(direction, "nothing says its content type")
        return
    if reason:
        yield Unjudged(direction, f"its body is {reason}")
        return
    packed = (message.headers or {}).get("content-encoding", "identity")
    if packed not in ("identity", "gzip", "") and not body.isprintable():
        yield Unjudged(direction, f"its body is packed with {packed}")
        return
    yield from _shaped(body, media or media_type(key), documented[key], direction, additive=additive)


def _shaped(
    body: str, media: str, shape: Shape | None, direction: str, *, additive: bool
) -> Iterator[Departed | Unjudged]:
    if is_xml(media):
        from assay.contracts import xml_safe

        try:
            xml_safe.parse(body.encode())
        except xml_safe.UnreadableXml as error:
            yield Departed(direction, Deviation(Problem.MALFORMED, "", "well-formed XML", _short(str(error))))
            return
    if shape is None or not (is_json(media) or is_xml(media) or media in _FORMS):
        return  # of a text or a picture its type is all that a schema can say
    if is_xml(media) and _speaks_json(shape):
        yield Unjudged(direction, "the document describes its XML as JSON: only that it is well-formed was judged")
        return
    for deviation in shape.deviations(body.encode(), additive=additive):
        yield Departed(direction, deviation)


def _speaks_json(shape: Shape) -> bool:
    return hasattr(shape, "schema")


def _likely(documented: Mapping[str, Shape | None], body: str) -> str | None:
    """Return the content type of a body that nobody labelled: the only one documented, else JSON where it may be."""
    if len(documented) == 1:
        return next(iter(documented))
    if body.lstrip()[:1] in "{[":
        return next((key for key in documented if is_json(media_type(key))), None)
    return None


def _parameters(said: Said, operation: Operation, *, additive: bool, odata: bool) -> Iterator[Deviation]:
    documented = {each.name: each for each in operation.parameters if each.place == "query"}
    asked = _query(said.query)
    for name, values in asked.items():
        parameter = documented.get(name) or documented.get(f"{name}[]")
        if parameter is None:
            if additive and not (odata and name.startswith(_ODATA)) and not _in_path(operation, name):
                yield Deviation(Problem.PARAMETER, f"query {name}", _listed(documented), _short(values[0][1]))
            continue
        if parameter.deprecated and additive:
            yield Deviation(Problem.DEPRECATED, f"query {name}", "not to be used any more", "used")
        yield from _value(parameter, _as_value(name, values, parameter), f"query {name}", additive=additive)
    for name, parameter in documented.items():
        if parameter.required and name.removesuffix("[]") not in asked:
            yield Deviation(Problem.MISSING, f"query {name}", "a parameter", "none")
    yield from _in_headers(said, operation, additive=additive)
    in_path = {each.name: each for each in operation.parameters if each.place == "path" and each.shape is not None}
    if in_path:
        for name, text in _path_values(operation.path, said.path):
            if name in in_path:
                yield from _value(in_path[name], _scalar(text, in_path[name]), f"path {name}", additive=additive)


def _in_headers(said: Said, operation: Operation, *, additive: bool) -> Iterator[Deviation]:
    headers = said.request.headers
    if headers is None:
        return
    for parameter in operation.parameters:
        name = parameter.name.lower()
        if parameter.place != "header" or name in _UNDOCUMENTED_HEADERS:
            continue
        if name in headers:
            if parameter.deprecated and additive:
                yield Deviation(Problem.DEPRECATED, f"header {name}", "not to be used any more", "used")
            yield from _value(parameter, _scalar(headers[name], parameter), f"header {name}", additive=additive)
        elif parameter.required:
            yield Deviation(Problem.MISSING, f"header {name}", "a header", "none")


def _value(parameter: Parameter, value: Any, path: str, *, additive: bool) -> Iterator[Deviation]:
    if parameter.shape is None:
        return
    for each in parameter.shape.deviations(orjson.dumps(value), additive=additive):
        below = f"{path}{'.' if each.path and not each.path.startswith('[') else ''}{each.path}"
        yield Deviation(each.problem, below, each.expected, each.seen)


def _query(query: str) -> dict[str, list[tuple[str, str]]]:
    """Return what a query asks by the parameter's name: `created[gte]=1` belongs to `created`."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found.setdefault(name.partition("[")[0] or name, []).append((name, value))
    return found


def _as_value(name: str, values: list[tuple[str, str]], parameter: Parameter) -> Any:
    if len(values) == 1 and values[0][0] == name:
        return _scalar(values[0][1], parameter)
    fields = parameter.shape.fields if parameter.shape is not None else {}
    below = {
        f"{name}.{path}" if path and not path.startswith("[") else f"{name}{path}": each
        for path, each in fields.items()
    }
    return nested(values, below).get(name)


def _scalar(text: str, parameter: Parameter) -> Any:
    fields = parameter.shape.fields if parameter.shape is not None else {}
    kinds = fields[""].types if "" in fields else frozenset({"string"})
    if "array" in kinds and "string" not in kinds:
        of = fields["[]"].types if "[]" in fields else frozenset({"string"})
        return [typed(each, of) for each in text.split(",")]
    return typed(text, kinds)


def _in_path(operation: Operation, name: str) -> bool:
    """Whether a document writes a query into its path, as some do: `/orders?action=close`."""
    return f"?{name}=" in operation.path or f"&{name}=" in operation.path


@lru_cache(maxsize=4_096)
def _template(path: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    parts = re.split(r"\{([^{}]*)\}", path)
    pattern = "".join("([^/]+)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return re.compile(pattern), tuple(parts[1::2])


def _path_values(template: str, path: str) -> Iterable[tuple[str, str]]:
    pattern, names = _template(template)
    match = pattern.fullmatch(path)
    return zip(names, map(unquote, match.groups()), strict=True) if match else ()


def _refused_though_allowed(said: Said, operation: Operation) -> Iterator[Departed]:
    """Return the field a refusal says is missing although the document leaves it out freely and nothing else is wrong.

    Whoever builds on the document is told by it that such a request is right.
    """
    key = fitting(operation.requests, media_type(said.request.content_type))
    shape = operation.requests[key] if key is not None else None
    body, told = said.request.body, _texts(said.answer.body)
    if shape is None or not body or not is_json(media_type(key or "")) or not any(map(_LACKS.search, told)):
        return
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    for text in told:
        for name in dict.fromkeys(_NAME.findall(text)):
            path = re.sub(r"\[\d*\]", "[]", name)
            known = shape.fields.get(path)
            if known is not None and not known.required and _is_absent(sent, path):
                seen = _short(f"{said.status}: {next(filter(_LACKS.search, told)).rstrip('.')}")
                yield Departed(ANSWER, Deviation(Problem.SCHEMA, path, "optional, as the document has it", seen))
                return


def _texts(body: str | None) -> list[str]:
    try:
        held = orjson.loads(body or "null")
    except orjson.JSONDecodeError:
        return []
    found: list[str] = []
    waiting: list[Any] = [held]
    while waiting and len(found) < 50:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str):
            found.append(each)
    return found


def _is_absent(sent: Any, path: str) -> bool:
    for step in path.split("."):
        if not isinstance(sent, dict):
            return False  # a list, or not there in the form that was meant
        sent = sent.get(step)
        if sent is None:
            return True
    return sent in ("", [], {})


def _listed(documented: Mapping[str, Parameter]) -> str:
    return _short("one of " + ", ".join(documented)) if documented else "no parameter"


def _kind(body: str) -> str:
    return f"a body of {len(body)} characters"


def _short(text: str) -> str:
    text = MASK if MASK in text else text
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
