"""Ids of runs: they sort by time, nobody has the same, and nothing takes one for a card number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from assay.masking import mask_text
from assay.runners.naming import timed_id

AT = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)


def test_the_customer_of_a_run_is_found_in_the_journal_again() -> None:
    """Whatever the second, a mail address with the id in it is kept as it is: O-M1 and O-O2 search by it."""
    for second in range(3600):
        mail = f"f02-kwd-{timed_id(AT + timedelta(seconds=second))}-0002@example.com"
        assert mask_text(mail) == mail


def test_ids_sort_by_time_and_differ() -> None:
    """The later of two begins with the later instant; two of one second have other letters."""
    first, later = timed_id(AT), timed_id(AT + timedelta(seconds=1))
    assert first < later
    assert first.startswith("20261123t010203-")
    assert len({timed_id(AT, 6) for _ in range(100)}) == 100
