"""Monitors that compare a pair, held against the pairs there are: one that is misspelt watches nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from assay.drift.pairs.declared import pairs_of
from assay.drift.pairs.model import Pair
from assay.drift.watching.names import CHECK, pairs_named
from assay.errors import UsageError, did_you_mean
from assay.monitor import Monitor
from assay.profile import Profile
from assay.suites import reference_suite


def held_against_pairs(monitors: Mapping[str, Monitor], roots: Sequence[Path], profile: Profile) -> dict[str, Monitor]:
    """Return the monitors, without those shipped ones whose pairs the project does not have.

    roots: the suites in which pairs are declared. `UsageError` for a pair that is not there, or a file of pairs that is
    wrong.
    """
    if not any(each.check == CHECK for each in monitors.values()):
        return dict(monitors)
    pairs = pairs_of(roots, profile).pairs
    found = {}
    for name, monitor in monitors.items():
        if monitor.check == CHECK:
            here = [each for each in pairs_named(monitor.options) if each in pairs]
            if monitor.source.is_relative_to(reference_suite()):
                if not here:
                    continue  # it was written for the reference shop
                monitor = replace(monitor, options={**monitor.options, "pair": "", "pairs": here})
            elif len(here) < len(pairs_named(monitor.options)) or not here:
                raise _no_pair(monitor, pairs)
        found[name] = monitor
    return found


def _no_pair(monitor: Monitor, pairs: Mapping[str, Pair]) -> UsageError:
    name = next((each for each in pairs_named(monitor.options) if each not in pairs), "")
    option = "pairs" if name in monitor.options.get("pairs", ()) else "pair"
    return UsageError(
        f"no pair '{name}'" if name else "no pair is named",
        where=f"{monitor.source}: monitors.{monitor.name}.options.{option}",
        expected=", ".join(pairs) or "[pairs.NAME] in monitors/drift/*.toml",
        hint=did_you_mean(name, pairs),
    )
