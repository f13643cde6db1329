"""The vendors a new project can name, as the shipped profile and their connectors describe them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.errors import UsageError, did_you_mean
from assay.landscape import find_connector
from assay.profile import FILE_NAME
from assay.suites import reference_suite

NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One outside system: the id it has in assay.toml, its hosts, its secrets by name, where its sandbox is."""

    id: str
    role: str
    host: str
    hosts: tuple[str, ...]
    credentials: Mapping[str, str]
    test_credentials: Mapping[str, str]
    live: str
    sandbox: str | None

    @property
    def variables(self) -> list[str]:
        """The environment variables its secrets are read from."""
        return [source.removeprefix("env:") for source in self.credentials.values() if source.startswith("env:")]


def shipped_vendors() -> dict[str, Vendor]:
    """Return every vendor Assay brings a simulator and a connector for, by id."""
    raw = tomllib.loads((reference_suite() / FILE_NAME).read_text(encoding="utf-8"))
    return {name: _vendor(name, system) for name, system in raw["systems"].items() if system["role"] != "shop"}


def vendors_of(role: str) -> list[str]:
    """Return the ids of the shipped vendors of a role."""
    return [vendor.id for vendor in shipped_vendors().values() if vendor.role == role]


def chosen_vendor(role: str, name: str) -> Vendor | None:
    """Return the vendor of that name and role, None for ``none``; `UsageError` with a suggestion otherwise."""
    known = vendors_of(role)
    if name == NONE:
        return None
    if name not in known:
        raise UsageError(
            f"Assay brings no {role} called '{name}'",
            expected=", ".join([*known, NONE]),
            hint=f"{did_you_mean(name, known)} Or take none now and write connectors/{name}.py later",
        )
    return shipped_vendors()[name]


def _vendor(name: str, system: Mapping[str, Any]) -> Vendor:
    head = find_connector(name).HEAD
    return Vendor(
        id=name,
        role=system["role"],
        host=system["host"],
        hosts=tuple(system.get("hosts", ())),
        credentials=system.get("credentials", {}),
        test_credentials=system.get("test_credentials", {}),
        live=f"https://{system['host']}",
        sandbox=head.sandbox,
    )
