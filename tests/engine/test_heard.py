"""A session's journal is read once: what is new, and what began before and was answered late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

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

    def read(since: datetime | None) -> Sequence[Call]:
        asked.append(since)
        return [each for each in journal if since is None or each.at >= since]

    heard = Heard(read)
    assert [each.id for each in heard.calls()] == ["a", "b"]
    journal += [call("late", 8), call("new", 10)]
    assert [each.id for each in heard.calls()] == ["a", "late", "b", "new"]
    assert asked == [None, AT + timedelta(minutes=7)]


def test_a_session_without_calls() -> None:
    """Nothing was heard yet, and nothing is assumed of when."""
    assert list(Heard(lambda since: []).calls()) == []


def test_a_journal_that_did_not_arrive_is_no_empty_one() -> None:
    """A purchase without an order is not called right because nobody heard what was asked: the journal is unread."""
    nobody = Landscape("local", Environment(systems={}), {}, {})
    with Gatherer(nobody, journal=Unheard(), read_at=AT) as gatherer:
        found = gatherer.attempt(Attempt(case="F02[eur]", customer="a@example.com"), AT, AT)
    assert found.missing("journal") == f"journal: {UNHEARD}"
    findings = [ATTEMPT_ORACLES[name](found, JUDGING) for name in ("O-M1", "O-M9")]
    assert [(each.result, UNHEARD in each.reason) for each in findings] == [(Result.NOT_EVALUATED, True)] * 2
