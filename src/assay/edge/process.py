"""The edge as a process: started, health-checked, found again and stopped, in the foreground or detached.

A foreground edge never outlives its owner: a watchdog shell holds the read end of a pipe whose write end only the
owner has, so whichever way the owner ends, the edge and its temporary folder go with it. (The kernel's parent-death
signal would do the same but fires when the *thread* that started the process ends.) A detached edge is left running
on purpose; its owner keeps an ``EdgeState`` and finds it again with ``attach``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

from assay.edge.admin import Admin
from assay.edge.archive import prepare
from assay.edge.certificate import Certificates, ensure_certificates
from assay.edge.flags import Mode, command, java_flags, wiremock_flags
from assay.edge.install import Installation
from assay.edge.sockets import claim_port, free_port, is_healthy
from assay.errors import InfrastructureError

_STOP_AFTER_S = 3.0
_PORT_WITHIN_S = 10.0
_LOG = "edge.log"
# Waits for its owner's end of the pipe to close, then ends the process and removes the folder if there is one.
_WATCHDOG = 'read -r _; kill -TERM "$1" 2>/dev/null; sleep 1; kill -KILL "$1" 2>/dev/null; [ -z "$2" ] || rm -rf "$2"'


@dataclass(frozen=True, slots=True)
class EdgeState:
    """What finds a running edge again: process id and its start (seconds since 1970), port, folders, mode.

    secret: what its admin API asks for; empty where it asks for nothing.
    """

    pid: int
    started_at: float
    port: int
    root: str
    certificates: str
    mode: Mode
    secret: str = ""

    def to_json(self) -> str:
        """Return the state as JSON for the owner's state file."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read back what ``to_json`` wrote."""
        return cls(**json.loads(text))


class EdgeProcess:
    """A running edge; as a context manager it is stopped at the end of the block."""

    def __init__(self, state: EdgeState, certificates: Certificates, owned: _Owned | None = None) -> None:
        self.state = state
        self.certificates = certificates
        self.admin = Admin(state.port, secret=state.secret)
        self._owned = owned

    @property
    def port(self) -> int:
        """Return the one port: admin API, base URLs and proxy."""
        return self.state.port

    @property
    def url(self) -> str:
        """Return the address of the edge, which is also the proxy's."""
        return f"http://127.0.0.1:{self.state.port}"

    def base_url(self, system: str) -> str:
        """Return where a platform that takes a base URL finds ``system``."""
        return f"{self.url}/{system}"

    def proxy_environment(self, *, reach: str = "127.0.0.1") -> dict[str, str]:
        """Return the variables that send an unchanged platform's HTTPS calls through the edge."""
        proxy = f"http://{reach}:{self.state.port}"
        bundle = str(self.certificates.bundle)
        direct = "localhost,127.0.0.1"
        return {
            "HTTPS_PROXY": proxy,
            "HTTP_PROXY": proxy,
            "https_proxy": proxy,
            "http_proxy": proxy,
            "NO_PROXY": direct,
            "no_proxy": direct,
            "SSL_CERT_FILE": bundle,
            "REQUESTS_CA_BUNDLE": bundle,
            "CURL_CA_BUNDLE": bundle,
            "NODE_EXTRA_CA_CERTS": str(self.certificates.authority),
        }

    def is_alive(self) -> bool:
        """Tell whether this very process still runs (a later process with the same id does not count)."""
        return is_running(self.state)

    def stop(self) -> None:
        """End the edge: SIGTERM, after 3 s SIGKILL; remove its temporary folder. Stopping twice is harmless."""
        self.admin.close()
        if self._owned is None:
            stop_edge(self.state)
            return
        self._owned.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_edge(
    directory: Path | None = None,
    *,
    port: int | None = None,
    hosts: Iterable[str] = (),
    mode: Mode = "scenario",
    lifetime: Literal["owned", "detached"] = "owned",
    bind: str = "127.0.0.1",
    certificates: Path | None = None,
    installation: Installation | None = None,
    proxy: str | None = None,
    secret: str = "",
    boot_timeout_s: float = 60.0,
) -> EdgeProcess:
    """Start an edge and return when it answers.

    ``directory`` keeps its log, its files and its authority (a temporary folder if None); ``certificates`` lets
    several edges share one authority; ``hosts`` are signed for in advance. ``mode="load"`` keeps no journal. An
    ``owned`` edge ends with this process, a ``detached`` one runs on. ``proxy`` is its way out of a company's
    network, ``secret`` what its admin API asks for. Raises InfrastructureError: no Java, no jar, the port taken, or
    a process that does not come up (with the end of its log).
    """
    installation = installation or prepare()
    temporary = directory is None
    root = Path(tempfile.mkdtemp(prefix="assay-edge-")) if directory is None else directory / "edge"
    try:
        root.mkdir(parents=True, exist_ok=True)
        made = ensure_certificates(certificates or root / "certificates", hosts, java=installation.java)
        for attempt in range(3):
            chosen = claim_port(port, bind, patience_s=_PORT_WITHIN_S) if port is not None else free_port(bind)
            flags = wiremock_flags(port=chosen, bind=bind, root=root, certificates=made, mode=mode, secret=secret)
            line = command(installation, java_flags(mode, installation.archive, proxy=proxy), flags)
            child = _spawn(line, root / _LOG)
            owned = _Owned(child, root if temporary else None, lifetime)
            try:
                _await_health(child, chosen, root / _LOG, boot_timeout_s, secret)
            except BaseException as error:
                owned.stop()
                if port is None and attempt < 2 and isinstance(error, _PortLost):
                    root.mkdir(parents=True, exist_ok=True)
                    continue
                raise
            break
        if lifetime == "detached":
            child.returncode = 0  # it runs on: Popen must neither wait for it nor warn that nobody did
        state = EdgeState(
            child.pid, _create_time(child.pid), chosen, str(root), str(made.keystore.parent), mode, secret
        )
        return EdgeProcess(state, made, owned if lifetime == "owned" else None)
    except BaseException:
        if temporary:
            shutil.rmtree(root, ignore_errors=True)
        raise


