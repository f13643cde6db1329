"""Judges a simulator's answers by a vendor's published OpenAPI document, with compiled validators.

Shared by the conformance tests; the document is read from the specs folder, never copied. OpenAPI 3.0's ``nullable``
is rewritten once to JSON Schema (also where a vendor writes it beside ``$ref`` or ``anyOf`` without ``type``).
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SPECS = Path(os.environ.get("ASSAY_SPECS", ROOT.parent / "shared" / "specs"))
_METHODS = ("get", "post", "put", "patch", "delete")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with instants left as strings, as JSON would hold them."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def spec_file(name: str) -> Path:
    """Return a vendor document, or skip the test with the reason where it is absent."""
    path = SPECS / name
    if not path.exists():
        pytest.skip(f"the vendor's document is not here: {path} (set ASSAY_SPECS to a folder that has it)")
    return path


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the document says of one answer: `operation` is None where it knows none, `problem` empty where it holds."""

    operation: str | None
    problem: str = ""
    documented: bool = True


class OpenApiJudge:
    """One or more documents of a vendor; `base` is put before the paths of documents whose server URL has a path."""

    def __init__(self, *documents: Path) -> None:
        self._documents = [(yaml.load(path.read_text(encoding="utf-8"), _Loader), path.name) for path in documents]
        self._validators: dict[tuple[str, str], jsonschema_rs.Validator | None] = {}

    @cached_property
    def _operations(self) -> list[tuple[str, re.Pattern[str], str, dict[str, Any], int]]:
        found = []
        for number, (document, _) in enumerate(self._documents):
            document["components"] = _json_schema(document.get("components", {}))
            for short, item in document["paths"].items():
                servers = item.get("servers") or document.get("servers") or [{"url": "/"}]
                base = urlsplit(servers[0]["url"]).path.rstrip("/")
                # Some vendors' paths hold the server's path already.
                path = short if base and short.startswith(f"{base}/") else base + short
                pattern = re.compile("[^/]+".join(re.escape(part) for part in re.split(r"\{[^}]+\}", path)) + "$")
                for method in _METHODS:
                    if method in item:
                        found.append((method.upper(), pattern, f"{method.upper()} {path}", item[method], number))
        # Fixed paths before templates, and the template that says more before the one that says less, as servers route.
        return sorted(found, key=lambda each: -len(re.sub(r"\{[^}]+\}", "", each[2])))

    def judge(self, method: str, path: str, status: int, body: str) -> Verdict:
        """Hold one answer against the document."""
        for known, pattern, name, operation, number in self._operations:
            if known == method and pattern.match(path):
                return self._answer(name, operation, number, status, body)
        return Verdict(None, documented=False)

    def _answer(self, name: str, operation: dict[str, Any], number: int, status: int, body: str) -> Verdict:
        responses = {str(key): value for key, value in operation["responses"].items()}
        key = str(status) if str(status) in responses else "default"
        if key not in responses:
            return Verdict(name, documented=False)
        validator = self._validator(name, key, responses[key], number)
        if validator is None:
            return Verdict(name)
        try:
            content = json.loads(body)
        except ValueError as error:
            return Verdict(name, f"no JSON: {error}")
        first = next(iter(validator.iter_errors(content)), None)
        if first is None:
            return Verdict(name)
        where = "/".join(str(part) for part in first.instance_path)
        return Verdict(name, f"{where or 'body'}: {first.message[:200]}")

    def _validator(self, name: str, key: str, response: dict[str, Any], number: int) -> jsonschema_rs.Validator | None:
        if (name, key) not in self._validators:
            document = self._documents[number][0]
            while "$ref" in response:
                response = _resolve(document, response["$ref"])
            content = response.get("content") or {}
            media = content.get("application/json") or next(iter(content.values()), None)
            if media is None or "schema" not in media or "text/csv" in content:
                self._validators[name, key] = None
            else:
                schema = {**_json_schema(media["schema"]), "components": document["components"]}
                self._validators[name, key] = jsonschema_rs.Draft202012Validator(schema, validate_formats=False)
        return self._validators[name, key]


def _resolve(document: dict[str, Any], reference: str) -> Any:
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def _json_schema(node: Any) -> Any:
    """Rewrite OpenAPI 3.0's keywords that JSON Schema does not know."""
    if isinstance(node, list):
        return [_json_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _keyword(key, value) for key, value in node.items() if key not in ("example", "discriminator", "xml")}
    for key, other in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(plain.get(key), bool) and plain.pop(key) and other in plain:
            plain[key] = plain.pop(other)
    if plain.pop("nullable", False) is True:
        return {"anyOf": [plain, {"type": "null"}]}
    return plain


def _keyword(key: str, value: Any) -> Any:
    if key in ("properties", "schemas") and isinstance(value, dict):  # here the keys are names, no keywords
        return {name: _json_schema(schema) for name, schema in value.items()}
    return value if key in ("enum", "const", "default") else _json_schema(value)
