"""What was learned is kept row by row, and nothing one process learned is lost to another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assay.store import open_store
from assay.store.learned import LearnedKey, Memory
from tests.engine import postgres

AT = datetime(2026, 11, 23, tzinfo=UTC)
KEYS = [LearnedKey("stripe", f"GET /v1/charges/{number}", 200) for number in range(3)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    """One PostgreSQL for the module."""
    with postgres.cluster() as made:
        yield made


def add(key: LearnedKey, memory: Memory) -> Memory:
    """Count one answer more."""
    return {"answers": memory.get("answers", 0) + 1}


def added_by_several(address: Path | str) -> None:
    """Let four stores add 25 answers each to the same rows, in different orders."""
    open_store(address).close()

    def work(number: int) -> None:
        store = open_store(address)
        for _ in range(25):
            store.learned.change("production", KEYS if number % 2 else KEYS[::-1], add, now=AT)
        store.close()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    store = open_store(address)
    assert [row.memory for row in store.learned.load("production")] == [{"answers": 100}] * 3
    assert store.learned.load("staging") == store.learned.load("production", "ups") == []
    assert store.learned.forget("production", "stripe") == 3
    assert store.learned.load("production") == []
    store.close()


def test_several_processes_add_up_in_a_file(tmp_path: Path) -> None:
    """Over SQLite no update of four writers is lost."""
    added_by_several(tmp_path / "s.sqlite")


def test_several_processes_add_up_on_a_server(cluster: postgres.Cluster) -> None:
    """Over PostgreSQL no update of four writers is lost, and nobody waits for ever."""
    added_by_several(cluster.new_database())


def test_a_change_that_fails_keeps_nothing(tmp_path: Path) -> None:
    """Where one row's change raises, no row is changed."""
    store = open_store(tmp_path / "s.sqlite")

    def fails_last(key: LearnedKey, memory: Memory) -> Memory:
        if key == KEYS[-1]:
            raise ValueError("no")
        return {"answers": 1}

    with pytest.raises(ValueError, match="no"):
        store.learned.change("local", KEYS, fails_last, now=AT)
    assert store.learned.load("local") == []
    store.forget("local")
    store.close()


def test_forgetting_an_environment_forgets_what_was_learned(tmp_path: Path) -> None:
    """`assay down --forget` and its like leave nothing of it."""
    store = open_store(tmp_path / "s.sqlite")
    store.learned.change("local", KEYS, add, now=AT)
    store.forget("local")
    assert store.learned.load("local") == []
    store.close()
