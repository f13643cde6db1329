"""`python -c "import assay"` under 150 ms: the whole process, against the bare interpreter, in one run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

LIMIT_S = 0.150


def seconds(code: str) -> float:
    """Return the wall time of a fresh interpreter that runs this code."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def main() -> int:
    """Print both medians against the limit."""
    seconds("import assay")
    bare, ours = (statistics.median(seconds(code) for _ in range(11)) for code in ("pass", "import assay"))
    print(f"bare interpreter {bare * 1000:.0f} ms, import assay {ours * 1000:.0f} ms   limit {LIMIT_S * 1000:.0f} ms")
    return 0 if ours <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
