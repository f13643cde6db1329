"""Sums of windows are kept once, by whichever process came first, and forgotten by whoever keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.store import Store, open_store
from tests.engine import postgres

AT = datetime(2026, 11, 23, tzinfo=UTC)
DAY = timedelta(days=1)


def holds(store: Store) -> None:
    """Let a store keep, give back and forget."""
    store.windows.keep("production", "placed", {AT: {"volume": 3}, AT + DAY: {"volume": 4}})
    store.windows.keep("production", "placed", {AT: {"volume": 99}, AT + 2 * DAY: {"volume": 5}})
    store.windows.keep("staging", "placed", {})
    assert [each["volume"] for each in store.windows.load("production", "placed", since=AT).values()] == [3, 4, 5]
    assert list(store.windows.load("production", "placed", since=AT + DAY)) == [AT + DAY, AT + 2 * DAY]
    assert not store.windows.load("production", "calls", since=AT)
    assert not store.windows.load("staging", "placed", since=AT)
    store.prune(keep_days=1, now=AT + 400 * DAY)
    assert len(store.windows.load("production", "placed", since=AT)) == 3
    assert store.windows.forget("production", "placed", before=AT + DAY) == 1
    store.forget("production")
    assert not store.windows.load("production", "placed", since=AT)


def test_a_window_is_kept_once(tmp_path: Path) -> None:
    """The first sum of a window stays, and pruning results forgets nothing that was learned."""
    store = open_store(tmp_path / "s.sqlite")
    holds(store)
    store.close()


@pytest.mark.full
def test_a_server_keeps_it_the_same_way() -> None:
    """PostgreSQL keeps sums as a file does."""
    with postgres.cluster() as cluster:
        store = open_store(cluster.new_database())
        holds(store)
        store.close()
