"""What a session lends a flow: turns to act side by side or alone, and faults that are refused where they are wrong."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.local.project import plan_for
from assay.runners.operator import LandscapeOperator, Turns
from tests.conftest import PROFILE

_SOON_S = 5.0


def test_whoever_must_be_alone_is_alone() -> None:
    """Nobody acts beside a case that runs alone, and it waits until all who act have done."""
    turns, both = Turns(), threading.Barrier(2, timeout=_SOON_S)
    acting: list[str] = []
    seen: list[tuple[str, ...]] = []
    changing = threading.Lock()

    def act(name: str, *, alone: bool) -> None:
        with turns.taken(alone=alone):
            with changing:
                acting.append(name)
            if not alone:
                both.wait()  # only passes while the other one acts too
            with changing:
                if alone:
                    seen.append(tuple(acting))
                acting.remove(name)

    threads = [threading.Thread(target=act, args=("alone",), kwargs={"alone": True}) for _ in range(2)]
    threads += [threading.Thread(target=act, args=(name,), kwargs={"alone": False}) for name in ("a", "b", "c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_SOON_S)
    assert not any(thread.is_alive() for thread in threads)
    assert seen == [("alone",), ("alone",)]


def test_a_turn_ends_when_its_case_fails() -> None:
    """A case that raises gives its turn back, alone or not."""
    turns = Turns()
    for alone in (True, False):
        with pytest.raises(LookupError), turns.taken(alone=alone):
            raise LookupError
    with turns.taken(alone=True):
        pass


@pytest.mark.parametrize(
    ("kind", "figures", "word"),
    [("dealy", {}, "delay"), ("delay", {}, "delay_ms"), ("delay", {"speed": 3}, "speed")],
)
def test_a_wrong_fault_is_refused(tmp_path: Path, kind: str, figures: dict[str, int], word: str) -> None:
    """A fault of an unknown kind, without its figure or with one it has not, is refused before the edge is asked."""
    (tmp_path / "assay.toml").write_text(PROFILE)
    operator = LandscapeOperator(plan_for("local", tmp_path / "assay.toml"), lambda _: None)
    with pytest.raises(UsageError) as refused:
        operator.put_fault(kind, "stripe", **figures)
    assert word in str(refused.value) + str(refused.value.hint) + str(refused.value.seen)


def test_time_is_the_sessions() -> None:
    """Passing time is handed on to whoever shares the clock."""
    asked: list[timedelta] = []
    plan = plan_for("local", Path(__file__).parents[2] / "assay.toml")
    LandscapeOperator(plan, asked.append).pass_time(timedelta(hours=2))
    assert asked == [timedelta(hours=2)]
