"""Cases per CPU-second of `assay contracts check` against plain `st run`, on one simulator and by the same settings.

Limit: at least 0.85 x. The simulator is Stripe's; it counts the calls itself, so that both are counted alike. CPU is
that of the asking process. Ours besides sends the worked requests, leaves credentials out, asks for faults, and holds
every answer against the strict twin.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.runners.conformance.engine import Preset, configuration

LIMIT = 0.85
ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
START_S = 20.0


def serve(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start the simulator from an empty folder; return it with its address."""
    folder.mkdir()
    ready = folder / "ready.json"
    system = {"vendor": "stripe", "port": 0, "settings": {}, "given": {}}
    config = {"suite_roots": [str(ROOT)], "dir": str(folder / "state"), "ready": str(ready), "systems": [system]}
    (folder / "config.json").write_text(json.dumps(config))
    process = subprocess.Popen([sys.executable, "-m", "assay.simkit.serve", str(folder / "config.json")])
    deadline = time.monotonic() + START_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the simulator did not start")
        time.sleep(0.01)
    return process, f"http://127.0.0.1:{json.loads(ready.read_text())['ports']['stripe']}"


def calls(url: str) -> int:
    """Return how many calls the simulator has answered."""
    with urllib.request.urlopen(f"{url}/__admin/health") as answer:
        return int(json.load(answer)["calls"])


def measured(folder: Path, command: list[str], url: str) -> tuple[int, float]:
    """Run a command and return the calls it made and its CPU seconds."""
    before = calls(url)
    with (folder / "out.txt").open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    made = calls(url) - before
    if not made:
        raise SystemExit(f"{command[0]} asked nothing:\n{(folder / 'out.txt').read_text()[-2000:]}")
    return made, usage.ru_utime + usage.ru_stime


def toml(settings: Mapping[str, Any], at: str = "") -> str:
    """Write nested settings as TOML: what stands at this level first, then the tables below it."""
    plain = [f"{key} = {json.dumps(value)}" for key, value in settings.items() if not isinstance(value, Mapping)]
    lines = ([f"[{at}]"] if at else []) + plain
    for key, value in settings.items():
        if isinstance(value, Mapping):
            lines.append(toml(value, f"{at}.{key}" if at else key))
    return "\n".join(lines)


def stock(folder: Path, url: str, examples: int) -> list[str]:
    """Return the command of plain schemathesis by our settings."""
    settings = configuration(url, Preset(examples=examples, seed=1))
    (folder / "schemathesis.toml").write_text(toml(settings))
    contract = str(ROOT / "mocks" / "stripe" / "contract.yaml")
    config = ["--config-file", str(folder / "schemathesis.toml")]
    return [str(BIN / "st"), *config, "run", contract, "--url", url, "-H", "Authorization: Bearer sk_test_assay"]


def ours(url: str, examples: int) -> list[str]:
    """Return our command; a simulator at an address of one's own has no rate budget worth the name."""
    options = ["--base-url", url, "--examples", str(examples), "--per-second", "100000"]
    return [str(BIN / "assay"), "contracts", "check", "stripe", *options]


def main() -> int:
    """Measure both in turn, each on a simulator of its own, and print cases per CPU-second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--examples", type=int, default=20)
    options = parser.parse_args()
    best = {"st run": 0.0, "assay": 0.0}
    with tempfile.TemporaryDirectory() as name:
        for number in range(options.rounds):
            for kind in best:
                folder = Path(name) / f"{kind.replace(' ', '-')}-{number}"
                process, url = serve(folder)
                try:
                    command = stock(folder, url, options.examples) if kind == "st run" else ours(url, options.examples)
                    made, cpu_s = measured(folder, command, url)
                finally:
                    process.terminate()
                    process.wait()
                print(f"  {kind:<7} {made:>6} cases {cpu_s:>6.2f} CPU s {made / cpu_s:>7.1f} a CPU-second", flush=True)
                best[kind] = max(best[kind], made / cpu_s)
    ratio = best["assay"] / best["st run"]
    print(
        f"cases per CPU-second: ours {best['assay']:.0f}, st run {best['st run']:.0f}: {ratio:.2f} x, limit {LIMIT} x"
    )
    return 0 if ratio >= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
