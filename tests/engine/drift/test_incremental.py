"""Incremental passes: what they find is what comparing everything finds, at every step of histories that are drawn."""

from __future__ import annotations

from datetime import timedelta

import pytest

from assay.drift.pairs.engine import compare
from assay.drift.pairs.incremental import Way, compare_incrementally
from assay.drift.pairs.rows import table_of
from assay.drift.pairs.sources import narrowing
from tests.engine.drift.histories import lived, orders, told
from tests.engine.drift.two_sides import AT, ago


@pytest.mark.parametrize("window", [None, timedelta(hours=8)], ids=["all", "window"])
def test_sweeps_find_what_comparing_everything_finds(window: timedelta | None) -> None:
    """Whatever happens to rows, dated or not, a sweep says what a whole comparison says: counts, classes, records."""
    ways = lived(1, 6, dated=False, window=window)
    assert ways[0] is Way.WHOLE
    assert Way.SWEEP in ways


@pytest.mark.parametrize("window", [None, timedelta(hours=8)], ids=["all", "window"])
def test_watermarks_find_what_comparing_everything_finds(window: timedelta | None) -> None:
    """Where rows say when they changed, reading those alone says what a whole comparison says."""
    assert Way.WATERMARK in lived(2, 6, dated=True, window=window)


def test_what_left_the_window_is_no_part_of_the_verdict() -> None:
    """An hour that the window has moved past counts no more, though nothing of it changed and nothing else did."""
    rows = [
        {"id": hour, "value": 1, "placed": ago(hours=hour, minutes=30), "changed": ago(hours=hour)}
        for hour in range(12)
    ]
    pair, sides = orders(window=timedelta(hours=8)), (table_of(rows), table_of(rows))
    before = compare_incrementally(pair, *sides, at=AT, before=None).remembered
    later = AT + timedelta(hours=2)
    again = compare_incrementally(pair, *sides, at=later, before=before)
    assert told(again.outcome) == told(compare(pair, *sides, at=later))
    assert (again.outcome.counts.left, before and before.counts.left) == (6, 8)


@pytest.mark.full
@pytest.mark.parametrize("dated", [True, False], ids=["dated", "undated"])
def test_a_database_that_is_asked_for_a_window_tells_the_same(dated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that left the window are not read any more, but for partners of those in it, and nothing else changes."""
    monkeypatch.setattr(narrowing, "_ZONES", timedelta())
    for seed in range(300, 304):
        lived(seed, 20, dated=dated, window=timedelta(hours=8), database=True)


@pytest.mark.full
@pytest.mark.parametrize("window", [None, timedelta(hours=8)], ids=["all", "window"])
@pytest.mark.parametrize("dated", [True, False], ids=["dated", "undated"])
def test_many_histories_are_found_alike(dated: bool, window: timedelta | None) -> None:
    """The same holds for longer histories, and more of them."""
    for seed in range(100, 110):
        lived(seed, 20, dated=dated, window=window)
