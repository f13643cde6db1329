"""`assay up` against the boot of the bare jar, and `assay up` when everything is up, in one run.

Limits: from installed to healthy at most 3.0 x the boot of the bare jar with its class-data archive; when up, 0.5 s.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from assay.edge import prepare
from assay.edge.archive import boot_seconds

UP_LIMIT = 3.0
AGAIN_LIMIT_S = 0.5


def assay(folder: Path, *arguments: str) -> float:
    """Run the command in a folder and return its wall time in seconds."""
    began = time.perf_counter()
    subprocess.run(
        [str(Path(sys.executable).parent / "assay"), *arguments], cwd=folder, check=True, capture_output=True
    )
    return time.perf_counter() - began


def main() -> int:
    """Print both figures against their limits; 1 when one is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    installation = prepare()
    boots, ups, agains = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        assay(folder, "up")  # makes the certificates, once per landscape
        assay(folder, "down")
        for _ in range(rounds):
            boots.append(boot_seconds(installation, flags="archive"))
            ups.append(assay(folder, "up"))
            agains.append(assay(folder, "up"))
            assay(folder, "down")
    boot, up, again = (statistics.median(each) for each in (boots, ups, agains))
    print(f"bare jar with archive   {boot:.2f} s")
    print(
        f"assay up                {up:.2f} s = {up / boot:.2f} x   limit {UP_LIMIT} x   {_said(up / boot <= UP_LIMIT)}"
    )
    print(f"assay up when up        {again:.2f} s   limit {AGAIN_LIMIT_S} s   {_said(again <= AGAIN_LIMIT_S)}")
    return 0 if up / boot <= UP_LIMIT and again <= AGAIN_LIMIT_S else 1


def _said(good: bool) -> str:
    return "within" if good else "OVER"


if __name__ == "__main__":
    sys.exit(main())
