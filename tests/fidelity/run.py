"""Lets vendors' own clients, unchanged, judge the simulators: ``python tests/fidelity/run.py [--only stripe]``.

Each client lives in its own virtual environment (``.venv-fidelity-<client>``, made on first use from the exact versions
in ``requirements-<client>.txt`` and reused while those stay the same) and runs as a subprocess against a simulator
served from the environment this script runs in. It is told another base address and nothing else. Exit code 0: every
step of every client passed; 1: a step failed or a client could not be installed; 2: wrong use.
"""

# ruff: noqa: T201 - what it prints is what it is for

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
START_S = 30.0
SCRIPT_S = 180.0
INSTALL_S = 900.0


@dataclass(frozen=True)
class Client:
    """One client, the simulator it judges and that simulator's settings."""

    name: str
    system: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def requirements(self) -> Path:
        """The exact versions of the client and all it needs."""
        return HERE / f"requirements-{self.name}.txt"

    @property
    def flow(self) -> str:
        """The module of its flow, run in the client's environment."""
        return f"{self.name}_client"


MATERIALS = [
    {"product": "0017", "name": "Théière & 茶", "gtin": "4006381333931", "weight_g": 1200, "stock": 100},
    {"product": "MUG-2", "name": "Mug", "weight_g": 300, "stock": 50},
]
CLIENTS = {
    client.name: client
    for client in (
        Client("stripe", "stripe"),
        Client("pyodata", "sap_s4hana", {"materials": MATERIALS}),
        Client("karrio_ups", "ups"),
        Client("adyen", "adyen"),
        Client("paypal", "paypal"),
    )
}


class NotReady(Exception):
    """A client's environment or its simulator could not be had; the text says why and what to do."""


@dataclass(frozen=True)
class Verdict:
    """What one client said."""

    client: str
    version: str
    passed: int
    planned: int
    problem: str = ""

    @property
    def is_pass(self) -> bool:
        """Say whether every planned step passed."""
        return not self.problem and 0 < self.planned == self.passed


