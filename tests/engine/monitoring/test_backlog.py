"""While the store is away or the disk is full no result is lost, and none is kept twice when it is back."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InfrastructureError
from assay.events import Finding, Probe, ProbeResult, Result
from assay.runners.scheduler.backlog import Backlog
from assay.store import Store, open_store

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def probe(number: int, result: ProbeResult = ProbeResult.PASSED, **changes: Any) -> Probe:
    """Return the run of minute `number`."""
    due = AT + timedelta(minutes=number)
    told = Probe(
        id=f"p{number}",
        monitor="orders",
        subject="F01",
        environment="local",
        location="here",
        result=result,
        due_at=due,
        started_at=due,
        seconds=0.5,
    )
    return replace(told, **changes)


class Door:
    """Stands before a store's probes and is shut at will: a store that is away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.shut = False

    def __getattr__(self, name: str) -> Any:
        if self.shut:
            raise InfrastructureError("the store cannot be reached", where="postgresql://h/a", seen="refused")
        return getattr(self._store, name)


class World:
    """A backlog over a store that can be shut, in a folder, with a clock of its own and what it said."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.door, self.folder = store, Door(store), folder
        self.said: list[str] = []
        self.at = 0.0
        self.backlog = self.new()

    def new(self, **more: Any) -> Backlog:
        """Return a backlog as the next process makes it."""
        door: Any = self.door
        return Backlog(
            door, "local", self.folder, log=self.said.append, now=lambda: AT, monotonic=lambda: self.at, **more
        )

    def tick(self, seconds: float) -> None:
        """Let time pass and tick."""
        self.at += seconds
        self.backlog.tick(AT)

    def kept(self) -> list[int]:
        """Return the minutes of the runs in the store."""
        runs = self.store.probes.history("local", "orders", since=AT, until=AT + timedelta(days=9), limit=100_000)
        return sorted((each.due_at - AT) // timedelta(minutes=1) for each in runs)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world over a file."""
    store = open_store(tmp_path / "store.sqlite", patience_s=0.2)
    world = World(store, tmp_path / "home")
    yield world
    world.backlog.close()
    store.close()


def test_a_run_is_in_the_store_when_it_was_told(world: World) -> None:
    """While all is well a run is kept at once; nothing waits, and no file is made."""
    world.backlog(probe(1))
    world.backlog("not a run")
    assert world.kept() == [1]
    assert (world.backlog.waiting, world.backlog.store_up, world.said) == (0, True, [])
    assert not world.folder.exists()


def test_what_the_store_did_not_take_is_kept_when_it_is_back(world: World) -> None:
    """While the store is away runs wait on disk; when it is back all are kept in their order, once, and it is said."""
    world.backlog(probe(0))
    world.door.shut = True
    for number in range(1, 6):
        world.backlog(probe(number))
    assert (world.backlog.waiting, world.backlog.store_up, world.backlog.away_since) == (5, False, AT)
    [lines] = [path.read_text().splitlines() for path in world.folder.glob("backlog-*.jsonl")]
    assert [json.loads(line)["due_us"] for line in lines] == sorted(json.loads(line)["due_us"] for line in lines)
    world.tick(0.5)
    assert world.backlog.waiting == 5
    world.door.shut = False
    world.tick(60)
    assert world.kept() == [0, 1, 2, 3, 4, 5]
    assert (world.backlog.waiting, world.backlog.store_up, world.backlog.away_since) == (0, True, None)
    away, back = world.said
    assert away.startswith("the store cannot be reached (postgresql://h/a; refused): checks go on, results wait in ")
    assert back == "the store is back, away since 09:00:00 UTC: 5 runs that waited are kept now"


def test_the_next_process_writes_what_one_left(world: World) -> None:
    """What waited on disk when its process ended, even killed, is kept by the next one; a broken last line is said."""
    world.door.shut = True
    for number in range(3):
        world.backlog(probe(number))
    world.backlog.close()
    [path] = world.folder.glob("backlog-*.jsonl")
    with path.open("a") as lines:
        lines.write('{"environment": "loc')
    world.door.shut = False
    world.backlog = world.new()
    world.backlog.start()
    assert world.kept() == [0, 1, 2]
    assert list(world.folder.iterdir()) == []
    assert any("wait in" in said for said in world.said)
    assert f"{path}:4 is no whole run and is left out" in world.said
    assert world.said[-1] == "3 runs that an earlier process could not write are kept now"


def test_a_killed_process_leaves_what_it_was_told(tmp_path: Path) -> None:
    """A process killed with SIGKILL while the store is away has every run it was told on disk."""
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from test_backlog import World, probe; from assay.store import open_store\n"
        "world = World(open_store(Path(sys.argv[1]) / 's.sqlite'), Path(sys.argv[1]) / 'home')\n"
        "world.door.shut = True\n"
        "for number in range(20): world.backlog(probe(number))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    here = str(Path(__file__).parent)
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path), here], timeout=60)
    assert done.returncode == -signal.SIGKILL
    store = open_store(tmp_path / "s.sqlite")
    world = World(store, tmp_path / "home")
    world.backlog.start()
    assert world.kept() == list(range(20))
    store.close()


