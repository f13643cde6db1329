"""Whatever runs come in whatever order, whoever hears them and whenever the store is away: told once, and in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.store import Store, open_store
from tests.engine.monitoring.night import Night, profile_of, watch
from tests.engine.monitoring.test_delivery import away

RESULTS = st.sampled_from(["passed", "passed", "failed", "failed", "failed", "error", "stuck"])
# Each step: what the run comes to, which of two processes hears it, and whether the store is away.
STEPS = st.lists(st.tuples(RESULTS, st.integers(0, 1), st.booleans()), min_size=1, max_size=25)
_numbers = itertools.count()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store; each example is an environment of its own."""
    store = open_store(tmp_path_factory.mktemp("histories") / "store.sqlite")
    yield store
    store.close()


def night_of(kept: Store, folder: Path) -> Night:
    """Return a night whose chat takes everything and whose monitor never flaps."""
    profile = profile_of(folder, flaps=1000, remind_every="7d")
    night = Night(kept, profile, {"checkout": watch(interval_s=86_400.0)}, environment=f"e{next(_numbers)}")
    night.engine.courier._send = lambda *_: "taken"  # type: ignore[method-assign]
    return night


def expected(results: list[str]) -> list[str]:
    """Say by the plainest reading what is to be told of one row of runs."""
    said: list[str] = []
    bad, failed, good, told = 0, 0, 0, ""
    for result in results:
        if result == "passed":
            good += 1
            if not told or good >= 2:
                if told:
                    said.append("resolved")
                bad, failed, told = 0, 0, ""
        else:
            bad, good, failed = bad + 1, 0, failed + (result == "failed")
            kind = "failing" if failed else "unknown"
            if (bad >= 3 and not told) or (told == "unknown" and kind == "failing"):
                said.append("firing")
                told = kind
    return said


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_two_processes_tell_what_one_would(kept: Store, tmp_path: Path, steps: list[tuple[str, int, bool]]) -> None:
    """Runs heard by either of two processes are told exactly as the plain rule says, each message once."""
    night = night_of(kept, tmp_path)
    other = night.another()
    other.courier._send = lambda *_: "taken"  # type: ignore[method-assign]
    for result, who, _ in steps:
        night.run(result, engine=(night.engine, other)[who])
    assert [each["kind"] for each in night.messages] == expected([result for result, _, _ in steps])
    assert {each.state for each in kept.alerts.deliveries(night.environment)} <= {"delivered"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_a_store_that_comes_and_goes_changes_nothing(
    kept: Store, tmp_path: Path, steps: list[tuple[str, int, bool]]
) -> None:
    """With the store away at any of the runs the same is told, once, and all of it is in the store at the end."""
    night = night_of(kept, tmp_path)
    for result, _, gone in steps:
        if gone:
            with away(night):
                night.run(result)
        else:
            night.run(result)
    night.pass_time(10)
    assert [each["kind"] for each in night.messages] == expected([result for result, _, _ in steps])
    assert night.engine.courier.counts.get(("chat", "delivered"), 0) == len(night.messages)
