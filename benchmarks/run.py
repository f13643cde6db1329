"""Run every benchmark and print its figures against its limit: `make bench`. Exit 1 when one is over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run each script in turn, one at a time, so that none disturbs another."""
    over = []
    for script in sorted(HERE.glob("*.py")):
        if script.name == "run.py":
            continue
        print(f"\n== {script.name}", flush=True)
        if subprocess.run([sys.executable, str(script)], check=False).returncode != 0:
            over.append(script.name)
    print("\n" + (f"over their limit or failed: {', '.join(over)}" if over else "all within their limits"))
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