def test_a_living_process_keeps_its_own_file(world: World) -> None:
    """What another process of the same folder is still busy with is left to it."""
    world.door.shut = True
    world.backlog(probe(1))
    script = (
        "import sys; from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from test_backlog import World; from assay.store import open_store\n"
        "world = World(open_store(Path(sys.argv[1]) / 'store.sqlite'), Path(sys.argv[1]) / 'home')\n"
        "world.backlog.start()\n"
        "print(world.kept())\n"
    )
    command = [sys.executable, "-c", script, str(world.folder.parent), str(Path(__file__).parent)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
    world.door.shut = False
    world.tick(60)
    assert world.kept() == [1]


@pytest.fixture
def full_disk() -> Iterator[Callable[[int], None]]:
    """A function that lets no file of this process grow beyond so many bytes, until the test ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_loses_nothing_that_fits_in_memory(world: World, full_disk: Callable[[int], None]) -> None:
    """Where neither store nor disk has room runs wait in memory, whole lines on disk stay whole, and it is said."""
    world.backlog(probe(0))
    full_disk(4096)
    for number in range(1, 200):
        world.backlog(probe(number))
    assert not world.backlog.store_up
    assert world.backlog.waiting == 199
    for path in world.folder.glob("backlog-*.jsonl"):
        assert all(json.loads(line) for line in path.read_text().splitlines())
    assert len([said for said in world.said if "checks go on, results wait in" in said]) == 1
    [full] = [said for said in world.said if "cannot wait on disk either" in said]
    assert full.endswith("the newest 20,000 wait in memory; free some disk")
    full_disk(resource.RLIM_INFINITY)
    world.tick(60)
    assert world.kept() == list(range(200))
    assert world.backlog.waiting == 0


def test_memory_is_bounded(world: World, full_disk: Callable[[int], None]) -> None:
    """Beyond what memory may hold the oldest runs go, counted and said once."""
    world.backlog = world.new(most_in_memory=10, most_on_disk=0)
    world.door.shut = True
    for number in range(25):
        world.backlog(probe(number))
    assert (world.backlog.waiting, world.backlog.dropped) == (10, 15)
    assert world.said[-1] == "memory for waiting results is full (10): the oldest are lost"
    world.door.shut = False
    world.tick(60)
    assert world.kept() == list(range(15, 25))


def test_a_store_that_goes_away_unasked_is_noticed(world: World) -> None:
    """Although nothing is to be kept, the store is looked at every few seconds."""
    world.door.shut = True
    world.tick(6)
    assert not world.backlog.store_up
    world.door.shut = False
    world.tick(6)
    assert world.backlog.store_up


def test_one_run_that_cannot_be_kept_holds_up_no_other(world: World) -> None:
    """A run that no store takes, from a file of another version, is left out by name; the others are kept."""
    world.folder.mkdir()
    named = '"environment":"local","monitor":"orders","location":"here"'
    good = f'{{{named},"due_us":%d,"delay_ms":0,"took_ms":1,"result":%s,"detail":null}}\n'
    minute = 60_000_000
    first = round(AT.timestamp()) * 1_000_000
    lines = good % (first, 0) + good % (first + minute, 99) + good % (first + 2 * minute, 0)
    (world.folder / "backlog-1.jsonl").write_text(lines)
    world.backlog.start()
    assert world.kept() == [0, 2]
    assert any("one run cannot be kept and is left out" in said for said in world.said)


def test_secrets_never_reach_store_or_disk(world: World) -> None:
    """What a finding or a stack quotes of keys and cards is masked before it is written anywhere."""
    finding = Finding(
        oracle="O-Z1",
        result=Result.FAIL,
        order_ref="1",
        seen="card 4242424242424242",
        evidence=("POST /v1?api_key=abcdef1234567890",),
    )
    bad = probe(
        1,
        ProbeResult.FAILED,
        findings=(finding,),
        trouble=("pay with 4242424242424242",),
        stack="client_secret=abcdef1234567890",
    )
    world.backlog(bad)
    world.door.shut = True
    world.backlog(replace(bad, due_at=AT + timedelta(minutes=2)))
    written = "".join(path.read_text() for path in world.folder.iterdir())
    written += str(world.store.probes.bad("local", since=AT)[0].detail)
    assert "4242424242424242" not in written
    assert "abcdef1234567890" not in written


def test_runs_outlive_the_file_they_wait_in(world: World) -> None:
    """Somebody removes the file while the store is away: what was in it is still told to the store, in its order."""
    world.door.shut = True
    for number in range(3):
        world.backlog(probe(number))
    [path] = world.folder.glob("backlog-*.jsonl")
    path.unlink()
    world.backlog(probe(3))
    assert len(path.read_text().splitlines()) == world.backlog.waiting == 4
    path.unlink()
    world.door.shut = False
    world.tick(60)
    assert world.kept() == [0, 1, 2, 3]
