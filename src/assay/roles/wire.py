"""How a connector reaches its system, and what the engine must know of it before it does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from assay.records import CreationRule, ReferenceRule


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back over HTTP. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8, undecodable bytes replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Parse the body as JSON (decimals as `decimal.Decimal`, never float); `ValueError` when it is none."""
        return json.loads(self.body, parse_float=Decimal)


class Http(Protocol):
    """A client bound to one system's base URL. It raises `InfrastructureError` when nothing came back."""

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Sequence[tuple[str, str]] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Send one request and return the reply, whatever its status."""


@runtime_checkable
class Authenticates(Protocol):
    """A connector that lets others call its system by its credentials, e.g. with generated requests."""

    def headers_for(self, method: str, path: str) -> Mapping[str, str]:
        """Return the headers by which the system knows a call as ours, fetching a token where it needs one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorHead:
    """What the engine must know of a connector before it builds one; ``HEAD`` in every connector module.

    credentials: the names a profile maps to environment variables, in the order of the vendor's document; those that
    only some verbs need are optional.
    references: how calls of this vendor are attributed to orders. creations: which calls create what must not be
    created twice. documents: addresses of what was followed.
    """

    vendor: str
    role: str
    live: str
    sandbox: str | None = None
    hosts: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    optional_credentials: tuple[str, ...] = ()
    references: tuple[ReferenceRule, ...] = ()
    creations: tuple[CreationRule, ...] = ()
    documents: tuple[str, ...] = ()
