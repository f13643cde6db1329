"""Reads bodies of forms into the values they mean by a schema: `items[0][price]=x&expand[]=y`, and multipart.

A form has only text; what is a number, a truth value, an array or an object is told by the schema and by brackets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from assay.contracts.json_normal import Definitions, Schema
from assay.contracts.json_view import View, views

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_NAME = re.compile(r"([^\[\]]*)((?:\[[^\[\]]*\])*)")
_WHOLE = re.compile(r"-?\d{1,18}")
_DECIMAL = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_DEEPEST = 40
Tree = dict[str, Any]


def read(body: bytes, media: str, node: Schema, definitions: Definitions) -> Any:
    """Return the value of a form by its schema; ValueError says why it cannot be read."""
    pairs = _parts(body) if media == MULTIPART else _pairs(body)
    tree: Tree = {}
    for name, value in pairs:
        _put(tree, name, value)
    return _meant(tree, [node], definitions)


def _pairs(body: bytes) -> Sequence[tuple[str, Any]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100_000, errors="strict")
    except ValueError:
        raise ValueError("no form of UTF-8 text") from None


def _parts(body: bytes) -> Sequence[tuple[str, Any]]:
    """Return names and values of a multipart body; what is no text stands as a note of its size."""
    boundary = body.lstrip().split(b"\r\n", 1)[0].removeprefix(b"--").strip()
    if not body.lstrip().startswith(b"--") or not boundary:
        raise ValueError("no multipart body: it must begin with two dashes and a boundary")
    if b"--" + boundary + b"--" not in body:
        raise ValueError("the multipart body ends before its closing boundary")
    head = b'Content-Type: multipart/form-data; boundary="%s"\r\n\r\n' % boundary
    message = BytesParser(policy=HTTP).parsebytes(head + body.lstrip())
    found: list[tuple[str, Any]] = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise ValueError("a part of the multipart body has no name")
        content = part.get_payload(decode=True)
        data = content if isinstance(content, bytes) else b""
        try:
            found.append((name, data.decode()))
        except UnicodeDecodeError:
            found.append((name, f"<{len(data)} bytes>"))
    return found


def _put(tree: Tree, name: str, value: Any) -> None:
    match = _NAME.fullmatch(name)
    steps = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])] if match else [name]
    if len(steps) > _DEEPEST:
        raise ValueError(f"a field is nested deeper than {_DEEPEST} brackets")
    here = tree
    for step in steps[:-1]:
        below = here.setdefault(_next(here) if step == "" and here is not tree else step, {})
        if not isinstance(below, dict):
            raise ValueError("a field is a value and holds others, too")
        here = below
    last = steps[-1]
    if last == "" and here is not tree:
        here[_next(here)] = value
    elif last in here:  # a name that comes again is a list
        known = here[last]
        here[last] = [*known, value] if isinstance(known, list) else [known, value]
    else:
        here[last] = value


def _next(here: Mapping[str, Any]) -> str:
    return str(len(here))


def _meant(value: Any, nodes: Sequence[Schema], definitions: Definitions) -> Any:
    """Return what a text, or what brackets made of many, stands for by its schemas."""
    here = views(definitions, nodes, request=True) if nodes else View()
    if isinstance(value, list):
        return [_meant(each, here.items, definitions) for each in value]
    if isinstance(value, dict):
        numbered = bool(value) and all(each.isdecimal() for each in value)
        if numbered and (here.types is None or "array" in here.types) and not here.members:
            return [_meant(each, here.items, definitions) for each in value.values()]
        return {name: _meant(each, here.members.get(name, here.more), definitions) for name, each in value.items()}
    types = here.types or frozenset()
    if "array" in types and not types & {"string", "integer", "number", "boolean"}:
        return [_meant(value, here.items, definitions)] if value != "" else []
    return _scalar(value, types, here.enum)


def _scalar(value: str, types: frozenset[str], enum: tuple[Any, ...] | None) -> Any:
    if enum is not None and value in enum:
        return value
    if "integer" in types and _WHOLE.fullmatch(value):
        return int(value)
    if "number" in types and _DECIMAL.fullmatch(value):
        return float(value)
    if "boolean" in types and value in ("true", "false"):
        return value == "true"
    return value
