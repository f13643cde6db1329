"""What people read: every defect's finding, word for word, as kept beside this file.

python -m tests.engine.oracles.test_sentences     writes sentences.txt anew; read the difference before it is kept
"""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.events import Finding
from tests.engine.oracles.test_defects import GOODS, MONEY, ORDERS, Row
from tests.engine.oracles.world import healthy, judged

KEPT = Path(__file__).with_name("sentences.txt")
ROWS = [row for row in (*MONEY, *ORDERS, *GOODS) if row[4] != "no history"]


def told(row: Row) -> str:
    """A defect's finding in one line: sentence, what is at risk, and how many journal lines prove it."""
    defect, currency, oracle, broken, _ = row
    finding: Finding = judged(oracle, broken(healthy(currency)))
    risk = finding.at_risk or "nothing that can be said"
    return f"{defect} in {currency}: {finding.sentence()} At risk: {risk}; {len(finding.evidence)} journal lines."


@pytest.mark.parametrize("place", range(len(ROWS)))
def test_a_finding_reads_as_kept(place: int) -> None:
    """The sentence names order, systems, expected, seen and cause exactly as it was read and kept."""
    assert told(ROWS[place]) == KEPT.read_text(encoding="utf-8").splitlines()[place]


def test_nothing_more_is_kept() -> None:
    """The kept file has one line for each defect and no other."""
    assert len(KEPT.read_text(encoding="utf-8").splitlines()) == len(ROWS)


if __name__ == "__main__":
    KEPT.write_text("".join(f"{told(row)}\n" for row in ROWS), encoding="utf-8")
