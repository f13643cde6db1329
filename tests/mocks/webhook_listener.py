"""Hears the webhooks of a simulator: a shop's endpoint on a free port that keeps every one as it came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.serving import Quiet, serving


@dataclass
class Heard:
    """The webhooks a listener got: raw body and headers in small letters; it answers each with `status`."""

    url: str = ""
    status: int = 200
    messages: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)

    @property
    def bodies(self) -> list[Any]:
        """The JSON bodies in the order they came."""
        return [json.loads(body) for body, _ in self.messages]


@contextmanager
def listening() -> Iterator[Heard]:
    """Listen for webhooks on a free port."""
    heard = Heard()

    class Handler(Quiet):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.messages.append((body, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(heard.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler) as url:
        heard.url = f"{url}/webhooks"
        yield heard
