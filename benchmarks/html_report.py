"""CPU of rendering the HTML report of 500 outcomes, and what the file weighs.

Limits: 2 s of CPU and 2 MB. Each outcome has five steps, twelve exchanges (six of them with bodies of 2.8 kB), a
dossier of four systems and six verdicts; one in ten has a finding. The first rendering is measured: templates compiled,
libraries imported.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.engine.reporting import sample

LIMIT_S, LIMIT_BYTES = 2.0, 2_000_000
OUTCOMES = 500


def main() -> int:
    """Print both figures against their limits; 1 when one is over."""
    events = sample.long_run(OUTCOMES)
    before = time.process_time()
    from assay.reporting import record_of
    from assay.reporting.html import render_html, template_folders

    text = render_html(record_of(events), template_folders(), sample.NEEDS)
    seconds, size = time.process_time() - before, len(text.encode("utf-8", "replace"))
    within = seconds <= LIMIT_S and size < LIMIT_BYTES
    print(f"HTML report of {OUTCOMES} outcomes   {seconds:.2f} s CPU   limit {LIMIT_S} s")
    print(f"its file                    {size:,} bytes   limit {LIMIT_BYTES:,}")
    print("within" if within else "OVER")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
