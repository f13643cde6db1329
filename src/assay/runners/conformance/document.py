"""The document a system is asked by: its contract as one OpenAPI object whose paths are as on the wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from assay.contracts import yaml_safe
from assay.contracts.rest import METHODS
from assay.errors import UsageError
from assay.local.plan import Plan
from assay.suites import suite_roots

_NAMES = ("contract.yaml", "openapi.yaml")


@dataclass(frozen=True, slots=True)
class Asked:
    """A contract to ask by. folder: where its neighbours lie (worked requests, known failures)."""

    system: str
    file: Path
    content: dict[str, Any]

    @property
    def folder(self) -> Path:
        """Where the contract lies."""
        return self.file.parent

    def operations(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield each operation by its name, such as `POST /v1/charges`, in the document's order."""
        for path, item in self.content["paths"].items():
            for method in METHODS:
                if method in item:
                    yield f"{method.upper()} {path}", item[method]

    def only(self, names: frozenset[str]) -> Asked:
        """Return the same document with these operations alone."""
        paths = {}
        for path, item in self.content["paths"].items():
            kept = {key: value for key, value in item.items() if key not in METHODS or f"{key.upper()} {path}" in names}
            if any(method in kept for method in METHODS):
                paths[path] = kept
        return Asked(self.system, self.file, {**self.content, "paths": paths})


def read_yaml(file: Path) -> Any:
    """Read YAML or JSON as JSON's data; `UsageError` names the file and the line."""
    try:
        return yaml_safe.parse(file.read_bytes())[0]
    except yaml_safe.UnreadableYaml as error:
        where = f"{file}, line {error.line}" if error.line else str(file)
        raise UsageError(f"{file.name} is no YAML", where=where, seen=error.reason) from None


def contract_of(plan: Plan, system: str) -> Asked:
    """Return the contract of a system: the profile's own, else the project's or the shipped one beside its simulator.

    `UsageError` where there is none, or where it is no OpenAPI document: requests are made up from that alone.
    """
    named = plan.environment.systems[system].contract
    places = (
        [plan.profile.folder / named]
        if named
        else [root / "mocks" / system / name for root in suite_roots(plan.profile.folder) for name in _NAMES]
    )
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise UsageError(
            f"there is no contract of '{system}'",
            expected=f"mocks/{system}/contract.yaml, or contract = 'FILE' in the profile",
            seen="no such file" if not named else str(places[0]),
            hint="write the operations you use as OpenAPI; `assay contracts list` shows what is known",
        )
    return Asked(system, file, _on_the_wire(read_yaml(file), file))


def copied(content: Any) -> Any:
    """Return a copy of a document that shares nothing, YAML's anchors written out."""
    return orjson.loads(orjson.dumps(content))


def _on_the_wire(content: Any, file: Path) -> dict[str, Any]:
    version = str(content.get("openapi", "")) if isinstance(content, dict) else ""
    if not version.startswith("3.") or not isinstance(content.get("paths"), dict) or not content["paths"]:
        raise UsageError(
            "requests can only be made up from an OpenAPI document with paths",
            where=str(file),
            expected="openapi: 3.0 or 3.1",
            seen=f"openapi: {version}" if version else "another format",
            hint="write the operations you use as OpenAPI beside it",
        )
    content = copied(content)
    paths: dict[str, Any] = {}
    for path, item in content["paths"].items():
        base = _base_path(item.pop("servers", None) or content.get("servers"))
        # Two templates that differ only in the names of their parameters are one path; OpenAPI forbids the second.
        paths[base + path] = item
    return {**content, "paths": paths, "servers": []}


def _base_path(servers: Any) -> str:
    first = servers[0] if isinstance(servers, list) and servers else {}
    url = first.get("url", "") if isinstance(first, dict) else ""
    return urlsplit(str(url)).path.rstrip("/")
