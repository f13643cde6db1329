"""What `import assay` and `assay --help` cost, as CPU of the whole process, against the bare interpreter in one run.

Limits: 150 ms for the import, 250 ms for the help, and at most 12 x the bare interpreter for the help, so that a slow
machine does not decide. The rounds alternate and the least disturbed of each counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

IMPORT_LIMIT_MS, HELP_LIMIT_MS, HELP_LIMIT = 150, 250, 12.0
ROUNDS = 11
WAYS = {
    "bare interpreter": [sys.executable, "-c", "pass"],
    "import assay": [sys.executable, "-c", "import assay"],
    "assay --help": [str(Path(sys.executable).parent / "assay"), "--help"],
}


def cpu_ms(command: list[str]) -> float:
    """Return the CPU milliseconds of a process."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command} ended with {child.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def main() -> int:
    """Print every figure against its limit; 1 when one is over."""
    least = dict.fromkeys(WAYS, float("inf"))
    for _ in range(ROUNDS):
        for name, command in WAYS.items():
            least[name] = min(least[name], cpu_ms(command))
    ratio = least["assay --help"] / least["bare interpreter"]
    print(f"bare interpreter   {least['bare interpreter']:.0f} ms CPU")
    figures = [
        ("import assay", least["import assay"], IMPORT_LIMIT_MS, "ms CPU"),
        ("assay --help", least["assay --help"], HELP_LIMIT_MS, "ms CPU"),
        ("help / bare", ratio, HELP_LIMIT, "x"),
    ]
    for name, seen, limit, unit in figures:
        said = "within" if seen <= limit else "OVER"
        print(f"{name:<18}{seen:.{0 if unit != 'x' else 1}f} {unit}   limit {limit:g} {unit}   {said}")
    return 0 if all(seen <= limit for _, seen, limit, _ in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
