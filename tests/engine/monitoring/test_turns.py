"""Each due time of a monitor is one process's turn: never two, and nobody's for ever when its process is gone."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.errors import InfrastructureError
from assay.holder import ourselves
from assay.store import Store, open_store
from tests.engine.postgres import Cluster

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PARIS, OSLO = f"1@{ourselves()}", f"2@{ourselves()}"
HOLDS = """
import sys
from datetime import datetime, timedelta
from pathlib import Path
from assay.holder import ourselves
from assay.store import open_store
address, due = sys.argv[1], datetime.fromisoformat(sys.argv[2])
store = open_store(address if "://" in address else Path(address))
holder = f"x@{ourselves()}" if sys.argv[3] == "here" else "x@elsewhere:7:1.00"
presence = store.turns.present(holder)
taken = store.turns.take("e", "m", "paris", due_at=due, holder=holder, now=due, until=due + timedelta(hours=1))
print(taken, flush=True)
sys.stdin.read()
"""


def take(
    store: Store, due: datetime = AT, *, holder: str = PARIS, now: datetime | None = None, monitor: str = "m"
) -> bool:
    """Ask for a turn in paris, for a minute."""
    now = due if now is None else now
    return store.turns.take("e", monitor, "paris", due_at=due, holder=holder, now=now, until=now + MINUTE)


def finish(store: Store, due: datetime = AT, holder: str = PARIS) -> bool:
    """Say that the turn was run."""
    return store.turns.finish("e", "m", "paris", due_at=due, holder=holder)


def test_a_due_time_is_one_processes(store: Store) -> None:
    """Of two that ask for one due time the first has it; it is not given again when it was run, nor an earlier one."""
    assert take(store)
    assert not take(store, holder=OSLO)
    assert finish(store)
    assert not take(store, holder=OSLO)
    assert not take(store, AT - MINUTE, holder=OSLO, now=AT)
    assert take(store, AT + MINUTE, holder=OSLO)


def test_places_monitors_and_environments_are_apart(store: Store) -> None:
    """A turn is of one monitor at one place of one environment."""
    assert take(store)
    assert take(store, holder=OSLO, monitor="other")
    assert store.turns.take("e", "m", "oslo", due_at=AT, holder=OSLO, now=AT, until=AT + MINUTE)
    assert store.turns.take("f", "m", "paris", due_at=AT, holder=OSLO, now=AT, until=AT + MINUTE)


def test_a_monitor_runs_once_at_a_time(store: Store) -> None:
    """While the holder is busy the next due time is nobody's, its own neither; a lease that ran out is."""
    assert take(store)
    soon = AT + timedelta(seconds=30)
    assert not take(store, soon, holder=OSLO)
    assert not take(store, soon)
    assert take(store, AT + MINUTE, holder=OSLO)
    assert not finish(store)
    assert finish(store, AT + MINUTE, OSLO)


def test_a_lease_is_kept_by_renewing_it(store: Store) -> None:
    """Renewed turns stay; what was taken over meanwhile is not among them, and is not held any more."""
    assert take(store)
    assert take(store, monitor="other")
    assert store.turns.extend("e", PARIS, until=AT + 5 * MINUTE) == {("m", "paris"), ("other", "paris")}
    assert not take(store, AT + 4 * MINUTE, holder=OSLO)
    assert take(store, AT + 6 * MINUTE, holder=OSLO)
    assert store.turns.extend("e", PARIS, until=AT + 9 * MINUTE) == {("other", "paris")}
    assert not store.turns.holds("e", "m", "paris", due_at=AT, holder=PARIS)
    assert store.turns.holds("e", "m", "paris", due_at=AT + 6 * MINUTE, holder=OSLO)
    assert [(each.monitor, each.holder) for each in store.turns.held("e")] == [("m", OSLO), ("other", PARIS)]


def test_a_clock_that_was_ahead_keeps_nobody_silent(store: Store) -> None:
    """Turns that a clock hours ahead took are no reason to wait until those hours come."""
    ahead = AT + timedelta(hours=3)
    assert take(store, ahead)
    assert finish(store, ahead)
    assert take(store, AT)
    assert finish(store, AT)
    assert not take(store, AT)


def test_of_many_at_once_one_has_the_turn(store: Store) -> None:
    """Sixteen ask for each of twenty due times at once: each is given to one."""
    for number in range(20):

        def ask(asker: int, due: datetime = AT + number * MINUTE) -> bool:
            taken = take(store, due, holder=f"{asker}@{ourselves()}")
            if taken:
                finish(store, due, f"{asker}@{ourselves()}")
            return taken

        with ThreadPoolExecutor(16) as threads:
            assert sum(threads.map(ask, range(16))) == 1


@contextmanager
def holding(address: Path | str, where: str = "here") -> Iterator[subprocess.Popen[str]]:
    """Let another process hold a turn for an hour, on this machine or as if on another."""
    command = [sys.executable, "-c", HOLDS, str(address), AT.isoformat(), where]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        yield other
        other.kill()


def test_a_process_killed_on_this_machine_holds_nothing(address: Path | str) -> None:
    """The turn of a living process is refused, that of one killed with SIGKILL is free at once, its lease unspent."""
    store = open_store(address)
    with holding(address) as other:
        assert not take(store, AT + MINUTE)
        other.send_signal(signal.SIGKILL)
        other.wait(timeout=10)
        assert take(store, AT + MINUTE)
    store.close()


def test_a_process_killed_on_another_machine_holds_nothing(postgres: Cluster) -> None:
    """Over PostgreSQL the server tells who is gone, wherever it ran; nobody waits for the lease."""
    address = postgres.new_database()
    store = open_store(address)
    with holding(address, "elsewhere") as other:
        assert not take(store, AT + MINUTE)
        assert not store.turns.is_absent("e", "elsewhere:7:1.00")
        other.send_signal(signal.SIGKILL)
        other.wait(timeout=10)
        until = datetime.now(UTC) + timedelta(seconds=10)  # the server sees the closed connection
        while not (taken := take(store, AT + MINUTE)) and datetime.now(UTC) < until:
            pass
        assert taken
    store.close()


def test_an_absent_process_is_known(postgres: Cluster) -> None:
    """Who took turns and lost its presence is absent; who has it is not, nor who never took any."""
    store = open_store(postgres.new_database())
    presence = store.turns.present(PARIS)
    assert presence is not None
    assert take(store)
    assert not store.turns.is_absent("e", ourselves())
    assert not store.turns.is_absent("e", "elsewhere:1:1.00")
    assert abs(presence.server_time() - datetime.now(UTC)) < timedelta(minutes=1)
    presence.close()
    assert store.turns.is_absent("e", ourselves())
    store.close()


def test_a_lost_presence_says_so(postgres: Cluster) -> None:
    """When the server drops the connection the next look at it is an error in the store's words."""
    import psycopg

    address = postgres.new_database()
    store = open_store(address)
    presence = store.turns.present(PARIS)
    assert presence is not None
    with psycopg.connect(address, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        )
    with pytest.raises(InfrastructureError, match="connection to the store was lost"):
        presence.server_time()
    store.close()


def test_a_file_has_no_presence(tmp_path: Path) -> None:
    """Over SQLite there is none: its monitors are one process's."""
    store = open_store(tmp_path / "s.sqlite")
    assert not store.turns.shared
    assert store.turns.present(PARIS) is None
    assert take(store)
    store.turns.abandon("e")
    assert store.turns.held("e") == []
    assert take(store, AT + timedelta(seconds=1), holder=OSLO)
    store.close()
