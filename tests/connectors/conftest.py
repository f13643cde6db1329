"""A vendor on this machine: a local server that answers from a table the test writes, and notes what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from assay.http import Client, open_client
from tests.serving import Quiet, serving


@dataclass(frozen=True)
class Asked:
    """One request as it arrived, decoded."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Vendor:
    """Answers by method and decoded path; an answer is a body, or a function of the request."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    table: dict[tuple[str, str], Callable[[Asked], tuple[int, Any]]] = field(default_factory=dict)

    def on(self, method: str, path: str, answer: Any, *, status: int = 200) -> None:
        """Answer this call with a JSON value, bytes, or what a function of the request returns (status, body)."""
        self.table[method, path] = answer if callable(answer) else lambda _: (status, answer)

    def reply(self, asked: Asked) -> tuple[int, bytes]:
        """Look the answer up."""
        self.asked.append(asked)
        found = self.table.get((asked.method, asked.path))
        status, body = found(asked) if found else (599, {"untold": f"{asked.method} {asked.path}"})
        return status, body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """A vendor on a free port."""
    told = Vendor()

    class Handler(Quiet):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, unquote(parts.path), dict(parse_qsl(parts.query)), headers, body)
            status, content = told.reply(asked)
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 (the server's own naming)

    with serving(Handler) as told.url:
        yield told


@pytest.fixture
def http(vendor: Vendor) -> Iterator[Client]:
    """A client of that vendor."""
    with open_client(vendor.url, system="vendor") as client:
        yield client
