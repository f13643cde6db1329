"""Mutation testing of ours: what is drawn, what counts as another program, and how a change is told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.mutation_lane import Broken, Lane, changed_functions, is_another

ROOT = Path(__file__).parents[2]
MODULE = Path("src/assay/oracles/strangers.py")
TESTS = ("tests/engine/oracles/test_mutants_turns.py", "tests/engine/test_strangers.py")
BEFORE = '''
"""A module."""
from __future__ import annotations
_LIMIT = 5


class Box:
    """A box."""

    def is_full(self, size: int = 3) -> bool:
        """Say whether it is."""
        return any(each > size for each in (1, 2))


def outer(x: int, *, y: int) -> int:
    return x + y + _LIMIT
'''


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("each > size", "each < size", ["Box.is_full"]),
        ("x + y", "x - y", ["outer"]),
        ("_LIMIT = 5", "_LIMIT = 6", None),
        ("size: int = 3", "size: int = 4", None),
    ],
)
def test_a_change_is_laid_to_the_function_it_is_in(old: str, new: str, names: list[str] | None) -> None:
    """A change inside a function names it, whatever is nested in it; a constant or a default belongs to none."""
    found = changed_functions(BEFORE, BEFORE.replace(old, new))
    assert (None if found is None else [each.co_qualname for each in found]) == names


@pytest.mark.parametrize(
    ("old", "new", "is_one"),
    [("x + y", "x - y", True), ("x + y", "(x + y)", False), ("*, y", "+, y", False), ("# nothing", "", False)],
)
def test_only_another_program_counts(old: str, new: str, is_one: bool) -> None:
    """What does not compile, or compiles to the same, is no mutant and flatters no figure."""
    assert is_another(BEFORE, BEFORE.replace(old, new)) is is_one


def test_a_lane_tells_a_mutant_from_what_is_right(tmp_path: Path) -> None:
    """A call too few is noticed, a name nobody uses is not, and a module that was edited meanwhile is refused."""
    before = (ROOT / MODULE).read_text(encoding="utf-8")
    lane = Lane(tmp_path / "0", TESTS)
    try:
        lane.wait_until_ready()
        lane.learn_duration(TESTS)
        lane.check(MODULE, before)
        with pytest.raises(Broken, match="start again"):
            lane.check(MODULE, before + "\n")
        assert lane.notices(MODULE, before, before.replace("seen[:5]", "seen[:4]"), TESTS)
        assert not lane.notices(MODULE, before, before + "\nUNUSED = 1\n", TESTS)
    finally:
        lane.close()
