"""The store keeps every call once, in order, from several processes, and refuses what it cannot read."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from assay.errors import InfrastructureError, UsageError
from assay.events import RunStarted
from assay.records import Call
from assay.store import Store, open_store
from assay.store.schema import VERSION, metadata

# As version 1 of the store was made, with one call in it.
VERSION_1 = (
    "CREATE TABLE meta (version INTEGER NOT NULL)",
    "CREATE TABLE calls (id VARCHAR(64) NOT NULL, environment VARCHAR(64) NOT NULL, at_us BIGINT NOT NULL, "
    "system VARCHAR(64) NOT NULL, way VARCHAR(16) NOT NULL, method VARCHAR(16) NOT NULL, host VARCHAR(255) NOT NULL, "
    "path TEXT NOT NULL, query TEXT NOT NULL, status INTEGER NOT NULL, duration_ms INTEGER NOT NULL, "
    "refused BOOLEAN NOT NULL, fault VARCHAR(32), request_headers JSON NOT NULL, request_body TEXT NOT NULL, "
    "response_headers JSON NOT NULL, response_body TEXT NOT NULL, PRIMARY KEY (id))",
    "CREATE INDEX ix_calls_at_us ON calls (at_us)",
    "CREATE TABLE gaps (environment VARCHAR(64) NOT NULL, from_us BIGINT NOT NULL, until_us BIGINT NOT NULL)",
    "INSERT INTO meta VALUES (1)",
    "INSERT INTO calls VALUES ('old', 'local', 1, 'ecb', 'proxy', 'GET', 'h', '/', '', 200, 1, false, NULL, "
    "'{}', '', '{}', '')",
)
AT = datetime(2026, 3, 2, 9, 0, 0, 123457, tzinfo=UTC)


def url_of(address: Path | str) -> str:
    """Return an address as a test's own engine takes it."""
    return f"sqlite:///{address}" if isinstance(address, Path) else address.replace("://", "+psycopg://", 1)


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


def test_calls_that_are_known_are_left_out(store: Store) -> None:
    """Whoever reads a journal again names what it has, however much that is, and gets the rest in order."""
    store.add_calls("local", [call(str(number), seconds=number) for number in range(1_200)])
    known = {str(number) for number in range(0, 1_200, 600)}
    left = [each.id for each in store.calls("local", since=AT, but=known)]
    assert left == [str(number) for number in range(1_200) if str(number) not in known]
    assert store.calls("local", but=set(left) | known) == []


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


def test_a_call_with_anything_in_it_is_kept(store: Store) -> None:
    """NUL and half surrogates, which no database takes, never lose a call; the rest of the text stays as it was."""
    odd = replace(call("1"), request_body="a\0b\ud83dc", response_headers={"x\0": "\ud83d☕"})
    assert store.add_calls("local", [odd]) == 1
    kept = store.calls("local")[0]
    assert (kept.request_body, kept.response_headers) == ("a␀b?c", {"x␀": "?☕"})


def test_a_store_opened_again_holds_what_was_kept(address: Path | str) -> None:
    """Closing and opening loses nothing."""
    for found in (0, 1):
        store = open_store(address)
        assert len(store.calls("local")) == found
        store.add_calls("local", [call("1")])
        store.close()


def test_several_processes_may_write(address: Path | str) -> None:
    """Three processes that make the store and write at once, and overlap, lose nothing and fail nothing."""
    script = (
        "import sys; from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[3])\n"
        "from test_store import call; from assay.store import open_store\n"
        "store = open_store(sys.argv[1] if '://' in sys.argv[1] else Path(sys.argv[1]))\n"
        "for n in range(40): store.add_calls('local', [call(f'{sys.argv[2]}-{n}'), call(f'both-{n}')])\n"
        "store.close()\n"
    )
    here = str(Path(__file__).parent)
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(address), name, here], stderr=subprocess.PIPE)
        for name in ("a", "b", "c")
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors.decode()
    store = open_store(address)
    assert len(store.calls("local")) == 160
    store.close()


def test_a_newer_store_is_refused(address: Path | str) -> None:
    """A store of a later version is not touched: the error names the store, versions and what to do."""
    open_store(address).close()
    engine = sa.create_engine(url_of(address))
    with engine.begin() as raw:
        raw.execute(sa.text("update meta set version = 99"))
    engine.dispose()
    with pytest.raises(InfrastructureError, match="newer Assay") as refused:
        open_store(address)
    assert refused.value.seen == "version 99"
    assert str(address).partition("://")[2].rpartition("@")[2] in str(refused.value.where)


def test_an_old_store_becomes_one_of_today(address: Path | str) -> None:
    """A store as version 1 made it keeps its calls, and every table is as a fresh store has it."""
    if isinstance(address, Path):
        address.parent.mkdir(parents=True)
    engine = sa.create_engine(url_of(address))
    with engine.begin() as raw:
        for statement in VERSION_1:
            raw.execute(sa.text(statement))
    store = open_store(address)
    assert [each.id for each in store.calls("local")] == ["old"]
    store.recorder("local")(RunStarted(run_id="r", runner="cli", environment="local", view="x", started_at=AT, seed=1))
    assert [each.started.run_id for each in store.runs("local")] == ["r"]
    store.close()
    with engine.connect() as raw:
        assert compare_metadata(MigrationContext.configure(raw, opts={"compare_type": True}), metadata) == []
        assert raw.execute(sa.text("select version from meta")).scalar_one() == VERSION
    engine.dispose()


def test_a_current_store_is_opened_without_alembic(tmp_path: Path) -> None:
    """Making a store and opening it again loads no migrations: `assay up` waits for a process that does."""
    script = (
        "import sys; from pathlib import Path; from assay.store import open_store\n"
        "for _ in 'ab': open_store(Path(sys.argv[1])).close()\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('alembic', 'mako')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "s.sqlite")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    """Another file is an InfrastructureError that names it, and is left as it was."""
    path = tmp_path / "s.sqlite"
    path.write_text("this is no database, and long enough to be read as one " * 40)
    before = path.read_bytes()
    with pytest.raises(InfrastructureError, match="cannot be used") as refused:
        open_store(path)
    assert str(path) in str(refused.value.where)
    assert path.read_bytes() == before


def test_a_server_that_is_away_is_infrastructure() -> None:
    """No database server at the address is an InfrastructureError that says so and hides the password."""
    pytest.importorskip("psycopg")
    with pytest.raises(InfrastructureError, match="cannot be reached") as refused:
        open_store("postgresql://assay:geheim@127.0.0.1:9/assay")
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:geheim@host/db",
        "sqlite://user:geheim@/s.sqlite",
        "nosuchdb://user:geheim@host/db",
        "sqlite+nosuch:///s.sqlite",
        "geheim",
    ],
)
def test_an_address_of_nothing_is_refused(url: str) -> None:
    """An address that names no store we can open is wrong use, and its password does not show."""
    with pytest.raises(UsageError, match="no address of a store") as refused:
        open_store(url)
    assert "geheim" not in str(refused.value)
