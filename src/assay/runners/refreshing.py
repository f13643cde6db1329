"""Asks a sandbox again for what was recorded of it, and says where a recorded answer is no longer a true one.

Only what changes nothing is asked: GET and HEAD, with the connector's credentials. What was recorded of a person or of
the second of two different answers cannot be asked for again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from assay.contracts.model import Deviation, Problem
from assay.contracts.stub_matching import fixed_address, method_of
from assay.contracts.stub_shape import apart
from assay.contracts.stubs import in_folder
from assay.errors import InfrastructureError, SafetyError, UsageError, did_you_mean
from assay.http import Client, open_client
from assay.landscape import open_landscape
from assay.local.plan import Plan
from assay.local.recording import record
from assay.masking import mask_body
from assay.profile import System
from assay.records import Call
from assay.roles import Authenticates

__all__ = ["Refreshed", "recorded_systems", "refresh"]

_SAFE = ("GET", "HEAD")
# Another status is no fresh answer: what was recorded is gone from the sandbox, or the credentials are.
_OTHER = frozenset({Problem.STATUS, Problem.CONTENT_TYPE})
_FIRST = "Started"  # WireMock's name of the state in which nothing was answered yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """One recorded stub. reason: why it was not asked for again, '' where it was; unanswered: the sandbox said nothing.

    written: whether the new answer stands in the file now.
    """

    file: Path
    system: str
    deviations: tuple[Deviation, ...] = ()
    reason: str = ""
    unanswered: bool = False
    written: bool = False

    @property
    def differs(self) -> bool:
        """Whether the sandbox answers in another shape, new members apart."""
        return any(not each.problem.is_additive for each in self.deviations)


def recorded_systems(plan: Plan) -> list[str]:
    """Return the systems of which the project has recorded stubs, in the profile's order."""
    return [name for name in plan.environment.systems if any(_folder(plan, name).glob("*.json"))]


def refresh(plan: Plan, system: str, *, write: bool) -> Iterator[Refreshed]:
    """Ask a sandbox again for each recorded stub of a system, and compare by shape; values may differ.

    write: keep the new answer, masked as when it was recorded, unless it has another status. `SafetyError` for
    production and live systems; `UsageError` for a system that is no sandbox here.
    """
    declared = _sandbox(plan, system)
    base_url = str(declared.base_url)
    way = plan.way_to(base_url)
    with open_client(base_url, system=system, proxy=way.proxy, ca_file=way.ca_file) as client:
        headers_for = _authentication(plan, system, base_url)
        for stub in in_folder(_folder(plan, system), system):
            file = Path(stub.name)
            reason = stub.trouble or _reason(stub.mapping)
            if reason:
                yield Refreshed(file=file, system=system, reason=reason)
                continue
            try:
                fresh = _asked(client, stub.mapping["request"], headers_for, declared)
            except InfrastructureError as error:
                yield Refreshed(file=file, system=system, reason=error.message, unanswered=True)
                continue
            if fresh is None:
                yield Refreshed(file=file, system=system, reason="what came back cannot be kept")
                continue
            deviations = tuple(apart(stub.mapping["response"], fresh))
            written = (
                write and fresh != stub.mapping["response"] and not any(each.problem in _OTHER for each in deviations)
            )
            if written:
                content = {**stub.mapping, "response": fresh}
                file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            yield Refreshed(file=file, system=system, deviations=deviations, written=written)


def _sandbox(plan: Plan, system: str) -> System:
    """Return the system where it may be asked: a sandbox of an environment that is not production."""
    where = f"environments.{plan.name}"
    if plan.environment.production:
        raise SafetyError(
            f"environment '{plan.name}' is production: nothing recorded is asked for there",
            where=where,
            hint="name an environment with sandboxes: --env NAME",
        )
    systems = plan.environment.systems
    if system not in systems:
        raise UsageError(f"no system '{system}' in environment '{plan.name}'", hint=did_you_mean(system, systems))
    declared = systems[system]
    where = f"{where}.systems.{system}"
    if declared.mode == "live":
        raise SafetyError(
            f"'{system}' is live in environment '{plan.name}': only a sandbox is asked again", where=where
        )
    if declared.mode != "sandbox" or not declared.base_url:
        raise UsageError(
            f"only a sandbox is asked again, and '{system}' is {declared.mode} in environment '{plan.name}'",
            where=where,
            hint=f'{system} = {{ mode = "sandbox", base_url = "https://…" }} in another environment, and --env of it',
        )
    return declared


def _folder(plan: Plan, system: str) -> Path:
    return plan.profile.folder / "mocks" / system / "recorded"


def _reason(mapping: Mapping[str, Any]) -> str:
    """Say why a stub cannot be asked for again, '' where it can."""
    request = mapping["request"]
    method = method_of(request) or "any method"
    if method not in _SAFE:
        return f"{method} would change the sandbox"
    if mapping.get("requiredScenarioState", _FIRST) != _FIRST:
        return "it is a later answer to a request that another stub answers first"
    if fixed_address(request) is None:
        return "it stands for several addresses, or for a person's"
    return ""


def _asked(
    client: Client, request: Mapping[str, Any], headers_for: Callable[[str, str], Mapping[str, str]], declared: System
) -> Mapping[str, Any] | None:
    """Return what the sandbox answers now as the response of a mapping, masked; None where none can be made of it."""
    address = fixed_address(request)
    assert address is not None
    path, query = address
    params = [*query, *_wanted(request)]
    method = method_of(request)
    reply = client.request(method, path, params=params, headers=headers_for(method, path))
    content_type = reply.headers.get("content-type", "")
    host = declared.host or str(urlsplit(str(declared.base_url)).hostname)
    call = Call(
        id="", at=datetime.now(UTC), system=client.system, way="proxy", method=method, host=host, path=path,
        query=urlencode(params), status=reply.status, duration_ms=0, refused=False, request_headers={}, request_body="",
        response_headers=dict(reply.headers), response_body=mask_body(reply.body, content_type),
    )  # fmt: skip
    made = record([call], system=client.system, host=declared.host, origin=declared.base_url)
    return next((stub["response"] for stub in made.stubs.values()), None)


def _wanted(request: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Return the query a stub waits for, as it was recorded."""
    found = []
    for name, wanted in request.get("queryParameters", {}).items():
        for each in wanted.get("includes", [wanted]):
            if isinstance(each, Mapping) and isinstance(each.get("equalTo"), str):
                found.append((str(name), str(each["equalTo"])))
    return found


def _authentication(plan: Plan, system: str, base_url: str) -> Callable[[str, str], Mapping[str, str]]:
    """Return what makes a call ours at the sandbox; nothing where no connector knows."""
    alone = plan.environment.model_copy(update={"systems": {system: plan.environment.systems[system]}})
    way = plan.way_to(base_url)
    landscape = open_landscape(
        plan.name, alone, {system: base_url},
        lambda name, url: open_client(url, system=name, proxy=way.proxy, ca_file=way.ca_file),
    )  # fmt: skip
    connector = landscape.connectors.get(system)
    return connector.headers_for if isinstance(connector, Authenticates) else lambda method, path: {}
