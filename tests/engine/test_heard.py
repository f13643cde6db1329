"""A session's journal is read once: what is new, and what began before and was answered late."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Semaphore

import pytest

from assay.dossier import Gatherer
from assay.events import Result
from assay.landscape import Landscape
from assay.oracles import ATTEMPT_ORACLES
from assay.profile import Environment
from assay.records import Attempt, Call
from assay.runners.heard import UNHEARD, Heard, Unheard
from tests.engine.oracles.world import JUDGING

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def call(name: str, minute: float) -> Call:
    """Return a call that began then."""
    return Call(
        id=name, at=AT + timedelta(minutes=minute), system="adyen", way="proxy", method="POST", host="", path="/",
        query="", status=200, duration_ms=1, refused=False, request_headers={}, request_body="", response_headers={},
        response_body="",
    )  # fmt: skip


def test_what_was_read_is_not_read_again() -> None:
    """The second reading begins two minutes before the newest call, and adds a call that was answered late."""
    journal, asked = [call("a", 0), call("b", 9)], []

    def read(since: datetime | None, but: Collection[str]) -> Sequence[Call]:
        asked.append((since, set(but)))
        return [each for each in journal if (since is None or each.at >= since) and each.id not in but]

    heard = Heard(read)
    assert [each.id for each in heard.calls()] == ["a", "b"]
    journal += [call("late", 8), call("new", 10)]
    assert [each.id for each in heard.calls()] == ["a", "late", "b", "new"]
    assert asked == [(None, set()), (AT + timedelta(minutes=7), {"a", "b"})]


class _Watched:
    """A lock that says when somebody comes for it."""

    came = Semaphore(0)

    def __init__(self) -> None:
        self._lock = Lock()

    def __enter__(self) -> None:
        self.came.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_who_asks_while_somebody_reads_shares_the_next_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four ask while a reading goes on: one more reading, begun after all of them asked, answers all four."""
    monkeypatch.setattr("assay.runners.heard.Lock", _Watched)
    begun, on = Event(), Event()
    readings: list[datetime | None] = []

    def read(since: datetime | None, but: Collection[str]) -> Sequence[Call]:
        readings.append(since)
        begun.set()
        assert on.wait(10)
        return [call("a", 0)] if len(readings) == 1 else [call("a", 0), call("b", 1)]

    heard = Heard(read)
    with ThreadPoolExecutor(5) as threads:
        early = threads.submit(heard.calls)
        assert begun.wait(10)
        late = [threads.submit(heard.calls) for _ in range(4)]
        assert all(_Watched.came.acquire(timeout=10) for _ in range(5))
        on.set()
    assert [each.id for each in early.result()] == ["a"]
    assert [[each.id for each in one.result()] for one in late] == [["a", "b"]] * 4
    assert len(readings) == 2


def test_a_session_without_calls() -> None:
    """Nothing was heard yet, and nothing is assumed of when."""
    assert list(Heard(lambda since, but: []).calls()) == []


def test_a_journal_that_did_not_arrive_is_no_empty_one() -> None:
    """A purchase without an order is not called right because nobody heard what was asked: the journal is unread."""
    nobody = Landscape("local", Environment(systems={}), {}, {})
    with Gatherer(nobody, journal=Unheard(), read_at=AT) as gatherer:
        found = gatherer.attempt(Attempt(case="F02[eur]", customer="a@example.com"), AT, AT)
    assert found.missing("journal") == f"journal: {UNHEARD}"
    findings = [ATTEMPT_ORACLES[name](found, JUDGING) for name in ("O-M1", "O-M9")]
    assert [(each.result, UNHEARD in each.reason) for each in findings] == [(Result.NOT_EVALUATED, True)] * 2
