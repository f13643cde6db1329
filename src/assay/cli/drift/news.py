"""What was learned of the answers of a pair's systems, where the environment keeps any: for `assay drift records`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assay.cli.drift.declared import Pairs
from assay.cli.shared import plan_for
from assay.errors import AssayError

if TYPE_CHECKING:
    from assay.contracts.watch_judging import Change
    from assay.drift.pairs.model import Pair


def news_at_hand(project: Pairs, pairs: Sequence[Pair]) -> Sequence[Change]:
    """Return what has changed in the answers of these pairs' systems; nothing where no environment knows them.

    It is a hint beside what was found: a store that cannot be read takes it away, and nothing else.
    """
    from assay.drift.contract_drift import judgement_of
    from assay.runners.scheduler.contract_watch import opened_watch

    systems = {side.system for pair in pairs for side in (pair.left, pair.right)}
    try:
        plan = plan_for(project.environment, project.profile_path)
        if not systems & set(plan.environment.systems):
            return ()
        with opened_watch(plan) as watch:
            rows = [row for system in sorted(systems) for row in watch.rows(system)]
            return watch.changes(judgement_of({}, datetime.now(UTC)), rows)
    except AssayError:
        return ()
