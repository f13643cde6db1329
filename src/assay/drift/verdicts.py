"""How checks give their verdicts: signed with the oracle's id, over many orders at once, and where all is quiet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assay.drift.look import Look
from assay.events import Finding, Result
from assay.oracles import ORACLES
from assay.records import Dossier

QUIET = "quiet"
"""The verdict over a window in which nothing happened: everybody answered, and there was nothing to compare."""


def quiet(look: Look, what: str) -> None:
    """Say that all were asked and there is nothing to judge: a night without orders is no alarm."""
    look.holds(True, oracle=QUIET, about=what)


def signed(finding: Finding, oracle: str, about: str, formula: str = "") -> Finding:
    """Return what a judge said with its name and subject."""
    return replace(finding, oracle=oracle, order_ref=finding.order_ref or about, formula=finding.formula or formula)


def verdicts(dossiers: Sequence[Dossier], oracles: Sequence[str], look: Look) -> list[Finding]:
    """Return every violation, and of the rest one verdict for each oracle over all orders.

    What an oracle misses in the journal alone is no trouble: the calls of an old order may be gone.
    """
    found: list[Finding] = []
    for name in oracles:
        said = [ORACLES[name](dossier, look.judging) for dossier in dossiers]
        violations = [each for each in said if each.result is Result.FAIL]
        held = [each for each in said if each.result is Result.PASS]
        blind = [each for each in said if each.reason and not each.reason.startswith("journal:")]
        found += violations
        if held and not violations:
            found.append(replace(held[0], order_ref=f"{len(held)} orders"))
        if blind and not violations:
            # A witness that did not answer for one order is told even where others could be judged.
            unread = next((each for each in blind if each.reason.partition(":")[0] in dict(_unread(dossiers))), None)
            if unread is not None or not held:
                found.append(unread or blind[0])
    return found


def violated(findings: Sequence[Finding]) -> bool:
    """Say whether any of them is a violation."""
    return any(each.result is Result.FAIL for each in findings)


def _unread(dossiers: Sequence[Dossier]) -> list[tuple[str, str]]:
    return [each for dossier in dossiers for each in dossier.unread]
