"""An environment's connectors by role: who is asked what each system holds.

A connector is found by its system's id: ``connectors/<id>.py`` in the user's suite roots first, the shipped ones
after. Its module holds ``HEAD`` and a class named after the id (``sap_s4hana`` → ``SapS4hana``).
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from assay.errors import UsageError
from assay.profile import Environment, System, read_credential
from assay.roles import GATEWAYS, ROLES, ConnectorHead, Http

OpenHttp = Callable[[str, str], Http]
"""Opens a client: (system id, base URL) → client."""
WayTo = Callable[[str], tuple[str | None, str | None]]
"""How an address is reached from here: base URL → (proxy, CA file)."""


def _directly(base_url: str) -> tuple[str | None, str | None]:
    return None, None


@dataclass(frozen=True, slots=True)
class Landscape:
    """The witnesses of one environment, ready to be asked.

    addresses: the base URL of each system that has one. way_to: the proxy and the CA by which an address is reached.
    """

    name: str
    environment: Environment
    connectors: Mapping[str, Any]
    heads: Mapping[str, ConnectorHead]
    addresses: Mapping[str, str] = field(default_factory=dict)
    way_to: WayTo = _directly

    def by_role(self, role: str) -> Any:
        """Return the connector of a role; `UsageError` where the environment has none."""
        for system in self.environment.with_role(role):
            if system in self.connectors:
                return self.connectors[system]
        unread = [f"{system} ({each.mode})" for system, each in self.environment.with_role(role).items()]
        if unread:
            raise UsageError(
                f"no system of role '{role}' can be asked in environment '{self.name}'",
                seen=", ".join(unread),
                hint="stubs hold nothing; another system needs connectors/ID.py in your project",
            )
        raise UsageError(
            f"environment '{self.name}' has no system of role '{role}'",
            hint=f'add [environments.{self.name}.systems.ID] with role = "{role}" to assay.toml',
        )

    def roles(self) -> dict[str, Any]:
        """Return what flows may ask for: one connector for each role the environment has, and all its gateways."""
        found: dict[str, Any] = {role: self.by_role(role) for role in ROLES if self.read(role)}
        return found | {GATEWAYS: {system: self.connectors[system] for system in self.read("payments")}}

    def read(self, role: str) -> list[str]:
        """Return the systems of a role that can be asked what they hold."""
        return [system for system in self.environment.with_role(role) if system in self.connectors]


def open_landscape(
    name: str,
    environment: Environment,
    addresses: Mapping[str, str],
    open_http: OpenHttp,
    way_to: WayTo = _directly,
) -> Landscape:
    """Build every connector of an environment; `addresses` gives the base URL of what runs on this machine."""
    connectors: dict[str, Any] = {}
    heads: dict[str, ConnectorHead] = {}
    for system_id, system in environment.systems.items():
        if system.role == "other":
            continue
        module = find_connector(system_id) if system.role == "shop" else look_for_connector(system_id)
        if module is None:
            continue  # passed through the edge: its calls are in the journal, and nobody can ask it
        kind = connector_class(module, system_id)
        heads[system_id] = module.HEAD
        if system.mode in ("stub", "recorded"):
            continue  # stubs remember nothing, so there is nothing to ask
        base_url = addresses.get(system_id) or system.base_url
        if base_url is None:
            raise UsageError(
                f"nobody knows where '{system_id}' is",
                where=f"environments.{name}.systems.{system_id}",
                hint=f"`assay up --env {name}` starts simulated systems; others need base_url",
            )
        connectors[system_id] = kind(
            open_http(system_id, base_url), credentials_of(system_id, system, heads[system_id])
        )
    known = {system_id: system.base_url for system_id, system in environment.systems.items() if system.base_url}
    return Landscape(name, environment, connectors, heads, {**known, **addresses}, way_to)


def find_connector(system_id: str) -> ModuleType:
    """Import the connector of a system; `UsageError` where neither the project nor Assay has one."""
    found = look_for_connector(system_id)
    if found is None:
        raise UsageError(
            f"no connector for '{system_id}'",
            expected=f"connectors/{system_id}.py in your project",
            hint="`assay init` writes one with the functions to fill in",
        )
    return found


def look_for_connector(system_id: str) -> ModuleType | None:
    """Import the connector of a system, the user's own before the shipped one; None where neither is there."""
    for package in ("connectors", "assay.connectors"):
        try:
            return importlib.import_module(f"{package}.{system_id}")
        except ModuleNotFoundError as error:
            if error.name not in (package, f"{package}.{system_id}"):
                raise _unimportable(system_id, error) from error
        except (Exception, SystemExit) as error:  # a connector that exits would end the command, and with exit 0
            raise _unimportable(system_id, error) from error
    return None


def _unimportable(system_id: str, error: BaseException) -> UsageError:
    frames = [each for each in traceback.extract_tb(error.__traceback__) if each.filename.endswith(f"{system_id}.py")]
    line = error.lineno if isinstance(error, SyntaxError) else frames[-1].lineno if frames else None
    return UsageError(
        f"the connector of '{system_id}' cannot be imported",
        where=f"connectors/{system_id}.py" + (f":{line}" if line else ""),
        seen=f"{type(error).__name__}: {error}",
        hint="mend that line",
    )


def credentials_of(system_id: str, system: System, head: ConnectorHead) -> dict[str, str]:
    """Return the secrets a connector asks for, from the environment, a file, or our simulator's published ones."""
    found = {}
    for name in (*head.credentials, *head.optional_credentials):
        source = system.credentials.get(name)
        value = read_credential(source) if source else None
        if value is None and system.mode == "simulated":
            value = system.test_credentials.get(name)
        if value is None and name in head.optional_credentials:
            continue
        if value is None:
            raise UsageError(
                f"credential '{name}' of '{system_id}' is not set",
                expected=source or f"{name} under systems.{system_id}.credentials",
                hint=f"set {source.partition(':')[2]}" if source else "add the line to assay.toml",
            )
        found[name] = value
    return found


def connector_class(module: ModuleType, system_id: str) -> type:
    """Return the class of a connector, named after its file; `UsageError` with the classes that are there instead."""
    name = "".join(part.capitalize() for part in system_id.split("_"))
    found = getattr(module, name, None)
    if isinstance(found, type):
        if not isinstance(getattr(module, "HEAD", None), ConnectorHead):
            raise UsageError(
                f"{module.__file__} holds no HEAD",
                expected=f'HEAD = ConnectorHead(vendor="{system_id}", role=…, live=…, credentials=(…))',
            )
        return found
    own = [
        each for each, value in vars(module).items() if isinstance(value, type) and value.__module__ == module.__name__
    ]
    raise UsageError(
        f"{module.__file__} holds no class {name}",
        expected=f"class {name}: …, named after the file",
        seen=", ".join(own) or "no class at all",
        hint=f"rename class {own[0]} to {name}" if len(own) == 1 else f"write class {name}",
    )
