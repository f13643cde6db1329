"""One Stripe simulator for many tests: a real server, emptied before each of them, with a clock that stands still."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

_ROOT = Path(__file__).parents[2]
_START_S = 20.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StripeServer:
    """A running simulator; time moves only by `advance`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self._clock = folder / "clock.json"
        self._write_clock()
        self._ready = folder / "ready.json"
        self._changed: set[str] = set()
        self.process = self._start()
        self.url = self._address()

    def _start(self) -> subprocess.Popen[bytes]:
        config = {
            "suite_roots": [str(_ROOT)],
            "dir": str(self.folder / "state"),
            "clock": str(self._clock),
            "ready": str(self._ready),
            "systems": [{"vendor": "stripe", "port": 0}],
        }
        (self.folder / "config.json").write_text(json.dumps(config))
        command = [sys.executable, "-m", "assay.simkit.serve", str(self.folder / "config.json")]
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def _address(self) -> str:
        deadline = time.monotonic() + _START_S
        while not self._ready.exists():
            assert self.process.poll() is None, (self.folder / "log.txt").read_text()
            assert time.monotonic() < deadline, f"stripe is not ready after {_START_S} s"
            time.sleep(0.01)
        return f"http://127.0.0.1:{json.loads(self._ready.read_text())['ports']['stripe']}"

    def kill_and_restart(self) -> None:
        """End the process with SIGKILL and start it again over what it left."""
        self.process.kill()
        self.process.wait(timeout=10)
        self._ready.unlink()
        self.process = self._start()
        self.url = self._address()

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(timeout=10)

    def advance(self, **span: float) -> None:
        """Move on by a `timedelta` and return when every job and webhook then due has run."""
        self.now += timedelta(**span)
        self._write_clock()
        self.settle()

    def settle(self) -> None:
        """Return when nothing is due."""
        self._admin("settle", {})

    def configure(self, **settings: Any) -> None:
        """Change settings until the next test."""
        self._changed.update(settings)
        self._admin("settings", settings)

    def reset(self) -> None:
        """Forget everything, settings included."""
        self._admin("reset", {})
        self._admin("settings", dict.fromkeys(self._changed))
        self._changed.clear()

    def _admin(self, action: str, body: dict[str, Any]) -> None:
        httpx.post(f"{self.url}/__admin/{action}", json=body, trust_env=False).raise_for_status()

    def _write_clock(self) -> None:
        draft = self._clock.with_suffix(".part")
        microseconds = (self.now - _EPOCH) // timedelta(microseconds=1)
        draft.write_text(json.dumps({"mode": "frozen", "at_us": microseconds}))
        draft.replace(self._clock)


@contextmanager
def serving(folder: Path) -> Iterator[StripeServer]:
    """Serve the simulator from an empty folder."""
    server = StripeServer(folder)
    try:
        yield server
    finally:
        server.stop()
