"""The store keeps every call once, in order, from several processes, and refuses what it cannot read."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.errors import InfrastructureError, UsageError
from assay.records import Call
from assay.store import Store, open_store

AT = datetime(2026, 3, 2, 9, 0, 0, 123457, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store in a folder that is not there yet."""
    return open_store(tmp_path / "deep" / "store.sqlite")


def call(name: str, *, seconds: int = 0, system: str = "stripe", status: int = 200, refused: bool = False) -> Call:
    """A call that crossed the edge."""
    return Call(
        id=name,
        at=AT + timedelta(seconds=seconds),
        system=system,
        way="proxy",
        method="POST",
        host="api.stripe.com",
        path="/v1/payment_intents",
        query="a=1",
        status=status,
        duration_ms=12,
        refused=refused,
        fault=None,
        request_headers={"accept": "é☕"},
        request_body="amount=8000",
        response_headers={},
        response_body='{"id": "pi_1"}',
    )


def test_a_call_reads_back_whole(store: Store) -> None:
    """Every field comes back as it was, microseconds and UTC included."""
    whole = replace(call("1"), fault="drop")
    assert store.add_calls("local", [whole]) == 1
    assert store.calls("local") == [whole]
    assert store.calls("local")[0].at.tzinfo == UTC


def test_a_call_is_kept_once(store: Store) -> None:
    """The same call told again, in another batch or twice in one, is not counted again."""
    assert store.add_calls("local", [call("1"), call("1")]) == 1
    assert store.add_calls("local", [call("1"), call("2")]) == 1
    assert store.add_calls("local", []) == 0
    assert len(store.calls("local")) == 2


def test_calls_are_read_oldest_first_and_by_span(store: Store) -> None:
    """Whatever the order of arrival, calls come by time; a span includes its start and excludes its end."""
    store.add_calls("local", [call("3", seconds=3), call("1", seconds=1), call("2", seconds=2)])
    assert [each.id for each in store.calls("local")] == ["1", "2", "3"]
    span = store.calls("local", since=AT + timedelta(seconds=1), until=AT + timedelta(seconds=3))
    assert [each.id for each in span] == ["1", "2"]


def test_a_summary_counts_by_system(store: Store) -> None:
    """The summary has one row a system, sorted: calls, calls answered 400 or worse, calls refused."""
    store.add_calls(
        "local",
        [
            call("1"),
            call("2", status=402),
            call("3", status=503),
            call("4", system="ecb"),
            call("5", system="unrouted", status=502, refused=True),
        ],
    )
    assert store.summary("local") == [("ecb", 1, 0, 0), ("stripe", 3, 2, 0), ("unrouted", 1, 1, 1)]


def test_environments_are_apart(store: Store) -> None:
    """What one environment holds another does not see, and forgetting one leaves the other."""
    store.add_calls("local", [call("1")])
    store.add_calls("ci", [call("2")])
    store.add_gap("ci", AT, AT + timedelta(seconds=1))
    store.forget("ci")
    assert [each.id for each in store.calls("local")] == ["1"]
    assert store.calls("ci") == []
    assert store.gaps("ci") == []


def test_gaps_are_remembered(store: Store) -> None:
    """Spans without a journal read back oldest first."""
    spans = [(AT + timedelta(seconds=9), AT + timedelta(seconds=10)), (AT, AT + timedelta(seconds=1))]
    for since, until in spans:
        store.add_gap("local", since, until)
    assert store.gaps("local") == sorted(spans)


def test_a_store_opened_again_holds_what_was_kept(tmp_path: Path) -> None:
    """Closing and opening loses nothing."""
    first = open_store(tmp_path / "s.sqlite")
    first.add_calls("local", [call("1")])
    first.close()
    assert len(open_store(tmp_path / "s.sqlite").calls("local")) == 1


def test_several_processes_may_write(tmp_path: Path) -> None:
    """Two processes that write at once, and overlap, lose nothing and fail nothing."""
    script = (
        "import sys; from pathlib import Path; from dataclasses import replace\n"
        "sys.path.insert(0, sys.argv[3])\n"
        "from test_store import call; from assay.store import open_store\n"
        "store = open_store(Path(sys.argv[1]))\n"
        "for n in range(40): store.add_calls('local', [call(f'{sys.argv[2]}-{n}'), call(f'both-{n}')])\n"
    )
    path = tmp_path / "s.sqlite"
    here = str(Path(__file__).parent)
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(path), name, here], stderr=subprocess.PIPE)
        for name in ("a", "b")
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors.decode()
    assert len(open_store(path).calls("local")) == 120


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    """A store of a later version is not touched: the error names file, versions and what to do."""
    path = tmp_path / "s.sqlite"
    open_store(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("update meta set version = 99")
    raw.close()
    with pytest.raises(InfrastructureError, match="newer Assay") as refused:
        open_store(path)
    assert (refused.value.seen, str(path) in str(refused.value.where)) == ("version 99", True)


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    """Another file is an InfrastructureError that names it, and is left as it was."""
    path = tmp_path / "s.sqlite"
    path.write_text("this is no database, and long enough to be read as one " * 40)
    before = path.read_bytes()
    with pytest.raises(InfrastructureError, match="cannot be used") as refused:
        open_store(path)
    assert str(path) in str(refused.value.where)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "url", ["sqlite://user:geheim@/s.sqlite", "nosuchdb://user:geheim@host/db", "sqlite+nosuch:///s.sqlite", "geheim"]
)
def test_an_address_of_nothing_is_refused(url: str) -> None:
    """An address that names no store we can open is wrong use, and its password does not show."""
    with pytest.raises(UsageError, match="no address of a store") as refused:
        open_store(url)
    assert "geheim" not in str(refused.value)
