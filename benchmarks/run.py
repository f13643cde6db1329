"""Run the benchmarks and print their figures against their limits: `make bench`. Exit 1 when one is over.

    python benchmarks/run.py                 every one, over as many rows as a quarter of an hour has time for
    python benchmarks/run.py --long drift    those of drift, over as many rows as their limits speak of: an hour
    python benchmarks/run.py --long others   all others

With ``--json FILE`` the file gets, by run, ``{"exit_code", "seconds", "limits": [each line that names a limit]}``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SHORT: Mapping[str, Sequence[Sequence[str]]] = {
    "drift_sixty_days": [("--season", "autumn", "--days", "3", "--quiet-only")]
}
"""What a script is run with; nothing where it is not named."""
LONG: Mapping[str, Sequence[Sequence[str]]] = {
    "reconcile": [
        ("--rows", "1000000", "--rounds", "3", "--peers", "all"),
        ("--rows", "10000000", "--peers", "ibis,polars"),
        ("--rows", "50000000", "--without-sql"),
    ],
    "drift_incremental": [("--rows", "10000000")],
}


def scripts() -> list[Path]:
    """Return every script that measures something, by name; others hold data for them."""
    found = sorted(HERE.glob("*.py"))
    return [path for path in found if path.name != "run.py" and "__main__" in path.read_text(encoding="utf-8")]


def is_of_drift(script: Path) -> bool:
    """Whether a script measures drift."""
    return script.stem.startswith(("drift_", "reconcile"))


def measured(script: Path, options: Sequence[str]) -> dict[str, Any]:
    """Run one script, its words on the terminal; return how it ended and its lines that name a limit."""
    print(f"\n== {' '.join((script.name, *options))}", flush=True)
    began, limits = time.monotonic(), []
    with subprocess.Popen([sys.executable, str(script), *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if "limit" in line.split():
                limits.append(" ".join(line.split()))
    seconds = round(time.monotonic() - began, 1)
    return {"exit_code": process.returncode, "seconds": seconds, "limits": limits}


def main() -> int:
    """Run each script in turn, one at a time, so that none disturbs another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, dest="json_path")
    parser.add_argument("--long", choices=("drift", "others"))
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    for script in scripts():
        if options.long is None or is_of_drift(script) is (options.long == "drift"):
            for given in (SHORT if options.long is None else LONG).get(script.stem, [()]):
                figures[" ".join((script.stem, *given))] = measured(script, given)
    if options.json_path is not None:
        options.json_path.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    over = [name for name, each in figures.items() if each["exit_code"] != 0]
    print("\n" + (f"over their limit or failed: {', '.join(over)}" if over else "all within their limits"))
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
