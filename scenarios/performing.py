"""Performs the cases of a test module side by side, so that they share the time that passes; see `outcomes_of`.

pytest is imported by who uses it: every command that looks for flows imports this module, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay.events import Outcome
from assay.flow import Flow
from assay.runners.run import Pair, run_cases
from assay.runners.session import Session, verdict_text
from assay.runners.verdict import Trouble

if TYPE_CHECKING:
    import pytest

_SIDE_BY_SIDE = 12
"""More at once win nothing on a small machine, and make the last of them wait until their calls time out."""


def named(flows: Sequence[Flow]) -> dict[str, Pair]:
    """Return every case of some flows by the name under which its test asks for it: ``F02[jpy]``."""
    return {f"{flow.id}[{case.name}]": (flow, case) for flow in flows for case in flow.cases}


def in_full(pairs: Mapping[str, Pair], *, but: Sequence[str]) -> list[Any]:
    """Return parameters of a test over all cases, marked ``full`` but for these."""
    import pytest

    for name in but:
        assert name in pairs, f"no case {name}"
    return [pytest.param(name, id=name, marks=() if name in but else pytest.mark.full) for name in pairs]


def silent_together(outcomes: Mapping[str, Outcome], pairs: Mapping[str, Pair]) -> None:
    """Hold that what was judged over all orders at once, beside the cases, was judged and found nothing wrong."""
    together = [outcome for name, outcome in outcomes.items() if name not in pairs]
    assert not any(outcome.failed for outcome in together), verdict_text(together)
    assert together


def outcomes_of(request: pytest.FixtureRequest, session: Session, pairs: Mapping[str, Pair]) -> dict[str, Outcome]:
    """Perform and judge those cases that the chosen tests ask for by ``name``, and all their orders together."""
    import pytest

    chosen = {
        item.callspec.params.get("name")
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    }
    found: dict[str, Outcome] = {}

    def heard(outcome: Outcome) -> None:
        found[f"{outcome.flow}[{outcome.case}]"] = outcome

    def trouble(what: Trouble) -> None:
        pytest.fail(what.text)

    wanted = [pair for name, pair in pairs.items() if name in chosen]
    # Those that act alone come first, so that their orders go on while time passes for the others.
    wanted.sort(key=lambda pair: not pair[1].alone)
    run_cases(session, wanted, heard=heard, trouble=trouble, workers=max(1, min(len(wanted), _SIDE_BY_SIDE)))
    return found
