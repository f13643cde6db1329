"""Plays one client's flow in that client's virtual environment: ``python session.py stripe_client``.

Each step is a line of TAP. Standard library only, for nothing of Assay is installed there. The flows take a `Session`
and import nothing of ours at run time: pyodata's wheel brings a top-level package ``tests`` that hides this one.
"""

# ruff: noqa: T201 - its output is read by run.py

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import traceback
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

Step = Callable[[], str]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write_clock(path: Path, instant: datetime) -> None:
    """Freeze the simulated clock kept in that file at an aware instant."""
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps({"mode": "frozen", "at_us": (instant - _EPOCH) // timedelta(microseconds=1)}))
    draft.replace(path)


@dataclass(frozen=True)
class Webhook:
    """One webhook as it came."""

    body: bytes
    headers: Mapping[str, str]


class _Receiver(HTTPServer):
    """A shop's endpoint for webhooks on a free port; takes every one with `status`."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.received: list[Webhook] = []
        super().__init__(("127.0.0.1", 0), _Endpoint)


class _Endpoint(BaseHTTPRequestHandler):
    server: _Receiver

    def do_POST(self) -> None:
        """Take a webhook."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(Webhook(body, dict(self.headers)))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@dataclass
class Session:
    """One simulator at `base_url` and its clock, which stands still unless `advance` moves it."""

    base_url: str
    clock: Path

    @classmethod
    def from_environment(cls) -> Session:
        """Return the session that run.py prepared."""
        return cls(os.environ["FIDELITY_BASE_URL"], Path(os.environ["FIDELITY_CLOCK"]))

    def now(self) -> datetime:
        """Return the simulated instant in UTC."""
        at_us: int = json.loads(self.clock.read_text())["at_us"]
        return _EPOCH + timedelta(microseconds=at_us)

    def advance(self, **span: float) -> None:
        """Move the clock by a `timedelta` and return when every job and webhook then due has run."""
        write_clock(self.clock, self.now() + timedelta(**span))
        self._admin("settle", {})

    def configure(self, **settings: object) -> None:
        """Change the simulator's settings."""
        self._admin("settings", settings)

    @contextmanager
    def receiving(self, status: int = 200, **settings: object) -> Iterator[list[Webhook]]:
        """Have the simulator post its webhooks here until the block ends, and give those that came."""
        receiver = _Receiver(status)
        thread = threading.Thread(target=receiver.serve_forever, daemon=True)
        thread.start()
        try:
            self.configure(webhook_url=f"http://127.0.0.1:{receiver.server_port}/webhook", **settings)
            yield receiver.received
            self.configure(webhook_url=None)
        finally:
            receiver.shutdown()
            receiver.server_close()
            thread.join()

    def _admin(self, action: str, body: object) -> None:
        request = urllib.request.Request(f"{self.base_url}/__admin/{action}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()


def play(flow: ModuleType, session: Session) -> int:
    """Run the flow's steps in order until one fails and print each as a line of TAP; return the exit code.

    A step is named by the first line of its docstring and returns what it saw. A later step builds on the earlier.
    """
    steps: Sequence[Step] = flow.steps(session)
    print(f"# {flow.DISTRIBUTION} {version(flow.DISTRIBUTION)}")
    print(f"1..{len(steps)}", flush=True)
    for number, step in enumerate(steps, 1):
        name = (step.__doc__ or "").splitlines()[0].rstrip(".")
        try:
            seen = step()
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            print(f"not ok {number} - {name}: {reason}", flush=True)
            return 1
        print(f"ok {number} - {name}: {seen}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(play(importlib.import_module(sys.argv[1]), Session.from_environment()))