def environment(client: Client) -> Path:
    """Make or reuse the client's virtual environment and return its Python; raises `NotReady`."""
    folder = ROOT / f".venv-fidelity-{client.name}"
    folder.mkdir(exist_ok=True)
    python = folder / "bin" / "python"
    stamp = folder / ".installed"
    wanted = hashlib.sha256(client.requirements.read_bytes() + sys.version.encode()).hexdigest()
    with _locked(folder):
        if stamp.exists() and stamp.read_text() == wanted and python.exists():
            return python
        stamp.unlink(missing_ok=True)
        print(f"# installing {client.name} into {folder.name}", flush=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        # Without dependencies nothing comes that is not pinned; `pip check` then proves that nothing is missing.
        _install(client, [sys.executable, "-m", "venv", "--clear", str(folder)])
        _install(client, [*pip, "install", "-q", "--no-deps", "-r", str(client.requirements)])
        _install(client, [*pip, "check"])
        stamp.write_text(wanted)
    return python


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder against another run of this script."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _install(client: Client, command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        raise NotReady(f"`{' '.join(command)}` took more than {INSTALL_S:.0f} s; is the index reachable?") from None
    if done.returncode:
        words = [line for line in (done.stderr + done.stdout).splitlines() if not line.startswith("WARNING")]
        raise NotReady(
            f"{client.requirements.name}: `{' '.join(command)}` ended with {done.returncode}: "
            f"{words[-1] if words else 'no output'}; is the index reachable, and are these versions there for this "
            f"Python {sys.version_info.major}.{sys.version_info.minor}?"
        )


@contextlib.contextmanager
def simulator(client: Client, folder: str) -> Iterator[dict[str, str]]:
    """Serve the client's system from an empty folder; yield the environment of its script.

    Simulated time starts at the real time, because clients compare instants with their own clock, and stands still.
    """
    clock, ready, log, described = (
        Path(folder, name) for name in ("clock.json", "ready.json", "log.txt", "config.json")
    )
    now_us = time.time_ns() // 1_000
    clock.write_text(json.dumps({"mode": "frozen", "at_us": now_us}))
    config = {
        "suite_roots": [str(ROOT)],
        "dir": str(Path(folder, "state")),
        "clock": str(clock),
        "ready": str(ready),
        "systems": [{"vendor": client.system, "port": 0, "settings": dict(client.settings)}],
    }
    described.write_text(json.dumps(config))
    command = [sys.executable, "-m", "assay.simkit.serve", str(described)]
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + START_S
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotReady(f"the simulator {client.system} does not start; its log is above")
            time.sleep(0.02)
        port = json.loads(ready.read_text())["ports"][client.system]
        yield {"FIDELITY_BASE_URL": f"http://127.0.0.1:{port}", "FIDELITY_CLOCK": str(clock)}
    finally:
        process.terminate()
        process.wait(timeout=10)
        print("".join(f"# {client.system}: {line}\n" for line in log.read_text().splitlines()), end="")


def judge(client: Client) -> Verdict:
    """Run the client's flow, print its steps and return the verdict."""
    try:
        python = environment(client)
        with tempfile.TemporaryDirectory(prefix=f"fidelity-{client.name}-") as name, simulator(client, name) as told:
            # Nothing of this machine's settings (proxies, keys, certificate bundles) reaches the client.
            env = {**told, "PATH": os.defpath, "HOME": name, "PYTHONUTF8": "1"}
            done = _played(python, client.flow, env)
    except NotReady as reason:
        return Verdict(client.name, "-", 0, 0, str(reason))
    lines = done.stdout.splitlines()
    print(done.stdout, end="", flush=True)
    version = next((line.rpartition(" ")[2] for line in lines if line.startswith("# ")), "-")
    planned = next((int(line[3:]) for line in lines if line.startswith("1..")), 0)
    passed = sum(line.startswith("ok ") for line in lines)
    problem = next((line.partition(" - ")[2] for line in lines if line.startswith("not ok ")), "")
    if done.returncode and not problem:
        problem = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
    if problem:
        print("".join(f"# {line}\n" for line in done.stderr.splitlines()), end="", flush=True)
    return Verdict(client.name, version, passed, planned, problem)


def _played(python: Path, flow: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(python), str(HERE / "session.py"), flow]
    try:
        return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=SCRIPT_S)
    except subprocess.TimeoutExpired as late:
        output = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        return subprocess.CompletedProcess(command, 124, output, f"not done after {SCRIPT_S:.0f} s")


def table(verdicts: Sequence[Verdict]) -> str:
    """Return client, version, steps and result in columns."""
    rows = [("client", "version", "steps", "result")]
    for each in verdicts:
        result = "pass" if each.is_pass else f"FAIL {each.problem or 'no step ran'}"
        rows.append((each.client, each.version, f"{each.passed}/{each.planned}", result))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(word.ljust(width) for word, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )


def main(arguments: Sequence[str]) -> int:
    """Judge the chosen clients, all by default."""
    parser = argparse.ArgumentParser(description="Let vendors' own clients judge the simulators.")
    parser.add_argument("--only", choices=sorted(CLIENTS), action="append", help="this client (may be given again)")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the simulator is stopped, too
    parser.add_argument("--json", type=Path, dest="json_path", help="write the table as JSON")
    options = parser.parse_args(arguments)
    verdicts = [judge(CLIENTS[name]) for name in options.only or list(CLIENTS)]
    print(f"\n{table(verdicts)}")
    if options.json_path is not None:
        rows = [{**asdict(each), "is_pass": each.is_pass} for each in verdicts]
        options.json_path.write_text(json.dumps(rows, indent=2), encoding="utf-8")
    return 0 if all(each.is_pass for each in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
