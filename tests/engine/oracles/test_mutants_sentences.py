"""What people read of every defect of the catalogue, word by word: figures, names, causes and money at risk.

A wrong index or a wrong sign in a finding's text lets no verdict change and misleads whoever reads it. The texts were
read by people; after a change to a judge, write them anew and read what differs:

    ASSAY_WRITE_SENTENCES=1 python -m pytest tests/engine/oracles/test_mutants_sentences.py && git diff
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.engine.oracles.test_defects import GOODS, MONEY, ORDERS
from tests.engine.oracles.world import healthy, judged

SENTENCES = Path(__file__).with_name("sentences.txt")


def written() -> str:
    """Every defect's finding, as a text."""
    blocks = []
    for defect, currency, oracle, broken, cause in (*MONEY, *ORDERS, *GOODS):
        finding = judged(oracle, broken(healthy(currency)))
        if cause == "no history":
            continue
        blocks.append(
            f"{defect} {oracle} {currency}: {finding.result}, in {' and '.join(finding.systems) or 'none'}\n"
            f"  expected {finding.expected}\n  seen     {finding.seen}\n  cause    {finding.cause}\n"
            f"  at risk  {finding.at_risk}\n"
        )
    return "\n".join(blocks)


def test_every_defect_is_told_as_it_was_read() -> None:
    """Each finding over the defects says exactly what `sentences.txt` holds."""
    if os.environ.get("ASSAY_WRITE_SENTENCES"):
        SENTENCES.write_text(written(), encoding="utf-8")
    assert written() == SENTENCES.read_text(encoding="utf-8")
