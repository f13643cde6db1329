"""The last pieces, kept green for ever."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assay.events import Outcome
from assay.flow import Flow
from assay.runners.session import verdict_text
from scenarios.last_pieces import last_pieces

pytestmark = pytest.mark.needs_java


@pytest.mark.parametrize("time", ["first", "again"])
def test_last_pieces(perform_and_judge: Callable[[Flow, str], Outcome], time: str) -> None:
    """One of two customers gets the last pieces; the second time goods come in before."""
    outcome = perform_and_judge(last_pieces, "eur")
    assert not outcome.failed, verdict_text([outcome])
    assert len(outcome.order_refs) == 1
