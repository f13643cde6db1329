"""The pairs of a project: its own, and behind them those of the shipped ones that are of systems it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from assay.drift.pairs.model import Pair
from assay.drift.pairs.reading import Declared, pair_files, read_pairs
from assay.profile import Profile


def pairs_of(roots: Sequence[Path], profile: Profile) -> Declared:
    """Return the pairs of these suites, the project's own first; `UsageError` for the first thing that is wrong.

    A shipped pair is left out where the project takes nothing shipped, has one of that name, or lacks its systems.
    """
    own = profile.policies.rounding
    taken = roots if profile.scenarios.shipped else roots[:1]
    declared = read_pairs(pair_files(taken), rounding=own.policy() if own else None)
    systems = {name for each in profile.environments.values() for name in each.systems}
    mine = roots[0].resolve()
    return replace(
        declared,
        pairs={
            name: pair
            for name, pair in declared.pairs.items()
            if Path(pair.declared_in).is_relative_to(mine) or listed_systems(pair) <= systems
        },
    )


def listed_systems(pair: Pair) -> set[str]:
    """Return the systems that are asked for a pair; of files and databases a system is only a name."""
    return {side.system for side in (pair.left, pair.right) if side.source.get("kind") == "listing"}
