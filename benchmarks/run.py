"""Run every benchmark and print its figures against its limit: `make bench`. Exit 1 when one is over.

With ``--json FILE`` the file gets, by script, ``{"exit_code", "seconds", "limits": [each line that names a limit]}``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def measured(script: Path) -> dict[str, Any]:
    """Run one script, its words on the terminal; return how it ended and its lines that name a limit."""
    print(f"\n== {script.name}", flush=True)
    began, limits = time.monotonic(), []
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process:
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
    options = parser.parse_args()
    scripts = [script for script in sorted(HERE.glob("*.py")) if script.name != "run.py"]
    figures = {script.stem: measured(script) for script in scripts}
    if options.json_path is not None:
        options.json_path.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    over = [name for name, each in figures.items() if each["exit_code"] != 0]
    print("\n" + (f"over their limit or failed: {', '.join(over)}" if over else "all within their limits"))
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
