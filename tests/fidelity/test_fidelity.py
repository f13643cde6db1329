"""Vendors' own clients complete their flows against the simulators, and a flow that fails is seen to fail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CLIENTS = ("stripe", "pyodata", "karrio_ups", "adyen", "paypal")
PIN = re.compile(r"[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*")


def run(*command: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a script of this folder."""
    return subprocess.run(
        [sys.executable, str(HERE / command[0]), *command[1:]],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=1_200,
    )


@pytest.mark.full
@pytest.mark.parametrize("client", CLIENTS)
def test_client_completes_its_flow(client: str) -> None:
    """The vendor's client, unchanged and in its own environment, passes every step of its flow."""
    done = run("run.py", "--only", client)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^{client} +\S+ +(\d+)/\1 +pass$", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize("client", CLIENTS)
def test_environment_is_pinned(client: str) -> None:
    """Every requirement of a client names one exact version and no place to download from."""
    lines = (HERE / f"requirements-{client}.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins
    assert [line for line in pins if not PIN.fullmatch(line)] == []


def test_failed_step_ends_the_flow(tmp_path: Path) -> None:
    """A step that fails is named with its reason, ends the flow and makes the exit code 1."""
    (tmp_path / "broken_client.py").write_text(
        'DISTRIBUTION = "pytest"\n'
        'def good():\n    """Do well."""\n    return "fine"\n'
        'def bad():\n    """Do badly."""\n    raise ValueError("no such order")\n'
        "def steps(session):\n    return (good, bad, good)\n"
    )
    told = {"PYTHONPATH": str(tmp_path), "FIDELITY_BASE_URL": "http://127.0.0.1:9", "FIDELITY_CLOCK": "none"}
    done = run("session.py", "broken_client", env=told)
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == [
        "1..3",
        "ok 1 - Do well: fine",
        "not ok 2 - Do badly: ValueError: no such order",
    ]


def test_unknown_client_is_refused() -> None:
    """A client that is not there is wrong use, and those that are there are named."""
    done = run("run.py", "--only", "strpie")
    assert done.returncode == 2
    assert all(client in done.stderr for client in CLIENTS)
