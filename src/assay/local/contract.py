"""Holds what a platform and a vendor said to each other against a document of the user's: OpenAPI 3, YAML or JSON.

For systems nobody wrote code for (``contract = "file.yaml"`` of a system). The journal is masked, so a value that was
masked is never judged. Bodies are judged where jsonschema-rs is installed; paths, methods and statuses always.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from assay.errors import UsageError
from assay.masking import MASK
from assay.records import Call

_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Broken:
    """One call that is not as the document has it: what was called, where, and what is wrong."""

    call: str
    place: str
    problem: str


@dataclass(frozen=True, slots=True)
class _Operation:
    """One operation of the document: its path as an expression, and where it stands."""

    name: str
    pattern: re.Pattern[str]
    pointer: str
    content: Mapping[str, Any]


class Contract:
    """One OpenAPI document. `UsageError` names a file that is none."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._document = _plain(_read(file))
        self._operations = list(self._found())
        self._validators: dict[str, Any] = {}

    @property
    def judges_bodies(self) -> bool:
        """Whether bodies are judged here, too."""
        return importlib.util.find_spec("jsonschema_rs") is not None

    def broken_by(self, calls: Sequence[Call]) -> list[Broken]:
        """Return what of these calls the document does not have, each once; a refused or faulted call is left out."""
        found = (each for call in calls if not call.refused and not call.fault for each in self._judge(call))
        return list(dict.fromkeys(found))

    def _judge(self, call: Call) -> Iterable[Broken]:
        operation = next(
            (each for each in self._operations if each.name == call.method and each.pattern.fullmatch(call.path)), None
        )
        name = f"{call.method} {call.path}"
        if operation is None:
            yield Broken(name, "path", "the document has no such operation")
            return
        yield from self._body(name, "request body", operation, "requestBody", call.request_headers, call.request_body)
        responses = operation.content.get("responses") or {}
        fitting = (str(call.status), f"{call.status // 100}XX", "default")
        status = next((key for key in fitting if key in responses), None)
        if status is None:
            yield Broken(name, "status", f"{call.status} is none of {', '.join(map(str, responses)) or 'any'}")
            return
        part = f"responses/{status}"
        yield from self._body(name, "answer body", operation, part, call.response_headers, call.response_body)

    def _body(
        self, name: str, place: str, operation: _Operation, part: str, headers: Mapping[str, str], text: str
    ) -> Iterable[Broken]:
        if _JSON not in headers.get("content-type", "") or not text or not self.judges_bodies:
            return
        pointer = f"{operation.pointer}/{part}/content/{_JSON.replace('/', '~1')}/schema"
        try:
            value = json.loads(text)
        except ValueError:
            return  # kept as a digest alone
        validator = self._validator(pointer)
        for error in validator.iter_errors(value) if validator is not None else ():
            where = ".".join(str(step) for step in error.instance_path)
            if MASK not in json.dumps(error.instance):
                yield Broken(name, f"{place} {where}".rstrip(), str(error.message))

    def _validator(self, pointer: str) -> Any:
        if pointer not in self._validators:
            import jsonschema_rs

            there = _at(self._document, pointer)
            schema = {**self._document, "$ref": f"#{pointer}"}
            self._validators[pointer] = jsonschema_rs.Draft202012Validator(schema) if there is not None else None
        return self._validators[pointer]

    def _found(self) -> Iterable[_Operation]:
        servers = self._document.get("servers") or ()
        bases = [urlsplit(str(server.get("url", ""))).path.rstrip("/") for server in servers]
        for path, item in self._document["paths"].items():
            expression = re.sub(r"\\\{[^{}]*\\\}", "[^/]+", re.escape(path))
            pattern = re.compile(f"(?:{'|'.join(map(re.escape, bases)) or ''}){expression}")
            for method in _METHODS:
                if isinstance(item, Mapping) and isinstance(item.get(method), Mapping):
                    pointer = f"/paths/{path.replace('~', '~0').replace('/', '~1')}/{method}"
                    yield _Operation(method.upper(), pattern, pointer, item[method])


def _read(file: Path) -> Mapping[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UsageError("the contract cannot be read", where=str(file), seen=str(error).splitlines()[0]) from None
    if not isinstance(content, dict) or "openapi" not in content or not isinstance(content.get("paths"), dict):
        raise UsageError("the contract is no OpenAPI 3 document", where=str(file), expected="'openapi' and 'paths'")
    return content


def _plain(value: Any) -> Any:
    """Return the document as JSON Schema has it: keys as texts, ``nullable`` of OpenAPI 3.0 as a type."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {str(name): _plain(each) for name, each in value.items()}
    if made.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def _at(value: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step.replace("~1", "/").replace("~0", "~"))
    return value
