"""A store that is locked, full or not to be written says so, and nothing of the run is lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from assay.errors import InfrastructureError
from assay.events import RunFinished
from assay.store import Store, open_store
from assay.undo import Ledger
from tests.engine.postgres import Cluster
from tests.engine.test_store_results import AT, outcome, started

HOLD = """
import sqlite3, sys
holder = sqlite3.connect(sys.argv[1], isolation_level=None)
holder.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let another process hold the store's lock."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            holder.communicate(timeout=10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store's file, made."""
    open_store(tmp_path / "store.sqlite").close()
    return tmp_path / "store.sqlite"


@pytest.fixture
def opened() -> Iterator[Callable[..., Store]]:
    """A function that opens a store to be closed at the end."""
    stores: list[Store] = []

    def open_it(*arguments: Any, **options: Any) -> Store:
        stores.append(open_store(*arguments, **options))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


def test_a_locked_store_loses_nothing(path: Path, opened: Callable[..., Store]) -> None:
    """While another process holds the store the recorder says so and waits once; all is there when the lock is gone."""
    store = opened(path, patience_s=0.1)
    record = store.recorder("local")
    with locked(path):
        for event in (started(), outcome("a"), outcome("b", fails=True)):
            record(event)
        trouble = record.trouble
        assert trouble is not None
        assert trouble.message == "the store is locked by somebody else"
        assert (trouble.exit_code, str(path) in str(trouble.where), record.waiting) == (3, True, 3)
    record(RunFinished(run_id="r1", finished_at=AT, exit_code=0))
    assert record.waiting == 0
    assert record.trouble is None
    assert [each.id for each in store.outcomes("r1")] == ["a", "b"]
    assert store.runs("local")[0].finished is not None


def test_nothing_is_created_that_cannot_be_noted(path: Path, opened: Callable[..., Store]) -> None:
    """An intent that cannot be noted is an error before the call it stands for is made."""
    ledger = Ledger(store=opened(path, patience_s=0.1), environment="local", now=lambda: AT)
    with (
        locked(path),
        pytest.raises(InfrastructureError, match="locked by somebody else"),
        ledger.create("shop", "order", "zoe@example.com", undo=("cancel_order", {})),
    ):
        pytest.fail("the block was entered")


def test_a_full_store_says_so(path: Path, opened: Callable[..., Store]) -> None:
    """A disk without room is named as such; what did not fit is kept waiting and written when there is room."""
    pages: Any = {"most": 40}

    def limit(connection: Any, _: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages['most']}")

    sa.event.listen(sa.pool.Pool, "connect", limit)
    try:
        store = opened(path)
        record = store.recorder("local")
        record(started())
        for number in range(200):
            record(outcome(f"o{number:03}", fails=True))
        assert record.trouble is not None
        assert (record.trouble.message, record.waiting > 0) == ("the store is full", True)
        assert "free some disk" in str(record.trouble)
        store.close()
        pages["most"] = 1_000_000
        assert record.flush()
    finally:
        sa.event.remove(sa.pool.Pool, "connect", limit)
    assert len(store.outcomes("r1")) == 200


def test_a_read_only_store_says_so(path: Path, opened: Callable[..., Store]) -> None:
    """A store that may only be read is read; a write is refused with what to do."""
    opened(path).recorder("local")(started())
    store = opened(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert len(store.runs("local")) == 1
    with pytest.raises(InfrastructureError, match="cannot be written") as refused:
        store.add_gap("local", AT, AT)
    assert "make the file and its folder writable" in str(refused.value)


def test_postgresql_says_the_same(postgres: Cluster, opened: Callable[..., Store]) -> None:
    """A locked table and a server that only reads are the same errors over PostgreSQL."""
    address = postgres.new_database()
    store = opened(address, patience_s=0.2)
    engine = sa.create_engine(address.replace("://", "+psycopg://", 1))
    with engine.connect() as holder:
        holder.execute(sa.text("LOCK TABLE gaps IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(InfrastructureError, match="locked by somebody else"):
            store.add_gap("local", AT, AT)
    engine.dispose()
    read_only = opened(f"{address}?options=-c%20default_transaction_read_only%3Don")
    with pytest.raises(InfrastructureError, match="cannot be written"):
        read_only.add_gap("local", AT, AT)


def test_an_intent_is_flushed_to_disk_whatever_was_written_before(tmp_path: Path) -> None:
    """On one connection a lease may wait for the disk and an intent never does: SQLite's levels are 1 and 2."""
    levels: list[int] = []

    def note(connection: sa.Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        levels.append(driver.execute("PRAGMA synchronous").fetchone()[0])

    store = open_store(tmp_path / "a.sqlite")
    try:
        sa.event.listen(sa.Engine, "commit", note)
        for name in ("a", "b"):
            store.lease("local", [name], holder="x", now=AT, until=AT + timedelta(hours=1))
            number = store.intents.add(
                created_at=AT, until=AT, environment="local", run_id="r", scope="s", system="shop", kind="order",
                marker="m", verb="cancel_order", arguments={}, ref=None, holder="h",
            )  # fmt: skip
            store.intents.settle(number, "undone", "", AT)
    finally:
        sa.event.remove(sa.Engine, "commit", note)
        store.close()
    assert levels == [1, 2, 2] * 2
