"""What stock schemathesis and `assay contracts check` find on one simulator with three seeded faults.

The faults: a value outside the documented enum, a status nobody documented, and a new field. Stock schemathesis runs
with its defaults, ours with its preset. Exit 1 when ours misses one; the time of neither is limited.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from benchmarks.contract_cases import BIN  # noqa: E402
from tests.engine.contracts.toy_system import make  # noqa: E402

FAULTS = {
    "enum": "a value outside the enum ('brand-new')",
    "status": "an undocumented status (422)",
    "field": "a new field ('colour')",
}


def stock(folder: Path, contract: Path) -> tuple[dict[str, bool], str]:
    """Run plain schemathesis with its defaults on the simulator; return which faults it names, and its sum."""
    run = [str(BIN / "st"), "run", str(contract), "--url", "{url}", "--seed", "1", "--max-examples", "20"]
    served = Path(folder) / "served.py"
    served.write_text(_SERVE)
    command = [sys.executable, str(served), str(folder), json.dumps(run)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    said = done.stdout
    methods = "unsupported method" in said.lower() or "Unsupported" in said
    tail = [line.strip() for line in said.splitlines() if "failures" in line or "Test cases" in line]
    found = {
        "enum": "brand-new" in said and "violates schema" in said,
        "status": "Undocumented HTTP status code" in said or "Undocumented status code" in said,
        # It prints whole answers, so the name alone is no finding: no check of it says the field is one too many.
        "field": "undocumented field" in said.lower(),
    }
    return found, "; ".join([*tail, *(["complains of methods nobody documented"] if methods else [])])


def ours(folder: Path) -> tuple[dict[str, bool], str]:
    """Run our check; return which faults it names, and its sum."""
    command = [str(BIN / "assay"), "contracts", "check", "toy", "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    [found] = json.loads(done.stdout)["systems"]
    failed = [(each["check"], each["status"], each["message"]) for one in found["operations"] for each in one["failed"]]
    seen = {
        "enum": any(check == "response_schema_conformance" and "brand-new" in text for check, _, text in failed),
        "status": any(check == "status_code_conformance" and status == 422 for check, status, _ in failed),
        "field": any(check == "undocumented_field" and "colour" in text for check, _, text in failed),
    }
    return seen, f"{found['broken']} broken, {len(failed) - found['broken']} informing"


_SERVE = '''
"""Serves the toy of a folder alone while a command runs; {url} in it becomes the address."""
import json, subprocess, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
ready = folder / "ready.json"
config = {"suite_roots": [str(folder)], "dir": str(folder / "state"), "ready": str(ready),
          "systems": [{"vendor": "toy", "port": 0}]}
(folder / "config.json").write_text(json.dumps(config))
server = subprocess.Popen([sys.executable, "-m", "assay.simkit.serve", str(folder / "config.json")])
try:
    while not ready.exists():
        assert server.poll() is None
        time.sleep(0.01)
    url = f"http://127.0.0.1:{json.loads(ready.read_text())['ports']['toy']}"
    command = [part.replace("{url}", url) for part in json.loads(sys.argv[2])]
    sys.exit(subprocess.run(command).returncode)
finally:
    server.terminate()
    server.wait()
'''


def main() -> int:
    """Print what each found."""
    with tempfile.TemporaryDirectory() as name:
        folder = make(Path(name), faulty=True)
        theirs, their_sum = stock(folder, folder / "mocks" / "toy" / "contract.yaml")
        found, sum_ = ours(folder)
    print(f"{'seeded fault':<42}{'st run':<10}assay contracts check")
    for fault, words in FAULTS.items():
        print(f"{words:<42}{'found' if theirs[fault] else 'missed':<10}{'found' if found[fault] else 'missed'}")
    print(f"st run: {their_sum}\nassay contracts check: {sum_}")
    return 0 if all(found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
