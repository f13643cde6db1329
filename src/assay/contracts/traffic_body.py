"""Bodies as they stand in a journal: what kind they are, and what a query says as the JSON it stands for.

A journal keeps texts: a longer body is there as its length and digest, a binary one as its length. Such notes are
told from bodies here, so that nobody takes one for what was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import orjson

from assay.contracts.model import Field, media_type

_NOTE = re.compile(r"<(?:\d+|more than \d+) bytes(?:, no UTF-8 text| of [^<>]*|, the first \d+ of them[^<>]*)>\Z")
_STEP = re.compile(r"\[([^\[\]]*)\]")
_INTEGER = re.compile(r"-?(?:0|[1-9]\d*)\Z")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z")
_MOST_FIELDS = 2_000


def is_json(media: str) -> bool:
    """Whether a media type is JSON or built on it."""
    return media.endswith(("/json", "+json"))


def is_xml(media: str) -> bool:
    """Whether a media type is XML or built on it."""
    return media.endswith(("/xml", "+xml"))


def unkept(body: str) -> str:
    """Return why a body is not there as it was, '' where it is: too long to be kept, or no text."""
    if not body.startswith("<") or not _NOTE.match(body):
        return ""
    return "too long to be kept" if "the first" in body else "binary"


def fitting(documented: Iterable[str], media: str) -> str | None:
    """Return which of the documented content types a media type is, wildcards last; None where it is none."""
    plain = {media_type(key): key for key in documented}
    major = media.partition("/")[0]
    if is_json(media) and media not in plain:
        # `application/problem+json` and its like are sent where a document says JSON, and read by whoever reads JSON.
        json_key = next((key for name, key in plain.items() if is_json(name)), None)
        if json_key is not None:
            return json_key
    if is_xml(media) and media not in plain:
        xml_key = next((key for name, key in plain.items() if is_xml(name)), None)
        if xml_key is not None:
            return xml_key
    return plain.get(media) or plain.get(f"{major}/*") or plain.get("*/*")


def nested(pairs: Iterable[tuple[str, str]], fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return name-value pairs as an object: `a[b][0]=x` is {"a": {"b": ["x"]}}; a name given twice is a list."""
    made: dict[str, Any] = {}
    for count, (name, value) in enumerate(pairs):
        if count == _MOST_FIELDS:
            break
        _put(made, _steps(name), value)
    typed: dict[str, Any] = {name: _typed(value, name, fields) for name, value in made.items()}
    return typed


def typed(text: str, kinds: frozenset[str]) -> Any:
    """Return a text as the first of the documented types it reads as; itself where it reads as none."""
    if "integer" in kinds and _INTEGER.match(text):
        return orjson.Fragment(text)
    if "number" in kinds and _NUMBER.match(text):
        return orjson.Fragment(text)
    if "boolean" in kinds and text in ("true", "false"):
        return text == "true"
    return text


def _steps(name: str) -> list[str]:
    head, bracket, _ = name.partition("[")
    if not bracket or not head or not name.endswith("]"):
        return [name]
    return [head, *_STEP.findall(name[len(head) :])]


def _put(into: dict[str, Any], steps: list[str], value: str) -> None:
    steps = [step or "0" for step in steps[:-1]] + steps[-1:]  # `a[][b]=x`: lists of objects are sent with one
    for step, following in pairwise(steps):
        there = into.setdefault(step, {})
        if not isinstance(there, dict):  # `a=x&a[b]=y`: the name is given in two ways
            there = into[step] = {"": there}
        into = there
        if following == "":  # `a[]=x`: the next of a list
            into[str(len(into))] = value
            return
    last = steps[-1]
    if last in into and not isinstance(into[last], dict):
        value_there = into[last]
        into[last] = [*value_there, value] if isinstance(value_there, list) else [value_there, value]
    elif last not in into:
        into[last] = value


def _typed(value: Any, path: str, fields: Mapping[str, Field]) -> Any:
    if isinstance(value, str):
        known = fields.get(path)
        return typed(value, known.types) if known is not None else value
    if isinstance(value, list):
        return [_typed(each, f"{path}[]", fields) for each in value]
    known = fields.get(path)
    if all(key.isdecimal() for key in value) and (known is None or "object" not in known.types):
        return [_typed(each, f"{path}[]", fields) for each in value.values()]
    return {key: _typed(each, _below(path, key, fields), fields) for key, each in value.items()}


def _below(path: str, key: str, fields: Mapping[str, Field]) -> str:
    named = f"{path}.{key}"
    return named if named in fields else f"{path}.{{}}" if f"{path}.{{}}" in fields else named
