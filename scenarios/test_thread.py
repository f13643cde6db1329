"""The thread, kept green for ever."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assay.events import Outcome
from assay.flow import Flow
from assay.runners.session import verdict_text
from scenarios.thread import thread

pytestmark = pytest.mark.needs_java


@pytest.mark.parametrize("case", ["eur", pytest.param("jpy", marks=pytest.mark.full)])
def test_thread(perform_and_judge: Callable[[Flow, str], Outcome], case: str) -> None:
    """An order reaches gateway and ERP once, with the right amount."""
    outcome = perform_and_judge(thread, case)
    assert not outcome.failed, verdict_text([outcome])
    assert outcome.evaluated
