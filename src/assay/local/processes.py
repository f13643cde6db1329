"""Starts, finds and stops the processes of a landscape; each runs on after the command that started it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from assay.errors import InfrastructureError, UsageError
from assay.local.state import Process

_STOP_AFTER_S = 3.0
_GONE_AFTER_S = 15.0  # a busy machine takes its time to bury a gigabyte
_READY_WITHIN_S = 30.0


class Starting:
    """A Python process of ours that was spawned and has yet to say which ports it listens on."""

    def __init__(self, name: str, module: str, config: Mapping[str, Any], *, folder: Path, log: Path) -> None:
        self.name = name
        self.log = log
        self._ready = folder / f"{name}.ready.json"
        self._ready.unlink(missing_ok=True)
        self._module = module
        self._config = folder / f"{name}.config.json"
        self._config.write_text(json.dumps({**config, "ready": str(self._ready)}))
        self._child: subprocess.Popen[bytes] | None = None

    def spawn(self, environment: Mapping[str, str]) -> None:
        """Start it in a session of its own, its output going to its log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", self._module, str(self._config)]
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment),
                start_new_session=True,
            )

    def ready(self) -> Process:
        """Wait until it listens; an error with the end of its log when it does not."""
        assert self._child is not None
        deadline = time.monotonic() + _READY_WITHIN_S
        while not self._ready.exists():
            if self._child.poll() is not None or time.monotonic() > deadline:
                gone = self._child.poll()
                self.kill()
                # 2 is how simulators and merchant say that their configuration is wrong: it is the user's, by name.
                raise (UsageError if gone == 2 else InfrastructureError)(
                    f"{self.name} did not start",
                    where=str(self.log),
                    expected="a listening process",
                    seen=f"exit code {gone}" if gone is not None else f"nothing after {_READY_WITHIN_S:g} s",
                    hint=last_words(self.log),
                )
            time.sleep(0.01)
        # It runs on after this command, so Popen must neither wait for it nor warn that nobody did.
        self._child.returncode = 0
        told = json.loads(self._ready.read_text())
        created = psutil.Process(told["pid"]).create_time()
        return Process(self.name, told["pid"], created, told["ports"], str(self.log))

    def kill(self) -> None:
        """End it at once; used when the landscape cannot be completed."""
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait()


def stop(process: Process) -> None:
    """Ask a process to end, and make it end after three seconds."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for ask, wait_s in ((psutil.Process.terminate, _STOP_AFTER_S), (psutil.Process.kill, _GONE_AFTER_S)):
            if process.alive:
                ask(psutil.Process(process.pid))
            deadline = time.monotonic() + wait_s
            # Not psutil's wait: it also waits until the init of a container gets round to burying the dead.
            while process.alive and time.monotonic() < deadline:
                time.sleep(0.01)


def admin(
    port: int, method: str, path: str, body: object = None, *, timeout_s: float = 60.0, authorization: str = ""
) -> Any:
    """Call an admin route of a process of ours; `InfrastructureError` when it does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"} | ({"Authorization": authorization} if authorization else {})
        connection.request(method, f"/__admin/{path}", body=content, headers=headers)
        answer = connection.getresponse()
        content_back = answer.read()
        if answer.status != 200:
            raise InfrastructureError(
                f"{method} /__admin/{path} was refused",
                where=f"127.0.0.1:{port}",
                expected="200",
                seen=f"{answer.status} {content_back[:300].decode('utf-8', 'replace')}",
            )
        return json.loads(content_back)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise InfrastructureError(
            "a process of the landscape does not answer",
            where=f"127.0.0.1:{port}/__admin/{path}",
            seen=f"{type(error).__name__}: {error}",
            hint="`assay status` says which; `assay up` repairs it",
        ) from None
    finally:
        connection.close()


def last_words(log: Path, lines: int = 8) -> str:
    """Return the end of a log, for an error message."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return f"there is no log at {log}"
    return "its log ends: " + " | ".join(text.splitlines()[-lines:]) if text else f"its log {log} is empty"


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without its proxies (they may point at another edge), plus `extra`."""
    mine = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**mine, **extra}