def attach(state: EdgeState) -> EdgeProcess:
    """Return the running edge of ``state``; raise InfrastructureError if that process is gone."""
    if not is_running(state):
        raise InfrastructureError(
            "The edge of this landscape is not running.",
            where=f"process {state.pid}, port {state.port}",
            hint="assay up starts it again",
        )
    folder = Path(state.certificates)
    return EdgeProcess(state, Certificates(folder / "ca.p12", folder / "ca.pem", folder / "ca-bundle.pem"))


def is_running(state: EdgeState) -> bool:
    """Tell whether the process of ``state`` runs and is the same process, by its start time."""
    import psutil

    try:
        process = psutil.Process(state.pid)
        return bool(abs(process.create_time() - state.started_at) < 1.0 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def stop_edge(state: EdgeState) -> None:
    """End the edge of ``state``: SIGTERM, after 3 s SIGKILL; a process that merely has its id is left alone."""
    import psutil

    if not is_running(state):
        return
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(state.pid)
        process.terminate()
        try:
            process.wait(_STOP_AFTER_S)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(_STOP_AFTER_S)


class _PortLost(InfrastructureError):
    """Somebody took the port between our choice and WireMock's bind."""


class _Owned:
    """The child process with what must go with it."""

    def __init__(self, child: subprocess.Popen[bytes], folder: Path | None, lifetime: str) -> None:
        self.child = child
        self.folder = folder
        self._watchdog: subprocess.Popen[bytes] | None = None
        if lifetime == "owned" and sys.platform != "win32":
            self._watchdog = subprocess.Popen(
                ["/bin/sh", "-c", _WATCHDOG, "assay-edge-watchdog", str(child.pid), str(folder or "")],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def stop(self) -> None:
        """End child and watchdog and remove the folder."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(_STOP_AFTER_S)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait(_STOP_AFTER_S)
        if self._watchdog is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._watchdog.pid, signal.SIGKILL)
            self._watchdog.wait()
            if self._watchdog.stdin is not None:
                self._watchdog.stdin.close()
            self._watchdog = None
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def _spawn(line: list[str], log: Path) -> subprocess.Popen[bytes]:
    environ = {name: value for name, value in os.environ.items() if not _meddles(name)}
    with log.open("wb") as handle:
        # Its own session: a Ctrl-C in the owner's terminal must reach the owner first, who then stops the edge.
        return subprocess.Popen(
            line, stdin=subprocess.DEVNULL, stdout=handle, stderr=subprocess.STDOUT, env=environ, start_new_session=True
        )


def _meddles(variable: str) -> bool:
    return variable in {"JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS"}


def _await_health(child: subprocess.Popen[bytes], port: int, log: Path, timeout_s: float, secret: str) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        if is_healthy(port, secret):
            return
        code = child.poll()
        if code is not None:
            raise _died(code, log, port)
        if time.monotonic() > deadline:
            raise InfrastructureError(
                "The edge did not come up.",
                where=str(log),
                expected=f"an answer on port {port} within {timeout_s:.0f} s",
                seen=_tail(log),
                hint="look at the log; assay doctor checks Java, memory and ports",
            )
        time.sleep(0.01)


def _died(code: int, log: Path, port: int) -> InfrastructureError:
    tail = _tail(log)
    kind = _PortLost if "Address already in use" in tail or "Failed to bind" in tail else InfrastructureError
    return kind(
        "The edge's Java process ended before it answered.",
        where=f"{log}, port {port}",
        expected="a running WireMock",
        seen=f"exit code {code}: {tail}",
        hint="assay doctor checks Java, memory and ports",
    )


def _tail(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace").strip()[-800:] or "an empty log"
    except OSError as error:
        return str(error)


def _create_time(pid: int) -> float:
    import psutil

    return float(psutil.Process(pid).create_time())
